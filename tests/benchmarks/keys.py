"""Measures from key to paint at 5,000 rows, against a bare table of that size; `python -m tests.benchmarks.keys`.

The budget is held against the end of all that a key brings (rows loaded, the line about the job under the cursor, the
keys that work now), the bare table against the first frame, which is all that it paints.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.figures import Figure, milliseconds, report
from tests.benchmarks.scene import prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.scene import Scene
    from tests.support.terminal import Paint, Terminal

QUIET_S: Final = 0.12
TIMES: Final = 30
MOVES: Final = ("down",) * TIMES + ("pgdn",) * TIMES + ("end", "home") * (TIMES // 2)
FILTER: Final = "succeeded"
BARE_KEYS: Final = {"end": "ctrl-end", "home": "ctrl-home"}
"""The bare table's own keys for the same moves."""


def measure() -> list[Figure]:
    """Press each key many times on both, and a filter letter by letter on ours."""
    with prepared() as scene:
        with scene.app() as terminal:
            figures = ours_at_rest(terminal)
            filtering = [one.last_ms for one in _filtered(terminal)]
        bare = _bare(scene)
    return [
        *figures,
        *bare,
        *milliseconds("filter keystroke to the rows that match", filtering, budget_p95=150),
    ]


def ours_at_rest(terminal: Terminal) -> list[Figure]:
    """Press each key many times in our list, which has just been started."""
    terminal.wait_for(r"(SUCCEEDED|FAILED) +\d")
    terminal.press("T")  # absolute times: an age that goes on just then would pass for a slow key
    terminal.until_quiet(1.5)
    figures: list[Figure] = []
    for key, times in _pressed(terminal, MOVES + ("space",) * TIMES).items():
        figures += milliseconds(f"{key}, all painted", [one.last_ms for one in times], budget_p95=50)
        figures.append(Figure(f"{key}, first frame, p50", median(one.first_ms for one in times), "ms"))
    terminal.press("u")
    terminal.until_quiet()
    return figures


def _bare(scene: Scene) -> list[Figure]:
    with scene.bare(scene.jobs) as terminal:
        terminal.wait_for(r"SUCCEEDED +\d")
        terminal.until_quiet(1.0)
        theirs = _pressed(terminal, [BARE_KEYS.get(key, key) for key in MOVES])
    return [
        Figure(f"bare table, {key}, first frame, p50", median(one.first_ms for one in times), "ms")
        for key, times in theirs.items()
    ]


def _pressed(terminal: Terminal, keys: Sequence[str]) -> dict[str, list[Paint]]:
    found: dict[str, list[Paint]] = defaultdict(list)
    for key in keys:
        found[key].append(_press(terminal, key))
    return found


def _press(terminal: Terminal, key: str) -> Paint:
    terminal.press(key)
    paint = terminal.until_quiet(QUIET_S)
    if not paint.count:
        raise RuntimeError(f"{key} painted nothing:\n{terminal.text}")
    return paint


def _filtered(terminal: Terminal) -> list[Paint]:
    terminal.press("/")
    terminal.until_quiet()
    times = []
    for _ in range(2):
        times += [_press(terminal, key) for key in FILTER]
        times += [_press(terminal, "backspace") for _ in FILTER]
    return times


if __name__ == "__main__":
    sys.exit(report("key to paint at 80x24", measure()))

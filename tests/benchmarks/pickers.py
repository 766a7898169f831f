"""Measures the pickers over 5,000 audiences and 10,000 fields: opening, and every key of a search."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.figures import Figure, milliseconds, report
from tests.benchmarks.keys import QUIET_S
from tests.benchmarks.picker_app import AUDIENCES, FIELDS
from tests.support.terminal import Terminal, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

OPENS: Final = 10
SEARCHES: Final = ("customers 4711", "lyl gld", "0000beef", "zzz nothing")
PATHS: Final = ("email", "goldgroup8.young", "shpvl", "zzz nothing")


def measure() -> list[Figure]:
    """Open each picker many times, and type what matches much, little and nothing."""
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home:
        command = (sys.executable, "-m", "tests.benchmarks.picker_app")
        with Terminal(command, environ=environment(Path(home)), columns=80, lines=24) as terminal:
            terminal.wait_for("n New job", seconds=60)
            terminal.press("n")
            terminal.wait_for("New export job")
            # What the form reads in the background when it opens is over then.
            terminal.until_quiet(6.0)
            terminal.press("tab")
            figures = _measured(terminal, f"{AUDIENCES:,} audiences", SEARCHES)
            terminal.press("down", "down", "down", "down", "down", "down")
            terminal.until_quiet()
            figures += _measured(terminal, f"{FIELDS:,} fields", PATHS)
    return figures


def _measured(terminal: Terminal, what: str, searches: Sequence[str]) -> list[Figure]:
    opened = [_opened(terminal, is_last=number == OPENS - 1) for number in range(OPENS)]
    typed = []
    for text in searches:
        for key in text:
            terminal.press("space" if key == " " else key)
            typed.append(terminal.until_quiet(QUIET_S).last_ms)
        terminal.press("ctrl-u")
        typed.append(terminal.until_quiet(QUIET_S).last_ms)
    terminal.press("esc")
    terminal.until_quiet()
    return [
        *milliseconds(f"{what}: opened, all painted", opened, budget_p95=100),
        *milliseconds(f"{what}: a key of a search, all painted", typed, budget_p95=50),
    ]


def _opened(terminal: Terminal, *, is_last: bool) -> float:
    terminal.press("ctrl-l")
    paint = terminal.until_quiet(QUIET_S)
    if "1 of" not in terminal.text:
        raise RuntimeError(f"the picker did not open:\n{terminal.text}")
    if not is_last:
        terminal.press("esc")
        terminal.until_quiet(QUIET_S)
    return paint.last_ms


if __name__ == "__main__":
    sys.exit(report("pickers", measure()))

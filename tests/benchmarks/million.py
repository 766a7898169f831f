"""Measures the app on a history of a million jobs, against an empty one, a small one and a bare table.

`python -m tests.benchmarks.million [JOBS]`; reading the jobs from the emulated platform takes most of its time.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks import bytes as bytes_benchmark
from tests.benchmarks.figures import Figure, milliseconds, percentile, report
from tests.benchmarks.keys import ours_at_rest
from tests.benchmarks.scene import prepared
from tui_app.clock import SystemClock
from tui_app.config import choose_connection, data_directory, load
from tui_app.config.templates import Templates
from tui_app.tui.app import AepxApp
from tui_app.wiring import Workspaces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.benchmarks.scene import Scene
    from tests.support.terminal import Terminal

JOBS: Final = 1_000_000
ROUNDS: Final = 9
FILTER_ROUNDS: Final = 12
IDLE_S: Final = 30.0
STEP_S: Final = 0.005
MOST_MIB: Final = 150.0
MORE_MIB: Final = 20.0
MOST_STALL_MS: Final = 100.0
ROW: Final = r"(SUCCEEDED|FAILED) +\d{4,}"


def measure(jobs: int = JOBS) -> list[Figure]:
    """Fill a history with `jobs` jobs and one with few, then measure all that the list does with them."""
    with prepared(jobs=jobs, speed=bytes_benchmark.SPEED) as large, prepared() as small:
        return [
            *_starts(large),
            *_memory(large, small),
            *_keys(large),
            *_filters(large),
            *_sorts(large),
            *asyncio.run(_stalls(large)),
            *bytes_benchmark.refreshes(large),
            *_idling(large),
        ]


def _idling(large: Scene) -> list[Figure]:
    # Real jobs: at twenty times their speed, counters that an operator sees tick once a minute tick all the time.
    large.platform.steer(lambda world: world.set_speed(1.0))
    return bytes_benchmark.idling(large, IDLE_S)


def _starts(scene: Scene) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="aepx-bench-") as folder:
        empty = replace(scene, environ={**scene.environ, "AEPX_DATA_DIR": folder, "AEPX_SANDBOX": "empty"})
        starts: dict[str, tuple[Callable[[], Terminal], str]] = {
            "large": (scene.app, ROW),
            "empty": (empty.app, "to filter"),
            "bare": (lambda: scene.bare(40), ROW),
        }
        found: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(ROUNDS):
            for name, (start, pattern) in starts.items():
                with start() as terminal:
                    found[name].append(terminal.wait_for(pattern))
    large, blank, bare = (median(found[name]) for name in ("large", "empty", "bare"))
    return [
        Figure(f"start to first row, {scene.jobs:,} jobs", large, "ms"),
        Figure("  against the first frame on an empty history", large / blank, "x", 1.25),
        Figure("  against a bare table of 40 rows", large / bare, "x", 2.0),
    ]


def _memory(large: Scene, small: Scene) -> list[Figure]:
    held = {}
    for scene in (large, small):
        with scene.app() as terminal:
            terminal.wait_for(f"{scene.jobs:,}")
            terminal.idle(5.0)
            terminal.press("end")
            terminal.until_quiet(1.0)
            held[scene.jobs] = terminal.resident_mib()
    most = held[large.jobs]
    return [
        Figure(f"resident memory, {large.jobs:,} jobs", most, "MiB", MOST_MIB),
        Figure(f"  more than with {small.jobs:,}", most - held[small.jobs], "MiB", MORE_MIB),
    ]


def _keys(scene: Scene) -> list[Figure]:
    with scene.app() as terminal:
        terminal.wait_for(f"{scene.jobs:,}")
        return ours_at_rest(terminal)


@dataclass(frozen=True, slots=True)
class Keystroke:
    """One key typed at the end of a filter, what shows that its first page is there, and that it is gone again."""

    what: str
    before: str
    key: str
    shown: str
    gone: str


def _filters(scene: Scene) -> list[Figure]:
    figures = []
    with scene.app() as terminal:
        terminal.wait_for(ROW)
        terminal.press("T")
        terminal.until_quiet(2.0)
        job_id = re.findall(r"(?:SUCCEEDED|FAILED) +(\d{4,})", terminal.text)[-1]
        keystrokes = (
            Keystroke("all", "-failed", "x", r"! FAILED", r"! FAILED"),
            Keystroke("none", "failed", "x", "0 of .* match", "0 of .* match"),
            Keystroke("one", f"id:{job_id[:-1]}", job_id[-1], rf"▌.*{job_id}", rf"▌.*{job_id}"),
        )
        for one in keystrokes:
            times = _typed(terminal, one)
            figures += milliseconds(f"filter keystroke, first page of {one.what}", times, budget_p95=150)
    return figures


def _typed(terminal: Terminal, one: Keystroke) -> list[float]:
    terminal.press("/", *one.before)
    terminal.until_quiet(2.0)
    times = []
    for _ in range(FILTER_ROUNDS):
        times.append(terminal.press_until(one.key, one.shown))
        terminal.until_quiet(1.0)
        terminal.press("backspace")
        terminal.wait_gone(one.gone)
        terminal.until_quiet(1.0)
    terminal.press("esc")
    terminal.until_quiet(0.5)
    terminal.press("esc")
    terminal.wait_for("to filter")
    terminal.until_quiet(1.0)
    return times


def _sorts(scene: Scene) -> list[Figure]:
    """Sort by duration and press keys meanwhile; the page is there when its order can be read from the rows."""
    times, meanwhile = [], []
    with scene.app() as terminal:
        terminal.wait_for(ROW)
        terminal.until_quiet(2.0)
        for _ in range(5):
            terminal.press("s")
            terminal.wait_for("Sort by")
            terminal.press(*"duration")
            terminal.until_quiet(0.3)
            times.append(terminal.press_until("enter", "DURATION ?▼"))
            meanwhile += [_first_frame(terminal, "down") for _ in range(10)]
            terminal.until_quiet(2.0)
            terminal.press("s")
            terminal.wait_for("Sort by")
            terminal.press(*"age")
            terminal.until_quiet(0.3)
            terminal.press_until("enter", "AGE ?▼")
            terminal.until_quiet(2.0)
    return [
        *milliseconds("sort by duration, first page", times, budget_p95=1000),
        *milliseconds("down, pressed while it sorts", meanwhile, budget_p95=50),
    ]


def _first_frame(terminal: Terminal, key: str) -> float:
    terminal.press(key)
    return terminal.until_quiet(0.05).first_ms


async def _stalls(scene: Scene) -> list[Figure]:
    """Do it all in this process, without a terminal, and watch how late a task comes that should run every 5 ms."""
    late: list[float] = []
    async with _running(scene) as app:
        watching = asyncio.ensure_future(_watch(late))
        async with app.run_test(size=(80, 24)) as pilot:
            await asyncio.sleep(2)
            for keys in (["end"], ["home"], ["down"] * 20, ["pagedown"] * 20, ["slash", *"failed"], ["enter"]):
                await pilot.press(*keys)
                await asyncio.sleep(1)
            await pilot.press("escape", "s", *"duration", "enter")
            await asyncio.sleep(3)
            await pilot.press("home", "space", "end", "v")
            await asyncio.sleep(1)
            await pilot.press("u", "0", "r")
            await asyncio.sleep(2)
        watching.cancel()
    return [
        Figure("longest stall of the loop in all of these", max(late), "ms", MOST_STALL_MS),
        Figure("stalls, p99", percentile(late, 0.99), "ms"),
    ]


async def _watch(late: list[float]) -> None:
    while True:
        slept = time.perf_counter()
        await asyncio.sleep(STEP_S)
        late.append(max(0.0, time.perf_counter() - slept - STEP_S) * 1000)


@asynccontextmanager
async def _running(scene: Scene) -> AsyncIterator[AepxApp]:
    loaded = load({}, scene.environ)
    spaces = Workspaces(
        loaded.settings,
        environ=scene.environ,
        clock=SystemClock(),
        folder=data_directory(loaded.settings),
        chosen=lambda: choose_connection(loaded),
        templates=Templates.beside(loaded.path),
    )
    app = AepxApp(await spaces.open(*await spaces.home()), spaces)
    try:
        yield app
    finally:
        await app.shutdown()


if __name__ == "__main__":
    sys.exit(report("a million jobs", measure(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS)))

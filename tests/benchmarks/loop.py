"""Measures how long the app's loop stands still while 5,000 jobs are read in; `python -m tests.benchmarks.loop`.

The app runs in this process without a terminal, on a platform in another thread. A task that should run every 5 ms
tells by how much it comes late: that long no key would have been answered.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure, percentile, report
from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import environment
from tui_app.clock import SystemClock
from tui_app.config import choose_connection, data_directory, load
from tui_app.config.templates import Templates
from tui_app.tui.app import AepxApp
from tui_app.wiring import Workspaces

JOBS: Final = 5_000
STEP_S: Final = 0.005
MOST_MS: Final = 100.0


def measure() -> list[Figure]:
    """Start on an empty history and watch the loop until all is read."""
    with (
        tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home,
        ServedEmulator(jobs=JOBS, alive=True, speed=30.0) as platform,
    ):
        environ = environment(Path(home), AEPX_DATA_DIR=home, **platform.variables())
        late, seconds, total = asyncio.run(_watched(environ))
    return [
        Figure(f"{total:,} jobs read in at start", seconds, "s"),
        Figure("longest stall of the loop meanwhile", max(late), "ms", MOST_MS),
        Figure("stalls, p99", percentile(late, 0.99), "ms"),
    ]


async def _watched(environ: dict[str, str]) -> tuple[list[float], float, int]:
    loaded = load({}, environ)
    spaces = Workspaces(
        loaded.settings,
        environ=environ,
        clock=SystemClock(),
        folder=data_directory(loaded.settings),
        chosen=lambda: choose_connection(loaded),
        templates=Templates.beside(loaded.path),
    )
    engine = await spaces.open(*await spaces.home())
    app = AepxApp(engine, spaces)
    late: list[float] = []
    begun = time.perf_counter()
    async with app.run_test(size=(80, 24)):
        while not engine.session.backfilled:
            slept = time.perf_counter()
            await asyncio.sleep(STEP_S)
            late.append(max(0.0, time.perf_counter() - slept - STEP_S) * 1000)
        seconds = time.perf_counter() - begun
    total = engine.session.total
    await app.shutdown()
    return late, seconds, total


if __name__ == "__main__":
    sys.exit(report("the loop while jobs are read in", measure()))

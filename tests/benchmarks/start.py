"""Measures how soon the first job row is there, against a bare table, and how soon the app has gone again.

`python -m tests.benchmarks.start`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.figures import Figure, report
from tests.benchmarks.scene import INSTALLED, prepared
from tests.support.terminal import ROOT, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.scene import Scene

ROUNDS: Final = 9
BARE_ROWS: Final = 40
ROW: Final = r"(SUCCEEDED|FAILED) +\d{4,}"


def measure() -> list[Figure]:
    """Measure starts in turns, so that a busy machine disturbs all of them alike."""
    with prepared() as scene:
        live = _rounds({"bare": lambda: scene.bare(BARE_ROWS), "live": scene.app, "demo": lambda: _demo(scene)})
        leaving = _leaving(scene)
        scene.platform.stop()
        offline = _rounds({"bare": lambda: scene.bare(BARE_ROWS), "offline": scene.app})
        commands = _commands(scene)
    jobs = f"{scene.jobs:,} jobs"
    return [
        Figure("bare table app, first row", live["bare"], "ms"),
        Figure(f"start to first row, {jobs}, platform answers", live["live"], "ms"),
        Figure("  against the bare table", live["live"] / live["bare"], "x", 2.0),
        Figure(f"start to first row, {jobs}, platform away", offline["offline"], "ms"),
        Figure("  against the bare table", offline["offline"] / offline["bare"], "x", 2.0),
        Figure("aepx demo, first row", live["demo"], "ms"),
        Figure("  against the bare table", live["demo"] / live["bare"], "x"),
        *commands,
        Figure("from q, or a signal, to the end of the process, the worst", leaving, "ms", 1000),
    ]


def _leaving(scene: Scene) -> float:
    times = []
    for number in (None, signal.SIGTERM, signal.SIGHUP) * 3:
        with scene.app() as terminal:
            terminal.wait_for(ROW)
            terminal.until_quiet(0.5)
            if number is None:
                terminal.press("q")
            else:
                terminal.signal(number)
            times.append(terminal.wait_ended()[1])
    return max(times)


def _demo(scene: Scene) -> Terminal:
    return Terminal((*INSTALLED, "demo"), environ=scene.environ)


def _rounds(apps: dict[str, Callable[[], Terminal]]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(ROUNDS):
        for name, start in apps.items():
            with start() as terminal:
                found[name].append(terminal.wait_for(ROW))
    return {name: median(times) for name, times in found.items()}


def _commands(scene: Scene) -> list[Figure]:
    version = _command(scene, "--version")
    listing = _command(scene, "jobs", "list", "--json", "--offline", "--limit", "100")
    return [
        Figure("aepx --version", version, "s", 0.2),
        Figure("aepx jobs list --json --offline, 100 jobs", listing, "s", 0.5),
    ]


def _command(scene: Scene, *arguments: str) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        subprocess.run([*INSTALLED, *arguments], env=dict(scene.environ), cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return median(times)


if __name__ == "__main__":
    sys.exit(report("start", measure()))

"""Measures what the app writes to an 80x24 terminal while nobody touches it; `python -m tests.benchmarks.bytes`.

An operator on a bad link pays for every byte. Argument: the seconds of idling to measure (60).
"""

from __future__ import annotations

import re
import shutil
import sys
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.figures import Figure, report
from tests.benchmarks.scene import STILL, prepared
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.benchmarks.scene import Scene
    from tui_app.emulator.world.world import World

ROUNDS: Final = 9
SPEED: Final = 20.0
IDLE_S: Final = 60.0
BUSY: Final = 20
FRAME: Final = re.compile(rb"\x1b\[\?2026h.*?\x1b\[\?2026l", re.DOTALL)
PLACE: Final = re.compile(rb"\x1b\[(\d+);\d+H")


def measure(idle_s: float = IDLE_S) -> list[Figure]:
    """Measure refreshes that find nothing, a job that runs to its end, and idling."""
    with prepared(speed=SPEED) as scene:
        figures = refreshes(scene)
    with prepared(speed=1.0) as scene:
        return [*figures, *idling(scene, idle_s)]


def refreshes(scene: Scene) -> list[Figure]:
    """Measure refreshes that find nothing, then a job that runs to its end, in a scene of `SPEED`."""
    with scene.app() as terminal:
        terminal.wait_for(r"(SUCCEEDED|FAILED) +\d")
        terminal.until_quiet(1.5)
        return [*_unchanged(terminal), *_changing(scene, terminal)]


def idling(scene: Scene, seconds: float) -> list[Figure]:
    """Measure a list nobody touches, with one running job and with twenty, against htop."""
    scene.platform.steer(_run_job)
    one = _idle(scene, seconds)
    for _ in range(BUSY - 1):
        scene.platform.steer(_run_job)
    many = _idle(scene, seconds)
    figures = [
        Figure(f"idle {seconds:.0f} s, one running job that ticks", one, "bytes"),
        Figure(f"idle {seconds:.0f} s, {BUSY} running jobs", many, "bytes"),
    ]
    htop = shutil.which("htop")
    if htop is None:
        print("htop is not installed: the comparison with it is left out.")
        return figures
    with Terminal([htop], environ=scene.environ) as terminal:
        terminal.until_quiet(1.0, most=3.0)
        theirs = terminal.idle(seconds)
    return [
        *figures,
        Figure(f"idle {seconds:.0f} s of htop", theirs, "bytes"),
        Figure("one running job, against htop", one / theirs, "x", 0.25),
        Figure(f"{BUSY} running jobs, against htop", many / theirs, "x", 1.0),
    ]


def _unchanged(terminal: Terminal) -> list[Figure]:
    asked = []
    for _ in range(ROUNDS):
        terminal.press("r")
        asked.append(terminal.until_quiet(0.5).count)
    alone = terminal.idle(20)
    return [
        Figure("refresh by key, nothing changed", median(asked), "bytes", 120),
        Figure("  the worst of them", max(asked), "bytes"),
        Figure("20 s of refreshes and of ages that go on", alone, "bytes"),
    ]


def _changing(scene: Scene, terminal: Terminal) -> list[Figure]:
    """Watch one job from its creation to its end, the cursor on another row."""
    job_id = scene.platform.steer(_run_job)
    terminal.wait_for("new above|" + job_id)
    terminal.press("g")
    terminal.wait_for(rf"▌.*{job_id}")
    terminal.press("down")
    terminal.wait_for(rf"▌(?!.*{job_id})")
    terminal.until_quiet(0.2)
    begin = len(terminal.raw)
    terminal.wait_for(rf"SUCCEEDED +{job_id}", 90)
    terminal.until_quiet(0.2)
    frames = FRAME.findall(bytes(terminal.raw[begin:]))
    # Other rows' ages go on meanwhile, some in the same frame: only frames that paint a single line are counted.
    # The last place of a frame is only where the cursor is left.
    sizes = [len(frame) for frame in frames if len(set(PLACE.findall(frame)[:-1])) == 1]
    return [
        Figure("one row changed, the worst of a job's life", max(sizes), "bytes", 250, f"of {len(sizes)} repaints"),
        Figure("one row changed, median", median(sizes), "bytes"),
    ]


def _idle(scene: Scene, seconds: float) -> int:
    with scene.app() as terminal:
        terminal.wait_for(r"(NEW|PROCESSING) +\d")
        terminal.until_quiet(1.5)
        return terminal.idle(seconds)


def _run_job(world: World) -> str:
    """Let a job begin in the still sandbox and return its id."""
    sandbox = world.sandboxes[STILL]
    dataset = next(one for one in sandbox.datasets.values() if one.on_union)
    body = {"destination": {"datasetId": dataset.dataset_id}, "schema": {"name": "_xdm.context.profile"}}
    return str(world.create_job(sandbox, body).job_id)


if __name__ == "__main__":
    sys.exit(report("bytes at 80x24", measure(float(sys.argv[1]) if len(sys.argv) > 1 else IDLE_S)))

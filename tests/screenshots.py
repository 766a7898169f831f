"""Draws `screenshots/` from the demo's platform with a fixed clock: `python -m tests.screenshots [NAME …]`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fontpkg_fira_code
import resvg_py
from textual.widgets import Input

from tests.support.clock import FakeClock
from tui_app.config import load
from tui_app.tui.app import AepxApp
from tui_app.wiring import demo_workspaces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine

FOLDER: Final = Path(__file__).resolve().parent.parent / "screenshots"
WIDE: Final = (140, 40)
SMALL: Final = (80, 24)
_PATIENCE: Final = 400


class Scene:
    """One run of the app: press keys, let the clock go, wait for what should be seen."""

    def __init__(self, pilot: Pilot[Any], engine: Engine, clock: FakeClock, jobs: int) -> None:
        self.pilot, self.engine, self.clock, self.jobs = pilot, engine, clock, jobs

    async def until(self, pattern: str) -> None:
        """Let time pass until the screen shows `pattern`."""
        for _ in range(_PATIENCE):
            if re.search(pattern, self.text()):
                return
            await self.clock.advance(0.5)
            await self.engine.activity.settled()
            await self.pilot.pause()
        raise RuntimeError(f"the screen never showed {pattern!r}:\n{self.text()}")

    async def press(self, *keys: str) -> None:
        """Press keys and let the app answer."""
        await self.pilot.press(*keys)
        for _ in range(3):
            await self.engine.activity.settled()
            await self.pilot.pause()

    def text(self) -> str:
        """Return the screen as text."""
        lines = self.pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


async def job_list(scene: Scene) -> None:
    await scene.until(rf"\b{scene.jobs:,} jobs")
    await scene.until(r"live.*\n(.*\n)*.*! FAILED")
    await scene.press("down", "down")


async def running_job(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("slash", *"processing", "enter")
    await scene.until(r"\d of [\d,]+")
    await scene.press("home", "enter")
    await scene.until("export")


async def failed_job(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("slash", *"writing profiles", "enter")
    await scene.until(r"\d of [\d,]+")
    await scene.press("home", "enter")
    await scene.until("FAILED")
    await scene.press("2")
    await scene.until("0090000009")


async def new_job(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("n")
    await scene.until("(?i)dataset")
    for field, value in (
        ("dataset-id", "5b020a27e7040801dedba61b"),
        ("qualified-from", "2026-02-02T00:00:00Z"),
        ("qualified-to", "2026-02-01T00:00:00Z"),
    ):
        entry = scene.pilot.app.screen.query_one(f"#{field}", Input)
        entry.focus()
        entry.value = value
    await scene.press("f5")
    await scene.until("before")


async def picker(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("n")
    await scene.until("(?i)dataset")
    await scene.press("tab", "ctrl+l")
    await scene.until(r"\d+ audiences, read")
    await scene.press(*"app users", "tab", "ctrl+u", *"days")
    await scene.until(r"1 of \d\d ")


async def rows(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("slash", *"status:succeeded", "enter")
    await scene.until("SUCCEEDED")
    await scene.press("P")
    await scene.until(r"\d rows  \d+ columns")


async def new_dataset(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("N")
    await scene.until("(?i)name")
    await scene.press(*"Profile export")


async def keys(scene: Scene) -> None:
    await job_list(scene)
    await scene.press("question_mark")
    await scene.until("Keys")


SCENES: Final[dict[str, Callable[[Scene], Awaitable[None]]]] = {
    "job-list": job_list,
    "job-detail-running": running_job,
    "job-detail-failed": failed_job,
    "new-job-error": new_job,
    "picker": picker,
    "rows": rows,
    "new-dataset": new_dataset,
    "help": keys,
}
PICTURES: Final = {**{name: (WIDE, act) for name, act in SCENES.items()}, "job-list-80x24": (SMALL, job_list)}


@asynccontextmanager
async def staged(size: tuple[int, int], jobs: int = 5_000) -> AsyncIterator[Scene]:
    """Run the app on the demo's platform, at a moment that is always the same."""
    clock = FakeClock()
    async with demo_workspaces(load({}, {}), clock=clock, speed=1.0, jobs=jobs) as workspaces:
        engine = await workspaces.open(*await workspaces.home())
        app = AepxApp(engine, workspaces)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                yield Scene(pilot, engine, clock, jobs)
        finally:
            await app.shutdown()


async def draw(name: str) -> None:
    """Draw one picture as SVG and PNG."""
    size, act = PICTURES[name]
    async with staged(size) as scene:
        await act(scene)
        svg = scene.pilot.app.export_screenshot(title="aepx")
    # The run's own number in class names would change every picture each time.
    svg = re.sub(r"terminal-\d+", "terminal-0", svg)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
    font = Path(fontpkg_fira_code.__file__).parent / "files"
    png = resvg_py.svg_to_bytes(
        svg_string=svg, font_dirs=[str(font)], monospace_family="Fira Code", font_family="Fira Code"
    )
    (FOLDER / f"{name}.png").write_bytes(bytes(png))


def main() -> int:
    """Draw the pictures named, or all."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    for name in sys.argv[1:] or PICTURES:
        asyncio.run(draw(name))
        print(f"screenshots/{name}.svg .png")
    return 0


if __name__ == "__main__":
    sys.exit(main())

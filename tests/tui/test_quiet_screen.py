"""What leaves for the terminal when nothing that is seen has changed: nothing. And keys that come faster than focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import START_MS, job, make_app, make_engine, remember, screen_text, settle
from tui_app.tui.app import AepxApp
from tui_app.tui.screens.job_list import JobListScreen

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (80, 24)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the kind of every frame that an app paints from now on."""
    painted: list[str] = []
    display = AepxApp._display

    def noted(self: AepxApp, screen: Any, renderable: Any) -> None:
        if renderable is not None:
            painted.append(type(renderable).__name__)
        display(self, screen, renderable)

    monkeypatch.setattr(AepxApp, "_display", noted)
    return painted


def jobs() -> list[dict[str, Any]]:
    return [job(24_000 + number, created_ms=START_MS - 3_600_000 - number) for number in range(40)]


async def test_a_refresh_that_finds_nothing_new_paints_nothing(tmp_path: Path, frames: list[str]) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=jobs())
    await remember(engine, *jobs())
    await engine.refresh()
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await settle(pilot, engine)
        asked = len(platform.asked("export_jobs.list_page"))
        frames.clear()
        await pilot.press("r")
        await settle(pilot, engine)
        assert len(platform.asked("export_jobs.list_page")) == asked + 1
        assert frames == []


async def test_a_covered_list_paints_nothing_and_is_right_when_uncovered(tmp_path: Path, frames: list[str]) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=jobs())
    await remember(engine, *jobs())
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await settle(pilot, engine)
        app.open_job("24000")
        await pilot.pause()
        await engine.refresh()
        await settle(pilot, engine)
        frames.clear()
        for number in range(3):
            platform.put(job(25_000 + number, "CANCELLED", created_ms=START_MS - number))
            await engine.refresh()
            await settle(pilot, engine)
        assert frames == []
        await pilot.press("escape")
        await settle(pilot, engine)
        assert isinstance(app.screen, JobListScreen)
        assert "CANCELLED    25000" in screen_text(pilot)


async def test_a_filter_typed_before_its_field_has_the_focus_is_text_and_not_commands(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *jobs(), job(25_000, "PROCESSING", stage="export"))
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await settle(pilot, engine)
        for key in ("slash", "x", "q", "N", "enter"):
            app.simulate_key(key)
        await pilot.pause()
        await settle(pilot, engine)
        screen = app.screen
        assert isinstance(screen, JobListScreen), "no dialog, no form"
        assert screen.view.text == "xqN"

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App, ComposeResult

from tests.support.engines import START_MS, job
from tui_app.models.export_job import ExportJob
from tui_app.models.stage import duration_ms, stages
from tui_app.present.cells import Cell
from tui_app.present.text_lines import plain
from tui_app.tui.widgets.text_lines import TextLines, changed_span
from tui_app.tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    import pytest
    from textual.geometry import Region

RUNNING = ExportJob.parse(job(status="PROCESSING", stage="gap", created_ms=START_MS - 200_000))


class Bench(App[None]):
    """A timeline alone on the screen, which notes what is painted anew."""

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline()

    def compose(self) -> ComposeResult:
        yield self.timeline

    def draw(self, at_ms: int) -> None:
        self.timeline.show_stages(stages(RUNNING, at_ms), at_ms, whole_ms=duration_ms(RUNNING, at_ms))


class Painted:
    """Collects the regions that widgets ask to be painted, and whether they ask for a new layout."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.regions: list[Region] = []
        self.layouts = 0
        original = TextLines.refresh

        def refresh(
            widget: TextLines, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
        ) -> TextLines:
            self.regions.extend(regions)
            self.layouts += layout
            return original(widget, *regions, repaint=repaint, layout=layout, recompose=recompose)

        monkeypatch.setattr(TextLines, "refresh", refresh)


async def test_the_timeline_is_as_high_as_it_has_lines_and_fits_its_width() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.draw(START_MS)
        await pilot.pause()

        assert app.timeline.size.height == 6
        assert [plain(one)[2:8].strip() for one in app.timeline.lines[:5]] == [
            "queue",
            "export",
            "gap",
            "write",
            "finish",
        ]
        assert all(app.timeline.render_line(y).cell_length == 80 for y in range(6))


async def test_a_tick_paints_the_running_stage_and_the_total_and_moves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.draw(START_MS)
        await pilot.pause()
        painted = Painted(monkeypatch)

        app.draw(START_MS + 1_000)

        assert {region.y for region in painted.regions} == {2, 5}
        assert all(region.height == 1 for region in painted.regions)
        assert painted.layouts == 0


async def test_the_same_moment_again_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.draw(START_MS)
        await pilot.pause()
        painted = Painted(monkeypatch)

        app.draw(START_MS)

        assert painted.regions == []


async def test_another_width_lays_the_bars_out_anew() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.draw(START_MS)
        await pilot.pause()
        wide = plain(app.timeline.lines[2])

        await pilot.resize_terminal(40, 24)
        await pilot.pause()

        assert len(plain(app.timeline.lines[2])) <= 40
        assert plain(app.timeline.lines[2]) != wide


def test_only_what_lies_between_the_first_change_and_the_last_is_painted() -> None:
    old = (Cell("1s", "muted"), Cell("  bar", "running"))

    assert changed_span(old, old) == (0, 0)
    assert changed_span(old, (Cell("2s", "muted"), Cell("  bar", "running"))) == (0, 2)
    assert changed_span(old, (Cell("10s", "muted"), Cell("  bar", "running"))) == (0, 8)
    assert changed_span(old, (Cell("1s", "muted"), Cell("  tab", "running"))) == (2, 7)
    assert changed_span(old, (*old, Cell("!", "failed"))) == (7, 8)
    assert changed_span(old, ()) == (0, 7)

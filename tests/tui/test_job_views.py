"""What the list shows by choice, remembered or under a name; what stands still in it, and what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import START_MS, job, make_app, make_engine, offline, remember, screen_text, settle
from tui_app.models.view import SavedView, View
from tui_app.tui.screens.columns import ColumnsDialog
from tui_app.tui.screens.filter_help import FilterHelp
from tui_app.tui.screens.job_list import JobListScreen
from tui_app.tui.screens.statistics import StatisticsDialog
from tui_app.tui.screens.views import ViewsDialog

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_app.tui.app import AepxApp

MINUTE = 60_000


def jobs() -> list[dict[str, Any]]:
    statuses = ("SUCCEEDED", "FAILED", "CANCELLED")
    return [
        job(24_000 + n, statuses[n % 3], created_ms=START_MS - n * MINUTE, step_ms=1_000 * (1 + n * 7 % 50))
        for n in range(60)
    ]


def the_list(app: AepxApp) -> JobListScreen:
    screen = app.screen_stack[1]
    assert isinstance(screen, JobListScreen)
    return screen


def rows_of(pilot: Pilot[Any]) -> list[str]:
    return [line for line in screen_text(pilot).splitlines() if " 240" in line and "into" not in line]


def underlined(app: AepxApp, job_id: str) -> set[str]:
    """The underlined words of a job's row."""
    table = the_list(app).table
    for y in range(1, table.size.height):
        strip = table.render_line(y)
        if job_id in strip.text:
            return {segment.text for segment in strip if segment.style is not None and segment.style.underline}
    raise LookupError(job_id)


class TestRemembered:
    async def test_the_first_paint_is_in_the_remembered_view(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        await engine.views.remember(View("status:failed", "duration", True, ("id", "duration", "status")))
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            lines = screen_text(pilot).splitlines()
            assert "/ status:failed" in lines[1]
            assert "20 of 60" in lines[1]
            assert lines[2].split() == ["ID", "DURATION▼", "STATUS"]
            assert all("FAILED" in line for line in rows_of(pilot))
            await pilot.press("0")
            await settle(pilot, engine)
            lines = screen_text(pilot).splitlines()
            assert "60 jobs" in lines[1]
            assert lines[2].split()[:3] == ["STATUS", "ID", "AGE▼"]
            assert await engine.views.current() == View()
        await app.shutdown()

    async def test_an_order_that_no_column_shows_is_said_beside_the_count(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        await engine.views.remember(View("", "duration", True, ("id", "status")))
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            assert "by duration ▼  60 jobs" in screen_text(pilot).splitlines()[1]
        await app.shutdown()

    async def test_a_status_that_nobody_knows_is_named_where_nothing_matches(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        await engine.views.remember(View("status:faild"))
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            text = screen_text(pilot)
            assert "0 of 60 match `status:faild`. esc clears the filter." in text
            assert "is no status known here" in text
        await app.shutdown()

    async def test_the_count_says_which_filter_it_is_of_while_another_cannot_be_read(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            await pilot.press("slash", *"status:failed")
            await settle(pilot, engine)
            await pilot.press(*" (")
            await settle(pilot, engine)
            assert "20 of 60 for status:failed" in screen_text(pilot)
        await app.shutdown()

    async def test_a_filter_that_cannot_be_read_any_more_hides_nothing_and_is_told_of(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        await engine.views.remember(View("nonsense:x and ("))
        app = make_app(engine)
        async with app.run_test(size=(140, 40), notifications=True) as pilot:
            await settle(pilot, engine)
            text = screen_text(pilot)
            assert "60 jobs" in text
            assert "is not used" in text
        await app.shutdown()

    async def test_a_word_that_means_another_day_is_read_anew_at_midnight(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, _ = make_engine(tmp_path, clock)
        await remember(engine, *jobs())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            the_list(app).show_view(View("created:today"))
            await settle(pilot, engine)
            assert "60 of 60" in screen_text(pilot)
            await clock.advance(24 * 3_600)
            the_list(app).tick()
            await settle(pilot, engine)
            assert "0 of 60 match `created:today`" in screen_text(pilot)
        await app.shutdown()

    async def test_jobs_leave_a_view_that_goes_by_their_age(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, _ = make_engine(tmp_path, clock)
        await remember(engine, *jobs())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            the_list(app).show_view(View("age<30m"))
            await settle(pilot, engine)
            before = len(the_list(app).rows)
            await clock.advance(10 * 60)
            the_list(app).tick()
            await settle(pilot, engine)
            assert len(the_list(app).rows) == before - 10
        await app.shutdown()


class TestNamed:
    async def test_a_digit_shows_its_view_and_the_header_names_it(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        await engine.views.save(SavedView("broken [/x]", View("status:failed", "created", descending=False), "3"))
        app = make_app(engine)
        async with app.run_test(size=(140, 40), notifications=True) as pilot:
            await settle(pilot, engine)
            await pilot.press("3")
            await settle(pilot, engine)
            lines = screen_text(pilot).splitlines()
            assert "jobs > broken [/x]" in lines[0]
            assert "20 of 60" in lines[1]
            await pilot.press("S")
            await settle(pilot, engine)
            assert "broken" not in screen_text(pilot).splitlines()[0]
            await pilot.press("4")
            await settle(pilot, engine)
            assert "No view has the key 4." in screen_text(pilot)
        await app.shutdown()

    async def test_the_dialog_answers_with_the_view_to_show(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        await engine.views.save(SavedView("broken", View("status:failed")))
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            await pilot.press("V")
            await settle(pilot, engine)
            assert isinstance(app.screen, ViewsDialog)
            await pilot.press("enter")
            await settle(pilot, engine)
            assert the_list(app).view == View("status:failed")
            assert "20 of 60" in screen_text(pilot)
        await app.shutdown()


async def test_f2_in_the_filter_explains_the_language_and_the_line_waits(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *jobs())
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        await pilot.press("slash", *"fail", "f2")
        await settle(pilot, engine)
        assert isinstance(app.screen, FilterHelp)
        await pilot.press("escape", *"ed")
        await settle(pilot, engine)
        assert the_list(app).view.text == "failed"
        assert the_list(app).filter_bar.is_typing


async def test_columns_are_chosen_and_ordered(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *jobs())
    app = make_app(engine)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        await pilot.press("o")
        await settle(pilot, engine)
        assert isinstance(app.screen, ColumnsDialog)
        await pilot.press("J", "enter")
        await settle(pilot, engine)
        assert the_list(app).view.columns[:2] == ("id", "status")
        assert screen_text(pilot).splitlines()[2].split()[:2] == ["ID", "STATUS"]
        the_list(app).show_view(View(columns=("id", "policy", "batches", "ended", "updated")))
        await settle(pilot, engine)
        assert screen_text(pilot).splitlines()[2].split()[:5] == ["ID", "POLICY", "BATCHES", "ENDED", "UPDATED"]
        assert "0bf16e61-90e9" in rows_of(pilot)[0]
        await pilot.press("T")
        await settle(pilot, engine)
        assert "12:0" in rows_of(pilot)[0]
    await app.shutdown()


class TestChanged:
    async def test_cells_that_changed_are_underlined_for_three_seconds(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, platform = make_engine(
            tmp_path, clock, jobs=[job(24_115, "PROCESSING", stage="export", created_ms=START_MS - MINUTE), *jobs()]
        )
        app = make_app(engine, live=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            await clock.advance(12)
            await settle(pilot, engine)
            assert underlined(app, "24115") == set()
            platform.put(job(24_115, "PROCESSING", stage="write", created_ms=START_MS - MINUTE))
            await pilot.press("r")
            await settle(pilot, engine)
            assert any("write" in text for text in underlined(app, "24115"))
            assert not any("PROCESSING" in text or text.isspace() for text in underlined(app, "24115"))
            await clock.advance(3.1)
            await settle(pilot, engine)
            assert underlined(app, "24115") == set()
        await app.shutdown()


class TestPaused:
    async def test_no_cell_moves_and_one_key_goes_on_with_one_reading(self, tmp_path: Path) -> None:
        clock = FakeClock()
        running = job(24_115, "PROCESSING", stage="export", created_ms=START_MS - MINUTE)
        engine, platform = make_engine(tmp_path, clock, jobs=[running, *jobs()])
        app = make_app(engine, live=True)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            await pilot.press("p")
            await settle(pilot, engine)
            before = screen_text(pilot).splitlines()[1:]
            platform.put(job(24_115, "FAILED", stage="write", created_ms=START_MS - MINUTE))
            await clock.advance(600)
            the_list(app).tick()
            await remember(engine, job(24_116, "FAILED", stage="write", created_ms=START_MS))
            the_list(app).reading.changed()
            await settle(pilot, engine)
            assert screen_text(pilot).splitlines()[1:] == before
            await pilot.press("down", "up")
            await settle(pilot, engine)
            assert screen_text(pilot).splitlines()[1:] == before
            asked = len(platform.asked("export_jobs.list_page"))
            await pilot.press("p")
            await settle(pilot, engine)
            assert len(platform.asked("export_jobs.list_page")) == asked + 1
            assert "1 new above" in screen_text(pilot)
            await pilot.press("home")
            await settle(pilot, engine)
            assert "! FAILED       24115" in screen_text(pilot)
            assert "! FAILED       24116" in screen_text(pilot)
        await app.shutdown()

    async def test_an_answer_that_was_in_flight_is_dropped(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, platform = make_engine(tmp_path, clock, jobs=jobs())
        app = make_app(engine, live=True)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            answer = platform.hold("export_jobs.list_page")
            await clock.advance(40)
            platform.put(job(24_116, "NEW", stage="queue", created_ms=START_MS))
            await pilot.press("p")
            answer.set()
            await settle(pilot, engine)
            assert "24116" not in screen_text(pilot)
            assert "PAUSED since 12:00" in screen_text(pilot).splitlines()[0]
        await app.shutdown()

    async def test_a_filter_still_works(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock(), jobs=jobs())
        app = make_app(engine, live=True)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            await pilot.press("p", "slash", *"status:failed", "enter")
            await settle(pilot, engine)
            assert "20 of 60" in screen_text(pilot)
        await app.shutdown()


class TestWaiting:
    async def test_rows_to_come_are_not_drawn_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tui_app.tui.screens.job_list.SLOW_S", 3600.0)
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=jobs())
        platform.hold("export_jobs.list_page").clear()
        app = make_app(engine, live=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert "····" not in screen_text(pilot)
        await app.shutdown()

    async def test_rows_to_come_are_drawn_and_escape_stops_waiting(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tui_app.tui.screens.job_list.SLOW_S", 0.001)
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=jobs())
        answer = platform.hold("export_jobs.list_page")
        app = make_app(engine, live=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.05)
            assert "····" in screen_text(pilot)
            assert "esc stops waiting" in screen_text(pilot)
            await pilot.press("escape")
            await pilot.pause()
            text = screen_text(pilot)
            assert "····" not in text
            assert "p goes on, r asks once." in text
            answer.set()
            await settle(pilot, engine)
            assert "24000" not in screen_text(pilot)
            await pilot.press("p")
            await settle(pilot, engine)
            assert "24000" in screen_text(pilot)
        await app.shutdown()


async def test_without_a_network_list_filters_details_and_statistics_work(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock)
    await remember(engine, *jobs())
    for call in ("export_jobs.list_page", "export_jobs.get", "catalog.list_datasets", "sandboxes.list"):
        platform.fail(call, offline(), times=None)
    app = make_app(engine, live=True)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        assert "offline" in screen_text(pilot).splitlines()[0]
        await pilot.press("slash", *"status:failed", "enter")
        await settle(pilot, engine)
        assert "20 of 60" in screen_text(pilot)
        await pilot.press("i")
        await settle(pilot, engine)
        assert isinstance(app.screen, StatisticsDialog)
        assert "20" in screen_text(pilot)
        await pilot.press("escape", "enter")
        await settle(pilot, engine)
        assert "job 24001" in screen_text(pilot)
        await pilot.press("escape", "escape")
        await settle(pilot, engine)
        assert "60 jobs" in screen_text(pilot)
    await app.shutdown()


class TestMarked:
    async def test_when_none_of_them_runs_that_is_said(self, tmp_path: Path) -> None:
        engine, platform = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs(), *(job(n, created_ms=START_MS - n * 100 * MINUTE) for n in range(1, 600)))
        app = make_app(engine)
        async with app.run_test(size=(140, 40), notifications=True) as pilot:
            await settle(pilot, engine)
            await pilot.press("space", "end", "v")
            await settle(pilot, engine)
            assert "659 marked" in screen_text(pilot)
            await pilot.press("x")
            await settle(pilot, engine)
            assert "None of the 659 marked jobs runs any more" in screen_text(pilot)
            assert platform.asked("export_jobs.cancel") == []
        await app.shutdown()

    async def test_escape_stops_a_cancel_of_many_and_the_rest_stays_marked(self, tmp_path: Path) -> None:
        running = [job(24_200 + n, "PROCESSING", stage="export", created_ms=START_MS - n * MINUTE) for n in range(12)]
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=running)
        await remember(engine, *running, *jobs())
        app = make_app(engine)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            await pilot.press("space", "end", "v", "x")
            await settle(pilot, engine)
            text = screen_text(pilot)
            assert "Cancel 12 export jobs?" in text
            assert "60 of the 72 marked jobs do not run and are left alone." in text
            held = platform.hold("export_jobs.cancel")
            await pilot.press("y")
            await pilot.pause()
            await pilot.press("escape")
            await pilot.pause()
            held.set()
            await settle(pilot, engine)
            assert "4 asked, 8 not tried of 12" in screen_text(pilot)
            await pilot.press("escape")
            await settle(pilot, engine)
            assert len(platform.asked("export_jobs.cancel")) == 4
            assert len(the_list(app).table.marks) == 8
        await app.shutdown()

    async def test_marked_jobs_are_exported_also_when_filtered_away(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *jobs())
        app = make_app(engine)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            await pilot.press("space", "space", "space", "slash", *"status:failed", "enter")
            await settle(pilot, engine)
            screen = the_list(app)
            view, marked = await screen._rows_to_export()
            assert list(view) == list(screen.rows.order)
            found = await engine.list.summaries(marked)
            assert [one.job_id for one in found] == ["24001", "24000", "24002"]
            await pilot.press("u")
            await settle(pilot, engine)
            assert await screen._rows_to_export() == (screen.rows.order, ())
        await app.shutdown()


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (60, 15)])
async def test_the_filtered_empty_list_says_how_many_there_are_and_what_clears(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *jobs())
    app = make_app(engine)
    async with app.run_test(size=size) as pilot:
        await settle(pilot, engine)
        await pilot.press("slash", *"id:7", "enter")
        await settle(pilot, engine)
        assert "0 of 60 match `id:7`. esc clears" in screen_text(pilot)
        await pilot.press("escape")
        await settle(pilot, engine)
        assert "24000" in screen_text(pilot)
    await app.shutdown()

"""The home screen on a real engine, with the platform scripted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import (
    HOSTILE,
    START_MS,
    answer_lost,
    job,
    make_app,
    make_engine,
    offline,
    remember,
    screen_text,
    settle,
)
from tui_app.engine.session import Policy
from tui_app.tui.screens.dialogs import Confirm, FailureDialog, Pick
from tui_app.tui.screens.job_detail import JobDetailScreen
from tui_app.tui.screens.job_list import JobListScreen
from tui_app.tui.screens.keys import KeysScreen
from tui_app.tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine
    from tui_app.tui.app import AepxApp

MINUTE = 60_000


def some_jobs() -> list[dict[str, Any]]:
    return [
        job(24115, "PROCESSING", stage="export", created_ms=START_MS - 2 * MINUTE),
        job(24114, "SUCCEEDED", created_ms=START_MS - 72 * MINUTE),
        job(
            24113,
            "FAILED",
            stage="export",
            created_ms=START_MS - 100 * MINUTE,
            errors=[{"code": "0090000009", "msg": "Error writing profiles to output path", "callStack": ""}],
        ),
    ]


def the_list(app: AepxApp) -> JobListScreen:
    screen = app.screen_stack[1]
    assert isinstance(screen, JobListScreen)
    return screen


def rows_of(pilot: Pilot[Any]) -> list[str]:
    return [line for line in screen_text(pilot).splitlines() if "  " in line and any(c.isdigit() for c in line[:26])][
        1:
    ]


async def test_shows_history_at_the_first_paint_without_asking_anyone(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock())
    await remember(engine, *some_jobs())
    app = make_app(engine)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        text = screen_text(pilot)
        assert "> PROCESSING   24115" in text
        assert "+ SUCCEEDED    24114" in text
        assert "! FAILED       24113" in text
        assert "failed in export" in text
        assert platform.calls == []
    await app.shutdown()


async def test_a_live_list_follows_the_platform_without_a_key(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock, jobs=some_jobs())
    app = make_app(engine, live=True)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        assert "live" in screen_text(pilot).splitlines()[0]
        platform.put(job(24115, "SUCCEEDED", created_ms=START_MS - 2 * MINUTE))
        platform.put(job(24116, "NEW", stage="queue", created_ms=START_MS))
        await clock.advance(15)
        await settle(pilot, engine)
        text = screen_text(pilot)
        assert "+ SUCCEEDED    24115" in text
        assert "o NEW          24116" in text
    await app.shutdown()


async def test_the_cursor_stays_on_its_job_while_rows_arrive(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock, jobs=some_jobs())
    app = make_app(engine, live=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        await pilot.press("down")
        before = the_list(app).current()
        assert before is not None
        for number in range(24120, 24125):
            platform.put(job(number, "NEW", stage="queue", created_ms=START_MS + number))
        await clock.advance(15)
        await settle(pilot, engine)
        after = the_list(app).current()
        assert after is not None
        assert after.job_id == before.job_id
    await app.shutdown()


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (60, 15), (20, 5), (300, 60)])
async def test_hostile_names_and_messages_reach_no_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    records = [
        job(
            24000 + place,
            "FAILED",
            stage="export",
            created_ms=START_MS - place * MINUTE,
            errors=[{"code": text, "msg": text, "callStack": text}],
            destination={"datasetId": text},
        )
        for place, text in enumerate(HOSTILE)
    ]
    await remember(engine, *records)
    app = make_app(engine)
    async with app.run_test(size=size) as pilot:
        for _ in HOSTILE:
            await pilot.press("down")
            text = screen_text(pilot)
            assert not [char for char in text if ord(char) < 32 and char != "\n"]
            assert not set(text) & {"\u009b", "\u202e", "\u200b", "\x7f"}
    await app.shutdown()


async def test_filters_as_one_types_and_escape_clears(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *some_jobs())
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"failed")
        await settle(pilot, engine)
        assert "1 of 3" in screen_text(pilot)
        assert "24114" not in screen_text(pilot)
        await pilot.press("enter")
        assert "/ failed" in screen_text(pilot)
        await pilot.press("slash", *"zzz", "enter")
        await settle(pilot, engine)
        assert "0 of 3 match `failedzzz`. esc clears" in screen_text(pilot)
        await pilot.press("escape")
        await settle(pilot, engine)
        assert "3 jobs" in screen_text(pilot)
    await app.shutdown()


async def test_letters_that_are_commands_are_text_in_the_filter(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *some_jobs())
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"qxn?:")
        await settle(pilot, engine)
        assert the_list(app).view.text == "qxn?:"
        assert len(app.screen_stack) == 2
    await app.shutdown()


async def test_sorting_is_chosen_flipped_and_remembered(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *some_jobs())
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("s")
        assert isinstance(app.screen, Pick)
        await pilot.press("up", "down", "down", "enter")  # from AGE on
        await settle(pilot, engine)
        chosen = the_list(app).query_shown
        assert chosen.sort != "created"
        await pilot.press("S")
        await settle(pilot, engine)
        assert the_list(app).query_shown.descending is not chosen.descending
        assert await engine.views.current() == the_list(app).view
        assert the_list(app).view.sort == chosen.sort
    await app.shutdown()


class TestCancel:
    async def test_asks_and_then_follows_the_platform(self, tmp_path: Path) -> None:
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=some_jobs())
        await remember(engine, *some_jobs())
        app = make_app(engine)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await pilot.press("x")
            await pilot.pause()
            assert isinstance(app.screen, Confirm)
            await pilot.press("enter")  # the harmless answer has the focus
            await settle(pilot, engine)
            assert platform.asked("export_jobs.cancel") == []
            await pilot.press("x")
            await pilot.pause()
            await pilot.press("y")
            await settle(pilot, engine)
            assert platform.asked("export_jobs.cancel") == ["24115"]
            assert "x? PROCESSING  24115" in screen_text(pilot)
        await app.shutdown()

    async def test_an_ended_job_cannot_be_cancelled_and_help_says_why(self, tmp_path: Path) -> None:
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=some_jobs())
        await remember(engine, *some_jobs())
        app = make_app(engine)
        async with app.run_test(size=(140, 40)) as pilot:
            await pilot.press("down", "x")
            await settle(pilot, engine)
            assert not isinstance(app.screen, Confirm)
            await pilot.press("question_mark")
            await pilot.pause()
            assert isinstance(app.screen, KeysScreen)
            assert "always asks first. (not" in screen_text(pilot)
            assert platform.asked("export_jobs.cancel") == []
        await app.shutdown()

    async def test_read_only_sends_nothing(self, tmp_path: Path) -> None:
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=some_jobs(), policy=Policy.READ_ONLY)
        await remember(engine, *some_jobs())
        app = make_app(engine)
        async with app.run_test(size=(140, 40)) as pilot:
            for key in ("x", "n", "N", "t"):
                await pilot.press(key)
                await settle(pilot, engine)
                assert len(app.screen_stack) == 2, key
            assert "READ-ONLY" in screen_text(pilot).splitlines()[0]
            assert platform.calls == []
        await app.shutdown()

    async def test_a_protected_sandbox_wants_its_name(self, tmp_path: Path) -> None:
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=some_jobs(), policy=Policy.PROTECTED)
        await remember(engine, *some_jobs())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("x")
            await pilot.pause()
            await pilot.press("y", "enter")
            await settle(pilot, engine)
            assert platform.asked("export_jobs.cancel") == []
            await pilot.press("backspace", *"prod", "enter")
            await settle(pilot, engine)
            assert platform.asked("export_jobs.cancel") == ["24115"]
        await app.shutdown()

    async def test_marked_jobs_are_cancelled_also_when_filtered_away(self, tmp_path: Path) -> None:
        running = [job(24200 + n, "PROCESSING", stage="export", created_ms=START_MS - n * MINUTE) for n in range(3)]
        engine, platform = make_engine(tmp_path, FakeClock(), jobs=running)
        await remember(engine, *running)
        app = make_app(engine)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await pilot.press("space", "space", "slash", *"24202", "enter")
            await settle(pilot, engine)
            platform.fail("export_jobs.cancel", offline())
            await pilot.press("x")
            await settle(pilot, engine)
            assert "Cancel 2 export jobs?" in screen_text(pilot)
            await pilot.press("y")
            await settle(pilot, engine)
            assert len(platform.asked("export_jobs.cancel")) == 2
            assert "1 asked, 1 refused of 2" in screen_text(pilot)
            await pilot.press("escape")
            await settle(pilot, engine)
            assert "for 1 of 2 jobs" in screen_text(pilot)
            assert len(the_list(app).table.marks) == 1
        await app.shutdown()


class TestFailure:
    async def test_keeps_the_rows_and_says_what_and_when_next(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, platform = make_engine(tmp_path, clock, jobs=some_jobs())
        app = make_app(engine, live=True)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            platform.fail("export_jobs.list_page", offline(), times=None)
            await clock.advance(20)
            await settle(pilot, engine)
            text = screen_text(pilot)
            assert "offline, next try" in text.splitlines()[0]
            assert "Connection refused" in text
            assert "24115" in text
            await pilot.press("exclamation_mark")
            await pilot.pause()
            assert isinstance(app.screen, FailureDialog)
            await pilot.press("escape")
            platform.mend("export_jobs.list_page")
            await clock.advance(70)
            await settle(pilot, engine)
            assert "live" in screen_text(pilot).splitlines()[0]
        await app.shutdown()

    async def test_what_an_earlier_session_left_is_shown_with_its_age(self, tmp_path: Path) -> None:
        clock = FakeClock()
        earlier, _ = make_engine(tmp_path, clock, jobs=some_jobs())
        await earlier.refresh()
        await earlier.stop()
        await clock.advance(3 * 3_600 + 120)
        engine, platform = make_engine(tmp_path, clock)
        platform.fail("export_jobs.list_page", offline(), times=None)
        app = make_app(engine, live=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            assert "offline 3h02m, next try" in screen_text(pilot).splitlines()[0]
        await app.shutdown()

    async def test_an_outage_is_told_also_after_something_else_had_failed(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, platform = make_engine(tmp_path, clock, jobs=some_jobs())
        app = make_app(engine, live=True)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot, engine)
            platform.fail("export_jobs.cancel", answer_lost())
            await pilot.press("x")
            await settle(pilot, engine)
            await pilot.press("y")
            await settle(pilot, engine)
            assert "The connection was closed" in screen_text(pilot)
            platform.fail("export_jobs.list_page", offline(), times=None)
            await clock.advance(70)
            await settle(pilot, engine)
            line = screen_text(pilot).splitlines()[-2]
            assert "Connection refused" in line
            assert "next try" in line
        await app.shutdown()

    async def test_without_history_the_empty_list_says_what_to_do(self, tmp_path: Path) -> None:
        engine, platform = make_engine(tmp_path, FakeClock())
        platform.fail("export_jobs.list_page", offline(), times=None)
        app = make_app(engine, live=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot, engine)
            text = screen_text(pilot)
            assert "No jobs are known yet" in text
            assert "Check the network." in text
        await app.shutdown()


async def test_an_empty_sandbox_says_the_next_key(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    app = make_app(engine, live=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        assert "No export jobs in sandbox prod yet." in screen_text(pilot)
        assert "n creates one" in screen_text(pilot)
    await app.shutdown()


async def test_pause_freezes_the_rows_and_drops_what_is_in_flight(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock, jobs=some_jobs())
    app = make_app(engine, live=True)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        await pilot.press("p")
        await settle(pilot, engine)
        assert "PAUSED since" in screen_text(pilot).splitlines()[0]
        asked = len(platform.calls)
        platform.put(job(24116, "NEW", stage="queue", created_ms=START_MS))
        await clock.advance(300)
        await settle(pilot, engine)
        assert len(platform.calls) == asked
        assert "24116" not in screen_text(pilot)
        await pilot.press("p")
        await settle(pilot, engine)
        assert "24116" in screen_text(pilot)
    await app.shutdown()


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
async def test_exports_the_view_to_a_new_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    engine, _ = make_engine(tmp_path / "data", FakeClock())
    await remember(
        engine, *some_jobs(), job(24000, "FAILED", stage="export", errors=[{"code": "=1+1", "msg": "\x1b[2J"}])
    )
    monkeypatch.chdir(tmp_path)
    app = make_app(engine)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for _ in range(2):
            await pilot.press("e")
            await settle(pilot, engine)
            await pilot.press("up", *["right"] * ["csv", "json", "ndjson"].index(kind), "down", "enter")
            await settle(pilot, engine)
        assert "another name" in screen_text(pilot)
        await pilot.press("escape")
    await app.shutdown()
    check_export(tmp_path, kind)


def check_export(folder: Path, kind: str) -> None:
    (path,) = folder.glob(f"*.{kind}")
    text = path.read_text()
    assert "\x1b" not in text
    assert path.stat().st_mode & 0o777 == 0o600
    if kind == "csv":
        assert "'=1+1" in text
        assert len(text.splitlines()) == 5
    else:
        found = json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]
        assert [one["id"] for one in found][:2] == ["24115", "24000"]


async def test_watching_tells_when_the_job_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock, jobs=some_jobs())
    app = make_app(engine, live=True)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot, engine)
        await pilot.press("w")
        platform.put(job(24115, "FAILED", stage="write", errors=[{"code": "7", "msg": "[/x] no"}]))
        await clock.advance(15)
        await settle(pilot, engine)
        assert "Export job 24115 ended ! FAILED. 7 [/x] no" in screen_text(pilot)
    await app.shutdown()


async def test_switching_the_sandbox_shows_the_other_history(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path / "one", clock, jobs=some_jobs())
    other, _ = make_engine(tmp_path / "two", clock, jobs=[job(31, "SUCCEEDED")], sandbox_name="dev")
    platform.sandbox_records.append({"name": "dev", "type": "development"})
    app = make_app(engine, live=True)
    app.workspaces.engines["dev"] = other  # type: ignore[attr-defined]  # the test's own workspaces
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        await pilot.press("ctrl+o")
        await settle(pilot, engine)
        await pilot.press(*"dev")
        await settle(pilot, engine)
        await pilot.press("enter")
        await settle(pilot, engine)
        await settle(pilot, other)
        text = screen_text(pilot)
        assert "/ dev" in text.splitlines()[0]
        assert "24115" not in text
        assert " 31 " in text
        assert platform.closed
    await app.shutdown()


async def test_a_sandbox_is_found_as_it_was_left(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path / "one", clock, jobs=some_jobs())
    again, _ = make_engine(tmp_path / "one", clock, jobs=some_jobs())
    other, _ = make_engine(tmp_path / "two", clock, jobs=[job(31, "SUCCEEDED")], sandbox_name="dev")
    platform.sandbox_records.append({"name": "dev", "type": "development"})
    app = make_app(engine, live=True)
    app.workspaces.engines["dev"] = other  # type: ignore[attr-defined]  # the test's own workspaces
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        await pilot.press("down", "space", "down")
        table = app.screen.query_one(RowTable)
        left, marks = table.cursor_key, tuple(table.marks)
        await pilot.press("enter", "3")
        await settle(pilot, engine)
        opened = app.screen
        assert isinstance(opened, JobDetailScreen)
        app.workspaces.engines["prod"] = again  # type: ignore[attr-defined]  # as above
        await switch(pilot, engine, "dev")
        await settle(pilot, other)
        assert "/ dev" in screen_text(pilot).splitlines()[0]
        assert len(app.screen_stack) == 2, "the other sandbox begins with its own list"
        await switch(pilot, other, "prod")
        await settle(pilot, again)
        found = app.screen
        assert isinstance(found, JobDetailScreen)
        assert (found.job_id, found.pane) == (opened.job_id, opened.pane)
        await pilot.press("escape")
        await settle(pilot, again)
        table = app.screen.query_one(RowTable)
        assert (table.cursor_key, tuple(table.marks)) == (left, marks)
        assert len(marks) == 1
    await app.shutdown()


async def switch(pilot: Pilot[Any], engine: Engine, name: str) -> None:
    await pilot.press("ctrl+o")
    await settle(pilot, engine)
    await pilot.press(*name)
    await settle(pilot, engine)
    await pilot.press("enter")
    await settle(pilot, engine)


async def test_every_command_of_the_list_is_in_the_palette(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *some_jobs())
    app = make_app(engine)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"export")
        for _ in range(50):
            await pilot.pause()
            if "Export…" in screen_text(pilot):
                break
        assert "Export…" in screen_text(pilot)
    await app.shutdown()


async def test_more_arrivals_than_fit_keep_an_untouched_list_at_its_top(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=some_jobs())
    await remember(engine, *some_jobs())
    platform.put(*(job(25000 + n, created_ms=START_MS + n * MINUTE) for n in range(60)))
    app = make_app(engine, live=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        assert the_list(app).table.cursor_index == 0
        assert "25059" in screen_text(pilot)
        assert "new above" not in screen_text(pilot)
    await app.shutdown()


async def test_clearing_a_filter_makes_nothing_new(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *(job(25000 + n, created_ms=START_MS - n * MINUTE) for n in range(60)))
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"25050", "enter")
        await settle(pilot, engine)
        await pilot.press("escape")
        await settle(pilot, engine)
        current = the_list(app).current()
        assert current is not None
        assert current.job_id == "25050"
        assert "new above" not in screen_text(pilot)
    await app.shutdown()


async def test_stuck_jobs_are_counted_and_found(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    hours = 5 * 60 * MINUTE
    await remember(engine, *some_jobs(), job(24000, "PROCESSING", stage="export", created_ms=START_MS - hours))
    app = make_app(engine)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot, engine)
        assert "1 stuck?" in screen_text(pilot).splitlines()[0]
        await pilot.press("slash", *"stuck:yes", "enter")
        await settle(pilot, engine)
        assert "1 of 4" in screen_text(pilot)
        assert ">^ PROCESSING  24000" in screen_text(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot, engine)
        assert ">2 !1 ^1" in screen_text(pilot).splitlines()[0]
    await app.shutdown()


async def test_times_of_day_fit_their_column(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *some_jobs(), job(24000, created_ms=START_MS - 50 * 24 * 60 * MINUTE))
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("T")
        await settle(pilot, engine)
        text = screen_text(pilot)
        assert "CREATED" in text
        assert "11:58:00" in text
        assert "01-10 12:00" in text
    await app.shutdown()

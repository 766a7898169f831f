"""How the list reads a history that is too large to be read at once, and what a person sees meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.engines import START_MS, job, make_app, make_engine, remember, screen_text, settle
from tui_app.models.view import View
from tui_app.tui.screens.job_list import JobListScreen

if TYPE_CHECKING:
    from array import array

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine
    from tui_app.models.job_query import JobQuery
    from tui_app.tui.app import AepxApp

MINUTE = 60_000
MANY = 300


class Gate:
    """Keeps the reading of whole orders waiting until opened, and notes those that were dropped."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dropped = 0
        self.asked: list[JobQuery] = []
        self._open = asyncio.Event()
        self._read = engine.list.all_rows
        monkeypatch.setattr(engine.list, "all_rows", self._wait)

    async def _wait(self, query: JobQuery) -> array[int]:
        self.asked.append(query)
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        return await self._read(query)

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()


def many(count: int = MANY) -> list[dict[str, Any]]:
    statuses = ("SUCCEEDED", "FAILED", "CANCELLED")
    return [
        job(24_000 + n, statuses[n % 3], created_ms=START_MS - (count - n) * MINUTE, step_ms=1_000 * (1 + n * 37 % 101))
        for n in range(count)
    ]


def the_list(app: AepxApp) -> JobListScreen:
    screen = app.screen_stack[1]
    assert isinstance(screen, JobListScreen)
    return screen


def job_at_cursor(app: AepxApp) -> str:
    current = the_list(app).current()
    assert current is not None
    return current.job_id


async def settled(pilot: Pilot[Any], engine: Engine) -> None:
    await settle(pilot, engine, rounds=5)


class TestFirstPage:
    async def test_the_first_page_is_there_before_the_rest_and_end_is_gone_to_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        gate = Gate(engine, monkeypatch)
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            assert "24299" in screen_text(pilot)
            assert the_list(app).table.row_count == 40
            await pilot.press("end")
            assert the_list(app).table.cursor_index == 39
            gate.open()
            await settled(pilot, engine)
            assert the_list(app).table.row_count == MANY
            assert job_at_cursor(app) == "24000"
            assert "24000" in screen_text(pilot)
            assert "new above" not in screen_text(pilot)
        await app.shutdown()

    async def test_another_move_drops_the_wish_for_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        gate = Gate(engine, monkeypatch)
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            await pilot.press("end", "up")
            there = job_at_cursor(app)
            gate.open()
            await settled(pilot, engine)
            assert job_at_cursor(app) == there
        await app.shutdown()

    async def test_pages_beyond_the_first_are_gone_to_one_by_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        gate = Gate(engine, monkeypatch)
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            page = the_list(app).table.size.height - 1
            await pilot.press(*["pagedown"] * 6)
            gate.open()
            await settled(pilot, engine)
            assert the_list(app).table.cursor_index == 6 * page
        await app.shutdown()


class TestFilter:
    async def test_its_first_page_is_painted_before_it_is_counted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            the_list(app).reading.small = 0
            gate = Gate(engine, monkeypatch)
            await pilot.press("slash", *"status:failed")
            await settled(pilot, engine)
            await pilot.pause(0.1)
            await settled(pilot, engine)
            text = screen_text(pilot)
            assert "! FAILED       24298" in text
            assert "SUCCEEDED" not in text
            assert "counting… of 300" in text
            gate.open()
            await settled(pilot, engine)
            assert "100 of 300" in screen_text(pilot)
        await app.shutdown()

    async def test_a_keystroke_drops_the_question_before_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            gate = Gate(engine, monkeypatch)
            await pilot.press("slash", *"fail")
            await settled(pilot, engine)
            assert len(gate.asked) > 1
            assert gate.dropped == len(gate.asked) - 1
            gate.open()
            await settled(pilot, engine)
            assert "100 of 300" in screen_text(pilot)
        await app.shutdown()

    @pytest.mark.parametrize("small", [0, 20_000])
    async def test_the_cursor_finds_its_job_again_far_from_the_first_page(self, tmp_path: Path, small: int) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            the_list(app).reading.small = small
            the_list(app).table.move_to(MANY - 2)
            await settled(pilot, engine)
            there = job_at_cursor(app)
            assert there == "24001"
            for keys in (("slash", *"status:failed", "enter"), ("S",), ("escape",)):
                await pilot.press(*keys)
                await settled(pilot, engine)
                assert job_at_cursor(app) == there
                assert there in screen_text(pilot)
                assert "new above" not in screen_text(pilot)
        await app.shutdown()

    async def test_a_filter_that_matches_nothing_for_a_moment_gives_the_job_back(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            the_list(app).table.move_to(150)
            await settled(pilot, engine)
            there = job_at_cursor(app)
            await pilot.press("slash", *"failedx")
            await settled(pilot, engine)
            assert "0 of 300 match `failedx`. esc clears" in screen_text(pilot)
            await pilot.press("escape")
            await settled(pilot, engine)
            assert job_at_cursor(app) == there
        await app.shutdown()


class TestOrder:
    async def test_an_untouched_list_is_shown_from_its_top_in_another_order(self, tmp_path: Path) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            await pilot.press("S")
            await settled(pilot, engine)
            assert job_at_cursor(app) == "24000"
            assert the_list(app).table.cursor_index == 0
        await app.shutdown()

    async def test_a_slow_sort_says_so_and_the_rows_stay_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            gate = Gate(engine, monkeypatch)
            await pilot.press("S")
            await pilot.pause(0.2)
            assert "sorting…" in screen_text(pilot)
            assert "24299" in screen_text(pilot)
            await pilot.press("down", "down")
            assert job_at_cursor(app) == "24297"
            gate.open()
            await settled(pilot, engine)
            assert "sorting…" not in screen_text(pilot)
            assert "24000" in screen_text(pilot) or job_at_cursor(app) == "24297"
        await app.shutdown()

    @pytest.mark.parametrize(
        "key", ["status", "id", "created", "duration", "stage", "profiles", "segments", "dataset", "error", "updated"]
    )
    async def test_every_column_sorts_both_ways_and_ties_never_change_places(self, tmp_path: Path, key: str) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many(60))
        app = make_app(engine)
        async with app.run_test(size=(140, 40)) as pilot:
            await settled(pilot, engine)
            screen = the_list(app)
            orders = []
            for descending in (True, False, True):
                screen.show_view(View(sort=key, descending=descending))
                await settled(pilot, engine)
                orders.append(list(screen.rows.order))
            assert orders[0] == orders[2]
            assert sorted(orders[0]) == sorted(orders[1])
        await app.shutdown()


class TestFollowing:
    async def test_a_change_out_of_order_waits_ten_times_as_long_as_a_reading_took(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = FakeClock()
        engine, _ = make_engine(tmp_path, clock)
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            screen = the_list(app)
            screen.show_view(View(sort="status"))
            await settled(pilot, engine)
            read = engine.list.all_rows
            readings = 0

            async def slow(query: JobQuery) -> array[int]:
                nonlocal readings
                readings += 1
                await clock.sleep(1)
                return await read(query)

            monkeypatch.setattr(engine.list, "all_rows", slow)
            screen.reading.changed()
            await settled(pilot, engine)
            await clock.advance(1)
            await settled(pilot, engine)
            assert readings == 1
            for _ in range(9):
                screen.reading.changed()
                await settled(pilot, engine)
                await clock.advance(1)
                await settled(pilot, engine)
            assert readings == 1
            await clock.advance(1)
            await settled(pilot, engine)
            assert readings == 2
        await app.shutdown()

    async def test_a_row_in_sight_is_painted_at_once_while_the_order_rests(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            the_list(app).show_view(View(sort="id"))
            await settled(pilot, engine)
            Gate(engine, monkeypatch)
            await remember(engine, job(24_299, "FAILED", stage="write", created_ms=START_MS - MINUTE))
            the_list(app).reading.changed()
            await settled(pilot, engine)
            assert "failed in write" in screen_text(pilot)
        await app.shutdown()

    async def test_a_count_that_differs_has_everything_read_again_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine, _ = make_engine(tmp_path, FakeClock())
        await remember(engine, *many())
        app = make_app(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            screen = the_list(app)
            right = screen.rows.order
            screen.rows.order = right[:100] + right[120:]
            screen.reading.check(engine.session.total)
            await settled(pilot, engine)
            assert screen.rows.order == right
            gate = Gate(engine, monkeypatch)
            gate.open()
            for _ in range(3):
                screen.reading.check(MANY + 5)  # a count that lags behind
                await settled(pilot, engine)
            assert len(gate.asked) == 1
        await app.shutdown()


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.integers(1, 30)),
        st.tuples(st.just("older"), st.integers(1, 30)),
        st.tuples(st.just("end"), st.integers(0, 200)),
        st.tuples(st.just("sort"), st.sampled_from(["created", "id", "duration", "status"])),
        st.tuples(st.just("filter"), st.sampled_from(["", "-status:cancelled", "id:24*"])),
        st.tuples(st.just("move"), st.integers(0, 200)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12, deadline=None)
@given(CHANGES, st.sampled_from([0, 20_000]))
def test_the_cursor_stays_on_its_job_and_the_rows_are_those_of_history(
    changes: list[tuple[str, int | str]], small: int
) -> None:
    async def journey(folder: Path) -> None:
        engine, _ = make_engine(folder, FakeClock())
        await remember(engine, *many(120))
        app = make_app(engine)
        newest = oldest = 0
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, engine)
            screen = the_list(app)
            screen.reading.small = small
            screen.table.move_to(5)
            for kind, what in changes:
                before = screen.table.cursor_key
                if kind == "move":
                    screen.table.move_to(int(what))
                    before = screen.table.cursor_key
                elif kind == "sort":
                    screen.show_view(View(screen.view.text, str(what)))
                elif kind == "filter":
                    screen.show_view(View(str(what), screen.view.sort))
                elif kind == "end":
                    number = int(what) % 120
                    created_ms = START_MS - (120 - number) * MINUTE
                    await remember(engine, job(24_000 + number, "FAILED", stage="write", created_ms=created_ms))
                elif kind == "new":
                    newest += 1
                    await remember(
                        engine,
                        *(
                            job(25_000 + newest * 50 + n, created_ms=START_MS + newest * 50 + n)
                            for n in range(int(what))
                        ),
                    )
                else:
                    oldest += 1
                    await remember(
                        engine,
                        *(
                            job(20_000 - oldest * 50 - n, created_ms=START_MS - 10_000 * MINUTE - oldest * 50 - n)
                            for n in range(int(what))
                        ),
                    )
                screen.reading.changed()
                await settled(pilot, engine)
                assert screen.rows.order == await engine.list.all_rows(screen.query_shown)
                if before in screen.rows.order:
                    assert screen.table.cursor_key == before
                if len(screen.rows):
                    assert screen.rows.key(screen.table.cursor_index or 0) == screen.table.cursor_key
        await app.shutdown()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(journey(Path(folder)))

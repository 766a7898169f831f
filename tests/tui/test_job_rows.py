"""The list's row source against what a full reading of history says."""

from __future__ import annotations

import asyncio
import tempfile
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.engines import START_MS, job, make_engine, remember
from tui_app.clock import now_ms
from tui_app.models.filter import EVERYTHING, Not, OneOf, Pattern
from tui_app.models.job_query import JobQuery
from tui_app.tui.screens.job_rows import CHANGED_MS, JobRows

if TYPE_CHECKING:
    import pytest

    from tui_app.engine.engine import Engine
    from tui_app.models.filter import Filter

FAILED = OneOf("status", (Pattern(("FAILED",)),))
MINUTE = 60_000


def rows_over(engine: Engine) -> JobRows:
    return JobRows(engine.list, lambda: now_ms(engine.clock), absolute=lambda: False)


async def read(rows: JobRows, query: JobQuery) -> None:
    rows.take_whole(await rows.read_whole(query, looked_at=(), around=40))


def texts(rows: JobRows, index: int) -> dict[str, str]:
    cells = rows.cells(index)
    assert cells is not None
    return dict(zip(rows.keys_shown, (cell.text for cell in cells), strict=True))


def changed(rows: JobRows, index: int) -> set[str]:
    cells = rows.cells(index)
    assert cells is not None
    return {key for key, cell in zip(rows.keys_shown, cells, strict=True) if cell.changed}


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.integers(0, 5), st.integers(1, 4)),
        st.tuples(st.just("older"), st.integers(0, 5), st.integers(1, 4)),
        st.tuples(st.just("between"), st.integers(0, 5), st.integers(1, 4)),
        st.tuples(st.just("both"), st.integers(0, 5), st.integers(1, 4)),
        st.tuples(st.just("untimed"), st.integers(0, 5), st.just(1)),
        st.tuples(st.just("change"), st.integers(0, 30), st.integers(0, 3)),
        st.tuples(st.just("sort"), st.sampled_from(["created", "id", "status", "duration"]), st.booleans()),
        st.tuples(st.just("filter"), st.sampled_from([EVERYTHING, FAILED, Not(FAILED)]), st.just(0)),
    ),
    min_size=1,
    max_size=10,
)
STATUSES = ("SUCCEEDED", "FAILED", "PROCESSING", "NEW")


class World:
    """Jobs that come, change and are given their time late, and the view that is looked at."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.times: dict[int, int | None] = {}
        self.query = JobQuery()
        self.newest = self.oldest = START_MS
        self.ids = iter(range(24_000, 99_999))

    async def put(self, *times: int | None) -> None:
        for time in times:
            number = next(self.ids)
            self.times[number] = time
            await self.say(number, "SUCCEEDED")

    async def say(self, number: int, status: str) -> None:
        time = self.times[number]
        record = job(number, status, stage="export", created_ms=time or START_MS)
        if time is None:
            del record["creationTime"]
        await remember(self.engine, record)

    async def act(self, kind: str, what: int | str | Filter, much: int) -> None:
        if kind == "sort":
            self.query = JobQuery(self.query.filter, str(what), bool(much))
        elif kind == "filter":
            assert not isinstance(what, (int, str))
            self.query = JobQuery(what, self.query.sort, self.query.descending)
        elif kind == "change" and self.times:
            assert isinstance(what, int)
            number = sorted(self.times)[what % len(self.times)]
            self.times[number] = self.times[number] or START_MS - 7
            await self.say(number, STATUSES[much])
        elif kind == "untimed":
            await self.put(None)
        else:
            assert isinstance(what, int)
            step = what * 7  # 0: at the same moment as the one before
            newer = [self.newest + step * one for one in range(1, much + 1)] if kind in ("new", "both") else []
            older = [self.oldest - step * one for one in range(1, much + 1)] if kind in ("older", "both") else []
            between = [(self.newest + self.oldest) // 2 + one for one in range(much)] if kind == "between" else []
            self.newest, self.oldest = max([self.newest, *newer]), min([self.oldest, *older])
            await self.put(*newer, *older, *between)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_the_order_is_always_that_of_a_full_reading(actions: list[tuple[str, int | str | Filter, int]]) -> None:
    async def journey(folder: Path) -> None:
        engine, _ = make_engine(folder, FakeClock())
        world, rows = World(engine), rows_over(engine)
        await world.put(START_MS - 3, START_MS - 2, START_MS - 1)
        await read(rows, world.query)
        for kind, what, much in actions:
            before = world.query
            await world.act(kind, what, much)
            if world.query != before or not await rows.read_newer(world.query):
                await read(rows, world.query)
            assert rows.order == await engine.list.all_rows(world.query)
        await engine.stop()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(journey(Path(folder)))


async def test_newer_and_older_jobs_join_without_reading_everything_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *(job(24_000 + n, created_ms=START_MS + n) for n in range(10)))
    rows = rows_over(engine)
    await read(rows, JobQuery())
    monkeypatch.setattr(engine.list, "all_rows", None)
    await remember(
        engine, *(job(23_000 - n, created_ms=START_MS - 1 - n) for n in range(5)), job(25_000, created_ms=START_MS + 99)
    )
    assert await rows.read_newer(JobQuery())
    monkeypatch.undo()
    assert rows.order == await engine.list.all_rows(JobQuery())
    assert len(rows) == 16


async def test_what_a_filter_or_a_changing_order_shows_is_read_in_full(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, job(1), job(2))
    rows = rows_over(engine)
    for query in (JobQuery(filter=FAILED), JobQuery(sort="status"), JobQuery(sort="updated")):
        await read(rows, query)
        assert not await rows.read_newer(query)


async def test_a_page_that_is_not_full_is_all_there_is_and_grows(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *(job(n, created_ms=START_MS + n) for n in range(1, 4)))
    rows = rows_over(engine)
    rows.show_first_now(JobQuery(), 3)
    assert not await rows.read_newer(JobQuery())
    rows.show_first_now(JobQuery(), 4)
    assert rows.is_whole
    await remember(engine, job(4, created_ms=START_MS + 4))
    assert await rows.read_newer(JobQuery())
    assert rows.order == await engine.list.all_rows(JobQuery())


def test_rows_are_found_wherever_they_stand() -> None:
    rows = JobRows.__new__(JobRows)
    JobRows.__init__(rows, None, lambda: 0, absolute=lambda: False)  # type: ignore[arg-type]  # nothing is read
    # Numbers whose bytes also stand across the border of two others.
    rows.order = array(
        "I", [*range(100_000, 50_000, -1), 0x01000000, 0x00010000, 0x0001, 0x0100, *range(200_000, 260_000)]
    )
    places = {row: place for place, row in enumerate(rows.order)}
    for row in (*rows.order[:3], 0x01000000, 0x00010000, 0x0001, 0x0100, 75_000, rows.order[-1]):
        assert rows.index_of(row) == places[row]
    assert rows.index_of(7) is None
    assert rows.index_of(1 << 40) is None
    assert rows.first_of([7, 9, 60_000, 0x0100]) == places[60_000]
    assert rows.first_of([7, 9]) is None


class TestChangedCells:
    async def test_only_what_the_platform_changed_is_marked_and_for_three_seconds(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, _ = make_engine(tmp_path, clock)
        running = job(7, "PROCESSING", stage="export", created_ms=START_MS - MINUTE)
        await remember(engine, running)
        rows = rows_over(engine)
        await read(rows, JobQuery())
        before = texts(rows, 0)
        await clock.advance(10)
        assert texts(rows, 0)["duration"] != before["duration"]
        assert await rows.look_again(range(1))
        assert changed(rows, 0) == set()  # only clocks have ticked
        await remember(
            engine, job(7, "FAILED", stage="export", created_ms=START_MS - MINUTE, errors=[{"code": "9", "msg": "no"}])
        )
        assert await rows.look_again(range(1))
        assert changed(rows, 0) == {"status", "stage", "error"}
        await clock.advance(CHANGED_MS / 1000 - 0.5)
        rows.forget_changes()
        assert changed(rows, 0)
        left = rows.change_left_s()
        assert left is not None
        await clock.advance(left)
        rows.forget_changes()
        assert changed(rows, 0) == set()
        assert rows.change_left_s() is None

    async def test_a_name_that_is_learned_is_no_change(self, tmp_path: Path) -> None:
        clock = FakeClock()
        engine, _ = make_engine(tmp_path, clock)
        await remember(engine, job(7))
        rows = rows_over(engine)
        await read(rows, JobQuery())
        await engine.datasets.learn_names()
        assert await rows.look_again(range(1))
        assert texts(rows, 0)["dataset"] == "Loyalty export"
        assert changed(rows, 0) == set()


async def test_rows_that_left_history_are_noticed(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, job(1), job(2))
    rows = rows_over(engine)
    await read(rows, JobQuery())
    rows.order = array("I", [*rows.order, 99])
    assert not await rows.look_again(range(3))
    assert not rows.agrees(JobQuery(), 2)
    assert rows.agrees(JobQuery(filter=FAILED), 2)

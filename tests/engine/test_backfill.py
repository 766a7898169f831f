"""The walk through older jobs: to the end once, whatever comes in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock, drain
from tests.support.engines import START_MS, job, offline
from tui_app.api.errors import BadAnswerError, BadRequestError, ThrottledError
from tui_app.engine.backfill import CURSOR, DONE, Backfill
from tui_app.engine.tally import Tally
from tui_app.models.export_job import JobPage
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.conftest import Make
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

LIST = "export_jobs.list_page"
MANY = [job(number, created_ms=START_MS - number * 1_000) for number in range(2_500)]


def cursor(record: dict[str, Any]) -> str:
    return f"{record['creationTime']}_{record['id']}"


class Lister:
    """A list call that knows cursors as the platform writes them, and damages the answers it is told to.

    Attributes:
        asked: the offsets asked for.
    """

    def __init__(
        self,
        records: list[dict[str, Any]],
        damages: dict[int, str] | None = None,
        *,
        speaks_ours: bool = False,
        refuses_ours: bool = False,
    ) -> None:
        self._records = records
        self._damages = damages or {}
        self._speaks_ours = speaks_ours
        self._refuses_ours = refuses_ours
        self.asked: list[str | None] = []

    async def __call__(self, *, limit: int, offset: str | None = None, **_: Any) -> JobPage:
        damage = self._damages.get(len(self.asked), "")
        self.asked.append(offset)
        start = 0
        if offset is not None and offset.startswith("p"):
            start = int(offset[1:])
        elif offset is not None and self._refuses_ours:
            raise BadRequestError("No.", status=400, cause="offset")
        elif offset is not None:
            start = 1 + [cursor(one) for one in self._records].index(offset)
        page: dict[str, Any] = {"records": self._records[start : start + limit]}
        if start + limit < len(self._records):
            following = cursor(page["records"][-1]) if self._speaks_ours else f"p{start + limit}"
            page["link"] = {"next": f"/x?offset={following}"}
        if damage in {"this again", "the first again"}:
            page["link"] = {"next": f"/x?offset={offset if offset and damage == 'this again' else 'p0'}"}
        if damage in {"no link", "nothing"}:
            page.pop("link", None)
        if damage in {"no records", "nothing"}:
            page["records"] = []
        return JobPage.parse(page)


async def known(engine: Engine) -> int:
    return len(await engine.list.all_rows(JobQuery()))


async def walked(engine: Engine, clock: FakeClock, seconds: float = 60) -> asyncio.Task[None]:
    task = asyncio.create_task(engine.backfill.run())
    await clock.advance(seconds)
    return task


@pytest.fixture
def refuse(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Let the platform raise an error for pages of more than `most` jobs; return the sizes asked for."""

    def install(error: Exception, *, most: int) -> list[int]:
        inner, sizes = platform.export_jobs.list_page, []

        async def list_page(*, limit: int, offset: str | None = None, **_: Any) -> JobPage:
            sizes.append(limit)
            if limit > most:
                raise error
            return await inner(limit=limit, offset=offset)

        monkeypatch.setattr(platform.export_jobs, "list_page", list_page)
        return sizes

    return install


async def test_it_reads_everything_once_and_never_again(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=MANY)
    read: list[int] = []
    tally = Tally()
    walking = asyncio.create_task(engine.backfill.walk(tally, told=lambda: read.append(tally.read)))
    await clock.advance(1)
    assert await walking == 2_500
    assert read == [1_000, 2_000, 2_500]
    assert (engine.session.backfilled, engine.session.backfilling, engine.session.total) == (True, False, 2_500)
    again, other = make()
    assert await again.backfill.walk() == 0
    assert again.session.backfilled
    assert other.calls == []
    assert platform.asked(LIST) == [None, "1000", "2000"]


async def test_it_goes_on_from_where_it_was_stopped(make: Make, clock: FakeClock) -> None:
    first, platform = make(jobs=MANY)
    task = asyncio.create_task(first.backfill.run())
    await drain()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await known(first) == 1_000
    second, other = make(jobs=MANY)
    assert await walked(second, clock)
    assert await known(second) == 2_500
    assert other.asked(LIST) == ["1000", "2000"]
    assert platform.asked(LIST) == [None]


async def test_failures_are_waited_out_ever_longer(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=MANY[:10])
    platform.fail(LIST, offline(), times=None)
    task = await walked(engine, clock, 29)
    assert len(platform.calls) == 1
    await clock.advance(2)
    assert len(platform.calls) == 2
    await clock.advance(3 * 3_600)
    assert len(platform.calls) < 30
    platform.mend(LIST)
    await clock.advance(601)
    assert task.done()
    assert await known(engine) == 10


async def test_a_time_the_platform_names_is_waited_out(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=MANY[:10])
    platform.fail(LIST, ThrottledError("No.", status=429, retry_after_s=900))
    await walked(engine, clock, 899)
    assert len(platform.calls) == 1
    await clock.advance(2)
    assert engine.session.backfilled


async def test_a_fault_of_our_own_is_survived(make: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = make(jobs=MANY[:10])

    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(engine._core.history.jobs, "apply", broken)
        task = await walked(engine, clock, 10)
        assert not task.done()
        assert not engine.session.backfilling
    await clock.advance(60)
    assert await known(engine) == 10


@pytest.mark.parametrize(
    "error",
    [
        BadRequestError("No.", status=400, cause="limit is too large"),
        BadAnswerError("No.", cause="The answer is larger than 64 MiB."),
    ],
)
async def test_the_pages_get_smaller_where_large_ones_are_refused(
    engine: Engine,
    platform: FakePlatform,
    refuse: Callable[..., list[int]],
    clock: FakeClock,
    error: Exception,
) -> None:
    platform.put(*MANY[:450])
    sizes = refuse(error, most=100)
    await walked(engine, clock)
    assert sizes == [1_000, 100, 100, 100, 100, 100]
    assert await known(engine) == 450


async def test_a_cursor_that_is_no_longer_good_begins_the_walk_again(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=MANY[:300])
    await engine.set_note("backfill.cursor", "of-yesterday")
    inner = platform.export_jobs.list_page

    async def list_page(*, limit: int, offset: str | None = None, **_: Any) -> JobPage:
        if offset == "of-yesterday":
            raise BadRequestError("No.", status=400, cause="offset")
        return await inner(limit=limit, offset=offset)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign, assignment]  # a platform that forgets cursors
    await walked(engine, clock, 61)
    assert await known(engine) == 300
    assert engine.session.backfilled


@pytest.mark.parametrize("manner", ["politely", "ahead"])
@pytest.mark.parametrize("cursors", ["ours", "others"])
@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize("damage", ["this again", "the first again", "no link", "no records", "nothing"])
async def test_a_page_damaged_on_the_way_does_not_cut_the_list_short(
    engine: Engine,
    platform: FakePlatform,
    clock: FakeClock,
    *,
    damage: str,
    at: int,
    cursors: str,
    manner: str,
) -> None:
    records = [job(number, created_ms=START_MS - number // 3) for number in range(40)]
    lister = Lister(records, {at: damage}, speaks_ours=cursors == "ours")
    platform.export_jobs.list_page = lister  # type: ignore[method-assign, assignment]  # a platform with damaged answers
    backfill = Backfill(engine._core, page=10)
    for _ in range(2):
        walking = asyncio.create_task(backfill.walk(politely=manner == "politely"))
        await clock.advance(60)
        await walking
    assert await backfill.is_done()
    assert await known(engine) == 40
    assert len(lister.asked) <= 7


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
async def test_a_platform_that_only_turns_in_a_circle_is_left(make: Make, clock: FakeClock, cursors: list[str]) -> None:
    engine, platform = make()
    following, asked = [*cursors, *cursors * 9], []

    async def list_page(*, limit: int, offset: str | None = None, **_: Any) -> JobPage:
        asked.append(offset)
        return JobPage.parse({"records": [job(7)], "link": {"next": f"/x?offset={following[len(asked) - 1]}"}})

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign, assignment]  # a platform that repeats itself
    await walked(engine, clock)
    assert engine.session.backfilled
    assert len(asked) == len(set(asked)) <= len(cursors) + 1


async def test_a_platform_that_knows_only_its_own_cursors_is_read_to_the_end_it_names(
    make: Make, clock: FakeClock
) -> None:
    engine, platform = make()
    lister = Lister([job(number, created_ms=START_MS - number) for number in range(30)], refuses_ours=True)
    platform.export_jobs.list_page = lister  # type: ignore[method-assign, assignment]  # a platform with other cursors
    walking = asyncio.create_task(Backfill(engine._core, page=10).walk())
    await clock.advance(60)
    assert await walking == 30
    assert engine.session.backfilled


@pytest.mark.parametrize("manner", ["politely", "ahead"])
async def test_another_program_that_was_quicker_ends_the_walk_and_its_word_stands(
    engine: Engine, platform: FakePlatform, clock: FakeClock, manner: str
) -> None:
    platform.put(*MANY)
    inner = platform.export_jobs.list_page

    async def list_page(**arguments: Any) -> JobPage:
        if arguments["offset"] == "1000":
            await engine.set_note(CURSOR, DONE)
        return await inner(**arguments)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign]  # the other one ends while this one asks
    walking = asyncio.create_task(engine.backfill.walk(politely=manner == "politely"))
    await clock.advance(5)
    assert await walking <= 2_000
    assert await engine.note(CURSOR) == DONE
    assert engine.session.backfilled


async def test_another_program_that_keeps_more_lets_the_walk_begin_again(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(*MANY)
    inner, asked = platform.export_jobs.list_page, []

    async def list_page(**arguments: Any) -> JobPage:
        asked.append(arguments["offset"])
        if arguments["offset"] == "1000" and asked.count("1000") == 1:
            await engine.set_note(CURSOR, "")
        return await inner(**arguments)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign]  # the other one starts while this one asks
    walking = asyncio.create_task(engine.backfill.walk(politely=True))
    await clock.advance(5)
    await walking
    assert asked.count(None) == 2
    assert await known(engine) == 2_500
    assert await engine.note(CURSOR) == DONE


async def test_a_page_of_nothing_but_unusable_records_is_walked_past(make: Make, clock: FakeClock) -> None:
    engine, platform = make()
    pages: list[Any] = [{"records": [{"id": None}], "link": {"next": "/x?offset=1"}}, {"records": [job(1)]}]

    async def list_page(*, limit: int, offset: str | None = None, **_: Any) -> JobPage:
        return JobPage.parse(pages[int(offset or 0)])

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign, assignment]  # a platform with damaged records
    await walked(engine, clock)
    assert await known(engine) == 1


async def test_an_empty_list_is_not_taken_for_the_end_of_one(make: Make, clock: FakeClock) -> None:
    engine, platform = make()
    task = await walked(engine, clock, 3_600)
    assert not task.done()
    assert len(platform.calls) < 12
    platform.put(*MANY)
    await clock.advance(610)
    assert task.done()
    assert await known(engine) == 2_500


async def test_it_rests_while_paused(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=MANY)
    engine.monitor.pause()
    await walked(engine, clock)
    assert platform.calls == []
    engine.monitor.resume()
    await clock.advance(5)
    assert await known(engine) == 2_500


@pytest.mark.parametrize("manner", ["politely", "ahead"])
async def test_a_pause_drops_the_page_in_flight_and_those_asked_for_ahead(
    make: Make, clock: FakeClock, manner: str
) -> None:
    engine, platform = make(jobs=MANY)
    held = platform.hold(LIST)
    walking = asyncio.create_task(engine.backfill.walk(politely=manner == "politely"))
    await drain()
    engine.monitor.pause()
    held.set()
    await clock.advance(600)
    assert await known(engine) == 0
    assert len(platform.asked(LIST)) <= 2
    platform.change(5, status="FAILED")
    engine.monitor.resume()
    await clock.advance(10)
    assert await walking == 2_500
    found = await engine.list.summary("5")
    assert found is not None
    assert found.status == "FAILED"


async def test_jobs_made_after_the_walk_began_are_left_to_the_monitor(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=MANY[:200])
    await walked(engine, clock)
    platform.put(*[job(5_000 + number, created_ms=START_MS + number) for number in range(350)])
    platform.put(ours := job(9_999, created_ms=START_MS + 900))
    await engine._core.apply([JobPage.parse({"records": [ours]}).jobs[0]], asked_ms=START_MS)
    await engine.refresh()
    assert await known(engine) == 551

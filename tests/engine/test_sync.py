"""Synchronising while somebody waits: what is read for it, how outages are waited out, and what the tally tells."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engines import START_MS, job, offline, remember
from tui_app.api.errors import CertificateError, ServerError, ThrottledError
from tui_app.engine.backfill import CURSOR, DONE
from tui_app.engine.head import HEAD
from tui_app.engine.tally import Tally
from tui_app.history.recording import Applied
from tui_app.models.export_job import ExportJob
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from tests.support.clock import FakeClock
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

LIST = "export_jobs.list_page"
GET = "export_jobs.get"
DAY = 24 * 3_600_000


async def known(engine: Engine) -> int:
    return len(await engine.list.all_rows(JobQuery()))


def nobody() -> None:
    pass


async def synchronised(engine: Engine, clock: FakeClock, *, everything: bool = False, seconds: float = 700) -> Tally:
    tally = Tally()
    working = asyncio.create_task(engine.sync.run(tally, everything=everything, told=nobody))
    await clock.advance(seconds)
    await working
    return tally


async def settled(engine: Engine, platform: FakePlatform, *records: dict[str, Any]) -> None:
    """Have the platform hold these jobs and history know them all."""
    platform.put(*records)
    await remember(engine, *records)
    await engine.set_note(HEAD, str(max(one["creationTime"] for one in records)))
    await engine.set_note(CURSOR, DONE)


async def test_all_is_read_once_and_the_newest_again_in_the_end(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(*[job(number, created_ms=START_MS - number) for number in range(2_500)])
    tally = await synchronised(engine, clock, everything=True)
    assert platform.asked(LIST) == [None, None, "1000", "2000", None]
    assert (tally.new, tally.older, await known(engine)) == (2_500, 2_500, 2_500)


async def test_what_was_missed_is_read_back_to_what_is_known(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    await settled(engine, platform, job(1, created_ms=START_MS - DAY))
    platform.put(*[job(1_000 + number, created_ms=START_MS - number) for number in range(450)])
    tally = await synchronised(engine, clock)
    assert (tally.new, await known(engine)) == (450, 451)
    assert platform.asked(GET) == []


async def test_few_running_jobs_far_back_are_asked_for_by_id(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    ended = [job(1_000 + number, created_ms=START_MS - number) for number in range(900)]
    await settled(
        engine, platform, *ended, *[job(number, "PROCESSING", created_ms=START_MS - DAY) for number in (1, 2)]
    )
    platform.change(1, status="SUCCEEDED")
    platform.forget(2)
    tally = await synchronised(engine, clock)
    assert platform.asked(LIST) == [None]
    assert sorted(str(one) for one in platform.asked(GET)) == ["1", "2"]
    assert (tally.changed, tally.gone) == (1, 1)


async def test_many_running_jobs_far_back_are_covered_by_pages(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    ended = [job(1_000 + number, created_ms=START_MS - number) for number in range(1_500)]
    running = [job(number, "PROCESSING", created_ms=START_MS - DAY) for number in range(60)]
    await settled(engine, platform, *ended, *running)
    for number in range(60):
        platform.change(number, status="SUCCEEDED")
    tally = await synchronised(engine, clock)
    assert (len(platform.asked(LIST)), len(platform.asked(GET))) == (2, 0)
    assert tally.changed == 60
    assert engine.session.running == 0


async def test_an_outage_before_anything_was_read_is_told_at_once(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(LIST, offline(), times=None)
    with pytest.raises(FailureError) as caught:
        await synchronised(engine, clock, seconds=0)
    assert caught.value.failure.kind is FailureKind.NETWORK


async def test_an_outage_on_the_way_is_waited_out_ever_longer_and_then_told(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(*[job(number, created_ms=START_MS - number) for number in range(2_500)])
    waited: list[tuple[int, str]] = []
    tally = Tally()

    def told() -> None:
        if tally.older == 1_000:
            platform.fail(LIST, offline(), times=None)
        if tally.waiting is not None and tally.resumes_at_ms is not None:
            waited.append((tally.resumes_at_ms - START_MS, tally.waiting.cause))

    working = asyncio.create_task(engine.sync.run(tally, everything=True, told=told))
    await clock.advance(700)
    with pytest.raises(FailureError):
        await working
    assert [at // 1000 for at, _ in waited] == [5, 15, 35]
    assert {cause for _, cause in waited} == {"Connection refused."}
    assert await known(engine) >= 1_000
    platform.mend(LIST)
    again = await synchronised(engine, clock, everything=True)
    assert again.older <= 1_500
    assert await known(engine) == 2_500


async def test_a_page_that_comes_renews_the_patience(engine: Engine, platform: FakePlatform, clock: FakeClock) -> None:
    platform.put(*[job(number, created_ms=START_MS - number) for number in range(3_500)])
    tally, seen = Tally(), set()

    def told() -> None:
        if tally.waiting is None and tally.older not in seen:
            seen.add(tally.older)
            platform.fail(LIST, ServerError("No.", status=503, cause="Busy."))

    working = asyncio.create_task(engine.sync.run(tally, everything=True, told=told))
    await clock.advance(3_000)
    assert await working
    assert await known(engine) == 3_500


@pytest.mark.parametrize(("seconds", "is_waited_out"), [(90.0, True), (599.0, True), (3_600.0, False)])
async def test_a_time_the_platform_names_is_waited_out_if_it_is_minutes(
    engine: Engine, platform: FakePlatform, clock: FakeClock, seconds: float, *, is_waited_out: bool
) -> None:
    platform.put(job(1))
    platform.fail(LIST, ThrottledError("No.", status=429, cause="Slow down.", retry_after_s=seconds))
    if is_waited_out:
        assert (await synchronised(engine, clock)).new == 1
    else:
        with pytest.raises(FailureError):
            await synchronised(engine, clock)


async def test_a_certificate_is_not_waited_for(engine: Engine, platform: FakePlatform, clock: FakeClock) -> None:
    platform.put(*[job(number, created_ms=START_MS - number) for number in range(1_500)])
    tally = Tally()

    def told() -> None:
        platform.fail(LIST, CertificateError("No.", cause="It has expired."), times=None)

    with pytest.raises(FailureError, match="expired"):
        await engine.sync.run(tally, everything=True, told=told)


# How many can be left


def page(*ids: int | str) -> list[ExportJob]:
    return [ExportJob.parse(job(one)) for one in ids]


def counted(*pages: list[ExportJob]) -> Tally:
    tally = Tally()
    for jobs in pages:
        tally.add_older(jobs, Applied())
    return tally


def test_ids_that_count_up_tell_how_many_jobs_can_be_left() -> None:
    # Every other id is this sandbox's, and 800 are below the lowest.
    tally = counted(page(*range(999, 899, -2)), page(*range(899, 799, -2)))
    assert tally.older == 100
    assert tally.most_left == pytest.approx(400, rel=0.02)


def test_the_bound_never_falls_short_where_jobs_are_as_dense_throughout() -> None:
    tally = Tally()
    ids = list(range(10_000, 500, -3))
    for start in range(0, len(ids), 100):
        tally.add_older(page(*ids[start : start + 100]), Applied())
        left = len(ids) - tally.older
        assert tally.most_left is not None
        assert left <= tally.most_left + 1


@pytest.mark.parametrize(
    "pages",
    [
        [],
        [page("a-b", "c-d")],
        [page(5, 4), page(9, 8)],
        [page(900, 899), page("x", 898)],
    ],
)
def test_other_ids_tell_nothing(pages: list[list[ExportJob]]) -> None:
    assert counted(*pages).most_left is None

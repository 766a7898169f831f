"""The loop that keeps the list live: when it asks, what it asks for, and that nothing ends it."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock, drain
from tests.support.engines import START_MS, job, offline, remember
from tui_app.api.errors import ApiError, BadAnswerError, ServerError, ThrottledError
from tui_app.clock import now_ms
from tui_app.engine.monitor import HEAD, Cadence, Monitor
from tui_app.engine.session import Topic
from tui_app.history.database import HistoryError
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

LIST = "export_jobs.list_page"
GET = "export_jobs.get"
MINUTE = 60_000


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[None]:
    task = asyncio.create_task(engine.monitor.run())
    await drain()
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def lists(platform: FakePlatform) -> int:
    return len(platform.asked(LIST))


def throttled(seconds: float | None) -> ThrottledError:
    return ThrottledError("The export jobs could not be listed.", status=429, cause="Slow down.", retry_after_s=seconds)


async def known(engine: Engine) -> int:
    return len(await engine.list.all_rows(JobQuery()))


def failing(engine: Engine) -> FailureKind | None:
    return engine.session.failure.kind if engine.session.failure is not None else None


async def buried(engine: Engine, platform: FakePlatform, *records: dict[str, Any]) -> None:
    """Have these jobs known and running, below 100 newer ones that are known to have ended."""
    await remember(engine, *records)
    await engine.set_note(HEAD, str(START_MS))
    platform.put(*records, *[job(10_000 + number, created_ms=START_MS - number) for number in range(100)])


async def buried_deep(engine: Engine, platform: FakePlatform, *records: dict[str, Any]) -> None:
    """Have these jobs known and running, deeper in the list than one call reaches."""
    newer = [job(10_000 + number, created_ms=START_MS - number) for number in range(1_100)]
    await remember(engine, *records, *newer)
    await engine.set_note(HEAD, str(START_MS))
    platform.put(*records, *newer)


async def ticks_in(clock: FakeClock, platform: FakePlatform, seconds: int) -> int:
    before = lists(platform)
    await clock.advance(seconds)
    return lists(platform) - before


# When it asks


async def test_an_idle_list_asks_twice_a_minute_at_most(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(*[job(number, created_ms=START_MS - number) for number in range(150)])
    async with running(engine):
        await clock.advance(31)
        for _ in range(30):
            before = len(platform.calls)
            await clock.advance(60)
            assert 1 <= len(platform.calls) - before <= 2


async def test_running_jobs_are_looked_at_more_often_with_one_call_a_tick(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(*[job(number, "PROCESSING", stage="export") for number in range(80)])
    async with running(engine):
        before = len(platform.calls)
        await clock.advance(600)
        assert 54 <= len(platform.calls) - before <= 60
        assert platform.asked(GET) == []


async def test_nobody_looking_makes_it_slow_and_looking_again_asks_at_once(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    async with running(engine):
        engine.monitor.set_away(True)
        await clock.advance(33)
        assert 4 <= await ticks_in(clock, platform, 600) <= 5
        before = lists(platform)
        engine.monitor.set_away(False)
        await drain()
        assert lists(platform) == before + 1


async def test_jitter_only_ever_waits_longer(engine: Engine, clock: FakeClock) -> None:
    cadence = Cadence(running_s=10, quiet_s=30)
    delays = {Monitor(engine._core, cadence, rng=random.Random(seed))._delay() for seed in range(200)}
    assert len(delays) > 100
    assert min(delays) >= 30
    assert max(delays) <= 33


async def test_a_poke_asks_at_once_and_many_pokes_ask_once(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    async with running(engine):
        before = lists(platform)
        for _ in range(5):
            engine.monitor.poke()
        await drain()
        assert lists(platform) == before + 1


async def test_the_session_tells_how_fresh_the_list_is(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    heard: list[Topic] = []
    engine.subscribe(heard.append)
    assert (engine.session.loaded, engine.session.last_ok_ms) == (False, None)
    platform.put(job(1, "PROCESSING", stage="gap"), job(2, "FAILED"))
    async with running(engine):
        session = engine.session
        assert (session.loaded, session.polling, session.failure) == (True, False, None)
        assert (session.last_ok_ms, session.total, session.running) == (START_MS, 2, 1)
        assert session.failed_recently == 1
        assert session.next_try_ms is not None
        assert 10_000 <= session.next_try_ms - START_MS <= 11_000
        assert set(heard) == {Topic.JOBS, Topic.SESSION}
        heard.clear()
        await clock.advance(12)
        assert set(heard) == {Topic.SESSION}


# Outages


async def test_an_outage_is_asked_about_ever_less_and_ends_at_the_first_answer(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(LIST, offline(), times=None)
    async with running(engine):
        assert failing(engine) is FailureKind.NETWORK
        asked = [await ticks_in(clock, platform, 59) for _ in range(10)]
        assert asked[0] <= 5
        assert set(asked[2:]) <= {0, 1}
        assert engine.session.loaded
        platform.mend(LIST)
        await clock.advance(67)
        assert failing(engine) is None
        assert engine.monitor._failures == 0


async def test_a_night_offline_does_not_end_it(engine: Engine, platform: FakePlatform, clock: FakeClock) -> None:
    platform.fail(LIST, offline(), times=None)
    async with running(engine):
        engine.monitor._failures = 5_000
        engine.monitor.poke()
        await drain()
        assert 60 <= engine.monitor._delay() <= 66


@pytest.mark.parametrize("seconds", [7.0, 45.0, 1_800.0])
async def test_a_time_the_platform_names_is_waited_out(
    engine: Engine, platform: FakePlatform, clock: FakeClock, seconds: float
) -> None:
    platform.fail(LIST, throttled(seconds))
    async with running(engine):
        assert engine.session.next_try_ms == START_MS + seconds * 1000
        engine.monitor.set_away(True)
        engine.monitor.set_away(False)
        engine.monitor.poke()
        await clock.advance(seconds - 1)
        assert lists(platform) == 1
        await clock.advance(1.5)
        assert lists(platform) == 2
        assert failing(engine) is None


async def test_a_person_may_ask_earlier_and_success_ends_the_waiting(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(LIST, throttled(600))
    async with running(engine):
        await engine.refresh()
        assert failing(engine) is None
        await drain()
        assert engine.session.next_try_ms is not None
        assert engine.session.next_try_ms <= START_MS + 33_000


async def test_a_fault_of_our_own_does_not_end_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(engine._core.history.jobs, "apply", broken)
        async with running(engine):
            await clock.advance(60)
            assert engine.session.polling is False
            patch.undo()
            platform.put(job(1))
            await clock.advance(120)
            assert await known(engine) == 1


async def test_a_history_that_cannot_be_written_is_shown_and_waited_for(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1))
    writer = engine._core.history.database._writer
    assert writer is not None
    writer.execute("PRAGMA query_only=1")
    async with running(engine):
        assert failing(engine) is FailureKind.LOCAL
        assert engine.session.last_ok_ms is None
        writer.execute("PRAGMA query_only=0")
        await clock.advance(10)
        assert failing(engine) is None
        assert await known(engine) == 1


async def test_counts_that_cannot_be_read_are_a_failure_too(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(**_: Any) -> None:
        raise HistoryError("History x cannot be used.")

    monkeypatch.setattr(engine._core.history.jobs, "counts", unreadable)
    with pytest.raises(FailureError):
        await engine.refresh()
    assert engine.session.failure is not None
    assert engine.session.failure.cause == "History x cannot be used."


async def test_a_listener_that_fails_hurts_nobody(engine: Engine, platform: FakePlatform) -> None:
    heard: list[Topic] = []

    def broken(topic: Topic) -> None:
        raise ZeroDivisionError

    engine.subscribe(broken)
    engine.subscribe(heard.append)
    platform.put(job(1))
    async with running(engine):
        assert Topic.JOBS in heard


# Single flight, pause


async def test_a_refresh_during_a_tick_waits_for_it(engine: Engine, platform: FakePlatform) -> None:
    platform.put(job(1))
    held = platform.hold(LIST)
    async with running(engine):
        refreshing = [asyncio.create_task(engine.refresh()) for _ in range(3)]
        await drain()
        assert lists(platform) == 1
        assert engine.session.polling
        held.set()
        await asyncio.gather(*refreshing)
        assert lists(platform) == 1
        assert await known(engine) == 1


async def test_a_refresh_that_waits_hears_of_the_failure(engine: Engine, platform: FakePlatform) -> None:
    held = platform.hold(LIST)
    platform.fail(LIST, offline())
    async with running(engine):
        refreshing = asyncio.create_task(engine.refresh())
        await drain()
        held.set()
        with pytest.raises(FailureError) as caught:
            await refreshing
    assert caught.value.failure.kind is FailureKind.NETWORK
    assert lists(platform) == 1


async def test_a_pause_drops_the_answer_in_flight_and_asks_no_more(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1))
    held = platform.hold(LIST)
    async with running(engine):
        engine.monitor.pause()
        engine.monitor.pause()
        assert engine.session.paused_since_ms == START_MS
        held.set()
        await clock.advance(600)
        engine.monitor.poke()
        await clock.advance(600)
        assert lists(platform) == 1
        assert await known(engine) == 0
        assert engine.session.last_ok_ms is None
        assert engine.session.next_try_ms is None
        engine.monitor.resume()
        await drain()
        assert lists(platform) == 2
        assert await known(engine) == 1
        assert engine.session.paused_since_ms is None


async def test_a_refresh_works_while_paused(engine: Engine, platform: FakePlatform, clock: FakeClock) -> None:
    held = platform.hold(LIST)
    platform.put(job(1))
    async with running(engine):
        engine.monitor.pause()
        refreshing = asyncio.create_task(engine.refresh())
        await drain()
        held.set()
        await refreshing
        assert await known(engine) == 1
        assert engine.session.paused_since_ms is not None


async def test_a_pause_between_the_calls_of_a_tick_stops_it(engine: Engine, platform: FakePlatform) -> None:
    old = [job(number, "PROCESSING", stage="gap") for number in range(5)]
    await buried(engine, platform, *old)
    held = platform.hold(GET)
    async with running(engine):
        assert len(platform.asked(GET)) == 1
        engine.monitor.pause()
        held.set()
        await drain()
        assert len(platform.asked(GET)) == 1


# What it asks for


async def test_many_new_jobs_between_two_ticks_are_all_found(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1))
    async with running(engine):
        platform.put(*[job(1_000 + number, created_ms=START_MS + number) for number in range(450)])
        await clock.advance(40)
        assert await known(engine) == 451
        before = lists(platform)
        await clock.advance(40)
        assert lists(platform) == before + 1


async def test_an_outage_between_two_pages_loses_no_job(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1))
    await engine.refresh()
    platform.put(*[job(1_000 + number, created_ms=START_MS + number) for number in range(450)])
    await platform_fails_after_pages(platform, engine, pages=2)
    assert 1 < await known(engine) < 451
    await engine.refresh()
    assert await known(engine) == 451


async def platform_fails_after_pages(platform: FakePlatform, engine: Engine, *, pages: int) -> None:
    inner, left = platform.export_jobs.list_page, pages

    async def list_page(**arguments: Any) -> Any:
        nonlocal left
        if left == 0:
            raise offline()
        left -= 1
        return await inner(**arguments)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign]  # a platform that dies in between
    with pytest.raises(FailureError):
        await engine.refresh()
    platform.export_jobs.list_page = inner  # type: ignore[method-assign]  # and is back


async def test_a_job_of_ours_does_not_hide_those_before_it(engine: Engine, platform: FakePlatform) -> None:
    # Such as when the app was off for days and a job is created first: it is newer than all that was missed.
    platform.put(job(1))
    await engine.refresh()
    missed = [job(1_000 + number, created_ms=START_MS + number) for number in range(300)]
    ours = job(9_999, "NEW", stage="queue", created_ms=START_MS + 500)
    platform.put(*missed, ours)
    await remember(engine, ours)
    await engine.refresh()
    assert await known(engine) == 302


async def test_a_list_that_turns_in_a_circle_ends(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui_app.models.export_job import JobPage  # noqa: PLC0415 - made up here only

    await remember(engine, job(1, created_ms=START_MS - MINUTE))
    asked: list[str | None] = []

    async def list_page(*, limit: int, offset: str | None, status: str | None) -> JobPage:
        asked.append(offset)
        following = "b" if offset == "a" else "a"
        return JobPage.parse({"records": [job(2, created_ms=START_MS)], "link": {"next": f"/x?offset={following}"}})

    monkeypatch.setattr(platform.export_jobs, "list_page", list_page)
    await engine.refresh()
    assert asked == [None, "a", "b", f"{START_MS}_2"]


async def test_running_jobs_that_no_list_call_covers_take_turns(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    old = [job(number, "PROCESSING", stage="gap", created_ms=START_MS - 5 * MINUTE) for number in range(8)]
    await buried_deep(engine, platform, *old)
    async with running(engine):
        for tick in range(1, 4):
            asked = platform.asked(GET)
            assert len(asked) == 3 * tick
            assert len(set(asked)) == min(3 * tick, 8)
            await clock.advance(11.5)


async def test_running_jobs_deep_in_the_list_cost_one_wider_call_a_tick(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    old = [job(number, "PROCESSING", stage="gap", created_ms=START_MS - 5 * MINUTE) for number in range(60)]
    await buried(engine, platform, *old)
    async with running(engine):
        assert len(platform.asked(GET)) == 3
        before = len(platform.calls)
        for number in range(60):
            platform.change(number, status="SUCCEEDED")
        await clock.advance(11.5)
        assert platform.calls[before:] == [(LIST, None)]
        assert engine.session.running == 0
        limits = limits_asked(platform)
        await clock.advance(40)
        assert limits == [100]


async def test_a_wider_call_stays_wide_while_its_jobs_run(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    await buried(engine, platform, *[job(number, "PROCESSING", stage="gap") for number in range(60)])
    async with running(engine):
        limits = limits_asked(platform)
        await clock.advance(60)
        assert set(limits) == {200}
        assert len(platform.asked(GET)) == 3


async def test_a_job_no_longer_listed_is_looked_up_at_the_next_tick(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(*[job(number, "PROCESSING", stage="gap", created_ms=START_MS - number) for number in range(50)])
    async with running(engine):
        platform.forget(7)
        await clock.advance(11.5)
        assert platform.asked(GET) == ["7"]
        found = await engine.list.summary("7")
        assert found is not None
        assert found.gone
        assert engine.session.running == 49


async def test_every_status_seen_is_kept_with_its_time(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1, "NEW", stage="queue"))
    async with running(engine):
        for status, stage in (("PROCESSING", "export"), ("PROCESSING", "write"), ("CANCELLING", "write")):
            await clock.advance(60)
            platform.put(job(1, status, stage=stage))
        await clock.advance(60)
        platform.put(job(1, "CANCELLED", stage="write"))
        await clock.advance(60)
        platform.forget(1)
        await clock.advance(60)
    seen = await engine.jobs.transitions("1")
    assert [(one.status, one.stage) for one in seen] == [
        ("NEW", "queue"),
        ("PROCESSING", "export"),
        ("PROCESSING", "write"),
        ("CANCELLING", "write"),
        ("CANCELLED", None),
    ]
    for place, one in enumerate(seen):
        assert place * 60_000 <= one.seen_ms - START_MS <= place * 60_000 + 11_000
    # It had ended: that the platform forgets it later is nothing that happened to it.
    assert platform.asked(GET) == []


def limits_asked(platform: FakePlatform) -> list[int]:
    """Return a list that gets the sizes of the pages asked for from now on."""
    inner, limits = platform.export_jobs.list_page, []

    async def list_page(**arguments: Any) -> Any:
        limits.append(arguments["limit"])
        return await inner(**arguments)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign]  # one that tells what it is asked
    return limits


async def test_a_job_that_hangs_for_long_is_looked_at_seldom(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    week = 7 * 24 * 60 * MINUTE
    stuck = job(1, "PROCESSING", stage="gap", created_ms=START_MS - week)
    await buried(engine, platform, stuck)
    async with running(engine):
        await clock.advance(3_595)
        assert len(platform.asked(GET)) == 1
        assert lists(platform) <= 120
        await clock.advance(600)
        assert len(platform.asked(GET)) == 2


async def test_a_followed_job_is_asked_for_every_tick(engine: Engine, platform: FakePlatform, clock: FakeClock) -> None:
    old = [job(number, "PROCESSING", stage="gap") for number in range(8)]
    await buried_deep(engine, platform, *old)
    async with running(engine):
        engine.monitor.follow("5")
        await drain()
        before = lists(platform)
        count = platform.asked(GET).count("5")
        await clock.advance(60)
        assert platform.asked(GET).count("5") - count == lists(platform) - before
        engine.monitor.unfollow("5")
        count = platform.asked(GET).count("5")
        await clock.advance(11)
        assert platform.asked(GET).count("5") <= count + 1


async def test_a_job_gone_upstream_is_marked(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, "PROCESSING", stage="gap"))
    await engine.refresh()
    found = await engine.list.summary("1")
    assert found is not None
    assert found.gone
    assert engine.session.running == 0


@pytest.mark.parametrize(
    "error",
    [
        ServerError("Export job 1 could not be read.", status=500, cause="It failed."),
        BadAnswerError("Export job 1 could not be read.", cause="The answer is larger than allowed."),
    ],
)
async def test_one_job_that_cannot_be_read_does_not_stop_the_others(
    engine: Engine, platform: FakePlatform, error: ApiError
) -> None:
    await buried(engine, platform, *[job(number, "PROCESSING", stage="export") for number in (1, 2, 3)])
    platform.put(*[job(number, "PROCESSING", stage="write") for number in (1, 2, 3)])
    platform.fail(GET, error)
    await engine.refresh()
    assert failing(engine) is None
    found = [await engine.list.summary(job_id) for job_id in ("1", "2", "3")]
    assert sorted(one.stage or "" for one in found if one is not None) == ["export", "write", "write"]


async def test_the_network_dying_in_between_is_a_failure_of_the_list(engine: Engine, platform: FakePlatform) -> None:
    await buried(engine, platform, job(1, "PROCESSING", stage="export"))
    platform.fail(GET, offline())
    with pytest.raises(FailureError):
        await engine.refresh()
    assert engine.session.failure is not None
    assert await engine.note(HEAD) == str(START_MS)
    assert now_ms(engine.clock) == START_MS

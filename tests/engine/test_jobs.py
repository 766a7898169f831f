"""Looking again, cancelling, following to the end, and asking again for the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock, drain
from tests.support.engines import DATASET, START_MS, answer_lost, job, offline, remember, unknown
from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    BadRequestError,
    ForbiddenError,
    ServerError,
    SignInError,
    ThrottledError,
)
from tui_app.engine.session import Policy, Topic
from tui_app.models.failure import FailureError, FailureKind

if TYPE_CHECKING:
    from tests.engine.conftest import Make
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine
    from tui_app.models.export_job import ExportJob

GET = "export_jobs.get"
CANCEL = "export_jobs.cancel"


async def state(engine: Engine, job_id: str = "1") -> tuple[str, bool, bool]:
    found = await engine.list.summary(job_id)
    assert found is not None
    return found.status, found.gone, found.cancel_requested_ms is not None


class Following:
    """A `follow` in a task of its own, and what it has yielded."""

    def __init__(self, engine: Engine, *job_ids: str) -> None:
        self.jobs: list[ExportJob] = []
        self.task = asyncio.create_task(self._run(engine, job_ids))

    async def _run(self, engine: Engine, job_ids: tuple[str, ...]) -> None:
        async for one in engine.jobs.follow(job_ids):
            self.jobs.append(one)

    @property
    def statuses(self) -> list[str]:
        return [one.status for one in self.jobs]


# Refresh


async def test_a_refresh_keeps_the_answer_and_tells_only_of_changes(engine: Engine, platform: FakePlatform) -> None:
    heard: list[Topic] = []
    engine.subscribe(heard.append)
    platform.put(job(1, "PROCESSING", stage="export"))
    assert (await engine.jobs.refresh("1")).status == "PROCESSING"
    assert (heard, engine.session.running) == ([Topic.JOBS], 1)
    await engine.jobs.refresh("1")
    assert heard == [Topic.JOBS]
    assert [one.status for one in await engine.jobs.transitions("1")] == ["PROCESSING"]


async def test_a_refresh_of_a_job_gone_upstream_marks_it(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, "PROCESSING", stage="export"))
    with pytest.raises(FailureError) as caught:
        await engine.jobs.refresh("1")
    assert caught.value.failure.kind is FailureKind.NOT_FOUND
    assert await state(engine) == ("PROCESSING", True, False)
    assert engine.session.running == 0


async def test_a_disk_that_fails_is_a_failure_like_any_other(engine: Engine, platform: FakePlatform) -> None:
    platform.put(job(1))
    engine._core.history.close()
    for work in (
        engine.jobs.refresh("1"),
        engine.jobs.cancel("1"),
        engine.jobs.request_of("1"),
        engine.jobs.transitions("1"),
        engine.list.job("1"),
        engine.datasets.known(),
        engine.start(),
    ):
        with pytest.raises(FailureError) as caught:
            await work
        assert caught.value.failure.kind is FailureKind.LOCAL
    assert await engine.note("a") is None
    await engine.set_note("a", "b")
    assert (await engine.datasets.get(DATASET)).name == "Loyalty export"


# Cancel


async def test_a_cancel_is_marked_until_the_platform_shows_it(engine: Engine, platform: FakePlatform) -> None:
    platform.put(job(1, "PROCESSING", stage="export"))
    platform.cancel_message = "Job 1 will be cancelled"
    await remember(engine, job(1, "PROCESSING", stage="export"))
    assert await engine.jobs.cancel("1") == "Job 1 will be cancelled"
    assert await state(engine) == ("PROCESSING", False, True)
    assert engine.monitor._wake.is_set()
    platform.change("1", status="CANCELED")
    await engine.refresh()
    assert (await state(engine))[0] == "CANCELLED"


async def test_an_ended_job_is_not_cancelled(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, "FAILED"))
    with pytest.raises(FailureError, match="already ended as FAILED"):
        await engine.jobs.cancel("1")
    assert platform.calls == []


async def test_a_job_nobody_looked_at_is_looked_at_before_it_is_cancelled(
    engine: Engine, platform: FakePlatform
) -> None:
    platform.put(job(1, "SUCCEEDED"), job(2, "PROCESSING", stage="gap"))
    with pytest.raises(FailureError, match="already ended as SUCCEEDED"):
        await engine.jobs.cancel("1")
    with pytest.raises(FailureError) as caught:
        await engine.jobs.cancel("404")
    assert caught.value.failure.kind is FailureKind.NOT_FOUND
    assert platform.asked(CANCEL) == []
    await engine.jobs.cancel("2")
    platform.forget("2")
    with pytest.raises(FailureError):
        await engine.jobs.refresh("2")
    assert await state(engine, "2") == ("CANCELLED", True, True)


async def test_read_only_refuses_before_any_request(make: Make) -> None:
    engine, platform = make(policy=Policy.READ_ONLY)
    with pytest.raises(FailureError) as caught:
        await engine.jobs.cancel("1")
    failure = caught.value.failure
    assert (failure.kind, platform.calls) == (FailureKind.REFUSED, [])
    assert "read-only" in failure.cause
    assert "AEPX_READ_ONLY" in failure.next_step


async def test_a_job_gone_before_its_cancel_is_marked(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, "PROCESSING", stage="gap"))
    with pytest.raises(FailureError) as caught:
        await engine.jobs.cancel("1")
    assert caught.value.failure.kind is FailureKind.NOT_FOUND
    assert await state(engine) == ("PROCESSING", True, False)


@pytest.mark.parametrize("error", [offline(), answer_lost(), ForbiddenError("No.", status=403)])
async def test_a_cancel_that_failed_is_not_marked_and_the_list_looks_soon(
    engine: Engine, platform: FakePlatform, error: ApiError
) -> None:
    await remember(engine, job(1, "PROCESSING", stage="gap"))
    platform.put(job(1, "PROCESSING", stage="gap"))
    platform.fail(CANCEL, error)
    with pytest.raises(FailureError, match="was not cancelled"):
        await engine.jobs.cancel("1")
    assert await state(engine) == ("PROCESSING", False, False)
    assert engine.monitor._wake.is_set()


async def test_a_cancel_that_cannot_be_marked_is_still_a_cancel(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, "PROCESSING", stage="gap"))
    platform.put(job(1, "PROCESSING", stage="gap"))
    writer = engine._core.history.database._writer
    assert writer is not None
    writer.execute("PRAGMA query_only=1")
    assert await engine.jobs.cancel("1") == ""
    assert platform.asked(CANCEL) == ["1"]


# Follow


async def test_following_tells_every_change_until_all_have_ended(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1, "NEW", stage="queue"), job(2, "SUCCEEDED"))
    following = Following(engine, "1", "2", "1")
    await drain()
    assert [(one.job_id, one.status) for one in following.jobs] == [("1", "NEW"), ("2", "SUCCEEDED")]
    await clock.advance(60)
    assert len(following.jobs) == 2
    platform.put(job(1, "PROCESSING", stage="export"))
    await clock.advance(31)
    platform.put(job(1, "PROCESSING", stage="write"))
    await clock.advance(31)
    platform.put(job(1, "FAILED", stage="write"))
    await clock.advance(31)
    assert following.statuses == ["NEW", "SUCCEEDED", "PROCESSING", "PROCESSING", "FAILED"]
    assert following.task.done()
    assert platform.asked(GET).count("2") == 1


async def test_following_asks_ever_less_while_nothing_moves(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1, "PROCESSING", stage="gap"))
    following = Following(engine, "1")
    await clock.advance(3_600)
    assert 100 < len(platform.asked(GET)) < 140
    following.task.cancel()
    await asyncio.gather(following.task, return_exceptions=True)


PASSING: list[ApiError] = [
    offline(),
    answer_lost(),
    ServerError("No.", status=503, cause="c"),
    ThrottledError("No.", status=429, cause="c"),
    BadAnswerError("No.", cause="The answer is a page of HTML."),
    BadAnswerError("No.", cause="The answer is larger than 64 MiB."),
]


@pytest.mark.parametrize("error", PASSING)
async def test_what_passes_is_waited_out_and_shown(
    engine: Engine, platform: FakePlatform, clock: FakeClock, error: ApiError
) -> None:
    platform.put(job(1, "PROCESSING", stage="gap"))
    platform.fail(GET, error, times=5)
    following = Following(engine, "1")
    await drain()
    assert shown(engine) is not None
    await clock.advance(120)
    assert following.statuses == ["PROCESSING"]
    assert shown(engine) is None
    platform.put(job(1, "SUCCEEDED"))
    await clock.advance(31)
    assert following.task.done()


def shown(engine: Engine) -> Any:
    return engine.session.failure


async def test_a_time_the_platform_names_is_waited_out(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1, "SUCCEEDED"))
    platform.fail(GET, ThrottledError("No.", status=429, retry_after_s=300))
    following = Following(engine, "1")
    await clock.advance(299)
    assert len(platform.asked(GET)) == 1
    await clock.advance(2)
    assert following.statuses == ["SUCCEEDED"]


LASTING: list[ApiError] = [
    unknown("Export job 1"),
    SignInError("No.", status=401),
    ForbiddenError("No.", status=403),
    BadRequestError("No.", status=400),
]


@pytest.mark.parametrize("error", LASTING)
async def test_what_would_only_come_again_ends_the_following(
    engine: Engine, platform: FakePlatform, error: ApiError
) -> None:
    platform.fail(GET, error, times=None)
    with pytest.raises(FailureError):
        await Following(engine, "1").task
    assert len(platform.asked(GET)) == 1


async def test_a_job_that_vanishes_after_our_cancel_has_ended(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1, "PROCESSING", stage="gap"), job(2, "SUCCEEDED"))
    following = Following(engine, "1")
    await drain()
    await engine.jobs.cancel("1")
    platform.forget("1")
    await clock.advance(31)
    assert following.statuses == ["PROCESSING", "CANCELLED"]
    assert following.task.done()
    assert await state(engine) == ("CANCELLED", True, True)


async def test_a_job_that_had_ended_before_it_vanished_is_told(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, "FAILED"))
    following = Following(engine, "1")
    await following.task
    assert following.statuses == ["FAILED"]


# Asking again


async def test_a_clone_starts_from_what_the_platform_echoes(engine: Engine, platform: FakePlatform) -> None:
    platform.put(job(1))
    request, missing = await engine.jobs.request_of("1")
    assert request.dataset_id == DATASET
    assert "filter.segmentQualificationTime" in missing
    assert platform.asked(GET) == ["1"]
    await engine.jobs.request_of("1")
    assert platform.asked(GET) == ["1"]


async def test_a_clone_of_a_job_nobody_knows_is_refused(engine: Engine, platform: FakePlatform) -> None:
    with pytest.raises(FailureError) as caught:
        await engine.jobs.request_of("404")
    assert caught.value.failure.kind is FailureKind.NOT_FOUND


async def test_what_the_list_asks_is_answered_from_history(engine: Engine, platform: FakePlatform) -> None:
    from tui_app.models.job_query import JobQuery  # noqa: PLC0415 - for this one

    await remember(engine, *[job(number, created_ms=START_MS + number) for number in range(5)])
    screen = engine.list.first_rows_now(JobQuery(), 2)
    rows = await engine.list.all_rows(JobQuery())
    assert (len(rows), [one.job_id for one in screen]) == (5, ["4", "3"])
    assert [one.job_id for one in await engine.list.jobs(rows[:2])] == ["4", "3"]
    assert [one.job_id for one in await engine.list.summaries(rows[3:])] == ["1", "0"]
    assert platform.calls == []

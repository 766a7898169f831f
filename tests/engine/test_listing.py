"""What a front end asks of the list: always from history, and failing in words when history cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.engines import START_MS, job, remember
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.filter import EVERYTHING, OneOf, Pattern, Within
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.clock import FakeClock
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

FAILED = OneOf("status", (Pattern(("FAILED",)),))


async def test_rows_and_figures_obey_the_filter_and_ask_nobody(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, *[job(number, "FAILED" if number % 3 else "SUCCEEDED") for number in range(1, 10)])
    query = JobQuery(filter=FAILED, sort="id")
    first = await engine.list.first_rows(query, 2)
    rows = await engine.list.all_rows(query)
    assert [one.job_id for one in first] == ["8", "7"]
    assert engine.list.first_rows_now(query, 2) == first
    assert [one.job_id for one in await engine.list.summaries(rows)] == ["8", "7", "5", "4", "2", "1"]
    assert [one.job_id for one in await engine.list.jobs(rows[:2])] == ["8", "7"]
    figures = await engine.list.statistics(query)
    assert (figures.total, figures.counts) == (6, (("FAILED", 6),))
    assert await engine.list.values("status", "fa", 5) == ("FAILED",)
    assert platform.calls == []


async def test_what_came_since_is_told_apart(engine: Engine) -> None:
    await remember(engine, job(1), job(2))
    highest = max(await engine.list.all_rows(JobQuery()))
    assert list(await engine.list.newer_rows(highest, JobQuery())) == []
    await remember(engine, job(3, created_ms=START_MS), job(4, created_ms=START_MS - 10**9), job(1, "FAILED"))
    newer = await engine.list.summaries(await engine.list.newer_rows(highest, JobQuery()))
    assert [one.job_id for one in newer] == ["3", "4"]
    turned = await engine.list.summaries(await engine.list.newer_rows(highest, JobQuery(descending=False)))
    assert [one.job_id for one in turned] == ["4", "3"]


async def test_ages_and_running_times_go_on(engine: Engine, clock: FakeClock) -> None:
    await remember(engine, job(1, "PROCESSING", stage="export", created_ms=START_MS))
    old = JobQuery(filter=Within("duration", low=60_000))
    assert await engine.list.first_rows(old, 5) == []
    await clock.advance(61)
    assert [one.job_id for one in await engine.list.first_rows(old, 5)] == ["1"]
    assert len(await engine.list.all_rows(JobQuery(filter=Within("age", low=60_000)))) == 1


ASKED: dict[str, Callable[[Engine], Awaitable[object]]] = {
    "first_rows": lambda engine: engine.list.first_rows(JobQuery(), 5),
    "all_rows": lambda engine: engine.list.all_rows(JobQuery()),
    "newer_rows": lambda engine: engine.list.newer_rows(0, JobQuery()),
    "summaries": lambda engine: engine.list.summaries([1]),
    "jobs": lambda engine: engine.list.jobs([1]),
    "job": lambda engine: engine.list.job("1"),
    "summary": lambda engine: engine.list.summary("1"),
    "statistics": lambda engine: engine.list.statistics(JobQuery(filter=EVERYTHING)),
    "values": lambda engine: engine.list.values("id", "", 5),
}


@pytest.mark.parametrize("question", ASKED)
async def test_a_history_that_cannot_be_read_is_a_failure_in_words(engine: Engine, question: str) -> None:
    engine._core.history.close()
    with pytest.raises(FailureError) as caught:
        await ASKED[question](engine)
    failure = caught.value.failure
    assert failure.kind is FailureKind.LOCAL
    assert "cannot be read" in failure.what
    assert "is closed" in failure.cause

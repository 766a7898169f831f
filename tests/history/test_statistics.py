"""Figures about jobs against the same figures counted in Python."""

from __future__ import annotations

import asyncio
import sqlite3
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import START_MS, job
from tui_app.history.database import InPlace
from tui_app.history.history import History
from tui_app.history.statistics import statistics
from tui_app.models.export_job import ExportJob
from tui_app.models.filter import EVERYTHING, AnyText, Not, OneOf, Pattern
from tui_app.models.job_query import JobQuery
from tui_app.models.statistics import DatasetFigures, ErrorFigures, Statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_app.models.filter import Filter

HOUR = 3_600_000
DAY = 24 * HOUR


async def apply(history: History, *records: dict[str, Any]) -> None:
    await history.jobs.apply([ExportJob.parse(one) for one in records], seen_ms=START_MS, asked_ms=START_MS)


async def figures(history: History, wanted: Filter = EVERYTHING) -> Statistics:
    return await history.jobs.statistics(JobQuery(filter=wanted), now_ms=START_MS)


def lasting(job_id: int, duration_ms: int, **fields: Any) -> dict[str, Any]:
    return job(job_id, metrics={"totalTime": {"totalTimeInMs": duration_ms}}, **fields)


async def test_no_job_has_no_figures(history: History) -> None:
    assert await figures(history) == Statistics()
    await apply(history, job(1))
    nothing = AnyText(Pattern.inside("nowhere"))
    assert await figures(history, nothing) == Statistics()
    assert (await figures(history, Not(nothing))).total == 1


async def test_statuses_profiles_datasets_and_errors(history: History) -> None:
    await history.lookups.put("dataset", [("d1", "Loyalty", {}), ("d2", "", {})], at_ms=1)

    def into(dataset: str | None) -> dict[str, Any]:
        return {"destination": {"datasetId": dataset}}

    def failing(*messages: str) -> dict[str, Any]:
        return {"errors": [{"code": str(place), "msg": one} for place, one in enumerate(messages)]}

    def sized(profiles: int, duration_ms: int) -> dict[str, Any]:
        return {"metrics": {"totalExportedProfileCounter": profiles, "totalTime": {"totalTimeInMs": duration_ms}}}

    await apply(
        history,
        job(1, created_ms=START_MS - 5 * HOUR, **into("d1"), **sized(5, 70)),
        job(2, created_ms=START_MS - 4 * HOUR, **into("d1"), **sized(7, 10)),
        job(3, "FAILED", created_ms=START_MS - 3 * HOUR, **into("d1"), **failing("full", "x")),
        job(4, "FAILED", created_ms=START_MS - 2 * HOUR, **into("d2"), **failing("full", "y")),
        job(5, "FAILED", created_ms=START_MS - 1 * HOUR, **into("d2"), **failing("gone")),
        job(6, "PARKED", stage="queue", created_ms=START_MS - 1 * HOUR, **into(None)),
        job(7, "CANCELLED", creationTime=None, updateTime=None, **into("d1"), **sized(0, 30)),
    )
    found = await figures(history)
    assert (found.total, found.profiles) == (7, 12)
    assert found.counts == (("FAILED", 3), ("SUCCEEDED", 2), ("CANCELLED", 1), ("PARKED", 1))
    assert found.success_share == 2 / 5
    assert found.datasets == (
        DatasetFigures("d1", "Loyalty", 4, 1, 30),
        DatasetFigures("d2", None, 2, 2, found.datasets[1].p50_ms),
        DatasetFigures("", None, 1, 0, None),
    )
    assert found.errors == (
        ErrorFigures("0 full", 2, START_MS - 2 * HOUR),
        ErrorFigures("0 gone", 1, START_MS - HOUR),
    )
    assert sum(one.total for one in found.buckets) == 6  # nobody knows when the seventh was made
    assert [one.failed for one in found.buckets if one.failed] == [1, 1, 1]
    failed = await figures(history, OneOf("status", (Pattern(("failed",)),)))
    assert (failed.total, failed.counts, failed.success_share) == (3, (("FAILED", 3),), 0)
    assert failed.profiles is None  # not 0: none of them tells a number
    cancelled = await figures(history, OneOf("status", (Pattern(("cancelled",)),)))
    assert cancelled.profiles == 0  # it says so


@pytest.mark.parametrize(
    ("span_ms", "step_ms"),
    [
        (0, HOUR),
        (60 * HOUR - 1, HOUR),
        (60 * HOUR, 3 * HOUR),
        (10 * DAY, 6 * HOUR),
        (60 * DAY - 1, DAY),
        (60 * DAY, 2 * DAY),
        (120 * DAY, 7 * DAY),
        (3_000 * DAY, 364 * DAY),
    ],
)
async def test_time_is_cut_into_equal_parts_without_gaps(history: History, span_ms: int, step_ms: int) -> None:
    await apply(history, job(1, created_ms=START_MS), job(2, "FAILED", created_ms=START_MS - span_ms))
    found = await figures(history)
    starts = [one.start_ms for one in found.buckets]
    assert found.bucket_ms == step_ms
    assert [later - earlier for earlier, later in pairwise(starts)] == [step_ms] * (len(starts) - 1)
    assert starts[0] <= START_MS - span_ms < starts[0] + step_ms
    assert starts[-1] <= START_MS < starts[-1] + step_ms
    assert len(starts) <= 60
    assert (found.buckets[0].failed, found.buckets[-1].ok) == (1, 1)


async def test_a_span_longer_than_all_steps_has_its_own(history: History) -> None:
    await apply(history, job(1, created_ms=1_000), job(2, created_ms=200 * 364 * DAY))
    found = await figures(history)
    assert len(found.buckets) <= 60
    assert [found.buckets[0].ok, found.buckets[-1].ok] == [1, 1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    history = History(tmp_path_factory.mktemp("statistics") / "one.db", runner=InPlace())
    history.open()
    yield history
    history.close()


def nearest_rank(values: Sequence[int], share: int) -> int | None:
    """Return the smallest value that at least `share` of 100 do not exceed, the slow and sure way."""
    fit = [one for one in values if sum(other <= one for other in values) * 100 >= share * len(values)]
    return min(fit, default=None)


LENGTHS = st.one_of(st.integers(0, 50), st.sampled_from([2**32 - 1, 2**32, 2**40, 2**53]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(LENGTHS, st.integers(0, 11), st.integers(0, 200)), min_size=1, max_size=40))
async def test_medians_and_the_rest_are_exact(shared: History, drawn: list[tuple[int, int, int]]) -> None:
    await shared.database.write(lambda db: db.execute("DELETE FROM job"))
    await shared.database.write(lambda db: db.execute("DELETE FROM answer"))
    await apply(
        shared,
        *[
            lasting(number, length, created_ms=START_MS - days * DAY, destination={"datasetId": f"d{dataset}"})
            for number, (length, dataset, days) in enumerate(drawn)
        ],
    )
    found = await figures(shared)
    lengths = [length for length, *_ in drawn]
    assert found.p50_ms == nearest_rank(lengths, 50)
    assert found.p95_ms == nearest_rank(lengths, 95)
    assert found.longest_ms == max(lengths)
    by_dataset: dict[str, list[int]] = {}
    for length, dataset, _ in drawn:
        by_dataset.setdefault(f"d{dataset}", []).append(length)
    assert len(found.datasets) == min(8, len(by_dataset))
    most = sorted((len(one) for one in by_dataset.values()), reverse=True)
    assert [one.count for one in found.datasets] == most[:8]
    for one in found.datasets:
        assert one.p50_ms == nearest_rank(by_dataset[one.dataset_id], 50)
    assert sum(one.ok for one in found.buckets) == len(drawn)


async def test_profiles_beyond_64_bits_do_not_stop_the_count(history: History) -> None:
    most = 2**62
    await apply(history, *[job(number, metrics={"totalExportedProfileCounter": most}) for number in range(4)])
    found = await figures(history)
    assert found.total == 4
    assert found.profiles is not None
    assert found.profiles >= most


async def test_all_figures_are_of_one_moment(path: Any) -> None:
    """Jobs arrive while it counts: whatever it says, its parts add up."""
    history = History(path)
    history.open()
    await apply(history, *[job(number) for number in range(500)])

    async def keep_writing() -> None:
        for number in range(500, 700):
            await apply(history, job(number))

    writing = asyncio.create_task(keep_writing())
    for _ in range(20):
        found = await figures(history)
        assert sum(one.total for one in found.buckets) == found.total == sum(one.count for one in found.datasets)
    await writing
    assert (await figures(history)).total == 700
    history.close()


async def test_figures_that_are_broken_off_leave_no_transaction_behind(history: History) -> None:
    await apply(history, *[job(number) for number in range(200)])
    reader = history.database._reader
    assert reader is not None
    reader.set_progress_handler(lambda: 1, 1_000)  # stops any statement of some length
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        statistics(reader, EVERYTHING, START_MS)
    assert not reader.in_transaction
    reader.set_progress_handler(None, 0)
    assert statistics(reader, EVERYTHING, START_MS).total == 200

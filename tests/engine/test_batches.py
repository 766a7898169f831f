"""What became of a job's batches: their words for a state, their counts, and waiting until they can be read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.engines import job, make_engine, offline
from tui_app.models.batch import Batch, BatchState, parse_batches
from tui_app.models.counts import Counts
from tui_app.models.data_access import ByteRange, Listing
from tui_app.models.export_job import ExportJob
from tui_app.models.failure import FailureError
from tui_app.models.query import RemoteQuery

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("success", BatchState.DONE),
        ("active", BatchState.DONE),
        ("SUCCESS", BatchState.DONE),
        ("failed", BatchState.FAILED),
        ("failure", BatchState.FAILED),
        ("aborted", BatchState.FAILED),
        ("abandoned", BatchState.FAILED),
        ("inactive", BatchState.GONE),
        ("deleted", BatchState.GONE),
        ("stalled", BatchState.STALLED),
        ("loading", BatchState.RUNNING),
        ("something new", BatchState.RUNNING),
        (None, BatchState.RUNNING),
    ],
)
def test_words_of_a_status_come_down_to_a_few(status: str | None, state: BatchState) -> None:
    assert Batch.parse("b", {"status": status}).state is state


def test_the_count_is_taken_from_whichever_name_has_it() -> None:
    assert Batch.parse("b", {"metrics": {"recordsWritten": "20"}}).written == 20
    assert Batch.parse("b", {"metrics": {"outputRecordCount": 3}}).written == 3
    assert Batch.parse("b", {"metrics": {}, "recordCount": 4}).written == 4
    assert Batch.parse("b", {}).written is None
    related = [{"type": "batch", "id": "x"}, {"type": "dataSet", "id": "d"}]
    assert Batch.parse("b", {"relatedObjects": related}).dataset_id == "d"


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=6))
def test_no_answer_is_too_odd_to_be_read(raw: dict[str, object]) -> None:
    parse_batches(raw)
    Listing.parse(raw)
    Batch.parse("b", raw)
    RemoteQuery.parse({**raw, "id": "q"})


@given(st.text())
def test_no_content_range_is_too_odd(header: str) -> None:
    ByteRange.parse(header)


def test_a_content_range_is_believed_only_where_it_can_be() -> None:
    assert ByteRange.parse("bytes 5-9/10") == ByteRange(5, 9, 10)
    for wrong in (
        "bytes 9-5/10",
        "bytes 5-10/10",
        "bytes */10",
        "bytes 0-1",
        "items 0-1/2",
        "bytes 0-1/2, bytes 3-4/5",
    ):
        assert ByteRange.parse(wrong) is None


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(20, 20, 20), ""),
        (Counts(None, 20, 20), ""),
        (Counts(20, None, None), ""),
        (Counts(20, 15), "a batch is still being counted"),
        (Counts(20, 25), "wrote some profiles twice"),
        (Counts(20, 25, None, has_batch_per_segment=True), "this can be right"),
        (Counts(20, 20, 19), "not every file has been downloaded"),
        (Counts(20, 20, 21), "another run"),
        (Counts(0, 0), "never evaluated"),
    ],
)
def test_counts_that_differ_are_told_with_their_causes(counts: Counts, said: str) -> None:
    assert said in " ".join(counts.differences())
    assert bool(counts.differences()) is bool(said)


async def test_many_batches_are_listed_few_are_asked_for(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock())
    ids = [f"batch{number}" for number in range(5)]
    destination = {"datasetId": "d", "segmentPerBatch": True, "batches": [{"batchId": one} for one in ids]}
    record = job(24115, destination=destination)
    for one in ids:
        platform.batches[one] = {"status": "success", "metrics": {"recordsWritten": 4}}
    found = await engine.batches.of_job(ExportJob.parse(record))
    assert [one.batch_id for one in found.batches] == ids
    assert found.counts.written == 20
    assert len(platform.asked("catalog.list_batches")) == 1
    assert platform.asked("catalog.get_batch") == []
    del platform.batches["batch4"]
    found = await engine.batches.of_job(ExportJob.parse(record))
    assert found.counts.written is None
    assert found.batches[4].failure is not None
    assert "batch4" in found.batches[4].failure.what


async def test_nobody_to_be_asked_is_a_failure(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock())
    platform.fail("catalog.get_batch", offline(), times=None)
    with pytest.raises(FailureError, match="batches"):
        await engine.batches.of_job(ExportJob.parse(job(24115)))


async def test_a_batch_is_waited_for_until_it_can_be_read(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock)
    platform.batches["b"] = {"status": "loading"}
    told: list[str] = []
    waiting = asyncio.ensure_future(engine.batches.wait_readable("b", told=lambda one: told.append(one.status)))
    await clock.advance(10)
    platform.batches["b"] = {"status": "active"}
    await clock.advance(30)
    assert (await waiting).is_readable
    assert set(told) == {"loading"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"status": "failed", "errors": [{"code": "106", "description": "No space"}]}, "106 No space"),
        ({"status": "deleted"}, "It is gone (deleted)"),
        ({"status": "stalled"}, "still stalled"),
    ],
)
async def test_a_batch_that_cannot_be_read_says_why(tmp_path: Path, raw: dict[str, object], said: str) -> None:
    clock = FakeClock()
    engine, platform = make_engine(tmp_path, clock)
    platform.batches["b"] = raw
    waiting = asyncio.ensure_future(engine.batches.wait_readable("b", most_s=60))
    await clock.advance(120)
    with pytest.raises(FailureError) as caught:
        await waiting
    assert said in caught.value.failure.cause
    assert caught.value.failure.next_step

"""Values that complete a filter: those in use lately first, by their beginning, a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engines import START_MS, job
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    from tui_app.history.history import History


async def fill(history: History) -> None:
    def into(dataset: str, *batches: str) -> dict[str, Any]:
        return {"destination": {"datasetId": dataset, "batches": [{"batchId": one} for one in batches]}}

    def of(*segments: str) -> dict[str, Any]:
        return {"filter": {"segments": [{"segmentId": one} for one in segments]}}

    await history.lookups.put("dataset", [("d1", "Loyalty export", {}), ("d2", "Löwe", {}), ("d3", "", {})], at_ms=1)
    records = [
        job(241, **into("d1", "01ABC"), **of("seg-a", "seg-b"), mergePolicy={"id": "p-rare"}),
        job(242, **into("d2", "01abd"), **of("seg-b"), mergePolicy={"id": "p-often"}),
        job(243, **into("d2"), **of("seg-c"), mergePolicy={"id": "p-often"}),
        job(7, "PARKED", stage="queue", **into("d3"), **of(), mergePolicy=None),
        job(
            "odd-1",
            "FAILED",
            **into("d2"),
            errors=[{"code": "0090", "msg": "Output path"}, {"code": "0091", "msg": ""}],
        ),
    ]
    await history.jobs.apply([ExportJob.parse(one) for one in records], seen_ms=START_MS, asked_ms=START_MS)


@pytest.mark.parametrize(
    ("field", "prefix", "expected"),
    [
        ("dataset", "", ("Löwe", "d2", "Loyalty export", "d1", "d3")),
        ("dataset", "LO", ("Loyalty export",)),
        ("dataset", "lÖ", ("Löwe",)),
        ("dataset", "d", ("d2", "d1", "d3")),
        ("segment", "SEG-", ("seg-b", "seg-c", "seg-a")),
        ("segment", "b", ()),
        ("error", "", ("0090", "Output path", "0091")),
        ("error", "out", ("Output path",)),
        ("policy", "p", ("p-often", "p-rare")),
        ("batch", "01ab", ("01abd", "01ABC")),
        ("batch", "", ("01abd", "01ABC")),
        ("id", "24", ("243", "242", "241")),
        ("id", "O", ("odd-1",)),
        ("stage", "", ("queue", "export", "gap", "write", "finish")),
        ("stage", "W", ("write",)),
        ("status", "pa", ("PARKED",)),
        ("status", "cancel", ("CANCELLING", "CANCELLED")),
        ("age", "", ()),
        ("nonsense; DROP TABLE job", "", ()),
        ("dataset", "%", ()),
        ("batch", "_", ()),
        ("batch", "\ud800", ()),
        ("id", "\0", ()),
        ("id", "9" * 100_000, ()),
    ],
)
async def test_values_begin_as_typed(history: History, field: str, prefix: str, expected: tuple[str, ...]) -> None:
    await fill(history)
    assert await history.jobs.values(field, prefix, 20) == expected


async def test_a_list_ends_where_it_is_asked_to(history: History) -> None:
    await fill(history)
    for field in ("dataset", "segment", "error", "policy", "batch", "id", "stage", "status"):
        whole = await history.jobs.values(field, "", 20)
        assert await history.jobs.values(field, "", 2) == whole[:2]
        assert await history.jobs.values(field, "", 0) == ()
        assert len(set(whole)) == len(whole)


async def test_what_only_old_jobs_have_comes_after(history: History) -> None:
    old = [job(number, created_ms=START_MS - 10**9, destination={"datasetId": "old"}) for number in range(1, 50)]
    new = [job(number, destination={"datasetId": f"new-{number % 3}"}) for number in range(100, 3_200)]
    await history.jobs.apply([ExportJob.parse(one) for one in (*old, *new)], seen_ms=START_MS, asked_ms=START_MS)
    found = await history.jobs.values("dataset", "", 20)
    assert sorted(found[:3]) == ["new-0", "new-1", "new-2"]
    assert found[3:] == ("old",)
    assert (await history.jobs.values("id", "47", 11))[-2:] == ("470", "47")

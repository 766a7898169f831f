"""What a job counts is what its files hold: profiles, and identities by namespace."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from tests.emulator.conftest import JOBS, Caller, Start, minimal
from tui_app.emulator.world.batches import find_batch


async def counted(caller: Caller, job: dict[str, Any]) -> dict[str, int]:
    """The rows of all files of a job, and how many of them have an identity of each namespace."""
    emulator = caller.emulator
    destination = job["destination"]
    batch_ids = [one["batchId"] for one in destination.get("batches", [])] or [destination["batchId"]]
    paths = []
    for batch_id in batch_ids:
        batch = find_batch(emulator.world, emulator.world.sandboxes["prod"], batch_id, now_ms=emulator.world.now_ms())
        assert batch is not None
        paths += [await emulator.files.path(batch, part) for part in emulator.files.parts(batch)]
    if not paths:
        return {"rows": 0, "email": 0, "crmid": 0}
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT count(*), count(*) FILTER (map_contains(identityMap, 'email')), "
            "count(*) FILTER (map_contains(identityMap, 'crmid')) FROM read_parquet($paths)",
            {"paths": [str(path) for path in paths]},
        ).fetchone()
    assert found is not None
    return dict(zip(("rows", "email", "crmid"), found, strict=True))


async def done(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    made = (await caller.post(JOBS, body)).json()
    await caller.clock.advance(3_000)
    job: dict[str, Any] = await caller.get(f"{JOBS}/{int(made['id'])}")
    assert job["status"] == "SUCCEEDED"
    return job


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 7, 113])
async def test_an_export_of_everything_counts_as_its_files_do(start: Start, rows: int) -> None:
    caller = start(rows=rows, dialect="newest")
    job = await done(caller, minimal(await caller.dataset()) | {"fields": "identityMap"})
    metrics = job["metrics"]
    assert metrics["totalExportedProfileCounter"] == rows
    assert await counted(caller, job) == {"rows": rows} | metrics["exportedProfileByNamespaceCounter"]


@pytest.mark.parametrize("per_batch", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_an_export_of_audiences_counts_as_its_files_do(start: Start, count: int, *, per_batch: bool) -> None:
    caller = start(rows=2_000, dialect="newest")
    room = caller.emulator.world.sandboxes["prod"].room
    chosen = sorted((one for one in room.audiences if one.size), key=lambda one: -one.size)[3 : 3 + count]
    body = minimal(await caller.dataset()) | {"fields": "identityMap,segmentMembership"}
    body["destination"]["segmentPerBatch"] = per_batch
    body["filter"] = {
        "segments": [
            {"segmentId": one.segment_id, "segmentNs": one.segment_ns, "status": ["realized"]} for one in chosen
        ]
    }
    job = await done(caller, body)
    metrics = job["metrics"]
    assert metrics["totalExportedProfileCounter"] > 0
    expected = {"rows": metrics["totalExportedProfileCounter"]} | metrics["exportedProfileByNamespaceCounter"]
    assert await counted(caller, job) == expected


async def test_past_jobs_count_as_their_files_do(start: Start) -> None:
    caller = start(rows=300, jobs=40, dialect="newest")
    listed = (await caller.get(JOBS, limit=1_000))["records"]
    ended = [job for job in listed if job["status"] == "SUCCEEDED" and "properties" not in job][:8]
    assert len(ended) == 8
    for job in ended:
        metrics = job["metrics"]
        expected = {"rows": metrics["totalExportedProfileCounter"]} | metrics["exportedProfileByNamespaceCounter"]
        assert await counted(caller, job) == expected


@pytest.mark.parametrize(("since", "rows"), [("2026-03-01T12:00:00Z", 0), ("2026-03-01T11:59:59Z", 50)])
async def test_nobody_was_updated_at_a_time_to_come(start: Start, since: str, rows: int) -> None:
    caller = start(rows=50, dialect="newest")
    body = minimal(await caller.dataset()) | {"filter": {"fromIngestTimestamp": since}, "fields": "identityMap"}
    job = await done(caller, body)
    assert job["metrics"]["totalExportedProfileCounter"] == rows
    assert (await counted(caller, job))["rows"] == rows

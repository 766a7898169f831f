"""Batches and dataset files: order, filters, dialects, bounds, and what queries wrote."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start, minimal
from tui_app.emulator.data.tables import open_table
from tui_app.emulator.dialects import SPOKEN, Dialect
from tui_app.emulator.world.batches import Batch

BATCHES = f"{CATALOG}/batches"


async def every(caller: Caller, **params: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    while True:
        page = await caller.get(BATCHES, limit=100, start=len(found), **params)
        assert not set(page) & set(found)
        found |= page
        if len(page) < 100:
            return found


@pytest.mark.parametrize("jobs", [0, 1, 99, 100, 130])
async def test_all_batches_can_be_paged_in_either_order(start: Start, jobs: int) -> None:
    caller = start(jobs=jobs)
    newest_first = await every(caller)
    oldest_first = await every(caller, orderBy="asc:created")
    assert sorted(newest_first) == sorted(oldest_first)
    times = [one["created"] for one in newest_first.values()]
    assert times == sorted(times, reverse=True)
    assert [one["created"] for one in oldest_first.values()] == sorted(times)
    records = (await caller.get(JOBS, limit=1000))["records"]
    assert len(newest_first) >= len(records) == jobs
    for order in ("updated", "desc:updated", "asc:started,desc:created", "desc:status,updated", "version", "nothing"):
        assert sorted(await every(caller, orderBy=order)) == sorted(newest_first), order
    updated = [one["updated"] for one in (await every(caller, orderBy="desc:updated")).values()]
    assert updated == sorted(updated, reverse=True)


async def test_time_bounds_are_exclusive(start: Start) -> None:
    caller = start(jobs=400)
    found = await every(caller)
    times = sorted({one["created"] for one in found.values()})
    low, high = times[len(times) // 3], times[len(times) // 2]
    between = await every(caller, createdAfter=low, createdBefore=high)
    assert set(between) == {name for name, one in found.items() if low < one["created"] < high}
    assert list(await every(caller, createdAfter=low, createdBefore=high, orderBy="created")) != list(between)
    exactly = await every(caller, created=high)
    assert set(exactly) == {name for name, one in found.items() if one["created"] == high}
    assert await every(caller, createdAfter=high, createdBefore=low) == {}
    assert await every(caller, createdAfter=10**17) == {}
    assert await every(caller, createdBefore=-5) == {}


async def test_filters_find_what_a_look_at_all_finds(start: Start) -> None:
    caller = start(jobs=600)
    found = await every(caller)
    statuses = {one["status"] for one in found.values()}
    assert statuses >= {"success", "failed", "aborted", "loading"}
    for status in (*sorted(statuses), "active", "failure", "queued"):
        same = {"active": "success", "failure": "failed"}.get(status, status)
        wanted = {name for name, one in found.items() if one["status"] == same}
        assert set(await every(caller, status=status)) == wanted
        assert set(await every(caller, status=f"!{status}")) == set(found) - wanted
    dataset_id = next(iter(found.values()))["relatedObjects"][0]["id"]
    own = {name for name, one in found.items() if one["relatedObjects"][0]["id"] == dataset_id}
    assert set(await every(caller, dataSet=dataset_id)) == own
    assert set(await every(caller, dataSet=f"{dataset_id},unknown", status="success,failed")) == {
        name for name in own if found[name]["status"] in {"success", "failed"}
    }
    name, one = next((name, one) for name, one in found.items() if one["status"] == "failed")
    assert one["failedBatchLocation"] == f"http://127.0.0.1/data/foundation/export/batches/{name}/failed"
    assert list(await every(caller, batch=f"{name},unknown")) == [name]
    assert await every(caller, batch=name, status="success") == {}
    assert name in await every(caller, updated=one["updated"], started=one["started"])
    assert set(await every(caller, property="failedBatchLocation")) == set(await every(caller, status="failed"))
    assert set(await every(caller, property=["status~^(succ|load)", "completed"])) == {
        name for name, one in found.items() if one["status"] == "success"
    }
    for nothing in ("externalId", "recordCount", "failedRecordCount", "size", "startAfter", "endBefore"):
        few: dict[str, Any] = {nothing: 7}
        assert await every(caller, **few) == {}
    assert await every(caller, createdUser="nobody") == {}
    assert set(await every(caller, createdClient=one["createdClient"], recordCount="!7")) == set(found)
    assert await every(caller, tags="a:b") == {}
    shown = await every(caller, properties="status,nonsense")
    assert all(set(one) == {"status"} for one in shown.values())


async def test_one_batch(caller: Caller) -> None:
    batch_id = (await caller.job("x"))["destination"]["batchId"]
    for aggregate in ("true", "false", "True"):
        answer = await caller.http.get(
            f"{BATCHES}/{batch_id}", headers=caller.headers(), params={"aggregate": aggregate}
        )
        assert list(answer.json()) == [batch_id]
        assert answer.headers["ETag"] == answer.json()[batch_id]["version"]
    first = answer.json()[batch_id]["version"]
    await caller.clock.advance(2_000)
    assert (await caller.get(f"{BATCHES}/{batch_id}"))[batch_id]["version"] > first
    refused = await caller.http.get(f"{BATCHES}/{batch_id}", headers=caller.headers(), params={"aggregate": "x"})
    assert refused.status_code == 400
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await caller.http.request(method, f"{BATCHES}/{batch_id}", headers=caller.headers())
        assert answer.status_code == 405
    assert (await caller.post(BATCHES, {})).status_code == 405


@pytest.mark.parametrize(
    ("spoken", "counters"),
    [
        (Dialect(), {"recordsRead", "recordsWritten", "recordsFailed"}),
        (Dialect(batch_done="active", batch_failed="aborted", batch_rows_key="recordsRead"), {"recordsRead"}),
        (Dialect(batch_done="active", batch_failed="failure", batch_rows_key=""), set()),
    ],
)
async def test_dialects_of_batches(
    start: Start, monkeypatch: pytest.MonkeyPatch, spoken: Dialect, counters: set[str]
) -> None:
    monkeypatch.setitem(SPOKEN, "seed", spoken)
    caller = start(jobs=300)
    good = await every(caller, status="success")
    assert {one["status"] for one in good.values()} == {spoken.batch_done}
    assert good == await every(caller, status="active")
    assert all(set(one["metrics"]) == {"startTime", "endTime"} | counters for one in good.values())
    bad = await every(caller, status="failed")
    assert {one["status"] for one in bad.values()} == {spoken.batch_failed}
    assert set(bad) <= set(await every(caller, status=spoken.batch_failed))
    datasets = await caller.get(f"{CATALOG}/dataSets", limit=100)
    assert spoken.batch_done in {one.get("lastBatchStatus") for one in datasets.values()}
    assert spoken.batch_done in {
        one["lastBatchStatus"] for one in (await caller.get(f"{CATALOG}/lastBatches")).values()
    }


async def test_what_a_query_wrote_is_listed_in_its_place(caller: Caller) -> None:
    sandbox = caller.emulator.world.sandboxes["prod"]
    dataset_id = await caller.dataset("Written by a query")
    before = await every(caller)
    now = caller.emulator.world.now_ms()
    times = sorted({one["created"] for one in before.values()})
    for batch_id, created in (("q-new", now), ("q-old", times[3] + 1)):
        sandbox.written_batches[batch_id] = Batch(
            batch_id=batch_id,
            dataset_id=dataset_id,
            status="success",
            created_ms=created,
            updated_ms=created,
            started_ms=created,
            completed_ms=created,
            rows=7,
        )
    after = await every(caller)
    assert set(after) == {*before, "q-new", "q-old"}
    created_times = [one["created"] for one in after.values()]
    assert created_times == sorted(created_times, reverse=True)
    up = await every(caller, orderBy="created")
    assert [one["created"] for one in up.values()] == sorted(created_times)
    assert list(await every(caller, dataSet=dataset_id)) == ["q-new", "q-old"]
    assert (await caller.get(f"{BATCHES}/q-new"))["q-new"]["metrics"]["recordsWritten"] == 7
    last = (await caller.get(f"{CATALOG}/lastBatches", dataSetId=dataset_id))[dataset_id]
    assert (last["lastBatchId"], last["lastSuccessfulBatchId"]) == ("q-new", "q-new")
    dataset = (await caller.get(f"{CATALOG}/dataSets/{dataset_id}"))[dataset_id]
    assert dataset["extensions"]["adobe_lakeHouse"]["metrics"]["rowCount"] == 14
    assert await every(caller, batch="q-old,q-new", orderBy="created") == {
        name: after[name] for name in ("q-old", "q-new")
    }


async def test_dataset_files(start: Start) -> None:
    caller = start(jobs=0)
    made = await caller.job("one")
    dataset_id, batch_id = made["destination"]["datasetId"], made["destination"]["batchId"]
    assert await caller.get(f"{CATALOG}/dataSetFiles", dataSetId=dataset_id) == {}, "nothing is written yet"
    await caller.clock.advance(2_000)
    files = await caller.get(f"{CATALOG}/dataSetFiles", dataSetId=dataset_id)
    assert files
    dataset = (await caller.get(f"{CATALOG}/dataSets/{dataset_id}"))[dataset_id]
    for file_id, one in files.items():
        assert (one["id"], one["batchId"], one["dataSetViewId"]) == (file_id, batch_id, dataset["viewId"])
        assert await caller.get(f"{CATALOG}/dataSetFiles/{file_id}") == {file_id: one}
    listed = await caller.get(f"/data/foundation/export/batches/{batch_id}/files")
    assert [one["dataSetFileId"] for one in listed["data"]] == list(files)
    reference = dataset["files"].removeprefix("@")
    path, _, query = reference.partition("?")
    name, _, value = query.partition("=")
    assert await caller.get(CATALOG + path, **{name: value}) == files
    view = f"{CATALOG}/dataSets/{dataset_id}/views/{dataset['viewId']}/files"
    assert await caller.get(view) == files
    assert await caller.get(f"{CATALOG}/datasetFiles", datasetId=dataset_id) == files
    assert await caller.get(f"{CATALOG}/dataSetFiles", batchId=batch_id) == files
    assert await caller.get(f"{CATALOG}/dataSetFiles", batchId=batch_id, dataSetId="other") == {}
    assert await caller.get(f"{CATALOG}/dataSetFiles") == files
    pages = [await caller.get(f"{CATALOG}/dataSetFiles", limit=1, start=start) for start in range(len(files) + 1)]
    assert [list(page) for page in pages] == [[one] for one in files] + [[]]
    for missing in ("dataSetFiles/none", f"dataSets/{dataset_id}/views/none/files", "dataSets/none/views/x/files"):
        answer = await caller.http.get(f"{CATALOG}/{missing}", headers=caller.headers())
        assert (answer.status_code, answer.json()["title"]) == (404, "NotFoundError")


async def test_a_long_history_is_looked_through_to_a_bound(start: Start) -> None:
    caller = start(jobs=1_000_000)
    ledger_jobs = 5_000
    world = caller.emulator.world
    counted = _count_jobs(world.sandboxes["prod"].shelf)
    assert await caller.get(BATCHES, start=10**9) == {}
    assert counted() <= ledger_jobs + 100
    again = counted()
    assert await caller.get(BATCHES, start=10**9) == {}
    assert counted() - again < 150, "what ended is not made anew"
    again = counted()
    assert await caller.get(BATCHES, dataSet="f" * 24) == {}
    assert await caller.get(BATCHES, createdUser="nobody") == {}
    assert await caller.get(BATCHES, status="queued") == {}
    ingested = next(one for one in world.sandboxes["prod"].datasets.values() if not one.on_union)
    assert await caller.get(BATCHES, dataSet=ingested.dataset_id) == {}
    assert counted() == again, "what cannot pass costs nothing"
    a_month_ago = world.now_ms() - 30 * 86_400_000
    page = await caller.get(BATCHES, createdBefore=a_month_ago, limit=5, status="failed")
    assert len(page) == 5
    assert all(one["created"] < a_month_ago for one in page.values())
    oldest = await caller.get(BATCHES, orderBy="asc:created", limit=1)
    assert next(iter(oldest.values()))["created"] < world.now_ms() - 89 * 86_400_000


async def test_a_batch_that_is_done_changes_no_more_while_its_job_ends(start: Start) -> None:
    caller = start(speed=1)
    job = await caller.job("x")
    batch_id = job["destination"]["batchId"]
    done: list[dict[str, Any]] = []
    for _ in range(1_000):
        await caller.clock.advance(5)
        batch = (await caller.get(f"{BATCHES}/{batch_id}"))[batch_id]
        status = (await caller.get(f"{JOBS}/{job['id']}"))["status"]
        if batch["status"] == "success":
            done.append(batch)
            assert batch_id in await caller.get(BATCHES, updated=batch["completed"])
        if status == "SUCCEEDED":
            break
    assert len(done) > 2, "the job goes on when its batch is done"
    assert all(one == done[0] for one in done)
    assert done[0]["updated"] == done[0]["completed"]


async def test_what_a_caller_made_is_found_behind_thousands_of_other_peoples_jobs(start: Start) -> None:
    caller = start(alive=True, speed=600, jobs=0, rows=200)
    made = await caller.dataset()
    ids: dict[str, str] = {}
    for segment in ("good", "weekly-fail-write"):
        job = (await caller.post(JOBS, minimal(made, segment))).json()
        record = await caller.get(f"{JOBS}/{job['id']}")
        ids[segment] = record["destination"]["batchId"]
    await caller.clock.advance(12_000)
    await caller.get(JOBS, limit=1)
    assert len(caller.emulator.world.sandboxes["prod"].shelf) > 5_200
    newest_first = [ids["weekly-fail-write"], ids["good"]]
    assert list(await caller.get(BATCHES, dataSet=made)) == newest_first
    assert list(await caller.get(BATCHES, dataSet=made, orderBy="asc:created")) == newest_first[::-1]
    assert list(await caller.get(BATCHES, dataSet=made, orderBy="asc:status")) == newest_first
    assert list(await caller.get(BATCHES, dataSet=made, status="success")) == [ids["good"]]
    files = await caller.get(f"{CATALOG}/dataSetFiles", dataSetId=made)
    assert {one["batchId"] for one in files.values()} == {ids["good"]}
    dataset = (await caller.get(f"{CATALOG}/dataSets/{made}"))[made]
    assert (dataset["lastFailedBatch"], dataset["lastSuccessfulBatch"]) == (*newest_first,)
    assert dataset["lastBatchId"] == ids["weekly-fail-write"]
    rows = (await caller.get(f"{BATCHES}/{ids['good']}"))[ids["good"]]["metrics"]["recordsWritten"]
    assert dataset["extensions"]["adobe_lakeHouse"]["metrics"]["rowCount"] == rows
    assert (await caller.get(f"{CATALOG}/lastBatches", dataSetId=made))[made]["lastSuccessfulBatchId"] == ids["good"]
    assert (await caller.get(f"/data/foundation/export/datasets/{made}/preview"))["data"]
    world, sandbox = caller.emulator.world, caller.emulator.world.sandboxes["prod"]
    async with AsyncExitStack() as stack:
        table = await open_table(world, caller.emulator.files, sandbox, sandbox.datasets[made], stack=stack)
        assert table.files


def _count_jobs(shelf: Any) -> Any:
    made = [0]
    past, make = shelf.past, shelf.past.job

    def job(index: int) -> Any:
        made[0] += 1
        return make(index)

    past.job = job
    return lambda: made[0]

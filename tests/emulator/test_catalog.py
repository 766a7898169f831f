"""Datasets and batches as Catalog shows them."""

from __future__ import annotations

import re

import pytest

from tests.emulator.conftest import CATALOG, JOBS, UNION, Caller, Start

TUTORIAL = {
    "name": "Profile Data Export",
    "schemaRef": UNION,
    "fileDescription": {"persisted": True, "containerFormat": "parquet", "format": "parquet"},
    "aspect": "production",
}


@pytest.mark.parametrize("noun", ["dataSets", "datasets", "dataSets/"])
async def test_creating_a_dataset(caller: Caller, noun: str) -> None:
    answer = await caller.post(f"{CATALOG}/{noun}", TUTORIAL)
    assert answer.status_code == 201
    (reference,) = answer.json()
    assert re.fullmatch(r"@/datasets/[0-9a-f]{24}", reference)
    dataset_id = reference.rpartition("/")[2]
    assert answer.headers["Location"].endswith(dataset_id)
    got = await caller.get(f"{CATALOG}/dataSets/{dataset_id}")
    assert list(got) == [dataset_id]
    assert got[dataset_id]["name"] == TUTORIAL["name"]
    assert got[dataset_id]["schemaRef"] == UNION
    assert "adobe/pqs/table" not in got[dataset_id]["tags"]
    await caller.clock.advance(30)
    later = await caller.http.get(f"{CATALOG}/datasets/{dataset_id}", headers=caller.headers())
    assert later.json()[dataset_id]["tags"]["adobe/pqs/table"] == ["profile_data_export_2"]  # the name is taken
    assert later.headers["ETag"] == later.json()[dataset_id]["version"]
    newest = await caller.get(f"{CATALOG}/dataSets", limit=1)
    assert list(newest) == [dataset_id]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"name": None}, 400, "name"),
        ({"name": "  "}, 400, "name"),
        ({"description": 5}, 400, "description"),
        ({"schemaRef": "union"}, 400, "schemaRef"),
        ({"schemaRef": {"id": UNION["id"]}}, 400, "contentType"),
        ({"tags": {"unifiedProfile": "enabled:true"}}, 400, "unifiedProfile"),
        (
            {"tags": {"adobe/pqs/table": ["x"]}},
            403,
            "Not permitted to create or modify tags for namespace(adobe/pqs/table).",
        ),
    ],
)
async def test_bad_datasets_are_refused(caller: Caller, change: dict[str, object], status: int, said: str) -> None:
    answer = await caller.post(f"{CATALOG}/dataSets", TUTORIAL | change)
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"type", "status", "title", "detail"}
    assert said in body["detail"]


async def test_the_content_type_is_asked_for_and_validate_only_saves_nothing(caller: Caller) -> None:
    answer = await caller.http.post(f"{CATALOG}/dataSets", headers=caller.headers(), content=b"{}")
    assert answer.json() == {
        "type": "/placeholder/type/uri",
        "status": 400,
        "title": "BadRequestError",
        "detail": "A valid content-type must be specified",
    }
    before = await caller.get(f"{CATALOG}/dataSets", limit=100)
    headers = caller.headers() | {"Pragma": "validate-only"}
    checked = await caller.http.post(f"{CATALOG}/dataSets", headers=headers, json=TUTORIAL)
    assert checked.status_code == 200
    assert await caller.get(f"{CATALOG}/dataSets", limit=100) == before


async def test_missing_objects(caller: Caller) -> None:
    for path, detail in (("dataSets/" + "f" * 24, "DataSet not found."), ("batches/nothing", "Batch not found.")):
        answer = await caller.http.get(f"{CATALOG}/{path}", headers=caller.headers())
        assert (answer.status_code, answer.json()["detail"]) == (404, detail)


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"start": "-1"}, {"orderBy": "up:x"}])
async def test_bad_windows_are_refused(caller: Caller, params: dict[str, object]) -> None:
    answer = await caller.http.get(
        f"{CATALOG}/dataSets", headers=caller.headers(), params={name: str(one) for name, one in params.items()}
    )
    assert answer.status_code == 400
    if "limit" in params:
        assert answer.json()["detail"] == "Please supply a valid query limit: (1 - 100)"


async def test_paging_ordering_and_chosen_properties(caller: Caller) -> None:
    everything = await caller.get(f"{CATALOG}/dataSets", limit=100)
    assert 55 <= len(everything) <= 65
    created = [one["created"] for one in everything.values()]
    assert created == sorted(created, reverse=True)
    assert len(await caller.get(f"{CATALOG}/dataSets")) == 20
    rest = await caller.get(f"{CATALOG}/dataSets", start=50)
    assert list(rest) == list(everything)[50:]
    names = await caller.get(f"{CATALOG}/dataSets", limit=100, orderBy="name", properties="name,schemaRef")
    assert [one["name"] for one in names.values()] == sorted(one["name"] for one in names.values())
    assert all(set(one) == {"name", "schemaRef"} for one in names.values())
    oldest = await caller.get(f"{CATALOG}/dataSets", limit=1, orderBy="asc:created,desc:name")
    assert list(oldest) == [list(everything)[-1]]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"name": "Loyalty export"}, {"Loyalty export"}),
        ({"name": "Loyalty export,Consent audit"}, {"Loyalty export", "Consent audit"}),
        ({"property": "name==Loyalty*"}, {"Loyalty export", "Loyalty members ingest"}),
        ({"property": "name==*audi*"}, {"App push audience", "Consent audit"}),
        ({"property": "name~^Call"}, {"Call centre outreach"}),
        ({"property": "!name"}, set()),
        ({"property": "name==**"}, set()),
    ],
)
async def test_filters(caller: Caller, params: dict[str, str], names: set[str]) -> None:
    found = await caller.get(f"{CATALOG}/dataSets", limit=100, **params)
    assert {one["name"] for one in found.values()} == names


async def test_negated_filters(caller: Caller) -> None:
    for params in ({"name": "!Loyalty export"}, {"property": "name!=Loyalty export"}):
        found = await caller.get(f"{CATALOG}/dataSets", limit=100, **params)
        assert len(found) == len(await caller.get(f"{CATALOG}/dataSets", limit=100)) - 1
        assert "Loyalty export" not in {one["name"] for one in found.values()}


async def test_a_dataset_shows_its_last_batch(caller: Caller) -> None:
    made = await caller.job("x")
    dataset_id, batch = made["destination"]["datasetId"], made["destination"]["batchId"]
    first = (await caller.get(f"{CATALOG}/dataSets/{dataset_id}"))[dataset_id]
    assert (first["lastBatchId"], first["lastBatchStatus"]) == (batch, "loading")
    await caller.clock.advance(2_000)
    last = (await caller.get(f"{CATALOG}/dataSets/{dataset_id}"))[dataset_id]
    assert (last["lastBatchStatus"], last["lastSuccessfulBatch"]) == ("success", batch)


async def test_batches_are_listed_and_filtered(caller: Caller) -> None:
    made = await caller.job("one", "two")
    dataset_id = made["destination"]["datasetId"]
    found = await caller.get(f"{CATALOG}/batches", dataSet=dataset_id)
    assert list(found) == [made["destination"]["batchId"]]
    assert found[made["destination"]["batchId"]]["relatedObjects"] == [{"type": "dataSet", "id": dataset_id}]
    page, rest = [await caller.get(f"{CATALOG}/batches", limit=3, start=start) for start in (0, 3)]
    assert not set(page) & set(rest)
    failed = await caller.get(f"{CATALOG}/batches", status="failed", limit=2)
    assert {one["status"] for one in failed.values()} == {"failed"}
    assert all(one["errors"] for one in failed.values())
    recent = await caller.get(f"{CATALOG}/batches", createdAfter=made["creationTime"])
    assert list(recent) == list(found)
    older = await caller.get(f"{CATALOG}/batches", createdBefore=made["creationTime"], limit=1)
    assert list(older) != list(found)


async def test_a_batch_names_its_sandbox_as_its_dataset_does(caller: Caller) -> None:
    for sandbox in ("prod", "dev"):
        destination = (await caller.job("one", sandbox=sandbox))["destination"]
        dataset_id, batch_id = destination["datasetId"], destination["batchId"]
        dataset = (await caller.get(f"{CATALOG}/dataSets/{dataset_id}", sandbox=sandbox))[dataset_id]
        batch = (await caller.get(f"{CATALOG}/batches/{batch_id}", sandbox=sandbox))[batch_id]
        assert batch["sandboxId"] == dataset["sandboxId"]


async def test_one_batch_for_each_segment_shares_the_rows(start: Start) -> None:
    caller = start(dialect="newest")
    dataset_id = await caller.dataset()
    body = {
        "filter": {"segments": [{"segmentId": name} for name in ("a", "b", "c")]},
        "destination": {"datasetId": dataset_id, "segmentPerBatch": True},
        "schema": {"name": "_xdm.context.profile"},
    }
    made = (await caller.post(JOBS, body)).json()
    await caller.clock.advance(2_000)
    job = await caller.get(f"{JOBS}/{made['id']}")
    ids = [one["batchId"] for one in job["destination"]["batches"]]
    rows = [(await caller.get(f"{CATALOG}/batches/{one}"))[one]["metrics"]["recordsWritten"] for one in ids]
    assert len(set(ids)) == 3
    assert sum(rows) == job["metrics"]["totalExportedProfileCounter"]
    beyond = caller.emulator.world.batch_ids.of(job["id"], 3)
    answer = await caller.http.get(f"{CATALOG}/batches/{beyond}", headers=caller.headers())
    assert answer.status_code == 404

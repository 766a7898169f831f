"""How datasets are changed, deleted and found; what the world's own ones look like."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.emulator.conftest import CATALOG, JOBS, UNION, Caller, Start, minimal

SETS = f"{CATALOG}/dataSets"


async def send(caller: Caller, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"content-type": "application/json"}
    return await caller.http.request(method, path, headers=caller.headers() | kind | known, content=content)


async def one(caller: Caller, dataset_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await caller.get(f"{SETS}/{dataset_id}"))[dataset_id]
    return found


async def names(caller: Caller, **params: str) -> list[str]:
    return [found["name"] for found in (await caller.get(SETS, limit=100, **params)).values()]


async def test_fields_are_changed_and_the_rest_stays(caller: Caller) -> None:
    dataset_id = await caller.dataset("Before")
    await caller.clock.advance(60)
    before = await one(caller, dataset_id)
    answer = await send(caller, "PATCH", f"{SETS}/{dataset_id}", {"name": "After", "description": "so", "nonsense": 1})
    assert (answer.status_code, answer.json()) == (200, [f"@/datasets/{dataset_id}"])
    after = await one(caller, dataset_id)
    assert (after["name"], after["description"]) == ("After", "so")
    assert after["updated"] > before["updated"]
    assert (before["version"], after["version"]) == ("1.0.1", "1.0.2")
    changed = {"name", "description", "updated", "version"}
    assert {name: value for name, value in after.items() if name not in changed} == {
        name: value for name, value in before.items() if name not in changed
    }


async def test_a_json_patch_changes_tags(caller: Caller) -> None:
    dataset_id = await caller.dataset()
    await caller.clock.advance(60)
    patch = [
        {"op": "test", "path": "/name", "value": "Target"},
        {"op": "add", "path": "/tags/unifiedProfile", "value": ["enabled:true", "isUpsert:true"]},
        {"op": "add", "path": "/tags/unifiedProfile/-", "value": "third"},
        {"op": "replace", "path": "/tags/unifiedProfile/0", "value": "enabled:false"},
        {"op": "add", "path": "/tags/a~1b", "value": ["slash"]},
        {"op": "add", "path": "/description", "value": "gone soon"},
        {"op": "remove", "path": "/description"},
    ]
    path = f"{SETS}/{dataset_id}"
    answer = await send(caller, "PATCH", path, patch, content_type="application/json-patch+json")
    assert answer.status_code == 200, answer.text
    tags = (await one(caller, dataset_id))["tags"]
    assert tags["unifiedProfile"] == ["enabled:false", "isUpsert:true", "third"]
    assert tags["a/b"] == ["slash"]
    assert tags["adobe/pqs/table"] == ["target"]
    as_json = await send(caller, "PATCH", path, patch)
    assert as_json.status_code == 400, "a patch has its own content type"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/tags/none", "value": ["x"]},
        {"op": "remove", "path": "/tags/none"},
        {"op": "test", "path": "/name", "value": "other"},
        {"op": "move", "from": "/name", "path": "/description"},
        {"op": "add", "path": "name", "value": "x"},
        {"op": "add", "path": "/name"},
        {"op": "add", "path": "/name", "value": 5},
        {"op": "remove", "path": "/name"},
        {"op": "add", "path": "/tags/unifiedProfile/99999999999999999999", "value": "x"},
        {"op": "add", "path": "/tags/unifiedProfile/٣", "value": "x"},
        {"op": "add", "path": "/name/deeper/still", "value": "x"},
        {"op": ["add"], "path": {"a": 1}, "value": "x"},
        "add",
        None,
    ],
)
async def test_a_patch_that_cannot_be_carried_out_changes_nothing(caller: Caller, operation: object) -> None:
    dataset_id = await caller.dataset()
    before = await one(caller, dataset_id)
    patch = [
        {"op": "add", "path": "/tags/unifiedProfile", "value": ["enabled:true"]},
        operation,
    ]
    path = f"{SETS}/{dataset_id}"
    answer = await send(caller, "PATCH", path, patch, content_type="application/json-patch+json")
    assert answer.status_code == 400
    assert answer.json()["title"] == "BadRequestError"
    assert await one(caller, dataset_id) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ("text", 400),
        ({"name": ""}, 400),
        ({"name": None}, 400),
        ({"name": ["x"]}, 400),
        ({"description": {}}, 200),
        ({"description": {"a": 1}}, 400),
        ({"tags": []}, 400),
        ({"tags": {"a": "b"}}, 400),
        ({"tags": {"a": [1]}}, 400),
        ({"tags": None}, 200),
        ({"schemaRef": {"id": 5, "contentType": "x"}}, 400),
        ({"fileDescription": {"format": []}}, 400),
        ({"fileDescription": {"delimiters": "x"}}, 400),
        ({"enableErrorDiagnostics": "yes"}, 400),
        ({"dataSourceId": True}, 400),
        ({"dataSourceId": 10**400}, 200),
        ({"unifiedTags": "x"}, 400),
        ({"extensions": {"adobe_lakeHouse": []}}, 400),
        ({"extensions": {"adobe_lakeHouse": {"rowExpiration": {"ttlValue": "three years"}}}}, 400),
        ({"classification": {"dataBehavior": 1}}, 400),
        ({"version": "9.9.9", "created": 1, "lastBatchId": "x", "imsOrg": "x"}, 200),
    ],
)
async def test_wrong_types_in_a_change(caller: Caller, body: object, status: int) -> None:
    dataset_id = await caller.dataset()
    answer = await send(caller, "PATCH", f"{SETS}/{dataset_id}", body)
    assert answer.status_code == status, answer.text
    found = await one(caller, dataset_id)
    assert found["imsOrg"] == caller.emulator.credentials.org_id
    assert "lastBatchId" not in found


async def test_reserved_tags(caller: Caller) -> None:
    dataset_id = await caller.dataset()
    await caller.clock.advance(60)
    path = f"{SETS}/{dataset_id}"
    shown = (await one(caller, dataset_id))["tags"]
    for tags, status in (
        (shown, 200),  # read, changed, written back
        ({"adobe/pqs/table": ["mine"]}, 403),
        ({"adobe/anything": []}, 403),
    ):
        for method, body in (("PATCH", {"tags": tags}), ("PUT", {"name": "Target", "tags": tags})):
            answer = await send(caller, method, path, body)
            assert answer.status_code == status, (method, tags)
    assert "adobe/anything" in answer.json()["detail"]
    assert (await one(caller, dataset_id))["tags"] == shown


async def test_put_replaces_and_v2_goes_deep(caller: Caller) -> None:
    dataset_id = await caller.dataset()
    await caller.clock.advance(60)
    path = f"{SETS}/{dataset_id}"
    body = {"name": "New Dataset Name", "tags": {"a": ["b"]}, "files": "@/dataSetFiles?dataSetId=x"}
    assert (await send(caller, "PUT", path, body)).status_code == 200
    found = await one(caller, dataset_id)
    assert (found["name"], found["tags"]["a"], "schemaRef" in found) == ("New Dataset Name", ["b"], False)
    assert found["files"].endswith(dataset_id)
    expiry = {"extensions": {"adobe_lakeHouse": {"rowExpiration": {"ttlValue": "P3M"}}}, "tags": {"c": ["d"]}}
    deep = f"{CATALOG}/v2/dataSets/{dataset_id}"
    assert (await send(caller, "PATCH", deep, expiry)).json() == [f"@/datasets/{dataset_id}"]
    found = await one(caller, dataset_id)
    assert found["extensions"]["adobe_lakeHouse"] == {"rowExpiration": {"ttlValue": "P3M"}}
    assert {"a", "c", "adobe/pqs/table"} <= set(found["tags"])
    rename = {"tags": {"adobe/pqs/table": ["q2_sales_data"], "adobe/siphon/table/format": ["parquet"]}}
    assert (await send(caller, "PATCH", deep, rename)).status_code == 200
    assert (await one(caller, dataset_id))["tags"]["adobe/pqs/table"] == ["q2_sales_data"]
    for names_of_tables in (["loyalty_export"], ["Not; legal"], []):
        taken = await send(caller, "PATCH", deep, {"tags": {"adobe/pqs/table": names_of_tables}})
        assert taken.status_code == 400


async def test_changes_ask_for_the_version_that_the_caller_knows(caller: Caller) -> None:
    dataset_id = await caller.dataset()
    path = f"{SETS}/{dataset_id}"
    version = (await send(caller, "GET", path)).headers["ETag"]
    updated = str((await one(caller, dataset_id))["updated"])
    refused = await send(caller, "PATCH", path, {"description": "a"}, if_match="1.0.77")
    assert (refused.status_code, refused.json()["status"]) == (412, 412)
    for number, match in enumerate((version, "*", f'"{version}"')):
        answer = await send(caller, "PATCH", path, {"description": str(number)}, if_match=match)
        assert answer.status_code == 200 if number < 2 else 412, "the version grew with the changes"
    assert (await send(caller, "PUT", path, {"name": "x"}, if_match=updated)).status_code in {200, 412}
    assert (await send(caller, "PATCH", path, {"name": "y"}, if_none_match="*")).status_code == 412
    pretended = await send(caller, "PATCH", path, {"name": "never"}, Pragma="validate-only")
    assert pretended.status_code == 200
    assert (await one(caller, dataset_id))["name"] != "never"


async def test_a_deleted_dataset_is_gone_and_its_jobs_stay(caller: Caller) -> None:
    made = await caller.job("x")
    dataset_id, batch_id = made["destination"]["datasetId"], made["destination"]["batchId"]
    path = f"{SETS}/{dataset_id}"
    answers = await asyncio.gather(*(send(caller, "DELETE", path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404]
    assert next(answer.json() for answer in answers if answer.status_code == 200) == [f"@/datasets/{dataset_id}"]
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("PUT", {"name": "x"}), ("DELETE", None)):
        gone = await send(caller, method, path, body)
        assert (gone.status_code, gone.json()["detail"]) == (404, "DataSet not found.")
    assert dataset_id not in await caller.get(SETS, limit=100)
    assert dataset_id not in await caller.get(f"{CATALOG}/lastBatches", dataSetId=dataset_id)
    assert (await caller.get(f"{JOBS}/{made['id']}"))["id"] == made["id"]
    assert list(await caller.get(f"{CATALOG}/batches", dataSet=dataset_id)) == [batch_id]
    assert (await caller.post(JOBS, minimal(dataset_id))).status_code == 400


async def test_a_data_source_is_made_when_it_is_asked_for(caller: Caller) -> None:
    for asked, has_source in (("true", True), ("False", False)):
        answer = await caller.http.post(
            SETS,
            headers=caller.headers(),
            params={"requestDataSource": asked},
            json={"name": "S", "enableErrorDiagnostics": True, "systemLabels": ["x"]},
        )
        assert answer.status_code == 201
        found = await one(caller, answer.json()[0].rpartition("/")[2])
        assert isinstance(found.get("dataSourceId"), int) is has_source
        assert (found["enableErrorDiagnostics"], found["systemLabels"]) == (True, ["x"])
        assert found["createdClient"] == caller.emulator.credentials.client_id
    bad = await caller.http.post(
        SETS, headers=caller.headers(), params={"requestDataSource": "perhaps"}, json={"name": "S"}
    )
    assert bad.status_code == 400


async def test_the_worlds_datasets_are_of_every_sort(caller: Caller) -> None:
    found = await caller.get(SETS, limit=100)
    assert len({one["name"] for one in found.values()}) == len(found)
    tables = [one["tags"]["adobe/pqs/table"][0] for one in found.values()]
    assert len(set(tables)) == len(tables)
    snapshots = [one for one in found.values() if one["name"].startswith("Profile-Snapshot-Export-")]
    assert len(snapshots) >= 2
    for snapshot in snapshots:
        assert snapshot["classification"]["managedBy"] == "SYSTEM"
        assert any(tag.startswith("mergePolicyId:") for tag in snapshot["tags"]["unifiedProfile"])
    feeding = [one for one in found.values() if "enabled:true" in one["tags"].get("unifiedProfile", ())]
    assert len(feeding) > 10
    assert not any(one["schemaRef"]["id"] == UNION["id"] for one in feeding)
    assert {one["classification"]["dataBehavior"] for one in feeding} == {"record", "time-series"}
    targets = [one for one in found.values() if one["schemaRef"]["id"] == UNION["id"]]
    assert all("rowCount" in one["extensions"]["adobe_lakeHouse"]["metrics"] for one in targets)
    assert any(one["extensions"]["adobe_lakeHouse"]["metrics"]["rowCount"] for one in targets)
    assert {one["files"].partition("?")[0].count("/") for one in found.values()} == {1, 5}, "both forms of reference"
    assert len(await caller.get(SETS, limit=100, sandbox="dev")) < len(found)
    assert await caller.get(SETS, sandbox="empty") == {}


async def test_schemas_of_datasets_are_known_to_the_registry(caller: Caller) -> None:
    used = {one["schemaRef"]["id"] for one in (await caller.get(SETS, limit=100)).values()}
    for schema_id in sorted(used - {UNION["id"]}):
        answer = await caller.http.get(
            f"/data/foundation/schemaregistry/tenant/schemas/{httpx.QueryParams({'a': schema_id})}".replace("a=", ""),
            headers=caller.headers() | {"Accept": "application/vnd.adobe.xed+json; version=1"},
        )
        assert answer.status_code == 200, schema_id


async def test_properties_show_an_empty_value_as_an_object(caller: Caller) -> None:
    dataset_id = await caller.dataset()
    found = await caller.get(SETS, limit=1, properties="name, description,nothing")
    assert found == {dataset_id: {"name": "Target", "description": {}}}
    assert await caller.get(SETS, limit=1, properties="nothing") == {dataset_id: {}}
    assert len(await caller.get(SETS, limit=100, properties="name,observableSchema")) == 20
    assert await caller.get(f"{SETS}/{dataset_id}", properties="name") == {dataset_id: {"name": "Target"}}


async def test_conditions_on_properties(caller: Caller) -> None:
    everything = len(await names(caller))
    starred = await caller.dataset("5 * 3 * \x00")
    assert await names(caller, property="name==5 ** 3 ** \x00") == ["5 * 3 * \x00"]
    assert await names(caller, property="name==5 * \x00") == ["5 * 3 * \x00"]
    assert await names(caller, property="name==5 ** 3 **") == []
    await caller.clock.advance(60)
    for _ in range(9):
        assert (await send(caller, "PATCH", f"{SETS}/{starred}", {"description": "d"})).status_code == 200
    assert (await one(caller, starred))["version"] == "1.0.10"
    assert await names(caller, property="version>1.0.9") == ["5 * 3 * \x00"], "1.0.10 is above 1.0.9"
    assert len(await names(caller, property="version<1.0.9")) == everything
    assert len(await names(caller, property="version>=1.0.1")) == everything + 1
    created = (await one(caller, starred))["created"]
    assert await names(caller, property=f"created>={created}") == ["5 * 3 * \x00"]
    assert await names(caller, property=f"created>{created}") == []
    assert await names(caller, created=str(created)) == ["5 * 3 * \x00"]
    assert await names(caller, property=f"created<{created}", name="Survey sample") == ["Survey sample"]
    assert await names(caller, property="created<abc") == []
    assert await names(caller, property="name~^(App|Ad) (usage|exposure).*(iOS|partners)$", orderBy="name") == [
        "Ad exposure partners",
        "App usage iOS",
    ]
    assert await names(caller, enableErrorDiagnostics="TRUE", name="Orders 2026,Survey sample") == ["Orders 2026"]
    assert await names(caller, property="!schemaRef") == []
    over = await caller.get(SETS, limit=100, lastBatchStatus="!loading,staging,staged", property="lastBatchId")
    assert {one["lastBatchStatus"] for one in over.values()} <= {"success", "failed", "aborted"}
    assert over
    assert (await names(caller, orderBy="desc:version,name"))[0] == "5 * 3 * \x00"
    assert await names(caller, sort="name") == sorted(await names(caller))
    assert await names(caller, orderBy="orderBy=asc:created,name") == (await names(caller))[::-1]


async def test_tags_filter(caller: Caller) -> None:
    feeding = await names(caller, tags="unifiedProfile:enabled:true")
    assert "CRM accounts" in feeding
    assert "Shop addresses" not in feeding
    upserts = await names(caller, tags="unifiedProfile:enabled:*,unifiedProfile:isUpsert:true,unifiedIdentity:*")
    assert set(upserts) == {"CRM accounts", "Subscriptions nightly", "Computed attributes"}
    assert len(await names(caller, tags="unifiedProfile:mergePolicyId:*")) == 2
    assert await names(caller, tags="adobe/pqs/table:survey*") == ["Survey sample"]
    assert await names(caller, tags="unifiedProfile:nothing") == []
    assert set(await names(caller, tags="unifiedProfile")) > set(feeding)


async def test_last_batches(start: Start) -> None:
    caller = start(jobs=5_000)
    await caller.clock.advance(30)
    page = await caller.get(f"{CATALOG}/lastBatches", limit=100)
    assert len(page) > 10
    datasets = await caller.get(SETS, limit=100)
    for dataset_id, last in page.items():
        assert datasets[dataset_id]["lastBatchId"] == last["lastBatchId"]
        assert datasets[dataset_id].get("lastSuccessfulBatch") == last.get("lastSuccessfulBatchId")
        batch = (await caller.get(f"{CATALOG}/batches/{last['lastBatchId']}"))[last["lastBatchId"]]
        assert (batch["status"], batch["created"]) == (last["lastBatchStatus"], last["created"])
        newest = await caller.get(f"{CATALOG}/batches", dataSet=dataset_id, limit=1)
        assert list(newest) == [last["lastBatchId"]]
        good = await caller.get(f"{CATALOG}/batches", dataSet=dataset_id, limit=1, status="success")
        assert last.get("lastSuccessfulBatchId") in good
    some = list(page)[:2]
    assert set(await caller.get(f"{CATALOG}/lastBatches", dataSetId=",".join(some))) == set(some)
    failed = await caller.get(f"{CATALOG}/lastBatches", lastBatchStatus="failed", limit=100)
    assert set(failed) == {one for one, last in page.items() if last["lastBatchStatus"] == "failed"}
    only = await caller.get(f"{CATALOG}/lastBatches", dataSetId=some[0], properties="lastBatchStatus")
    assert set(only[some[0]]) == {"lastBatchStatus"}
    assert await caller.get(f"{CATALOG}/lastBatches", dataSetId="nothing") == {}


async def test_references_are_spelled_as_the_dialect_has_them(start: Start) -> None:
    for dialect, start_of in (("seed", "@/datasets/"), ("openapi", "@/dataSets/")):
        caller = start(dialect=dialect)
        made = await caller.post(SETS, {"name": "R"})
        dataset_id = made.json()[0].removeprefix(start_of)
        for method, body in (("PATCH", {"name": "S"}), ("PUT", {"name": "T"}), ("DELETE", None)):
            answer = await send(caller, method, f"{SETS}/{dataset_id}", body)
            assert answer.json() == [start_of + dataset_id]

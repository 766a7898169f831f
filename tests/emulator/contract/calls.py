"""Owns one worked call for each published operation that is served, and how the ids in it are found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tests.emulator.conftest import JOBS, UNION, Caller
from tests.emulator.contract.published import CATALOG, EXPORT, QUERY, REGISTRY, SANDBOXES, UPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.emulator.contract.published import Operation

QUERIES: Final = f"{QUERY}/queries"
_PROFILE_UNION: Final = "https://ns.adobe.com/xdm/context/profile__union"


@dataclass(frozen=True)
class Worked:
    """What to send, and the status it must get; `$name` in query and body stands for an id that `Ids` finds.

    `ids` names other ids than the usual ones for parameters of the path, `before` what must exist first.
    """

    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    ids: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()


# The name of a path parameter -> the id that goes there.
_PARAMETERS: Final = {
    "AUDIENCE_ID": "audience",
    "BATCH_ID": "batch",
    "CONTAINER_ID": "container",
    "DATASET_ID": "dataset",
    "EXPORT_JOB_ID": "job",
    "FIELD": "field",
    "SCHEDULE_ID": "schedule",
    "SCHEMA_ID": "schema",
    "SEGMENT_ID": "segment",
    "SEGMENT_JOB_ID": "segment_job",
    "UNION_ID": "union",
    "batchId": "batch",
    "dataSetFileId": "file",
    "id": "dataset",
    "mergePolicyId": "policy",
    "queryid": "query",
    "sandboxName": "sandbox",
}

_LIST_OF_IDS: Final = {"Accept": "application/vnd.adobe.xed-id+json"}
_LIST: Final = {"Accept": "application/vnd.adobe.xed+json"}
_LOOKUP: Final = {"Accept": "application/vnd.adobe.xed-full+json; version=1"}
_BARE_LOOKUP: Final = {"Accept": "application/vnd.adobe.xed+json; version=1"}
_WHOLE_DATASET: Final = {"name": "Replaced", "schemaRef": UNION}
_WHOLE_JOB: Final = {
    "fields": "identityMap,personalEmail.address",
    "mergePolicy": {"id": "$policy", "version": 1},
    "filter": {
        "segments": [{"segmentId": "$segment", "segmentNs": "ups", "status": ["realized"]}],
        "segmentQualificationTime": {"startTime": "2019-09-01T00:00:00Z", "endTime": "2019-09-02T00:00:00Z"},
        "fromIngestTimestamp": "2018-10-25T13:22:04-07:00",
        "emptyProfiles": True,
    },
    "additionalFields": {
        "eventList": {
            "fields": "eventType,timestamp",
            "filter": {
                "fromIngestTimestamp": "2018-10-25T13:22:04-07:00",
                "toIngestTimestamp": "2024-10-25T13:22:04-07:00",
            },
        }
    },
    "destination": {"datasetId": "$dataset", "segmentPerBatch": True},
    "schema": {"name": "_xdm.context.profile"},
    "evaluationInfo": {"segmentation": False},
}
_CTAS: Final = {
    "dbName": "prod:all",
    "sql": "SELECT $key AS number",
    "queryParameters": {"key": "1"},
    "name": "Contract",
    "description": "Held by the contract test",
    "ctasParameters": {"datasetName": "contract_numbers", "description": "One number"},
}

# What follows the operation's name in brackets tells several calls of one operation apart.
CALLS: Final[dict[str, Worked]] = {
    f"GET {UPS}/export/jobs": Worked({"limit": "50"}),
    f"GET {UPS}/export/jobs (last page)": Worked({"limit": "1000"}),
    f"GET {UPS}/export/jobs (filtered)": Worked({"status": "SUCCEEDED", "limit": "20"}),
    f"POST {UPS}/export/jobs": Worked(body=_WHOLE_JOB),
    f"POST {UPS}/export/jobs (everything)": Worked(
        body={"destination": {"datasetId": "$dataset"}, "schema": {"name": "_xdm.context.profile"}}
    ),
    f"GET {UPS}/export/jobs/{{EXPORT_JOB_ID}}": Worked(),
    f"GET {UPS}/export/jobs/{{EXPORT_JOB_ID}} (asked for in full)": Worked(ids={"EXPORT_JOB_ID": "whole_job"}),
    f"GET {UPS}/export/jobs/{{EXPORT_JOB_ID}} (failed)": Worked(ids={"EXPORT_JOB_ID": "failed_job"}),
    f"DELETE {UPS}/export/jobs/{{EXPORT_JOB_ID}}": Worked(),
    f"GET {UPS}/segment/definitions": Worked({"limit": "20", "page": "0"}),
    f"GET {UPS}/segment/definitions/{{SEGMENT_ID}}": Worked(),
    f"POST {UPS}/segment/definitions/bulk-get": Worked(body={"ids": [{"id": "$segment"}]}, status=207),
    f"GET {UPS}/audiences": Worked({"limit": "20"}),
    f"GET {UPS}/audiences/{{AUDIENCE_ID}}": Worked(),
    f"GET {UPS}/audiences/{{AUDIENCE_ID}} (external)": Worked(ids={"AUDIENCE_ID": "external_audience"}),
    f"GET {UPS}/audiences/{{AUDIENCE_ID}} (unknown)": Worked(status=404, ids={"AUDIENCE_ID": "nobody"}),
    f"POST {UPS}/audiences/bulk-get": Worked(body={"ids": [{"id": "$audience"}]}, status=207),
    f"POST {UPS}/audiences/bulk-get (none)": Worked(body={"ids": []}, status=400),
    f"POST {UPS}/audiences/bulk-get (unknown)": Worked(body={"ids": [{"id": "$nobody"}]}, status=404),
    f"GET {UPS}/segment/jobs": Worked({"limit": "20"}),
    f"POST {UPS}/segment/jobs": Worked(body=[{"segmentId": "$segment"}]),
    f"GET {UPS}/segment/jobs/{{SEGMENT_JOB_ID}}": Worked(),
    f"DELETE {UPS}/segment/jobs/{{SEGMENT_JOB_ID}}": Worked(status=204, ids={"SEGMENT_JOB_ID": "new_segment_job"}),
    f"POST {UPS}/segment/jobs/bulk-get": Worked(body={"ids": [{"id": "$segment_job"}]}, status=207),
    f"GET {UPS}/config/schedules": Worked({"limit": "10"}),
    f"GET {UPS}/config/schedules/{{SCHEDULE_ID}}": Worked(),
    f"GET {UPS}/config/mergePolicies": Worked({"limit": "20"}),
    f"GET {UPS}/config/mergePolicies/{{mergePolicyId}}": Worked(),
    f"POST {UPS}/config/mergePolicies/bulk-get": Worked(body={"ids": [{"id": "$policy"}]}, status=207),
    f"GET {CATALOG}/batches": Worked({"limit": "50"}),
    f"GET {CATALOG}/batches/{{BATCH_ID}}": Worked({"aggregate": "true"}),
    f"GET {CATALOG}/batches/{{BATCH_ID}} (failed)": Worked(ids={"BATCH_ID": "failed_batch"}),
    f"GET {CATALOG}/lastBatches": Worked({"dataSetId": "$full_dataset"}),
    f"GET {CATALOG}/dataSets": Worked({"limit": "100"}),
    f"POST {CATALOG}/dataSets": Worked(body={"name": "Contract", "schemaRef": UNION}, status=201),
    f"GET {CATALOG}/dataSets/{{DATASET_ID}}": Worked(ids={"DATASET_ID": "full_dataset"}),
    f"PUT {CATALOG}/dataSets/{{DATASET_ID}}": Worked(body=_WHOLE_DATASET),
    f"PATCH {CATALOG}/v2/dataSets/{{DATASET_ID}}": Worked(body={"description": "Changed"}),
    f"PATCH {CATALOG}/dataSets/{{DATASET_ID}}": Worked(body={"description": "Held by the contract test"}),
    f"DELETE {CATALOG}/dataSets/{{DATASET_ID}}": Worked(),
    f"GET {EXPORT}/batches/{{batchId}}/files": Worked({"limit": "1"}),
    f"GET {EXPORT}/batches/{{batchId}}/failed": Worked(),
    f"GET {EXPORT}/batches/{{batchId}}/meta": Worked(),
    f"GET {EXPORT}/files/{{dataSetFileId}}": Worked(),
    f"GET {EXPORT}/files/{{dataSetFileId}} (bytes)": Worked(
        {"path": "$part"}, headers={"Range": "bytes=0-99"}, status=206
    ),
    f"HEAD {EXPORT}/files/{{dataSetFileId}}": Worked({"path": "$part"}),
    f"GET {EXPORT}/datasets/{{id}}/preview": Worked(ids={"id": "full_dataset"}),
    f"GET {SANDBOXES}/": Worked(),
    f"GET {SANDBOXES}/sandboxTypes": Worked(),
    f"GET {SANDBOXES}/sandboxes": Worked(),
    f"GET {SANDBOXES}/sandboxes/{{sandboxName}}": Worked(),
    f"GET {REGISTRY}/stats": Worked(),
    f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas": Worked({"orderby": "title", "limit": "4"}, headers=_LIST_OF_IDS),
    f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas (last page)": Worked(headers=_LIST),
    f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas/{{SCHEMA_ID}}": Worked(headers=_LOOKUP),
    f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas/{{SCHEMA_ID}} (references)": Worked(headers=_BARE_LOOKUP),
    f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas (version)": Worked(headers=_LOOKUP, status=400),
    f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas (global)": Worked(headers=_LIST, ids={"CONTAINER_ID": "other_container"}),
    f"GET {REGISTRY}/tenant/unions": Worked(headers=_LIST),
    f"GET {REGISTRY}/tenant/unions (version)": Worked(headers=_LOOKUP, status=400),
    f"GET {REGISTRY}/tenant/unions/{{UNION_ID}} (no version)": Worked(headers=_LIST, status=400),
    f"GET {REGISTRY}/tenant/unions/{{UNION_ID}}": Worked(headers=_LOOKUP),
    f"GET {REGISTRY}/tenant/unions/{{UNION_ID}} (references)": Worked(headers=_BARE_LOOKUP),
    f"GET {QUERY}/connection_parameters": Worked(),
    f"GET {QUERIES}": Worked({"limit": "10"}, before=("query",)),
    f"POST {QUERIES}": Worked(body={"dbName": "prod:all", "sql": "SELECT 1", "name": "Contract"}, status=202),
    f"POST {QUERIES} (dataset)": Worked(body=_CTAS, status=202),
    f"GET {QUERIES}/{{queryid}}": Worked(),
    f"PATCH {QUERIES}/{{queryid}}": Worked(body={"op": "cancel"}, status=202),
}


async def send(caller: Caller, operation: Operation, worked: Worked) -> httpx.Response:
    """Send one worked call as a stranger would."""
    ids = Ids(caller)
    for name in worked.before:
        await ids.find(name)
    path = operation.path
    for name in re.findall(r"\{(\w+)\}", path):
        found = await ids.find(worked.ids.get(name, _PARAMETERS[name]))
        path = path.replace(f"{{{name}}}", quote(found, safe=""))
    headers = caller.headers() | {"Accept": "application/json"} | dict(worked.headers)
    query = {name: await ids.filled(value) for name, value in worked.query.items()}
    if worked.body is None:
        return await caller.http.request(operation.method, path, headers=headers, params=query)
    body = await ids.filled(worked.body)
    return await caller.http.request(operation.method, path, headers=headers, params=query, json=body)


class Ids:
    """Finds ids of things that exist, by calls of its own; each is looked for once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._known: dict[str, str] = {}

    async def filled(self, value: Any) -> Any:
        """Return a copy of a query value or body with every `$name` replaced."""
        if isinstance(value, str) and value.startswith("$"):
            return await self.find(value[1:])
        if isinstance(value, dict):
            return {key: await self.filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [await self.filled(inner) for inner in value]
        return value

    async def find(self, name: str) -> str:
        """Return the id that `name` stands for."""
        if name not in self._known:
            self._known[name] = str(await getattr(self, f"_find_{name}")())
        return self._known[name]

    async def _jobs(self) -> list[dict[str, Any]]:
        page = await self._caller.get(JOBS, limit=1000)
        jobs: list[dict[str, Any]] = page.get("records") or page["children"]
        return jobs

    async def _finished(self) -> dict[str, Any]:
        """Return a job that succeeded, wrote one batch, and not an empty one."""
        for job in await self._jobs():
            batch = job["destination"].get("batchId")
            if job["status"] == "SUCCEEDED" and batch:
                listed = await self._caller.get(f"{EXPORT}/batches/{batch}/files")
                if listed["data"]:
                    return job
        raise AssertionError("no job wrote anything")

    async def _find_whole_job(self) -> str:
        made = await self._caller.post(JOBS, await self.filled(_WHOLE_JOB))
        assert made.is_success, made.text
        return str(int(made.json()["id"]))

    async def _find_failed_job(self) -> str:
        return next(str(int(job["id"])) for job in await self._jobs() if job["status"] == "FAILED")

    async def _find_failed_batch(self) -> str:
        return str(next(iter(await self._caller.get(f"{CATALOG}/batches", status="failed", limit=1))))

    async def _find_job(self) -> str:
        return str(int((await self._finished())["id"]))

    async def _find_batch(self) -> str:
        return str((await self._finished())["destination"]["batchId"])

    async def _find_dataset(self) -> str:
        return await self._caller.dataset("Contract target")

    async def _find_full_dataset(self) -> str:
        destination = (await self._finished())["destination"]
        return str(destination.get("datasetId") or destination["dataSetId"])

    async def _find_file(self) -> str:
        listed = await self._caller.get(f"{EXPORT}/batches/{await self.find('batch')}/files")
        return str(listed["data"][0]["dataSetFileId"])

    async def _find_part(self) -> str:
        listed = await self._caller.get(f"{EXPORT}/files/{await self.find('file')}")
        return str(listed["data"][0]["name"])

    async def _find_segment(self) -> str:
        return str((await self._caller.get(f"{UPS}/segment/definitions"))["segments"][0]["id"])

    async def _find_audience(self) -> str:
        return await self._audience("SegmentDefinition")

    async def _find_external_audience(self) -> str:
        return await self._audience("External")

    async def _audience(self, kind: str) -> str:
        audiences = (await self._caller.get(f"{UPS}/audiences", limit=200))["children"]
        return next(str(one["id"]) for one in audiences if one["type"].startswith(kind))

    async def _find_nobody(self) -> str:
        return "00000000-0000-4000-8000-000000000000"

    async def _find_segment_job(self) -> str:
        return str((await self._caller.get(f"{UPS}/segment/jobs"))["children"][0]["id"])

    async def _find_new_segment_job(self) -> str:
        made = await self._caller.post(f"{UPS}/segment/jobs", [{"segmentId": await self.find("segment")}])
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    async def _find_schedule(self) -> str:
        return str((await self._caller.get(f"{UPS}/config/schedules"))["children"][0]["id"])

    async def _find_policy(self) -> str:
        return str((await self._caller.get(f"{UPS}/config/mergePolicies"))["children"][0]["id"])

    async def _find_query(self) -> str:
        made = await self._caller.post(QUERIES, {"dbName": "prod:all", "sql": "SELECT 1"})
        assert made.status_code == 202, made.text
        return str(made.json()["id"])

    async def _find_schema(self) -> str:
        headers = self._caller.headers() | _LIST
        listed = await self._caller.http.get(f"{REGISTRY}/tenant/schemas", headers=headers)
        return str(listed.json()["results"][0]["$id"])

    async def _find_union(self) -> str:
        return _PROFILE_UNION

    async def _find_container(self) -> str:
        return "tenant"

    async def _find_other_container(self) -> str:
        return "global"

    async def _find_sandbox(self) -> str:
        return "prod"

    async def _find_field(self) -> str:
        return "status"

"""The seed tutorial's own requests, and answers that have every key of its samples with the same JSON type.

Source: "Export Profile data using APIs" (2020; SEED in API reference 0). Its requests are restated as data, its ids
kept; of its answers only keys and types are held. Dialect `seed`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, UNION, Caller
from tests.emulator.contract.differences import SEED_DIFFERENCES

if TYPE_CHECKING:
    from tests.emulator.conftest import Start

DATASET = "5b020a27e7040801dedba61b"
SEGMENTS = [
    {"segmentId": "4edc8488-2c35-4f6d-b4c6-9075c68d2df4", "segmentNs": "AAM", "status": ["realized"]},
    {"segmentId": "1rfe8422-334d-12f4-3sd4-12cf6g990g51", "segmentNs": "UPS", "status": ["exited"]},
]
NEW_DATASET = {
    "name": "Profile Data Export",
    "schemaRef": UNION,
    "fileDescription": {"persisted": True, "containerFormat": "parquet", "format": "parquet"},
    "aspect": "production",
}
NEW_JOB: dict[str, Any] = {
    "fields": "identities.id,personalEmail.address",
    "mergePolicy": {"id": "e5bc94de-cd14-4cdf-a2bc-88b6e8cbfac2", "version": 1},
    "filter": {
        "segments": SEGMENTS,
        "segmentQualificationTime": {"startTime": "2019-09-01T00:00:00Z", "endTime": "2019-09-02T00:00:00Z"},
        "fromIngestTimestamp": "2018-10-25T13:22:04-07:00",
        "emptyProfiles": False,
    },
    "additionalFields": {
        "eventList": {
            "fields": "environment.browserDetails.name,environment.browserDetails.version",
            "filter": {"fromIngestTimestamp": "2018-10-25T13:22:04-07:00"},
        }
    },
    "destination": {"datasetId": DATASET, "segmentPerBatch": True},
    "schema": {"name": "_xdm.context.profile"},
}

# What answers hold: a key's JSON type, or the object or list below it.
TIMER = {"startTimeInMs": int, "endTimeInMs": int, "totalTimeInMs": int}
ANY_JOB = {
    "profileInstanceId": str,
    "jobType": str,
    "id": int,
    "schema": {"name": str},
    "mergePolicy": {"id": str, "version": int},
    "status": str,
    "requestId": str,
    "updateTime": int,
    "imsOrgId": str,
    "creationTime": int,
}
SEGMENT = {"segmentId": str, "segmentNs": str, "status": [str]}
BY_SEGMENT = {"dataSetId": str, "segmentPerBatch": bool, "batches": [SEGMENT | {"batchId": str}]}
CREATED = ANY_JOB | {
    "filter": {"segments": [SEGMENT]},
    "computeGatewayJobId": {},
    "metrics": {"totalTime": {"startTimeInMs": int}},
    "destination": BY_SEGMENT,
}
FINISHED = {
    "computeGatewayJobId": {"exportJob": str, "pushJob": str},
    "metrics": {"totalTime": TIMER, "profileExportTime": TIMER, "aCPDatasetWriteTime": TIMER},
}
SINGLE_BATCH = {"datasetId": str, "segmentPerBatch": bool, "batchId": str}
LISTED = {"filter": {"segments": [{"segmentId": str}]}, "destination": {"datasetId": str, "batchId": str}}
LISTED_OK = ANY_JOB | FINISHED | LISTED
LISTED_FAILED = (
    ANY_JOB
    | LISTED
    | {
        "errors": [{"code": str, "msg": str, "callStack": str}],
        "computeGatewayJobId": {"exportJob": str},
        "metrics": {"totalTime": TIMER, "profileExportTime": TIMER},
    }
)
PAGE = {
    "records": [dict],
    "page": {"sortField": str, "sort": str, "pageOffset": str, "pageSize": int},
    "link": {"next": str},
}


SAMPLES = (
    "POST /export/jobs",
    "POST /export/jobs, single batch",
    "GET /export/jobs",
    "GET /export/jobs, SUCCEEDED",
    "GET /export/jobs, FAILED",
    "GET /export/jobs/{id}",
    "POST /export/jobs/{id}",
    "GET /export/jobs/ as printed",
    "GET /export/jobs/24115",
    "DELETE /export/jobs/726",
)


def missing(shape: Any, body: Any, path: str = "") -> list[str]:
    """Say which of the sample's keys the answer lacks, or has with another JSON type."""
    if isinstance(shape, dict):
        if not isinstance(body, dict):
            return [f"{path} is {type(body).__name__}"]
        lacks = [f"{path}/{key} is missing" for key in shape if key not in body]
        return lacks + [
            one for key, inner in shape.items() if key in body for one in missing(inner, body[key], f"{path}/{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(body, list) or not body:
            return [f"{path} is {'empty' if body == [] else type(body).__name__}"]
        return [one for inner in body for one in missing(shape[0], inner, f"{path}/*")]
    return [] if type(body) is shape else [f"{path} is {type(body).__name__}"]


def held(sample: str, strayings: list[str]) -> None:
    """Compare with the known differences of this sample."""
    assert sample in SAMPLES
    assert sorted(set(strayings)) == sorted(what for name, what, _ in SEED_DIFFERENCES if name == sample)


@pytest.fixture
def seed(start: Start) -> Caller:
    return start(dialect="seed", jobs=300, rows=500)


async def test_create_a_target_dataset(seed: Caller) -> None:
    answer = await seed.post(f"{CATALOG}/dataSets", NEW_DATASET)
    assert answer.status_code == 201
    assert len(answer.json()) == 1
    assert re.fullmatch(r"@/datasets/[0-9a-f]{24}", answer.json()[0])


async def test_create_an_export_job(seed: Caller) -> None:
    answer = await seed.post(JOBS, NEW_JOB)
    assert answer.status_code == 200, answer.text
    held("POST /export/jobs", missing(CREATED, answer.json()))
    body = answer.json()
    assert (body["status"], body["jobType"], body["profileInstanceId"]) == ("NEW", "BATCH", "ups")
    assert body["computeGatewayJobId"] == {}
    assert body["filter"] == {"segments": SEGMENTS}
    assert body["creationTime"] == body["metrics"]["totalTime"]["startTimeInMs"]
    batches = body["destination"]["batches"]
    assert [{key: one[key] for key in SEGMENT} for one in batches] == SEGMENTS
    assert len({one["batchId"] for one in batches}) == 2


@pytest.mark.parametrize("destination", [{"datasetId": DATASET}, {"datasetId": DATASET, "segmentPerBatch": False}])
async def test_create_an_export_job_with_a_single_batch(seed: Caller, destination: dict[str, Any]) -> None:
    answer = await seed.post(JOBS, NEW_JOB | {"destination": destination})
    assert answer.status_code == 200
    held("POST /export/jobs, single batch", missing({"destination": SINGLE_BATCH}, answer.json()))
    assert answer.json()["destination"]["segmentPerBatch"] is False
    assert "batches" not in answer.json()["destination"]


@pytest.mark.parametrize("query", ["", "/", "?limit=4", "?offset=2"])
async def test_list_export_jobs(seed: Caller, query: str) -> None:
    answer = await seed.http.get(f"{JOBS}{query}", headers=seed.headers())
    assert answer.status_code == 200
    held("GET /export/jobs", missing(PAGE, answer.json()))
    body = answer.json()
    assert body["page"]["pageSize"] == len(body["records"]) == (4 if "limit" in query else 100)
    last = body["records"][-1]
    assert body["page"]["pageOffset"] == f"{last['creationTime']}_{last['id']}"
    limit = body["page"]["pageSize"]
    assert body["link"]["next"] == f"/export/jobs/?limit={limit}&offset={body['page']['pageOffset']}"
    if query == "?offset=2":
        everything = (await seed.get(JOBS))["records"]
        assert [one["id"] for one in body["records"][:98]] == [one["id"] for one in everything[2:]]


async def test_listed_jobs_have_the_two_forms_of_the_sample(seed: Caller) -> None:
    records = (await seed.get(f"{JOBS}/", limit=1000))["records"]
    single = [one for one in records if "segments" in one["filter"] and "batchId" in one["destination"]]
    done = [one for one in single if one["status"] == "SUCCEEDED"]
    failed = [one for one in single if one["status"] == "FAILED" and "profileExportTime" in one["metrics"]]
    assert len(done) > 20
    assert len(failed) > 2
    held("GET /export/jobs, SUCCEEDED", [what for one in done for what in missing(LISTED_OK, one)])
    held("GET /export/jobs, FAILED", [what for one in failed for what in missing(LISTED_FAILED, one)])
    assert {one["destination"]["batchId"] for one in failed} == {""}


async def test_get_an_export_job(seed: Caller) -> None:
    made = (await seed.post(JOBS, NEW_JOB)).json()
    await seed.clock.advance(3_600)
    body = await seed.get(f"{JOBS}/{made['id']}")
    assert body["status"] == "SUCCEEDED"
    held("GET /export/jobs/{id}", missing(CREATED | FINISHED, body))
    assert body["destination"]["batches"] == made["destination"]["batches"]


async def test_cancel_an_export_job(seed: Caller) -> None:
    made = (await seed.post(JOBS, NEW_JOB)).json()
    answer = await seed.delete(f"{JOBS}/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_the_curl_sample_of_the_cancel_call_is_a_known_difference(seed: Caller) -> None:
    made = (await seed.post(JOBS, NEW_JOB)).json()
    answer = await seed.http.post(f"{JOBS}/{made['id']}", headers=seed.headers())
    held("POST /export/jobs/{id}", [f"status {answer.status_code}"])


async def test_the_curl_sample_of_the_list_call_is_a_known_difference(seed: Caller) -> None:
    headers = seed.headers()
    del headers["x-sandbox-name"]
    answer = await seed.http.get(f"{JOBS}/", headers=headers)
    held("GET /export/jobs/ as printed", [f"status {answer.status_code}"])


@pytest.mark.parametrize("sample", ["GET /export/jobs/24115", "DELETE /export/jobs/726"])
async def test_the_sample_ids_of_jobs_are_a_known_difference(seed: Caller, sample: str) -> None:
    method, _, path = sample.partition(" ")
    answer = await seed.http.request(method, f"/data/core/ups{path}", headers=seed.headers())
    held(sample, [f"status {answer.status_code}"])


def test_each_known_difference_is_one_of_a_sample() -> None:
    assert {name for name, _, _ in SEED_DIFFERENCES} <= set(SAMPLES)

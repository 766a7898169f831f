"""Clients that know the documents and nothing of ours: the tutorial's calls as printed, by urllib and by curl."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.e2e.stranger import CATALOG, SANDBOXES, SCOPES, UPS, Send, Stranger, by_curl, by_urllib, needs_curl
from tests.support.served_emulator import ServedEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATASET_ID = "5b020a27e7040801dedba61b"

# The tutorial's two bodies, character by character.
DATASET_BODY = """{
        "name": "Profile Data Export",
        "schemaRef": {
          "id": "https://ns.adobe.com/xdm/context/profile__union",
          "contentType": "application/vnd.adobe.xed+json;version=1"
        },
        "fileDescription": {
          "persisted": true,
          "containerFormat": "parquet",
          "format": "parquet"
        },
        "aspect": "production"
      }"""
JOB_BODY = """{
    "fields": "identities.id,personalEmail.address",
    "mergePolicy": {
      "id": "e5bc94de-cd14-4cdf-a2bc-88b6e8cbfac2",
      "version": 1
    },
    "filter": {
      "segments": [
        {
          "segmentId": "4edc8488-2c35-4f6d-b4c6-9075c68d2df4",
          "segmentNs": "AAM",
          "status": ["realized"]
        },
        {
          "segmentId": "1rfe8422-334d-12f4-3sd4-12cf6g990g51",
          "segmentNs": "UPS",
          "status": ["exited"]
        }
      ],
      "segmentQualificationTime": {
            "startTime": "2019-09-01T00:00:00Z",
            "endTime": "2019-09-02T00:00:00Z"
        },
      "fromIngestTimestamp": "2018-10-25T13:22:04-07:00",
      "emptyProfiles": false
    },
    "additionalFields" : {
      "eventList": {
        "fields": "environment.browserDetails.name,environment.browserDetails.version",
        "filter": {
          "fromIngestTimestamp": "2018-10-25T13:22:04-07:00"
        }
      }
    },
    "destination": {
      "datasetId": "5b020a27e7040801dedba61b",
      "segmentPerBatch": true
    },
    "schema": {
      "name": "_xdm.context.profile"
    }
  }"""
SEGMENTS = json.loads(JOB_BODY)["filter"]["segments"]

# The tutorial's answers: every key it prints and the type of its value.
SEGMENT = {"segmentId": str, "segmentNs": str, "status": [str]}
BEGUN = {"startTimeInMs": int}
OVER = BEGUN | {"endTimeInMs": int, "totalTimeInMs": int}
JOB: dict[str, Any] = {
    "profileInstanceId": str,
    "jobType": str,
    "filter": {"segments": [{"segmentId": str}]},
    "id": int,
    "schema": {"name": str},
    "mergePolicy": {"id": str, "version": int},
    "status": str,
    "requestId": str,
    "updateTime": int,
    "imsOrgId": str,
    "creationTime": int,
}
BATCHES = {"dataSetId": str, "segmentPerBatch": bool, "batches": [SEGMENT | {"batchId": str}]}
DONE = {
    "computeGatewayJobId": {"exportJob": str, "pushJob": str},
    "metrics": {"totalTime": OVER, "profileExportTime": OVER, "aCPDatasetWriteTime": OVER},
}
CREATED = JOB | {
    "filter": {"segments": [SEGMENT]},
    "computeGatewayJobId": {},
    "metrics": {"totalTime": BEGUN},
    "destination": BATCHES,
}
LISTED_DONE = JOB | DONE | {"destination": {"datasetId": str, "batchId": str}}
LISTED_FAILED = JOB | {
    "errors": [{"code": str, "msg": str, "callStack": str}],
    "computeGatewayJobId": {"exportJob": str},
    "metrics": {"totalTime": OVER, "profileExportTime": OVER},
    "destination": {"datasetId": str, "batchId": str},
}
SHOWN = CREATED | DONE
PAGE = {
    "records": [JOB],
    "page": {"sortField": str, "sort": str, "pageOffset": str, "pageSize": int},
    "link": {"next": str},
}


def faults(answer: object, documented: Any, where: str = "answer") -> list[str]:
    """Return what of a documented answer is missing or of another type; further keys are welcome."""
    if isinstance(documented, type):
        return [] if type(answer) is documented else [f"{where} is {answer!r}, not {documented.__name__}"]
    if not isinstance(answer, type(documented)):
        return [f"{where} is {answer!r}, not {type(documented).__name__}"]
    if isinstance(answer, list):
        inner = [fault for index, one in enumerate(answer) for fault in faults(one, documented[0], f"{where}[{index}]")]
        return inner if answer else [f"{where} is empty"]
    found: Mapping[str, object] = answer
    missing = [f"{where}.{name} is missing" for name in documented if name not in found]
    return missing + [
        fault
        for name, inner in documented.items()
        if name in found
        for fault in faults(found[name], inner, f"{where}.{name}")
    ]


@pytest.fixture(params=["urllib", pytest.param("curl", marks=needs_curl)])
def send(request: pytest.FixtureRequest) -> Send:
    return by_curl if request.param == "curl" else by_urllib


def create(stranger: Stranger, body: str) -> Any:
    answer = stranger.call("POST", f"{UPS}/export/jobs", body)
    assert answer.status == 200, answer
    return answer.json()


def until(stranger: Stranger, job_id: int, status: str) -> Any:
    return stranger.until(f"{UPS}/export/jobs/{job_id}", "status", status)


@pytest.fixture(scope="module")
def platform() -> Iterator[ServedEmulator]:
    """One for all tests here: they add jobs and count on no number of them."""
    with ServedEmulator(jobs=60, speed=2_000.0) as served:
        yield served


@pytest.fixture
def stranger(platform: ServedEmulator, send: Send) -> Stranger:
    ready = platform.emulator.ready_line(platform.base_url)
    return Stranger(ready, send, ready["access_token"])


def test_the_tutorial_creates_a_dataset(stranger: Stranger) -> None:
    answer = stranger.call("POST", f"{CATALOG}/dataSets", DATASET_BODY)
    assert answer.status == 201
    [reference] = answer.json()
    head, _, dataset_id = reference.rpartition("/")
    assert head == "@/datasets"
    found = stranger.get(f"{CATALOG}/dataSets/{dataset_id}")[dataset_id]
    for name in ("name", "schemaRef", "fileDescription"):
        assert found[name] == json.loads(DATASET_BODY)[name]


def test_the_tutorial_creates_a_job_and_watches_it_succeed(stranger: Stranger) -> None:
    made = create(stranger, JOB_BODY)
    assert faults(made, CREATED) == []
    assert (made["status"], made["jobType"], made["profileInstanceId"]) == ("NEW", "BATCH", "ups")
    assert made["computeGatewayJobId"] == {}
    assert made["metrics"] == {"totalTime": {"startTimeInMs": made["creationTime"]}}
    assert made["filter"] == {"segments": SEGMENTS}
    assert made["imsOrgId"] == stranger.ready["org_id"]
    destination = made["destination"]
    assert set(destination) == {"dataSetId", "segmentPerBatch", "batches"}
    assert (destination["dataSetId"], destination["segmentPerBatch"]) == (DATASET_ID, True)
    assert [{name: one[name] for name in SEGMENT} for one in destination["batches"]] == SEGMENTS

    done = until(stranger, made["id"], "SUCCEEDED")
    assert faults(done, SHOWN) == []
    assert "errors" not in done
    assert done["destination"] == destination
    for timer in done["metrics"].values():
        assert timer["totalTimeInMs"] == timer["endTimeInMs"] - timer["startTimeInMs"]
    for one in destination["batches"]:
        assert stranger.get(f"{CATALOG}/batches/{one['batchId']}")[one["batchId"]]["status"] == "success"


@pytest.mark.parametrize("per_batch", [{}, {"segmentPerBatch": False}])
def test_one_batch_for_all_segments_unless_asked_otherwise(stranger: Stranger, per_batch: dict[str, bool]) -> None:
    body = json.loads(JOB_BODY) | {"destination": {"datasetId": DATASET_ID} | per_batch}
    destination = create(stranger, json.dumps(body))["destination"]
    assert faults(destination, {"datasetId": str, "segmentPerBatch": bool, "batchId": str}) == []
    assert set(destination) == {"datasetId", "segmentPerBatch", "batchId"}
    assert (destination["datasetId"], destination["segmentPerBatch"]) == (DATASET_ID, False)


def test_the_tutorial_lists_jobs(stranger: Stranger) -> None:
    page = stranger.get(f"{UPS}/export/jobs/")
    of_segments = [one for one in page["records"] if one["filter"]]  # the tutorial prints no job without any
    assert faults(page | {"records": of_segments}, PAGE) == []
    assert (page["page"]["sortField"], page["page"]["sort"]) == ("createdTime", "desc")
    last = page["records"][-1]
    assert page["page"]["pageOffset"] == f"{last['creationTime']}_{last['id']}"
    assert page["page"]["pageSize"] == len(page["records"])
    single = [one for one in of_segments if "batches" not in one["destination"]]
    done = [one for one in single if one["status"] == "SUCCEEDED"]
    assert faults(done, [LISTED_DONE]) == []
    failed = [one for one in single if one["status"] == "FAILED"]
    assert faults(failed, [LISTED_FAILED]) == []
    assert {one["destination"]["batchId"] for one in failed} == {""}

    four, skipped = stranger.get(f"{UPS}/export/jobs?limit=4"), stranger.get(f"{UPS}/export/jobs?offset=2")
    assert four["link"]["next"] == f"/export/jobs/?limit=4&offset={four['page']['pageOffset']}"
    ids = [one["id"] for one in page["records"]]
    assert [one["id"] for one in four["records"]] == ids[:4]
    assert [one["id"] for one in skipped["records"]] == ids[2:]


def test_following_the_link_shows_every_job_once(stranger: Stranger) -> None:
    everything = [one["id"] for one in stranger.get(f"{UPS}/export/jobs?limit=1000")["records"]]
    followed: list[int] = []
    link, pages = "/export/jobs?limit=17", 0
    while link:
        page = stranger.get(UPS + link)  # relative to the service, not to the host
        followed += [one["id"] for one in page["records"]]
        link, pages = page["link"]["next"], pages + 1
    assert pages == math.ceil(len(everything) / 17) > 3
    assert followed == everything
    assert len(set(followed)) == len(followed)


def test_the_tutorial_cancels_a_job(stranger: Stranger) -> None:
    body = json.loads(JOB_BODY) | {"filter": {"segments": [{"segmentId": "stuck"}]}}
    job_id = create(stranger, json.dumps(body))["id"]
    path = f"{UPS}/export/jobs/{job_id}"
    answer = stranger.call("DELETE", path)
    assert (answer.status, answer.body) == (204, "")
    assert "content-type" not in answer.headers
    until(stranger, job_id, "CANCELLED")


def test_two_slips_of_the_tutorial_are_refused_and_change_nothing(stranger: Stranger) -> None:
    # its cancel command says POST where its text says DELETE
    before = stranger.get(f"{UPS}/export/jobs?limit=1")["records"][0]
    answer = stranger.call("POST", f"{UPS}/export/jobs/{before['id']}")
    assert (answer.status, answer.json()["error_code"]) == (405, "405000")
    assert stranger.get(f"{UPS}/export/jobs?limit=1")["records"][0]["id"] == before["id"]
    # its list command lacks a line continuation, so a shell never sends the last header
    answer = stranger.call("GET", f"{UPS}/export/jobs/", without="x-sandbox-name")
    assert (answer.status, answer.json()["title"]) == (400, "Header x-sandbox-name is missing")


def test_a_collection_of_saved_calls_works_from_the_secret_alone(stranger: Stranger) -> None:
    ready = stranger.ready
    values = {
        "grant_type": "client_credentials",
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"],
        "scope": SCOPES,
    }
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        stranger.send("POST", f"{ready['ims_url']}/ims/token/v2?{urlencode(values)}", {}, ""),
        stranger.send("POST", f"{ready['ims_url']}/ims/token/v3", form, urlencode(values)),
    ]
    for answer in answers:
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        token = answer.json()
        assert faults(token, {"access_token": str, "token_type": str, "expires_in": int}) == []
        known = Stranger(ready, stranger.send, token["access_token"])
        assert [one["name"] for one in known.get(f"{SANDBOXES}/")["sandboxes"]] == ready["sandboxes"]
        assert DATASET_ID in known.get(f"{CATALOG}/dataSets?limit=100&properties=name,schemaRef")


def test_a_stranger_is_told_what_is_wrong(stranger: Stranger) -> None:
    unknown = stranger.call("GET", f"{UPS}/export/jobs/1")
    assert unknown.status == 404
    assert unknown.json()["type"].endswith("/UPAPI-113000-404")
    anonymous = stranger.call("GET", f"{UPS}/export/jobs", without="Authorization")
    assert (anonymous.status, anonymous.json()["error_code"]) == (403, "403010")
    bad = stranger.call("POST", f"{UPS}/export/jobs", "{}")
    said = [one["message"] for one in bad.json()["errors"]["400"]]
    assert said == ["Missing required field destination", "Missing required field schema"]
    nowhere = stranger.call("GET", "/data/core/ups/nothing")
    assert (nowhere.status, nowhere.headers["content-type"].split(";")[0]) == (404, "text/html")
    for answer in (unknown, anonymous, bad, nowhere):
        assert answer.headers["x-request-id"]

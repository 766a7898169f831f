"""Creating, listing and reading export jobs as a stranger's client does."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start, minimal
from tui_app.emulator.services import export_job_query

TUTORIAL = {
    "fields": "identities.id,personalEmail.address",
    "mergePolicy": {"id": "e5bc94de-cd14-4cdf-a2bc-88b6e8cbfac2", "version": 1},
    "filter": {
        "segments": [
            {
                "segmentId": "4edc8488-2c35-4f6d-b4c6-9075c68d2df4",
                "segmentNs": "AAM",
                "status": ["realized"],
            },
            {
                "segmentId": "1rfe8422-334d-12f4-3sd4-12cf6g990g51",
                "segmentNs": "UPS",
                "status": ["exited"],
            },
        ],
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
    "destination": {"datasetId": "5b020a27e7040801dedba61b", "segmentPerBatch": True},
    "schema": {"name": "_xdm.context.profile"},
}
TIMER = {"startTimeInMs": 1, "endTimeInMs": 1, "totalTimeInMs": 1}
COMMON = {
    "profileInstanceId": "ups",
    "jobType": "BATCH",
    "filter": {"segments": [{"segmentId": ""}]},
    "id": 24115,
    "schema": {"name": ""},
    "mergePolicy": {"id": "", "version": 1},
    "status": "",
    "requestId": "",
    "updateTime": 1,
    "imsOrgId": "",
    "creationTime": 1,
}
PER_SEGMENT = {
    "dataSetId": "",
    "segmentPerBatch": True,
    "batches": [{"segmentId": "", "segmentNs": "", "status": [""], "batchId": ""}],
}
DONE = {
    "computeGatewayJobId": {"exportJob": "", "pushJob": ""},
    "metrics": {"totalTime": TIMER, "profileExportTime": TIMER, "aCPDatasetWriteTime": TIMER},
}


def assert_shaped(sample: Any, answer: Any, where: str = "") -> None:
    """Every key of the sample is in the answer, with a value of the same type."""
    assert type(answer) is type(sample), where
    if isinstance(sample, dict):
        for key, value in sample.items():
            assert key in answer, f"{where}.{key}"
            assert_shaped(value, answer[key], f"{where}.{key}")
    elif isinstance(sample, list):
        assert answer, where
        for one in answer:
            assert_shaped(sample[0], one, f"{where}[]")


async def test_the_tutorials_samples_have_their_shape(caller: Caller) -> None:
    made = await caller.post(JOBS, TUTORIAL)
    assert made.status_code == 200
    created = made.json()
    new = {"computeGatewayJobId": {}, "metrics": {"totalTime": {"startTimeInMs": 1}}}
    assert_shaped(COMMON | new | {"destination": PER_SEGMENT}, created)
    assert set(created) == set(COMMON) | set(new) | {"destination"}
    assert created["filter"] == {"segments": TUTORIAL["filter"]["segments"]}  # type: ignore[index] # a literal of mixed values
    assert made.headers["X-Location"] == f"/export/jobs/{created['id']}"
    await caller.clock.advance(2_000)
    done = await caller.get(f"{JOBS}/{created['id']}")
    assert done["status"] == "SUCCEEDED"
    assert_shaped(COMMON | DONE | {"destination": PER_SEGMENT}, done)
    assert done["requestId"] != created["requestId"]
    single = minimal("5b020a27e7040801dedba61b", "fail-export")
    failing = (await caller.post(JOBS, single)).json()
    assert set(failing["destination"]) == {"datasetId", "segmentPerBatch", "batchId"}
    await caller.clock.advance(2_000)
    page = await caller.get(f"{JOBS}/", limit=2)
    failed, succeeded = page["records"]
    assert_shaped(COMMON | {"errors": [{"code": "", "msg": "", "callStack": ""}]}, failed)
    assert set(failed["destination"]) == {"datasetId", "batchId"}
    assert set(failed["metrics"]) == {"totalTime", "profileExportTime"}
    assert succeeded["id"] == created["id"]
    offset = f"{succeeded['creationTime']}_{succeeded['id']}"
    assert page["page"] == {
        "sortField": "createdTime",
        "sort": "desc",
        "pageOffset": offset,
        "pageSize": 2,
    }
    assert page["link"] == {"next": f"/export/jobs/?limit=2&offset={offset}"}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the tutorial's body with one value replaced; `...` takes it out."""
    body: dict[str, Any] = copy.deepcopy(TUTORIAL)
    *holders, last = path.split(".")
    inner: Any = body
    for name in holders:
        inner = inner[int(name)] if name.isdigit() else inner[name]
    if value is ...:
        del inner[last]
    else:
        inner[int(last) if last.isdigit() else last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("destination", ..., "destination"),
        ("destination.datasetId", ..., "destination.datasetId"),
        ("destination.datasetId", "", "destination.datasetId"),
        ("destination.datasetId", 5, "destination.datasetId"),
        ("destination.segmentPerBatch", "true", "destination.segmentPerBatch"),
        ("schema", None, "schema"),
        ("schema.name", ..., "schema.name"),
        ("fields", ["a"], "fields"),
        ("mergePolicy", "id", "mergePolicy"),
        ("mergePolicy.id", ..., "mergePolicy.id"),
        ("mergePolicy.version", "1", "mergePolicy.version"),
        ("mergePolicy.version", True, "mergePolicy.version"),
        ("filter", [], "filter"),
        ("filter.segments", {}, "filter.segments"),
        ("filter.segments.0", "x", "filter.segments[0]"),
        ("filter.segments.1.segmentId", ..., "filter.segments[1].segmentId"),
        ("filter.segments.0.status", ["realized", "exiting"], "exiting"),
        ("filter.segments.0.status", "realized", "filter.segments[0].status"),
        ("filter.segments.0.status", [["realized"]], "filter.segments[0].status"),
        ("filter.segmentQualificationTime.startTime", "2019-09-01", "startTime"),
        ("filter.segmentQualificationTime.startTime", "2019-09-01T00:00:00", "startTime"),
        ("filter.segmentQualificationTime.startTime", 1567296000000, "startTime"),
        ("filter.segmentQualificationTime.endTime", "2019-08-31T23:59:59Z", "endTime"),
        ("filter.segmentQualificationTime.endTime", "2019-09-01T01:00:00+02:00", "endTime"),
        ("filter.fromIngestTimestamp", "2019-02-30T00:00:00Z", "filter.fromIngestTimestamp"),
        ("filter.emptyProfiles", 0, "filter.emptyProfiles"),
        ("additionalFields", True, "additionalFields"),
        ("additionalFields.eventList.fields", 1, "additionalFields.eventList.fields"),
        ("additionalFields.eventList.filter.toIngestTimestamp", "2017-01-01T00:00:00Z", "toIngestTimestamp"),
        ("evaluationInfo", {"segmentation": "yes"}, "evaluationInfo.segmentation"),
    ],
)
async def test_each_fault_of_a_body_is_named(caller: Caller, path: str, value: object, named: str) -> None:
    answer = await caller.post(JOBS, changed(path, value))
    assert answer.status_code == 400
    body = answer.json()
    assert body["type"] == "https://ns.adobe.com/aep/errors/UPLIB-101206-500"
    assert body["requestId"] == answer.headers["X-Request-Id"]
    assert body["status"] == 400
    assert [error["message"] for error in body["errors"]["400"] if named in error["message"]]


async def test_several_faults_come_together_and_nothing_is_made(caller: Caller) -> None:
    before = await caller.get(JOBS, limit=1)
    answer = await caller.post(JOBS, {"filter": {"emptyProfiles": 1}})
    assert len(answer.json()["errors"]["400"]) == 3
    others: tuple[object, ...] = ([], "text", 1, None)
    for body in others:
        assert (await caller.post(JOBS, body)).status_code == 400
    assert await caller.get(JOBS, limit=1) == before


@pytest.mark.parametrize(
    "time",
    ["2019-09-01T00:00:00.1Z", "2019-09-01t00:00:00z", "2019-09-01T00:00:60Z", "2019-09-01T00:00:00.123456789+01:00"],
)
async def test_every_rfc_3339_time_is_taken(caller: Caller, time: str) -> None:
    answer = await caller.post(JOBS, changed("filter.fromIngestTimestamp", time))
    assert answer.status_code == 200, answer.text


async def test_unknown_keys_are_ignored_and_the_minimal_body_is_enough(caller: Caller) -> None:
    body = minimal("5b020a27e7040801dedba61b") | {"unknown": {"deep": [1]}, "filter": None}
    answer = await caller.post(JOBS, body)
    assert answer.status_code == 200
    assert "unknown" not in answer.json()


async def test_the_dataset_must_exist_on_the_union_schema(start: Start) -> None:
    strict, late = start(), start(late_dataset_check=True)
    answer = await strict.post(JOBS, minimal("ffffffffffffffffffffffff"))
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("UPLIB-101554-503")
    assert "NotFoundError" in answer.json()["errors"]["400"][1]["message"]
    datasets = await strict.get(f"{CATALOG}/dataSets", limit=100)
    off_union = next(key for key, one in datasets.items() if not one["schemaRef"]["id"].endswith("__union"))
    refused = (await strict.post(JOBS, minimal(off_union))).json()
    assert refused["type"].endswith("UPLIB-101554-503")
    assert "union" in refused["title"]
    accepted = (await late.post(JOBS, minimal(off_union))).json()
    await late.clock.advance(3_600)
    job = await late.get(f"{JOBS}/{accepted['id']}")
    assert job["status"] == "FAILED"
    assert off_union in job["errors"][0]["msg"]


@pytest.mark.parametrize("job_id", ["1", "999999999", "abc", "-1", "1.0", "١٢", "9" * 40])
async def test_an_unknown_job_is_not_found(caller: Caller, job_id: str) -> None:
    for method in ("GET", "DELETE"):
        answer = await caller.http.request(method, f"{JOBS}/{job_id}", headers=caller.headers())
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("UPAPI-113000-404")


async def ids_of_all_pages(caller: Caller, *, limit: int, between: Any = None, **params: Any) -> list[int]:
    """Follow the cursor to the end as the reference says: only `offset` is taken out of `link.next`."""
    found: list[int] = []
    offset: dict[str, str] = {}
    for number in range(10_000):
        page = await caller.get(JOBS, limit=limit, **params, **offset)
        found += [job["id"] for job in page["records"]]
        if not page["link"]["next"]:
            return found
        assert page["link"]["next"].endswith(page["page"]["pageOffset"])
        offset = {"offset": page["page"]["pageOffset"]}
        if between:
            await between(number)
    raise AssertionError("The list never ends")


@pytest.mark.parametrize("limit", [1, 7, 60, 61, 1000])
async def test_paging_shows_each_job_once(caller: Caller, limit: int) -> None:
    found = await ids_of_all_pages(caller, limit=limit)
    assert len(found) == len(set(found)) == 60
    assert found == sorted(found, reverse=True)


async def test_paging_is_stable_while_jobs_are_made(caller: Caller) -> None:
    before = await ids_of_all_pages(caller, limit=1000)

    async def make(_: int) -> None:
        await caller.job("x")
        await caller.clock.advance(1)

    assert await ids_of_all_pages(caller, limit=10, between=make) == before
    assert len(await ids_of_all_pages(caller, limit=1000)) == 65


async def test_jobs_made_in_one_instant_are_paged_without_loss(caller: Caller) -> None:
    made = [(await caller.job("x"))["id"] for _ in range(5)]
    assert (await ids_of_all_pages(caller, limit=2))[:5] == made[::-1]


async def test_a_number_as_offset_skips_records(caller: Caller) -> None:
    everything = await ids_of_all_pages(caller, limit=1000)
    page = await caller.get(JOBS, limit=5, offset=7)
    assert [job["id"] for job in page["records"]] == everything[7:12]
    beyond = await caller.get(JOBS, offset=1_000)
    assert (beyond["records"], beyond["link"]["next"]) == ([], "")


async def test_filtering_by_status_survives_paging(start: Start) -> None:
    caller = start(jobs=400)
    everything = (await caller.get(JOBS, limit=1000))["records"]
    for status in ("SUCCEEDED", "FAILED", "CANCELLED", "NEW", "PROCESSING"):
        wanted = [job["id"] for job in everything if job["status"] == status]
        assert wanted, status
        assert await ids_of_all_pages(caller, limit=3, status=status) == wanted
        skipped = await caller.get(JOBS, limit=1000, status=status, offset=1)
        assert [job["id"] for job in skipped["records"]] == wanted[1:]
    assert await ids_of_all_pages(caller, limit=3, status="NONSENSE") == []


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "x"}, {"limit": "-1"}, {"offset": "abc"}])
async def test_bad_list_parameters_are_refused(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(JOBS, headers=caller.headers(), params=params)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("UPLIB-101206-500")


async def test_older_words_for_paging_change_nothing(caller: Caller) -> None:
    plain = await caller.get(JOBS, limit=5)
    assert await caller.get(JOBS, limit=5, start=4, page=2, sort="updateTime:asc", unknown="x") == plain
    assert await caller.get(f"{JOBS}/", limit=5) == plain


async def test_segment_metrics_put_the_jobs_under_children(caller: Caller) -> None:
    plain = await caller.get(JOBS, limit=5)
    shown = await caller.get(JOBS, limit=5, showSegmentMetrics="true", sort="creationTime:desc")
    assert "records" not in shown
    assert shown["children"] == plain["records"]
    assert await caller.get(JOBS, limit=5, showSegmentMetrics="false") == plain


async def test_the_jobs_of_a_schedule_can_be_asked_for(start: Start) -> None:
    caller = start(jobs=300)
    everything = (await caller.get(JOBS, limit=1000))["records"]
    schedule_id = next(job["properties"]["scheduleId"] for job in everything if "properties" in job)
    made = [job for job in everything if "properties" in job]
    assert 10 < len(made) < 200
    for expression in (f"properties.scheduleId=={schedule_id}", f"properties.scheduleId == '{schedule_id}'"):
        wanted = [job["id"] for job in made]
        assert await ids_of_all_pages(caller, limit=7, property=expression) == wanted
        failed = [job["id"] for job in made if job["status"] == "SUCCEEDED"]
        assert await ids_of_all_pages(caller, limit=7, property=expression, status="SUCCEEDED") == failed
    assert await ids_of_all_pages(caller, limit=7, property="properties.scheduleId==other") == []


async def test_a_search_that_finds_little_ends_its_page_early(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = start(jobs=300)
    everything = (await caller.get(JOBS, limit=1000))["records"]
    wanted = [job["id"] for job in everything if "properties" in job]
    expression = f"properties.scheduleId=={caller.emulator.world.sandboxes['prod'].room.schedule_id}"
    monkeypatch.setattr(export_job_query, "_SCAN", 12)
    found: list[int] = []
    offset: dict[str, str] = {}
    for _ in range(100):
        page = await caller.get(JOBS, limit=50, property=expression, **offset)
        assert len(page["records"]) <= 12
        found += [job["id"] for job in page["records"]]
        if not page["link"]["next"]:
            break
        offset = {"offset": page["page"]["pageOffset"]}
    assert found == wanted


@pytest.mark.parametrize(
    "params",
    [
        {"property": "properties.runId==x"},
        {"property": "name"},
        {"property": "properties.scheduleId==x", "offset": "3"},
        {"limit": "1.5"},
        {"limit": "٣"},
        {"offset": "-1"},
        {"offset": "1_2_3"},
    ],
)
async def test_a_parameter_that_means_nothing_is_refused(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(JOBS, headers=caller.headers(), params=params)
    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["title"] or "offset" in answer.json()["title"]


async def test_a_cursor_may_name_a_job_that_is_nowhere(caller: Caller) -> None:
    everything = (await caller.get(JOBS, limit=1000))["records"]
    middle = everything[20]
    for offset in (f"{middle['creationTime']}_999999999", f"{middle['creationTime'] + 1}_1"):
        page = await caller.get(JOBS, limit=2, offset=offset)
        assert page["records"][0]["id"] == middle["id"]
    assert (await caller.get(JOBS, offset="0_0"))["records"] == []
    assert (await caller.get(JOBS, limit=3, offset=f"{10**15 - 1}_1"))["records"] == everything[:3]
    assert (await caller.get(JOBS, offset="9" * 15))["records"] == []


async def test_a_job_has_no_post_and_no_slash(caller: Caller) -> None:
    made = await caller.job("x")
    posted = await caller.post(f"{JOBS}/{made['id']}", {})
    assert posted.status_code == 405
    assert {"GET", "DELETE"} <= set(posted.headers["Allow"].split(", "))
    assert (await caller.get(f"{JOBS}/{made['id']}"))["status"] == "NEW"
    got = await caller.http.get(f"{JOBS}/{made['id']}/", headers=caller.headers())
    assert (got.status_code, got.headers["Content-Type"].partition(";")[0]) == (404, "text/html")
    spelled = await caller.get(f"{JOBS}/{made['id']}.0")
    assert spelled["id"] == made["id"]


@pytest.mark.parametrize(
    ("sent", "echoed"), [({}, "ups"), ({"x-profile-instance-id": ""}, "ups"), ({"x-profile-instance-id": "eu1"}, "eu1")]
)
async def test_the_profile_instance_is_echoed(caller: Caller, sent: dict[str, str], echoed: str) -> None:
    body = minimal("5b020a27e7040801dedba61b")
    made = (await caller.http.post(JOBS, headers=caller.headers() | sent, json=body)).json()
    assert made["profileInstanceId"] == echoed
    assert (await caller.get(f"{JOBS}/{made['id']}"))["profileInstanceId"] == echoed


async def test_deleting_a_job_that_is_over_leaves_it_as_it_is(caller: Caller) -> None:
    for job in (await caller.get(JOBS, limit=1000))["records"]:
        if job["status"] not in {"SUCCEEDED", "FAILED", "CANCELLED"}:
            continue
        answer = await caller.delete(f"{JOBS}/{job['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await caller.get(f"{JOBS}/{job['id']}")) | {"destination": None} == job | {"destination": None}


async def test_a_stuck_job_is_cancelled(caller: Caller) -> None:
    (stuck,) = [
        job
        for job in (await caller.get(JOBS, limit=1000, status="PROCESSING"))["records"]
        if job["creationTime"] < caller.emulator.world.now_ms() - 4 * 3_600_000
    ]
    for status in ("CANCELLING", "CANCELLED"):
        assert (await caller.delete(f"{JOBS}/{stuck['id']}")).status_code == 204
        assert (await caller.get(f"{JOBS}/{stuck['id']}"))["status"] == status
        await caller.clock.advance(31)


async def test_hostile_text_comes_back_as_it_went_in(caller: Caller) -> None:
    segment = "\x00\x1b]0;x\x07\u202e\ud800 \U0001f525 </script>"
    body = minimal("5b020a27e7040801dedba61b", segment)
    content = json.dumps(body).encode()
    answer = await caller.http.post(JOBS, headers=caller.headers(), content=content)
    assert answer.status_code == 200
    assert answer.json()["filter"]["segments"] == [{"segmentId": segment}]
    assert answer.content.isascii()


async def test_nobody_qualifies_in_a_window_that_is_still_to_come(start: Start) -> None:
    caller = start(dialect="newest")

    async def exported(**window: str) -> int:
        segments = [{"segmentId": "regulars", "status": ["realized"]}]
        made = await caller.job(filter={"segments": segments, "segmentQualificationTime": window})
        await caller.clock.advance(3_000)
        return int((await caller.get(f"{JOBS}/{made['id']}"))["metrics"]["totalExportedProfileCounter"])

    assert await exported(startTime="2199-01-01T00:00:00Z") == 0
    assert await exported(startTime="2199-01-01T00:00:00Z", endTime="2199-02-01T00:00:00Z") == 0
    assert await exported(startTime="2020-01-01T00:00:00Z") > 0
    assert await exported(endTime="2199-01-01T00:00:00Z") > 0

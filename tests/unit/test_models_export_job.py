"""Reading export jobs and pages: the documented spellings, and any JSON at all."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import samples
from tui_app.models.base import MalformedRecord
from tui_app.models.export_job import (
    CANCELLED,
    UNKNOWN,
    ExportJob,
    JobBatch,
    JobError,
    JobPage,
    MergePolicyRef,
    Metrics,
    Segment,
    Timer,
    is_terminal,
    normal_status,
)
from tui_app.models.normalised import normalised
from tui_app.models.stage import current_stage, duration_ms, ended_ms, stages

Json = dict[str, Any]
NOTHING: dict[str, str] = {}

# Keys the parser knows, so that random objects reach its branches rather than pass it by.
KEYS = sorted(
    {
        *samples.created_job(),
        *samples.finished_job()["metrics"],
        *("fields", "additionalFields", "evaluationInfo", "segmentation", "properties", "scheduleId", "runId"),
        *("segments", "segmentId", "segmentNs", "batches", "batchId", "datasetId", "dataSetId", "name"),
        *("segmentPerBatch", "version", "errors", "code", "msg", "message", "callStack", "exportJob"),
        *("startTimeInMs", "endTimeInMs", "totalTimeInMs", "totalExportedProfileCounter"),
        *("exportedProfileByNamespaceCounter", "records", "children", "link", "_links", "next", "href"),
    }
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**9, max_value=10**18),
    st.floats(),
    st.text(alphabet=st.characters(exclude_categories=[])),
    st.sampled_from(["true", "NEW", "FAILED", "100.0", "?offset=1_2", "nan", "1e999", "2024-03-01T00:00:00Z"]),
    st.just(10**4000),
)


def json_of(leaves: int) -> st.SearchStrategy[object]:
    """Any JSON value of about so many leaves, its keys often ones the parser looks for."""
    keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=5))
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=6)),
        max_leaves=leaves,
    )


ANY_JSON = json_of(25)
# A job of which any three parts may be anything.
ODD_JOB = st.builds(
    lambda job, odd: {**job, **odd, "id": job["id"]},
    st.sampled_from([samples.created_job(), samples.finished_job(), samples.listed_failure()]),
    st.dictionaries(st.sampled_from([key for key in KEYS if key != "id"]), json_of(12), max_size=3),
)


def job(**changes: Any) -> ExportJob:
    """The tutorial's new job with some keys replaced."""
    return ExportJob.parse({**samples.created_job(), **changes})


def test_the_created_job_of_the_tutorial() -> None:
    raw = samples.created_job()
    parsed = ExportJob.parse(raw)
    assert parsed == ExportJob(
        job_id="24115",
        status="NEW",
        segments=(
            Segment(samples.AAM_SEGMENT, "AAM", ("realized",)),
            Segment(samples.UPS_SEGMENT, "UPS", ("exited",)),
        ),
        merge_policy=MergePolicyRef("0bf16e61-90e9-4204-b8fa-ad250360957b", 1),
        dataset_id=samples.ANSWERED_DATASET,
        batches=(
            JobBatch(samples.AAM_BATCH, samples.AAM_SEGMENT, "AAM", ("realized",)),
            JobBatch(samples.UPS_BATCH, samples.UPS_SEGMENT, "UPS", ("exited",)),
        ),
        metrics=Metrics(total=Timer(started_ms=1559674261657)),
        created_ms=1559674261657,
        updated_ms=1559674261868,
        raw=raw,
    )
    assert parsed.raw is raw
    assert not parsed.is_terminal
    assert parsed.request_id == "IwkVcD4RupdSmX376OBVORvcvTdA4ypN"
    assert (parsed.job_type, parsed.profile_instance_id, parsed.ims_org_id) == ("BATCH", "ups", "{IMS_ORG}")
    assert parsed.schema_name == "_xdm.context.profile"
    assert parsed.filter is raw["filter"]
    assert parsed.segment_per_batch


def test_the_failed_job_of_the_tutorial() -> None:
    parsed = ExportJob.parse(samples.listed_failure())
    assert parsed.is_terminal
    assert parsed.batches == ()
    assert [error.code for error in parsed.errors] == ["0090000009", "unknown"]
    assert parsed.errors[1].message == "Job aborted."
    assert parsed.compute == {"exportJob": "15971e0f-317c-4390-9038-1a0498eb356f"}
    assert parsed.metrics.export == Timer(1538573872211, 1538573918809, 46598)


def test_a_full_echo_and_a_scheduled_job() -> None:
    body = samples.create_body()
    parsed = job(
        **{key: body[key] for key in ("fields", "filter", "additionalFields")},
        evaluationInfo={"segmentation": "true"},
        properties={"scheduleId": "s-1", "runId": "SegmentationExportChaining_s-1_x"},
    )
    assert parsed.fields == "identities.id,personalEmail.address"
    assert parsed.filter["fromIngestTimestamp"] == "2018-10-25T13:22:04-07:00"
    assert parsed.additional_fields == body["additionalFields"]
    assert parsed.evaluate is True
    assert (parsed.schedule_id, parsed.run_id) == ("s-1", "SegmentationExportChaining_s-1_x")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (31007, "31007"),
        (0, "0"),
        (100.0, "100"),
        ("24115", "24115"),
        (" 24115 ", "24115"),
        ("100.0", "100"),
        ("v1.0", "v1.0"),
        ("0b1c-uuid", "0b1c-uuid"),
        ("\ud800", "\\ud800"),
    ],
)
def test_job_ids_are_read(raw: object, expected: str) -> None:
    assert ExportJob.parse({"id": raw}).job_id == expected


@pytest.mark.parametrize(
    "raw",
    [
        *({"id": value} for value in (None, True, -1, 1.5, math.nan, math.inf, "", "  ", 2**70)),
        *({"id": []}, {"id": {}}),
        *({}, [], None, "24115", 24115, True),
    ],
    ids=lambda raw: type(raw).__name__,
)
def test_without_a_usable_id_there_is_no_job(raw: object) -> None:
    with pytest.raises(MalformedRecord, match=r"no usable id|must be an object"):
        ExportJob.parse(raw)


@pytest.mark.parametrize(
    ("raw", "expected", "terminal"),
    [
        ("NEW", "NEW", False),
        ("succeeded", "SUCCEEDED", True),
        (" Failed ", "FAILED", True),
        ("CANCELED", CANCELLED, True),
        ("cancelled", CANCELLED, True),
        ("canceling", "CANCELLING", False),
        ("PROCESSING", "PROCESSING", False),
        ("REHYDRATING", "REHYDRATING", False),
        ("finished", "FINISHED", False),
        ("", UNKNOWN, False),
        (None, UNKNOWN, False),
        (True, UNKNOWN, False),
        (3, UNKNOWN, False),
        (["NEW"], UNKNOWN, False),
    ],
)
def test_statuses_are_open(raw: object, expected: str, *, terminal: bool) -> None:
    assert normal_status(raw) == expected
    assert is_terminal(expected) is terminal


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ({"datasetId": "d"}, "d"),
        ({"dataSetId": "d"}, "d"),
        ({"datasetId": "", "dataSetId": "d"}, "d"),
        ({"datasetId": 5}, "5"),
        ({}, None),
        (None, None),
        ("d", None),
    ],
)
def test_the_dataset_id_has_two_spellings(destination: object, expected: str | None) -> None:
    assert job(destination=destination).dataset_id == expected


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ({"batchId": "b"}, (JobBatch("b"),)),
        ({"batchId": ""}, ()),
        ({"batchId": None}, ()),
        ({}, ()),
        ({"batches": {"segmentId": "s", "batchId": "b", "status": "exited"}}, (JobBatch("b", "s", None, ("exited",)),)),
        ({"batches": {"segmentId": "s", "batchId": "b"}, "batchId": "b"}, (JobBatch("b"),)),
        (
            {"batches": [{"segmentId": "s", "batchId": "b"}], "batchId": "b", "segmentPerBatch": True},
            (JobBatch("b", "s"),),
        ),
        ({"batches": {"segmentId": "s", "batchId": "b"}, "batchId": "c"}, (JobBatch("b", "s"), JobBatch("c"))),
        ({"batches": [{"batchId": ""}, {"batchId": None}, None, 5, "b"]}, (JobBatch("5"), JobBatch("b"))),
        ({"batches": []}, ()),
        ({"batches": None}, ()),
        ({"batches": True}, ()),
    ],
)
def test_batches_in_every_spelling(destination: Json, expected: tuple[JobBatch, ...]) -> None:
    assert job(destination=destination).batches == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("true", True), (1, True), ("false", False), (None, False), ({}, False)],
)
def test_segment_per_batch_defaults_to_false(value: object, *, expected: bool) -> None:
    assert job(destination={"segmentPerBatch": value}).segment_per_batch is expected


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (None, ()),
        ([], ()),
        ({}, ()),
        ([{}], ()),
        ({"code": 100000003, "message": "m"}, (JobError("100000003", "m", ""),)),
        ([{"code": "0100000003", "msg": "m", "callStack": "c"}], (JobError("0100000003", "m", "c"),)),
        (["it broke", None], (JobError("", "it broke", ""),)),
        ("it broke", (JobError("", "it broke", ""),)),
    ],
)
def test_errors_in_every_spelling(errors: object, expected: tuple[JobError, ...]) -> None:
    assert job(errors=errors).errors == expected


def test_errors_do_not_decide_the_status() -> None:
    parsed = job(status="SUCCEEDED", errors=[{"code": "0100000003", "msg": "Error in Export Job"}])
    assert parsed.status == "SUCCEEDED"
    assert len(parsed.errors) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": "p", "version": 2}, MergePolicyRef("p", 2)),
        ({"id": "p", "version": "2"}, MergePolicyRef("p", 2)),
        ({"id": "p"}, MergePolicyRef("p")),
        ("p", MergePolicyRef("p")),
        ({"version": 2}, None),
        (None, None),
        ([], None),
    ],
)
def test_merge_policies(value: object, expected: MergePolicyRef | None) -> None:
    assert job(mergePolicy=value).merge_policy == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, NOTHING),
        ({"exportJob": ""}, NOTHING),
        ({"exportJob": "e", "pushJob": "p"}, {"exportJob": "e", "pushJob": "p"}),
        ("e", {"exportJob": "e"}),
        (None, NOTHING),
        ([], NOTHING),
    ],
)
def test_compute_jobs(value: object, expected: dict[str, str]) -> None:
    assert job(computeGatewayJobId=value).compute == expected


def test_metrics_in_any_subset() -> None:
    parsed = job(
        metrics={
            "profileExportTime": {"startTimeInMs": "1709290893", "totalTimeInMs": -1},
            "aCPDatasetWriteTime": {"startTimeInMs": None},
            "totalExportedProfileCounter": "20",
            "exportedProfileByNamespaceCounter": {"email": 12.0, "crmid": 20, "odd": "many"},
            "unheardOf": 1,
        }
    )
    assert parsed.metrics == Metrics(
        export=Timer(started_ms=1709290893000), profiles=20, profiles_by_namespace={"email": 12, "crmid": 20}
    )
    assert job(metrics=None).metrics == Metrics()


def test_segments_and_texts_in_odd_shapes() -> None:
    parsed = job(
        filter={"segments": [{"segmentId": 4410871, "status": "exited"}, {"segmentNs": "AAM"}, "bare", None]},
        schema="_xdm.context.profile",
        fields=["a", "b"],
    )
    assert parsed.segments == (Segment("4410871", None, ("exited",)), Segment("bare"))
    assert parsed.schema_name == "_xdm.context.profile"
    assert parsed.fields == "a,b"
    assert job(filter={"segments": {"segmentId": "s"}}).segments == (Segment("s"),)
    assert job(filter="all", fields=" ").segments == ()


def test_the_page_of_the_tutorial() -> None:
    page = JobPage.parse(samples.job_page())
    assert [(each.job_id, each.status) for each in page.jobs] == [("726", "SUCCEEDED"), ("722", "FAILED")]
    assert page.next_offset == samples.PAGE_CURSOR
    assert page.rejected == 0
    assert page.jobs[0].segment_per_batch is False


def test_unusable_records_are_counted_and_the_others_kept() -> None:
    page = JobPage.parse({"records": [samples.listed_success(), {"id": None}, None, "726"]})
    assert [each.job_id for each in page.jobs] == ["726"]
    assert page.rejected == 3


@pytest.mark.parametrize(
    ("page", "ids"),
    [
        ({"children": [{"id": 1}]}, ["1"]),
        ({"records": [{"id": 1}], "children": [{"id": 2}]}, ["1"]),
        ({"records": None, "children": [{"id": 2}]}, ["2"]),
        ({"records": "none", "children": [{"id": 2}]}, ["2"]),
        ({"records": []}, []),
        ({"records": None}, []),
        ({"children": None}, []),
    ],
)
def test_records_or_children(page: Json, ids: list[str]) -> None:
    assert [each.job_id for each in JobPage.parse(page).jobs] == ids


@pytest.mark.parametrize(
    "page", [None, [], "x", 5, {}, {"records": {}}, {"records": "x"}, {"error_code": "403025"}], ids=repr
)
def test_what_is_no_page_is_refused(page: object) -> None:
    with pytest.raises(MalformedRecord, match=r"must be an object|no list"):
        JobPage.parse(page)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({"link": {"next": "/export/jobs/?limit=2&offset=15_96"}}, "15_96"),
        ({"link": {"next": "https://elsewhere.example/a?offset=15_96&limit=2#offset=3"}}, "15_96"),
        ({"link": {"next": "http://[/?offset=15%5F96"}}, "15_96"),
        ({"link": {"next": "?offset=2"}}, "2"),
        ({"link": {"next": {"href": "/export/jobs?offset=2"}}}, "2"),
        ({"_links": {"next": {"href": "/export/jobs?offset=2"}}}, "2"),
        ({"link": {"next": ""}, "_links": {"next": "/x?offset=2"}}, "2"),
        ({"link": {"next": ""}}, None),
        ({"link": {"next": None}}, None),
        ({"link": {"next": "string"}}, None),
        ({"link": {"next": "/export/jobs/?limit=2"}}, None),
        ({"link": {"next": "/export/jobs/?offset="}}, None),
        ({"link": {}}, None),
        ({"link": None}, None),
        ({"link": "string"}, None),
        ({"link": {"next": [1]}}, None),
        ({"page": {"pageOffset": "15_96"}}, None),
        ({}, None),
    ],
)
def test_the_next_cursor(link: Json, expected: str | None) -> None:
    assert JobPage.parse({"records": [], **link}).next_offset == expected


@given(ANY_JSON)
def test_any_json_is_read_or_refused(raw: object) -> None:
    for parse in (ExportJob.parse, JobPage.parse):
        try:
            parsed: ExportJob | JobPage = parse(raw)
        except MalformedRecord:
            continue
        assert isinstance(raw, dict)
        assert not isinstance(parsed, ExportJob) or parsed.raw is raw


@given(ODD_JOB, st.integers(min_value=0, max_value=10**14))
def test_a_job_with_odd_parts_can_be_shown_whole(raw: Json, now: int) -> None:
    before = copy.deepcopy(raw)
    parsed = ExportJob.parse(raw)
    shown = normalised(parsed, now)
    json.dumps(shown, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert repr(raw) == repr(before)
    assert all((stage.duration_ms(now) or 0) >= 0 for stage in stages(parsed, now))
    assert (duration_ms(parsed, now) or 0) >= 0
    assert ended_ms(parsed) is None or parsed.is_terminal
    assert current_stage(parsed, now) is not None or parsed.is_terminal


@given(st.lists(ODD_JOB, max_size=4))
def test_odd_parts_never_cost_a_page_its_jobs(records: list[Json]) -> None:
    page = JobPage.parse({"records": records})
    assert [each.raw for each in page.jobs] == records
    assert page.rejected == 0


def test_depth_does_not_matter() -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    keys = [key for key in KEYS if key != "id"]
    parsed = ExportJob.parse({"id": 1, **dict.fromkeys(keys, deep)})
    assert parsed.job_id == "1"
    assert JobPage.parse({"records": [{"id": 1, "filter": {"segments": deep}}]}).rejected == 0
    while isinstance(deep, list):  # unwound by hand: dropping it whole would recurse as deep
        deep = deep[0]

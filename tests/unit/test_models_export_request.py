"""The request for an export job: its body both ways, its checks, cloning, and recognising its job."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import samples
from tui_app.models.base import MalformedRecord
from tui_app.models.export_job import ExportJob, MergePolicyRef, Segment
from tui_app.models.export_request import EventList, ExportRequest, fingerprint, matches
from tui_app.models.request_check import check_request

Json = dict[str, Any]

MINIMAL = ExportRequest("65e0c0ffee", segments=(Segment("s", None, ("realized",)),))
WORDS = st.text(min_size=1, max_size=12).filter(lambda word: not word.isspace())
MAYBE_WORDS = st.none() | WORDS
MAYBE_FLAGS = st.none() | st.booleans()
SEGMENTS = st.builds(Segment, WORDS, MAYBE_WORDS, st.lists(WORDS, min_size=1, max_size=3).map(tuple))
STRANGE_KEYS = st.sampled_from(["strange", "x-odd"])
STRANGE_VALUES = st.none() | st.integers() | st.lists(WORDS)
STRANGE = st.dictionaries(STRANGE_KEYS, STRANGE_VALUES, max_size=2)
SOME_STRANGE = st.dictionaries(STRANGE_KEYS, STRANGE_VALUES, min_size=1, max_size=2)
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "strange": STRANGE,
        **dict.fromkeys(("filter", "destination", "schema", "evaluationInfo"), SOME_STRANGE),
        "additionalFields": SOME_STRANGE,
    },
)
REQUESTS = st.builds(
    ExportRequest,
    dataset_id=WORDS,
    schema_name=WORDS,
    segments=st.lists(SEGMENTS, max_size=3).map(tuple),
    fields=MAYBE_WORDS,
    merge_policy=st.none() | st.builds(MergePolicyRef, WORDS, st.none() | st.integers(0, 99)),
    qualified_from=MAYBE_WORDS,
    qualified_to=MAYBE_WORDS,
    from_ingest=MAYBE_WORDS,
    empty_profiles=MAYBE_FLAGS,
    events=st.none() | st.builds(EventList, MAYBE_WORDS, MAYBE_WORDS, MAYBE_WORDS),
    segment_per_batch=st.booleans(),
    evaluate=MAYBE_FLAGS,
    extra=EXTRAS,
)


def test_the_body_of_the_tutorial_both_ways() -> None:
    body = samples.create_body()
    request = ExportRequest.from_body(body)
    assert request == ExportRequest(
        dataset_id=samples.REQUESTED_DATASET,
        segments=(
            Segment(samples.AAM_SEGMENT, "AAM", ("realized",)),
            Segment(samples.UPS_SEGMENT, "UPS", ("exited",)),
        ),
        fields="identities.id,personalEmail.address",
        merge_policy=MergePolicyRef("e5bc94de-cd14-4cdf-a2bc-88b6e8cbfac2", 1),
        qualified_from="2019-09-01T00:00:00Z",
        qualified_to="2019-09-02T00:00:00Z",
        from_ingest="2018-10-25T13:22:04-07:00",
        empty_profiles=False,
        events=EventList(
            "environment.browserDetails.name,environment.browserDetails.version", "2018-10-25T13:22:04-07:00"
        ),
        segment_per_batch=True,
    )
    assert request.to_body() == body == samples.create_body()
    assert request.check() == ()


def test_a_minimal_body_leaves_out_what_is_absent() -> None:
    assert ExportRequest("d").to_body() == {
        "destination": {"datasetId": "d", "segmentPerBatch": False},
        "schema": {"name": "_xdm.context.profile"},
    }


def test_qualification_statuses_are_always_sent() -> None:
    segment = ExportRequest("d", segments=(Segment("s"),)).to_body()["filter"]["segments"][0]
    assert segment == {"segmentId": "s", "status": ["realized", "existing"]}


def test_asking_for_all_events_is_an_empty_list() -> None:
    body = ExportRequest("d", events=EventList()).to_body()
    assert body["additionalFields"] == {"eventList": {}}
    assert ExportRequest.from_body(body).events == EventList()
    assert ExportRequest.from_body({"additionalFields": {"eventList": None}}).events is None


@given(REQUESTS)
def test_a_request_survives_its_body(request: ExportRequest) -> None:
    body = request.to_body()
    before = copy.deepcopy(body)
    assert ExportRequest.from_body(body) == request
    assert body == before
    assert ExportRequest.from_body(body).to_body() == body


def strange_body() -> Json:
    body = samples.create_body()
    body["ticket"] = None
    body["mergePolicy"]["why"] = {"deep": [1]}
    body["filter"]["region"] = "VA7"
    body["filter"]["segments"][1]["weight"] = 3
    body["filter"]["segmentQualificationTime"]["zone"] = {}
    body["additionalFields"]["other"] = 1
    body["additionalFields"]["eventList"]["cap"] = 10
    body["additionalFields"]["eventList"]["filter"]["kind"] = "web"
    body["destination"]["folder"] = "x"
    body["schema"]["version"] = 1
    body["evaluationInfo"] = {"segmentation": True, "mode": "full"}
    return body


def test_unknown_keys_survive_in_their_places() -> None:
    assert ExportRequest.from_body(strange_body()).to_body() == strange_body()


def test_unknown_keys_go_with_the_part_they_belong_to() -> None:
    request = ExportRequest.from_body(strange_body())
    body = replace(request, merge_policy=None, events=None, segments=()).to_body()
    assert "mergePolicy" not in body
    assert body["additionalFields"] == {"other": 1}
    assert "segments" not in body["filter"]
    assert body["filter"]["region"] == "VA7"
    one = replace(request, segments=(request.segments[1], Segment("new"))).to_body()["filter"]["segments"]
    assert [segment.get("weight") for segment in one] == [3, None]
    lone = ExportRequest.from_body({"additionalFields": {"eventList": {"cap": 1}}})
    assert "additionalFields" not in replace(lone, events=None).to_body()


def test_what_the_request_says_wins_over_extra() -> None:
    request = replace(MINIMAL, extra={"schema": "text", "destination": {"datasetId": "other"}, "filter": [1]})
    assert request.to_body() == MINIMAL.to_body()
    assert replace(MINIMAL, extra={"filter": {"segments": "x"}}).to_body() == MINIMAL.to_body()


def test_a_body_is_read_leniently_where_the_meaning_is_plain() -> None:
    request = ExportRequest.from_body(
        {
            "destination": {"dataSetId": "d", "segmentPerBatch": "true"},
            "filter": {"segments": [{"segmentId": "s", "status": "exited"}], "emptyProfiles": None},
            "mergePolicy": {"id": "p", "version": "2"},
            "fields": " ",
            "additionalFields": None,
        }
    )
    assert request == ExportRequest(
        "d", segments=(Segment("s", None, ("exited",)),), merge_policy=MergePolicyRef("p", 2), segment_per_batch=True
    )


def test_missing_ids_are_left_to_the_checks() -> None:
    request = ExportRequest.from_body({"filter": {"segments": [{}]}, "mergePolicy": {"version": 1}})
    assert {finding.field for finding in request.check() if finding.severity == "error"} == {
        "destination.datasetId",
        "mergePolicy.id",
        "filter.segments[0].segmentId",
    }


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "the body"),
        ("{}", "the body"),
        ({"destination": "d"}, "destination"),
        ({"destination": {"datasetId": 5}}, "destination.datasetId"),
        ({"destination": {"segmentPerBatch": "perhaps"}}, "destination.segmentPerBatch"),
        ({"schema": {"name": []}}, "schema.name"),
        ({"fields": ["a"]}, "fields"),
        ({"mergePolicy": "p"}, "mergePolicy"),
        ({"mergePolicy": {"id": "p", "version": "latest"}}, "mergePolicy.version"),
        ({"filter": []}, "filter"),
        ({"filter": {"segments": {"segmentId": "s"}}}, "filter.segments"),
        ({"filter": {"segments": ["s"]}}, "filter.segments[0]"),
        ({"filter": {"segments": [{}, {"status": [1]}]}}, "filter.segments[1].status"),
        ({"filter": {"segments": [{"status": 1}]}}, "filter.segments[0].status"),
        ({"filter": {"segmentQualificationTime": {"startTime": 1}}}, "filter.segmentQualificationTime.startTime"),
        ({"filter": {"emptyProfiles": 3}}, "filter.emptyProfiles"),
        ({"additionalFields": []}, "additionalFields"),
        ({"additionalFields": {"eventList": "all"}}, "additionalFields.eventList"),
        ({"additionalFields": {"eventList": {"filter": {"toIngestTimestamp": 1}}}}, "toIngestTimestamp"),
        ({"evaluationInfo": {"segmentation": []}}, "evaluationInfo.segmentation"),
    ],
    ids=repr,
)
def test_what_cannot_be_read_is_named(body: Any, path: str) -> None:
    with pytest.raises(MalformedRecord) as caught:
        ExportRequest.from_body(body)
    assert f"{path} cannot be read: write it as" in str(caught.value)


def found(request: ExportRequest) -> list[tuple[str, str]]:
    return [(finding.severity, finding.field) for finding in request.check()]


MANY = tuple(Segment(f"s{place}", None, ("realized",)) for place in range(11))
POLICY = MergePolicyRef("p")
FIRST = "filter.segments[0]"
EVENTS = "additionalFields.eventList.filter"
QUALIFIED = "filter.segmentQualificationTime"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"dataset_id": " "}, [("error", "destination.datasetId")]),
        ({"schema_name": ""}, [("error", "schema.name")]),
        ({"merge_policy": MergePolicyRef(" ", 1)}, [("error", "mergePolicy.id")]),
        ({"merge_policy": MergePolicyRef("timestampOrdered-none-mp")}, []),
        ({"segments": ()}, [("warning", "filter.segments")]),
        ({"segments": (Segment(""),)}, [("error", f"{FIRST}.segmentId")]),
        ({"segments": (Segment("s", "ups"), Segment("t", "ups"))}, [("warning", "mergePolicy")]),
        ({"segments": (Segment("s", "AAM"), Segment("s", "ups")), "merge_policy": POLICY}, []),
        (
            {"segments": (Segment("s"), Segment("s", "UPS"), Segment("s", "ups")), "merge_policy": POLICY},
            [("warning", "filter.segments[1].segmentId"), ("warning", "filter.segments[2].segmentId")],
        ),
        ({"segments": (Segment("s", None, ("exited", "realized")),)}, []),
        ({"segments": (Segment("s", None, ("gone", "gone")),)}, [("error", f"{FIRST}.status")]),
        ({"segments": (Segment("s", None, ("Realized",)),)}, [("error", f"{FIRST}.status")]),
        ({"segments": (Segment("s", None, ("existing",)),)}, [("warning", f"{FIRST}.status")]),
        (
            {
                "segments": (Segment("s", None, ("existing",)), Segment("t", None, ("existing",))),
                "merge_policy": POLICY,
            },
            [("warning", f"{FIRST}.status")],
        ),
        ({"segments": MANY, "merge_policy": POLICY}, []),
        ({"segments": MANY[:10], "merge_policy": POLICY, "segment_per_batch": True}, []),
        (
            {"segments": MANY, "merge_policy": POLICY, "segment_per_batch": True},
            [("warning", "destination.segmentPerBatch")],
        ),
        ({"qualified_from": "2024-03-01"}, [("error", f"{QUALIFIED}.startTime")]),
        ({"qualified_to": "2024-03-01T00:00:00"}, [("error", f"{QUALIFIED}.endTime")]),
        (
            {"qualified_from": "2024-03-01T00:00:00Z", "qualified_to": "2024-03-01T00:00:00+01:00"},
            [("error", f"{QUALIFIED}.endTime")],
        ),
        (
            {"qualified_from": "2024-03-01T00:00:00Z", "qualified_to": "2024-03-01T00:00:00Z"},
            [("error", f"{QUALIFIED}.endTime")],
        ),
        (
            {"qualified_from": "2024-03-01T01:00:00+01:00", "qualified_to": "2024-03-01T00:00:00Z"},
            [("error", f"{QUALIFIED}.endTime")],
        ),
        ({"qualified_from": "2024-03-01T00:00:00Z", "qualified_to": "2024-03-01T00:00:01Z"}, []),
        ({"qualified_from": "2024-03-01T00:00:00Z"}, []),
        ({"from_ingest": "yesterday"}, [("error", "filter.fromIngestTimestamp")]),
        ({"from_ingest": "2024-02-30T00:00:00Z"}, [("error", "filter.fromIngestTimestamp")]),
        ({"events": EventList()}, [("warning", f"{EVENTS}.fromIngestTimestamp")]),
        ({"events": EventList(from_ingest="2024-03-01T00:00:00Z")}, []),
        ({"events": EventList(from_ingest="soon")}, [("error", f"{EVENTS}.fromIngestTimestamp")]),
        (
            {"events": EventList(to_ingest="soon")},
            [("warning", f"{EVENTS}.fromIngestTimestamp"), ("error", f"{EVENTS}.toIngestTimestamp")],
        ),
        (
            {"events": EventList(None, "2024-03-02T00:00:00Z", "2024-03-01T00:00:00Z")},
            [("error", f"{EVENTS}.toIngestTimestamp")],
        ),
    ],
)
def test_the_checks_before_sending(changes: Json, expected: list[tuple[str, str]]) -> None:
    assert found(replace(MINIMAL, **changes)) == expected


def test_findings_name_the_cause_and_the_remedy() -> None:
    (slip,) = replace(MINIMAL, segments=(Segment("s", None, ("exiting",)),)).check()
    assert slip.remedy == "Write exited instead of exiting."
    (odd,) = replace(MINIMAL, segments=(Segment("s", None, ("gone",)),)).check()
    assert odd.cause == "'gone' is not a qualification status."
    assert odd.remedy == "Use one or more of realized, existing, exited, in lower case."
    (short,) = replace(MINIMAL, from_ingest="2024-03-01").check()
    assert short.cause == "'2024-03-01' has a date but no time."
    assert short.remedy == "Write it like 2024-03-01T00:00:00Z."
    (late,) = replace(MINIMAL, qualified_from="2024-03-02T00:00:00Z", qualified_to="2024-03-01T00:00:00Z").check()
    assert late.cause == "The window ends before it starts."
    (empty,) = replace(MINIMAL, qualified_from="2024-03-02T00:00:00Z", qualified_to="2024-03-02T00:00:00Z").check()
    assert empty.cause == "The window ends when it starts, so nothing is in it."
    assert empty.remedy == "Give an end after 2024-03-02T00:00:00Z."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"qualified_from": "2024-03-01T12:06:00Z"}, [f"{QUALIFIED}.startTime"]),
        ({"qualified_to": "2024-03-01T12:06:00Z"}, [f"{QUALIFIED}.endTime"]),
        ({"from_ingest": "2024-03-01T12:06:00Z"}, ["filter.fromIngestTimestamp"]),
        (
            {"events": EventList(None, "2024-03-01T12:06:00Z", "2024-03-01T14:00:00+01:00")},
            [f"{EVENTS}.fromIngestTimestamp", f"{EVENTS}.toIngestTimestamp"],
        ),
        # Machines differ by seconds and minutes; what has no zone yet is an error, not a time to come.
        ({"qualified_from": "2024-03-01T12:05:00Z", "from_ingest": "2024-03-01T12:00:00Z"}, []),
        ({"from_ingest": "2024-03-01T13:06:00+01:00"}, ["filter.fromIngestTimestamp"]),
        ({"from_ingest": "2024-03-01T12:06:00+01:00"}, []),
    ],
)
def test_times_that_lie_ahead_are_doubted(changes: Json, expected: list[str]) -> None:
    request = replace(MINIMAL, **changes)
    warnings = check_request(request, now=datetime(2024, 3, 1, 12, tzinfo=UTC))
    assert [(one.severity, one.field) for one in warnings] == [("warning", path) for path in expected]
    assert all("lies ahead (in " in one.cause for one in warnings)
    assert request.check() == ()


@given(REQUESTS)
def test_findings_are_whole_sentences(request: ExportRequest) -> None:
    for finding in request.check():
        assert finding.cause.endswith(".")
        assert finding.remedy.endswith(".")


def test_a_clone_takes_what_was_echoed_and_names_the_rest() -> None:
    clone, missing = ExportRequest.from_job(ExportJob.parse(samples.finished_job()))
    assert clone == ExportRequest(
        samples.ANSWERED_DATASET,
        segments=(
            Segment(samples.AAM_SEGMENT, "AAM", ("realized",)),
            Segment(samples.UPS_SEGMENT, "UPS", ("exited",)),
        ),
        merge_policy=MergePolicyRef("0bf16e61-90e9-4204-b8fa-ad250360957b", 1),
        segment_per_batch=True,
    )
    assert missing == (
        "filter.segmentQualificationTime",
        "fields",
        "filter.fromIngestTimestamp",
        "filter.emptyProfiles",
        "additionalFields",
        "evaluationInfo.segmentation",
    )


def test_a_clone_of_a_listed_job_names_statuses_and_batching_too() -> None:
    clone, missing = ExportRequest.from_job(ExportJob.parse(samples.listed_success()))
    assert clone.segments == (Segment("52c26d0d-45f2-47a2-ab30-ed06abc981ff"),)
    assert missing[:2] == ("destination.segmentPerBatch", "filter.segments[0].status")


def test_a_clone_of_a_full_echo_is_the_request_itself() -> None:
    body = strange_body()
    clone, missing = ExportRequest.from_job(ExportJob.parse({**body, "id": 1}))
    assert missing == ()
    cloned = clone.to_body()
    assert {key: cloned[key] for key in ("fields", "filter", "additionalFields", "evaluationInfo")} == {
        key: body[key] for key in ("fields", "filter", "additionalFields", "evaluationInfo")
    }


def test_a_clone_names_what_was_unreadable() -> None:
    _, missing = ExportRequest.from_job(
        ExportJob.parse(
            {"id": 1, "filter": {"segmentQualificationTime": {"startTime": 5, "endTime": "t"}}, "evaluationInfo": "x"}
        )
    )
    assert missing[0] == "destination.datasetId"
    assert "filter.segmentQualificationTime.startTime" in missing
    assert "filter.segmentQualificationTime" not in missing
    assert "evaluationInfo" in missing


def echo(**changes: Any) -> ExportJob:
    """A job that echoes the tutorial's request, with some keys replaced."""
    raw = {**samples.create_body(), "id": 1, "status": "NEW", **changes}
    return ExportJob.parse(raw)


def filtered(**changes: Any) -> Json:
    return {"filter": {**samples.create_body()["filter"], **changes}}


def destined(**changes: Any) -> Json:
    return {"destination": {"datasetId": samples.REQUESTED_DATASET, **changes}}


def with_statuses(*statuses: Any) -> Json:
    pairs = zip(samples.segments(), statuses, strict=True)
    return filtered(segments=[{**segment, "status": status} for segment, status in pairs])


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"filter": {"segments": samples.segments()[::-1]}, "fields": None, "additionalFields": None}, True),
        ({"mergePolicy": {"id": "another"}}, True),
        ({"fields": "personalEmail.address, identities.id"}, True),
        ({"fields": "personalEmail.address"}, False),
        ({"schema": {"name": "_xdm.context.experienceevent"}}, False),
        ({"schema": None}, True),
        (destined(), True),
        (destined(segmentPerBatch=None), True),
        (destined(segmentPerBatch=False), False),
        (destined(datasetId="other"), False),
        ({"destination": None}, False),
        (filtered(segments=samples.segments()[:1]), False),
        (filtered(segments=[]), False),
        (with_statuses(None, "exited"), True),
        (with_statuses("REALIZED", ["exited"]), True),
        (with_statuses("exited", "exited"), False),
        (with_statuses(["realized", "existing"], None), False),
        (filtered(fromIngestTimestamp="2018-10-25T20:22:04Z"), True),
        (filtered(fromIngestTimestamp="2018-10-25T13:22:04Z"), False),
        (filtered(fromIngestTimestamp="some day"), True),
        (filtered(emptyProfiles=True), False),
        (filtered(segmentQualificationTime={"startTime": "2019-09-01T00:00:00Z"}), True),
        (filtered(segmentQualificationTime={"endTime": "2020-09-02T00:00:00Z"}), False),
        ({"additionalFields": {"eventList": {"fields": "other"}}}, False),
        ({"evaluationInfo": {"segmentation": True}}, True),
    ],
)
def test_a_job_is_recognised_by_its_request(changes: Json, *, same: bool) -> None:
    assert matches(echo(**changes), samples.create_body()) is same


def test_the_schema_counts_only_where_the_answer_names_one() -> None:
    other = {**samples.create_body(), "schema": {"name": "_xdm.custom"}}
    assert matches(echo(schema=None), other)
    assert not matches(echo(), other)


def test_all_profiles_are_no_segments_on_both_sides() -> None:
    body = ExportRequest("d").to_body()
    assert matches(ExportJob.parse({"id": 1, "destination": {"dataSetId": "d"}}), body)
    assert not matches(ExportJob.parse({"id": 1}), {})


def test_the_fingerprint_is_what_every_answer_echoes() -> None:
    body = samples.create_body()
    kept = fingerprint(body)
    assert len(kept) == 64
    body["filter"] = {"segments": samples.segments()[::-1]}
    body["mergePolicy"] = body["fields"] = body["additionalFields"] = None
    assert fingerprint(body) == kept
    assert fingerprint({**body, "filter": {}}) != kept
    assert fingerprint({**body, "destination": {"datasetId": "other"}}) != kept
    assert fingerprint({"destination": {"datasetId": "\ud800"}}) != kept

"""The rules for a body that asks for an export, without a platform around them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.test_export_jobs import TUTORIAL
from tui_app.emulator.services.validation import JobRules, known_parts
from tui_app.emulator.world.times import rfc3339

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PATHS = (
    "fields",
    "mergePolicy",
    "mergePolicy.id",
    "mergePolicy.version",
    "filter",
    "filter.segments",
    "filter.segments.0",
    "filter.segments.0.segmentId",
    "filter.segments.0.segmentNs",
    "filter.segments.0.status",
    "filter.segmentQualificationTime",
    "filter.segmentQualificationTime.startTime",
    "filter.fromIngestTimestamp",
    "filter.emptyProfiles",
    "additionalFields",
    "additionalFields.eventList",
    "additionalFields.eventList.filter",
    "additionalFields.eventList.filter.fromIngestTimestamp",
    "destination",
    "destination.datasetId",
    "destination.segmentPerBatch",
    "schema",
    "schema.name",
    "evaluationInfo",
    "evaluationInfo.segmentation",
)


def put(path: str, value: object) -> dict[str, Any]:
    body: dict[str, Any] = copy.deepcopy(TUTORIAL) | {"evaluationInfo": {"segmentation": True}}
    *holders, last = path.split(".")
    inner: Any = body
    for name in holders:
        inner = inner[int(name)] if name.isdigit() else inner[name]
    inner[int(last) if last.isdigit() else last] = value
    return body


def faults(body: object) -> list[str]:
    return JobRules().check(body)


@given(path=st.sampled_from(PATHS), value=JSON)
def test_any_value_anywhere_is_good_or_named_and_what_is_kept_is_good_again(path: str, value: object) -> None:
    body = put(path, value)
    found = faults(body)
    if found:
        assert all("\n" not in text and len(text) < 300 for text in found)
        return
    known = known_parts(body)
    assert faults(known) == []
    assert known_parts(known) == known
    json.dumps(known, allow_nan=False)


@given(JSON)
def test_a_body_that_is_no_request_is_refused(body: object) -> None:
    assert faults(body)


def test_every_fault_is_told_at_once() -> None:
    body = {
        "fields": 1,
        "mergePolicy": {"version": "1"},
        "filter": {
            "segments": [{}, 5, {"segmentId": "a", "status": ["exiting", "realized"]}],
            "segmentQualificationTime": {"startTime": "2024-03-02T00:00:00Z", "endTime": "2024-03-01T00:00:00Z"},
            "fromIngestTimestamp": "yesterday",
            "emptyProfiles": "false",
        },
        "additionalFields": {"eventList": {"filter": {"toIngestTimestamp": 5}}},
        "destination": {"dataSetId": "65e0c0ffee0123456789abcd", "segmentPerBatch": 1},
        "evaluationInfo": {"segmentation": "yes"},
    }
    named = (
        "fields",
        "mergePolicy.id",
        "mergePolicy.version",
        "filter.segments[0].segmentId",
        "filter.segments[1]",
        "filter.segments[2].status",
        "filter.segmentQualificationTime.endTime",
        "filter.fromIngestTimestamp",
        "filter.emptyProfiles",
        "additionalFields.eventList.filter.toIngestTimestamp",
        "destination.datasetId",
        "destination.segmentPerBatch",
        "schema",
        "evaluationInfo.segmentation",
    )
    found = faults(body)
    assert len(found) == len(named)
    for text, path in zip(found, named, strict=True):
        assert f" {path} " in f"{text} "


def test_neither_segments_nor_faults_are_without_end() -> None:
    segments = [{"segmentId": str(number)} for number in range(1_000)]
    assert faults(put("filter.segments", segments)) == []
    assert faults(put("filter.segments", [*segments, {}])) == [
        "Field filter.segments must not have more than 1000 elements"
    ]
    found = faults(put("filter.segments.0.status", ["x"] * 50_000))
    assert len(found) == 101
    assert found[-1] == "And 49900 more faults"


@pytest.mark.parametrize("version", [1, 1.0, 7, 2**31 - 1])
def test_a_version_is_any_whole_number(version: float) -> None:
    body = put("mergePolicy.version", version)
    assert faults(body) == []
    assert type(known_parts(body)["mergePolicy"]["version"]) is int


@pytest.mark.parametrize("version", [0, -1, 1.5, 2**31, 1e300, True, "1", [1]])
def test_another_version_is_refused(version: object) -> None:
    assert faults(put("mergePolicy.version", version)) == ["Field mergePolicy.version must be a positive integer"]


@pytest.mark.parametrize("path", ["destination.datasetId", "schema.name", "mergePolicy.id"])
@pytest.mark.parametrize("blank", ["", "  ", "\t\n", None])
def test_what_is_required_may_not_be_blank(path: str, blank: object) -> None:
    assert faults(put(path, blank)) == [f"Missing required field {path}"]


def test_only_known_words_are_kept() -> None:
    body = copy.deepcopy(TUTORIAL) | {"priority": "high", "evaluationInfo": None}
    body["filter"]["limit"] = 5  # type: ignore[index] # a literal of mixed values
    body["filter"]["segments"][0]["name"] = "x"  # type: ignore[index] # as above
    body["filter"]["fromTimestamp"] = "2018-10-25T13:22:04-07:00"  # type: ignore[index] # as above
    assert known_parts(body) == TUTORIAL


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2024-03-01T00:00:00Z", "2024-03-01T01:00:00+01:00"),
        ("2024-03-01t00:00:00z", "2024-02-29T23:00:00-01:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("2024-03-01T00:00:00.5Z", "2024-03-01T00:00:00.500000000Z"),
    ],
)
def test_one_moment_has_many_spellings(text: str, same: str) -> None:
    assert rfc3339(text) == rfc3339(same) is not None


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01",
        "2024-03-01T00:00:00",
        "2024-03-01 00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-03-01T24:00:00Z",
        "2024-03-01T00:00:00+24:00",
        "٢٠٢٤-03-01T00:00:00Z",
        "2024-03-01T00:00:00Z\n",
        "0000-01-01T00:00:00Z",
        "",
        1709251200000,
        None,
        True,
    ],
)
def test_no_other_text_is_a_moment(text: object) -> None:
    assert rfc3339(text) is None

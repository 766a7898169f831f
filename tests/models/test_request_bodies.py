"""Every combination of optional fields makes a body that the documented table of the create call allows."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_app.models.export_job import MergePolicyRef, Segment
from tui_app.models.export_request import DEFAULT_STATUSES, EventList, ExportRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _time(value: object) -> bool:
    return isinstance(value, str) and _RFC3339.fullmatch(value) is not None


def _flag(value: object) -> bool:
    return value is True or value is False


def _version(value: object) -> bool:
    return type(value) is int and value > 0


def _statuses(value: object) -> bool:
    return (
        isinstance(value, list)
        and value != []
        and len(value) == len(set(value))
        and set(value) <= {"realized", "existing", "exited"}
    )


# API reference 2.2, row by row, written down once more: a rule for each value that may be there.
ROWS: Final[dict[str, Callable[[object], bool]]] = {
    "fields": _text,
    "mergePolicy.id": _text,
    "mergePolicy.version": _version,
    "filter.segments[].segmentId": _text,
    "filter.segments[].segmentNs": _text,
    "filter.segments[].status": _statuses,
    "filter.segmentQualificationTime.startTime": _time,
    "filter.segmentQualificationTime.endTime": _time,
    "filter.fromIngestTimestamp": _time,
    "filter.emptyProfiles": _flag,
    "additionalFields.eventList.fields": _text,
    "additionalFields.eventList.filter.fromIngestTimestamp": _time,
    "additionalFields.eventList.filter.toIngestTimestamp": _time,
    "destination.datasetId": _text,
    "destination.segmentPerBatch": _flag,
    "schema.name": _text,
    "evaluationInfo.segmentation": _flag,
}
# What each object must have to be one; "" is the body itself.
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "": ("destination", "schema"),
    "destination": ("datasetId",),
    "schema": ("name",),
    "mergePolicy": ("id",),
    "filter.segments[]": ("segmentId",),
    "additionalFields": ("eventList",),
}
# The one object whose being there says something by itself: events, and all of them.
MAY_BE_EMPTY: Final = {"additionalFields.eventList"}
OBJECTS: Final = {path.rpartition(".")[0] for path in ROWS} | {"additionalFields", "filter"}


def faults(body: object) -> list[str]:
    """Return in what a body breaks the documented table; written without any of the code under test."""
    return list(_faults(body, ""))


def _faults(value: object, path: str) -> Iterator[str]:
    if path in ROWS:
        if not ROWS[path](value):
            yield f"{path} is {value!r}"
    elif path == "filter.segments":
        if not isinstance(value, list) or not value:
            yield f"{path} is {value!r}, and all profiles are asked for by leaving it out"
            return
        for item in value:
            yield from _faults(item, "filter.segments[]")
    elif path in OBJECTS:
        yield from _object_faults(value, path)
    else:
        yield f"{path} is no field of the call"


def _object_faults(value: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or 'the body'} is no object"
        return
    if not value and path not in MAY_BE_EMPTY:
        yield f"{path or 'the body'} is empty"
    for key in NEEDED.get(path, ()):
        if key not in value:
            yield f"{path}.{key} is missing"
    for key, inner in value.items():
        yield from _faults(inner, f"{path}.{key}" if path else key)


START: Final = "2024-03-01T00:00:00Z"
END: Final = "2024-03-02T10:00:00-07:00"
MINIMAL: Final = {"destination": {"datasetId": "d"}, "schema": {"name": "_xdm.context.profile"}}
SEGMENTS: Final[tuple[tuple[Segment, ...], ...]] = (
    (),
    (Segment("a"),),
    (Segment("a", "AAM"), Segment("b", None, ("exited",))),
    (Segment("a", "ups", ("realized", "existing", "exited")),),
)
EVENTS: Final = (
    None,
    *(EventList(*chosen) for chosen in itertools.product((None, "a.b,c"), (None, START), (None, END))),
)


def every_combination() -> Iterator[ExportRequest]:
    """Yield a request for each way in which optional fields can be there or not."""
    for values in itertools.product(
        SEGMENTS,
        (None, "identityMap,person.name"),
        (None, MergePolicyRef("timestampOrdered-none-mp"), MergePolicyRef("p", 3)),
        (None, START),
        (None, END),
        (None, START),
        (None, False, True),
        EVENTS,
        (False, True),
        (None, False, True),
    ):
        segments, fields, policy, since, until, updated, empty, events, each, evaluate = values
        yield ExportRequest(
            dataset_id="d",
            segments=segments,
            fields=fields,
            merge_policy=policy,
            qualified_from=since,
            qualified_to=until,
            from_ingest=updated,
            empty_profiles=empty,
            events=events,
            segment_per_batch=each,
            evaluate=evaluate,
        )


def as_sent(request: ExportRequest) -> ExportRequest:
    """Return a request with the statuses that a segment without any is sent with (API reference 13 row 20)."""
    segments = [
        replace_segment(one) if not one.status else one._replace(segment_ns=one.segment_ns or None)
        for one in request.segments
    ]
    return replace(request, segments=tuple(segments))


def replace_segment(one: Segment) -> Segment:
    return Segment(one.segment_id, one.segment_ns or None, DEFAULT_STATUSES)


def said(request: ExportRequest) -> set[str]:
    """Return the rows of the table that a request has a value for."""
    events = request.events or EventList()
    policy = request.merge_policy
    there = {
        "fields": request.fields is not None,
        "mergePolicy.id": policy is not None,
        "mergePolicy.version": policy is not None and policy.version is not None,
        "filter.segments[].segmentId": bool(request.segments),
        "filter.segments[].segmentNs": any(one.segment_ns for one in request.segments),
        "filter.segments[].status": bool(request.segments),
        "filter.segmentQualificationTime.startTime": request.qualified_from is not None,
        "filter.segmentQualificationTime.endTime": request.qualified_to is not None,
        "filter.fromIngestTimestamp": request.from_ingest is not None,
        "filter.emptyProfiles": request.empty_profiles is not None,
        "additionalFields.eventList.fields": events.fields is not None,
        "additionalFields.eventList.filter.fromIngestTimestamp": events.from_ingest is not None,
        "additionalFields.eventList.filter.toIngestTimestamp": events.to_ingest is not None,
        "destination.datasetId": True,
        "destination.segmentPerBatch": True,
        "schema.name": True,
        "evaluationInfo.segmentation": request.evaluate is not None,
    }
    return {row for row, is_there in there.items() if is_there}


def rows_of(value: object, path: str = "") -> set[str]:
    """Return the rows of the table that a body says something in."""
    if path in ROWS:
        return {path}
    if isinstance(value, list):
        return set().union(*(rows_of(item, f"{path}[]") for item in value))
    assert isinstance(value, dict)
    return set().union(*(rows_of(inner, f"{path}.{key}" if path else key) for key, inner in value.items()))


def test_every_combination_of_optional_fields_is_a_body_of_the_table_and_comes_back_as_it_was() -> None:
    count = 0
    for request in every_combination():
        body = request.to_body()
        assert faults(body) == [], body
        assert rows_of(body) == said(request), body
        assert ("additionalFields" in body) == (request.events is not None)
        again = ExportRequest.from_body(body)
        assert again == as_sent(request)
        assert again.to_body() == body
        count += 1
    assert count == 4 * 2 * 3 * 2 * 2 * 2 * 3 * 9 * 2 * 3


# Values nobody thought of

_words = st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip()))
_moments = st.builds(
    lambda wall, minutes, digits: (
        wall.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat(timespec=digits).replace("+00:00", "Z")
    ),
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 28)),  # noqa: DTZ001 - the zone comes after
    st.integers(-23 * 60, 23 * 60),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
_some = st.none() | _moments
_statuses_chosen = st.lists(st.sampled_from(["realized", "existing", "exited"]), unique=True).map(tuple)
_segments = st.builds(Segment, _words, st.none() | _words, _statuses_chosen)
requests = st.builds(
    ExportRequest,
    dataset_id=_words,
    schema_name=_words,
    segments=st.lists(_segments, max_size=4).map(tuple),
    fields=st.none() | _words,
    merge_policy=st.none() | st.builds(MergePolicyRef, _words, st.none() | st.integers(1, 2**31)),
    qualified_from=_some,
    qualified_to=_some,
    from_ingest=_some,
    empty_profiles=st.none() | st.booleans(),
    events=st.none() | st.builds(EventList, st.none() | _words, _some, _some),
    segment_per_batch=st.booleans(),
    evaluate=st.none() | st.booleans(),
)


@settings(max_examples=400)
@given(requests)
def test_whatever_the_values_the_body_keeps_to_the_table_and_comes_back(request: ExportRequest) -> None:
    body = request.to_body()
    assert faults(body) == []
    assert ExportRequest.from_body(body) == as_sent(request)


_keys = st.text("abcXYZ_", min_size=9, max_size=12)
_values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5) | st.just({"a": 1}), lambda inner: st.lists(inner, max_size=3)
)


@settings(max_examples=200)
@given(requests, st.dictionaries(_keys, _values, min_size=1, max_size=3), st.data())
def test_what_nobody_knows_comes_back_in_its_place(
    request: ExportRequest, strange: dict[str, Any], data: st.DataObject
) -> None:
    body = as_sent(request).to_body()
    holders = [body, *(body[key] for key in body if isinstance(body[key], dict))]
    holders += [one for one in (body.get("additionalFields", {}).get("eventList"),) if one is not None]
    for key, value in strange.items():
        data.draw(st.sampled_from(holders))[key] = value
    assert ExportRequest.from_body(body).to_body() == body


# The table itself


@pytest.mark.parametrize(
    "change",
    [
        {"destination": {}},
        {"destination": {"dataSetId": "d"}},
        {"schema": {}},
        {"fields": None},
        {"fields": ""},
        {"mergePolicy": {}},
        {"mergePolicy": {"version": 1}},
        {"mergePolicy": {"id": "p", "version": "1"}},
        {"mergePolicy": {"id": "p", "version": True}},
        {"filter": {}},
        {"filter": {"segments": []}},
        {"filter": {"segments": [{}]}},
        {"filter": {"segments": [{"segmentId": "a", "status": []}]}},
        {"filter": {"segments": [{"segmentId": "a", "status": ["exiting"]}]}},
        {"filter": {"segments": [{"segmentId": "a", "status": "exited"}]}},
        {"filter": {"segmentQualificationTime": {}}},
        {"filter": {"segmentQualificationTime": {"startTime": "2024-03-01"}}},
        {"filter": {"fromTimestamp": START}},
        {"filter": {"emptyProfiles": "true"}},
        {"additionalFields": {}},
        {"additionalFields": {"eventList": {"filter": {}}}},
        {"additionalFields": {"eventList": {"filter": {"fromIngestTimestamp": "-7d"}}}},
        {"evaluationInfo": {}},
        {"evaluationInfo": {"segmentation": 1}},
        {"strange": 1},
    ],
    ids=str,
)
def test_the_table_here_would_notice(change: dict[str, Any]) -> None:
    assert faults(MINIMAL) == []
    assert len(faults({**MINIMAL, **change})) >= 1


def test_the_example_of_the_reference_is_a_body_of_the_table() -> None:
    example = {
        "fields": "identityMap,personalEmail.address",
        "mergePolicy": {"id": "9f1c7a52-0a3e-4b57-9d1b-3a2f5f0c1e11", "version": 1},
        "filter": {
            "segments": [{"segmentId": "2b7d4c1e", "segmentNs": "ups", "status": ["realized"]}],
            "segmentQualificationTime": {"startTime": START, "endTime": END},
            "fromIngestTimestamp": "2024-02-01T10:00:00-07:00",
            "emptyProfiles": False,
        },
        "additionalFields": {
            "eventList": {"fields": "a.b", "filter": {"fromIngestTimestamp": START, "toIngestTimestamp": END}}
        },
        "destination": {"datasetId": "65e0c0ffee0123456789abcd", "segmentPerBatch": False},
        "schema": {"name": "_xdm.context.profile"},
        "evaluationInfo": {"segmentation": False},
    }
    assert faults(example) == []
    assert ExportRequest.from_body(example).to_body() == example

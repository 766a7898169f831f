"""Audiences as every document spells them, and what an export filter calls them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.models.audience import Audience
from tui_app.models.base import MalformedRecord

PLATFORM: dict[str, Any] = {
    "id": "2b7d",
    "audienceId": "2b7d",
    "name": "Ordered",
    "namespace": "AEPSegments",
    "type": "SegmentDefinition",
    "originName": "REAL_TIME_CUSTOMER_PROFILE",
    "lifecycleState": "published",
    "mergePolicyId": "9f1c",
    "description": "why",
    "expression": {"type": "PQL", "value": "x" * 100_000},
    "evaluationInfo": {
        "batch": {"enabled": True},
        "continuous": {"enabled": "true"},
        "synchronous": {"enabled": False},
    },
    "creationTime": 0,
    "updateTime": 1_709_100_000_000,
    "metrics": {"type": "export", "jobId": "7", "data": {"totalProfiles": 12}, "updateEpoch": 1_709_200_000},
}
EXTERNAL: dict[str, Any] = {"id": "p-1", "audienceId": "4000123", "name": "Cyclists", "namespace": "aam"}


def test_an_audience_of_the_platform() -> None:
    one = Audience.parse(PLATFORM)
    assert (one.audience_id, one.segment_id, one.segment_ns, one.kind) == ("2b7d", "2b7d", "ups", "segment")
    assert (one.name, one.description, one.origin) == ("Ordered", "why", "REAL_TIME_CUSTOMER_PROFILE")
    assert (one.lifecycle, one.merge_policy_id, one.evaluation) == ("published", "9f1c", ("batch", "streaming"))
    assert (one.updated_ms, one.evaluated_ms, one.profiles) == (1_709_100_000_000, 1_709_200_000_000, 12)
    assert one.has_been_evaluated is True


def test_what_is_kept_is_short_and_reads_the_same() -> None:
    one = Audience.parse(PLATFORM)
    assert len(json.dumps(one.raw)) < 1_000
    assert Audience.parse(json.loads(json.dumps(one.raw))) == one


@pytest.mark.parametrize("kind", ["ExternalSegment", "ExternalAudience", None])
def test_a_delivered_audience_goes_by_its_suppliers_id(kind: str | None) -> None:
    one = Audience.parse(EXTERNAL | ({"type": kind} if kind else {}))
    assert (one.kind, one.segment_id, one.segment_ns, one.audience_id) == ("external", "4000123", "AAM", "p-1")


@pytest.mark.parametrize(("namespace", "expected"), [("AAMTraits", "AAM"), ("AdCloud", "AdCloud"), ("", "")])
def test_the_namespace_of_a_delivered_audience(namespace: str, expected: str) -> None:
    assert Audience.parse(EXTERNAL | {"type": "ExternalAudience", "namespace": namespace}).segment_ns == expected


def test_a_segment_definition_by_itself_is_an_audience_of_the_platform() -> None:
    one = Audience.parse({"id": "s1", "creationTime": 0, "updateEpoch": "1709100000"})
    assert (one.segment_id, one.segment_ns, one.name, one.merge_policy_id) == ("s1", "ups", "", None)
    assert (one.updated_ms, one.has_been_evaluated) == (1_709_100_000_000, None)


@pytest.mark.parametrize(
    ("told", "state"),
    [({"lifecycle": "active"}, "published"), ({"lifecycleState": "Draft"}, "draft"), ({"lifecycle": 7}, "7")],
)
def test_the_state_has_one_word_whatever_it_is_called(told: dict[str, Any], state: str) -> None:
    assert Audience.parse({"id": "a"} | told).lifecycle == state


def test_a_draft_was_never_evaluated_and_an_empty_audience_was() -> None:
    assert Audience.parse({"id": "a", "lifecycleState": "draft"}).has_been_evaluated is False
    assert Audience.parse({"id": "a", "metrics": {"data": {"totalProfiles": "0"}}}).has_been_evaluated is True


@pytest.mark.parametrize("raw", [None, [], "a", {}, {"id": " "}, {"id": {}}])
def test_without_an_id_it_is_none(raw: object) -> None:
    with pytest.raises(MalformedRecord):
        Audience.parse(raw)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional={key: ANY for key in [*PLATFORM, "lifecycle", "updateEpoch"] if key != "id"}))
def test_no_field_can_hide_an_audience(fields: dict[str, Any]) -> None:
    one = Audience.parse({"id": "a"} | fields)
    assert one.audience_id == "a"
    assert one.segment_id
    assert all(isinstance(word, str) for word in (one.name, one.namespace, one.description, one.lifecycle, one.kind))
    assert Audience.parse(one.raw) == one

"""Datasets and sandboxes as reported, and the request for a new dataset."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support import samples
from tui_app.models.base import MalformedRecord
from tui_app.models.catalog import (
    PROFILE_UNION,
    Dataset,
    DatasetRequest,
    Sandbox,
    dataset_id_from_reference,
    is_union_schema,
    parse_datasets,
    parse_sandboxes,
)
from tui_app.models.normalised import normalised_dataset, normalised_sandbox

Json = dict[str, Any]

KEYS = (
    *("name", "description", "schemaRef", "id", "contentType", "created", "updated", "tags", "lastBatchId"),
    *("lastBatchStatus", "adobe/pqs/table", "sandboxes", "title", "state", "type", "isDefault", "region"),
    *("dataset_id", "raw", "schema_id"),
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(exclude_categories=[]))
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=8),
    max_leaves=20,
)


def entry() -> Json:
    return {
        "name": "Profile export 2024-03",
        "description": "",
        "created": 1709290700000,
        "updated": "1709291060000",
        "schemaRef": {"id": PROFILE_UNION, "contentType": "application/vnd.adobe.xed+json;version=1"},
        "tags": {"adobe/pqs/table": ["profile_export_2024_03"], "adobe/siphon/table/format": "parquet"},
        "lastBatchId": "01f088",
        "lastBatchStatus": "success",
        "observableSchema": {},
    }


def test_a_dataset_as_reported() -> None:
    raw = entry()
    dataset = Dataset.parse("65e0", raw)
    assert dataset.raw is raw
    assert dataset == Dataset(
        dataset_id="65e0",
        name="Profile export 2024-03",
        schema_id=PROFILE_UNION,
        content_type="application/vnd.adobe.xed+json;version=1",
        created_ms=1709290700000,
        updated_ms=1709291060000,
        tags={"adobe/pqs/table": ("profile_export_2024_03",), "adobe/siphon/table/format": ("parquet",)},
        last_batch_id="01f088",
        last_batch_status="success",
        raw=raw,
    )
    assert dataset.is_union
    assert dataset.table_name == "profile_export_2024_03"


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"name": {}, "schemaRef": {}, "tags": {}, "created": {}, "lastBatchId": {}},
        {"name": None, "schemaRef": None, "tags": None, "created": None},
        {"name": [], "schemaRef": "union", "tags": "x", "created": "now"},
        {"schemaRef": [PROFILE_UNION], "tags": []},
        {"dataset_id": "other", "schema_id": PROFILE_UNION, "last_batch_id": "x", "raw": 5},
    ],
)
def test_empty_and_odd_properties_read_as_absent(raw: Json) -> None:
    dataset = Dataset.parse("65e0", raw)
    assert dataset == Dataset(dataset_id="65e0", raw=raw)
    assert not dataset.is_union
    assert dataset.table_name is None


@pytest.mark.parametrize(("dataset_id", "raw"), [("", {}), (None, {}), ("65e0", None), ("65e0", [])])
def test_what_is_no_dataset_is_refused(dataset_id: object, raw: object) -> None:
    with pytest.raises(MalformedRecord, match="must be an object under its id"):
        Dataset.parse(dataset_id, raw)


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Dataset.parse("65e0", {}).name = "changed"  # type: ignore[misc]  # the very thing that must fail


def test_a_list_of_datasets_is_keyed_by_id() -> None:
    found = parse_datasets({"a": entry(), "b": {}, "c": None, "": {}, "d": [1]})
    assert [dataset.dataset_id for dataset in found] == ["a", "b"]
    assert parse_datasets({}) == parse_datasets([]) == ()


@pytest.mark.parametrize("raw", [None, "x", [1], 5])
def test_what_is_no_list_of_datasets_is_refused(raw: object) -> None:
    with pytest.raises(MalformedRecord, match="keyed by id"):
        parse_datasets(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (samples.dataset_answer(), samples.REQUESTED_DATASET),
        (["@/dataSets/65e0"], "65e0"),
        ("@/dataSets/65e0", "65e0"),
        ("65e0", "65e0"),
        ([" @/dataSets/65e0 "], "65e0"),
    ],
)
def test_the_reference_of_a_new_dataset(raw: object, expected: str) -> None:
    assert dataset_id_from_reference(raw) == expected


@pytest.mark.parametrize("raw", [[], [None], "", "@/dataSets/", None, {}, [["@/dataSets/a"]]])
def test_an_answer_without_a_reference_is_refused(raw: object) -> None:
    with pytest.raises(MalformedRecord, match="names no dataset"):
        dataset_id_from_reference(raw)


@pytest.mark.parametrize(
    ("schema_id", "expected"),
    [
        (PROFILE_UNION, True),
        (f" {PROFILE_UNION} ", True),
        ("https://ns.adobe.com/xdm/context/experienceevent__union", False),
        ("https://ns.adobe.com/acme/schemas/5f3a", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_profile_union_takes_exports(schema_id: str | None, *, expected: bool) -> None:
    assert is_union_schema(schema_id) is expected


def test_the_dataset_body_of_the_tutorial_both_ways() -> None:
    body = samples.dataset_body()
    request = DatasetRequest.from_body(body)
    assert request == DatasetRequest("Profile Data Export")
    assert request.to_body() == body == samples.dataset_body()
    assert request.check() == ()


WORDS = st.text(min_size=1, max_size=9).filter(lambda word: not word.isspace())


@given(
    st.builds(
        DatasetRequest,
        name=WORDS,
        description=st.just("") | WORDS,
        schema_id=WORDS,
        content_type=WORDS,
        persisted=st.booleans(),
        container_format=WORDS,
        format=WORDS,
        aspect=st.none() | WORDS,
        tags=st.dictionaries(WORDS, st.lists(WORDS, max_size=2).map(tuple), max_size=2),
        extra=st.fixed_dictionaries(
            {}, optional={"enableErrorDiagnostics": st.booleans(), "fileDescription": st.just({"charset": "UTF-8"})}
        ),
    )
)
def test_a_dataset_request_survives_its_body(request: DatasetRequest) -> None:
    body = request.to_body()
    before = copy.deepcopy(body)
    assert DatasetRequest.from_body(body) == request
    assert body == before


def test_a_short_body_gets_the_defaults_an_export_needs() -> None:
    request = DatasetRequest.from_body({"tags": {"team": "growth"}})
    assert request == DatasetRequest("", aspect=None, tags={"team": ("growth",)})
    assert [finding.field for finding in request.check()] == ["name"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "the body"),
        ({"name": 5}, "name"),
        ({"schemaRef": PROFILE_UNION}, "schemaRef"),
        ({"fileDescription": {"persisted": "maybe"}}, "fileDescription.persisted"),
        ({"tags": {"team": 5}}, "tags.team"),
        ({"tags": []}, "tags"),
    ],
)
def test_what_cannot_be_read_is_named(body: Any, path: str) -> None:
    with pytest.raises(MalformedRecord, match=f"{path} cannot be read: write it as"):
        DatasetRequest.from_body(body)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "  "}, [("error", "name")]),
        ({"schema_id": ""}, [("error", "schemaRef.id")]),
        ({"schema_id": "https://ns.adobe.com/acme/schemas/5f3a"}, [("warning", "schemaRef.id")]),
        ({"tags": {"unifiedProfile": ("enabled:true",)}}, [("warning", "tags.unifiedProfile")]),
        ({"tags": {"unifiedProfile": ("enabled: true",)}}, [("warning", "tags.unifiedProfile")]),
        ({"tags": {"unifiedProfile": ("enabled:false",)}}, []),
        ({"tags": {"adobe/pqs/table": ("mine",)}}, [("error", "tags.adobe/pqs/table")]),
        ({"tags": {"team": ("growth",)}}, []),
    ],
)
def test_the_checks_before_sending(changes: Json, expected: list[tuple[str, str]]) -> None:
    findings = replace(DatasetRequest("Loyalty export"), **changes).check()
    assert [(finding.severity, finding.field) for finding in findings] == expected


def test_sandboxes_as_reported() -> None:
    raw = {
        "sandboxes": [
            {"name": "prod", "title": "Production", "type": "production", "isDefault": "true", "eTag": 2},
            {"name": "dev", "state": "active", "region": "VA7", "etag": "3", "createdDate": "2023-09-04 04:57:24"},
            {"title": "nameless"},
            "dev2",
        ]
    }
    assert parse_sandboxes(raw) == (
        Sandbox(name="prod", title="Production", type="production", is_default=True),
        Sandbox(name="dev", state="active", region="VA7"),
    )
    assert parse_sandboxes([{"name": "prod"}]) == (Sandbox(name="prod"),)
    assert parse_sandboxes({"sandboxes": []}) == ()


@pytest.mark.parametrize("raw", [None, {}, {"sandboxes": None}, "prod", {"sandboxes": {"name": "prod"}}])
def test_what_is_no_list_of_sandboxes_is_refused(raw: object) -> None:
    with pytest.raises(MalformedRecord, match="no list"):
        parse_sandboxes(raw)


@given(ANY_JSON)
def test_any_json_is_read_or_refused(raw: object) -> None:
    for parse in (lambda value: Dataset.parse("65e0", value), Sandbox.parse, parse_datasets, parse_sandboxes):
        try:
            parsed = parse(raw)
        except MalformedRecord:
            continue
        assert isinstance(raw, dict | list)
        assert not isinstance(parsed, Dataset) or parsed.raw is raw


def test_what_the_command_line_prints() -> None:
    assert normalised_dataset(Dataset.parse("65e0", entry())) == {
        "id": "65e0",
        "name": "Profile export 2024-03",
        "description": None,
        "schema_id": PROFILE_UNION,
        "content_type": "application/vnd.adobe.xed+json;version=1",
        "profile_union": True,
        "created_at": "2024-03-01T10:58:20.000Z",
        "updated_at": "2024-03-01T11:04:20.000Z",
        "tags": {"adobe/pqs/table": ["profile_export_2024_03"], "adobe/siphon/table/format": ["parquet"]},
        "table_name": "profile_export_2024_03",
        "last_batch_id": "01f088",
        "last_batch_status": "success",
    }
    assert normalised_sandbox(Sandbox(name="prod", is_default=True)) == {
        "name": "prod",
        "title": None,
        "state": None,
        "type": None,
        "default": True,
        "region": None,
    }


@pytest.mark.parametrize(
    ("name", "severity", "said"),
    [
        ("a\x1b[31mb", "error", "The name a\\x1b[31mb holds characters that control terminals."),
        ("x" * 10_000, "warning", "The name has 10,000 characters."),
    ],
)
def test_a_name_that_will_give_trouble_is_said_before_it_is_used(name: str, severity: str, said: str) -> None:
    (finding,) = DatasetRequest(name=name).check()
    assert (finding.field, finding.severity, finding.cause) == ("name", severity, said)

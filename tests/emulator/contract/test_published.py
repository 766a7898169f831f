"""The distiller and the reader of what it distils: only facts are kept, and a body that strays is told of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.contract.distil import OPERATIONS, distil
from tests.emulator.contract.published import strayings, unsent

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("segmentation", "profile", "catalog", "data-access", "sandbox", "schema-registry", "query-service")
SEGMENTATION = """
paths:
  /export/jobs/{ID}:
    parameters: [{name: ID, in: path}]
    get:
      summary: prose
      parameters: [{name: limit, in: query, description: prose}, {$ref: '#/components/parameters/start'}]
      responses:
        200:
          headers: {X-Location: {description: prose}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Node'}}}
        404: {description: prose}
        default: {description: prose}
  /preview:
    get: {responses: {200: {}}}
components:
  parameters: {start: {name: start, in: query}}
  schemas:
    Node:
      type: object
      description: prose
      required: [description]
      properties:
        description: {type: string, example: prose, nullable: true, enum: [a, b]}
        children: {type: array, items: {$ref: '#/components/schemas/Node'}}
        named: {type: object, properties: {2b7d4c1e-5f60-4f0a-8c0e-6a1b2c3d4e5f: {type: integer}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / f"{name}.yaml").write_text("paths: {}", encoding="utf-8")
    (tmp_path / "segmentation.yaml").write_text(SEGMENTATION, encoding="utf-8")
    return tmp_path


def test_facts_are_kept_and_prose_is_not(folder: Path) -> None:
    found = distil(folder)
    assert found["operations"] == [
        {
            "method": "GET",
            "path": "/data/core/ups/export/jobs/{ID}",
            "query": ["limit", "start"],
            "statuses": ["200", "404", "default"],
            "bodies": {"200": {"$ref": "#/schemas/segmentation.Node"}},
            "headers": {"200": ["X-Location"]},
        }
    ]
    assert found["schemas"] == {
        "segmentation.Node": {
            "type": "object",
            "required": ["description"],
            "properties": {
                "description": {"type": ["string", "null"], "enum": ["a", "b", None]},
                "children": {"type": "array", "items": {"$ref": "#/schemas/segmentation.Node"}},
                "named": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
        }
    }
    assert "prose" not in json.dumps(found)


def test_what_is_stored_is_small_and_has_no_prose() -> None:
    assert OPERATIONS.stat().st_size < 250_000
    stored = json.loads(OPERATIONS.read_text(encoding="utf-8"))
    kept = {
        "type",
        "required",
        "enum",
        "properties",
        "items",
        "additionalProperties",
        "allOf",
        "oneOf",
        "anyOf",
        "$ref",
    }

    def check(schema: dict[str, Any]) -> None:
        assert set(schema) <= kept
        for inner in schema.get("properties", {}).values():
            check(inner)
        for name in {"items", "additionalProperties"} & set(schema):
            check(schema[name])
        for name in ("allOf", "oneOf", "anyOf"):
            for inner in schema.get(name, ()):
                check(inner)

    for schema in stored["schemas"].values():
        check(schema)
    for operation in stored["operations"]:
        assert set(operation) == {"method", "path", "query", "statuses", "bodies", "headers"}
        for body in operation["bodies"].values():
            check(body)


JOB = {"properties": {"id": {"type": "integer"}, "list": {"type": "array", "items": {"properties": {"a": {}}}}}}


@pytest.mark.parametrize(
    ("schema", "body", "found"),
    [
        (JOB, {"id": 1, "more": True}, set()),
        (JOB, {}, set()),
        (JOB, {"id": 1.0}, set()),
        (JOB, {"id": "1"}, {"/id is string"}),
        (JOB, {"id": None}, {"/id is null"}),
        (JOB, {"ID": 1}, {"/ has none of the documented keys"}),
        (JOB, {"list": [{"a": 1}, {"b": 1}, {"b": 2}]}, {"/list/* has none of the documented keys"}),
        (JOB | {"required": ["id"]}, {"list": []}, {"/ lacks 'id'"}),
        ({"enum": ["a"]}, "b", {"/ is none of the enumerated words"}),
        ({"additionalProperties": {"type": "object"}}, {"0123456789abcdef01": []}, {"/* is array"}),
        ({"oneOf": [{"type": "string"}, {"properties": {"a": {"type": "string"}}}]}, {"a": 1}, {"/a is integer"}),
        ({"oneOf": [{"type": "object"}, {"properties": {"a": {}}}]}, {"a": 1}, {"/ breaks oneOf"}),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"b": 1}, set()),
        (
            {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
            {"c": 1},
            {"/ has none of the documented keys"},
        ),
    ],
)
def test_strayings(schema: Any, body: object, found: set[str]) -> None:
    assert strayings(schema, body) == found


@pytest.mark.parametrize(
    ("schema", "body", "found"),
    [
        (JOB, {"id": 1, "list": [{"a": 1}]}, set()),
        (JOB, {"id": 1}, {"/list"}),
        (JOB, {"id": 1, "list": [{"b": 1}, {"a": None}]}, set()),
        (JOB, {"id": 1, "list": [{"b": 1}]}, {"/list/*/a"}),
        (JOB, [], set()),
        ({"additionalProperties": JOB}, {"0123456789abcdef01": {"id": 1}}, {"/*/list"}),
    ],
)
def test_unsent(schema: Any, body: object, found: set[str]) -> None:
    assert unsent(schema, body) == found

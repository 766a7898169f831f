"""Fields of a schema as an export names them."""

from __future__ import annotations

from typing import Any

import pytest

from tui_app.models.field_paths import FieldPath, field_paths


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "meta:xdmType": "object", "properties": properties}


STRING = {"type": "string", "meta:xdmType": "string"}
SCHEMA = an_object(
    personalEmail=an_object(address=STRING | {"title": "Address", "description": "Where"}) | {"title": "Personal"},
    identityMap={
        "type": "object",
        "meta:xdmType": "map",
        "additionalProperties": {"type": "array", "items": an_object(id=STRING)},
    },
    segmentMembership={"type": "object", "additionalProperties": an_object(status=STRING)},
    orders={"type": "array", "items": an_object(id=STRING, tags={"type": "array", "items": STRING})},
    _acme=an_object(tier=STRING),
)


def test_the_tree_in_its_order_with_branches() -> None:
    assert field_paths(SCHEMA) == (
        FieldPath("personalEmail", "object", "Personal", has_children=True),
        FieldPath("personalEmail.address", "string", "Address", "Where", depth=1),
        FieldPath("identityMap", "map"),
        FieldPath("segmentMembership", "map"),
        FieldPath("orders", "object", is_array=True, has_children=True),
        FieldPath("orders.id", "string", depth=1),
        FieldPath("orders.tags", "string", is_array=True, depth=1),
        FieldPath("_acme", "object", has_children=True),
        FieldPath("_acme.tier", "string", depth=1),
    )
    assert field_paths(SCHEMA)[1].name == "address"


@pytest.mark.parametrize(
    "schema",
    [{}, {"properties": []}, {"properties": {"a": None, "": STRING, " ": STRING}}, {"allOf": [None, {"$ref ": "x"}]}],
)
def test_a_schema_that_tells_nothing_has_no_fields(schema: dict[str, Any]) -> None:
    assert field_paths(schema) == ()


def test_parts_that_were_not_merged_count_too() -> None:
    schema = {"allOf": [{"properties": {"a": STRING}}, {"$ref": "x"}, {"properties": {"b": STRING}}]}
    assert [one.path for one in field_paths(schema)] == ["a", "b"]


def test_a_field_that_names_no_type_is_a_field() -> None:
    assert field_paths({"properties": {"a": {"$ref": "elsewhere"}}}) == (FieldPath("a"),)


def test_a_schema_that_holds_itself_has_an_end() -> None:
    schema: dict[str, Any] = an_object(name=STRING)
    schema["properties"]["again"] = schema
    schema["properties"]["nested"] = {"type": "array", "items": {}}
    schema["properties"]["nested"]["items"] = schema["properties"]["nested"]
    found = field_paths(schema)
    assert max(one.depth for one in found) == 9
    deepest = next(one for one in found if one.depth == 9 and one.name == "again")
    assert not deepest.has_children


def test_half_a_character_in_a_name_can_be_kept_and_shown() -> None:
    (one,) = field_paths({"properties": {"a\ud800": STRING}})
    assert one.path == "a\\ud800"

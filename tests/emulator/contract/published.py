"""Owns what the published files say about one answer: operations.json read back, and how a body strays from it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema.exceptions import ValidationError

UPS: Final = "/data/core/ups"
CATALOG: Final = "/data/foundation/catalog"
EXPORT: Final = "/data/foundation/export"
SANDBOXES: Final = "/data/foundation/sandbox-management"
REGISTRY: Final = "/data/foundation/schemaregistry"
QUERY: Final = "/data/foundation/query"

_DOCUMENT: Final = json.loads(Path(__file__).with_name("operations.json").read_text(encoding="utf-8"))
_SCHEMAS: Final[dict[str, Any]] = _DOCUMENT["schemas"]
_AN_ID: Final = re.compile(r"[0-9]+|[0-9a-fA-F]{16,}.*|[0-9a-fA-F]{8}-.*")


@dataclass(frozen=True)
class Operation:
    """One published operation: its statuses as text; by status, body schemas, and of good answers header names."""

    method: str
    path: str
    query: tuple[str, ...]
    statuses: tuple[str, ...]
    bodies: Mapping[str, Any]
    headers: Mapping[str, list[str]]

    @property
    def name(self) -> str:
        """Method and path, as the table of calls and the table of differences name it."""
        return f"{self.method} {self.path}"


OPERATIONS: Final = {
    one.name: one
    for one in (
        Operation(
            method=told["method"],
            path=told["path"],
            query=tuple(told["query"]),
            statuses=tuple(told["statuses"]),
            bodies=told["bodies"],
            headers=told["headers"],
        )
        for told in _DOCUMENT["operations"]
    )
}


def operation_of(call: str) -> str:
    """Return the operation of a worked call: what follows in brackets tells several calls of one apart."""
    return call.partition(" (")[0]


def strayings(schema: Any, body: object) -> set[str]:
    """Say where a body is not what its schema says, one line a place: ids and indexes are `*`.

    Beyond validity, an object must have at least one of the keys that its schema names: since nearly every key is
    optional, a wholly different object would pass otherwise.
    """
    validator = Draft202012Validator({**schema, "schemas": _SCHEMAS})
    found = {_told(error) for top in validator.iter_errors(body) for error in _leaves(top)}
    return found | set(_strangers(schema, body))


def unsent(schema: Any, body: object) -> set[str]:
    """Return the places of documented keys that no object at their place has; what is in a list counts together.

    Nearly every published key is optional, so an answer without it is valid: this is how its loss is noticed.
    """
    documented: set[str] = set()
    sent: set[str] = set()
    for path, properties, found in _objects(schema, body, ""):
        documented |= {f"{path}/{key}" for key in properties}
        sent |= {f"{path}/{key}" for key in found}
    return documented - sent


def _objects(schema: Any, body: object, path: str) -> Iterator[tuple[str, Iterable[str], dict[str, Any]]]:
    """Walk the objects of a body that the schema names keys for: place, those keys, the object."""
    properties, items, others = _parts(schema)
    if isinstance(body, dict):
        yield path, properties, body
        for key, value in body.items():
            inner = properties.get(key, others)
            if inner:
                yield from _objects(inner, value, f"{path}{_place([key])}")
    elif isinstance(body, list) and items:
        for value in body:
            yield from _objects(items, value, f"{path}/*")


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    if error.validator in ("oneOf", "anyOf") and error.context:
        branches: dict[object, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        meant = max(branches.values(), key=lambda errors: max(len(one.absolute_path) for one in errors))
        for inner in meant:  # the alternative that the body follows furthest
            yield from _leaves(inner)
    else:
        yield error


def _told(error: ValidationError) -> str:
    path = _place([*error.absolute_path])
    if error.validator == "required":
        return f"{path} lacks {error.message.split()[0]}"
    if error.validator == "enum":
        return f"{path} is none of the enumerated words"
    return f"{path} is {_kind(error.instance)}" if error.validator == "type" else f"{path} breaks {error.validator}"


def _place(steps: list[object]) -> str:
    named = ("*" if isinstance(step, int) or _AN_ID.fullmatch(str(step)) else str(step) for step in steps)
    return "".join(f"/{step}" for step in named) or "/"


def _kind(value: object) -> str:
    for kind, name in ((bool, "boolean"), (str, "string"), (dict, "object"), (list, "array"), (type(None), "null")):
        if isinstance(value, kind):
            return name
    return "number" if isinstance(value, float) and not value.is_integer() else "integer"


def _strangers(schema: Any, body: object) -> Iterator[str]:
    for place, properties, found in _objects(schema, body, ""):
        if properties and found and not set(properties) & set(found):
            yield f"{place or '/'} has none of the documented keys"


def _parts(schema: Any) -> tuple[dict[str, Any], Any, Any]:
    """Return the properties, the items and the other properties of a schema, references and combinations resolved."""
    while "$ref" in schema:
        schema = _SCHEMAS[schema["$ref"].removeprefix("#/schemas/")]
    properties, items, others = dict(schema.get("properties", {})), schema.get("items"), None
    others = schema.get("additionalProperties")
    for name in ("allOf", "oneOf", "anyOf"):
        for one in schema.get(name, ()):
            inner, inner_items, inner_others = _parts(one)
            properties |= inner
            items, others = items or inner_items, others or inner_others
    return properties, items, others

"""Owns the fields of a schema as an export names them: dotted paths, in the order of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.models.base import JsonObject, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_UNION: Final = "https://ns.adobe.com/xdm/context/experienceevent__union"
"""The schema of all events together; that of profiles is `catalog.PROFILE_UNION`."""
_DEEPEST: Final = 10


@dataclass(frozen=True, slots=True)
class FieldPath:
    """One field, or a branch of the tree that holds fields.

    Attributes:
        path: as in `fields` and `eventList.fields` of an export, such as `personalEmail.address`.
        type: of the value, of an array's elements: `string`, `int`, `object`, `map` and so on; "" when not told.
        is_array: whether there can be several.
        has_children: whether paths below it follow; naming it in an export means all of them.
        depth: how many branches it is below, 0 at the top.
    """

    path: str
    type: str = ""
    title: str = ""
    description: str = ""
    is_array: bool = False
    has_children: bool = False
    depth: int = 0

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


def field_paths(schema: JsonObject) -> tuple[FieldPath, ...]:
    """Return all fields of a resolved schema in tree order, each branch before what it holds (API reference 8)."""
    return tuple(walk(schema))


def walk(schema: JsonObject) -> Iterator[FieldPath]:
    """As `field_paths`, one after the other: a union may have ten thousand.

    Through objects and arrays of objects; a map is a field, what is in it has no names. Nothing below ten levels is
    looked at: the platform has nothing there, and a schema that repeats itself would have no end.
    """
    yield from _below(schema, prefix="", depth=0)


def _below(schema: JsonObject, *, prefix: str, depth: int) -> Iterator[FieldPath]:
    for key, value in _properties(schema).items():
        name = text(key)
        if name is None or not isinstance(value, dict):
            continue
        path = f"{prefix}{name}"
        element, is_array = _element(value)
        inner = {} if depth + 1 >= _DEEPEST or _is_map(element) else _properties(element)
        yield FieldPath(
            path=path,
            type=_type(element),
            title=text(value.get("title")) or "",
            description=text(value.get("description")) or "",
            is_array=is_array,
            has_children=bool(inner),
            depth=depth,
        )
        if inner:
            yield from _below(element, prefix=f"{path}.", depth=depth + 1)


def _properties(schema: JsonObject) -> JsonObject:
    """Return an object's fields, those that `allOf` adds too: a form that resolves references may keep it."""
    own = mapping(schema.get("properties"))
    parts = schema.get("allOf")
    if not isinstance(parts, list):
        return own
    found: JsonObject = {}
    for part in parts:
        found |= mapping(mapping(part).get("properties"))
    return found | own


def _element(value: JsonObject) -> tuple[JsonObject, bool]:
    """Return what a field holds, and whether as an array; `items` of `items` are arrays of arrays."""
    is_array = False
    for _ in range(_DEEPEST):
        inner = value.get("items")
        if not isinstance(inner, dict):
            break
        value, is_array = inner, True
    return value, is_array or value.get("type") == "array"


def _is_map(value: JsonObject) -> bool:
    if value.get("meta:xdmType") == "map":
        return True
    return isinstance(value.get("additionalProperties"), dict) and not mapping(value.get("properties"))


def _type(value: JsonObject) -> str:
    if _is_map(value):
        return "map"
    return text(value.get("meta:xdmType")) or text(value.get("type")) or ""

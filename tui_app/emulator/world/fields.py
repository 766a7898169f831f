"""Owns the shape of a schema's fields: what the schema registry shows and what exported rows are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["string", "integer", "number", "boolean", "date", "date-time", "object", "array", "map"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema.

    `fields` are those of an `object`; `item` is the element of an `array` or the value of a `map`, its own name
    unused; `choices` are the values of an enumerated string, `form` what else a string is (`email`, `uri`).
    """

    name: str
    kind: Kind
    title: str = ""
    fields: tuple[Field, ...] = ()
    item: Field | None = None
    choices: tuple[str, ...] = ()
    form: str = ""


def paths(fields: tuple[Field, ...], prefix: str = "") -> Iterator[str]:
    """Walk the dotted paths of all leaves: through objects and arrays of objects; a map is a leaf (API reference 8)."""
    for one in fields:
        path = f"{prefix}{one.name}"
        inner = one.fields or (one.item.fields if one.kind == "array" and one.item is not None else ())
        if inner:
            yield from paths(inner, f"{path}.")
        else:
            yield path

"""Owns the shape of a schema's fields: what the schema registry shows and what exported rows are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


Groups = dict[str, tuple[Field, ...]]
_KINDS = {kind: kind for kind in get_args(Kind) if kind not in ("object", "array", "map")}
_LINE = re.compile(
    r"(?P<name>[A-Za-z_]\w*)(?P<wraps>(?:\[\]|\{\})*)"
    r"(?: (?P<type>[&@]?[\w|-]+))?"
    r"(?: = (?P<title>.+))?"
)
_WORD = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+|\d+")
_INITIALS = {"id": "ID", "ids": "IDs", "url": "URL", "sku": "SKU", "sms": "SMS", "poi": "POI"}


def outline(text: str, groups: Mapping[str, tuple[Field, ...]] | None = None) -> tuple[Field, ...]:
    """Read fields from an indented outline, one a line: `name`, its type, and `= Title` where the name says too little.

    The type is a kind (`string` when absent), `@email` for a form of string, `a|b` for an enumeration, or `&group` for
    an object with the fields of a group; lines below with more indentation make an object. `[]` after the name wraps
    the type in an array, `{}` in a map, from the outside in: `identityMap{}[]` is a map of arrays.

    Raises:
        ValueError: a line is not of this form, or names a kind or group that does not exist.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    return _block([line.strip() for line in lines], indents, groups or {})


def _block(lines: list[str], indents: list[int], groups: Mapping[str, tuple[Field, ...]]) -> tuple[Field, ...]:
    if not lines:
        return ()
    starts = [at for at, indent in enumerate(indents) if indent <= indents[0]]
    return tuple(
        _field(lines[at], _block(lines[at + 1 : end], indents[at + 1 : end], groups), groups)
        for at, end in pairwise([*starts, len(lines)])
    )


def _field(line: str, inner: tuple[Field, ...], groups: Mapping[str, tuple[Field, ...]]) -> Field:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"Not a field: {line!r}")
    name, spelled = match["name"], match["type"] or ""
    field = _typed(spelled, inner, groups)
    for wrap in reversed(re.findall(r"\[\]|\{\}", match["wraps"])):
        field = Field("", "array" if wrap == "[]" else "map", item=field)
    title = match["title"] or _title(name)
    return Field(name, field.kind, title, field.fields, field.item, field.choices, field.form)


def _typed(spelled: str, inner: tuple[Field, ...], groups: Mapping[str, tuple[Field, ...]]) -> Field:
    if spelled.startswith("&"):
        if spelled[1:] not in groups:
            raise ValueError(f"No group is called {spelled[1:]!r}")
        return Field("", "object", fields=groups[spelled[1:]] + inner)
    if inner:
        return Field("", "object", fields=inner)
    if spelled.startswith("@"):
        return Field("", "string", form=spelled[1:])
    if "|" in spelled:
        return Field("", "string", choices=tuple(spelled.split("|")))
    if spelled and spelled not in _KINDS:
        raise ValueError(f"No kind is called {spelled!r}")
    return Field("", _KINDS.get(spelled or "string", "string"))


def _title(name: str) -> str:
    text = " ".join(_INITIALS.get(word, word) for word in map(str.lower, _WORD.findall(name))) or name
    return text[0].upper() + text[1:]

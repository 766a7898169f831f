"""Owns the question whether a list of field paths fits a union schema, and what was probably meant where not."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tui_app.models.field_paths import FieldPath

_SCALARS: Final = frozenset(
    {"string", "boolean", "byte", "short", "int", "integer", "long", "number", "double", "date", "date-time"}
)
_LEGACY: Final = {"identities": "identityMap"}
"""Roots that old samples name and the union has under another name (API reference 2.2)."""
_MOST_GUESSED: Final = 20
"""For so many paths it is looked up what was meant: a paste gone wrong has thousands."""
_MOST_COMPARED: Final = 300
_LONGEST_COMPARED: Final = 200
"""Comparing letter by letter is slow: only with the fields of one branch, and only what could be a field's path."""


@dataclass(frozen=True, slots=True)
class UnknownPath:
    """A path that the schema does not have, and the one that was probably meant, None if none is like it."""

    path: str
    meant: str | None = None


def unknown_paths(fields: str, union: Iterable[FieldPath]) -> tuple[UnknownPath, ...]:
    """Return the paths of a comma-separated list that a union schema does not have, in their order, each once.

    What lies below a map, or below an object whose parts are not known, counts as known.

    Args:
        fields: as in `fields` of the request.
        union: all paths of the schema, branches included.
    """
    known = {one.path: one for one in union}
    asked = dict.fromkeys(path for part in fields.split(",") if (path := part.strip()))
    strange = [path for path in asked if path not in known and not _is_open_above(path, known)]
    return tuple(
        UnknownPath(path, _meant(path, known) if place < _MOST_GUESSED else None) for place, path in enumerate(strange)
    )


def _is_open_above(path: str, known: Mapping[str, FieldPath]) -> bool:
    """Tell whether the nearest known ancestor may have parts that the list of paths does not name."""
    nearest = next((known[one] for one in _ancestors(path) if one in known), None)
    return nearest is not None and not nearest.has_children and nearest.type.lower() not in _SCALARS


def _ancestors(path: str) -> Iterator[str]:
    above = path.rpartition(".")[0]
    while above:
        yield above
        above = above.rpartition(".")[0]


def _meant(path: str, known: Mapping[str, FieldPath]) -> str | None:
    if len(path) > _LONGEST_COMPARED:
        return None
    root = _LEGACY.get(path.partition(".")[0])
    if root is not None and root in known:
        return root
    folded = path.casefold()
    last = folded.rpartition(".")[2]
    alike = None
    for one in known:
        other = one.casefold()
        if other == folded:
            return one
        # Only one of that name is a guess worth making; `address` alone could be any.
        if other.rpartition(".")[2] == last:
            alike = one if alike is None else ""
    return alike or _sibling(path, known)


def _sibling(path: str, known: Mapping[str, FieldPath]) -> str | None:
    """Return the field of the same branch whose name is written nearly so."""
    branch, _, name = path.rpartition(".")
    beside = {one.rpartition(".")[2]: one for one in known if one.rpartition(".")[0] == branch}
    if len(beside) > _MOST_COMPARED:
        return None
    return next((beside[one] for one in get_close_matches(name, beside, n=1, cutoff=0.75)), None)

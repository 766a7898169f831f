"""Owns which columns an export has: the union's fields, pruned to the paths that its job asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from tui_app.emulator.world.union import EVENT, PROFILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_app.emulator.world.fields import Field

_ABSENT = object()
_WORKED_OUT = frozenset({"identityMap", "segmentMembership"})  # not drawn field by field


@dataclass(frozen=True, slots=True)
class Columns:
    """What a job asks for: top-level profile fields, each pruned; the event fields, None without events.

    `cost` is what a row takes to make, in units of one plain value.
    """

    profile: tuple[Field, ...]
    events: tuple[Field, ...] | None
    cost: int


@lru_cache(maxsize=64)
def columns(fields: str, event_fields: str | None) -> Columns:
    """Return the columns for a `fields` string and the `fields` of an event list, None when events are not asked for.

    A blank string asks for all. Paths that are in no union are ignored; when nothing is left the identities are.
    """
    profile = _pruned(PROFILE, fields)
    events = None if event_fields is None else _pruned(EVENT, event_fields)
    if not profile and not events:
        profile = tuple(one for one in PROFILE if one.name == "identityMap")
    cost = 3 + sum(map(_cost, profile)) + 2 * sum(map(_cost, events or ()))  # two events a person, more or less
    return Columns(profile, events or None, cost)


def _pruned(union: tuple[Field, ...], asked: str) -> tuple[Field, ...]:
    paths = [path.strip().split(".") for path in asked.split(",") if path.strip()]
    if not paths:
        return union
    tree: dict[str, object] = {}
    for path in paths:
        _plant(tree, path)
    return _cut(union, tree)


def _plant(tree: dict[str, object], path: Sequence[str]) -> None:
    """Add a path to a tree of names; None stands for all that is below a name."""
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree[path[-1]] = None


def _cut(fields: tuple[Field, ...], tree: Mapping[str, object]) -> tuple[Field, ...]:
    kept = []
    for one in fields:
        below = tree.get(one.name, _ABSENT)
        if below is _ABSENT:
            continue
        cut = one if not isinstance(below, dict) or one.kind == "map" else _cut_one(one, below)
        if cut is not None:
            kept.append(cut)
    return tuple(kept)


def _cut_one(field: Field, tree: Mapping[str, object]) -> Field | None:
    if field.kind == "array" and field.item is not None:
        item = _cut_one(field.item, tree)
        return None if item is None else replace(field, item=item)
    inner = _cut(field.fields, tree)
    return replace(field, fields=inner) if inner else None


def _cost(field: Field) -> int:
    if field.name in _WORKED_OUT:
        return 16
    if field.item is not None:
        return 3 + 2 * _cost(field.item)
    return 1 + sum(map(_cost, field.fields))

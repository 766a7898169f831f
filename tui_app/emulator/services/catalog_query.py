"""Owns Catalog's list parameters: window, order, filters and chosen properties (API reference 3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import placeholder

if TYPE_CHECKING:
    from tui_app.emulator.gateway import Call

_LARGEST_PAGE, _DEFAULT_PAGE = 100, 20
_NUMBER = re.compile(r"[0-9]{1,12}")
_EXPRESSION = re.compile(r"(!?)(\w+)(?:(==|!=|~)(.*))?", re.ASCII | re.DOTALL)
_FIELDS = ("name", "description", "version", "created", "updated", "createdUser", "createdClient")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for."""

    start: int
    limit: int


def window(call: Call) -> Window:
    """Read `limit` (1 to 100, default 20) and `start`; refuse others with Catalog's own words."""
    limit = call.query("limit") or str(_DEFAULT_PAGE)
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= _LARGEST_PAGE:
        raise placeholder(400, "BadRequestError", "Please supply a valid query limit: (1 - 100)")
    start = call.query("start") or "0"
    if not _NUMBER.fullmatch(start):
        raise placeholder(400, "BadRequestError", "Please supply a valid query start: a number from 0")
    return Window(int(start), int(limit))


def order(call: Call, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort objects by `orderBy` (`name,desc:created`), newest first when it is absent."""
    text = call.query("orderBy") or call.query("sort") or "desc:created"
    for key in reversed(text.split(",")):
        direction, _, name = key.rpartition(":")
        if name not in _FIELDS or direction not in {"", "asc", "desc"}:
            raise placeholder(400, "BadRequestError", f"Cannot order by {key[:60]}")
        found = sorted(found, key=itemgetter(name), reverse=direction == "desc")
    return found


def matches(call: Call, one: dict[str, Any]) -> bool:
    """Whether an object passes every simple filter and every `property` expression."""
    return all(
        _passes(one.get(name), wanted) for name, wanted in call.request.query_params.multi_items() if name in _FIELDS
    ) and all(_satisfies(one, text) for text in call.request.query_params.getlist("property"))


def _passes(value: object, wanted: str) -> bool:
    negated = wanted.startswith("!")
    choices = wanted.removeprefix("!").split(",")
    return (str(value) in choices) is not negated


def _satisfies(one: dict[str, Any], text: str) -> bool:
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise placeholder(400, "BadRequestError", f"Cannot read the property filter {text[:60]}")
    negated, name, operator, wanted = match.groups()
    if operator is None:
        return (name in one) is not bool(negated)
    value = str(one.get(name, ""))
    if operator == "~":
        return _like(value, wanted)
    return _equals(value, wanted) is (operator == "==")


def _equals(value: str, wanted: str) -> bool:
    """Compare with `*` as wildcard and `**` for the star itself."""
    parts = wanted.replace("**", "\0").split("*")
    if len(parts) == 1:
        return value == wanted.replace("**", "*")
    place = 0
    *inner, last = (part.replace("\0", "*") for part in parts)
    if not value.startswith(inner[0]):
        return False
    for part in inner:
        found = value.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return value.endswith(last) and len(value) - len(last) >= place


def _like(value: str, pattern: str) -> bool:
    """Match the start (`^text`) or any part; other expression marks are plain text, so none can run away."""
    return value.startswith(pattern[1:]) if pattern.startswith("^") else pattern in value


def chosen(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    """Keep only the top-level fields that `properties` names, all when it is absent."""
    names = call.query("properties")
    if names is None:
        return one
    wanted = {name.strip() for name in names.split(",")}
    return {name: value for name, value in one.items() if name in wanted}

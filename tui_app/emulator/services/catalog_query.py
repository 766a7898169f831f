"""Owns Catalog's list parameters: window, order, filters and chosen properties (API reference 3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tui_app.emulator.answers import placeholder
from tui_app.emulator.data.expressions import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_app.emulator.answers import Refusal
    from tui_app.emulator.gateway import Call

Kind = Literal["text", "integer", "boolean"]
_T = TypeVar("_T")
_LARGEST_PAGE, _DEFAULT_PAGE, _LARGEST_SCHEMA_PAGE = 100, 20, 20
_NUMBER = re.compile(r"[0-9]{1,12}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,3}")
_CONDITION = re.compile(r"(!?)([A-Za-z_][\w.]*)(?:(==|!=|<=|>=|<|>|~)(.*))?", re.ASCII | re.DOTALL)
_WILD = re.compile(r"\*\*|\*")
_MOST_CONDITIONS, _MOST_TAGS = 20, 100


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for."""

    start: int
    limit: int


@dataclass(frozen=True, slots=True)
class Key:
    """One property to sort by."""

    name: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a top-level property; `test` gets its value, `_ABSENT` where the object has none."""

    name: str
    test: Callable[[object], bool]

    def passes(self, one: Mapping[str, Any]) -> bool:
        """Whether an object meets it."""
        return self.test(one.get(self.name, _ABSENT))


class _Absent:
    """Stands for the value of a property that an object does not have."""


_ABSENT = _Absent()


def bad(detail: str) -> Refusal:
    """Refuse a request that cannot be understood (API reference 1.4a)."""
    return placeholder(400, "BadRequestError", detail)


def window(call: Call) -> Window:
    """Read `limit` (1 to 100, default 20) and `start`; refuse others with Catalog's own words.

    A page that shows `observableSchema` holds 20 objects at most.
    """
    limit = call.query("limit") or str(_DEFAULT_PAGE)
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= _LARGEST_PAGE:
        raise bad(f"Please supply a valid query limit: (1 - {_LARGEST_PAGE})")
    start = call.query("start") or "0"
    if not _NUMBER.fullmatch(start):
        raise bad("Please supply a valid query start: a number from 0")
    largest = _LARGEST_SCHEMA_PAGE if "observableSchema" in (properties(call) or ()) else _LARGEST_PAGE
    return Window(int(start), min(int(limit), largest))


def properties(call: Call) -> frozenset[str] | None:
    """Return the top-level properties that `properties` names; None when it is absent and all are meant."""
    names = call.query("properties")
    return None if names is None else frozenset(name.strip() for name in names.split(",")) - {""}


def order(call: Call) -> tuple[Key, ...]:
    """Read `orderBy` (`name,desc:created`), once called `sort`; newest first when it is absent."""
    text = call.query("orderBy") or call.query("sort") or "desc:created"
    keys: dict[str, Key] = {}
    for part in text.removeprefix("orderBy=").split(","):  # CAT-OAS has the name inside its example of the value
        direction, colon, name = part.strip().partition(":")
        if not colon:
            direction, name = "asc", direction
        if direction not in {"asc", "desc"} or not re.fullmatch(r"[\w.]{1,60}", name, re.ASCII):
            raise bad(f"Cannot order by {part[:60]}")
        keys.setdefault(name, Key(name, direction == "desc"))
    return tuple(keys.values())


def in_order(found: list[_T], keys: tuple[Key, ...], value: Callable[[_T, str], object]) -> list[_T]:
    """Sort by several keys, objects without the property last; versions as versions, numbers as numbers."""
    for key in reversed(keys):
        ranked = [(value(one, key.name), one) for one in found]
        present = [(_rank(held), one) for held, one in ranked if _is_plain(held)]
        present.sort(key=itemgetter(0), reverse=key.is_descending)
        found = [one for _, one in present] + [one for held, one in ranked if not _is_plain(held)]
    return found


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _rank(value: object) -> tuple[int, Any]:
    if isinstance(value, int | float):
        return 0, value
    text = str(value)
    return (1, _version(text)) if _VERSION.fullmatch(text) else (2, text)


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def filters(call: Call, fields: Mapping[str, Kind], *, own: frozenset[str] = frozenset()) -> tuple[Filter, ...]:
    """Read the simple filters on `fields` (`name=a,b`, `name=!a`), every `property` condition, and `tags`.

    `own` are the fields that the service filters by itself. Parameters of other names are ignored.
    """
    found: list[Filter] = []
    for name, text in call.request.query_params.multi_items():
        if name == "property" and text:
            found.append(_condition(text))
        elif name == "tags" and text:
            found.append(_tags(text))
        elif name in fields and name not in own:
            found += _simple(name, text, fields[name])
    if len(found) > _MOST_CONDITIONS:
        raise bad(f"More than {_MOST_CONDITIONS} filters in one request")
    return tuple(found)


def values(name: str, text: str, kind: Kind) -> frozenset[str]:
    """Return the values of a simple filter without its `!`, as `shown` spells them; empty ones do not count."""
    wanted = {one for one in text.removeprefix("!").split(",") if one}
    if kind == "integer":
        if not all(_INTEGER.fullmatch(one) for one in wanted):
            raise bad(f"The value of {name} must be a whole number")
        return frozenset(str(int(one)) for one in wanted)
    if kind == "boolean":
        wanted = {one.lower() for one in wanted}
        if not wanted <= {"true", "false"}:
            raise bad(f"The value of {name} must be true or false")
    return frozenset(wanted)


def _simple(name: str, text: str, kind: Kind) -> list[Filter]:
    wanted = values(name, text, kind)
    if not wanted:
        return []
    negated = text.startswith("!")
    return [Filter(name, lambda value: (shown(value) in wanted) is not negated)]


def shown(value: object) -> str | None:
    """Return a plain value as a filter spells it; None for objects, lists, null, and what is absent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _condition(text: str) -> Filter:
    match = _CONDITION.fullmatch(text)
    if match is None or (match[1] and match[3]):
        raise bad(f"Cannot read the property filter {text[:60]}")
    negated, name, operator, wanted = match.groups()
    if operator is None:
        return Filter(name, lambda value: (value is not _ABSENT) is not bool(negated))
    if operator == "~":
        return Filter(name, _matching(wanted))
    if operator in {"==", "!="}:
        is_equal = wild(wanted) if name == "name" else lambda value: value == wanted
        return Filter(name, lambda value: is_equal(shown(value) or "") is (operator == "=="))
    return Filter(name, _compared(operator, wanted))


def _matching(pattern: str) -> Callable[[object], bool]:
    try:
        expression = Expression(pattern)
    except ValueError as error:
        raise bad(f"Cannot read the regular expression {pattern[:60]}: {error}") from None

    return lambda value: isinstance(value, str) and expression.found_in(value)


def _compared(operator: str, wanted: str) -> Callable[[object], bool]:
    """Compare numbers with numbers, versions with versions and other text by its characters; kinds never mix."""

    def test(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return False
        if isinstance(value, str):
            pair = _ranked(value, wanted)
        elif _DECIMAL.fullmatch(wanted):
            pair = (float(value), float(wanted))
        else:
            return False
        return _SIGNS[operator](*pair)

    return test


def _ranked(value: str, wanted: str) -> tuple[Any, Any]:
    if _VERSION.fullmatch(value) and (_VERSION.fullmatch(wanted) or _NUMBER.fullmatch(wanted)):
        return _version(value), _version(wanted)
    return value, wanted


_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda value, wanted: bool(value < wanted),
    "<=": lambda value, wanted: bool(value <= wanted),
    ">": lambda value, wanted: bool(value > wanted),
    ">=": lambda value, wanted: bool(value >= wanted),
}


def wild(pattern: str) -> Callable[[str], bool]:
    """Return a test for text in which `*` stands for any characters and `**` for the star itself."""
    parts, at = [""], 0
    for mark in _WILD.finditer(pattern):
        parts[-1] += pattern[at : mark.start()]
        at = mark.end()
        if mark[0] == "**":
            parts[-1] += "*"
        else:
            parts.append("")
    parts[-1] += pattern[at:]
    if len(parts) == 1:
        return lambda value: value == parts[0]
    first, *inner, last = parts

    def test(value: str) -> bool:
        place = len(first)
        if not value.startswith(first):
            return False
        for part in inner:
            found = value.find(part, place)
            if found < 0:
                return False
            place = found + len(part)
        return len(value) - len(last) >= place and value.endswith(last)

    return test


def _tags(text: str) -> Filter:
    """Read `tag:value,tag2:*`: every tag must be there with a value that matches; without a value any will do."""
    wanted: list[tuple[str, Callable[[str], bool]]] = []
    if text.count(",") >= _MOST_TAGS:
        raise bad(f"More than {_MOST_TAGS} tags in one filter")
    for part in text.split(","):
        tag, _, value = part.partition(":")
        if tag:
            wanted.append((tag, wild(value or "*")))

    def test(tags: object) -> bool:
        return isinstance(tags, dict) and all(
            tag in tags and any(is_wanted(value) for value in tags[tag]) for tag, is_wanted in wanted
        )

    return Filter("tags", test)


def chosen(one: Mapping[str, Any], wanted: frozenset[str] | None) -> dict[str, Any]:
    """Keep only the properties that are wanted, all for None; a chosen one without a value is shown as `{}`."""
    if wanted is None:
        return dict(one)
    return {name: value if value not in ("", None) else {} for name, value in one.items() if name in wanted}

"""Owns the list of queries: its filters, its order and its pages, whose links may carry a time or a number."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tui_app.emulator.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.emulator.data.query_state import Query
    from tui_app.emulator.gateway import Call

DEFAULT_LIMIT = 20
_MOST = 1_000  # on a page, whatever is asked for
_MOST_FILTERS = 20
_NUMBER = re.compile(r"[0-9]{1,9}")
_FILTER = re.compile(r"\s*+(?P<name>[A-Za-z_]++)\s*+(?P<sign>>=|<=|==|!=|>|<|~|=(?!~))(?P<value>.*+)", re.DOTALL)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_ALL_SIGNS, _EQUAL, _WITHIN = frozenset({*_COMPARED, "~"}), frozenset({"=="}), frozenset({"~"})
# Property -> the signs that it takes; a single = stands for ==, as in two of the documented samples.
_SIGNS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("created", "updated", "state", "id"), _ALL_SIGNS),
    **dict.fromkeys(("referenced_datasets", "userid", "templateid", "client", "scheduleid", "schedulerunid"), _EQUAL),
    **dict.fromkeys(("sql", "templatename"), _WITHIN),
}
_MOST_DATASETS = 10


def refused(message: str, *, status: int = 400, errors: tuple[dict[str, str], ...] = ()) -> Refusal:
    """Refuse as Query Service does: message and status code; the errors of a statement beside them."""
    body: dict[str, object] = {"message": message, "statusCode": status}
    if errors:
        body["errors"] = list(errors)
    return Refusal(status, body)


def iso(at_ms: int) -> str:
    """Return a time as the service spells it, to the millisecond, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: str) -> int | None:
    """Return the epoch milliseconds of an ISO 8601 time, taken as UTC without a zone; None for other text."""
    try:
        found = datetime.fromisoformat(text)
        at = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its queries in order, the links around it as queries, and what `_page` tells of it."""

    queries: tuple[Query, ...]
    next_link: str | None
    prev_link: str | None
    told: dict[str, object]


def page_of(call: Call, queries: list[Query]) -> Page:
    """Return the page that the call's parameters ask for.

    `start` is the time of a query at which the page begins (that query is on it) or how many queries come before it;
    both are understood, the dialect decides which one the links use. With `isPrevLink` the page ends before `start`.

    Raises:
        Refusal: a parameter has a value that means nothing.
    """
    asked = _Asked.read(call)
    found = [one for one in queries if asked.shows(one)]
    found.sort(key=lambda one: _moment(call, one, asked.field), reverse=asked.is_descending)
    at = _place(call, found, asked)
    first = max(0, at - asked.limit) if asked.is_back else at
    last = at if asked.is_back else min(len(found), at + asked.limit)
    page = tuple(found[first:last])
    starts = (
        [*range(len(found))]
        if call.dialect.query_start_is_offset
        else [_moment(call, one, asked.field) for one in found]
    )
    spelled = [str(one) if call.dialect.query_start_is_offset else iso(one) for one in starts]
    told: dict[str, object] = {"orderby": asked.order, "count": len(page)}
    if page:
        told["start"] = spelled[first]
    if last < len(found) and page:
        told["next"] = spelled[last]
    if asked.filters:
        told["property"] = asked.filters
    return Page(
        page,
        next_link=asked.link(spelled[last]) if last < len(found) and page else None,
        prev_link=asked.link(spelled[first], is_back=True) if first > 0 and page else None,
        told=told,
    )


def _moment(call: Call, query: Query, field: str) -> int:
    return query.created_ms if field == "created" else query.updated_ms(call.now_ms)


def _place(call: Call, found: list[Query], asked: _Asked) -> int:
    """Return how many queries come before `start`."""
    if asked.start is None:
        return len(found) if asked.is_back else 0
    if _NUMBER.fullmatch(asked.start):
        return min(int(asked.start), len(found))
    at = read_time(asked.start)
    if at is None:
        raise refused(f"Invalid value for start: {asked.start[:80]!r} is no timestamp.")
    times = [_moment(call, one, asked.field) for one in found]
    return sum(time > at for time in times) if asked.is_descending else sum(time < at for time in times)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of a list call; `links` are those that its links repeat."""

    order: str
    field: str
    is_descending: bool
    limit: int
    start: str | None
    is_back: bool
    filters: str
    tests: tuple[Callable[[Query], bool], ...]
    links: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, call: Call) -> _Asked:
        order = (call.query("orderby") or "-created").replace(" ", "+")  # an unescaped + arrives as a blank
        field = order.lstrip("+-")
        if field not in ("created", "updated") or len(order) - len(field) > 1:
            raise refused(f"Invalid value for orderby: {order[:80]!r}. Use created or updated, with + or - before it.")
        limit = call.query("limit") or str(DEFAULT_LIMIT)
        if not _NUMBER.fullmatch(limit) or int(limit) < 1:
            raise refused(f"Invalid value for limit: {limit[:80]!r}. Use a whole number above 0.")
        filters = call.query("property") or ""
        tests = list(_filters(call, filters))
        if _flag(call, "excludeSoftDeleted", usual=True):
            tests.append(lambda query: not query.is_deleted)
        _flag(call, "excludeHidden", usual=True)  # queries that nobody sent are not made here
        repeated = {name: call.query(name) for name in ("limit", "property", "excludeSoftDeleted", "excludeHidden")}
        return cls(
            order=order,
            field=field,
            is_descending=order.startswith("-"),
            limit=min(int(limit), _MOST),
            start=call.query("start"),
            is_back=_flag(call, "isPrevLink", usual=False),
            filters=filters,
            tests=tuple(tests),
            links=tuple((name, value) for name, value in repeated.items() if value is not None),
        )

    def shows(self, query: Query) -> bool:
        return all(test(query) for test in self.tests)

    def link(self, start: str, *, is_back: bool = False) -> str:
        back = (("isPrevLink", "true"),) if is_back else ()
        return urlencode((("orderby", self.order), ("start", start), *back, *self.links), errors="replace")


def _flag(call: Call, name: str, *, usual: bool) -> bool:
    text = (call.query(name) or str(usual)).lower()
    if text not in ("true", "false"):
        raise refused(f"Invalid value for {name}: {text[:80]!r}. Use true or false.")
    return text == "true"


def _filters(call: Call, text: str) -> list[Callable[[Query], bool]]:
    """Read `property`: comma-separated `name sign value`."""
    parts = [part for part in text.split(",") if part.strip()]
    if len(parts) > _MOST_FILTERS:
        raise refused(f"Invalid value for property: it has {len(parts)} filters, at most {_MOST_FILTERS} are allowed.")
    return [_filter(call, part) for part in parts]


def _filter(call: Call, part: str) -> Callable[[Query], bool]:
    match = _FILTER.fullmatch(part)
    name = match["name"].lower() if match else ""
    sign = ("==" if match["sign"] == "=" else match["sign"]) if match else ""
    if match is None or sign not in _SIGNS.get(name, ()):
        raise refused(f"Invalid value for property: the filter {part[:80]!r} is not supported.")
    value = match["value"].strip()
    if name in ("created", "updated"):
        return _time_filter(call, name, sign, value)
    if name == "referenced_datasets":
        wanted = {one.strip() for one in value.split("||")}
        if len(wanted) > _MOST_DATASETS:
            raise refused(f"Invalid value for property: at most {_MOST_DATASETS} datasets can be named.")
        return lambda query: not wanted.isdisjoint(query.read_ids)
    tell = _TEXTS.get(name, _nothing)
    if sign == "~":
        return lambda query: value in tell(query, call.now_ms)
    compare = _COMPARED[sign]
    return lambda query: compare(tell(query, call.now_ms), value)


def _time_filter(call: Call, name: str, sign: str, value: str) -> Callable[[Query], bool]:
    if sign == "~":
        return lambda query: value in iso(_moment(call, query, name))
    at, compare = read_time(value), _COMPARED[sign]
    if at is None:
        raise refused(f"Invalid value for property: {value[:80]!r} is no timestamp.")
    return lambda query: compare(_moment(call, query, name), at)


def _nothing(query: Query, now_ms: int) -> str:
    """Tell what no query has: a template or a schedule."""
    del query, now_ms
    return ""


CLIENT = "API"
_TEXTS: dict[str, Callable[[Query, int], str]] = {
    "state": lambda query, now: query.state(now),
    "id": lambda query, _now: query.query_id,
    "userid": lambda query, _now: query.user,
    "client": lambda _query, _now: CLIENT,
    "sql": lambda query, _now: query.statement.effective,
}

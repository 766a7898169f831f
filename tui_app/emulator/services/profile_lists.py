"""Owns what the lists of the profile service have in common: numbers, order, filters, links, bulk-get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from tui_app.emulator.answers import BODY_UNREADABLE, NOT_FOUND, Refusal, json_answer, parse_json, ups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from starlette.responses import Response

    from tui_app.emulator.gateway import Call

BULK_COUNT = "UPAPI-113015-400"
_LARGEST_BULK = 100
_LONGEST_SHOWN = 80
_NUMBER = re.compile(r"[0-9]{1,15}")
_SORT_KEY = re.compile(r"([A-Za-z_][\w.]{0,60})(?::(asc|desc))?", re.ASCII | re.IGNORECASE)
_EXPRESSION = re.compile(r"([\w.:]{1,120})(?:~([\w.]{1,120}))?==(.*)", re.ASCII | re.DOTALL)
_T = TypeVar("_T")


def bad(call: Call, message: str) -> Refusal:
    """Refuse a parameter or a body."""
    return ups(HTTPStatus.BAD_REQUEST, BODY_UNREADABLE, [message], request_id=call.request_id)


def unknown(call: Call, kind: str, identifier: str, *, code: str = NOT_FOUND) -> Refusal:
    """Refuse an id that nothing has."""
    message = f"The {kind} {identifier[:_LONGEST_SHOWN]} is not found. Use a valid entity and try again."
    return ups(HTTPStatus.NOT_FOUND, code, [message], request_id=call.request_id)


def sandbox_answer(call: Call) -> dict[str, Any]:
    """Return the sandbox as every object of the profile service names it."""
    sandbox = call.sandbox
    return {
        "sandboxId": sandbox.sandbox_id,
        "sandboxName": sandbox.name,
        "type": sandbox.kind,
        "default": sandbox.is_default,
    }


def number(call: Call, name: str, default: int, *, low: int = 0) -> int:
    """Read a whole number from `low` on; refuse any other text."""
    text = call.query(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or int(text) < low:
        raise bad(call, f"Query parameter {name} must be a whole number from {low}")
    return int(text)


def flag(call: Call, name: str) -> bool | None:
    """Read a truth value in any case, None when it is absent; refuse any other text."""
    text = call.query(name)
    if text is None:
        return None
    if text.lower() not in {"true", "false"}:
        raise bad(call, f"Query parameter {name} must be true or false")
    return text.lower() == "true"


@dataclass(frozen=True, slots=True)
class Order:
    """The first key of a list's order, as page objects show it."""

    field: str
    direction: str


def ordered(
    call: Call, found: Iterable[_T], by: Mapping[str, Callable[[_T], Any]], *, default: str
) -> tuple[list[_T], Order]:
    """Sort by `sort=name:asc,updateTime:desc`, ascending where no direction is given; `by` has the fields allowed."""
    keys = []
    for part in (call.query("sort") or default).split(","):
        match = _SORT_KEY.fullmatch(part.strip())
        if match is None or match[1] not in by:
            allowed = ", ".join(by)
            raise bad(call, f"Query parameter sort cannot order by {part[:_LONGEST_SHOWN]}; possible: {allowed}")
        keys.append(Order(match[1], (match[2] or "asc").lower()))
    ranked = list(found)
    for key in reversed(keys):
        ranked.sort(key=by[key.field], reverse=key.direction == "desc")
    return ranked, keys[0]


def expressions(call: Call) -> list[tuple[str, str | None, str]]:
    """Read every `property` filter as (path, key within an array or None, value); refuse what is not `path==value`.

    A value may stand in quotes, as the product's own pages send it (API reference 6.3).
    """
    found = []
    for text in call.request.query_params.getlist("property"):
        if not text:
            continue
        match = _EXPRESSION.fullmatch(text)
        if match is None:
            raise bad(call, f"Query parameter property must read attribute==value, not {text[:_LONGEST_SHOWN]}")
        found.append((match[1], match[2], _unquoted(match[3])))
    return found


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text


def satisfies(answer: Mapping[str, Any], path: str, key: str | None, wanted: str) -> bool:
    """Whether an object has exactly this value at a dotted path; in an array, whether one of its members has it."""
    value = _at(answer, path)
    if isinstance(value, list):
        if key is not None:
            return any(_says(_at(one, key), wanted) for one in value)
        return any(_says(each, wanted) for one in value for each in (one.values() if isinstance(one, dict) else (one,)))
    return key is None and _says(value, wanted)


def _at(value: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def _says(value: object, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    return value is not None and not isinstance(value, dict | list) and str(value) == wanted


def page_count(total: int, limit: int) -> int:
    """Return how many pages of this size hold `total` objects."""
    return -(-total // limit)


def next_link(call: Call, path: str, **changed: object) -> str:
    """Return a link to another page with the call's own parameters but for those `changed`; `@` is the service."""
    own = [(name, value) for name, value in call.request.query_params.multi_items() if value and name not in changed]
    return f"@{path}?{urlencode([*((name, str(value)) for name, value in changed.items()), *own], safe=':=')}"


def wanted_ids(call: Call) -> list[str]:
    """Read the body of a bulk-get, `{"ids": [{"id": "..."}]}`, each id once."""
    try:
        body = parse_json(call.body)
    except ValueError:
        raise bad(call, "The request body is not readable JSON") from None
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list):
        raise bad(call, "Missing required field ids")
    if not 0 < len(ids) <= _LARGEST_BULK:
        message = f"The number of requested IDs is invalid. Cannot be 0 or exceed {_LARGEST_BULK}."
        raise ups(HTTPStatus.BAD_REQUEST, BULK_COUNT, [message], request_id=call.request_id)
    found = [one.get("id") if isinstance(one, dict) else None for one in ids]
    if not all(isinstance(one, str) and one for one in found):
        raise bad(call, "Every member of ids must be an object with the string id")
    return list(dict.fromkeys(map(str, found)))


def bulk_answer(call: Call, ids: Sequence[str], find: Callable[[str], dict[str, Any] | None]) -> Response:
    """Answer a bulk-get: 207 with an error in the place of each id that nothing has, 404 when that is all of them."""
    found = {one: find(one) for one in ids}
    if not any(found.values()):
        names = ",".join(one[:_LONGEST_SHOWN] for one in ids)
        raise ups(HTTPStatus.NOT_FOUND, NOT_FOUND, [f"The entity {names} is not found."], request_id=call.request_id)
    missing = {"requestId": call.request_id, "errors": {"404": [{"code": 404, "message": "Not found."}]}}
    return json_answer({"results": {one: answer or missing for one, answer in found.items()}}, status=207)

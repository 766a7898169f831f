"""Owns the sandbox management calls (API reference 5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tui_app.emulator.answers import Refusal, json_answer, sandbox_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.dialects import Dialect
    from tui_app.emulator.gateway import Call, Gateway, Handler
    from tui_app.emulator.world.world import Sandbox

PATH = "/data/foundation/sandbox-management"
_NUMBER = re.compile(r"[0-9]{1,9}")
_PROPERTY = re.compile(r"\s*(\w{1,40})\s*(==|!=)\s*(.*)", re.ASCII | re.DOTALL)
_BAD_REQUEST = "SMS-2001-400"
_WORDS: dict[str, Callable[[Sandbox], str]] = {
    "id": lambda one: one.sandbox_id,
    "name": lambda one: one.name,
    "title": lambda one: one.title,
    "type": lambda one: one.kind,
    "state": lambda _: "active",
    "region": lambda _: _REGION,
    "isDefault": lambda one: str(one.is_default).lower(),
    "createdDate": lambda one: str(one.created_ms),
    "lastModifiedDate": lambda one: str(one.created_ms),
}
_OLD_WORDS = {"created": "createdDate", "updated": "lastModifiedDate", "modified": "lastModifiedDate"}
_REGION = "EMU1"
_TYPES = (("production", "Production"), ("development", "Development"))


def routes(gateway: Gateway) -> list[Route]:
    """Return the sandbox routes; none of them asks for the sandbox header."""

    def both(path: str, handler: Handler) -> list[Route]:
        spellings = (path, f"{path}/")
        return [gateway.route(one, service="sandboxes", sandboxed=False, get=handler) for one in spellings]

    return [
        *both(PATH, _list_own),
        *both(f"{PATH}/sandboxes", _list_all),
        *both(f"{PATH}/sandboxTypes", _list_types),
        *both(f"{PATH}/sandboxes/{{name}}", _get),
    ]


def _list_own(call: Call) -> Response:
    """List what the caller may use: nothing, for one whom no product profile names (API reference 1.4)."""
    usable = [] if call.client.is_limited else list(call.world.sandboxes.values())
    return _list(call, f"{PATH}/", usable)


def _list_all(call: Call) -> Response:
    _require_rights(call)
    return _list(call, f"{PATH}/sandboxes", list(call.world.sandboxes.values()))


def _list_types(call: Call) -> Response:
    _require_rights(call)
    return json_answer({"sandboxTypes": [{"id": name, "title": title} for name, title in _TYPES]})


def _get(call: Call) -> Response:
    _require_rights(call)
    name = call.path("name")
    sandbox = call.world.sandboxes.get(name)
    if sandbox is None:
        raise sandbox_problem(404, "SMS-2011-404", f"Sandbox {name[:80]} is not found")
    return json_answer(_answer(sandbox, call.dialect))


def _require_rights(call: Call) -> None:
    if call.client.is_limited:
        raise sandbox_problem(403, "SMS-2010-403", "The caller has no right to manage sandboxes")


def _list(call: Call, path: str, found: list[Sandbox]) -> Response:
    limit, offset = _window(call)
    found = _ordered(call, [one for one in found if _fits(call, one)])
    shown = found[offset : offset + limit]

    def link(start: int) -> dict[str, Any]:
        kept = {name: value for name in ("property", "orderBy") if (value := call.query(name)) is not None}
        return {"href": f"{call.linked_origin}{path}?{urlencode({'limit': limit, 'offset': start, **kept})}"}

    page = f"{call.linked_origin}{path}?limit={{limit}}&offset={{offset}}"
    links: dict[str, Any] = {"page": {"href": page, "templated": True}}
    if offset + limit < len(found):
        links["next"] = link(offset + limit)
    if offset > 0:
        links["prev"] = link(max(0, min(offset, len(found)) - limit))
    return json_answer(
        {
            "sandboxes": [_answer(one, call.dialect) for one in shown],
            "_page": {"limit": limit, "count": len(shown)},
            "_links": links,
        }
    )


def _window(call: Call) -> tuple[int, int]:
    """Return limit and offset; both are given, or neither."""
    limit, offset = call.query("limit"), call.query("offset")
    if limit is None and offset is None:
        return call.dialect.sandbox_page, 0
    if limit is None or offset is None:
        raise _bad("Parameters limit and offset must be given together")
    if not (_NUMBER.fullmatch(limit) and _NUMBER.fullmatch(offset)) or int(limit) == 0:
        raise _bad("Parameters limit and offset must be whole numbers, and limit above zero")
    return int(limit), int(offset)


def _fits(call: Call, sandbox: Sandbox) -> bool:
    """Whether the sandbox has every property that the query asks for, in the form `property=name==value`."""
    for text in call.request.query_params.getlist("property"):
        if not text:
            continue
        match = _PROPERTY.fullmatch(text)
        if match is None or match[1] not in _WORDS:
            raise _bad(f"Parameter property must have the form name==value; names are {', '.join(_WORDS)}")
        is_same = _WORDS[match[1]](sandbox) == match[3].strip().strip("'\"")
        if is_same != (match[2] == "=="):
            return False
    return True


def _ordered(call: Call, found: list[Sandbox]) -> list[Sandbox]:
    """Return the sandboxes as `orderBy` asks: `asc:name,title`, `desc:created` or `name:asc`; oldest first without."""
    text = call.query("orderBy")
    if text is None:
        return found
    words = [word.strip() for word in text.replace(":", ",").split(",")]
    directions = [word.lower() for word in words if word.lower() in {"asc", "desc"}]
    names = [_OLD_WORDS.get(word, word) for word in words if word.lower() not in {"asc", "desc"}]
    if not names or len(directions) > 1 or any(name not in _WORDS for name in names):
        raise _bad("Parameter orderBy must have the form asc:name or desc:name, with names of properties")
    return sorted(found, key=lambda one: [_WORDS[name](one) for name in names], reverse=directions == ["desc"])


def _bad(title: str) -> Refusal:
    return sandbox_problem(400, _BAD_REQUEST, title)


def _answer(sandbox: Sandbox, dialect: Dialect) -> dict[str, Any]:
    moment = datetime.fromtimestamp(sandbox.created_ms / 1000, UTC)
    created = moment.strftime("%Y-%m-%dT%H:%M:%SZ" if dialect.iso_sandbox_dates else "%Y-%m-%d %H:%M:%S")
    return {
        "id": sandbox.sandbox_id,
        "name": sandbox.name,
        "title": sandbox.title,
        "state": "active",
        "type": sandbox.kind,
        "region": _REGION,
        "isDefault": sandbox.is_default,
        "etag" if dialect.iso_sandbox_dates else "eTag": 2,
        "createdDate": created,
        "lastModifiedDate": created,
        "createdBy": "emulated-admin",
        "modifiedBy": "emulated-admin",
    }

"""Owns the sandbox management calls (API reference 5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer, sandbox_problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.world import Sandbox

PATH = "/data/foundation/sandbox-management"
_DEFAULT_LIMIT = 50
_NUMBER = re.compile(r"[0-9]{1,9}")


def routes(gateway: Gateway) -> list[Route]:
    """Return the sandbox routes; none of them asks for the sandbox header."""
    paths = (PATH, f"{PATH}/", f"{PATH}/sandboxes", f"{PATH}/sandboxes/")
    return [
        *(gateway.route(path, service="sandboxes", sandboxed=False, get=_list) for path in paths),
        gateway.route(f"{PATH}/sandboxes/{{name}}", service="sandboxes", sandboxed=False, get=_get),
    ]


def _list(call: Call) -> Response:
    limit, offset = _window(call)
    found = [_answer(one) for one in call.world.sandboxes.values()]
    shown = found[offset : offset + limit]
    href = f"{call.origin}{PATH}/?limit={{limit}}&offset={{offset}}"
    body = {
        "sandboxes": shown,
        "_page": {"limit": limit, "count": len(shown)},
        "_links": {"page": {"href": href, "templated": True}},
    }
    return json_answer(body)


def _window(call: Call) -> tuple[int, int]:
    limit, offset = call.query("limit"), call.query("offset")
    if limit is None and offset is None:
        return _DEFAULT_LIMIT, 0
    if limit is None or offset is None:
        raise sandbox_problem(400, "SMS-2001-400", "Parameters limit and offset must be given together")
    if not (_NUMBER.fullmatch(limit) and _NUMBER.fullmatch(offset)):
        raise sandbox_problem(400, "SMS-2001-400", "Parameters limit and offset must be whole numbers")
    return int(limit), int(offset)


def _get(call: Call) -> Response:
    sandbox = call.world.sandboxes.get(call.path("name"))
    if sandbox is None:
        raise sandbox_problem(404, "SMS-2011-404", f"Sandbox {call.path('name')[:80]} is not found")
    return json_answer(_answer(sandbox))


def _answer(sandbox: Sandbox) -> dict[str, Any]:
    created = datetime.fromtimestamp(sandbox.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "id": sandbox.sandbox_id,
        "name": sandbox.name,
        "title": sandbox.title,
        "state": "active",
        "type": sandbox.kind,
        "region": "EMU1",
        "isDefault": sandbox.is_default,
        "eTag": 2,
        "createdDate": created,
        "lastModifiedDate": created,
        "createdBy": "emulated-admin",
        "modifiedBy": "emulated-admin",
    }

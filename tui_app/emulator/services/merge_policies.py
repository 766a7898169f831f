"""Owns the merge policy calls: list, get, bulk-get (API reference 7)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tui_app.emulator.answers import json_answer
from tui_app.emulator.services.profile_lists import (
    bad,
    bulk_answer,
    flag,
    number,
    sandbox_answer,
    unknown,
    wanted_ids,
)
from tui_app.emulator.world.policies import PROFILE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.policies import MergePolicy

PATH = "/data/core/ups/config/mergePolicies"
_DEFAULT_PAGE, _LARGEST_PAGE = 20, 100
_FIRST = "0"
_SECOND_MS = 1000

_ORDER: Mapping[str, Callable[[MergePolicy], Any]] = {
    "name": lambda one: one.name,
    "id": lambda one: one.policy_id,
    "version": lambda one: one.version,
    "updateEpoch": lambda one: one.updated_ms // _SECOND_MS,
    "default": lambda one: one.is_default,
}


def routes(gateway: Gateway) -> list[Route]:
    """Return the merge policy routes, the collection with and without its slash."""
    return [
        *gateway.collection(PATH, service="profile", get=_list),
        gateway.route(f"{PATH}/bulk-get", service="profile", post=_bulk),
        gateway.route(f"{PATH}/{{policy_id}}", service="profile", get=_get),
    ]


def _answer(call: Call, one: MergePolicy) -> dict[str, Any]:
    merge: dict[str, Any] = {"type": one.kind}
    if one.kind == "dataSetPrecedence":
        merge["order"] = list(one.order)
    on_edge: object = str(one.on_edge).lower() if call.dialect.booleans_as_text else one.on_edge
    named = {"name": one.name} if one.name else {}
    return {
        "id": one.policy_id,
        **named,
        "imsOrgId": call.credentials.org_id,
        "sandbox": sandbox_answer(call),
        "schema": {"name": PROFILE_SCHEMA},
        "version": one.version,
        "identityGraph": {"type": one.graph},
        "attributeMerge": merge,
        "isActiveOnEdge": on_edge,
        "default": one.is_default,
        "updateEpoch": one.updated_ms // _SECOND_MS,
    }


def _list(call: Call) -> Response:
    limit = min(number(call, "limit", _DEFAULT_PAGE, low=1), _LARGEST_PAGE)
    ranked = _ordered(call, [one for one in call.sandbox.room.policies if all(_filters(call, one))])
    start = _place(call, ranked)
    shown, rest = ranked[start : start + limit], ranked[start + limit :]
    cursor = _cursor(rest[0]) if rest else ""
    page: dict[str, Any] = {"totalCount": len(ranked), "pageSize": len(shown)}
    if call.dialect.policy_page_counts:
        page = {"count": len(shown)} | ({"next": cursor} if cursor else {})
    own = {"start": cursor, "orderBy": call.query("orderBy") or call.query("orderby") or "", "limit": limit}
    more = [(name, value) for name, value in call.request.query_params.multi_items() if name in _FILTERS and value]
    href = f"@/mergePolicies?{urlencode([*own.items(), *more])}" if cursor else ""
    return json_answer(
        {"_page": page, "children": [_answer(call, one) for one in shown], "_links": {"next": {"href": href}}}
    )


_FILTERS = ("schema.name", "identityGraph.type", "attributeMerge.type", "default", "isActiveOnEdge", "version")


def _filters(call: Call, one: MergePolicy) -> tuple[bool, ...]:
    default, on_edge = flag(call, "default"), flag(call, "isActiveOnEdge")
    return (
        call.query("schema.name") in {None, PROFILE_SCHEMA},
        call.query("identityGraph.type") in {None, one.graph},
        call.query("attributeMerge.type") in {None, one.kind},
        default in {None, one.is_default},
        on_edge in {None, one.on_edge},
        number(call, "version", one.version) == one.version,
    )


def _ordered(call: Call, found: list[MergePolicy]) -> list[MergePolicy]:
    """Sort by `orderBy=+name` or `-name`; a plus that was not escaped arrives as a space."""
    text = call.query("orderBy") or call.query("orderby") or "name"
    field = text[1:] if text[0] in "+- " else text
    if field not in _ORDER:
        raise bad(call, f"Query parameter orderBy cannot order by {field[:80]}; possible: {', '.join(_ORDER)}")
    return sorted(found, key=_ORDER[field], reverse=text[0] == "-")


def _cursor(one: MergePolicy) -> str:
    return base64.urlsafe_b64encode(f"+{one.policy_id}".encode()).decode().rstrip("=")


def _place(call: Call, ranked: list[MergePolicy]) -> int:
    """Return where the page begins: at the policy that `start`, a cursor of an earlier page, names."""
    text = call.query("start") or _FIRST
    if text == _FIRST:
        return 0
    try:
        named = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        named = ""
    for place, one in enumerate(ranked):
        if named == f"+{one.policy_id}":
            return place
    raise bad(call, "Query parameter start must be the cursor of a page")


def _find(call: Call, policy_id: str) -> dict[str, Any] | None:
    found = next((one for one in call.sandbox.room.policies if one.policy_id == policy_id), None)
    return None if found is None else _answer(call, found)


def _get(call: Call) -> Response:
    answer = _find(call, call.path("policy_id"))
    if answer is None:
        raise unknown(call, "merge policy", call.path("policy_id"))
    return json_answer(answer)


def _bulk(call: Call) -> Response:
    return bulk_answer(call, wanted_ids(call), lambda one: _find(call, one))

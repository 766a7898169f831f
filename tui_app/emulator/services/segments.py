"""Owns the segment definition calls: list, get, bulk-get (API reference 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer
from tui_app.emulator.services.profile_lists import (
    bulk_answer,
    flag,
    next_link,
    number,
    ordered,
    page_count,
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
    from tui_app.emulator.world.audiences import Audience

PATH = "/data/core/ups/segment/definitions"
LARGEST_PAGE = 100  # the default, too: a client that reads the first page without a limit counts on it
_SECOND_MS = 1000

ORDER: Mapping[str, Callable[[Audience], Any]] = {
    "creationTime": lambda one: one.created_ms,
    "updateTime": lambda one: one.updated_ms,
    "updateEpoch": lambda one: one.updated_ms // _SECOND_MS,
    "name": lambda one: one.name,
    "description": lambda one: one.description or "",
    "id": lambda one: one.platform_id,
}


def routes(gateway: Gateway) -> list[Route]:
    """Return the segment definition routes, the collection with and without its slash."""
    return [
        *gateway.collection(PATH, service="profile", get=_list),
        gateway.route(f"{PATH}/bulk-get", service="profile", post=_bulk),
        gateway.route(f"{PATH}/{{segment_id}}", service="profile", get=_get),
    ]


def definition_answer(call: Call, one: Audience) -> dict[str, Any]:
    """Return an audience that the platform evaluates as its segment definition."""
    answer: dict[str, Any] = {
        "id": one.segment_id,
        "schema": {"name": PROFILE_SCHEMA},
        "ttlInDays": one.ttl_days,
        "profileInstanceId": "ups",
        "imsOrgId": call.credentials.org_id,
        "sandbox": sandbox_answer(call),
        "name": one.name,
        "description": one.description,
        "expression": expression_answer(one),
        "mergePolicyId": one.policy_id,
        "evaluationInfo": {
            "batch": {"enabled": one.evaluation == "batch"},
            "continuous": {"enabled": one.evaluation == "streaming"},
            "synchronous": {"enabled": one.evaluation == "edge"},
        },
        "dataGovernancePolicy": {"excludeOptOut": True},
        "creationTime": one.created_ms,
        "updateEpoch": one.updated_ms // _SECOND_MS,
        "updateTime": one.updated_ms,
    }
    return {name: value for name, value in answer.items() if value is not None}


def expression_answer(one: Audience) -> dict[str, str]:
    """Return the rule of an audience as the platform tells it."""
    return {"type": "PQL", "format": one.expression_format, "value": one.expression}


def _list(call: Call) -> Response:
    limit = min(number(call, "limit", LARGEST_PAGE, low=1), LARGEST_PAGE)
    page, start = number(call, "page", 0), number(call, "start", 0)
    streaming = flag(call, "evaluationInfo.continuous.enabled")
    found = (
        one
        for one in call.sandbox.room.audiences
        if one.is_definition and (streaming is None or (one.evaluation == "streaming") is streaming)
    )
    ranked, order = ordered(call, found, ORDER, default="creationTime:desc")
    after = start + (page + 1) * limit
    shown = ranked[after - limit : after]
    body = {
        "segments": [definition_answer(call, one) for one in shown],
        "page": {
            "totalCount": len(ranked),
            "totalPages": page_count(len(ranked), limit),
            "sortField": order.field,
            "sort": order.direction,
            "pageSize": len(shown),
            "limit": limit,
        },
        "link": {"next": next_link(call, "/segment/definitions", page=page + 1, limit=limit)}
        if after < len(ranked)
        else {},
    }
    return json_answer(body)


def _find(call: Call, segment_id: str) -> dict[str, Any] | None:
    found = next(
        (one for one in call.sandbox.room.audiences if one.is_definition and one.segment_id == segment_id), None
    )
    return None if found is None else definition_answer(call, found)


def _get(call: Call) -> Response:
    answer = _find(call, call.path("segment_id"))
    if answer is None:
        raise unknown(call, "segment definition", call.path("segment_id"))
    return json_answer(answer)


def _bulk(call: Call) -> Response:
    return bulk_answer(call, wanted_ids(call), lambda one: _find(call, one))

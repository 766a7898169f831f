"""Owns the audience calls: list, get, bulk-get, for audiences of the platform and from outside (API reference 6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer
from tui_app.emulator.chance import Chance
from tui_app.emulator.services.profile_lists import (
    bulk_answer,
    expressions,
    next_link,
    number,
    ordered,
    page_count,
    sandbox_answer,
    satisfies,
    unknown,
    wanted_ids,
)
from tui_app.emulator.services.segments import ORDER, definition_answer
from tui_app.emulator.world.lifecycle import state
from tui_app.emulator.world.policies import PROFILE_SCHEMA
from tui_app.emulator.world.samples import UNION_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.audiences import Audience
    from tui_app.emulator.world.lifecycle import Job

PATH = "/data/core/ups/audiences"
AUDIENCE_NOT_FOUND = "UPAPI-113430-404"
_DEFAULT_PAGE, _LARGEST_PAGE = 20, 100
_METRICS = "withMetrics"
_SECOND_MS = 1000

_ORDER: Mapping[str, Callable[[Audience], Any]] = {
    **ORDER,
    "audienceId": lambda one: one.segment_id,
    "namespace": lambda one: one.namespace,
    "lifecycleState": lambda one: one.lifecycle,
    "totalProfiles": lambda one: one.size,
}


def routes(gateway: Gateway) -> list[Route]:
    """Return the audience routes, the collection with and without its slash."""
    return [
        *gateway.collection(PATH, service="profile", get=_list),
        gateway.route(f"{PATH}/bulk-get", service="profile", post=_bulk),
        gateway.route(f"{PATH}/{{audience_id}}", service="profile", get=_get),
    ]


def _answer(call: Call, one: Audience) -> dict[str, Any]:
    chance = Chance(call.world.seed, "audience-answer", one.platform_id)
    own: dict[str, Any] = _evaluated(call, one) if one.is_platform else _delivered(call, one, chance)
    answer = own | {
        "isSystem": False,
        "createEpoch": min(one.created_ms, one.updated_ms) // _SECOND_MS,
        "_etag": f'"{chance.hex(8)}-0000-0200-0000-{one.updated_ms // _SECOND_MS:08x}0000"',
        "dependents": [
            other.platform_id for other in call.sandbox.room.audiences if one.segment_id in other.depends_on
        ],
        "dependencies": list(one.depends_on),
        "originName": one.origin,
        "createdBy": f"{chance.pick(('marketing', 'crm', 'analytics', 'loyalty'))}.team@example.com",
        "lifecycleState": one.lifecycle,
        "labels": list(one.labels),
    }
    return {name: value for name, value in answer.items() if value is not None}


def _evaluated(call: Call, one: Audience) -> dict[str, Any]:
    return definition_answer(call, one) | {
        "audienceId": one.segment_id,
        "definedOn": [{"meta:resourceType": "unions", "meta:containerId": "tenant", "$ref": UNION_SCHEMA}],
        "type": "SegmentDefinition",
        "overridePerformanceWarnings": False,
        "namespace": one.namespace,
    }


def _delivered(call: Call, one: Audience, chance: Chance) -> dict[str, Any]:
    shown = call.dialect.external_audience_type
    # The samples that say `ExternalSegment` spell the namespace in small letters, too.
    namespace = "aam" if shown == "ExternalSegment" and one.namespace == "AAM" else one.namespace
    return {
        "id": one.platform_id,
        "audienceId": one.segment_id,
        "name": one.name,
        "description": one.description,
        "namespace": namespace,
        "imsOrgId": call.credentials.org_id,
        "sandbox": sandbox_answer(call),
        "type": shown,
        "datasetId": chance.hex(24),
        "linkedAudienceRef": {"flowId": chance.uuid()},
        "creationTime": one.created_ms,
        "updateEpoch": one.updated_ms // _SECOND_MS,
        "updateTime": one.updated_ms,
    }


def _newest_export(call: Call) -> Job | None:
    """Return the sandbox's newest succeeded export job."""
    shelf = call.sandbox.shelf
    newest = shelf.newest(1, below=len(shelf), status="SUCCEEDED", at_ms=call.now_ms)
    return newest[0] if newest else None


def _metrics(call: Call, one: Audience, job: Job) -> dict[str, Any]:
    """Return what an export tells of the audience (API reference 6.2)."""
    ended = (state(job.plan, call.now_ms).ended_ms or job.plan.created_ms) // _SECOND_MS
    data: dict[str, Any] = {"totalProfiles": one.size}
    if one.is_platform:
        data["totalProfilesByNamespace"] = {"crmid": one.size, "email": one.size * 3 // 5}
        data["totalProfilesByStatus"] = {"realized": one.size - one.size // 10, "existing": one.size // 10}
    return {
        "type": "export",
        "jobId": str(job.job_id),
        "id": one.platform_id,
        "data": data,
        "createEpoch": job.plan.created_ms // _SECOND_MS,
        "updateEpoch": ended,
    }


def _list(call: Call) -> Response:
    limit = min(number(call, "limit", _DEFAULT_PAGE, low=1), _LARGEST_PAGE)
    start = number(call, "start", 0)  # counts pages: `next` is 1 after a page of two (API reference 6.2)
    wanted = expressions(call)
    with_metrics = (call.query(_METRICS) or "").lower() == "true" or any(
        path == _METRICS and value.lower() == "true" for path, _, value in wanted
    )
    filters = [one for one in wanted if one[0] != _METRICS]
    found = (one for one in call.sandbox.room.audiences if _is_named(call, one))
    if filters:
        found = (one for one in found if all(satisfies(_answer(call, one), *each) for each in filters))
    ranked, order = ordered(call, found, _ORDER, default="creationTime:desc")
    shown = ranked[start * limit : (start + 1) * limit]
    children = [_answer(call, one) for one in shown]
    export = _newest_export(call) if with_metrics else None
    if export is not None:
        for child, one in zip(children, shown, strict=True):
            child["metrics"] = _metrics(call, one, export)
    page: dict[str, Any] = {
        "totalCount": len(ranked),
        "totalPages": page_count(len(ranked), limit),
        "sortField": order.field,
        "sort": order.direction,
        "pageSize": len(shown),
        "limit": limit,
        "start": start,
    }
    link: dict[str, str] = {}
    if (start + 1) * limit < len(ranked):
        page["next"] = str(start + 1) if call.dialect.audience_next_as_text else start + 1
        link["href"] = next_link(call, "/audiences", start=start + 1, limit=limit, totalCount=len(ranked))
    return json_answer({"children": children, "_page": page, "_links": {"next": link}})


def _is_named(call: Call, one: Audience) -> bool:
    """Whether it passes `name`, `description` and `entityType`; every audience here is one of people."""
    name, description = call.query("name"), call.query("description")
    return (
        (call.query("entityType") or PROFILE_SCHEMA) == PROFILE_SCHEMA
        and (name is None or name.casefold() in one.name.casefold())
        and (description is None or description.casefold() in (one.description or "").casefold())
    )


def _find(call: Call, audience_id: str) -> dict[str, Any] | None:
    found = next((one for one in call.sandbox.room.audiences if one.platform_id == audience_id), None)
    return None if found is None else _answer(call, found)


def _get(call: Call) -> Response:
    answer = _find(call, call.path("audience_id"))
    if answer is None:
        raise unknown(call, "audience entity", call.path("audience_id"), code=AUDIENCE_NOT_FOUND)
    return json_answer(answer)


def _bulk(call: Call) -> Response:
    return bulk_answer(call, wanted_ids(call), lambda one: _find(call, one))

"""Owns the schedule calls that read: list and get (API reference 6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer
from tui_app.emulator.services.profile_lists import next_link, number, sandbox_answer, unknown
from tui_app.emulator.world.schedules import Schedule, schedules

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway

PATH = "/data/core/ups/config/schedules"
_DEFAULT_PAGE = 100
_SECOND_MS = 1000


def routes(gateway: Gateway) -> list[Route]:
    """Return the schedule routes, the collection with and without its slash."""
    return [
        *gateway.collection(PATH, service="profile", get=_list),
        gateway.route(f"{PATH}/{{schedule_id}}", service="profile", get=_get),
    ]


def held(call: Call) -> tuple[Schedule, ...]:
    """Return the sandbox's schedules, the nightly one first."""
    snapshot = call.sandbox.room.snapshot
    return schedules(
        call.world.seed,
        call.sandbox.name,
        call.world.started_ms,
        snapshot_id=snapshot.dataset_id if snapshot is not None else "",
    )


def _answer(call: Call, one: Schedule) -> dict[str, Any]:
    return {
        "id": one.schedule_id,
        "imsOrgId": call.credentials.org_id,
        "sandbox": sandbox_answer(call),
        "name": one.name,
        "state": one.state,
        "type": one.kind,
        "schedule": one.cron,
        "properties": one.properties,
        "createEpoch": one.created_ms // _SECOND_MS,
        "updateEpoch": one.updated_ms // _SECOND_MS,
    }


def _list(call: Call) -> Response:
    limit, start = number(call, "limit", _DEFAULT_PAGE, low=1), number(call, "start", 0)  # `start` counts pages
    found = held(call)
    shown = found[start * limit : (start + 1) * limit]
    page: dict[str, Any] = {"totalCount": len(found), "pageSize": len(shown)}
    link: dict[str, str] = {}
    if (start + 1) * limit < len(found):
        page["next"] = str(start + 1)
        link["href"] = next_link(call, "/schedules", start=start + 1, limit=limit)
    return json_answer(
        {"_page": page, "children": [_answer(call, one) for one in shown], "_links": {"next": link}},
    )


def _get(call: Call) -> Response:
    wanted = call.path("schedule_id")
    found = next((one for one in held(call) if one.schedule_id == wanted), None)
    if found is None:
        raise unknown(call, "schedule", wanted)
    return json_answer(_answer(call, found))

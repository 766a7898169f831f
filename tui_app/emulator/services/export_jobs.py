"""Owns the export job calls: create, list, get, cancel (API reference 2)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from tui_app.emulator.answers import (
    BODY_UNREADABLE,
    DATASET_UNREADABLE,
    NOT_FOUND,
    Refusal,
    json_answer,
    parse_json,
    ups,
)
from tui_app.emulator.dialects import Place, job_answer, page_answer
from tui_app.emulator.services.validation import JobRules

if TYPE_CHECKING:
    from typing import Any

    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.lifecycle import Job

PATH = "/data/core/ups/export/jobs"
DEFAULT_LIMIT = 100  # neither default nor maximum is published (API reference 2.5)
MAXIMUM_LIMIT = 1_000
_CURSOR = re.compile(r"([0-9]{1,15})_([0-9]{1,15})")
_NUMBER = re.compile(r"[0-9]{1,15}")


def routes(gateway: Gateway) -> list[Route]:
    """Return the export job routes, the collection with and without its slash."""
    return [
        gateway.route(PATH, service="profile", get=_list, post=_create),
        gateway.route(f"{PATH}/", service="profile", get=_list, post=_create),
        gateway.route(f"{PATH}/{{job_id}}", service="profile", get=_get, delete=_cancel),
    ]


def _answer(call: Call, job: Job, place: Place) -> dict[str, Any]:
    return job_answer(
        job,
        dialect=call.dialect,
        world=call.world,
        org_id=call.credentials.org_id,
        now_ms=call.now_ms,
        place=place,
    )


def _create(call: Call) -> Response:
    try:
        body = parse_json(call.body)
    except ValueError:
        raise _bad(call, ["The request body is not readable JSON"]) from None
    faults = JobRules().check(body)
    if faults:
        raise _bad(call, faults)
    if not call.world.late_dataset_check:
        _check_dataset(call, body["destination"]["datasetId"])
    instance = call.request.headers.get("x-profile-instance-id", "")[:100] or "ups"
    job = call.world.create_job(call.sandbox, body, profile_instance_id=instance)
    return json_answer(_answer(call, job, "create"), headers={"X-Location": f"/export/jobs/{job.job_id}"})


def _check_dataset(call: Call, dataset_id: str) -> None:
    dataset = call.sandbox.datasets.get(dataset_id)
    shown = dataset_id[:80]
    if dataset is None:
        detail = '{"type":"/placeholder/type/uri","status":404,"title":"NotFoundError","detail":"DataSet not found."}'
        messages = [f"Dataset {shown} cannot be retrieved from Catalog", f"Catalog answered 404: {detail}"]
        raise ups(400, DATASET_UNREADABLE, messages, request_id=call.request_id)
    if not dataset.on_union:
        schema = str(dataset.schema.get("id", "none"))[:120]
        messages = [
            f"Dataset {shown} is not based on the union schema of profiles",
            f"Its schema is {schema}; expected https://ns.adobe.com/xdm/context/profile__union",
        ]
        raise ups(400, DATASET_UNREADABLE, messages, request_id=call.request_id)


def _bad(call: Call, messages: list[str]) -> Refusal:
    return ups(400, BODY_UNREADABLE, messages, request_id=call.request_id)


def _list(call: Call) -> Response:
    limit = min(_limit(call), MAXIMUM_LIMIT)
    shelf = call.sandbox.shelf
    below, skip = len(shelf), 0
    offset = call.query("offset")
    if offset:
        cursor = _CURSOR.fullmatch(offset)
        if cursor:
            below = shelf.older_than((int(cursor[1]), int(cursor[2])))
        elif _NUMBER.fullmatch(offset):
            skip = int(offset)
        else:
            raise _bad(call, ["Query parameter offset must be a page's pageOffset or a number of records"])
    status = call.query("status")
    jobs = shelf.newest(limit + 1, below=below, status=status, at_ms=call.now_ms, skip=skip)
    records = [_answer(call, job, "list") for job in jobs[:limit]]
    page = page_answer(records, limit=limit, is_last=len(jobs) <= limit, dialect=call.dialect)
    return json_answer(page)


def _limit(call: Call) -> int:
    text = call.query("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise _bad(call, ["Query parameter limit must be a positive integer"])
    return int(text)


def _job_id(call: Call) -> int:
    text = call.path("job_id")
    if not _NUMBER.fullmatch(text):
        raise _unknown(call)
    return int(text)


def _unknown(call: Call) -> Refusal:
    message = f"Export job {call.path('job_id')[:80]} is not found. Use a valid id and try again."
    return ups(404, NOT_FOUND, [message], request_id=call.request_id)


def _get(call: Call) -> Response:
    job = call.world.job(call.sandbox, _job_id(call))
    if job is None:
        raise _unknown(call)
    return json_answer(_answer(call, job, "single"))


def _cancel(call: Call) -> Response:
    if not call.world.cancel_job(call.sandbox, _job_id(call)):
        raise _unknown(call)
    if call.dialect.cancels_silently:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return json_answer({"status": True, "message": "Export job has been marked for cancelling"})

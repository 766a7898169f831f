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
from tui_app.emulator.services import export_job_query
from tui_app.emulator.services.export_job_answer import Speaker, page_answer
from tui_app.emulator.services.export_job_query import BadParameter
from tui_app.emulator.services.validation import JobRules, known_parts
from tui_app.emulator.world.datasets import default_policy

if TYPE_CHECKING:
    from typing import Any

    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.lifecycle import Job

PATH = "/data/core/ups/export/jobs"
_JOB_ID = re.compile(r"([0-9]{1,15})(?:\.0)?")  # the second form is how some documents print the same number


def routes(gateway: Gateway) -> list[Route]:
    """Return the export job routes, the collection with and without its slash."""
    return [
        *gateway.collection(PATH, service="profile", get=_list, post=_create),
        gateway.route(f"{PATH}/{{job_id}}", service="profile", get=_get, delete=_cancel),
    ]


def _speaker(call: Call) -> Speaker:
    return Speaker(call.dialect, call.world, call.credentials.org_id, call.now_ms)


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
    asked = known_parts(body)
    if call.dialect.swaps_merge_policy:
        asked["mergePolicy"] = {"id": default_policy(call.world.seed, call.sandbox.name)}
    if not call.dialect.existing_by_default:
        for segment in asked.get("filter", {}).get("segments", []):
            # Said in the job itself, so that its files hold what its answers tell.
            segment["status"] = segment.get("status") or list(call.dialect.default_statuses)
    instance = call.request.headers.get("x-profile-instance-id", "")[:100] or "ups"
    job = call.world.create_job(call.sandbox, asked, profile_instance_id=instance)
    return json_answer(
        _speaker(call).job(job, "create"),
        status=call.dialect.create_status,
        headers={"X-Location": f"/export/jobs/{job.job_id}"},
    )


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
    try:
        asked = export_job_query.read(call)
    except BadParameter as fault:
        raise _bad(call, [str(fault)]) from None
    found = export_job_query.find(asked, sandbox=call.sandbox, dialect=call.dialect, now_ms=call.now_ms)
    speaker = _speaker(call)
    records = [answer for job in found.jobs if (answer := speaker.job(job, "list")) is not None]
    page = page_answer(
        records,
        last=found.last,
        limit=asked.limit,
        is_last=found.is_last,
        has_children=(call.query("showSegmentMetrics") or "").lower() == "true",
        dialect=call.dialect,
    )
    return json_answer(page)


def _job(call: Call) -> tuple[Job, dict[str, Any]]:
    """Return the job that the path names and its answer; one that is no longer shown is not found."""
    match = _JOB_ID.fullmatch(call.path("job_id"))
    job = call.world.job(call.sandbox, int(match[1])) if match else None
    answer = _speaker(call).job(job, "single") if job is not None else None
    if job is None or answer is None:
        message = f"Export job {call.path('job_id')[:80]} is not found. Use a valid id and try again."
        raise ups(404, NOT_FOUND, [message], request_id=call.request_id)
    return job, answer


def _get(call: Call) -> Response:
    return json_answer(_job(call)[1])


def _cancel(call: Call) -> Response:
    """Mark the job; one that has ended is left as it is, and the answer is the same (API reference 2.7)."""
    call.world.cancel_job(call.sandbox, _job(call)[0].job_id)
    if call.dialect.cancels_silently:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return json_answer({"status": True, "message": "Export job has been marked for cancelling"})

"""Owns the segment job calls: create, list, get, bulk-get, cancel (API reference 6.3)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tui_app.emulator.answers import json_answer, parse_json, ups
from tui_app.emulator.services import schedules, segments
from tui_app.emulator.services.export_job_answer import timer
from tui_app.emulator.services.profile_lists import (
    bad,
    bulk_answer,
    expressions,
    next_link,
    number,
    ordered,
    sandbox_answer,
    satisfies,
    unknown,
    wanted_ids,
)
from tui_app.emulator.world.lifecycle import Span
from tui_app.emulator.world.policies import PROFILE_SCHEMA
from tui_app.emulator.world.segment_jobs import MOST_RUNNING, SegmentJob, SegmentJobs, SegmentState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.audiences import Audience
    from tui_app.emulator.world.policies import MergePolicy

PATH = "/data/core/ups/segment/jobs"
INVALID_ENTITY = "UPAPI-113434-400"
TOO_MANY = "UPAPI-113000-429"  # the documents give the status only; a number in the manner of the others
_LARGEST_PAGE = 100  # the default, too: a client that never follows the link counts on it
_MOST_SEGMENTS = 1_500
_SECOND_MS = 1000


def routes(gateway: Gateway) -> list[Route]:
    """Return the segment job routes, the collection with and without its slash."""
    desk = _Desk()
    return [
        *gateway.collection(PATH, service="profile", get=desk.list, post=desk.create),
        gateway.route(f"{PATH}/bulk-get", service="profile", post=desk.bulk),
        gateway.route(f"{PATH}/{{job_id}}", service="profile", get=desk.get, delete=desk.cancel),
    ]


class _Desk:
    """Answers the calls; holds the jobs of each sandbox from the first call on."""

    def __init__(self) -> None:
        self._jobs: dict[str, SegmentJobs] = {}

    def _of(self, call: Call) -> SegmentJobs:
        name = call.sandbox.name
        if name not in self._jobs:
            nightly = next((one for one in schedules.held(call) if one.state == "active"), None)
            self._jobs[name] = SegmentJobs(
                call.world.seed,
                name,
                call.sandbox.room.audiences,
                nightly,
                started_ms=call.world.started_ms,
                pace=call.world.pace,
            )
        return self._jobs[name]

    async def list(self, call: Call) -> Response:
        """Answer a page; in a thread, because each of its jobs may tell of dozens of segments."""
        return await asyncio.to_thread(_page, call, self._of(call))

    def create(self, call: Call) -> Response:
        """Make a job from a bare array of segment ids, or from the object that names all of them with a star."""
        jobs = self._of(call)
        chosen = _chosen(call, jobs)
        if jobs.running(call.now_ms) >= MOST_RUNNING:
            message = "There are too many segmentation jobs in processing at the moment. Try again at a later time."
            raise ups(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, [message], request_id=call.request_id)
        instance = call.request.headers.get("x-profile-instance-id", "")[:100] or "ups"
        job = jobs.create(chosen, call.now_ms, profile_instance_id=instance)
        return json_answer(_answer(call, job, jobs.state(job, call.now_ms)))

    def get(self, call: Call) -> Response:
        """Answer one job."""
        jobs = self._of(call)
        job = jobs.find(call.path("job_id"), call.now_ms)
        if job is None:
            raise unknown(call, "segment job", call.path("job_id"))
        return json_answer(_answer(call, job, jobs.state(job, call.now_ms)))

    def cancel(self, call: Call) -> Response:
        """Mark a job for cancelling; the published file and the guide agree on 204."""
        job_id = call.path("job_id")
        if not self._of(call).cancel(job_id, call.now_ms):
            raise unknown(call, "segment job", job_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def bulk(self, call: Call) -> Response:
        """Answer several jobs."""
        jobs, ids = self._of(call), wanted_ids(call)
        found = {one: jobs.find(one, call.now_ms) for one in ids}

        def find(job_id: str) -> dict[str, Any] | None:
            job = found[job_id]
            return None if job is None else _answer(call, job, jobs.state(job, call.now_ms))

        return await asyncio.to_thread(bulk_answer, call, ids, find)


_Seen = tuple[SegmentJob, SegmentState]
_ORDER: Mapping[str, Callable[[_Seen], Any]] = {
    "creationTime": lambda seen: (seen[0].created_ms, seen[0].number),
    "updateTime": lambda seen: seen[1].updated_ms,
    "updateEpoch": lambda seen: seen[1].updated_ms // _SECOND_MS,
    "status": lambda seen: seen[1].status,
    "source": lambda seen: seen[0].source,
    "id": lambda seen: seen[0].job_id,
}


def _page(call: Call, jobs: SegmentJobs) -> Response:
    limit = min(number(call, "limit", _LARGEST_PAGE, low=1), _LARGEST_PAGE)
    start = number(call, "start", number(call, "page", 0))  # both count pages
    filters, status = expressions(call), (call.query("status") or "").upper()
    held = [] if call.query("snapshot.name") else jobs.all(call.now_ms)  # no job here evaluates a snapshot
    seen = [(one, jobs.state(one, call.now_ms)) for one in held]
    found = [(one, now) for one, now in seen if _passes(one, now, status, filters)]
    ranked, _ = ordered(call, found, _ORDER, default="creationTime:desc")
    shown = ranked[start * limit : (start + 1) * limit]
    link = {}
    if (start + 1) * limit < len(ranked):
        link["href"] = next_link(call, "/segment/jobs", start=start + 1, limit=limit)
    shell = json_answer(
        {
            "_page": {"totalCount": len(ranked), "pageSize": len(shown)},
            "_links": {"next": link},
            "children": [],
        }
    )
    # Written out one by one: a single call for all of them would keep every other thread waiting until it is done.
    children = b",".join(bytes(json_answer(_answer(call, one, now)).body) for one, now in shown)
    return Response(bytes(shell.body).removesuffix(b"]}") + children + b"]}", media_type=shell.media_type)


def _passes(job: SegmentJob, now: SegmentState, status: str, filters: list[tuple[str, str | None, str]]) -> bool:
    if status not in {"", now.status, _with_one_l(now.status)}:
        return False
    facts = {
        "id": job.job_id,
        "status": now.status,
        "source": job.source,
        "schema": {"name": PROFILE_SCHEMA},
        "profileInstanceId": job.profile_instance_id,
        "requestId": job.request_id,
        "properties": {"scheduleId": job.schedule_id, "runId": job.run_id} if job.schedule_id else {},
        "segments": [{"segmentId": one.segment_id} for one in job.audiences] if filters else [],
    }
    return all(satisfies(facts, *one) for one in filters)


def _chosen(call: Call, jobs: SegmentJobs) -> list[Audience]:
    """Read which definitions a new job evaluates; refuse a body that names none, or one that is not there."""
    try:
        body = parse_json(call.body)
    except ValueError:
        raise bad(call, "The request body is not readable JSON") from None
    listed = body.get("segments") if isinstance(body, dict) else body
    if not isinstance(listed, list) or not listed:
        raise bad(call, "The request body must be an array of objects with a segmentId")
    if len(listed) > _MOST_SEGMENTS:
        raise bad(call, f"More than {_MOST_SEGMENTS} segments must be named with *")
    ids = [one.get("segmentId") if isinstance(one, dict) else None for one in listed]
    if not all(isinstance(one, str) and one for one in ids):
        raise bad(call, "Missing required field segmentId")
    known = {one.segment_id: one for one in jobs.definitions}
    if isinstance(body, dict) and ids == ["*"]:
        return [one for one in known.values() if one.lifecycle == "published"]
    missing = [one for one in ids if one not in known]
    if missing:
        message = f"The segment definition {str(missing[0])[:80]} is not found. Use a valid entity and try again."
        raise ups(HTTPStatus.BAD_REQUEST, INVALID_ENTITY, [message], request_id=call.request_id)
    return [known[one] for one in dict.fromkeys(map(str, ids))]


def _with_one_l(status: str) -> str:
    """Spell `CANCELED` and `CANCELING`, as the newest documents do."""
    return status.replace("CANCELL", "CANCEL")


def _answer(call: Call, job: SegmentJob, now: SegmentState) -> dict[str, Any]:
    policies = call.sandbox.room.policies
    call_again = f"/segment/jobs/{job.job_id}"
    answer: dict[str, Any] = {
        "id": job.job_id,
        "imsOrgId": call.credentials.org_id,
        "sandbox": sandbox_answer(call),
        "profileInstanceId": job.profile_instance_id,
        "source": job.source,
        "status": _with_one_l(now.status) if call.dialect.cancelled_word == "CANCELED" else now.status,
    }
    if now.status != "NEW":
        answer |= job.compute_ids(call.world.seed)
    if now.status == "FAILED":
        answer["errors"] = list(job.errors)
    if job.schedule_id:
        answer["properties"] = {"scheduleId": job.schedule_id, "runId": job.run_id}
    return answer | {
        "segments": [_segment(one, policies) for one in job.audiences],
        "metrics": _metrics(call, job, now, policies),
        "requestId": job.request_id,
        "schema": {"name": PROFILE_SCHEMA},
        "_links": {
            "cancel": {"href": call_again, "method": "DELETE"},
            "checkStatus": {"href": call_again, "method": "GET"},
        },
        "updateTime": now.updated_ms,
        "creationTime": job.created_ms,
        "updateEpoch": now.updated_ms // _SECOND_MS,
    }


def _segment(one: Audience, policies: tuple[MergePolicy, ...]) -> dict[str, Any]:
    """Return a definition as it is evaluated: with the default policy, which stands first, where it names none."""
    policy = next((each for each in policies if each.policy_id == one.policy_id), policies[0])
    return {
        "segmentId": one.segment_id,
        "segment": {
            "id": one.segment_id,
            "version": 1,
            "expression": segments.expression_answer(one),
            "mergePolicyId": policy.policy_id,
            "mergePolicy": {"id": policy.policy_id, "version": policy.version},
        },
    }


def _metrics(call: Call, job: SegmentJob, now: SegmentState, policies: tuple[MergePolicy, ...]) -> dict[str, Any]:
    total = timer(Span(job.created_ms, now.ended_ms))
    metrics: dict[str, Any] = {"totalTime": total, "profileSegmentationTime": {}}
    if now.evaluation is not None:
        metrics["profileSegmentationTime"] = timer(now.evaluation)
    if now.evaluation is None or now.evaluation.end_ms is None or now.status == "FAILED":
        return metrics
    counts = {one.segment_id: job.count(call.world.seed, one) for one in job.audiences}
    rows = call.sandbox.room.rows
    used = {one.policy_id or policies[0].policy_id for one in job.audiences}
    return metrics | {
        "totalProfiles": rows,
        "segmentedProfileCounter": counts,
        "segmentedProfileByNamespaceCounter": {
            name: {"crmid": count, "email": count * 3 // 5} for name, count in counts.items()
        },
        "segmentedProfileByStatusCounter": {
            name: {"realized": count - count // 10, "existing": count // 10, "exited": count // 25}
            for name, count in counts.items()
        },
        "totalProfilesByMergePolicy": {one.policy_id: rows for one in policies if one.policy_id in used},
    }

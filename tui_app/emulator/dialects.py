"""Owns how answers are spelled where the documents disagree (API reference 13); the facts come from the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.lifecycle import Job, Span, State, state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_app.emulator.world import World

Place = Literal["create", "single", "list"]
DIALECT_NAMES = ("seed", "openapi", "newest", "mixed")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One consistent way to spell answers; the defaults are the seed tutorial's."""

    name: str = "seed"
    lists_old_style: bool = True  # list items: `datasetId` and no `segmentPerBatch` for a single batch
    data_set_capital: bool = True  # `dataSetId` where batches are listed
    batches_as_object: bool = False
    echoes_request: bool = False
    has_write_stage: bool = True
    has_counters: bool = False
    failed_batch_id: Literal["empty", "token"] = "empty"
    cancels_silently: bool = True  # 204 and no body, else 200 and a message
    list_end: Literal["empty", "missing", "null"] = "empty"
    dataset_reference: str = "@/datasets/"


_SPOKEN = {
    "seed": Dialect(),
    "openapi": Dialect(
        name="openapi",
        lists_old_style=False,
        batches_as_object=True,
        cancels_silently=False,
        list_end="missing",
        dataset_reference="@/dataSets/",
    ),
    "newest": Dialect(
        name="newest",
        lists_old_style=False,
        echoes_request=True,
        has_write_stage=False,
        has_counters=True,
        failed_batch_id="token",
        dataset_reference="@/dataSets/",
    ),
}


def speaker(name: str, *, seed: int) -> Callable[[], Dialect]:
    """Return what to ask for each answer's dialect; `mixed` draws another one each time.

    Raises:
        ValueError: `name` is none of `DIALECT_NAMES`.
    """
    if name in _SPOKEN:
        return lambda: _SPOKEN[name]
    if name != "mixed":
        raise ValueError(f"Unknown dialect {name!r}: choose one of {', '.join(DIALECT_NAMES)}.")
    chance = Chance(seed, "dialect")
    choices = tuple(_SPOKEN.values())
    return lambda: chance.pick(choices)


def job_answer(job: Job, *, dialect: Dialect, world: World, org_id: str, now_ms: int, place: Place) -> dict[str, Any]:
    """Return the job object of API reference 2.3 as it stands at `now_ms`."""
    now = state(job.plan, now_ms)
    chance = Chance(world.seed, "job-ids", job.job_id)
    first, later = chance.token(32), chance.uuid() if job.job_id % 2 else chance.token(32)
    answer: dict[str, Any] = {"profileInstanceId": job.profile_instance_id}
    if now.status == "FAILED":
        answer["errors"] = list(job.errors)
    answer["jobType"] = "BATCH"
    answer["filter"] = _filter(job, dialect)
    if dialect.echoes_request:
        for name in ("fields", "additionalFields", "evaluationInfo"):
            if name in job.request:
                answer[name] = job.request[name]
    answer["id"] = job.job_id
    answer["schema"] = {"name": (job.request.get("schema") or {}).get("name", "_xdm.context.profile")}
    answer["mergePolicy"] = dict(job.merge_policy)
    answer["status"] = now.status
    answer["requestId"] = first if place == "create" else later
    answer["computeGatewayJobId"] = _compute_ids(now, chance, dialect)
    answer["metrics"] = _metrics(job, now, dialect)
    answer["destination"] = _destination(job, now, dialect, world=world, place=place)
    answer["updateTime"] = now.updated_ms
    answer["imsOrgId"] = org_id
    answer["creationTime"] = job.plan.created_ms
    if job.properties:
        answer["properties"] = dict(job.properties)
    return answer


def _filter(job: Job, dialect: Dialect) -> Mapping[str, Any]:
    if dialect.echoes_request:
        sent = job.request.get("filter")
        return sent if isinstance(sent, dict) else {}
    return {"segments": job.segments} if job.segments else {}


def _compute_ids(now: State, chance: Chance, dialect: Dialect) -> dict[str, str]:
    export, push = chance.uuid(), chance.uuid()
    ids: dict[str, str] = {}
    if now.export is not None:
        ids["exportJob"] = export
    if now.write is not None and dialect.has_write_stage:
        ids["pushJob"] = push
    return ids


def _metrics(job: Job, now: State, dialect: Dialect) -> dict[str, Any]:
    metrics: dict[str, Any] = {"totalTime": _timer(Span(job.plan.created_ms, now.ended_ms))}
    if now.export is not None:
        metrics["profileExportTime"] = _timer(now.export)
    if now.write is not None and dialect.has_write_stage:
        metrics["aCPDatasetWriteTime"] = _timer(now.write)
    if dialect.has_counters and now.status == "SUCCEEDED":
        metrics["totalExportedProfileCounter"] = job.profiles
        metrics["exportedProfileByNamespaceCounter"] = {
            "email": job.profiles * 3 // 5,
            "crmid": job.profiles,
        }
    return metrics


def _timer(span: Span) -> dict[str, int]:
    if span.end_ms is None:
        return {"startTimeInMs": span.start_ms}
    return {
        "startTimeInMs": span.start_ms,
        "endTimeInMs": span.end_ms,
        "totalTimeInMs": span.end_ms - span.start_ms,
    }


def _destination(job: Job, now: State, dialect: Dialect, *, world: World, place: Place) -> dict[str, Any]:
    def batch_id(index: int) -> str:
        if now.status == "FAILED":
            return "" if dialect.failed_batch_id == "empty" else f"FAILED{job.job_id:014d}{index}"
        return world.batch_ids.of(job.job_id, index)

    if not job.segment_per_batch:
        single: dict[str, Any] = {"datasetId": job.dataset_id, "batchId": batch_id(0)}
        if place != "list" or not dialect.lists_old_style:
            single["segmentPerBatch"] = False
        return single
    key = "dataSetId" if dialect.data_set_capital else "datasetId"
    batches: list[dict[str, Any]] = [
        {
            "segmentId": segment["segmentId"],
            "segmentNs": segment.get("segmentNs") or "ups",
            "status": segment.get("status") or ["realized", "existing"],
            "batchId": batch_id(index),
        }
        for index, segment in enumerate(job.segments)
    ] or [{"batchId": batch_id(0)}]
    listed: object = batches[0] if dialect.batches_as_object and len(batches) == 1 else batches
    return {key: job.dataset_id, "segmentPerBatch": True, "batches": listed}


def page_answer(jobs: list[dict[str, Any]], *, limit: int, is_last: bool, dialect: Dialect) -> dict[str, Any]:
    """Return a page of the job list; its cursor is the last record's creation time and id (API reference 2.5)."""
    last = jobs[-1] if jobs else None
    offset = f"{last['creationTime']}_{last['id']}" if last else ""
    link: dict[str, Any] = {}
    if not is_last:
        link["next"] = f"/export/jobs/?limit={limit}&offset={offset}"
    elif dialect.list_end != "missing":
        link["next"] = "" if dialect.list_end == "empty" else None
    return {
        "records": jobs,
        "page": {"sortField": "createdTime", "sort": "desc", "pageOffset": offset, "pageSize": len(jobs)},
        "link": link,
    }

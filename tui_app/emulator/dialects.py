"""Owns how answers are spelled where the documents disagree (API reference 13); the facts come from the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.lifecycle import Job, Span, State, state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_app.emulator.world.world import World

Place = Literal["create", "single", "list"]
DIALECT_NAMES = ("seed", "openapi", "newest", "mixed")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One consistent way to spell answers; the defaults are the seed tutorial's, numbers are rows of section 13."""

    name: str = "seed"
    # Export jobs
    lists_old_style: bool = True  # 1: list items have `datasetId` and no `segmentPerBatch` for a single batch
    data_set_capital: bool = True  # 1: `dataSetId` where batches are listed
    batches_as_object: bool = False  # 2
    failed_batch_id: Literal["empty", "token"] = "empty"  # 3
    batch_status_as_text: bool = False  # 4
    cancels_silently: bool = True  # 5: 204 and no body, else 200 and a message
    cancelled_word: Literal["CANCELLED", "CANCELED", "gone"] = "CANCELLED"  # 8; gone: 404, and no longer listed
    job_id_as: Literal["integer", "float", "text"] = "integer"  # 7
    says_queued: bool = False  # 8: QUEUED for the later half of the wait
    list_end: Literal["empty", "missing", "null"] = "empty"  # 11
    list_key: Literal["records", "children"] = "records"  # 12
    page_size_is_limit: bool = False  # 13
    times_in_seconds: bool = False  # 14
    has_write_stage: bool = True  # 15
    has_counters: bool = False  # 15
    new_compute_ids: Literal["none", "empty"] = "none"  # 16: `{}` or `{"exportJob": ""}` before the export starts
    echoes_request: bool = False  # 17
    swaps_merge_policy: bool = False  # 18: the answer names the policy in effect, not the one asked for
    request_id_changes: bool = True  # 19
    default_statuses: tuple[str, ...] = ("realized", "existing")  # 20
    shouts_segment_ns: bool = False  # 22: `UPS`
    errors_on_success: bool = False  # 25
    create_status: int = 200  # 28
    # Catalog
    dataset_reference: str = "@/datasets/"  # 30
    batch_done: Literal["success", "active"] = "success"  # 32
    batch_failed: Literal["failed", "failure", "aborted", "abandoned"] = "failed"  # 33
    batch_rows_key: Literal["recordsWritten", "recordsRead", ""] = "recordsWritten"  # 34
    # Data Access
    file_numbers_as_text: bool = True  # 36
    file_is_valid: bool = False  # 38
    hrefs_name_port: bool = True  # 4.1: `:443` even where it is the scheme's own
    # Gateway, IMS, profile
    token_life_in_ms: bool = False  # 40
    old_gateway_words: bool = False  # 42, 43: no full stop in 403010, and 403023 for 403025
    ups_code_as_text: bool = False  # 46
    ups_problem_inside: bool = False  # 1.4c: type, title and status inside `errors`
    audience_next_as_text: bool = False  # 47
    external_audience_type: Literal["ExternalSegment", "ExternalAudience"] = "ExternalSegment"  # 48
    policy_page_counts: bool = False  # 50: `{count, next}` instead of `{totalCount, pageSize}`
    booleans_as_text: bool = False  # 51
    # Sandboxes, Query Service
    iso_sandbox_dates: bool = False  # 52: also `etag` for `eTag`
    sandbox_page: int = 50  # 53
    websocket_key: Literal["websocketHost", "websoketHost"] = "websocketHost"  # 54
    query_start_is_offset: bool = False  # 55


_SPOKEN = {
    "seed": Dialect(),
    "openapi": Dialect(
        name="openapi",
        lists_old_style=False,
        batches_as_object=True,
        batch_status_as_text=True,
        cancels_silently=False,
        job_id_as="float",
        list_end="missing",
        page_size_is_limit=True,
        new_compute_ids="empty",
        request_id_changes=False,
        dataset_reference="@/dataSets/",
        batch_done="active",
        file_is_valid=True,
        hrefs_name_port=False,
        ups_code_as_text=True,
        external_audience_type="ExternalAudience",
        policy_page_counts=True,
        booleans_as_text=True,
        iso_sandbox_dates=True,
        sandbox_page=20,
        websocket_key="websoketHost",
    ),
    "newest": Dialect(
        name="newest",
        lists_old_style=False,
        cancelled_word="CANCELED",
        says_queued=True,
        echoes_request=True,
        has_write_stage=False,
        has_counters=True,
        failed_batch_id="token",
        default_statuses=("realized",),
        errors_on_success=True,
        dataset_reference="@/dataSets/",
        audience_next_as_text=True,
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

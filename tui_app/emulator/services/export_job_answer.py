"""Owns how an export job and a page of them are spelled; the facts come from the job and its timeline, never from here.

Whatever fields of the dialect come together, an answer leaves out or renames but does not say what is not so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.lifecycle import Span, State, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.emulator.dialects import Dialect
    from tui_app.emulator.world.lifecycle import Job, Timeline
    from tui_app.emulator.world.world import World

Place = Literal["create", "single", "list"]
_ECHOED = ("fields", "additionalFields", "evaluationInfo")
_NOISE = {
    "code": "0100000003",
    "msg": "Error in Export Job",
    "callStack": "com.adobe.aep.unifiedprofile.common.logging.Logger",
}
_NOISY_SHARE = 3  # of so many succeeded jobs one carries an error, in a dialect that knows such


def shown_status(plan: Timeline, now: State, now_ms: int, dialect: Dialect) -> str | None:
    """Return the word for where a job stands (API reference 2.4); None when it is no longer shown to anybody."""
    if now.status == "CANCELLED":
        return None if dialect.forgets_cancelled else dialect.cancelled_word
    if now.status == "CANCELLING" and not dialect.says_cancelling:
        return "PROCESSING" if now.export is not None else _waiting(plan, now_ms, dialect)
    return _waiting(plan, now_ms, dialect) if now.status == "NEW" else now.status


def _waiting(plan: Timeline, now_ms: int, dialect: Dialect) -> str:
    return "QUEUED" if dialect.says_queued and now_ms >= _queued_ms(plan) else "NEW"


def _queued_ms(plan: Timeline) -> int:
    return plan.created_ms + plan.queue_ms // 2


@dataclass(frozen=True, slots=True)
class Speaker:
    """What spelling a job needs besides the job: the dialect of this answer, the world, the caller, and the time."""

    dialect: Dialect
    world: World
    org_id: str
    now_ms: int

    def job(self, job: Job, place: Place) -> dict[str, Any] | None:
        """Return the job object of API reference 2.3 as it stands now; None when it is no longer shown."""
        dialect = self.dialect
        now = state(job.plan, self.now_ms)
        status = shown_status(job.plan, now, self.now_ms, dialect)
        if status is None:
            return None
        updated = max(now.updated_ms, _queued_ms(job.plan)) if status == "QUEUED" else now.updated_ms
        answer: dict[str, Any] = {"profileInstanceId": job.profile_instance_id}
        errors = self._errors(job, status)
        if errors:
            answer["errors"] = errors
        answer |= {"jobType": "BATCH", "filter": self._filter(job)}
        if dialect.echoes_request:
            answer |= {name: job.request[name] for name in _ECHOED if name in job.request}
        answer |= {
            "id": self._job_id(job),
            "schema": {"name": (job.request.get("schema") or {}).get("name", "_xdm.context.profile")},
            "mergePolicy": dict(job.merge_policy),
            "status": status,
            "requestId": self._request_id(job, place),
            "computeGatewayJobId": self._compute_ids(job, now),
            "metrics": self._metrics(job, now),
            "destination": self._destination(job, status, place),
            "updateTime": self._time(updated),
            "imsOrgId": self.org_id,
            "creationTime": self._time(job.plan.created_ms),
        }
        if job.properties:
            answer["properties"] = dict(job.properties)
        return answer

    def _job_id(self, job: Job) -> int | float | str:
        if self.dialect.job_id_as == "float":
            return float(job.job_id)
        return str(job.job_id) if self.dialect.job_id_as == "text" else job.job_id

    def _time(self, at_ms: int) -> int:
        return at_ms // 1000 if self.dialect.times_in_seconds else at_ms

    def _errors(self, job: Job, status: str) -> list[Mapping[str, str]]:
        if status == "FAILED":
            return list(job.errors)
        is_noisy = status == "SUCCEEDED" and job.job_id % _NOISY_SHARE == 0
        return [_NOISE] if is_noisy and self.dialect.errors_on_success else []

    def _filter(self, job: Job) -> Mapping[str, Any]:
        if self.dialect.echoes_request:
            sent = job.request.get("filter")
            return sent if isinstance(sent, dict) else {}
        return {"segments": job.segments} if job.segments else {}

    def _request_id(self, job: Job, place: Place) -> str:
        """Return the first id for the creation, and another for all reads where ids change."""
        dialect = self.dialect
        is_later = place != "create" and dialect.request_id_changes
        chance = Chance(self.world.seed, "request-id", job.job_id, is_later)
        as_uuid = dialect.request_id_as == "uuid" or (is_later and job.job_id % 2 == 0)
        return chance.uuid() if as_uuid else chance.token(32)

    def _compute_ids(self, job: Job, now: State) -> dict[str, str]:
        dialect = self.dialect
        if now.export is None:
            return {"exportJob": ""} if dialect.new_compute_ids == "empty" else {}
        chance = Chance(self.world.seed, "compute-ids", job.job_id)
        ids = {"exportJob": chance.uuid()}
        if now.write is not None and dialect.names_push_job:
            ids["pushJob"] = chance.uuid()
        return ids

    def _metrics(self, job: Job, now: State) -> dict[str, Any]:
        metrics: dict[str, Any] = {"totalTime": timer(Span(job.plan.created_ms, now.ended_ms))}
        if now.export is not None:
            metrics["profileExportTime"] = timer(now.export)
        if now.write is not None and self.dialect.has_write_stage:
            metrics["aCPDatasetWriteTime"] = timer(now.write)
        if now.status == "SUCCEEDED" and self.dialect.has_counters:
            metrics["totalExportedProfileCounter"] = job.profiles
            metrics["exportedProfileByNamespaceCounter"] = profiles_by_namespace(job)
        return metrics

    def _destination(self, job: Job, status: str, place: Place) -> dict[str, Any]:
        dialect = self.dialect
        has_capital = {
            "per segment": job.segment_per_batch,
            "outside lists": place != "list",
            "never": False,
        }[dialect.capital_dataset_id]
        found: dict[str, Any] = {"dataSetId" if has_capital else "datasetId": job.dataset_id}
        if job.segment_per_batch or place != "list" or not dialect.lists_old_style:
            found["segmentPerBatch"] = job.segment_per_batch
        if not job.segment_per_batch:
            found |= self._batch_id(job, 0, status)
        # One batch for several segments has no entry of its own: naming one segment would deny the others.
        if job.segment_per_batch or (dialect.batches_beside_id and len(job.segments) == 1):
            found["batches"] = self._batches(job, status)
        return found

    def _batches(self, job: Job, status: str) -> object:
        segments: list[dict[str, Any]] = [self._segment(one) for one in job.segments] or [{}]
        entries = [one | self._batch_id(job, number, status) for number, one in enumerate(segments)]
        # An object cannot hold several batches, and none may be kept from the caller.
        return entries[0] if self.dialect.batches_as_object and len(entries) == 1 else entries

    def _segment(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        namespace = str(sent.get("segmentNs") or "ups")
        statuses = list(sent.get("status") or self.dialect.default_statuses)
        as_text = self.dialect.batch_status_as_text and len(statuses) == 1
        return {
            "segmentId": sent["segmentId"],
            "segmentNs": namespace.upper() if self.dialect.shouts_segment_ns else namespace,
            "status": statuses[0] if as_text else statuses,
        }

    def _batch_id(self, job: Job, number: int, status: str) -> dict[str, str]:
        if status != "FAILED":
            return {"batchId": self.world.batch_ids.of(job.job_id, number)}
        if self.dialect.failed_batch_id == "missing":
            return {}
        if self.dialect.failed_batch_id == "empty":
            return {"batchId": ""}
        return {"batchId": Chance(self.world.seed, "failed-batch", job.job_id, number).token(20)}


def profiles_by_namespace(job: Job) -> dict[str, int]:
    """Return how many of a succeeded job's rows have an identity of each namespace, as its files have them."""
    return {"email": job.profiles * 3 // 5, "crmid": job.profiles}


def timer(span: Span) -> dict[str, int]:
    """Return a stage's timer as jobs of any kind show it: without an end while it runs (API reference 2.3.2)."""
    if span.end_ms is None:
        return {"startTimeInMs": span.start_ms}
    return {
        "startTimeInMs": span.start_ms,
        "endTimeInMs": span.end_ms,
        "totalTimeInMs": span.end_ms - span.start_ms,
    }


def page_answer(
    records: list[dict[str, Any]],
    *,
    last: tuple[int, int] | None,
    limit: int,
    is_last: bool,
    has_children: bool,
    dialect: Dialect,
) -> dict[str, Any]:
    """Return a page of the job list (API reference 2.5).

    `last` is creation time and id of the last job on it, which make its cursor: always milliseconds and a whole
    number, however the records spell theirs. `has_children` puts the jobs under `children` in any dialect.
    """
    offset = f"{last[0]}_{last[1]}" if last else ""
    page: dict[str, Any] = {
        "children" if has_children or dialect.list_key == "children" else "records": records,
        "page": {
            "sortField": "createdTime",
            "sort": "desc",
            "pageOffset": offset,
            "pageSize": limit if dialect.page_size_is_limit else len(records),
        },
    }
    if not is_last:
        page["link"] = {"next": f"/export/jobs/?limit={limit}&offset={offset}"}
    elif dialect.list_end != "no link":
        page["link"] = dict(_LIST_ENDS[dialect.list_end])
    return page


_LIST_ENDS: Mapping[str, Mapping[str, str | None]] = {
    "empty": {"next": ""},
    "null": {"next": None},
    "string": {"next": "string"},
    "missing": {},
}

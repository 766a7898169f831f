"""Owns the export job as the platform reports it, read forgivingly from every documented spelling.

Plain values rather than pydantic models: every field needs a reader of its own, because an odd field must be dropped
and not raise, and pydantic around the same readers holds twice the memory. A page has ten thousand of the small parts;
named tuples are made in half the time of frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from tui_app.models.base import (
    JsonObject,
    MalformedRecord,
    count,
    flag,
    integer,
    items,
    mapping,
    moment_ms,
    text,
    words,
)

NEW: Final = "NEW"
QUEUED: Final = "QUEUED"
PROCESSING: Final = "PROCESSING"
CANCELLING: Final = "CANCELLING"
SUCCEEDED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"
CANCELLED: Final = "CANCELLED"
STATUSES: Final = (NEW, QUEUED, PROCESSING, CANCELLING, SUCCEEDED, FAILED, CANCELLED)
"""The words we know the meaning of; the platform may send others (2.4)."""
UNKNOWN: Final = "UNKNOWN"

_TERMINAL: Final = frozenset({SUCCEEDED, FAILED, CANCELLED})
_SPELLINGS: Final = {"CANCELED": CANCELLED, "CANCELING": CANCELLING}


def normal_status(raw: object) -> str:
    """Return the status in capitals and one spelling; unknown words stay, none is `UNKNOWN` (2.4)."""
    word = text(raw) if isinstance(raw, str) else None
    if word is None:
        return UNKNOWN
    status = word.strip().upper()
    return _SPELLINGS.get(status, status)


def is_terminal(status: str) -> bool:
    """Tell whether a job in this status will never change again; unknown words count as running (2.4)."""
    return status in _TERMINAL


class Segment(NamedTuple):
    """One segment of the filter; `status` holds qualification statuses, empty when none were given."""

    segment_id: str
    segment_ns: str | None = None
    status: tuple[str, ...] = ()


class JobBatch(NamedTuple):
    """One batch a job writes; the segment is known only when each segment has a batch of its own."""

    batch_id: str
    segment_id: str | None = None
    segment_ns: str | None = None
    status: tuple[str, ...] = ()


class MergePolicyRef(NamedTuple):
    """Which merge policy, and which version of it; None means the latest."""

    id: str
    version: int | None = None


class JobError(NamedTuple):
    """One error the platform recorded; `code` is opaque text whose leading zeros matter (2.3)."""

    code: str
    message: str
    call_stack: str


class Timer(NamedTuple):
    """One timed part of a job: epoch milliseconds and a duration, each as far as reported (2.3.2)."""

    started_ms: int | None = None
    ended_ms: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The timers and counters of a job; any subset is reported (13 row 15)."""

    total: Timer | None = None
    export: Timer | None = None
    write: Timer | None = None
    profiles: int | None = None
    profiles_by_namespace: dict[str, int] = field(default_factory=dict)


_NO_METRICS: Final = Metrics()


@dataclass(frozen=True, slots=True)
class ExportJob:
    """An export job as last reported (API reference 2.3); moments are epoch milliseconds.

    `status` is normalised and may be a word we do not know. `merge_policy` is the effective one, which need
    not be the one asked for. `filter`, `fields` and `additional_fields` are only as complete as the platform
    echoed them. `raw` is the very object that was parsed.
    """

    job_id: str
    status: str
    segments: tuple[Segment, ...] = ()
    merge_policy: MergePolicyRef | None = None
    dataset_id: str | None = None
    batches: tuple[JobBatch, ...] = ()
    errors: tuple[JobError, ...] = ()
    metrics: Metrics = field(default_factory=Metrics)
    compute: dict[str, str] = field(default_factory=dict)
    created_ms: int | None = None
    updated_ms: int | None = None
    schedule_id: str | None = None
    raw: JsonObject = field(default_factory=dict, repr=False)

    @property
    def is_terminal(self) -> bool:
        """Whether the job will never change again."""
        return self.status in _TERMINAL

    # What one job at a time is asked for is read when it is asked for: a hundred thousand are parsed for the others.

    @property
    def request_id(self) -> str | None:
        """The request that this answer was given to; a new one for each read (13, row 19)."""
        return text(self.raw.get("requestId"))

    @property
    def job_type(self) -> str | None:
        """What kind of job the platform calls it."""
        return text(self.raw.get("jobType"))

    @property
    def profile_instance_id(self) -> str | None:
        """Which profile store it reads."""
        return text(self.raw.get("profileInstanceId"))

    @property
    def schema_name(self) -> str | None:
        """The union schema that is exported."""
        return _named(self.raw.get("schema"))

    @property
    def fields(self) -> str | None:
        """The field paths that are exported, comma separated; None when the platform named none."""
        return ",".join(words(self.raw.get("fields"))) or None

    @property
    def filter(self) -> JsonObject:
        """The filter as echoed."""
        return mapping(self.raw.get("filter"))

    @property
    def additional_fields(self) -> JsonObject:
        """The events and other parts beside the profile, as echoed."""
        return mapping(self.raw.get("additionalFields"))

    @property
    def evaluate(self) -> bool | None:
        """Whether segments are evaluated first; None when the platform did not say."""
        return flag(mapping(self.raw.get("evaluationInfo")).get("segmentation"))

    @property
    def segment_per_batch(self) -> bool:
        """Whether each segment has a batch of its own."""
        return flag(mapping(self.raw.get("destination")).get("segmentPerBatch")) or False

    @property
    def ims_org_id(self) -> str | None:
        """The organization it belongs to."""
        return text(self.raw.get("imsOrgId"))

    @property
    def run_id(self) -> str | None:
        """The run of its schedule."""
        return text(mapping(self.raw.get("properties")).get("runId"))

    @staticmethod
    def parse(raw: object) -> ExportJob:
        """Return the job that a decoded JSON value describes; only the id is required.

        Raises:
            MalformedRecord: The value is not an object, or has no usable id.
        """
        if not isinstance(raw, dict):
            raise MalformedRecord(f"An export job must be an object, not {type(raw).__name__}.")
        job_id = _job_id(raw.get("id"))
        if job_id is None:
            raise MalformedRecord("The export job has no usable id: expected a whole number or a text.")
        metrics = raw.get("metrics")
        properties = raw.get("properties")
        destination = mapping(raw.get("destination"))
        return ExportJob(
            job_id=job_id,
            status=normal_status(raw.get("status")),
            segments=parse_segments(mapping(raw.get("filter")).get("segments")),
            merge_policy=_merge_policy(raw.get("mergePolicy")),
            dataset_id=text(destination.get("datasetId")) or text(destination.get("dataSetId")),
            batches=_batches(destination),
            errors=_errors(raw["errors"]) if "errors" in raw else (),
            metrics=_metrics(metrics) if metrics else _NO_METRICS,
            compute=_compute(raw.get("computeGatewayJobId")),
            created_ms=moment_ms(raw.get("creationTime")),
            updated_ms=moment_ms(raw.get("updateTime")),
            schedule_id=text(mapping(properties).get("scheduleId")) if properties else None,
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of the list, newest first (2.5).

    `next_offset` is the cursor of the next page, None at the end; `rejected` counts unusable records.
    """

    jobs: tuple[ExportJob, ...]
    next_offset: str | None = None
    rejected: int = 0

    @staticmethod
    def parse(raw: object) -> JobPage:
        """Return the page that a decoded JSON value describes.

        Raises:
            MalformedRecord: The value is not an object, or holds no list of records.
        """
        if not isinstance(raw, dict):
            raise MalformedRecord(f"A page of export jobs must be an object, not {type(raw).__name__}.")
        jobs: list[ExportJob] = []
        rejected = 0
        for record in _records(raw):
            try:
                jobs.append(ExportJob.parse(record))
            except MalformedRecord:
                rejected += 1
        return JobPage(jobs=tuple(jobs), next_offset=_next_offset(raw), rejected=rejected)


def parse_segments(raw: object) -> tuple[Segment, ...]:
    """Return the segments of a filter, a list or a lone object; entries without a usable id are left out."""
    found = []
    for item in items(raw):
        entry = item if isinstance(item, dict) else {"segmentId": item}
        segment_id = text(entry.get("segmentId"))
        if segment_id is not None:
            found.append(Segment(segment_id, text(entry.get("segmentNs")), words(entry.get("status"))))
    return tuple(found)


def _job_id(value: object) -> str | None:
    number = integer(value)
    if number is not None and not isinstance(value, str):
        return str(number) if number >= 0 else None
    if not isinstance(value, str):
        return None
    trimmed = (text(value) or "").strip()
    # "100.0" is how a service that types ids as numbers may print 100.
    whole = trimmed.removesuffix(".0")
    return (whole if whole.isdecimal() else trimmed) or None


def _named(value: object) -> str | None:
    return text(value.get("name")) if isinstance(value, dict) else text(value)


def _merge_policy(value: object) -> MergePolicyRef | None:
    if not isinstance(value, dict):
        policy_id = text(value)
        return MergePolicyRef(policy_id) if policy_id is not None else None
    policy_id = text(value.get("id"))
    return MergePolicyRef(policy_id, integer(value.get("version"))) if policy_id is not None else None


def _batches(destination: JsonObject) -> tuple[JobBatch, ...]:
    found: dict[str, JobBatch] = {}
    for item in items(destination.get("batches")):
        entry = item if isinstance(item, dict) else {"batchId": item}
        batch_id = text(entry.get("batchId"))
        if batch_id is not None:
            found[batch_id] = JobBatch(
                batch_id,
                text(entry.get("segmentId")),
                text(entry.get("segmentNs")),
                words(entry.get("status")),
            )
    lone = text(destination.get("batchId"))
    if lone is not None and not flag(destination.get("segmentPerBatch")):
        # One batch for all segments, even where an entry beside it names one of them (13 row 2).
        found[lone] = JobBatch(lone)
    elif lone is not None:
        found.setdefault(lone, JobBatch(lone))
    return tuple(found.values())


def _errors(value: object) -> tuple[JobError, ...]:
    found = []
    for item in items(value):
        entry = item if isinstance(item, dict) else {"msg": item}
        error = JobError(
            code=text(entry.get("code")) or "",
            message=text(entry.get("msg")) or text(entry.get("message")) or "",
            call_stack=text(entry.get("callStack")) or "",
        )
        if error.code or error.message or error.call_stack:
            found.append(error)
    return tuple(found)


def _metrics(value: object) -> Metrics:
    metrics = mapping(value)
    counters = mapping(metrics.get("exportedProfileByNamespaceCounter"))
    return Metrics(
        total=_timer(metrics.get("totalTime")),
        export=_timer(metrics.get("profileExportTime")),
        write=_timer(metrics.get("aCPDatasetWriteTime")),
        profiles=count(metrics.get("totalExportedProfileCounter")),
        profiles_by_namespace={
            text(name) or "": number for name, raw in counters.items() if (number := count(raw)) is not None
        },
    )


def _timer(value: object) -> Timer | None:
    if not isinstance(value, dict):
        return None
    started = moment_ms(value.get("startTimeInMs"))
    ended = moment_ms(value.get("endTimeInMs"))
    lasted = count(value.get("totalTimeInMs"))
    if started is None and ended is None and lasted is None:
        return None
    return Timer(started, ended, lasted)


def _compute(value: object) -> dict[str, str]:
    found = value if isinstance(value, dict) else {"exportJob": value}
    return {text(name) or "": job for name, raw in found.items() if (job := text(raw)) is not None}


def _records(page: JsonObject) -> list[object]:
    for key in ("records", "children"):
        if isinstance(page.get(key), list):
            found: list[object] = page[key]
            return found
    if any(key in page and page[key] is None for key in ("records", "children")):
        return []
    raise MalformedRecord("The page of export jobs has no list under `records` or `children`.")


def _next_offset(page: JsonObject) -> str | None:
    # Only the query string is trusted: the path is relative to the service, not to the host (2.5).
    for holder in ("link", "_links"):
        following = mapping(page.get(holder)).get("next")
        link = text(following.get("href") if isinstance(following, dict) else following)
        if link is not None:
            query = link.partition("?")[2].partition("#")[0]
            return next(iter(parse_qs(query).get("offset", [])), None)
    return None

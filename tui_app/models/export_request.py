"""Owns the request for an export job: every field of the create call, and how its job is recognised."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tui_app.models.base import JsonObject, mapping
from tui_app.models.body import BodyReader, merged, present
from tui_app.models.export_job import ExportJob, MergePolicyRef, Segment
from tui_app.models.request_check import check_request
from tui_app.models.times import parse_rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from tui_app.models.failure import Finding

PROFILE_SCHEMA: Final = "_xdm.context.profile"
DEFAULT_STATUSES: Final = ("realized", "existing")

_ECHOES: Final = (
    ("fields", "fields"),
    ("filter.fromIngestTimestamp", "from_ingest"),
    ("filter.emptyProfiles", "empty_profiles"),
    ("additionalFields", "events"),
    ("evaluationInfo.segmentation", "evaluate"),
    ("mergePolicy", "merge_policy"),
)


@dataclass(frozen=True, slots=True)
class EventList:
    """Which time-series events come along; the bounds are ingestion times in RFC 3339."""

    fields: str | None = None
    from_ingest: str | None = None
    to_ingest: str | None = None


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to ask of `POST /export/jobs` (API reference 2.2); times are RFC 3339 texts as typed.

    No segments means all profiles. `events` present, even empty, asks for events. `extra` holds keys of a
    body that we do not know, in their places; those of a segment stand beside its `segmentId`.
    """

    dataset_id: str
    schema_name: str = PROFILE_SCHEMA
    segments: tuple[Segment, ...] = ()
    fields: str | None = None
    merge_policy: MergePolicyRef | None = None
    qualified_from: str | None = None
    qualified_to: str | None = None
    from_ingest: str | None = None
    empty_profiles: bool | None = None
    events: EventList | None = None
    segment_per_batch: bool = False
    evaluate: bool | None = None
    extra: JsonObject = field(default_factory=dict)

    def to_body(self) -> JsonObject:
        """Return the JSON body; what is absent is left out.

        Qualification statuses and `segmentPerBatch` are always sent, because documents disagree on their
        defaults (13 row 20).
        """
        body = present(
            {
                "fields": self.fields,
                "mergePolicy": _policy_body(self.merge_policy),
                "filter": self._filter_body(),
                "additionalFields": _events_body(self.events),
                "destination": {"datasetId": self.dataset_id, "segmentPerBatch": self.segment_per_batch},
                "schema": {"name": self.schema_name},
                "evaluationInfo": present({"segmentation": self.evaluate}),
            }
        )
        whole = merged(body, self._extra_in_place())
        if self.segments:
            listed = _with_strange(body["filter"]["segments"], self.extra)
            whole["filter"] = {**whole["filter"], "segments": listed}
        return whole

    @staticmethod
    def from_body(body: JsonObject) -> ExportRequest:
        """Return the request a body describes; a missing id reads as blank, for `check` to name.

        Raises:
            MalformedRecord: A known field has a value that cannot be read; the message names its path.
        """
        return _read(BodyReader(body))

    @staticmethod
    def from_job(job: ExportJob) -> tuple[ExportRequest, tuple[str, ...]]:
        """Return the request to clone a job with, and the paths its answer did not say or said unreadably.

        Answers echo the request only in part (13 row 17), so what is missing may have been asked for. The
        merge policy is the effective one (13 row 18).
        """
        echoed = {key: job.raw.get(key) for key in ("fields", "filter", "additionalFields", "evaluationInfo")}
        reader = BodyReader(echoed, strict=False)
        request = replace(
            _read(reader),
            dataset_id=job.dataset_id or "",
            schema_name=job.schema_name or PROFILE_SCHEMA,
            segments=job.segments,
            fields=job.fields,
            merge_policy=job.merge_policy,
            segment_per_batch=job.segment_per_batch,
        )
        return request, tuple(dict.fromkeys([*_unsaid(job, request), *reader.unreadable]))

    def check(self) -> tuple[Finding, ...]:
        """Return what is wrong (`error`) or doubtful (`warning`) before anything is sent; pure and quick."""
        return check_request(self)

    def _extra_in_place(self) -> JsonObject:
        """Return `extra` without what belonged to a part that was taken out of the request since."""
        extra = dict(self.extra)
        if self.merge_policy is None:
            extra.pop("mergePolicy", None)
        if self.events is None:
            extra = _without(extra, "additionalFields", "eventList")
        return extra if self.segments else _without(extra, "filter", "segments")

    def _filter_body(self) -> JsonObject:
        segments = [
            present(
                {
                    "segmentId": segment.segment_id,
                    "segmentNs": segment.segment_ns or None,
                    "status": list(segment.status or DEFAULT_STATUSES),
                }
            )
            for segment in self.segments
        ]
        return present(
            {
                "segments": segments or None,
                "segmentQualificationTime": present({"startTime": self.qualified_from, "endTime": self.qualified_to}),
                "fromIngestTimestamp": self.from_ingest,
                "emptyProfiles": self.empty_profiles,
            }
        )


def fingerprint(body: JsonObject) -> str:
    """Return the SHA-256, in hexadecimal, of what every answer echoes: the dataset id and the segment ids."""
    request = _read(BodyReader(body, strict=False))
    canonical = json.dumps([request.dataset_id, sorted(_segment_ids(request.segments))])
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def matches(job: ExportJob, request_body: JsonObject) -> bool:
    """Tell whether a job may be the outcome of a request: same dataset and segments, and no contradiction.

    Optional parts count only where both sides say them, because answers echo the request in part (13 row 17).
    The merge policy is not compared: the platform may put its own (13 row 18).
    """
    asked = _read(BodyReader(request_body, strict=False))
    if job.dataset_id != asked.dataset_id or _segment_ids(job.segments) != _segment_ids(asked.segments):
        return False
    said = mapping(job.raw.get("destination")).get("segmentPerBatch") is not None
    if said and job.segment_per_batch != asked.segment_per_batch:
        return False
    if job.schema_name not in (None, asked.schema_name):
        return False
    echoed, _ = ExportRequest.from_job(job)
    return not any(
        ours is not None and theirs is not None and ours != theirs
        for ours, theirs in zip(_optional(asked), _optional(echoed), strict=True)
    ) and not _statuses_differ(asked.segments, job.segments)


def _read(body: BodyReader) -> ExportRequest:
    policy, filters, schema = body.child("mergePolicy"), body.child("filter"), body.child("schema")
    qualified = filters.child("segmentQualificationTime")
    destination, evaluation = body.child("destination"), body.child("evaluationInfo")
    asks_events = isinstance(body.rest.get("additionalFields"), dict) and (
        body.rest["additionalFields"].get("eventList") is not None
    )
    additional = body.child("additionalFields")
    events = additional.child("eventList")
    bounds = events.child("filter")
    segments = filters.children("segments")
    has_policy = bool(policy.rest)
    # Answers also spell it dataSetId (13 row 1); a body pasted from one must not lose its dataset.
    spellings = destination.text("datasetId"), destination.text("dataSetId")
    request = ExportRequest(
        dataset_id=spellings[0] or spellings[1] or "",
        schema_name=schema.text("name") or PROFILE_SCHEMA,
        segments=tuple(_segment(segment) for segment in segments),
        fields=body.text("fields"),
        merge_policy=MergePolicyRef(policy.text("id") or "", policy.integer("version")) if has_policy else None,
        qualified_from=qualified.text("startTime"),
        qualified_to=qualified.text("endTime"),
        from_ingest=filters.text("fromIngestTimestamp"),
        empty_profiles=filters.flag("emptyProfiles"),
        events=_events(events, bounds) if asks_events else None,
        segment_per_batch=destination.flag("segmentPerBatch") or False,
        evaluate=evaluation.flag("segmentation"),
    )
    strange = [segment.rest for segment in segments if len(segment.rest) > 1]
    if strange:
        filters.rest["segments"] = strange
    for parent, key, child in (
        (events, "filter", bounds),
        (additional, "eventList", events),
        (filters, "segmentQualificationTime", qualified),
        (body, "additionalFields", additional),
        (body, "mergePolicy", policy),
        (body, "filter", filters),
        (body, "destination", destination),
        (body, "schema", schema),
        (body, "evaluationInfo", evaluation),
    ):
        parent.keep(key, child)
    return replace(request, extra=body.rest)


def _unsaid(job: ExportJob, request: ExportRequest) -> list[str]:
    """Return the paths of a request that a job's record does not say."""
    found = [] if request.dataset_id else ["destination.datasetId"]
    if mapping(job.raw.get("destination")).get("segmentPerBatch") is None:
        found.append("destination.segmentPerBatch")
    found += [
        f"filter.segments[{place}].status" for place, segment in enumerate(request.segments) if not segment.status
    ]
    if request.qualified_from is None and request.qualified_to is None:
        found.append("filter.segmentQualificationTime")
    return found + [path for path, name in _ECHOES if getattr(request, name) is None]


def _segment(entry: BodyReader) -> Segment:
    segment = Segment(entry.text("segmentId") or "", entry.text("segmentNs"), entry.texts("status"))
    # The id stays beside what nobody knows, so that it finds its segment again however the list is edited.
    entry.rest["segmentId"] = segment.segment_id
    return segment


def _events(events: BodyReader, bounds: BodyReader) -> EventList:
    return EventList(
        fields=events.text("fields"),
        from_ingest=bounds.text("fromIngestTimestamp"),
        to_ingest=bounds.text("toIngestTimestamp"),
    )


def _policy_body(policy: MergePolicyRef | None) -> JsonObject | None:
    return present({"id": policy.id, "version": policy.version}) if policy is not None else None


def _events_body(events: EventList | None) -> JsonObject | None:
    if events is None:
        return None
    bounds = present({"fromIngestTimestamp": events.from_ingest, "toIngestTimestamp": events.to_ingest})
    return {"eventList": present({"fields": events.fields, "filter": bounds})}


def _without(extra: JsonObject, parent: str, key: str) -> JsonObject:
    """Return `extra` without a key of one of its objects, and without that object if nothing else is in it."""
    holder = mapping(extra.get(parent))
    if key not in holder:
        return extra
    kept = {name: value for name, value in holder.items() if name != key}
    rest = {name: value for name, value in extra.items() if name != parent}
    return {**rest, parent: kept} if kept else rest


def _with_strange(listed: list[JsonObject], extra: JsonObject) -> list[JsonObject]:
    """Return segments of a body with the unknown keys that `extra` keeps beside their ids."""
    kept = mapping(extra.get("filter")).get("segments")
    strange = {item.get("segmentId"): item for item in kept or [] if isinstance(item, dict)}
    return [merged(item, strange.get(item["segmentId"], {})) for item in listed]


def _segment_ids(segments: tuple[Segment, ...]) -> set[str]:
    return {segment.segment_id for segment in segments}


def _optional(request: ExportRequest) -> tuple[object, ...]:
    """Return the parts of a request that an answer may echo, in a form in which equal means the same."""
    events = request.events or EventList()
    return (
        _paths(request.fields),
        _moment(request.qualified_from),
        _moment(request.qualified_to),
        _moment(request.from_ingest),
        request.empty_profiles,
        request.evaluate,
        _paths(events.fields),
        _moment(events.from_ingest),
        _moment(events.to_ingest),
    )


def _paths(fields: str | None) -> frozenset[str] | None:
    return frozenset(path.strip() for path in fields.split(",")) if fields is not None else None


def _moment(text: str | None) -> datetime | None:
    try:
        return parse_rfc3339(text) if text is not None else None
    except ValueError:
        return None


def _statuses_differ(asked: tuple[Segment, ...], echoed: tuple[Segment, ...]) -> bool:
    """Tell whether a segment has other qualification statuses than asked for, where both sides name some."""
    return any(
        segment.status
        and wanted.status
        and segment.segment_id == wanted.segment_id
        and {each.lower() for each in segment.status} != {each.lower() for each in wanted.status}
        for segment in echoed
        for wanted in asked
    )

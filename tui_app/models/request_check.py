"""Owns the checks of an export request before it is sent; pure rules, in the order of the form."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from tui_app.models.failure import Finding
from tui_app.models.times import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_app.models.export_request import ExportRequest

STATUSES: Final = ("realized", "existing", "exited")
_MANY_SEGMENTS: Final = 10
_EVENTS: Final = "additionalFields.eventList"


def check_request(request: ExportRequest) -> tuple[Finding, ...]:
    """Return the findings of every rule (API reference 2.2, 11 and 13), errors and warnings as they come."""
    return (
        *_destination(request),
        *_merge_policy(request),
        *_segments(request),
        *_statuses(request),
        *_qualification(request),
        *_moments({"filter.fromIngestTimestamp": request.from_ingest}),
        *_events(request),
    )


def _destination(request: ExportRequest) -> Iterator[Finding]:
    if not request.dataset_id.strip():
        yield Finding(
            "destination.datasetId",
            "The export has no dataset to write to.",
            "Give the id of a dataset on the profile union schema, or create one first.",
        )
    if not request.schema_name.strip():
        yield Finding(
            "schema.name",
            "The export names no schema.",
            "Give the class of the dataset's schema, normally _xdm.context.profile.",
        )
    if request.segment_per_batch and len(request.segments) > _MANY_SEGMENTS:
        yield Finding(
            "destination.segmentPerBatch",
            f"{len(request.segments)} segments would be written as as many batches, which slows the export.",
            "Leave one batch per segment off unless each segment is read on its own.",
            "warning",
        )


def _merge_policy(request: ExportRequest) -> Iterator[Finding]:
    if request.merge_policy is None:
        if len(request.segments) > 1:
            yield Finding(
                "mergePolicy",
                f"{len(request.segments)} segments are exported together without a merge policy.",
                "Give a merge policy id; without one the platform uses that of a segment.",
                "warning",
            )
    elif not request.merge_policy.id.strip():
        yield Finding(
            "mergePolicy.id",
            "The merge policy has no id.",
            "Give the id of a merge policy, or leave the merge policy out.",
        )


def _segments(request: ExportRequest) -> Iterator[Finding]:
    if not request.segments:
        yield Finding(
            "filter.segments",
            "No segment is given, so all profiles are exported.",
            "Add a segment, or go on if all profiles are meant.",
            "warning",
        )
    seen: dict[tuple[str, str], int] = {}
    for place, segment in enumerate(request.segments):
        path = f"filter.segments[{place}].segmentId"
        if not segment.segment_id.strip():
            yield Finding(path, f"Segment {place + 1} has no id.", "Give its id, or remove the segment.")
            continue
        # Namespaces differ in case between documents (13 row 22), and none means ups.
        key = (segment.segment_id, (segment.segment_ns or "ups").casefold())
        first = seen.setdefault(key, place)
        if first != place:
            yield Finding(
                path,
                f"Segment {place + 1} ({segment.segment_id}) repeats segment {first + 1}.",
                "Remove one of the two; name all qualification statuses in the other.",
                "warning",
            )


def _statuses(request: ExportRequest) -> Iterator[Finding]:
    retired = False
    for place, segment in enumerate(request.segments):
        path = f"filter.segments[{place}].status"
        for status in dict.fromkeys(segment.status):
            if status not in STATUSES:
                # The documents' prose says exiting once, the wire says exited (13 row 21).
                slip = f"Write exited instead of {status}." if status.strip().lower() == "exiting" else None
                yield Finding(
                    path,
                    f"{status!r} is not a qualification status.",
                    slip or f"Use one or more of {', '.join(STATUSES)}, in lower case.",
                )
            elif status == "existing" and not retired:
                retired = True
                yield Finding(
                    path,
                    "Newer organizations no longer know the qualification status existing.",
                    "Use realized alone if the export is refused or comes out empty.",
                    "warning",
                )


def _qualification(request: ExportRequest) -> Iterator[Finding]:
    path = "filter.segmentQualificationTime"
    yield from _window(
        (f"{path}.startTime", request.qualified_from),
        (f"{path}.endTime", request.qualified_to),
    )


def _events(request: ExportRequest) -> Iterator[Finding]:
    if request.events is None:
        return
    start = f"{_EVENTS}.filter.fromIngestTimestamp"
    if request.events.from_ingest is None:
        yield Finding(
            start,
            "Events are asked for without a lower bound.",
            "Give the ingestion time from which events are wanted; all events can be very many.",
            "warning",
        )
    yield from _window(
        (start, request.events.from_ingest),
        (f"{_EVENTS}.filter.toIngestTimestamp", request.events.to_ingest),
    )


def _window(start: tuple[str, str | None], end: tuple[str, str | None]) -> Iterator[Finding]:
    yield from _moments(dict((start, end)))
    began, ended = _read(start[1]), _read(end[1])
    if isinstance(began, datetime) and isinstance(ended, datetime) and ended < began:
        yield Finding(end[0], "The window ends before it starts.", f"Give an end at or after {start[1]}.")


def _moments(given: dict[str, str | None]) -> Iterator[Finding]:
    for path, text in given.items():
        moment = _read(text)
        if isinstance(moment, ValueError):
            cause, _, remedy = str(moment).partition(": ")
            yield Finding(
                path,
                f"{cause}." if remedy else cause,
                f"{remedy[:1].upper()}{remedy[1:]}" if remedy else "Write a moment like 2024-03-01T00:00:00Z.",
            )


def _read(text: str | None) -> datetime | ValueError | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        return error

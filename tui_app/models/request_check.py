"""Owns the checks of an export request before it is sent; pure rules, in the order of the form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui_app.models.failure import Finding
from tui_app.models.times import NotAMomentError, parse_rfc3339
from tui_app.models.when import EVENTS_FROM, EVENTS_TO, QUALIFIED_FROM, QUALIFIED_TO, UPDATED_FROM, distance
from tui_app.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_app.models.export_request import ExportRequest

STATUSES: Final = ("realized", "existing", "exited")
_MANY_SEGMENTS: Final = 10
_CLOCK_SLACK: Final = timedelta(minutes=5)
"""How far this machine's clock may be behind before a time of the platform's counts as one to come."""
_NONE_SINCE: Final = {
    QUALIFIED_FROM: "qualified after it",
    EVENTS_FROM: "ingested after it",
    UPDATED_FROM: "updated after it",
}


def check_request(request: ExportRequest, *, now: datetime | None = None) -> tuple[Finding, ...]:
    """Return the findings of every rule (API reference 2.2, 11 and 13), errors and warnings as they come.

    Args:
        request: times in RFC 3339, as they will be sent.
        now: aware, for the rules on times that lie ahead; None leaves these out.
    """
    return (
        *_destination(request),
        *_merge_policy(request),
        *_segments(request),
        *_statuses(request),
        *_window((QUALIFIED_FROM, request.qualified_from), (QUALIFIED_TO, request.qualified_to)),
        *_moments({UPDATED_FROM: request.from_ingest}),
        *_events(request),
        *(_ahead(request, now) if now is not None else ()),
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
                f"Segment {place + 1} ({shortened(segment.segment_id)}) repeats segment {first + 1}.",
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
                slip = f"Write exited instead of {status.strip()}." if status.strip().lower() == "exiting" else None
                yield Finding(
                    path,
                    f"{shortened(status)!r} is not a qualification status.",
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


def _events(request: ExportRequest) -> Iterator[Finding]:
    if request.events is None:
        return
    if request.events.from_ingest is None:
        yield Finding(
            EVENTS_FROM,
            "Events are asked for without a lower bound.",
            "Give the ingestion time from which events are wanted; all events can be very many.",
            "warning",
        )
    yield from _window((EVENTS_FROM, request.events.from_ingest), (EVENTS_TO, request.events.to_ingest))


def _window(start: tuple[str, str | None], end: tuple[str, str | None]) -> Iterator[Finding]:
    yield from _moments(dict((start, end)))
    began, ended = _read(start[1]), _read(end[1])
    if not isinstance(began, datetime) or not isinstance(ended, datetime):
        return
    if ended < began:
        yield Finding(end[0], "The window ends before it starts.", f"Give an end after {start[1]}.")
    elif ended == began:
        yield Finding(end[0], "The window ends when it starts, so nothing is in it.", f"Give an end after {start[1]}.")


def _moments(given: dict[str, str | None]) -> Iterator[Finding]:
    for path, text in given.items():
        moment = _read(text)
        if isinstance(moment, NotAMomentError):
            yield Finding(path, f"{moment.cause}.", f"{moment.remedy[0].upper()}{moment.remedy[1:]}.")


def _ahead(request: ExportRequest, now: datetime) -> Iterator[Finding]:
    """Return the times that lie ahead: from such a lower bound on nothing is there, up to an upper one not all."""
    events = request.events
    for path, text in (
        (QUALIFIED_FROM, request.qualified_from),
        (QUALIFIED_TO, request.qualified_to),
        (UPDATED_FROM, request.from_ingest),
        (EVENTS_FROM, events.from_ingest if events is not None else None),
        (EVENTS_TO, events.to_ingest if events is not None else None),
    ):
        moment = _read(text)
        if not isinstance(moment, datetime) or moment - now <= _CLOCK_SLACK:
            continue
        lies = f"{shortened(text or '')} lies ahead ({distance(moment, now)})"
        if path in _NONE_SINCE:
            yield Finding(
                path, f"{lies}: nothing can have been {_NONE_SINCE[path]}.", "Give a time that is past.", "warning"
            )
        else:
            yield Finding(
                path,
                f"{lies}: the export holds only what is there when it runs.",
                "Leave the end out, or go on if that is meant.",
                "warning",
            )


def _read(text: str | None) -> datetime | NotAMomentError | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except NotAMomentError as error:
        return error

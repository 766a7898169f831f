"""Owns what the detail of a job says of its request: what was asked for, and what is in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui_app.present.cells import Cell
from tui_app.present.job_detail import segment_rows
from tui_app.present.text_lines import TextLine, heading, line, paragraphs, rows, wrapped
from tui_app.present.times import UNKNOWN
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.models.export_job import MergePolicyRef
    from tui_app.models.export_request import ExportRequest
    from tui_app.present.job_detail import Record

_EXTRA_MOST: Final = 20_000


def request_lines(record: Record, width: int) -> tuple[TextLine, ...]:
    """Return what was asked for, field by field, beside what is in force.

    A job made from here shows what was sent. Of any other only the echo is known, and what the platform left out of
    it is marked "not echoed": it may have been asked for (API reference 13 row 17).
    """
    request = record.asked or record.echoed
    if request is None:
        return paragraphs(
            ("What was asked for cannot be read from this job.", "5 shows what the platform sent."), width
        )
    sent = record.asked is not None
    unsaid = () if sent else record.unsaid
    origin = (
        "Sent from this aepx: this is exactly what was asked for."
        if sent
        else "Made elsewhere: this is what the platform echoes. It leaves parts out, and those may have been asked for."
    )
    found: list[TextLine] = [*wrapped(line(origin, "muted"), width), ()]
    found += [heading("Target"), *rows(_target_rows(record, request, unsaid), width), ()]
    found += [heading("Filter"), *rows(_filter_rows(request, unsaid), width), ()]
    found += [heading("Events"), *rows(_event_rows(request, unsaid), width), ()]
    if request.extra:
        shown = safe_text(json.dumps(request.extra, indent=2, ensure_ascii=False)[:_EXTRA_MOST], lines=True)
        found += [heading("Fields unknown to aepx"), *wrapped(line(shown), width), ()]
    return tuple(found)


def _target_rows(record: Record, request: ExportRequest, unsaid: Sequence[str]) -> list[tuple[str, TextLine]]:
    asked, job = request.merge_policy if record.asked is not None else None, record.job
    effective = _policy(job.merge_policy)
    differs = asked is not None and job.merge_policy is not None and asked.id != job.merge_policy.id
    name = f"  {safe_text(record.summary.dataset_name)}" if record.summary.dataset_name else ""
    found: list[tuple[str, TextLine]] = [
        ("dataset", (Cell(safe_text(request.dataset_id) or UNKNOWN), Cell(name, "muted")))
    ]
    if record.asked is not None and job.dataset_id not in (None, request.dataset_id):
        found.append(("written to", line(safe_text(job.dataset_id or ""), "overdue")))
    wanted = "not echoed" if record.asked is None else "none: the platform chooses"
    found += [
        ("schema", line(safe_text(request.schema_name))),
        ("merge policy", (Cell("asked for  ", "muted"), *(_policy(asked) or line(wanted, "muted")))),
        ("", (Cell("in effect  ", "muted"), *(effective or line("not echoed", "muted")))),
    ]
    if differs:
        found.append(("", line("The platform put its own in place of the one asked for.", "overdue")))
    per_batch = "one for each segment" if request.segment_per_batch else "one for all segments"
    found += [
        ("batches", _said(per_batch, "destination.segmentPerBatch", unsaid)),
        ("fields", _said(_listed(request.fields), "fields", unsaid, none="all fields")),
        ("evaluate", _said(_flag(request.evaluate), "evaluationInfo.segmentation", unsaid)),
    ]
    return found


def _filter_rows(request: ExportRequest, unsaid: Sequence[str]) -> list[tuple[str, TextLine]]:
    window = "filter.segmentQualificationTime"
    empty = request.empty_profiles
    return [
        *segment_rows(request.segments),
        ("qualified from", _said(request.qualified_from, window, unsaid)),
        ("qualified to", _said(request.qualified_to, window, unsaid)),
        ("ingested from", _said(request.from_ingest, "filter.fromIngestTimestamp", unsaid)),
        ("empty profiles", _said(_flag(empty), "filter.emptyProfiles", unsaid)),
    ]


def _event_rows(request: ExportRequest, unsaid: Sequence[str]) -> list[tuple[str, TextLine]]:
    events = request.events
    if events is None:
        return [("event list", _said(None, "additionalFields", unsaid))]
    return [
        ("event list", line("asked for")),
        ("fields", line(safe_text(_listed(events.fields) or "all fields of the events", lines=True))),
        (
            "ingested from",
            line(safe_text(events.from_ingest or "not asked for"), "" if events.from_ingest else "muted"),
        ),
        ("ingested to", line(safe_text(events.to_ingest or "not asked for"), "" if events.to_ingest else "muted")),
    ]


def _said(value: str | None, path: str, unsaid: Sequence[str], *, none: str = "not asked for") -> TextLine:
    if path in unsaid:
        return line("not echoed", "muted")
    return line(safe_text(value, lines=True)) if value else line(none, "muted")


def _policy(policy: MergePolicyRef | None) -> TextLine:
    if policy is None:
        return ()
    version = "latest version" if policy.version is None else f"version {policy.version}"
    return Cell(safe_text(policy.id)), Cell(f"  {version}", "muted")


def _listed(paths: str | None) -> str | None:
    return "\n".join(path.strip() for path in paths.split(",")) if paths else None


def _flag(value: bool | None) -> str | None:  # noqa: FBT001 - a value to be written, not an option
    return None if value is None else ("yes" if value else "no")

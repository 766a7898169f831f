"""Owns what the detail of a job says in its panes, as lines of text; `job_request` and `raw_json` own two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from tui_app.models.export_job import FAILED, SUCCEEDED, is_terminal
from tui_app.models.stage import duration_ms
from tui_app.present.cells import Cell
from tui_app.present.status import badge, badge_of, is_overdue
from tui_app.present.text_lines import TextLine, clipped, heading, line, paragraphs, rows, wrapped
from tui_app.present.times import UNKNOWN, absolute, age, ago, duration, everything
from tui_app.text import cell_width, fit_id, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tui_app.models.export_job import ExportJob, JobBatch, JobError, Segment
    from tui_app.models.export_request import ExportRequest
    from tui_app.models.job_query import JobSummary

PANES: Final = ("overview", "errors", "request", "batches", "raw")
_ID_WIDTH: Final = 32
_SEGMENTS_MOST: Final = 200
_ERROR_MOST: Final = 300
_BATCHES_MOST: Final = 500
_STACK_MOST: Final = 20_000


class Observed(Protocol):
    """A status or stage as it was first seen."""

    @property
    def seen_ms(self) -> int:
        """When, epoch ms of our clock."""
        ...

    @property
    def status(self) -> str:
        """The status, normalised."""
        ...

    @property
    def stage(self) -> str | None:
        """The stage, None when none ran."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of one job; `asked` is what we sent ourselves, None for a job made elsewhere."""

    job: ExportJob
    summary: JobSummary
    observed: tuple[Observed, ...] = ()
    asked: ExportRequest | None = None
    echoed: ExportRequest | None = None
    unsaid: tuple[str, ...] = ()
    """Paths of the request that the platform did not echo."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will be heard: the job has ended, or the platform knows it no longer."""
        return is_terminal(self.summary.status) or self.summary.gone

    @property
    def as_shown(self) -> ExportJob:
        """The job in the status history gives it: one cancelled by us that vanished counts as CANCELLED."""
        return replace(self.job, status=self.summary.status)

    def overdue(self, now_ms: int) -> bool:
        """Tell whether it may be stuck."""
        return not self.summary.gone and is_overdue(self.summary.status, self.summary.updated_ms, now_ms)

    def moment(self, now_ms: int) -> int:
        """Return until when a running stage is drawn: a job that is gone stands still where it was last seen."""
        last = self.summary.updated_ms or self.summary.created_ms
        return last if self.summary.gone and last is not None else now_ms


def pane_titles(record: Record | None) -> tuple[tuple[str, str], ...]:
    """Return name and title of every pane, with how much is in it."""
    counts = {"errors": len(record.job.errors), "batches": len(record.job.batches)} if record is not None else {}
    return tuple(
        (name, f"{place} {name.capitalize()}" + (f" ({counts[name]:,})" if counts.get(name) else ""))
        for place, name in enumerate(PANES, 1)
    )


def title(
    record: Record,
    now_ms: int,
    width: int,
    *,
    absolute_times: bool = False,
    watched: bool = False,
    zone: tzinfo | None = None,
) -> TextLine:
    """Return the line over the panes: status, id, how long, and when the platform last touched the job."""
    summary = record.summary
    shown = badge_of(summary, now_ms)
    took = duration(duration_ms(record.as_shown, record.moment(now_ms)))
    said = f"took {took}" if is_terminal(summary.status) else f"running for {took}"
    updated = summary.updated_ms
    heard = absolute(updated, zone) if absolute_times else ago(updated, now_ms)
    job_id = safe_text(record.job.job_id)
    # Pieces of their own, so that a second later only what tells the time is painted.
    return clipped(
        (
            Cell(" "),
            Cell(str(shown), shown.role),
            Cell(f"  job {fit_id(job_id, min(_ID_WIDTH, cell_width(job_id)))}  "),
            Cell(said),
            Cell(f", changed {heard}" if updated is not None else ""),
            Cell(", watched" if watched else ""),
        ),
        width,
    )


def banner(record: Record, now_ms: int) -> str:
    """Return what must be known before anything else is read, or nothing."""
    if record.summary.gone:
        return "The platform no longer knows this job; this is what history holds."
    if record.overdue(now_ms):
        return f"Maybe stuck: no change for {age(record.summary.updated_ms, now_ms)}. x cancels, t clones."
    return ""


def unknown_job(job_id: str, cause: str, *, missing: bool) -> tuple[str, ...]:
    """Return what to show of a job that history does not hold.

    Args:
        job_id: as asked for.
        cause: why the platform did not show it; "" while it is being asked.
        missing: the platform says that there is none.
    """
    shown = safe_text(job_id)
    if not cause:
        return (f"Asking the platform for export job {shown}…",)
    if missing:
        return (
            f"There is no export job {shown} in this sandbox, and history never saw one.",
            safe_text(cause),
            "Check the id, or switch the sandbox with ctrl-o. esc goes back.",
        )
    return (
        f"Export job {shown} is not in history, and the platform cannot be asked.",
        safe_text(cause),
        "r tries again, ! shows all, esc goes back.",
    )


# Overview


def overview_what(record: Record, width: int) -> tuple[TextLine, ...]:
    """Return who wants what from where, and what came out."""
    job, summary = record.job, record.summary
    made = _made_by(record)
    counters = ", ".join(f"{number:,} {safe_text(name)}" for name, number in job.metrics.profiles_by_namespace.items())
    profiles = UNKNOWN if job.metrics.profiles is None else f"{job.metrics.profiles:,}"
    pairs = [
        ("dataset", line(safe_text(summary.dataset_name or "name not known"), "" if summary.dataset_name else "muted")),
        ("", line(safe_text(job.dataset_id or "no dataset named"), "muted")),
        *segment_rows(job.segments),
        ("profiles", line(f"{profiles} exported" + (f": {counters}" if counters else ""))),
        ("batches", line(f"{len(job.batches):,}" if job.batches else "none named")),
        ("made by", line(made)),
    ]
    if job.errors:
        # Why a job failed is what one comes for.
        first = job.errors[0]
        more = f" (and {len(job.errors) - 1:,} more; 2 shows them)" if len(job.errors) > 1 else " (2 shows all)"
        role = "failed" if summary.status == FAILED else "overdue"
        pairs.insert(
            0, ("error", (Cell(safe_text(f"{first.code} {first.message}".strip()), role), Cell(more, "muted")))
        )
    return (heading("What"), *rows(pairs, width), ())


def _made_by(record: Record) -> str:
    job = record.job
    if job.schedule_id is not None or job.run_id is not None:
        parts = [f"schedule {job.schedule_id}" if job.schedule_id else "", f"run {job.run_id}" if job.run_id else ""]
        return safe_text(f"the platform's scheduler, {', '.join(filter(None, parts))}")
    return "this aepx" if record.asked is not None else "a person or a program, not the scheduler"


def segment_rows(segments: Sequence[Segment]) -> list[tuple[str, TextLine]]:
    """Return label and value of each segment with its qualification statuses; none means all profiles."""
    if not segments:
        return [("segments", line("none given: all profiles"))]
    found: list[tuple[str, TextLine]] = [("segments", line(f"{len(segments):,}"))]
    found += [("", _segment(segment)) for segment in segments[:_SEGMENTS_MOST]]
    if len(segments) > _SEGMENTS_MOST:
        found.append(("", line(f"and {len(segments) - _SEGMENTS_MOST:,} more; 5 shows all", "muted")))
    return found


def _segment(segment: Segment) -> TextLine:
    namespace = f"  {safe_text(segment.segment_ns)}" if segment.segment_ns else ""
    statuses = safe_text(", ".join(segment.status)) if segment.status else "statuses not echoed"
    return Cell(safe_text(segment.segment_id)), Cell(f"{namespace}  {statuses}", "muted")


def overview_when(record: Record, now_ms: int, width: int, *, zone: tzinfo | None = None) -> tuple[TextLine, ...]:
    """Return the moments of a job, each as local time with offset, UTC and age."""
    summary = record.summary
    pairs = [("created", summary.created_ms), ("updated", summary.updated_ms)]
    if is_terminal(summary.status):
        pairs.append(("ended", summary.ended_ms))
    if summary.cancel_requested_ms is not None:
        pairs.append(("cancel asked", summary.cancel_requested_ms))
    found = [(label, line(everything(moment, now_ms, zone))) for label, moment in pairs]
    return (heading("When"), *rows(found, width), ())


def overview_identifiers(record: Record, width: int) -> tuple[TextLine, ...]:
    """Return what support asks for, and what other tools know the job by."""
    job = record.job
    pairs = [
        ("job", job.job_id),
        ("request", job.request_id),
        *((f"compute {name}" if len(name) <= 5 else name, one) for name, one in job.compute.items()),  # noqa: PLR2004 - fits the label
        ("organization", job.ims_org_id),
        ("instance", " ".join(filter(None, (job.profile_instance_id, job.job_type)))),
    ]
    found = [(safe_text(label), line(safe_text(value or UNKNOWN), "" if value else "muted")) for label, value in pairs]
    return (heading("Identifiers"), *rows(found, width), ())


def overview_observed(
    record: Record, now_ms: int, width: int, *, absolute_times: bool = False, zone: tzinfo | None = None
) -> tuple[TextLine, ...]:
    """Return what was seen of the job over time, by our clock."""
    found: list[TextLine] = [heading("Seen from here")]
    for one in record.observed:
        shown = badge(one.status)
        when = absolute(one.seen_ms, zone) if absolute_times else ago(one.seen_ms, now_ms)
        stage = f" in {safe_text(one.stage)}" if one.stage else ""
        found += wrapped((Cell(f"{when:<14}", "muted"), Cell(str(shown), shown.role), Cell(stage)), width)
    if not record.observed:
        found.append(line("Nothing yet.", "muted"))
    return (*found, ())


# Errors


def error_lines(record: Record, width: int) -> tuple[TextLine, ...]:
    """Return every error with code, message and call stack; without any, why there is none and what next."""
    job, status = record.job, record.summary.status
    if not job.errors:
        return paragraphs(_no_errors(status), width)
    found: list[TextLine] = []
    if status == SUCCEEDED:
        found += wrapped(
            line("The job succeeded all the same: not every error the platform records ends a job."), width
        )
        found.append(())
    for place, error in enumerate(job.errors, 1):
        found += _error(error, f"Error {place:,} of {len(job.errors):,}", width)
    return tuple(found)


def _no_errors(status: str) -> tuple[str, ...]:
    if status == FAILED:
        return ("The job failed and the platform gives no error.", "5 shows all it sent, t starts the job again.")
    if is_terminal(status):
        return ("This job reports no errors.", "3 shows what was asked for, 4 the batches.")
    return ("No errors so far; they show up here when the platform reports any.", "1 shows how far the job is.")


def _error(error: JobError, label: str, width: int) -> list[TextLine]:
    stack = error.call_stack
    cut = f"\n… {len(stack) - _STACK_MOST:,} more characters; 5 shows all" if len(stack) > _STACK_MOST else ""
    pairs = [
        ("code", line(safe_text(error.code) or "none given", "failed" if error.code else "muted")),
        ("message", line(safe_text(error.message, lines=True) or "none given", "" if error.message else "muted")),
        ("call stack", line(safe_text(stack[:_STACK_MOST], lines=True) + cut or "none given", "muted")),
    ]
    return [heading(label), *rows(pairs, width), ()]


# Batches


def batch_lines(record: Record, width: int) -> tuple[TextLine, ...]:
    """Return the batches as far as the job names them; without any, why and what next."""
    job = record.job
    if not job.batches:
        return paragraphs(_no_batches(record), width)
    several = "one for each segment" if job.segment_per_batch else "one for all segments"
    noun = "batch" if len(job.batches) == 1 else "batches"
    found: list[TextLine] = [heading(f"{len(job.batches):,} {noun}, {several}")]
    dataset = safe_text(record.summary.dataset_name or job.dataset_id or "")
    if dataset:
        found += wrapped(line(f"in dataset {dataset}", "muted"), width)
    found.append(())
    for batch in job.batches[:_BATCHES_MOST]:
        found += _batch(batch, width)
    if len(job.batches) > _BATCHES_MOST:
        found.append(line(f"and {len(job.batches) - _BATCHES_MOST:,} more; 5 shows all", "muted"))
    return tuple(found)


def _batch(batch: JobBatch, width: int) -> list[TextLine]:
    segment = f"{batch.segment_id or ''}  {batch.segment_ns or ''}".strip()
    pairs = [("batch", line(safe_text(batch.batch_id)))]
    if segment:
        pairs.append(("segment", line(safe_text(segment))))
    if batch.status:
        pairs.append(("statuses", line(safe_text(", ".join(batch.status)))))
    return [*rows(pairs, width), ()]


def _no_batches(record: Record) -> tuple[str, ...]:
    status = record.summary.status
    if status == FAILED:
        return ("The job failed before the platform named a batch, so there is nothing to fetch.", "2 shows why.")
    if status == SUCCEEDED:
        return (
            "The job succeeded but names no batch: the export may have been empty.",
            "1 shows how many profiles were exported, 3 the filter.",
        )
    if is_terminal(status):
        return ("The job ended before the platform named a batch.", "t starts it again.")
    return ("No batch yet; the platform names one when it begins to write.", "1 shows how far the job is.")

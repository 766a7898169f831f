"""Owns the reading of a job's time: which stage it is in, when each began and ended (API reference 2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tui_app.models.export_job import FAILED, PROCESSING, SUCCEEDED, ExportJob, Timer

STAGES: Final = ("queue", "export", "gap", "write", "finish")
OVERDUE_AFTER_MS: Final = 2 * 3_600_000
"""No sign of life for this long makes a running job "maybe stuck" (API reference 2.9)."""
StageState: TypeAlias = Literal["pending", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a job; a moment that cannot be known is None, also in a stage that is done."""

    name: str
    started_ms: int | None
    ended_ms: int | None
    state: StageState

    def duration_ms(self, now_ms: int) -> int | None:
        """Return how long the stage took, or has taken so far while it runs; None when that is not known."""
        if self.started_ms is None:
            return None
        if self.ended_ms is not None:
            return max(0, self.ended_ms - self.started_ms)
        return max(0, now_ms - self.started_ms) if self.state == "running" else None


def stages(job: ExportJob, now_ms: int) -> tuple[Stage, ...]:
    """Return the five stages of a job in order, with every boundary the timers reveal.

    Moments out of order are moved up to the one before, so that no duration is negative. In a failed job the
    stage it failed in is `failed` and those after it are `pending`; in a cancelled one the stage it reached
    is `done`.
    """
    moments = _boundaries(job)
    reached = _reached(job)
    found = []
    for place, name in enumerate(STAGES):
        state = _state(job, place, reached)
        began, ended = moments[place], moments[place + 1]
        if state == "pending":
            began = ended = None
        elif state == "running":
            # The platform's clock may be ahead of ours; a stage that runs has begun.
            began, ended = (min(began, now_ms) if began is not None else None), None
        elif place == reached and ended is None:
            ended = moments[-1]
        found.append(Stage(name, began, ended, state))
    return tuple(found)


def current(job: ExportJob, now_ms: int) -> Stage | None:
    """Return the stage that runs, or for a failed job the stage it failed in; None for other ended jobs."""
    return next((stage for stage in stages(job, now_ms) if stage.state in ("running", "failed")), None)


def current_stage(job: ExportJob, now_ms: int) -> str | None:
    """Return the name of the stage that runs, or for a failed job the one it failed in; else None."""
    stage = current(job, now_ms)
    return stage.name if stage is not None else None


def ended_ms(job: ExportJob) -> int | None:
    """Return when a terminal job ended, in epoch milliseconds; None while it runs or when nobody said."""
    return _boundaries(job)[-1]


def duration_ms(job: ExportJob, now_ms: int) -> int | None:
    """Return how many milliseconds the job took, or has taken so far; None when its start is not known."""
    total = job.metrics.total
    if job.is_terminal and total is not None and total.duration_ms is not None:
        return total.duration_ms
    started = _started_ms(job)
    ended = ended_ms(job) if job.is_terminal else now_ms
    return max(0, ended - started) if started is not None and ended is not None else None


def _boundaries(job: ExportJob) -> list[int | None]:
    """Return the six moments that part the stages, from the start to the end, never decreasing."""
    export_began, export_ended = _span(job.metrics.export)
    write_began, write_ended = _span(job.metrics.write)
    found = [_started_ms(job), export_began, export_ended, write_began, write_ended]
    latest: int | None = None
    for place, moment in enumerate(found):
        if moment is not None:
            latest = moment if latest is None else max(latest, moment)
            found[place] = latest
    end = _reported_end(job, latest) if job.is_terminal else None
    return [*found, end]


def _span(timer: Timer | None) -> tuple[int | None, int | None]:
    """Return start and end of a timer; a missing one is worked out from the other and the duration."""
    if timer is None:
        return None, None
    began, ended, lasted = timer.started_ms, timer.ended_ms, timer.duration_ms
    if lasted is not None:
        if ended is None and began is not None:
            ended = began + lasted
        elif began is None and ended is not None:
            began = ended - lasted
    return began, ended


def _started_ms(job: ExportJob) -> int | None:
    began, _ = _span(job.metrics.total)
    return began if began is not None else job.created_ms


def _reported_end(job: ExportJob, latest: int | None) -> int | None:
    _, ended = _span(job.metrics.total)
    if ended is not None:
        return ended if latest is None else max(ended, latest)
    # The update time may come from another run than the timers (2.3.2), so it counts only where it fits them.
    fits = job.updated_ms is not None and (latest is None or job.updated_ms >= latest)
    return job.updated_ms if fits else None


def _reached(job: ExportJob) -> int:
    """Return the place of the furthest stage there is evidence for."""
    if job.status == SUCCEEDED:
        return STAGES.index("finish")
    failed = job.status == FAILED
    if _span(job.metrics.write)[1] is not None and not failed:
        return STAGES.index("finish")
    if job.metrics.write is not None or "pushJob" in job.compute:
        return STAGES.index("write")
    # A failure surfaces right after the stage that failed (2.9), so it is not put down to the wait after it.
    if _span(job.metrics.export)[1] is not None and not failed:
        return STAGES.index("gap")
    if job.metrics.export is not None or "exportJob" in job.compute or job.status == PROCESSING:
        return STAGES.index("export")
    return STAGES.index("queue")


def _state(job: ExportJob, place: int, reached: int) -> StageState:
    if place != reached:
        return "done" if place < reached else "pending"
    if not job.is_terminal:
        return "running"
    return "failed" if job.status == FAILED else "done"

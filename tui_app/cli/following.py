"""Owns telling how jobs go until they have ended, and the exit code that sums them up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_app.cli.output import Exit, Output
from tui_app.clock import now_ms
from tui_app.models.export_job import SUCCEEDED
from tui_app.models.stage import current_stage, duration_ms
from tui_app.present.times import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.engine.engine import Engine
    from tui_app.engine.session import Topic
    from tui_app.models.export_job import ExportJob


@dataclass(slots=True)
class Followed:
    """The last that was seen of each job, and whether time ran out."""

    jobs: dict[str, ExportJob] = field(default_factory=dict)
    timed_out: bool = False

    @property
    def exit_code(self) -> Exit:
        """1 when a job ended badly, 3 when time ran out before that was known, else 0."""
        ended = [job for job in self.jobs.values() if job.is_terminal]
        if any(job.status != SUCCEEDED for job in ended):
            return Exit.UNSUCCESSFUL
        return Exit.UNAVAILABLE if self.timed_out else Exit.OK


async def follow(
    engine: Engine,
    job_ids: Sequence[str],
    tell: Callable[[ExportJob], None],
    *,
    timeout_s: float | None = None,
    seen: Followed | None = None,
) -> Followed:
    """Follow jobs to their end; `tell` is called when the status or the stage of one has changed.

    Errors of a job that ends badly, and failures to ask that are waited out, are told on stderr.

    Args:
        engine: opened.
        job_ids: whom to follow.
        tell: says what changed.
        timeout_s: when to give up; None is never.
        seen: filled on the way, so that the caller has what was seen if this is interrupted.

    Raises:
        FailureError: a job is unknown, or the platform refuses to tell.
    """
    seen = Followed() if seen is None else seen
    marks: dict[str, tuple[str, str | None]] = {}
    unsubscribe = engine.subscribe(_Outages(engine))
    try:
        async with asyncio.timeout(timeout_s):
            async for job in engine.jobs.follow(job_ids):
                seen.jobs[job.job_id] = job
                mark = (job.status, current_stage(job, now_ms(engine.clock)))
                if marks.get(job.job_id) != mark:
                    marks[job.job_id] = mark
                    tell(job)
                if job.is_terminal:
                    tell_errors(job)
    except TimeoutError:
        seen.timed_out = True
        running = [one for one in job_ids if one not in seen.jobs or not seen.jobs[one].is_terminal]
        Output().narrate(f"Still running after {timeout_s:g} s: {', '.join(running)}. They go on; watch them again.")
    finally:
        unsubscribe()
    return seen


def job_line(job: ExportJob, at_ms: int) -> str:
    """Return one line on how a job stands: id, status, stage and duration."""
    stage = current_stage(job, at_ms)
    place = "" if stage is None else f"failed in {stage}" if job.is_terminal else f"stage {stage}"
    return "  ".join(filter(None, (job.job_id, job.status, place, duration(duration_ms(job, at_ms)))))


def tell_errors(job: ExportJob) -> None:
    """Tell why a job ended badly, on stderr; nothing when it did not."""
    if job.status == SUCCEEDED:
        return
    output = Output()
    for error in job.errors:
        output.narrate(f"Export job {job.job_id}: {' '.join(filter(None, (error.code, error.message)))}")
    if not job.errors:
        output.narrate(f"Export job {job.job_id} ended {job.status}; the platform gives no error.")


class _Outages:
    """Says once that the platform cannot be asked and that the command waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told: tuple[object, ...] | None = None

    def __call__(self, topic: Topic) -> None:
        failure = self._engine.session.failure
        if topic.value != "session" or failure is None:
            return
        # Not the cause itself: an answer may have something in it that differs each time.
        mark = (failure.kind, failure.http_status, failure.code)
        if mark != self._told:
            self._told = mark
            Output().narrate(f"{failure} Waiting until the platform answers; ctrl-c ends this, not the job.")

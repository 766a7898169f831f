"""Owns what can be done to export jobs: look again, create, cancel, follow to the end, ask again for the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError, NotFoundError
from tui_app.clock import now_ms
from tui_app.engine.creations import Creations, Settlement, Submission
from tui_app.engine.failures import explained
from tui_app.engine.session import Topic
from tui_app.history.database import HistoryError
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import Failure, FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tui_app.engine.core import Core
    from tui_app.engine.monitor import Monitor
    from tui_app.history.jobs import Transition
    from tui_app.models.export_job import ExportJob

__all__ = ["JobsService", "Settlement", "Submission"]

_log = logging.getLogger(__name__)
_FOLLOW_FIRST_S: Final = 2.0
_FOLLOW_MOST_S: Final = 30.0
_PASSING: Final = frozenset({FailureKind.NETWORK, FailureKind.THROTTLED, FailureKind.SERVICE, FailureKind.BAD_ANSWER})
"""Kinds of failure that are waited out; any other would only come again."""


class JobsService:
    """Use cases on export jobs."""

    def __init__(self, core: Core, monitor: Monitor) -> None:
        self._core = core
        self._monitor = monitor
        self._creations = Creations(core, monitor)

    async def refresh(self, job_id: str) -> ExportJob:
        """Ask for one job now and keep the answer.

        Raises:
            FailureError: the platform could not be asked, or does not know the job.
        """
        core = self._core
        with core.activity.busy(), explained(f"Export job {job_id} could not be read", core.clock):
            asked = now_ms(core.clock)
            try:
                job = await core.client.export_jobs.get(job_id)
            except NotFoundError:
                await self._gone(job_id)
                raise
            if await core.apply((job,), asked_ms=asked):
                await core.refresh_counts()
                core.bulletin.publish(Topic.JOBS)
            return job

    async def submit(self, request: ExportRequest) -> Submission:
        """Create the job that `request` describes, once, whatever happens on the line.

        The intent is on the disk before the request leaves. An answer that is lost leaves it open: the newest jobs
        are searched, again after 5 s if none is alike, and what is found is handed back for the person to decide
        with `settle`.

        Raises:
            FailureError: nothing was made: refused here, refused there, nothing could leave this machine, or the
                very same job is being created already.
        """
        return await self._creations.submit(request)

    async def search_again(self, intent_id: int) -> Submission:
        """Search the newest jobs once more for the one that an open intent made; nothing is sent or settled.

        `searched` tells whether they could be.

        Raises:
            FailureError: history cannot be read, or the intent is settled already.
        """
        return await self._creations.search_again(intent_id)

    async def settle(self, intent_id: int, job: ExportJob | None, *, note: str = "") -> None:
        """Close an open intent as the person decided: it made this job, or none.

        Raises:
            FailureError: history cannot keep the decision.
        """
        await self._creations.settle(intent_id, job, note=note)

    async def settle_open(self) -> tuple[Settlement, ...]:
        """Find out what became of creations whose answer never came, as after a crash, and close the clear cases.

        One matching job: it was made. None: it was not. Several: left open, the person decides. Intents that are
        being sent, by this aepx or another one that runs on this machine, are left alone.

        Raises:
            FailureError: the platform could not be asked; the intents stay open.
        """
        return await self._creations.settle_open()

    async def cancel(self, job_id: str) -> str:
        """Ask the platform to cancel a job and return its message, "" when it sent none.

        The job stays running until the platform says otherwise; the monitor follows it. One that history does not
        know is fetched first: the platform says yes to cancelling a job that has long ended.

        Raises:
            FailureError: refused here or there, or the platform could not be asked.
        """
        core = self._core
        core.require_writable(f"The cancel of export job {job_id}")
        what = f"Export job {job_id} was not cancelled"
        with explained(what, core.clock):
            known = await core.history.jobs.get(job_id) or await self.refresh(job_id)
        if known.is_terminal:
            raise FailureError(
                Failure(
                    kind=FailureKind.BAD_REQUEST,
                    what=what,
                    cause=f"It has already ended as {known.status}.",
                    next_step="Clone it to run it again.",
                )
            )
        with core.activity.busy(), explained(what, core.clock):
            try:
                message = await core.client.export_jobs.cancel(job_id)
            except NotFoundError:
                await self._gone(job_id)
                raise
            except ApiError:
                # It may have ended, or be about to: the list should say so soon.
                self._monitor.poke()
                raise
            await self._mark_cancel_requested(job_id)
            return message

    async def follow(self, job_ids: Sequence[str]) -> AsyncIterator[ExportJob]:
        """Yield each job whenever it changed, until all have ended; failures that pass are waited out.

        Raises:
            FailureError: a job is unknown, or the platform refuses the sign-in or the permission.
        """
        core = self._core
        last: dict[str, object] = {}
        pending = list(dict.fromkeys(job_ids))
        seconds = _FOLLOW_FIRST_S
        told: Failure | None = None
        while pending:
            moved, asked_s = False, 0.0
            for job_id in tuple(pending):
                try:
                    job = await self._followed(job_id)
                except FailureError as error:
                    if error.failure.kind not in _PASSING:
                        raise
                    told, asked_s = error.failure, max(asked_s, self._asked_to_wait_s(error.failure))
                    self._tell(told)
                    continue
                if told is not None and core.session.failure is told:
                    told = None
                    self._tell(None)
                mark = (job.status, job.updated_ms, job.metrics)
                if last.get(job_id) != mark:
                    last[job_id], moved = mark, True
                    yield job
                if job.is_terminal:
                    pending.remove(job_id)
            if pending:
                seconds = _FOLLOW_FIRST_S if moved else min(seconds * 1.5, _FOLLOW_MOST_S)
                await core.clock.sleep(max(asked_s, self._poll_seconds(seconds)))

    async def request_of(self, job_id: str) -> tuple[ExportRequest, tuple[str, ...]]:
        """Return a request that would make this job again, and what could not be known.

        Our own intent says exactly what was sent; the platform's echo leaves parts out (API reference 13, row 17).

        Raises:
            FailureError: the job is not in history and cannot be fetched.
        """
        core = self._core
        with explained(f"Export job {job_id} cannot be cloned", core.clock):
            intent = await core.history.intents.of_job(job_id)
            if intent is not None:
                return ExportRequest.from_body(intent.body), ()
            return ExportRequest.from_job(await core.history.jobs.get(job_id) or await self.refresh(job_id))

    async def asked(self, job_id: str) -> ExportRequest | None:
        """Return exactly what was sent for a job made from here, None for a job made elsewhere.

        Raises:
            FailureError: history cannot be read.
        """
        with explained("What was asked for cannot be read", self._core.clock):
            intent = await self._core.history.intents.of_job(job_id)
        return ExportRequest.from_body(intent.body) if intent is not None else None

    async def transitions(self, job_id: str) -> tuple[Transition, ...]:
        """Return what was observed of a job over time.

        Raises:
            FailureError: history cannot be read.
        """
        with explained("What was observed of the job cannot be read", self._core.clock):
            return await self._core.history.jobs.transitions(job_id)

    async def _followed(self, job_id: str) -> ExportJob:
        """Return a job as the platform has it, or as it ended before the platform forgot it."""
        try:
            return await self.refresh(job_id)
        except FailureError as error:
            if error.failure.kind is not FailureKind.NOT_FOUND:
                raise
            known = await self._core.history.jobs.get(job_id)
            if known is None or not known.is_terminal:
                raise
            return known

    def _tell(self, failure: Failure | None) -> None:
        self._core.session.failure = failure
        self._core.bulletin.publish(Topic.SESSION)

    async def _gone(self, job_id: str) -> None:
        core = self._core
        await core.history.jobs.mark_gone(job_id, at_ms=now_ms(core.clock))
        await core.refresh_counts()
        core.bulletin.publish(Topic.JOBS)

    async def _mark_cancel_requested(self, job_id: str) -> None:
        core = self._core
        try:
            await core.history.jobs.mark_cancel_requested(job_id, at_ms=now_ms(core.clock))
        except HistoryError as error:
            _log.warning("the cancel of job %s went out, but is not marked: %s", job_id, error)
        core.bulletin.publish(Topic.JOBS)
        self._monitor.poke()

    def _asked_to_wait_s(self, failure: Failure) -> float:
        if failure.retry_at_ms is None:
            return 0.0
        return max(0.0, (failure.retry_at_ms - now_ms(self._core.clock)) / 1000)

    def _poll_seconds(self, seconds: float) -> float:
        return min(seconds, 1.0) if self._core.session.connection.is_loopback else seconds

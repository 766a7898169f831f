"""Owns creating export jobs exactly once, also when the answer or the whole program is lost on the way.

Creating has no idempotency key (API reference 1.5): the journal of intents and a search among the newest jobs stand in.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tui_app.api.errors import ApiError, BadAnswerError
from tui_app.clock import now_ms
from tui_app.engine.failures import explained, failure_of
from tui_app.engine.session import Topic
from tui_app.engine.twins import same_words
from tui_app.history.database import HistoryError
from tui_app.history.intents import MADE, NOT_MADE
from tui_app.models.export_request import fingerprint, matches
from tui_app.models.failure import Failure, FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_app.engine.core import Core
    from tui_app.engine.monitor import Monitor
    from tui_app.history.intents import Intent
    from tui_app.models.export_job import ExportJob
    from tui_app.models.export_request import ExportRequest

_log = logging.getLogger(__name__)

# The platform's clock is known to about a second once it has answered; until then it may be off by more.
_CLOCK_SLACK_MS: Final = 5_000
_UNKNOWN_CLOCK_SLACK_MS: Final = 60_000
# From writing the intent to the job's creation, all waits and tries of the request included.
_SENDING_MOST_MS: Final = 600_000
_ARRIVAL_S: Final = 5.0
# A job that fits a creation still on its way elsewhere is probably that one's: its answer is waited for.
_RIVALS_MOST_S: Final = 30.0
_RIVALS_STEP_S: Final = 1.0
_LOOKUP_FAILED: Final = "A creation whose answer was lost cannot be looked up yet"


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of one creation."""

    intent_id: int
    job: ExportJob | None
    """The job, when it is known to exist."""
    candidates: tuple[ExportJob, ...] = ()
    """Jobs that may be the one asked for, when the answer was lost; the person decides."""
    failure: Failure | None = None
    """Why the outcome is open; with `job` set, why it could not be written to history."""
    searched: bool = True
    """False when the newest jobs could not be searched, so that no candidates mean nothing."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What was found out about a creation whose answer never came."""

    intent_id: int
    opened_ms: int
    body: dict[str, Any]
    candidates: tuple[ExportJob, ...]

    @property
    def made(self) -> ExportJob | None:
        """The one job that was made, None when none was or when several could be it."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    def asked_for(self, request: ExportRequest, *, at_ms: int) -> bool:
        """Tell whether the creation asked for the same as `request`, whose times were worked out at `at_ms`."""
        return same_words(self.body, self.opened_ms, request.to_body(), at_ms)


class Creations:
    """Creates export jobs and settles creations whose outcome is open."""

    def __init__(self, core: Core, monitor: Monitor) -> None:
        self._core = core
        self._monitor = monitor
        self._sending: dict[int, tuple[dict[str, Any], int]] = {}
        """Body and time of what is being created here, from before it is written down; the keys count up."""
        self._in_flight: set[int] = set()
        """Intents of which this aepx itself will tell what became of them."""
        self._unanswered: set[int] = set()
        """Those of them whose request is on its way."""

    async def submit(self, request: ExportRequest) -> Submission:
        """Create the job that `request` describes; see `JobsService.submit`."""
        core = self._core
        core.require_writable("The export job")
        body, opened_ms = request.to_body(), now_ms(core.clock)
        if any(same_words(*other, body, opened_ms) for other in self._sending.values()):
            raise FailureError(_TWIN)
        place = max(self._sending, default=0) + 1
        self._sending[place] = body, opened_ms
        try:
            with explained("The export job was not sent", core.clock):
                intent_id = await core.history.intents.open(
                    body, fingerprint=fingerprint(body), owner=core.owner, at_ms=opened_ms
                )
            self._in_flight.add(intent_id)
            try:
                await self._require_no_twin(intent_id, body, opened_ms)
                return await self._send(intent_id, body, opened_ms)
            finally:
                self._in_flight.discard(intent_id)
                self._unanswered.discard(intent_id)
        finally:
            del self._sending[place]

    async def search_again(self, intent_id: int) -> Submission:
        """Look once more for the job of an open intent; see `JobsService.search_again`."""
        core = self._core
        with explained(_LOOKUP_FAILED, core.clock):
            unsettled = await core.history.intents.unsettled()
        intent = next((one for one in unsettled if one.intent_id == intent_id), None)
        if intent is None:
            raise FailureError(_SETTLED)
        found = await self._candidates_if_possible(intent_id, intent.body, intent.opened_ms)
        return Submission(intent_id, None, found or (), searched=found is not None)

    async def settle(self, intent_id: int, job: ExportJob | None, *, note: str = "") -> None:
        """Close an open intent; see `JobsService.settle`."""
        core = self._core
        with explained("What became of the creation cannot be written down", core.clock):
            if job is not None:
                if not await self._take(intent_id, job, note):
                    raise FailureError(_taken(job.job_id))
            else:
                await core.history.intents.close(
                    intent_id, state=NOT_MADE, at_ms=now_ms(core.clock), note=note or "no job was found"
                )
        core.bulletin.publish(Topic.INTENTS)

    async def settle_open(self) -> tuple[Settlement, ...]:
        """Find out what became of creations whose answer never came; see `JobsService.settle_open`."""
        core = self._core
        found: list[Settlement] = []
        with explained(_LOOKUP_FAILED, core.clock):
            for intent in await core.history.intents.unsettled():
                if intent.intent_id in self._in_flight or self._belongs_to_the_living(intent):
                    continue
                # A request that left just before a crash may still be on its way in: do not say "none" too early.
                since_s = (now_ms(core.clock) - intent.opened_ms) / 1000
                await core.clock.sleep(min(_ARRIVAL_S, max(0.0, _ARRIVAL_S - since_s)))
                found.append(await self._settled(intent))
        return tuple(found)

    async def _settled(self, intent: Intent) -> Settlement:
        note = "settled at a later start"
        while True:
            candidates = await self._candidates(intent.intent_id, intent.body, intent.opened_ms)
            if not candidates:
                await self.settle(intent.intent_id, None, note=note)
            elif len(candidates) == 1 and not await self._take(intent.intent_id, candidates[0], note):
                continue  # another aepx took it meanwhile, so that it is found no more
            self._core.bulletin.publish(Topic.INTENTS)
            return Settlement(intent.intent_id, intent.opened_ms, intent.body, candidates)

    async def _require_no_twin(self, intent_id: int, body: dict[str, Any], opened_ms: int) -> None:
        """Refuse what another aepx on this machine is creating, or does not know the outcome of.

        Asked once our own intent is written: of two that write at the same time at least one sees the other. The one
        that wrote first goes on.
        """
        core = self._core
        with explained("The export job was not sent", core.clock):
            unsettled = await core.history.intents.unsettled()
            if any(
                other.intent_id < intent_id
                and self._belongs_to_the_living(other)
                and same_words(other.body, other.opened_ms, body, opened_ms)
                for other in unsettled
            ):
                await core.history.intents.close(
                    intent_id, state=NOT_MADE, at_ms=now_ms(core.clock), note="another aepx was creating the same"
                )
                raise FailureError(_TWIN_ELSEWHERE)

    async def _send(self, intent_id: int, body: dict[str, Any], opened_ms: int) -> Submission:
        core = self._core
        self._unanswered.add(intent_id)
        try:
            with core.activity.busy():
                job = await core.client.export_jobs.create(body)
        except ApiError as error:
            if error.ambiguous:
                self._unanswered.discard(intent_id)
                return await self._lost(intent_id, body, opened_ms, error)
            await self._close_unmade(intent_id, str(error))
            raise FailureError(failure_of(error, what="The export job was not created", clock=core.clock)) from None
        try:
            await core.history.intents.answered(intent_id, job_id=job.job_id, at_ms=now_ms(core.clock))
            await self._keep(job, asked_ms=opened_ms)
        except HistoryError as error:
            # The one thing worse than not keeping the job is not telling its id.
            what = f"Export job {job.job_id} was created, but history cannot keep it"
            failure = failure_of(error, what=what, clock=core.clock)
            _log.error("%s", failure)
            return Submission(intent_id, job, failure=failure)
        return Submission(intent_id, job)

    async def _take(self, intent_id: int, job: ExportJob, note: str) -> bool:
        """Close an intent with a job found by its likeness; False if that is another's by now."""
        core = self._core
        if not await core.history.intents.close(
            intent_id, state=MADE, at_ms=now_ms(core.clock), job_id=job.job_id, note=note
        ):
            return False
        # The candidate is as old as the search that found it: whatever history has by now is newer.
        await self._keep(job, asked_ms=0)
        return True

    async def _keep(self, job: ExportJob, *, asked_ms: int) -> None:
        core = self._core
        await core.apply((job,), asked_ms=asked_ms)
        await core.refresh_counts()
        core.bulletin.publish(Topic.JOBS, Topic.INTENTS)
        self._monitor.poke()

    async def _close_unmade(self, intent_id: int, note: str) -> None:
        core = self._core
        try:
            await core.history.intents.close(intent_id, state=NOT_MADE, at_ms=now_ms(core.clock), note=note)
        except HistoryError as error:
            _log.warning("creation %s stays open, the next start settles it: %s", intent_id, error)

    async def _lost(self, intent_id: int, body: dict[str, Any], opened_ms: int, error: ApiError) -> Submission:
        """Look for the job twice: a request that broke off may still be on its way in when the first search is done."""
        core = self._core
        failure = failure_of(error, what="The answer to the creation was lost", clock=core.clock)
        core.bulletin.publish(Topic.INTENTS)
        found = await self._candidates_if_possible(intent_id, body, opened_ms)
        if not found:
            await core.clock.sleep(_ARRIVAL_S)
            found = await self._candidates_if_possible(intent_id, body, opened_ms)
        return Submission(intent_id, None, found or (), failure, searched=found is not None)

    async def _candidates_if_possible(
        self, intent_id: int, body: dict[str, Any], opened_ms: int
    ) -> tuple[ExportJob, ...] | None:
        try:
            return await self._candidates(intent_id, body, opened_ms)
        except (ApiError, HistoryError) as error:
            _log.info("the newest jobs cannot be searched: %s", error)
            return None

    async def _candidates(self, intent_id: int, body: dict[str, Any], opened_ms: int) -> tuple[ExportJob, ...]:
        """Return jobs that this body may have made: alike, created since, not seen before, and nobody else's."""
        core = self._core
        with core.activity.busy():
            recent = await self._created_since(opened_ms)
        core.bulletin.publish(Topic.JOBS)
        alike = [job for job in recent if job.schedule_id is None and matches(job, body)]
        seen = await core.history.jobs.seen_before((job.job_id for job in alike), at_ms=opened_ms)
        waited_s = 0.0
        while True:
            others = seen | await core.history.intents.claimed_job_ids(but=intent_id)
            free = tuple(job for job in alike if job.job_id not in others)
            if not free or waited_s >= _RIVALS_MOST_S or not await self._is_contested(intent_id, free):
                return free
            await core.clock.sleep(_RIVALS_STEP_S)
            waited_s += _RIVALS_STEP_S

    async def _is_contested(self, intent_id: int, jobs: Iterable[ExportJob]) -> bool:
        """Tell whether one of the jobs may be that of another creation whose answer may still come."""
        found = tuple(jobs)
        for other in await self._core.history.intents.unsettled():
            is_on_its_way = other.intent_id in self._unanswered or self._belongs_to_the_living(other)
            if other.intent_id == intent_id or not is_on_its_way:
                continue
            since, until = self._window(other.opened_ms)
            if any(
                (job.created_ms is None or since <= job.created_ms <= until) and matches(job, other.body)
                for job in found
            ):
                return True
        return False

    async def _created_since(self, opened_ms: int) -> Iterable[ExportJob]:
        """Return the platform's jobs from about when an intent was opened until its request was over.

        Raises:
            BadAnswerError: the list turns in a circle, so that it does not lead back to that time.
        """
        core = self._core
        found: dict[str, ExportJob] = {}
        passed: set[str] = set()
        offset: str | None = None
        while True:
            asked = now_ms(core.clock)
            page = await core.client.export_jobs.list_page(limit=100, offset=offset)
            await core.apply(page.jobs, asked_ms=asked)
            # Worked out after the answer, because only an answer tells how the clocks differ.
            since, until = self._window(opened_ms)
            times = [job.created_ms for job in page.jobs if job.created_ms is not None]
            found.update(
                (job.job_id, job) for job in page.jobs if job.created_ms is None or since <= job.created_ms <= until
            )
            offset = page.next_offset
            if offset is None or any(created < since for created in times):
                return found.values()
            if offset in passed:
                raise BadAnswerError(
                    "The newest export jobs could not be searched.",
                    cause="The platform's list leads in a circle.",
                    next_step="Look at the newest jobs before you create the job again.",
                )
            passed.add(offset)

    def _window(self, opened_ms: int) -> tuple[int, int]:
        """Return the span of the platform's time in which the request of an intent can have made its job."""
        skew_s = self._core.client.server_clock_skew_s
        is_known = skew_s is not None or self._core.session.connection.is_loopback
        slack = _CLOCK_SLACK_MS if is_known else _UNKNOWN_CLOCK_SLACK_MS
        at = opened_ms + round((skew_s or 0.0) * 1000)
        return at - slack, at + _SENDING_MOST_MS + slack

    def _belongs_to_the_living(self, intent: Intent) -> bool:
        """Tell whether another aepx on this machine may still be sending it."""
        core = self._core
        if intent.owner == core.owner or now_ms(core.clock) - intent.opened_ms > _SENDING_MOST_MS:
            return False
        host, _, pid = intent.owner.rpartition(":")
        return host == core.owner.rpartition(":")[0] and pid.isdecimal() and _alive(int(pid))


_TWIN: Final = Failure(
    kind=FailureKind.REFUSED,
    what="The export job was not sent a second time",
    cause="Exactly this job is being created at this moment",
    next_step="Wait for its answer.",
)


_TWIN_ELSEWHERE: Final = Failure(
    kind=FailureKind.REFUSED,
    what="The export job was not sent a second time",
    cause="Another aepx on this machine is creating exactly this job, or does not know yet whether it was made",
    next_step="See there what became of it, or try again in ten minutes.",
)


_SETTLED: Final = Failure(
    kind=FailureKind.REFUSED,
    what="The creation was not looked up again",
    cause="It is settled already, by another aepx on this machine.",
    next_step="Look at the newest jobs of the list.",
)


def _taken(job_id: str) -> Failure:
    return Failure(
        kind=FailureKind.REFUSED,
        what=f"Export job {job_id} was not taken for the one asked for",
        cause="It is the job of another creation, which was settled meanwhile.",
        next_step="Search again.",
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True

"""Owns the one loop that keeps the list live: its cadence, its patience with outages, and what it asks for.

One list call a tick covers the newest jobs; a job that still runs but is not among them is asked for by id, a few a
tick and the older the more seldom. The loop ends only when the engine stops.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    ServerError,
)
from tui_app.clock import now_ms
from tui_app.engine.failures import failure_of
from tui_app.engine.session import Topic
from tui_app.history.database import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.core import Core
    from tui_app.models.export_job import ExportJob, JobPage
    from tui_app.models.job_query import JobSummary

_log = logging.getLogger(__name__)

HEAD_PAGE: Final = 100
HEAD: Final = "monitor.head"
"""Note of the creation time, epoch ms, from which on backwards no job is missing but what the backfill still brings."""
"""Note of how far back the next look must go at least, left by whoever wrote a part of the list to history."""
_OF_ONE_JOB: Final = (BadRequestError, ForbiddenError, ServerError, BadAnswerError)
"""Errors that tell of the job asked for, not of the platform, when the list was answered a moment ago."""
_LIVELY_MS: Final = 24 * 3_600_000
_AGE_A_LOOK: Final = 100
_LOOK_MOST_MS: Final = 3_600_000
_BY_ID_A_TICK: Final = 3
_BACKOFF_FIRST_S: Final = 2.0
_BACKOFF_MOST_S: Final = 60.0
_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Cadence:
    """Seconds between ticks.

    With the defaults an idle list with nothing running asks twice a minute, the budget of product section 7.
    """

    running_s: float = 10.0
    quiet_s: float = 30.0
    away_factor: float = 4.0
    """How much slower when the terminal has lost focus or nobody has pressed a key for a while."""


class Monitor:
    """Polls the head of the list and the running jobs until stopped."""

    def __init__(self, core: Core, cadence: Cadence, *, rng: random.Random | None = None) -> None:
        self._core = core
        self._cadence = cadence
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._wake = asyncio.Event()
        self._tick = asyncio.Lock()
        self._failures = 0
        self._away = False
        self._followed: set[str] = set()
        self._looked_ms: dict[str, int] = {}
        self._is_lively = False
        self._error: ApiError | HistoryError | None = None

    async def run(self) -> None:
        """Tick for ever; no failure of the network, the platform or the history ends it."""
        while True:
            if not self._paused:
                await self._guarded_tick()
            await self._pause_between()

    def poke(self) -> None:
        """Tick as soon as possible, for instance after a create; does nothing while paused."""
        self._wake.set()

    def pause(self) -> None:
        """Stop asking; answers in flight are dropped."""
        session = self._core.session
        if session.paused_since_ms is None:
            session.paused_since_ms = now_ms(self._core.clock)
            session.next_try_ms = None
            self._core.bulletin.publish(Topic.SESSION)

    def resume(self) -> None:
        """Ask again, at once."""
        if self._core.session.paused_since_ms is not None:
            self._core.session.paused_since_ms = None
            self._core.bulletin.publish(Topic.SESSION)
            self._wake.set()

    def set_away(self, away: bool) -> None:  # noqa: FBT001 - a state, not an option
        """Slow down while nobody looks; looking again asks at once."""
        if self._away and not away:
            self._wake.set()
        self._away = away

    def follow(self, job_id: str) -> None:
        """Ask for this job by id on every tick that the list does not cover it, until `unfollow`."""
        self._followed.add(job_id)
        self._wake.set()

    def unfollow(self, job_id: str) -> None:
        """Stop asking specially for this job."""
        self._followed.discard(job_id)

    async def refresh(self) -> None:
        """Tick once now, also while paused; waits for a tick in flight instead of starting a second.

        Raises:
            ApiError: the platform could not be asked; the session holds the failure as well.
            HistoryError: the answer could not be kept.
        """
        if self._tick.locked():
            async with self._tick:
                error = self._error
            if self._core.session.paused_since_ms is None:
                if error is not None:
                    raise error
                return
            # A tick that the pause overtook has dropped its answer.
        await self._one_tick(forced=True)

    async def _guarded_tick(self) -> None:
        try:
            await self._one_tick(forced=False)
        except (ApiError, HistoryError):
            pass  # the session holds it
        except Exception:  # noqa: BLE001 - a fault of our own may not end the loop that operators rely on
            _log.exception("the monitor met a fault of its own and goes on")
            self._failures += 1

    async def _one_tick(self, *, forced: bool) -> None:
        core, session = self._core, self._core.session
        async with self._tick:
            with core.activity.busy():
                session.polling, session.next_try_ms = True, None
                core.bulletin.publish(Topic.SESSION)
                try:
                    await self._read(forced=forced)
                    if forced or not self._paused:
                        await core.refresh_counts()
                        session.last_ok_ms = now_ms(core.clock)
                except (ApiError, HistoryError) as error:
                    self._failures += 1
                    self._error = error
                    what = "The list of export jobs could not be read"
                    session.failure = failure_of(error, what=what, clock=core.clock)
                    raise
                else:
                    if forced and self._failures:
                        # A person found the platform answering again before the loop would have.
                        self._wake.set()
                    self._failures = 0
                    self._error = session.failure = None
                finally:
                    session.polling, session.loaded = False, True
                    core.bulletin.publish(Topic.SESSION)

    async def _read(self, *, forced: bool) -> None:
        """Read the list back to what is known, then the running jobs it does not cover."""
        core = self._core
        notes = core.history.lookups
        head = await notes.note(HEAD)
        known_ms = int(head) if head else await core.history.jobs.newest_created_ms()
        covered: set[str] = set()
        passed: set[str] = set()
        newest_ms = 0
        offset: str | None = None
        while True:
            asked = now_ms(core.clock)
            page = await core.client.export_jobs.list_page(limit=HEAD_PAGE, offset=offset)
            if self._paused and not forced:
                return
            covered.update(job.job_id for job in page.jobs)
            newest_ms = max([newest_ms, *(job.created_ms or 0 for job in page.jobs)])
            await self._keep(page.jobs, asked_ms=asked)
            offset = page.next_offset
            if offset is None or offset in passed or _reaches(page, known_ms):
                break
            passed.add(offset)
        # Only now: a crash or an outage between two pages must not pass the rest off as known.
        if newest_ms and str(newest_ms) != head:
            await notes.set_note(HEAD, str(newest_ms))
        await self._read_uncovered(covered, forced=forced)

    async def _keep(self, jobs: Sequence[ExportJob], *, asked_ms: int) -> None:
        if await self._core.apply(jobs, asked_ms=asked_ms):
            self._core.bulletin.publish(Topic.JOBS)

    async def _read_uncovered(self, covered: set[str], *, forced: bool) -> None:
        core = self._core
        at_ms = now_ms(core.clock)
        running = await core.history.jobs.running()
        self._is_lively = any(at_ms - (job.created_ms or 0) < _LIVELY_MS for job in running)
        uncovered = [job for job in running if job.job_id not in covered]
        self._looked_ms = {job.job_id: self._looked_ms.get(job.job_id, 0) for job in uncovered}
        for job_id in self._to_look_at(uncovered, at_ms):
            if self._paused and not forced:
                return
            asked = self._looked_ms[job_id] = now_ms(core.clock)
            try:
                job = await core.client.export_jobs.get(job_id)
            except NotFoundError:
                await core.history.jobs.mark_gone(job_id, at_ms=now_ms(core.clock))
                core.bulletin.publish(Topic.JOBS)
            except _OF_ONE_JOB as error:
                _log.warning("one job cannot be read, the others go on: %s", error)
            else:
                await self._keep((job,), asked_ms=asked)

    def _to_look_at(self, uncovered: Sequence[JobSummary], at_ms: int) -> list[str]:
        """Return the jobs to ask for by id: all that are followed, and of the others those that waited longest.

        A job's turn comes after a hundredth of its age, an hour at most: one that hangs since last week changes less
        soon than one of this morning, and must not cost three requests a tick for ever.
        """
        followed = [job.job_id for job in uncovered if job.job_id in self._followed]
        due = [
            job.job_id
            for job in uncovered
            if job.job_id not in self._followed
            and at_ms - self._looked_ms[job.job_id]
            >= min((at_ms - (job.created_ms or 0)) // _AGE_A_LOOK, _LOOK_MOST_MS)
        ]
        due.sort(key=lambda job_id: self._looked_ms[job_id])
        return [*followed, *due[:_BY_ID_A_TICK]]

    @property
    def _paused(self) -> bool:
        return self._core.session.paused_since_ms is not None

    async def _pause_between(self) -> None:
        session, clock = self._core.session, self._core.clock
        if self._paused:
            self._wake.clear()
            await self._wake.wait()
            self._wake.clear()
            return
        seconds = self._delay()
        session.next_try_ms = now_ms(clock) + int(seconds * 1000)
        self._core.bulletin.publish(Topic.SESSION)
        sleeping = asyncio.ensure_future(clock.sleep(seconds))
        try:
            while not sleeping.done():
                waking = asyncio.ensure_future(self._wake.wait())
                try:
                    await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waking.cancel()
                if self._wake.is_set():
                    self._wake.clear()
                    if not self._is_told_to_wait():
                        return
        finally:
            sleeping.cancel()

    def _is_told_to_wait(self) -> bool:
        """Tell whether the platform named a time that has not come: no focus or new job is a reason to be earlier."""
        failure = self._core.session.failure
        return (
            failure is not None and failure.retry_at_ms is not None and failure.retry_at_ms > now_ms(self._core.clock)
        )

    def _delay(self) -> float:
        failure = self._core.session.failure
        if failure is not None and failure.retry_at_ms is not None:
            return max(1.0, (failure.retry_at_ms - now_ms(self._core.clock)) / 1000)
        if self._failures:
            # Doubling stops at the cap; the exponent too, or a night offline would overflow a float.
            seconds = min(_BACKOFF_FIRST_S * 2.0 ** min(self._failures - 1, 10), _BACKOFF_MOST_S)
        else:
            seconds = self._cadence.running_s if self._is_lively else self._cadence.quiet_s
            if self._away:
                seconds *= self._cadence.away_factor
        # Only ever later: many clients are spread all the same, and none asks more often than it promises.
        return seconds * (1 + self._rng.uniform(0, _JITTER))


def _reaches(page: JobPage, known_ms: int | None) -> bool:
    """Tell whether the page goes back to what was known, so that no job between two ticks is missed."""
    oldest = _oldest_ms(page.jobs)
    return known_ms is None or oldest is None or oldest < known_ms


def _oldest_ms(jobs: tuple[ExportJob, ...]) -> int | None:
    times = [job.created_ms for job in jobs if job.created_ms is not None]
    return min(times) if times else None

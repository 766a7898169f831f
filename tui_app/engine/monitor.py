"""Owns the one loop that keeps the list live: its cadence, its patience with outages, and whom it asks for.

One list call a tick covers the newest jobs, and as many more as it takes to reach running ones if those are too many to
ask for one by one. A job that still runs but is not among them is asked for by id, a few a tick and the older the more
seldom. The loop ends only when the engine stops.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError
from tui_app.clock import now_ms
from tui_app.engine.failures import failure_of
from tui_app.engine.head import HEAD, Head
from tui_app.engine.session import Topic
from tui_app.engine.tally import Tally
from tui_app.history.database import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.core import Core
    from tui_app.models.job_query import JobSummary

__all__ = ["HEAD", "Cadence", "Monitor"]

_log = logging.getLogger(__name__)

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
        self._running: Sequence[JobSummary] = ()
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
                        await core.heard()
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
        head = Head(core, dropped=lambda: self._paused and not forced)
        tally = Tally()
        limit = await head.limit_for(self._due(self._running), by_id=_BY_ID_A_TICK)
        covered = await head.read(tally, limit=limit)
        if covered is None:
            return
        self._running = await core.history.jobs.running()
        at_ms = now_ms(core.clock)
        self._is_lively = any(at_ms - (job.created_ms or 0) < _LIVELY_MS for job in self._running)
        uncovered = [job for job in self._running if job.job_id not in covered]
        self._looked_ms = {job.job_id: self._looked_ms.get(job.job_id, 0) for job in uncovered}
        for job_id in self._to_look_at(uncovered):
            if self._paused and not forced:
                return
            self._looked_ms[job_id] = now_ms(core.clock)
            await head.look_up(job_id, tally)

    def _to_look_at(self, uncovered: Sequence[JobSummary]) -> list[str]:
        """Return the jobs to ask for by id: all that are followed, and of the others those that waited longest."""
        followed = [job.job_id for job in uncovered if job.job_id in self._followed]
        due = sorted((job.job_id for job in self._due(uncovered)), key=lambda job_id: self._looked_ms[job_id])
        return [*followed, *due[:_BY_ID_A_TICK]]

    def _due(self, running: Sequence[JobSummary]) -> list[JobSummary]:
        """Return the jobs whose turn it is to be looked at, those that are followed apart.

        A job's turn comes after a hundredth of its age, an hour at most: one that hangs since last week changes less
        soon than one of this morning, and must not cost three requests a tick for ever.
        """
        at_ms = now_ms(self._core.clock)
        return [
            job
            for job in running
            if job.job_id not in self._followed
            and at_ms - self._looked_ms.get(job.job_id, 0)
            >= min((at_ms - (job.created_ms or 0)) // _AGE_A_LOOK, _LOOK_MOST_MS)
        ]

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

"""Owns bringing history up to date while somebody waits: the newest jobs, the running ones, and if wanted all older."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    CertificateError,
    ConnectError,
    InterruptedAnswerError,
    ServerError,
    StatusError,
    ThrottledError,
)
from tui_app.clock import now_ms
from tui_app.engine.failures import explained, failure_of
from tui_app.engine.head import HEAD_PAGE, Head
from tui_app.engine.paging import PAGE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tui_app.engine.backfill import Backfill
    from tui_app.engine.core import Core
    from tui_app.engine.tally import Tally
    from tui_app.models.job_query import JobSummary

_PASSING: Final = (ConnectError, InterruptedAnswerError, ServerError, ThrottledError, BadAnswerError)
_WAITS_S: Final = (5.0, 10.0, 20.0)
_WAITED_MOST_S: Final = 600.0
_PAGES_MOST: Final = 50
_PAGE_COST: Final = 5
"""Calls by id that a page of a thousand jobs is worth."""
_WHAT: Final = "The export jobs could not be read"


class Sync:
    """Synchronises once, in the foreground.

    Args:
        core: whom to ask and where to keep it.
        backfill: the walk through older jobs; its cursor is the one that the app goes on from too.
        page: the most jobs to a page.
        waits_s: how long to wait before asking again, each time that the platform is away.
    """

    def __init__(
        self, core: Core, backfill: Backfill, *, page: int = PAGE, waits_s: Sequence[float] = _WAITS_S
    ) -> None:
        self._core = core
        self._backfill = backfill
        self._page = page
        self._waits_s = waits_s
        self._head = Head(core, dropped=bool, page=page)

    async def run(self, tally: Tally, *, everything: bool, told: Callable[[], None]) -> bool:
        """Bring new and changed jobs, look up those that run, and with `everything` walk to the end of the list.

        An outage is waited out as long as something was read before it; `told` is called for that too.

        Args:
            tally: counts what was brought, also if this is interrupted.
            everything: also read all jobs older than those known, from where an earlier walk stopped.
            told: called whenever the tally has changed.

        Returns:
            Whether history holds all that the platform lists.

        Raises:
            FailureError: the platform stays away or refuses, or history cannot be written; what was read is kept.
        """
        with self._core.activity.busy(), explained(_WHAT, self._core.clock):
            await self._newest(tally, told)
            if everything and not await self._backfill.is_done():
                tally.doing = "older"
                told()
                await self._patiently(tally, told, partial(self._backfill.walk, tally, told=told))
                # What came, and what became of those that run, while the walk was under way.
                await self._newest(tally, told)
            await self._core.refresh_counts()
            await self._core.heard()
            is_empty = everything and not tally.older and not self._core.session.total
            return is_empty or await self._backfill.is_done()

    async def _newest(self, tally: Tally, told: Callable[[], None]) -> None:
        """Read the list back to what is known, and those running jobs that it does not cover."""
        tally.doing = "newest"
        running = await self._core.history.jobs.running()
        limit, back_to_ms = await self._reach(running)
        covered: set[str] = set()

        async def read() -> None:
            covered.update(await self._head.read(tally, limit=limit, back_to_ms=back_to_ms, told=told) or ())

        await self._patiently(tally, told, read)
        tally.doing = "running"
        for job in await self._core.history.jobs.running():
            if job.job_id not in covered:
                await self._patiently(tally, told, partial(self._head.look_up, job.job_id, tally))
                told()

    async def _reach(self, running: Sequence[JobSummary]) -> tuple[int, int | None]:
        """Return page size and how far back to read so that running jobs cost the platform least.

        Those among the first `HEAD_PAGE` cost nothing. Of the others, each is either asked for by id, or covered by
        reading on in whole pages, one of which counts as much as a few calls by id.
        """
        times = sorted((job.created_ms for job in running if job.created_ms is not None), reverse=True)
        newest = await self._core.history.jobs.newest_times(self._page * min(len(times), _PAGES_MOST))
        least, rank, reach, back_to_ms = 1 + len(times), 0, 0, None
        for place, moment in enumerate(times, start=1):
            while rank < len(newest) and newest[rank] >= moment:
                rank += 1
            cost = (1 if rank < HEAD_PAGE else _PAGE_COST * -(-rank // self._page)) + len(times) - place
            if cost < least:
                least, reach, back_to_ms = cost, rank, moment
        return (HEAD_PAGE if reach < HEAD_PAGE else self._page), back_to_ms

    async def _patiently(self, tally: Tally, told: Callable[[], None], work: Callable[[], Awaitable[object]]) -> None:
        """Do it, waiting out an outage that comes after something was read; each page read renews the patience."""
        core = self._core
        waits, waited_s, before = iter(self._waits_s), 0.0, tally.read
        while True:
            try:
                await work()
            except ApiError as error:
                if tally.read > before:
                    waits, waited_s, before = iter(self._waits_s), 0.0, tally.read
                seconds = _wait(error, next(waits, None) if tally.read else None)
                if seconds is None or waited_s + seconds > _WAITED_MOST_S:
                    raise
                waited_s += seconds
                tally.waiting = failure_of(error, what=_WHAT, clock=core.clock)
                tally.resumes_at_ms = now_ms(core.clock) + int(seconds * 1000)
                told()
                await core.clock.sleep(seconds)
            else:
                tally.waiting = tally.resumes_at_ms = None
                return


def _wait(error: ApiError, seconds: float | None) -> float | None:
    """Return how long to wait before trying again, None when that is over or would not help."""
    if isinstance(error, CertificateError) or not isinstance(error, _PASSING):
        return None
    asked_s = error.retry_after_s if isinstance(error, StatusError) else None
    return seconds if asked_s is None else asked_s

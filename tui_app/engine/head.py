"""Owns reading the head of the list back to what is known, and looking up the running jobs that it does not cover."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import BadAnswerError, BadRequestError, ForbiddenError, NotFoundError, ServerError
from tui_app.clock import now_ms
from tui_app.engine.paging import PAGE, Pages, Walk
from tui_app.engine.session import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.engine.core import Core
    from tui_app.engine.tally import Tally
    from tui_app.models.export_job import ExportJob, JobPage
    from tui_app.models.job_query import JobSummary

_log = logging.getLogger(__name__)

HEAD: Final = "monitor.head"
"""Note of the creation time, epoch ms, from which on backwards no job is missing but what the backfill still brings."""
HEAD_PAGE: Final = 100
_OF_ONE_JOB: Final = (BadRequestError, ForbiddenError, ServerError, BadAnswerError)
"""Errors that tell of the job asked for, not of the platform, when the list was answered a moment ago."""


class Head:
    """Reads the newest jobs and the running ones into history.

    Args:
        core: whom to ask and where to keep it.
        dropped: tells whether an answer that has just come is not wanted any more.
        page: the most jobs to a page.
    """

    def __init__(self, core: Core, *, dropped: Callable[[], bool], page: int = PAGE) -> None:
        self._core = core
        self._dropped = dropped
        self._page = page
        self._pages = Pages(core, most=page)

    async def read(
        self,
        tally: Tally,
        *,
        limit: int = HEAD_PAGE,
        back_to_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> set[str] | None:
        """Read the list back to what is known and return the ids that were on it; None when an answer was dropped.

        Args:
            tally: counts what was read.
            limit: jobs to a page.
            back_to_ms: read on until the jobs are older than this moment, epoch ms.
            told: called after each page.

        Raises:
            ApiError: the platform could not be asked; the next reading goes back as far as this one would have.
            HistoryError: what was read cannot be kept; as above.
        """
        core = self._core
        head = await core.history.lookups.note(HEAD)
        known_ms = int(head) if head else await core.history.jobs.newest_created_ms()
        covered: set[str] = set()
        newest_ms: int | None = None
        walk = Walk(core, self._pages, limit=min(limit, self._page))
        try:
            while True:
                step = await walk.step()
                if self._dropped():
                    return None
                jobs = step.page.jobs
                covered.update(job.job_id for job in jobs)
                newest_ms = max((job.created_ms or 0 for job in jobs), default=0) if newest_ms is None else newest_ms
                await self._keep(jobs, tally, asked_ms=step.asked_ms)
                if told is not None:
                    told()
                if step.following is None or _reaches(step.page, known_ms, back_to_ms):
                    break
        finally:
            await walk.aclose()
        # Only now: a crash or an outage between two pages must not pass the rest off as known.
        if newest_ms and str(newest_ms) != head:
            await core.history.lookups.set_note(HEAD, str(newest_ms))
        return covered

    async def look_up(self, job_id: str, tally: Tally) -> None:
        """Ask for one job by its id; one that the platform no longer knows is marked.

        Raises:
            ApiError: the platform could not be asked; not where only this job cannot be read.
            HistoryError: what was read cannot be kept.
        """
        core = self._core
        asked_ms = now_ms(core.clock)
        try:
            job = await core.client.export_jobs.get(job_id)
        except NotFoundError:
            if self._dropped():
                return
            await core.history.jobs.mark_gone(job_id, at_ms=now_ms(core.clock))
            tally.gone += 1
            core.bulletin.publish(Topic.JOBS)
        except _OF_ONE_JOB as error:
            _log.warning("one job cannot be read, the others go on: %s", error)
        else:
            if not self._dropped():
                await self._keep((job,), tally, asked_ms=asked_ms)

    async def limit_for(self, wanted: Sequence[JobSummary], *, by_id: int) -> int:
        """Return how many jobs a page must hold so that at most `by_id` of the wanted ones are left to ask for by id.

        Those that not even the largest page reaches are left out of the count. A tenth more than history knows of is
        asked for: others may have come since.
        """
        if len(wanted) <= by_id:
            return HEAD_PAGE
        newest = await self._core.history.jobs.newest_times(self._page * 9 // 10)
        horizon = newest[-1] if newest else 0
        reachable = sorted(job.created_ms for job in wanted if (job.created_ms or 0) >= horizon and job.created_ms)
        if len(reachable) <= by_id:
            return HEAD_PAGE
        newer = sum(one >= reachable[by_id] for one in newest)
        return min(self._page, -(-(newer + newer // 10) // HEAD_PAGE) * HEAD_PAGE)

    async def _keep(self, jobs: Sequence[ExportJob], tally: Tally, *, asked_ms: int) -> None:
        applied = await self._core.apply(jobs, asked_ms=asked_ms)
        tally.add(jobs, applied)
        if applied:
            self._core.bulletin.publish(Topic.JOBS)


def _reaches(page: JobPage, known_ms: int | None, back_to_ms: int | None) -> bool:
    """Tell whether the page goes back far enough that no job between two readings is missed.

    Strictly older: jobs of the same millisecond may be on either side of the page's end.
    """
    times = [job.created_ms for job in page.jobs if job.created_ms is not None]
    if not times:
        # A page without any time says nothing; one without any job may be damaged, and the next one tells.
        return bool(page.jobs)
    return all(wanted is None or times[-1] < wanted for wanted in (known_ms, back_to_ms))

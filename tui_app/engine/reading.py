"""Owns reading the platform's job list to order: the newest jobs that match, as many as asked for, kept in history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.clock import now_ms
from tui_app.engine.failures import explained
from tui_app.engine.paging import PAGE, Pages
from tui_app.models.export_job import FAILED, NEW, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_app.engine.core import Core
    from tui_app.engine.datasets import DatasetsService
    from tui_app.models.export_job import ExportJob
    from tui_app.models.job_query import JobQuery

_FILTERED_THERE: Final = frozenset({NEW, SUCCEEDED, FAILED})
"""The only statuses the list call is documented to filter by (API reference 2.5)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading found; `more` tells that the platform may hold further matching jobs."""

    jobs: tuple[ExportJob, ...]
    more: bool


class Reader:
    """Reads the list from the platform, not from history, so that the answer is right also at the first call."""

    def __init__(self, core: Core, datasets: DatasetsService) -> None:
        self._core = core
        self._datasets = datasets
        self._pages = Pages(core)

    async def newest(
        self, query: JobQuery, *, limit: int | None, progress: Callable[[int, int], None] | None = None
    ) -> Reading:
        """Return the newest matching jobs, newest first; all that is read is kept in history.

        Args:
            query: text and statuses; its order is not used.
            limit: how many jobs at most; None reads the list to its end.
            progress: called between pages with the number of jobs read and of those that match.

        Raises:
            FailureError: the platform could not be asked, or the history not be written.
        """
        with self._core.activity.busy(), explained("The list of export jobs could not be read", self._core.clock):
            return await self._newest(query, limit, progress)

    async def _newest(self, query: JobQuery, limit: int | None, progress: Callable[[int, int], None] | None) -> Reading:
        status = _status_filtered_there(query)
        exact = not query.text and (not query.statuses or status is not None)
        found: dict[str, ExportJob] = {}
        offset: str | None = None
        seen: set[str | None] = {None}
        read = 0
        while True:
            size = PAGE if limit is None or not exact else min(PAGE, limit - len(found))
            asked = now_ms(self._core.clock)
            page = await self._pages.read(offset=offset, limit=size, status=status)
            await self._core.apply(page.jobs, asked_ms=asked)
            read += len(page.jobs)
            names = await self._dataset_names() if query.text else {}
            found.update((job.job_id, job) for job in page.jobs if _matches(job, query, names))
            offset = page.next_offset
            ended = offset in seen or not page.jobs
            if ended or (limit is not None and len(found) >= limit):
                jobs = tuple(found.values())
                return Reading(jobs[:limit], more=not ended or len(jobs) > len(jobs[:limit]))
            seen.add(offset)
            if progress is not None:
                progress(read, len(found))

    async def _dataset_names(self) -> dict[str, str]:
        await self._datasets.learn_names()
        rows = await self._core.history.lookups.all("dataset")
        return {dataset_id: name for dataset_id, name, _, _ in rows if name}


def _status_filtered_there(query: JobQuery) -> str | None:
    lone = query.statuses[0] if len(query.statuses) == 1 else None
    return lone if lone in _FILTERED_THERE else None


def _matches(job: ExportJob, query: JobQuery, names: Mapping[str, str]) -> bool:
    """Tell whether a job matches, by the same rule as the list's: a plain substring, in capitals or not."""
    if query.statuses and job.status not in query.statuses:
        return False
    first = job.errors[0] if job.errors else None
    texts = (
        job.job_id,
        job.status,
        job.dataset_id or "",
        names.get(job.dataset_id or "", ""),
        " ".join(segment.segment_id for segment in job.segments),
        " ".join(filter(None, (first.code, first.message))) if first else "",
    )
    wanted = query.text.casefold()
    return not wanted or any(wanted in text.casefold() for text in texts)

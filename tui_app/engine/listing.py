"""Owns the questions a list asks: which jobs, in what order, and what a row shows; all from history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.clock import now_ms
from tui_app.engine.failures import explained

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from tui_app.engine.core import Core
    from tui_app.models.export_job import ExportJob
    from tui_app.models.job_query import JobQuery, JobSummary


class Listing:
    """Reads the job list; never asks the platform. Every question raises FailureError if history cannot be read."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def rows(self, query: JobQuery) -> array[int]:
        """Return the row numbers of all jobs that match, in list order."""
        with self._reading():
            return await self._core.history.jobs.rows(query, now_ms=now_ms(self._core.clock))

    async def summaries(self, rows: Iterable[int]) -> list[JobSummary]:
        """Return what the list shows of these rows."""
        with self._reading():
            return await self._core.history.jobs.summaries(rows)

    def first_screen(self, query: JobQuery, count: int) -> tuple[array[int], list[JobSummary]]:
        """Return all rows and the first `count` summaries at once, for the first paint; blocks shortly."""
        with self._reading():
            rows = self._core.history.jobs.rows_now(query, now_ms=now_ms(self._core.clock))
            return rows, self._core.history.jobs.summaries_now(rows[:count])

    async def jobs(self, rows: Iterable[int]) -> list[ExportJob]:
        """Return these jobs in full."""
        with self._reading():
            return await self._core.history.jobs.get_rows(rows)

    async def job(self, job_id: str) -> ExportJob | None:
        """Return a job in full as last seen, None when it was never seen."""
        with self._reading():
            return await self._core.history.jobs.get(job_id)

    async def summary(self, job_id: str) -> JobSummary | None:
        """Return what the list shows of one job, None when it was never seen."""
        with self._reading():
            return await self._core.history.jobs.summary(job_id)

    def _reading(self) -> AbstractContextManager[None]:
        return explained("The list of export jobs cannot be read", self._core.clock)

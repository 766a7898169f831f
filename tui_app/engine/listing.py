"""Owns the questions a list asks: which jobs, in what order, and what a row shows; all from history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.clock import now_ms
from tui_app.engine.failures import explained
from tui_app.history.answers import Answers

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from tui_app.engine.core import Core
    from tui_app.models.export_job import ExportJob
    from tui_app.models.job_query import JobQuery, JobSummary
    from tui_app.models.statistics import Statistics


class Listing:
    """Reads the job list; never asks the platform. Every question raises FailureError if history cannot be read."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def first_rows(self, query: JobQuery, count: int) -> list[JobSummary]:
        """Return what the list shows of the first `count` jobs that match, in list order."""
        with self._reading():
            return await self._core.history.jobs.first_rows(query, count, now_ms=self._now_ms())

    def first_rows_now(self, query: JobQuery, count: int) -> list[JobSummary]:
        """As `first_rows`, at once, for the first paint; blocks shortly."""
        with self._reading():
            return self._core.history.jobs.first_rows_now(query, count, now_ms=self._now_ms())

    async def all_rows(self, query: JobQuery) -> array[int]:
        """Return the row numbers of all jobs that match, in list order; cancelling the task breaks the reading off."""
        with self._reading():
            return await self._core.history.jobs.all_rows(query, now_ms=self._now_ms())

    async def newer_rows(self, after_row: int, query: JobQuery) -> array[int]:
        """Return the rows with a number above `after_row` that match, in list order."""
        with self._reading():
            return await self._core.history.jobs.newer_rows(after_row, query, now_ms=self._now_ms())

    async def summaries(self, rows: Iterable[int]) -> list[JobSummary]:
        """Return what the list shows of these rows."""
        with self._reading():
            return await self._core.history.jobs.summaries(rows)

    async def jobs(self, rows: Iterable[int]) -> list[ExportJob]:
        """Return these jobs in full."""
        with self._reading():
            return [one.parsed() for one in await Answers(self._core.history.database).of(list(rows))]

    async def job(self, job_id: str) -> ExportJob | None:
        """Return a job in full as last seen, None when it was never seen."""
        with self._reading():
            return await self._core.history.jobs.get(job_id)

    async def summary(self, job_id: str) -> JobSummary | None:
        """Return what the list shows of one job, None when it was never seen."""
        with self._reading():
            return await self._core.history.jobs.summary(job_id)

    async def statistics(self, query: JobQuery) -> Statistics:
        """Return the figures of all jobs that match; cancelling the task breaks the reading off."""
        with explained("The statistics cannot be read", self._core.clock):
            return await self._core.history.jobs.statistics(query, now_ms=self._now_ms())

    async def values(self, field: str, prefix: str, limit: int) -> tuple[str, ...]:
        """Return values of a filter's field, from history, that begin with `prefix`; those in use lately first."""
        with explained("Values for the filter cannot be read", self._core.clock):
            return await self._core.history.jobs.values(field, prefix, limit)

    def _now_ms(self) -> int:
        return now_ms(self._core.clock)

    def _reading(self) -> AbstractContextManager[None]:
        return explained("The list of export jobs cannot be read", self._core.clock)

"""Owns the questions to the rows of export jobs: lists, counts, details; writing them is `recording`'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.history import order
from tui_app.history.answers import Answer
from tui_app.history.filtering import STUCK, overdue_before
from tui_app.history.recording import Applied, record, record_gone
from tui_app.history.statistics import statistics
from tui_app.history.summaries import running, summaries, summary_of
from tui_app.history.values import values
from tui_app.models.export_job import FAILED

if TYPE_CHECKING:
    import sqlite3
    from array import array
    from collections.abc import Iterable, Sequence

    from tui_app.history.database import Database
    from tui_app.models.export_job import ExportJob
    from tui_app.models.job_query import JobQuery, JobSummary
    from tui_app.models.statistics import Statistics

_DAY_MS: Final = 86_400_000
_COUNTS: Final = f"""
    SELECT (SELECT COUNT(*) FROM job),
           (SELECT COUNT(*) FROM job WHERE terminal = 0 AND gone_ms IS NULL),
           (SELECT COUNT(*) FROM job WHERE created_ms >= ? AND status = ?),
           (SELECT COUNT(*) FROM job WHERE {STUCK})
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures for the header."""

    total: int = 0
    running: int = 0
    failed_recently: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A status or stage as we first saw it; `seen_ms` is our clock, not the platform's."""

    seen_ms: int
    status: str
    stage: str | None


class Jobs:
    """The job table of one history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, jobs: Sequence[ExportJob], *, seen_ms: int, asked_ms: int) -> Applied:
        """Write one answer of the platform in one transaction.

        A job whose stored answer is newer is left alone: the network may deliver out of order. Newer is what was
        asked for later; of two requests that were under way together, the answer that had got further. A job whose
        content did not change costs no write; `requestId` does not count, because the service makes a new one for
        each read (API reference 13, row 19).

        Args:
            jobs: as parsed from the answer.
            seen_ms: when the answer came, epoch ms.
            asked_ms: when the request left, epoch ms.
        """
        return await self._database.write(lambda db: record(db, jobs, seen_ms, asked_ms))

    async def mark_cancel_requested(self, job_id: str, *, at_ms: int) -> None:
        """Remember that we asked for the cancel, so that the list can say so until the platform does."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE job SET cancel_requested_ms = ? WHERE job_id = ? AND terminal = 0", (at_ms, job_id)
            )
        )

    async def mark_gone(self, job_id: str, *, at_ms: int) -> None:
        """Mark a job that the platform no longer knows; one we had cancelled has thereby ended CANCELLED."""
        await self._database.write(lambda db: record_gone(db, job_id, at_ms))

    async def first_rows(self, query: JobQuery, count: int, *, now_ms: int) -> list[JobSummary]:
        """Return the list's view of the first `count` jobs that match; a long reading like `all_rows`."""
        return await self._database.scan(lambda db: summaries(db, order.first_rows(db, query, now_ms, count)))

    def first_rows_now(self, query: JobQuery, count: int, *, now_ms: int) -> list[JobSummary]:
        """As `first_rows`, waiting on the caller's thread: for the first paint only."""
        return self._database.read_now(lambda db: summaries(db, order.first_rows(db, query, now_ms, count)))

    async def all_rows(self, query: JobQuery, *, now_ms: int) -> array[int]:
        """Return the row numbers of all jobs that match, in list order, 4 bytes a job.

        A long reading, 0.2 to 0.9 s for a million jobs, beside the others; cancelling the task breaks it off.
        """
        return await self._database.scan(lambda db: order.all_rows(db, query, now_ms))

    async def newer_rows(self, after_row: int, query: JobQuery, *, now_ms: int) -> array[int]:
        """Return the rows with a number above `after_row` that match, in list order."""
        return await self._database.read(lambda db: order.newer_rows(db, query, now_ms, after_row))

    async def summaries(self, rows: Iterable[int]) -> list[JobSummary]:
        """Return the list's view of these rows, in the order asked; rows that do not exist are left out."""
        wanted = list(rows)
        return await self._database.read(lambda db: summaries(db, wanted))

    async def summary(self, job_id: str) -> JobSummary | None:
        """Return the list's view of one job, None when it was never seen."""
        return await self._database.read(lambda db: summary_of(db, job_id))

    async def statistics(self, query: JobQuery, *, now_ms: int) -> Statistics:
        """Return the figures of all jobs that match; a long reading like `all_rows`, about 1 s for a million."""
        return await self._database.scan(lambda db: statistics(db, query.filter, now_ms))

    async def values(self, field: str, prefix: str, limit: int) -> tuple[str, ...]:
        """Return values of a filter's field that begin with `prefix`, those of the newest jobs first."""
        return await self._database.read(lambda db: values(db, field, prefix, limit))

    async def get(self, job_id: str) -> ExportJob | None:
        """Return the newest answer about one job, None when it was never seen.

        Its status is that of the list, also where that is our conclusion: a job that vanished after a cancel.
        """
        asked = "SELECT raw, status FROM job JOIN answer USING (row) WHERE job_id = ?"
        found = await self._database.read(lambda db: db.execute(asked, (job_id,)).fetchone())
        return Answer(*found).parsed() if found else None

    async def running(self) -> list[JobSummary]:
        """Return every job not known to have ended, oldest first."""
        return await self._database.read(running)

    async def transitions(self, job_id: str) -> tuple[Transition, ...]:
        """Return what we saw of a job over time, oldest first."""
        found = await self._database.read(
            lambda db: db.execute(
                "SELECT seen_ms, status, stage FROM transition WHERE job_id = ? ORDER BY seen_ms, row",
                (job_id,),
            ).fetchall()
        )
        return tuple(Transition(*one) for one in found)

    async def counts(self, *, now_ms: int) -> Counts:
        """Return the header's figures; "recently" is the last 24 hours of creation."""
        asked = (now_ms - _DAY_MS, FAILED, overdue_before(now_ms))
        return await self._database.read(lambda db: Counts(*db.execute(_COUNTS, asked).fetchone()))

    async def seen_before(self, job_ids: Iterable[str], *, at_ms: int) -> frozenset[str]:
        """Return those of the jobs that were in history before a moment of our clock."""
        wanted = list(job_ids)
        return await self._database.read(lambda db: _seen_before(db, wanted, at_ms))

    async def newest_created_ms(self) -> int | None:
        """Return the creation time of the newest job known, None when there is none."""
        (found,) = await self._database.read(lambda db: db.execute("SELECT MAX(created_ms) FROM job").fetchone())
        return None if found is None else int(found)

    async def newest_times(self, most: int) -> list[int]:
        """Return the creation times of the newest jobs, newest first; 0 where the platform did not say."""
        return await self._database.read(
            lambda db: [
                one for (one,) in db.execute("SELECT created_ms FROM job ORDER BY created_ms DESC LIMIT ?", (most,))
            ]
        )

    async def dataset_ids_without_name(self, limit: int = 50) -> tuple[str, ...]:
        """Return datasets of the newest jobs whose name was never looked up."""
        found = await self._database.read(
            lambda db: db.execute(
                """SELECT DISTINCT word.text FROM
                     (SELECT dataset FROM job ORDER BY created_ms DESC LIMIT 2000) JOIN word ON word_id = dataset
                   WHERE word.text NOT IN (SELECT item_id FROM lookup WHERE kind = 'dataset')
                   LIMIT ?""",
                (limit,),
            ).fetchall()
        )
        return tuple(one for (one,) in found)


def _seen_before(db: sqlite3.Connection, job_ids: Sequence[str], at_ms: int) -> frozenset[str]:
    asked = "SELECT 1 FROM job JOIN answer USING (row) WHERE job_id = ? AND first_seen_ms < ?"
    return frozenset(one for one in job_ids if db.execute(asked, (one, at_ms)).fetchone())

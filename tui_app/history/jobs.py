"""Owns the questions to the rows of export jobs: lists, counts, details; writing them is `recording`'s."""

from __future__ import annotations

import json
import zlib
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tui_app.history.recording import Applied, record, record_gone
from tui_app.models.export_job import FAILED, ExportJob
from tui_app.models.job_query import JobQuery, JobSummary
from tui_app.models.stage import OVERDUE_AFTER_MS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from tui_app.history.database import Database

_PAGE: Final = 500

_TEXT_MOST: Final = 1_000

# What a column of the list is sorted by; NULL is a blank. `?1` is now in epoch ms, for jobs that still run.
_SORTS: Final[dict[str, str]] = {
    "created": "job.created_ms",
    "updated": "job.updated_ms",
    "id": "job.number",
    "status": "job.status",
    "duration": (
        "COALESCE(job.duration_ms, CASE WHEN job.terminal OR job.created_ms = 0 THEN NULL ELSE ?1 - job.created_ms END)"
    ),
    "stage": "job.stage",
    "segments": "job.segment_count",
    "dataset": "COALESCE(NULLIF(lookup.name, ''), NULLIF(job.dataset_id, '')) COLLATE NOCASE",
    "error": "NULLIF(job.error, '') COLLATE NOCASE",
    "profiles": "job.profiles",
}
_NEVER_BLANK: Final = frozenset({"created", "id", "status", "segments"})

STUCK: Final = "stuck"
"""The word that finds jobs that may be stuck, besides those that hold it."""
_STUCK: Final = f"terminal = 0 AND gone_ms IS NULL AND updated_ms < ?1 - {OVERDUE_AFTER_MS}"

_COUNTS: Final = f"""
    SELECT (SELECT COUNT(*) FROM job),
           (SELECT COUNT(*) FROM job WHERE terminal = 0 AND gone_ms IS NULL),
           (SELECT COUNT(*) FROM job WHERE created_ms >= ?2 AND status = ?3),
           (SELECT COUNT(*) FROM job WHERE {_STUCK})
"""  # noqa: S608 - constants only

_SUMMARY: Final = """
    job.row, job.job_id, job.status, job.created_ms, job.updated_ms, job.ended_ms, job.duration_ms, job.stage,
    job.stage_since_ms, job.segment_count, job.segment_ids, job.dataset_id, lookup.name, job.error, job.profiles,
    job.batch_count, job.scheduled, job.gone_ms, job.cancel_requested_ms
"""
_FROM: Final = "FROM job LEFT JOIN lookup ON lookup.kind = 'dataset' AND lookup.item_id = job.dataset_id"


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

    async def rows(self, query: JobQuery, *, now_ms: int) -> array[int]:
        """Return the row numbers of all jobs that match, in list order: 8 bytes a job."""
        return await self._database.read(lambda db: _rows(db, query, now_ms))

    def rows_now(self, query: JobQuery, *, now_ms: int) -> array[int]:
        """As `rows`, waiting for the answer on the caller's thread: for the first paint only."""
        return self._database.read_now(lambda db: _rows(db, query, now_ms))

    async def summaries(self, rows: Iterable[int]) -> list[JobSummary]:
        """Return the list's view of these rows, in the order asked; rows that do not exist are left out."""
        wanted = list(rows)
        return await self._database.read(lambda db: _summaries(db, wanted))

    def summaries_now(self, rows: Iterable[int]) -> list[JobSummary]:
        """As `summaries`, waiting on the caller's thread: a screenful takes under a millisecond."""
        wanted = list(rows)
        return self._database.read_now(lambda db: _summaries(db, wanted))

    async def summary(self, job_id: str) -> JobSummary | None:
        """Return the list's view of one job, None when it was never seen."""
        found = await self._database.read(
            lambda db: db.execute(f"SELECT {_SUMMARY} {_FROM} WHERE job.job_id = ?", (job_id,)).fetchone()
        )
        return _summary(found) if found else None

    async def get(self, job_id: str) -> ExportJob | None:
        """Return the newest answer about one job, None when it was never seen.

        Its status is that of the list, also where that is our conclusion: a job that vanished after a cancel.
        """
        found = await self._database.read(
            lambda db: db.execute("SELECT raw, status FROM job WHERE job_id = ?", (job_id,)).fetchone()
        )
        return _parse(*found) if found else None

    async def get_rows(self, rows: Iterable[int]) -> list[ExportJob]:
        """Return the newest answers about these rows, in the order asked."""
        wanted = list(rows)
        return await self._database.read(lambda db: _jobs(db, wanted))

    async def running(self) -> list[JobSummary]:
        """Return every job not known to have ended, oldest first."""
        found = await self._database.read(
            lambda db: db.execute(
                f"SELECT {_SUMMARY} {_FROM} WHERE job.terminal = 0 AND job.gone_ms IS NULL ORDER BY job.created_ms"
            ).fetchall()
        )
        return [_summary(one) for one in found]

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
        since = now_ms - 24 * 3_600_000
        return await self._database.read(lambda db: Counts(*db.execute(_COUNTS, (now_ms, since, FAILED)).fetchone()))

    async def seen_before(self, job_ids: Iterable[str], *, at_ms: int) -> frozenset[str]:
        """Return those of the jobs that were in history before a moment of our clock."""
        wanted = list(job_ids)
        return await self._database.read(lambda db: _seen_before(db, wanted, at_ms))

    async def newest_created_ms(self) -> int | None:
        """Return the creation time of the newest job known, None when there is none."""
        (found,) = await self._database.read(lambda db: db.execute("SELECT MAX(created_ms) FROM job").fetchone())
        return None if found is None else int(found)

    async def dataset_ids_without_name(self, limit: int = 50) -> tuple[str, ...]:
        """Return datasets of the newest jobs whose name was never looked up."""
        found = await self._database.read(
            lambda db: db.execute(
                """SELECT DISTINCT dataset_id FROM
                     (SELECT dataset_id FROM job ORDER BY created_ms DESC LIMIT 2000)
                   WHERE dataset_id <> '' AND dataset_id NOT IN (SELECT item_id FROM lookup WHERE kind = 'dataset')
                   LIMIT ?""",
                (limit,),
            ).fetchall()
        )
        return tuple(one for (one,) in found)


def _rows(db: sqlite3.Connection, query: JobQuery, now_ms: int) -> array[int]:
    where, values = _where(query)
    column = query.sort if query.sort in _SORTS else "created"
    sort = _SORTS[column]
    direction, opposite = ("DESC", "ASC") if query.descending else ("ASC", "DESC")
    # Ties go by time in the same direction. The row runs against it because the index holds it so.
    terms = [] if column in _NEVER_BLANK else [f"{sort} IS NULL"]
    terms += dict.fromkeys([f"{sort} {direction}", f"job.created_ms {direction}", f"job.number {direction}"])
    source = _FROM if "lookup." in where or "lookup." in sort else "FROM job"
    found = db.execute(
        f"SELECT job.row {source} {where} ORDER BY {', '.join(terms)}, job.row {opposite}",
        (now_ms, *values) if "?1" in sort or values else (),
    )
    return array("q", (row for (row,) in found))


def _where(query: JobQuery) -> tuple[str, list[str]]:
    parts: list[str] = []
    values: list[str] = []
    if query.statuses:
        places = ", ".join(f"?{len(values) + index + 2}" for index in range(len(query.statuses)))
        parts.append(f"job.status IN ({places})")
        values.extend(query.statuses)
    if query.text:
        place = f"?{len(values) + 2}"
        columns = (
            "job.job_id",
            "job.status",
            "job.dataset_id",
            "lookup.name",
            "job.segment_ids",
            "job.error",
        )
        matches = [f"{one} LIKE {place} ESCAPE '\\'" for one in columns]
        if query.text.strip().casefold() == STUCK:
            matches.append(f"({_STUCK})")
        parts.append(f"({' OR '.join(matches)})")
        # Bounded, and in letters a file can hold: a careless paste must not be an error.
        text = query.text[:_TEXT_MOST].encode("utf-8", "replace").decode()
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(f"%{escaped}%")
    return (f"WHERE {' AND '.join(parts)}" if parts else "", values)


def _summaries(db: sqlite3.Connection, rows: Sequence[int]) -> list[JobSummary]:
    found: dict[int, JobSummary] = {}
    for start in range(0, len(rows), _PAGE):
        part = rows[start : start + _PAGE]
        places = ", ".join("?" * len(part))
        for one in db.execute(f"SELECT {_SUMMARY} {_FROM} WHERE job.row IN ({places})", part):
            found[one[0]] = _summary(one)
    return [found[row] for row in rows if row in found]


def _summary(one: Sequence[Any]) -> JobSummary:
    (row, job_id, status, created, updated, ended, duration, stage, since, segment_count, segment_ids) = one[:11]
    dataset_id, dataset_name, error, profiles, batch_count, scheduled, gone, cancel_requested = one[11:]
    return JobSummary(
        row=row,
        job_id=job_id,
        status=status,
        created_ms=created or None,
        updated_ms=updated,
        ended_ms=ended,
        duration_ms=duration,
        stage=stage,
        stage_since_ms=since,
        segment_count=segment_count,
        segment_text=segment_ids,
        dataset_id=dataset_id or None,
        dataset_name=dataset_name or None,
        error=error or None,
        profiles=profiles,
        batch_count=batch_count,
        mine=not scheduled,
        gone=gone is not None,
        cancel_requested_ms=cancel_requested,
    )


def _jobs(db: sqlite3.Connection, rows: Sequence[int]) -> list[ExportJob]:
    found: dict[int, ExportJob] = {}
    for start in range(0, len(rows), _PAGE):
        part = rows[start : start + _PAGE]
        places = ", ".join("?" * len(part))
        for row, raw, status in db.execute(f"SELECT row, raw, status FROM job WHERE row IN ({places})", part):  # noqa: S608 - places only
            found[row] = _parse(raw, status)
    return [found[row] for row in rows if row in found]


def _seen_before(db: sqlite3.Connection, job_ids: Sequence[str], at_ms: int) -> frozenset[str]:
    asked = "SELECT 1 FROM job WHERE job_id = ? AND first_seen_ms < ?"
    return frozenset(one for one in job_ids if db.execute(asked, (one, at_ms)).fetchone())


def _parse(raw: bytes, status: str) -> ExportJob:
    job = ExportJob.parse(json.loads(zlib.decompress(raw)))
    return job if job.status == status else replace(job, status=status)

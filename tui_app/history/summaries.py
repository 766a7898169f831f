"""Owns reading what the list shows of a job: one row of `job` with its words spelled out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui_app.models.job_query import JobSummary

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_PAGE: Final = 500
_ASKED: Final = """
    SELECT job.row, job.job_id, job.status, job.created_ms, job.updated_ms, job.ended_ms, job.duration_ms, job.stage,
           job.stage_since_ms, job.segment_count, segments.text, dataset.text, lookup.name, error.text, policy.text,
           job.profiles, job.batch_count, job.scheduled, job.gone_ms, job.cancel_requested_ms
    FROM job
    LEFT JOIN word AS dataset ON dataset.word_id = job.dataset
    LEFT JOIN word AS segments ON segments.word_id = job.segments
    LEFT JOIN word AS error ON error.word_id = job.error
    LEFT JOIN word AS policy ON policy.word_id = job.policy
    LEFT JOIN lookup ON lookup.kind = 'dataset' AND lookup.item_id = dataset.text
"""


def summaries(db: sqlite3.Connection, rows: Sequence[int]) -> list[JobSummary]:
    """Return what the list shows of these rows, in the order asked; rows that do not exist are left out."""
    found: dict[int, JobSummary] = {}
    for start in range(0, len(rows), _PAGE):
        part = rows[start : start + _PAGE]
        places = ", ".join("?" * len(part))
        for one in db.execute(f"{_ASKED} WHERE job.row IN ({places})", part):
            found[one[0]] = _summary(one)
    return [found[row] for row in rows if row in found]


def summary_of(db: sqlite3.Connection, job_id: str) -> JobSummary | None:
    """Return what the list shows of one job, None when it was never seen."""
    found = db.execute(f"{_ASKED} WHERE job.job_id = ?", (job_id,)).fetchone()
    return _summary(found) if found else None


def running(db: sqlite3.Connection) -> list[JobSummary]:
    """Return every job not known to have ended, oldest first."""
    asked = f"{_ASKED} WHERE job.terminal = 0 AND job.gone_ms IS NULL ORDER BY job.created_ms"
    return [_summary(one) for one in db.execute(asked)]


def _summary(one: Sequence[Any]) -> JobSummary:
    (row, job_id, status, created, updated, ended, duration, stage, since, segment_count, segment_ids) = one[:11]
    dataset_id, dataset_name, error, policy, profiles, batch_count, scheduled, gone, cancel_requested = one[11:]
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
        segment_text=segment_ids or "",
        dataset_id=dataset_id,
        dataset_name=dataset_name or None,
        error=error.partition("\n")[0] if error else None,
        profiles=profiles,
        batch_count=batch_count,
        mine=not scheduled,
        gone=gone is not None,
        cancel_requested_ms=cancel_requested,
        policy=policy,
    )

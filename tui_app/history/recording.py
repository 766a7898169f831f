"""Owns writing down what the platform showed of export jobs: what is new, what changed, what came too late."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tui_app.models.export_job import CANCELLED, ExportJob
from tui_app.models.stage import current_stage, duration_ms, ended_ms, stages

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

# Our clock and another program's on the same file may differ by this much; more means that a clock was set back.
_CLOCK_SLACK_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Applied:
    """What writing one answer changed: ids never seen before, and ids whose content differs."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.changed)


def record(db: sqlite3.Connection, jobs: Sequence[ExportJob], seen_ms: int, asked_ms: int) -> Applied:
    """Write one answer within the open transaction; see `Jobs.apply`."""
    new: list[str] = []
    changed: list[str] = []
    for job in jobs:
        stored = db.execute(
            "SELECT digest, asked_ms, changed_ms, updated_ms, status, stage, terminal, gone_ms "
            "FROM job WHERE job_id = ?",
            (job.job_id,),
        ).fetchone()
        digest = _digest(job.raw)
        if stored is not None:
            old_digest, *marks, old_status, old_stage, old_terminal, gone = stored
            if _is_stale(job, marks, was_terminal=bool(old_terminal), seen_ms=seen_ms, asked_ms=asked_ms):
                continue
            if old_digest == digest and gone is None:
                continue
        stage = current_stage(job, seen_ms)
        _write(db, job, digest, stage, seen_ms, asked_ms)
        if stored is None or (old_status, old_stage) != (job.status, stage):
            db.execute(
                "INSERT INTO transition (job_id, seen_ms, status, stage) VALUES (?, ?, ?, ?)",
                (job.job_id, seen_ms, job.status, stage),
            )
        (new if stored is None else changed).append(job.job_id)
    return Applied(tuple(new), tuple(changed))


def _is_stale(job: ExportJob, stored: Sequence[int | None], *, was_terminal: bool, seen_ms: int, asked_ms: int) -> bool:
    """Tell whether an answer shows a job as it was before the stored one, whose marks are asked, seen and updated."""
    old_asked, old_seen, old_updated = stored[0] or 0, stored[1] or 0, stored[2]
    if asked_ms < old_asked:
        # Stored in our future: the clock was set back, and waiting for it would freeze the list.
        return old_asked <= seen_ms + _CLOCK_SLACK_MS
    regressed = old_updated is not None and job.updated_ms is not None and job.updated_ms < old_updated
    if was_terminal and not job.is_terminal:
        # An ended job never runs again (API reference 2.4), so only an answer that is surely later may say so.
        return regressed or asked_ms < old_seen
    return regressed and asked_ms < old_seen


def _write(  # noqa: PLR0917 - one row, spelled once
    db: sqlite3.Connection, job: ExportJob, digest: bytes, stage: str | None, seen_ms: int, asked_ms: int
) -> None:
    ended = ended_ms(job) if job.is_terminal else None
    duration = duration_ms(job, seen_ms) if job.is_terminal else None
    since = next((one.started_ms for one in stages(job, seen_ms) if one.name == stage), None) if stage else None
    first = job.errors[0] if job.errors else None
    db.execute(
        """INSERT INTO job (job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage,
                            stage_since_ms, dataset_id, segment_ids, segment_count, batch_count, error, profiles,
                            scheduled, first_seen_ms, changed_ms, asked_ms, digest, raw)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (job_id) DO UPDATE SET
             number = excluded.number, status = excluded.status, terminal = excluded.terminal,
             created_ms = excluded.created_ms, updated_ms = excluded.updated_ms, ended_ms = excluded.ended_ms,
             duration_ms = excluded.duration_ms, stage = excluded.stage, stage_since_ms = excluded.stage_since_ms,
             dataset_id = excluded.dataset_id, segment_ids = excluded.segment_ids,
             segment_count = excluded.segment_count, batch_count = excluded.batch_count, error = excluded.error,
             profiles = excluded.profiles, scheduled = excluded.scheduled, changed_ms = excluded.changed_ms,
             asked_ms = excluded.asked_ms, digest = excluded.digest, raw = excluded.raw, gone_ms = NULL""",
        (
            job.job_id,
            int(job.job_id) if job.job_id.isascii() and job.job_id.isdigit() and len(job.job_id) < 19 else 0,  # noqa: PLR2004 - fits 64 bits
            job.status,
            job.is_terminal,
            job.created_ms or 0,
            job.updated_ms,
            ended,
            duration,
            stage,
            since,
            job.dataset_id or "",
            " ".join(dict.fromkeys(one.segment_id for one in job.segments)),
            len(job.segments),
            len(job.batches),
            " ".join(filter(None, (first.code, first.message))) if first else "",
            job.metrics.profiles,
            job.schedule_id is not None,
            seen_ms,
            seen_ms,
            asked_ms,
            digest,
            zlib.compress(json.dumps(job.raw, ensure_ascii=True, separators=(",", ":")).encode(), 6),
        ),
    )


def _digest(raw: dict[str, Any]) -> bytes:
    content = {key: value for key, value in raw.items() if key != "requestId"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def record_gone(db: sqlite3.Connection, job_id: str, at_ms: int) -> None:
    """Mark a job that the platform no longer knows, within the open transaction; see `Jobs.mark_gone`."""
    found = db.execute(
        "SELECT status, stage, terminal, cancel_requested_ms, gone_ms FROM job WHERE job_id = ?", (job_id,)
    ).fetchone()
    if found is None or found[4] is not None:
        return
    status, stage, terminal, cancel_requested, _ = found
    if cancel_requested is not None and not terminal:
        # A cancelled job may vanish instead of showing a final status (API reference 2.7): ours did what we asked.
        status, terminal = CANCELLED, 1
    db.execute(
        # What was asked for before this moment is older than the platform's word that there is no such job.
        "UPDATE job SET gone_ms = ?1, changed_ms = ?1, asked_ms = MAX(asked_ms, ?1), status = ?2, terminal = ?3, "
        "ended_ms = COALESCE(ended_ms, ?4), "
        "duration_ms = COALESCE(duration_ms, CASE WHEN created_ms > 0 THEN MAX(0, ?4 - created_ms) END) "
        "WHERE job_id = ?5",
        (at_ms, status, terminal, at_ms if status != found[0] else None, job_id),
    )
    if status != found[0]:
        db.execute(
            "INSERT INTO transition (job_id, seen_ms, status, stage) VALUES (?, ?, ?, ?)",
            (job_id, at_ms, status, stage),
        )

"""Writes history files of format 1 as the aepx of that time did, for tests of what later ones make of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any

from tui_app.history import migration, schema
from tui_app.models.export_job import ExportJob
from tui_app.models.stage import current_stage, duration_ms, ended_ms, stages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def file_of_format_1(path: Path) -> Iterator[sqlite3.Connection]:
    """Begin a file and yield the connection to fill it with; it is closed as a program closes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("BEGIN")
        migration._take(db, schema.STEPS[0])
        db.execute("PRAGMA user_version=1")
        yield db
        if db.in_transaction:
            db.execute("COMMIT")


def put(db: sqlite3.Connection, raws: Iterable[dict[str, Any]], seen_ms: int) -> None:
    """Write jobs."""
    for raw in raws:
        job = ExportJob.parse(raw)
        stage = current_stage(job, seen_ms)
        since = next((one.started_ms for one in stages(job, seen_ms) if one.name == stage), None) if stage else None
        first = job.errors[0] if job.errors else None
        is_number = job.job_id.isascii() and job.job_id.isdigit() and len(job.job_id) < 19
        content = {key: value for key, value in raw.items() if key != "requestId"}
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        db.execute(
            """INSERT INTO job (job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage,
                                stage_since_ms, dataset_id, segment_ids, segment_count, batch_count, error, profiles,
                                scheduled, first_seen_ms, changed_ms, asked_ms, digest, raw)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                job.job_id,
                int(job.job_id) if is_number else 0,
                job.status,
                job.is_terminal,
                job.created_ms or 0,
                job.updated_ms,
                ended_ms(job) if job.is_terminal else None,
                duration_ms(job, seen_ms) if job.is_terminal else None,
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
                seen_ms,
                hashlib.blake2b(text.encode(), digest_size=16).digest(),
                zlib.compress(json.dumps(raw, ensure_ascii=True, separators=(",", ":")).encode(), 6),
            ),
        )
        db.execute(
            "INSERT INTO transition (job_id, seen_ms, status, stage) VALUES (?, ?, ?, ?)",
            (job.job_id, seen_ms, job.status, stage),
        )

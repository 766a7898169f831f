"""Owns carrying the rows of format 1 over into format 2, as far as SQL alone cannot: what stands in the JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui_app.history.errors import HistoryError
from tui_app.history.packing import digest, spelled, unpacked
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    import sqlite3

_PORTION: Final = 1_000
_READ: Final = """
    SELECT row, job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage, stage_since_ms,
           segment_count, batch_count, profiles, scheduled, cancel_requested_ms, gone_ms,
           dataset_id, segment_ids, error, first_seen_ms, changed_ms, asked_ms, raw
    FROM job_1 ORDER BY row
"""
_KEEP_JOB: Final = """
    INSERT INTO job (row, job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage,
                     stage_since_ms, segment_count, batch_count, profiles, scheduled, cancel_requested_ms, gone_ms,
                     dataset, segments, error, policy)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def fill_format_2(db: sqlite3.Connection) -> None:
    """Copy every job from `job_1` into the tables of format 2.

    What is new there comes from the stored JSON: the merge policy, all errors instead of the first, the batches. A job
    whose JSON cannot be read back keeps what its columns say, and its next answer is written whatever it says.
    """
    words: dict[tuple[str, str], int] = {}
    source = db.execute(_READ)
    while found := source.fetchmany(_PORTION):
        jobs: list[tuple[Any, ...]] = []
        answers: list[tuple[Any, ...]] = []
        batches: list[tuple[str, int]] = []
        for one in found:
            row, raw = one[0], one[-1]
            dataset, segments, error = one[17:20]
            mark, job = _read_back(raw)
            errors = [" ".join(f"{each.code} {each.message}".split()) for each in job.errors] if job is not None else []
            texts = {
                "dataset": dataset,
                "segments": segments,
                "error": "\n".join(filter(None, errors)) or error,
                "policy": job.merge_policy.id if job is not None and job.merge_policy is not None else "",
            }
            jobs.append((*one[:17], *(_word(db, words, kind, text) for kind, text in texts.items())))
            answers.append((row, *one[20:23], mark, raw))
            batches.extend((each.batch_id, row) for each in (job.batches if job is not None else ()))
        db.executemany(_KEEP_JOB, jobs)
        db.executemany("INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?)", answers)
        db.executemany("INSERT OR IGNORE INTO batch VALUES (?, ?)", batches)


def _read_back(raw: bytes) -> tuple[bytes, ExportJob | None]:
    """Return fingerprint and job of a stored answer; no fingerprint and None if it is damaged."""
    try:
        value = unpacked(raw)
        return digest(spelled(value), value), ExportJob.parse(value)
    except (HistoryError, TypeError, ValueError):
        return b"", None


def _word(db: sqlite3.Connection, words: dict[tuple[str, str], int], kind: str, text: str) -> int | None:
    if not text:
        return None
    number = words.get((kind, text))
    if number is None:
        number = words[kind, text] = len(words) + 1
        db.execute("INSERT INTO word (word_id, kind, text) VALUES (?, ?, ?)", (number, kind, text))
    return number

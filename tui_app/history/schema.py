"""Owns the shape of a history file and the steps from every earlier shape to the newest.

A step is never edited once released: a new shape is a new step at the end of `STEPS`.

The shape is made for a million jobs. `job` holds small numbers and short words only, so that one index over all that a
list filters and sorts by stays at 75 bytes a job and any filter reads it whole in about 0.1 s. Long texts are in
`word`, once each: many jobs share a dataset, a set of segments, an error. What only one job at a time is asked for, its
JSON above all, is in `answer`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final, TypeAlias

from tui_app.history.format_2 import fill_format_2

Step: TypeAlias = tuple[str | Callable[[sqlite3.Connection], None], ...]
"""What brings a file one format further: scripts of SQL, and work that SQL cannot do."""

_FORMAT_1: Final = """
CREATE TABLE job (
    row INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    number INTEGER NOT NULL,          -- the id as a number, for ties in time; 0 when it is none
    status TEXT NOT NULL,
    terminal INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,      -- 0 when the platform did not say
    updated_ms INTEGER,
    ended_ms INTEGER,
    duration_ms INTEGER,
    stage TEXT,
    stage_since_ms INTEGER,
    dataset_id TEXT NOT NULL,
    segment_ids TEXT NOT NULL,        -- space separated
    segment_count INTEGER NOT NULL,
    batch_count INTEGER NOT NULL,
    error TEXT NOT NULL,              -- code and message of the first error
    profiles INTEGER,
    scheduled INTEGER NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,      -- when we last saw it differ
    asked_ms INTEGER NOT NULL,        -- when the answer that is stored was asked for
    cancel_requested_ms INTEGER,
    gone_ms INTEGER,                  -- when the platform no longer knew it
    digest BLOB NOT NULL,
    raw BLOB NOT NULL                 -- the platform's JSON, deflated
);
CREATE INDEX job_by_time ON job (created_ms DESC, number DESC);
CREATE INDEX job_by_status ON job (status);
CREATE INDEX job_running ON job (created_ms) WHERE terminal = 0 AND gone_ms IS NULL;
CREATE TABLE transition (
    row INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    seen_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    stage TEXT
);
CREATE INDEX transition_by_job ON transition (job_id, seen_ms);
CREATE TABLE intent (
    intent_id INTEGER PRIMARY KEY,
    opened_ms INTEGER NOT NULL,
    owner TEXT NOT NULL,              -- host:pid of the process that sent it
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,              -- open, made, not_made
    job_id TEXT,
    closed_ms INTEGER,
    note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX intent_by_state ON intent (state);
CREATE INDEX intent_by_job ON intent (job_id);
CREATE TABLE lookup (
    kind TEXT NOT NULL,
    item_id TEXT NOT NULL,
    name TEXT NOT NULL,
    fetched_ms INTEGER NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (kind, item_id)
) WITHOUT ROWID;
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# Filled before its indexes are made, which is several times faster.
_FORMAT_2: Final = """
ALTER TABLE job RENAME TO job_1;
DROP INDEX job_by_time;
DROP INDEX job_by_status;
DROP INDEX job_running;
CREATE TABLE word (
    word_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,               -- dataset, segments, error, policy
    text TEXT NOT NULL,               -- segments: ids, space separated; error: a line each
    UNIQUE (kind, text)
);
CREATE TABLE job (
    row INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given to another job, also not after this one was removed
    job_id TEXT NOT NULL UNIQUE,
    number INTEGER NOT NULL,          -- the id as a number, for ties in time; 0 when it is none
    status TEXT NOT NULL,
    terminal INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,      -- 0 when the platform did not say
    updated_ms INTEGER,
    ended_ms INTEGER,
    duration_ms INTEGER,
    stage TEXT,
    stage_since_ms INTEGER,
    dataset INTEGER,                  -- this and the next three: word_id
    segments INTEGER,
    error INTEGER,
    policy INTEGER,
    segment_count INTEGER NOT NULL,
    batch_count INTEGER NOT NULL,
    profiles INTEGER,
    scheduled INTEGER NOT NULL,
    cancel_requested_ms INTEGER,
    gone_ms INTEGER                   -- when the platform no longer knew it
);
CREATE TABLE answer (
    row INTEGER PRIMARY KEY,          -- the job's
    first_seen_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,      -- when we last saw it differ
    asked_ms INTEGER NOT NULL,        -- when the answer that is stored was asked for
    digest BLOB NOT NULL,
    raw BLOB NOT NULL                 -- the platform's JSON, deflated
);
CREATE TABLE batch (
    batch_id TEXT NOT NULL COLLATE NOCASE,
    row INTEGER NOT NULL,             -- the job's
    PRIMARY KEY (batch_id, row)
) WITHOUT ROWID;
"""
_FORMAT_2_ENDED: Final = """
DROP TABLE job_1;
CREATE INDEX job_scan ON job (
    created_ms DESC, number DESC, row, status, terminal, updated_ms, ended_ms, duration_ms, stage, dataset, segments,
    error, policy, segment_count, profiles, scheduled, gone_ms, job_id
);
CREATE INDEX job_running ON job (created_ms, gone_ms, updated_ms, status) WHERE terminal = 0;
CREATE INDEX word_odd ON word (kind) WHERE length(text) <> length(CAST(text AS BLOB));  -- more than ASCII
CREATE INDEX job_odd ON job (job_id) WHERE number = 0;  -- ids that are no number, few
"""
STEPS: Final[tuple[Step, ...]] = ((_FORMAT_1,), (_FORMAT_2, fill_format_2, _FORMAT_2_ENDED))
"""The step at place n brings a file from format n to n + 1."""
VERSION: Final = len(STEPS)
APPLICATION_ID: Final = 0x61657078
"""Marks a file as ours, in SQLite's own place for that; format 1 did not know it."""
_ALWAYS: Final = frozenset(
    {"transition", "transition_by_job", "intent", "intent_by_state", "intent_by_job", "lookup", "note", "job"}
)
NAMES: Final = {
    1: _ALWAYS | {"job_by_time", "job_by_status", "job_running"},
    2: _ALWAYS | {"word", "answer", "batch", "job_scan", "job_running", "job_odd", "word_odd"},
}
"""The tables and indexes that a whole file of each format has."""
COLUMNS: Final = {
    "job": (
        "row, job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage, stage_since_ms, "
        "dataset, segments, error, policy, segment_count, batch_count, profiles, scheduled, "
        "cancel_requested_ms, gone_ms"
    ),
    "answer": "row, first_seen_ms, changed_ms, asked_ms, digest, raw",
    "batch": "batch_id, row",
    "word": "word_id, kind, text",
    "transition": "row, job_id, seen_ms, status, stage",
    "intent": "intent_id, opened_ms, owner, fingerprint, body, state, job_id, closed_ms, note",
    "lookup": "kind, item_id, name, fetched_ms, raw",
    "note": "key, value",
}
"""The columns that a whole file of the newest format has."""

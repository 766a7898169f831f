"""Owns the shape of a history file and the steps from every earlier shape to the newest.

A step is never edited once released: a new shape is a new step at the end of `STEPS`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEPS: Final[tuple[str, ...]] = (
    """
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
    """,
)

VERSION: Final = len(STEPS)
_READ_INTENTS: Final = (
    "SELECT intent_id, opened_ms, owner, fingerprint, body, state, job_id, closed_ms, note FROM intent"
)
_KEEP_INTENT: Final = "INSERT OR IGNORE INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class NewerHistoryError(Exception):
    """The file was written by a newer aepx; it is left untouched."""


def migrate(connection: sqlite3.Connection, path: Path | None) -> None:
    """Bring the open file to `VERSION`, keeping a copy beside it first when it held data.

    Args:
        connection: the writer's connection, in autocommit.
        path: the file, for the copy; None for a history in memory.

    Raises:
        NewerHistoryError: the file is of a later version than this program knows.
    """
    found = known_version(connection, path)
    if found == VERSION:
        return
    if found and path is not None:
        _copy(connection, path.with_name(f"{path.name}.v{found}"))
    for version in range(found, VERSION):
        _step(connection, version)


def known_version(connection: sqlite3.Connection, path: Path | None) -> int:
    """Return the format of the open file, 0 for a new one, without changing it.

    Raises:
        NewerHistoryError: as `migrate`.
    """
    found = _version(connection)
    if found > VERSION:
        raise NewerHistoryError(
            f"History {path} has format {found}, this aepx knows up to {VERSION}. "
            "Upgrade aepx, or set AEPX_DATA_DIR to another folder."
        )
    return found


def salvage(connection: sqlite3.Connection, damaged: Path) -> int:
    """Copy the intents that can still be read from a damaged file and return how many.

    They are the one thing that cannot be fetched again. What cannot be read is given up.
    """
    copied = 0
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(damaged)) as old:
        for row in old.execute(_READ_INTENTS):
            connection.execute(_KEEP_INTENT, row)
            copied += 1
    return copied


def _step(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again under the lock: another program may have taken this step while we waited for it.
        if _version(connection) == version:
            for statement in _statements(STEPS[version]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={version + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def _statements(script: str) -> Iterator[str]:
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the whole database, also what is still in its log, into a file of the owner's alone."""
    os.close(os.open(target, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600))
    with contextlib.closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)

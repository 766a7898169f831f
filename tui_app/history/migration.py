"""Owns bringing a history file of an earlier format to the newest, and saving what can be from a damaged one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Final

from tui_app.history import schema
from tui_app.history.errors import primary_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MIB: Final = 1024 * 1024
_LARGE: Final = 20 * _MIB
_SAVED: Final = (
    ("intent", "intent_id {0}"),
    ("note", "key {0}"),
    ("transition", "row {0}"),
    ("lookup", "kind {0}, item_id {0}"),
)
"""What is saved from a damaged file, and the order that each table is kept in: to read it so needs no sorting."""
_SAVED_IN_VAIN: Final = (
    # How far the list was read is true of the old file only; what a person set is true of any.
    "DELETE FROM note WHERE key NOT GLOB 'view.*'",
    # Of a job seen once the platform can tell as much again.
    "DELETE FROM transition WHERE job_id IN (SELECT job_id FROM transition GROUP BY job_id HAVING COUNT(*) = 1)",
)


class NewerHistoryError(Exception):
    """The file was written by a newer aepx, or by another program; it is left untouched."""


def migrate(connection: sqlite3.Connection, path: Path, told: Callable[[str], None] | None = None) -> None:
    """Bring the open file to `VERSION` in one transaction, keeping a copy beside it first when it held data.

    Whatever ends it half way, the program or the machine, leaves the file as it was. Another program that asks at the
    same time waits, and finds the work done.

    Args:
        connection: the writer's connection, in autocommit.
        path: the file, for the copy.
        told: is told in words if this will take long.

    Raises:
        NewerHistoryError: as `known_version`.
        sqlite3.Error: it could not be done, or not be waited for.
    """
    found = known_version(connection, path)
    if found == schema.VERSION:
        return
    size = path.stat().st_size
    if found and told is not None and size > _LARGE:
        told(
            f"The history {path} ({size // _MIB} MiB) is brought to format {schema.VERSION}, once; "
            "a copy is kept beside it. This may take some minutes."
        )
    with _transaction(connection, "IMMEDIATE"):
        # Asked again under the lock: another program may have been quicker.
        found = known_version(connection, path)
        if found and found != schema.VERSION:
            _copy(path, path.with_name(f"{path.name}.v{found}"))
        for step in schema.STEPS[found:]:
            _take(connection, step)
        connection.execute(f"PRAGMA user_version={schema.VERSION}")
        connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
    if found:
        _make_small(connection)


def known_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the format of the open file, 0 for a new one, without changing it.

    Raises:
        NewerHistoryError: it is of a later format, or another program's.
        sqlite3.DatabaseError: it is a sound database, but not one of ours, or not whole.
    """
    with contextlib.nullcontext() if connection.in_transaction else _transaction(connection, "DEFERRED"):
        found = _number(connection, "user_version")
        owner = _number(connection, "application_id")
        names = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'").fetchall()
    if found > schema.VERSION and owner in {0, schema.APPLICATION_ID}:
        raise NewerHistoryError(
            f"History {path} has format {found}, this aepx knows up to {schema.VERSION}. "
            "Upgrade aepx, or set AEPX_DATA_DIR to another folder."
        )
    if owner not in {0, schema.APPLICATION_ID}:
        raise NewerHistoryError(
            f"{path} is a file of another program than aepx. Move it away, or set AEPX_DATA_DIR to another folder."
        )
    held = {name for (name,) in names}
    if found < 0:
        raise sqlite3.DatabaseError(f"its format is {found}")
    if missing := schema.NAMES.get(found, frozenset()) - held:
        raise sqlite3.DatabaseError(f"it lacks {', '.join(sorted(missing))}")
    if held and not found:
        raise sqlite3.DatabaseError("it holds tables that no aepx has made")
    if found == schema.VERSION:
        _check_columns(connection)
    return found


def salvage(connection: sqlite3.Connection, damaged: Path) -> None:
    """Copy what the platform cannot tell again from a damaged file, as far as it can be read, in one transaction.

    That is the journal of creations, saved views, observed changes of status, and names. What cannot be read is lost.

    Raises:
        sqlite3.Error: it could not be written.
    """
    with contextlib.closing(sqlite3.connect(damaged)) as old, _transaction(connection, "IMMEDIATE"):
        # A flipped bit may leave text that is no UTF-8 any more; most of it can be read all the same.
        old.text_factory = lambda text: text.decode(errors="replace")
        for table, order in _SAVED:
            columns = schema.COLUMNS[table]
            insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({', '.join('?' * len(columns.split(',')))})"  # noqa: S608 - constants only
            # Each reading ends where it meets damage, so another one comes from the other side.
            for direction in ("ASC", "DESC"):
                asked = f"SELECT {columns} FROM {table} NOT INDEXED ORDER BY {order.format(direction)}"  # noqa: S608 - as above
                connection.executemany(insert, _readable(old, asked))
        for statement in _SAVED_IN_VAIN:
            connection.execute(statement)


def _readable(db: sqlite3.Connection, asked: str) -> Iterator[tuple[object, ...]]:
    """Yield rows until one cannot be read."""
    with contextlib.suppress(sqlite3.Error):
        yield from db.execute(asked)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def _check_columns(connection: sqlite3.Connection) -> None:
    for table, columns in schema.COLUMNS.items():
        try:
            connection.execute(f"SELECT {columns} FROM {table} LIMIT 0")  # noqa: S608 - constants only
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_ERROR:
                raise
            raise sqlite3.DatabaseError(f"it has another shape: {error}") from None


def _take(connection: sqlite3.Connection, step: schema.Step) -> None:
    for part in step:
        if callable(part):
            part(connection)
        else:
            for statement in _statements(part):
                connection.execute(statement)


def _make_small(connection: sqlite3.Connection) -> None:
    """Take the holes out of the file that moving its rows has left, and let it shrink from now on, if there is room."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("VACUUM")


def _statements(script: str) -> Iterator[str]:
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(found)


def _copy(path: Path, target: Path) -> None:
    """Copy the whole database, also what is still in its log, into a file of the owner's alone."""
    # Under another name until it is whole: half a copy must not pass for one.
    unfinished = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600))
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(unfinished)) as copy,
        ):
            source.backup(copy)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)

"""Owns opening a history's file, whatever is found: none, an older one, a damaged one, one that can only be read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.history import schema
from tui_app.history.errors import primary_code
from tui_app.history.migration import known_version, migrate, salvage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BUSY_MS: Final = 5_000
COMPANIONS: Final = ("-wal", "-shm")
_SWITCH_TRIES: Final = 20
LOG_LIMIT: Final = 32 * 1024 * 1024
# Reasons not to write that leave reading possible; another program's lock is none of them.
_UNWRITABLE: Final = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
    }
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was opened.

    Attributes:
        writer: the connection that may write; None if the file can only be read.
        why_read_only: what stands in the way of writing, "" if nothing does.
        is_new: whether the file was made now.
        set_aside: where a damaged file was moved to.
        why_set_aside: what was wrong with it.
    """

    writer: sqlite3.Connection | None
    why_read_only: str = ""
    is_new: bool = False
    set_aside: Path | None = None
    why_set_aside: str = ""


def open_file(path: Path, told: Callable[[str], None] | None = None) -> Opened:
    """Create or open a file (0600, folder 0700) and bring it to the newest format; see `Database.open`.

    Raises:
        NewerHistoryError: a later aepx, or another program, wrote it.
        OSError, sqlite3.Error: it can be neither written nor read.
    """
    try:
        return _open_for_writing(path, told)
    except (OSError, sqlite3.OperationalError) as error:
        if isinstance(error, sqlite3.OperationalError) and primary_code(error) not in _UNWRITABLE:
            raise
        if not path.exists() or damage_mark(path).exists():
            raise
        with contextlib.closing(reading_connection(path, frozen=is_frozen(path))) as reader:
            if known_version(reader, path) != schema.VERSION:
                raise  # it would have to be brought up to date first
        return Opened(None, why_read_only=str(error))


def reading_connection(path: Path, *, frozen: bool = False) -> sqlite3.Connection:
    """Return a connection that only reads.

    Args:
        path: the file.
        frozen: read it as a file that nobody changes, without a lock, a log, or anything beside it.
    """
    return _connected(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if frozen else ''}")


def is_frozen(path: Path) -> bool:
    """Tell whether a file can be read only as one that nobody changes, because no log can be kept beside it.

    That is safe only while there is none: a log may hold what the file itself lacks, and a file whose log was being
    worked in when the machine stopped is not even whole without it.
    """
    log = companion(path, "-wal")
    if log.exists() and log.stat().st_size:
        return False
    with contextlib.closing(reading_connection(path)) as connection:
        try:
            connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError:
            return True
    return False


def stamp(path: Path) -> tuple[int, ...]:
    """Return what differs once a file, or the log beside it, was written by whatever program."""
    found: list[int] = []
    for one in (path, companion(path, "-wal")):
        with contextlib.suppress(OSError):
            status = one.stat()
            found += (status.st_ino, status.st_size, status.st_mtime_ns)
    return tuple(found)


def companion(path: Path, suffix: str) -> Path:
    """Return the path of what lies beside a file under its name and a suffix."""
    return path.with_name(path.name + suffix)


def damage_mark(path: Path) -> Path:
    """Return the path of the file that tells the next start to set a damaged history aside."""
    return companion(path, ".is-damaged")


def _open_for_writing(path: Path, told: Callable[[str], None] | None) -> Opened:
    while True:
        is_new = _make_file(path)
        number = path.stat().st_ino
        why = "an earlier run met damage in it"
        if not damage_mark(path).exists():
            try:
                return Opened(_writing_connection(path, told), is_new=is_new)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                why = str(error)
        opened = _begin_anew(path, number, why)
        if opened is not None:
            return opened


def _begin_anew(path: Path, number: int, why: str) -> Opened | None:
    """Set a damaged file aside and save what can be saved; None if another program has done so meanwhile.

    One program does it at a time. The mark holds where the file goes and is removed last, so that what a kill
    interrupts is taken up again by the next start: else what was not copied over yet would be forgotten.

    Args:
        path: the file.
        number: its inode, from before it was found damaged.
        why: what was found.
    """
    mark = damage_mark(path)
    with os.fdopen(os.open(mark, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not os.fstat(file.fileno()).st_nlink:
            return None
        if path.stat().st_ino != number:
            mark.unlink()
            return None
        aside = path.with_name(file.read() or _free_name(path))
        file.seek(0)
        file.write(aside.name)
        file.flush()
        os.fsync(file.fileno())
        _put_aside(path, aside)
        _make_file(path)
        writer = _writing_connection(path, None)
        try:
            salvage(writer, aside)
            mark.unlink()
        except BaseException:
            writer.close()
            raise
    return Opened(writer, set_aside=aside, why_set_aside=why)


def _make_file(path: Path) -> bool:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        # Not opened: closing it again would drop the locks that this process holds on it.
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return False
    return True


def _writing_connection(path: Path, told: Callable[[str], None] | None) -> sqlite3.Connection:
    connection = _connected(f"{path.absolute().as_uri()}?mode=rw")
    try:
        if known_version(connection, path) == 0:
            # Nothing is there to lose yet, and the switch below waits for the disk anyway.
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        # Only what must outlive a power cut is waited for, see `Database.write`; a kill loses nothing either way.
        connection.execute("PRAGMA synchronous=NORMAL")
        _use_write_ahead_log(connection)
        connection.execute(f"PRAGMA journal_size_limit={LOG_LIMIT}")
        migrate(connection, path, told)
        _try_to_write(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _try_to_write(connection: sqlite3.Connection) -> None:
    """Raise what a write would raise if the file can only be read; never wait for another program's write."""
    connection.execute("PRAGMA busy_timeout=0")
    try:
        # Not enough by itself: on a file that can only be read it begins a transaction that only reads.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA user_version={schema.VERSION}")
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
    finally:
        connection.rollback()
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _connected(uri: str) -> sqlite3.Connection:
    # Opened here, used on a pool's one thread: sqlite's own same-thread check would only forbid the hand-over.
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, also when another program begins the same file at this moment."""
    for _ in range(_SWITCH_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            # The switch itself never waits for the other one; asking for the write lock does.
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


def _free_name(path: Path) -> str:
    number = 1
    while (target := companion(path, f".damaged-{number}")).exists():
        number += 1
    return target.name


def _put_aside(path: Path, target: Path) -> None:
    """Rename a file, and first what lies beside it, unless an earlier run has come as far."""
    # The log goes along: it belongs to the old file, may hold its newest intents, and would ruin the new one.
    for suffix in (*COMPANIONS, ""):
        beside = companion(path, suffix)
        if beside.exists() and not target.exists():
            beside.replace(companion(target, suffix))

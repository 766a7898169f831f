"""Owns the file, its connections and the threads that may touch it: one writer, one reader, never the event loop's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from tui_app.history.schema import NewerHistoryError, known_version, migrate, salvage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")
_BUSY_MS: Final = 5_000
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DAMAGED_MARK: Final = ".is-damaged"
_SWITCH_TRIES: Final = 20
_COMPANIONS: Final = ("-wal", "-shm")


class HistoryError(Exception):
    """The history cannot be opened or written; the message says where, why and what to do."""


class Runner(Protocol):
    """Where a blocking call runs; tests run it in place to stay deterministic."""

    def executor(self, name: str) -> Executor:
        """Return an executor of exactly one worker."""
        ...


class Threads:
    """One thread each for writer and reader."""

    def executor(self, name: str) -> Executor:
        """Return a one-thread pool named for what it does."""
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"history-{name}")


class InPlace:
    """Runs calls at once on the caller's thread, for tests with a fake clock."""

    def executor(self, name: str) -> Executor:
        """Return an executor that has finished before `submit` returns."""
        return _InPlaceExecutor()


class _InPlaceExecutor(Executor):
    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - an executor hands every error to the waiting side
            future.set_exception(error)
        return future


class Database:
    """A history file behind two single-thread queues.

    Writes run in one transaction each on the writer's connection; reads run on another connection and, with
    write-ahead logging, never wait for a write. A file that SQLite calls damaged is renamed and begun anew, at once
    when opening shows it, else at the next start: all but the intents can be fetched again, and those are copied
    over as far as they can still be read.

    Attributes:
        path: the file.
        set_aside: where a damaged file was moved by `open`; None when it was not damaged.
        is_new: whether `open` made the file.
    """

    def __init__(self, path: Path, *, runner: Runner | None = None) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self.is_new = False
        runner = runner or Threads()
        self._write_queue = runner.executor("writer")
        self._read_queue = runner.executor("reader")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def open(self) -> None:
        """Create or open the file (0600, folder 0700) and migrate it; blocking, a few milliseconds.

        Raises:
            HistoryError: the folder cannot be written, the disk is full, or the file is from a newer aepx.
        """
        try:
            self._make_file()
            self._writer = self._connect_or_begin_anew()
            self._reader = _connection(self.path)
        except NewerHistoryError as error:
            raise HistoryError(str(error)) from None
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise HistoryError(
                f"History {self.path} cannot be opened: {error}. "
                "Free space or fix the folder's rights, or set AEPX_DATA_DIR to another folder."
            ) from None

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction on the writer's thread; an exception rolls it back and is raised here.

        Raises:
            HistoryError: SQLite could not store it (disk full, read-only, locked for 5 s), or it is closed.
        """
        return await self._answer(self._write_queue, self._transaction, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the reader's thread.

        Raises:
            HistoryError: SQLite could not read it, or it is closed.
        """
        return await self._answer(self._read_queue, self._reading, work)

    def read_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the caller's thread and wait; only for reads known to take under a millisecond.

        Raises:
            HistoryError: as `read`.
        """
        with self._explained():
            return self._submitted(self._read_queue, self._reading, work).result()

    def close(self) -> None:
        """Finish what is queued and close the connections; safe to call twice."""
        for queue, connection in ((self._write_queue, self._writer), (self._read_queue, self._reader)):
            if connection is not None:
                with contextlib.suppress(RuntimeError, sqlite3.Error):
                    queue.submit(connection.close).result()
            queue.shutdown(wait=True)
        self._writer = self._reader = None

    def remove(self) -> None:
        """Close, and remove the file with what SQLite keeps beside it."""
        self.close()
        for suffix in ("", *_COMPANIONS):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    async def _answer(
        self,
        queue: Executor,
        run: Callable[[Callable[[sqlite3.Connection], T]], T],
        work: Callable[[sqlite3.Connection], T],
    ) -> T:
        with self._explained():
            future = self._submitted(queue, run, work)
            # An answer that is there already is taken at once: a needless turn of the loop would let others in.
            return future.result() if future.done() else await asyncio.wrap_future(future)

    def _submitted(
        self,
        queue: Executor,
        run: Callable[[Callable[[sqlite3.Connection], T]], T],
        work: Callable[[sqlite3.Connection], T],
    ) -> Future[T]:
        try:
            return queue.submit(run, work)
        except RuntimeError:  # the queue was shut down by `close`
            raise self._closed() from None

    def _closed(self) -> HistoryError:
        return HistoryError(f"History {self.path} is closed.")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite raises into words and a remedy."""
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) in _DAMAGE:
                self._mark().touch(mode=0o600)
                raise HistoryError(
                    f"History {self.path} is damaged: {error}. "
                    "Start aepx again: it sets the file aside and fills a new one from the platform."
                ) from None
            raise HistoryError(
                f"History {self.path} cannot be used: {error}. "
                "Free disk space or fix the folder's rights; the platform's own data is not affected."
            ) from None

    def _make_file(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self.is_new = self.set_aside is None
        except FileExistsError:
            # Not opened: closing it again would drop the locks that this process holds on it.
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)

    def _connect_or_begin_anew(self) -> sqlite3.Connection:
        if not self._mark().exists():
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
        self.set_aside = self._put_aside()
        self._make_file()
        connection = self._connect()
        salvage(connection, self.set_aside)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = _connection(self.path)
        try:
            known_version(connection, self.path)
            _use_write_ahead_log(connection)
            migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_aside(self) -> Path:
        number = 1
        while (target := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        self.path.replace(target)
        # The log goes along: it belongs to the old file, may hold its newest intents, and would ruin the new one.
        for suffix in _COMPANIONS:
            companion = self.path.with_name(self.path.name + suffix)
            if companion.exists():
                companion.replace(target.with_name(target.name + suffix))
        self._mark().unlink(missing_ok=True)
        return target

    def _mark(self) -> Path:
        return self.path.with_name(self.path.name + _DAMAGED_MARK)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._writer
        if connection is None:
            raise self._closed()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself, any other fault leaves it open.
            if connection.in_transaction:
                connection.rollback()
            raise
        return result

    def _reading(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._reader is None:
            raise self._closed()
        return work(self._reader)


def _connection(path: Path) -> sqlite3.Connection:
    # Opened here, used on a pool's one thread: sqlite's own same-thread check would only forbid the hand-over.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000)
    # FULL: an intent must be on the disk before its request leaves; batches make the price small.
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, also when another program begins the same file at this moment."""
    for _ in range(_SWITCH_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            # The switch itself never waits for the other one; asking for the write lock does.
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")

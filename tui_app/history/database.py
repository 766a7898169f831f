"""Owns the connections to a history's file and the threads that may touch it, never the event loop's."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from tui_app.history.errors import DAMAGE, HistoryError, is_damage, primary_code
from tui_app.history.lanes import GivenUpError, Lane
from tui_app.history.migration import NewerHistoryError
from tui_app.history.opening import (
    BUSY_MS,
    COMPANIONS,
    LOG_LIMIT,
    companion,
    damage_mark,
    is_frozen,
    open_file,
    reading_connection,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Database", "HistoryError", "InPlace", "Runner", "Threads"]

T = TypeVar("T")
_LOG_PATIENCE_MS: Final = 500
_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: "Free disk space; the platform's own data is not affected.",
    sqlite3.SQLITE_BUSY: (
        f"Another aepx has been writing to it for {BUSY_MS // 1000} s: try again, or end the other one if it hangs."
    ),
}
_REMEDY: Final = "Free disk space or fix the folder's rights; the platform's own data is not affected."


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
    """A history file behind queues of one thread each.

    Writes run in one transaction each on the writer's connection; reads run on other connections and, with write-ahead
    logging, never wait for a write. A file that SQLite calls damaged, or that is not whole, is renamed and begun anew,
    at once when opening shows it, else at the next start: most can be fetched again, and what cannot is copied over as
    far as it can still be read. A file that cannot be written is read as it is.

    Attributes:
        path: the file.
        set_aside: where a damaged file was moved by `open`; None when it was not damaged.
        why_set_aside: what was wrong with it.
        is_new: whether `open` made the file.
        why_read_only: what stands in the way of writing, "" if nothing does.
        was_cut_off: whether the last program on the file did not close it, or one is at work on it now.
    """

    def __init__(self, path: Path, *, runner: Runner | None = None) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self.why_set_aside = ""
        self.is_new = False
        self.why_read_only = ""
        self.was_cut_off = False
        runner = runner or Threads()
        self._write_queue = runner.executor("writer")
        self._read_queue = runner.executor("reader")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._scans = Lane(runner.executor("scan"), self._connection)
        self._inspections = Lane(runner.executor("inspector"), self._connection)
        self._frozen: tuple[int, ...] | None = None
        self._log_most = LOG_LIMIT
        self._version: tuple[int, ...] = ()

    @property
    def is_read_only(self) -> bool:
        """Whether the file can be read and not written, since it was opened."""
        return bool(self.why_read_only)

    def open(self, *, told: Callable[[str], None] | None = None) -> None:
        """Create or open the file (0600, folder 0700) and migrate it; blocking, a few milliseconds.

        Args:
            told: is told in words if a large file of an earlier aepx must be brought up to date, which takes a minute
                or two for a million jobs. Ctrl-C leaves such a file as it was.

        Raises:
            HistoryError: it can be neither written nor read, or is from a newer aepx.
        """
        log = companion(self.path, "-wal")
        try:
            self.was_cut_off = log.exists() and log.stat().st_size > 0
            opened = open_file(self.path, told)
            self._writer = opened.writer
            self.is_new = opened.is_new
            self.set_aside, self.why_set_aside = opened.set_aside, opened.why_set_aside
            self.why_read_only = opened.why_read_only
            self._look_again()
            self._reader = self._connection()
            self._is_newer(self._version_of(self._writer))
        except NewerHistoryError as error:
            self.close()
            raise HistoryError(str(error)) from None
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise HistoryError(f"History {self.path} cannot be opened: {error}. {_opening_remedy(error)}") from None

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run `work` in a transaction on the writer's thread; an exception rolls it back and is raised here.

        Args:
            work: gets the connection.
            durable: return only when it is on the disk. Else a kill loses nothing, but a power cut may lose the
                last seconds, always from the end: what was written later is never there without what was earlier.

        Raises:
            HistoryError: SQLite could not store it (disk full, read-only, locked for 5 s), or it is closed.
        """
        run = self._durable_transaction if durable else self._transaction
        return await self._answer(self._write_queue, run, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the reader's thread.

        Raises:
            HistoryError: SQLite could not read it, or it is closed.
        """
        return await self._answer(self._read_queue, self._reading, work)

    async def scan(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a long reading on a thread and connection of its own, so that `read` never waits for it.

        One runs at a time. Cancelling the task that awaits it breaks its running statement off within milliseconds
        and frees the thread for the next; a reading cancelled before its turn never runs.

        Raises:
            HistoryError: as `read`.
        """
        return await self._long(self._scans, work)

    async def inspect(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `scan`, for readings that nobody waits for: neither kind waits for the other."""
        return await self._long(self._inspections, work)

    def read_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the caller's thread and wait; only for reads known to take under a millisecond.

        Raises:
            HistoryError: as `read`.
        """
        with self._explained():
            return self._submitted(self._read_queue, self._reading, work).result()

    async def changed_elsewhere(self) -> bool:
        """Tell whether another program has written to the file since this was asked last; some microseconds.

        Raises:
            HistoryError: as `read`.
        """
        if self.is_read_only:
            return self._is_newer(self._version_of(None))
        # Asked on the writer's connection, for which its own writes do not count.
        return await self._answer(self._write_queue, self._on_writer, lambda db: self._is_newer(self._version_of(db)))

    async def find_damage(self) -> str:
        """Read the whole file and return what is wrong with it, "" when nothing is; seconds for a million jobs.

        A damaged file is set aside at the next start.

        Raises:
            HistoryError: it could not be read.
        """
        ((found,),) = await self.inspect(lambda db: db.execute("PRAGMA quick_check(1)").fetchall())
        if found == "ok":
            return ""
        self._mark_damaged()
        return str(found)

    def close(self) -> None:
        """Finish what is queued, break off long readings, and close the connections; safe to call twice."""
        self._scans.close()
        self._inspections.close()
        # The writer last: whoever is last empties the log, and only a writer can.
        for queue, connection in ((self._read_queue, self._reader), (self._write_queue, self._writer)):
            if connection is not None:
                with contextlib.suppress(RuntimeError, sqlite3.Error):
                    queue.submit(connection.close).result()
            queue.shutdown(wait=True)
        self._writer = self._reader = None

    def remove(self) -> None:
        """Close, and remove the file with what SQLite keeps beside it."""
        self.close()
        for suffix in ("", *COMPANIONS):
            companion(self.path, suffix).unlink(missing_ok=True)

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

    async def _long(self, lane: Lane, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._explained():
            try:
                return await lane.read(_judged(work))
            except GivenUpError:
                raise self._closed() from None

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
            if is_damage(error):
                self._mark_damaged()
                raise HistoryError(
                    f"History {self.path} is damaged: {error}. "
                    "Start aepx again: it sets the file aside and fills a new one from the platform."
                ) from None
            raise HistoryError(
                f"History {self.path} cannot be used: {error}. {_REMEDIES.get(primary_code(error), _REMEDY)}"
            ) from None

    def _mark_damaged(self) -> None:
        # Where that cannot be written either, the next start meets the damage again.
        with contextlib.suppress(OSError):
            damage_mark(self.path).touch(mode=0o600)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self.is_read_only:
            raise HistoryError(
                f"History {self.path} can only be read: {self.why_read_only}. "
                "Free disk space or fix the rights of the file and its folder, then start aepx again."
            )
        connection = self._open_writer()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = _judged(work)(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself, any other fault leaves it open.
            if connection.in_transaction:
                connection.rollback()
            raise
        self._empty_log(connection)
        return result

    def _empty_log(self, connection: sqlite3.Connection) -> None:
        """Begin the log anew once it is large.

        SQLite does so by itself whenever nobody reads, but long readings that overlap leave it no such moment. Those
        under way are waited for a little; those that begin meanwhile need the log no more. If that is not enough it is
        tried again when the log has grown by as much again.
        """
        log = companion(self.path, "-wal")
        with contextlib.suppress(OSError, sqlite3.OperationalError):
            size = log.stat().st_size
            if size < self._log_most:
                return
            connection.execute(f"PRAGMA busy_timeout={_LOG_PATIENCE_MS}")
            try:
                (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._log_most = size + LOG_LIMIT if is_busy else LOG_LIMIT

    def _durable_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._writer is not None:
            self._writer.execute("PRAGMA synchronous=FULL")
        try:
            return self._transaction(work)
        finally:
            if self._writer is not None:
                self._writer.execute("PRAGMA synchronous=NORMAL")

    def _on_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._open_writer())

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            raise self._closed()
        return self._writer

    def _reading(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._reader is None:
            raise self._closed()
        if self._frozen is not None and self._frozen != stamp(self.path):
            # Read as a file that nobody changes, and somebody has: what is held of it is worth nothing.
            self._look_again()
            self._reader.close()
            self._reader = self._connection()
            self._scans.renew()
            self._inspections.renew()
        return _judged(work)(self._reader)

    def _look_again(self) -> None:
        """Find out how the file must be read."""
        self._frozen = stamp(self.path) if self.is_read_only and is_frozen(self.path) else None

    def _connection(self) -> sqlite3.Connection:
        return reading_connection(self.path, frozen=self._frozen is not None)

    def _version_of(self, writer: sqlite3.Connection | None) -> tuple[int, ...]:
        # A connection that only reads may count a version up although nobody wrote.
        return tuple(writer.execute("PRAGMA data_version").fetchone()) if writer is not None else stamp(self.path)

    def _is_newer(self, version: tuple[int, ...]) -> bool:
        before, self._version = self._version, version
        return before != version


def _judged(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """Return work whose faults are told as damage where the file is to blame: it may hold what nobody has written."""

    def run(db: sqlite3.Connection) -> T:
        try:
            return work(db)
        except (AttributeError, LookupError, TypeError, ValueError):
            ((found,),) = db.execute("PRAGMA integrity_check(1)").fetchall()
            if found == "ok":
                raise
            raise sqlite3.DatabaseError(found) from None

    return run


def _opening_remedy(error: OSError | sqlite3.Error) -> str:
    code = primary_code(error) if isinstance(error, sqlite3.Error) else None
    if code == sqlite3.SQLITE_BUSY:
        return _REMEDIES[code]
    if code in {0, sqlite3.SQLITE_ERROR, *DAMAGE}:
        return "Move it away, and aepx fills a new one from the platform; or set AEPX_DATA_DIR to another folder."
    return "Free space or fix the folder's rights, or set AEPX_DATA_DIR to another folder."

"""Owns long readings: a thread and a connection of their own, and breaking one off when nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING, Final, TypeVar

from tui_app.history.errors import primary_code

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

T = TypeVar("T")
_AGAIN_S: Final = 0.005


class GivenUpError(Exception):
    """A reading was broken off because its lane closes, or because nobody waits for it any more."""


class _Reading:
    """One reading on its way; its identity is what guards an interrupt from hitting the next one."""

    __slots__ = ("is_given_up",)

    def __init__(self) -> None:
        self.is_given_up = False


class Lane:
    """Runs one long reading after the other, each until it ends or its awaiting task is cancelled.

    SQLite breaks a statement off within some milliseconds. Which one it hits is decided under a lock: a reading puts
    its name down before its first statement and takes it away after its last, and only a name that is down is hit.
    """

    def __init__(self, queue: Executor, connect: Callable[[], sqlite3.Connection]) -> None:
        """Make a lane; nothing is opened before the first reading.

        Args:
            queue: of exactly one worker.
            connect: opens the connection, on the worker.
        """
        self._queue = queue
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._current: _Reading | None = None
        self._is_outdated = False
        self._is_closed = False

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` when those before it have ended; cancelling the task that waits here breaks it off.

        Raises:
            GivenUpError: the lane was closed.
            sqlite3.Error: what `work` met.
        """
        reading = _Reading()
        try:
            future = self._queue.submit(self._run, reading, work)
        except RuntimeError:  # shut down
            raise GivenUpError from None
        if future.done():
            return future.result()
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._break_off(reading, future, asyncio.get_running_loop())
            raise

    def renew(self) -> None:
        """Take a new connection for the next reading."""
        self._is_outdated = True

    def close(self) -> None:
        """Break off what runs, drop what waits, and close the connection; safe to call twice."""
        with self._lock:
            self._is_closed = True
        with contextlib.suppress(RuntimeError):
            ending = self._queue.submit(self._disconnect)
            while not ending.done():
                with self._lock:
                    self._interrupt()
                wait((ending,), _AGAIN_S)
        self._queue.shutdown(wait=True)

    def _break_off(self, reading: _Reading, future: Future[T], loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            reading.is_given_up = True
            if self._current is reading:
                self._interrupt()
        # Between two statements of a reading there is nothing to interrupt, so it is tried until the reading ends.
        if not future.done():
            loop.call_later(_AGAIN_S, self._break_off, reading, future, loop)

    def _interrupt(self) -> None:
        if self._current is not None and self._connection is not None:
            self._connection.interrupt()

    def _run(self, reading: _Reading, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._is_outdated:
            self._is_outdated = False
            self._disconnect()
        if self._connection is None and not self._is_closed:
            self._connection = self._connect()
        connection = self._connection
        with self._lock:
            if reading.is_given_up or self._is_closed or connection is None:
                raise GivenUpError
            self._current = reading
        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
                raise
        finally:
            with self._lock:
                self._current = None
        # Here and not above, so that no traceback keeps the statement, and with it a snapshot, alive.
        raise GivenUpError

    def _disconnect(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

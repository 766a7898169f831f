"""Owns a database in a process of its own, so that no statement takes more memory than it may, or cannot be stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tui_app.data import memory as allowances
from tui_app.data.database_worker import STOP, TOO_MUCH
from tui_app.data.errors import DataError, ended, too_large

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.data.database import Kept
    from tui_app.data.tables import Source, TableInfo

fcntl: Any = None
with contextlib.suppress(ImportError):  # Windows: what a killed program spilled is left to the person there
    import fcntl

_PREFIX: Final = "aepx-sql-"
_PATIENCE_S: Final = 0.5
"""How long a statement has to end when it is told to; some of DuckDB's functions do not look."""


class DatabaseProcess:
    """A `Database` of the same questions, asked from any thread; `stop` interrupts whichever is under way."""

    def __init__(self, sources: Sequence[Source], *, memory: int | None = None) -> None:
        """Start the process and open the database in it.

        Args:
            sources: the batches.
            memory: bytes that it may take besides an idle process; None is `memory.usual`.

        Raises:
            DataError: DuckDB is not installed, or a file cannot be read.
        """
        _remove_left_behind()
        self._folder, self._lock_descriptor = _new_folder()
        self._asking, self._sending = threading.Lock(), threading.Lock()
        self._is_stopped = False
        self._connection, theirs = Pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "tui_app.data.database_worker", str(theirs.fileno())],
                env=_environment(),
                pass_fds=(theirs.fileno(), *((self._lock_descriptor,) if self._lock_descriptor >= 0 else ())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # keys pressed in the terminal are for us
            )
        except BaseException:
            self._remove()
            raise
        finally:
            theirs.close()
        try:
            whole = max(allowances.LEAST, memory or allowances.usual())
            self.tables: tuple[TableInfo, ...] = self._answer((tuple(sources), whole, self._folder))
        except BaseException:
            self.close()
            raise

    def keep(self, sql: str) -> Kept:
        """As `Database.keep`."""
        found: Kept = self._ask("keep", sql)
        return found

    def rows(self, relation: str, start: int, count: int) -> list[tuple[Any, ...]]:
        """As `Database.rows`."""
        found: list[tuple[Any, ...]] = self._ask("rows", relation, start, count)
        return found

    def summary(self, relation: str) -> list[tuple[Any, ...]]:
        """As `Database.summary`."""
        found: list[tuple[Any, ...]] = self._ask("summary", relation)
        return found

    def write_parquet(self, relation: str) -> Path:
        """As `Database.write_parquet`; the file goes when this is closed."""
        found: Path = self._ask("write_parquet", relation)
        return found

    def stop(self) -> None:
        """Stop the question under way; a process that does not heed it is ended, and can be asked nothing more."""
        if not self._asking.locked():
            return
        self._is_stopped = True
        with self._sending, contextlib.suppress(OSError):
            self._connection.send((STOP,))
        threading.Thread(target=self._end_if_deaf, daemon=True).start()

    def close(self) -> None:
        """End the process, and remove what was spilled."""
        self._process.kill()
        self._process.wait()
        with self._asking:  # whoever waits for an answer has heard by now that there will be none
            self._connection.close()
        self._remove()

    def _end_if_deaf(self) -> None:
        if self._asking.acquire(timeout=_PATIENCE_S):
            self._asking.release()
        else:
            self._process.kill()

    def _ask(self, name: str, *arguments: Any) -> Any:
        return self._answer((name, arguments))

    def _answer(self, question: object) -> Any:
        with self._asking:
            self._is_stopped = False
            try:
                with self._sending:
                    self._connection.send(question)
                answer = self._connection.recv()
            except (EOFError, OSError):
                raise self._why_ended() from None
        if isinstance(answer, DataError):
            raise answer
        return answer

    def _why_ended(self) -> DataError:
        code = self._process.wait()
        if self._is_stopped:
            return ended("It was stopped", stopped=True)
        return too_large() if code == TOO_MUCH else ended(f"DuckDB's process ended (exit code {code})")

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1


def _environment() -> dict[str, str]:
    """Return the environment of the process: ours without secrets, and with the way to our modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AEPX_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _new_folder() -> tuple[Path, int]:
    """Return a new private folder, and the descriptor that holds its lock, -1 where there are no locks."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        if fcntl is None:
            return folder, -1
        descriptor = os.open(folder, os.O_RDONLY)
        # Another one may have taken it for left behind, in the moment before it was locked.
        if _is_locked(descriptor) and folder.exists():
            return folder, descriptor
        os.close(descriptor)


def _remove_left_behind() -> None:
    """Remove what was spilled by those who were killed together with their database."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(descriptor).st_uid == os.geteuid() and _is_locked(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Take the lock of a folder, and tell whether that went well."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

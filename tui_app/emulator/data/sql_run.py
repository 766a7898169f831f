"""Owns one run of a query's SQL in a process of its own: what it is given, its end, and what its errors mean."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_app.emulator.data import sql_worker
from tui_app.emulator.data.statement import SqlError

_MEMORY = 512 * 2**20  # what DuckDB keeps of data
_ADDRESS = 2 * 2**30  # all that the process may have: what DuckDB does not count fits in here too
_LARGEST_FILE = 2**28
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Table:
    """A dataset as SQL sees it: its files, a SELECT without rows that has the columns of its schema, or both."""

    files: tuple[Path, ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows a query gave, and their columns (name, DuckDB type) where they were written."""

    rows: int
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """SQL to run: spellings of one SELECT, and the tables by name; nothing else of the machine can be reached.

    `out` is the parquet file to write; without it rows are counted, at most `most_rows` of them. `like` names the table
    whose columns the rows must fit. `longest_s` bounds the processor's time, seconds.
    """

    variants: tuple[str, ...]
    tables: dict[str, Table]
    out: Path | None = None
    like: str | None = None
    most_rows: int | None = None
    longest_s: int = 600

    def line(self) -> bytes:
        """Return the job as the worker reads it."""
        body: dict[str, Any] = {
            "path": [str(one) for one in sys.path],
            "variants": self.variants,
            "tables": {
                name: {"files": [str(one) for one in table.files], "empty": table.empty}
                for name, table in self.tables.items()
            },
            "out": None if self.out is None else str(self.out),
            "like": self.like,
            "most_rows": self.most_rows,
            "memory_bytes": _MEMORY,
            "address_bytes": _ADDRESS,
            "file_bytes": _LARGEST_FILE,
            "cpu_s": self.longest_s,
        }
        return json.dumps(body).encode() + b"\n"


@dataclass(slots=True)
class SqlRun:
    """One run; `work` blocks and belongs in a thread, `stop` ends it at once from any other."""

    job: Job
    _process: subprocess.Popen[bytes] | None = None
    _is_stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """End the process; `work` then raises."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def work(self) -> Outcome:
        """Run the SQL.

        Raises:
            SqlError: it went wrong, or was stopped.
        """
        with self._lock:
            if self._is_stopped:
                raise _stopped()
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and file; the SQL goes through the pipe
                [sys.executable, "-I", "-S", str(Path(sql_worker.__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # keys pressed in the terminal are for the emulator
            )
            self._process = process
        with process:
            assert process.stdin is not None, "asked for"
            assert process.stdout is not None, "asked for"
            try:
                process.stdin.write(self.job.line())
                process.stdin.flush()  # and stays open: its end would end the worker
                answer = process.stdout.readline()
            except OSError:  # it ended before it had read all
                answer = b""
            process.kill()
        return _outcome(answer)


def _stopped() -> SqlError:
    return SqlError("58000", "The query's process was ended.", by_system=True)


def _outcome(answer: bytes) -> Outcome:
    if not answer.endswith(b"\n"):
        raise SqlError("58000", "The query needed more memory or time than there is.", by_system=True)
    body = json.loads(answer)
    if "error" in body:
        raise _error(body["error"]["kind"], body["error"]["message"])
    return Outcome(body["rows"], tuple((name, kind) for name, kind in body.get("columns", ())))


_MEMORY_KINDS = frozenset({"OutOfMemoryException", "MemoryError"})
_SYSTEM_KINDS = frozenset({"IOException", "PermissionException", "InternalException", "FatalException"})


def _error(kind: str, message: str) -> SqlError:
    """Return the error in the platform's codes (its troubleshooting guide lists them): most failures are 58000."""
    text = message.partition("\n")[0][:_LONGEST_MESSAGE]  # what follows quotes our own wrapping of the SQL
    if kind == "CatalogException" and text.startswith("Catalog Error: Table with name"):
        return SqlError("42P01", text)
    if kind == "ParserException":
        return SqlError("42601", text)
    if kind in _MEMORY_KINDS:
        return SqlError("58000", f"The query needs more memory than there is: {text}", by_system=True)
    if kind in _SYSTEM_KINDS:  # the rest of the message tells of the machine
        return SqlError("58000", f"The query's files cannot be read or written: {kind}.", by_system=True)
    return SqlError("58000", f"Analysis error encountered. Reason: [{text}]")

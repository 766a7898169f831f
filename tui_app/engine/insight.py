"""Owns looking into exported data: rows, statements, statistics and exports of downloaded files."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import io
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui_app.data.database import all_of
from tui_app.data.database_process import DatabaseProcess
from tui_app.data.errors import DataError, ended, missing
from tui_app.data.tables import Source
from tui_app.engine.manifest import NAME, Manifest
from tui_app.engine.new_file import NewFile, file_failure
from tui_app.engine.transfer import to_its_end
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tui_app.data.database import Kept
    from tui_app.data.errors import Position
    from tui_app.data.tables import TableInfo

T = TypeVar("T")
_LARGEST_MANIFEST: Final = 64 * 1024**2
_AT_ONCE: Final = 5_000
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class SqlFailureError(FailureError):
    """A statement is wrong at a place; `shown` is its line with a caret under it, line and column count from 1."""

    def __init__(self, failure: Failure, position: Position) -> None:
        super().__init__(failure)
        self.shown = safe_text(position.shown, lines=True)
        self.line, self.column = position.line, position.column


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result, its type in SQL's words."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What is in a column: `nulls_share` 0 to 1, `distinct` values as an estimate, its ends as text."""

    name: str
    type: str
    nulls_share: float | None
    distinct: int | None
    minimum: str | None
    maximum: str | None


class Result:
    """Rows that were found; read a window at a time, `close` at the end."""

    columns: tuple[Column, ...]
    total: int
    tables: tuple[TableInfo, ...] = ()
    """What else can be asked where these come from."""

    async def rows(self, start: int, count: int) -> Sequence[tuple[Any, ...]]:
        """Return rows from `start` on, at most so many.

        Raises:
            FailureError: they cannot be read any more.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what it holds."""


class _Kept(Result):
    """Rows that DuckDB holds, in memory or on the disk."""

    def __init__(self, insight: Insight, database: DatabaseProcess, found: Kept) -> None:
        self._insight, self.database, self.relation = insight, database, found.relation
        self.columns, self.total = tuple(Column(*one) for one in found.columns), found.total
        self.tables = database.tables

    async def rows(self, start: int, count: int) -> Sequence[tuple[Any, ...]]:
        return await self._insight.aside(
            "The rows cannot be read", lambda: self.database.rows(self.relation, start, count), self.database
        )

    async def close(self) -> None:
        await self._insight.let_go(self.database)


class FewRows(Result):
    """A few rows in memory."""

    def __init__(self, columns: tuple[Column, ...], rows: Sequence[tuple[Any, ...]], whole: int) -> None:
        self.columns, self.total, self._rows = columns, len(rows), rows
        self.whole = whole
        """How many rows there are where these come from."""

    async def rows(self, start: int, count: int) -> Sequence[tuple[Any, ...]]:
        """As `Result.rows`."""
        return self._rows[start : start + count]


class Insight:
    """Use cases on exported data on this machine; DuckDB does the work, in processes of its own."""

    def __init__(self) -> None:
        self._open: set[DatabaseProcess] = set()
        self._working: set[DatabaseProcess] = set()
        self._cancels = 0
        self.memory: int | None = None
        """Bytes that a statement may take; None is the usual."""

    def require(self) -> None:
        """Make sure that data can be read here at all.

        Raises:
            FailureError: DuckDB is not installed; the next step says how it is.
        """
        if importlib.util.find_spec("duckdb") is None:
            raise _failed("Data cannot be read here", missing())

    async def tables(self, folder: Path) -> tuple[TableInfo, ...]:
        """Return the views over a folder of downloaded files: one a batch, then `rows` over all.

        Raises:
            FailureError: it holds none, or one of them is damaged.
        """
        what = f"The tables of {safe_text(str(folder))} cannot be read"
        database = await self._opened(folder, what)
        await self.let_go(database)
        return database.tables

    async def run(self, sql: str, folder: Path) -> Result:
        """Run a statement over the downloaded files in a folder.

        Raises:
            SqlFailureError: the statement is wrong.
            FailureError: a file is damaged, the memory does not do, or it was stopped.
        """
        what = "The statement was not run"
        cancels = self._cancels
        database = await self._opened(folder, what)
        if self._cancels != cancels:
            await self.let_go(database)
            raise _failed(what, ended("It was stopped", stopped=True))
        return await self._kept(what, database, sql)

    async def file(self, path: Path) -> Result:
        """Return all rows of one parquet file on this machine.

        Raises:
            FailureError: it is not there, or damaged.
        """
        what = f"{safe_text(str(path))} cannot be read"
        if not await asyncio.to_thread(path.is_file):
            raise FailureError(Failure(FailureKind.NOT_FOUND, what, "There is no such file", "Check the path."))
        whole = await asyncio.to_thread(path.absolute)
        database = await self._database(what, [Source("", "", (whole,), 0)])
        return await self._kept(what, database, all_of(whole))

    async def _kept(self, what: str, database: DatabaseProcess, sql: str) -> Result:
        try:
            found = await self.aside(what, lambda: database.keep(sql), database)
        except BaseException:
            await asyncio.shield(self.let_go(database))
            raise
        return _Kept(self, database, found)

    async def profile(self, result: Result) -> tuple[ColumnProfile, ...]:
        """Return statistics of each column of a result.

        Raises:
            FailureError: they cannot be counted, or it was stopped.
        """
        if not isinstance(result, _Kept):
            rows = await result.rows(0, result.total)
            return tuple(_counted(column, [row[place] for row in rows]) for place, column in enumerate(result.columns))
        kept = result
        found = await self.aside(
            "The columns cannot be counted", lambda: kept.database.summary(kept.relation), kept.database
        )
        return tuple(_profile(row) for row in found)

    async def export(self, result: Result, path: str) -> int:
        """Write all rows of a result to a new file, CSV or parquet by its ending, and return how many.

        Raises:
            FailureError: it cannot be written; nothing of it is left then.
        """
        what = f"{safe_text(path)} was not written"
        if not path.endswith((".csv", ".parquet")):
            raise FailureError(
                Failure(FailureKind.LOCAL, what, "Its name ends in neither .csv nor .parquet", "Give it such a name.")
            )
        try:
            file = NewFile(path)
            try:
                await to_its_end(file.make)
                await (
                    self._write_csv(result, file) if path.endswith(".csv") else self._write_parquet(what, result, file)
                )
                await to_its_end(file.keep)
            except BaseException:
                await to_its_end(file.drop)
                raise
        except OSError as error:
            raise FailureError(file_failure(path, error)) from None
        return result.total

    async def _write_parquet(self, what: str, result: Result, file: NewFile) -> None:
        if not isinstance(result, _Kept):
            raise FailureError(
                Failure(FailureKind.LOCAL, what, "First rows go to a .csv file only", "Download the file instead.")
            )
        kept = result
        made = await self.aside(what, lambda: kept.database.write_parquet(kept.relation), kept.database)
        try:
            await to_its_end(lambda: file.copy(made))
        finally:
            await to_its_end(lambda: made.unlink(missing_ok=True))

    async def _write_csv(self, result: Result, file: NewFile) -> None:
        await to_its_end(lambda: file.write(_csv_text([[column.name for column in result.columns]])))
        for start in range(0, result.total, _AT_ONCE):
            rows = await result.rows(start, _AT_ONCE)
            await to_its_end(lambda: file.write(_csv_text(rows)))  # noqa: B023 - awaited here

    def cancel(self) -> None:
        """Stop every statement that runs, or is about to."""
        self._cancels += 1
        for one in tuple(self._working):
            one.stop()

    async def _opened(self, folder: Path, what: str) -> DatabaseProcess:
        sources = await asyncio.to_thread(_sources, folder)
        if not any(one.paths for one in sources):
            raise FailureError(
                Failure(
                    FailureKind.NOT_FOUND,
                    what,
                    f"{safe_text(str(folder))} holds no downloaded parquet file",
                    "Download the job into it first: aepx download JOB --to DIR, or D in the app.",
                )
            )
        return await self._database(what, sources)

    async def _database(self, what: str, sources: Sequence[Source]) -> DatabaseProcess:
        for path in (path for one in sources for path in one.paths):
            if _is_unreadable(path):
                cause = f"DuckDB cannot read {safe_text(str(path))}: its name is not UTF-8"
                raise FailureError(Failure(FailureKind.LOCAL, what, cause, "Give it or its folder another name."))
        database = await self.aside(what, lambda: DatabaseProcess(sources, memory=self.memory))
        self._open.add(database)
        return database

    async def let_go(self, database: DatabaseProcess) -> None:
        """End a database."""
        self._open.discard(database)
        await asyncio.to_thread(database.close)

    async def stop(self) -> None:
        """Stop every statement and let go of every result."""
        self.cancel()
        for one in tuple(self._open):
            await self.let_go(one)

    async def aside(self, what: str, work: Callable[[], T], database: DatabaseProcess | None = None) -> T:
        """Do something with DuckDB on a thread; who is cancelled meanwhile stops it."""
        if database is not None:
            self._working.add(database)
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except DataError as error:
            raise _failed(what, error) from None
        except asyncio.CancelledError:
            if database is not None:
                database.stop()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                _let_go(task.result())
            raise
        finally:
            if database is not None:
                self._working.discard(database)


def _let_go(result: object) -> None:
    if isinstance(result, DatabaseProcess):
        result.close()


def _failed(what: str, error: DataError) -> FailureError:
    failure = Failure(FailureKind.LOCAL, what, safe_text(error.cause), error.next_step)
    if error.position is not None:
        return SqlFailureError(failure, error.position)
    return FailureError(failure)


def _sources(folder: Path) -> list[Source]:
    try:
        with (folder / NAME).open("rb") as file:
            manifest = Manifest.parse(file.read(_LARGEST_MANIFEST))
    except OSError:
        return []
    audiences = {one.batch_id: one.audience for one in manifest.batches}
    found = []
    for batch_id in dict.fromkeys([*audiences, *(one.batch_id for one in manifest.files.values())]):
        files = [one for one in manifest.files.values() if one.batch_id == batch_id and one.rows is not None]
        paths = tuple(sorted((folder / one.path).absolute() for one in files))
        found.append(Source(batch_id, audiences.get(batch_id, ""), paths, sum(one.rows or 0 for one in files)))
    return found


def _profile(row: Sequence[Any]) -> ColumnProfile:
    name, kind, least, greatest, distinct, nulls = row
    return ColumnProfile(
        str(name),
        str(kind),
        None if nulls is None else float(nulls) / 100,
        None if distinct is None else int(distinct),
        None if least is None else str(least),
        None if greatest is None else str(greatest),
    )


def _counted(column: Column, values: Sequence[Any]) -> ColumnProfile:
    known = [one for one in values if one is not None]
    share = 1 - len(known) / len(values) if values else None
    texts = [str(one) for one in known]
    try:
        least, greatest = min(known, default=None), max(known, default=None)
    except TypeError:  # structs have no order
        least, greatest = min(texts), max(texts)
    ends = (None if one is None else str(one) for one in (least, greatest))
    return ColumnProfile(column.name, column.type, share, len(set(texts)), *ends)


def csv_cell(value: object) -> str:
    """Return a value as a CSV cell that no spreadsheet takes for a formula and no terminal obeys."""
    from tui_app.models.plain_values import plain_text  # noqa: PLC0415 - only who exports needs it

    if value is None:
        return ""
    text = safe_text(plain_text(value))
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not is_number else text


def _csv_text(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([[csv_cell(value) for value in row] for row in rows])
    return buffer.getvalue()


def _is_unreadable(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return True
    return False

"""Owns looking into exported data: rows, statements and statistics of downloaded files, first rows of remote ones."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import os
import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui_app.data.database import Database, all_of
from tui_app.data.errors import DataError, missing
from tui_app.data.tables import Source
from tui_app.engine.failures import explained
from tui_app.engine.manifest import NAME, Manifest
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.data.errors import Position
    from tui_app.data.tables import TableInfo
    from tui_app.engine.core import Core
    from tui_app.models.data_access import RemoteFile

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

    def __init__(
        self, insight: Insight, database: Database, relation: str, columns: tuple[Column, ...], total: int
    ) -> None:
        self._insight, self.database, self.relation = insight, database, relation
        self.columns, self.total = columns, total

    async def rows(self, start: int, count: int) -> Sequence[tuple[Any, ...]]:
        return await self._insight.aside(
            "The rows cannot be read", lambda: self.database.rows(self.relation, start, count), self.database
        )

    async def close(self) -> None:
        await asyncio.to_thread(self.database.close)


class _Few(Result):
    """A few rows in memory."""

    def __init__(self, columns: tuple[Column, ...], rows: Sequence[tuple[Any, ...]], whole: int) -> None:
        self.columns, self.total, self._rows = columns, len(rows), rows
        self.whole = whole
        """How many rows there are where these come from."""

    async def rows(self, start: int, count: int) -> Sequence[tuple[Any, ...]]:
        return self._rows[start : start + count]


class Insight:
    """Use cases on exported data; DuckDB does the work, beside the event loop."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._working: set[Database] = set()
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
        await asyncio.to_thread(database.close)
        return database.tables

    async def run(self, sql: str, folder: Path) -> Result:
        """Run a statement over the downloaded files in a folder.

        Raises:
            SqlFailureError: the statement is wrong.
            FailureError: a file is damaged, the memory does not do, or it was stopped.
        """
        what = "The statement was not run"
        database = await self._opened(folder, what)
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
        source = Source("", "", (whole,), 0)
        database = await self.aside(what, lambda: Database([source], memory=self.memory))
        return await self._kept(what, database, all_of(whole))

    async def _kept(self, what: str, database: Database, sql: str) -> Result:
        def work() -> _Kept:
            relation, total = database.keep(sql)
            columns = tuple(Column(*one) for one in database.columns(relation))
            return _Kept(self, database, relation, columns, total)

        try:
            return await self.aside(what, work, database)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(database.close))
            raise

    async def remote(self, file: RemoteFile, count: int) -> Result:
        """Return the first rows of a parquet file on the platform, by ranges: its footer and first pages.

        Raises:
            FailureError: it cannot be read, or is no parquet.
        """
        from tui_app.data.remote import first_rows  # noqa: PLC0415 - only a preview needs it

        what = f"The first rows of {shortened(safe_text(file.name))} cannot be read"
        access, loop = self._core.client.data_access, asyncio.get_running_loop()

        def read(start: int, length: int) -> bytes:
            return asyncio.run_coroutine_threadsafe(access.read(file, start, length), loop).result()

        with self._core.activity.busy(), explained(what, self._core.clock):
            size = file.length if file.length is not None else await access.size(file)
            columns, rows, whole = await self.aside(what, lambda: first_rows(read, size, count))
        return _Few(tuple(Column(*one) for one in columns), rows, whole)

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
        target = await asyncio.to_thread(Path(path).expanduser)
        what = f"{safe_text(path)} was not written"
        if target.suffix not in (".csv", ".parquet"):
            raise FailureError(
                Failure(FailureKind.LOCAL, what, "Its name ends in neither .csv nor .parquet", "Give it such a name.")
            )
        part = target.with_name(f"{target.name}.part")
        try:
            if await asyncio.to_thread(target.exists):
                raise FailureError(
                    Failure(FailureKind.LOCAL, what, "There is such a file already", "Choose another name.")
                )
            if target.suffix == ".csv":
                await self._write_csv(result, part)
            elif isinstance(result, _Kept):
                kept = result
                made = await self.aside(what, lambda: kept.database.write_parquet(kept.relation), kept.database)
                await asyncio.to_thread(shutil.move, made, part)
            else:
                raise FailureError(
                    Failure(FailureKind.LOCAL, what, "First rows go to a .csv file only", "Download the file instead.")
                )
            await asyncio.to_thread(os.replace, part, target)
        except OSError as error:
            await asyncio.to_thread(part.unlink, missing_ok=True)
            why = safe_text(error.strerror or str(error))
            raise FailureError(Failure(FailureKind.LOCAL, what, why, "Choose another folder.")) from None
        except BaseException:
            await asyncio.to_thread(part.unlink, missing_ok=True)
            raise
        return result.total

    async def _write_csv(self, result: Result, part: Path) -> None:
        with await asyncio.to_thread(part.open, "x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([csv_cell(column.name) for column in result.columns])
            for start in range(0, result.total, _AT_ONCE):
                rows = await result.rows(start, _AT_ONCE)
                await asyncio.to_thread(writer.writerows, [[csv_cell(value) for value in row] for row in rows])
            await asyncio.to_thread(_sync, file)

    def cancel(self) -> None:
        """Stop every statement that runs."""
        for one in tuple(self._working):
            one.stop()

    async def _opened(self, folder: Path, what: str) -> Database:
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
        return await self.aside(what, lambda: Database(sources, memory=self.memory))

    async def aside(self, what: str, work: Callable[[], T], database: Database | None = None) -> T:
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
    if isinstance(result, Database):
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
    known = [str(one) for one in values if one is not None]
    share = 1 - len(known) / len(values) if values else None
    return ColumnProfile(
        column.name, column.type, share, len(set(known)), min(known, default=None), max(known, default=None)
    )


def csv_cell(value: object) -> str:
    """Return a value as a CSV cell that no spreadsheet takes for a formula and no terminal obeys."""
    from tui_app.models.plain_values import plain_text  # noqa: PLC0415 - only who exports needs it

    if value is None:
        return ""
    text = safe_text(plain_text(value))
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not is_number else text


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())

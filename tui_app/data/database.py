"""Owns one DuckDB connection over downloaded files: what it may read, what it may take, and how it is stopped.

A statement may read the downloaded files and nothing else: no other file, no network, no extension, and it may change
nothing. What does not fit into the memory that it may take goes to a folder, at most nine tenths of what its disk has
free (DuckDB's own limit).
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui_app.data.errors import DataError, missing, translated
from tui_app.data.tables import ALL, Source, TableInfo, quoted, table_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MIB: Final = 1024**2
_COUNTED: Final = 0.8
"""The share of the memory that DuckDB counts itself; what it holds besides takes the rest."""
_WHOLE: Final = re.compile(r'(?is)\s*select\s+\*\s+from\s+(?:"([^"]+)"|(\w+))\s*;?\s*')

_RESULTS: Final = "aepx"


class Kept(NamedTuple):
    """What a statement found: the relation that holds it, its rows, and name and type of its columns."""

    relation: str
    total: int
    columns: tuple[tuple[str, str], ...]


class Database:
    """Views over the files of batches; used from one thread, but for `stop`."""

    def __init__(self, sources: Sequence[Source], *, memory: int, folder: Path) -> None:
        """Open it.

        Args:
            sources: the batches.
            memory: bytes that statements may take.
            folder: of its own, for what does not fit into them.

        Raises:
            DataError: DuckDB is not installed, or a file cannot be read.
        """
        self._duckdb = load()
        self._folder = folder
        self._count = 0
        self._paths: dict[str, tuple[Path, ...]] = {}
        self._held: dict[str, list[tuple[Path, int]]] = {}
        """The files of a view that is shown whole, each with its rows."""
        try:
            self._connection = self._duckdb.connect(config={"memory_limit": f"{int(memory * _COUNTED)}B"})
            self.tables = self._prepare(sources)
        except self._duckdb.Error as error:
            raise self._fault(error, "") from None

    def _prepare(self, sources: Sequence[Source]) -> tuple[TableInfo, ...]:
        run = self._connection.execute
        run("SET autoinstall_known_extensions=false")
        run("SET autoload_known_extensions=false")
        run(f"SET temp_directory={_text(str(self._folder))}")
        reserved = {
            row[0]
            for row in run(
                "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
            ).fetchall()
        }
        names = table_names(sources, reserved=reserved)
        paths = [path for one in sources for path in one.paths]
        self._paths[ALL] = tuple(paths)
        run(f"SET allowed_paths={_list(paths)}")
        run(f"SET allowed_directories={_list([self._folder])}")
        run("SET enable_external_access=false")
        run("SET lock_configuration=true")
        # A schema of their own: SHOW TABLES tells a person's tables only.
        run(f"CREATE SCHEMA {_RESULTS}")
        found = []
        for name, one in zip(names, sources, strict=True):
            if one.paths:
                self._paths[name] = one.paths
                run(f"CREATE TEMP VIEW {quoted(name)} AS SELECT * FROM {_parquet(one.paths)}")
                found.append(TableInfo(name, one.batch_id, one.audience, one.rows, len(one.paths)))
        if paths:
            run(f"CREATE TEMP VIEW {quoted(ALL)} AS SELECT * FROM {_parquet(paths)}")
            found.append(TableInfo(ALL, "", "all batches", sum(one.rows for one in sources), len(paths)))
        return tuple(found)

    def stop(self) -> None:
        """Stop the statement that runs; from any thread."""
        with contextlib.suppress(Exception):  # one that has ended meanwhile has nothing to be stopped
            self._connection.interrupt()

    def keep(self, sql: str) -> Kept:
        """Run a statement and keep what it finds as a table of its own.

        Raises:
            DataError: the statement is wrong, changes something, or was stopped.
        """
        relation, total = self._found(sql)
        return Kept(relation, total, self.columns(relation))

    def _found(self, sql: str) -> tuple[str, int]:
        self.check(sql)
        whole = _WHOLE.fullmatch(sql)
        if whole is not None and (whole[1] or whole[2].lower()) in self._paths:
            return self._whole(whole[1] or whole[2].lower())
        self._count += 1
        name = f"{_RESULTS}.result_{self._count}"
        text = sql.strip().rstrip(";")
        with self._faults(sql, before=1):
            # On lines of its own, so that a comment at its end ends there, and positions stay right.
            self._connection.execute(f"CREATE TABLE {name} AS (\n{text}\n)")
            (total,) = self._connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        return name, int(total)

    def _whole(self, name: str) -> tuple[str, int]:
        """Return a view as a result: its rows stay in the files, and are read from the file that holds them."""
        with self._faults(""):
            if name not in self._held:
                found = dict(
                    self._all(f"SELECT file_name, num_rows FROM parquet_file_metadata({_list(self._paths[name])})")
                )
                self._held[name] = [(path, int(found[str(path)])) for path in self._paths[name]]
        return quoted(name), sum(count for _, count in self._held[name])

    def _fault(self, error: Exception, sql: str, *, before: int = 0) -> DataError:
        fault = translated(error, sql, before=before)
        if fault.of_file:
            fault.cause = self._damaged() or fault.cause
        return fault

    def _damaged(self) -> str:
        """Return which files cannot be read, in words; "" where the fault is not in their footers."""
        found = []
        for path in self._paths.get(ALL, ()):
            try:
                self._connection.execute(f"SELECT num_rows FROM parquet_file_metadata({_list((path,))})").fetchall()
            except self._duckdb.Error:
                found.append(path.name)
        return f"Damaged or gone: {', '.join(found)}" if found else ""

    def check(self, sql: str) -> None:
        """Refuse what is not one statement that only reads.

        Raises:
            DataError: it is not; or it cannot be read at all.
        """
        with self._faults(sql):
            statements = self._connection.extract_statements(sql)
        if not statements:
            raise DataError("There is no statement", "Write one, such as SELECT count(*) FROM rows.")
        if len(statements) > 1:
            raise DataError(f"There are {len(statements)} statements", "Run them one by one.")
        kind = str(statements[0].type).rpartition(".")[2].upper()
        if kind == "MULTI":
            raise DataError("This PIVOT has to look for its columns first", "List them: PIVOT … ON column IN (a, b).")
        if kind != "SELECT":
            raise DataError(
                f"{kind} is not for downloaded files: they are only read here",
                "Use SELECT. To keep what it finds, write it to a file: --to FILE, or e in the app.",
            )

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Return name and type of the columns of a table or a statement in brackets."""
        with self._faults(""):
            return tuple((row[0], row[1]) for row in self._all(f"DESCRIBE SELECT * FROM {relation}"))

    def rows(self, relation: str, start: int, count: int) -> list[tuple[Any, ...]]:
        """Return some rows of a kept table, in its order."""
        held = self._held.get(relation[1:-1]) if relation.startswith('"') else None
        with self._faults(""):
            if held is None:
                return self._all(f"SELECT * FROM {relation} LIMIT {int(count)} OFFSET {int(start)}")
            found: list[tuple[Any, ...]] = []
            for path, rows in held:
                if start < rows and len(found) < count:
                    # By name, with the view's columns first: a file may lack some of them.
                    found += self._all(
                        f"SELECT * FROM (SELECT * FROM {relation} LIMIT 0) UNION ALL BY NAME "
                        f"(SELECT * FROM {_parquet((path,))} LIMIT {count - len(found)} OFFSET {max(0, start)})"
                    )
                start -= rows
            return found

    def summary(self, relation: str) -> list[tuple[Any, ...]]:
        """Return for each column its name, type, least, greatest, distinct values (about), and share of nulls."""
        with self._faults(""):
            return self._all(
                "SELECT column_name, column_type, min, max, approx_unique, null_percentage "
                f"FROM (SUMMARIZE SELECT * FROM {relation})"
            )

    def write_parquet(self, relation: str) -> Path:
        """Write a kept table to a parquet file in the private folder and return its path."""
        path = self._folder / "export.parquet"
        with self._faults(""):
            self._connection.execute(f"COPY (SELECT * FROM {relation}) TO {_text(str(path))} (FORMAT parquet)")
        return path

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return found

    @contextlib.contextmanager
    def _faults(self, sql: str, *, before: int = 0) -> Iterator[None]:
        """Turn a fault into one that a person understands; `before` lines were put before the statement."""
        try:
            yield
        except self._duckdb.Error as error:
            raise self._fault(error, sql, before=before) from None


def all_of(path: Path) -> str:
    """Return the statement that finds all rows of one parquet file."""
    return f"SELECT * FROM {_parquet((path,))}"


def load() -> Any:
    """Return the module of DuckDB.

    Raises:
        DataError: it is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing() from None
    return duckdb


def _parquet(paths: Sequence[Path]) -> str:
    return f"read_parquet({_list(paths)}, union_by_name=true, hive_partitioning=false)"


def _list(paths: Sequence[Path]) -> str:
    return f"[{', '.join(_text(str(path)) for path in paths)}]"


def _text(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"

"""Owns DuckDB: writing a SELECT to a parquet file, and reading such files; imported only when it is needed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "512MB"
_GROUP_ROWS = 122_880  # of the writer's row groups: what is in memory at a time
_NESTED = ("STRUCT", "MAP", "LIST", "[]")


@contextlib.contextmanager
def database() -> Iterator[DuckDBPyConnection]:
    """Open a database in memory that uses one thread, so that bytes are stable, and never the network."""
    import duckdb  # noqa: PLC0415 - costs 50 ms and more, and a platform that serves no rows needs none

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": "1",
        "memory_limit": MEMORY_LIMIT,
        # Wide rows pass through thousands of vectors; what is freed goes back at once, which costs a tenth in time
        # and saves a third of the memory at the peak.
        "allocator_flush_threshold": "0B",
        "allocator_bulk_deallocation_flush_threshold": "0B",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(":memory:", config=settings) as opened:
        yield opened


def write(opened: DuckDBPyConnection, select: str, path: Path) -> None:
    """Write the rows of `select` to `path` as they come; raises `duckdb.Error` when the disk is full."""
    options = f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {_GROUP_ROWS}"
    opened.execute(f"COPY ({select}) TO {_quoted_text(str(path))} ({options})")


def rows_in(path: Path) -> int:
    """Return how many rows a parquet file holds."""
    with database() as opened:
        found = opened.execute("SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(?)", [str(path)]).fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def head(paths: Sequence[Path], count: int) -> list[dict[str, str]]:
    """Return the first `count` rows with every value as text, nested ones as JSON; a value that is null is left out."""
    source = f"FROM read_parquet([{', '.join(_quoted_text(str(path)) for path in paths)}])"
    with database() as opened:
        kinds = [(str(name), str(kind)) for name, kind, *_ in opened.execute(f"DESCRIBE {source}").fetchall()]
        shown = ", ".join(_as_text(name, kind) for name, kind in kinds)
        rows = opened.execute(f"SELECT {shown} {source} LIMIT {count}").fetchall()
    names = [name for name, _ in kinds]
    return [{name: one for name, one in zip(names, row, strict=True) if one is not None} for row in rows]


def _as_text(name: str, kind: str) -> str:
    if any(mark in kind for mark in _NESTED):
        return f"CASE WHEN {quoted(name)} IS NOT NULL THEN to_json({quoted(name)})::VARCHAR END"
    return f"{quoted(name)}::VARCHAR"


def quoted(name: str) -> str:
    """Return a name as SQL names a column or a table."""
    return '"' + name.replace('"', '""') + '"'


def _quoted_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

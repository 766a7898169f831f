"""Owns the process that runs one query's SQL: sealed off from files, network and settings, bounded in memory and time.

It is a process of its own because some SQL cannot be stopped inside one: a function that fills gigabytes from a single
row heeds neither DuckDB's memory limit nor its interrupt. It is started by path, knows nothing of the package, reads
one line of JSON and writes one; see `sql_run` for both.
"""

# ruff: noqa: S608 - SQL is what this file is for; names are quoted, and the SELECT has been read by `statement`

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_SETTINGS: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "temp_directory": "",  # what does not fit in memory is not put on disk
    "max_temp_directory_size": "0B",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "preserve_insertion_order": "false",
}
_ROW_GROUP = 16_384  # rows that are put together in memory before they are written


def main() -> None:
    """Run the job on standard input and write its answer."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.path[:] = job["path"]
    import duckdb  # noqa: PLC0415 - it is found only by the parent's path

    _bound(job)
    try:
        answer = run(job)
    except (duckdb.Error, MemoryError) as error:
        answer = {"error": {"kind": type(error).__name__, "message": str(error)[:2_000]}}
    sys.stdout.write(json.dumps(answer) + "\n")


def _end_with_parent() -> None:
    """Wait for the end of input, which comes when the parent has ended, however it did."""
    sys.stdin.read()
    os._exit(1)


def _bound(job: dict[str, Any]) -> None:
    """Let the system hold the bounds; where it cannot (Windows), DuckDB's own and the parent's clock remain."""
    with contextlib.suppress(ImportError):
        import resource  # noqa: PLC0415 - not on every system

        for kind, limit in (
            (resource.RLIMIT_AS, job["address_bytes"]),
            (resource.RLIMIT_FSIZE, job["file_bytes"]),
            (resource.RLIMIT_CPU, job["cpu_s"]),
            (resource.RLIMIT_CORE, 0),
        ):
            with contextlib.suppress(ValueError, OSError):  # macOS refuses some
                resource.setrlimit(kind, (limit, limit))
        os.nice(5)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a job's SQL and return `{"rows": n}` and, where they are written, `"columns": [[name, type], ...]`."""
    import duckdb  # noqa: PLC0415 - see main

    with duckdb.connect(":memory:", config=_SETTINGS | {"memory_limit": f"{job['memory_bytes']}B"}) as connection:
        files = [one for table in job["tables"].values() for one in table["files"]]
        connection.execute("SET allowed_paths = ?", [files if job["out"] is None else [*files, job["out"]]])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        for name, table in job["tables"].items():
            _view(connection, name, table)
        is_written = job["out"] is not None
        select, columns = _bindable(connection, job["variants"], is_named=is_written)
        if not is_written:
            return {"rows": _count(connection, select, job["most_rows"])}
        if job["like"] is not None:
            select, columns = _shaped(
                select, columns, connection.execute(f"DESCRIBE {_quoted(job['like'])}").fetchall()
            )
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, USE_TMP_FILE false"
        written = connection.execute(f"COPY ({select}\n) TO {_text(job['out'])} ({options})").fetchone()
        return {"rows": written[0] if written else 0, "columns": columns}


def _view(connection: duckdb.DuckDBPyConnection, name: str, table: dict[str, Any]) -> None:
    """Show a dataset as a table: all fields of its schema, and what its files hold; files may lack columns."""
    shapes = [table["empty"]] if table["empty"] else []
    if table["files"]:
        shapes.append(f"SELECT * FROM read_parquet([{','.join(map(_text, table['files']))}], union_by_name=true)")
    connection.execute(f"CREATE VIEW {_quoted(name)} AS {' UNION ALL BY NAME '.join(shapes)}")


def _bindable(
    connection: duckdb.DuckDBPyConnection, variants: list[str], *, is_named: bool
) -> tuple[str, list[list[str]]]:
    """Return the first spelling that DuckDB can bind, with its columns; when none can be, the last one's error.

    `is_named` asks for the columns' own names, which may be the same twice; only a SELECT can tell them.
    """
    import duckdb  # noqa: PLC0415 - see main

    for variant in variants[:-1]:
        with contextlib.suppress(duckdb.BinderException):
            return variant, _columns(connection, variant, is_named=is_named)
    return variants[-1], _columns(connection, variants[-1], is_named=is_named)


def _columns(connection: duckdb.DuckDBPyConnection, select: str, *, is_named: bool) -> list[list[str]]:
    rows = connection.execute(f"DESCRIBE {select}" if is_named else f"DESCRIBE SELECT * FROM ({select}\n)").fetchall()
    return [[name, kind] for name, kind, *_ in rows]


def _count(connection: duckdb.DuckDBPyConnection, select: str, most_rows: int | None) -> int:
    """Count the rows and work out every value of them, so that what cannot be worked out fails; nothing is kept."""
    limit = "" if most_rows is None else f" LIMIT {most_rows}"
    found = connection.execute(
        f'SELECT count(*), bit_xor(hash("  row")) FROM (SELECT * FROM ({select}\n){limit}) "  row"'
    ).fetchone()
    return int(found[0]) if found else 0


def _shaped(select: str, columns: list[list[str]], target: list[tuple[Any, ...]]) -> tuple[str, list[list[str]]]:
    """Give the rows the names and types of the table that they are added to, by position."""
    import duckdb  # noqa: PLC0415 - see main

    if len(columns) != len(target):
        raise duckdb.BinderException(f"The table has {len(target)} columns but {len(columns)} values were supplied")
    places = ",".join(f"c{at}" for at in range(len(target)))
    cast = ",".join(f"CAST(c{at} AS {one[1]}) AS {_quoted(one[0])}" for at, one in enumerate(target))
    return f'SELECT {cast} FROM ({select}\n) "  rows"({places})', [[one[0], one[1]] for one in target]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    main()

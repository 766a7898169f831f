"""Owns reading the first rows of a parquet file that is elsewhere, by ranges: footer, then the first pages only."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any, Final

from tui_app.data.database import load
from tui_app.data.errors import DataError, missing, translated

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK: Final = 128 * 1024
_FAR_PAST: Final = 0.0


def first_rows(
    read: Callable[[int, int], bytes], size: int, count: int
) -> tuple[tuple[tuple[str, str], ...], list[tuple[Any, ...]], int]:
    """Return the columns, the first rows, and the number of all rows of a remote parquet file.

    Args:
        read: returns bytes of the file from a start on, so many; called from this thread.
        size: how many bytes it has.
        count: rows wanted.

    Raises:
        DataError: DuckDB or fsspec are not installed, or the file is damaged.
    """
    duckdb = load()
    faults: list[BaseException] = []
    file_system = _file_system(read, size, faults)
    connection = duckdb.connect(config={"threads": "1", "memory_limit": "256MB"})
    try:
        connection.register_filesystem(file_system)
        # Else it would read all of the first row group, which may be most of the file.
        connection.execute("SET disable_parquet_prefetching=true")
        relation = f"read_parquet('{file_system.protocol}://file.parquet', hive_partitioning=false)"
        columns = tuple((row[0], row[1]) for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall())
        rows = connection.execute(f"SELECT * FROM {relation} LIMIT {int(count)}").fetchall()
        (total,) = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    except duckdb.Error as error:
        if faults:
            raise faults[0] from None
        fault = translated(error)
        raise DataError(
            f"The file is damaged: {fault.cause}", "Download it to see more, or report its batch."
        ) from None
    finally:
        connection.close()
    return columns, rows, int(total)


def _file_system(read: Callable[[int, int], bytes], size: int, faults: list[BaseException]) -> Any:
    try:
        from fsspec.spec import AbstractBufferedFile, AbstractFileSystem  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing() from None
    lock = threading.Lock()

    class RangedFile(AbstractBufferedFile):  # type: ignore[misc]  # the library has no types
        """The file."""

        def _fetch_range(self, start: int, end: int) -> bytes:
            try:
                with lock:
                    return read(start, min(end, size) - start)
            except BaseException as error:  # noqa: BLE001 - it is raised again, outside of DuckDB
                # What DuckDB makes of it says nothing.
                faults.append(error)
                raise OSError(str(error)) from None

    class RangedFileSystem(AbstractFileSystem):  # type: ignore[misc]  # as above
        """A file system of one file."""

        protocol = f"aepx{uuid.uuid4().hex}"
        cachable = False

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            return {"name": path, "size": size, "type": "file"}

        def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 - as the library's
            return [self.info(path)] if detail else [path]

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path]

        def modified(self, path: str) -> Any:
            from datetime import UTC, datetime  # noqa: PLC0415 - asked for once

            return datetime.fromtimestamp(_FAR_PAST, UTC)

        def _open(self, path: str, mode: str = "rb", **_: Any) -> RangedFile:
            return RangedFile(self, path, mode, block_size=_BLOCK, cache_type="readahead", size=size)

    return RangedFileSystem()

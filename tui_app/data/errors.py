"""Owns what can go wrong with downloaded data: a statement, a file, a limit, or DuckDB that is not there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_LINE: Final = re.compile(r"\n\s*LINE (\d{1,6}): ([^\n]*)\n( *)\^")
_CAUSE_MOST: Final = 600
_OF_THE_STATEMENT: Final = ("ParserException", "BinderException", "CatalogException", "ConversionException")


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a statement something is wrong; both count from 1. `shown` is that line with a caret under it."""

    line: int
    column: int
    shown: str


class DataError(Exception):
    """Data cannot be read as asked.

    Attributes:
        cause: why, without a full stop.
        next_step: what the person can do.
        position: where in the statement, None where that is not the matter.
        stopped: somebody stopped it.
        of_file: a file is the matter, not the statement.
    """

    def __init__(
        self,
        cause: str,
        next_step: str,
        *,
        position: Position | None = None,
        stopped: bool = False,
        of_file: bool = False,
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.next_step = next_step
        self.position = position
        self.stopped = stopped
        self.of_file = of_file

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass from one process to another."""
        return _made, (self.cause, self.next_step, self.position, self.stopped, self.of_file)


def translated(error: Exception, sql: str = "", *, before: int = 0) -> DataError:
    """Return what a fault of DuckDB means to a person; `before` lines stood before their statement."""
    kind, text = type(error).__name__, str(error)
    if kind == "InterruptException":
        return ended("It was stopped", stopped=True)
    if kind == "OutOfMemoryException":
        return too_large()
    position = _position(text, sql, before)
    cause = text.partition("\n\nLINE ")[0].partition("\nLINE ")[0].strip()
    cause = " ".join(cause.split())[:_CAUSE_MOST].rstrip(".") or kind
    if kind not in _OF_THE_STATEMENT and (".parquet" in text or "TProtocol" in text or "hrift" in text):
        return DataError(
            f"A file is damaged or gone: {cause}",
            "Verify the download (v in the list of downloads), or remove the file and download again.",
            of_file=True,
        )
    if position is not None:
        cause = f"{cause} (line {position.line}, column {position.column})"
    return DataError(cause, "Correct the statement and run it again.", position=position)


def too_large() -> DataError:
    """Return what to say of a statement that takes more memory than it may."""
    return DataError(
        "It needs more memory than it may take, also with the disk to help",
        "Select fewer columns or rows, or allow more with --memory.",
    )


def ended(cause: str, *, stopped: bool = False) -> DataError:
    """Return what to say of a statement that came to no end of its own."""
    return DataError(cause, "Run it again, or make the statement narrower.", stopped=stopped)


def missing() -> DataError:
    """Return what to say where DuckDB is not installed."""
    return DataError("Reading data here needs DuckDB, which is not installed", "Install it: pip install 'aepx[data]'")


def _made(cause: str, next_step: str, position: Position | None, stopped: bool, of_file: bool) -> DataError:  # noqa: FBT001 - as `__reduce__` passes them
    return DataError(cause, next_step, position=position, stopped=stopped, of_file=of_file)


def _position(text: str, sql: str, before: int) -> Position | None:
    found = _LINE.search(text)
    if found is None:
        return None
    number, excerpt = int(found[1]) - before, found[2]
    within = len(found[3]) - len(f"LINE {found[1]}: ")
    if number < 1:
        return None  # it speaks of what was put before the statement
    lines = sql.split("\n")
    whole = lines[number - 1] if number <= len(lines) else ""
    # A long line is shown from its middle, between dots.
    kept = excerpt.removeprefix("...").removesuffix("...")
    start = max(0, whole.find(kept))
    column = start + max(0, within - (3 if excerpt.startswith("...") else 0))
    return Position(number, column + 1, f"{excerpt}\n{' ' * max(0, within)}^")

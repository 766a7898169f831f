"""Owns how a value of exported data is shown: on one line of a table, and opened as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from tui_app.models.plain_values import plain, plain_text
from tui_app.present.cells import Cell, Column
from tui_app.text import cell_width, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NULL: Final = "null"
_TEXT_MOST: Final = 400
_WIDEST: Final = 40
_SHARED: Final = 20
"""Cells of a wide column that are kept before another one is dropped; what is left over is shared."""
_NARROWEST: Final = 4
_NUMBERS: Final = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "REAL")


class Typed(Protocol):
    """A column of a result."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def type(self) -> str:
        """Its type in SQL's words."""
        ...


def value_text(value: object) -> str:
    """Return a value on one line, harmless and cut after some hundred characters; nested ones as JSON."""
    if value is None:
        return NULL
    text = plain_text(value)
    return safe_text(text if len(text) <= _TEXT_MOST else f"{text[:_TEXT_MOST]}…")


def value_cell(value: object) -> Cell:
    """Return the cell of a value; nothing at all is muted."""
    return Cell(NULL, "muted") if value is None else Cell(value_text(value))


def row_record(columns: Iterable[Typed], row: Sequence[object]) -> dict[str, Any]:
    """Return one row as a JSON object; a column whose name comes again gets a number."""
    found: dict[str, Any] = {}
    for column, value in zip(columns, row, strict=True):
        name, number = column.name, 2
        while name in found:
            name, number = f"{column.name} ({number})", number + 1
        found[name] = plain(value)
    return found


def table_columns(columns: Sequence[Typed], sample: Sequence[Sequence[object]]) -> tuple[Column, ...]:
    """Return the columns of a table, as wide as their names and the rows of a sample ask for, within bounds."""
    found = []
    for place, column in enumerate(columns):
        label = safe_text(column.name) or "(no name)"
        widest = max((cell_width(value_text(row[place])) for row in sample), default=0)
        width = max(_NARROWEST, min(_WIDEST, max(widest, cell_width(label))))
        is_number = any(word in column.type.upper() for word in _NUMBERS) and "(" not in column.type.partition(")")[2]
        is_plain = is_number and not any(mark in column.type for mark in ("[", "STRUCT", "MAP"))
        found.append(
            Column(
                key=str(place),
                label=label,
                min_width=min(width, _SHARED),
                weight=max(0, width - _SHARED),
                align="right" if is_plain else "left",
                priority=place,
                sortable=False,
            )
        )
    return tuple(found)

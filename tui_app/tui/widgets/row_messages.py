"""Owns what a row table says to the screen around it; each is named as a part of `RowTable`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui_app.tui.widgets.row_table import RowTable


class _TableMessage(Message):
    """What a table says; `control` is the table, for `@on` selectors."""

    def __init__(self, table: RowTable) -> None:
        self.table = table
        super().__init__()

    @property
    def control(self) -> RowTable:
        """The table that sent it."""
        return self.table


class CursorMoved(_TableMessage, namespace="row_table"):
    """The cursor is on another row; `key` is None when there are no rows."""

    def __init__(self, table: RowTable, key: int | None) -> None:
        self.key = key
        super().__init__(table)


class RowActivated(_TableMessage, namespace="row_table"):
    """A row was opened by enter or double click."""

    def __init__(self, table: RowTable, key: int) -> None:
        self.key = key
        super().__init__(table)


class MarksChanged(_TableMessage, namespace="row_table"):
    """Rows were marked or unmarked; `count` are marked now."""

    def __init__(self, table: RowTable, count: int) -> None:
        self.count = count
        super().__init__(table)


class NeedRows(_TableMessage, namespace="row_table"):
    """Visible rows from `first` to `last` (both included) are not loaded; sent once for a window.

    Load them and call `update_rows`.
    """

    def __init__(self, table: RowTable, first: int, last: int) -> None:
        self.first = first
        self.last = last
        super().__init__(table)


class HeaderClicked(_TableMessage, namespace="row_table"):
    """The header of a sortable column was clicked."""

    def __init__(self, table: RowTable, key: str) -> None:
        self.key = key
        super().__init__(table)


class NewAbove(_TableMessage, namespace="row_table"):
    """The number of rows that came in above the window and were not looked at yet has changed."""

    def __init__(self, table: RowTable, count: int) -> None:
        self.count = count
        super().__init__(table)

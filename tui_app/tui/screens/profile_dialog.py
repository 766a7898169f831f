"""Owns the statistics of data: type, share of nulls, distinct values and ends of each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui_app.models.failure import FailureError
from tui_app.present.cells import Cell, Column
from tui_app.present.data_rows import value_text
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.listed_rows import ListedRows
from tui_app.tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from tui_app.engine.insight import ColumnProfile

_COLUMNS = (
    Column("name", "COLUMN", 14, weight=2, sortable=False),
    Column("type", "TYPE", 10, weight=3, sortable=False),
    Column("nulls", "NULL", 7, align="right", sortable=False),
    Column("distinct", "DISTINCT", 10, align="right", sortable=False),
    Column("minimum", "LEAST", 10, weight=1, priority=1, sortable=False),
    Column("maximum", "GREATEST", 10, weight=1, priority=2, sortable=False),
)


class ProfileDialog(Dialog[None]):
    """Shows a line for each column."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,i", "leave", "Back", show=False, id="profile.leave")]
    DEFAULT_CSS = """
    ProfileDialog > .dialog-box { width: 96%; height: 92%; }
    """

    def __init__(self, read: Callable[[], Awaitable[Sequence[ColumnProfile]]], *, rows: int) -> None:
        """Make the dialog.

        Args:
            read: counts; cancelled when the dialog closes.
            rows: how many rows are counted.
        """
        super().__init__()
        self._read, self._total = read, rows

    def compose(self) -> ComposeResult:
        """Lay out title, table and keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(f"Columns of {self._total:,} rows, counting…"), classes="dialog-title")
            yield RowTable(_COLUMNS, ListedRows())
            yield Static(Content("esc back"), classes="dialog-text")

    def on_mount(self) -> None:
        """Count."""
        self.query_one(RowTable).focus()
        self._count()

    @work(group="profile", exclusive=True)
    async def _count(self) -> None:
        title = self.query_one(".dialog-title", Static)
        try:
            found = await self._read()
        except FailureError as error:
            title.update(Content(safe_text(f"{error.failure.cause}. {error.failure.next_step}")))
            return
        title.update(Content(f"{len(found):,} columns of {self._total:,} rows"))
        self.query_one(RowTable).set_source(ListedRows([_cells(one) for one in found]))


def _cells(one: ColumnProfile) -> Sequence[Cell]:
    distinct = "" if one.distinct is None else f"{one.distinct:,}"
    nulls = "" if one.nulls_share is None else f"{one.nulls_share:.1%}"
    return (
        Cell(safe_text(one.name)),
        Cell(safe_text(one.type), "muted"),
        Cell(nulls),
        Cell(distinct),
        Cell("" if one.minimum is None else value_text(one.minimum)),
        Cell("" if one.maximum is None else value_text(one.maximum)),
    )

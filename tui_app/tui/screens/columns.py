"""Owns the choice of the list's columns: which, in what order, and what of them fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_app.present.columns import ColumnChoice
from tui_app.text import fit
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.row_line import GUTTER, MARGIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_app.present.cells import Column

_COMMON: Final = 80
"""The width of terminal that every choice is judged by, besides that in use."""
_AROUND: Final = GUTTER + MARGIN
"""Cells of a table's line that no column has; the scrollbar stands in the margin."""
_KEYS: Final = "space on/off  J K move  r reset  enter take  esc back"


class ColumnList(OptionList, inherit_bindings=False):
    """The columns, one a line; a click switches one on or off, as space does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False, id="columns.up"),
        Binding("down,j", "cursor_down", "Down", show=False, id="columns.down"),
        Binding("home,g", "first", "First", show=False, id="columns.first"),
        Binding("end,G", "last", "Last", show=False, id="columns.last"),
        Binding("pageup", "page_up", "Page up", show=False, id="columns.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="columns.page_down"),
        Binding("space", "select", "On or off", show=False, id="columns.toggle"),
    ]


class ColumnsDialog(Dialog[tuple[str, ...]]):
    """Asks for the columns; answers with the keys of those shown in their order, () for the default."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take", show=False, id="columns.take"),
        Binding("shift+up,K", "shift(-1)", "Move up", show=False, id="columns.move_up"),
        Binding("shift+down,J", "shift(1)", "Move down", show=False, id="columns.move_down"),
        Binding("r", "reset", "Default", show=False, id="columns.reset"),
    ]
    DEFAULT_CSS = """
    ColumnsDialog > .dialog-box { width: 64; }
    ColumnsDialog #columns-fit { height: auto; margin-top: 1; }
    ColumnsDialog #columns-said { height: auto; color: $text-warning; display: none; }
    ColumnsDialog #columns-said.-shown { display: block; }
    """

    def __init__(
        self, columns: Sequence[Column], chosen: Sequence[str], *, width: int, default: Sequence[str] = ()
    ) -> None:
        """Make the question.

        Args:
            columns: all columns there are, in their usual order.
            chosen: keys of those shown now, in their order; empty for the default.
            width: cells of a line of the table now.
            default: keys of those shown where nothing was chosen, in their order; empty for all columns.
        """
        super().__init__()
        self._width = width
        self._default = ColumnChoice.of(columns, default)
        self._choice = ColumnChoice.of(columns, chosen or default)

    def compose(self) -> ComposeResult:
        """Lay out the columns, what of them fits, and the keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content("Columns"), classes="dialog-title")
            yield ColumnList(id="columns-list", classes="dialog-scroll", markup=False)
            yield Static(id="columns-fit", markup=False)
            yield Static(id="columns-said", markup=False)
            yield Static(Content(_KEYS), classes="dialog-text")

    def on_mount(self) -> None:
        """Begin on the first column."""
        self._show(at=0)
        self._list.focus()

    @property
    def _list(self) -> ColumnList:
        return self.query_one(ColumnList)

    @property
    def _key(self) -> str:
        """The column under the cursor."""
        return self._choice.columns[self._list.highlighted or 0].key

    def _show(self, *, at: int) -> None:
        columns = self._list
        columns.clear_options()
        columns.add_options(Option(Content(self._line(column))) for column in self._choice.columns)
        columns.highlighted = at
        self.query_one("#columns-fit", Static).update(Content("\n".join(self._fits())))
        self.call_after_refresh(self.share_lines)

    def _line(self, column: Column) -> str:
        is_shown = column.key in self._choice.shown
        dropped = column in self._choice.dropped(_COMMON - _AROUND)
        return f"{'[x]' if is_shown else '[ ]'} {fit(column.label, 12)}{'no room at 80' if dropped else ''}".rstrip()

    def _fits(self) -> list[str]:
        """Say what of the choice has room at 80 cells, and in the table as it is."""
        widths = {f"At {_COMMON} cells": _COMMON - _AROUND, "In the table now": self._width - _AROUND}
        return [f"{where}: {self._fit(width)}." for where, width in widths.items()]

    def _fit(self, width: int) -> str:
        dropped = self._choice.dropped(width)
        fitting = len(self._choice.visible) - len(dropped)
        names = ", ".join(column.label for column in dropped)
        return f"{fitting} fit; dropped: {names}" if dropped else f"all {fitting} fit"

    def _say(self, text: str) -> None:
        said = self.query_one("#columns-said", Static)
        said.update(Content(text))
        said.set_class(bool(text), "-shown")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Switch the column on or off."""
        key = self._choice.columns[event.option_index].key
        refused = not self._choice.may_hide(key)
        self._say("STATUS or ID must stay: a row without them tells nothing." if refused else "")
        self._choice = self._choice.toggled(key)
        self._show(at=event.option_index)

    def action_shift(self, by: int) -> None:
        """Move the column under the cursor, and the cursor with it."""
        key = self._key
        self._choice = self._choice.moved(key, by)
        self._say("")
        self._show(at=[column.key for column in self._choice.columns].index(key))

    def action_reset(self) -> None:
        """Choose what is shown where nothing was chosen."""
        self._choice = self._default
        self._say("")
        self._show(at=0)

    def action_take(self) -> None:
        """Answer with the choice; with nothing that is kept where it is the default."""
        keys = self._choice.keys
        self.dismiss(() if keys == self._default.keys else keys)

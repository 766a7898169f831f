"""Owns the choice of the columns of data that are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.app import ComposeResult


class ColumnChoice(Dialog[frozenset[int]]):
    """Answers with the places of the columns that are not to be shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take", show=False, priority=True, id="columns.take"),
        Binding("a", "all", "All", show=False, id="columns.all"),
        Binding("u", "none", "None", show=False, id="columns.none"),
    ]
    DEFAULT_CSS = """
    ColumnChoice SelectionList { border: none; background: $surface; }
    """

    def __init__(self, names: Sequence[str], types: Sequence[str], *, hidden: Collection[int]) -> None:
        """Make the choice.

        Args:
            names: of the columns, harmless.
            types: of the columns.
            hidden: the places of those not shown now.
        """
        super().__init__()
        self._names, self._types, self._hidden = names, types, hidden

    def compose(self) -> ComposeResult:
        """Lay out the columns and the keys."""
        choices = [
            Selection(Content(f"{name}  {safe_text(kind)}"), place, place not in self._hidden)
            for place, (name, kind) in enumerate(zip(self._names, self._types, strict=True))
        ]
        with Vertical(classes="dialog-box"):
            yield Static(Content("Columns"), classes="dialog-title")
            yield SelectionList[int](*choices, classes="dialog-scroll")
            yield Static(Content("space show or hide  a all  u none  enter take  esc back"), classes="dialog-text")

    @property
    def _list(self) -> SelectionList[int]:
        return self.query_one(SelectionList)

    def action_take(self) -> None:
        """Answer; nothing chosen shows all."""
        chosen = set(self._list.selected)
        self.dismiss(frozenset(range(len(self._names))) - chosen if chosen else frozenset())

    def action_all(self) -> None:
        """Choose all."""
        self._list.select_all()

    def action_none(self) -> None:
        """Choose none."""
        self._list.deselect_all()

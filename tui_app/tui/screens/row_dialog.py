"""Owns one row of data in full: its nested values as JSON, to scroll, search and copy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.screens.raw_pane import RawPane

if TYPE_CHECKING:
    from textual.app import ComposeResult


class RowDialog(Dialog[None]):
    """Shows one row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", show=False, id="row.search"),
        Binding("n", "go(1)", "Next match", show=False, id="row.next"),
        Binding("N", "go(-1)", "Previous match", show=False, id="row.previous"),
        Binding("c", "copy", "Copy", show=False, id="row.copy"),
        Binding("q,enter", "leave_all", "Back", show=False, id="row.leave"),
    ]
    DEFAULT_CSS = """
    RowDialog > .dialog-box { width: 96%; height: 92%; }
    """

    def __init__(self, title: str, record: dict[str, Any]) -> None:
        """Make the dialog.

        Args:
            title: which row.
            record: its values by column; may hold remote text.
        """
        super().__init__()
        self._title, self._record = title, record

    def compose(self) -> ComposeResult:
        """Lay out title, values and keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            yield RawPane()
            yield Static(Content("/ search  n N matches  c copy  esc back"), classes="dialog-text")

    def on_mount(self) -> None:
        """Show the values."""
        pane = self.query_one(RawPane)
        pane.show(self._record)
        pane.scroll.focus()

    def action_search(self) -> None:
        """Search."""
        self.query_one(RawPane).open_search()

    def action_go(self, by: int) -> None:
        """Go from match to match."""
        self.query_one(RawPane).go(by)

    def action_copy(self) -> None:
        """Copy the row as JSON."""
        self.app.copy_to_clipboard(json.dumps(self._record, indent=2, ensure_ascii=False))
        self.app.notify("Copied the row.", markup=False)

    def action_leave(self) -> None:
        """End the search, else close."""
        if not self.query_one(RawPane).close_search():
            self.dismiss(None)

    def action_leave_all(self) -> None:
        """Close."""
        self.dismiss(None)

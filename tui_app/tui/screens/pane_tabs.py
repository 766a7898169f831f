"""Owns the line that names the panes of a screen, the one in sight standing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from tui_app.present.cells import Cell
from tui_app.text import cell_width, fit
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from tui_app.present.text_lines import TextLine


class PaneTabs(TextLines):
    """Names of panes on one line, to click."""

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._panes: tuple[tuple[str, str], ...] = ()

    def show_panes(self, panes: Sequence[tuple[str, str]], chosen: str) -> None:
        """Show `(name, label)` pairs, harmless labels, one of them chosen."""
        self._panes = tuple(panes)
        self.show(lambda width: (self._line(width, chosen),))

    def _line(self, width: int, chosen: str) -> TextLine:
        found: list[Cell] = []
        room = width
        for name, label in self._panes:
            text = fit(f" {label} ", min(room, cell_width(label) + 2))
            found.append(Cell(text, "tab-active" if name == chosen else "tab"))
            room -= cell_width(text)
        return tuple(found)

    def on_click(self, event: events.Click) -> None:
        """Choose the pane whose name was clicked."""
        end = 0
        for name, label in self._panes:
            end += cell_width(label) + 2
            if event.x < end:
                self.post_message(self.Chosen(name))
                return

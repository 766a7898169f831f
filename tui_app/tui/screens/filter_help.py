"""Owns the page about the filter language: examples of all of it with their meanings, over the line being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui_app.models.filter import cheat_sheet
from tui_app.present.cells import Cell
from tui_app.present.text_lines import line, wrapped
from tui_app.text import cell_width, fit
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from tui_app.present.text_lines import TextLine

_GAP: Final = 2
_BESIDE_LEAST: Final = 24
_BESIDE_MOST: Final = 0.4
_KEYS: Final = (
    ("tab", "takes the first completion; shows all that can stand here"),
    ("down, up", "into the list of completions and out of it; without a list, the last filters"),
    ("enter", "keeps the filter; in the list, takes the entry"),
    ("esc", "closes the list, then clears the filter; up brings back what was cleared"),
)


class FilterHelp(Dialog[None]):
    """Shows the language; leave with escape, q or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,f2,enter", "leave", "Back", show=False, id="filter_help.leave"),
    ]
    DEFAULT_CSS = """
    FilterHelp > #filter-help-box {
        width: 108; max-width: 98%; height: auto; max-height: 94%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    FilterHelp Static { height: auto; }
    """

    def compose(self) -> ComposeResult:
        """Lay out title, a line or more for each example, and how to go on."""
        with PaneScroll(id="filter-help-box"):
            yield Static(Content("Filters"), classes="dialog-title")
            yield TextLines(id="filter-help-lines")
            yield Static(Content("esc back"), classes="dialog-text")

    def on_mount(self) -> None:
        """Fill in the examples."""
        self.query_one("#filter-help-lines", TextLines).show(lambda width: list(_lines(width)))


def _lines(width: int) -> Iterator[TextLine]:
    """Yield examples beside their meanings, first of the language and then of the keys."""
    pairs = (*cheat_sheet(), ("", ""), *_KEYS)
    longest = max(cell_width(example) for example, _ in pairs) + _GAP
    beside = min(longest, max(_BESIDE_LEAST, int(width * _BESIDE_MOST)))
    for example, meaning in pairs:
        yield from _row(example, meaning, beside, width)


def _row(example: str, meaning: str, beside: int, width: int) -> Iterator[TextLine]:
    """Yield an example and its meaning, which hangs beside it, or below where the example is long."""
    if cell_width(example) > beside - _GAP:
        yield from wrapped(line(example, "heading"), width)
        example = ""
    for part in wrapped(line(meaning), max(1, width - beside)):
        yield (Cell(fit(example, beside), "heading"), *part)
        example = ""

"""Owns the one line of a filter bar: the filter or the field it is typed in, and at the right what matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal

from tui_app.text import cell_width, fit, safe_text
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from tui_app.tui.widgets.filter_field import FilterField

PROMPT: Final = " / "
_TEXT_LEAST: Final = 20
_STEP: Final = 8
"""The count is given so many cells more at a time: laying out anew for each digit costs a frame (1 mark, 10 marks)."""


class FilterLine(Horizontal):
    """Filter and count; the count stays in sight however long the filter is, and the filter is cut visibly."""

    DEFAULT_CSS = """
    FilterLine { height: 1; }
    FilterLine #filter-text { width: 1fr; }
    FilterLine #filter-text.-role-muted { color: $text-muted; }
    FilterLine #filter-count { width: 1; color: $text-muted; }
    FilterLine #filter-count.-role-failed { color: $text-error; }
    FilterLine #filter-count.-role-overdue { color: $text-warning; }
    FilterLine FilterField { display: none; }
    FilterLine.-typing FilterField { display: block; }
    FilterLine.-typing #filter-text { width: 3; }
    """

    def __init__(self, field: FilterField) -> None:
        super().__init__()
        self._field = field
        self._text = ""
        self._count = ("", "")
        self._count_width = 1

    def compose(self) -> ComposeResult:
        """Lay out text, field and count."""
        yield Line(id="filter-text")
        yield self._field
        yield Line(id="filter-count")

    def on_mount(self) -> None:
        """Show that there is no filter."""
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Share the width out anew."""
        self._draw()

    def show(self, text: str, *, typing: bool) -> None:
        """Show a filter, which may be hostile, or the field in its place."""
        self._text = text
        self.set_class(typing, "-typing")
        self._draw()

    def show_count(self, text: str, role: str) -> None:
        """Show harmless text at the right; the same again costs nothing."""
        if (text, role) != self._count:
            self._count = (text, role)
            self._draw()

    def _draw(self) -> None:
        text, role = self._count
        count, shown = self.query_one("#filter-count", Line), self.query_one("#filter-text", Line)
        typing = self.has_class("-typing")
        width = max(1, min(cell_width(text), self.size.width - _TEXT_LEAST))
        if typing and width < self._count_width <= self.size.width - _TEXT_LEAST:
            width = self._count_width  # figures get shorter as one types: the field need not be laid out for that
        elif not typing:
            stepped = -(-width // _STEP) * _STEP
            filter_width = cell_width(f"{PROMPT}{safe_text(self._text)}") if self._text else _TEXT_LEAST
            if max(filter_width, _TEXT_LEAST) < self.size.width - stepped:
                width = stepped
        count.show(fit(text, width, align="right"), role)
        if width != self._count_width:
            self._count_width = width
            count.styles.width = width
        if typing:
            shown.show(PROMPT)
        elif self._text:
            shown.show(fit(f"{PROMPT}{safe_text(self._text)}", max(1, self.size.width - width - 1)).rstrip())
        else:
            shown.show(f"{PROMPT}to filter", "muted")

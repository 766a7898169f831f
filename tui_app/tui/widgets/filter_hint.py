"""Owns what is said under a filter while it is typed: the keys, what is still expected, or what is wrong and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.present.text_lines import line, wrapped
from tui_app.text import safe_text
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from tui_app.models.filter_text import FilterError
    from tui_app.present.text_lines import TextLine

_INDENT: Final = 3


class FilterHint(TextLines):
    """A line over what is below the filter, or as many as its text needs."""

    DEFAULT_CSS = """
    FilterHint { display: none; overlay: screen; width: 100%; height: auto; background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said = ("", "")

    @property
    def said(self) -> tuple[str, str]:
        """What is said, and its role."""
        return self._said

    def say(self, text: str, role: str = "muted") -> None:
        """Say something; the text may be hostile, the same again costs nothing."""
        if (safe_text(text), role) != self._said:
            self._said = (safe_text(text), role)
            self.show(self._made)

    def say_fault(self, fault: FilterError) -> None:
        """Say what is wrong and where; without colours, the mark tells it from a hint."""
        self.say(f"! col {fault.start + 1}: {fault.cause} {fault.remedy}", "failed")

    def rows_at(self, width: int) -> int:
        """Return how many lines it takes at a width."""
        return len(self._made(width))

    def _made(self, width: int) -> list[TextLine]:
        text, role = self._said
        room = max(1, width - 2 * _INDENT)
        return [(*line(" " * _INDENT), *one) for one in wrapped(line(text, role), room, hanging=2)]

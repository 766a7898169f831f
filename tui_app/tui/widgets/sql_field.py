"""Owns the field for a statement: several lines, keys of its own, and no control that a paste may bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from tui_app.text import safe_text

if TYPE_CHECKING:
    from textual import events


class SqlField(TextArea):
    """A statement."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", "To the rows, or stop", show=False, id="sql.escape"),
        Binding("tab", "leave", "To the rows", show=False, id="sql.leave"),
    ]
    DEFAULT_CSS = """
    SqlField { height: auto; min-height: 1; max-height: 8; border: none; padding: 0 1; background: $panel; }
    SqlField:focus { background: $primary 25%; border: none; }
    """

    class Left(Message):
        """The person goes on to the rows."""

    class Escaped(Message):
        """The person wants out: of what runs, else of the field."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(text, id=id, compact=True, soft_wrap=True, show_line_numbers=False, tab_behavior="focus")
        self.cursor_blink = False
        self.highlight_cursor_line = False
        self.move_cursor(self.document.end)

    def replace_with(self, text: str) -> None:
        """Put another statement in place, the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        lines = event.text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").split("\n")
        # Judged beside a letter, because a mark is only unsafe without a base.
        kept = ("".join(char for char in one if safe_text(f"a{char}") == f"a{char}") for one in lines)
        self.insert("\n".join(kept))

    def action_leave(self) -> None:
        """Go on to the rows."""
        self.post_message(self.Left())

    def action_escape(self) -> None:
        """Stop what runs, or go on to the rows."""
        self.post_message(self.Escaped())

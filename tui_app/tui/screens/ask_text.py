"""Owns the dialog that asks for one line of text and says at once what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.form import TextField

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult


class AskText(Dialog[str]):
    """Asks for a line of text; enter answers with it, once nothing is wrong with it."""

    DEFAULT_CSS = """
    AskText #ask-said { height: auto; color: $text-muted; margin-top: 1; }
    AskText #ask-said.-wrong { color: $text-error; }
    """

    def __init__(
        self, title: str, *, text: str = "", hint: str = "", check: Callable[[str], str] | None = None
    ) -> None:
        """Make the question.

        Args:
            title: what is asked; may hold remote text.
            text: what stands in the field at first.
            hint: what to write.
            check: returns what is wrong with a text, "" for nothing.
        """
        super().__init__()
        self._title, self._text, self._hint, self._check = title, text, hint, check or (lambda _: "")

    def compose(self) -> ComposeResult:
        """Lay out title, field, and what is said of it."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            yield TextField(self._text, id="ask-field")
            yield Static(Content(safe_text(self._hint, lines=True)), id="ask-said")
            yield Static(Content("enter go on  esc back"), classes="dialog-text")

    def on_input_submitted(self) -> None:
        """Answer, or say what is wrong."""
        text = self.query_one(TextField).value.strip()
        wrong = self._check(text)
        if not wrong:
            self.dismiss(text)
            return
        said = self.query_one("#ask-said", Static)
        said.update(Content(safe_text(wrong, lines=True)))
        said.add_class("-wrong")

"""Owns the pane that shows a request as it will be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from tui_app.text import safe_text
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult

LANGUAGES: Final = {"json": "JSON", "curl": "curl", "python": "Python"}
"""What a request can be shown as, in the order of turning, and how each is called."""


class PreviewPane(VerticalScroll, can_focus=True):
    """A request as JSON, curl or Python, scrolled with the arrow keys while it has the focus."""

    DEFAULT_CSS = """
    PreviewPane { padding: 0 1; scrollbar-size-vertical: 1; }
    PreviewPane .preview-title { color: $text-muted; }
    PreviewPane:focus .preview-title { color: $text; text-style: bold; }
    PreviewPane #preview-text { width: 1fr; height: auto; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = ("", "")

    def compose(self) -> ComposeResult:
        """Lay out a title over the text."""
        yield Line(id="preview-title", classes="preview-title")
        yield Static(id="preview-text", markup=False)

    @property
    def text(self) -> str:
        """The request as shown."""
        return self._shown[0]

    def show(self, text: str, language: str) -> None:
        """Show a request; the same again costs nothing.

        Args:
            text: the request.
            language: a key of `LANGUAGES`.
        """
        if (text, language) == self._shown:
            return
        self._shown = (text, language)
        every = list(LANGUAGES)
        other = LANGUAGES[every[(every.index(language) + 1) % len(every)]]
        name = LANGUAGES[language]
        self.query_one("#preview-title", Line).show(f"Preview as {name}   ctrl-t {other}   ctrl-y copy")
        safe = safe_text(text, lines=True)
        body = Content(safe) if language == "curl" else highlight(safe, language=language)
        self.query_one("#preview-text", Static).update(body)

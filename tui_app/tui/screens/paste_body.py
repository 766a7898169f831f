"""Owns the dialog that takes a pasted JSON body or curl command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, TextArea

from tui_app.models.base import MalformedRecord
from tui_app.models.curl_text import Pasted, read_request_text
from tui_app.models.export_request import ExportRequest
from tui_app.models.request_json import PasteError
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

_SHOWN_MOST: Final = 20_000
"""Characters that are shown; a text area takes its time over more, and nobody reads them in a dialog."""
_KEYS: Final = "ctrl-s take it   ctrl-u empty   esc back"
_ASKING: Final = "Paste the JSON body of the create call, or a curl command. Tokens and keys in it are left out."


class PasteArea(TextArea, inherit_bindings=True):
    """Plain text of several lines; what is pasted holds nothing that a terminal would obey."""

    DEFAULT_CSS = """
    PasteArea { height: 1fr; min-height: 3; border: none; padding: 0; background: $panel; scrollbar-size-vertical: 1; }
    PasteArea:focus { border: none; background: $primary 25%; }
    """

    class TooLong(Message):
        """More was pasted than is shown."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, soft_wrap=True, highlight_cursor_line=False, show_line_numbers=False)
        # A blinking cursor would send bytes twice a second over a slow line.
        self.cursor_blink = False

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.take(event.text)

    def action_paste(self) -> None:
        """Insert what was last copied inside the app."""
        self.take(self.app.clipboard)

    def take(self, text: str) -> None:
        """Insert pasted text in place of what is selected; what a terminal would obey becomes JSON's escapes."""
        text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if len(text) + len(self.text) > _SHOWN_MOST:
            self.post_message(self.TooLong(text))
            return
        self.replace(safe_text(text, lines=True), *self.selection)
        self.scroll_cursor_visible(animate=False)


class PasteBody(Dialog[Pasted]):
    """Asks for a request as text, and answers with what it asks for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5,ctrl+j", "take", "Take", show=False, id="paste.take", priority=True),
        Binding("ctrl+u", "empty", "Empty", show=False, id="paste.empty", priority=True),
    ]
    DEFAULT_CSS = """
    PasteBody > .dialog-box { width: 100; height: 90%; }
    PasteBody #paste-said { height: auto; max-height: 6; color: $text-muted; }
    PasteBody #paste-said.-wrong { color: $text-error; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._long = ""
        self._is_reading = False

    def compose(self) -> ComposeResult:
        """Lay out the text, what is wrong with it, and the keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content("Paste a request"), classes="dialog-title")
            yield PasteArea(id="paste-text")
            yield Static(Content(_ASKING), id="paste-said")
            yield Static(Content(_KEYS), classes="dialog-text")

    def on_mount(self) -> None:
        """Start in the text."""
        self._area.focus()

    @property
    def _area(self) -> PasteArea:
        return self.query_one(PasteArea)

    def on_paste_area_too_long(self, event: PasteArea.TooLong) -> None:
        """Keep aside what is too long to be shown."""
        event.stop()
        self._long = event.text
        self._area.text = ""
        self._say(f"{len(event.text):,} characters are pasted, too many to be shown. ctrl-s takes them as they are.")

    def on_text_area_changed(self) -> None:
        """Take what is typed in place of what is kept aside."""
        if self._area.text and self._long:
            self._long = ""
            self._say(_ASKING)

    def action_empty(self) -> None:
        """Begin anew."""
        self._long = ""
        self._area.text = ""
        self._say(_ASKING)

    def action_take(self) -> None:
        """Read the text."""
        if not self._is_reading:
            self._is_reading = True
            self._take(self._long or self._area.text)

    @work(group="paste")
    async def _take(self, text: str) -> None:
        self._say("Reading…")
        try:
            found = await asyncio.to_thread(_read, text)
        except PasteError as error:
            self._show_fault(error)
            return
        finally:
            self._is_reading = False
        # Nobody sees a token again that is left out: the text goes before the dialog does.
        self._long = ""
        self._area.text = ""
        if found.dropped:
            self.app.notify(safe_text(found.dropped_text), markup=False)
        self.dismiss(found)

    def _show_fault(self, error: PasteError) -> None:
        self._say(f"{error.cause} {error.remedy}", wrong=True)
        if error.line is not None and not self._long:
            last = self._area.document.line_count - 1
            self._area.move_cursor((min(error.line - 1, last), max(0, (error.column or 1) - 1)))
        self._area.focus()

    def _say(self, text: str, *, wrong: bool = False) -> None:
        said = self.query_one("#paste-said", Static)
        said.update(Content(safe_text(text)))
        said.set_class(wrong, "-wrong")


def _read(text: str) -> Pasted:
    """Return the request in a text, of which the form can take every part.

    Raises:
        PasteError: it is none, or a part of it cannot be read.
    """
    found = read_request_text(text)
    try:
        ExportRequest.from_body(found.body)
    except MalformedRecord as error:
        path, _, remedy = str(error).partition(" cannot be read: ")
        raise PasteError(f"{path} cannot be read.", f"{remedy[:1].upper()}{remedy[1:]}") from None
    return found

"""Owns the page of keys: all commands of the place one came from, those that cannot be used now with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui_app.text import fit
from tui_app.tui.commands import DETAIL, FORM, LIST, commands_of, keys_in, show_key
from tui_app.tui.screens.dialogs import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui_app.tui.commands import Command, Context

_MOVING = (
    ("up k / down j", "Move by a row"),
    ("pgup / pgdn", "Move by a page"),
    ("home g / end G", "First or last row"),
    ("tab / shift-tab", "Next or previous part of the screen"),
)
_PLACES = {LIST: "Job list", DETAIL: "Job detail", FORM: "Form"}


class KeysScreen(Dialog[None]):
    """Lists keys; leave with escape, q or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,question_mark,f1", "leave", "Back", show=False, id="keys.leave"),
    ]
    DEFAULT_CSS = """
    KeysScreen > #keys-box {
        width: 86; max-width: 98%; height: auto; max-height: 94%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    KeysScreen Static { height: auto; }
    """

    def __init__(self, place: str, context: Context) -> None:
        super().__init__()
        self._place, self._situation = place, context

    def compose(self) -> ComposeResult:
        """Lay out one line a key."""
        with VerticalScroll(id="keys-box", can_focus=True):
            yield Static(Content(f"Keys: {_PLACES.get(self._place, 'this dialog')}"), classes="dialog-title")
            if self._place == LIST:
                for keys, text in _MOVING:
                    yield Static(Content(f"{fit(keys, 18)} {text}"))
            for command in commands_of(self._place):
                yield Static(self._line(command))
            yield Static(Content("esc back    : or ctrl-p searches commands by name"), classes="dialog-text")

    def _line(self, command: Command) -> Content:
        reason = command.unavailable(self._situation)
        keys = " ".join(show_key(key) for key in keys_in(command, self._place))
        text = f"{fit(keys, 18)} {command.help}"
        if reason is None:
            return Content(text)
        return Content.styled(f"{text} (not now: {reason})", "$text-disabled")

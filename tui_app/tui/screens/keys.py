"""Owns the page of keys: all commands of the place one came from, those that cannot be used now with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui_app.present.cells import Cell
from tui_app.present.text_lines import line, plain, wrapped
from tui_app.text import cell_width, fit
from tui_app.tui.commands import DETAIL, FORM, LIST, MOVES, joined_keys, reachable, series_of
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from tui_app.present.keymap import Keymap
    from tui_app.present.text_lines import TextLine
    from tui_app.tui.commands import Context

_PLACES: Final = {LIST: "Job list", DETAIL: "Job detail", FORM: "Form"}
_KEYS_WIDTH: Final = 22
_ID_WIDTH: Final = 20
_WIDE: Final = 100


class KeysScreen(Dialog[None]):
    """Lists keys; leave with escape, q or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,question_mark,f1", "leave", "Back", show=False, id="keys.leave"),
    ]
    DEFAULT_CSS = """
    KeysScreen > #keys-box {
        width: 118; max-width: 98%; height: auto; max-height: 94%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    KeysScreen Static { height: auto; }
    """

    def __init__(self, place: str, context: Context, keymap: Keymap) -> None:
        super().__init__()
        self._place, self._situation, self._keymap = place, context, keymap

    def compose(self) -> ComposeResult:
        """Lay out title, a line or more for each key, and how to go on."""
        palette = self._keymap.shown("palette", self._place).replace(" ", " or ")
        with PaneScroll(id="keys-box"):
            yield Static(Content(f"Keys: {_PLACES.get(self._place, 'this dialog')}"), classes="dialog-title")
            yield TextLines(id="keys-lines")
            yield Static(Content(f"esc back    {palette} searches commands by name"), classes="dialog-text")

    def on_mount(self) -> None:
        """Fill in the keys."""
        self.query_one("#keys-lines", TextLines).show(lambda width: list(self._lines(width)))

    def _lines(self, width: int) -> Iterator[TextLine]:
        for move in MOVES:
            if self._place in move.places and move.help:
                yield from _row(move.shown_keys, move.help, "", width)
        for command, own in reachable(self._place):
            if command.series not in ("", command.id):
                continue
            shown = [self._keymap.shown(one.id, own) for one in series_of(command)]
            keys, reason = joined_keys(shown), command.unavailable(self._situation)
            yield from _row(keys, command.help, command.id, width, reason=reason)


def _row(keys: str, text: str, command_id: str, width: int, *, reason: str | None = None) -> Sequence[TextLine]:
    """Return a key's lines: keys, text that hangs under itself, and the command's name where there is room."""
    id_width = _ID_WIDTH if width >= _WIDE else 0
    room = max(1, width - _KEYS_WIDTH - id_width)
    said = line(text if reason is None else f"{text} (not now: {reason})", "" if reason is None else "muted")
    found: list[TextLine] = []
    for place, part in enumerate(wrapped(said, room)):
        shown = Cell(fit("" if place else keys, _KEYS_WIDTH), "muted" if reason else "heading")
        name: TextLine = ()
        if id_width and not place:
            name = (Cell(" " * (room - cell_width(plain(part)))), Cell(fit(command_id, id_width), "muted"))
        found.append((shown, *part, *name))
    return found

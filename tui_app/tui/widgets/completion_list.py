"""Owns the list of what can stand at the cursor of a line: it lies over what is below, and takes no focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.message import Message

from tui_app.present.cells import Cell
from tui_app.text import cell_width, fit, safe_text
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from tui_app.present.text_lines import TextLine

MOST: Final = 8
"""Entries in sight; where there are more, a line below says so."""
_LABEL_MOST: Final = 48
_LEAST: Final = 16
_ROOM_LEAST: Final = 48
"""Cells that help is cut down to before the list moves to the left of its column."""
_GAP: Final = 2
_EDGE: Final = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list: what would be inserted, what it means, and an example; any may hold remote text."""

    label: str
    help: str = ""
    example: str = ""


class CompletionList(TextLines):
    """Entries under each other, of which one may stand out; lines that read the same are not painted again."""

    DEFAULT_CSS = """
    CompletionList { display: none; overlay: screen; width: 16; height: auto; background: $panel; }
    CompletionList.-open { display: block; }
    """

    class Chosen(Message):
        """An entry was clicked."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: tuple[Entry, ...] = ()
        self._columns = (0, 0, 0)
        self._chosen: int | None = None
        self._first = 0
        self._stands = (0, 0)
        self._wide = _LEAST
        self._offset_then = (0, 0)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What can be chosen; nothing while the list is closed."""
        return self._entries

    @property
    def chosen(self) -> int | None:
        """The place of the entry that stands out."""
        return self._chosen

    def open(self, entries: Sequence[Entry], *, column: int, row: int, room: int) -> None:
        """Show entries; those that are shown already keep the one that stands out, of others none does.

        Args:
            entries: at least one.
            column: where their text begins if there is room.
            row: lines between the parent and the list.
            room: cells in a line.
        """
        made = tuple(Entry(safe_text(one.label), safe_text(one.help), safe_text(one.example)) for one in entries)
        if (made, column, room) != (self._entries, *self._stands):
            # A list that narrows as one types keeps its width: less to paint, and nothing jumps.
            least = self._wide if self._entries and self._stands == (column, room) else _LEAST
            self._entries, self._stands = made, (column, room)
            self._chosen, self._first = None, 0
            self._columns = _columns(made, max(room - column + _EDGE, min(room, _ROOM_LEAST)))
            self._wide = min(room, max(least, _EDGE + sum(self._columns)))
            self.styles.width = self._wide
        offset = (max(0, min(column - _EDGE, room - self._wide)), row)
        if offset != self._offset_then:
            self._offset_then = offset
            self.styles.offset = offset
        self.add_class("-open")
        self.show(self._rows)

    def close(self) -> None:
        """Take the list away."""
        if self._entries:
            self._entries, self._chosen, self._first = (), None, 0
            self.remove_class("-open")

    def move(self, by: int) -> None:
        """Go to the next entry or the previous one; before the first, none stands out; the last stays."""
        place = min((-1 if self._chosen is None else self._chosen) + by, len(self._entries) - 1)
        self._chosen = place if place >= 0 else None
        self._first = max(0, min(self._first, place), place - MOST + 1)
        self.reread()

    def on_click(self, event: events.Click) -> None:
        """Take the entry that was clicked."""
        event.stop()
        place = self._first + event.y
        if event.y < MOST and place < len(self._entries):
            self.post_message(self.Chosen(place))

    def _rows(self, width: int) -> list[TextLine]:
        last = self._first + MOST
        rows = [
            self._row(place, one, width) for place, one in enumerate(self._entries[self._first : last], self._first)
        ]
        if len(self._entries) > MOST:
            where = "" if self._chosen is None else f"{self._chosen + 1} of "
            rows.append((Cell(fit(f" {where}{len(self._entries)}", width, align="right"), "muted"),))
        return rows

    def _row(self, place: int, entry: Entry, width: int) -> TextLine:
        here = place == self._chosen
        texts = (entry.label, entry.help, entry.example)
        shown = "".join(
            fit(text, room - _GAP) + " " * _GAP for text, room in zip(texts[1:], self._columns[1:], strict=True) if room
        )
        label = fit(entry.label, self._columns[0] - _GAP) + " " * _GAP
        if here:
            return (Cell(fit(f"▌{label}{shown}", width), "tab-active"),)
        return (Cell(f" {label}"), Cell(shown, "muted"))


def _columns(entries: Sequence[Entry], room: int) -> tuple[int, int, int]:
    """Return the cells of label, help and example, each with the gap behind it; the example goes first, then help."""
    room -= _EDGE
    label = min(max(cell_width(one.label) for one in entries), _LABEL_MOST) + _GAP
    helped = max(cell_width(one.help) for one in entries)
    example = max(cell_width(one.example) for one in entries)
    label = min(label, room)
    helped = min(helped + _GAP, room - label) if helped else 0
    example = example + _GAP if example and label + helped + example + _GAP <= room else 0
    return label, helped if helped > _GAP else 0, example

"""Owns choosing one or several of many by name or id; what is not in the list can be typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.binding import Binding, BindingType

from tui_app.present.cells import Cell
from tui_app.present.picking import PickItem, Search
from tui_app.text import cell_width, fit, fit_id, safe_text
from tui_app.tui.screens.pick_dialog import PickDialog, Reading
from tui_app.tui.widgets.segment_rows import split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.present.text_lines import TextLine

_ASIDE_MOST = 28


class PickSource(Reading, Protocol):
    """What a picker is given to show."""

    async def items(self) -> Sequence[PickItem]:
        """Return what is known now, in its order."""
        ...

    def detail(self, key: str) -> str:
        """Return what is to be said of one of them, in a few lines; "" for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Picked:
    """What was chosen: keys in the order of choosing, or the wish to make a new one."""

    keys: tuple[str, ...] = ()
    is_new: bool = False


class Picker(PickDialog[Picked]):
    """Lets one choose among thousands; a text that is in no list is taken as an id."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "mark", "Mark", show=False, id="pick.mark", priority=True),
        Binding("ctrl+n", "new", "New", show=False, id="pick.new", priority=True),
    ]

    def __init__(
        self,
        title: str,
        source: PickSource,
        *,
        several: bool = False,
        chosen: Sequence[str] = (),
        noun: str = "id",
        new_label: str = "",
    ) -> None:
        """Make the picker.

        Args:
            title: what is chosen.
            source: where the things are from.
            several: whether more than one can be marked.
            chosen: keys of those chosen already; the cursor starts on the first, several start marked.
            noun: what a typed text is taken as.
            new_label: what the key for a new one does; "" where none can be made.
        """
        super().__init__(title, source)
        self._source, self._several, self._noun, self._new_label = source, several, noun, new_label
        self._marked: dict[str, None] = dict.fromkeys(chosen if several else ())
        self._cursor_key = next(iter(chosen), "")
        self._items: Sequence[PickItem] = ()
        self._places: dict[str, int] = {}
        self._search = Search(())
        self._found: Sequence[int] = ()
        self._typed: tuple[str, ...] = ()

    def keys(self) -> str:
        """Return what the keys do."""
        mark = "tab mark  " if self._several else ""
        new = f"ctrl-n {self._new_label}  " if self._new_label else ""
        return f"enter take  {mark}{new}ctrl-r read anew  esc back"

    async def load(self) -> None:
        """Take the things that are known now; the cursor stays on its own."""
        if self._is_loaded:
            self._cursor_key = self._key_at(self.list.cursor)
        items = list(await self._source.items())
        known = {item.key for item in items}
        # What is marked and in no list is shown too: nothing may be taken unseen.
        missing = [PickItem(key, key, "not in the list") for key in self._marked if key not in known]
        self._items = [*missing, *items]
        self._places = {item.key: place for place, item in enumerate(self._items)}
        self._search = Search([(item.title, item.key) for item in self._items])

    def search(self, text: str) -> int:
        """Narrow the list; the last line offers what is typed as it stands."""
        self._found = self._search.find(text)
        self._typed = self._ids_in(text)
        if text.strip():
            # The best find is first; only a text that is nowhere goes to the line that takes it as it stands.
            return 0
        place = self._places.get(self._cursor_key)
        return place if place is not None else 0

    def _ids_in(self, text: str) -> tuple[str, ...]:
        """Return what can be taken as it stands: a text that is no key, or several that find nothing together."""
        ids = split_ids(text) if self._several else tuple(filter(None, (text.strip(),)))
        if len(ids) > 1:
            return () if self._found else ids
        return tuple(one for one in ids if one not in self._places)

    def count(self) -> int:
        """Return the finds, and the line for what is typed."""
        return len(self._found) + bool(self._typed)

    def _at(self, place: int) -> PickItem | None:
        return self._items[self._found[place]] if place < len(self._found) else None

    def _key_at(self, place: int) -> str:
        item = self._at(place)
        return item.key if item is not None else ""

    def draw(self, place: int, width: int, is_cursor: bool) -> TextLine:  # noqa: FBT001 - as in the base
        """Return one line: its mark, what it is called, and what stands at its end."""
        item = self._at(place)
        role = "cursor" if is_cursor else ""
        if item is None:
            return (Cell(fit(self._typed_text(), width), role or "muted"),)
        box = ("[x] " if item.key in self._marked else "[ ] ") if self._several else ""
        aside = safe_text(item.refusal or item.aside)
        room = max(1, min(cell_width(aside), _ASIDE_MOST, width // 2))
        end = (fit(aside, room) if item.refusal else fit_id(aside, room)) if aside else ""
        title = fit(f"{box}{safe_text(item.title)}", max(1, width - cell_width(end) - 2))
        muted = "cursor-muted" if is_cursor else "muted"
        return Cell(title, muted if item.refusal and not is_cursor else role), Cell(f"  {end}", muted)

    def _typed_text(self) -> str:
        if len(self._typed) == 1:
            return f'use "{safe_text(self._typed[0])}" as the {self._noun}'
        return f"use {len(self._typed)} texts as {self._noun}s"

    def detail(self, place: int) -> str:
        """Return what the source says of a line."""
        item = self._at(place)
        if item is None:
            return "Taken as it stands, whether the platform knows it or not."
        said = self._source.detail(item.key)
        return f"{item.title}\n{said}" if said else item.title

    def note(self) -> str:
        """Return how many are marked."""
        return f"{len(self._marked)} marked   " if self._marked else ""

    # Choosing

    def action_mark(self) -> None:
        """Mark the line under the cursor, or take the mark off, and go on."""
        if not self._several:
            return
        place = self.list.cursor
        item = self._at(place)
        if item is None:
            self._mark_typed()
        elif item.refusal:
            self.say(f"{item.title}: {item.refusal}.")
        else:
            if item.key in self._marked:
                del self._marked[item.key]
            else:
                self._marked[item.key] = None
            self.go_to(min(place + 1, len(self._found) - 1))

    def _mark_typed(self) -> None:
        if not self._typed:
            return
        self._marked |= dict.fromkeys(self._typed)
        self.field.value = ""
        self._load()

    def take(self) -> None:
        """Answer with what is marked, else with the line under the cursor."""
        item = self._at(self.list.cursor)
        if self._several and self._marked:
            self.dismiss(Picked(tuple(self._marked)))
        elif item is None:
            if self._typed:
                self.dismiss(Picked(self._typed))
        elif item.refusal:
            self.say(f"{item.title}: {item.refusal}.")
        else:
            self.dismiss(Picked((item.key,)))

    def action_new(self) -> None:
        """Answer that a new one is wanted."""
        if self._new_label:
            self.dismiss(Picked(is_new=True))

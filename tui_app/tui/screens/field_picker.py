"""Owns choosing fields of a schema: a tree that opens branch by branch, a search over all paths, a list to paste."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from textual.binding import Binding, BindingType

from tui_app.present.cells import Cell
from tui_app.present.picking import Search
from tui_app.text import cell_width, fit, safe_text
from tui_app.tui.screens.pick_dialog import PickDialog, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_app.models.field_paths import FieldPath
    from tui_app.present.text_lines import TextLine

_BETWEEN: Final = re.compile(r"[\s,;]+")
_ALL: Final = "all fields"
_TITLE: Final = 24
_KIND: Final = 9
"""Cells for what a field is called and for its type."""


class FieldSource(Reading, Protocol):
    """What the picker is given to show."""

    async def fields(self) -> Sequence[FieldPath]:
        """Return the fields that are known now, in the order of the tree."""
        ...


class FieldPicker(PickDialog[tuple[str, ...]]):
    """Lets one mark fields and branches; answers with their paths in the order of the tree, () for all fields.

    A branch stands for all that is below it. Paths that the schema does not have are kept, and come last.
    """

    PLACEHOLDER = "type to search, or a path"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "mark", "Mark", show=False, id="fields.mark", priority=True),
        Binding("right", "open", "Open", show=False, id="fields.open", priority=True),
        Binding("left", "close", "Close", show=False, id="fields.close", priority=True),
    ]

    def __init__(self, title: str, source: FieldSource, *, chosen: Sequence[str] = ()) -> None:
        """Make the picker.

        Args:
            title: what is chosen.
            source: where the fields are from.
            chosen: paths that are marked at first.
        """
        super().__init__(title, source)
        self._source = source
        self._marked: dict[str, None] = dict.fromkeys(chosen)
        self._fields: Sequence[FieldPath] = ()
        self._places: dict[str, int] = {}
        self._ends: list[int] = []
        self._open: set[str] = {one for path in chosen for one in _above(path)}
        self._search = Search(())
        self._shown: Sequence[int] = ()
        self._is_tree = True
        self._typed: tuple[str, ...] = ()
        self._missing: tuple[str, ...] = ()

    def keys(self) -> str:
        """Return what the keys do."""
        return "enter take  tab mark  right open  left close  ctrl-r read anew  esc back"

    def note(self) -> str:
        """Return how many are marked."""
        return f"{len(self._marked)} marked   " if self._marked else ""

    async def load(self) -> None:
        """Take the fields that are known now."""
        self._fields = await self._source.fields()
        self._places = {field.path: place for place, field in enumerate(self._fields)}
        self._ends = _ends(self._fields)
        self._search = Search([(field.title, field.path) for field in self._fields])

    def search(self, text: str) -> int:
        """Show the tree for a blank text, else the paths that match; the cursor stays on its field in the tree."""
        was = self._field_at(self.list.cursor)
        self._missing = tuple(path for path in self._marked if path not in self._places)
        self._is_tree = not text.strip()
        if self._is_tree:
            self._typed = ()
            self._shown = self._tree()
            return self._line_of(was.path) if was is not None else 0
        self._shown = self._search.find(text)
        paths = tuple(dict.fromkeys(filter(None, _BETWEEN.split(text))))
        if len(paths) > 1:
            self._typed = () if self._shown else paths
        else:
            self._typed = tuple(one for one in paths if one not in self._places)
        return 0

    def _tree(self) -> list[int]:
        """Return the places of the fields whose branches are open."""
        shown, place = [], 0
        while place < len(self._fields):
            shown.append(place)
            field = self._fields[place]
            place = place + 1 if not field.has_children or field.path in self._open else self._ends[place]
        return shown

    def _line_of(self, path: str) -> int:
        place = self._places.get(path)
        if place is None or place not in self._shown:
            return 0
        return self._first + list(self._shown).index(place)

    @property
    def _first(self) -> int:
        """How many lines stand above the fields: in the tree that for all fields, and marks the schema has not."""
        return 1 + len(self._missing) if self._is_tree else 0

    def count(self) -> int:
        """Return the lines above, the fields, and the line for what is typed."""
        return self._first + len(self._shown) + bool(self._typed)

    def _field_at(self, line: int) -> FieldPath | None:
        place = line - self._first
        return self._fields[self._shown[place]] if 0 <= place < len(self._shown) else None

    def _path_at(self, line: int) -> str | None:
        """Return the path of a field, or of a mark that the schema has not."""
        field = self._field_at(line)
        if field is not None:
            return field.path
        return self._missing[line - 1] if self._is_tree and 0 < line < self._first else None

    def _is_included(self, path: str) -> bool:
        return any(one in self._marked for one in _above(path))

    # Drawing

    def draw(self, place: int, width: int, is_cursor: bool) -> TextLine:  # noqa: FBT001 - as in the base
        """Return one line."""
        role, muted = ("cursor", "cursor-muted") if is_cursor else ("", "muted")
        field = self._field_at(place)
        if field is None:
            return (Cell(fit(self._other_line(place), width), role or (muted if self._typed else "")),)
        is_included = self._is_included(field.path)
        box = "[x] " if field.path in self._marked else "[+] " if is_included else "[ ] "
        glyph = ("▾ " if field.path in self._open else "▸ ") if field.has_children and self._is_tree else ""
        name = f"{'  ' * field.depth}{glyph or '  '}{field.name}" if self._is_tree else field.path
        kind = f"{field.type}[]" if field.is_array else field.type
        aside = f"{fit(safe_text(field.title), _TITLE)}  {fit(safe_text(kind), _KIND)}"
        aside = fit(aside, min(cell_width(aside), width // 2))
        head = fit(f"{box}{safe_text(name)}", max(1, width - cell_width(aside) - 2))
        return Cell(head, muted if is_included and not is_cursor else role), Cell(f"  {aside}", muted)

    def _other_line(self, line: int) -> str:
        if not self._is_tree:
            if len(self._typed) == 1:
                return f'use "{safe_text(self._typed[0])}", which is not in the schema'
            return f"use {len(self._typed)} paths"
        if line == 0:
            return f"{'[ ]' if self._marked else '[x]'} {_ALL}"
        return f"[x] {safe_text(self._missing[line - 1])}  (not in the schema)"

    def detail(self, place: int) -> str:
        """Return all that the schema says of a field."""
        field = self._field_at(place)
        if field is None:
            if self._is_tree and place == 0:
                return "Nothing marked exports every field."
            return "Sent as it stands, whether the schema has it or not."
        below = self._ends[self._places[field.path]] - self._places[field.path] - 1
        branch = f"   a branch: all {below:,} fields below it" if field.has_children else ""
        return "\n".join(filter(None, (f"{field.path}{branch}", field.title, field.description)))

    # Choosing

    def action_mark(self) -> None:
        """Mark the field under the cursor or take its mark off, and go on."""
        line = self.list.cursor
        path = self._path_at(line)
        if path is not None:
            if self._mark(path) and self._path_at(line) == path:
                self.go_to(min(line + 1, self._first + len(self._shown) - 1))
        elif self._typed and line == len(self._shown):
            self._marked |= dict.fromkeys(self._typed)
            self.field.value = ""
        else:
            self._marked.clear()
            self._fill(self.search(self.field.value))

    def _mark(self, path: str) -> bool:
        """Mark a path or take its mark off; return whether that could be done."""
        if path in self._marked:
            del self._marked[path]
            if path in self._missing:
                self._fill(self.search(self.field.value))
        elif self._is_included(path):
            branch = next(one for one in _above(path) if one in self._marked)
            self.say(f"{path} comes with {branch}: take that mark off first to choose below it.")
            return False
        else:
            self._marked[path] = None
        return True

    def action_open(self) -> None:
        """Open the branch under the cursor; in a text, go on in it."""
        field = self._field_at(self.list.cursor)
        if not self._is_tree:
            self.field.action_cursor_right()
        elif field is not None and field.has_children and field.path not in self._open:
            self._open.add(field.path)
            self._fill(self.search(""))

    def action_close(self) -> None:
        """Close the branch under the cursor, or the one around it; in a text, go back in it."""
        field = self._field_at(self.list.cursor)
        if not self._is_tree:
            self.field.action_cursor_left()
        elif field is not None:
            path = field.path if field.path in self._open else next(_above(field.path), "")
            self._open.discard(path)
            self._shown = self._tree()
            self._fill(self._line_of(path))

    def take(self) -> None:
        """Answer with what is marked, else with the field under the cursor."""
        line = self.list.cursor
        path = self._path_at(line)
        if not self._marked:
            self._marked |= dict.fromkeys(self._typed if path is None and not self._is_tree else filter(None, (path,)))
        self.dismiss(self._answer())

    def _answer(self) -> tuple[str, ...]:
        wanted = [path for path in self._marked if not self._is_included(path)]
        known = sorted((path for path in wanted if path in self._places), key=self._places.__getitem__)
        return (*known, *(path for path in wanted if path not in self._places))


def _above(path: str) -> Iterator[str]:
    """Yield the branches that a path is below, the nearest first."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _ends(fields: Sequence[FieldPath]) -> list[int]:
    """Return by place where the branch that begins there ends: the place of the next field that is not below it."""
    ends = [len(fields)] * len(fields)
    around: list[int] = []
    for place, field in enumerate(fields):
        while around and fields[around[-1]].depth >= field.depth:
            ends[around.pop()] = place
        around.append(place)
    return ends

"""Owns the virtual table: draws the visible rows of a source of any length, and of those only what changed.

Holds view state only (cursor by row key, scroll, marks); the rows stay where they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from textual import work
from textual.binding import Binding, BindingType
from textual.geometry import Size

from tui_app.clock import give_way
from tui_app.tui.widgets import row_messages
from tui_app.tui.widgets.row_canvas import HEADER, Row, RowCanvas, RowSource
from tui_app.tui.widgets.row_marks import RowMarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual import events

    from tui_app.present.cells import Column

__all__ = ["RowMarks", "RowSource", "RowTable"]

_LAST: Final = sys.maxsize
_MARKED_AT_ONCE: Final = 50_000


class RowTable(RowCanvas, can_focus=True, inherit_bindings=False):
    """A table over a `RowSource` of 0 to 1,000,000 rows.

    Call `refresh_rows` when rows came, went or moved, and `update_rows` when only their cells changed; both
    paint nothing where nothing looks different. The source may not shrink without `refresh_rows` being
    called before the table next draws.

    Where a source begins with a part of its rows, `refresh_rows(more=True)` says so: a person who goes beyond that
    part is taken there once the rest has come, unless they have gone elsewhere meanwhile.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False, id="rows.up"),
        Binding("down,j", "cursor_down", "Down", show=False, id="rows.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="rows.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="rows.page_down"),
        Binding("home,g", "first", "First row", show=False, id="rows.first"),
        Binding("end,G", "last", "Last row", show=False, id="rows.last"),
        Binding("enter", "open_row", "Open", show=False, id="rows.open"),
    ]

    CursorMoved: TypeAlias = row_messages.CursorMoved
    RowActivated: TypeAlias = row_messages.RowActivated
    MarksChanged: TypeAlias = row_messages.MarksChanged
    NeedRows: TypeAlias = row_messages.NeedRows
    HeaderClicked: TypeAlias = row_messages.HeaderClicked
    NewAbove: TypeAlias = row_messages.NewAbove

    def __init__(
        self,
        columns: Sequence[Column] = (),
        source: RowSource | None = None,
        *,
        roles: Mapping[str, str] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Make a table.

        Args:
            columns: All columns, in the order of the source's cells; those that do not fit are not shown.
            source: The rows; none yet by default.
            roles: Component class by cell role; the defaults are `ROLES`. A role without one looks plain.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(columns, source, roles=roles, id=id, classes=classes)
        self._cursor = 0
        self._cursor_key: int | None = None
        self._cursor_in_view = True
        self._seen_at = Size(0, 0)
        self._follows_top = False
        self._untouched = False
        self._new_above = 0
        self._more = False
        self._wish: int | None = None
        # The row that a person went to and that is not among the rows now, with its screen line.
        self._bound: tuple[int, int] | None = None
        self._is_chosen = False
        self._marks = RowMarks()
        self._mark_anchor: int | None = None
        self._needed: tuple[int, int] | None = None

    # Following the source

    def set_source(self, source: RowSource) -> None:
        """Show other rows from their first on; marks and cursor of the old ones are forgotten."""
        self._source = source
        self._count = self._cursor = 0
        self._wish = self._bound = None
        self._window = {}
        self._follows_top = self._untouched = True
        self._is_chosen = False
        self._set_new_above(0)
        self.action_clear_marks()
        self._scroll_to_row(0)
        self._cursor_key = None
        self.refresh_rows()

    def on_mount(self) -> None:
        """Read the source for the first time."""
        self.refresh_rows()

    def on_resize(self) -> None:
        """Lay the columns out anew, and keep the cursor's row in view if it was."""
        if self._cursor_in_view:
            self._reveal_cursor()
        self._seen_at = self.size
        self._sync_scrollbar()
        self._redraw()

    def refresh_rows(self, *, asked: bool = False, from_top: bool = False, more: bool = False) -> None:
        """Follow a source whose rows came, went or moved.

        The cursor stays on its row, and that row on its screen line: rows arriving above scroll the view and
        count as `new_above`. After `action_first` the view stays at the top instead, so that they are seen,
        as long as the cursor's row remains in view. A cursor nobody has moved since `set_source` goes to the first row
        rather than out of view. A cursor whose row is gone takes its nearest neighbour, and goes back when the person
        asks for rows that hold it again, or when the rest of the rows does.

        Args:
            asked: a person asked for other rows, by filter or order: none of them counts as new.
            from_top: show them from the first one on, with the cursor on it.
            more: these are only the first rows.
        """
        old_window, old_count, old_top = self._window, self._count, self._top
        # The rest of what was shown in part is neither new nor another question.
        is_rest = self._more and not asked
        self._window = {}
        self._needed = None
        self._more = more
        self._count = len(self._source)
        self._set_virtual_height()
        cursor, line = self._settled_cursor(old_window, asked=asked, is_rest=is_rest)
        self._untouched = self._untouched and (from_top or not asked)
        if from_top:
            cursor, line, self._bound = 0, 0, None
        if self._untouched and old_top == 0 and cursor >= self._body_height:
            cursor = 0
        if self._follows_top and old_top == 0 and cursor < self._body_height:
            top = 0
        elif 0 <= line < self._body_height:
            top = cursor - line
        else:
            top = old_top + self._shift_of(old_window)
        self._place_cursor(cursor)
        self._scroll_to_row(top)
        self._go_on_to_wish()
        arrived = min(self._top - old_top, self._count - old_count) if old_count and not is_rest else 0
        self._set_new_above(0 if asked else self._new_above + max(0, arrived))
        self._redraw()

    def update_rows(self) -> None:
        """Read the cells of the visible rows again and paint the lines that changed; none costs nothing."""
        self._window = {}
        self._redraw()

    def _settled_cursor(self, window: Mapping[int, Row], *, asked: bool, is_rest: bool) -> tuple[int, int]:
        """Return where the cursor goes, and the screen line that its row should stand on."""
        line = self._cursor - self._top
        if self._bound is not None and (asked or is_rest or self._cursor_key is None):
            key, bound_line = self._bound
            found = self._source.index_of(key)
            if found is not None:
                self._bound = None
                return found, bound_line
            if not self._is_chosen and self._count and not self._more:
                self._bound = None
        if self._cursor_key is None:
            return 0, 0
        found = self._source.index_of(self._cursor_key)
        if found is not None:
            return found, line
        is_open = self._more or not self._count
        if asked and (is_open or self._is_chosen):
            # It may be among the rows to come, or come back with the next question: at the next letter of a filter.
            self._bound = self._bound or (self._cursor_key, line)
        if asked and is_open:
            return 0, 0
        nearest = self._nearest(window)
        if nearest is not None:
            return nearest, line
        return max(0, min(self._cursor, self._count - 1)), line

    def _nearest(self, window: Mapping[int, Row]) -> int | None:
        """Return where the nearest of the rows that were on the screen with the cursor is now."""
        if self._cursor not in window:
            return None
        by_distance = sorted(window, key=lambda row: (abs(row - self._cursor), row < self._cursor))
        return self._source.first_of([window[row].key for row in by_distance])

    def _go_on_to_wish(self) -> None:
        """Go where the person wanted to go when those rows were not there yet."""
        if self._wish is None:
            return
        self._place_cursor(self._wish)
        self._reveal_cursor()
        if not self._more or self._wish < self._count:
            self._wish = None

    def _shift_of(self, window: Mapping[int, Row]) -> int:
        """Return by how many rows the first row of the old window that is still there has moved."""
        rows = sorted(window)
        found = self._source.first_of([window[row].key for row in rows]) if rows else None
        if found is None:
            return 0
        key = self._source.key(found)
        return next(found - row for row in rows if window[row].key == key)

    @property
    def new_above(self) -> int:
        """How many rows came in above the window since its top was last looked at."""
        return self._new_above

    def _set_new_above(self, count: int) -> None:
        count = min(count, self._top)
        if count != self._new_above:
            self._new_above = count
            self.post_message(self.NewAbove(self, count))

    def _is_cursor(self, index: int) -> bool:
        return index == self._cursor

    def _is_marked(self, key: int) -> bool:
        return key in self._marks

    def _window_read(self, missing: Sequence[int]) -> None:
        """Note what is in view now, and ask once for the rows of it that are not loaded."""
        # A new size alone moves the view; whether the cursor's row was in it is what `on_resize` must still know.
        if self._body_height and self.size == self._seen_at:
            self._cursor_in_view = 0 <= self._cursor - self._top < self._body_height
        self._set_new_above(self._new_above)
        needed = (min(missing), max(missing)) if missing else None
        if needed != self._needed:
            self._needed = needed
            if needed is not None:
                self.post_message(self.NeedRows(self, *needed))

    # Cursor

    @property
    def cursor_key(self) -> int | None:
        """The key of the row under the cursor; None when there are no rows."""
        return self._cursor_key

    @property
    def cursor_index(self) -> int | None:
        """Where the cursor's row stood at the last `refresh_rows`; None when there are no rows."""
        return self._cursor if self._count else None

    @property
    def rows_in_view(self) -> range:
        """The places of the rows in view."""
        return range(self._top, min(self._count, self._top + self._body_height))

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has moved the cursor, and no filter has put it elsewhere."""
        return self._untouched

    def move_to(self, index: int) -> None:
        """Put the cursor on the row at `index`, or the nearest there is, and show it."""
        self._follows_top = self._untouched = False
        self._choose()
        self._wish = index if self._more and index >= self._count else None
        self._place_cursor(index)
        self._reveal_cursor()
        self._redraw()

    def move_to_key(self, key: int) -> bool:
        """Put the cursor on the row of `key` and show it; False when it is not among the rows."""
        index = self._source.index_of(key)
        if index is None:
            return False
        self.move_to(index)
        return True

    def return_to(self, key: int, line: int, *, marks: RowMarks) -> None:
        """Put the cursor on the row of `key`, on a line of the screen, as soon as the source has it; mark as before."""
        self._follows_top = self._untouched = False
        self._is_chosen = True
        self._bound = key, line
        self._marks = marks
        self._marks_changed()
        self.refresh_rows()

    def _choose(self) -> None:
        """Take the row under the cursor as the one that the person means from now on."""
        self._bound, self._is_chosen = None, True

    def _place_cursor(self, index: int) -> None:
        self._cursor = max(0, min(index, self._count - 1))
        key = self._key(self._cursor) if self._count else None
        if key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.CursorMoved(self, key))

    def _reveal_cursor(self) -> None:
        line = self._cursor - self._top
        if not self._body_height:
            return  # not laid out, or folded away; `on_resize` comes when there is room
        if line < 0:
            self._scroll_to_row(self._cursor)
        elif line >= self._body_height:
            self._scroll_to_row(self._cursor - self._body_height + 1)

    def action_cursor_up(self) -> None:
        """Go one row up."""
        self.move_to(self._cursor - 1)

    def action_cursor_down(self) -> None:
        """Go one row down."""
        self.move_to(self._cursor + 1)

    def action_page_up(self) -> None:
        """Go one screen up."""
        self.move_to(self._cursor - self._body_height)

    def action_page_down(self) -> None:
        """Go one screen down."""
        begin = self._cursor if self._wish in (None, _LAST) else self._wish
        self.move_to((begin or 0) + self._body_height)

    def action_first(self) -> None:
        """Go to the first row, and let the view stay at the top while rows arrive."""
        self.move_to(0)
        self._follows_top = True

    def action_last(self) -> None:
        """Go to the last row."""
        self.move_to(_LAST if self._more else self._count - 1)

    def action_open_row(self) -> None:
        """Open the row under the cursor."""
        if self._cursor_key is not None:
            self._choose()
            self.post_message(self.RowActivated(self, self._cursor_key))

    # Marks

    @property
    def marks(self) -> RowMarks:
        """The marked rows, also those that the source does not hold any more; not to be changed by others."""
        return self._marks

    def action_toggle_mark(self) -> None:
        """Mark the row under the cursor or take its mark away, and go one row down."""
        if self._cursor_key is not None:
            self._mark_anchor = self._cursor_key
            self._marks.toggle(self._cursor_key)
            self._marks_changed()
            self.action_cursor_down()

    def action_mark_range(self) -> None:
        """Mark all rows from the one last marked to the cursor; without one, only the cursor's."""
        if self._cursor_key is None:
            return
        anchor = None if self._mark_anchor is None else self._source.index_of(self._mark_anchor)
        first, last = sorted((self._cursor, self._cursor if anchor is None else anchor))
        self._mark_anchor = self._cursor_key
        keys = self._source.keys(first, last + 1)
        if len(keys) > _MARKED_AT_ONCE:
            self._mark_many(keys)
        else:
            self._marks.add(keys)
            self._marks_changed()

    # Described, because the framework would otherwise write out a million keys to describe it.
    @work(group="marks", exclusive=True, description="mark many rows")
    async def _mark_many(self, keys: Sequence[int]) -> None:
        """Mark so many rows that it is done in parts, keys and clocks in between."""
        for start in range(0, len(keys), _MARKED_AT_ONCE):
            self._marks.add(keys[start : start + _MARKED_AT_ONCE])
            await give_way()
        self._marks_changed()

    def set_marks(self, keys: Sequence[int]) -> None:
        """Mark these rows and no others."""
        self.action_clear_marks()
        if keys:
            self._marks.add(keys)
            self._marks_changed()

    def action_clear_marks(self) -> None:
        """Take all marks away."""
        self._mark_anchor = None
        self.workers.cancel_group(self, "marks")
        if self._marks:
            self._marks.clear()
            self._marks_changed()

    def _marks_changed(self) -> None:
        self.post_message(self.MarksChanged(self, len(self._marks)))
        self._redraw()

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """Move the cursor, open at the second click, or say which header was meant."""
        if event.y < HEADER:
            for where in self._placed:
                if where.x <= event.x < where.end and where.column.sortable:
                    self.post_message(self.HeaderClicked(self, where.column.key))
            return
        index = self._top + event.y - HEADER
        if index < self._count:
            self.move_to(index)
            if event.chain == 2:  # noqa: PLR2004 - a double click
                self.action_open_row()

"""Owns the virtual table: draws the visible rows of a source of any length, and of those only what changed.

Holds view state only (cursor by row key, scroll, marks); the rows stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from tui_app.tui.widgets.row_canvas import HEADER, Row, RowCanvas, RowSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual import events

    from tui_app.present.cells import Column

__all__ = ["RowSource", "RowTable"]


class RowTable(RowCanvas, can_focus=True, inherit_bindings=False):
    """A table over a `RowSource` of 0 to 1,000,000 rows.

    Call `refresh_rows` when rows came, went or moved, and `update_rows` when only their cells changed; both
    paint nothing where nothing looks different. The source may not shrink without `refresh_rows` being
    called before the table next draws.
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

    class _TableMessage(Message):
        """What a table says; `control` is the table, for `@on` selectors."""

        def __init__(self, table: RowTable) -> None:
            self.table = table
            super().__init__()

        @property
        def control(self) -> RowTable:
            """The table that sent it."""
            return self.table

    class CursorMoved(_TableMessage):
        """The cursor is on another row; `key` is None when there are no rows."""

        def __init__(self, table: RowTable, key: str | None) -> None:
            self.key = key
            super().__init__(table)

    class RowActivated(_TableMessage):
        """A row was opened by enter or double click."""

        def __init__(self, table: RowTable, key: str) -> None:
            self.key = key
            super().__init__(table)

    class MarksChanged(_TableMessage):
        """Rows were marked or unmarked; `count` are marked now."""

        def __init__(self, table: RowTable, count: int) -> None:
            self.count = count
            super().__init__(table)

    class NeedRows(_TableMessage):
        """Visible rows from `first` to `last` (both included) are not loaded; sent once for a window.

        Load them and call `update_rows`.
        """

        def __init__(self, table: RowTable, first: int, last: int) -> None:
            self.first = first
            self.last = last
            super().__init__(table)

    class HeaderClicked(_TableMessage):
        """The header of a sortable column was clicked."""

        def __init__(self, table: RowTable, key: str) -> None:
            self.key = key
            super().__init__(table)

    class NewAbove(_TableMessage):
        """The number of rows that came in above the window and were not looked at yet has changed."""

        def __init__(self, table: RowTable, count: int) -> None:
            self.count = count
            super().__init__(table)

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
        self._cursor_key: str | None = None
        self._cursor_in_view = True
        self._seen_at = Size(0, 0)
        self._follows_top = False
        self._untouched = False
        self._new_above = 0
        self._marks: set[str] = set()
        self._mark_anchor: str | None = None
        self._needed: tuple[int, int] | None = None

    # Following the source

    def set_source(self, source: RowSource) -> None:
        """Show other rows from their first on; marks and cursor of the old ones are forgotten."""
        self._source = source
        self._count = self._cursor = 0
        self._window = {}
        self._follows_top = self._untouched = True
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

    def refresh_rows(self, *, asked: bool = False) -> None:
        """Follow a source whose rows came, went or moved.

        The cursor stays on its row, and that row on its screen line: rows arriving above scroll the view and
        count as `new_above`. After `action_first` the view stays at the top instead, so that they are seen,
        as long as the cursor's row remains in view. A cursor nobody has moved since `set_source` goes to the first row
        rather than out of view. A cursor whose row is gone takes its nearest neighbour.

        Args:
            asked: a person asked for other rows, by filter or order: none of them counts as new.
        """
        old_window, old_count, old_top = self._window, self._count, self._top
        cursor_line = self._cursor - old_top
        self._window = {}
        self._needed = None
        self._count = len(self._source)
        self._set_virtual_height()
        cursor = self._surviving_cursor(old_window)
        self._untouched = self._untouched and not asked
        if self._untouched and old_top == 0 and cursor >= self._body_height:
            cursor = 0
        if self._follows_top and old_top == 0 and cursor < self._body_height:
            top = 0
        elif 0 <= cursor_line < self._body_height:
            top = cursor - cursor_line
        else:
            top = old_top + self._shift_of(old_window)
        self._place_cursor(cursor)
        self._scroll_to_row(top)
        arrived = min(self._top - old_top, self._count - old_count) if old_count else 0
        self._set_new_above(0 if asked else self._new_above + max(0, arrived))
        self._redraw()

    def update_rows(self) -> None:
        """Read the cells of the visible rows again and paint the lines that changed; none costs nothing."""
        self._window = {}
        self._redraw()

    def _surviving_cursor(self, window: Mapping[int, Row]) -> int:
        """Return where the cursor's row is now, or else the nearest of the rows that were on the screen."""
        if self._cursor_key is not None:
            found = self._source.index_of(self._cursor_key)
            if found is not None:
                return found
            if self._cursor in window:
                by_distance = sorted(window, key=lambda row: (abs(row - self._cursor), row < self._cursor))
                for row in by_distance:
                    found = self._source.index_of(window[row].key)
                    if found is not None:
                        return found
        return max(0, min(self._cursor, self._count - 1))

    def _shift_of(self, window: Mapping[int, Row]) -> int:
        """Return by how many rows the first row of the old window that is still there has moved."""
        for row in sorted(window):
            found = self._source.index_of(window[row].key)
            if found is not None:
                return found - row
        return 0

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

    def _is_marked(self, key: str) -> bool:
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
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None when there are no rows."""
        return self._cursor_key

    @property
    def cursor_index(self) -> int | None:
        """Where the cursor's row stood at the last `refresh_rows`; None when there are no rows."""
        return self._cursor if self._count else None

    def move_to(self, index: int) -> None:
        """Put the cursor on the row at `index`, or the nearest there is, and show it."""
        self._follows_top = self._untouched = False
        self._place_cursor(index)
        self._reveal_cursor()
        self._redraw()

    def move_to_key(self, key: str) -> bool:
        """Put the cursor on the row of `key` and show it; False when it is not among the rows."""
        index = self._source.index_of(key)
        if index is None:
            return False
        self.move_to(index)
        return True

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
        self.move_to(self._cursor + self._body_height)

    def action_first(self) -> None:
        """Go to the first row, and let the view stay at the top while rows arrive."""
        self.move_to(0)
        self._follows_top = True

    def action_last(self) -> None:
        """Go to the last row."""
        self.move_to(self._count - 1)

    def action_open_row(self) -> None:
        """Open the row under the cursor."""
        if self._cursor_key is not None:
            self.post_message(self.RowActivated(self, self._cursor_key))

    # Marks

    @property
    def marked(self) -> frozenset[str]:
        """The keys of the marked rows, also of those that the source does not hold any more."""
        return frozenset(self._marks)

    def action_toggle_mark(self) -> None:
        """Mark the row under the cursor or take its mark away, and go one row down."""
        if self._cursor_key is not None:
            self._mark_anchor = self._cursor_key
            self._set_marks(self._marks ^ {self._cursor_key})
            self.action_cursor_down()

    def action_mark_range(self) -> None:
        """Mark all rows from the one last marked to the cursor; without one, only the cursor's."""
        if self._cursor_key is None:
            return
        anchor = None if self._mark_anchor is None else self._source.index_of(self._mark_anchor)
        first, last = sorted((self._cursor, self._cursor if anchor is None else anchor))
        self._mark_anchor = self._cursor_key
        self._set_marks(self._marks | {self._key(index) for index in range(first, last + 1)})

    def action_clear_marks(self) -> None:
        """Take all marks away."""
        self._mark_anchor = None
        self._set_marks(set())

    def _set_marks(self, marks: set[str]) -> None:
        if marks != self._marks:
            self._marks = marks
            self.post_message(self.MarksChanged(self, len(marks)))
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

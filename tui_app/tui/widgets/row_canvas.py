"""Owns the drawing of a row table: which rows are visible, what each line shows, and which must be repainted.

Knows no keys, no mouse and no messages; where cursor and marks are is asked of the subclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from tui_app.tui.widgets.row_line import BLANK, EMPTY, WAITING, Line, Placed, changed_spans, header_text, paint, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_app.present.cells import Cell, Column

HEADER = 1
_UNDERLINE = RichStyle(underline=True)


class RowSource(Protocol):
    """Rows in their order, each with a key that outlives its place: a whole number from 0 on."""

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    def key(self, index: int) -> int:
        """Return the key of the row at `index`; known for every row, loaded or not."""
        ...

    def keys(self, start: int, stop: int) -> Sequence[int]:
        """Return the keys of the rows from `start` up to and without `stop`, cheaply however many."""
        ...

    def index_of(self, key: int) -> int | None:
        """Return where the row of `key` stands now, or None when it is not among the rows."""
        ...

    def first_of(self, keys: Sequence[int]) -> int | None:
        """Return where the first of `keys` that is among the rows stands, None when none is."""
        ...

    def cells(self, index: int) -> Sequence[Cell] | None:
        """Return one cell for each column of the table, or None while the row is not loaded."""
        ...


class _NoRows:
    """The source of a table that was given none."""

    def __len__(self) -> int:
        return 0

    def key(self, index: int) -> int:
        raise IndexError(index)

    def keys(self, start: int, stop: int) -> Sequence[int]:
        return ()

    def index_of(self, key: int) -> int | None:
        return None

    def first_of(self, keys: Sequence[int]) -> int | None:
        return None

    def cells(self, index: int) -> Sequence[Cell] | None:
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the visible window as it was last read; `cells` are those of the placed columns."""

    key: int
    cells: tuple[Cell, ...] | None


class RowCanvas(ScrollView, inherit_bindings=False):
    """The lines of a table over a `RowSource`: a header that stays, and as many rows as fit below it."""

    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--empty",
        "row-table--row",
        "row-table--marked",
        "row-table--cursor",
        "row-table--stale",
        "row-table--role-muted",
        "row-table--role-new",
        "row-table--role-running",
        "row-table--role-cancelling",
        "row-table--role-succeeded",
        "row-table--role-failed",
        "row-table--role-cancelled",
        "row-table--role-unknown",
        "row-table--role-overdue",
    }

    ROLES: ClassVar[Mapping[str, str]] = {
        name.removeprefix("row-table--role-"): name for name in COMPONENT_CLASSES if name.startswith("row-table--role-")
    }

    DEFAULT_CSS = """
    RowCanvas {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        background: $background;
        color: $foreground;

        & > .row-table--header { background: $panel; color: $foreground; text-style: bold; }
        & > .row-table--empty { color: $text-muted; }
        & > .row-table--marked { text-style: bold; }
        & > .row-table--cursor { background: $primary 20%; }
        &:focus > .row-table--cursor { background: $primary 45%; text-style: bold; }
        &.-stale > .row-table--stale { color: $text-disabled; }
        & > .row-table--role-muted { color: $text-muted; }
        & > .row-table--role-new { color: $text-secondary; }
        & > .row-table--role-running { color: $text-primary; }
        & > .row-table--role-cancelling { color: $text-warning; }
        & > .row-table--role-succeeded { color: $text-success; }
        & > .row-table--role-failed { color: $text-error; }
        & > .row-table--role-cancelled { color: $text-muted; }
        & > .row-table--role-unknown { color: $text-accent; }
        & > .row-table--role-overdue { color: $text-warning; text-style: bold; }
    }
    """

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource | None,
        *,
        roles: Mapping[str, str] | None,
        id: str | None,
        classes: str | None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.auto_links = False
        self._columns = tuple(columns)
        self._roles = dict(self.ROLES if roles is None else roles)
        self._source: RowSource = _NoRows() if source is None else source
        self._count = 0
        self._sort: tuple[str, bool] | None = None
        self._empty = Content("")
        self._is_waiting = False
        # What is on the screen: the layout and the size that it is for, the rows read, the lines drawn.
        self._laid_out_for = Size(0, 0)
        self._placed: tuple[Placed, ...] = ()
        self._window: dict[int, Row] = {}
        self._drawn: list[Line | None] = []
        self._scrollbar_look: list[Segment] = []
        self._styles_of: dict[tuple[str, bool, bool, bool], RichStyle] = {}

    def _is_cursor(self, index: int) -> bool:
        raise NotImplementedError

    def _is_marked(self, key: int) -> bool:
        raise NotImplementedError

    def _window_read(self, missing: Sequence[int]) -> None:
        """Hear that the visible rows were compared; `missing` are those that are not loaded."""
        raise NotImplementedError

    @property
    def source(self) -> RowSource:
        """The rows."""
        return self._source

    @property
    def row_count(self) -> int:
        """How many rows there were at the last `refresh_rows`."""
        return self._count

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, shown or not."""
        return self._columns

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        """The columns that fit into the present width."""
        return tuple(where.column for where in self._placed)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; the source must answer with as many cells."""
        self._columns = tuple(columns)
        self._lay_out()
        self.refresh()
        self._redraw()

    def set_sort(self, key: str | None, descending: bool = False) -> None:  # noqa: FBT001, FBT002 - reads as said
        """Show the sort indicator on the column of `key`; None shows none. Sorting is the source's work."""
        sort = None if key is None else (key, descending)
        if sort != self._sort:
            self._sort = sort
            self.refresh(Region(0, 0, self.size.width, HEADER))

    def set_empty(self, empty: Content | str) -> None:
        """Set what stands in the middle while there are no rows; a `str` is plain text, never markup."""
        content = Content(empty) if isinstance(empty, str) else empty
        if content != self._empty:
            self._empty = content
            if not self._count:
                self.refresh()

    def set_waiting(self, waiting: bool) -> None:  # noqa: FBT001 - a state, not an option
        """Draw rows to come in place of the empty text, as long as there are no rows."""
        if waiting != self._is_waiting:
            self._is_waiting = waiting
            self._redraw()

    # Geometry and scrolling

    @property
    def _body_height(self) -> int:
        return max(0, self.size.height - HEADER)

    @property
    def _top(self) -> int:
        """The index of the first visible row."""
        return round(self.scroll_y)

    def _scroll_to_row(self, index: int) -> None:
        self.scroll_to(y=max(0, index), animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint the lines that look different now, instead of the whole table."""
        self._sync_scrollbar()
        if round(old_value) != round(new_value):
            self._redraw()

    def _set_virtual_height(self) -> None:
        """Tell the scrollbar how many rows there are, without the full repaint of a change of layout."""
        height = self._count + HEADER
        if height != self.virtual_size.height:
            self.set_reactive(Widget.virtual_size, Size(self.size.width, height))
            self._refresh_scrollbars()
            self._sync_scrollbar()

    def _sync_scrollbar(self) -> None:
        """Tell the scrollbar where the view is; it is repainted, 1.3 KB at 24 lines, only if it looks different."""
        if not self.show_vertical_scrollbar:
            return
        bar, height = self.vertical_scrollbar, self.container_size.height
        look = bar.renderer.render_bar(
            size=height,
            virtual_size=self.virtual_size.height,
            window_size=height,
            position=self.scroll_y,
        ).segments
        bar.set_reactive(ScrollBar.window_virtual_size, self.virtual_size.height)
        bar.set_reactive(ScrollBar.window_size, height)
        bar.set_reactive(ScrollBar.position, self.scroll_y)
        if look != self._scrollbar_look:
            self._scrollbar_look = look
            bar.refresh()

    def notify_style_update(self) -> None:
        """Forget the styles of the theme, focus and classes that were."""
        self._styles_of.clear()
        super().notify_style_update()

    # Drawing

    def _lay_out(self) -> None:
        self._laid_out_for = self.size
        self._placed = place(self._columns, self.size.width)
        self._window = {}
        self._drawn = [None] * self._body_height

    def _redraw(self) -> None:
        """Compare what each line should show with what it shows, and repaint the difference."""
        if self.size != self._laid_out_for:
            self._lay_out()
            self.refresh()
        rows = range(self._top, self._top + self._body_height)
        self._window = {index: row for index, row in self._window.items() if index in rows and row.cells is not None}
        for y, index in enumerate(rows):
            line = self._line(index)
            spans = changed_spans(self._drawn[y], line, self._placed, self.size.width)
            if spans:
                self._drawn[y] = line
                regions = [Region(first, y + HEADER, behind - first, 1) for first, behind in spans if first < behind]
                if regions:  # none for a blank cell that is told by another role
                    self.refresh(*regions)
        self._window_read([index for index, row in self._window.items() if row.cells is None])

    def _row(self, index: int) -> Row:
        row = self._window.get(index)
        if row is None:
            cells = self._source.cells(index)
            shown = None if cells is None else tuple(cells[where.position] for where in self._placed)
            row = self._window[index] = Row(self._source.key(index), shown)
        return row

    def _key(self, index: int) -> int:
        row = self._window.get(index)
        return self._source.key(index) if row is None else row.key

    def _line(self, index: int) -> Line:
        if not self._count:
            return WAITING if self._is_waiting else EMPTY
        if index >= self._count:
            return BLANK
        row = self._row(index)
        cursor, marked = self._is_cursor(index), self._is_marked(row.key)
        if row.cells is None:
            return Line("skeleton", cursor=cursor, marked=marked)
        return Line("row", row.cells, cursor=cursor, marked=marked)

    def render_line(self, y: int) -> Strip:
        """Return the strip of screen line `y`; the first is the header."""
        width = self.size.width
        if self.size != self._laid_out_for:
            self._lay_out()
        if y < HEADER:
            text = header_text(self._placed, width, sort=self._sort)
            return Strip([Segment(text, self.get_component_rich_style("row-table--header"))], width)
        y -= HEADER
        if y >= len(self._drawn):
            return Strip.blank(width, self.rich_style)
        line = self._drawn[y]
        if line is None:
            line = self._drawn[y] = self._line(self._top + y)
        if line.kind == "empty":
            return self._empty_line(y)
        return paint(line, self._placed, width, style_of=self._style_of)

    def _empty_line(self, y: int) -> Strip:
        width, height = self.size.width, self._body_height
        style = self.get_visual_style("row-table--empty")
        lines = Visual.to_strips(self, self._empty, width, height, style)
        centred = Strip.align(lines, style.rich_style, width, height, "center", "middle")
        return next(islice(centred, y, None), Strip.blank(width, style.rich_style))

    def _style_of(self, role: str, line: Line, *, changed: bool) -> RichStyle:
        key = (role, line.cursor, line.marked, changed)
        style = self._styles_of.get(key)
        if style is None:
            names = ["row-table--row"]
            names += ["row-table--marked"] * line.marked
            names += ["row-table--cursor"] * line.cursor
            style = self.get_component_rich_style(*names)
            # Only ink and weight come from the role: the ground is the row's.
            over = "row-table--stale" if self.has_class("-stale") else self._roles.get(role)
            if over is not None:
                ink = self.get_component_rich_style(over)
                style += ink.without_color + RichStyle(color=ink.color)
            if changed:
                style += _UNDERLINE
            self._styles_of[key] = style
        return style

"""Owns one line of a row table: what it shows, how two of them differ, and how one becomes a strip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from tui_app.present.cells import Cell, Column, layout
from tui_app.text import fit, fit_id, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.style import Style

GUTTER: Final = 2
GAP: Final = 2
MARGIN: Final = 1  # the last cell is never content, so that repainting a line need not touch the scrollbar
CURSOR_GLYPH: Final = "▌"
MARK_GLYPH: Final = "*"
_SKELETON: Final = "·"


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its place on the screen: index in the source's cells, first cell, width in cells."""

    column: Column
    position: int
    x: int
    width: int

    @property
    def end(self) -> int:
        """The first screen cell after the column."""
        return self.x + self.width


def place(columns: Sequence[Column], width: int) -> tuple[Placed, ...]:
    """Lay `columns` out over a line of `width` cells, gutter and margin left free; some may be dropped."""
    positions = {column.key: position for position, column in enumerate(columns)}
    placed: list[Placed] = []
    x = GUTTER
    for column, column_width in layout(columns, width - GUTTER - MARGIN, gap=GAP):
        placed.append(Placed(column, positions[column.key], x, column_width))
        x += column_width + GAP
    return tuple(placed)


@dataclass(frozen=True, slots=True)
class Line:
    """Everything that decides how a line looks; equal lines are painted equally.

    Attributes:
        kind: A row, a row not there yet, the room below the last row, or the room of the empty text.
        cells: One for each placed column; only of a row.
        cursor: Whether the cursor is on it.
        marked: Whether its row is marked.
    """

    kind: Literal["row", "skeleton", "blank", "empty"]
    cells: tuple[Cell, ...] = ()
    cursor: bool = False
    marked: bool = False


BLANK: Final = Line("blank")
EMPTY: Final = Line("empty")
WAITING: Final = Line("skeleton")


def changed_spans(old: Line | None, new: Line, placed: Sequence[Placed], width: int) -> list[tuple[int, int]]:
    """Return which cells must be painted for `old` to become `new`: first ones, and those behind the last."""
    if old == new:
        return []
    if (
        old is None
        or (old.kind, old.cursor, old.marked) != (new.kind, new.cursor, new.marked)
        or not len(old.cells) == len(new.cells) == len(placed)
    ):
        return [(0, max(0, width - MARGIN))]
    pairs = zip(placed, old.cells, new.cells, strict=True)
    return [_ink(where, before, after) for where, before, after in pairs if before != after]


def _ink(where: Placed, old: Cell, new: Cell) -> tuple[int, int]:
    """Return the span of a column in which the text before and after differs; blanks behind both need no painting."""
    before, after = fit_cell(old, where), fit_cell(new, where)
    if (old.role, old.changed) != (new.role, new.changed) or not _is_narrow(before + after):
        return where.x, where.x + max(cell_len(before.rstrip(" ")), cell_len(after.rstrip(" ")))
    differing = [place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    return (where.x + differing[0], where.x + differing[-1] + 1) if differing else (where.x, where.x)


def _is_narrow(text: str) -> bool:
    """Tell whether each character takes one cell of its own."""
    return text.isascii() or all(cell_len(one) == 1 for one in text)


class StyleOf(Protocol):
    """How a table styles text of a role on a line; `changed` text is underlined."""

    def __call__(self, role: str, line: Line, /, *, changed: bool) -> Style:
        """Return the style."""
        ...


class _Look(NamedTuple):
    role: str
    changed: bool = False


_PLAIN: Final = _Look("")


def paint(line: Line, placed: Sequence[Placed], width: int, *, style_of: StyleOf) -> Strip:
    """Return `line` as a strip of exactly `width` cells.

    Neighbours of one look share a segment, and blank runs join a neighbour: every segment costs about 40
    bytes of escape sequences on the wire.
    """
    gutter = (MARK_GLYPH if line.marked else " ") + (CURSOR_GLYPH if line.cursor else " ")
    pieces: list[tuple[str, _Look]] = [(gutter, _PLAIN)]
    end = GUTTER
    for index, where in enumerate(placed):
        cell = line.cells[index] if line.kind == "row" else _skeleton(line, where.width)
        pieces.append((" " * (where.x - end), _PLAIN))
        pieces.extend(_pieces(cell, where))
        end = where.end
    pieces.append((" " * (width - MARGIN - end), _PLAIN))
    segments = [
        Segment(text, _style(text, style_of(look.role, line, changed=look.changed))) for text, look in _runs(pieces)
    ]
    segments.append(Segment(" " * MARGIN, style_of("", BLANK, changed=False)))
    return Strip(segments).adjust_cell_length(width)


def _style(text: str, style: Style) -> Style:
    """Return what of a style can be seen in a text: blanks have no ink, which saves a third of their bytes."""
    return style if text.strip(" ") else style.background_style


def _pieces(cell: Cell, where: Placed) -> Iterator[tuple[str, _Look]]:
    """Yield a cell's text; of one that changed the blanks around it apart, because only ink is underlined."""
    text = fit_cell(cell, where)
    if not cell.changed:
        yield text, _Look(cell.role)
        return
    ink = text.strip(" ")
    before = text.index(ink)
    yield text[:before], _PLAIN
    yield ink, _Look(cell.role, changed=True)
    yield text[before + len(ink) :], _PLAIN


def _runs(pieces: Sequence[tuple[str, _Look]]) -> list[tuple[str, _Look]]:
    """Join neighbours of one look; blank text takes that of what stands before it, or else after it.

    Never that of changed text: a blank behind it goes with what follows.
    """
    runs: list[tuple[str, _Look | None]] = [("", None)]
    for text, look in pieces:
        joined, before = runs[-1]
        blank = not text.strip(" ")
        if not text:
            continue
        if blank and before is not None and before.changed:
            runs.append((text, None))
        elif blank or before == look or (before is None and (not look.changed or not joined)):
            runs[-1] = (joined + text, before if blank else look)
        else:
            runs.append((text, look))
    return [(text, look or _PLAIN) for text, look in runs if text]


def _skeleton(line: Line, width: int) -> Cell:
    return Cell(_SKELETON * max(1, width * 2 // 3) if line.kind == "skeleton" else "", "muted")


def fit_cell(cell: Cell, where: Placed) -> str:
    """Return the cell's text in exactly the column's cells, harmless whatever it was."""
    text = safe_text(cell.text)
    if where.column.cut == "middle":
        fitted = fit_id(text, where.width)
    else:
        fitted = fit(text, where.width, align=cell.align or where.column.align)
    # Textual counts cells by newer tables than the interpreter's; where they differ, its count decides.
    return fitted if fitted.isascii() else set_cell_size(fitted, where.width)


def header_text(placed: Sequence[Placed], width: int, *, sort: tuple[str, bool] | None) -> str:
    """Return the header line; `sort` is the sorted column's key and whether it descends."""
    text = ""
    for where in placed:
        label = safe_text(where.column.label)
        if sort is not None and sort[0] == where.column.key:
            arrow = "▼" if sort[1] else "▲"
            label = fit(label, min(len(label), where.width - 1)) + arrow if where.width > 1 else arrow
        text += " " * (where.x - len(text)) + fit(label, where.width, align=where.column.align)
    return set_cell_size(text, width)

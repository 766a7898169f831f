"""Owns lines made of coloured pieces: joining, wrapping by cells, and rows of label and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from tui_app.present.cells import Cell
from tui_app.text import cell_width, fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TextLine: TypeAlias = tuple[Cell, ...]
"""One line, its cells side by side; every text in it is harmless already."""

LABEL_WIDTH: Final = 16
_JOINER: Final = "\u200d"
_WORD_BREAK_WITHIN: Final = 0.5


def line(text: str, role: str = "") -> TextLine:
    """Return a line of one piece."""
    return (Cell(text, role),) if text else ()


def heading(text: str) -> TextLine:
    """Return the line over a group of rows."""
    return line(text, "heading")


def plain(shown: TextLine) -> str:
    """Return a line's text without its roles."""
    return "".join(cell.text for cell in shown)


def rows(pairs: Iterable[tuple[str, TextLine]], width: int, *, label_width: int = LABEL_WIDTH) -> list[TextLine]:
    """Return label and value pairs as lines of at most `width` cells, values wrapped beside their label."""
    found: list[TextLine] = []
    room = max(1, width - label_width)
    for label, value in pairs:
        for place, part in enumerate(wrapped(value, room)):
            found.append((Cell(fit("" if place else label, label_width), "muted"), *part))
    return found


def paragraphs(texts: Sequence[str], width: int) -> tuple[TextLine, ...]:
    """Return texts wrapped under each other, all but the first muted: why a pane is empty, and what next."""
    first, *rest = texts
    found = wrapped(line(first), width)
    for text in rest:
        found += wrapped(line(text, "muted"), width)
    return tuple(found)


def wrapped(shown: TextLine, width: int, *, hanging: int = 0) -> list[TextLine]:
    """Return a line as lines of at most `width` cells, broken at a blank where there is one not far back.

    Args:
        shown: the line; line feeds in it break it too.
        width: cells, at least 1; a character wider than that gets a line of its own.
        hanging: cells that the lines after the first are indented by.
    """
    text = plain(shown)
    if "\n" not in text and (len(text) <= width if text.isascii() else cell_width(text) <= width):
        return [shown]
    hanging = hanging if hanging < width // 2 else 0
    found: list[TextLine] = []
    clusters = list(_clusters(shown))
    start = 0
    while start < len(clusters):
        room = width - (hanging if found else 0)
        end, after = _break(clusters, start, room)
        indent = (Cell(" " * hanging),) if found and hanging else ()
        found.append((*indent, *_joined(clusters[start:end])))
        start = after
    return found or [()]


def clipped(shown: TextLine, width: int) -> TextLine:
    """Return a line in at most `width` cells, cut with `…` at the end."""
    found: list[Cell] = []
    room = max(0, width)
    for place, cell in enumerate(shown):
        needed = cell_width(cell.text)
        more = any(rest.text for rest in shown[place + 1 :])
        if needed < room or (needed == room and not more):
            found.append(cell)
            room -= needed
        else:
            found.append(Cell(fit(f"{cell.text}{'…' if needed == room else ''}", room), cell.role))
            break
    return tuple(cell for cell in found if cell.text)


def _break(clusters: Sequence[tuple[str, int, str]], start: int, room: int) -> tuple[int, int]:
    """Return where the line that begins at `start` ends, and where the next one begins."""
    used = 0
    blank: int | None = None
    for place in range(start, len(clusters)):
        text, width, _ = clusters[place]
        if text == "\n":
            return place, place + 1
        if used + width > room:
            if text == " ":
                return place, place + 1
            if blank is not None and blank - start >= room * _WORD_BREAK_WITHIN:
                return blank, blank + 1
            end = max(place, start + 1)
            return end, end
        if text == " " and used:
            blank = place
        used += width
    return len(clusters), len(clusters)


def _clusters(shown: TextLine) -> Iterator[tuple[str, int, str]]:
    """Yield what may not be cut apart, a base with its marks or a joined chain, with cells and role."""
    for cell in shown:
        if cell.text.isascii():
            yield from ((char, 1, cell.role) for char in cell.text)
            continue
        held = ""
        for char in cell.text:
            if held and not held.endswith(_JOINER) and (char == "\n" or held == "\n" or cell_width(char)):
                yield held, cell_width(held) if held != "\n" else 0, cell.role
                held = ""
            held += char
        if held:
            yield held, cell_width(held), cell.role


def _joined(clusters: Sequence[tuple[str, int, str]]) -> TextLine:
    found: list[Cell] = []
    for text, _, role in clusters:
        if found and found[-1].role == role:
            found[-1] = Cell(found[-1].text + text, role)
        else:
            found.append(Cell(text, role))
    return tuple(found)

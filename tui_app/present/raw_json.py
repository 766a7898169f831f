"""Owns a job's record as the platform sent it: pretty-printed, coloured, capped, and searched."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.present.cells import Cell
from tui_app.present.text_lines import TextLine, line, plain, wrapped
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.models.base import JsonObject

CHARACTERS_MOST: Final = 300_000
MATCHES_MOST: Final = 1_000
_TOKEN: Final = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)'
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<word>true|false|null|NaN|-?Infinity)"
)
_INDENT: Final = re.compile(" *")


@dataclass(frozen=True, slots=True)
class Match:
    """Where searched text stands: line of the record and the characters of it."""

    line: int
    start: int
    end: int


def raw_lines(record: JsonObject) -> tuple[TextLine, ...]:
    """Return a record as coloured lines of JSON, nothing left out that fits into `CHARACTERS_MOST`.

    A longer one ends in a line that says so.
    """
    text, whole = _printed(record)
    found = [_coloured(safe_text(one)) for one in text.split("\n")]
    if not whole:
        found.append(line(f"… cut here after {CHARACTERS_MOST:,} characters; C copies all of it", "overdue"))
    return tuple(found)


def _printed(record: JsonObject) -> tuple[str, bool]:
    parts: list[str] = []
    size = 0
    try:
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(record):
            parts.append(part[: CHARACTERS_MOST - size])
            size += len(part)
            if size > CHARACTERS_MOST:
                return "".join(parts), False
    except RecursionError:
        return "".join([*parts, "…"]), False
    return "".join(parts), True


def _coloured(text: str) -> TextLine:
    found: list[Cell] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() > end:
            found.append(Cell(text[end : token.start()], "muted"))
        found.append(Cell(token[0], f"json-{token.lastgroup}"))
        end = token.end()
    if end < len(text):
        found.append(Cell(text[end:], "muted"))
    return tuple(found)


def matches(lines: Sequence[TextLine], wanted: str) -> tuple[Match, ...]:
    """Return where `wanted` stands, in either case, at most `MATCHES_MOST` times; nowhere when it is empty."""
    if not wanted:
        return ()
    pattern = re.compile(re.escape(wanted), re.IGNORECASE)
    found: list[Match] = []
    for place, shown in enumerate(lines):
        for hit in pattern.finditer(plain(shown)):
            found.append(Match(place, hit.start(), hit.end()))
            if len(found) == MATCHES_MOST:
                return tuple(found)
    return tuple(found)


def laid_out(
    lines: Sequence[TextLine], width: int, *, found: Sequence[Match] = (), current: int | None = None
) -> tuple[tuple[TextLine, ...], int | None]:
    """Return the lines wrapped to `width` with matches marked, and on which of them the current match begins.

    Args:
        lines: as of `raw_lines`.
        width: cells.
        found: the matches.
        current: which of them stands out.
    """
    by_line: dict[int, list[tuple[Match, bool]]] = {}
    for place, match in enumerate(found):
        by_line.setdefault(match.line, []).append((match, place == current))
    shown: list[TextLine] = []
    where: int | None = None
    for number, one in enumerate(lines):
        marked = _marked(one, by_line[number]) if number in by_line else one
        parts = wrapped(marked, width, hanging=_indent(one) + 2)
        if current is not None and found[current].line == number:
            inside = (place for place, part in enumerate(parts) if any(cell.role == "match-current" for cell in part))
            where = len(shown) + next(inside, 0)
        shown.extend(parts)
    return tuple(shown), where


def _indent(one: TextLine) -> int:
    blank = _INDENT.match(plain(one))
    return blank.end() if blank is not None else 0


def _marked(one: TextLine, hits: Sequence[tuple[Match, bool]]) -> TextLine:
    """Return a line with the characters of its matches in a role of their own."""
    text = plain(one)
    roles = [cell.role for cell in one for _ in cell.text]
    for match, is_current in hits:
        roles[match.start : match.end] = ["match-current" if is_current else "match"] * (match.end - match.start)
    found: list[Cell] = []
    for char, role in zip(text, roles, strict=True):
        if found and found[-1].role == role:
            found[-1] = Cell(found[-1].text + char, role)
        else:
            found.append(Cell(char, role))
    return tuple(found)

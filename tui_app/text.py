"""Owns text on its way to a terminal: remote text made harmless, and measured and cut by cells.

Pure functions over strings; knows no widget, no style and no layout.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Align = Literal["left", "right"]

ELLIPSIS: Final = "…"
MARKS_PER_BASE: Final = 8
_JOINER: Final = "\u200d"
_WIDENER: Final = "\ufe0f"

# Everything that a terminal obeys, hides or reorders by: C0, DEL, C1, format controls, line and paragraph
# separators, bidi marks and overrides, zero-width and default-ignorable characters, surrogates, tags,
# noncharacters. Variation selectors and the joiner are judged by their neighbours instead.
_UNSAFE_RANGES: Final = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200C),
    (0x200E, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_SHORT_ESCAPES: Final = {"\n": "\\n", "\r": "\\r"}
_EMOJI: Final = "\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_SKIN_TONES: Final = "\U0001f3fb-\U0001f3ff"
# A chain of up to four emoji (the longest in use are families of four), or a joiner outside of one.
_JOINED: Final = re.compile(f"[{_EMOJI}][\ufe0f{_SKIN_TONES}]?(?:\u200d[{_EMOJI}][\ufe0f{_SKIN_TONES}]?){{1,3}}|\u200d")
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})
# Where marks and the joiner are. What lies between (punctuation such as `…`, arrows, boxes) is common on screens, and
# building the rules for marks takes 20 ms that the first paint can do without.
_MARKS_OR_JOINER: Final = re.compile("[\u0300-\u1fff\u200d\u20d0-\u20ff\u2c00-\U0010ffff]")


def _escape(char: str) -> str:
    r"""Return the visible form of `char`: `\x1b`, `\u202e`, `\U000e0041`, or `\n` and `\r`."""
    code = ord(char)
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if code <= 0xFF:  # noqa: PLR2004 - the widths of Python's own escapes
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - as above


@cache
def _table(*, lines: bool) -> dict[int, str | int]:
    """Return the one translation of unsafe characters; printable ASCII is in it because a hit is cheap."""
    table: dict[int, str | int] = {code: code for code in range(0x20, 0x7F)}
    for first, last in _UNSAFE_RANGES:
        table.update((code, _escape(chr(code))) for code in range(first, last + 1))
    table[ord("\t")] = "    " if lines else " "
    if lines:
        table[ord("\n")] = ord("\n")
    return table


@cache
def _unsafe_run() -> re.Pattern[str]:
    ranges = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in _UNSAFE_RANGES)
    return re.compile(f"[{ranges}]+")


@cache
def _mark_rules() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds marks with no base to sit on, and marks beyond the cap; built on first need."""
    low, high = (
        "".join(chr(code) for code in codes if unicodedata.category(chr(code)) in _MARKS)
        for codes in (range(0x300, 0x10000), (*range(0x10000, 0x20000), *range(0xE0100, 0xE01F0)))
    )
    # Kept apart: a class within the first plane is a bitmap, one beyond it is searched range by range.
    mark = f"(?:[{low}]|(?=[\U00010000-\U0010ffff])[{high}])"
    baseless = re.compile(f"(?m:^){mark}+")
    beyond = re.compile(f"({mark}{{{MARKS_PER_BASE}}}){mark}+")
    return baseless, beyond


def safe_text(text: str, *, lines: bool = False) -> str:
    r"""Make text from outside harmless for a terminal, showing what was hidden instead of dropping it.

    Controls (C0, DEL, C1), bidi and zero-width characters, separators, tags and lone surrogates become
    visible escapes such as `\x1b` or `\u202e`. A zero-width joiner survives only inside a chain of two to
    four emoji. More than eight combining marks on one base end in `…`; marks without a base are escaped.
    The answer passes unchanged through a second call.

    Args:
        text: Anything, however hostile.
        lines: Keep line feeds (CR LF becomes LF) and widen tabs to four spaces; otherwise a line feed shows
            as `\n` and a tab is one space.
    """
    if text.isascii() and text.isprintable():
        return text
    if lines:
        text = text.replace("\r\n", "\n")
    table = _table(lines=lines)
    if text.isascii():
        return text.translate(table)
    # A miss in the table is dear: with other scripts only the unsafe runs go through it.
    text = _unsafe_run().sub(lambda found: found[0].translate(table), text)
    if _MARKS_OR_JOINER.search(text) is None:
        return text
    if _JOINER in text:
        text = _JOINED.sub(lambda found: _escape(_JOINER) if found[0] == _JOINER else found[0], text)
    baseless, beyond = _mark_rules()
    text = baseless.sub(lambda found: "".join(map(_escape, found[0])), text)
    return beyond.sub(rf"\1{ELLIPSIS}", text)


# What the emoji variation selector widens from one cell to two.
_WIDENED: Final = re.compile(f"[#*0-9©®‼⁉™ℹ〰〽㊗㊙Ⓜ\u25aa-\u25fe\u2934\u2935{_EMOJI}]")
# Unassigned to the interpreter's Unicode tables, yet wide by the standard's promise for these blocks.
_WIDE_UNASSIGNED: Final = (
    (0x17000, 0x18CFF),
    (0x1F300, 0x1F64F),
    (0x1F6DC, 0x1F6EC),
    (0x1F7E0, 0x1F7F0),
    (0x1F900, 0x1F9FF),
    (0x1FA70, 0x1FAFF),
    (0x20000, 0x3FFFD),
)
# Hexagrams, trigrams and counting rods became wide in Unicode 16, after the tables of Python 3.11.
_WIDE_SINCE: Final = re.compile("[\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d356\U0001d360-\U0001d376]")


@lru_cache(maxsize=8192)
def _char_width(char: str) -> int:
    category = unicodedata.category(char)
    if category in _MARKS or category in {"Cc", "Cf"} or "\U0001f3fb" <= char <= "\U0001f3ff":
        return 0
    if "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff":
        return 0  # Hangul vowels and finals draw inside the syllable that they end
    if category == "Cn":
        return 2 if any(first <= ord(char) <= last for first, last in _WIDE_UNASSIGNED) else 1
    wide = unicodedata.east_asian_width(char) in {"W", "F"} or _WIDE_SINCE.match(char) is not None
    return 2 if wide else 1


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """Yield what may not be cut apart, each with its cells: a base with its marks, a joined emoji chain."""
    start = width = 0
    joined = False
    for index, char in enumerate(text):
        if char == _WIDENER and width == 1:
            width += _WIDENED.match(text, index - 1) is not None
        own = 0 if char in {_JOINER, _WIDENER} else _char_width(char)
        if own and not joined:
            if index > start:
                yield text[start:index], width
            start, width = index, own
        joined = char == _JOINER
    if start < len(text):
        yield text[start:], width


def cell_width(text: str) -> int:
    """Return how many terminal cells `text` takes; marks take none, CJK and emoji two."""
    if text.isascii():
        return len(text)
    return sum(width for _, width in _clusters(text))


def _head(clusters: Iterable[tuple[str, int]], room: int) -> tuple[list[str], int]:
    """Return the clusters that fit into `room` cells from the start, and the cells that they take."""
    kept: list[str] = []
    used = 0
    for cluster, width in clusters:
        if used + width > room:
            break
        kept.append(cluster)
        used += width
    return kept, used


def shortened(text: str, most: int = 60) -> str:
    """Return a text short enough for a sentence that names it: names and ids are anything that was pasted."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def fit(text: str, width: int, *, align: Align = "left") -> str:
    """Return `text` in exactly `width` cells: padded, or cut with `…` at the end."""
    if width <= 0:
        return ""
    taken = cell_width(text)
    if taken > width:
        kept, used = (list(text[: width - 1]), width - 1) if text.isascii() else _head(_clusters(text), width - 1)
        text, taken = "".join(kept) + ELLIPSIS, used + 1
    padding = " " * (width - taken)
    return padding + text if align == "right" else text + padding


def fit_id(text: str, width: int) -> str:
    """Return an identifier in exactly `width` cells; a cut one keeps head and tail: `abcd…wxyz`."""
    if width <= 0 or cell_width(text) <= width:
        return fit(text, width)
    clusters = list(_clusters(text))
    tail_room = (width - 1) // 2
    head, head_used = _head(clusters, width - 1 - tail_room)
    tail, tail_used = _head(reversed(clusters), tail_room)
    cut = "".join(head) + ELLIPSIS + "".join(reversed(tail))
    return cut + " " * (width - head_used - tail_used - 1)

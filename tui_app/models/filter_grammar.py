"""Owns how a filter line is written: its grammar, its quotes and stars, and the parser built from it.

lark is loaded with the first parser (`parser`), because a list without a filter does without one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from tui_app.models.filter import FIELDS

if TYPE_CHECKING:
    from lark import Lark

QUOTED: Final = r'"(?:[^"\\]|\\["\\]|\\(?!["\\]))*"'
r"""A quoted text; inside, `\"` is a quote and `\\` a backslash, any other backslash itself."""
FIELD: Final = r"[A-Za-z][A-Za-z0-9_.-]*(?=\s*(?:[:<>=]|!=))"
COMPARISON: Final = r":?(?:<=|>=|==|!=|<|>|=)|:"
COMMA: Final = r"\s*,\s*"
VALUE: Final = rf'(?:[^\s(),"]+|{QUOTED})+'
KEYWORD: Final = r'(?:and|or|not)(?![^\s()"])'
WORD: Final = rf'(?!{KEYWORD})(?:[^\s()"]+|{QUOTED})+'
UNREADABLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Characters that cannot be seen or stored; in a line they are always a paste gone wrong."""

# Words and phrases in a row all have to be found; `or` binds less. A word cannot be an operator, so that one in the
# wrong place is a fault and not searched for.
_GRAMMAR: Final = rf"""
    start: either
    ?either: both
           | both (_OR both)+ -> any_of
    ?both: part
         | part (_AND? part)+ -> all_of
    ?part: whole
         | (MINUS | NOT)+ whole -> negated
    ?whole: _OPEN either _CLOSE
          | FIELD COMPARISON VALUE (_COMMA VALUE)* -> condition
          | WORD -> text

    _OR.3: /or(?![^\s()"])/i
    _AND.3: /and(?![^\s()"])/i
    NOT.3: /not(?![^\s()"])/i
    _OPEN: "("
    _CLOSE: ")"
    _COMMA.4: /{COMMA}/
    MINUS.2: /-(?=[^\s)])/
    FIELD.2: /{FIELD}/
    COMPARISON.2: /{COMPARISON}/
    VALUE: /{VALUE}/
    WORD: /{WORD}/i
    %ignore /\s+/
"""
_PIECE: Final = re.compile(rf'(?P<quoted>{QUOTED})|(?P<stars>\*+)|[^"*]+')
_ESCAPED: Final = re.compile(r'\\(["\\])')
_QUOTED: Final = re.compile(QUOTED)
_NEEDS_NO_QUOTES: Final = re.compile(r'[^\s(),"*:<>=!.-][^\s(),"*]*')
_BEGINS_ANEW: Final = re.compile(rf"{KEYWORD}|-|(?:{'|'.join(FIELDS)})(?:[:<>=]|!=)", re.IGNORECASE)


@cache
def parser() -> Lark:
    """Return the parser, built at the first call: about 45 ms in the running app, lark's own loading included."""
    from lark import Lark  # noqa: PLC0415 - see the module's first lines

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def pieces(written: str) -> tuple[str, ...]:
    """Return the literal texts between the stars of a written word or value; stars in quotes are text."""
    found = [""]
    for match in _PIECE.finditer(written):
        if match["stars"]:
            found.append("")
        else:
            found[-1] += _unquoted(match[0]) if match["quoted"] else match[0]
    return tuple(found)


def plain(written: str) -> str:
    """Return what a written value says, without the quotes around its parts."""
    return _QUOTED.sub(lambda match: _unquoted(match[0]), written)


def quoted(text: str) -> str:
    """Return a text as a value is written so that each character means itself, in quotes where need be."""
    return text if _NEEDS_NO_QUOTES.fullmatch(text) and not begins_anew(text) else in_quotes(text)


def in_quotes(text: str) -> str:
    """Return a text between quotes, each character meaning itself."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def begins_anew(written: str) -> bool:
    """Tell whether what was written apart from a comparison is no value of it but the next part of the line."""
    return _BEGINS_ANEW.match(written) is not None


def _unquoted(written: str) -> str:
    return _ESCAPED.sub(r"\1", written[1:-1])

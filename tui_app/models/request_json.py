"""Owns reading a request body from JSON text strictly: what no service takes is refused, with its place."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject

_DEEPEST: Final = 60
"""Levels of a body worth reading: those that are documented have five."""
_NAMED_MOST: Final = 60
_TYPOGRAPHIC: Final = re.compile("[\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb]")


class PasteError(ValueError):
    """A text is no request: `cause` and `remedy` are whole sentences.

    `line` and `column`, from 1, are the place in the text itself where it can be told; neither sentence repeats any of
    the text but names of keys and files.
    """

    def __init__(self, cause: str, remedy: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(f"{cause} {remedy}")
        self.cause, self.remedy, self.line, self.column = cause, remedy, line, column


def read_object(text: str, *, of_command: bool = False) -> JsonObject:
    """Return the JSON object that a text is.

    Args:
        text: the JSON; its line and column are told where it is wrong.
        of_command: it is the data of a command, so that places in it are none in what was pasted.

    Raises:
        PasteError: it is no JSON object, or holds what no service takes.
    """
    subject = "The command's data are" if of_command else "It is"
    holder = "The command's data hold" if of_command else "It holds"
    try:
        found = json.loads(
            text, parse_constant=_refused_constant, parse_float=_finite, object_pairs_hook=_without_doubles
        )
    except json.JSONDecodeError as error:
        _refuse_syntax(error, text, subject, of_command=of_command)
    except RecursionError:
        found = None
        too_deep = True
    except _NoValueError as error:
        raise PasteError(f"{subject} not JSON: it holds {error}.", "Write a number.") from None
    except _TwiceError as error:
        raise PasteError(
            f"{holder} the key {shown_name(str(error))} twice in one object.", "Leave one of them."
        ) from None
    except ValueError:  # Python's own limit for reading a number
        raise PasteError(f"{holder} a number of more digits than any service takes.", "Correct it.") from None
    else:
        too_deep = _is_deep(found)
    if too_deep:
        raise PasteError(f"{subject} nested too deeply to be a request body.", "Give the body of the create call.")
    if not isinstance(found, dict):
        raise PasteError(f"{holder} no JSON object.", "Give the body of the create call, which begins with a brace.")
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise PasteError(f"{holder} half a character (a lone surrogate).", "Correct the text that has it.") from None
    return found


def _refuse_syntax(error: json.JSONDecodeError, text: str, subject: str, *, of_command: bool) -> NoReturn:
    where = f"line {error.lineno}, column {error.colno}"
    near = text[max(0, error.pos - 1) : error.pos + 2]
    remedy = "Correct it there."
    if error.msg.startswith("Invalid control character"):
        remedy = "Write it as an escape there, such as \\n."
    elif _TYPOGRAPHIC.search(near):
        remedy = 'Replace the typographic quotes by ".'
    elif error.pos >= len(text.rstrip()):
        remedy = "Its end is missing; copy all of it."
    message = error.msg.removesuffix(" at").split(": '")[0]
    place: dict[str, int] = {} if of_command else {"line": error.lineno, "column": error.colno}
    raise PasteError(f"{subject} not JSON: {message} at {where}.", remedy, **place) from None


class _NoValueError(ValueError):
    """NaN or an infinity, which Python's reader lets pass and no service takes."""


class _TwiceError(ValueError):
    """A key stands twice in one object: nobody can tell which was meant."""


def _refused_constant(name: str) -> NoReturn:
    raise _NoValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _NoValueError("a number beyond all bounds")
    return number


def _without_doubles(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]  # add answers None, which is the point
    return found


def _is_deep(value: object) -> bool:
    """Tell whether a value has more levels than any body, without going down them one call each."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def shown_name(text: str) -> str:
    """Return a name from the text for a message, cut, with what a terminal would obey written out."""
    cut = text if len(text) <= _NAMED_MOST else f"{text[:_NAMED_MOST]}…"
    return cut if cut.isprintable() else repr(cut)

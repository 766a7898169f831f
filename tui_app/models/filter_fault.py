"""Owns the words for a filter line that cannot be read: where, why, and what was expected there."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.models.filter import FIELDS
from tui_app.models.filter_grammar import COMPARISON, KEYWORD, QUOTED, in_quotes
from tui_app.text import safe_text

if TYPE_CHECKING:
    from lark import Token, UnexpectedInput

EXPECTED: Final = 'Expected a word, a "phrase", a field such as status:failed, or brackets.'
_SHOWN_MOST: Final = 40
_MAY_BE_ABSENT: Final = frozenset({"dataset", "segment", "error", "policy", "batch", "stage"})
_BRACKET: Final = re.compile(rf"{QUOTED}|[()]")
_FIELD_BEFORE: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)\s*\Z")
_UNFINISHED: Final = re.compile(
    rf"(?P<sign>{COMPARISON})|(?P<comma>\s*,)(?=\s*(?:[(),]|\Z))|(?P<open>\()"
    rf'|(?<![^\s()"-])(?:{KEYWORD}|-(?={KEYWORD}|[\s()"]|\Z))',
    re.IGNORECASE,
)
"""What wants something behind it, at the place where it was read."""
_MEANT_BY: Final = {
    "status": ("state", "condition"),
    "id": ("job", "job_id", "number"),
    "dataset": ("name", "destination", "target"),
    "segment": ("audience", "segments"),
    "error": ("message", "code", "errors"),
    "policy": ("merge", "merge_policy"),
    "stage": ("phase", "step"),
    "mine": ("scheduled", "owner", "by"),
    "stuck": ("overdue", "late"),
    "created": ("since", "date", "start", "started"),
    "updated": ("changed", "modified"),
    "ended": ("end", "finished", "done"),
    "duration": ("took", "elapsed", "time", "length"),
    "profiles": ("count", "size", "rows"),
}
_OTHER_NAMES: Final = {other: name for name, others in _MEANT_BY.items() for other in others}


class FilterError(ValueError):
    """A filter line cannot be read.

    `cause` names the thing and what is wrong with it, `remedy` what was expected or what to write instead; `start`
    and `end` are the characters of the line that it is about, at least one of them. The texts are safe to show.
    """

    def __init__(self, cause: str, remedy: str, *, start: int, end: int) -> None:
        super().__init__(f"{cause} {remedy}")
        self.cause, self.remedy, self.start, self.end = cause, remedy, start, end


@dataclass(frozen=True, slots=True)
class Written:
    """A part of the line as it was written, and where it begins."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where in the line it ends."""
        return self.start + len(self.text)

    @property
    def is_quoted(self) -> bool:
        """Whether some of it stands in quotes."""
        return '"' in self.text

    def fault(self, cause: str, remedy: str) -> FilterError:
        """Return the fault that lies in this part."""
        return FilterError(cause, remedy, start=self.start, end=self.end)


def shown(text: str) -> str:
    """Return a part of the line as a message quotes it: harmless, and not longer than it takes to recognise it."""
    return safe_text(text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…")


def unknown_field(name: str, condition: str) -> tuple[str, str]:
    """Return cause and remedy for a field that does not exist; `condition` is all that was written of it."""
    low = name.lower()
    near = [one for one in FIELDS if one.startswith(low)] or difflib.get_close_matches(low, FIELDS, n=1, cutoff=0.7)
    meant = _OTHER_NAMES.get(low) or (near[0] if near else None)
    first = f"Did you mean {meant}?" if meant else f"Fields are {', '.join(FIELDS)}."
    text = f"put it in quotes: {in_quotes(condition)}" if len(condition) <= _SHOWN_MOST else "put it in quotes"
    return f"There is no field {shown(name)}.", safe_text(f"{first} To find the text itself, {text}.")


def no_value(name: str, comparison: str, *, start: int, end: int) -> FilterError:
    """Return the fault of a comparison that nothing follows."""
    field = FIELDS.get(name.lower())
    remedy = f"Expected a value right behind it, such as {field.example if field else 'status:failed'}."
    if field is not None and field.name in _MAY_BE_ABSENT:
        remedy += f" Jobs without any: -{field.name}:*."
    return FilterError(f"{shown(name)}{comparison} has no value.", remedy, start=start, end=end)


def explained(error: UnexpectedInput, line: str) -> FilterError:
    """Return the fault that stopped the parser, in the words of the language."""
    token: Token | None = getattr(error, "token", None)
    place = error.pos_in_stream or 0
    if token is None:
        return FilterError("The quote is not closed.", 'Expected another " behind it.', start=place, end=len(line))
    if token.type == "$END":
        # What the parser then calls the place is where the last thing it read began.
        return _unfinished(line, place, len(line)) or _unclosed(line, place)
    (last,) = getattr(error, "token_history", None) or [None]
    found = _unfinished(line, last.start_pos, place) if last is not None else None
    if found is not None:
        return found
    end = place + len(token)
    if token.type == "_CLOSE":
        return FilterError(
            "This ) closes no bracket.", "Leave it out, or put the text in quotes.", start=place, end=end
        )
    return FilterError(f"Nothing stands before {shown(token)}.", EXPECTED, start=place, end=end)


def _unfinished(line: str, place: int, stop: int) -> FilterError | None:
    """Return the fault of what was read at `place` and wants something else than is at `stop`; None if it is whole."""
    match = _UNFINISHED.match(line, place)
    field = _FIELD_BEFORE.search(line, 0, place) if match and match["sign"] else None
    if match is None or (match["sign"] and field is None):
        return None
    end, follows = match.end(), line[stop : stop + 1]
    wants_value = field is not None or bool(match["comma"])
    if wants_value and follows == "(":
        remedy = "Separate values by commas, as in status:failed,new; a value with brackets goes in quotes."
        return FilterError("Brackets cannot hold values.", remedy, start=stop, end=stop + 1)
    if field is not None:
        return no_value(field[1], match[0], start=field.start(), end=end)
    if wants_value:
        return FilterError(
            "No value follows the comma.", "Expected one more value, or no comma.", start=end - 1, end=end
        )
    if match["open"] and follows == ")":
        return FilterError("The brackets hold nothing.", EXPECTED, start=place, end=stop + 1)
    what = "the bracket" if match["open"] else match[0]
    return FilterError(f"Nothing follows {what}.", EXPECTED, start=place, end=end)


def _unclosed(line: str, last: int) -> FilterError:
    """Return the fault of the innermost bracket that is still open at the end of the line, else of its last part."""
    opened: list[int] = []
    for match in _BRACKET.finditer(line):
        if match[0] == "(":
            opened.append(match.start())
        elif match[0] == ")" and opened:
            opened.pop()
    if not opened:
        return FilterError("The filter ends too early.", EXPECTED, start=last, end=len(line))
    return FilterError("The bracket is not closed.", "Expected ) behind it.", start=opened[-1], end=opened[-1] + 1)

"""Owns what can be written at the cursor of a filter line: fields, and values of the field that stands there.

It knows the values that are always the same; those that jobs have come from history, by way of whoever asks:

    here = context(line, cursor)
    known = await history_values(here.field, here.prefix) if here.asks_history else ()
    for choice in choices(here, today=today, known=known): ...
    line, cursor = completed(line, here, choice.text)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from tui_app.models.export_job import STATUSES
from tui_app.models.filter import FIELDS
from tui_app.models.filter_grammar import COMMA, COMPARISON, FIELD, QUOTED, UNREADABLE, begins_anew, quoted
from tui_app.models.stage import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind: TypeAlias = Literal["field", "value", "word"]

_UNCLOSED: Final = r'"(?:[^"\\]|\\.)*\\?\Z'
_FIELD: Final = re.compile(FIELD)
_COMPARISON: Final = re.compile(rf"\s*({COMPARISON})")
_COMMA: Final = re.compile(COMMA)
_VALUE: Final = re.compile(rf'(?:[^\s(),"]+|{QUOTED}|{_UNCLOSED})+', re.DOTALL)
_WORD: Final = re.compile(rf'(?:[^\s()"]+|{QUOTED}|{_UNCLOSED})+', re.DOTALL)
_BETWEEN: Final = re.compile(r"[\s()-]*")
_BLANK: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[a-z]+")
_SPELT: Final = frozenset({"name", "words", "state"})
"""Kinds of fields whose values are texts, and are written in quotes where need be."""
_SPOKEN: Final = re.compile(r'\\(["\\])|"')
_INSIDE_MOST: Final = 80
_SPANS: Final = {"age": ("1h", "12h", "1d", "7d", "30d"), "duration": ("5m", "20m", "1h", "2h", "6h")}
_NUMBERS: Final = (("0", "none"), ("1k", "a thousand"), ("100k", "a hundred thousand"), ("1m", "a million"))


@dataclass(frozen=True, slots=True)
class Context:
    """What is being written at the cursor.

    `kind` is `field` where a field's name stands or could begin, `value` where a value of `field` does, `word` where
    nothing is known of what one writes. `prefix` is what stands before the cursor of it, without quotes; a choice
    takes the place of the characters from `start` to `end`. `comparison` is the sign before a value, `..` before the
    end of a range, else empty.
    """

    kind: Kind
    prefix: str
    start: int
    end: int
    field: str = ""
    comparison: str = ""

    @property
    def asks_history(self) -> bool:
        """Whether the values that jobs have belong to the choices: ids, names, errors, statuses."""
        found = FIELDS.get(self.field)
        return self.kind == "value" and found is not None and found.kind in _SPELT and self.field != "stage"


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can stand at the cursor: the text to insert, what it means, and for a field an example."""

    text: str
    help: str = ""
    example: str = ""


def context(line: str, cursor: int) -> Context:
    """Return what is being written at `cursor` (0 to the line's length); the line need not be readable yet."""
    cursor = max(0, min(cursor, len(line)))
    nothing = Context("field", "", cursor, cursor)
    place = 0
    while True:
        place = _end(_BETWEEN, line, place)
        if place >= cursor:
            return nothing
        name = _FIELD.match(line, place)
        if name is None:
            end = _end(_WORD, line, place)
            if cursor <= end:
                return _word(line[place:cursor], place, end)
            # A quote inside a word that nothing closes reaches to the end; all else is passed by.
            place = max(end, place + 1)
            continue
        if cursor <= name.end():
            return _word(line[place:cursor], place, name.end())
        found, place = _condition(line, cursor, name)
        if found is not None:
            return found


def choices(here: Context, *, today: date, known: Iterable[str] = ()) -> tuple[Choice, ...]:
    """Return what can stand at the cursor, the likeliest first.

    Args:
        here: what is being written.
        today: local; dates are offered by it.
        known: values that jobs have, the likeliest first; those that no longer fit the prefix are left out.
    """
    if here.kind == "field":
        return tuple(
            Choice(one.name + _sign(one.example), one.help, one.example)
            for one in FIELDS.values()
            if one.name.startswith(here.prefix.lower())
        )
    if here.kind == "word":
        return ()
    prefix = here.prefix.casefold()
    own = [one for one in _own(here, today) if one.text.startswith(prefix)]
    seen = {one.text.casefold() for one in own}
    others: list[Choice] = []
    if here.asks_history:
        for text in known:
            value = _insertable(here.field, text)
            if value and prefix in value.casefold() and value.casefold() not in seen:
                seen.add(value.casefold())
                others.append(Choice(value.lower() if here.field == "status" else value))
    others.sort(key=lambda one: not one.text.casefold().startswith(prefix))
    return (*own, *others)


def completed(line: str, here: Context, choice: str) -> tuple[str, int]:
    """Return the line with a choice in the place of what was being written, and where the cursor is then.

    Args:
        line: the line that `here` was read from.
        here: what is being written.
        choice: the text of a choice; put in quotes if it needs them.
    """
    before, after = line[: here.start], line[here.end :]
    if here.kind == "field":
        follows = _COMPARISON.match(after)
        name = _NAME.match(choice)
        if follows is not None and name is not None:
            return f"{before}{name[0]}{after}", len(before) + len(name[0]) + follows.end()
        return f"{before}{choice}{after}", len(before) + len(choice)
    field = FIELDS.get(here.field)
    written = quoted(choice) if field is not None and field.kind in _SPELT else choice
    return f"{before}{written}{after}", len(before) + len(written)


def _condition(line: str, cursor: int, name: re.Match[str]) -> tuple[Context | None, int]:
    """Return what is being written if the cursor is in the condition that `name` begins, and where that ends."""
    sign = _COMPARISON.match(line, name.end())
    assert sign is not None, "a field is only what a comparison follows"
    end = sign.end()
    if cursor < end:
        return Context("word", "", cursor, cursor), end
    for start, stop in _values(line, end):
        if cursor < start < stop:
            return Context("word", "", cursor, cursor), stop
        if cursor <= stop:
            # One that is still to be written is wherever the cursor is: the blanks around it stay.
            until = stop if start < stop else cursor
            return _value(line[start:cursor], cursor, until, name[0].lower(), sign[1].lstrip(":")), stop
        end = stop
    return None, end


def _values(line: str, place: int) -> Iterator[tuple[int, int]]:
    """Yield where each value behind a comparison begins and ends; one that is still to be written is empty."""
    while True:
        start = _end(_BLANK, line, place)
        value = _VALUE.match(line, start)
        if value is not None and start > place and begins_anew(value[0]):
            value, start = None, place
        stop = value.end() if value is not None else start
        yield start, stop
        comma = _COMMA.match(line, stop)
        if comma is None:
            return
        place = comma.end()


def _value(written: str, cursor: int, stop: int, field: str, comparison: str) -> Context:
    """Return the context of a value of which `written` stands before the cursor."""
    known = FIELDS.get(field)
    if known is not None and known.kind not in _SPELT:
        _, dots, written = written.rpartition("..")
        comparison = dots or comparison
    spoken = _SPOKEN.sub(lambda match: match[1] or "", written)
    return Context("value", spoken, cursor - len(written), stop, field, comparison or ":")


def _word(prefix: str, start: int, end: int) -> Context:
    begins = bool(_NAME.fullmatch(prefix.lower())) and any(one.startswith(prefix.lower()) for one in FIELDS)
    return Context("field" if begins else "word", prefix, start, end)


def _own(here: Context, today: date) -> Sequence[Choice]:
    """Return the values of a field that need no history."""
    field = FIELDS.get(here.field)
    kind = field.kind if field is not None else ""
    found: Sequence[Choice] = ()
    if kind == "moment":
        found = _moments(today, alone=here.comparison not in {":", "=", "==", "!="})
    elif kind == "span":
        found = [Choice(one) for one in _SPANS[here.field]]
    elif kind == "number":
        found = [Choice(text, meaning) for text, meaning in _NUMBERS]
    elif kind == "flag":
        found = (Choice("yes", FIELDS[here.field].help), Choice("no"))
    elif here.field == "status":
        found = (*(Choice(one.lower()) for one in STATUSES), Choice("running", "every job not ended"))
    elif here.field == "stage":
        found = [Choice(one) for one in STAGES]
    return found


def _moments(today: date, *, alone: bool) -> tuple[Choice, ...]:
    month = today.replace(day=1)
    week = today - timedelta(days=6)
    return (
        Choice("today", today.isoformat()),
        Choice("yesterday", (today - timedelta(days=1)).isoformat()),
        Choice(week.isoformat(), "six days ago") if alone else Choice(f"{week.isoformat()}..", "the last seven days"),
        Choice(f"{month:%Y-%m}", "this month"),
        Choice(f"{month - timedelta(days=1):%Y-%m}", "last month"),
    )


def _insertable(field: str, text: str) -> str:
    """Return what to write for a value that a job has; nothing for one that no line can hold."""
    if FIELDS[field].kind == "words":
        # Text inside is enough: the first line of an error, as much of it as can be read at a glance.
        text = (text.splitlines() or [""])[0][:_INSIDE_MOST].rstrip()
    return "" if UNREADABLE.search(text) or not text.strip() else text


def _sign(example: str) -> str:
    found = re.search(r"[:<>=]+", example)
    return found[0] if found else ":"


def _end(pattern: re.Pattern[str], line: str, place: int) -> int:
    found = pattern.match(line, place)
    return found.end() if found is not None else place

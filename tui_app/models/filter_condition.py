"""Owns what one condition of a filter line means: a field, a sign of comparison and its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.models.export_job import CANCELLED, CANCELLING, STATUSES, is_terminal, normal_status
from tui_app.models.filter import FIELDS, AllOf, AnyOf, Field, Filter, Is, Not, OneOf, Pattern, Within
from tui_app.models.filter_fault import FilterError, Written, no_value, shown, unknown_field
from tui_app.models.filter_grammar import begins_anew, pieces, plain
from tui_app.models.filter_values import Bounds, UnreadableValueError, answer, moment, number, span
from tui_app.models.stage import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

_ORDERS: Final = frozenset({"<", "<=", ">", ">="})
_RUNNING: Final = AllOf(
    (Not(OneOf("status", tuple(Pattern((one,)) for one in STATUSES if is_terminal(one)))), Is("gone", holds=False))
)
_SPELLINGS: Final = {"CANCELED": CANCELLED, "CANCELING": CANCELLING}
_RANGES: Final = {"moment": "2024-03-01..2024-03-08", "span": "5m..20m", "number": "1k..2k"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as written."""

    name: Written
    sign: Written
    values: tuple[Written, ...]

    @property
    def comparison(self) -> str:
        """The sign without the colon that may stand before it, as in `created:>=2024-03-01`."""
        return self.sign.text.lstrip(":") or ":"

    @property
    def is_negated(self) -> bool:
        """Whether the opposite is asked for."""
        return self.comparison == "!="


def condition(asked: Condition, *, now: datetime, zone: tzinfo | None) -> Filter:
    """Return the filter of a condition, its negation left to the caller.

    Args:
        asked: as written.
        now: aware; its day is `today`.
        zone: of dates without an offset; None is the machine's own.

    Raises:
        FilterError: the field does not exist, or a value is none of it.
    """
    field = FIELDS.get(asked.name.text.lower())
    if field is None:
        raise _unknown(asked)
    _require_values(field, asked)
    if asked.comparison in _ORDERS:
        _require_order(field, asked)
    if field.kind in _RANGES:
        return _either([_range(field, asked.comparison, one, now=now, zone=zone) for one in asked.values])
    if field.kind == "flag":
        return _either([_flag(field, one) for one in asked.values])
    if field.name == "status":
        return _status(asked.values)
    patterns = (one for value in asked.values for one in _patterns(field, value))
    return OneOf(field.name, tuple(dict.fromkeys(patterns)))


def _unknown(asked: Condition) -> FilterError:
    values = ",".join(one.text for one in asked.values)
    return asked.name.fault(*unknown_field(asked.name.text, f"{asked.name.text}{asked.sign.text}{values}"))


def _require_values(field: Field, asked: Condition) -> None:
    first = asked.values[0]
    if asked.sign.end < first.start and begins_anew(first.text):
        raise no_value(field.name, asked.sign.text, start=asked.name.start, end=asked.sign.end)
    for one in asked.values:
        if not plain(one.text):
            raise one.fault(f"The value of {field.name} is empty.", f"Write {field.example}.")
    if first.text[0] in ":<>=":
        cause = f"{shown(asked.sign.text + first.text[0])} is no comparison."
        raise first.fault(cause, "Expected one of : = != < <= > >=, and a value that begins so in quotes.")


def _require_order(field: Field, asked: Condition) -> None:
    if field.kind not in _RANGES:
        cause = f"{field.name} has no order, so {asked.comparison} means nothing."
        raise asked.sign.fault(cause, f"Write {field.example}.")
    if len(asked.values) > 1:
        cause = f"{asked.comparison} takes one value, and a comma begins another."
        raise asked.values[1].fault(cause, f"Write {field.example}.")


def _range(field: Field, comparison: str, value: Written, *, now: datetime, zone: tzinfo | None) -> Filter:
    """Return the range that one value of a field with an order asks for."""

    def bounds(written: str, place: int) -> Bounds:
        try:
            if field.kind == "moment":
                return moment(written, now=now, zone=zone)
            return span(written) if field.kind == "span" else number(written)
        except UnreadableValueError as error:
            # In quotes the place inside a range is not worth the search for it.
            at = value if value.is_quoted else Written(written, value.start + place)
            raise at.fault(f"{shown(written)} {error.cause}", error.remedy) from None

    written = plain(value.text)
    first, dots, last = written.partition("..")
    if not dots:
        low, high = bounds(written, 0)
        # A day is compared by its first and last moment; 20m, which stands for 20m59s as well, by its measure.
        return _compared(field.name, comparison, low, low if field.kind == "span" and comparison in _ORDERS else high)
    if comparison in _ORDERS:
        raise value.fault(f"A range takes no {comparison}.", f"Write {field.name}:{shown(written)}.")
    if not first and not last:
        raise value.fault("The range has no ends.", f"Expected one or both, as in {field.name}:{_RANGES[field.kind]}.")
    start = bounds(first, 0)[0] if first else None
    ends = bounds(last, len(first) + len(dots)) if last else None
    end = ends[0 if field.kind == "span" else 1] if ends is not None else None
    if start is not None and end is not None and start > end:
        raise value.fault(f"The range {shown(written)} ends before it begins.", "Exchange its ends.")
    return Within(field.name, start, end)


def _compared(name: str, comparison: str, low: int, high: int) -> Filter:
    match comparison:
        case "<":
            return Within(name, None, low - 1)
        case "<=":
            return Within(name, None, high)
        case ">":
            return Within(name, high + 1, None)
        case ">=":
            return Within(name, low, None)
        case _:
            return Within(name, low, high)


def _flag(field: Field, value: Written) -> Filter:
    holds = answer(plain(value.text))
    if holds is None:
        cause = f"{field.name} is yes or no, not {shown(plain(value.text))}."
        raise value.fault(cause, f"Write {field.name}:yes or {field.name}:no.")
    return Is(field.name, holds)


def _status(values: Sequence[Written]) -> Filter:
    """Return the filter of statuses: a word of ours, the beginning of any, or `running` for all that have not ended."""
    patterns: list[Pattern] = []
    others: list[Filter] = []
    for value in values:
        word, *rest = found = tuple(one.upper() for one in pieces(value.text))
        if rest:
            patterns.append(Pattern(found))
        elif word == "RUNNING":
            others.append(_RUNNING)
        elif (known := normal_status(word)) in STATUSES:
            patterns.append(Pattern((known,)))
        else:
            patterns.append(Pattern.beginning(word))
            patterns.extend(Pattern((known,)) for spelt, known in _SPELLINGS.items() if spelt.startswith(word))
    if patterns:
        others.insert(0, OneOf("status", tuple(dict.fromkeys(patterns))))
    return _either(others)


def _patterns(field: Field, value: Written) -> tuple[Pattern, ...]:
    found = pieces(value.text)
    if field.name == "stage":
        return _stages(value, found)
    return (Pattern.inside(found[0]) if len(found) == 1 and field.kind == "words" else Pattern(found),)


def _stages(value: Written, found: tuple[str, ...]) -> tuple[Pattern, ...]:
    """Return the stages a value means: there are no others, so a word that fits none is a fault."""
    wanted = Pattern.beginning(found[0]) if len(found) == 1 else Pattern(found)
    meant = tuple(Pattern((one,)) for one in STAGES if wanted.matches(one))
    if not meant:
        raise value.fault(f"There is no stage {shown(plain(value.text))}.", f"Stages are {', '.join(STAGES)}.")
    return meant


def _either(parts: Sequence[Filter]) -> Filter:
    distinct = tuple(dict.fromkeys(parts))
    return distinct[0] if len(distinct) == 1 else AnyOf(distinct)

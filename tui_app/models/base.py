"""Owns the edge to JSON: what a wire model is, and the forgiving readers that turn any value into ours.

The readers answer None (or empty) for what they cannot use and never raise, because one odd field must not
hide a job (API reference 13). They never copy or change what they were given.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainValidator

from tui_app.models.times import epoch_ms, parse_rfc3339

JsonObject: TypeAlias = dict[str, Any]

LARGEST: Final = 2**63 - 1  # what SQLite and most other readers of our JSON can hold
_SECONDS_BELOW: Final = 10**11
_MICROSECONDS_FROM: Final = 10**14
_LAST_MICROSECOND: Final = 10**17
_FLAGS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class MalformedRecord(ValueError):  # noqa: N818  # the contract's word for a record, not for our own fault
    """A record or body that cannot be used at all; the message names the field and what was expected."""


def text(value: object) -> str | None:
    """Return a non-blank string and a finite number as its digits; None for anything else.

    Lone surrogates, which JSON can spell but no file or terminal can hold, become visible escapes.
    """
    if isinstance(value, str):
        if not value or value.isspace():
            return None
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None:
        return None
    number = integer(value)
    if number is not None:
        return str(number)
    return repr(value) if isinstance(value, float) and math.isfinite(value) else None


def integer(value: object) -> int | None:
    """Return an int, an integral float or a string of such, within 64 bits; None for anything else."""
    if type(value) is int:  # nearly always, and a page has twenty thousand numbers
        return value if -LARGEST <= value <= LARGEST else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float):
        if not value.is_integer():  # False for NaN and the infinities
            return None
        value = int(value)
    return value if isinstance(value, int) and -LARGEST <= value <= LARGEST else None


def count(value: object) -> int | None:
    """Return a whole number of things, or milliseconds of a duration; None when negative or unusable."""
    if value is None:
        return None
    number = integer(value)
    return number if number is not None and number >= 0 else None


def flag(value: object) -> bool | None:
    """Return a boolean, also from 0, 1 and the words services send as strings; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {0: False, 1: True}.get(value)
    return _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None


def moment_ms(value: object) -> int | None:
    """Return a moment as epoch milliseconds, also from seconds, microseconds or RFC 3339 text.

    The unit is guessed by magnitude (API reference 13 row 14): below 10^11 seconds, from 10^14 microseconds.
    None for zero, negative and impossible values.
    """
    if type(value) is int and _SECONDS_BELOW <= value < _MICROSECONDS_FROM:
        return value
    number = integer(value)
    if number is None:
        return _moment_of_text(value) if isinstance(value, str) else None
    if number <= 0 or number >= _LAST_MICROSECOND:
        return None
    if number < _SECONDS_BELOW:
        return number * 1000
    return number // 1000 if number >= _MICROSECONDS_FROM else number


def mapping(value: object) -> JsonObject:
    """Return the object itself, or an empty one when the value is not an object."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return the list itself; a lone object or non-blank string as a list of one; else an empty list."""
    if isinstance(value, list):
        return value
    if value is None:
        return []
    return [value] if isinstance(value, dict) or text(value) is not None else []


def words(value: object) -> tuple[str, ...]:
    """Return the usable texts of a list, or of a lone string (API reference 13 row 4)."""
    return tuple([word for item in items(value) if (word := text(item)) is not None])


def _number(digits: str) -> int | float | None:
    # The conversions refuse more than 4,300 digits and anything unlike a number.
    try:
        return int(digits)
    except ValueError:
        pass
    try:
        return float(digits)
    except ValueError:
        return None


def _moment_of_text(value: str) -> int | None:
    try:
        moment = epoch_ms(parse_rfc3339(value.strip()))
    except ValueError:
        return None
    return moment if moment > 0 else None


LooseText = Annotated[str | None, PlainValidator(text)]
LooseMoment = Annotated[int | None, PlainValidator(moment_ms)]


class WireModel(BaseModel):
    """A frozen value read from an answer; keys it does not know are left to its raw record."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_alias=True, validate_by_name=True)

"""Owns how a filter's dates, lengths of time, numbers and yes or no are written, and the bounds they stand for."""

from __future__ import annotations

import re
from calendar import month_name, monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, TypeAlias

Bounds: TypeAlias = tuple[int, int]
"""The first and the last whole number that a written value stands for."""

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2999
MOST: Final = 1 << 53
"""No number in a filter is larger: 285,000 years in milliseconds."""

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})"
    r"(?:[Tt ](?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?)?"
    r"(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?)?)?)?",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?", re.ASCII)
_DAYS_AGO: Final = {"today": 0, "yesterday": 1}
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_UNITS_MS: Final = {"ms": 1, "s": _SECOND, "m": _MINUTE, "min": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}
_SPAN_PART: Final = re.compile(r"(\d+)(?:\.(\d{1,3}))?(ms|min|[smhdw])", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"(0|[1-9]\d*)(?:\.(\d{1,6}))?([km]?)", re.ASCII | re.IGNORECASE)
_SCALES: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_TOO_LARGE: Final = ("is too large.", "Write a smaller one; there are no such jobs.")
_ANSWERS: Final = {
    **dict.fromkeys(("yes", "y", "true", "on", "1"), True),
    **dict.fromkeys(("no", "n", "false", "off", "0"), False),
}


class UnreadableValueError(ValueError):
    """A value cannot be read: `cause` says why, to be read behind the value; `remedy` how to write one."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause} {remedy}")
        self.cause, self.remedy = cause, remedy


def answer(text: str) -> bool | None:
    """Return what a yes or a no says, None for anything else."""
    return _ANSWERS.get(text.lower())


def number(text: str) -> Bounds:
    """Return the count that `1500`, `1_500`, `1.5k` or `2m` (million) stands for, twice.

    Raises:
        UnreadableValueError: it is no such number, or beyond `MOST`.
    """
    match = _NUMBER.fullmatch(text.replace("_", ""))
    if match is None:
        raise UnreadableValueError("is no number.", "Write digits without signs between, such as 1500, 1.5k or 2m.")
    whole, part, scale = match[1], match[2] or "", _SCALES[match[3].lower()]
    if len(whole) > len(str(MOST)):
        raise UnreadableValueError(*_TOO_LARGE)
    count, rest = divmod(int(whole + part) * scale, 10 ** len(part))
    if rest:
        raise UnreadableValueError("is no whole number.", "Write a whole number, such as 1500.")
    return _limited(count, count)


def span(text: str) -> Bounds:
    """Return the milliseconds of a length of time such as `20m`, `1h30m` or `1.5d`, as finely as it is written.

    `20m` stands for everything from 20 minutes until just before 21: that is what a list shows as 20m.

    Raises:
        UnreadableValueError: it is no such length, or beyond `MOST`.
    """
    if text == "0":
        return 0, 0
    total, finest, place = 0, MOST, 0
    while match := _SPAN_PART.match(text, place):
        place = match.end()
        whole, part, unit = match[1], match[2] or "", _UNITS_MS[match[3].lower()]
        total += int(whole + part) * unit // 10 ** len(part)
        finest = min(finest, max(1, unit // 10 ** len(part)))
    if not text or place != len(text):
        raise UnreadableValueError(
            "has no unit." if text.isdecimal() and text.isascii() else "is no length of time.",
            "Write numbers with units ms, s, m, h, d or w, such as 20m or 1h30m.",
        )
    return _limited(total, total + finest - 1)


def _limited(low: int, high: int) -> Bounds:
    if high > MOST:
        raise UnreadableValueError(*_TOO_LARGE)
    return low, high


def moment(text: str, *, now: datetime, zone: tzinfo | None) -> Bounds:
    """Return the first and last millisecond of what a date or time names, however long that is.

    A day begins at its first moment, also where the clocks skip midnight, and has 23 or 25 hours where they are put
    forward or back. A time that the clocks show twice means both; one that they skip is the moment an hour later.

    Args:
        text: `2024`, `2024-03`, `2024-03-01`, `2024-03-01T12`, `…T12:00`, `…T12:00:05`, `…T12:00:05.250`, a time
            with `Z` or an offset behind it; `14:30` of today; `today`, `yesterday`.
        now: aware.
        zone: of what has no offset; None is the machine's own.

    Raises:
        UnreadableValueError: it is none of these, or does not exist.
    """
    today = now.astimezone(zone)
    word = text.lower()
    if word in _DAYS_AGO:
        day = today.date() - timedelta(days=_DAYS_AGO[word])
        text = day.isoformat()
    elif _CLOCK.fullmatch(text):
        text = f"{today.date().isoformat()}T{text}"
    match = _DATE.fullmatch(text)
    if match is None:
        raise UnreadableValueError(
            "is no date or time.", "Write 2024-03-01, 2024-03, 2024-03-01T12:00, 14:30, today or yesterday."
        )
    read = {name: int(found) for name, found in match.groupdict().items() if found and name not in {"zone", "part"}}
    _require_real(read)
    offset = _offset(match["zone"]) if match["zone"] else zone
    return _time(read, match["part"], offset) if "hour" in read else _days(read, offset)


def _require_real(read: dict[str, int]) -> None:
    """Check each part of a date, from the year on, and say which of them no calendar or clock has."""
    year, month = read["year"], read.get("month", 1)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnreadableValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}.", "Write a year between them.")
    if not 1 <= month <= 12:  # noqa: PLR2004 - months of a year
        raise UnreadableValueError(f"has no real month: {month}.", "Months are 01 to 12.")
    days = monthrange(year, month)[1]
    if not 1 <= read.get("day", 1) <= days:
        raise UnreadableValueError("does not exist.", f"{month_name[month]} {year} has the days 01 to {days}.")
    for name, most in (("hour", 23), ("minute", 59), ("second", 59)):
        if read.get(name, 0) > most:
            raise UnreadableValueError(f"has no real {name}: {read[name]}.", f"It takes 00 to {most}.")


def _offset(text: str) -> tzinfo:
    if text in {"Z", "z"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - of a clock
        raise UnreadableValueError(f"has no real offset: {text}.", "Write Z, or an offset such as +01:00.")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if text[0] == "-" else ahead)


def _days(read: dict[str, int], zone: tzinfo | None) -> Bounds:
    """Return the bounds of a day, a month or a year: each ends where the next one begins."""
    year, month, day = read["year"], read.get("month", 1), read.get("day", 1)
    start = datetime(year, month, day, tzinfo=zone)
    if "day" in read:
        end = start + timedelta(days=1)
    elif "month" in read:
        end = start.replace(year=year + month // 12, month=month % 12 + 1)
    else:
        end = start.replace(year=year + 1)
    return _ms(start), _ms(end) - 1


def _time(read: dict[str, int], part: str | None, zone: tzinfo | None) -> Bounds:
    start = datetime(
        *(read["year"], read["month"], read["day"], read["hour"], read.get("minute", 0), read.get("second", 0)),
        tzinfo=zone,
    )
    extra = int((part or "0").ljust(3, "0")[:3])
    length = _HOUR
    if "second" in read:
        length = max(1, _SECOND // 10 ** len(part or ""))
    elif "minute" in read:
        length = _MINUTE
    first, again = _ms(start), _ms(start.replace(fold=1))
    return first + extra, max(first, again) + extra + length - 1


def _ms(moment: datetime) -> int:
    # Whole seconds throughout, so that no float rounds.
    return int(moment.timestamp()) * _SECOND

"""Owns the two spellings of a moment: epoch milliseconds inside, RFC 3339 text outside."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = r"(\d{4})-(\d{2})-(\d{2})"
_TIME: Final = r"(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?"
_ZONE: Final = r"([Zz]|([+-])(\d{2}):(\d{2}))"
_WHOLE: Final = re.compile(f"{_DATE}[Tt]{_TIME}{_ZONE}", re.ASCII)
_PARTS: Final = re.compile(
    r"(?P<date>(\d{4})-(\d{2})-(\d{2}))(?:[Tt ](?P<time>(\d{2}):(\d{2})(?::(\d{2}))?)(?:\.\d+)?"
    r"(?P<zone>[+-](\d{2}):(\d{2}))?)?",
    re.ASCII,
)
_DATE_ONLY: Final = re.compile(_DATE, re.ASCII)
_WITHOUT_ZONE: Final = re.compile(f"{_DATE}[Tt ]{_TIME}", re.ASCII)
_WITH_SPACE: Final = re.compile(f"{_DATE} {_TIME}{_ZONE}", re.ASCII)
_SAMPLE: Final = "2024-03-01T00:00:00Z"


class NotAMomentError(ValueError):
    """A text names no moment: `cause` says why, `remedy` how to write it; both without a capital or a full stop."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}: {remedy}.")
        self.cause, self.remedy = cause, remedy


def parse_rfc3339(text: str) -> datetime:
    """Return the aware moment that an RFC 3339 text names, in the offset it was written with.

    A date, a time to the second and a zone offset are all required (API reference 2.2); digits beyond the
    microsecond are dropped and a leap second becomes the second after it.

    Raises:
        NotAMomentError: The text is not RFC 3339; the message says which part is wrong and how to write it.
    """
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise _why_not(text)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, _, sign, zone_hours, zone_minutes = found.groups()[6:]
    leap = second == 60  # noqa: PLR2004  # the only second a minute may have beyond 59
    try:
        moment = datetime(
            *(year, month, day, hour, minute, 59 if leap else second),
            microsecond=int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(sign, zone_hours, zone_minutes),
        )
        return moment + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError) as error:
        beyond = _beyond(text) or NotAMomentError(
            f"{text} is not a moment of the calendar", "it ends with the year 9999"
        )
        raise beyond from error


def rfc3339(moment_ms: int | None) -> str | None:
    """Return epoch milliseconds as RFC 3339 in UTC, with milliseconds and `Z`.

    None for None and for moments outside the calendar (years 1 to 9999).
    """
    if moment_ms is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=moment_ms)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(moment: datetime) -> int:
    """Return an aware moment as whole epoch milliseconds, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _zone(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(minutes) > 59:  # noqa: PLR2004  # minutes of an hour
        raise ValueError(f"a zone offset has no minute {minutes}")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)


def _beyond(text: str) -> NotAMomentError | None:
    """Return which number of a text no calendar, clock or zone has, None when all can be."""
    found = _PARTS.match(text)
    if found is None:
        return None
    date, time, zone = found.group("date", "time", "zone")
    numbers = [int(part) if part else None for part in found.group(2, 3, 4, 6, 7, 8, 10, 11)]
    year, month = numbers[0] or 0, numbers[1] or 0
    last = monthrange(year, month)[1] if 1 <= month <= 12 else 31  # noqa: PLR2004  # months of a year
    limits = (
        *((f"{date} is no date", "year", 1, 9999), (f"{date} is no date", "month", 1, 12)),
        (f"{date} is no date", "day", 1, last),
        *(
            (f"{time} is no time of day", name, 0, most)
            for name, most in (("hour", 23), ("minute", 59), ("second", 60))
        ),
        *((f"{zone} is no zone offset", name, 0, most) for name, most in (("hour", 23), ("minute", 59))),
    )
    for number, (what, name, least, most) in zip(numbers, limits, strict=True):
        if number is not None and not least <= number <= most:
            return NotAMomentError(f"{what} ({name} {number})", f"it takes {least} to {most}")
    return None


def _why_not(text: str) -> NotAMomentError:
    beyond = _beyond(text)
    if beyond is not None:
        # Said before the form is mended: a remedy that repeats the fault would be refused in its turn.
        return beyond
    shown = repr(text if len(text) <= 40 else f"{text[:40]}…")  # noqa: PLR2004  # enough to recognise it
    if _DATE_ONLY.fullmatch(text):
        return NotAMomentError(f"{shown} has a date but no time", f"write it like {text}T00:00:00Z")
    if _WITHOUT_ZONE.fullmatch(text):
        fixed = text.replace(" ", "T")
        return NotAMomentError(
            f"{shown} has no zone offset", f"write {fixed}Z for UTC, or an offset like {fixed}+02:00"
        )
    if _WITH_SPACE.fullmatch(text):
        return NotAMomentError(f"{shown} has a space between date and time", f"write {text.replace(' ', 'T')}")
    return NotAMomentError(f"{shown} is not an RFC 3339 time", f"write date, time and zone offset like {_SAMPLE}")

"""Owns how moments and durations are written: two units at most, absolute time with its offset."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Final

UNKNOWN: Final = "-"
_SECOND: Final = 1_000
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def duration(milliseconds: int | None, *, step_s: int = 1) -> str:
    """Write a duration with its two largest units: `2h14m`, `20m04s`, `7s`; `543ms` below a second.

    Args:
        milliseconds: None is written as `-`; a negative one counts as zero.
        step_s: what seconds are rounded down to, so that a ticking cell changes less often.
    """
    if milliseconds is None:
        return UNKNOWN
    milliseconds = max(0, milliseconds)
    if milliseconds < _SECOND:
        return f"{milliseconds}ms" if milliseconds and step_s == 1 else "0s"
    seconds = milliseconds // _SECOND
    if seconds < _UNITS[1][1]:
        seconds -= seconds % step_s
    for (unit, size), (next_unit, next_size) in pairwise(_UNITS):
        if seconds >= size:
            rest = seconds % size // next_size
            return f"{seconds // size}{unit}{rest:02d}{next_unit}" if rest else f"{seconds // size}{unit}"
    return f"{seconds}s"


def age(moment_ms: int | None, now_ms: int) -> str:
    """Write how long ago a moment was with one unit below a day, two above: `12s`, `40m`, `1h12m`, `3d4h`.

    A moment in the future, as with a clock that is off, is written `in 5s`.
    """
    if moment_ms is None:
        return UNKNOWN
    seconds = (now_ms - moment_ms) // _SECOND
    if seconds < 0:
        return f"in {duration(-seconds * _SECOND)}"
    if seconds < _UNITS[2][1]:
        # Coarse below a minute: a fresh job's age would otherwise repaint its row every second.
        return f"{seconds - seconds % 5}s"
    minutes = seconds // 60
    return duration(minutes * 60 * _SECOND)


def ago(moment_ms: int | None, now_ms: int) -> str:
    """Write a moment as seen from now: `40m ago`, or `in 5s` by a clock that is ahead."""
    written = age(moment_ms, now_ms)
    return written if written == UNKNOWN or written.startswith("in ") else f"{written} ago"


def absolute(moment_ms: int | None, zone: tzinfo | None = None) -> str:
    """Write a moment as local time to the second with its offset, `2024-03-01 11:00:00+01:00`.

    Args:
        moment_ms: epoch ms; None is written as `-`.
        zone: None is the machine's own.
    """
    if moment_ms is None:
        return UNKNOWN
    local = _moment(moment_ms).astimezone(zone)
    return local.isoformat(sep=" ", timespec="seconds")


def short_absolute(moment_ms: int | None, now_ms: int, zone: tzinfo | None = None) -> str:
    """Write a moment for a column: `11:00:05` today, `03-01 11:00` this year, else `2024-03-01`."""
    if moment_ms is None:
        return UNKNOWN
    local, today = _moment(moment_ms).astimezone(zone), _moment(now_ms).astimezone(zone)
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    return local.strftime("%m-%d %H:%M") if local.year == today.year else local.strftime("%Y-%m-%d")


def everything(moment_ms: int | None, now_ms: int, zone: tzinfo | None = None) -> str:
    """Write a moment in all three ways a detail shows it: local with offset, UTC, relative."""
    if moment_ms is None:
        return UNKNOWN
    utc = _moment(moment_ms).strftime("%H:%M:%SZ")
    return f"{absolute(moment_ms, zone)}  ({utc}, {ago(moment_ms, now_ms)})"


def _moment(moment_ms: int) -> datetime:
    # The platform's numbers are not to be trusted: what no calendar holds is shown at its edge.
    bounded = min(max(moment_ms, 0), 253_402_300_799_000)
    return datetime.fromtimestamp(bounded / _SECOND, UTC)

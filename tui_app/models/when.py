"""Owns how people write a moment for a request - a date, `-7d`, `yesterday 00:00` - and the RFC 3339 it stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, NoReturn

from tui_app.models.failure import Finding
from tui_app.models.filter_values import UnreadableValueError, span
from tui_app.models.times import NotAMomentError, parse_rfc3339
from tui_app.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_app.models.export_request import ExportRequest

EVENTS_FROM: Final = "additionalFields.eventList.filter.fromIngestTimestamp"
EVENTS_TO: Final = "additionalFields.eventList.filter.toIngestTimestamp"
QUALIFIED_FROM: Final = "filter.segmentQualificationTime.startTime"
QUALIFIED_TO: Final = "filter.segmentQualificationTime.endTime"
UPDATED_FROM: Final = "filter.fromIngestTimestamp"

_EXAMPLES: Final = "Write 2024-03-01, 2024-03-01 14:30, -24h, -7d, yesterday 00:00 or 2024-03-01T00:00:00Z."
_DATE: Final = re.compile(
    r"(?P<year>\d{4,})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?:(?:[Tt]|\s+)(?P<clock>[\d:.]+)\s*(?P<zone>[Zz]|[+-][\d:]+)?)?",
    re.ASCII,
)
_DAY: Final = re.compile(r"(?P<day>today|yesterday)(?:\s+(?P<clock>[\d:.]+))?", re.ASCII | re.IGNORECASE)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?", re.ASCII)
_OFFSET: Final = re.compile(r"[+-]\d{2}:\d{2}", re.ASCII)
_LONGEST: Final = 60
"""Characters of a text worth reading: moments have half of them, a paste gone wrong has no end."""
_SHOWN: Final = 40
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60))


class WhenError(ValueError):
    """A text names no moment; `cause` and `remedy` are whole sentences."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause} {remedy}")
        self.cause, self.remedy = cause, remedy


@dataclass(frozen=True, slots=True)
class When:
    """A moment as it will be sent.

    `text` is the RFC 3339; `note` says what the clocks do at that time where that matters, "" elsewhere.
    """

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request with its times as they will be sent, and an error for each that cannot be read.

    What cannot be read stays in the request as it was typed, so that it can never leave as a request without it.
    """

    request: ExportRequest
    findings: tuple[Finding, ...] = ()

    def joined(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return these findings and those of the checks, which know less of a time that could not be read."""
        unread = {finding.field for finding in self.findings}
        return (*self.findings, *(finding for finding in found if finding.field not in unread))


def resolve(text: str, *, now: datetime, zone: tzinfo | None = None) -> str:
    """Return the RFC 3339 text to be sent for a moment as a person writes it; RFC 3339 itself stays as it is.

    Dates and times without an offset are local, a date alone is its first moment. `-7d` is so many times 24 hours
    before `now`, to the second.

    Args:
        text: RFC 3339; `2024-03-01`, `2024-03-01 14:30` (also with seconds, `T`, or an offset behind it); `now`,
            `today`, `yesterday`, these two also with a time; `-90m`, `-24h`, `-7d`, `-1d12h`.
        now: aware.
        zone: of what has no offset; None is the machine's own.

    Raises:
        WhenError: it is none of these, does not exist, or lies outside the years 1 to 9999.
    """
    return read_when(text, now=now, zone=zone).text


def read_when(text: str, *, now: datetime, zone: tzinfo | None = None) -> When:
    """As `resolve`, with what the clocks do: a time they skip is the one as much later, of two the first is meant.

    Raises:
        WhenError: as `resolve`.
    """
    words = text.strip()
    if not words:
        raise WhenError("There is no time.", _EXAMPLES)
    try:
        parse_rfc3339(words)
    except NotAMomentError:
        if len(words) > _LONGEST:
            raise WhenError(f"{_quoted(words)} has {len(words):,} characters and is no time.", _EXAMPLES) from None
        return _read(words, now, zone)
    return When(words)


def spoken(text: str, now: datetime, *, zone: tzinfo | None = None) -> str:
    """Return what stands beside a field: `= 2026-11-17T02:35:32Z, 7d ago`; "" while the text cannot be read.

    What is sent as it was typed is not repeated. What the clocks do is said behind it.
    """
    try:
        when = read_when(text, now=now, zone=zone)
        moment = parse_rfc3339(when.text)
    except ValueError:
        return ""
    parts = [f"= {when.text}"] if when.text != text else []
    return ", ".join([*parts, distance(moment, now), *([when.note] if when.note else [])])


def distance(moment: datetime, now: datetime) -> str:
    """Return how far a moment is from now, with two units at most: `7d ago`, `1h05m ago`, `in 3d04h`, `now`."""
    seconds = round((now.astimezone(UTC) - moment).total_seconds())
    written = ""
    for place, (unit, size) in enumerate(_UNITS):
        if abs(seconds) >= size:
            smaller = _UNITS[place + 1 : place + 2]
            rest = [f"{abs(seconds) % size // less:02d}{name}" for name, less in smaller if abs(seconds) % size >= less]
            written = "".join([f"{abs(seconds) // size}{unit}", *rest])
            break
    if not written:
        return "now"
    return f"{written} ago" if seconds > 0 else f"in {written}"


def resolved(request: ExportRequest, now: datetime, *, zone: tzinfo | None = None) -> Resolved:
    """Return a request with every time as it will be sent, all of them as seen from the same moment.

    Args:
        request: times as typed; blank ones count as not given.
        now: aware; the moment of sending.
        zone: as for `resolve`.
    """
    findings: list[Finding] = []

    def sent(path: str, text: str | None) -> str | None:
        if text is None or not text.strip():
            return None
        try:
            return resolve(text, now=now, zone=zone)
        except WhenError as error:
            findings.append(Finding(path, error.cause, error.remedy))
            return text

    ready = replace(
        request,
        qualified_from=sent(QUALIFIED_FROM, request.qualified_from),
        qualified_to=sent(QUALIFIED_TO, request.qualified_to),
        from_ingest=sent(UPDATED_FROM, request.from_ingest),
        events=request.events
        and replace(
            request.events,
            from_ingest=sent(EVENTS_FROM, request.events.from_ingest),
            to_ingest=sent(EVENTS_TO, request.events.to_ingest),
        ),
    )
    return Resolved(ready, tuple(findings))


def without_times(request: ExportRequest) -> ExportRequest:
    """Return a request without its times, to tell whether two are the same but for when they were sent.

    `-7d` stands for another moment each time, so that bodies made of the same words differ.
    """
    events = request.events
    return replace(
        request,
        qualified_from=None,
        qualified_to=None,
        from_ingest=None,
        events=replace(events, from_ingest=None, to_ingest=None) if events is not None else None,
    )


def _read(text: str, now: datetime, zone: tzinfo | None) -> When:
    if text.lower() == "now":
        return When(_written(now.replace(microsecond=0), zone))
    if text.startswith("-"):
        return When(_written(_before(text, now), zone))
    if (day := _DAY.fullmatch(text)) is not None:
        date = _local(now, zone).date()
        if day["day"].lower() == "yesterday":
            if date.toordinal() == 1:
                _beyond_calendar(text)
            date -= timedelta(days=1)
        return _at(date.isoformat(), day["clock"], None, zone)
    if (found := _DATE.fullmatch(text)) is not None:
        year, month, day_of_month = found["year"], found["month"], found["day"]
        if len(year) > 4:  # noqa: PLR2004 - digits of the years that a calendar and RFC 3339 have
            raise WhenError(
                f"{shortened(text, _SHOWN)} is no date (year {shortened(year, _SHOWN)}).", "It takes 1 to 9999."
            )
        return _at(f"{year}-{month:0>2}-{day_of_month:0>2}", found["clock"], found["zone"], zone)
    if _CLOCK.fullmatch(text) is not None:
        raise WhenError(f"{text} has a time but no day.", f"Write today {text}, yesterday {text}, or a date in front.")
    if text.startswith("+"):
        raise WhenError(f"{_quoted(text)} would lie ahead.", "Write a length of time ago, such as -24h, or a date.")
    raise WhenError(f"{_quoted(text)} is no time.", _EXAMPLES)


def _before(text: str, now: datetime) -> datetime:
    try:
        milliseconds, _ = span(text[1:].strip())
    except UnreadableValueError as error:
        if error.remedy.startswith("Write numbers"):
            raise WhenError(
                f"{_quoted(text)} {error.cause}", "Write numbers with units m, h, d or w, such as -24h, -7d or -1d12h."
            ) from None
        _beyond_calendar(text)
    try:
        # In UTC: between two moments of one zone, Python counts the hours on the wall and not those that passed.
        return (now.astimezone(UTC) - timedelta(milliseconds=milliseconds)).replace(microsecond=0)
    except OverflowError:
        _beyond_calendar(text)


def _at(date: str, clock: str | None, offset: str | None, zone: tzinfo | None) -> When:
    """Return the moment of a date, of its beginning where no time is given."""
    found = _CLOCK.fullmatch(clock or "00:00")
    if found is None:
        raise WhenError(f"{_quoted(clock or '')} is no time of day.", "Write hours and minutes, such as 14:30.")
    hour, minute, second, fraction = found.groups(default="")
    written = f"{date}T{hour:0>2}:{minute}:{second or '00'}{fraction}"
    if offset is not None and offset not in {"Z", "z"} and _OFFSET.fullmatch(offset) is None:
        raise WhenError(f"{_quoted(offset)} is no zone offset.", "Write Z for UTC, or an offset like +02:00.")
    try:
        moment = parse_rfc3339(f"{written}{offset or 'Z'}")
    except NotAMomentError as error:
        raise WhenError(f"{error.cause}.", f"{error.remedy[0].upper()}{error.remedy[1:]}.") from None
    if offset is not None:
        return When(f"{written}{offset}")
    return _on_local_clocks(moment.replace(tzinfo=None), fraction, zone)


def _on_local_clocks(wall: datetime, fraction: str, zone: tzinfo | None) -> When:
    whole = wall.replace(microsecond=0)
    first = _of_wall(whole, zone)
    again = _of_wall(whole.replace(fold=1), zone)
    text = _written(first, zone, fraction)
    if first == again:
        return When(text)
    shown = f"{whole:%H:%M}"
    if again > first:
        return When(
            text, f"{shown} comes twice that day and the first is meant; the other is {_written(again, zone, fraction)}"
        )
    return When(text, f"the clocks skip {shown} that day")


def _of_wall(wall: datetime, zone: tzinfo | None) -> datetime:
    """Return the moment at which local clocks show a time, in UTC."""
    try:
        # Not by `astimezone`, which takes a time that the machine's own clocks skip for the one as much earlier.
        return _EPOCH + timedelta(seconds=int(wall.replace(tzinfo=zone).timestamp()))
    except (OverflowError, ValueError, OSError):
        _beyond_calendar(wall.isoformat(sep=" "))


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return a moment as local clocks show it; as UTC where the machine cannot tell."""
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return moment


def _written(moment: datetime, zone: tzinfo | None, fraction: str = "") -> str:
    """Return a moment to the second as RFC 3339, with the local offset, `Z` where that is none."""
    local = _local(moment, zone)
    offset = local.utcoffset()
    if offset is None or offset % _MINUTE:
        # Before zones were agreed on, towns kept the time of their sun, to the second: RFC 3339 cannot say that.
        local, offset = moment.astimezone(UTC), timedelta(0)
    text = local.replace(tzinfo=None).isoformat(timespec="seconds") + fraction
    return f"{text}Z" if not offset else f"{text}{local.isoformat()[-6:]}"


def _beyond_calendar(text: str) -> NoReturn:
    raise WhenError(f"{_quoted(text)} lies outside the years 1 to 9999.", "Write a moment that is nearer.") from None


def _quoted(text: str) -> str:
    return repr(shortened(text, _SHOWN))

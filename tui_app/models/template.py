"""Owns what a template's body means at the moment of use: its placeholders filled in, its unknown keys named."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tui_app.models.base import JsonObject, MalformedRecord
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import Finding
from tui_app.models.when import (
    EVENTS_FROM,
    EVENTS_TO,
    QUALIFIED_FROM,
    QUALIFIED_TO,
    UPDATED_FROM,
    WhenError,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, tzinfo

    from tui_app.config.templates import TemplateEntry

PLACEHOLDERS: Final = ("{today}", "{yesterday}", "{now}", "{-7d}", "{-24h}")
"""What a template can hold, with two examples for any length of time."""
TIME_FIELDS: Final = frozenset({EVENTS_FROM, EVENTS_TO, QUALIFIED_FROM, QUALIFIED_TO, UPDATED_FROM})

_CLOCK: Final = r"(?: +\d{1,2}:\d{2}(?::\d{2})?)?"
_NAME: Final = rf"now|(?:today|yesterday){_CLOCK}|-(?:\d+[mhdw])+"
_KNOWN: Final = re.compile(_NAME, re.ASCII)
_PIECES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_KEPT: Final = re.compile(rf"\{{\{{|\}}\}}|\{{(?:{_NAME})\}}|[{{}}]", re.ASCII)
_DAYS: Final = re.compile(r"today|yesterday|-(?:\d+[dw])+", re.ASCII)
_SHOWN: Final = 40
_REMEDY: Final = f"Known are {', '.join(PLACEHOLDERS)}; write {{{{ for a brace."

_KNOWN_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "": ("fields", "mergePolicy", "filter", "additionalFields", "destination", "schema", "evaluationInfo"),
    "mergePolicy": ("id", "version"),
    "filter": ("segments", "segmentQualificationTime", "fromIngestTimestamp", "emptyProfiles"),
    "filter.segments": ("segmentId", "segmentNs", "status"),
    "filter.segmentQualificationTime": ("startTime", "endTime"),
    "additionalFields": ("eventList",),
    "additionalFields.eventList": ("fields", "filter"),
    "additionalFields.eventList.filter": ("fromIngestTimestamp", "toIngestTimestamp"),
    "destination": ("datasetId", "segmentPerBatch"),
    "schema": ("name",),
    "evaluationInfo": ("segmentation",),
}
"""Keys of the body by the path of their object (API reference 2.2)."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A template at one moment.

    `request` is None when there is an error among the findings; warnings name keys that we do not know, which stay in
    the request and are sent as they are.
    """

    request: ExportRequest | None
    findings: tuple[Finding, ...] = ()

    @property
    def fault(self) -> str:
        """The first error as one line, "" when there is none."""
        return next((f"{one.field} {one.cause}" for one in self.findings if one.severity == "error"), "")


def fill(body: JsonObject, *, now: datetime, zone: tzinfo | None = None) -> Filled:
    """Return the request that a template's body stands for now.

    In the five time fields a placeholder alone becomes RFC 3339. Elsewhere a day (`{today}`, `{-7d}`) becomes a date,
    and `{now}` and `{-24h}` RFC 3339. Times without placeholders stay as they are, also `-7d`.

    Args:
        body: as read from the file.
        now: aware.
        zone: whose days are meant; None is the machine's own.
    """
    findings: list[Finding] = []
    filled = _filled(body, "", _Moment(now, zone), findings)
    if findings:
        return Filled(None, tuple(findings))
    try:
        request = ExportRequest.from_body(filled)
    except MalformedRecord as error:
        path, _, remedy = str(error).partition(" cannot be read: ")
        return Filled(None, (Finding(path, "cannot be read.", f"{remedy[:1].upper()}{remedy[1:]}"),))
    return Filled(request, tuple(_unknown(request.extra, "", "")))


def as_template(body: JsonObject) -> JsonObject:
    """Return a request's body as a template keeps it: braces doubled but those of placeholders, to mean the same."""
    return {key: _each_text(value, _with_double_braces) for key, value in body.items()}


def with_fault(entry: TemplateEntry, *, now: datetime) -> TemplateEntry:
    """Return an entry with what keeps its template from being used, also where the file as such can be read."""
    if entry.fault or entry.template is None:
        return entry
    fault = fill(entry.template.body, now=now).fault
    return replace(entry, fault=fault) if fault else entry


@dataclass(frozen=True, slots=True)
class _Moment:
    now: datetime
    zone: tzinfo | None

    def text(self, name: str, *, is_time: bool) -> str:
        """Return what a placeholder stands for.

        Raises:
            WhenError: it lies outside the calendar.
        """
        if is_time or not _DAYS.fullmatch(name):
            return resolve(name, now=self.now, zone=self.zone)
        moment = resolve(name, now=self.now, zone=self.zone)
        if not name.startswith("-"):
            return moment[:10]
        # A day so many days back by the calendar, also where the clocks were changed between.
        days = sum(int(count) * (7 if unit == "w" else 1) for count, unit in re.findall(r"(\d+)([dw])", name))
        return (self.now.astimezone(self.zone).date() - timedelta(days=days)).isoformat()


def _filled(value: Any, path: str, moment: _Moment, findings: list[Finding]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, f"{path}.{key}" if path else key, moment, findings) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, f"{path}[{place}]", moment, findings) for place, inner in enumerate(value)]
    return _text(value, path, moment, findings) if isinstance(value, str) else value


def _text(text: str, path: str, moment: _Moment, findings: list[Finding]) -> str:
    if "{" not in text and "}" not in text:
        return text
    is_time = path in TIME_FIELDS and _PIECES.fullmatch(text.strip()) is not None

    def put(found: re.Match[str]) -> str:
        piece, name = found[0], found[1]
        if name is None:
            if len(piece) == 1:
                findings.append(Finding(path, f"has a {piece} alone.", _REMEDY))
            return piece[0]
        name = name.strip().lower()
        if _KNOWN.fullmatch(name) is None:
            findings.append(Finding(path, f"has the placeholder {_shown(piece)}, which is not known.", _REMEDY))
            return piece
        try:
            return moment.text(name, is_time=is_time)
        except (WhenError, OverflowError):
            cause = f"has the placeholder {_shown(piece)}, which lies outside the years 1 to 9999."
            findings.append(Finding(path, cause, "Write a moment that is nearer."))
            return piece

    return _PIECES.sub(put, text.strip() if is_time else text)


def _unknown(extra: Any, path: str, place: str) -> Iterator[Finding]:
    """Yield a warning for each key that the request has in `extra`; `place` is where it is, with list positions."""
    known = _KNOWN_KEYS.get(path, ())
    for key, value in extra.items():
        here, at = (f"{parent}.{key}" if parent else key for parent in (path, place))
        if here == "filter.segments" and isinstance(value, list):
            for number, segment in enumerate(value):
                yield from _unknown(_without_id(segment), here, f"{at}[{number}]")
        elif here in _KNOWN_KEYS and isinstance(value, dict):
            yield from _unknown(value, here, at)
        elif key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
            yield Finding(at, "is not a key that aepx knows; it is sent as it is.", remedy, "warning")


def _without_id(segment: JsonObject) -> JsonObject:
    return {key: value for key, value in segment.items() if key != "segmentId"}


def _with_double_braces(text: str) -> str:
    # What is longer than two characters is a placeholder.
    return _KEPT.sub(lambda found: found[0] if len(found[0]) > len("{{") else found[0] * 2, text)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _each_text(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_each_text(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")

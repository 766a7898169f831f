"""Owns the faults that change an answer's JSON: types, nulls, missing keys, records, links and times."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from tui_app.emulator.faults.effect import Effect, Group, Meeting, Start, with_headers
from tui_app.emulator.faults.instead import foreign
from tui_app.emulator.faults.keys import BadKeyError, Key, amount, either, names, origin, word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Message

_GONE = object()
_NAMES = "which keys of the JSON, each alone or as a way from the top, with *; without it all"
_UPS = "/data/core/ups"
_CURSORS = frozenset({"offset", "start", "page", "orderby"})
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
_FIRST_MS, _LAST_MS = 10**12, 4 * 10**12  # 2001 to 2096; what lies between is taken for a time


async def _change(meeting: Meeting, change: Callable[[Any], Any]) -> None:
    """Pass on an answer with its JSON changed; a body that is none stays as it is."""

    def changed(start: Start, body: bytes) -> tuple[Start, bytes]:
        try:
            return start, json.dumps(change(json.loads(body)), separators=(",", ":")).encode("ascii")
        except (ValueError, RecursionError):
            return start, body

    await meeting.change_body(("json",), changed)


def _replaced(value: Any, keys: tuple[str, ...], change: Callable[[Any], Any], path: str = "") -> Any:
    """Return `value` with `change` done to the values of the keys that are named, the innermost first.

    A name is a key's own, or its way from the top with dots, lists left out; it may have `*`. No name names all.
    What `change` turns into `_GONE` is left out.
    """
    if isinstance(value, list):
        return [_replaced(one, keys, change, path) for one in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, inner in value.items():
        way = f"{path}.{key}" if path else key
        new = _replaced(inner, keys, change, way)
        if not keys or any(fnmatchcase(key, name) or fnmatchcase(way, name) for name in keys):
            new = change(new)
        if new is not _GONE:
            made[key] = new
    return made


def _as_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _as_number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        found = float(value)
    except ValueError:
        return len(value)
    return int(found) if found.is_integer() and abs(found) < _LAST_MS else len(value)


def _as_list(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]


def _as_object(value: Any) -> Any:
    if isinstance(value, list):
        return {str(index): inner for index, inner in enumerate(value)}
    return value if isinstance(value, dict) else {"value": value}


_TURNS: Mapping[str, Callable[[Any], Any]] = {
    "text": _as_text,
    "number": _as_number,
    "list": _as_list,
    "object": _as_object,
    "boolean": bool,
    "nan": lambda value: float("nan") if isinstance(value, int | float) else value,
}


@dataclass(frozen=True, slots=True)
class Types(Effect):
    """Gives values another type: numbers as texts, texts as numbers, objects as lists, lists as objects, NaN."""

    kind: ClassVar[str] = "types"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "gives values of the JSON another type"
    keys: ClassVar[Mapping[str, Key]] = {
        "into": word(*_TURNS).saying("the type that they get"),
        "names": names().saying(_NAMES),
    }
    into: str
    names: tuple[str, ...] | list[str] = ()

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        await _change(meeting, lambda value: _replaced(value, tuple(self.names), _TURNS[self.into]))


@dataclass(frozen=True, slots=True)
class Nulls(Effect):
    """Puts null in the place of values."""

    kind: ClassVar[str] = "nulls"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "puts null in the place of values"
    keys: ClassVar[Mapping[str, Key]] = {"names": names().saying(_NAMES)}
    names: tuple[str, ...] | list[str] = ()

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        await _change(meeting, lambda value: _replaced(value, tuple(self.names), lambda _: None))


@dataclass(frozen=True, slots=True)
class Missing(Effect):
    """Leaves keys out."""

    kind: ClassVar[str] = "missing"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "leaves keys out"
    keys: ClassVar[Mapping[str, Key]] = {"names": names().saying(_NAMES)}
    names: tuple[str, ...] | list[str] = ()

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        await _change(meeting, lambda value: _replaced(value, tuple(self.names), lambda _: _GONE))


def _doubled(value: Any) -> Any:
    """Return a page, or a list that is one, with every record twice."""
    if isinstance(value, list):
        return [one for each in value for one in (each, each)]
    if isinstance(value, dict):
        return {key: _doubled(inner) if isinstance(inner, list) else inner for key, inner in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Duplicates(Effect):
    """Shows every record of a page twice."""

    kind: ClassVar[str] = "duplicates"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "shows every record of a page twice"

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        await _change(meeting, _doubled)


def _next_links(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a page with `change` done to its cursor, wherever the service keeps it."""
    if not isinstance(value, dict):
        return value
    made = dict(value)
    for place in ("link", "_links", "_page", "page"):
        inner = made.get(place)
        if not isinstance(inner, dict) or "next" not in inner:
            continue
        found = inner["next"]
        if isinstance(found, dict) and "href" in found:
            made[place] = {**inner, "next": {**found, "href": change(found["href"])}}
        else:
            made[place] = {**inner, "next": change(found)}
    return made


@dataclass(frozen=True, slots=True)
class Cursor(Effect):
    """Lets the cursor to the next page lead to this page again, or to the first one, on the last page too."""

    kind: ClassVar[str] = "cursor"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "lets the next page be this one again, or the first"
    keys: ClassVar[Mapping[str, Key]] = {"to": word("itself", "first").saying("where the next page leads")}
    to: str = "itself"

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        own = parse_qsl(meeting.query, keep_blank_values=True)
        kept = own if self.to == "itself" else [pair for pair in own if pair[0].lower() not in _CURSORS]
        at = next((text for name, text in own if name.lower() in {"offset", "start"}), "0")

        def lead(found: Any) -> Any:
            if found and not (isinstance(found, str) and ("/" in found or "?" in found)):
                bare = at if self.to == "itself" else "0"  # a bare cursor: an offset, or a token
                return int(bare) if isinstance(found, int) and bare.isascii() and bare.isdigit() else bare
            path = found.partition("?")[0] if found else meeting.path.removeprefix(_UPS)
            return f"{path}?{urlencode(kept)}" if kept else path

        await _change(meeting, lambda value: _next_links(value, lead))


@dataclass(frozen=True, slots=True)
class Foreign(Effect):
    """Lets the links of an answer lead to another origin: the one to the next page, all others, or both."""

    kind: ClassVar[str] = "foreign"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "lets links lead to another origin"
    keys: ClassVar[Mapping[str, Key]] = {
        "links": word("next", "hrefs", "all").saying("the link to the next page, every other one, or both"),
        "to": either(word("loopback", "example"), origin()).saying("another port of this machine, or another host"),
    }
    links: str = "all"
    to: str = "example"

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        start = foreign(self.to)

        def moved(found: Any) -> Any:
            if not isinstance(found, str) or not found:
                return found
            try:
                parts = urlsplit(re.sub(r"[\x00-\x20\\]", "", found))
            except ValueError:
                return f"{start}{meeting.path}"
            path = parts.path if parts.path.startswith("/") else meeting.path
            return f"{start}{path}?{parts.query}" if parts.query else f"{start}{path}"

        def change(value: Any) -> Any:
            if self.links != "next":
                value = _replaced(value, ("href",), moved)
            return value if self.links == "hrefs" else _next_links(value, moved)

        await _change(meeting, change)


def _shifted(value: Any, seconds: float) -> Any:
    """Return `value` with every time in it moved: epoch milliseconds, and texts that are an ISO time."""
    if isinstance(value, list):
        return [_shifted(one, seconds) for one in value]
    if isinstance(value, dict):
        return {key: _shifted(inner, seconds) for key, inner in value.items()}
    if type(value) is int and _FIRST_MS <= value < _LAST_MS:
        return value + round(seconds * 1000)
    if isinstance(value, str) and _TIME.fullmatch(value):
        return _shifted_text(value, seconds)
    return value


def _shifted_text(text: str, seconds: float) -> str:
    zone = text[19:].lstrip(".0123456789")
    digits = len(text) - len(zone) - 19
    try:
        moved = datetime.fromisoformat(text[:19]) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return text
    return f"{moved.isoformat(sep=text[10], timespec='seconds')}{text[19 : 19 + digits]}{zone}"


@dataclass(frozen=True, slots=True)
class Skew(Effect):
    """Lets the platform's clock be wrong by `seconds`: in the `Date` header, and in every time of the JSON."""

    kind: ClassVar[str] = "skew"
    group: ClassVar[Group] = Group.CONTENT
    says: ClassVar[str] = "shifts the Date header and the times in the JSON"
    keys: ClassVar[Mapping[str, Key]] = {
        "seconds": amount(-31_536_000, 31_536_000).saying("seconds that its clock is ahead; below zero behind")
    }
    seconds: float

    def __post_init__(self) -> None:
        """Refuse a clock that is right."""
        Effect.__post_init__(self)
        if self.seconds == 0:
            raise BadKeyError("seconds", "must not be 0, which is the right time")

    async def act(self, meeting: Meeting) -> None:
        """Pass on the changed answer."""
        wrong = meeting.tools.now() + timedelta(seconds=self.seconds)
        date = format_datetime(wrong, usegmt=True).encode("ascii")

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = with_headers(message, {b"date": date})
            await meeting.send(message)

        await _change(replace(meeting, send=dated), lambda value: _shifted(value, self.seconds))

"""Owns the faults that answer instead of the service: statuses, throttling, ended tokens, pages, redirects."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, ClassVar

from tui_app.emulator.faults.effect import Effect, Group, Meeting, has_body
from tui_app.emulator.faults.keys import BadKeyError, Key, either, headers, literal, origin, whole, word
from tui_app.emulator.faults.shapes import JSON, SHAPES, Error, shaped

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_PORT = "http://127.0.0.1:9"
ELSEWHERE = "https://example.com"
_SHAPE = "whose way of telling an error the body has"
_BEARER = re.compile(r"^bearer\s+", re.IGNORECASE)


def _error(meeting: Meeting, status: int) -> Error:
    request_id = str(meeting.scope.get("state", {}).get("request_id", ""))
    return Error(status, request_id, meeting.tools.now())


@dataclass(frozen=True, slots=True)
class Status(Effect):
    """Answers with a status: a body of a shape, or `body`, which is a text, bytes, or a value sent as JSON."""

    kind: ClassVar[str] = "status"
    group: ClassVar[Group] = Group.ANSWER
    says: ClassVar[str] = "answers with a status, in any shape of error"
    keys: ClassVar[Mapping[str, Key]] = {
        "status": whole(200, 599).saying("the status"),
        "shape": word(*SHAPES).saying(_SHAPE),
        "body": literal().saying(
            "the body instead of a shape; a text is sent as it is, a bare number is written as text"
        ),
        "headers": headers().saying("more headers of the answer"),
    }
    status: int
    shape: str = "gateway"
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two bodies for one answer."""
        Effect.__post_init__(self)
        if self.body is not None and self.shape != "gateway":
            raise BadKeyError("shape", "cannot be given together with body; leave one of them out")
        if self.body is not None and not has_body(self.status):
            raise BadKeyError("body", f"cannot be sent with status {self.status}, which has none")

    async def act(self, meeting: Meeting) -> None:
        """Answer."""
        content, kind = self._content(meeting)
        sent = {"content-type": kind} if kind else {}
        sent |= {name.lower(): value for name, value in self.headers.items()}
        await meeting.answer(self.status, sent.items(), content)

    def _content(self, meeting: Meeting) -> tuple[bytes, str]:
        match self.body:
            case None:
                return shaped(self.shape, _error(meeting, self.status))
            case bytes():
                return self.body, JSON
            case str():
                return self.body.encode("utf-8", "surrogatepass"), JSON
            case _:
                return json.dumps(self.body).encode(), JSON


@dataclass(frozen=True, slots=True)
class Throttle(Effect):
    """Answers 429, with a `Retry-After` in one of its forms: seconds, a date to come, one gone by, or nonsense."""

    kind: ClassVar[str] = "throttle"
    group: ClassVar[Group] = Group.ANSWER
    says: ClassVar[str] = "answers 429, with a Retry-After in any form or none"
    keys: ClassVar[Mapping[str, Key]] = {
        "retry_after": either(word("none", "date", "past", "garbage"), whole(0, 1_000_000_000)).saying(
            "no header, a date to come or gone by, no sense, or seconds"
        ),
        "shape": word(*SHAPES).saying(_SHAPE),
    }
    retry_after: str | int = "none"
    shape: str = "gateway"

    async def act(self, meeting: Meeting) -> None:
        """Answer."""
        content, kind = shaped(self.shape, _error(meeting, 429))
        sent = {"content-type": kind} if kind else {}
        if self.retry_after != "none":
            sent["retry-after"] = self._when(meeting)
        await meeting.answer(429, sent.items(), content)

    def _when(self, meeting: Meeting) -> str:
        match self.retry_after:
            case "date":
                return format_datetime(meeting.tools.now() + timedelta(seconds=5), usegmt=True)
            case "past":
                return format_datetime(meeting.tools.now() - timedelta(days=1), usegmt=True)
            case "garbage":
                return "soon, perhaps"
            case seconds:
                return str(seconds)


@dataclass(frozen=True, slots=True)
class Revoke(Effect):
    """Ends the token that the call came with; the gateway refuses it until the caller has fetched a new one."""

    kind: ClassVar[str] = "revoke"
    group: ClassVar[Group] = Group.ANSWER
    says: ClassVar[str] = "ends the caller's token: 401 until a new one is fetched"

    async def act(self, meeting: Meeting) -> None:
        """End the token and let the gateway say so."""
        meeting.tools.revoke(_BEARER.sub("", meeting.header(b"authorization")).strip())
        await meeting.pass_on()


@dataclass(frozen=True, slots=True)
class Html(Effect):
    """Answers with a page of HTML: a 404 as for a path that nobody owns, or a sign-in page with 200."""

    kind: ClassVar[str] = "html"
    group: ClassVar[Group] = Group.ANSWER
    says: ClassVar[str] = "answers with a page of HTML"
    keys: ClassVar[Mapping[str, Key]] = {"status": whole(200, 599).saying("the page's status; 200 is a sign-in page")}
    status: int = 404

    def __post_init__(self) -> None:
        """Refuse a page that is not sent."""
        Effect.__post_init__(self)
        if not has_body(self.status):
            raise BadKeyError("status", f"cannot be {self.status}, which has no body and so no page")

    async def act(self, meeting: Meeting) -> None:
        """Answer."""
        content, kind = shaped("html", _error(meeting, self.status))
        await meeting.answer(self.status, [("content-type", kind)], content)


_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Redirect(Effect):
    """Sends the caller on: round in a loop, to a path that nobody owns, or to another origin."""

    kind: ClassVar[str] = "redirect"
    group: ClassVar[Group] = Group.ANSWER
    says: ClassVar[str] = "sends the caller on, to this origin or another, or in a loop"
    keys: ClassVar[Mapping[str, Key]] = {
        "status": Key(
            "one of 301, 302, 303, 307, 308", lambda value: type(value) is int and value in _REDIRECTS
        ).saying("the status"),
        "to": either(word("loop", "moved", "loopback", "example"), origin()).saying(
            "here again, to a path that nobody owns, to another port of this machine, or to another host"
        ),
    }
    status: int = 302
    to: str = "loop"

    async def act(self, meeting: Meeting) -> None:
        """Answer."""
        raw = bytes(meeting.scope.get("raw_path") or meeting.path.encode("utf-8", "replace")).decode("latin-1")
        # A server behind a proxy may put the query there; and no byte of a path can end a header line.
        path = "/" + re.sub(r"[^!-~]", "", raw.partition("?")[0]).lstrip("/")  # two slashes would name a host
        query = re.sub(r"[^!-~]", "", meeting.query)
        target = {"loop": path, "moved": f"{path.rstrip('/')}/moved"}.get(self.to, f"{foreign(self.to)}{path}")
        location = f"{target}?{query}" if query else target
        await meeting.answer(self.status, [("location", location)], b"")


def foreign(word_or_origin: str) -> str:
    """Return the origin that a fault leads to: another port of this machine, example.com, or the one it names."""
    return {"loopback": OTHER_PORT, "example": ELSEWHERE}.get(word_or_origin, word_or_origin)

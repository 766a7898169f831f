"""Owns the faults that act on the connection: late, slow, reset, or closed with nothing said."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from tui_app.emulator.faults.effect import Effect, Group, Meeting, Start
from tui_app.emulator.faults.keys import BadKeyError, Key, amount, whole, word
from tui_app.emulator.faults.wire import send_part, silently

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

_LONGEST_S = 86_400
_DRIP_S = 0.25
_REAL = "real seconds before anything else is done, whatever the speed"


@dataclass(frozen=True, slots=True)
class Count(Effect):
    """Lets the call pass and counts it; any number of these meet the same call."""

    kind: ClassVar[str] = "count"
    group: ClassVar[Group] = Group.COUNT
    says: ClassVar[str] = "does nothing but count the calls"

    async def act(self, meeting: Meeting) -> None:
        """Let it pass."""
        await meeting.pass_on()


@dataclass(frozen=True, slots=True)
class Wait(Effect):
    """Waits before anything else is done, so that the first byte is late; real seconds, whatever the speed.

    Of a caller who leaves meanwhile the service never hears.
    """

    kind: ClassVar[str] = "wait"
    group: ClassVar[Group] = Group.CONNECTION
    says: ClassVar[str] = "is late with the first byte"
    keys: ClassVar[Mapping[str, Key]] = {"seconds": amount(0, _LONGEST_S, above=True).saying(_REAL)}
    seconds: float

    async def act(self, meeting: Meeting) -> None:
        """Wait, then let the call pass."""
        await meeting.pause(self.seconds)
        if not meeting.is_over:
            await meeting.pass_on()


@dataclass(frozen=True, slots=True)
class Drip(Effect):
    """Sends the body so many bytes a second; the start comes at once."""

    kind: ClassVar[str] = "drip"
    group: ClassVar[Group] = Group.CONNECTION
    says: ClassVar[str] = "sends the body a few bytes a second"
    keys: ClassVar[Mapping[str, Key]] = {
        "bytes_a_second": amount(0.01, 1e12).saying("bytes of the body in each real second")
    }
    bytes_a_second: float

    async def act(self, meeting: Meeting) -> None:
        """Pass on the answer, slowly."""
        step = max(1, int(self.bytes_a_second * _DRIP_S))

        async def slowly(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] == "http.response.start" or not body or meeting.is_head:
                await meeting.send(message)
                return
            for at in range(0, len(body), step):
                if meeting.is_over:
                    return
                piece = body[at : at + step]
                await meeting.pause(len(piece) / self.bytes_a_second)
                more = at + step < len(body) or message.get("more_body", False)
                await meeting.send({"type": "http.response.body", "body": piece, "more_body": more})

        await meeting.pass_on(slowly)


@dataclass(frozen=True, slots=True)
class Reset(Effect):
    """Resets the connection: before the service is reached, inside the answer's headers, or inside its body.

    For the last two the service acts; `keep` is how many bytes of the body are sent first.
    """

    kind: ClassVar[str] = "reset"
    group: ClassVar[Group] = Group.CONNECTION
    says: ClassVar[str] = "resets the connection before, or in headers or body"
    keys: ClassVar[Mapping[str, Key]] = {
        "at": word("start", "headers", "body").saying("before the service is reached, or inside its answer"),
        "keep": whole(0, 2**40).saying('with at = "body": bytes of the body that are sent first'),
    }
    at: str = "start"
    keep: int = 0

    def __post_init__(self) -> None:
        """Refuse a number of bytes where none are sent."""
        Effect.__post_init__(self)
        if self.keep and self.at != "body":
            raise BadKeyError("keep", 'counts bytes of the body; add at = "body", or leave keep out')

    async def act(self, meeting: Meeting) -> None:
        """Reset."""
        if self.at == "body":
            await send_part(meeting, self.keep, reset=True)
            return
        start: Start = {"type": "http.response.start", "status": 200, "headers": []}
        if self.at == "headers":
            start = await silently(meeting)
            if meeting.transport is not None and not meeting.is_over:
                meeting.transport.write(_half_head(start))
        await meeting.hang_up(start, reset=True)


def _half_head(start: Start) -> bytes:
    """Return an answer's head as far as into its first header."""
    try:
        phrase = HTTPStatus(start["status"]).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {start['status']} {phrase}\r\ncontent-ty".encode("ascii")


@dataclass(frozen=True, slots=True)
class Lose(Effect):
    """Lets the service act and closes with no byte said: the caller cannot know that, say, a job was made."""

    kind: ClassVar[str] = "lose"
    group: ClassVar[Group] = Group.CONNECTION
    says: ClassVar[str] = "lets the service act and loses its answer"

    async def act(self, meeting: Meeting) -> None:
        """Act and close."""
        await meeting.hang_up(await silently(meeting))

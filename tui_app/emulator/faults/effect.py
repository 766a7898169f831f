"""Owns what every kind of fault has in common: where it stands on a call's way, and what it may do there."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from tui_app.emulator.faults.keys import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui_app.clock import Clock
    from tui_app.emulator.chance import Chance
    from tui_app.emulator.faults.keys import Key

TRANSPORT = "transport"
"""The name under which the server puts a connection's transport into `scope["state"]`."""

_HELD_MOST = 4 * 1_048_576
_QUICK_BYTES = 200_000
_LOOK_S = 1.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time at all: closing sends RST and forgets what is unsent

Headers = list[tuple[bytes, bytes]]
Start = dict[str, Any]


class Group(Enum):
    """How a kind acts, from the service outwards; a call meets at most one fault of each but the first."""

    COUNT = "does nothing to the call"
    ANSWER = "answers instead of the service"
    CONTENT = "changes the answer's JSON"
    BYTES = "changes the answer's bytes and headers"
    CONNECTION = "acts on the connection"


class EnoughError(Exception):
    """Ends a service's work on an answer of which nobody will get the rest."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What faults may use of the platform: the clock that nothing stops, the platform's time, the end of a token."""

    clock: Clock
    now: Callable[[], datetime]
    revoke: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Meeting:
    """One call that met a fault: the three of ASGI, and `app`, which is the service or the next fault."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    tools: Tools
    chance: Chance

    @property
    def path(self) -> str:
        """The path that was called."""
        return str(self.scope["path"])

    @property
    def query(self) -> str:
        """The query that was sent, without its question mark."""
        return bytes(self.scope.get("query_string", b"")).decode("latin-1")

    @property
    def is_head(self) -> bool:
        """Whether the caller asked for no body."""
        return bool(self.scope["method"] == "HEAD")

    @property
    def transport(self) -> asyncio.Transport | None:
        """The connection itself; None where the application is not served by `emulator.server`."""
        found = self.scope.get("state", {}).get(TRANSPORT)
        return found if isinstance(found, asyncio.Transport) else None

    @property
    def is_over(self) -> bool:
        """Whether the caller is known to have left."""
        return self.transport is not None and self.transport.is_closing()

    def header(self, name: bytes) -> str:
        """Return a header of the request; "" when there is none."""
        return next((value.decode("latin-1") for known, value in self.scope["headers"] if known == name), "")

    async def pass_on(self, send: Send | None = None) -> None:
        """Let the service answer, into `send` if it is given."""
        try:
            await self.app(self.scope, self.receive, send or self.send)
        except* EnoughError:
            pass

    async def answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Answer instead of the service."""
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if not has_body(status):
            body = b""
        else:
            pairs.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})

    async def pause(self, seconds: float) -> None:
        """Wait by the clock that nothing stops, as long as the caller is there."""
        if self.transport is None:
            await self.tools.clock.sleep(seconds)
            return
        end = self.tools.clock.monotonic() + seconds
        while not self.is_over and (left := end - self.tools.clock.monotonic()) > 0:
            await self.tools.clock.sleep(min(left, _LOOK_S))

    async def hang_up(self, start: Start | None = None, *, reset: bool = False) -> None:
        """Close the connection at once, by a reset if asked for, and return when it is gone.

        Where there is no connection, an answer that is under way is ended, and one that is not is made of `start`
        with a length and no body: a caller in this process sees that it was cut.
        """
        transport = self.transport
        if transport is None:
            if start is not None:
                cut = with_headers(start, {b"content-length": str(max(1, declared(start) or 0)).encode()})
                await self.send({**cut, "status": start["status"] if has_body(start["status"]) else 200})
            await self.send({"type": "http.response.body", "body": b""})
            return
        if reset:
            connection = transport.get_extra_info("socket")
            if connection is not None and not transport.is_closing():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        else:
            transport.close()
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def change_body(self, kinds: tuple[str, ...], change: Callable[[Start, bytes], tuple[Start, bytes]]) -> None:
        """Pass on an answer whose content type has one of `kinds` in it, with another start and body.

        Answers of other types, and those of more than 4 MiB, pass as they are.
        """
        holder = _Holder(self.send, kinds)
        await self.pass_on(holder.take)
        if holder.start is None:
            return
        start, body = holder.start, bytes(holder.body)
        quick = len(body) < _QUICK_BYTES
        start, body = change(start, body) if quick else await asyncio.to_thread(change, start, body)
        if has_body(start["status"]):
            start = with_headers(start, {b"content-length": str(len(body)).encode()})
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


class Effect:
    """A kind of fault; a subclass is a frozen dataclass whose fields are the keys of the kind.

    `says` tells what it does in a few words, after the kind's own word; `keys` how each field is read.
    """

    __slots__ = ()
    kind: ClassVar[str]
    group: ClassVar[Group]
    says: ClassVar[str]
    keys: ClassVar[Mapping[str, Key]] = {}

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        checked(self, self.keys)

    async def act(self, meeting: Meeting) -> None:
        """Do to a call what the kind says."""
        raise NotImplementedError


class _Holder:
    """Collects an answer of the wanted type; lets every other one through."""

    def __init__(self, send: Send, kinds: tuple[str, ...]) -> None:
        self._send = send
        self._kinds = kinds
        self.start: Start | None = None
        self.body = bytearray()

    async def take(self, message: Message) -> None:
        """Receive one message of the answer."""
        if message["type"] == "http.response.start":
            kind = header_of(message, b"content-type").lower()
            if any(wanted in kind for wanted in self._kinds) and has_body(message["status"]):
                self.start = dict(message)
            else:
                await self._send(message)
        elif self.start is None:
            await self._send(message)
        else:
            self.body += message.get("body", b"")
            if len(self.body) > _HELD_MOST:
                start, self.start = self.start, None
                await self._send(start)
                await self._send({**message, "body": bytes(self.body)})


def has_body(status: int) -> bool:
    """Whether an answer of this status has a body at all."""
    return status not in {204, 304}


def header_of(message: Mapping[str, Any], name: bytes) -> str:
    """Return a header of an answer's start; "" when there is none."""
    pairs: Headers = message.get("headers", [])
    return next((value.decode("latin-1") for known, value in pairs if known.lower() == name), "")


def declared(start: Mapping[str, Any]) -> int | None:
    """Return the length that an answer's start declares."""
    text = header_of(start, b"content-length")
    return int(text) if text.isascii() and text.isdigit() else None


def with_headers(start: Mapping[str, Any], changes: Mapping[bytes, bytes | None]) -> Start:
    """Return an answer's start with headers put in the place of those of their name; None takes one away."""
    kept = [(name, value) for name, value in start.get("headers", []) if name.lower() not in changes]
    return {**start, "headers": kept + [(name, value) for name, value in changes.items() if value is not None]}

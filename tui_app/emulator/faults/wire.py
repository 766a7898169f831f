"""Owns the faults that change an answer's bytes and headers: cut, endless, wrong lengths, ranges and encodings."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from tui_app.emulator.faults.effect import (
    Effect,
    EnoughError,
    Group,
    Meeting,
    Start,
    declared,
    has_body,
    header_of,
    with_headers,
)
from tui_app.emulator.faults.keys import BadKeyError, Key, header_names, headers, whole, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

_MIB = 1_048_576
_TEXTUAL = ("json", "text", "html")
_ENDLESS_CHUNK = 16_384
_UNSERVED_MOST = 8 * _MIB
_GZIP = 31  # window bits of zlib that mean gzip
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Truncate(Effect):
    """Lets the service act and closes after so many bytes of its answer, under the true Content-Length."""

    kind: ClassVar[str] = "truncate"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "closes in the middle of the body"
    keys: ClassVar[Mapping[str, Key]] = {"keep": whole(0, 2**40).saying("bytes of the body that are sent")}
    keep: int

    async def act(self, meeting: Meeting) -> None:
        """Pass on the first bytes."""
        await send_part(meeting, self.keep, reset=False)


async def send_part(meeting: Meeting, keep: int, *, reset: bool) -> None:
    """Pass on an answer's start and `keep` bytes of its body, then close.

    An answer that has no more bytes than that declares one more, so that it is cut in any case.
    """
    left = keep
    over = False

    async def cutting(message: Message) -> None:
        nonlocal left, over
        if message["type"] == "http.response.start":
            await meeting.send(_longer(message, keep))
            return
        if over:
            raise EnoughError
        body = message.get("body", b"")[:left]
        left -= len(body)
        over = left <= 0 or not message.get("more_body", False)
        await meeting.send({"type": "http.response.body", "body": body, "more_body": True})
        if over:
            raise EnoughError

    await meeting.pass_on(cutting)
    await meeting.hang_up(reset=reset)


def _longer(message: Message, keep: int) -> Start:
    """Return an answer's start that promises more than will be sent."""
    length = declared(message)
    if not has_body(message["status"]):
        message, length = {**message, "status": 200}, 0
    if length is None:
        return dict(message)  # in chunks: without the last one it is cut
    return with_headers(message, {b"content-length": str(max(length, min(keep, length) + 1)).encode()})


@dataclass(frozen=True, slots=True)
class Endless(Effect):
    """Answers with a body that never ends: a list of records in JSON, or bytes.

    It goes on until the caller leaves; without a connection, where nobody could, it ends after 8 MiB.
    """

    kind: ClassVar[str] = "endless"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "sends a body without end until the caller leaves"
    keys: ClassVar[Mapping[str, Key]] = {"what": word("json", "bytes").saying("a list of records, or bytes")}
    what: str = "json"

    async def act(self, meeting: Meeting) -> None:
        """Let the service act, and answer on and on."""
        head = await silently(meeting)
        kind = b"application/json" if self.what == "json" else b"application/octet-stream"
        changes = {b"content-length": None, b"content-encoding": None, b"content-type": kind}
        await meeting.send({**with_headers(head, changes), "status": 200})
        await self._part(meeting, b'{"records":[' if self.what == "json" else b"")
        number = sent = 0
        while not meeting.is_over and (meeting.transport is not None or sent < _UNSERVED_MOST):
            if meeting.is_head:
                break
            chunk = b""
            while len(chunk) < _ENDLESS_CHUNK:
                number += 1
                chunk += self._record(meeting, number)
            await self._part(meeting, chunk)
            sent += len(chunk)
            await meeting.tools.clock.sleep(0)  # a caller that reads fast must not keep others from being served
        await meeting.send({"type": "http.response.body", "body": b""})

    def _record(self, meeting: Meeting, number: int) -> bytes:
        if self.what == "bytes":
            return bytes.fromhex(meeting.chance.hex(128)) * 64
        record = {"id": number, "status": "SUCCEEDED", "requestId": f"{number:032x}"}
        return (json.dumps(record, separators=(",", ":")) + ",").encode("ascii")

    @staticmethod
    async def _part(meeting: Meeting, chunk: bytes) -> None:
        await meeting.send({"type": "http.response.body", "body": chunk, "more_body": True})


async def silently(meeting: Meeting) -> Start:
    """Let the service act, and return the start of the answer that nobody gets; its body is not even made."""
    starts: list[Start] = []

    async def hear(message: Message) -> None:
        if message["type"] != "http.response.start":
            raise EnoughError
        starts.append(dict(message))

    await meeting.pass_on(hear)
    return starts[0] if starts else {"type": "http.response.start", "status": 200, "headers": []}


@dataclass(frozen=True, slots=True)
class Length(Effect):
    """Declares a Content-Length that is wrong by so many bytes; above zero the body ends too early.

    Below zero all of the body is sent nevertheless; the caller finds what is left over where the next answer should
    be. An answer that declares no length passes as it is.
    """

    kind: ClassVar[str] = "length"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "declares a wrong Content-Length, too long or too short"
    keys: ClassVar[Mapping[str, Key]] = {"by": whole(-(2**40), 2**40).saying("bytes too many; below zero too few")}
    by: int

    def __post_init__(self) -> None:
        """Refuse a length that is right."""
        Effect.__post_init__(self)
        if self.by == 0:
            raise BadKeyError("by", "must not be 0, which is the right length")

    async def act(self, meeting: Meeting) -> None:
        """Pass on the answer."""
        left: int | None = None
        wrong = False

        async def lying(message: Message) -> None:
            nonlocal left, wrong
            if message["type"] == "http.response.start":
                length = declared(message)
                if length is not None and has_body(message["status"]):
                    wrong, left = True, max(0, length + self.by)
                    message = with_headers(message, {b"content-length": str(left).encode()})
                await meeting.send(message)
            elif left is None or meeting.is_head or meeting.transport is None:
                await meeting.send(message)
            else:
                left = await self._part(meeting, message, left)

        await meeting.pass_on(lying)
        if wrong and self.by > 0 and meeting.transport is not None and not meeting.is_head:
            await meeting.hang_up()

    async def _part(self, meeting: Meeting, message: Message, left: int) -> int:
        """Send what the declared length has room for as HTTP, the rest past it."""
        body = message.get("body", b"")
        fits, rest = body[:left], body[left:]
        if fits:
            await meeting.send({"type": "http.response.body", "body": fits, "more_body": True})
        if rest and meeting.transport is not None and not meeting.is_over:
            meeting.transport.write(rest)
            # Nothing, as HTTP; but it waits while the caller reads more slowly than this writes.
            await meeting.send({"type": "http.response.body", "body": b"", "more_body": True})
        if self.by < 0 and not message.get("more_body", False):
            await meeting.send({"type": "http.response.body", "body": b""})
        return left - len(fits)


@dataclass(frozen=True, slots=True)
class Range(Effect):
    """Gets a range wrong: another start or total, no Content-Range, other bytes, or the whole file for an answer."""

    kind: ClassVar[str] = "range"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "gets Content-Range or the bytes of a range wrong"
    keys: ClassVar[Mapping[str, Key]] = {
        "wrong": word("start", "total", "missing", "bytes", "ignored").saying(
            "which part of Content-Range, all of it, the bytes; or the whole file is the answer"
        )
    }
    wrong: str = "start"

    async def act(self, meeting: Meeting) -> None:
        """Pass on the answer; one that is no range of a file stays as it is."""
        if self.wrong == "ignored":
            meeting.scope["headers"] = [pair for pair in meeting.scope["headers"] if pair[0] != b"range"]
            await meeting.pass_on()
            return
        partial = False

        async def lying(message: Message) -> None:
            nonlocal partial
            if message["type"] == "http.response.start":
                partial = message["status"] == 206  # noqa: PLR2004 - the status of a range
                await meeting.send(self._start(message) if partial else message)
            elif partial and self.wrong == "bytes":
                await meeting.send({**message, "body": message.get("body", b"").translate(_OTHER_BYTES)})
            else:
                await meeting.send(message)

        await meeting.pass_on(lying)

    def _start(self, message: Message) -> Start:
        found = _RANGE.fullmatch(header_of(message, b"content-range"))
        if self.wrong == "missing":
            return with_headers(message, {b"content-range": None})
        if found is None or self.wrong == "bytes":
            return dict(message)
        first, last, total = map(int, found.groups())
        text = f"bytes {first + 1}-{last + 1}/{total}" if self.wrong == "start" else f"bytes {first}-{last}/{total * 2}"
        return with_headers(message, {b"content-range": text.encode("ascii")})


_OTHER_BYTES = bytes(value ^ 0x55 for value in range(256))


@dataclass(frozen=True, slots=True)
class Gzip(Effect):
    """Says that the body is gzip: over what is none, over one that is cut in half, or over a small bomb.

    `mb` is the size of the bomb when it has gone off, in MiB; what goes over the wire is a thousandth of it.
    """

    kind: ClassVar[str] = "gzip"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "says gzip over garbage, over half a body, or over a bomb"
    keys: ClassVar[Mapping[str, Key]] = {
        "how": word("garbage", "cut", "bomb").saying("no gzip at all, half of it, or a bomb"),
        "mb": whole(1, 1024).saying('with how = "bomb": MiB that it has unpacked'),
    }
    how: str = "garbage"
    mb: int = 64

    def __post_init__(self) -> None:
        """Refuse a size for what has none."""
        Effect.__post_init__(self)
        if self.how != "bomb" and self.mb != _BOMB_MB:
            raise BadKeyError("mb", 'is the size of a bomb; add how = "bomb", or leave mb out')

    async def act(self, meeting: Meeting) -> None:
        """Pass on the answer."""
        if self.how == "bomb":
            head = await silently(meeting)
            content = await asyncio.to_thread(_bomb, self.mb)
            length = str(len(content)).encode()
            changes = {b"content-length": length, b"content-encoding": b"gzip", b"content-type": b"application/json"}
            await meeting.send({**with_headers(head, changes), "status": 200})
            await meeting.send({"type": "http.response.body", "body": content})
            return
        await meeting.change_body(("",), self._changed)

    def _changed(self, start: Start, body: bytes) -> tuple[Start, bytes]:
        if self.how == "cut":
            packer = zlib.compressobj(wbits=_GZIP)
            packed = packer.compress(body) + packer.flush()
            body = packed[: len(packed) // 2]
        return with_headers(start, {b"content-encoding": b"gzip"}), body


_BOMB_MB = 64


@lru_cache(maxsize=2)
def _bomb(mb: int) -> bytes:
    """Return a JSON object of `mb` MiB, as gzip."""
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    blank = b" " * _MIB
    parts = [packer.compress(b'{"padding":"'), *(packer.compress(blank) for _ in range(mb))]
    return b"".join([*parts, packer.compress(b'"}'), packer.flush()])


@dataclass(frozen=True, slots=True)
class Encoding(Effect):
    """Sends text in another encoding than it says: UTF-16, with a byte order mark, or with bytes that are no UTF-8."""

    kind: ClassVar[str] = "encoding"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "sends text as UTF-16, with a mark, or as no UTF-8"
    keys: ClassVar[Mapping[str, Key]] = {"how": word("utf-16", "bom", "invalid").saying("what the text is")}
    how: str = "utf-16"

    async def act(self, meeting: Meeting) -> None:
        """Pass on the answer."""
        await meeting.change_body(_TEXTUAL, self._changed)

    def _changed(self, start: Start, body: bytes) -> tuple[Start, bytes]:
        match self.how:
            case "bom":
                return start, b"\xef\xbb\xbf" + body
            case "invalid":
                middle = body.find(b'"') + 1
                return start, body[:middle] + b"\xff\xc0\x80" + body[middle:]
            case _:
                return start, body.decode("utf-8", "replace").encode("utf-16")


@dataclass(frozen=True, slots=True)
class Headers(Effect):
    """Adds headers to the answer, takes some away, or sends some twice."""

    kind: ClassVar[str] = "headers"
    group: ClassVar[Group] = Group.BYTES
    says: ClassVar[str] = "adds headers, leaves some out, or sends some twice"
    keys: ClassVar[Mapping[str, Key]] = {
        "add": headers().saying("headers that the answer gets besides its own"),
        "remove": header_names().saying("headers that it loses"),
        "twice": header_names().saying("headers that it has twice"),
    }
    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] | list[str] = ()
    twice: tuple[str, ...] | list[str] = ()

    def __post_init__(self) -> None:
        """Refuse to change nothing."""
        Effect.__post_init__(self)
        if not (self.add or self.remove or self.twice):
            raise BadKeyError("add", "is missing or empty, and so are remove and twice; give one of them")

    async def act(self, meeting: Meeting) -> None:
        """Pass on the answer."""
        added = [(name.lower().encode("ascii"), text.encode("latin-1")) for name, text in self.add.items()]
        removed = {name.lower().encode("ascii") for name in self.remove}
        twice = {name.lower().encode("ascii") for name in self.twice}

        async def changing(message: Message) -> None:
            if message["type"] == "http.response.start":
                pairs = [(name.lower(), value) for name, value in message.get("headers", [])]
                kept = [pair for pair in pairs if pair[0] not in removed]
                again = [pair for pair in kept if pair[0] in twice]
                message = {**message, "headers": kept + again + added}
            await meeting.send(message)

        await meeting.pass_on(changing)

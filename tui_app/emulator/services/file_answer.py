"""Owns answers whose body is a file: whole or the one range that was asked for, in chunks, flat in memory."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, BinaryIO

from starlette.responses import Response

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

CHUNK = 1_048_576
_RANGE = re.compile(r"bytes=(?:([0-9]{1,400})-([0-9]{0,400})|-([0-9]{1,400}))", re.IGNORECASE)


class UnsatisfiableError(Exception):
    """A range that begins behind the last byte."""


def span(asked: str | None, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte that a `Range` header asks for; None for the whole file.

    Several ranges, other units and whatever is not a range at all mean the whole file (RFC 9110, 14.2).

    Raises:
        UnsatisfiableError: no byte of the file is in the range.
    """
    match = _RANGE.fullmatch(asked.strip()) if asked else None
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        if length == 0:
            raise UnsatisfiableError
        return size - length, size - 1
    low, high = int(first), int(last) if last else size - 1
    if last and high < low:
        return None
    if low >= size:
        raise UnsatisfiableError
    return low, min(high, size - 1)


class FileAnswer(Response):
    """A file's bytes: 200 whole, 206 for one range, 416 for one that begins behind the end (API reference 4.2).

    `release` is closed when the last byte is sent or the caller has gone: it is what keeps the file there.
    """

    def __init__(self, path: Path, asked: str | None, *, media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._path = path
        self._asked = asked
        self.release = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with self.release:
            with await asyncio.to_thread(self._path.open, "rb", 0) as file:
                size = file.seek(0, 2)
                try:
                    found = span(self._asked, size)
                except UnsatisfiableError:
                    await _unsatisfiable(size)(scope, receive, send)
                    return
                low, high = found or (0, size - 1)
                self.status_code = 200 if found is None else 206
                self.raw_headers = _headers(self.media_type or "", low, high, size, is_part=found is not None)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                file.seek(low)
                await _stream(file, high + 1 - low, receive, send)


class BytesAnswer(Response):
    """Bytes that are in memory, served as `FileAnswer` serves those of a file."""

    def __init__(self, content: bytes, asked: str | None, *, media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._content = content
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        size = len(self._content)
        try:
            found = span(self._asked, size)
        except UnsatisfiableError:
            await _unsatisfiable(size)(scope, receive, send)
            return
        low, high = found or (0, size - 1)
        headers = _headers(self.media_type or "", low, high, size, is_part=found is not None)
        await send({"type": "http.response.start", "status": 200 if found is None else 206, "headers": headers})
        await send({"type": "http.response.body", "body": self._content[low : high + 1]})


def _headers(media_type: str, low: int, high: int, size: int, *, is_part: bool) -> list[tuple[bytes, bytes]]:
    found = {"content-type": media_type, "content-length": str(high + 1 - low), "accept-ranges": "bytes"}
    if is_part:
        found["content-range"] = f"bytes {low}-{high}/{size}"
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found.items()]


def _unsatisfiable(size: int) -> Response:
    return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})


async def _stream(file: BinaryIO, left: int, receive: Receive, send: Send) -> None:
    """Send `left` bytes, the next chunk being read while one is sent; stop when the caller has gone."""
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(_disconnect(receive))
    try:
        chunk = await loop.run_in_executor(None, file.read, min(CHUNK, left))
        while chunk and not gone.done():
            left -= len(chunk)
            ahead = loop.run_in_executor(None, file.read, min(CHUNK, left)) if left else None
            try:
                await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
            finally:
                chunk = await ahead if ahead is not None else b""
    finally:
        gone.cancel()


async def _disconnect(receive: Receive) -> None:
    """Wait until the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass

"""Owns the calls on the files of batches: listings, and bytes by ranges (API reference 4)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from tui_app.api.errors import BadAnswerError
from tui_app.api.origin import path_segment
from tui_app.models.base import mapping
from tui_app.models.data_access import ByteRange, Listing, RemoteFile
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui_app.api.session import Session

_ROOT: Final = "/data/foundation/export"
_PAGE: Final = 100
_MOST_LISTINGS: Final = 2_000
_DEEPEST: Final = 8
_PARTIAL: Final = 206


@dataclass(frozen=True, slots=True)
class FileBytes:
    """Bytes of a file as they come; `found` says which, by the answer's own word."""

    found: ByteRange
    chunks: AsyncIterator[bytes]


class DataAccess:
    """Lists the files of batches, and reads them by ranges."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def batch_files(self, batch_id: str) -> tuple[RemoteFile, ...]:
        """Return all physical files of a batch, pages and directories followed (4.1, 4.2); none for an empty one.

        Raises:
            NotFoundError: there is no such batch, or nothing can be read of it.
            BadAnswerError: the listings lead on without end.
            ApiError: see `errors`.
        """
        what = f"The files of batch {shortened(batch_id)} could not be listed."
        top = f"{_ROOT}/batches/{path_segment(batch_id)}/files"
        seen: set[str] = set()
        waiting = [("", top, 0)]
        found: dict[tuple[str, str], RemoteFile] = {}
        listings = 0
        while waiting:
            file_id, path, depth = waiting.pop(0)
            async for page in self._pages(path, what):
                listings += 1
                if listings > _MOST_LISTINGS or depth > _DEEPEST:
                    raise _endless(what)
                # A name without a set of its own, in the batch's listing, cannot be asked for.
                for name, length in page.files if file_id else ():
                    found.setdefault((file_id, name), RemoteFile(batch_id, file_id, name, length))
                for one in page.directories:
                    if one not in seen:
                        seen.add(one)
                        waiting.append((one, f"{_ROOT}/files/{path_segment(one)}", depth + 1))
        return tuple(found.values())

    async def _pages(self, path: str, what: str) -> AsyncIterator[Listing]:
        query: list[tuple[str, str]] = [("limit", str(_PAGE))]
        asked: set[tuple[tuple[str, str], ...]] = set()
        while tuple(query) not in asked:
            asked.add(tuple(query))
            page = Listing.parse(mapping(await self._session.fetch("GET", path, what=what, query=query)))
            yield page
            if page.following is None:
                return
            # Only its query: the link's own host may be one that is not ours to ask.
            told = _query_of(page.following)
            if not told:
                return
            names = {name for name, _ in told}
            query = [*((name, value) for name, value in query if name not in names), *told]

    async def size(self, file: RemoteFile) -> int:
        """Return how many bytes a file has, from a read of its first.

        Raises:
            NotFoundError: the file is gone.
            ApiError: see `errors`.
        """

        async def first() -> int:
            async with self.stream(file, 0, 1) as answer:
                return answer.found.total

        return await self._session.repeated(first)

    async def read(self, file: RemoteFile, start: int, length: int) -> bytes:
        """Return some bytes of a file, in as many requests as it takes.

        Raises:
            NotFoundError: the file is gone.
            ApiError: see `errors`.
        """
        data = bytearray()
        while len(data) < length:
            at = start + len(data)

            async def more(at: int = at) -> tuple[bytes, int]:
                found = bytearray()
                async with self.stream(file, at, start + length - at) as answer:
                    async for chunk in answer.chunks:
                        found += chunk
                        if at + len(found) >= start + length:
                            break
                    return bytes(found), answer.found.total

            came, total = await self._session.repeated(more)
            data += came
            if not came or start + len(data) >= total:
                break
        return bytes(data[:length])

    @asynccontextmanager
    async def stream(self, file: RemoteFile, start: int, length: int) -> AsyncIterator[FileBytes]:
        """Ask for bytes of a file, once; what comes may be fewer than asked for, and begins where it was asked to.

        Args:
            file: which.
            start: the first byte wanted.
            length: how many, at least 1.

        Raises:
            NotFoundError: the file is gone.
            InterruptedAnswerError: raised while the chunks are read: the line broke; what came before counts.
            BadAnswerError: the answer holds other bytes than asked for.
            ApiError: see `errors`.
        """
        what = f"File {shortened(safe_text(file.name))} could not be read."
        path = f"{_ROOT}/files/{path_segment(file.file_id)}"
        headers = {"Range": f"bytes={start}-{start + length - 1}", "Accept": "*/*", "Accept-Encoding": "identity"}
        async with self._session.stream(path, what=what, query=[("path", file.name)], headers=headers) as answer:
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                raise BadAnswerError(
                    what,
                    cause="The answer is compressed, which was not asked for.",
                    next_step="A proxy on the way changes answers; go round it.",
                )
            found = _found(answer.status, answer.headers, what)
            if found is None or found.first != start:
                told = safe_text(answer.headers.get("content-range", "no range")[:100])
                raise BadAnswerError(
                    what,
                    cause=f"Bytes from {start:,} on were asked for, and the answer holds {told}.",
                    next_step="Try again; if it stays so, a proxy on the way does not pass ranges on.",
                )
            yield FileBytes(found, answer.chunks)


def _found(status: int, headers: dict[str, str], what: str) -> ByteRange | None:
    announced = headers.get("content-length", "")
    length = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 19 else None  # noqa: PLR2004 - 64 bits
    if status != _PARTIAL:
        return ByteRange(0, length - 1, length) if length else None
    found = ByteRange.parse(headers.get("content-range", ""))
    if found is not None and length is not None and length != found.length:
        raise BadAnswerError(
            what,
            cause=f"The answer announces {length:,} bytes and a range of {found.length:,}.",
            next_step="Try again.",
        )
    return found


def _query_of(href: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(href).query)
    except ValueError:  # what calls itself a link may be anything
        return []


def _endless(what: str) -> BadAnswerError:
    return BadAnswerError(
        what, cause="Its directories lead on without end.", next_step="Report it with the batch's id."
    )

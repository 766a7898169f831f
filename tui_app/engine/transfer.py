"""Owns bringing one file over, whole or not at all: ranges, what to do when one fails, and going on after a kill.

What has come stands in `NAME.part`; `NAME.part.json` says of which file it is and how much of it is safely on the disk.
Only a file whose size and magic are right gets its own name.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import os
import random
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from tui_app.api.attempts import worth_repeating
from tui_app.api.errors import ApiError, BadAnswerError, InterruptedAnswerError, NotFoundError, StatusError
from tui_app.engine.failures import failure_of
from tui_app.engine.manifest import ManifestFile
from tui_app.models.base import count, mapping
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.models.parquet_footer import HEAD, MAGIC, TAIL, FooterError, footer_length, row_count
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tui_app.api.data_access import DataAccess
    from tui_app.clock import Clock
    from tui_app.engine.rate_limit import RateLimit
    from tui_app.engine.target import Target
    from tui_app.models.data_access import RemoteFile

T = TypeVar("T")
_log = logging.getLogger(__name__)
MIB: Final = 1024**2
_RANGE: Final = 16 * MIB
_SMALLEST: Final = MIB
_LARGEST: Final = 256 * MIB
_SHORT_S: Final = 5.0
"""One that took no longer is followed by a larger one: each asks anew, and a fast line waits meanwhile."""
_LONG_S: Final = 25.0
"""The service cuts an answer at 60 s (API reference 4); one that took this long is followed by a smaller one."""
_BLOCK: Final = 2 * MIB
_SYNC: Final = 64 * MIB
_TRIES: Final = 8
_TRIES_AT_SIZE: Final = 3
"""How often a file must show another size than it was listed with: one such answer may be a proxy's or a fault."""
_FIRST_DELAY_S: Final = 0.5
_MOST_DELAY_S: Final = 20.0
_LOOK_EVERY_S: Final = 15.0
_SLOWEST: Final = 2_048
"""Bytes a second below which an answer is given up and asked for anew."""
_LEAST: Final = 16 * 1024
"""An answer that brings fewer bytes than this and than were asked for counts as none: asking has its price."""
_SIDECAR_MOST: Final = 65_536


class _SizeChangedError(BadAnswerError):
    """The file has another size than it was listed with."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file goes: the folder, its name there, and its path as the manifest has it."""

    target: Target
    name: str
    path: str


class Transfer:
    """Brings files of one platform over.

    Args:
        access: reads the bytes.
        clock: delays.
        limit: keeps to a rate over all files.
    """

    def __init__(self, access: DataAccess, clock: Clock, limit: RateLimit) -> None:
        self._access = access
        self._clock = clock
        self._limit = limit

    async def fetch(self, file: RemoteFile, place: Place, *, told: Callable[[int], None]) -> ManifestFile:
        """Bring a file over and return what the manifest says of it.

        Args:
            file: which; its length must be known.
            place: where to.
            told: hears after each block how many bytes of the file are here.

        Raises:
            FailureError: it could not be; what has come stays for the next time.
        """
        length = file.length or 0
        what = f"File {shortened(safe_text(file.name))} was not downloaded"
        try:
            part = await to_its_end(lambda: _Part.open(place, file), undo=_Part.close)
            try:
                told(part.size)
                if part.size < length:
                    await self._fill(file, part, told)
                return await to_its_end(part.finish)
            finally:
                await to_its_end(part.close)
        except OSError as error:
            raise FailureError(disk_failure(what, error)) from None
        except ApiError as error:
            if isinstance(error, NotFoundError):
                error.next_step = "It may have been removed or expired; list the files of its batch again."
            raise FailureError(failure_of(error, what=what, clock=self._clock)) from None

    async def _fill(self, file: RemoteFile, part: _Part, told: Callable[[int], None]) -> None:
        """Ask for range after range; give up when many tries one after another brought nothing."""
        length, span, tries = file.length or 0, _RANGE, 0
        while part.size < length:
            before, began, wanted = part.size, self._clock.monotonic(), min(span, length - part.size)
            try:
                await self._one_range(file, part, wanted, told)
                if part.size - before < min(wanted, _LEAST):
                    raise _meagre(file, part.size - before, wanted)
            except ApiError as error:
                # What came before the line broke is kept, and counts as a success.
                tries = 0 if part.size - before >= min(wanted, _LEAST) else tries + 1
                most = _TRIES_AT_SIZE if isinstance(error, _SizeChangedError) else _TRIES
                if tries >= most or not _passes(error):
                    raise
                await self._clock.sleep(self._delay(error, tries))
            else:
                tries = 0
            took = self._clock.monotonic() - began
            if took > _LONG_S and not self._limit.is_on:
                span = max(_SMALLEST, span // 2)
            elif took < _SHORT_S:
                span = min(_LARGEST, span * 2)

    async def _one_range(self, file: RemoteFile, part: _Part, wanted: int, told: Callable[[int], None]) -> None:
        start = part.size
        async with self._access.stream(file, start, wanted) as answer:
            if answer.found.total != file.length:
                raise _SizeChangedError(
                    f"File {shortened(safe_text(file.name))} could not be read.",
                    cause=f"It had {file.length:,} bytes when it was listed, and has {answer.found.total:,} now.",
                    next_step="Download again: it then begins anew with the file as it is.",
                )
            due = min(wanted, answer.found.length)
            await self._write(self._watched(answer.chunks, file), part, start + due, told)
        if part.size < start + due:
            raise InterruptedAnswerError(
                f"File {shortened(safe_text(file.name))} could not be read.",
                cause=f"The answer ended after {part.size - start:,} of {due:,} bytes.",
                next_step="Check the network and try again.",
            )

    async def _write(self, chunks: AsyncIterator[bytes], part: _Part, end: int, told: Callable[[int], None]) -> None:
        """Write what comes up to `end`, a block at a time, the next one being read meanwhile."""
        held: list[bytes] = []
        size, due = 0, end - part.size
        writing: asyncio.Future[None] | None = None
        noting: asyncio.Future[None] | None = None
        try:
            async for chunk in chunks:
                held.append(chunk[: due - size])
                size += len(held[-1])
                if size >= _BLOCK or size >= due:
                    if writing is not None:
                        await asyncio.shield(writing)
                        told(part.size)
                    if part.unsynced >= _SYNC and (noting is None or noting.done()):
                        if noting is not None:
                            noting.result()
                        noting = asyncio.ensure_future(to_its_end(part.note))
                    writing = asyncio.ensure_future(to_its_end(partial(part.write, held)))
                    due -= size
                    held, size = [], 0
                if due <= 0:
                    break
                if self._limit.is_on:
                    await self._limit.take(len(chunk))
        finally:
            # What came is kept, also when the rest did not, or somebody paused.
            if writing is not None:
                await _ended(writing)
            if held and due == end - part.size:
                await to_its_end(partial(part.write, held))
            told(part.size)
            if noting is not None:
                await _ended(noting)

    async def _watched(self, chunks: AsyncIterator[bytes], file: RemoteFile) -> AsyncIterator[bytes]:
        """Give what comes, and give up on an answer that only drips; what we wait for ourselves is not its fault."""
        seen, waited = 0, 0.0
        while True:
            since = self._clock.monotonic()
            chunk = await anext(chunks, None)
            if chunk is None:
                return
            waited += self._clock.monotonic() - since
            seen += len(chunk)
            yield chunk
            if waited >= _LOOK_EVERY_S:
                if seen < _SLOWEST * waited:
                    raise InterruptedAnswerError(
                        f"File {shortened(safe_text(file.name))} could not be read.",
                        cause=f"Only {seen:,} bytes came in {waited:.0f} s.",
                        next_step="Check the network and try again.",
                    )
                seen, waited = 0, 0.0

    def _delay(self, error: ApiError, tries: int) -> float:
        asked = error.retry_after_s if isinstance(error, StatusError) else None
        if asked is not None:
            return min(asked, 60.0)
        full = min(_MOST_DELAY_S, _FIRST_DELAY_S * 2.0 ** max(0, tries - 1))
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - only to keep clients apart


class _Part:
    """The part of a file that is here; `note` may run beside `write`, and nothing else beside anything."""

    def __init__(self, place: Place, file: RemoteFile, descriptor: int, size: int) -> None:
        self._place, self._file = place, file
        self._descriptor = descriptor
        self._synced = self.size = size
        self._hash = hashlib.sha256()

    @classmethod
    def open(cls, place: Place, file: RemoteFile) -> _Part:
        """Open what an earlier run left of this very file, or begin anew.

        Raises:
            OSError: it cannot be written.
        """
        side = mapping(_json(place.target.read(f"{place.name}.part.json", _SIDECAR_MOST)))
        is_same = [side.get("file_id"), side.get("name"), side.get("length")] == [file.file_id, file.name, file.length]
        descriptor = place.target.open_file(f"{place.name}.part", write=True)
        try:
            here = os.fstat(descriptor).st_size
            # A kill loses nothing that was written; only a crash of the machine can lose what was not synced.
            sure = here if side.get("boot") and side.get("boot") == _boot() else count(side.get("synced")) or 0
            kept = min(here, sure, file.length or 0) if is_same else 0
            os.ftruncate(descriptor, kept)
            part = cls(place, file, descriptor, kept)
            part._take_in(kept)
            part.note()
        except BaseException:
            os.close(descriptor)
            raise
        return part

    def write(self, chunks: Sequence[bytes]) -> None:
        """Add bytes at the end."""
        if self.unsynced >= _SYNC and self._place.target.free() == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data, written = b"".join(chunks), 0
        while written < len(data):
            written += os.pwrite(self._descriptor, memoryview(data)[written:], self.size + written)
        self._hash.update(data)
        self.size += len(data)

    @property
    def unsynced(self) -> int:
        """How many of its bytes are not known to be safe on the disk."""
        return self.size - self._synced

    def note(self) -> None:
        """Make what is here safe on the disk, then say so.

        Raises:
            OSError: it cannot be.
        """
        here = self.size
        os.fsync(self._descriptor)
        file = self._file
        side = {"file_id": file.file_id, "name": file.name, "length": file.length, "synced": here, "boot": _boot()}
        self._place.target.write(f"{self._place.name}.part.json", json.dumps(side).encode())
        self._synced = here

    def finish(self) -> ManifestFile:
        """Check the whole, give it its name, and return what the manifest says of it.

        Raises:
            FailureError: it is not what it should be; it begins anew the next time.
            OSError: it cannot be written.
        """
        rows = self._checked_rows()
        os.fsync(self._descriptor)
        place = self._place
        place.target.rename(f"{place.name}.part", place.name)
        place.target.remove(f"{place.name}.part.json")
        file = self._file
        return ManifestFile(file.batch_id, file.file_id, file.name, place.path, self.size, self._hash.hexdigest(), rows)

    def close(self) -> None:
        """Note how much is here, and let go."""
        try:
            if self._place.target.size(f"{self._place.name}.part") is not None:
                self.note()
        except OSError as error:
            _log.warning("how far a file is cannot be noted: %s", error.strerror)
        finally:
            os.close(self._descriptor)

    def _take_in(self, size: int) -> None:
        """Take the bytes that are here already into the checksum."""
        at = 0
        while at < size:
            data = os.pread(self._descriptor, min(_BLOCK, size - at), at)
            if not data:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._hash.update(data)
            at += len(data)

    def _checked_rows(self) -> int | None:
        """Return the rows of a parquet file, None for a file of another kind."""
        if not self._file.name.lower().endswith(".parquet"):
            return None
        try:
            return rows_of(self._descriptor, self.size)
        except FooterError as error:
            self._begin_anew()
            raise FailureError(
                Failure(
                    kind=FailureKind.BAD_ANSWER,
                    what=f"File {shortened(safe_text(self._file.name))} was not downloaded",
                    cause=f"What came is no whole parquet file. {str(error).rstrip('.')}",
                    next_step="Download again: it then begins anew. If it stays so, the file is damaged there.",
                )
            ) from None

    def _begin_anew(self) -> None:
        os.ftruncate(self._descriptor, 0)
        self.size = 0


@cache
def _boot() -> str:
    """Return what tells one run of this machine from the next, "" where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def rows_of(descriptor: int, size: int) -> int:
    """Return how many rows an open parquet file holds.

    Raises:
        FooterError: it is not one, or damaged.
    """
    if size < len(MAGIC) + TAIL or os.pread(descriptor, len(MAGIC), 0) != MAGIC:
        raise FooterError("It does not begin as a parquet file does (PAR1).")
    length = footer_length(os.pread(descriptor, TAIL, size - TAIL))
    if length > size - TAIL - len(MAGIC):
        raise FooterError("Its footer is longer than the file.")
    return row_count(os.pread(descriptor, min(length, HEAD), size - TAIL - length))


async def to_its_end(work: Callable[[], T], *, undo: Callable[[T], None] | None = None) -> T:
    """Run a step on a thread and wait for its end, also when cancelled meanwhile.

    A thread that went on alone would use descriptors that are closed, or by then belong to another file.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _ended(running)
        if undo is not None and not running.cancelled() and running.exception() is None:
            undo(running.result())
        raise


async def _ended(running: asyncio.Future[T]) -> None:
    """Wait until a step has ended, and raise what it raised; told to stop meanwhile, stop after it."""
    told_to_stop: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            told_to_stop = error
    if told_to_stop is not None:
        raise told_to_stop
    if not running.cancelled():
        running.result()


def _meagre(file: RemoteFile, came: int, wanted: int) -> InterruptedAnswerError:
    return InterruptedAnswerError(
        f"File {shortened(safe_text(file.name))} could not be read.",
        cause=f"{wanted:,} bytes were asked for again and again, and the last answer held {came:,}.",
        next_step="Try again later; if it stays so, a proxy on the way cuts answers.",
    )


def _passes(error: ApiError) -> bool:
    """Tell whether a later try may bring what this one did not."""
    if isinstance(error, BadAnswerError):
        return True
    return worth_repeating(error)


def disk_failure(what: str, error: OSError) -> Failure:
    """Return what to say of a disk that would not take something."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Failure(
        kind=FailureKind.LOCAL,
        what=what,
        cause="The disk is full" if is_full else safe_text(error.strerror or str(error)),
        next_step="Free some space and download again: what is here stays, and it goes on from there."
        if is_full
        else "Look at the folder and its rights, then download again.",
    )


def _json(data: bytes | None) -> object:
    try:
        return json.loads(data or b"null")
    except (ValueError, RecursionError):
        return None

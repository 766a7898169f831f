"""Owns the files of batches: which parts a batch has, and each part's bytes on disk, made when first asked for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import threading
from collections import Counter, OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui_app.emulator.data import parquet
from tui_app.emulator.data.columns import Columns, columns
from tui_app.emulator.data.folder import Folder
from tui_app.emulator.data.layout import MOST_ROWS, PAIR, FileSet, Layout, Part, arranged, planned
from tui_app.emulator.data.members import bounds, people_of, withheld
from tui_app.emulator.data.rows import EVENT_DAYS, Export, Window
from tui_app.emulator.world.batches import Batch, find_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from tui_app.emulator.world.lifecycle import Job
    from tui_app.emulator.world.world import Sandbox, World

__all__ = ["Batch", "FileSet", "NoRoomError", "ParquetFiles", "Part"]

CAP_BYTES = 2 * 1024**3
_INTERRUPT_S = 0.01
_MAKERS = 1  # parts that are made at once: a wide one takes 250 MB meanwhile, and a core
_PART_COST = 3_000_000  # plain values in a part at most: made in under a second on one core, in under 300 MB
_COSTLY = 1_000  # plain values in a row from which on each part has a file id of its own
LONGEST_ID = 100  # characters; longer ones are nobody's, and too long to be taken for numbers
_EMPTY = planned(0, "", 0, most=1)
_FULL = os.strerror(errno.ENOSPC)
_GOING_DOWN = "The emulator is going down."
_Key = tuple[str, str]


class NoRoomError(Exception):
    """A part cannot be made: no disk, a cap that is too small, no DuckDB, or the emulator is going down."""


class _DiskFullError(NoRoomError):
    """The disk is full: what is kept may go."""


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class _Adopted:
    layout: Layout
    size: int
    paths: dict[str, Path] = field(default_factory=dict)


class ParquetFiles:
    """The parquet files of a world's batches, kept in a folder that goes with the emulator.

    `folder` is where that folder is made, the system's temporary one by default. The files that are made in it take
    up to `cap_bytes`; the one that was not read for the longest time goes first, one that is held never.
    All of it may be called from any thread and any event loop.
    """

    def __init__(self, world: World, *, folder: Path | None = None, cap_bytes: int = CAP_BYTES) -> None:
        self._world = world
        self._parent = folder
        self._cap = cap_bytes
        self._lock = threading.RLock()
        self._folder: Folder | None = None
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._being_made: dict[_Key, Future[Path]] = {}
        self._holders: Counter[_Key] = Counter()
        self._adopted: dict[str, _Adopted] = {}
        self._open: set[DuckDBPyConnection] = set()
        self._makers: ThreadPoolExecutor | None = None
        self._named = 0
        self._closed = False

    def sets(self, batch: Batch) -> Sequence[FileSet]:
        """Return the dataset files that the batch's listing shows: none while it runs, when it failed or is empty."""
        return self._layout(batch).sets

    def parts(self, batch: Batch) -> Sequence[Part]:
        """Return all physical files of the batch in the order of their rows."""
        return self._layout(batch).parts

    def find(self, sandbox: Sandbox, file_id: str, now_ms: int) -> tuple[Batch, FileSet] | None:
        """Return the batch and the files that a dataset file id stands for; None when it stands for nothing."""
        batch_id = file_id.rpartition("-")[0]
        if not batch_id or len(batch_id) > LONGEST_ID:
            return None
        batch = find_batch(self._world, sandbox, batch_id, now_ms=now_ms)
        found = None if batch is None else self._layout(batch).find(file_id)
        return None if batch is None or found is None else (batch, found)

    async def path(self, batch: Batch, part: Part) -> Path:
        """Return where the part's bytes are, made now if need be; it may go at any time, see `held`.

        Raises:
            NoRoomError: it cannot be made; the message says why and what to do.
        """
        async with self.held(batch, part) as path:
            return path

    @contextlib.asynccontextmanager
    async def held(self, batch: Batch, part: Part) -> AsyncIterator[Path]:
        """Yield where the part's bytes are, and keep them there meanwhile; raises as `path` does."""
        key = (batch.batch_id, part.name)
        with self._lock:
            self._holders[key] += 1
        try:
            yield await self._ready(key, batch, part)
        finally:
            with self._lock:
                self._holders[key] -= 1
                if not self._holders[key]:
                    del self._holders[key]

    def adopt(self, batch_id: str, paths: Sequence[Path]) -> None:
        """Take over parquet files that a query wrote as the files of its batch; blocks while their rows are counted.

        They are moved, and stay until `drop` or `close`: they cannot be made again, so the cap is not for them.

        Raises:
            NoRoomError: they cannot be moved.
        """
        layout = arranged(self._world.seed, batch_id, [parquet.rows_in(path) for path in paths])
        adopted = _Adopted(layout, sum(path.stat().st_size for path in paths))
        try:
            for part, path in zip(layout.parts, paths, strict=True):
                adopted.paths[part.name] = home = self._new_path()
                shutil.move(path, home)
        except OSError as error:
            raise NoRoomError(f"Cannot keep a query's file: {error.strerror}.") from error
        self._adopted[batch_id] = adopted

    @property
    def adopted_bytes(self) -> int:
        """How much the files take that were taken over."""
        return sum(one.size for one in self._adopted.values())

    def drop(self, batch_id: str) -> None:
        """Remove the files that were taken over for this batch, if any were."""
        adopted = self._adopted.pop(batch_id, None)
        for path in adopted.paths.values() if adopted is not None else ():
            _unlink(path)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield where another may write a file, which is removed in the end; raises NoRoomError without a folder."""
        path = self._new_path()
        try:
            yield path
        finally:
            _unlink(path)

    def close(self) -> None:
        """Stop what is being made and remove what was made."""
        with self._lock:
            self._closed = True
            makers, self._makers = self._makers, None
        if makers is not None:
            makers.shutdown(wait=False, cancel_futures=True)
            self._interrupt()
        with self._lock:
            self._kept.clear()
            folder, self._folder = self._folder, None
        if folder is not None:
            folder.close()

    def _interrupt(self) -> None:
        """End what is being made; again and again, for DuckDB forgets an interrupt that comes before its query."""
        with self._lock:
            making = list(self._being_made.values())
        while making := [one for one in making if not one.done()]:  # `wait` does not count cancelled ones as done
            with self._lock:
                for opened in self._open:
                    opened.interrupt()
            wait(making, timeout=_INTERRUPT_S)

    def _layout(self, batch: Batch) -> Layout:
        adopted = self._adopted.get(batch.batch_id)
        if adopted is not None:
            return adopted.layout
        if batch.job is None or not batch.rows:
            return _EMPTY
        cost = _columns(batch.job).cost
        most = max(1, min(MOST_ROWS, _PART_COST // cost))
        together = PAIR if cost < _COSTLY else 1  # a listing tells lengths, so it makes what it shows
        return planned(self._world.seed, batch.batch_id, batch.rows, most=most, together=together)

    async def _ready(self, key: _Key, batch: Batch, part: Part) -> Path:
        adopted = self._adopted.get(batch.batch_id)
        if adopted is not None:
            return adopted.paths[part.name]
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept.path
            making = self._being_made.get(key)
            if making is None:
                making = self._start(key, batch, part)
        await _end_of(making)
        if making.cancelled():
            raise NoRoomError(_GOING_DOWN)
        return making.result()

    def _start(self, key: _Key, batch: Batch, part: Part) -> Future[Path]:
        if self._closed:
            raise NoRoomError(_GOING_DOWN)
        if self._makers is None:
            self._makers = ThreadPoolExecutor(_MAKERS, thread_name_prefix="parquet")
        making = self._makers.submit(self._make, key, batch, part)
        self._being_made[key] = making
        return making

    def _make(self, key: _Key, batch: Batch, part: Part) -> Path:
        try:
            path = self._new_path()
            try:
                self._write(batch, part, path)
            except _DiskFullError:
                if not self._forget_idle():
                    raise
                self._write(batch, part, path)
            size = path.stat().st_size
            with self._lock:
                self._kept[key] = _Kept(path, size)
                self._evict(key)
            return path
        finally:
            with self._lock:
                self._being_made.pop(key, None)

    def _write(self, batch: Batch, part: Part, path: Path) -> None:
        try:
            import duckdb  # noqa: PLC0415 - see `parquet`
        except ModuleNotFoundError as error:
            raise NoRoomError(f"Cannot write {part.name}: the emulator needs duckdb, see its demo extra.") from error

        draft = path.with_suffix(".tmp")
        try:
            select = self._export(batch).select(part.first_row, part.rows)
            with parquet.database() as opened:
                with self._lock:
                    if self._closed:
                        raise NoRoomError(_GOING_DOWN)
                    self._open.add(opened)
                try:
                    parquet.write(opened, select, draft)
                finally:
                    with self._lock:
                        self._open.discard(opened)
            draft.replace(path)
        except duckdb.InterruptException:
            raise NoRoomError(_GOING_DOWN) from None
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            if _FULL in str(error):
                raise _DiskFullError(f"Cannot write {part.name}: {_FULL}.") from error
            raise NoRoomError(f"Cannot write {part.name}: {str(error).splitlines()[0]}") from error
        finally:
            draft.unlink(missing_ok=True)

    def _export(self, batch: Batch) -> Export:
        job, world = batch.job, self._world
        assert job is not None, "a batch that a query wrote has its files already"
        sandbox = world.sandboxes[job.sandbox]
        people = people_of(batch, sandbox, seed=world.seed, rows=sandbox.room.rows)
        events = _event_list(job) or {}
        asked = events.get("filter") or {}
        low, high = bounds(
            asked.get("fromIngestTimestamp"), asked.get("toIngestTimestamp"), job.plan.created_ms, days=EVENT_DAYS
        )
        return Export(
            world.seed,
            sandbox.name,
            _columns(job),
            withheld(job, sandbox),
            people.runs,
            people.memberships,
            world.started_ms,
            Window(low, high),
        )

    def _new_path(self) -> Path:
        """Return a path that nobody has used; the names of parts never become names on disk."""
        with self._lock:
            if self._closed:
                raise NoRoomError(_GOING_DOWN)
            if self._folder is None:
                try:
                    self._folder = Folder(self._parent)
                except OSError as error:
                    raise NoRoomError(f"Cannot make a folder for parquet files: {error.strerror}.") from error
            self._named += 1
            return self._folder.path / f"{self._named:08d}.parquet"

    def _evict(self, new: _Key) -> None:
        """Remove what was not read for the longest time until the rest is under the cap.

        Raises:
            NoRoomError: the part `new` does not fit with what cannot go; it is removed.
        """
        total = sum(one.size for one in self._kept.values())
        for key in list(self._kept):
            if total <= self._cap:
                return
            if key != new and not self._holders[key]:
                total -= self._forget(key)
        if total > self._cap:
            size = self._forget(new)
            raise NoRoomError(
                f"A part of {size} bytes does not fit into the cap of {self._cap} bytes for parquet files."
            )

    def _forget_idle(self) -> int:
        """Remove all that can be made again and nobody holds; return how many bytes that were."""
        with self._lock:
            return sum(self._forget(key) for key in list(self._kept) if not self._holders[key])

    def _forget(self, key: _Key) -> int:
        gone = self._kept.pop(key)
        _unlink(gone.path)
        return gone.size


async def _end_of(making: Future[Path]) -> None:
    """Wait until a part is made or is not going to be; who stops waiting disturbs nobody else who waits for it.

    What came of it is not passed through the loop, which would complain of an error that nobody stayed to hear.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ended.done():
            ended.set_result(None)

    def tell_the_loop(_: Future[Path]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell)

    making.add_done_callback(tell_the_loop)
    await ended


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _columns(job: Job) -> Columns:
    events = _event_list(job)
    return columns(job.request.get("fields") or "", None if events is None else events.get("fields") or "")


def _event_list(job: Job) -> dict[str, Any] | None:
    """Return what the job asks of events; None when it asks for none."""
    found = (job.request.get("additionalFields") or {}).get("eventList")
    return found if isinstance(found, dict) else None

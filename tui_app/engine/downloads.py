"""Owns the queue of downloads: what is fetched where, how far it is, and going on with what an earlier run began."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui_app.engine.batches import segments_of
from tui_app.engine.failures import explained
from tui_app.engine.manifest import NAME, Manifest, ManifestBatch, ManifestFile
from tui_app.engine.rate_limit import RateLimit, parse_rate
from tui_app.engine.session import Topic
from tui_app.engine.target import Target
from tui_app.engine.transfer import MIB, Place, Transfer, rows_of, to_its_end
from tui_app.history.errors import HistoryError
from tui_app.models.counts import Counts
from tui_app.models.export_job import SUCCEEDED
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.models.file_names import safe_name, safe_names
from tui_app.models.parquet_footer import FooterError
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_app.engine.batches import Batches
    from tui_app.engine.core import Core
    from tui_app.models.data_access import RemoteFile
    from tui_app.models.export_job import ExportJob

__all__ = ["Download", "Downloads", "FileProgress", "parse_rate"]

_log = logging.getLogger(__name__)
_TELL_EVERY_S: Final = 0.25
_RATE_OVER_S: Final = 5.0
_UNFINISHED: Final = "downloads.unfinished"
_FOLDER: Final = "downloads.folder."
_LARGEST_MANIFEST: Final = 64 * MIB


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file is; `state` is waiting, running, done or failed.

    `path` is where it goes, as the manifest has it.
    """

    batch_id: str
    name: str
    path: str
    length: int | None
    done: int
    state: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """How far one download is; bytes are of the files' whole lengths, `rate` is bytes a second of late.

    `state` is waiting, listing, running, paused, checking, done, failed or cancelled. `bytes_kept` were here already
    when it began.
    """

    key: str
    job_id: str
    batch_ids: tuple[str, ...]
    folder: Path
    state: str
    files: tuple[FileProgress, ...] = ()
    bytes_done: int = 0
    bytes_total: int | None = None
    bytes_kept: int = 0
    rate: float | None = None
    left_s: float | None = None
    remark: str = ""
    """What it waits for, or that there was nothing to fetch."""
    changed: tuple[str, ...] = ()
    """Files that have another size on the platform than when they were downloaded before, in words."""
    failures: tuple[Failure, ...] = ()
    counts: Counts | None = None
    """What the job, the batches and the files count, once all files are here."""


@dataclass(slots=True)
class _File:
    remote: RemoteFile
    folder: str
    name: str
    done: int = 0
    state: str = "waiting"
    failure: Failure | None = None

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


@dataclass(slots=True)
class _Item:
    key: str
    job_id: str
    batches: tuple[ManifestBatch, ...]
    dataset_id: str
    to: Path
    parallel: int
    target: Target
    state: str = "waiting"
    files: list[_File] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    kept: int = 0
    remark: str = ""
    changed: list[str] = field(default_factory=list)
    manifest: Manifest = field(default_factory=Manifest)
    task: asyncio.Task[None] | None = None
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    profiles: int | None = None
    per_segment: bool = False

    @property
    def done(self) -> int:
        return sum(one.done for one in self.files)

    @property
    def total(self) -> int | None:
        lengths = [one.remote.length for one in self.files]
        return sum(one or 0 for one in lengths) if self.files else None


class Downloads:
    """Fetches the files of jobs and batches into folders; each download has a key."""

    def __init__(self, core: Core, batches: Batches) -> None:
        self._core = core
        self._batches = batches
        self._limit = RateLimit(core.clock)
        self._items: dict[str, _Item] = {}
        self._told_s = 0.0
        self._count = 0

    # Asking

    async def add(
        self,
        *,
        job_id: str = "",
        batch_id: str = "",
        to: Path,
        parallel: int = 3,
        limit_rate: int | None = None,
    ) -> str:
        """Begin to download the files of a job, or of a batch, and return the key to follow it by.

        Args:
            job_id: the export job; its files go into a folder of its name in `to`, a folder for each batch.
            batch_id: a batch, in place of a job.
            to: the folder that a person chose; made if it is not there.
            parallel: files at once.
            limit_rate: bytes a second of all downloads; None leaves the limit in force.

        Raises:
            FailureError: there is nothing to download, or the folder cannot be written to.
        """
        running = self._replaced(job_id, batch_id, to)
        if running is not None:
            return running
        item = await self._item(job_id, batch_id, to, parallel)
        if limit_rate is not None:
            self.set_limit(limit_rate)
        self._items[item.key] = item
        await self._remember(item)
        self._start(item)
        return item.key

    def _replaced(self, job_id: str, batch_id: str, to: Path) -> str | None:
        """Return the key of the same download if it is under way; let go of one that has ended."""
        folder = to.expanduser().absolute() / safe_name(job_id or batch_id)
        for key, one in tuple(self._items.items()):
            if one.target.path == folder:
                if one.task is not None and not one.task.done():
                    return key
                one.target.close()
                del self._items[key]
        return None

    async def _item(self, job_id: str, batch_id: str, to: Path, parallel: int) -> _Item:
        job = await self._job(job_id) if job_id else None
        batches = await self._of_job(job) if job is not None else (ManifestBatch(batch_id),)
        name = safe_name(job_id or batch_id)
        target = await to_its_end(lambda: Target.open(to, name), undo=Target.close)
        self._count += 1
        return _Item(
            key=f"{self._count}",
            job_id=job_id,
            batches=batches,
            dataset_id=(job.dataset_id or "") if job is not None else "",
            to=to,
            profiles=job.metrics.profiles if job is not None else None,
            per_segment=job.segment_per_batch if job is not None else False,
            parallel=max(1, parallel),
            target=target,
        )

    async def _job(self, job_id: str) -> ExportJob:
        core = self._core
        with core.activity.busy(), explained(f"Export job {job_id} was not downloaded", core.clock):
            job = await core.client.export_jobs.get(job_id)
        if job.status == SUCCEEDED and job.batches:
            return job
        is_open = not job.is_terminal
        raise FailureError(
            Failure(
                kind=FailureKind.NOT_FOUND,
                what=f"Export job {job_id} has nothing to download",
                cause=f"It is {job.status}" if job.status != SUCCEEDED else "It succeeded, and names no batch",
                next_step=f"Wait for it: aepx jobs watch {job_id}" if is_open else f"aepx jobs show {job_id} says why.",
            )
        )

    async def _of_job(self, job: ExportJob) -> tuple[ManifestBatch, ...]:
        try:
            known = {one.batch_id: one for one in (await self._batches.of_job(job)).batches}
        except FailureError as error:
            _log.info("batches are downloaded without their counts: %s", error)
            known = {}
        found = []
        for one in job.batches:
            state = known.get(one.batch_id)
            written = state.batch.written if state is not None and state.batch is not None else None
            audience = state.audience if state is not None else ""
            found.append(ManifestBatch(one.batch_id, segments_of(job, one), audience, written))
        return tuple(found)

    @property
    def items(self) -> tuple[Download, ...]:
        """All downloads of this session, in the order they were asked for."""
        return tuple(self._shown(one) for one in self._items.values())

    def pause(self, key: str) -> None:
        """Stop a download for now; what has come stays."""
        self._stop_item(self._items[key], "paused")

    def resume(self, key: str) -> None:
        """Go on with a download that is paused, failed or stopped."""
        item = self._items[key]
        if item.task is None or item.task.done():
            item.failures.clear()
            item.ended.clear()
            self._start(item)

    def cancel(self, key: str) -> None:
        """Stop a download for good; what is complete stays, and so does what another run can go on from."""
        self._stop_item(self._items[key], "cancelled")

    def set_limit(self, rate: int | None) -> None:
        """Limit all downloads to so many bytes a second; None lifts the limit."""
        self._limit.set(rate)

    async def wait(self, key: str) -> Download:
        """Wait until a download has ended, or is paused, and return how it stands."""
        item = self._items[key]
        await item.ended.wait()
        return self._shown(item)

    async def stop(self) -> None:
        """End all transfers in good order; each can be gone on with."""
        tasks = [one.task for one in self._items.values() if one.task is not None and not one.task.done()]
        for one in self._items.values():
            self._stop_item(one, "paused")
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._items.values():
            one.target.close()

    # What is here

    async def folder_of(self, job_id: str) -> Path | None:
        """Return the folder that a job was last downloaded into, None where it was not, or is not there any more."""
        try:
            note = await self._core.history.lookups.note(f"{_FOLDER}{job_id}")
        except HistoryError as error:
            _log.warning("where a job was downloaded to is not known: %s", error)
            return None
        folder = Path(note) if note else None
        return folder if folder is not None and await asyncio.to_thread((folder / NAME).is_file) else None

    async def rows_of(self, job_id: str) -> int | None:
        """Return how many rows the downloaded files of a job hold; None where they are not all here."""
        folder = await self.folder_of(job_id)
        if folder is None:
            return None
        manifest = await asyncio.to_thread(_read_manifest, folder)
        return manifest.rows if manifest.is_complete else None

    async def remembered(self) -> tuple[tuple[str, str, Path], ...]:
        """Return job, batch and folder of the downloads that an earlier run left unfinished."""
        try:
            found = json.loads(await self._core.history.lookups.note(_UNFINISHED) or "[]")
        except (HistoryError, ValueError):
            return ()
        mine = {(one.job_id, self._batch_of(one), str(one.to)) for one in self._items.values()}
        pairs = [tuple(map(str, one)) for one in found if isinstance(one, list) and len(one) == 3]  # noqa: PLR2004 - as written
        return tuple((one[0], one[1], Path(one[2])) for one in pairs if one not in mine)

    async def verify(self, key: str) -> Download:
        """Read the files of a download again and compare size, magic and checksum with the manifest.

        Raises:
            FailureError: there is no manifest to compare with.
        """
        item = self._items[key]
        before, item.state = item.state, "checking"
        self._publish(now=True)
        faults: list[Failure] = []
        try:
            for one in item.files:
                entry = item.manifest.files.get(one.path)
                wrong = "It is not in the manifest" if entry is None else await to_its_end(partial(_fault, item, entry))
                one.failure = _changed(one.path, wrong) if wrong else None
                one.state = "failed" if wrong else "done"
                faults += [one.failure] if one.failure is not None else []
        finally:
            item.state = "failed" if faults else before
            item.failures = faults
            self._publish(now=True)
        return self._shown(item)

    # Working

    def _start(self, item: _Item) -> None:
        item.state, item.remark = "listing", ""
        item.task = asyncio.create_task(self._run(item), name=f"download {item.job_id or item.key}")
        item.task.add_done_callback(lambda _: self._ended(item))
        self._publish(now=True)

    def _stop_item(self, item: _Item, state: str) -> None:
        if item.task is not None and not item.task.done():
            item.state = state
            item.task.cancel()
        elif state == "cancelled" and item.state != "done":
            item.state = state
            self._publish(now=True)

    def _ended(self, item: _Item) -> None:
        task = item.task
        if task is not None and not task.cancelled() and task.exception() is not None:
            _log.error("a download ended by its own fault", exc_info=task.exception())
            item.failures.append(
                Failure(FailureKind.LOCAL, "The download ended", "by a fault of aepx", "The log has it.")
            )
            item.state = "failed"
        item.samples.clear()
        item.ended.set()
        self._publish(now=True)

    async def _run(self, item: _Item) -> None:
        with self._core.activity.busy():
            try:
                await self._list(item)
                await self._fetch_all(item)
            except FailureError as error:
                item.failures.append(error.failure)
            except asyncio.CancelledError:
                for one in item.files:
                    one.state = "waiting" if one.state == "running" else one.state
                raise
            item.state = "failed" if item.failures else "done"
            await self._complete(item)

    async def _list(self, item: _Item) -> None:
        """Find the files, and which of them are here already."""
        item.manifest = await to_its_end(lambda: Manifest.read(item.target))
        found: list[_File] = []
        for batch in item.batches:
            try:
                await self._batches.wait_readable(batch.batch_id, told=lambda one: self._wait(item, one.status))
                files = await self._sized(await self._batches.files(batch.batch_id))
            except FailureError as error:
                item.failures.append(error.failure)
                continue
            folder = safe_name(batch.batch_id) if item.job_id else ""
            names = _names(files)
            found += [_File(one, folder, names[one]) for one in files]
        item.files, item.remark = found, "" if found or item.failures else "Every batch is empty: there is no file."
        manifest = item.manifest
        manifest.job_id, manifest.sandbox = item.job_id, self._core.session.sandbox_name
        manifest.dataset_id, manifest.batches = item.dataset_id, item.batches
        item.changed = [text for one in found if (text := _grown(one, manifest.files.get(one.path)))]
        paths = {one.path for one in found}
        manifest.files = {path: one for path, one in manifest.files.items() if path in paths}
        for one in found:
            entry = await to_its_end(partial(self._kept, item, one))
            if entry is not None:
                manifest.files[one.path] = entry
                one.done, one.state = entry.bytes, "done"
        manifest.is_complete = not item.failures and all(one.state == "done" for one in found)
        item.kept = item.done
        await self._write_manifest(item)

    def _wait(self, item: _Item, status: str) -> None:
        item.remark = f"Waiting: a batch is still {safe_text(status) or 'without a status'}."
        self._publish(now=True)

    async def _sized(self, files: Sequence[RemoteFile]) -> list[RemoteFile]:
        """Return files with their lengths, asked for where the listing does not tell them."""
        core, found = self._core, []
        for one in files:
            if one.length is not None:
                found.append(one)
                continue
            with explained(f"The size of {shortened(safe_text(one.name))} is not known", core.clock):
                size = await core.client.data_access.size(one)
            found.append(type(one)(one.batch_id, one.file_id, one.name, size))
        return found

    def _kept(self, item: _Item, one: _File) -> ManifestFile | None:
        """Return the manifest's entry of a file that is here whole, None for one that must be fetched."""
        known, remote = item.manifest.files.get(one.path), one.remote
        is_same = known is None or (known.file_id, known.name, known.bytes) == (
            remote.file_id,
            remote.name,
            remote.length,
        )
        try:
            with _opened(item.target, one.folder) as target:
                if not is_same or target.size(one.name) != remote.length:
                    return None
                # Without an entry, it got its name, and the kill came before the manifest was written.
                return known or _entry(target, one)
        except OSError:
            return None

    async def _fetch_all(self, item: _Item) -> None:
        due = [one for one in item.files if one.state != "done"]
        missing = sum((one.remote.length or 0) - one.done for one in due)
        free = await to_its_end(item.target.free)
        if missing > free:
            raise FailureError(_no_room(item, missing, free))
        item.state = "running"
        self._publish(now=True)
        transfer = Transfer(self._core.client.data_access, self._core.clock, self._limit)
        waiting = deque(due)

        async def work() -> None:
            while waiting:
                await self._fetch(item, waiting.popleft(), transfer)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(item.parallel, len(due))):
                group.create_task(work())

    async def _fetch(self, item: _Item, one: _File, transfer: Transfer) -> None:
        def told(done: int) -> None:
            one.done = done
            self._publish()

        one.state, one.failure = "running", None
        try:
            with _opened(item.target, one.folder) as target:
                entry = await transfer.fetch(one.remote, Place(target, one.name, one.path), told=told)
            one.done, one.state = entry.bytes, "done"
            item.manifest.files[one.path] = entry
            await self._write_manifest(item)
        except FailureError as error:
            one.failure = error.failure
        except OSError as error:
            one.failure = _changed(one.path, error.strerror or "its folder cannot be opened")
        if one.failure is not None:
            one.state = "failed"
            item.failures.append(one.failure)

    async def _write_manifest(self, item: _Item) -> None:
        try:
            async with item.writing:
                await to_its_end(lambda: item.manifest.write(item.target))
        except OSError as error:
            raise FailureError(_changed(NAME, error.strerror or "it cannot be written")) from None

    async def _complete(self, item: _Item) -> None:
        item.manifest.is_complete = not item.failures and all(one.state == "done" for one in item.files)
        try:
            await self._write_manifest(item)
        except FailureError as error:
            item.failures.append(error.failure)
            item.state = "failed"
        await self._remember(item)

    # Telling

    def _shown(self, item: _Item) -> Download:
        done, total = item.done, item.total
        rate = self._rate(item, done) if item.state == "running" else None
        return Download(
            key=item.key,
            job_id=item.job_id,
            batch_ids=tuple(one.batch_id for one in item.batches),
            folder=item.target.path,
            state=item.state,
            files=tuple(
                FileProgress(
                    one.remote.batch_id, one.remote.name, one.path, one.remote.length, one.done, one.state, one.failure
                )
                for one in item.files
            ),
            bytes_done=done,
            bytes_total=total,
            bytes_kept=item.kept,
            rate=rate,
            left_s=(total - done) / rate if rate and total is not None else None,
            remark=item.remark,
            changed=tuple(item.changed),
            failures=tuple(item.failures),
            counts=_counts(item) if item.state == "done" else None,
        )

    def _rate(self, item: _Item, done: int) -> float | None:
        now, samples = self._core.clock.monotonic(), item.samples
        if not samples or now - samples[-1][0] >= _TELL_EVERY_S:
            samples.append((now, done))
        while len(samples) > 1 and now - samples[0][0] > _RATE_OVER_S:
            samples.popleft()
        since, before = samples[0]
        return (done - before) / (now - since) if now > since else None

    def _publish(self, *, now: bool = False) -> None:
        moment = self._core.clock.monotonic()
        if now or moment - self._told_s >= _TELL_EVERY_S:
            self._told_s = moment
            self._core.bulletin.publish(Topic.DOWNLOADS)

    async def _remember(self, item: _Item) -> None:
        """Keep in history where a job is, and what is unfinished; it matters to comfort, not to safety."""
        notes = self._core.history.lookups
        try:
            if item.job_id:
                await notes.set_note(f"{_FOLDER}{item.job_id}", str(item.target.path))
            mine = [item.job_id, self._batch_of(item), str(item.to)]
            others = [one for one in json.loads(await notes.note(_UNFINISHED) or "[]") if one != mine]
            is_open = item.state not in ("done", "cancelled")
            await notes.set_note(_UNFINISHED, json.dumps([*others, mine] if is_open else others))
        except (HistoryError, ValueError) as error:
            _log.warning("a download is not remembered: %s", error)

    def _batch_of(self, item: _Item) -> str:
        return "" if item.job_id else item.batches[0].batch_id


def _counts(item: _Item) -> Counts:
    written = [one.records_written for one in item.batches]
    known = [one for one in written if one is not None]
    whole = sum(known) if known and len(known) == len(written) else None
    return Counts(item.profiles, whole, item.manifest.rows, item.per_segment)


def _grown(one: _File, known: ManifestFile | None) -> str:
    """Return that a file is not what was downloaded before, "" where it is."""
    if known is None or known.bytes == one.remote.length:
        return ""
    name, now = shortened(safe_text(one.remote.name)), one.remote.length or 0
    return f"{name} had {known.bytes:,} bytes and has {now:,} now: it is fetched anew."


def _names(files: Sequence[RemoteFile]) -> dict[RemoteFile, str]:
    """Return a name on this disk for each file of a batch; the same name in two sets of files is told apart."""
    plain = [one.name for one in files]
    keys = {one: one.name if plain.count(one.name) == 1 else f"{one.name}\0{one.file_id}" for one in files}
    safe = safe_names(keys.values())
    return {one: safe[key] for one, key in keys.items()}


def _entry(target: Target, one: _File) -> ManifestFile | None:
    """Return what the manifest says of a file that is here; None when it is not what it should be."""
    try:
        descriptor = target.open_file(one.name, write=False)
    except OSError:
        return None
    remote = one.remote
    try:
        size = os.fstat(descriptor).st_size
        rows = rows_of(descriptor, size) if remote.name.lower().endswith(".parquet") else None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except (FooterError, OSError):
        return None
    finally:
        os.close(descriptor)
    return ManifestFile(remote.batch_id, remote.file_id, remote.name, one.path, size, checksum, rows)


def _fault(item: _Item, entry: ManifestFile) -> str:
    """Return what is wrong with a file that the manifest names, "" for nothing."""
    folder, _, name = entry.path.rpartition("/")
    try:
        with _opened(item.target, folder) as target:
            size = target.size(name)
            if size != entry.bytes:
                return "It is gone" if size is None else f"It has {size:,} bytes instead of {entry.bytes:,}"
            with os.fdopen(target.open_file(name, write=False), "rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error.strerror or "It cannot be read"
    return "" if checksum == entry.sha256 else "Its bytes have changed since it was downloaded"


@contextmanager
def _opened(outer: Target, folder: str) -> Iterator[Target]:
    """Give a folder of a download, or the download's own for ""."""
    if not folder:
        yield outer
        return
    found = outer.folder(folder)
    try:
        yield found
    finally:
        found.close()


def _read_manifest(folder: Path) -> Manifest:
    try:
        with (folder / NAME).open("rb") as file:
            return Manifest.parse(file.read(_LARGEST_MANIFEST))
    except OSError:
        return Manifest()


def _changed(path: str, why: str) -> Failure:
    return Failure(
        kind=FailureKind.LOCAL,
        what=f"{safe_text(path)} is not as it should be",
        cause=safe_text(why),
        next_step="Remove what is in the way, then download again: only what is missing is fetched.",
    )


def _no_room(item: _Item, missing: int, free: int) -> Failure:
    return Failure(
        kind=FailureKind.LOCAL,
        what=f"Nothing was downloaded into {safe_text(str(item.target.path))}",
        cause=f"{missing / MIB:,.0f} MiB are missing, and the disk has {free / MIB:,.0f} MiB to spare",
        next_step="Free some space, or choose a folder on another disk.",
    )

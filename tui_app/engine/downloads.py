"""Owns the queue of downloads: what is fetched where, how far it is, and going on with what an earlier run began."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tui_app.engine.batches import segments_of
from tui_app.engine.download import SAMPLE_EVERY_S, Download, FileProgress, FileState, Item
from tui_app.engine.failures import explained
from tui_app.engine.manifest import Manifest, ManifestBatch
from tui_app.engine.on_disk import begun, fault_of, grown, kept, names_here, opened
from tui_app.engine.past_downloads import PastDownloads
from tui_app.engine.rate_limit import RateLimit, parse_rate
from tui_app.engine.session import Topic
from tui_app.engine.target import Target, expanded
from tui_app.engine.transfer import MIB, Place, Transfer, disk_failure, to_its_end
from tui_app.models.export_job import SUCCEEDED
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.models.file_names import safe_name
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tui_app.engine.batches import Batches
    from tui_app.engine.core import Core
    from tui_app.engine.past_downloads import Unfinished
    from tui_app.models.data_access import RemoteFile
    from tui_app.models.export_job import ExportJob

__all__ = ["Download", "Downloads", "FileProgress", "parse_rate"]

_log = logging.getLogger(__name__)


class Downloads:
    """Fetches the files of jobs and batches into folders; each download has a key."""

    def __init__(self, core: Core, batches: Batches) -> None:
        self._core = core
        self._batches = batches
        self.past = PastDownloads(core.history.lookups)
        self._limit = RateLimit(core.clock)
        self._items: dict[str, Item] = {}
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
        check: bool = False,
    ) -> str:
        """Begin to download the files of a job, or of a batch, and return the key to follow it by.

        Args:
            job_id: the export job; its files go into a folder of its name in `to`, a folder for each batch.
            batch_id: a batch, in place of a job.
            to: the folder that a person chose; made if it is not there.
            parallel: files at once.
            limit_rate: bytes a second of all downloads; None leaves the limit in force.
            check: read what is here already again, and fetch anew what is not as it was downloaded.

        Raises:
            FailureError: there is nothing to download, or the folder cannot be written to.
        """
        running = self._replaced(job_id, batch_id, to)
        if running is not None:
            return running
        item = await self._item(job_id, batch_id, to, parallel)
        item.checks = check
        if limit_rate is not None:
            self.set_limit(limit_rate)
        self._items[item.key] = item
        self._start(item)
        return item.key

    def _replaced(self, job_id: str, batch_id: str, to: Path) -> str | None:
        """Return the key of the same download if it is under way; let go of one that has ended."""
        try:
            folder = expanded(to) / safe_name(job_id or batch_id)
        except OSError:
            return None  # which is told when it is opened
        for key, one in tuple(self._items.items()):
            if one.target.path == folder:
                if one.is_under_way:
                    return key
                one.target.close()
                del self._items[key]
        return None

    async def _item(self, job_id: str, batch_id: str, to: Path, parallel: int) -> Item:
        job = await self._job(job_id) if job_id else None
        if job is None:
            await self._batches.get(batch_id)  # no folder is made for what there is not
        batches = await self._of_job(job) if job is not None else (ManifestBatch(batch_id),)
        name = safe_name(job_id or batch_id)
        target = await to_its_end(lambda: Target.open(to, name), undo=Target.close)
        self._count += 1
        return Item(
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
        now = self._core.clock.monotonic()
        return tuple(one.shown(now) for one in self._items.values())

    def pause(self, key: str) -> None:
        """Stop a download for now; what has come stays."""
        self._stop_item(self._items[key], "paused")

    def resume(self, key: str) -> None:
        """Go on with a download that is paused, failed or stopped."""
        item = self._items[key]
        if not item.is_under_way or item.state == "paused":
            item.failures.clear()
            item.ended.clear()
            self._start(item)

    async def cancel(self, key: str) -> None:
        """Stop a download; what is complete stays, and it can be gone on with, but no later run offers to."""
        item = self._items[key]
        self._stop_item(item, "cancelled")
        if item.task is not None:
            await asyncio.wait([item.task])
        await self._remember(item)

    def set_limit(self, rate: int | None) -> None:
        """Limit all downloads to so many bytes a second; None lifts the limit."""
        self._limit.set(rate)

    async def wait(self, key: str) -> Download:
        """Wait until a download has ended, or is paused, and return how it stands."""
        item = self._items[key]
        await item.ended.wait()
        return item.shown(self._core.clock.monotonic())

    async def stop(self) -> None:
        """End all transfers in good order; each can be gone on with."""
        tasks = [one.task for one in self._items.values() if one.task is not None]
        for one in self._items.values():
            self._stop_item(one, "paused")
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._items.values():
            async with one.working:
                one.target.close()

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Return what an earlier run left unfinished, and this one has not taken up."""
        return await self.past.unfinished(but={(one.job_id, one.batch_id, one.to) for one in self._items.values()})

    async def verify(self, key: str) -> Download:
        """Read the files of a download again and compare size and checksum with the manifest.

        One that is not as it was is fetched anew when the download goes on, in this run or a later one.

        Raises:
            FailureError: the manifest cannot be written, or another download into its folder is under way.
        """
        item = self._items[key]
        item.target.lock()
        before, item.state = item.state, "checking"
        self._publish(now=True)
        faults: list[Failure] = []
        try:
            for one in item.files:
                entry = item.manifest.files.get(one.path)
                if entry is None:
                    continue
                wrong = await to_its_end(partial(fault_of, item, entry))
                if wrong:
                    del item.manifest.files[one.path]
                    one.failure, one.state, one.done = _spoiled(one.path, wrong), "failed", 0
                    faults.append(one.failure)
            if faults:
                item.manifest.is_complete = False
                await self._write_manifest(item)
                await self._remember(item)
        finally:
            if not item.is_under_way:
                item.target.unlock()
            item.state = "failed" if faults else before
            item.failures = faults
            self._publish(now=True)
        return item.shown(self._core.clock.monotonic())

    # Working

    def _start(self, item: Item) -> None:
        item.state, item.remark = "listing", ""
        task = asyncio.create_task(self._run(item), name=f"download {item.job_id or item.key}")
        item.task = task
        task.add_done_callback(lambda ended: self._ended(item, ended))
        self._publish(now=True)

    def _stop_item(self, item: Item, state: str) -> None:
        if item.task is not None and not item.task.done():
            item.state = state
            item.task.cancel()
        elif state == "cancelled" and item.state != "done":
            item.state = state
            self._publish(now=True)

    def _ended(self, item: Item, task: asyncio.Task[None]) -> None:
        if task is not item.task:
            return  # it was paused, and another one goes on
        item.target.unlock()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a download ended by its own fault", exc_info=task.exception())
            item.failures.append(
                Failure(FailureKind.LOCAL, "The download ended", "by a fault of aepx", "The log has it.")
            )
            item.state = "failed"
        item.samples.clear()
        item.ended.set()
        self._publish(now=True)

    async def _run(self, item: Item) -> None:
        # The one that was paused may still be on its way out.
        async with item.working:
            try:
                item.target.lock()
            except FailureError as error:
                # Nothing is written, not even the manifest: both are somebody else's now.
                item.failures.append(error.failure)
                item.state = "failed"
                return
            await self._work(item)

    async def _work(self, item: Item) -> None:
        with self._core.activity.busy():
            try:
                await self._remember(item)
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

    async def _list(self, item: Item) -> None:
        """Find the files, and which of them are here already."""
        item.manifest = await to_its_end(lambda: Manifest.read(item.target))
        found: list[FileState] = []
        batches: list[ManifestBatch] = []
        for batch in item.batches:
            try:
                told = await self._batches.wait_readable(batch.batch_id, told=lambda one: self._wait(item, one.status))
                files, gone = await self._sized(await self._batches.files(batch.batch_id))
                batches.append(batch if told.written is None else replace(batch, records_written=told.written))
            except FailureError as error:
                item.failures.append(error.failure)
                continue
            folder = safe_name(batch.batch_id) if item.job_id else ""
            names = names_here(files)
            for one in files:
                failure = gone.get(one)
                found.append(
                    FileState(one, folder, names[one], state="failed" if failure else "waiting", failure=failure)
                )
            item.failures += gone.values()
        read = {one.batch_id: one for one in batches}
        item.batches = tuple(read.get(one.batch_id, one) for one in item.batches)
        item.files, item.remark = found, "" if found or item.failures else "Every batch is empty: there is no file."
        manifest = item.manifest
        manifest.job_id, manifest.sandbox = item.job_id, self._core.session.sandbox_name
        manifest.dataset_id, manifest.batches = item.dataset_id, item.batches
        item.changed = [text for one in found if (text := grown(one, manifest.files.get(one.path)))]
        paths = {one.path for one in found}
        # What is said of a batch that could not be listed this time stays true of the files that are here.
        manifest.files = {
            path: one for path, one in manifest.files.items() if path in paths or one.batch_id not in read
        }
        for state in found:
            if state.failure is not None:
                continue
            if item.checks:
                item.state = "checking"
                self._publish(now=True)
            entry = await to_its_end(partial(kept, item, state))
            if entry is not None:
                manifest.files[state.path] = entry
                state.done, state.state = entry.bytes, "done"
        manifest.is_complete = item.is_whole
        item.kept = item.done
        await self._write_manifest(item)

    def _wait(self, item: Item, status: str) -> None:
        item.remark = f"Waiting: a batch is still {safe_text(status) or 'without a status'}."
        self._publish(now=True)

    async def _sized(self, files: Sequence[RemoteFile]) -> tuple[list[RemoteFile], dict[RemoteFile, Failure]]:
        """Return files with their lengths, asked for where the listing does not tell them, and why some have none."""
        core = self._core
        found: list[RemoteFile] = []
        gone: dict[RemoteFile, Failure] = {}
        for one in files:
            if one.length is not None:
                found.append(one)
                continue
            try:
                with explained(f"File {shortened(safe_text(one.name))} was not downloaded", core.clock):
                    found.append(replace(one, length=await core.client.data_access.size(one)))
            except FailureError as error:
                if error.failure.kind is not FailureKind.NOT_FOUND:
                    raise
                found.append(one)
                gone[one] = error.failure
        return found, gone

    async def _fetch_all(self, item: Item) -> None:
        due = [one for one in item.files if one.state == "waiting"]
        begun_here = await to_its_end(lambda: sum(begun(item, one) for one in due))
        missing = sum(one.remote.length or 0 for one in due) - begun_here
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

    async def _fetch(self, item: Item, one: FileState, transfer: Transfer) -> None:
        def told(done: int) -> None:
            one.done = done
            self._publish()

        one.state, one.failure = "running", None
        try:
            with opened(item.target, one.folder) as target:
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

    async def _write_manifest(self, item: Item) -> None:
        try:
            async with item.writing:
                await to_its_end(lambda: item.manifest.write(item.target))
        except OSError as error:
            raise FailureError(disk_failure("The manifest was not written", error)) from None

    async def _complete(self, item: Item) -> None:
        item.manifest.is_complete = item.is_whole
        try:
            await self._write_manifest(item)
        except FailureError as error:
            item.failures.append(error.failure)
            item.state = "failed"
        await self._remember(item)

    async def _remember(self, item: Item) -> None:
        is_open = item.state not in ("done", "cancelled")
        one = (item.job_id, item.batch_id, item.to)
        await self.past.remember(one, folder=item.target.path, is_open=is_open)

    def _publish(self, *, now: bool = False) -> None:
        moment = self._core.clock.monotonic()
        if now or moment - self._told_s >= SAMPLE_EVERY_S:
            self._told_s = moment
            self._core.bulletin.publish(Topic.DOWNLOADS)


def _changed(path: str, why: str) -> Failure:
    return Failure(
        kind=FailureKind.LOCAL,
        what=f"{safe_text(path)} is not as it should be",
        cause=safe_text(why),
        next_step="Remove what is in the way, then download again: only what is missing is fetched.",
    )


def _spoiled(path: str, why: str) -> Failure:
    return Failure(
        kind=FailureKind.LOCAL,
        what=f"{safe_text(path)} is not as it was downloaded",
        cause=safe_text(why),
        next_step="Download again: only what is not whole is fetched.",
    )


def _no_room(item: Item, missing: int, free: int) -> Failure:
    return Failure(
        kind=FailureKind.LOCAL,
        what=f"Nothing was downloaded into {safe_text(str(item.target.path))}",
        cause=f"{missing / MIB:,.0f} MiB are missing, and the disk has {free / MIB:,.0f} MiB to spare",
        next_step="Free some space, or choose a folder on another disk.",
    )

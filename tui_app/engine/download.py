"""Owns what one download is: its batches and files, how far each is, and how fast it goes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tui_app.engine.manifest import Manifest
from tui_app.models.counts import Counts

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.engine.manifest import ManifestBatch
    from tui_app.engine.target import Target
    from tui_app.models.data_access import RemoteFile
    from tui_app.models.failure import Failure

SAMPLE_EVERY_S: Final = 0.25
_RATE_OVER_S: Final = 5.0


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
class FileState:
    """One file of a download, as it is worked on; `name` is its name on this disk, in `folder` of the download's."""

    remote: RemoteFile
    folder: str
    name: str
    done: int = 0
    state: str = "waiting"
    failure: Failure | None = None

    @property
    def path(self) -> str:
        """Its path in the download's folder, as the manifest has it."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


@dataclass(slots=True)
class Item:
    """A download as it is worked on."""

    key: str
    job_id: str
    batches: tuple[ManifestBatch, ...]
    dataset_id: str
    to: Path
    parallel: int
    target: Target
    checks: bool = False
    """Whether files that are here already are read again and held against their checksums."""
    state: str = "waiting"
    files: list[FileState] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    kept: int = 0
    remark: str = ""
    changed: list[str] = field(default_factory=list)
    manifest: Manifest = field(default_factory=Manifest)
    task: asyncio.Task[None] | None = None
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    working: asyncio.Lock = field(default_factory=asyncio.Lock)
    profiles: int | None = None
    per_segment: bool = False

    @property
    def done(self) -> int:
        """Bytes that are here."""
        return sum(one.done for one in self.files)

    @property
    def total(self) -> int | None:
        """Bytes of all files; None before they are listed."""
        lengths = [one.remote.length for one in self.files]
        return sum(one or 0 for one in lengths) if self.files else None

    @property
    def batch_id(self) -> str:
        """The batch, if it was asked for without a job, else ""."""
        return "" if self.job_id else self.batches[0].batch_id

    @property
    def is_whole(self) -> bool:
        """Whether every file that there is on the platform is here."""
        return not self.failures and all(one.state == "done" for one in self.files)

    @property
    def is_under_way(self) -> bool:
        """Whether something is being done for it."""
        return self.task is not None and not self.task.done()

    def shown(self, now_s: float) -> Download:
        """Return how it stands.

        Args:
            now_s: monotonic seconds.
        """
        done, total = self.done, self.total
        rate = self._rate(now_s, done) if self.state == "running" else None
        return Download(
            key=self.key,
            job_id=self.job_id,
            batch_ids=tuple(one.batch_id for one in self.batches),
            folder=self.target.path,
            state=self.state,
            files=tuple(
                FileProgress(
                    one.remote.batch_id, one.remote.name, one.path, one.remote.length, one.done, one.state, one.failure
                )
                for one in self.files
            ),
            bytes_done=done,
            bytes_total=total,
            bytes_kept=self.kept,
            rate=rate,
            left_s=(total - done) / rate if rate and total is not None else None,
            remark=self.remark,
            changed=tuple(self.changed),
            failures=tuple(self.failures),
            counts=self._counts() if self.state == "done" else None,
        )

    def _rate(self, now_s: float, done: int) -> float | None:
        samples = self.samples
        if not samples or now_s - samples[-1][0] >= SAMPLE_EVERY_S:
            samples.append((now_s, done))
        while len(samples) > 1 and now_s - samples[0][0] > _RATE_OVER_S:
            samples.popleft()
        since, before = samples[0]
        return (done - before) / (now_s - since) if now_s > since else None

    def _counts(self) -> Counts:
        written = [one.records_written for one in self.batches]
        known = [one for one in written if one is not None]
        whole = sum(known) if known and len(known) == len(written) else None
        return Counts(self.profiles, whole, self.manifest.rows, self.per_segment)

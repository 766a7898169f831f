"""Owns what became of a job's batches: their state, whom they hold, their counts held together, waiting for them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError
from tui_app.engine.failures import explained, failure_of
from tui_app.models.counts import Counts
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.engine.core import Core
    from tui_app.engine.lookups import Lookups
    from tui_app.models.batch import Batch
    from tui_app.models.data_access import RemoteFile
    from tui_app.models.export_job import ExportJob, JobBatch

_log = logging.getLogger(__name__)
_ONE_BY_ONE: Final = 3
"""Up to so many batches are asked for by id; of more the dataset's list is read, a hundred at a time."""
_PAGE: Final = 100
_PAGES_MOST: Final = 20
_FIRST_S: Final = 1.0
_MOST_S: Final = 15.0
_PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class JobBatchState:
    """One batch of a job: whose profiles it holds, and how it stands with Catalog.

    `audience` names the segment where audiences are known, "" otherwise. `batch` is None, with a failure, where Catalog
    does not tell of it.
    """

    batch_id: str
    segment_ids: tuple[str, ...] = ()
    audience: str = ""
    batch: Batch | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class JobBatches:
    """All batches of a job, and the job's counts held against theirs."""

    batches: tuple[JobBatchState, ...] = ()
    counts: Counts = field(default_factory=Counts)


class Batches:
    """Use cases on batches."""

    def __init__(self, core: Core, lookups: Lookups) -> None:
        self._core = core
        self._lookups = lookups

    async def of_job(self, job: ExportJob, *, rows: int | None = None) -> JobBatches:
        """Return the batches that a job names, in its order.

        Args:
            job: as the platform last told it.
            rows: those of its downloaded files, to be held against the other counts.

        Raises:
            FailureError: Catalog could not be asked at all.
        """
        core = self._core
        with core.activity.busy(), explained(f"The batches of export job {job.job_id} could not be read", core.clock):
            found = await self._found(job)
        names = await self._audience_names()
        states = tuple(self._state(job, one, found, names) for one in job.batches)
        written = [one.batch.written for one in states if one.batch is not None]
        whole = bool(states) and len(written) == len(states)
        known = [one for one in written if one is not None]
        return JobBatches(
            states,
            Counts(
                profiles=job.metrics.profiles if job.is_terminal else None,
                written=sum(known) if whole and len(known) == len(states) else None,
                rows=rows,
                has_batch_per_segment=job.segment_per_batch,
            ),
        )

    async def get(self, batch_id: str) -> Batch:
        """Return one batch.

        Raises:
            FailureError: unknown, not permitted, or the platform could not be asked.
        """
        core = self._core
        with core.activity.busy(), explained(f"Batch {shortened(batch_id)} could not be read", core.clock):
            return await core.client.catalog.get_batch(batch_id)

    async def files(self, batch_id: str) -> tuple[RemoteFile, ...]:
        """Return the files of a batch, directories followed; none for an empty one.

        Raises:
            FailureError: unknown, not permitted, or the platform could not be asked.
        """
        core = self._core
        with core.activity.busy(), explained(f"The files of batch {shortened(batch_id)} are not known", core.clock):
            return await core.client.data_access.batch_files(batch_id)

    async def wait_readable(
        self, batch_id: str, *, told: Callable[[Batch], None] | None = None, most_s: float = _PATIENCE_S
    ) -> Batch:
        """Wait until the files of a batch can be fetched: it is `success` or `active` (3.4).

        Args:
            batch_id: of a job that has succeeded, or of any writer.
            told: hears of the batch each time that it is not readable yet.
            most_s: how long to wait.

        Raises:
            FailureError: it failed, is gone, is unknown, or is not readable in time.
        """
        core = self._core
        until, seconds = core.clock.monotonic() + most_s, _FIRST_S
        while True:
            batch = await self.get(batch_id)
            if batch.is_readable:
                return batch
            if batch.has_ended:
                raise FailureError(_unreadable(batch))
            if core.clock.monotonic() >= until:
                raise FailureError(_late(batch, most_s))
            if told is not None:
                told(batch)
            await core.clock.sleep(min(seconds, 1.0) if core.session.connection.is_loopback else seconds)
            seconds = min(seconds * 1.5, _MOST_S)

    async def _found(self, job: ExportJob) -> dict[str, Batch | ApiError]:
        wanted = [one.batch_id for one in job.batches]
        found: dict[str, Batch | ApiError] = {}
        if len(wanted) > _ONE_BY_ONE and job.dataset_id and job.created_ms:
            found.update(await self._listed(job.dataset_id, job.created_ms, set(wanted)))
        missing = [one for one in wanted if one not in found][:_PAGE]
        asked = await asyncio.gather(*(self._asked(one) for one in missing))
        found.update(zip(missing, asked, strict=True))
        faults = [one for one in found.values() if isinstance(one, ApiError)]
        if faults and len(faults) == len(found):
            raise faults[0]
        return found

    async def _listed(self, dataset_id: str, created_ms: int, wanted: set[str]) -> dict[str, Batch]:
        found: dict[str, Batch] = {}
        for page in range(_PAGES_MOST):
            try:
                batches = await self._core.client.catalog.list_batches(
                    dataset_id=dataset_id, created_from_ms=created_ms, limit=_PAGE, start=page * _PAGE
                )
            except ApiError as error:
                _log.info("batches cannot be listed, they are asked for one by one: %s", error)
                break
            found.update({one.batch_id: one for one in batches if one.batch_id in wanted})
            if len(batches) < _PAGE or wanted <= found.keys():
                break
        return found

    async def _asked(self, batch_id: str) -> Batch | ApiError:
        try:
            return await self._core.client.catalog.get_batch(batch_id)
        except ApiError as error:
            return error

    async def _audience_names(self) -> dict[str, str]:
        audiences = self._lookups.audiences
        try:
            known = await audiences.known()
            if known.fetched_ms is None and not known.locked:
                known = await audiences.refresh()
        except FailureError as error:
            _log.info("audiences have no names: %s", error)
            return {}
        return {one.audience_id: one.name for one in known.items if one.name}

    def _state(
        self, job: ExportJob, one: JobBatch, found: dict[str, Batch | ApiError], names: dict[str, str]
    ) -> JobBatchState:
        segments = segments_of(job, one)
        fact = found.get(one.batch_id)
        failure = None
        if isinstance(fact, ApiError):
            what = f"Batch {shortened(one.batch_id)} could not be read"
            failure = failure_of(fact, what=what, clock=self._core.clock)
        return JobBatchState(
            batch_id=one.batch_id,
            segment_ids=segments,
            audience=", ".join(names[each] for each in segments if each in names),
            batch=None if isinstance(fact, ApiError) else fact,
            failure=failure,
        )


def segments_of(job: ExportJob, batch: JobBatch) -> tuple[str, ...]:
    """Return the ids of the segments whose profiles a batch of a job holds."""
    if batch.segment_id:
        return (batch.segment_id,)
    return tuple(one.segment_id for one in job.segments)


def _unreadable(batch: Batch) -> Failure:
    errors = "; ".join(" ".join(filter(None, one)) for one in batch.errors)
    failed = batch.state.value == "failed"
    return Failure(
        kind=FailureKind.NOT_FOUND,
        what=f"Batch {shortened(batch.batch_id)} cannot be fetched",
        cause=f"It {'failed' if failed else 'is gone'} ({batch.status})" + (f": {errors}" if errors else ""),
        next_step="Clone the job to write it again." if failed else "It was reverted or removed; run the job again.",
    )


def _late(batch: Batch, most_s: float) -> Failure:
    return Failure(
        kind=FailureKind.SERVICE,
        what=f"Batch {shortened(batch.batch_id)} cannot be fetched yet",
        cause=f"It is still {batch.status or 'without a status'} after {most_s / 60:.0f} minutes",
        next_step="Try again later; a batch that stays `stalled` or `loading` for hours is one for Adobe's support.",
    )

"""Owns looking through a sandbox's batches: which of its newest jobs filled which dataset, how often, to what end.

A job is made anew whenever it is asked for, which is too dear for thousands of them. So what a filter must know of
each job is kept for blocks of jobs; no block changes what an answer says, only what it costs.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tui_app.emulator.world.batches import BATCH_DELAY_MS, batch_of, updated_ms
from tui_app.emulator.world.lifecycle import TERMINAL, state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from tui_app.emulator.world.batches import Batch
    from tui_app.emulator.world.lifecycle import Job
    from tui_app.emulator.world.world import Sandbox, World

BLOCK = 100
REACH = 50  # blocks that a list looks through at most: 5,000 jobs
RECENT = 10  # and one that must know all about each, or tell of the last: 1,000 jobs
_KEPT = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Glance:
    """What a filter must know of the batches of the job at `index`; times in epoch milliseconds.

    `rows` counts those of all its batches. `is_settled` is False while time or a cancellation can still change it.
    """

    index: int
    dataset_id: str
    batches: int
    created_ms: int
    updated_ms: int
    started_ms: int | None
    completed_ms: int | None
    status: str
    rows: int
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which batches a request asks for; None where it does not say. `after_ms` and `before_ms` are both exclusive."""

    datasets: Collection[str] | None = None
    statuses: Collection[str] | None = None
    after_ms: int | None = None
    before_ms: int | None = None

    def has(self, one: Glance | Batch) -> bool:
        """Whether that batch, or the batches of that job, are asked for."""
        return (
            (self.datasets is None or one.dataset_id in self.datasets)
            and (self.statuses is None or one.status in self.statuses)
            and (self.after_ms is None or one.created_ms > self.after_ms)
            and (self.before_ms is None or one.created_ms < self.before_ms)
        )


@dataclass(frozen=True, slots=True)
class DatasetBatches:
    """A dataset's last batches, and the rows of those among them that are done; None where there is none."""

    last: Batch | None = None
    last_good: Batch | None = None
    last_failed: Batch | None = None
    rows: int = 0


class Ledger:
    """The batches of one sandbox as filters see them: of at most 5,000 jobs under a bound, and of what callers made.

    What a block costs when it is first looked at is some 2 ms, and 0.3 ms where a dataset is asked for.
    """

    def __init__(self, world: World, sandbox: Sandbox) -> None:
        self._world = world
        self._sandbox = sandbox
        self._blocks: OrderedDict[int, tuple[Glance, ...]] = OrderedDict()
        self._filled_by: OrderedDict[int, tuple[str, ...]] = OrderedDict()
        targets = (*sandbox.room.targets, sandbox.room.snapshot)
        self._targets = {one.dataset_id for one in targets if one is not None}

    def _glance(self, index: int, now_ms: int) -> Glance:
        job = self._sandbox.shelf.job(index)
        seen = state(job.plan, now_ms)
        created, is_done = job.plan.created_ms + BATCH_DELAY_MS, seen.batch_status == "success"
        return Glance(
            index=index,
            dataset_id=job.dataset_id,
            batches=job.batch_count,
            created_ms=created,
            updated_ms=updated_ms(seen, created_ms=created),
            started_ms=seen.export.start_ms if seen.export is not None else None,
            completed_ms=seen.write.end_ms if is_done and seen.write is not None else None,
            status=seen.batch_status,
            rows=job.profiles if is_done else 0,
            is_settled=seen.status in TERMINAL,
        )

    def _block(self, number: int, now_ms: int) -> tuple[Glance, ...]:
        """Return what is to know of a block's jobs; those that have not ended are looked at again each time."""
        first, length = number * BLOCK, len(self._sandbox.shelf)
        known = self._blocks.get(number, ())
        found = tuple(
            known[place] if place < len(known) and known[place].is_settled else self._glance(first + place, now_ms)
            for place in range(min(BLOCK, length - first))
        )
        _keep(self._blocks, number, found)
        return found

    def _filled(self, number: int) -> tuple[str, ...]:
        """Return which dataset each job of a block filled: a small part of a glance's cost, and it never changes."""
        shelf = self._sandbox.shelf
        first, past = number * BLOCK, shelf.past.count
        known = self._filled_by.get(number, ())
        more = range(first + len(known), min(first + BLOCK, len(shelf)))
        found = known + tuple(shelf.past.dataset_id(one) if one < past else shelf.job(one).dataset_id for one in more)
        _keep(self._filled_by, number, found)
        return found

    def _seen(self, number: int, datasets: Collection[str] | None, now_ms: int) -> list[Glance]:
        """Return what a block holds of the datasets that are asked for."""
        if datasets is None:
            return [*self._block(number, now_ms)]
        first, known = number * BLOCK, self._blocks.get(number, ())
        return [
            known[place] if place < len(known) and known[place].is_settled else self._glance(first + place, now_ms)
            for place, dataset_id in enumerate(self._filled(number))
            if dataset_id in datasets
        ]

    async def _walk(
        self, below: int, now_ms: int, *, most: int, up: bool = False, datasets: Collection[str] | None = None
    ) -> AsyncIterator[Glance]:
        """Walk the jobs from index `below` down (from it up when `up`), letting others run after each new block."""
        length = len(self._sandbox.shelf)
        if not (0 <= below < length if up else 0 < below <= length):
            return
        number = (below if up else below - 1) // BLOCK
        for step in range(most):
            at = number + step if up else number - step
            if not 0 <= at * BLOCK < length:
                return
            is_known = at in (self._blocks if datasets is None else self._filled_by)
            seen = self._seen(at, datasets, now_ms)
            for one in seen if up else reversed(seen):
                if one.index >= below if up else one.index < below:
                    yield one
            if not is_known:
                await self._world.clock.sleep(0)

    def _bounds(self, wanted: Wanted) -> tuple[int, int]:
        """Return the first index that can be wanted, and the one above the last."""
        shelf = self._sandbox.shelf
        low = 0 if wanted.after_ms is None else shelf.older_than((wanted.after_ms - BATCH_DELAY_MS + 1, 0))
        high = len(shelf) if wanted.before_ms is None else shelf.older_than((wanted.before_ms - BATCH_DELAY_MS, 0))
        return low, high

    def _can_be_filled(self, dataset_id: str) -> bool:
        """Whether any job may have filled it: most datasets, and most ids that a stranger invents, never were."""
        return dataset_id in self._targets or self._world.last_job(self._sandbox, dataset_id) is not None

    async def jobs(
        self, wanted: Wanted, *, now_ms: int, oldest_first: bool = False, most: int = REACH
    ) -> AsyncIterator[Glance]:
        """Walk the jobs whose batches are wanted, by creation; `most` blocks are looked at from the first possible.

        What callers made for the datasets that are asked for is walked however far from there it is.
        """
        if wanted.datasets is not None and not any(self._can_be_filled(one) for one in wanted.datasets):
            return
        low, high = self._bounds(wanted)
        start = low if oldest_first else high
        async for one in self._walk(start, now_ms, most=most, up=oldest_first, datasets=wanted.datasets):
            if one.index >= high if oldest_first else one.index < low:
                return
            if wanted.has(one):
                yield one
        further = range((start // BLOCK + most) * BLOCK, high) if oldest_first else range(low, _lowest(start, most))
        async for one in self._made(wanted.datasets or (), further, now_ms, up=oldest_first):
            if wanted.has(one):
                yield one

    async def _made(
        self, datasets: Collection[str], span: range, now_ms: int, *, up: bool = False, most: int | None = None
    ) -> AsyncIterator[Glance]:
        """Walk what callers made for `datasets` within `span`, the nearest `most` of them if it is given."""
        made = [index for index in self._sandbox.shelf.made_for(datasets) if index in span]
        for place, index in enumerate((made if up else made[::-1])[:most]):
            yield self._glance(index, now_ms)
            if place % BLOCK == BLOCK - 1:
                await self._world.clock.sleep(0)

    def batches(self, one: Glance, *, now_ms: int) -> Iterator[Batch]:
        """Make the batches of a job, in the order of its segments."""
        job = self._sandbox.shelf.job(one.index)
        for number in range(one.batches):
            yield batch_of(self._world, job, number, now_ms=now_ms)

    async def good_batches(self, dataset_id: str, *, now_ms: int) -> AsyncIterator[Batch]:
        """Walk the batches that jobs filled for a dataset and that are done, newest job first."""
        async for one in self.jobs(Wanted({dataset_id}, {"success"}), now_ms=now_ms):
            for batch in self.batches(one, now_ms=now_ms):
                yield batch

    async def by_dataset(self, datasets: Collection[str], *, now_ms: int) -> dict[str, DatasetBatches]:
        """Return the last batches and done rows of those of `datasets` that have any.

        They are what the newest 1,000 jobs tell, the newest 1,000 that callers made before those, and the queries that
        wrote.
        """
        found: dict[str, _Tally] = {}
        length = len(self._sandbox.shelf)
        async for one in self._walk(length, now_ms, most=RECENT):
            if one.dataset_id in datasets:
                found.setdefault(one.dataset_id, _Tally()).count(one)
        async for one in self._made(datasets, range(_lowest(length, RECENT)), now_ms, most=RECENT * BLOCK):
            found.setdefault(one.dataset_id, _Tally()).count(one)
        answer = {dataset_id: self._told(tally, now_ms) for dataset_id, tally in found.items()}
        for batch in sorted(self._sandbox.written_batches.values(), key=lambda batch: batch.created_ms):
            if batch.dataset_id in datasets:
                answer[batch.dataset_id] = _after(answer.get(batch.dataset_id, DatasetBatches()), batch)
        return answer

    def _told(self, tally: _Tally, now_ms: int) -> DatasetBatches:
        made: dict[int, Job] = {}

        def first(index: int | None) -> Batch | None:
            if index is None:
                return None
            job = made.get(index) or made.setdefault(index, self._sandbox.shelf.job(index))
            return batch_of(self._world, job, 0, now_ms=now_ms)

        return DatasetBatches(first(tally.last), first(tally.good), first(tally.failed), tally.rows)


def _lowest(below: int, most: int) -> int:
    """Return the lowest index that a walk of `most` blocks down from `below` comes to."""
    return max(0, ((below - 1) // BLOCK - most + 1) * BLOCK)


def _keep(held: OrderedDict[int, _T], number: int, value: _T) -> None:
    held[number] = value
    held.move_to_end(number)
    if len(held) > _KEPT:
        held.popitem(last=False)


@dataclass(slots=True)
class _Tally:
    """The indexes of a dataset's newest job, newest good and newest failed one."""

    last: int | None = None
    good: int | None = None
    failed: int | None = None
    rows: int = 0

    def count(self, one: Glance) -> None:
        """Take in the next older job."""
        self.rows += one.rows
        if self.last is None:
            self.last = one.index
        if one.status == "success" and self.good is None:
            self.good = one.index
        if one.status == "failed" and self.failed is None:
            self.failed = one.index


def _after(before: DatasetBatches, batch: Batch) -> DatasetBatches:
    """Return what a dataset's batches are once a query has written one more."""

    def newer(other: Batch | None) -> Batch:
        return other if other is not None and other.created_ms > batch.created_ms else batch

    return DatasetBatches(
        last=newer(before.last),
        last_good=newer(before.last_good) if batch.status == "success" else before.last_good,
        last_failed=newer(before.last_failed) if batch.status == "failed" else before.last_failed,
        rows=before.rows + (batch.rows or 0),
    )

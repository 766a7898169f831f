"""Owns one sandbox's jobs in the order of every list; only those made through the API or changed are held.

The order is: the jobs of the past, then those made since and those that arrived by themselves, as they came.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tui_app.emulator.world.lifecycle import STATUS_OF, TERMINAL, Job, Lengths, cancelled, laid, state
from tui_app.emulator.world.open_jobs import OpenJobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tui_app.emulator.world.arrivals import Arrivals
    from tui_app.emulator.world.past import Past
    from tui_app.emulator.world.strata import Strata
    from tui_app.emulator.world.time import Pace


@dataclass(frozen=True, slots=True)
class _Part:
    """Strata that tell of a part of the shelf: how many of their jobs stand under an index, and where each stands."""

    strata: Strata
    under: Callable[[int], int]
    index: Callable[[int], int]


@dataclass(slots=True)
class _Held:
    """A job in memory; its timeline was laid after so many changes of the pace, by the `seconds` of its stages.

    What was changed has none: of its stages only those that are over show, and its cancellation follows the pace.
    """

    job: Job
    changes: int
    seconds: Lengths | None = None
    is_fixed: bool = False

    def now(self, pace: Pace) -> Job:
        """Return the job with its timeline as the pace lays it now."""
        if self.changes != pace.changes and not self.is_fixed:
            old = plan = self.job.plan
            if self.seconds is not None:
                plan = laid(pace, old.created_ms, self.seconds, outcome=old.outcome)
            if old.cancelled_ms is not None:
                plan = cancelled(plan, pace, old.cancelled_ms)
            self.job, self.changes = replace(self.job, plan=plan), pace.changes
        return self.job


class Matches:
    """The indexes of all jobs in one status at one moment.

    The strata tell of nearly all; of those in `covered` they are wrong, and `shown` are the others that match.
    """

    def __init__(self, status: str, parts: Sequence[_Part], *, shown: Sequence[int], covered: Sequence[int]) -> None:
        self._status = status
        self._parts = parts
        self._shown = shown
        self._covered = covered

    def count(self, below: int) -> int:
        """Return how many match under index `below`."""
        told = sum(part.strata.count(self._status, part.under(below)) for part in self._parts)
        return told - bisect_left(self._covered, below) + bisect_left(self._shown, below)

    def skip(self, amount: int, below: int) -> int:
        """Return the index under which all but the newest `amount` of the matches under `below` stand."""
        return bisect_left(range(below), max(0, self.count(below) - amount), key=self.count)

    def descending(self, below: int) -> Iterator[int]:
        """Walk the matches under index `below`, the newest first."""
        shown = reversed(self._shown[: bisect_left(self._shown, below)])
        return heapq.merge(self._told(below), shown, reverse=True)

    def _told(self, below: int) -> Iterator[int]:
        covered = set(self._covered)
        for part in reversed(self._parts):
            for number in part.strata.descending(self._status, part.under(below)):
                index = part.index(number)
                if index not in covered:
                    yield index


_LOOK_BACK = 600  # how many jobs that nobody made through the API tell which dataset was written last


class Shelf:
    """All jobs of one sandbox in creation order, 0 being the oldest; `arrivals` is None where nobody else makes any."""

    def __init__(self, past: Past, pace: Pace, arrivals: Arrivals | None = None) -> None:
        self.past = past
        self._pace = pace
        self._arrivals = arrivals
        self._made: list[_Held] = []
        self._before: list[int] = []  # how many had arrived when each was made
        self._spots: list[int] = []  # where each stands above the past
        self._places: dict[int, int] = {}
        self._changed: dict[int, _Held] = {}
        self._made_for: dict[str, list[int]] = {}  # indexes by dataset, rising
        self._recent: tuple[int, dict[str, int]] = (-1, {})
        self._open = OpenJobs(pace)
        # Where the strata believe otherwise than is so, by the status that they believe in.
        self._covered: dict[str, list[int]] = {status: [] for status in TERMINAL}
        if past.stuck is not None:
            self._set_apart(past.stuck)

    def __len__(self) -> int:
        return self.past.count + self._arrived + len(self._made)

    @property
    def _arrived(self) -> int:
        return self._arrivals.count if self._arrivals is not None else 0

    @property
    def held(self) -> int:
        """How many jobs are in memory."""
        return len(self._made) + len(self._changed)

    def _made_at(self, index: int) -> tuple[int | None, int]:
        """Return which of the made jobs stands at `index`, and how many of them stand under it."""
        spot = index - self.past.count
        place = bisect_left(self._spots, spot)
        return (place if place < len(self._spots) and self._spots[place] == spot else None), place

    def _index_of_arrival(self, number: int) -> int:
        return self.past.count + number + bisect_right(self._before, number)

    def key(self, index: int) -> tuple[int, int]:
        """Return (creation time, id) of the job at `index`; rises with it."""
        if index < self.past.count:
            return self.past.key(index)
        made, under = self._made_at(index)
        if made is not None:
            return self._made[made].job.key
        assert self._arrivals is not None
        return self._arrivals.key(index - self.past.count - under)

    def job(self, index: int) -> Job:
        """Return the job at `index`."""
        changed = self._changed.get(index) if self._changed else None
        if changed is not None:
            return changed.now(self._pace)
        if index < self.past.count:
            return self.past.job(index)
        made, under = self._made_at(index)
        if made is not None:
            return self._made[made].now(self._pace)
        assert self._arrivals is not None
        return self._arrivals.job(index - self.past.count - under)

    def find(self, job_id: int) -> int | None:
        """Return the index of the job with this id; None when the sandbox has none."""
        place = self._places.get(job_id)
        if place is not None:
            return self.past.count + self._spots[place]
        number = self._arrivals.find(job_id) if self._arrivals is not None else None
        return self.past.find(job_id) if number is None else self._index_of_arrival(number)

    def add(self, job: Job, seconds: Lengths | None = None) -> None:
        """Put a job at the end; its key must be the greatest.

        Its stages take `seconds` of work, so that they follow the pace; without them its timeline stands for good.
        """
        place, index = len(self._made), len(self)
        held = _Held(job, self._pace.changes, seconds, is_fixed=seconds is None)
        self._before.append(self._arrived)
        self._spots.append(self._arrived + place)
        self._places[job.job_id] = place
        self._made.append(held)
        self._made_for.setdefault(job.dataset_id, []).append(index)
        if seconds is None:
            self._open.watch(index)
        else:
            self._open.add(index, job.plan, seconds)

    def change(self, job: Job) -> None:
        """Put `job` in the place of the one with its id; does nothing when the sandbox has none."""
        index = self.find(job.job_id)
        if index is None:
            return
        place = self._places.get(job.job_id)
        if place is not None:
            self._made[place] = replace(self._made[place], job=job, changes=self._pace.changes)
        else:
            if index not in self._changed and index != self.past.stuck:
                self._set_apart(index)
            self._changed[index] = _Held(job, self._pace.changes)
        self._open.watch(index)

    def _set_apart(self, index: int) -> None:
        """Take a job out of the strata that has been told of by them so far."""
        self._open.watch(index)
        insort(self._covered[self._believed(index)], index)

    def _believed(self, index: int) -> str:
        """Return the status in which the strata let a job end that was not made through the API."""
        if index < self.past.count:
            return STATUS_OF[self.past.strata.outcome(index)]
        assert self._arrivals is not None
        return STATUS_OF[self._arrivals.strata.outcome(self._arrivals_under(index))]

    def older_than(self, key: tuple[int, int]) -> int:
        """Return how many jobs have a smaller key: the index just above the first job that a cursor shows."""
        return bisect_left(range(len(self)), key, key=self.key)

    def newest(self, count: int, *, below: int, status: str | None, at_ms: int, skip: int = 0) -> list[Job]:
        """Return up to `count` jobs under index `below`, newest first, after leaving out `skip` that match too."""
        if status is None:
            top = below - skip
            return [self.job(index) for index in range(top - 1, max(-1, top - count - 1), -1)]
        matches = self.matches(status, at_ms=at_ms)
        if skip:
            below = matches.skip(skip, below)
        return [self.job(index) for index, _ in zip(matches.descending(below), range(count), strict=False)]

    def matches(self, status: str, *, at_ms: int) -> Matches:
        """Return the jobs that are in `status` at `at_ms`, which must not lie before an earlier look."""
        shown = self._open.look(status, at_ms=at_ms, job=self.job)
        covered = list(self._covered.get(status, ()))
        arrivals = self._arrivals
        for number in arrivals.unsettled(at_ms) if arrivals is not None else ():
            index = self._index_of_arrival(number)
            if index in self._changed:
                continue
            if self._believed(index) == status:
                covered.append(index)
            if state(self.job(index).plan, at_ms).status == status:
                shown.append(index)
        parts = [_Part(self.past.strata, lambda below: min(below, self.past.count), lambda index: index)]
        if arrivals is not None:
            parts.append(_Part(arrivals.strata, self._arrivals_under, self._index_of_arrival))
        return Matches(status, parts, shown=sorted(shown), covered=sorted(covered))

    def _arrivals_under(self, index: int) -> int:
        """Return how many of those that arrived stand under `index`."""
        spot = index - self.past.count
        return max(0, min(self._arrived, spot - bisect_left(self._spots, spot)))

    def newest_of(self, dataset_id: str) -> Job | None:
        """Return the newest job that writes to the dataset: any made through the API, else one of the newest."""
        if self._recent[0] != len(self):
            self._recent = (len(self), self._newest_by_dataset())
        index = self._recent[1].get(dataset_id)
        if index is None and dataset_id in self._made_for:
            index = self._made_for[dataset_id][-1]
        return None if index is None else self.job(index)

    def made_for(self, datasets: Iterable[str]) -> list[int]:
        """Return the indexes of the jobs made through the API for these datasets, oldest first."""
        return sorted(index for one in set(datasets) for index in self._made_for.get(one, ()))

    def _newest_by_dataset(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for index in range(max(0, len(self) - _LOOK_BACK), len(self)):
            found[self._dataset_id(index)] = index
        return found

    def _dataset_id(self, index: int) -> str:
        if index < self.past.count:
            return self.past.dataset_id(index)
        made, under = self._made_at(index)
        if made is not None:
            return self._made[made].job.dataset_id
        assert self._arrivals is not None
        return self._arrivals.dataset_id(index - self.past.count - under)

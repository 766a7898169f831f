"""Owns one sandbox's jobs in the order of every list; only those added or changed since the world began are held."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from tui_app.emulator.world.lifecycle import TERMINAL, Job, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_app.emulator.world.past import Past


class Shelf:
    """All jobs of one sandbox in creation order: those of the past, made when asked for, then those added since."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self._added: list[Job] = []
        self._changed: dict[int, Job] = {}
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return self.past.count + len(self._added)

    @property
    def held(self) -> int:
        """How many jobs are in memory."""
        return len(self._added) + len(self._changed)

    def key(self, index: int) -> tuple[int, int]:
        """Return (creation time, id) of the job at `index`; rises with it."""
        past = self.past.count
        return self.past.key(index) if index < past else self._added[index - past].key

    def job(self, index: int) -> Job:
        """Return the job at `index`, 0 being the oldest."""
        past = self.past.count
        if index >= past:
            return self._added[index - past]
        changed = self._changed.get(self.past.key(index)[1]) if self._changed else None
        return changed or self.past.job(index)

    def find(self, job_id: int) -> int | None:
        """Return the index of the job with this id; None when the sandbox has none."""
        place = self._places.get(job_id)
        return self.past.index_of(job_id) if place is None else self.past.count + place

    def add(self, job: Job) -> None:
        """Put a job at the end; its key must be the greatest."""
        self._places[job.job_id] = len(self._added)
        self._added.append(job)

    def change(self, job: Job) -> None:
        """Put `job` in the place of the one with its id."""
        place = self._places.get(job.job_id)
        if place is None:
            self._changed[job.job_id] = job
        else:
            self._added[place] = job

    def older_than(self, key: tuple[int, int]) -> int:
        """Return how many jobs have a smaller key: the index just above the first job that a cursor shows."""
        return bisect_left(range(len(self)), key, key=self.key)

    def newest(self, count: int, *, below: int, status: str | None, at_ms: int, skip: int = 0) -> list[Job]:
        """Return up to `count` jobs under index `below`, newest first, after leaving out `skip` that match too."""
        if status is None:
            top = below - skip
            return [self.job(index) for index in range(top - 1, max(-1, top - count - 1), -1)]
        found: list[Job] = []
        for index in self._matching(status, below=below, at_ms=at_ms):
            if skip > 0:
                skip -= 1
                continue
            found.append(self.job(index))
            if len(found) >= count:
                break
        return found

    def _matching(self, status: str, *, below: int, at_ms: int) -> Iterator[int]:
        past = self.past
        for index in range(below - 1, past.count - 1, -1):
            if state(self._added[index - past.count].plan, at_ms).status == status:
                yield index
        # Past jobs are over, but for the stuck one: no other status needs a look at all of them.
        top = min(below, past.count)
        indexes = range(top - 1, -1, -1) if status in TERMINAL else [past.stuck]
        for each in indexes:
            if each is None or each >= top:
                continue
            actual = state(self.job(each).plan, at_ms).status if each == past.stuck else past.status(each)
            if actual == status:
                yield each

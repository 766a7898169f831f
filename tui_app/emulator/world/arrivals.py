"""Owns the jobs that colleagues and the scheduler make while the world lives: the n-th is a function of (seed, n).

When it arrives is counted in work, not in time, so that a world that goes faster gets more of them. None is held.
Ids are given out in the order of creation, to these jobs and to those made through the API alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.lifecycle import STAGES, Lengths, Timeline, laid
from tui_app.emulator.world.past import compose, target
from tui_app.emulator.world.strata import Block, Strata

if TYPE_CHECKING:
    from tui_app.emulator.world.datasets import Dataset
    from tui_app.emulator.world.lifecycle import Job
    from tui_app.emulator.world.past import Furniture
    from tui_app.emulator.world.time import Pace

# One arrives every 315 to 585 s of work, so any 2,430 s see five, at most one of which fails. A job that does not fail
# takes 2,430 s or more: three always run.
_EVERY_S, _SPREAD_S, _FIRST_S = 450.0, 135.0, 112.5
_LENGTHS: Lengths = (240.0, 1_200.0, 480.0, 360.0, 150.0)
_STRETCH = (1.0, 1.4)
_SLOW = 3.0
_LONGEST_S = _STRETCH[1] * (240 + _SLOW * 1_200 + 480 + _SLOW * 360 + 150)
_BLOCK = 20
_FAILING, _EMPTY = ((2, 5), (12, 15)), (7, 9)  # where in a block a job may fail or find nothing; ends included

_FAILURES = (("fail-export", "fail-write"), ("fail-write", "fail-export"))


class Numbers:
    """The ids of all jobs made since the world began: those made through the API take one each, the rest arrive."""

    def __init__(self, first_id: int) -> None:
        self._first = first_id
        self._made: list[int] = []
        self._before: list[int] = []

    def take(self, arrived: int) -> int:
        """Return the id of a job that is made now, when `arrived` have arrived."""
        job_id = self._first + arrived + len(self._made)
        self._made.append(job_id)
        self._before.append(arrived)
        return job_id

    def of_arrival(self, number: int) -> int:
        """Return the id of arrival `number`, which has arrived."""
        return self._first + number + bisect_right(self._before, number)

    def arrival(self, job_id: int) -> int | None:
        """Return which arrival has or will have this id; None when it is another job's."""
        place = bisect_left(self._made, job_id)
        if job_id < self._first or (place < len(self._made) and self._made[place] == job_id):
            return None
        return job_id - self._first - place


class Arrivals:
    """The jobs that come to a sandbox by themselves, `count` of them so far."""

    def __init__(self, seed: int, room: Furniture, pace: Pace, numbers: Numbers) -> None:
        self._seed = seed
        self._rooms = [(0, room)]  # from which arrival on it was so: a dataset that is deleted is no target any more
        self._pace = pace
        self._numbers = numbers
        self._due_ms = self.created_ms(0)
        self.strata = Strata(_BLOCK, self._block)
        self.count = 0

    def advance(self, now_ms: int) -> None:
        """Let every job arrive that is due."""
        if now_ms < self._due_ms:
            return
        latest = math.ceil((self._pace.work(now_ms) - _FIRST_S + _SPREAD_S) / _EVERY_S) + 1
        count = max(self.count, latest)
        while count > self.count and self.created_ms(count - 1) > now_ms:
            count -= 1
        self.count = count
        self._due_ms = self.created_ms(count)

    def forget(self, dataset_id: str) -> None:
        """Let no later job be written to a dataset that is deleted; the last target stays, for some job must come."""
        room = self._rooms[-1][1]
        targets = [one for one in room.targets if one.dataset_id != dataset_id]
        is_snapshot = room.snapshot is not None and room.snapshot.dataset_id == dataset_id
        if targets and (is_snapshot or len(targets) < len(room.targets)):
            left = replace(room, targets=targets, snapshot=None if is_snapshot else room.snapshot)
            self._rooms.append((self.count, left))

    def _room(self, number: int) -> Furniture:
        return self._rooms[bisect_right(self._rooms, number, key=itemgetter(0)) - 1][1]

    def retime(self) -> None:
        """Take note that the pace has changed."""
        self._due_ms = self.created_ms(self.count)

    def created_ms(self, number: int) -> int:
        """Return when the job arrives, epoch milliseconds."""
        return self._pace.at_ms(self._work(number))

    def key(self, number: int) -> tuple[int, int]:
        """Return (creation time, id)."""
        return self.created_ms(number), self._numbers.of_arrival(number)

    def find(self, job_id: int) -> int | None:
        """Return which arrival has this id; None when none has, or it has not arrived yet."""
        number = self._numbers.arrival(job_id)
        return number if number is not None and number < self.count else None

    def unsettled(self, now_ms: int) -> range:
        """Return the newest arrivals, among them every one that can still be running."""
        slack = _LONGEST_S + _SPREAD_S + len(STAGES) * self._pace.coarsest_s
        first = math.floor((self._pace.work(now_ms) - slack - _FIRST_S) / _EVERY_S)
        return range(min(self.count, max(0, first)), self.count)

    def dataset_id(self, number: int) -> str:
        """Return the id of the job's target without making the job."""
        return target(self._room(number), self._chance(number))[0].dataset_id

    def job(self, number: int) -> Job:
        """Make the job."""
        outcome = self.strata.outcome(number)

        def lay(chance: Chance, dataset: Dataset) -> Timeline:
            seconds, work_s = _lengths(chance, slow=dataset.is_slow), self._work(number)
            return laid(self._pace, self._pace.at_ms(work_s), seconds, outcome=outcome, work_s=work_s)

        job_id = self._numbers.of_arrival(number)
        return compose(self._room(number), self._chance(number), job_id=job_id, outcome=outcome, lay=lay)

    def _chance(self, number: int) -> Chance:
        return Chance(self._seed, "arrival", number)

    def _work(self, number: int) -> float:
        drawn = Chance(self._seed, "gap", number).fraction()
        return _FIRST_S + number * _EVERY_S + (drawn - 0.5) * _SPREAD_S

    def _block(self, number: int) -> Block:
        """Two of twenty jobs fail, seven or more apart, and one finds nothing."""
        chance = Chance(self._seed, "arrivals", number)
        outcomes = ["ok"] * _BLOCK
        for (low, high), word in zip(_FAILING, chance.pick(_FAILURES), strict=True):
            outcomes[chance.between(low, high)] = word
        outcomes[chance.between(*_EMPTY)] = "empty"
        return Block(tuple(outcomes))


def _lengths(chance: Chance, *, slow: bool) -> Lengths:
    low, high = _STRETCH
    queue, export, gap, write, finish = (length * (low + (high - low) * chance.fraction()) for length in _LENGTHS)
    factor = _SLOW if slow else 1.0
    return queue, factor * export, gap, factor * write, finish

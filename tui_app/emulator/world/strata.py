"""Owns how outcomes are spread over a numbered series of jobs, so that counting and skipping are arithmetic.

Every block of equal size holds exactly as many jobs of each status; only where they stand is drawn. So the number of
failed jobs below any index, and the index of the n-th failed job, cost one block, not a walk.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_app.emulator.world.lifecycle import STATUS_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tui_app.emulator.chance import Chance

_MOST_BLOCKS = 64  # kept at a time; one is drawn again in some 50 microseconds


@dataclass(frozen=True, slots=True)
class Incident:
    """A run of places in a block, both ends included, whose failures mostly share one cause."""

    first: int
    last: int
    family: str


class Block:
    """The outcome at each place, and the places of each status in rising order."""

    __slots__ = ("_places", "incident", "outcomes")

    def __init__(self, outcomes: tuple[str, ...], incident: Incident | None = None) -> None:
        self.outcomes = outcomes
        self.incident = incident
        self._places: dict[str, tuple[int, ...]] = {}

    def places(self, status: str) -> tuple[int, ...]:
        """Return where the jobs stand that end in `status`."""
        found = self._places.get(status)
        if found is None:
            of_status = enumerate(map(STATUS_OF.__getitem__, self.outcomes))
            found = self._places[status] = tuple(place for place, one in of_status if one == status)
        return found


def scatter(chance: Chance, amounts: Mapping[str, int], *, size: int, free: list[int] | None = None) -> list[str]:
    """Return `size` outcomes, `ok` but for the `amounts` of others, each at a place that `chance` draws.

    `free` names the places that may be taken; all of them when it is left out.
    """
    outcomes = ["ok"] * size
    left = list(range(size)) if free is None else list(free)
    for outcome, amount in amounts.items():
        for _ in range(amount):
            drawn = int(chance.fraction() * len(left))
            left[drawn], left[-1] = left[-1], left[drawn]
            outcomes[left.pop()] = outcome
    return outcomes


class Strata:
    """The outcomes of jobs 0, 1, 2, … in blocks of `size`, each made by `make` when it is asked for.

    Every block must hold as many jobs of each status as the first.
    """

    def __init__(self, size: int, make: Callable[[int], Block]) -> None:
        self._size = size
        self._make = make
        self._blocks: dict[int, Block] = {}
        self._amounts = Counter(STATUS_OF[outcome] for outcome in make(0).outcomes)

    def _block(self, number: int) -> Block:
        found = self._blocks.get(number)
        if found is None:
            if len(self._blocks) >= _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            found = self._blocks[number] = self._make(number)
        return found

    def outcome(self, index: int) -> str:
        """Return how the job at `index` goes."""
        number, place = divmod(index, self._size)
        return self._block(number).outcomes[place]

    def cause(self, index: int) -> str | None:
        """Return the family of errors that an incident gave the jobs around `index`; None when there was none."""
        number, place = divmod(index, self._size)
        incident = self._block(number).incident
        return incident.family if incident is not None and incident.first <= place <= incident.last else None

    def count(self, status: str, below: int) -> int:
        """Return how many jobs under `below` end in `status`."""
        amount = self._amounts[status]
        number, place = divmod(max(0, below), self._size)
        if not amount or not place:
            return number * amount
        return number * amount + bisect_left(self._block(number).places(status), place)

    def descending(self, status: str, below: int) -> Iterator[int]:
        """Walk the jobs under `below` that end in `status`, the highest first."""
        if not self._amounts[status]:
            return
        number, place = divmod(max(0, below), self._size)
        while number >= 0:
            places = self._block(number).places(status) if place else ()
            for each in reversed(places):
                if each < place:
                    yield number * self._size + each
            number, place = number - 1, self._size

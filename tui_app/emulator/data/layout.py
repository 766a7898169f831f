"""Owns how a batch's rows are laid out in files: which parts, under which file ids; arithmetic, nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, overload

from tui_app.emulator.chance import Chance

MOST_ROWS = 250_000  # of one part, however narrow
_LEAST_PARTS = 3
_DIRECTORY = 2  # the number of the directory's id; 1 if it stands alone
PAIR = 2  # parts under one plain file id
_NESTED = 3  # one of so many parts stands below the directory
_NUMBER = re.compile(r"[0-9]{1,9}")
_T_co = TypeVar("_T_co", covariant=True)


class Row(Sequence[_T_co]):
    """A sequence whose items are made when they are asked for: a batch may have a hundred thousand files."""

    def __init__(self, count: int, make: Callable[[int], _T_co]) -> None:
        self._places = range(count)
        self._make = make

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> _T_co: ...
    @overload
    def __getitem__(self, at: slice) -> list[_T_co]: ...
    def __getitem__(self, at: int | slice) -> _T_co | list[_T_co]:
        if isinstance(at, slice):
            return [self._make(place) for place in self._places[at]]
        return self._make(self._places[at])


@dataclass(frozen=True, slots=True)
class Part:
    """One physical file: `rows` rows of its batch from number `first_row` on."""

    file_id: str
    name: str
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True)
class FileSet:
    """What one dataset file id stands for: physical files, or, for a directory, other ids (API reference 4.2)."""

    file_id: str
    rows: int
    parts: Sequence[Part] = ()
    children: Sequence[FileSet] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one batch: some under plain ids, and a third of them, at least one, in a directory.

    `count` is how many parts there are, `start` gives the first row of each, and of one behind the last the number of
    all rows. Ids are the batch's with a number: that of the directory is 1 if it is alone and 2 if not, and those
    below it follow the ones that the batch's listing shows.
    """

    batch_id: str
    tail: str
    count: int
    start: Callable[[int], int]
    together: int

    @property
    def parts(self) -> Sequence[Part]:
        """All physical files, in the order of their rows."""
        return Row(self.count, self._part)

    @property
    def sets(self) -> Sequence[FileSet]:
        """What the batch's listing shows."""
        return Row(self._pairs + 1 if self.count else 0, lambda at: self._set(at + 1))

    def find(self, file_id: str) -> FileSet | None:
        """Return what this id stands for, one that is shown or one below the directory; None when nothing does."""
        number = file_id.removeprefix(f"{self.batch_id}-")
        if number == file_id or not _NUMBER.fullmatch(number) or number.startswith("0"):
            return None
        return self._set(int(number)) if int(number) <= self._pairs + 1 + self._below and self.count else None

    @property
    def _below(self) -> int:
        """How many parts are below the directory."""
        return max(1, self.count // _NESTED)

    @property
    def _pairs(self) -> int:
        """How many plain ids there are."""
        return -(-(self.count - self._below) // self.together)

    def _set(self, number: int) -> FileSet:
        plain, shown = self.count - self._below, self._pairs + 1
        if number > shown:
            return self._plain(number, plain + number - shown - 1, plain + number - shown)
        if number == min(_DIRECTORY, shown):
            children = Row(self._below, lambda at: self._set(shown + 1 + at))
            return FileSet(f"{self.batch_id}-{number}", self.start(self.count) - self.start(plain), children=children)
        place = (number - 1 - (number > _DIRECTORY)) * self.together
        return self._plain(number, place, min(place + self.together, plain))

    def _plain(self, number: int, low: int, high: int) -> FileSet:
        file_id = f"{self.batch_id}-{number}"
        parts = tuple(self._part(at, file_id) for at in range(low, high))
        return FileSet(file_id, self.start(high) - self.start(low), parts)

    def _part(self, at: int, file_id: str | None = None) -> Part:
        if file_id is None:
            file_id = self._id_of(at)
        first = self.start(at)
        return Part(file_id, f"part-{at:05d}-{self.tail}-c000.snappy.parquet", first, self.start(at + 1) - first)

    def _id_of(self, at: int) -> str:
        """Return the id that part number `at` stands under."""
        behind = at - (self.count - self._below)
        if behind >= 0:
            return f"{self.batch_id}-{self._pairs + 2 + behind}"
        place = at // self.together + 1
        return f"{self.batch_id}-{place + (place >= _DIRECTORY)}"


def planned(seed: int, batch_id: str, rows: int, *, most: int, together: int = PAIR) -> Layout:
    """Lay out `rows` rows in parts of at most `most`, `together` of them under one id.

    There are three parts or more where there are rows for them.
    """
    count = max(min(_LEAST_PARTS, rows), -(-rows // most))
    return Layout(batch_id, _tail(seed, batch_id), count, lambda at: rows * at // count, together)


def arranged(seed: int, batch_id: str, counts: Sequence[int]) -> Layout:
    """Lay out parts of so many rows each."""
    return Layout(batch_id, _tail(seed, batch_id), len(counts), lambda at: sum(counts[:at]), PAIR)


def _tail(seed: int, batch_id: str) -> str:
    return Chance(seed, "parts", batch_id).hex(32)

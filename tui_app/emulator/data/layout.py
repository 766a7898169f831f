"""Owns how a batch's rows are laid out in files: which parts, under which file ids; arithmetic, no disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, count
from typing import TYPE_CHECKING

from tui_app.emulator.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_ROWS = 250_000  # of one part, however narrow
_LEAST_PARTS = 3
_DIRECTORY = 2  # the number of the directory's id; 1 if it stands alone
PAIR = 2  # parts under one plain file id
_NESTED = 3  # one of so many parts stands below the directory


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
    parts: tuple[Part, ...] = ()
    children: tuple[FileSet, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows are in it and below it."""
        return sum(one.rows for one in self.parts) + sum(one.rows for one in self.children)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one batch: those that its listing shows, and all of them by id."""

    sets: tuple[FileSet, ...]
    by_id: Mapping[str, FileSet]

    @property
    def parts(self) -> Iterator[Part]:
        """All physical files, in the order of their rows."""
        return iter(sorted((part for one in self.by_id.values() for part in one.parts), key=lambda one: one.first_row))


@lru_cache(maxsize=256)
def planned(seed: int, batch_id: str, rows: int, *, most: int, together: int = PAIR) -> Layout:
    """Lay out `rows` rows in parts of at most `most`, `together` of them under one id.

    There are three parts or more where there are rows for them.
    """
    total = max(min(_LEAST_PARTS, rows), -(-rows // most))
    return arranged(
        seed, batch_id, [rows * (at + 1) // total - rows * at // total for at in range(total)], together=together
    )


def arranged(seed: int, batch_id: str, counts: Sequence[int], *, together: int = PAIR) -> Layout:
    """Lay out parts of so many rows each: some under plain ids, and a third of them, at least one, in a directory.

    Ids are the batch's with a number: that of the directory is 1 if it is alone and 2 if not, and those below it
    follow the ones that the batch's listing shows.
    """
    if not counts:
        return Layout((), {})
    tail = Chance(seed, "parts", batch_id).hex(32)
    firsts = accumulate(counts, initial=0)
    places = [
        (f"part-{at:05d}-{tail}-c000.snappy.parquet", first, rows)
        for at, (first, rows) in enumerate(zip(firsts, counts, strict=False))
    ]
    plain = len(places) - max(1, len(places) // _NESTED)
    pairs = [places[at : min(at + together, plain)] for at in range(0, plain, together)]
    shown = [_set(f"{batch_id}-{number}", pair) for number, pair in zip(_numbers(), pairs, strict=False)]
    below = tuple(
        _set(f"{batch_id}-{number}", [place]) for number, place in enumerate(places[plain:], start=len(pairs) + 2)
    )
    shown.insert(1, FileSet(f"{batch_id}-{min(_DIRECTORY, len(pairs) + 1)}", children=below))
    return Layout(tuple(shown), {one.file_id: one for one in (*shown, *below)})


def _numbers() -> Iterator[int]:
    """The numbers of plain ids: all but the directory's."""
    return (number for number in count(1) if number != _DIRECTORY)


def _set(file_id: str, places: Sequence[tuple[str, int, int]]) -> FileSet:
    return FileSet(file_id, tuple(Part(file_id, *place) for place in places))

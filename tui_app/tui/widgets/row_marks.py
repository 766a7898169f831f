"""Owns which rows are marked: a flag a row, so that a million marks cost a megabyte."""

from __future__ import annotations

from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class RowMarks:
    """A set of row keys: whole numbers from 0 on, few of them unused, as row numbers of a table are."""

    def __init__(self) -> None:
        self._flags = bytearray()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and key < len(self._flags) and self._flags[key] == 1

    def __iter__(self) -> Iterator[int]:
        """Yield the keys, the lowest first."""
        key = self._flags.find(1)
        while key >= 0:
            yield key
            key = self._flags.find(1, key + 1)

    def add(self, keys: Sequence[int]) -> None:
        """Mark rows; about 70 ns each, so whoever has very many hands them over in parts."""
        if not keys:
            return
        self._make_room(max(keys))
        deque(map(self._flags.__setitem__, keys, repeat(1)), maxlen=0)
        self._count = self._flags.count(1)

    def toggle(self, key: int) -> None:
        """Mark a row, or take its mark away."""
        self._make_room(key)
        self._flags[key] ^= 1
        self._count += 1 if self._flags[key] else -1

    def copy(self) -> RowMarks:
        """Return the same marks, which go their own way from here on."""
        same = RowMarks()
        same._flags, same._count = self._flags[:], self._count
        return same

    def clear(self) -> None:
        """Take all marks away."""
        self._flags = bytearray()
        self._count = 0

    def _make_room(self, key: int) -> None:
        missing = key + 1 - len(self._flags)
        if missing > 0:
            self._flags.extend(bytes(missing))

"""Owns the way through the last filters: which one comes next, and that what was being typed is not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Recall:
    """The last filters, gone through from the newest to the oldest and back to what was being typed."""

    def __init__(self, lines: Iterable[str], draft: str) -> None:
        self._lines = (draft, *dict.fromkeys(line for line in lines if line.strip() and line != draft))
        self._at = 0

    @property
    def place(self) -> str:
        """Which one is shown: `2 of 7`."""
        return f"{self._at} of {len(self._lines) - 1}" if self._at else ""

    def go(self, by: int) -> str | None:
        """Return the line `by` steps further back in time, None where there is none."""
        at = self._at + by
        if not 0 <= at < len(self._lines):
            return None
        self._at = at
        return self._lines[at]

"""Owns the choice of a list's columns: which are shown, in which order, and what of that fits a width."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tui_app.present.cells import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.present.cells import Column

TELLING: Final = frozenset({"status", "id"})
"""One of these must be shown: a row without them could not be told from its neighbour."""


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """All columns in the order they would stand, and the keys of those that are shown."""

    columns: tuple[Column, ...]
    shown: frozenset[str]

    @staticmethod
    def of(columns: Sequence[Column], keys: Sequence[str]) -> ColumnChoice:
        """Return the choice that a view's keys stand for: those columns first, then the others as they come.

        Keys of no column are left out; where no key is left, every column is shown. Where neither status nor id is
        among them, the id comes first.
        """
        by_key = {column.key: column for column in columns}
        known = [key for key in dict.fromkeys(keys) if key in by_key] or list(by_key)
        if not TELLING & set(known) and "id" in by_key:
            known.insert(0, "id")
        rest = [column for column in columns if column.key not in known]
        return ColumnChoice((*(by_key[key] for key in known), *rest), frozenset(known))

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns shown, in their order, by key."""
        return tuple(column.key for column in self.columns if column.key in self.shown)

    @property
    def visible(self) -> tuple[Column, ...]:
        """The columns shown, in their order."""
        return tuple(column for column in self.columns if column.key in self.shown)

    def may_hide(self, key: str) -> bool:
        """Tell whether a column may go: something must still tell one row from another."""
        return bool(TELLING & (self.shown - {key})) or key not in self.shown

    def toggled(self, key: str) -> ColumnChoice:
        """Show a column that is hidden, or hide one that may go."""
        if key in self.shown:
            return replace(self, shown=self.shown - {key}) if self.may_hide(key) else self
        return replace(self, shown=self.shown | {key})

    def moved(self, key: str, by: int) -> ColumnChoice:
        """Move a column by so many places, no further than the ends."""
        order = list(self.columns)
        place = next(index for index, column in enumerate(order) if column.key == key)
        column = order.pop(place)
        order.insert(max(0, min(len(order), place + by)), column)
        return replace(self, columns=tuple(order))

    def dropped(self, width: int) -> tuple[Column, ...]:
        """Return the columns that are chosen but have no room in a table of `width` cells."""
        placed = {column.key for column, _ in layout(self.visible, width)}
        return tuple(column for column in self.visible if column.key not in placed)

"""Owns rows that a table shows from a list in memory, or from pages that come when they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.present.cells import Cell

_PAGES_KEPT: Final = 40


class ListedRows:
    """A few rows, all in memory; the key of a row is its place."""

    def __init__(self, rows: Sequence[Sequence[Cell]] = ()) -> None:
        self.rows: Sequence[Sequence[Cell]] = rows

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.rows)

    def key(self, index: int) -> int:
        """Return the key of a row."""
        return index

    def keys(self, start: int, stop: int) -> Sequence[int]:
        """Return the keys of some rows."""
        return range(start, min(stop, len(self)))

    def index_of(self, key: int) -> int | None:
        """Return where the row of a key stands."""
        return key if 0 <= key < len(self) else None

    def first_of(self, keys: Sequence[int]) -> int | None:
        """Return where the first of `keys` that is among the rows stands."""
        return next((key for key in keys if 0 <= key < len(self)), None)

    def cells(self, index: int) -> Sequence[Cell] | None:
        """Return the cells of a row."""
        return self.rows[index]


class PagedRows(ListedRows):
    """Rows of any number, of which some pages are in memory: those looked at last."""

    PAGE: Final = 100

    def __init__(self, total: int, draw: Callable[[Sequence[object]], Sequence[Cell]]) -> None:
        """Make the source.

        Args:
            total: how many rows there are.
            draw: makes the cells of a row's values.
        """
        super().__init__()
        self._total = total
        self._draw = draw
        self._pages: dict[int, Sequence[Sequence[object]]] = {}

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._total

    def missing(self, first: int, last: int) -> list[int]:
        """Return the pages that hold rows from `first` to `last` and are not in memory."""
        return [page for page in range(first // self.PAGE, last // self.PAGE + 1) if page not in self._pages]

    def put(self, page: int, rows: Sequence[Sequence[object]]) -> None:
        """Keep a page, and let go of the one that has been kept longest where there are too many."""
        self._pages.pop(page, None)
        self._pages[page] = rows
        while len(self._pages) > _PAGES_KEPT:
            del self._pages[next(iter(self._pages))]

    def values(self, index: int) -> Sequence[object] | None:
        """Return the values of a row, None while its page is not in memory."""
        rows = self._pages.get(index // self.PAGE)
        place = index % self.PAGE
        return rows[place] if rows is not None and place < len(rows) else None

    def cells(self, index: int) -> Sequence[Cell] | None:
        """Return the cells of a row, None while its page is not in memory."""
        values = self.values(index)
        return None if values is None else self._draw(values)

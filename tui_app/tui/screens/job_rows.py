"""Owns the list's row source: row numbers of the whole view, summaries of the part one looks at."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from tui_app.present.jobs import COLUMNS, job_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.engine.listing import Listing
    from tui_app.models.job_query import JobQuery, JobSummary
    from tui_app.present.cells import Cell

_KEYS: Final = tuple(column.key for column in COLUMNS)
_AHEAD: Final = 120
_HELD_MOST: Final = 2_000


class JobRows:
    """A `RowSource` over history; a row's key is its row number there, which outlives its place in the list."""

    def __init__(self, listing: Listing, now_ms: Callable[[], int], *, absolute: Callable[[], bool]) -> None:
        self._listing = listing
        self._now_ms = now_ms
        self._absolute = absolute
        self.all_rows: array[int] = array("q")
        self._held: dict[int, JobSummary] = {}

    def __len__(self) -> int:
        return len(self.all_rows)

    def key(self, index: int) -> str:
        """Return the row number as text."""
        return str(self.all_rows[index])

    def index_of(self, key: str) -> int | None:
        """Return where a row stands now."""
        try:
            return self.all_rows.index(int(key))
        except ValueError:
            return None

    def cells(self, index: int) -> Sequence[Cell] | None:
        """Return the cells of a row, None while it is not loaded."""
        job = self._held.get(self.all_rows[index])
        if job is None:
            return None
        return job_cells(job, now_ms=self._now_ms(), columns=_KEYS, absolute_times=self._absolute())

    def summary(self, row: int) -> JobSummary | None:
        """Return what is held of a row."""
        return self._held.get(row)

    def lacks(self, indexes: range) -> bool:
        """Tell whether a row among these places is not loaded."""
        return any(row not in self._held for row in self.all_rows[max(0, indexes.start) : indexes.stop])

    def read_first(self, query: JobQuery, count: int) -> None:
        """Read the list and its first screen at once, for the first paint."""
        self.all_rows, held = self._listing.first_screen(query, count)
        self._held = {job.row: job for job in held}

    async def read(self, query: JobQuery, around: range) -> None:
        """Run the query again; what is held outside of `around` is forgotten, because it may have changed."""
        rows = await self._listing.rows(query)
        wanted = rows[max(0, around.start) : around.stop]
        held = await self._listing.summaries(wanted)
        self.all_rows, self._held = rows, {job.row: job for job in held}

    async def load(self, indexes: range) -> None:
        """Load rows that came into sight, and some on either side for the next key."""
        wanted = self.all_rows[max(0, indexes.start - _AHEAD) : indexes.stop + _AHEAD]
        missing = [row for row in wanted if row not in self._held]
        if len(self._held) > _HELD_MOST:
            self._held = {row: self._held[row] for row in wanted if row in self._held}
        self._held.update((job.row, job) for job in await self._listing.summaries(missing))

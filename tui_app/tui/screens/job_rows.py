"""Owns the list's row source: the order of the whole view as row numbers, summaries of the part one looks at.

It knows how to read each part, and asks nothing by itself; when that is done is `job_reading`'s.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tui_app.clock import give_way
from tui_app.models.filter import EVERYTHING
from tui_app.present.jobs import DEFAULT_KEYS, job_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tui_app.engine.listing import Listing
    from tui_app.models.job_query import JobQuery, JobSummary
    from tui_app.present.cells import Cell

CHANGED_MS: Final = 3_000
"""How long a cell that has changed is shown as such."""
_AHEAD: Final = 120
_HELD_MOST: Final = 2_000
_NEAR: Final = 2_000
_FEW: Final = 1_000
_AT_ONCE: Final = 50_000
_STEP_MS: Final = 5_000
_CLOCKS: Final = frozenset({"created", "duration", "updated"})
"""Columns that move by themselves: that a job has ended is told by its status, not by what its duration has become."""
_LASTING: Final = ("created", "id")
"""Sort keys whose value a job never changes."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A reading of the whole order, what was loaded with it, and the highest row number where that is known."""

    order: array[int]
    jobs: Sequence[JobSummary]
    highest: int


class JobRows:
    """A `RowSource` over history; a row's key is its row number there, which outlives its place in the list.

    Attributes:
        order: row numbers in list order, 4 bytes each; never changed in place.
        is_whole: whether `order` holds every job that matches; else it is the beginning.
        keys_shown: the columns, by key, in their order.
        stands_still: epoch ms that ages are reckoned from while the list is paused, None while time goes by.
    """

    def __init__(self, listing: Listing, now_ms: Callable[[], int], *, absolute: Callable[[], bool]) -> None:
        self._listing = listing
        self._clock_ms = now_ms
        self._absolute = absolute
        self.order: array[int] = array("I")
        self.is_whole = False
        self.keys_shown: tuple[str, ...] = DEFAULT_KEYS
        self.stands_still: int | None = None
        self._held: dict[int, JobSummary] = {}
        self._highest = 0
        self._near = 0
        self._changed: dict[int, dict[str, int]] = {}

    # What the table asks

    def __len__(self) -> int:
        return len(self.order)

    def key(self, index: int) -> int:
        """Return the row number."""
        return self.order[index]

    def keys(self, start: int, stop: int) -> Sequence[int]:
        """Return the row numbers of a range."""
        return self.order[max(0, start) : stop]

    def index_of(self, key: int) -> int | None:
        """Return where a row stands now; 0.05 ms where it was looked for last, 6 ms elsewhere in a million."""
        found = self._index_near(key)
        if found is None:
            found = self._index_anywhere(key)
        if found is not None:
            self._near = found
        return found

    def first_of(self, keys: Sequence[int]) -> int | None:
        """Return where the first of these rows that is still there stands; 30 ms when all are gone from a million."""
        for key in keys:
            found = self._index_near(key)
            if found is not None:
                return found
        there = set(filter(set(keys).__contains__, self.order))
        return next((self.index_of(key) for key in keys if key in there), None)

    def cells(self, index: int) -> Sequence[Cell] | None:
        """Return the cells of a row, None while it is not loaded."""
        row = self.order[index]
        job = self._held.get(row)
        if job is None:
            return None
        cells = self._cells_of(job, self.now_ms())
        changed = self._changed.get(row)
        if not changed:
            return cells
        pairs = zip(self.keys_shown, cells, strict=True)
        return tuple(replace(cell, changed=True) if key in changed else cell for key, cell in pairs)

    def now_ms(self) -> int:
        """Return the moment that ages are reckoned from."""
        return self._clock_ms() if self.stands_still is None else self.stands_still

    def stand_still(self) -> None:
        """Let ages and times be those of this moment."""
        self.stands_still = self._clock_ms()

    def go_on(self) -> None:
        """Let time go by."""
        self.stands_still = None

    # What the screen asks

    def summary(self, row: int) -> JobSummary | None:
        """Return what is held of a row."""
        return self._held.get(row)

    def held(self) -> Iterable[JobSummary]:
        """Return every job that is loaded."""
        return self._held.values()

    def lacks(self, indexes: range) -> bool:
        """Tell whether a row among these places is not loaded."""
        return any(row not in self._held for row in self.order[max(0, indexes.start) : indexes.stop])

    # Reading

    def show_first_now(self, query: JobQuery, count: int) -> None:
        """Read the first `count` rows at once, for the first paint."""
        self.take_first(self._listing.first_rows_now(query, count), count)

    async def read_first(self, query: JobQuery, count: int) -> Sequence[JobSummary]:
        """Read the first `count` rows, for `take_first`."""
        return await self._listing.first_rows(query, count)

    def take_first(self, jobs: Sequence[JobSummary], count: int) -> None:
        """Show the first rows in the place of what is shown; fewer than `count` are all there are."""
        self.order = array("I", (job.row for job in jobs))
        self.is_whole = len(jobs) < count
        self._highest = max(self.order, default=0)
        self._near = 0
        self._hold(jobs)

    async def read_whole(self, query: JobQuery, *, looked_at: Iterable[int], around: int) -> Whole:
        """Read the order of everything that matches, for `take_whole`.

        Args:
            query: what to show.
            looked_at: keys of rows whose surroundings are loaded as well; those of the first row always are.
            around: how many rows on either side.
        """
        order = await self._listing.all_rows(query)
        places = {0, self._near}
        places.update(place for key in looked_at if (place := _index_of(order, key, self._near)) is not None)
        wanted: dict[int, None] = {}
        for place in sorted(places):
            wanted.update(dict.fromkeys(order[max(0, place - around) : place + around]))
        jobs = await self._listing.summaries(wanted)
        # An unfiltered list holds every job, so its highest number is the highest there was.
        return Whole(order, jobs, await _highest(order) if _grows(query) else 0)

    def take_whole(self, whole: Whole) -> None:
        """Show everything that matches in the place of what is shown."""
        self.order, self.is_whole, self._highest = whole.order, True, whole.highest
        self._hold(whole.jobs)

    async def read_newer(self, query: JobQuery) -> bool:
        """Add the jobs that history has got since; False when only reading the whole order again tells their places."""
        if not (self.is_whole and _grows(query)):
            return False
        order = self.order
        newer = await self._listing.newer_rows(self._highest, query)
        if not newer:
            return True
        if not order:
            return False
        merged = await self._merged(order, newer, query)
        if merged is None or order is not self.order:
            return False
        self.order, self._highest = merged, max(self._highest, *newer)
        return True

    async def _merged(self, order: array[int], newer: array[int], query: JobQuery) -> array[int] | None:
        """Return both in one order, where the newer ones all stand before or behind the others; else None."""
        asked = newer if len(newer) <= _FEW else (newer[0], newer[-1])
        found = {job.row: job for job in await self._listing.summaries({order[0], order[-1], *asked})}
        if not {order[0], order[-1], *asked} <= found.keys():
            return None

        def stands_before(first: int, second: int) -> bool:
            return _stands_before(found[first], found[second], query)

        if query.sort == "created" and any(job.created_ms is None for job in found.values()):
            return None  # it may be given one later, and move
        if stands_before(newer[-1], order[0]):
            return newer + order
        if stands_before(order[-1], newer[0]):
            return order + newer
        if len(newer) > _FEW:
            return None
        split = next((place for place, row in enumerate(newer) if not stands_before(row, order[0])), len(newer))
        return newer[:split] + order + newer[split:] if stands_before(order[-1], newer[split]) else None

    async def look_again(self, *places: range) -> bool:
        """Read what is held of these rows again and note what has changed; False when some of them are gone."""
        order = self.order
        wanted: dict[int, None] = {}
        for some in places:
            wanted.update(dict.fromkeys(order[max(0, some.start) : max(0, some.stop)]))
        found = await self._listing.summaries(wanted)
        if order is self.order:
            self._hold(found)
        return len(found) == len(wanted)

    async def load(self, indexes: range) -> None:
        """Load rows that came into sight, and some on either side for the next key."""
        wanted = self.order[max(0, indexes.start - _AHEAD) : indexes.stop + _AHEAD]
        missing = [row for row in wanted if row not in self._held]
        if len(self._held) > _HELD_MOST:
            self._held = {row: self._held[row] for row in wanted if row in self._held}
        self._held.update((job.row, job) for job in await self._listing.summaries(missing))

    def agrees(self, query: JobQuery, total: int) -> bool:
        """Tell whether the number of rows fits that of all jobs, where every job should be among them."""
        return not (self.is_whole and _grows(query)) or len(self.order) == total

    # Cells that changed

    def forget_changes(self) -> None:
        """Show those cells as usual again whose time as changed ones is over."""
        now = self._clock_ms()
        kept = {
            row: left
            for row, until in self._changed.items()
            if (left := {key: end for key, end in until.items() if end > now})
        }
        self._changed = kept

    def change_left_s(self) -> float | None:
        """Return for how many seconds the next cell is still shown as changed; None when none is."""
        end = min((end for until in self._changed.values() for end in until.values()), default=None)
        return None if end is None else max(0, end - self._clock_ms()) / 1000

    def _hold(self, jobs: Sequence[JobSummary]) -> None:
        """Hold these and no others: what is elsewhere may have changed meanwhile."""
        for job in jobs:
            before = self._held.get(job.row)
            if before is not None and before != job:
                self._note_change(before, job)
        self._held = {job.row: job for job in jobs}

    def _note_change(self, before: JobSummary, after: JobSummary) -> None:
        # Both at one moment, and under one name: what differs then is the platform's doing, not a clock's.
        now = self.now_ms()
        if before.dataset_id == after.dataset_id:
            before = replace(before, dataset_name=after.dataset_name)
        pairs = zip(self.keys_shown, self._cells_of(before, now), self._cells_of(after, now), strict=True)
        changed = [key for key, old, new in pairs if old.text != new.text and key not in _CLOCKS]
        if changed:
            until = self._clock_ms() + CHANGED_MS
            self._changed.setdefault(after.row, {}).update(dict.fromkeys(changed, until))

    def _cells_of(self, job: JobSummary, now_ms: int) -> tuple[Cell, ...]:
        moment = _shared_moment(job, now_ms)
        return job_cells(job, now_ms=moment, columns=self.keys_shown, absolute_times=self._absolute())

    # Places

    def _index_near(self, key: int) -> int | None:
        return _index_between(self.order, key, self._near - _NEAR, self._near + _NEAR)

    def _index_anywhere(self, key: int) -> int | None:
        return _index_anywhere(self.order, key)


async def _highest(order: array[int]) -> int:
    """Return the highest number; 20 ms for a million, with room for others in between."""
    found = [0]
    for start in range(0, len(order), _AT_ONCE):
        found.append(max(order[start : start + _AT_ONCE]))
        await give_way()
    return max(found)


def _grows(query: JobQuery) -> bool:
    """Tell whether jobs only ever join the view, and stay where they are in it."""
    return query.filter == EVERYTHING and query.sort in _LASTING


def _stands_before(first: JobSummary, second: JobSummary, query: JobQuery) -> bool:
    """Tell whether a job surely stands before another; False also where only history knows, as between equals."""
    a, b = (_place_of(job, query.sort) for job in (first, second))
    return a is not None and b is not None and (a > b if query.descending else a < b)


def _place_of(job: JobSummary, sort: str) -> int | None:
    if sort == "created":
        return job.created_ms
    return int(job.job_id) if job.job_id.isascii() and job.job_id.isdigit() else None


def _index_of(order: array[int], key: int, near: int) -> int | None:
    found = _index_between(order, key, near - _NEAR, near + _NEAR)
    return _index_anywhere(order, key) if found is None else found


def _shared_moment(job: JobSummary, now_ms: int) -> int:
    """Return the moment from which a row's clocks are read: the same for all rows and all clocks of a row.

    Twenty running jobs then tick together once in a step, each with one repaint, instead of each clock by itself. What
    began since then begins at zero.
    """
    moment = now_ms - now_ms % _STEP_MS
    began = (job.created_ms, job.stage_since_ms)
    return max([moment, *(one for one in began if one is not None and one <= now_ms)])


def _index_between(order: array[int], key: int, start: int, stop: int) -> int | None:
    try:
        return order.index(key, max(0, start), max(0, stop))
    except ValueError:
        return None


def _index_anywhere(order: array[int], key: int) -> int | None:
    """Find a row by searching the array's bytes, five times as fast as its numbers."""
    size = order.itemsize
    if key >> 8 * size:
        return None
    wanted, held = array("I", (key,)).tobytes(), order.tobytes()
    found = held.find(wanted)
    while found >= 0 and found % size:
        found = held.find(wanted, found + 1)
    return found // size if found >= 0 else None

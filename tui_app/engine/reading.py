"""Owns reading the platform's job list to order: the jobs that pass a filter, as many as asked for, kept in history.

Pages go into history and history says which of their jobs pass: what a filter means is decided in one place.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tui_app.clock import now_ms
from tui_app.engine.failures import explained
from tui_app.engine.paging import PAGE, Pages, Walk
from tui_app.history.passing import passing
from tui_app.models.export_job import FAILED, NEW, SUCCEEDED
from tui_app.models.filter import EVERYTHING, AllOf, AnyOf, AnyText, Filter, Not, OneOf, Within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from tui_app.engine.core import Core
    from tui_app.engine.datasets import DatasetsService
    from tui_app.models.export_job import ExportJob
    from tui_app.models.failure import Failure
    from tui_app.models.job_query import JobQuery

_FILTERED_THERE: Final = frozenset({NEW, SUCCEEDED, FAILED})
"""The only statuses the list call is documented to filter by (API reference 2.5)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading found, as row numbers of history in the query's order.

    `more` tells that the platform may hold further jobs that pass, `told` that `each` got all of these, `notes` what
    the answer may lack.
    """

    rows: array[int]
    more: bool
    told: bool = False
    notes: tuple[str, ...] = ()


class Reader:
    """Reads the list from the platform, so that the answer is right also while history knows little of it."""

    def __init__(self, core: Core, datasets: DatasetsService) -> None:
        self._core = core
        self._datasets = datasets

    async def newest(
        self,
        query: JobQuery,
        *,
        limit: int | None,
        progress: Callable[[int, int], None] | None = None,
        each: Callable[[array[int]], Awaitable[None]] | None = None,
    ) -> Reading:
        """Return the first jobs that pass; all that is read is kept in history.

        Newest first, reading ends with the last job wanted, and where the filter says how old a job may be, with the
        first page beyond. Any other order needs all that pass first.

        Args:
            query: filter and order.
            limit: how many jobs at most; None reads on to the end.
            progress: called between pages with the number of jobs read and of those that pass.
            each: called with the rows of each page that pass, in order, but only if they are final: newest first.

        Raises:
            FailureError: the platform could not be asked, or the history not be written.
        """
        with self._core.activity.busy(), explained("The list of export jobs could not be read", self._core.clock):
            return await _OneReading(self._core, self._datasets, query).run(limit, progress, each)


class _OneReading:
    """One walk through the list."""

    def __init__(self, core: Core, datasets: DatasetsService, query: JobQuery) -> None:
        self._core = core
        self._datasets = datasets
        self._query = query
        # One moment for all pages: a job must not pass or fail by how long the reading takes.
        self._now_ms = now_ms(core.clock)
        self._found = _Rows()
        self._left_out = 0
        self._names = _Names(datasets) if _asks_for_names(query.filter) else None

    async def run(
        self,
        limit: int | None,
        progress: Callable[[int, int], None] | None,
        each: Callable[[array[int]], Awaitable[None]] | None,
    ) -> Reading:
        is_in_order = (self._query.sort, self._query.descending) == ("created", True)
        wanted = limit if is_in_order else None
        ended = await self._walk(wanted, progress, each if is_in_order else None)
        await self._core.heard()
        rows = self._found.rows if is_in_order else await self._ordered()
        return Reading(
            rows[:limit],
            more=not ended or (limit is not None and len(rows) > limit),
            told=each is not None and is_in_order,
            notes=tuple(self._notes()),
        )

    def _notes(self) -> Iterator[str]:
        if self._names is not None and self._names.failure is not None:
            yield f"Some datasets could only be compared by their ids. {self._names.failure}"
        if self._left_out:
            jobs = "1 job is" if self._left_out == 1 else f"{self._left_out:,} jobs are"
            yield f"{jobs} older than what the history keeps and not shown; see [history] in the configuration."

    async def _walk(
        self,
        wanted: int | None,
        progress: Callable[[int, int], None] | None,
        each: Callable[[array[int]], Awaitable[None]] | None,
    ) -> bool:
        """Read until there are as many as wanted, and return whether there can be no others."""
        core, found = self._core, self._found
        status = _status_filtered_there(self._query.filter)
        floor_ms = created_floor_ms(self._query.filter, now_ms=self._now_ms)
        every_job_passes = self._query.filter == EVERYTHING or _is_one_status(self._query.filter, status)
        size = min(PAGE, wanted) if wanted is not None and every_job_passes else PAGE
        most = _most(self._query.filter)
        # Who will stop somewhere does not ask ahead for what will not be wanted.
        ahead = wanted is None and floor_ms is None and most is None
        walk = Walk(core, Pages(core), limit=size, status=status, ahead=ahead)
        read = 0
        try:
            while True:
                step = await walk.step()
                jobs = step.page.jobs
                await core.apply(jobs, asked_ms=step.asked_ms)
                if self._names is not None:
                    await self._names.learn(jobs)
                new = found.add(await self._passing(jobs), room=wanted)
                read += len(jobs)
                if each is not None and new:
                    await each(new)
                ended = step.following is None or _is_beyond(jobs, floor_ms) or len(found.rows) == most
                if ended or (wanted is not None and len(found.rows) >= wanted):
                    return ended and not found.is_cut
                if progress is not None:
                    progress(read, len(found.rows))
        finally:
            await walk.aclose()

    async def _passing(self, jobs: Sequence[ExportJob]) -> array[int]:
        found = await passing(
            self._core.history.database,
            [job.job_id for job in jobs],
            self._query.filter,
            now_ms=self._now_ms,
        )
        self._left_out += found.missing
        return found.rows

    async def _ordered(self) -> array[int]:
        """Return what was found in the query's order."""
        rows = await self._core.history.jobs.all_rows(self._query, now_ms=self._now_ms)
        return array("I", (row for row in rows if row in self._found))


class _Rows:
    """Row numbers in the order they came, each once: some 4 bytes each, however many."""

    def __init__(self) -> None:
        self.rows = array("I")
        self.is_cut = False
        self._held = bytearray()

    def add(self, rows: Iterable[int], *, room: int | None) -> array[int]:
        """Add those that are new while there is room for them in all, and return them."""
        before = len(self.rows)
        for row in rows:
            if row in self:
                continue
            if room is not None and len(self.rows) >= room:
                self.is_cut = True
                break
            if row >= len(self._held):
                self._held.extend(bytes(row + 1 - len(self._held)))
            self._held[row] = 1
            self.rows.append(row)
        return self.rows[before:]

    def __contains__(self, row: int) -> bool:
        return row < len(self._held) and self._held[row] == 1


class _Names:
    """The names of the datasets that the jobs read write to, learnt before a filter looks at them."""

    def __init__(self, datasets: DatasetsService) -> None:
        self._datasets = datasets
        self._asked: set[str] = set()
        self.failure: Failure | None = None

    async def learn(self, jobs: Iterable[ExportJob]) -> None:
        """Look up the names that are still missing; without them, ids are compared all the same."""
        ids = {job.dataset_id for job in jobs if job.dataset_id} - self._asked
        self._asked |= ids
        if ids:
            self.failure = await self._datasets.learn_names_of(sorted(ids)) or self.failure


def created_floor_ms(asked: Filter, *, now_ms: int) -> int | None:
    """Return the moment before which no job that passes was created, epoch ms; None where the filter sets none."""
    match asked:
        case Within("created", low):
            return low
        case Within("age", _, high):
            return None if high is None else now_ms - high
        case AllOf(parts):
            floors = [one for part in parts if (one := created_floor_ms(part, now_ms=now_ms)) is not None]
            return max(floors, default=None)
        case AnyOf(parts):
            # One part without a floor leaves the whole without; no parts at all let nothing pass, and set none.
            bounds = [created_floor_ms(part, now_ms=now_ms) for part in parts]
            known = [one for one in bounds if one is not None]
            return min(known) if known and len(known) == len(bounds) else None
    return None


def _is_beyond(jobs: Sequence[ExportJob], floor_ms: int | None) -> bool:
    """Tell whether a page, and so all that follow, lies beyond the oldest that can pass.

    The list is sorted newest first (API reference 2.5). A page that is not proves nothing by its last job.
    """
    times = [job.created_ms for job in jobs if job.created_ms is not None]
    if floor_ms is None or not times or len(times) < len(jobs):
        return False
    is_sorted = all(one >= other for one, other in pairwise(times))
    return (times[-1] if is_sorted else max(times)) < floor_ms


def _most(asked: Filter) -> int | None:
    """Return how many jobs can pass at most, where whole ids say so; None where nothing does."""
    match asked:
        case OneOf("id", patterns) if all(one.is_whole and one.pieces[0].isdecimal() for one in patterns):
            return len(set(patterns))
        case AllOf(parts):
            return min((one for part in parts if (one := _most(part)) is not None), default=None)
    return None


def _status_filtered_there(asked: Filter) -> str | None:
    """Return the status that every job that passes has, if it is one and the platform can filter by it."""
    if isinstance(asked, AllOf):
        return next((one for part in asked.parts if (one := _status_filtered_there(part)) is not None), None)
    if not isinstance(asked, OneOf) or asked.field != "status":
        return None
    words = {pattern.pieces[0].upper() for pattern in asked.patterns if pattern.is_whole}
    if len(words) != 1 or not all(pattern.is_whole for pattern in asked.patterns):
        return None
    (word,) = words
    return word if word in _FILTERED_THERE else None


def _is_one_status(asked: Filter, status: str | None) -> bool:
    """Tell whether the filter asks for nothing but the status that the platform filters by."""
    return status is not None and isinstance(asked, OneOf)


def _asks_for_names(asked: Filter) -> bool:
    match asked:
        case AnyText() | OneOf("dataset"):
            return True
        case AllOf(parts) | AnyOf(parts):
            return any(_asks_for_names(part) for part in parts)
        case Not(part):
            return _asks_for_names(part)
    return False

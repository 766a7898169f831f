"""Owns when the job list is read from history and how much of it; what the rows are is `job_rows`'.

What a person asks for is answered at once, its first page before the rest; what happens by itself is followed at a
pace that the size of the history allows.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from tui_app.models.failure import Failure, FailureError
from tui_app.models.filter import EVERYTHING, AllOf, AnyOf, Is, Not, Within
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from textual.worker import Worker

    from tui_app.clock import Clock
    from tui_app.models.filter import Filter
    from tui_app.models.job_query import JobSummary
    from tui_app.tui.screens.job_rows import JobRows
    from tui_app.tui.widgets.row_table import RowTable

SLOW_S: Final = 0.15
"""After this a person is told what is being waited for."""
SMALL: Final = 20_000
"""Up to so many jobs the whole order is there as soon as its beginning would be."""
_PAGE: Final = 40
_REST: Final = 10.0
"""How many times as long as a reading took the list rests before it reads everything again by itself."""
_PATIENCE_S: Final = 0.03
"""How long a first page without the cursor's job is held back, because the rest may be here at once."""
_KEY_WAITS_S: Final = 2.0
"""How long a key that acts on a job waits for the rows it is meant for."""
_BY_TIME_S: Final = 30.0
"""How often a view is read again that changes because time goes by."""


class JobReading:
    """Keeps a table of jobs up to date with history.

    Attributes:
        query: what is shown, or about to be.
        filter_shown: the filter of the rows that are shown.
        is_slow: the same, for longer than `SLOW_S`.
        small: up to how many jobs in history the whole order is read at once, without its first page before.
    """

    def __init__(
        self,
        rows: JobRows,
        table: RowTable,
        clock: Clock,
        *,
        total: Callable[[], int],
        told: Callable[[], None],
        failed: Callable[[Failure], None],
    ) -> None:
        """Make it; nothing is read before `begin`.

        Args:
            rows: what the table shows.
            table: mounted; the readings end with it.
            clock: for rests.
            total: the number of jobs in history, 0 while it is not known.
            told: called whenever the table has been brought up to date, or is about to wait.
            failed: called when history cannot be read.
        """
        self.query = JobQuery()
        self.filter_shown: Filter = EVERYTHING
        self.is_slow = False
        self.small = SMALL
        self._here = asyncio.Event()
        self._here.set()
        self._rows, self._table, self._clock = rows, table, clock
        self._total, self._told, self._failed = total, told, failed
        self._asked = self._from_top = self._paged = False
        self._dirty = self._forced = self._doubted = False
        self._fading = False
        self._disputed: tuple[int, int] | None = None
        self._due = self._read_at = 0.0
        self._worker: Worker[None] | None = None
        self._turn: object | None = None

    # What is asked of it

    def begin(self, query: JobQuery, *, from_top: bool = True) -> None:
        """Show the first rows before anything else if they come quickly, and the rest as soon as it is there.

        Args:
            query: what to show.
            from_top: with the cursor on its first row, instead of on the one that the table is to return to.
        """
        if query != JobQuery():
            self.ask(query, from_top=from_top)
            return
        self._asked, self._from_top = True, from_top
        self._rows.show_first_now(query, self._page())
        self._show(more=not self._rows.is_whole)
        if self._asked:
            # The rest must not hold up the first frame.
            self._table.call_after_refresh(self._start_rest)

    def ask(self, query: JobQuery, *, from_top: bool = False) -> None:
        """Show something else; an earlier question that is not answered yet is dropped.

        Args:
            query: what to show.
            from_top: with the cursor on its first row, instead of on the job that it is on.
        """
        self._from_top = from_top and (self._from_top or not self._asked)
        self.query = query
        self._asked = True
        self._here.clear()
        self.is_slow = self._paged = False
        self._table.set_timer(SLOW_S, self._say_slow)
        self._start()

    def changed(self, *, forced: bool = False) -> None:
        """Follow history, which has changed; while paused only if `forced`."""
        self._dirty = True
        if self.is_paused:
            if not forced:
                return
            self._forced = True
            self._rows.stand_still()
        self._run(self._look, "look")
        if self._turn is None:
            self._start()

    def check(self, total: int) -> None:
        """Compare the list with the number of all jobs, and read it again in full where they differ."""
        lengths = (total, len(self._rows))
        at_rest = self._turn is None and not self._dirty
        if at_rest and not self._rows.agrees(self.query, total) and lengths != self._disputed:
            self._disputed = lengths
            self._doubted = True
            self.changed()

    def tick(self) -> None:
        """Let time go by: jobs come into and leave a view such as `age<1h` without having changed."""
        if _depends_on_time(self.query) and self._clock.monotonic() - self._read_at >= _BY_TIME_S:
            self.changed()

    @property
    def is_waited_for(self) -> bool:
        """Whether a person has asked for something that is not on the screen yet."""
        return not self._here.is_set()

    async def here(self) -> bool:
        """Wait until what a person asked for is on the screen; return whether it is, which it may not be for long.

        A key that acts on a job may come before the rows of the filter that was typed before it: it means one of them.
        """
        try:
            await asyncio.wait_for(self._here.wait(), _KEY_WAITS_S)
        except TimeoutError:
            return False
        return True

    def _is_here(self) -> None:
        self.is_slow = False
        self._here.set()

    @property
    def is_paused(self) -> bool:
        """Whether rows stand still."""
        return self._rows.stands_still is not None

    def pause(self) -> None:
        """Freeze the rows; readings that nobody asked for are dropped."""
        self._rows.stand_still()
        self._table.workers.cancel_group(self._table, "look")
        if not self._asked and self._turn is not None and self._worker is not None:
            self._worker.cancel()
            self._turn = None
            self._dirty = True

    def resume(self) -> None:
        """Go on with one reading."""
        self._rows.go_on()
        self.changed()

    # Readings

    def _start_rest(self) -> None:
        if self._asked and self._turn is None:
            self._start()

    def _start(self) -> None:
        self._turn = turn = object()
        self._worker = self._run(partial(self._read, turn), "reading")

    def _run(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> Worker[None]:
        return self._table.run_worker(work, group=group, exclusive=True)

    async def _read(self, turn: object) -> None:
        try:
            if self._asked:
                await self._answer()
            while self._dirty and (self._forced or not self.is_paused):
                self._dirty = False
                await self._follow()
            self._forced = False
        except FailureError as error:
            self._is_here()
            self._failed(error.failure)
        finally:
            if self._turn is turn:
                self._turn = None

    async def _answer(self) -> None:
        """Show what was asked for: the first page, then all."""
        query, count = self.query, self._page()
        if 0 < self._total() <= self.small:
            await self._read_whole(query)
            return
        page = [] if self._paged else await self._rows.read_first(query, count)
        if not self._paged and len(page) < count:
            self._rows.take_first(page, count)
            self._show()
            return
        reading = asyncio.ensure_future(self._rows.read_whole(query, looked_at=self._looked_at(), around=self._around))
        try:
            if not self._paged and not self._goes_elsewhere(page):
                self._rows.take_first(page, count)
                self._show(more=True)
            elif not self._paged:
                await asyncio.wait((reading,), timeout=_PATIENCE_S)
                if not reading.done():
                    self._rows.take_first(page, count)
                    self._show(more=True)
            whole = await reading
        finally:
            reading.cancel()
        self._rows.take_whole(whole)
        self._show()

    def _goes_elsewhere(self, page: Sequence[JobSummary]) -> bool:
        """Tell whether the cursor may have to leave this page for its job when the rest comes."""
        key = self._table.cursor_key
        return not (self._from_top or key is None or any(job.row == key for job in page))

    async def _follow(self) -> None:
        """Bring the order up to date after a change: with the newest jobs alone where that is enough."""
        if not self._doubted and await self._rows.read_newer(self.query):
            self._show()
            return
        rest = self._due - self._clock.monotonic()
        if rest > 0:
            await self._clock.sleep(rest)
        self._dirty = self._doubted = False
        await self._read_whole(self.query)

    async def _read_whole(self, query: JobQuery) -> None:
        begun = self._clock.monotonic()
        whole = await self._rows.read_whole(query, looked_at=self._looked_at(), around=self._around)
        self._rows.take_whole(whole)
        self._show()
        ended = self._clock.monotonic()
        self._due = ended + _REST * (ended - begun)

    async def _look(self) -> None:
        """Read the rows in sight again, and paint what changed in them."""
        table, cursor = self._table, self._table.cursor_index or 0
        seen, height = table.rows_in_view, self._around // 2
        try:
            all_there = await self._rows.look_again(
                range(seen.start - height, seen.stop + height), range(cursor - height, cursor + height)
            )
        except FailureError as error:
            self._failed(error.failure)
            return
        table.update_rows()
        self._fade()
        self._told()
        if not all_there and self._rows.is_whole:
            self._doubted = True
            self._dirty = True
            if self._worker is None or self._worker.is_finished:
                self._start()

    def _show(self, *, more: bool = False) -> None:
        """Let the table follow the rows that were just put in place."""
        self.filter_shown = self.query.filter
        self._table.set_sort(self.query.sort, self.query.descending)
        self._table.refresh_rows(asked=self._asked and not self._paged, from_top=self._from_top, more=more)
        self._table.update_rows()
        self._read_at = self._clock.monotonic()
        self._is_here()
        # What comes later is the rest of what is here, whatever a person does meanwhile.
        self._paged, self._from_top = more, False
        if not more:
            # Kept until everything is there: what a person asked for may have been overtaken.
            self._asked = False
        self._fade()
        self._told()

    def _looked_at(self) -> list[int]:
        table, rows = self._table, self._rows
        keys = [] if self._from_top or table.cursor_key is None else [table.cursor_key]
        seen = table.rows_in_view
        if not self._asked and seen.start < len(rows):
            keys.append(rows.key(seen.start))
        return keys

    @property
    def _around(self) -> int:
        return 2 * max(_PAGE // 2, self._table.size.height)

    def _page(self) -> int:
        return max(_PAGE, self._table.app.size.height)

    def _say_slow(self) -> None:
        if self.is_waited_for:
            self.is_slow = True
            self._told()

    # Cells that changed

    def _fade(self) -> None:
        if not self._fading and self._rows.change_left_s() is not None:
            self._fading = True
            self._run(self._fade_out, "fade")

    async def _fade_out(self) -> None:
        try:
            while (left := self._rows.change_left_s()) is not None and not self.is_paused:
                await self._clock.sleep(left)
                if not self.is_paused:
                    self._rows.forget_changes()
                    self._table.update_rows()
        finally:
            self._fading = False


def _depends_on_time(query: JobQuery) -> bool:
    return query.sort == "duration" or _asks_about_now(query.filter)


def _asks_about_now(part: Filter) -> bool:
    """Tell whether a job can pass or fail a filter because time goes by."""
    if isinstance(part, Not):
        return _asks_about_now(part.part)
    if isinstance(part, (AllOf, AnyOf)):
        return any(_asks_about_now(one) for one in part.parts)
    if isinstance(part, Within):
        return part.field in ("age", "duration")
    return isinstance(part, Is) and part.field == "stuck"

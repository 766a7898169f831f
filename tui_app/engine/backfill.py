"""Owns the walk from the head of the list to its end, once per history, resumed where it stopped."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError, BadRequestError, StatusError
from tui_app.engine.head import HEAD
from tui_app.engine.paging import PAGE, Pages, Walk
from tui_app.engine.session import Topic
from tui_app.engine.tally import Tally
from tui_app.history.database import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.engine.core import Core
    from tui_app.engine.paging import Step
    from tui_app.models.export_job import ExportJob

_log = logging.getLogger(__name__)

CURSOR: Final = "backfill.cursor"
"""Note of where the walk goes on; empty or missing at the head, `DONE` once it has been to the end."""
DONE: Final = "done"
_PATIENCE_S: Final = 30.0
_PATIENCE_MOST_S: Final = 600.0
_REST_S: Final = 0.05
_COUNTS_EVERY_S: Final = 1.0


class _EmptiedError(Exception):
    """Another program on the same history has emptied the cursor since we last wrote it."""


class Backfill:
    """Fetches every older job into history, in the background behind the monitor's back or while somebody waits."""

    def __init__(self, core: Core, *, page: int = PAGE) -> None:
        self._core = core
        self._pages = Pages(core, most=page)
        self._page = page
        self._has_noted = False

    async def run(self) -> None:
        """Walk to the end, waiting out failures; returns at once when an earlier run has finished.

        A list that is empty has no end to remember: it may be so for a moment only.
        """
        patience_s = _PATIENCE_S / 2
        while True:
            tally, asked_s = Tally(), 0.0
            try:
                await self.walk(tally, politely=True)
                if await self.is_done():
                    return
            except (ApiError, HistoryError) as error:
                asked_s = (error.retry_after_s or 0.0) if isinstance(error, StatusError) else 0.0
                _log.info("the walk through older jobs is interrupted and goes on later: %s", error)
            except Exception:  # noqa: BLE001 - a fault of our own may not end the walk for good
                _log.exception("the walk through older jobs met a fault of its own and goes on later")
            # Nobody waits for it, so an outage, or a list without jobs, is asked about less and less often.
            patience_s = _PATIENCE_S if tally.read else min(patience_s * 2, _PATIENCE_MOST_S)
            await self._core.clock.sleep(max(patience_s, asked_s))

    async def is_done(self) -> bool:
        """Tell whether the walk has been to the end.

        Raises:
            HistoryError: history cannot be read.
        """
        return await self._core.history.lookups.note(CURSOR) == DONE

    async def walk(
        self, tally: Tally | None = None, *, politely: bool = False, told: Callable[[], None] | None = None
    ) -> int:
        """Walk from the stored cursor to the end and return how many jobs were read.

        Args:
            tally: counts them.
            politely: give way between pages; else the next page is asked for while one is written.
            told: called after each page.

        Raises:
            ApiError: the platform stopped answering; the cursor is kept and the next call goes on from it.
            HistoryError: what was read cannot be kept; as above.
        """
        core = self._core
        tally = Tally() if tally is None else tally
        cursor = await core.history.lookups.note(CURSOR) or None
        if cursor == DONE:
            core.session.backfilled = True
            return 0
        core.session.backfilling = True
        before = tally.older
        try:
            await self._walk(cursor, tally, politely=politely, told=told)
        finally:
            core.session.backfilling = False
            core.bulletin.publish(Topic.SESSION)
        return tally.older - before

    async def _walk(self, cursor: str | None, tally: Tally, *, politely: bool, told: Callable[[], None] | None) -> None:
        clock = self._core.clock
        walk = self._from(cursor, ahead=not politely)
        counted_s = clock.monotonic()
        try:
            while True:
                if self._is_paused():
                    await clock.sleep(1.0)
                    continue
                begun_s = clock.monotonic()
                with self._core.activity.busy():
                    try:
                        goes_on = await self._step(walk, tally)
                    except BadRequestError as error:
                        if cursor is None:
                            raise
                        # What an earlier run stored is no longer good: only the head is always there.
                        _log.info("the walk through older jobs begins again: %s", error)
                        await self._core.history.lookups.set_note(CURSOR, "")
                        cursor, walk = None, self._from(None, ahead=not politely)
                        continue
                    except _EmptiedError:
                        # Another aepx keeps more than ours did, so what both have passed must be read again.
                        _log.info("another program lets the walk through older jobs begin again")
                        await walk.aclose()
                        cursor, walk = None, self._from(None, ahead=not politely)
                        continue
                    cursor = None
                    if not goes_on or (politely and clock.monotonic() - counted_s >= _COUNTS_EVERY_S):
                        counted_s = clock.monotonic()
                        await self._core.refresh_counts()
                if told is not None:
                    told()
                if not goes_on:
                    self._core.session.backfilled = True
                    return
                if politely:
                    # As long as the page took: half of the interpreter is the screen's, whatever this machine is.
                    await clock.sleep(max(_REST_S, clock.monotonic() - begun_s))
        finally:
            await walk.aclose()

    async def _step(self, walk: Walk, tally: Tally) -> bool:
        """Read and write one page, and return whether there are more; one that a pause overtook is read again.

        A method, so that nothing holds this page any longer when the next one is waited for.
        """
        step = await walk.step()
        if self._is_paused():
            await walk.again(step)
            return True
        return await self._keep(step, tally)

    def _is_paused(self) -> bool:
        return self._core.session.paused_since_ms is not None

    def _from(self, cursor: str | None, *, ahead: bool) -> Walk:
        self._has_noted = cursor is not None
        return Walk(self._core, self._pages, offset=cursor, limit=self._page, ahead=ahead)

    async def _keep(self, step: Step, tally: Tally) -> bool:
        """Write a page, and only then how far the walk has come: after a crash in between it is read again.

        Returns whether there is more to read: not where another aepx on the same history has been to the end.
        """
        core = self._core
        jobs = step.page.jobs
        applied = await core.apply(jobs, asked_ms=step.asked_ms)
        if step.offset is None:
            await self._note_head(jobs)
        cursor = DONE if step.following is None else step.following
        if jobs or step.offset is not None or step.following is not None:
            cursor = await core.history.lookups.change_note(CURSOR, partial(self._succeeding, cursor))
            self._has_noted = True
        tally.add_older(jobs, applied)
        if applied:
            core.bulletin.publish(Topic.JOBS)
        return cursor != DONE

    def _succeeding(self, cursor: str, old: str | None) -> str:
        """Return what follows the cursor that is stored; runs on the writer's thread."""
        if self._has_noted and not old:
            raise _EmptiedError
        return DONE if old == DONE else cursor

    async def _note_head(self, jobs: tuple[ExportJob, ...]) -> None:
        """Tell the monitor how far forward this walk reaches, unless it has got further by itself."""
        notes = self._core.history.lookups
        times = [job.created_ms for job in jobs if job.created_ms is not None]
        if times and not await notes.note(HEAD):
            await notes.set_note(HEAD, str(max(times)))

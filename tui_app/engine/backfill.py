"""Owns the walk from the head of the list to its end, once per history, resumed where it stopped."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError, BadRequestError, StatusError
from tui_app.clock import now_ms
from tui_app.engine.monitor import HEAD
from tui_app.engine.paging import Pages
from tui_app.engine.session import Topic
from tui_app.history.database import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.engine.core import Core
    from tui_app.models.export_job import ExportJob, JobPage

_log = logging.getLogger(__name__)

_CURSOR: Final = "backfill.cursor"
_DONE: Final = "done"
_PATIENCE_S: Final = 30.0
_PATIENCE_MOST_S: Final = 600.0


class Backfill:
    """Fetches every older job into history behind the monitor's back, politely."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._pages = Pages(core)
        self._read = 0

    async def run(self) -> None:
        """Walk to the end, waiting out failures; returns at once when an earlier run has finished."""
        patience_s = _PATIENCE_S / 2
        while True:
            before, asked_s = self._read, 0.0
            try:
                await self.walk()
            except (ApiError, HistoryError) as error:
                asked_s = (error.retry_after_s or 0.0) if isinstance(error, StatusError) else 0.0
                _log.info("the walk through older jobs is interrupted and goes on later: %s", error)
            except Exception:  # noqa: BLE001 - a fault of our own may not end the walk for good
                _log.exception("the walk through older jobs met a fault of its own and goes on later")
            else:
                return
            finally:
                self._core.session.backfilling = False
            # Nobody waits for it, so an outage is asked about less and less often.
            patience_s = _PATIENCE_S if self._read > before else min(patience_s * 2, _PATIENCE_MOST_S)
            await self._core.clock.sleep(max(patience_s, asked_s))

    async def walk(self, progress: Callable[[int], None] | None = None) -> int:
        """Walk from the stored cursor to the end and return how many jobs were read.

        Args:
            progress: called after each page with the number read so far.

        Raises:
            ApiError: the platform stopped answering; the cursor is kept and the next call goes on from it.
            HistoryError: what was read cannot be kept; as above.
        """
        core = self._core
        offset = await core.history.lookups.note(_CURSOR) or None
        if offset == _DONE:
            core.session.backfilled = True
            return 0
        core.session.backfilling = True
        passed, read = {offset}, 0
        while True:
            if core.session.paused_since_ms is not None:
                await core.clock.sleep(1.0)
                continue
            with core.activity.busy():
                asked = now_ms(core.clock)
                page = await self._page(offset)
                if offset is None:
                    await self._note_head(page.jobs)
                await core.apply(page.jobs, asked_ms=asked)
                read += len(page.jobs)
                self._read += len(page.jobs)
                offset = page.next_offset
                ended = offset is None or offset in passed or not (page.jobs or page.rejected)
                # After the page, never before: a crash in between reads it twice, which does no harm.
                await core.history.lookups.set_note(_CURSOR, _DONE if ended else str(offset))
                await core.refresh_counts()
                core.bulletin.publish(Topic.JOBS)
            if progress is not None:
                progress(read)
            if ended:
                core.session.backfilling, core.session.backfilled = False, True
                core.bulletin.publish(Topic.SESSION)
                return read
            passed.add(offset)
            # Gives way to the screen and to the monitor: a history that fills in a second later harms nobody.
            await core.clock.sleep(0.05)

    async def _note_head(self, jobs: tuple[ExportJob, ...]) -> None:
        """Tell the monitor how far forward this walk reaches, unless it has got further by itself."""
        notes = self._core.history.lookups
        times = [job.created_ms for job in jobs if job.created_ms is not None]
        if times and not await notes.note(HEAD):
            await notes.set_note(HEAD, str(max(times)))

    async def _page(self, offset: str | None) -> JobPage:
        """Read one page; a stored cursor that is refused is no longer good, and the next walk begins at the head."""
        try:
            return await self._pages.read(offset=offset)
        except BadRequestError:
            if offset is not None:
                await self._core.history.lookups.set_note(_CURSOR, "")
            raise

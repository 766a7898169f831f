"""Owns the care of the history while the app runs: what others write, what is too old, whether the file is whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tui_app.clock import now_ms
from tui_app.engine.backfill import CURSOR
from tui_app.engine.session import Topic
from tui_app.history.database import HistoryError
from tui_app.history.retention import DAY_MS, Retention

if TYPE_CHECKING:
    from tui_app.engine.core import Core

_log = logging.getLogger(__name__)
_CHECKED: Final = "history.checked"
"""Note of when the whole file was last read and found sound, epoch ms."""
_LOOK_S: Final = 5.0
_FIRST_S: Final = 15.0
_AGAIN_S: Final = 3_600.0


class Housekeeping:
    """Looks after one history; nobody waits for it, and none of its failures ends it."""

    def __init__(self, core: Core, retention: Retention | None = None) -> None:
        self._core = core
        self._retention = retention or Retention()

    async def prepare(self) -> None:
        """Put the retention in force; to be done before anything is read from the platform.

        Where it is wider than the last one, the walk through older jobs begins again and brings back what was removed.
        A failure is logged: it concerns only what is kept.
        """
        history = self._core.history
        if history.database.is_read_only:
            return
        try:
            await history.keep_to(self._retention, now_ms=now_ms(self._core.clock), walk=CURSOR)
        except HistoryError as error:
            _log.warning("the retention is not in force: %s", error)

    async def watch(self) -> None:
        """Publish what another program on the same file has written, soon after it did."""
        core = self._core
        while True:
            await core.clock.sleep(_LOOK_S)
            try:
                if await core.history.database.changed_elsewhere():
                    with core.activity.busy():
                        await core.refresh_counts()
                    core.bulletin.publish(Topic.JOBS, Topic.LOOKUPS, Topic.INTENTS)
            except HistoryError as error:
                _log.warning("what others have written is not seen: %s", error)

    async def keep(self) -> None:
        """Check the file some time after the start and then daily, and remove what is not to be kept, hourly."""
        await self._core.clock.sleep(_FIRST_S)
        is_due = self._core.history.database.was_cut_off
        while True:
            try:
                await self._check(is_due=is_due)
                await self._prune()
            except HistoryError as error:
                _log.warning("the history could not be looked after: %s", error)
            is_due = False
            await self._core.clock.sleep(_AGAIN_S)

    async def _check(self, *, is_due: bool) -> None:
        core, database = self._core, self._core.history.database
        checked = await core.history.lookups.note(_CHECKED)
        if not is_due and checked is not None and 0 <= now_ms(core.clock) - int(checked) < DAY_MS:
            return
        if found := await database.find_damage():
            _log.error("the history is damaged: %s", found)
            core.session.notices.append(
                f"The history {database.path} is damaged ({found}). Start aepx again: "
                "it sets the file aside and fills a new one from the platform."
            )
            core.bulletin.publish(Topic.SESSION)
        elif not database.is_read_only:
            await core.history.lookups.set_note(_CHECKED, str(now_ms(core.clock)))

    async def _prune(self) -> None:
        core = self._core
        if not self._retention or core.history.database.is_read_only:
            return
        pruned = await core.history.prune(self._retention, now_ms=now_ms(core.clock), walk=CURSOR)
        if pruned.jobs:
            _log.info("retention removed %d jobs", pruned.jobs)
            with core.activity.busy():
                await core.refresh_counts()
            core.bulletin.publish(Topic.JOBS)

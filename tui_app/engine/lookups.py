"""Owns what the platform has to choose from: held in memory, kept in history, read anew in the background."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tui_app.clock import give_way, now_ms
from tui_app.engine import offers
from tui_app.engine.failures import explained, failure_of
from tui_app.engine.session import Topic
from tui_app.history.errors import HistoryError
from tui_app.models.failure import Failure, FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.core import Core
    from tui_app.engine.offers import Offer
    from tui_app.models.audience import Audience
    from tui_app.models.catalog import Dataset, Sandbox
    from tui_app.models.field_paths import FieldPath
    from tui_app.models.merge_policy import MergePolicy

_log = logging.getLogger(__name__)
T = TypeVar("T")
_ROWS_AT_ONCE: Final = 50
_STALE: Final = -1


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What is known of one kind of things, and how far that can be relied on.

    Attributes:
        items: by name; fields of a schema in the order of its tree.
        fetched_ms: when the oldest part of it was read, epoch milliseconds; None when nothing ever was.
        is_complete: whether it is all there is: a reading came to its end, and none was broken off since.
        is_reading: whether it is being read now.
        read: how many that reading has brought so far.
        failure: why the last reading did not end; or why history cannot be read.
        locked: whether that was for lack of permission.
        remark: a sentence about what cannot be had, "" for none.
    """

    items: tuple[T, ...] = ()
    fetched_ms: int | None = None
    is_complete: bool = False
    is_reading: bool = False
    read: int = 0
    failure: Failure | None = None
    locked: bool = False
    remark: str = ""


class Lookup(Generic[T]):
    """One kind of things to choose from, in one sandbox.

    What is known stays known until a whole reading has shown that the platform no longer lists it.
    """

    def __init__(self, core: Core, offer: Offer[T]) -> None:
        self._core = core
        self._offer = offer
        self._items: dict[str, T] = {}
        self._ordered: tuple[T, ...] | None = None
        self._whole_ms: int | None = None
        self._oldest_ms: int | None = None
        self._is_complete = False
        self._failure: Failure | None = None
        self._remark = ""
        self._read = 0
        self._reading: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._loaded: int | None = None
        self._puts = 0

    async def known(self) -> Known[T]:
        """Return what is known now, without asking the platform; from memory once history was read.

        Never raises: a history that cannot be read is told as the failure.
        """
        try:
            await self._load()
        except HistoryError as error:
            return self._known(failure_of(error, what=self._offer.what, clock=self._core.clock))
        return self._known(self._failure)

    @property
    def read(self) -> int:
        """How many the reading under way, or the last one, has brought."""
        return self._read

    async def refresh(self) -> Known[T]:
        """Read everything anew and return what is known then; joins a reading that is under way.

        `Topic.LOOKUPS` is published as pages come in. Whoever stops waiting does not stop the reading. Never raises
        for the platform or the history: the failure is told in the answer, and what was known and read stays.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._run())
        task = self._reading
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        return await self.known()

    async def refresh_if_older(self, seconds: float) -> Known[T]:
        """As `refresh`, unless all of it is known and younger than `seconds`, or the platform asked to wait longer."""
        known = await self.known()
        at_ms = now_ms(self._core.clock)
        retry_ms = known.failure.retry_at_ms if known.failure is not None else None
        if not known.is_reading and retry_ms is not None and retry_ms > at_ms:
            return known
        is_fresh = known.is_complete and known.fetched_ms is not None and at_ms - known.fetched_ms <= seconds * 1000
        return known if is_fresh else await self.refresh()

    async def stop(self) -> None:
        """Break off a reading; what it has brought is kept."""
        task = self._reading
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def _known(self, failure: Failure | None) -> Known[T]:
        if self._ordered is None:
            offer = self._offer
            found = list(self._items.values())
            if not offer.is_in_order:
                found.sort(key=lambda one: (offer.name(one).casefold(), offer.key(one)))
            self._ordered = tuple(found)
        return Known(
            items=self._ordered,
            fetched_ms=self._whole_ms if self._whole_ms is not None else self._oldest_ms,
            is_complete=self._is_complete,
            is_reading=self._reading is not None,
            read=self._read,
            failure=failure,
            locked=failure is not None and failure.kind is FailureKind.PERMISSION,
            remark=self._remark,
        )

    async def _load(self) -> None:
        """Read history at first, and again when someone else has stored things of this kind there.

        Raises:
            HistoryError: it cannot be read.
        """
        lookups, offer = self._core.history.lookups, self._offer
        async with self._loading:
            stored_by_others = self._stored_by_others()
            if stored_by_others == self._loaded:
                return
            is_first = self._loaded is None
            rows = await lookups.all(offer.kind)
            readings = await lookups.readings(offer.kind)
            found: dict[str, T] = {}
            oldest_ms: int | None = None
            for number, (row_id, name, at_ms, raw) in enumerate(rows, 1):
                if at_ms:
                    with suppress(ValueError, TypeError, LookupError):
                        found |= {offer.key(one): one for one in offer.items((row_id, name, raw))}
                    oldest_ms = at_ms if oldest_ms is None else min(oldest_ms, at_ms)
                if number % _ROWS_AT_ONCE == 0:
                    await give_way()
            self._loaded = stored_by_others
            # Also what memory alone has, because history could not keep it.
            self._items = found if is_first else self._items | found
            self._ordered = None
            if is_first:
                self._whole_ms, self._oldest_ms = readings.whole_ms, oldest_ms
                self._is_complete = readings.whole_ms is not None and readings.open_ms is None

    def _stored_by_others(self) -> int:
        return self._core.history.lookups.changes(self._offer.kind) - self._puts

    async def _run(self) -> None:
        core = self._core
        self._read, self._failure = 0, None
        try:
            with core.activity.busy(), explained(self._offer.what, core.clock):
                await self._read_all()
        except FailureError as error:
            self._failure, self._is_complete = error.failure, False
            _log.info("%s", error)
        except asyncio.CancelledError:
            self._is_complete = False
            raise
        finally:
            self._reading = None
            core.bulletin.publish(Topic.LOOKUPS)

    async def _read_all(self) -> None:
        """Read all pages; an item that none of them has goes when the last one has come.

        Raises:
            ApiError: the platform does not answer, or not in time.
        """
        core, offer = self._core, self._offer
        with suppress(HistoryError):
            await self._load()
        core.bulletin.publish(Topic.LOOKUPS)
        began_ms, stored_by_others = now_ms(core.clock), self._stored_by_others()
        listed: dict[str, T] = {}
        row_ids: list[str] = []
        totals: set[int | None] = set()
        async with aclosing(offer.pages(core.client)) as pages:
            async for page in pages:
                fresh = {key: one for one in page.items if (key := offer.key(one)) not in listed}
                totals.add(page.total)
                self._take(fresh, began_ms, remark=page.remark)
                row_ids += await self._keep(list(fresh.values()), began_ms, is_first=not listed)
                listed |= fresh
                self._read = len(listed)
                core.bulletin.publish(Topic.LOOKUPS)
        # A list that grew or shrank while it was walked may have been left with a gap: then nothing goes this time.
        is_steady = len(totals) <= 1
        if is_steady:
            self._items, self._ordered = listed, None
        self._whole_ms, self._is_complete = began_ms, True
        await self._keep_end(row_ids if is_steady else None, began_ms)
        if self._stored_by_others() != stored_by_others:
            self._loaded = _STALE  # such as a dataset made meanwhile, which no page had

    def _take(self, fresh: dict[str, T], began_ms: int, *, remark: str) -> None:
        self._items.update(fresh)
        self._ordered = None
        self._remark = remark
        self._oldest_ms = began_ms if self._oldest_ms is None else self._oldest_ms

    async def _keep(self, items: Sequence[T], began_ms: int, *, is_first: bool) -> list[str]:
        """Store a page and return the ids of its rows; one that cannot be kept is worth having all the same."""
        lookups, offer = self._core.history.lookups, self._offer
        rows = offer.rows(items)
        try:
            if is_first:
                await lookups.begin_reading(offer.kind, at_ms=began_ms)
            await lookups.put(offer.kind, rows, at_ms=began_ms)
        except HistoryError as error:
            _log.warning("a page of lookups is not kept: %s", error)
        else:
            self._puts += 1
        return [row_id for row_id, *_ in rows]

    async def _keep_end(self, row_ids: Sequence[str] | None, began_ms: int) -> None:
        offer = self._offer
        try:
            await self._core.history.lookups.end_reading(
                offer.kind,
                row_ids,
                began_ms=began_ms,
                at_ms=now_ms(self._core.clock),
                keeps_names=offer.keeps_names,
            )
        except HistoryError as error:
            _log.warning("the end of a reading of lookups is not kept: %s", error)


class Lookups:
    """Everything that a form offers to choose from; `engine.lookups`."""

    def __init__(self, core: Core) -> None:
        self.datasets: Lookup[Dataset] = Lookup(core, offers.datasets())
        self.audiences: Lookup[Audience] = Lookup(core, offers.audiences())
        self.merge_policies: Lookup[MergePolicy] = Lookup(core, offers.merge_policies())
        self.profile_fields: Lookup[FieldPath] = Lookup(core, offers.profile_fields())
        self.event_fields: Lookup[FieldPath] = Lookup(core, offers.event_fields())
        self.sandboxes: Lookup[Sandbox] = Lookup(core, offers.sandboxes())

    async def stop(self) -> None:
        """Break off all readings, before client and history are closed."""
        every: tuple[
            Lookup[Dataset] | Lookup[Audience] | Lookup[MergePolicy] | Lookup[FieldPath] | Lookup[Sandbox], ...
        ]
        every = (
            self.datasets,
            self.audiences,
            self.merge_policies,
            self.profile_fields,
            self.event_fields,
            self.sandboxes,
        )
        await asyncio.gather(*(one.stop() for one in every))

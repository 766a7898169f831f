"""Owns asking for pages of the job list before they are wanted: platform, parsing and history work side by side.

While one page is written, the next one is parsed and the one after that is under way. No more: memory stays flat.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from tui_app.clock import now_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui_app.clock import Clock
    from tui_app.models.export_job import JobPage

_MOST: Final = 2


class ReadPage(Protocol):
    """Asks for the page at a cursor; `arrived` is awaited before the answer is parsed, see `ExportJobs.list_page`."""

    async def __call__(self, offset: str | None, arrived: Callable[[str | None], Awaitable[None]] | None) -> JobPage:
        """Ask.

        Raises:
            ApiError: the platform could not be asked.
        """
        ...


class _Reading:
    """One page that is asked for."""

    __slots__ = ("asked_ms", "following", "is_wanted", "offset", "task")

    def __init__(self, offset: str | None, asked_ms: int) -> None:
        self.offset = offset
        self.asked_ms = asked_ms
        self.following: str | None = None
        self.is_wanted = asyncio.Event()
        self.task: asyncio.Task[JobPage] | None = None


class ReadAhead:
    """Reads pages one after the other, beginning with the next ones while the caller works on this one.

    Args:
        read: asks for a page.
        clock: dates the requests.
        is_on: whether to read ahead at all.
    """

    def __init__(self, read: ReadPage, clock: Clock, *, is_on: bool) -> None:
        self._read = read
        self._clock = clock
        self._is_on = is_on
        self._readings: deque[_Reading] = deque()

    async def take(self, offset: str | None) -> tuple[int, JobPage]:
        """Return the page at a cursor, and when it was asked for, epoch ms.

        Raises:
            ApiError: as the reading of the page raises it; what else was asked for is dropped.
        """
        if not self._is_on:
            return now_ms(self._clock), await self._read(offset, None)
        await self._keep_only(offset)
        reading = self._readings[0] if self._readings else self._begin(offset)
        reading.is_wanted.set()
        assert reading.task is not None
        try:
            page = await reading.task
        except BaseException:
            await self.aclose()
            raise
        self._readings.popleft()
        return reading.asked_ms, page

    async def expect(self, offset: str | None) -> None:
        """Let the page at this cursor be the next: it is parsed as soon as it is there. None: there is no next."""
        if not self._is_on:
            return
        await self._keep_only(offset)
        if offset is not None:
            (self._readings[0] if self._readings else self._begin(offset)).is_wanted.set()
            self._top_up()

    async def aclose(self) -> None:
        """Drop everything that is asked for."""
        readings, self._readings = self._readings, deque()
        tasks = [one.task for one in readings if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_only(self, offset: str | None) -> None:
        """Drop what was asked for on a guess that proved wrong."""
        if self._readings and self._readings[0].offset != offset:
            await self.aclose()

    def _begin(self, offset: str | None) -> _Reading:
        reading = _Reading(offset, now_ms(self._clock))

        async def arrived(following: str | None) -> None:
            reading.following = following
            self._top_up()
            await reading.is_wanted.wait()

        async def read() -> JobPage:
            return await self._read(offset, arrived)

        self._readings.append(reading)
        reading.task = asyncio.create_task(read())
        return reading

    def _top_up(self) -> None:
        """Ask for the page after the last one that has arrived, if there is room."""
        if self._readings and len(self._readings) < _MOST:
            following = self._readings[-1].following
            if following is not None and all(one.offset != following for one in self._readings):
                self._begin(following)

"""Owns reading the job list page by page: how many jobs to a page, which page is the next, and when it is the last.

The platform says where the next page begins, and an answer that was damaged on the way may leave that out. So the end
of the list is believed where a page is visibly short; else what follows is asked for by a cursor of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import BadAnswerError, BadRequestError
from tui_app.clock import now_ms
from tui_app.engine.read_ahead import ReadAhead
from tui_app.models.export_job import JobPage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui_app.engine.core import Core

PAGE: Final = 1_000
PAGE_LEAST: Final = 10
_EMPTY_MOST: Final = 3
_NOTHING: Final = JobPage(())


class Pages:
    """Reads pages of the job list and remembers how many jobs to a page the service bears."""

    def __init__(self, core: Core, *, most: int = PAGE) -> None:
        self._core = core
        self._whole = most
        self.most = most

    async def read(
        self,
        *,
        offset: str | None,
        limit: int = PAGE,
        status: str | None = None,
        arrived: Callable[[str | None], Awaitable[None]] | None = None,
    ) -> JobPage:
        """Read one page of at most `limit` jobs; arguments as `ExportJobs.list_page`.

        A page that is refused, or comes too large or not as JSON, is tried again with a tenth of the jobs, and so are
        those after it.

        Raises:
            BadRequestError: refused at any size; the next call tries whole pages again.
            BadAnswerError: as above.
            ApiError: the platform could not be asked.
        """
        ask = self._core.client.export_jobs.list_page
        if arrived is not None:
            ask = partial(ask, arrived=arrived)
        while True:
            size = min(limit, self.most)
            try:
                return await ask(limit=size, offset=offset, status=status)
            except (BadRequestError, BadAnswerError):
                if size <= PAGE_LEAST:
                    self.most = self._whole
                    raise
                self.most = max(PAGE_LEAST, size // 10)


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a walk: from where it was read, when it was asked for, and where the next begins, None at the end."""

    offset: str | None
    asked_ms: int
    page: JobPage
    following: str | None


class Walk:
    """Goes through the list towards its end, each page once.

    The list may change meanwhile: a cursor means "older than this job", also when that job is gone, so what comes at
    the head or vanishes moves nothing. Ends whatever the platform's cursors do.

    Args:
        core: whom to ask.
        pages: how.
        offset: where to begin; None is the head.
        limit: jobs to a page.
        ahead: ask for the next pages while the caller still works on this one.
        status: only jobs in this status, where the platform can filter by it (API reference 2.5).
    """

    def __init__(
        self,
        core: Core,
        pages: Pages,
        *,
        offset: str | None = None,
        limit: int = PAGE,
        ahead: bool = False,
        status: str | None = None,
    ) -> None:
        self._core = core
        self._pages = pages
        self._offset = offset
        self._limit = limit
        self._status = status
        self._ahead = ReadAhead(self._read, core.clock, is_on=ahead)
        self._passed: set[str | None] = {offset}
        self._ours: str | None = None
        self._is_guess = False
        self._oldest_ms: int | None = None
        self._largest = 0
        self._empty = 0

    async def step(self) -> Step:
        """Return the next page.

        Raises:
            ApiError: the platform could not be asked; another call asks for the same page.
        """
        offset = self._offset
        try:
            asked_ms, page = await self._ahead.take(offset)
            if not _count(page) and (offset or page.next_offset) is not None and not self._is_guess:
                # A page to which the platform itself leads has jobs: asked once more, a damaged answer costs none.
                asked_ms, page = await self._ahead.take(offset)
        except BadRequestError:
            if not self._is_guess:
                raise
            # It knows no such cursor as ours: then what it said of the end stands.
            return Step(offset, now_ms(self._core.clock), _NOTHING, None)
        following = self._following(page)
        self._offset = following
        self._passed.add(following)
        await self._ahead.expect(following)
        return Step(offset, asked_ms, page, following)

    async def again(self, step: Step) -> None:
        """Take a step back: its page is asked for once more, and what was asked for since is dropped."""
        await self.aclose()
        self._passed.discard(step.following)
        self._offset = step.offset

    async def aclose(self) -> None:
        """Stop asking ahead."""
        await self._ahead.aclose()

    async def _read(self, offset: str | None, arrived: Callable[[str | None], Awaitable[None]] | None) -> JobPage:
        return await self._pages.read(offset=offset, limit=self._limit, status=self._status, arrived=arrived)

    def _following(self, page: JobPage) -> str | None:
        """Return where to go on: where the page says if that can be, else behind the oldest job if there is doubt."""
        count = _count(page)
        is_full = count >= min(self._limit, self._pages.most) or count >= self._largest > 0
        is_first = self._largest == 0
        goes_back = self._goes_back(page)
        self._largest = max(self._largest, count, 1)
        self._empty = 0 if count else self._empty + 1
        said = page.next_offset
        self._is_guess = said is None or said in self._passed or self._empty >= _EMPTY_MOST or goes_back
        if not self._is_guess:
            return said
        is_doubtful = said is not None or is_full or not (count or is_first)
        return self._ours if is_doubtful and self._ours not in self._passed else None

    def _goes_back(self, page: JobPage) -> bool:
        """Tell whether the page has none but newer jobs than those already read; else remember its last one."""
        last = page.jobs[-1] if page.jobs else None
        if last is None or last.created_ms is None:
            return False
        if self._oldest_ms is not None and last.created_ms > self._oldest_ms:
            return True
        # The cursor of the jobs older than this one, as the platform itself writes it (API reference 2.5).
        self._ours, self._oldest_ms = f"{last.created_ms}_{last.job_id}", last.created_ms
        return False


def _count(page: JobPage) -> int:
    return len(page.jobs) + page.rejected

"""Owns the size of a page of jobs: as many as the service gives, fewer where it refuses; it publishes no maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.api.errors import BadAnswerError, BadRequestError

if TYPE_CHECKING:
    from tui_app.engine.core import Core
    from tui_app.models.export_job import JobPage

PAGE: Final = 1_000
PAGE_LEAST: Final = 10


class Pages:
    """Reads pages of the job list and remembers how many jobs to a page the service bears."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._most = PAGE

    async def read(self, *, offset: str | None, limit: int = PAGE, status: str | None = None) -> JobPage:
        """Read one page of at most `limit` jobs.

        A page that is refused, or comes too large or not as JSON, is tried again with a tenth of the jobs, and so are
        those after it.

        Raises:
            BadRequestError: refused at any size; the next call tries whole pages again.
            BadAnswerError: as above.
            ApiError: the platform could not be asked.
        """
        while True:
            size = min(limit, self._most)
            try:
                return await self._core.client.export_jobs.list_page(limit=size, offset=offset, status=status)
            except (BadRequestError, BadAnswerError):
                if size <= PAGE_LEAST:
                    self._most = PAGE
                    raise
                self._most = max(PAGE_LEAST, size // 10)

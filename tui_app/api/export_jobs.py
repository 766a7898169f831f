"""Owns the calls on export jobs (API reference 2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui_app.api.errors import BadAnswerError
from tui_app.api.job_page import read_page
from tui_app.api.origin import path_segment
from tui_app.models.base import MalformedRecord
from tui_app.models.export_job import ExportJob
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui_app.api.session import Session
    from tui_app.models.base import JsonObject
    from tui_app.models.export_job import JobPage

_PATH = "/data/core/ups/export/jobs"


class ExportJobs:
    """Create, list, get and cancel export jobs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, body: JsonObject) -> ExportJob:
        """Create a job and return it as the platform answers it, usually `NEW` (API reference 2.2, 2.3).

        The platform knows no idempotency key: the request is sent again only when it cannot have arrived.

        Raises:
            ApiError: when `ambiguous`, the job may exist; look for it before sending again.
        """
        what = "The export job was not confirmed."
        raw = await self._session.fetch("POST", _PATH, what=what, body=body)
        try:
            return ExportJob.parse(raw)
        except MalformedRecord as error:
            cause = safe_text(str(error))
        raise BadAnswerError(
            what,
            cause=f"The platform accepted it, but did not answer with a job. {cause}",
            next_step="Look for it in the list before you create it again.",
            ambiguous=True,
        )

    async def list_page(
        self,
        *,
        limit: int = 100,
        offset: str | None = None,
        status: str | None = None,
        arrived: Callable[[str | None], Awaitable[None]] | None = None,
    ) -> JobPage:
        """Return one page, newest jobs first (API reference 2.5).

        Args:
            limit: jobs wanted; the platform names no maximum.
            offset: `next_offset` of the page before; None for the head of the list.
            status: `NEW`, `SUCCEEDED` or `FAILED`; other words are not documented as filters.
            arrived: awaited when the answer is there and not yet parsed, with what will probably be its `next_offset`.

        Raises:
            ApiError: see `errors`.
        """
        what = "The export jobs could not be listed."
        query = [("limit", str(limit))]
        if offset is not None:
            query.append(("offset", offset))
        if status is not None:
            query.append(("status", status))
        answer = await self._session.send("GET", _PATH, what=what, query=query)
        try:
            return await read_page(answer, what=what, arrived=arrived)
        except MalformedRecord as error:
            cause = safe_text(str(error))
        raise BadAnswerError(what, cause=cause, next_step="Check base_url, and look at the log.")

    async def get(self, job_id: str) -> ExportJob:
        """Return one job (API reference 2.6).

        Raises:
            NotFoundError: the platform knows no such job, or no longer.
            ApiError: see `errors`.
        """
        what = f"Export job {safe_text(job_id)} could not be read."
        raw = await self._session.fetch("GET", f"{_PATH}/{path_segment(job_id)}", what=what)
        try:
            return ExportJob.parse(raw)
        except MalformedRecord as error:
            cause = safe_text(str(error))
        raise BadAnswerError(what, cause=cause, next_step="Check base_url, and look at the log.")

    async def cancel(self, job_id: str) -> str:
        """Ask to cancel a job and return the platform's words, if any; it ends some time later (API reference 2.7).

        Raises:
            NotFoundError: the platform knows no such job, or no longer.
            ApiError: see `errors`.
        """
        what = f"Export job {safe_text(job_id)} could not be cancelled."
        answer = await self._session.send("DELETE", f"{_PATH}/{path_segment(job_id)}", what=what)
        try:
            document = json.loads(answer.body or b"{}")
        except (ValueError, RecursionError):
            return ""  # any success is a success here, whatever its body
        message = document.get("message") if isinstance(document, dict) else None
        return safe_text(message) if isinstance(message, str) else ""

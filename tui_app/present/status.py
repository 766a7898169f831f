"""Owns how a status is shown: always mark, word and colour role together, so that none is needed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.models.export_job import (
    CANCELLED,
    CANCELLING,
    FAILED,
    NEW,
    PROCESSING,
    QUEUED,
    SUCCEEDED,
    is_terminal,
)
from tui_app.models.stage import OVERDUE_AFTER_MS
from tui_app.text import safe_text

if TYPE_CHECKING:
    from tui_app.models.job_query import JobSummary


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as shown."""

    mark: str
    word: str
    role: str
    """Name of a colour role; themes say what it looks like."""

    def __str__(self) -> str:
        return f"{self.mark} {self.word}"


_BADGES: Final[dict[str, Badge]] = {
    NEW: Badge("o", NEW, "new"),
    QUEUED: Badge("o", QUEUED, "new"),
    PROCESSING: Badge(">", PROCESSING, "running"),
    CANCELLING: Badge("x?", CANCELLING, "cancelling"),
    SUCCEEDED: Badge("+", SUCCEEDED, "succeeded"),
    FAILED: Badge("!", FAILED, "failed"),
    CANCELLED: Badge("x", CANCELLED, "cancelled"),
}


def badge(status: str, *, cancel_requested: bool = False, overdue: bool = False, gone: bool = False) -> Badge:
    """Return how a status is shown.

    Args:
        status: as normalised by `models.export_job`; an unknown word is shown as it is, made harmless.
        cancel_requested: we asked for a cancel and the platform has not shown it yet.
        overdue: no sign of life for longer than `OVERDUE_AFTER_MS`.
        gone: the platform no longer knows the job; what it was last is shown behind a neutral mark.
    """
    found = _BADGES.get(status) or Badge("?", safe_text(status), "unknown")
    if cancel_requested and not is_terminal(status):
        found = Badge("x?", found.word, "cancelling")
    elif overdue:
        found = Badge(f"{found.mark}^", found.word, "overdue")
    if gone:
        found = Badge("-", found.word, "muted")
    return found


def is_overdue(status: str, updated_ms: int | None, now_ms: int) -> bool:
    """Tell whether a job may be stuck: it runs, and the platform has not touched it for a long time."""
    return not is_terminal(status) and updated_ms is not None and now_ms - updated_ms > OVERDUE_AFTER_MS


def badge_of(job: JobSummary, now_ms: int) -> Badge:
    """Return how a row of the list shows its status."""
    return badge(
        job.status,
        cancel_requested=job.cancel_requested_ms is not None,
        overdue=is_overdue(job.status, job.updated_ms, now_ms),
        gone=job.gone and job.status != CANCELLED,
    )

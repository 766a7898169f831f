"""Owns counting what a synchronisation read, and saying how many jobs may be left at most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.history.recording import Applied
    from tui_app.models.export_job import ExportJob
    from tui_app.models.failure import Failure


@dataclass(slots=True)
class Tally:
    """What one synchronisation has brought so far.

    Attributes:
        doing: what it reads now.
        read: jobs that the platform showed, one that was shown twice counted twice.
        new: of them those that history did not have.
        changed: of them those that differ from what history had.
        gone: jobs that were running and that the platform no longer knows.
        older: jobs that the walk through older ones has read, a part of `read`.
        waiting: why nothing is read at this moment; None when something is.
        resumes_at_ms: when it tries again, epoch ms.
    """

    doing: Literal["newest", "running", "older"] = "newest"
    read: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    older: int = 0
    waiting: Failure | None = None
    resumes_at_ms: int | None = None
    _span: tuple[int, int] | None = field(default=None, repr=False)
    _counts_up: bool = field(default=True, repr=False)

    def add(self, jobs: Sequence[ExportJob], applied: Applied) -> None:
        """Count a page, or a job that was looked up."""
        self.read += len(jobs)
        self.new += len(applied.new)
        self.changed += len(applied.changed)
        self.waiting = self.resumes_at_ms = None

    def add_older(self, jobs: Sequence[ExportJob], applied: Applied) -> None:
        """Count a page of the walk through older jobs."""
        self.add(jobs, applied)
        self.older += len(jobs)
        numbers = [int(job.job_id) for job in jobs if job.job_id.isascii() and job.job_id.isdigit()]
        if len(numbers) < len(jobs) or (self._span is not None and numbers and max(numbers) >= self._span[0]):
            self._counts_up = False
        if numbers:
            highest = self._span[1] if self._span is not None else max(numbers)
            self._span = min(numbers), highest

    @property
    def most_left(self) -> int | None:
        """About how many older jobs can be left at most; None when nothing tells.

        The platform does not say how many jobs there are. But ids are numbers that count up, over all sandboxes of an
        organization: there can be no more jobs below the lowest id seen than there are ids, and this sandbox has about
        the same share of them as of those already read.
        """
        if self._span is None or not self._counts_up:
            return None
        lowest, highest = self._span
        return round(lowest * self.older / (highest - lowest + 1))

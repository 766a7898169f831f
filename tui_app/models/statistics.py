"""Owns the figures about the jobs of a view: how many of which status, how long, when, into what, and why they fail."""

from __future__ import annotations

from dataclasses import dataclass

from tui_app.models.export_job import FAILED, SUCCEEDED


@dataclass(frozen=True, slots=True)
class Bucket:
    """The jobs created in one stretch of time, from `start_ms` (epoch) up to the start of the next."""

    start_ms: int
    ok: int = 0
    failed: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """How many jobs."""
        return self.ok + self.failed + self.other


@dataclass(frozen=True, slots=True)
class DatasetFigures:
    """The jobs that write into one dataset; `p50_ms` is the median duration of those that ended."""

    dataset_id: str
    name: str | None
    count: int
    failed: int
    p50_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """The jobs with one error: its code and message as the list shows them, and when the newest was created."""

    text: str
    count: int
    last_seen_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of all jobs that a query matches.

    Attributes:
        total: jobs that match.
        counts: `(status, jobs)`, the most frequent first.
        p50_ms: median duration of the jobs that ended and whose duration is known; None where there is none.
        p95_ms: what 95 of 100 of them did not exceed.
        longest_ms: the longest of them.
        profiles: exported by all of them together, as far as they tell; None where no job tells a number.
        buckets: the time from the first creation to the last in equal parts, the oldest first; without gaps.
        bucket_ms: how long each part is; 0 when there are none.
        datasets: those with the most jobs, the most first.
        errors: the most frequent, the most first.
    """

    total: int = 0
    counts: tuple[tuple[str, int], ...] = ()
    p50_ms: int | None = None
    p95_ms: int | None = None
    longest_ms: int | None = None
    profiles: int | None = None
    buckets: tuple[Bucket, ...] = ()
    bucket_ms: int = 0
    datasets: tuple[DatasetFigures, ...] = ()
    errors: tuple[ErrorFigures, ...] = ()

    @property
    def success_share(self) -> float | None:
        """Of the jobs that succeeded or failed, the part that succeeded, 0 to 1; None when there are none.

        Cancelled jobs count on neither side: somebody wanted them to end.
        """
        counts = dict(self.counts)
        decided = counts.get(SUCCEEDED, 0) + counts.get(FAILED, 0)
        return counts.get(SUCCEEDED, 0) / decided if decided else None

"""Owns the list's view of a job, one row of history, and the question a list asks."""

from __future__ import annotations

from dataclasses import dataclass

from tui_app.models.filter import EVERYTHING, Filter


@dataclass(frozen=True, slots=True)
class JobSummary:
    """What one row of the job list shows; moments are epoch milliseconds, durations milliseconds.

    `row` is the job's row number in history, which outlives its place in a list. `mine` is False for jobs the
    platform's scheduler made (API reference 2.8); `gone` is True when the platform no longer knows the job.
    """

    row: int
    job_id: str
    status: str
    created_ms: int | None
    updated_ms: int | None
    ended_ms: int | None
    duration_ms: int | None
    stage: str | None
    stage_since_ms: int | None
    segment_count: int
    segment_text: str
    dataset_id: str | None
    dataset_name: str | None = None
    error: str | None = None
    profiles: int | None = None
    batch_count: int = 0
    mine: bool = True
    gone: bool = False
    cancel_requested_ms: int | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs to list and in which order; `sort` is the key of a column."""

    filter: Filter = EVERYTHING
    sort: str = "created"
    descending: bool = True

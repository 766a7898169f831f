"""Owns Catalog batches: each mirrors a job that fills it, or stands for rows that a query wrote (API reference 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_app.emulator.world.lifecycle import state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.emulator.world.lifecycle import Job, State
    from tui_app.emulator.world.world import Sandbox, World

BATCH_DELAY_MS = 400  # a job's batches are created so long after the job


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch at one moment; times in epoch milliseconds.

    `rows` counts what it holds, None until it is `success`. `job` and `number` say which batch of which job it is;
    `job` is None for one that a query wrote.
    """

    batch_id: str
    dataset_id: str
    status: str
    created_ms: int
    updated_ms: int
    started_ms: int | None = None
    completed_ms: int | None = None
    rows: int | None = None
    errors: tuple[Mapping[str, str], ...] = ()
    job: Job | None = None
    number: int = 0


def batch_of(world: World, job: Job, number: int, *, now_ms: int) -> Batch:
    """Return the job's batch with this number as it stands at `now_ms`."""
    seen = state(job.plan, now_ms)
    created = job.plan.created_ms + BATCH_DELAY_MS
    share, rest = divmod(job.profiles, job.batch_count)
    is_over = seen.batch_status == "success" and seen.write is not None
    return Batch(
        batch_id=world.batch_ids.of(job.job_id, number),
        dataset_id=job.dataset_id,
        status=seen.batch_status,
        created_ms=created,
        updated_ms=updated_ms(seen, created_ms=created),
        started_ms=seen.export.start_ms if seen.export is not None else None,
        completed_ms=seen.write.end_ms if is_over and seen.write is not None else None,
        rows=share + (number < rest) if is_over else None,
        errors=job.errors if seen.batch_status == "failed" else (),
        job=job,
        number=number,
    )


def updated_ms(seen: State, *, created_ms: int) -> int:
    """Return when a job's batch last changed: with the job, until it is done; the job itself ends a while later."""
    if seen.batch_status == "success" and seen.write is not None and seen.write.end_ms is not None:
        return seen.write.end_ms
    return max(seen.updated_ms, created_ms)


def find_batch(world: World, sandbox: Sandbox, batch_id: str, *, now_ms: int) -> Batch | None:
    """Return the sandbox's batch with this id; None when it has none."""
    written = sandbox.written_batches.get(batch_id)
    if written is not None:
        return written
    parsed = world.batch_ids.parse(batch_id)
    job = world.job(sandbox, parsed[0]) if parsed else None
    if parsed is None or job is None or parsed[1] >= job.batch_count:
        return None
    return batch_of(world, job, parsed[1], now_ms=now_ms)

"""The engine on a platform that follows other documents than the tutorial: creating, following, cancelling, history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.engine.test_against_emulator import JOBS, Ground, target
from tests.support.clock import FakeClock, drain
from tui_app.emulator.faults.connection import Lose
from tui_app.emulator.faults.faults import Fault
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SPOKEN = [("openapi", 1), ("newest", 1), *(("mixed", seed) for seed in range(8))]


@pytest.fixture(params=SPOKEN, ids=lambda one: f"{one[0]}-{one[1]}")
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    dialect, seed = request.param
    made = Ground(tmp_path, FakeClock(), jobs=130, speed=60.0, seed=seed, dialect=dialect)
    yield made
    for engine in made.engines:
        await engine.stop()


async def test_a_job_is_followed_to_its_end(ground: Ground) -> None:
    engine = ground.engine()
    submission = await engine.jobs.submit(ExportRequest(dataset_id=await target(ground, engine)))
    assert submission.job is not None
    statuses: list[str] = []

    async def follow(job_id: str) -> None:
        statuses.extend([job.status async for job in engine.jobs.follow([job_id])])

    following = asyncio.create_task(follow(submission.job.job_id))
    for _ in range(40):
        await ground.clock.advance(1)
    await following
    assert statuses[0] in {"NEW", "QUEUED"}
    assert statuses[-1] == "SUCCEEDED"
    # What runs may have two names in a mixture, but it does not run again once it is over.
    assert set(statuses[:-1]) <= {"NEW", "QUEUED", "PROCESSING"}


async def test_a_cancelled_job_is_over_or_gone(ground: Ground) -> None:
    engine = ground.engine()
    submission = await engine.jobs.submit(ExportRequest(dataset_id=await target(ground, engine)))
    assert submission.job is not None
    job_id = submission.job.job_id
    await engine.jobs.cancel(job_id)
    for _ in range(20):
        await ground.clock.advance(1)
    try:
        told = (await engine.jobs.refresh(job_id)).status
    except FailureError as gone:
        told = str(gone.failure.kind)
    assert told in {"CANCELLED", str(FailureKind.NOT_FOUND)}
    # Where the platform forgets the job, that it went away after the request is what tells.
    listed = await engine.list.summaries(await engine.list.all_rows(JobQuery()))
    assert [one.status for one in listed if one.job_id == job_id] == ["CANCELLED"]


async def test_the_whole_history_is_read_once(ground: Ground) -> None:
    engine = ground.engine()
    await ground.finish(engine.backfill.walk())
    listed = await engine.list.summaries(await engine.list.all_rows(JobQuery()))
    shelf = ground.emulator.world.sandboxes["prod"].shelf
    every = {str(shelf.job(index).job_id) for index in range(len(shelf))}
    cancelled = {
        str(job.job_id)
        for job in shelf.newest(len(shelf), below=len(shelf), status="CANCELLED", at_ms=ground.emulator.world.now_ms())
    }
    ids = [one.job_id for one in listed]
    assert len(ids) == len(set(ids))
    assert set(ids) in (every, every - cancelled)


async def test_a_lost_creation_is_found(ground: Ground) -> None:
    engine = ground.engine()
    dataset_id = await target(ground, engine)
    ground.emulator.faults.add(Fault(Lose(), path=JOBS, method="POST"))
    submission = await ground.finish(engine.jobs.submit(ExportRequest(dataset_id=dataset_id)))
    await drain()
    (candidate,) = submission.candidates
    assert candidate.dataset_id == dataset_id

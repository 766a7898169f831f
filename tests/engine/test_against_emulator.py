"""Engine, client and emulator together, in one process and on one clock that does not tick by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.clock import FakeClock, drain
from tui_app.config import Connection, Settings
from tui_app.config.templates import Templates
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.connection import Lose
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Html, Status, Throttle
from tui_app.emulator.faults.wire import Truncate
from tui_app.engine.session import Policy
from tui_app.history.database import InPlace
from tui_app.history.history import History
from tui_app.models.catalog import DatasetRequest
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.job_query import JobQuery
from tui_app.wiring import Workspaces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from tui_app.engine.engine import Engine

JOBS = "/data/core/ups/export/jobs*"


class Ground:
    """An emulated platform and engines on it, all in one folder."""

    def __init__(self, folder: Path, clock: FakeClock, **options: Any) -> None:
        self.clock = clock
        self.emulator = Emulator(clock, **options)
        self._folder = folder
        self.engines: list[Engine] = []

    def engine(self) -> Engine:
        ready = self.emulator.ready_line("http://127.0.0.1")
        names = ("org_id", "client_id", "base_url", "ims_url")
        connection = Connection(name="demo", sandbox="prod", **{name: ready[name] for name in names})
        spaces = Workspaces(
            Settings(connections={"demo": connection}),
            environ={"AEPX_CLIENT_SECRET": ready["client_secret"]},
            clock=self.clock,
            folder=self._folder,
            chosen=lambda: connection,
            templates=Templates.beside(self._folder / "config.toml"),
            transport=lambda: httpx.ASGITransport(app=self.emulator.app),
        )
        engine = spaces.open_now("demo", "prod")
        # The same file, but without threads: a clock that does not tick cannot wait for one.
        path = engine._core.history.database.path
        engine._core.history.close()
        engine._core.history = History(path, runner=InPlace())
        engine.open()
        self.engines.append(engine)
        return engine

    async def finish(self, work: Awaitable[Any], seconds: float = 60) -> Any:
        """Wait for work that sleeps, or that leaves the loop for the thread that reads the secret."""
        task = asyncio.ensure_future(work)
        for _ in range(200):
            await drain()
            if task.done():
                break
            await asyncio.to_thread(lambda: None)
        if not task.done():
            await self.clock.advance(seconds)
        return await task


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    made = Ground(tmp_path, FakeClock(), jobs=1_200, speed=60.0)
    yield made
    for engine in made.engines:
        await engine.stop()


async def known(engine: Engine) -> int:
    return len(await engine.list.all_rows(JobQuery()))


async def target(ground: Ground, engine: Engine) -> str:
    dataset_id: str = await ground.finish(engine.datasets.create(DatasetRequest(name="Target")))
    assert await engine.datasets.check_target(dataset_id) is None
    return dataset_id


async def test_a_loopback_platform_is_open(ground: Ground) -> None:
    assert ground.engine().session.policy is Policy.OPEN


async def test_a_job_from_creation_to_its_end(ground: Ground) -> None:
    engine = ground.engine()
    dataset_id = await target(ground, engine)
    submission = await engine.jobs.submit(ExportRequest(dataset_id=dataset_id))
    assert submission.job is not None
    statuses: list[str] = []

    async def follow(job_id: str) -> None:
        statuses.extend([job.status async for job in engine.jobs.follow([job_id])])

    following = asyncio.create_task(follow(submission.job.job_id))
    for _ in range(40):
        await ground.clock.advance(1)
    await following
    assert statuses[0] == "NEW"
    assert statuses[-1] == "SUCCEEDED"
    stages = [one.stage for one in await engine.jobs.transitions(submission.job.job_id)]
    assert stages == ["queue", "export", "gap", "write", "finish", None]


async def test_a_cancelled_job_ends_cancelled(ground: Ground) -> None:
    engine = ground.engine()
    submission = await engine.jobs.submit(ExportRequest(dataset_id=await target(ground, engine)))
    assert submission.job is not None
    await engine.jobs.cancel(submission.job.job_id)
    for _ in range(20):
        await ground.clock.advance(1)
    assert (await engine.jobs.refresh(submission.job.job_id)).status == "CANCELLED"
    with pytest.raises(FailureError, match="already ended"):
        await engine.jobs.cancel(submission.job.job_id)


async def test_the_walk_loses_and_doubles_nothing_while_jobs_arrive(ground: Ground) -> None:
    engine = ground.engine()
    dataset_id = await target(ground, engine)
    walking = asyncio.create_task(engine.backfill.walk())
    await drain()
    for _ in range(5):
        await engine.jobs.submit(ExportRequest(dataset_id=dataset_id))
        await ground.clock.advance(0.06)
    await ground.finish(walking)
    await engine.refresh()
    listed = await engine.list.summaries(await engine.list.all_rows(JobQuery()))
    ids = [one.job_id for one in listed]
    assert len(ids) == len(set(ids)) == 1_205
    shelf = ground.emulator.world.sandboxes["prod"].shelf
    assert {int(one) for one in ids} == {shelf.job(index).job_id for index in range(len(shelf))}


async def test_a_lost_answer_is_found_and_no_second_job_made(ground: Ground) -> None:
    engine = ground.engine()
    dataset_id = await target(ground, engine)
    shelf = ground.emulator.world.sandboxes["prod"].shelf
    before = len(shelf)
    fault = ground.emulator.faults.add(Fault(Lose(), path=JOBS, method="POST"))
    submission = await ground.finish(engine.jobs.submit(ExportRequest(dataset_id=dataset_id)))
    assert submission.job is None
    assert fault.met == 1
    (candidate,) = submission.candidates
    await engine.jobs.settle(submission.intent_id, candidate)
    assert len(shelf) == before + 1


async def test_a_program_that_dies_after_sending_finds_its_job_at_the_next_start(ground: Ground) -> None:
    engine = ground.engine()
    dataset_id = await target(ground, engine)
    ground.emulator.faults.add(Fault(Lose(), path=JOBS, method="POST", times=1))
    ground.emulator.faults.add(Fault(Status(503), path=JOBS, method="GET"))
    dying = asyncio.create_task(engine.jobs.submit(ExportRequest(dataset_id=dataset_id)))
    await drain()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    ground.emulator.faults.clear()
    again = ground.engine()
    await ground.clock.advance(10)
    (settlement,) = await ground.finish(again.jobs.settle_open())
    assert settlement.made is not None
    assert settlement.made.dataset_id == dataset_id
    assert await ground.finish(again.jobs.settle_open()) == ()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(Html(), path=JOBS), FailureKind.CONFIG),
        (Fault(Status(200, body="<html>Sign in</html>"), path=JOBS), FailureKind.BAD_ANSWER),
        (Fault(Truncate(100), path=JOBS), FailureKind.BAD_ANSWER),
        (Fault(Status(200, body=[]), path=JOBS), FailureKind.BAD_ANSWER),
        (Fault(Throttle(120), path=JOBS), FailureKind.THROTTLED),
        (Fault(Status(503), path=JOBS), FailureKind.SERVICE),
    ],
)
async def test_bad_answers_leave_the_list_and_say_why(ground: Ground, fault: Fault, kind: FailureKind) -> None:
    engine = ground.engine()
    await ground.finish(engine.refresh())
    held = await known(engine)
    ground.emulator.faults.add(fault)
    with pytest.raises(FailureError) as caught:
        await ground.finish(engine.refresh())
    assert caught.value.failure.kind is kind
    assert engine.session.failure is not None
    assert engine.session.failure.kind is kind
    assert await known(engine) == held >= 100
    ground.emulator.faults.clear()
    await engine.refresh()
    assert engine.session.failure is None


async def test_a_job_of_twenty_megabytes_is_refused_and_waited_for(ground: Ground) -> None:
    engine = ground.engine()
    huge = b'{"id": 1, "status": "SUCCEEDED", "x": "' + b"x" * 20_000_000 + b'"}'
    ground.emulator.faults.add(Fault(Status(200, body=huge), path=JOBS, method="GET", times=1))
    with pytest.raises(FailureError) as caught:
        await ground.finish(engine.jobs.refresh("1"))
    assert caught.value.failure.kind is FailureKind.BAD_ANSWER

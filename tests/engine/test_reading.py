"""Reading the platform's list to order: right at the first call, kept in history, and no hole left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clock import FakeClock
from tui_app.api.errors import from_response
from tui_app.config import load
from tui_app.models.failure import FailureError
from tui_app.models.job_query import JobQuery
from tui_app.wiring import demo_workspaces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tui_app.engine.engine import Engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine on an embedded platform of 2,500 jobs whose clock stands still."""
    loaded = load({}, {"AEPX_DATA_DIR": str(tmp_path)})
    async with demo_workspaces(loaded, jobs=2_500, alive=False, clock=FakeClock()) as spaces:
        opened = await spaces.open(*await spaces.home())
        yield opened
        await opened.stop()


async def test_the_newest_are_read_in_one_call_and_kept(engine: Engine) -> None:
    found = await engine.reading.newest(JobQuery(), limit=7)
    assert len(found.jobs) == 7
    assert found.more
    assert [job.job_id for job in await engine.list.jobs(await engine.list.rows(JobQuery()))] == [
        job.job_id for job in found.jobs
    ]
    assert engine.requests_sent == 2  # the token and one page


async def test_reading_to_the_end_tells_how_far_it_is(engine: Engine) -> None:
    told: list[tuple[int, int]] = []
    found = await engine.reading.newest(
        JobQuery(), limit=None, progress=lambda read, matching: told.append((read, matching))
    )
    assert len(found.jobs) == 2_500
    assert not found.more
    assert told == [(1_000, 1_000), (2_000, 2_000)]


async def test_more_is_said_only_when_the_list_goes_on(engine: Engine) -> None:
    assert not (await engine.reading.newest(JobQuery(statuses=("PROCESSING",)), limit=100)).more
    assert not (await engine.reading.newest(JobQuery(), limit=5_000)).more
    assert (await engine.reading.newest(JobQuery(statuses=("FAILED",)), limit=1)).more


async def test_a_partial_reading_leaves_no_hole_for_the_monitor(engine: Engine) -> None:
    whole = (await engine.reading.newest(JobQuery(), limit=None)).jobs
    body = {"destination": {"datasetId": whole[0].dataset_id}, "schema": {"name": "_xdm.context.profile"}}
    clock = engine.clock
    assert isinstance(clock, FakeClock)
    await clock.advance(60)
    await engine._core.client.export_jobs.create(body)
    await engine.reading.newest(JobQuery(), limit=1)
    await engine.refresh()
    assert len(await engine.list.rows(JobQuery())) == len(whole) + 1


async def test_a_failure_names_the_list(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise from_response(403, {}, b"{}")

    monkeypatch.setattr(engine._core.client.export_jobs, "list_page", refuse)
    with pytest.raises(FailureError, match="The list of export jobs"):
        await engine.reading.newest(JobQuery(), limit=1)

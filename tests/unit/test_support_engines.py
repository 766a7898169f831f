"""Keeps the fake platform honest: it must be asked exactly as the client is."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import FakePlatform, answer_lost, job, make_engine, offline
from tui_app.api.catalog import Catalog
from tui_app.api.errors import ApiError
from tui_app.api.export_jobs import ExportJobs
from tui_app.api.sandboxes import Sandboxes
from tui_app.models.export_job import ExportJob
from tui_app.models.stage import current_stage

if TYPE_CHECKING:
    from pathlib import Path

CALLS = [
    ("export_jobs", ExportJobs, "create"),
    ("export_jobs", ExportJobs, "list_page"),
    ("export_jobs", ExportJobs, "get"),
    ("export_jobs", ExportJobs, "cancel"),
    ("catalog", Catalog, "create_dataset"),
    ("catalog", Catalog, "validate_dataset"),
    ("catalog", Catalog, "list_datasets"),
    ("catalog", Catalog, "get_dataset"),
    ("sandboxes", Sandboxes, "list"),
]


@pytest.mark.parametrize(("resource", "real", "call"), CALLS)
def test_every_call_takes_the_same_parameters_as_the_real_one(resource: str, real: type, call: str) -> None:
    fake = inspect.signature(getattr(getattr(FakePlatform(FakeClock()), resource), call))
    wanted = inspect.signature(getattr(real, call))

    assert [(name, one.kind) for name, one in fake.parameters.items()] == [
        (name, one.kind) for name, one in wanted.parameters.items() if name != "self"
    ]


async def test_a_scripted_fault_comes_as_often_as_said_with_or_without_its_effect() -> None:
    platform = FakePlatform(FakeClock())
    platform.fail("export_jobs.create", offline())
    platform.fail("export_jobs.create", answer_lost(), happens=True)

    for expected in (0, 1):
        with pytest.raises(ApiError):
            await platform.export_jobs.create({"destination": {"datasetId": "d"}})
        assert len(platform.jobs) == expected

    assert (await platform.export_jobs.create({})).job_id == "24117"


async def test_pages_are_newest_first_and_linked() -> None:
    platform = FakePlatform(FakeClock(), jobs=[job(number, created_ms=number * 10**10) for number in range(11, 16)])

    first = await platform.export_jobs.list_page(limit=3)
    rest = await platform.export_jobs.list_page(limit=3, offset=first.next_offset)

    assert [one.job_id for one in (*first.jobs, *rest.jobs)] == ["15", "14", "13", "12", "11"]
    assert rest.next_offset is None


@pytest.mark.parametrize("stage", ["queue", "export", "gap", "write"])
def test_a_built_job_is_in_the_stage_asked_for(stage: str) -> None:
    built = ExportJob.parse(job(status="PROCESSING" if stage != "queue" else "NEW", stage=stage))

    assert current_stage(built, 2**45) == stage


async def test_an_engine_asks_the_platform_it_came_with(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=[job(7)])

    assert (await engine.jobs.refresh("7")).job_id == "7"
    assert platform.asked("export_jobs.get") == ["7"]
    await engine.stop()
    assert platform.closed

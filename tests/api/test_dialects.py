"""The client reads the same facts whichever documents the platform follows: each dialect, and thirty mixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from tests.api.support import client
from tests.support.clock import FakeClock
from tui_app.api.errors import BadRequestError, NotFoundError
from tui_app.config import Secrets
from tui_app.emulator.app import Emulator
from tui_app.models.catalog import DatasetRequest
from tui_app.models.export_job import CANCELLED, CANCELLING, FAILED, NEW, PROCESSING, QUEUED, SUCCEEDED
from tui_app.models.export_request import ExportRequest
from tui_app.models.normalised import normalised

if TYPE_CHECKING:
    from tui_app.api.client import AepClient
    from tui_app.models.export_job import ExportJob

SEEDS = range(30)
SPOKEN = [*((name, 1) for name in ("seed", "openapi", "newest")), *(("mixed", seed) for seed in SEEDS)]
each_dialect = pytest.mark.parametrize(("dialect", "seed"), SPOKEN, ids=[f"{name}-{seed}" for name, seed in SPOKEN])
WORDS = {QUEUED: NEW}


class Ground:
    """A platform that speaks one dialect, and our client on it."""

    def __init__(self, dialect: str, *, seed: int, **options: Any) -> None:
        self.clock = FakeClock()
        self.emulator = Emulator(self.clock, seed=seed, dialect=dialect, **{"jobs": 100, **options})
        known = self.emulator.credentials
        held = Secrets(SecretStr(known.client_secret), None, "AEPX_CLIENT_SECRET")
        self.client: AepClient = client(
            httpx.ASGITransport(self.emulator.app),
            self.clock,
            credentials=lambda: held,
            org_id=known.org_id,
            client_id=known.client_id,
            base_url="http://127.0.0.1:1",
            ims_url="http://127.0.0.1:1",
        )

    async def history(self, *, limit: int, status: str | None = None) -> list[ExportJob]:
        found: list[ExportJob] = []
        offset = None
        for _ in range(100):
            page = await self.client.export_jobs.list_page(limit=limit, offset=offset, status=status)
            assert page.rejected == 0
            found += page.jobs
            offset = page.next_offset
            if offset is None:
                return found
        raise AssertionError("The list never ends")

    async def dataset(self) -> str:
        return await self.client.catalog.create_dataset(DatasetRequest(name="Target").to_body())


def facts(job: ExportJob) -> dict[str, Any]:
    """What every dialect tells of a job, as `--json` prints it; the rest one or the other leaves out."""
    shown = normalised(job, 0)
    told = {
        name: shown[name]
        for name in ("id", "terminal", "dataset_id", "schema", "segment_per_batch", "merge_policy", "schedule_id")
    }
    told["status"] = WORDS.get(job.status, job.status)
    told["created"] = (job.created_ms or 0) // 1000  # some tell seconds
    told["ended"] = shown["ended_at"] if job.is_terminal else None
    told["errors"] = shown["errors"] if job.status == FAILED else []  # some succeed with errors
    told["batches"] = shown["batches"] if job.status != FAILED else []  # a failed one may have an odd id, or none
    told["segments"] = [
        {**segment, "status": segment["status"] or ["realized"], "segment_ns": (segment["segment_ns"] or "ups").lower()}
        for segment in shown["segments"]
    ]
    return told


@each_dialect
async def test_the_whole_history_is_the_same(dialect: str, seed: int) -> None:
    spoken, plain = Ground(dialect, seed=seed), Ground("seed", seed=seed)
    expected = [facts(job) for job in await plain.history(limit=1_000)]
    found = [facts(job) for job in await spoken.history(limit=31)]
    assert len(expected) == 100
    missing = {job["id"] for job in expected} - {job["id"] for job in found}
    cancelled = {job["id"] for job in expected if job["status"] == CANCELLED}
    assert missing in (set(), cancelled)  # some platforms forget what was cancelled
    assert found == [job for job in expected if job["id"] not in missing]
    for status in (SUCCEEDED, FAILED, NEW):
        listed = await spoken.history(limit=7, status=status)
        wanted = [job["id"] for job in found if job["status"] == status]
        # A platform may show a waiting job as QUEUED, or know no filter at all.
        assert [job.job_id for job in listed if WORDS.get(job.status, job.status) == status] in (
            wanted,
            wanted if status != NEW else [],
        )


@each_dialect
async def test_a_job_from_its_creation_to_its_batches(dialect: str, seed: int) -> None:
    spoken, plain = Ground(dialect, seed=seed), Ground("seed", seed=seed)
    told = []
    for ground in (spoken, plain):
        dataset_id = await ground.dataset()
        assert (await ground.client.catalog.get_dataset(dataset_id)).is_union
        assert dataset_id in {one.dataset_id for one in await ground.client.catalog.list_datasets()}
        jobs = ground.client.export_jobs
        for per_batch, segments in ((False, ["one"]), (False, ["one", "two"]), (True, ["one"]), (True, ["one", "two"])):
            asked = ExportRequest.from_body(body(dataset_id, segments, per_batch=per_batch)).to_body()
            made = await jobs.create(asked)
            await ground.clock.advance(200)
            running = await jobs.get(made.job_id)
            await ground.clock.advance(3_000)
            done = await jobs.get(made.job_id)
            assert (made.status, running.status, done.status) == (NEW, PROCESSING, SUCCEEDED)
            assert spell(made) == spell(running) == spell(done) != []
            told += [(ground is spoken, facts(job), spell(job)) for job in (made, running, done)]
    half = len(told) // 2
    assert [one[1:] for one in told[:half]] == [one[1:] for one in told[half:]]


def body(dataset_id: str, segments: list[str], *, per_batch: bool) -> dict[str, Any]:
    return {
        "destination": {"datasetId": dataset_id, "segmentPerBatch": per_batch},
        "schema": {"name": "_xdm.context.profile"},
        "filter": {"segments": [{"segmentId": one, "segmentNs": "ups", "status": ["realized"]} for one in segments]},
    }


def spell(job: ExportJob) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """The batches with what is known of their segments."""
    return [(one.batch_id, one.segment_id, one.status) for one in job.batches]


@each_dialect
async def test_a_cancelled_job_ends_in_one_word_or_is_gone(dialect: str, seed: int) -> None:
    ground = Ground(dialect, seed=seed)
    jobs = ground.client.export_jobs
    made = await jobs.create(body(await ground.dataset(), ["one"], per_batch=False))
    await ground.clock.advance(200)
    said = await jobs.cancel(made.job_id)
    assert said in {"", "Export job has been marked for cancelling"}
    assert (await jobs.get(made.job_id)).status in {CANCELLING, PROCESSING}
    await ground.clock.advance(60)
    page = await ground.history(limit=40)
    listed = [job for job in page if job.job_id == made.job_id]
    try:
        ended = await jobs.get(made.job_id)
    except NotFoundError:
        assert listed == []
        with pytest.raises(NotFoundError):
            await jobs.cancel(made.job_id)
    else:
        assert ended.status == CANCELLED
        assert [job.status for job in listed] == [CANCELLED]


@each_dialect
async def test_sandboxes_are_the_same(dialect: str, seed: int) -> None:
    listed = [[one.name for one in await Ground(name, seed=seed).client.sandboxes.list()] for name in (dialect, "seed")]
    assert listed[0] == listed[1] != []


@each_dialect
async def test_refusals_are_read_alike(dialect: str, seed: int) -> None:
    """A code may be a number or a word, and stand inside or outside of `errors` (API reference 1.4c)."""
    aep = Ground(dialect, seed=seed).client
    for _ in range(4):
        with pytest.raises(BadRequestError) as refused:
            await aep.export_jobs.create({"destination": {}})
        assert refused.value.code == "UPLIB-101206-500"
        assert "destination.datasetId" in str(refused.value)
        with pytest.raises(NotFoundError) as missing:
            await aep.export_jobs.get("999999999")
        assert missing.value.code == "UPAPI-113000-404"
        assert refused.value.request_id
        with pytest.raises(NotFoundError):
            await aep.catalog.get_dataset("f" * 24)

"""The client and the emulator, written apart from one reading of the wire, understand each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from tests.api.support import client
from tests.support.clock import FakeClock
from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    BadRequestError,
    ForbiddenError,
    NoServiceError,
    NotFoundError,
    SignInError,
)
from tui_app.config import Secrets
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Html, Status
from tui_app.models.catalog import DatasetRequest
from tui_app.models.export_request import ExportRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.api.client import AepClient

JOBS = "/data/core/ups/export/jobs*"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def emulator(clock: FakeClock) -> Emulator:
    return Emulator(clock, jobs=250)


@pytest.fixture
def connect(emulator: Emulator, clock: FakeClock) -> Callable[..., AepClient]:
    def make(*, secret: str | None = None, sandbox: str = "prod") -> AepClient:
        known = emulator.credentials
        held = Secrets(SecretStr(secret or known.client_secret), None, "AEPX_CLIENT_SECRET")
        return client(
            httpx.ASGITransport(emulator.app),
            clock,
            sandbox=sandbox,
            credentials=lambda: held,
            org_id=known.org_id,
            client_id=known.client_id,
            base_url="http://127.0.0.1:1",
            ims_url="http://127.0.0.1:1",
        )

    return make


async def test_dataset_and_job_from_creation_to_cancelling(connect: Callable[..., AepClient]) -> None:
    aep = connect()
    body = DatasetRequest(name="Exports of the week *").to_body()
    assert await aep.catalog.validate_dataset(body) is None
    assert await aep.catalog.list_datasets(name="Exports of the week *") == ()
    dataset_id = await aep.catalog.create_dataset(body)
    assert (await aep.catalog.get_dataset(dataset_id)).is_union
    assert [found.dataset_id for found in await aep.catalog.list_datasets(name="Exports of the week *")] == [dataset_id]
    job = await aep.export_jobs.create(ExportRequest(dataset_id=dataset_id).to_body())
    assert (job.status, job.dataset_id) == ("NEW", dataset_id)
    assert (await aep.export_jobs.list_page(limit=1)).jobs[0].job_id == job.job_id
    await aep.export_jobs.cancel(job.job_id)
    assert (await aep.export_jobs.get(job.job_id)).status in {"CANCELLING", "CANCELLED"}


@pytest.mark.parametrize("status", [None, "FAILED"])
async def test_whole_history_is_paged_without_gap_or_repeat(
    connect: Callable[..., AepClient], status: str | None
) -> None:
    aep = connect()
    ids: list[str] = []
    offset = None
    for _ in range(100):
        page = await aep.export_jobs.list_page(limit=30, offset=offset, status=status)
        ids += [job.job_id for job in page.jobs if status in {None, job.status}]
        offset = page.next_offset
        if offset is None:
            break
    whole = await aep.export_jobs.list_page(limit=1000, status=status)
    assert ids == [job.job_id for job in whole.jobs]
    assert len(ids) == len(set(ids)) > 5


async def test_revoked_token_is_renewed_in_the_middle(emulator: Emulator, connect: Callable[..., AepClient]) -> None:
    aep = connect()
    await aep.export_jobs.list_page(limit=1)
    emulator.credentials.revoke()
    assert (await aep.export_jobs.list_page(limit=1)).jobs
    assert aep.stats.sent == 5


async def test_sandboxes_are_listed_and_an_unknown_one_is_refused(connect: Callable[..., AepClient]) -> None:
    assert "prod" in {sandbox.name for sandbox in await connect().sandboxes.list()}
    with pytest.raises(ForbiddenError, match="sandbox nowhere"):
        await connect(sandbox="nowhere").export_jobs.list_page()


async def test_wrong_secret_names_its_source(connect: Callable[..., AepClient]) -> None:
    with pytest.raises(SignInError, match="AEPX_CLIENT_SECRET") as caught:
        await connect(secret="wrong-secret").sign_in()
    assert caught.value.error == "invalid_client"


async def test_refused_job_carries_code_words_and_request_id(connect: Callable[..., AepClient]) -> None:
    with pytest.raises(BadRequestError) as caught:
        await connect().export_jobs.create({"destination": {}})
    assert caught.value.code == "UPLIB-101206-500"
    assert caught.value.request_id
    assert not caught.value.ambiguous
    with pytest.raises(NotFoundError, match="Export job 999999999"):
        await connect().export_jobs.get("999999999")


async def test_path_that_nobody_owns_is_named_as_a_wrong_address(connect: Callable[..., AepClient]) -> None:
    with pytest.raises(NoServiceError, match="Check base_url") as caught:
        await connect().export_jobs._session.fetch("GET", "/nowhere", what="It failed.")
    assert caught.value.code is None


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Status(504), path=JOBS, method="POST", times=1),
        Fault(Html(), path=JOBS, method="POST", times=1),
        Fault(Status(200, body=b'{"id": 3'), path=JOBS, method="POST", times=1),
    ],
    ids=["gateway timeout", "html", "cut"],
)
async def test_disturbed_creation_is_sent_once(
    emulator: Emulator, connect: Callable[..., AepClient], fault: Fault
) -> None:
    aep = connect()
    await aep.sign_in()
    emulator.faults.add(fault)
    with pytest.raises(ApiError) as caught:
        await aep.export_jobs.create(ExportRequest(dataset_id="x").to_body())
    assert caught.value.ambiguous or isinstance(caught.value, NoServiceError)
    assert fault.met == 1
    assert aep.stats.sent == 2


async def test_html_instead_of_json(emulator: Emulator, connect: Callable[..., AepClient]) -> None:
    emulator.faults.add(Fault(Status(200, body=b"<html>Welcome</html>"), path=JOBS))
    with pytest.raises(BadAnswerError, match="Welcome"):
        await connect().export_jobs.list_page()

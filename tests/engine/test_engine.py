"""The life of an engine, what a sandbox allows, and how errors become failures."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.clock import FakeClock, drain
from tests.support.engines import ORG, START_MS, FakePlatform, job, offline, remember
from tui_app.api import errors
from tui_app.api.errors import ApiError, OriginError, SignInError, StatusError
from tui_app.config import Connection
from tui_app.engine.engine import Engine, policy_for
from tui_app.engine.failures import failure_of
from tui_app.engine.session import Activity, Bulletin, Policy, Topic
from tui_app.history.database import HistoryError, InPlace
from tui_app.history.history import History
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Make
    from tui_app.api.client import AepClient


def connection(**more: Any) -> Connection:
    return Connection.model_validate({"name": "acme", "org_id": ORG, "client_id": "abc", **more})


# Life


async def test_started_it_fills_itself_and_stopped_it_is_quiet(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=[job(number, created_ms=START_MS - number) for number in range(1_500)])
    await engine.start()
    await clock.advance(5)
    assert len(await engine.list.all_rows(JobQuery())) == 1_500
    assert (engine.session.backfilled, engine.session.total) == (True, 1_500)
    assert engine.requests_sent == len(platform.calls)
    await engine.activity.settled()
    await engine.stop()
    await engine.stop()
    before = len(platform.calls)
    await clock.advance(600)
    assert len(platform.calls) == before
    assert platform.closed
    assert clock.sleeping == 0


async def test_idle_it_asks_twice_a_minute_in_all(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=[job(number, created_ms=START_MS - number) for number in range(300)])
    await engine.start()
    await clock.advance(60)
    before = len(platform.calls)
    await clock.advance(3_600)
    assert 100 <= len(platform.calls) - before <= 120
    await engine.stop()


async def test_an_outage_at_the_start_is_survived_by_every_loop(make: Make, clock: FakeClock) -> None:
    engine, platform = make(jobs=[job(number, created_ms=START_MS - number) for number in range(300)])
    for call in ("export_jobs.list_page", "sandboxes.list", "catalog.get_dataset"):
        platform.fail(call, offline(), times=None)
    await engine.start()
    await clock.advance(3_600)
    assert len(await engine.list.all_rows(JobQuery())) == 0
    for call in ("export_jobs.list_page", "sandboxes.list", "catalog.get_dataset"):
        platform.mend(call)
    await clock.advance(1_300)
    assert engine.session.failure is None
    assert engine.session.backfilled
    found = await engine.list.summary("1")
    assert found is not None
    assert found.dataset_name == "Loyalty export"
    await engine.stop()


async def test_an_address_that_cannot_be_used_is_a_failure(tmp_path: Path, clock: FakeClock) -> None:
    def connect() -> AepClient:
        raise OriginError("base_url cannot be used.", cause="It is no address.", next_step="Correct base_url.")

    engine = Engine(
        connection=connection(),
        sandbox_name="prod",
        policy=Policy.OPEN,
        policy_is_given=True,
        connect=connect,
        history=History(tmp_path / "h.db", runner=InPlace()),
        clock=clock,
    )
    engine.open()
    with pytest.raises(FailureError, match="Correct base_url"):
        await engine.start()
    with pytest.raises(FailureError, match="Correct base_url"):
        await engine.jobs.refresh("1")
    assert engine.requests_sent == 0
    await engine.stop()


def test_a_history_that_cannot_be_opened_is_a_failure(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(FailureError) as caught:
        open_in(tmp_path / "taken", clock)
    assert caught.value.failure.kind is FailureKind.LOCAL
    assert "AEPX_DATA_DIR" in str(caught.value.failure)


def test_a_damaged_history_is_told_once(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "h.db").write_bytes(b"no database " * 500)
    (notice,) = open_in(tmp_path, clock).session.notices
    assert "h.db.damaged-1" in notice
    assert open_in(tmp_path, clock).session.notices == []


def open_in(folder: Path, clock: FakeClock) -> Engine:
    platform = FakePlatform(clock)
    engine = Engine(
        connection=connection(),
        sandbox_name="prod",
        policy=Policy.OPEN,
        policy_is_given=True,
        connect=lambda: cast("AepClient", platform),
        history=History(folder / "h.db", runner=InPlace()),
        clock=clock,
    )
    engine.open()
    return engine


async def test_notes_are_kept_for_the_next_start(make: Make) -> None:
    engine, _ = make()
    assert await engine.note("view") is None
    await engine.set_note("view", "x")
    again, _ = make()
    assert await again.note("view") == "x"


async def test_two_engines_on_one_history_see_the_same(make: Make) -> None:
    one, _ = make()
    other, _ = make()
    await remember(one, job(1))
    assert len(await other.list.all_rows(JobQuery())) == 1


async def test_whoever_has_unsubscribed_hears_nothing() -> None:
    bulletin, heard = Bulletin(), list[Topic]()
    end = bulletin.subscribe(heard.append)
    bulletin.publish(Topic.JOBS, Topic.SESSION)
    end()
    end()
    bulletin.publish(Topic.JOBS)
    assert heard == [Topic.JOBS, Topic.SESSION]


async def test_activity_settles_when_the_last_is_done() -> None:
    activity = Activity()
    with activity.busy():
        with activity.busy():
            pass
        waiting = asyncio.create_task(activity.settled())
        await drain()
        assert not waiting.done()
    await waiting
    assert activity.count == 0


# Policy


@pytest.mark.parametrize(
    ("options", "read_only", "expected"),
    [
        ({}, False, (Policy.PROTECTED, False)),
        ({}, True, (Policy.READ_ONLY, True)),
        ({"sandboxes": {"prod": {"policy": "open"}}}, False, (Policy.OPEN, True)),
        ({"sandboxes": {"prod": {"policy": "open"}}}, True, (Policy.READ_ONLY, True)),
        ({"sandboxes": {"prod": {"policy": "read-only"}}}, False, (Policy.READ_ONLY, True)),
        ({"sandboxes": {"prod": {}}}, False, (Policy.PROTECTED, False)),
        ({"sandboxes": {"dev": {"policy": "open"}}}, False, (Policy.PROTECTED, False)),
        ({"base_url": "http://127.0.0.1:8787"}, False, (Policy.OPEN, True)),
        (
            {"base_url": "http://127.0.0.1:8787", "sandboxes": {"prod": {"policy": "protected"}}},
            False,
            (Policy.PROTECTED, True),
        ),
        ({"base_url": "http://127.0.0.1:8787"}, True, (Policy.READ_ONLY, True)),
    ],
)
def test_what_a_sandbox_allows(options: dict[str, Any], read_only: bool, expected: tuple[Policy, bool]) -> None:  # noqa: FBT001 - a case
    assert policy_for(connection(**options), "prod", read_only=read_only) == expected


@pytest.mark.parametrize(
    ("policy", "given", "kind", "expected"),
    [
        (Policy.PROTECTED, False, "development", Policy.OPEN),
        (Policy.PROTECTED, False, "production", Policy.PROTECTED),
        (Policy.PROTECTED, False, "something new", Policy.PROTECTED),
        (Policy.PROTECTED, False, None, Policy.PROTECTED),
        (Policy.PROTECTED, True, "development", Policy.PROTECTED),
        (Policy.READ_ONLY, True, "development", Policy.READ_ONLY),
        (Policy.OPEN, True, "production", Policy.OPEN),
    ],
)
async def test_only_a_development_sandbox_relaxes_what_nobody_configured(
    make: Make,
    policy: Policy,
    given: bool,  # noqa: FBT001 - a case
    kind: str | None,
    expected: Policy,
) -> None:
    engine, platform = make(policy=policy)
    engine._policy_is_given = given
    platform.sandbox_records = [{"name": "other", "type": "development"}, {"name": "prod", "type": kind}]
    await engine.settle_policy()
    assert engine.session.policy is expected
    assert engine.session.production is (kind == "production")


@pytest.mark.parametrize("records", [[], [{"name": "other", "type": "development"}]])
async def test_a_sandbox_nobody_lists_stays_protected(make: Make, records: list[dict[str, Any]]) -> None:
    engine, platform = make(policy=Policy.PROTECTED)
    engine._policy_is_given = False
    platform.sandbox_records = records
    await engine.settle_policy()
    assert engine.session.policy is Policy.PROTECTED
    platform.fail("sandboxes.list", offline())
    await engine.settle_policy()
    assert engine.session.policy is Policy.PROTECTED


# Failures


_KINDS = {
    "ApiError": FailureKind.LOCAL,
    "ReadOnlyError": FailureKind.REFUSED,
    "OriginError": FailureKind.REFUSED,
    "ConnectError": FailureKind.NETWORK,
    "CertificateError": FailureKind.NETWORK,
    "InterruptedAnswerError": FailureKind.NETWORK,
    "BadAnswerError": FailureKind.BAD_ANSWER,
    "SignInError": FailureKind.AUTH,
    "StatusError": FailureKind.BAD_REQUEST,
    "BadRequestError": FailureKind.BAD_REQUEST,
    "UnauthorizedError": FailureKind.PERMISSION,
    "ForbiddenError": FailureKind.PERMISSION,
    "NoServiceError": FailureKind.CONFIG,
    "NotFoundError": FailureKind.NOT_FOUND,
    "ConflictError": FailureKind.BAD_REQUEST,
    "ThrottledError": FailureKind.THROTTLED,
    "ServerError": FailureKind.SERVICE,
}
_ERRORS = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ApiError)}


def test_every_error_of_the_platform_has_a_kind() -> None:
    assert set(_KINDS) == set(_ERRORS)


@pytest.mark.parametrize("name", _KINDS)
def test_an_error_becomes_the_failure_to_show(name: str, clock: FakeClock) -> None:
    kind = _ERRORS[name]
    more: dict[str, Any] = {}
    if issubclass(kind, StatusError):
        more = {"status": 418, "code": "C1", "request_id": "r1", "retry_after_s": 1.5, "body": "b"}
    elif issubclass(kind, SignInError):
        more = {"status": 400, "request_id": "r1"}
    failure = failure_of(kind("What.", cause="Cause.", next_step="Step.", **more), what="The thing", clock=clock)
    assert failure.kind is _KINDS[name]
    assert str(failure) == "The thing: Cause. Step."
    assert failure.request_id == more.get("request_id")
    if issubclass(kind, StatusError):
        assert (failure.http_status, failure.code, failure.request_id, failure.body) == (418, "C1", "r1", "b")
        assert failure.retry_at_ms == START_MS + 1_500
    else:
        assert failure.retry_at_ms is None
        assert failure.http_status == more.get("status")


def test_an_error_without_a_cause_says_what_it_was(clock: FakeClock) -> None:
    assert failure_of(ApiError("It broke."), what="The thing", clock=clock).cause == "It broke."
    history = failure_of(HistoryError("History x is closed."), what="The thing", clock=clock)
    assert (history.kind, str(history)) == (FailureKind.LOCAL, "The thing: History x is closed.")

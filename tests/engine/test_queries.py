"""Statements that the platform runs: followed to their end, cancelled when nobody waits, never sent twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import answer_lost, make_engine
from tui_app.engine.session import Policy
from tui_app.models.failure import FailureError
from tui_app.models.query import RemoteQuery, psql_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.engine.queries import RemoteQueries

SQL = "SELECT 1"


class Service:
    """Query Service as the client sees it: each query goes through the states it is given."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.created: list[str] = []
        self.cancelled: list[str] = []
        self.listed: tuple[RemoteQuery, ...] = ()
        self.lost = False
        self.names: list[str] = []
        self.appears_after = 0
        self.reached = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def create(self, *, database: str, sql: str, name: str = "", dataset_name: str = "") -> RemoteQuery:
        self.created.append(sql)
        self.names.append(name)
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.lost:
            raise answer_lost()
        return RemoteQuery("q1", "SUBMITTED", sql)

    async def get(self, query_id: str) -> RemoteQuery:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return RemoteQuery.parse({"id": query_id, **answer})

    async def newest(self, limit: int = 20) -> tuple[RemoteQuery, ...]:
        self.appears_after -= 1
        mine = RemoteQuery("mine", "SUBMITTED", SQL, name=self.names[-1])
        return self.listed if self.appears_after >= 0 else (*self.listed, mine)

    async def cancel(self, query_id: str) -> None:
        self.cancelled.append(query_id)


def queries(tmp_path: Path, clock: FakeClock, service: Service, **options: Any) -> RemoteQueries:
    engine, platform = make_engine(tmp_path, clock, **options)
    platform.queries = service  # type: ignore[attr-defined]  # the fake platform has none of its own
    return engine.queries


async def ended(clock: FakeClock, running: asyncio.Future[RemoteQuery]) -> RemoteQuery:
    for _ in range(40):
        if running.done():
            break
        await clock.advance(10)
    return await running


async def test_a_query_is_followed_to_its_end(tmp_path: Path) -> None:
    clock, told = FakeClock(), []
    service = Service({"state": "IN_PROGRESS"}, {"state": "IN_PROGRESS"}, {"state": "SUCCESS", "rowCount": "7"})
    running = asyncio.ensure_future(queries(tmp_path, clock, service).run(SQL, told=lambda one: told.append(one.state)))
    found = await ended(clock, running)
    assert (found.rows, found.has_succeeded) == (7, True)
    assert told == ["SUBMITTED", "IN_PROGRESS", "IN_PROGRESS"]
    assert service.created == [SQL]


@pytest.mark.parametrize(
    ("answer", "said", "step"),
    [
        ({"state": "FAILED", "errors": [{"code": "53400", "message": "Query timeout"}]}, "time limit", "--as-dataset"),
        ({"state": "TIMEOUT"}, "time limit", "--as-dataset"),
        ({"state": "KILLED"}, "cancelled it", "again"),
        ({"state": "FAILED", "errors": [{"code": "42601", "message": "line 1:8 no viable"}]}, "line 1:8", "Correct"),
        ({"state": "FAILED", "errors": [{"message": "Session Limit Reached"}]}, "Session Limit", "wait a minute"),
        ({"state": "FAILED"}, "does not say why", "Correct"),
    ],
)
async def test_a_bad_end_says_why_and_what_next(tmp_path: Path, answer: dict[str, Any], said: str, step: str) -> None:
    clock = FakeClock()
    running = asyncio.ensure_future(queries(tmp_path, clock, Service(answer)).run(SQL))
    with pytest.raises(FailureError) as caught:
        await ended(clock, running)
    assert said in caught.value.failure.cause
    assert step in caught.value.failure.next_step


async def test_who_stops_waiting_has_the_query_cancelled(tmp_path: Path) -> None:
    clock, service = FakeClock(), Service({"state": "IN_PROGRESS"})
    running = asyncio.ensure_future(queries(tmp_path, clock, service).run(SQL))
    await clock.advance(5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert service.cancelled == ["q1"]


async def test_read_only_sends_nothing(tmp_path: Path) -> None:
    service = Service({"state": "SUCCESS"})
    with pytest.raises(FailureError, match="read-only"):
        await queries(tmp_path, FakeClock(), service, policy=Policy.READ_ONLY).run(SQL)
    assert service.created == []


@pytest.mark.parametrize("looks", [0, 1, 2])
async def test_a_lost_answer_is_looked_for_and_never_sent_again(tmp_path: Path, looks: int) -> None:
    clock, service = FakeClock(), Service({"state": "SUCCESS", "rowCount": 1})
    service.lost, service.appears_after = True, looks
    running = asyncio.ensure_future(queries(tmp_path, clock, service).run(SQL))
    assert (await ended(clock, running)).query_id == "mine"
    assert service.created == [SQL]


async def test_a_query_of_somebody_else_is_never_taken_for_ours(tmp_path: Path) -> None:
    clock, service = FakeClock(), Service({"state": "SUCCESS", "rowCount": 1})
    service.lost, service.appears_after = True, 99
    service.listed = (RemoteQuery("theirs", "IN_PROGRESS", SQL), RemoteQuery("x", "SUCCESS", SQL, name="aepx-0"))
    running = asyncio.ensure_future(queries(tmp_path, clock, service).run(SQL))
    with pytest.raises(FailureError, match="not known whether query aepx-") as caught:
        await ended(clock, running)
    assert service.names[0] in caught.value.failure.next_step
    assert (service.created, service.cancelled) == ([SQL], [])


@pytest.mark.parametrize("lost", [False, True])
async def test_who_stops_while_it_is_sent_has_it_cancelled(tmp_path: Path, *, lost: bool) -> None:
    clock, service = FakeClock(), Service({"state": "IN_PROGRESS"})
    service.lost, service.gate = lost, asyncio.Event()
    running = asyncio.ensure_future(queries(tmp_path, clock, service).run(SQL))
    async with asyncio.timeout(10):
        await service.reached.wait()
    running.cancel()
    await asyncio.wait([running], timeout=0.05)
    service.gate.set()
    await asyncio.wait([running], timeout=10)
    assert running.cancelled()
    assert service.cancelled == (["mine"] if lost else ["q1"])


def test_psql_is_led_nowhere_else_and_told_no_secret_of_ours() -> None:
    own = {"HOME": "/h", "PGHOSTADDR": "6.6.6.6", "PGSERVICE": "x", "PGPASSWORD": "y", "AEPX_CLIENT_SECRET": "s"}
    given = {"PGHOST": "h", "PGPASSWORD": "t", "PGSSLMODE": "require"}
    assert psql_environment(own, given) == {"HOME": "/h", **given}
    strict = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "system"}
    assert psql_environment({**own, **strict}, given) == {"HOME": "/h", **given, **strict}
    assert psql_environment({"PGSSLMODE": "disable", "PGSSLROOTCERT": "/x"}, given) == given

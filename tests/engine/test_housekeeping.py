"""The care of the history: other programs' writes, retention, damage, and a history that can only be read."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.engines import ORG, START_MS, FakePlatform, job, remember
from tui_app.config import Connection
from tui_app.engine.engine import Engine
from tui_app.engine.session import Policy, Topic
from tui_app.history.database import InPlace
from tui_app.history.history import History
from tui_app.history.retention import DAY_MS, Retention
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.clock import FakeClock
    from tui_app.api.client import AepClient

    Open = Callable[..., tuple[Engine, FakePlatform]]


@pytest.fixture
def open_engine(tmp_path: Path, clock: FakeClock) -> Iterator[Open]:
    engines: list[Engine] = []

    def open_engine(*, jobs: Any = (), retention: Retention | None = None) -> tuple[Engine, FakePlatform]:
        platform = FakePlatform(clock, jobs=jobs)
        engine = Engine(
            connection=Connection(name="acme", org_id=ORG, client_id="abc"),
            sandbox_name="prod",
            policy=Policy.OPEN,
            policy_is_given=True,
            connect=lambda: cast("AepClient", platform),
            history=History(tmp_path / "h.db", runner=InPlace()),
            clock=clock,
            retention=retention,
        )
        engine.open()
        engines.append(engine)
        return engine, platform

    yield open_engine
    for engine in engines:
        engine._core.history.close()


def aged(number: int, days: float) -> dict[str, Any]:
    return job(number, created_ms=START_MS - int(days * DAY_MS))


async def ids(engine: Engine) -> list[str]:
    found = await engine.list.summaries(await engine.list.all_rows(JobQuery()))
    return [one.job_id for one in found]


@contextlib.asynccontextmanager
async def keeping(engine: Engine) -> AsyncIterator[None]:
    """Let nothing of the engine run but what looks after the history."""
    task = asyncio.create_task(engine._housekeeping.keep())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def ruin(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'transition_by_job'").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(content)


# Two apps on one history


async def test_what_another_app_brings_in_is_listed_here_within_a_poll(open_engine: Open, clock: FakeClock) -> None:
    here, _ = open_engine(jobs=[aged(1, 0.1)])
    there, _ = open_engine()
    await here.start()
    await clock.advance(120)
    heard: list[Topic] = []
    here.subscribe(heard.append)
    await remember(there, aged(2, 0.2))
    await clock.advance(5.1)
    assert heard.count(Topic.JOBS) == 1
    assert here.session.total == 2
    assert await ids(here) == ["1", "2"]
    heard.clear()
    await clock.advance(14)
    assert Topic.JOBS not in heard
    await here.stop()


async def test_two_apps_that_fill_one_history_at_once_lose_and_double_nothing(
    open_engine: Open, clock: FakeClock
) -> None:
    jobs = [aged(number, number / 100) for number in range(1_000)]
    one, platform = open_engine(jobs=jobs)
    other, same = open_engine(jobs=jobs)
    await one.start()
    await other.start()
    await clock.advance(1)
    for each in (platform, same):
        each.put(job(5_000, "PROCESSING", stage="export", created_ms=START_MS))
    await clock.advance(90)
    assert (one.session.backfilled, other.session.backfilled) == (True, True)
    for engine in (one, other):
        assert engine.session.total == 1_001
        assert sorted(await ids(engine), key=int) == [*(str(number) for number in range(1_000)), "5000"]
        await engine.stop()


# Retention


async def test_old_jobs_go_some_time_after_the_start_and_daily_and_do_not_come_back(
    open_engine: Open, clock: FakeClock
) -> None:
    jobs = [aged(number, number) for number in range(6)]
    engine, platform = open_engine(jobs=jobs, retention=Retention(keep_days=3.5))
    await remember(engine, *jobs)
    heard: list[Topic] = []
    engine.subscribe(heard.append)
    async with keeping(engine):
        await clock.advance(14)
        assert len(await ids(engine)) == 6
        await clock.advance(2)
        assert await ids(engine) == ["0", "1", "2", "3"]
        assert engine.session.total == 4
        assert Topic.JOBS in heard
        await clock.advance(2 * 24 * 3_600)
        assert await ids(engine) == ["0", "1"]
    await engine.start()
    await clock.advance(60)
    assert len(platform.asked("export_jobs.list_page")) >= 2
    assert await ids(engine) == ["0", "1"]
    await engine.stop()


async def test_without_retention_nothing_goes(open_engine: Open, clock: FakeClock) -> None:
    engine, _ = open_engine()
    await remember(engine, aged(1, 4_000))
    async with keeping(engine):
        await clock.advance(3 * 24 * 3_600)
    assert await ids(engine) == ["1"]


async def test_a_wider_retention_brings_back_what_went(open_engine: Open, clock: FakeClock) -> None:
    jobs = [aged(number, number) for number in range(6)]
    for retention, expected in (
        (Retention(keep_days=2.5), 3),
        (Retention(keep_days=2.5), 3),
        (Retention(keep_days=4.5), 5),
        (None, 6),
        (Retention(keep_days=1.5), 2),
    ):
        engine, _ = open_engine(jobs=jobs, retention=retention)
        await engine.start()
        await clock.advance(60)
        assert len(await ids(engine)) == expected
        await engine.stop()


# Damage


async def test_the_file_is_read_whole_once_a_day_and_damage_is_told(
    open_engine: Open, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = open_engine()
    find_damage, checks = engine._core.history.database.find_damage, [0]

    async def counted() -> str:
        checks[0] += 1
        return await find_damage()

    monkeypatch.setattr(engine._core.history.database, "find_damage", counted)
    await remember(engine, *(aged(number, 0.1) for number in range(400)))
    async with keeping(engine):
        await clock.advance(10)
        assert checks == [0]
        await clock.advance(23 * 3_600)
        assert checks == [1]
        assert engine.session.notices == []
        ruin(tmp_path / "h.db")
        await clock.advance(2 * 3_600)
        assert checks == [2]
    (notice,) = engine.session.notices
    assert "h.db is damaged" in notice
    assert "Start aepx again" in notice
    await engine.stop()
    again, _ = open_engine()
    (notice,) = again.session.notices
    assert "an earlier run met damage in it" in notice
    assert "h.db.damaged-1" in notice
    await again.stop()


async def test_soon_after_a_sound_end_the_file_is_not_read_again(
    open_engine: Open, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = open_engine(jobs=[aged(1, 0.1)])
    await engine.start()
    await clock.advance(20)
    await engine.stop()
    again, _ = open_engine(jobs=[aged(1, 0.1)])

    async def never() -> str:
        raise AssertionError("it was read")

    monkeypatch.setattr(again._core.history.database, "find_damage", never)
    await again.start()
    await clock.advance(3_600)
    await again.stop()


# A history that can only be read


async def test_a_history_that_cannot_be_written_is_shown_and_says_why(
    open_engine: Open, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = open_engine()
    await remember(first, aged(1, 0.1), aged(2, 0.2))
    await first.stop()

    def refused(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr("tui_app.history.opening._open_for_writing", refused)
    engine, platform = open_engine(jobs=[aged(3, 0.05)], retention=Retention(keep_days=1))
    (notice,) = engine.session.notices
    assert "can only be read: [Errno 30] Read-only file system" in notice
    assert "AEPX_DATA_DIR" in notice
    await engine.start()
    await clock.advance(3_700)
    assert await ids(engine) == ["1", "2"]
    assert engine.session.total == 2
    failure = engine.session.failure
    assert failure is not None
    assert failure.kind is FailureKind.LOCAL
    assert "can only be read" in failure.cause
    known = await engine.list.job("1")
    assert known is not None
    request, _ = ExportRequest.from_job(known)
    with pytest.raises(FailureError, match="can only be read"):
        await engine.jobs.submit(request)
    assert platform.asked("export_jobs.create") == []
    await engine.stop()


async def test_a_full_disk_is_told_and_what_is_listed_stays(open_engine: Open, clock: FakeClock) -> None:
    engine, platform = open_engine(jobs=[aged(1, 0.1)])
    await engine.start()
    await clock.advance(60)
    database = engine._core.history.database
    assert database._writer is not None
    (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
    database._writer.execute(f"PRAGMA max_page_count={pages}")
    platform.put(*(aged(number, 0.01) for number in range(10, 400)))
    with pytest.raises(FailureError, match="full"):
        await engine.refresh()
    assert engine.session.failure is not None
    assert await ids(engine) == ["1"]
    database._writer.execute("PRAGMA max_page_count=1000000")
    await clock.advance(120)
    assert engine.session.total == 391
    assert len(await ids(engine)) == 391
    await engine.stop()

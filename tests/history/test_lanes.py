"""Long readings: on a thread of their own, one after the other, broken off when nobody waits."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tui_app.history.database import HistoryError
from tui_app.history.history import History

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
FEW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) SELECT COUNT(*) FROM n"


@pytest.fixture
def threaded(path: Path) -> Iterator[History]:
    history = History(path)
    history.open()
    yield history
    history.close()


class Begun:
    """An endless reading that says when it has begun."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()

    def __call__(self, db: sqlite3.Connection) -> object:
        self.has_begun.set()
        return db.execute(ENDLESS).fetchone()

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.has_begun.wait, 10)


class Held:
    """A reading whose one statement stands still until it is let go, and which an interrupt in between would break."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, db: sqlite3.Connection) -> object:
        db.create_function("hold", 0, self._hold)
        return db.execute(FEW.replace("SELECT 1", "SELECT hold()")).fetchone()

    def _hold(self) -> int:
        self.has_begun.set()
        assert self.may_end.wait(10)
        return 1

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.has_begun.wait, 10)


def few(db: sqlite3.Connection) -> object:
    return db.execute(FEW).fetchone()


async def test_neither_reads_nor_writes_wait_for_a_long_reading(threaded: History) -> None:
    endless = Begun()
    scan = asyncio.create_task(threaded.database.scan(endless))
    await endless.wait()
    await threaded.lookups.set_note("a", "b")
    assert await threaded.lookups.note("a") == "b"
    assert await threaded.database.inspect(few) == (100,)
    assert not scan.done()
    scan.cancel()


async def test_one_nobody_waits_for_makes_room_for_the_next(threaded: History) -> None:
    for _ in range(20):
        endless = Begun()
        scan = asyncio.create_task(threaded.database.scan(endless))
        await endless.wait()
        scan.cancel()
        assert await asyncio.wait_for(threaded.database.scan(few), 10) == (100,)
        with pytest.raises(asyncio.CancelledError):
            await scan


async def test_one_cancelled_before_its_turn_never_runs(threaded: History) -> None:
    first, second = Begun(), Begun()
    running = asyncio.create_task(threaded.database.scan(first))
    await first.wait()
    waiting = asyncio.create_task(threaded.database.scan(second))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    running.cancel()
    assert await asyncio.wait_for(threaded.database.scan(few), 10) == (100,)
    assert not second.has_begun.is_set()


async def test_an_interrupt_between_two_statements_is_not_lost(threaded: History) -> None:
    between, go_on = threading.Event(), threading.Event()

    def work(db: sqlite3.Connection) -> object:
        few(db)
        between.set()
        assert go_on.wait(10)
        return db.execute(ENDLESS).fetchone()

    scan = asyncio.create_task(threaded.database.scan(work))
    assert await asyncio.to_thread(between.wait, 10)
    scan.cancel()
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.wait_for(threaded.database.scan(few), 10) == (100,)


async def test_cancelling_one_that_waits_leaves_alone_the_one_that_runs(threaded: History) -> None:
    held = Held()
    running = asyncio.create_task(threaded.database.scan(held))
    await held.wait()
    waiting = asyncio.create_task(threaded.database.scan(few))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    held.may_end.set()
    assert await running == (100,)


async def test_an_interrupt_tried_again_leaves_alone_the_next_one(
    threaded: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    between, go_on, held = threading.Event(), threading.Event(), Held()
    lane, tried_last = threaded.database._scans, asyncio.Event()
    break_off = lane._break_off

    def noted(reading: Any, future: Future[Any], loop: asyncio.AbstractEventLoop) -> None:
        break_off(reading, future, loop)
        if future.done():
            tried_last.set()

    def given_up(_: sqlite3.Connection) -> None:
        between.set()
        assert go_on.wait(10)

    monkeypatch.setattr(lane, "_break_off", noted)
    first = asyncio.create_task(threaded.database.scan(given_up))
    assert await asyncio.to_thread(between.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(threaded.database.scan(held))
    await asyncio.sleep(0)
    go_on.set()
    # The loop stands still meanwhile, so that the last try comes when the next reading runs.
    assert held.has_begun.wait(10)
    await asyncio.wait_for(tried_last.wait(), 10)
    held.may_end.set()
    assert await second == (100,)


async def test_a_long_reading_leaves_no_snapshot_behind_that_keeps_the_log_from_being_emptied(
    threaded: History,
) -> None:
    endless = Begun()
    scan = asyncio.create_task(threaded.database.scan(endless))
    await endless.wait()
    scan.cancel()
    await asyncio.wait_for(threaded.database.scan(few), 10)
    await threaded.lookups.set_note("a", "b")
    assert threaded.database._writer is not None
    busy, _, _ = threaded.database._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0


async def test_closing_does_not_wait_for_the_end_of_long_readings(threaded: History) -> None:
    endless, never = Begun(), Begun()
    scans = [asyncio.create_task(threaded.database.scan(one)) for one in (endless, never)]
    await endless.wait()
    await asyncio.wait_for(asyncio.to_thread(threaded.close), 10)
    for scan in scans:
        with pytest.raises(HistoryError, match="is closed"):
            await scan
    assert not never.has_begun.is_set()
    with pytest.raises(HistoryError, match="is closed"):
        await threaded.database.scan(few)


async def test_what_a_reading_raises_is_raised_where_it_is_awaited(threaded: History, history: History) -> None:
    for one in (threaded, history):
        with pytest.raises(HistoryError, match="no such table"):
            await one.database.scan(lambda db: db.execute("SELECT * FROM missing"))
        with pytest.raises(ZeroDivisionError):
            await one.database.scan(lambda _: 1 / 0)
        assert await one.database.scan(few) == (100,)


async def test_a_reading_cannot_write(threaded: History) -> None:
    for read in (threaded.database.read, threaded.database.scan, threaded.database.inspect):
        with pytest.raises(HistoryError, match="readonly"):
            await read(lambda db: db.execute("DELETE FROM job"))

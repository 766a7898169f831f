"""A damaged file: what is told of it, what is saved from it, and that nothing that interrupts the saving loses it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.engines import START_MS, job
from tui_app.history import opening
from tui_app.history.database import HistoryError, InPlace
from tui_app.history.history import History
from tui_app.models.export_job import ExportJob
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096


@contextlib.contextmanager
def opened(path: Path) -> Iterator[History]:
    history = History(path, runner=InPlace())
    history.open()
    try:
        yield history
    finally:
        history.close()


@pytest.fixture
def filled(path: Path) -> Path:
    """A closed file with jobs, a change seen, a saved view, names, and 60 intents on several pages."""

    async def fill(history: History) -> None:
        for seen_ms, status in ((1, "NEW"), (2, "SUCCEEDED")):
            jobs = [ExportJob.parse(job(number, status, stage="write")) for number in range(40)]
            await history.jobs.apply(jobs, seen_ms=seen_ms, asked_ms=seen_ms)
        for number in range(60):
            await history.intents.open({"a": number, "b": "é" * 100}, fingerprint="f", owner="h:1", at_ms=number)
        await history.lookups.set_note("view.saved", "mine")
        await history.lookups.put("dataset", [(f"d{n}", f"Name {n}", {"n": n}) for n in range(5)], at_ms=1)

    with opened(path) as history:
        asyncio.run(fill(history))
    return path


def pages(path: Path, name: str) -> list[int]:
    """Return the pages of a table or index, the root first."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT pageno FROM dbstat WHERE name = ? ORDER BY path", (name,)).fetchall()
    return [number for (number,) in found]


def exchange(path: Path, one: int, other: int) -> None:
    """Let two pages change places."""
    content = bytearray(path.read_bytes())
    first, second = slice((one - 1) * PAGE, one * PAGE), slice((other - 1) * PAGE, other * PAGE)
    content[first], content[second] = content[second], content[first]
    path.write_bytes(content)


def overwrite(path: Path, page: int) -> None:
    content = bytearray(path.read_bytes())
    content[(page - 1) * PAGE : page * PAGE] = b"\xff" * PAGE
    path.write_bytes(content)


def replaced(path: Path, old: bytes, new: bytes, *, count: int = 1) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, count))


def marked(path: Path) -> Path:
    path.with_name("one.db.is-damaged").touch()
    return path


async def numbers(history: History) -> list[object]:
    return [one.body.get("a") for one in await history.intents.unsettled()]


def damaged_files(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir() if ".damaged-" in one.name and one.name[-1].isdigit())


# What is saved


async def test_a_text_that_is_none_any_more_costs_nothing_else(filled: Path) -> None:
    replaced(filled, b"h:1", b"h\xff1")
    with opened(marked(filled)) as history:
        assert await numbers(history) == list(range(60))
        assert await history.lookups.note("view.saved") == "mine"


async def test_intents_on_both_sides_of_a_damaged_page_are_saved(filled: Path) -> None:
    _, *leaves = pages(filled, "intent")
    assert len(leaves) >= 4
    overwrite(filled, leaves[1])
    with opened(marked(filled)) as history:
        saved = await numbers(history)
        assert saved[0] == 0
        assert saved[-1] == 59
        assert 60 > len(saved) > 60 - 2 * 60 // len(leaves)


async def test_changes_seen_are_saved_where_only_their_index_is_damaged(filled: Path) -> None:
    overwrite(filled, pages(filled, "transition_by_job")[0])
    with opened(marked(filled)) as history:
        # Told again by the platform, and no change: it was seen before.
        await history.jobs.apply([ExportJob.parse(job(7, stage="write"))], seen_ms=9, asked_ms=9)
        seen = [(one.seen_ms, one.status) for one in await history.jobs.transitions("7")]
        assert seen == [(1, "NEW"), (2, "SUCCEEDED")]


async def test_names_that_cannot_be_read_back_are_left_out(filled: Path) -> None:
    with contextlib.closing(sqlite3.connect(filled)) as db:
        db.execute("UPDATE lookup SET raw = x'00' WHERE item_id = 'd3'")
        db.commit()
    with opened(filled) as history:
        assert [one[0] for one in await history.lookups.all("dataset")] == ["d0", "d1", "d2", "d4"]


# What is told


async def test_a_text_that_cannot_be_read_is_damage_and_mended_at_the_next_start(filled: Path) -> None:
    replaced(filled, b"65e0c0ffee", b"65e0\xff0ffee", count=-1)
    with (
        opened(filled) as history,
        pytest.raises(HistoryError, match=r"is damaged: Could not decode.+Start aepx again"),
    ):
        await history.jobs.summaries([1])
    with opened(filled) as history:
        assert history.database.set_aside == filled.with_name("one.db.damaged-1")
        assert await numbers(history) == list(range(60))


async def test_pages_that_hold_what_nobody_wrote_there_are_damage(filled: Path) -> None:
    exchange(filled, pages(filled, "word")[0], pages(filled, "lookup")[0])
    for runner in (InPlace(), None):
        history = History(filled, runner=runner)
        history.open()
        for asked in (history.jobs.values("dataset", "", 9), history.jobs.statistics(JobQuery(), now_ms=START_MS)):
            with pytest.raises(HistoryError, match="is damaged"):
                await asked
        history.close()
        filled.with_name("one.db.is-damaged").unlink()


async def test_a_fault_of_our_own_is_no_damage(filled: Path) -> None:
    def fault(_: sqlite3.Connection) -> None:
        raise TypeError("ours")

    with opened(filled) as history:
        for run in (history.database.read, history.database.scan, history.database.write):
            with pytest.raises(TypeError, match="ours"):
                await run(fault)
        assert not filled.with_name("one.db.is-damaged").exists()


def test_a_format_that_cannot_be_is_damage(filled: Path) -> None:
    with contextlib.closing(sqlite3.connect(filled)) as db:
        db.execute("PRAGMA user_version=-3")
    with opened(filled) as history:
        assert history.database.why_set_aside == "its format is -3"


# What interrupts it


_OPEN_AND_DIE = """
import os, pathlib, signal, sys
from tui_app.history import migration
from tui_app.history.history import History

path, step, row = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
readable = migration._readable

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def watch(event, args):
    global step
    if event in {"os.rename", "os.remove", "sqlite3.connect"} or (event == "open" and "one.db" in str(args[0])):
        step -= 1
        if step == 0:
            die()

def counted(*args):
    global row
    for one in readable(*args):
        row -= 1
        if row == 0:
            die()
        yield one

migration._readable = counted
sys.addaudithook(watch)
History(path).open()
"""


@pytest.mark.parametrize(("step", "row"), [*((step, 0) for step in range(1, 9)), (0, 1), (0, 61), (0, 150)])
async def test_a_kill_while_it_is_set_aside_loses_nothing(filled: Path, step: int, row: int) -> None:
    with opened(filled) as history:
        # As a kill leaves it: the newest intent is in the log alone.
        await history.intents.open({"a": 60}, fingerprint="f", owner="h:1", at_ms=60)
        kept = {suffix: filled.with_name(f"one.db{suffix}").read_bytes() for suffix in ("", "-wal")}
    for suffix, content in kept.items():
        filled.with_name(f"one.db{suffix}").write_bytes(content)
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _OPEN_AND_DIE, str(marked(filled)), str(step), str(row)],
        cwd=ROOT,
        check=False,
        timeout=30,
    )
    assert killed.returncode == -signal.SIGKILL
    with opened(filled) as history:
        assert history.database.set_aside == filled.with_name("one.db.damaged-1")
        assert await numbers(history) == list(range(61))
        assert await history.lookups.note("view.saved") == "mine"
        assert [one.status for one in await history.jobs.transitions("7")] == ["NEW", "SUCCEEDED"]
    with opened(filled) as history:
        assert history.database.set_aside is None
    assert damaged_files(filled) == ["one.db.damaged-1"]


def test_programs_that_meet_damage_at_once_set_the_file_aside_once(filled: Path) -> None:
    marked(filled)
    code = (
        "import asyncio, pathlib, sys; from tui_app.history.history import History; input();"
        "history = History(pathlib.Path(sys.argv[1])); history.open();"
        "print(len(asyncio.run(history.intents.unsettled()))); history.close()"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(filled)],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for one in running:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    assert [one.communicate(timeout=60)[0] for one in running] == ["60\n"] * 4
    assert damaged_files(filled) == ["one.db.damaged-1"]


async def test_a_disk_that_is_full_meanwhile_is_told_and_the_saving_taken_up_again(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = opening._connected

    def cramped(uri: str) -> sqlite3.Connection:
        connection = connected(uri)
        connection.execute("PRAGMA max_page_count=24")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_connected", cramped)
        with pytest.raises(HistoryError, match="full"):
            History(marked(filled), runner=InPlace()).open()
    with opened(filled) as history:
        assert await numbers(history) == list(range(60))
    assert damaged_files(filled) == ["one.db.damaged-1"]

"""The file: its rights, its versions, its faults, and several programs on it at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.engines import job
from tui_app.history import database, opening, schema
from tui_app.history.database import Database, HistoryError, InPlace
from tui_app.history.history import History, history_path
from tui_app.history.intents import NOT_MADE
from tui_app.models.export_job import ExportJob
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[History]:
    history = History(path, runner=InPlace())
    history.open()
    try:
        yield history
    finally:
        history.close()


def size(path: Path) -> int:
    return path.stat().st_size


def ruin(path: Path, name: str = "job") -> None:
    """Overwrite the root page of a table or index."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(content)


def run_at_once(code: str, path: Path, count: int) -> list[int]:
    """Run a program that waits for a line several times, let all go on at once, and return their exit codes."""
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdin=subprocess.PIPE) for _ in range(count)
    ]
    for one in running:
        assert one.stdin is not None
        one.stdin.write(b"\n")
        one.stdin.close()
    return [one.wait(60) for one in running]


async def intend(history: History, body: dict[str, object] | None = None) -> int:
    return await history.intents.open(body or {"a": 1}, fingerprint="f", owner="host:1", at_ms=5)


async def test_only_the_owner_can_read_what_is_kept(path: Path, history: History) -> None:
    await history.jobs.apply([ExportJob.parse(job(1))], seen_ms=1, asked_ms=1)
    assert mode(path.parent) == 0o700
    assert {one.name: mode(one) for one in path.parent.iterdir()} == dict.fromkeys(
        ("one.db", "one.db-wal", "one.db-shm"), 0o600
    )


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    path.chmod(0o644)
    with opened(path):
        assert mode(path) == 0o600


def test_a_new_file_has_the_newest_format(path: Path) -> None:
    with opened(path), contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_of_a_newer_aepx_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={schema.VERSION + 3}")
    before = path.read_bytes()
    with pytest.raises(HistoryError) as caught:
        History(path, runner=InPlace()).open()
    assert str(caught.value) == (
        f"History {path} has format {schema.VERSION + 3}, this aepx knows up to {schema.VERSION}. "
        "Upgrade aepx, or set AEPX_DATA_DIR to another folder."
    )
    assert path.read_bytes() == before
    assert [one for one in path.parent.iterdir() if "damaged" in one.name] == []


def test_a_file_that_is_no_database_is_set_aside_and_its_log_kept_from_the_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, " * 400)
    path.with_name("one.db-wal").write_bytes(b"an old log")
    with opened(path) as history:
        aside = history.database.set_aside
        assert aside == path.with_name("one.db.damaged-1")
        assert aside.read_bytes().startswith(b"not a database")
        assert not path.with_name("one.db-wal").read_bytes().startswith(b"an old log")


def test_a_newer_file_that_is_not_ours_is_refused_as_such_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={schema.VERSION + 3}")
        db.execute("PRAGMA application_id=77")
        db.execute("CREATE TABLE moz_places (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(HistoryError) as caught:
        History(path, runner=InPlace()).open()
    assert str(caught.value) == (
        f"{path} is a file of another program than aepx. Move it away, or set AEPX_DATA_DIR to another folder."
    )
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (("DROP TABLE answer",), "it lacks answer"),
        (("DROP INDEX job_scan", "DROP TABLE word"), "it lacks job_scan, word, word_odd"),
        (("ALTER TABLE job DROP COLUMN batch_count",), "it has another shape: no such column: batch_count"),
        (("PRAGMA user_version=1",), "it lacks job_by_status, job_by_time"),
        (("PRAGMA user_version=0", "PRAGMA application_id=0"), "it holds tables that no aepx has made"),
    ],
)
async def test_a_file_that_is_not_whole_is_set_aside_and_what_nobody_else_knows_is_saved(
    path: Path, statements: tuple[str, ...], why: str
) -> None:
    with opened(path) as history:
        await intend(history)
        await history.lookups.set_note("view.saved", "mine")
        await history.lookups.set_note("backfill.cursor", "done")
        await history.lookups.put("dataset", [("d", "Loyalty", {})], at_ms=3)
        await history.jobs.apply([ExportJob.parse(job(1, "NEW", stage="queue"))], seen_ms=1, asked_ms=1)
        await history.jobs.apply([ExportJob.parse(job(1))], seen_ms=2, asked_ms=2)
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
    with opened(path) as history:
        assert history.database.why_set_aside == why
        aside = history.database.set_aside
        assert aside == path.with_name("one.db.damaged-1")
        assert [one.body for one in await history.intents.unsettled()] == [{"a": 1}]
        assert await history.lookups.note("view.saved") == "mine"
        assert await history.lookups.note("backfill.cursor") is None
        assert [one[:2] for one in await history.lookups.all("dataset")] == [("d", "Loyalty")]
        assert [one.status for one in await history.jobs.transitions("1")] == ["NEW", "SUCCEEDED"]
    with contextlib.closing(sqlite3.connect(aside)) as db:
        assert db.execute("SELECT job_id FROM job").fetchall() == [("1",)]


async def test_intents_that_only_the_log_holds_are_saved_from_a_damaged_file(path: Path, tmp_path: Path) -> None:
    with opened(path) as history:
        await intend(history)
        # As a kill leaves it: the newest writes are in the log alone.
        killed = tmp_path / "killed"
        shutil.copytree(path.parent, killed)
    (killed / "one.db.is-damaged").touch()
    with opened(killed / "one.db") as history:
        assert history.database.set_aside is not None
        assert [one.body for one in await history.intents.unsettled()] == [{"a": 1}]


async def test_damage_met_later_is_said_and_mended_at_the_next_start(path: Path) -> None:
    with opened(path) as history:
        jobs = [ExportJob.parse(job(number)) for number in range(400)]
        await history.jobs.apply(jobs, seen_ms=1, asked_ms=1)
        await intend(history)
    ruin(path)
    with opened(path) as history:
        assert history.database.set_aside is None
        with pytest.raises(HistoryError, match=r"is damaged.*Start aepx again"):
            await history.jobs.get("7")
    with opened(path) as history:
        assert history.database.set_aside == path.with_name("one.db.damaged-1")
        assert list(await history.jobs.all_rows(JobQuery(), now_ms=1)) == []
        # Jobs can be fetched again; what was about to be created cannot.
        assert [one.body for one in await history.intents.unsettled()] == [{"a": 1}]
    with opened(path) as history:
        assert history.database.set_aside is None


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    path = tmp_path / "taken" / "history" / "one.db"
    with pytest.raises(HistoryError) as caught:
        History(path).open()
    message = str(caught.value)
    assert str(path) in message
    assert "AEPX_DATA_DIR" in message


async def test_a_full_disk_loses_one_write_and_nothing_else(history: History) -> None:
    await history.lookups.set_note("before", "1")
    await history.database.read(lambda _: None)
    pages = await history.database.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    assert history.database._writer is not None
    history.database._writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(HistoryError, match=r"full\. Free disk space"):
        await history.lookups.set_note("big", "x" * 200_000)
    history.database._writer.execute(f"PRAGMA max_page_count={pages + 1000}")
    await history.lookups.set_note("after", "2")
    assert [await history.lookups.note(key) for key in ("before", "big", "after")] == ["1", None, "2"]


def test_a_full_disk_at_the_very_first_start_is_told_and_leaves_nothing_odd(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = opening._connected

    def cramped(uri: str) -> sqlite3.Connection:
        connection = connected(uri)
        connection.execute("PRAGMA max_page_count=3")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_connected", cramped)
        with pytest.raises(HistoryError, match=r"cannot be opened: database or disk is full\. Free space"):
            History(path, runner=InPlace()).open()
    with opened(path) as history:
        assert history.database.set_aside is None


async def test_a_creation_that_cannot_be_written_down_is_refused(history: History) -> None:
    pages = await history.database.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    assert history.database._writer is not None
    history.database._writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(HistoryError, match="full"):
        await intend(history, {"a": "x" * 200_000})
    assert await history.intents.unsettled() == ()


async def test_only_what_must_outlive_a_power_cut_waits_for_the_disk(history: History) -> None:
    def level(db: sqlite3.Connection) -> int:
        return int(db.execute("PRAGMA synchronous").fetchone()[0])

    assert await history.database.write(level) == 1
    assert await history.database.write(level, durable=True) == 2
    with pytest.raises(ZeroDivisionError):
        await history.database.write(lambda _: 1 / 0, durable=True)
    assert await history.database.write(level) == 1


async def test_a_file_turned_read_only_is_told(history: History) -> None:
    assert history.database._writer is not None
    history.database._writer.execute("PRAGMA query_only=1")
    with pytest.raises(HistoryError, match=r"readonly.*fix the folder's rights"):
        await history.lookups.set_note("a", "b")
    assert await history.lookups.note("a") is None


async def test_a_failed_write_is_rolled_back_as_a_whole(history: History) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO note VALUES ('half', '1')")
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        await history.database.write(half)
    await history.lookups.set_note("next", "2")
    assert [await history.lookups.note(key) for key in ("half", "next")] == [None, "2"]


@pytest.mark.parametrize("runner", [None, InPlace()])
async def test_a_closed_history_says_so(path: Path, runner: InPlace | None) -> None:
    history = History(path, runner=runner)
    history.open()
    history.close()
    history.close()
    for call in (history.lookups.note("a"), history.lookups.set_note("a", "b")):
        with pytest.raises(HistoryError, match="is closed"):
            await call
    with pytest.raises(HistoryError, match="is closed"):
        history.jobs.first_rows_now(JobQuery(), 10, now_ms=1)


async def test_threads_write_and_read_like_the_runner_of_the_tests(path: Path) -> None:
    history = History(path)
    history.open()
    await history.jobs.apply([ExportJob.parse(job(1)), ExportJob.parse(job(2))], seen_ms=1, asked_ms=1)
    assert (
        len(await history.jobs.all_rows(JobQuery(), now_ms=1))
        == len(history.jobs.first_rows_now(JobQuery(), 10, now_ms=1))
        == 2
    )
    history.close()


async def test_another_programs_lock_is_waited_for_and_then_told_as_what_it_is(path: Path) -> None:
    with opened(path) as history, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert history.database._writer is not None
        assert history.database._writer.execute("PRAGMA busy_timeout").fetchone() == (5_000,)
        history.database._writer.execute("PRAGMA busy_timeout=1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryError, match=r"database is locked\. Another aepx has been writing to it for 5 s"):
            await history.lookups.set_note("a", "b")
        assert await history.lookups.note("a") is None
        # One that only starts is not kept waiting: it finds out by itself that the file can be written.
        with opened(path) as third:
            assert not third.database.is_read_only
        other.execute("COMMIT")
        await history.lookups.set_note("a", "b")


async def test_what_another_program_wrote_is_noticed_and_nothing_else(path: Path) -> None:
    with opened(path) as one, opened(path) as other:
        assert not await one.database.changed_elsewhere()
        await one.lookups.set_note("mine", "1")
        assert not await one.database.changed_elsewhere()
        await other.lookups.note("mine")
        assert not await one.database.changed_elsewhere()
        await other.lookups.set_note("yours", "1")
        assert await one.database.changed_elsewhere()
        assert not await one.database.changed_elsewhere()


_APPLY = """
import asyncio, pathlib, sys
from tests.support.engines import job
from tui_app.history.history import History
from tui_app.models.export_job import ExportJob

async def main():
    history = History(pathlib.Path(sys.argv[1]))
    history.open()
    input()
    for start in range(0, 1000, 20):
        jobs = [ExportJob.parse(job(start + one)) for one in range(20)]
        await history.jobs.apply(jobs, seen_ms=start, asked_ms=start)
    history.close()

asyncio.run(main())
"""


async def test_two_programs_that_read_the_same_list_at_once_lose_and_double_nothing(path: Path) -> None:
    with opened(path) as history:
        assert run_at_once(_APPLY, path, 2) == [0, 0]
        assert await history.database.changed_elsewhere()
        found = await history.database.read(
            lambda db: db.execute("SELECT COUNT(*), COUNT(DISTINCT job_id), MAX(row) FROM job").fetchone()
        )
        seen = await history.database.read(lambda db: db.execute("SELECT COUNT(*) FROM transition").fetchone())
    assert found == (1_000, 1_000, 1_000)
    assert seen == (1_000,)


async def test_readings_that_overlap_do_not_let_the_log_grow_without_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_LOG_PATIENCE_MS", 1)
    monkeypatch.setattr(database, "LOG_LIMIT", 200_000)
    log = path.with_name("one.db-wal")
    with opened(path) as history:
        history.database._log_most = 200_000
        readers: list[sqlite3.Connection] = []
        for number in range(60):
            # There is always one under way that needs the log for what it reads.
            readers.append(sqlite3.connect(path, isolation_level=None))
            readers[-1].execute("BEGIN")
            readers[-1].execute("SELECT COUNT(*) FROM note").fetchone()
            await history.lookups.set_note(f"note {number}", "x" * 20_000)
            if number:
                readers[-2].close()
        assert size(log) > 1_000_000
        readers[-1].close()
        for number in range(12):
            await history.lookups.set_note(f"note {number}", "y" * 20_000)
        assert size(log) < 500_000
        assert history.database._writer is not None
        assert history.database._writer.execute("PRAGMA busy_timeout").fetchone() == (5_000,)


async def test_damage_that_no_reading_has_met_is_found_and_mended_at_the_next_start(path: Path) -> None:
    with opened(path) as history:
        await history.jobs.apply([ExportJob.parse(job(number)) for number in range(400)], seen_ms=1, asked_ms=1)
        assert await history.database.find_damage() == ""
    ruin(path, "transition_by_job")
    with opened(path) as history:
        assert await history.jobs.get("7") is not None
        assert await history.database.find_damage()
    with opened(path) as history:
        assert history.database.set_aside == path.with_name("one.db.damaged-1")
        assert history.database.why_set_aside == "an earlier run met damage in it"


def test_an_end_that_was_no_end_is_noticed(path: Path) -> None:
    with opened(path) as history:
        assert not history.database.was_cut_off
    with opened(path) as history:
        assert not history.database.was_cut_off
        with opened(path) as other:
            assert not other.database.was_cut_off
    assert not path.with_name("one.db-wal").exists()
    subprocess.run([sys.executable, "-c", _INTEND_AND_DIE, str(path)], cwd=ROOT, check=False, timeout=30)
    with opened(path) as history:
        assert history.database.was_cut_off


async def test_two_programs_share_a_file(path: Path) -> None:
    with opened(path) as one, opened(path) as other:
        for number in range(20):
            history = (one, other)[number % 2]
            await history.jobs.apply([ExportJob.parse(job(number))], seen_ms=1, asked_ms=1)
        await intend(one)
        assert len(await other.jobs.all_rows(JobQuery(), now_ms=1)) == 20
        assert len(await other.intents.unsettled()) == 1


def test_programs_that_begin_a_file_at_once_all_get_in(path: Path) -> None:
    code = (
        "import sys, pathlib; from tui_app.history.history import History; input();"
        "History(pathlib.Path(sys.argv[1])).open()"
    )
    assert run_at_once(code, path, 4) == [0] * 4


_INTEND_AND_DIE = """
import asyncio, os, pathlib, signal, sys
from tui_app.history.history import History

async def main():
    history = History(pathlib.Path(sys.argv[1]))
    history.open()
    await history.intents.open({"sent": True}, fingerprint="f", owner="host:1", at_ms=5)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_an_intent_outlives_a_kill(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _INTEND_AND_DIE, str(path)], cwd=ROOT, check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    with opened(path) as history:
        (intent,) = asyncio.run(history.intents.unsettled())
    assert (intent.body, intent.owner, intent.opened_ms, intent.state) == ({"sent": True}, "host:1", 5, "open")


def test_nothing_of_the_first_paint_waits_for_a_thread(path: Path) -> None:
    made = Database(path, runner=InPlace())
    made.open()
    assert made.read_now(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    made.close()


@pytest.mark.parametrize(
    "name", ["../../etc", "/abs", "..", "", "a/b\\c", "x" * 300, "\x00\x1b]0;x\x07", "輸出", "CON", "-rf", "[/x]", "~"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    for org, sandbox in ((name, "prod"), ("0123@AdobeOrg", name)):
        path = history_path(tmp_path, base_url="https://a.example", ims_org_id=org, sandbox_name=sandbox)
        assert path.parent == tmp_path / "history"
        assert os.path.normpath(path) == str(path)
        assert len(path.name) < 100
        assert path.name.isascii()
        assert path.name.isprintable()


def test_names_that_look_alike_get_files_of_their_own(tmp_path: Path) -> None:
    asked = [
        ("https://a.example", "0123@AdobeOrg", "a/b"),
        ("https://a.example", "0123@AdobeOrg", "a-b"),
        ("https://a.example", "0123@Other", "a-b"),
        ("https://b.example", "0123@AdobeOrg", "a-b"),
    ]
    paths = {history_path(tmp_path, base_url=url, ims_org_id=org, sandbox_name=name) for url, org, name in asked}
    assert len(paths) == len(asked)


async def test_lookups_replace_and_sort_by_name(history: History) -> None:
    await history.lookups.put("dataset", [("2", "beta", {"n": 2}), ("1", "Alpha", {"n": "\ud800"})], at_ms=3)
    await history.lookups.put("dataset", [("2", "Beta two", {})], at_ms=4)
    assert await history.lookups.all("dataset") == [("1", "Alpha", 3, {"n": "\ud800"}), ("2", "Beta two", 4, {})]
    assert await history.lookups.all("other") == []
    await history.lookups.set_note("view", json.dumps({"a": 1}))
    assert await history.lookups.note("view") == '{"a": 1}'


async def test_a_history_just_begun_can_be_taken_back_while_it_holds_nothing(path: Path) -> None:
    begun = History(path, runner=InPlace())
    begun.open()
    intent = await begun.intents.open({}, fingerprint="f", owner="o:1", at_ms=1)
    await begun.intents.close(intent, state=NOT_MADE, at_ms=2)
    begun.discard_new()
    begun.close()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("known_before", [True, False])
async def test_a_history_that_was_there_or_holds_an_open_creation_is_not_taken_back(
    path: Path,
    known_before: bool,  # noqa: FBT001 - a table's column
) -> None:
    if known_before:
        first = History(path, runner=InPlace())
        first.open()
        first.close()
    history = History(path, runner=InPlace())
    history.open()
    if not known_before:
        await history.intents.open({}, fingerprint="f", owner="o:1", at_ms=1)
    history.discard_new()
    history.close()
    assert mode(path) == 0o600

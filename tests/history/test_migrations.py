"""Files of every earlier format: what becomes of what they hold, and of them when bringing them up to date fails."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.history.format_1 import file_of_format_1, put
from tests.support.engines import HOSTILE, START_MS, job
from tui_app.history import migration, opening, schema
from tui_app.history.database import HistoryError, InPlace
from tui_app.history.history import History
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = """
    job.row, job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage, stage_since_ms,
    d.text, s.text, e.text, p.text, segment_count, batch_count, profiles, scheduled, cancel_requested_ms, gone_ms,
    first_seen_ms, changed_ms, asked_ms, digest
"""
JOBS = f"""
    SELECT {COLUMNS} FROM job JOIN answer USING (row)
    LEFT JOIN word d ON d.word_id = dataset LEFT JOIN word s ON s.word_id = segments
    LEFT JOIN word e ON e.word_id = error LEFT JOIN word p ON p.word_id = policy ORDER BY job.row
"""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[History]:
    history = History(path, runner=InPlace())
    history.open()
    try:
        yield history
    finally:
        history.close()


def segments(*ids: str) -> dict[str, Any]:
    return {"segments": [{"segmentId": one} for one in ids]}


def records() -> list[dict[str, Any]]:
    """Return jobs of every kind a history meets."""
    error = {"code": "0090000009", "msg": "Error writing"}
    return [
        job(24115),
        job(24116, "PROCESSING", stage="write"),
        job(24117, "FAILED", stage="export", errors=[error, {"code": "1", "msg": " second \n line "}]),
        job("an odd id", "CANCELED", creationTime=None, destination=None, mergePolicy=None, filter=None),
        job("9" * 25, "WHATEVER", destination={"datasetId": "d", "batches": ["b1", {"batchId": "B2"}]}),
        job(0, filter=segments("s2", "s1", "s2"), properties={"scheduleId": "x"}),
        job(5, errors=[{"callStack": "only this"}], destination={"segmentPerBatch": True, "batchId": "b3"}),
        *(
            job(f"hostile {text}", filter=segments(text), mergePolicy={"id": text}, errors=[{"code": text}])
            for text in (*HOSTILE, "\ud800", "a\x00b", "'; DROP TABLE job; --")
        ),
    ]


def ids(history: History) -> list[str]:
    return history.database.read_now(lambda db: [one for (one,) in db.execute("SELECT job_id FROM job ORDER BY row")])


def version(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return int(found)


@pytest.fixture
def old(path: Path) -> Path:
    """A file of format 1 with jobs, transitions, creations, names and notes."""
    with file_of_format_1(path) as db:
        put(db, records(), START_MS)
        db.execute("UPDATE job SET gone_ms = 7, changed_ms = 7 WHERE job_id = '5'")
        db.execute("UPDATE job SET cancel_requested_ms = 8 WHERE job_id = '24116'")
        db.execute("INSERT INTO intent VALUES (3, 5, 'h:1', 'f', '{\"a\": 1}', 'open', NULL, NULL, '')")
        db.execute("INSERT INTO note VALUES ('backfill.cursor', 'done')")
        db.execute("INSERT INTO lookup VALUES ('dataset', 'd', 'Loyalty', 4, ?)", (zlib.compress(b"{}"),))
    return path


# What becomes of what they hold


async def test_jobs_are_as_if_they_had_just_been_recorded(old: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "fresh.db") as fresh:
        await fresh.jobs.apply([ExportJob.parse(one) for one in records()], seen_ms=START_MS, asked_ms=START_MS)
        expected = await fresh.database.read(lambda db: db.execute(JOBS).fetchall())
        batches = await fresh.database.read(lambda db: db.execute("SELECT * FROM batch").fetchall())
    with opened(old) as history:
        found = await history.database.read(lambda db: db.execute(JOBS).fetchall())
        assert await history.database.read(lambda db: db.execute("SELECT * FROM batch").fetchall()) == batches
        for raw in records():
            known = await history.jobs.get(ExportJob.parse(raw).job_id)
            assert known is not None
            assert known.raw == raw
    by_id = {one[1]: list(one) for one in expected}
    by_id["5"][20] = by_id["5"][22] = 7
    by_id["24116"][19] = 8
    assert [list(one) for one in found] == list(by_id.values())
    assert len(batches) > 4
    assert {one[1]: one[13] for one in found}["24117"] == "0090000009 Error writing\n1 second line"


async def test_everything_else_is_kept(old: Path) -> None:
    with opened(old) as history:
        (intent,) = await history.intents.unsettled()
        assert (intent.intent_id, intent.body) == (3, {"a": 1})
        assert await history.lookups.note("backfill.cursor") == "done"
        assert await history.lookups.all("dataset") == [("d", "Loyalty", 4, {})]
        (change,) = await history.jobs.transitions("24116")
        assert (change.seen_ms, change.status, change.stage) == (START_MS, "PROCESSING", "write")


async def test_what_is_listed_again_has_not_changed(old: Path) -> None:
    with opened(old) as history:
        await history.database.write(lambda db: db.execute("UPDATE job SET gone_ms = NULL"))
        again = [ExportJob.parse({**one, "requestId": "another"}) for one in records()]
        assert not await history.jobs.apply(again, seen_ms=START_MS + 1, asked_ms=START_MS + 1)


@pytest.mark.parametrize(
    "raw", [b"", b"no zlib", b"x\x9c\x03\x00\x00\x00\x00\x01", b"x\x9cK-*\xca/\x02\x00\x06t\x02!", "text"]
)
async def test_a_job_whose_json_is_damaged_is_kept_and_mended_by_its_next_answer(path: Path, raw: object) -> None:
    with file_of_format_1(path) as db:
        put(db, [job(1), job(2)], START_MS)
        db.execute("UPDATE job SET raw = ? WHERE job_id = '1'", (raw,))
    with opened(path) as history:
        found = await history.jobs.summary("1")
        assert found is not None
        assert (found.status, found.segment_count) == ("SUCCEEDED", 1)
        with pytest.raises(HistoryError, match="cannot be read back"):
            await history.jobs.get("1")
        both = [ExportJob.parse(job(1)), ExportJob.parse(job(2))]
        applied = await history.jobs.apply(both, seen_ms=START_MS + 1, asked_ms=START_MS + 1)
        assert applied.changed == ("1",)
        mended = await history.jobs.get("1")
        assert mended is not None
        assert mended.raw == job(1)


async def test_a_new_job_never_gets_the_row_of_an_old_one(old: Path) -> None:
    with opened(old) as history:
        await history.database.write(lambda db: db.execute("DELETE FROM job WHERE row > 3"))
        await history.jobs.apply([ExportJob.parse(job(99))], seen_ms=1, asked_ms=1)
        (found,) = await history.database.read(
            lambda db: db.execute("SELECT row FROM job WHERE job_id = '99'").fetchone()
        )
        assert found == len(records()) + 1


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    with opened(path):
        pass
    assert version(path) == schema.VERSION
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_of_format_1_without_jobs_is_brought_up_to_date(path: Path) -> None:
    with file_of_format_1(path):
        pass
    with opened(path) as history:
        assert ids(history) == []
    assert version(path) == schema.VERSION


@pytest.mark.parametrize("number", [1, 2])
def test_the_names_by_which_a_whole_file_is_known_are_those_it_has(path: Path, number: int) -> None:
    if number == 1:
        with file_of_format_1(path):
            pass
    else:
        with opened(path):
            pass
    with contextlib.closing(sqlite3.connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")}
        assert names == schema.NAMES[number]
        if number == schema.VERSION:
            for table, columns in schema.COLUMNS.items():
                held = [one[1] for one in db.execute(f"PRAGMA table_info({table})")]
                assert sorted(columns.split(", ")) == sorted(held)


def test_a_file_brought_up_to_date_can_shrink_and_has_no_holes(old: Path) -> None:
    with opened(old):
        pass
    with contextlib.closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)


# The copy


def test_a_copy_of_the_old_file_is_kept_for_its_owner_alone(old: Path) -> None:
    with opened(old):
        pass
    copy = old.with_name("one.db.v1")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert version(copy) == 1
    with contextlib.closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT COUNT(*) FROM job").fetchone() == (len(records()),)
    assert sorted(one.name for one in old.parent.iterdir()) == ["one.db", "one.db.v1"]


def test_the_copy_holds_also_what_only_the_log_held(path: Path, tmp_path: Path) -> None:
    with file_of_format_1(path) as db:
        db.execute("COMMIT")
        put(db, [job(1)], START_MS)
        # As a kill leaves it: the newest writes are in the log alone.
        shutil.copytree(path.parent, tmp_path / "killed")
    with opened(tmp_path / "killed" / "one.db") as history:
        assert ids(history) == ["1"]
    with contextlib.closing(sqlite3.connect(tmp_path / "killed" / "one.db.v1")) as db:
        assert db.execute("SELECT job_id FROM job").fetchall() == [("1",)]


# When it goes wrong


def half(then: Callable[[], object]) -> Callable[[sqlite3.Connection], None]:
    def part(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO word (kind, text) VALUES ('dataset', 'half done')")
        then()

    return part


@pytest.mark.parametrize("error", [sqlite3.OperationalError("no luck"), KeyboardInterrupt(), MemoryError()])
def test_a_step_that_fails_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    with monkeypatch.context() as patch:
        first, (tables, _, ended) = schema.STEPS
        patch.setattr(schema, "STEPS", (first, (tables, half(fail), ended)))
        with pytest.raises(HistoryError if isinstance(error, sqlite3.Error) else type(error)):
            History(old, runner=InPlace()).open()
    assert version(old) == 1
    with opened(old) as history:
        assert ids(history)[0] == "24115"


_OPEN_AND_DIE = """
import os, pathlib, signal, sys
from tui_app.history import format_2, schema
from tui_app.history.history import History

after = int(sys.argv[2])
read_back = format_2._read_back
def dying(raw):
    global after
    after -= 1
    if after == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return read_back(raw)
format_2._read_back = dying
History(pathlib.Path(sys.argv[1])).open()
"""


@pytest.mark.parametrize("after", [1, 1_500, 2_999])
def test_a_kill_in_the_middle_leaves_the_file_as_it_was(path: Path, after: int) -> None:
    with file_of_format_1(path) as db:
        put(db, (job(number) for number in range(3_000)), START_MS)
    done = subprocess.run(
        [sys.executable, "-c", _OPEN_AND_DIE, str(path), str(after)], cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert version(path) == 1
    with opened(path) as history:
        assert ids(history) == [str(number) for number in range(3_000)]
    assert version(path) == schema.VERSION


def test_programs_that_meet_an_old_file_at_once_bring_it_up_to_date_once(path: Path) -> None:
    with file_of_format_1(path) as db:
        put(db, (job(number) for number in range(3_000)), START_MS)
    code = (
        "import sys, pathlib; from tui_app.history.history import History; input();"
        "h = History(pathlib.Path(sys.argv[1])); h.open();"
        "print(*h.database.read_now(lambda db: db.execute('SELECT COUNT(*) FROM job').fetchone())); h.close()"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for one in running:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    assert [one.communicate(timeout=60)[0].strip() for one in running] == ["3000"] * 3
    assert version(path) == schema.VERSION
    assert version(path.with_name("one.db.v1")) == 1
    assert sorted(one.name for one in path.parent.iterdir()) == ["one.db", "one.db.v1"]


def test_without_room_the_old_file_stays_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = opening._connected

    def cramped(uri: str) -> sqlite3.Connection:
        connection = connected(uri)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 2}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_connected", cramped)
        with pytest.raises(HistoryError, match=r"one\.db cannot be opened: database or disk is full\. Free space"):
            History(old, runner=InPlace()).open()
    assert version(old) == 1
    with opened(old):
        pass


def test_where_no_copy_can_be_kept_nothing_is_changed(old: Path) -> None:
    (old.parent / "one.db.v1").mkdir()
    with pytest.raises(HistoryError, match="cannot be opened"):
        History(old, runner=InPlace()).open()
    assert version(old) == 1
    assert sorted(one.name for one in old.parent.iterdir()) == ["one.db", "one.db.v1"]


# Steps to come


def test_a_step_to_come_is_taken_from_the_newest_and_from_the_oldest(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "new.db"):
        pass
    script = (
        "CREATE TABLE extra (one TEXT); -- a step; with a semicolon in its words\nINSERT INTO extra VALUES ('x;y');"
    )
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, (script,)))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    for path in (old, tmp_path / "new.db"):
        with opened(path) as history:
            assert history.database.read_now(lambda db: db.execute("SELECT one FROM extra").fetchall()) == [("x;y",)]
        assert version(path) == schema.VERSION
    assert (tmp_path / "new.db.v2").exists()
    assert old.with_name("one.db.v1").exists()


def test_a_long_wait_is_announced_and_a_short_one_is_not(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(old.parent, old.parent.with_name("large"))
    said: list[str] = []
    History(old, runner=InPlace()).open(told=said.append)
    assert said == []
    monkeypatch.setattr(migration, "_LARGE", 1000)
    large = old.parent.with_name("large") / "one.db"
    History(large, runner=InPlace()).open(told=said.append)
    History(large, runner=InPlace()).open(told=said.append)
    assert len(said) == 1
    assert said[0].startswith(f"The history {large} (0 MiB) is brought to format {schema.VERSION}, once")

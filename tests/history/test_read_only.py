"""Files and folders that cannot be written: what is there is shown, nothing is lost, every write says why it fails."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.history.format_1 import file_of_format_1, put
from tests.support.engines import job
from tui_app.history.database import HistoryError, InPlace
from tui_app.history.history import History
from tui_app.history.retention import Retention
from tui_app.models.export_job import ExportJob
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65_534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of somebody whom rights bind, which the test runs as; it can be written to begin with."""
    is_root = os.geteuid() == 0
    made = Path(tempfile.mkdtemp(prefix="aepx-test-"))
    if is_root:
        os.chown(made, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield made
    finally:
        if is_root:
            os.seteuid(0)
        for one in (made, *made.iterdir()):
            one.chmod(0o700)
        shutil.rmtree(made)


def history_at(path: Path) -> History:
    history = History(path, runner=InPlace())
    history.open()
    return history


async def fill(path: Path, *numbers: int) -> None:
    history = history_at(path)
    await history.jobs.apply([ExportJob.parse(job(number)) for number in numbers], seen_ms=1, asked_ms=1)
    history.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Take the right to write from a folder and all in it."""
    for one in folder.iterdir():
        one.chmod(0o400)
    folder.chmod(0o500)
    yield
    folder.chmod(0o700)
    for one in folder.iterdir():
        one.chmod(0o600)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def listed(history: History) -> list[str]:
    return [one.job_id for one in history.jobs.first_rows_now(JobQuery(), 10, now_ms=1)]


async def assert_it_reads_and_refuses_to_write(history: History) -> None:
    assert history.database.is_read_only
    assert sorted(listed(history)) == ["1", "2"]
    assert len(await history.jobs.all_rows(JobQuery(), now_ms=1)) == 2
    assert await history.database.find_damage() == ""
    found = await history.jobs.get("1")
    assert found is not None
    assert found.raw == job(1)
    assert (await history.jobs.counts(now_ms=1)).total == 2
    assert not await history.database.changed_elsewhere()
    for write in (
        history.lookups.set_note("a", "b"),
        history.jobs.apply([ExportJob.parse(job(3))], seen_ms=1, asked_ms=1),
        history.intents.open({}, fingerprint="f", owner="h:1", at_ms=1),
        history.prune(Retention(keep_days=1), now_ms=1, walk="walk"),
    ):
        with pytest.raises(HistoryError, match=r"can only be read: .+\. Free disk space or fix the rights"):
            await write
    assert sorted(listed(history)) == ["1", "2"]


async def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    await fill(folder / "h.db", 1, 2)
    with locked(folder):
        history = history_at(folder / "h.db")
        await assert_it_reads_and_refuses_to_write(history)
        history.close()
        assert names(folder) == ["h.db"]
    history = history_at(folder / "h.db")
    assert not history.database.is_read_only
    history.close()


async def test_a_file_that_cannot_be_written_in_a_folder_that_can(folder: Path) -> None:
    await fill(folder / "h.db", 1, 2)
    (folder / "h.db").chmod(0o400)
    history = history_at(folder / "h.db")
    await assert_it_reads_and_refuses_to_write(history)
    history.close()


async def test_what_only_the_log_holds_is_read_as_well(folder: Path) -> None:
    (folder / "alive").mkdir()
    await fill(folder / "alive" / "h.db", 1)
    history = history_at(folder / "alive" / "h.db")
    await history.jobs.apply([ExportJob.parse(job(2))], seen_ms=1, asked_ms=1)
    for one in (folder / "alive").iterdir():
        shutil.copy(one, folder)
    history.close()
    shutil.rmtree(folder / "alive")
    assert names(folder) == ["h.db", "h.db-shm", "h.db-wal"]
    with locked(folder):
        history = history_at(folder / "h.db")
        await assert_it_reads_and_refuses_to_write(history)
        history.close()


async def test_a_log_that_cannot_be_read_is_not_passed_over(folder: Path) -> None:
    (folder / "alive").mkdir()
    await fill(folder / "alive" / "h.db", 1)
    history = history_at(folder / "alive" / "h.db")
    await history.jobs.apply([ExportJob.parse(job(2))], seen_ms=1, asked_ms=1)
    for suffix in ("", "-wal"):
        shutil.copy(folder / "alive" / f"h.db{suffix}", folder)
    history.close()
    shutil.rmtree(folder / "alive")
    with (
        locked(folder),
        pytest.raises(HistoryError, match=r"cannot be opened: .*fix the folder's rights, or set AEPX_D"),
    ):
        history_at(folder / "h.db")
    history = history_at(folder / "h.db")
    assert sorted(listed(history)) == ["1", "2"]
    history.close()


async def test_what_another_program_writes_later_is_seen(folder: Path) -> None:
    await fill(folder / "h.db", 1)
    with locked(folder):
        history = history_at(folder / "h.db")
        assert len(await history.jobs.all_rows(JobQuery(), now_ms=1)) == 1
    await fill(folder / "h.db", *range(2, 60))
    assert len(listed(history)) == 10
    assert len(await history.jobs.all_rows(JobQuery(), now_ms=1)) == 59
    # Once a log can be kept beside it, it is read as any other file.
    writer = history_at(folder / "h.db")
    await writer.jobs.apply([ExportJob.parse(job(60))], seen_ms=1, asked_ms=1)
    assert (await history.jobs.counts(now_ms=1)).total == 60
    assert len(await history.jobs.all_rows(JobQuery(), now_ms=1)) == 60
    assert history.database.is_read_only
    writer.close()
    history.close()


def test_an_older_file_that_cannot_be_brought_up_to_date_is_left_as_it_is(folder: Path) -> None:
    with file_of_format_1(folder / "h.db") as db:
        put(db, [job(1)], 1)
    before = (folder / "h.db").read_bytes()
    with locked(folder), pytest.raises(HistoryError, match=r"h\.db cannot be opened: .*fix the folder's rights"):
        history_at(folder / "h.db")
    assert (folder / "h.db").read_bytes() == before
    assert names(folder) == ["h.db"]


def test_a_damaged_file_that_cannot_be_set_aside_is_left_as_it_is(folder: Path) -> None:
    (folder / "h.db").write_bytes(b"no database, " * 400)
    with locked(folder), pytest.raises(HistoryError, match="cannot be opened"):
        history_at(folder / "h.db")
    assert names(folder) == ["h.db"]


async def test_damage_met_where_nothing_can_be_written_is_told(folder: Path) -> None:
    await fill(folder / "h.db", *range(400))
    with closing(sqlite3.connect(folder / "h.db")) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'answer'").fetchone()
    with open(folder / "h.db", "r+b") as file:  # noqa: ASYNC230, PTH123 - a page of it
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    with locked(folder):
        history = history_at(folder / "h.db")
        assert len(listed(history)) == 10
        with pytest.raises(HistoryError, match="is damaged"):
            await history.jobs.get("7")
        history.close()
        assert names(folder) == ["h.db"]


def test_no_file_in_a_folder_that_cannot_be_written(folder: Path) -> None:
    folder.chmod(0o500)
    with pytest.raises(HistoryError, match=r"cannot be opened: .*Permission denied.*AEPX_DATA_DIR"):
        history_at(folder / "h.db")

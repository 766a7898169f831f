"""Histories that a command or the app cannot use as they are: what is said, the exit code, and that nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.history.format_1 import file_of_format_1, put
from tests.support.engines import ORG, job
from tests.support.terminal import AEPX, Terminal, environment
from tui_app.history import schema
from tui_app.history.history import History, history_path
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

    Aepx = Callable[..., Result]

BASE_URL = "http://127.0.0.1:9"
VARIABLES = {
    "AEPX_BASE_URL": BASE_URL,
    "AEPX_IMS_URL": BASE_URL,
    "AEPX_ORG_ID": ORG,
    "AEPX_CLIENT_ID": "abc",
    "AEPX_ACCESS_TOKEN": "canary-access-value",
    "AEPX_SANDBOX": "dev",
}
LIST = ("jobs", "list", "--offline")


@pytest.fixture
def history_file(tmp_path: Path, clean_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the history of the connection in the environment is; one job is in it."""
    folder = tmp_path / "data"
    for name, value in {**VARIABLES, "AEPX_DATA_DIR": str(folder)}.items():
        monkeypatch.setenv(name, value)
    path = history_path(folder, base_url=BASE_URL, ims_org_id=ORG, sandbox_name="dev")

    async def fill() -> None:
        history = History(path)
        history.open()
        await history.jobs.apply([ExportJob.parse(job(24115))], seen_ms=1, asked_ms=1)
        history.close()

    asyncio.run(fill())
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_a_history_of_a_newer_aepx_is_refused_by_commands(history_file: Path, aepx: Aepx) -> None:
    change(history_file, f"PRAGMA user_version={schema.VERSION + 1}")
    before = {one.name: one.read_bytes() for one in history_file.parent.iterdir()}
    for command in (LIST, ("jobs", "show", "24115"), ("jobs", "sync", "--all")):
        result = aepx(*command)
        assert (result.code, result.out) == (2, "")
        assert f"has format {schema.VERSION + 1}, this aepx knows up to {schema.VERSION}" in result.err
        assert "Upgrade aepx, or set AEPX_DATA_DIR to another folder." in result.err
    assert {one.name: one.read_bytes() for one in history_file.parent.iterdir()} == before


def test_a_history_of_a_newer_aepx_is_refused_by_the_app(history_file: Path, tmp_path: Path) -> None:
    change(history_file, f"PRAGMA user_version={schema.VERSION + 1}")
    before = history_file.read_bytes()
    shell = environment(tmp_path, **VARIABLES, AEPX_DATA_DIR=str(tmp_path / "data"))
    with Terminal(AEPX, environ=shell, columns=200) as terminal:
        terminal.wait_for(r"Upgrade\s+aepx")
        code, _ = terminal.wait_ended()
        assert code == 2
    assert history_file.read_bytes() == before


def test_a_damaged_history_is_set_aside_and_told(history_file: Path, aepx: Aepx) -> None:
    change(history_file, "DROP TABLE answer")
    result = aepx(*LIST)
    assert result.code in {0, 1}
    assert f"The history was damaged (it lacks answer). It is kept as {history_file}.damaged-1" in result.err
    assert history_file.with_name(f"{history_file.name}.damaged-1").exists()


def test_an_old_history_is_listed(history_file: Path, aepx: Aepx) -> None:
    history_file.unlink()
    with file_of_format_1(history_file) as db:
        put(db, [job(4711)], 1)
    result = aepx(*LIST, "--json")
    assert result.code == 0
    assert [one["id"] for one in result.document] == ["4711"]


def test_a_history_that_cannot_be_written_is_listed_and_told(
    history_file: Path, aepx: Aepx, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr("tui_app.history.opening._open_for_writing", refused)
    result = aepx(*LIST, "--json")
    assert result.code == 0
    assert [one["id"] for one in result.document] == ["24115"]
    assert "can only be read: [Errno 30] Read-only file system" in result.err

"""The rows of an export in the app: a table of any length, statements, one row in full, statistics, a file."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from textual.events import Paste
from textual.widgets import OptionList, SelectionList

from tests.support.clock import FakeClock
from tests.support.engines import FakePlatform, job, make_app, make_engine, remember, screen_text, settle
from tui_app.data.tables import ALL
from tui_app.engine.manifest import Manifest, ManifestBatch, ManifestFile
from tui_app.engine.target import Target
from tui_app.models.batch import Batch
from tui_app.models.data_access import RemoteFile
from tui_app.tui.screens.ask_text import AskText
from tui_app.tui.screens.data import DataScreen
from tui_app.tui.screens.downloads import DownloadsScreen
from tui_app.tui.screens.profile_dialog import ProfileDialog
from tui_app.tui.screens.row_dialog import RowDialog
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.sql_field import SqlField
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine
    from tui_app.tui.app import AepxApp

HOSTILE = "chr(27) || ']0;x' || chr(7) || '[red]x[/]'"
ROWS = 1_234


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A downloaded job: one batch of `Cart abandoners`."""
    target = Target.open(tmp_path, "24115")
    path = tmp_path / "24115" / "a.parquet"
    duckdb.execute(
        f"COPY (SELECT i AS number, {HOSTILE} AS hostile, {{'city': 'c' || i, 'tags': [i]}} AS home, "
        f"CASE WHEN i % 2 = 0 THEN NULL ELSE i END AS odd FROM range({ROWS}) AS t(i)) TO '{path}' (FORMAT parquet)"
    )
    file = ManifestFile("b1", "b1-1", "a.parquet", "a.parquet", path.stat().st_size, "0", ROWS)
    batch = ManifestBatch("b1", ("s1",), "Cart abandoners", ROWS)
    Manifest("24115", "prod", "d1", (batch,), {"a.parquet": file}, is_complete=True).write(target)
    target.close()
    return tmp_path / "24115"


@dataclass(slots=True)
class Desk:
    app: AepxApp
    pilot: Pilot[Any]
    engine: Engine
    platform: FakePlatform
    screen: DataScreen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.rest()

    async def rest(self) -> None:
        await settle(self.pilot, self.engine)
        if not isinstance(self.app.screen, AskText):
            await self.work_done("run", "pages", "export", "remember")
        await settle(self.pilot, self.engine)

    async def work_done(self, *groups: str) -> None:
        """Wait for workers of these groups; of none at all the framework would wait for every one."""
        working = [one for one in self.app.workers if one.group in groups and not one.is_finished]
        if working:
            await self.app.workers.wait_for_complete(working)

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def said(self) -> str:
        return self.screen.query_one("#data-said", Line).text.strip()

    async def run(self, sql: str) -> None:
        field = self.screen.query_one(SqlField)
        field.text = sql
        field.focus()
        await self.press("ctrl+j")


@asynccontextmanager
async def opened(tmp_path: Path, folder: Path | None, **options: Any) -> AsyncIterator[Desk]:
    engine, platform = make_engine(tmp_path / "history", FakeClock())
    await remember(engine, job(24115))
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        screen = DataScreen(title="job 24115", folder=folder, **options)
        await app.push_screen(screen)
        desk = Desk(app, pilot, engine, platform, screen)
        await desk.rest()
        yield desk
    await app.shutdown()


async def test_rows_are_shown_at_once_and_read_as_one_goes(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        assert desk.said.startswith(f"{ROWS:,} rows  4 columns")
        assert "number" in desk.text
        assert r"\x1b]0;x" in desk.text
        assert "[red]x[/]" in desk.text
        assert '{"city": "c0", "tags": [0]}' in desk.text
        await desk.press("end")
        assert f"{ROWS - 1}" in desk.text
        await desk.press("home", "right")
        assert "number" not in desk.text.splitlines()[3]
        await desk.press("left")
        assert "number" in desk.text.splitlines()[3]


async def test_a_row_opens_with_its_nested_values(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        await desk.press("down", "enter")
        assert isinstance(desk.app.screen, RowDialog)
        assert f"Row 2 of {ROWS:,}" in desk.text
        assert '"city": "c1"' in desk.text
        await desk.press("escape", "c")
        assert '"number": 1' in desk.app.clipboard


async def test_statements_run_say_how_many_and_are_remembered(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        await desk.run("SELECT home.city AS city FROM cart_abandoners WHERE number < 3")
        assert desk.said.startswith("3 rows  1 column")
        await desk.run("SELECT count(*) AS n FROM rows")
        assert f"{ROWS}" in desk.text
        await desk.press("escape", "h")
        picked = desk.app.screen.query_one(OptionList)
        assert picked.option_count == 3
        await desk.press("down", "enter")
        assert desk.screen.query_one(SqlField).text.startswith("SELECT home.city")


async def test_a_wrong_statement_leaves_the_rows_and_shows_the_place(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        await desk.run("SELECT *\nFROM rows WHERE nope")
        assert "nope" in desk.said
        assert desk.screen.query_one(SqlField).cursor_location == (1, 16)
        assert desk.screen.failure is not None
        assert desk.screen.query_one(RowTable).row_count == ROWS
        await desk.run("SELECT 1 AS one")
        assert desk.screen.failure is None


async def test_nothing_found_says_so(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        await desk.run("SELECT * FROM rows WHERE number < 0")
        assert "The statement found no row." in desk.text
        assert desk.said.startswith("0 rows")


async def test_columns_are_chosen_and_counted(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        await desk.press("o")
        chosen = desk.app.screen.query_one(SelectionList)
        assert chosen.option_count == 4
        await desk.press("down", "space", "enter")
        assert "hostile" not in desk.text.splitlines()[3]
        await desk.press("i")
        dialog = desk.app.screen
        assert isinstance(dialog, ProfileDialog)
        counting = [one for one in desk.app.workers if one.node is dialog and not one.is_finished]
        if counting:
            await desk.app.workers.wait_for_complete(counting)
        await settle(desk.pilot, desk.engine)
        assert "4 columns of" in desk.text
        assert "50.0%" in desk.text


async def test_rows_are_written_to_a_file_and_never_over_one(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        for said in (f"{ROWS:,} rows written", "There is such a file already"):
            await desk.press("e")
            field = desk.app.screen.query_one("#ask-field")
            field.value = "x.txt"  # type: ignore[attr-defined]  # it is a text field
            await desk.press("enter")
            assert ".csv or .parquet" in desk.text
            field.value = str(tmp_path / "x.csv")  # type: ignore[attr-defined]  # as above
            await desk.press("enter")
            assert said in desk.said
        assert len((tmp_path / "x.csv").read_text().splitlines()) == ROWS + 1


async def test_a_paste_brings_lines_and_no_controls(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder, typing=True) as desk:
        field = desk.screen.query_one(SqlField)
        field.text = ""
        desk.app.post_message(Paste("SELECT 1 -- one\r\n\x1b[2J, 2"))
        await desk.rest()
        assert field.text == "SELECT 1 -- one\n[2J, 2"


async def test_escape_in_the_statement_stops_what_runs_and_stays_there(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        field = desk.screen.query_one(SqlField)
        field.replace_with("SELECT count(*) FROM range(1000000000) a, range(10000) b")
        field.focus()
        await desk.pilot.press("ctrl+j")
        assert desk.said.startswith("Running")
        await desk.press("escape")
        assert desk.said.startswith("It was stopped")
        assert isinstance(desk.app.focused, SqlField)
        await desk.press("escape")
        assert isinstance(desk.app.focused, RowTable)


async def test_tables_can_be_picked(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as desk:
        await desk.press("t")
        assert "cart_abandoners" in desk.text
        assert ALL in desk.text
        await desk.press("enter")
        await desk.rest()
        assert desk.screen.query_one(SqlField).text == 'SELECT * FROM "cart_abandoners"'
        assert desk.said.startswith(f"{ROWS:,} rows")


async def test_a_job_that_is_not_downloaded_shows_batches_files_and_offers_to_fetch(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock())
    record = job(24115)
    (batch_id,) = [record["destination"]["batchId"]]
    platform.put(record)
    platform.batches[batch_id] = {"status": "success", "metrics": {"recordsWritten": 7}}
    assert Batch.parse(batch_id, platform.batches[batch_id]).is_readable
    platform.files[batch_id] = (RemoteFile(batch_id, "f", "part-\x1b[2J.parquet", 2_048),)
    await remember(engine, record)
    app = make_app(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot, engine)
        app.open_job("24115", pane="batches")
        await settle(pilot, engine, rounds=6)
        shown = screen_text(pilot)
        assert "+ success" in shown
        assert r"part-\x1b[2J.parquet" in shown
        assert "2.0 KiB" in shown
        assert "7 records by the batches" in shown
        assert "D downloads the files, P shows rows, Q asks SQL" in shown
        await pilot.press("Q")
        await settle(pilot, engine)
        assert isinstance(app.screen, AskText)
        await pilot.press("escape", "W")
        await settle(pilot, engine)
        assert "experience.adobe.com" in screen_text(pilot)
        await pilot.press("escape", "L")
        await settle(pilot, engine)
        assert isinstance(app.screen, DownloadsScreen)
        assert "Nothing is being downloaded." in screen_text(pilot)
    await app.shutdown()

"""The export dialog: what, as what, where to; progress, a stop that leaves nothing, and causes one can mend."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App

from tests.support.clock import FakeClock
from tests.support.engines import HOSTILE, START_MS, job, make_engine, remember, screen_text
from tui_app.engine import export
from tui_app.engine.export import Progress
from tui_app.history.answers import Answers
from tui_app.models.job_query import JobQuery
from tui_app.text import safe_text
from tui_app.tui.screens.export_dialog import ExportDialog, Exported, progress_text
from tui_app.tui.widgets.form import TextField

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine
    from tui_app.history.answers import Answer


class Bench:
    """The dialog on three jobs."""

    def __init__(self, pilot: Pilot[Any], engine: Engine, folder: Path) -> None:
        self.pilot, self.engine, self.folder = pilot, engine, folder
        self.answers: list[Exported | None] = []

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def field(self) -> TextField:
        return self.pilot.app.screen.query_one(TextField)

    def files(self) -> list[str]:
        return sorted(one.name for one in self.folder.iterdir())

    def ids(self, name: str) -> list[str]:
        return [one["id"] for one in json.loads((self.folder / name).read_text())]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.quiet()

    async def quiet(self) -> None:
        for _ in range(3):
            await self.engine.activity.settled()
            await self.pilot.pause()


@asynccontextmanager
async def shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, marks: int = 0, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Bench]:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    engine, _ = make_engine(tmp_path, FakeClock())
    await remember(engine, *(job(24_000 + number, created_ms=START_MS - number * 1000) for number in range(3)))
    rows = await engine.list.all_rows(JobQuery())
    app: App[None] = App()
    async with app.run_test(size=size, notifications=True) as pilot:
        bench = Bench(pilot, engine, folder)
        app.push_screen(ExportDialog(engine.exports, rows, marked=rows[:marks], name="jobs"), bench.answers.append)
        await bench.quiet()
        yield bench
    engine._core.history.close()


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_enter_writes_what_is_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with shown(tmp_path, monkeypatch, size=size) as bench:
        for text in ("Export jobs", "(•) 3 of the view", "(•) CSV", "jobs.csv", "not overwritten", "enter write"):
            assert text in bench.text, text
        assert "marked" not in bench.text
        await bench.press("enter")
        assert bench.answers == [Exported(3, 3, str(bench.folder / "jobs.csv"))]
        assert str(bench.answers[0]) == f"3 jobs written to {bench.folder / 'jobs.csv'}."
        assert bench.files() == ["jobs.csv"]


async def test_marks_are_proposed_and_the_view_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(tmp_path, monkeypatch, marks=2) as bench:
        assert "(•) 2 marked  ( ) 3 of the view" in bench.text
        await bench.press("up", "right", "enter")
        assert bench.ids("jobs.json") == ["24000", "24001"]
    (tmp_path / "here" / "jobs.json").unlink()
    (tmp_path / "here").rmdir()
    async with shown(tmp_path, monkeypatch, marks=2) as bench:
        await bench.press("up", "up", "right", "down", "right", "enter")
        assert bench.ids("jobs.json") == ["24000", "24001", "24002"]


async def test_the_ending_follows_the_format_unless_it_is_one_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(tmp_path, monkeypatch) as bench:
        await bench.press("up", "right", "right")
        assert bench.field.value == "jobs.ndjson"
        bench.field.value = "mine.txt"
        await bench.press("left")
        assert bench.field.value == "mine.txt"


async def test_a_file_that_is_there_is_told_and_another_name_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(tmp_path, monkeypatch) as bench:
        (bench.folder / "jobs.csv").write_text("mine")
        await bench.press("enter")
        assert "jobs.csv was not written: There is such a file already" in bench.text
        assert bench.answers == []
        await bench.press("ctrl+u", *"other.csv", "enter")
        assert bench.answers == [Exported(3, 3, str(bench.folder / "other.csv"))]
        assert (bench.folder / "jobs.csv").read_text() == "mine"


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(tmp_path, monkeypatch) as bench:
        bench.field.value = "nowhere/jobs.csv"
        await bench.press("enter")
        assert "There is no folder nowhere." in bench.text
        bench.field.value = "~/jobs.csv"
        await bench.press("enter")
        assert bench.answers == [Exported(3, 3, f"{Path.home()}/jobs.csv")]
        assert (Path.home() / "jobs.csv").is_file()


async def test_escape_stops_it_and_leaves_nothing_then_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()
    answers = Answers.of

    async def held(self: Answers, rows: Sequence[int]) -> list[Answer]:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return await answers(self, rows)

    monkeypatch.setattr(export, "_AT_ONCE", 1)
    monkeypatch.setattr(Answers, "of", held)
    async with shown(tmp_path, monkeypatch) as bench:
        await bench.pilot.press("enter")
        while "1 of 3" not in bench.text:
            await bench.pilot.pause()
        assert bench.files() == ["jobs.csv.part"]
        assert "esc stops and removes what was written" in bench.text
        await bench.pilot.press("enter")
        assert bench.answers == []
        await bench.press("escape")
        assert "Stopped. Nothing was left of jobs.csv." in bench.text
        assert bench.files() == []
        await bench.press("escape")
        assert bench.answers == [None]


async def test_jobs_that_went_meanwhile_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(tmp_path, monkeypatch) as bench:
        dialog = bench.pilot.app.screen
        assert isinstance(dialog, ExportDialog)
        dialog._sets["view"] = [1, 998, 999]
        await bench.press("enter")
        assert str(bench.answers[0]) == f"1 job written to {bench.folder / 'jobs.csv'}. 2 had left history meanwhile."


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async with shown(tmp_path, monkeypatch) as bench:
        bench.field.value = "no/such/"
        bench.field.take(text)
        await bench.press("enter")
        assert "was not written" in bench.text
        assert all(safe_text(line) == line for line in bench.text.splitlines())


def test_progress_is_told_in_jobs_rate_and_time() -> None:
    assert progress_text(Progress(0, 10, 0)) == f"{'░' * 20}  0 of 10"
    assert progress_text(Progress(250_000, 1_000_000, 30)) == (
        f"{'█' * 5}{'░' * 15}  250,000 of 1,000,000  8,333/s  1m30s left"
    )
    assert progress_text(Progress(0, 0, 0)).startswith("█" * 20)

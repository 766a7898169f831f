"""Jobs written to files: whole or not at all, never over anything, harmless to whoever opens them."""

from __future__ import annotations

import asyncio
import csv
import errno
import json
import os
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engines import HOSTILE, START_MS, job, remember
from tui_app.engine import export, new_file
from tui_app.engine.export import CSV_COLUMNS, FORMATS, Progress, csv_text, json_text
from tui_app.history.answers import Answers
from tui_app.history.database import HistoryError
from tui_app.models.failure import FailureError
from tui_app.models.job_query import JobQuery
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.clock import FakeClock
    from tui_app.engine.engine import Engine
    from tui_app.history.answers import Answer

FAILURE = {"code": "0090000009", "msg": "Error writing profiles to output path", "callStack": ""}


async def filled(engine: Engine, count: int) -> array[int]:
    """Put jobs into history and return their rows, the newest first."""
    jobs = [job(20_000 + number, created_ms=START_MS - 60_000 * number) for number in range(count)]
    await remember(engine, *jobs)
    return array("I", await engine.list.all_rows(JobQuery()))


def read_back(path: Path, kind: str) -> list[str]:
    """Return the ids in a file, read by a reader of its format."""
    text = path.read_text(encoding="utf-8")
    if kind == "csv":
        return [row["id"] for row in csv.DictReader(text.splitlines())]
    return [one["id"] for one in (json.loads(text) if kind == "json" else map(json.loads, text.splitlines()))]


def files(folder: Path, pattern: str = "*") -> list[str]:
    """Return the names in a folder, the history's own left out."""
    return sorted(one.name for one in folder.glob(pattern) if "history" not in one.name)


async def refused(engine: Engine, rows: Sequence[int], path: object, kind: str = "csv") -> str:
    with pytest.raises(FailureError) as error:
        await engine.exports.write(rows, path=str(path), kind=kind)
    return str(error.value)


# What is written


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("count", [0, 1, 3])
async def test_every_format_is_read_back_in_the_order_asked(
    engine: Engine, tmp_path: Path, kind: str, count: int
) -> None:
    rows = (await filled(engine, 5))[:count]
    target = tmp_path / f"jobs.{kind}"
    assert await engine.exports.write(rows, path=str(target), kind=kind) == count
    assert read_back(target, kind) == [str(20_000 + number) for number in range(count)]
    assert target.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == [target.name]


@pytest.mark.parametrize("kind", FORMATS)
async def test_parts_are_joined_without_a_seam(
    engine: Engine, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_AT_ONCE", 3)
    rows = await filled(engine, 10)
    asked: list[int] = []
    told: list[Progress] = []
    answers = Answers.of

    async def counted(self: Answers, part: Sequence[int]) -> list[Answer]:
        asked.append(len(part))
        return await answers(self, part)

    monkeypatch.setattr(Answers, "of", counted)
    target = tmp_path / "jobs"
    assert await engine.exports.write(rows, path=str(target), kind=kind, told=told.append) == 10
    assert asked == [3, 3, 3, 1]
    assert [(one.done, one.total) for one in told] == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert read_back(target, kind) == [str(20_000 + number) for number in range(10)]


@pytest.mark.parametrize("kind", FORMATS)
async def test_jobs_that_left_history_meanwhile_leave_no_hole(
    engine: Engine, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_AT_ONCE", 2)
    rows = await filled(engine, 3)
    wanted = [998, 999, rows[0], 997, rows[2]]
    assert await engine.exports.write(wanted, path=str(tmp_path / "jobs"), kind=kind) == 2
    assert read_back(tmp_path / "jobs", kind) == ["20000", "20002"]


async def test_the_columns_of_a_csv_are_as_documented(engine: Engine, tmp_path: Path) -> None:
    await remember(engine, job(24113, "FAILED", stage="export", errors=[FAILURE]))
    await engine.exports.write(await engine.list.all_rows(JobQuery()), path=str(tmp_path / "jobs.csv"), kind="csv")
    with (tmp_path / "jobs.csv").open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert tuple(header) == CSV_COLUMNS
    found = dict(zip(header, row, strict=True))
    assert (found["id"], found["status"], found["created_at"]) == ("24113", "FAILED", "2026-03-01T11:40:00.000Z")
    assert found["segments"] == "4edc8488-2c35-4f6d-b4c6-9075c68d2df4"
    assert found["error"] == "0090000009 Error writing profiles to output path"


@pytest.mark.parametrize("kind", FORMATS)
async def test_hostile_jobs_are_harmless_and_whole(engine: Engine, tmp_path: Path, kind: str) -> None:
    for place, text in enumerate((*HOSTILE, "=1+1", "\t=1", "\r@x", "\x7f\udcff")):
        error = {"code": text, "msg": text, "callStack": text}
        await remember(engine, job(24000 + place, "FAILED", stage="export", errors=[error], requestId=text))
    rows = await engine.list.all_rows(JobQuery(sort="id", descending=False))
    assert await engine.exports.write(rows, path=str(tmp_path / "jobs"), kind=kind) == len(rows)
    text = (tmp_path / "jobs").read_bytes().decode("utf-8")
    assert all(safe_text(line) == line for line in text.split("\n"))
    if kind == "csv":
        cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
        assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
    else:
        assert text.isascii()
        found = json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]
        assert [one["errors"][0]["message"] for one in found][: len(HOSTILE)] == list(HOSTILE)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    ((cell,),) = csv.reader(csv_text([[f"{start}1+1"]]).splitlines())
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＠"))
    assert cell.endswith("1+1")


def test_numbers_stay_numbers_and_json_is_printable_ascii() -> None:
    assert csv_text([[-5, None, True, "a,b", 'q"']]) == '-5,,True,"a,b","q"""\n'
    assert json_text({"a": "\x7f\x1b日"}) == '{"a": "\\u007f\\u001b\\u65e5"}'


# What may go wrong


async def test_nothing_is_written_over(engine: Engine, tmp_path: Path) -> None:
    rows = await filled(engine, 2)
    (tmp_path / "jobs.csv").write_text("mine")
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere.csv")
    for name in ("jobs.csv", "link.csv"):
        told = await refused(engine, rows, tmp_path / name)
        assert told == (
            f"{tmp_path / name} was not written: There is such a file already, and it is not overwritten. "
            "Choose another name."
        )
    assert (tmp_path / "jobs.csv").read_text() == "mine"
    assert not (tmp_path / "nowhere.csv").exists()


async def test_a_file_that_comes_meanwhile_is_not_written_over(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await filled(engine, 2)
    target = tmp_path / "jobs.csv"

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    def come_between(_: Progress) -> None:
        target.write_text("theirs")

    for link in (os.link, no_links):
        target.unlink(missing_ok=True)
        monkeypatch.setattr(os, "link", link)
        with pytest.raises(FailureError, match="There is such a file already"):
            await engine.exports.write(rows, path=str(target), kind="csv", told=come_between)
        assert target.read_text() == "theirs"
        assert not files(tmp_path, "*.part")


async def test_a_file_system_without_links_is_no_hindrance(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    assert await engine.exports.write(await filled(engine, 2), path=str(tmp_path / "jobs.csv"), kind="csv") == 2
    assert len(read_back(tmp_path / "jobs.csv", "csv")) == 2
    assert not files(tmp_path, "*.part")


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("missing/jobs.csv", "There is no folder"),
        ("folder", "It is a folder. Add a file name."),
        ("folder/", "It is a folder. Add a file name."),
        ("", "It is a folder. Add a file name."),
        ("~nobody-of-this-name/jobs.csv", "There is no folder ~nobody-of-this-name."),
        ("a\0b", "NUL character"),
        ("x" * 300, "Its name is too long. Choose a shorter name."),
        ("folder/a\x1b[31mb/c.csv", "There is no folder"),
    ],
)
async def test_a_place_that_will_not_do_is_told(
    engine: Engine, tmp_path: Path, path: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    told = await refused(engine, await filled(engine, 1), path)
    assert cause in told
    assert safe_text(told) == told
    assert files(tmp_path, "**/*") == ["folder"]


async def test_the_home_folder_is_understood(engine: Engine) -> None:
    await engine.exports.write(await filled(engine, 1), path="~/jobs.json", kind="json")
    assert read_back(Path(os.environ["HOME"]) / "jobs.json", "json") == ["20000"]


async def test_a_folder_that_may_not_be_written_is_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await filled(engine, 1)
    causes = {errno.EACCES: "may not be written", errno.EROFS: "may only be read", errno.EIO: "Input/output error"}
    for code, cause in causes.items():

        def no_part(target: Path, code: int = code) -> tuple[Path, int]:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(new_file, "_new_part", no_part)
        assert cause in await refused(engine, rows, tmp_path / "jobs.csv")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("kind", FORMATS)
async def test_a_full_disk_is_told_and_leaves_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def on_full_disk(target: Path) -> tuple[Path, int]:
        part = target.with_name(f"{target.name}.part")
        part.touch()
        return part, os.open("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(new_file, "_new_part", on_full_disk)
    told = await refused(engine, await filled(engine, 50), tmp_path / "jobs", kind)
    assert "The disk is full. Free space or choose another disk; nothing was left behind." in told
    assert not files(tmp_path, "jobs*")


async def test_a_history_that_cannot_be_read_is_told_and_leaves_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def damaged(self: Answers, rows: Sequence[int]) -> list[Answer]:
        raise HistoryError("History is damaged.")

    rows = await filled(engine, 1)
    monkeypatch.setattr(Answers, "of", damaged)
    assert "was not written: History is damaged." in await refused(engine, rows, tmp_path / "jobs.csv")
    assert not files(tmp_path, "jobs*")


async def test_what_a_killed_export_left_is_no_hindrance(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv.part").write_text("left")
    assert await engine.exports.write(await filled(engine, 1), path=str(tmp_path / "jobs.csv"), kind="csv") == 1
    assert (tmp_path / "jobs.csv.part").read_text() == "left"
    assert files(tmp_path, "jobs*") == ["jobs.csv", "jobs.csv.part"]


@pytest.mark.parametrize("at", [0, 1, 4, 5])
async def test_cancelled_at_any_moment_it_leaves_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(export, "_AT_ONCE", 2)
    rows = await filled(engine, 10)
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if len(told) == at:
            task.cancel()

    work = engine.exports.write(rows, path=str(tmp_path / "jobs.csv"), kind="csv", told=stop)
    task: asyncio.Task[Any] = asyncio.create_task(work)
    if not at:
        await asyncio.sleep(0)  # the file is being made
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not files(tmp_path, "jobs*")
    assert len(told) == at
    assert engine.activity.count == 0


# Progress


async def test_progress_tells_rate_and_time_left(
    engine: Engine, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_AT_ONCE", 2)
    told: list[Progress] = []
    rows = await filled(engine, 4)
    answers = Answers.of

    async def slow(self: Answers, part: Sequence[int]) -> list[Answer]:
        await clock.advance(0.5)
        return await answers(self, part)

    monkeypatch.setattr(Answers, "of", slow)
    await engine.exports.write(rows, path=str(tmp_path / "jobs"), kind="csv", told=told.append)
    assert [(one.rate, one.left_s) for one in told] == [(4, 0.5), (4, 0)]
    assert Progress(0, 10, 0).left_s is None

"""Looking into exported data: tables, rows, statements that only read, limits, exports, first rows by ranges."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import tempfile
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.engines import make_engine
from tui_app.data.database_process import DatabaseProcess
from tui_app.data.errors import DataError
from tui_app.data.remote import first_rows
from tui_app.data.tables import Source, table_names
from tui_app.engine.insight import Insight, SqlFailureError, csv_cell
from tui_app.models.data_access import RemoteFile
from tui_app.models.failure import FailureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tui_app.engine.engine import Engine

NESTED = "{'address': 'a' || i || '@x.com', 'tags': [i, i + 1]}"


def made(path: Path, rows: int, *, start: int = 0, columns: str = f"i AS number, {NESTED} AS person") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"COPY (SELECT {columns} FROM range({start}, {start + rows}) AS t(i)) TO '{path}' (FORMAT parquet)")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two batches: `Cart abandoners` in two files, the second without a column, and one of no known audience."""
    made(tmp_path / "b1" / "a.parquet", 300)
    made(tmp_path / "b1" / "b.parquet", 200, start=300, columns="i AS number")
    made(tmp_path / "b2" / "c.parquet", 50, start=1_000)
    files = [("b1", "a", 300), ("b1", "b", 200), ("b2", "c", 50)]
    manifest = {
        "version": 1,
        "batches": [{"batch_id": "b1", "audience": "Cart abandoners"}, {"batch_id": "b2", "audience": ""}],
        "files": [
            {"batch_id": batch, "file_id": "1", "name": name, "path": f"{batch}/{name}.parquet", "bytes": 1,
             "sha256": "0", "rows": rows}
            for batch, name, rows in files
        ],
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    engine, _ = make_engine(tmp_path / "history", FakeClock())
    yield engine
    await engine.stop()


@pytest.fixture
def insight(engine: Engine) -> Insight:
    return engine.insight


async def one(insight: Insight, sql: str, folder: Path) -> Any:
    result = await insight.run(sql, folder)
    try:
        ((value, *_), *_) = await result.rows(0, 1)
        return value
    finally:
        await result.close()


async def test_each_batch_is_a_table_named_by_its_audience(insight: Insight, folder: Path) -> None:
    found = [(one.name, one.rows, one.files) for one in await insight.tables(folder)]
    assert found == [("cart_abandoners", 500, 2), ("batch_b2", 50, 1), ("rows", 550, 3)]
    assert await one(insight, "SELECT count(*) FROM cart_abandoners", folder) == 500
    assert await one(insight, "SELECT count(DISTINCT number) FROM rows", folder) == 550
    assert await one(insight, "SELECT person.address FROM batch_b2 ORDER BY number", folder) == "a1000@x.com"


@given(st.lists(st.text(max_size=90), max_size=12))
def test_names_of_tables_differ_and_need_no_quotation_marks(audiences: list[str]) -> None:
    names = table_names(
        [Source(f"{place}f0", name, (), 0) for place, name in enumerate(audiences)], reserved=("order",)
    )
    assert len({*names, "rows", "order"}) == len(names) + 2
    assert all(name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit() for name in names)


async def test_whole_tables_are_read_from_their_files_in_windows(insight: Insight, folder: Path) -> None:
    result = await insight.run('select * from "rows";', folder)
    assert result.total == 550
    assert [column.name for column in result.columns] == ["number", "person"]
    numbers = [row[0] for start in range(0, 560, 70) for row in await result.rows(start, 70)]
    assert numbers == [*range(500), *range(1_000, 1_050)]
    assert (await result.rows(299, 2))[1] == (300, None)
    assert list(await result.rows(550, 10)) == []
    await result.close()


@pytest.mark.parametrize(
    ("sql", "said", "place"),
    [
        ("select\n  nope from rows", "nope", (2, 3)),
        ("select * frm rows", "syntax error", (1, 14)),
        ("select * from '/etc/passwd'", "/etc/passwd", (1, 15)),
    ],
)
async def test_a_wrong_statement_says_where(
    insight: Insight, folder: Path, sql: str, said: str, place: tuple[int, int]
) -> None:
    with pytest.raises(SqlFailureError) as caught:
        await insight.run(sql, folder)
    assert said in caught.value.failure.cause
    assert f"line {place[0]}, column {place[1]}" in caught.value.failure.cause
    assert (caught.value.line, caught.value.column) == place
    assert caught.value.shown.splitlines()[1].strip() == "^"


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{folder}/b1/x.csv'",
        "ATTACH '{folder}/b1/x.db'",
        "INSTALL httpfs",
        "SET memory_limit='100GB'",
        "PRAGMA database_list",
        "DROP VIEW rows",
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO rows VALUES (1)",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_text('{folder}/manifest.json')",
        "SELECT * FROM '{folder}/b1/other.parquet'",
        "SELECT * FROM sniff_csv('{folder}/b1/other.parquet')",
        "SELECT * FROM 'https://example.com/x.parquet'",
        "",
        "   -- nothing",
    ],
)
async def test_statements_only_read_and_only_the_downloaded_files(
    insight: Insight, folder: Path, tmp_path_factory: pytest.TempPathFactory, sql: str
) -> None:
    other = tmp_path_factory.mktemp("other") / "secret.csv"
    other.write_text("secret\n1\n")
    made(folder / "b1" / "other.parquet", 1)
    before = sorted(folder.rglob("*"))
    with pytest.raises(FailureError) as caught:
        await insight.run(sql.format(folder=folder, other=other), folder)
    assert caught.value.failure.next_step
    assert sorted(folder.rglob("*")) == before


async def test_what_is_kept_of_results_is_no_table_of_the_person(insight: Insight, folder: Path) -> None:
    first = await insight.run("SELECT 1", folder)
    tables = await insight.run("SHOW TABLES", folder)
    names = [row[0] for row in await tables.rows(0, 10)]
    assert names == sorted(one.name for one in await insight.tables(folder))
    await first.close()
    await tables.close()


async def test_times_with_a_zone_are_read(insight: Insight, folder: Path) -> None:
    found = await insight.run("SELECT TIMESTAMPTZ '2024-01-01 10:00:00+00' AS at", folder)
    ((at,),) = await found.rows(0, 1)
    assert at.timestamp() == 1_704_103_200
    await found.close()


def test_the_name_of_a_folder_is_no_value_of_a_column(tmp_path: Path) -> None:
    inner = tmp_path / "id=7"
    inner.mkdir()
    duckdb.execute(f"COPY (SELECT i AS id FROM range(3) AS t(i)) TO '{inner}/a.parquet' (FORMAT parquet)")
    database = DatabaseProcess([Source("b", "", (inner / "a.parquet",), 3)])
    try:
        found = database.keep("SELECT * FROM rows WHERE true")
        assert database.rows(found.relation, 0, 9) == [(0,), (1,), (2,)]
        assert found.columns == (("id", "BIGINT"),)
    finally:
        database.close()


async def test_a_comment_at_the_end_and_a_semicolon_do_no_harm(insight: Insight, folder: Path) -> None:
    assert await one(insight, "SELECT 7 AS x -- seven", folder) == 7
    assert await one(insight, "SELECT 8 AS x;", folder) == 8


async def test_what_runs_long_is_stopped_at_once(insight: Insight, folder: Path) -> None:
    sql = "SELECT count(*) FROM range(100000000) a, range(100000) b"
    running = asyncio.ensure_future(insight.run(sql, folder))
    await asyncio.wait([running], timeout=0.2)
    insight.cancel()
    await asyncio.wait([running])
    with pytest.raises(FailureError) as caught:
        running.result()
    assert caught.value.failure.cause == "It was stopped"


async def test_who_is_cancelled_stops_the_statement(insight: Insight, folder: Path) -> None:
    running = asyncio.ensure_future(insight.run("SELECT count(*) FROM range(100000000) a, range(100000) b", folder))
    await asyncio.wait([running], timeout=0.2)
    assert insight._working
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not insight._working


async def test_more_than_the_memory_is_spilled_and_removed(insight: Insight, folder: Path) -> None:
    insight.memory = 128 * 1024**2
    result = await insight.run("SELECT i, md5(i::VARCHAR) AS t FROM range(5000000) AS r(i) ORDER BY t", folder)
    assert result.total == 5_000_000
    spilled = result.database._folder  # type: ignore[attr-defined]  # a kept result has one
    assert sum(path.stat().st_size for path in spilled.rglob("*")) > 0
    await result.close()
    assert not spilled.exists()


async def test_a_damaged_file_is_named(insight: Insight, folder: Path) -> None:
    path = folder / "b2" / "c.parquet"
    data = bytearray(path.read_bytes())
    data[-200:-8] = b"\0" * 192
    path.write_bytes(data)
    with pytest.raises(FailureError) as caught:
        await insight.run("SELECT * FROM batch_b2", folder)
    assert "c.parquet" in caught.value.failure.cause
    assert "download again" in caught.value.failure.next_step


async def test_nothing_downloaded_says_what_to_do(insight: Insight, tmp_path: Path) -> None:
    with pytest.raises(FailureError) as caught:
        await insight.tables(tmp_path / "nowhere")
    assert "aepx download" in caught.value.failure.next_step


async def test_columns_are_counted(insight: Insight, folder: Path) -> None:
    result = await insight.run("SELECT * FROM rows", folder)
    number, person = await insight.profile(result)
    assert (number.name, number.nulls_share, number.minimum, number.maximum) == ("number", 0.0, "0", "1049")
    assert 450 < (number.distinct or 0) < 650
    assert person.nulls_share == pytest.approx(200 / 550, abs=0.001)
    await result.close()


async def test_rows_are_written_as_csv_that_harms_nobody_and_as_parquet(
    insight: Insight, folder: Path, tmp_path: Path
) -> None:
    result = await insight.run(
        "SELECT '=1+1' AS a, chr(27) || '[2J' AS b, -5 AS c, NULL AS d, [1, 2] AS e FROM range(3)", folder
    )
    assert await insight.export(result, str(tmp_path / "x.csv")) == 3
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [["a", "b", "c", "d", "e"], ["'=1+1", "\\x1b[2J", "-5", "", "[1, 2]"]]
    assert await insight.export(result, str(tmp_path / "x.parquet")) == 3
    found = duckdb.execute("SELECT count(*), sum(c) FROM read_parquet(?)", [str(tmp_path / "x.parquet")]).fetchall()
    assert found == [(3, -15)]
    for path, said in (("x.csv", "already"), ("y.txt", "neither"), ("no/where.csv", "There is no folder")):
        with pytest.raises(FailureError) as caught:
            await insight.export(result, str(tmp_path / path))
        assert said in caught.value.failure.cause
    assert not list(tmp_path.glob("*.part"))
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o600
    await result.close()


async def test_a_file_of_somebody_else_is_neither_used_nor_removed(
    insight: Insight, folder: Path, tmp_path: Path
) -> None:
    result = await insight.run("SELECT 1 AS a", folder)
    for name in ("x.csv", "x.parquet"):
        (tmp_path / f"{name}.part").write_text("mine")
        assert await insight.export(result, str(tmp_path / name)) == 1
        assert (tmp_path / f"{name}.part").read_text() == "mine"
    (tmp_path / "z.csv.part").mkdir()
    assert await insight.export(result, str(tmp_path / "z.csv")) == 1
    for path, said in (
        ("~nosuchuser/x.csv", "no folder ~nosuchuser"),
        (str(tmp_path / f"{'x' * 251}.csv"), "too long"),
        ("a\0.csv", "NUL"),
    ):
        with pytest.raises(FailureError) as caught:
            await insight.export(result, path)
        assert said in caught.value.failure.cause
    await result.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT string_split(repeat('a,', 30000000), ',') AS v",
        "SELECT length(regexp_extract_all(repeat('ab', 50000000), 'a')) AS v",
        "SELECT length(repeat('x', 2000000000)) AS v",
        "SELECT range(300000000) AS v",
    ],
)
async def test_one_large_value_takes_no_more_memory_than_is_allowed(insight: Insight, folder: Path, sql: str) -> None:
    insight.memory = 256 * 1024**2
    with pytest.raises(FailureError) as caught:
        await insight.run(sql, folder)
    assert "more memory" in caught.value.failure.cause


async def test_what_heeds_no_interruption_is_stopped_all_the_same(insight: Insight, folder: Path) -> None:
    insight.memory = 2 * 1024**3
    sql = "SELECT length(regexp_replace(repeat('ab', 40000000), '(a|b)(a|b)', 'x', 'g')) AS v"
    running = asyncio.ensure_future(insight.run(sql, folder))
    await asyncio.wait([running], timeout=0.6)
    insight.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([running])
    with pytest.raises(FailureError) as caught:
        running.result()
    assert caught.value.failure.cause == "It was stopped"


def test_who_is_killed_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    left = tmp_path / "aepx-sql-left"
    left.mkdir()
    (left / "spilled").write_bytes(b"x")
    held = DatabaseProcess([])
    assert not left.exists()
    other = DatabaseProcess([])
    assert held._folder.exists()
    other.close()
    # A maker that is gone is one whose end of the pipe is closed.
    held._connection.close()
    held._process.wait(timeout=10)
    assert not held._folder.exists()
    assert not list(tmp_path.glob("aepx-sql-*"))


@pytest.mark.parametrize("name", ["g[1]", "b*", "q?", "id=7", "'quoted'", "日本"])
async def test_any_name_of_a_folder_will_do(insight: Insight, tmp_path: Path, name: str) -> None:
    path = made(tmp_path / "x" / "a.parquet", 3)
    inner = tmp_path / name
    path.parent.rename(inner)
    result = await insight.file(inner / "a.parquet")
    assert result.total == 3
    await result.close()


async def test_a_name_that_is_no_text_is_told(insight: Insight, tmp_path: Path) -> None:
    path = made(tmp_path / "x" / "a.parquet", 3)
    inner = tmp_path / os.fsdecode(b"n\xff")
    path.parent.rename(inner)
    with pytest.raises(FailureError) as caught:
        await insight.file(inner / "a.parquet")
    assert "UTF-8" in caught.value.failure.cause


@given(st.text())
def test_no_csv_cell_begins_a_formula(text: str) -> None:
    assert not csv_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_first_rows_read_a_hundredth_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    noise = "unhex(sha256(i::VARCHAR)) AS n1, unhex(sha256((i + 1)::VARCHAR)) AS n2, i AS number"
    duckdb.execute(f"COPY (SELECT {noise} FROM range(1500000) AS t(i)) TO '{path}' (FORMAT parquet)")
    size, asked = path.stat().st_size, []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    columns, rows, total = first_rows(read, size, 50)
    assert [name for name, _ in columns] == ["n1", "n2", "number"]
    assert [row[2] for row in rows] == [*range(50)]
    assert total == 1_500_000
    # The footer and the pages of one row group are the same bytes however large the file is.
    assert sum(asked) < 12_000_000
    assert size > 90_000_000


def test_a_remote_file_that_is_damaged_or_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="damaged"):
        first_rows(lambda _, length: b"x" * length, 10_000, 5)

    def gone(start: int, length: int) -> bytes:
        raise FileNotFoundError("it is gone")

    with pytest.raises(FileNotFoundError):
        first_rows(gone, 10_000, 5)


async def test_the_first_rows_come_from_the_platform(engine: Engine, tmp_path: Path) -> None:
    path = made(tmp_path / "r.parquet", 120)

    class Access:
        async def size(self, file: RemoteFile) -> int:
            return path.stat().st_size

        async def read(self, file: RemoteFile, start: int, length: int) -> bytes:
            return path.read_bytes()[start : start + length]

    engine._core.client.data_access = Access()  # type: ignore[assignment]  # as far as a preview asks
    result = await engine.previews.first_rows(RemoteFile("b", "f", "r.parquet"), 30)
    assert result.total == 30
    assert [row[0] for row in await result.rows(5, 3)] == [5, 6, 7]
    number, _ = await engine.insight.profile(result)
    assert (number.distinct, number.nulls_share) == (30, 0.0)
    assert (number.minimum, number.maximum) == ("0", "29")

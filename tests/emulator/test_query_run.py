"""Running SQL: real rows, results that become datasets, and a process that holds what would take the machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, minimal
from tests.emulator.exports import table
from tests.emulator.queries import EXPORTED, LONG, Asker
from tui_app.emulator.data import queries as bounds
from tui_app.emulator.data import sql_run
from tui_app.emulator.data.sql_run import Job, Outcome, SqlRun, Table
from tui_app.emulator.data.statement import SqlError, read_statement
from tui_app.emulator.data.tables import MOST_BATCHES, columns_of
from tui_app.emulator.services import query_service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.conftest import Caller
    from tui_app.emulator.data.statement import Statement


@pytest.fixture
async def asker(caller: Caller) -> Asker:
    return Asker(caller)


async def batches(caller: Caller, dataset_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await caller.get(f"{CATALOG}/batches", dataSet=dataset_id)
    return found


async def value(asker: Asker, sql: str, folder: Path) -> list[tuple[Any, ...]]:
    """Run a SELECT, keep its rows in a dataset of their own, and read them back through Data Access."""
    name = f"Kept {len(asker.caller.emulator.world.sandboxes['prod'].written_batches)}"
    told = await asker.ended(sql, ctasParameters={"datasetName": name})
    assert told["state"] == "SUCCESS", told["errors"]
    (batch_id,) = await batches(asker.caller, told["_links"]["created_dataset"]["id"])
    return (await table(asker.caller, batch_id, folder)).fetchall()


async def test_an_export_made_through_the_api_can_be_queried(asker: Asker, tmp_path: Path) -> None:
    caller = asker.caller
    dataset_id = await caller.dataset("Asked for")
    body = minimal(dataset_id) | {"fields": "identityMap,personalEmail.address"}
    job = (await caller.post(JOBS, body)).json()
    await caller.clock.advance(3_000)
    batch_id = job["destination"]["batchId"]
    written = (await batches(caller, dataset_id))[batch_id]["metrics"]["recordsWritten"]
    own = await table(caller, batch_id, tmp_path)
    assert await value(asker, "SELECT COUNT(1) AS n FROM asked_for", tmp_path) == [(written,)]
    listed = await value(
        asker,
        "SELECT personalEmail.address AS mail, identityMap['email'][0].id AS id FROM asked_for ORDER BY mail LIMIT 10",
        tmp_path,
    )
    expected = own.project("personalEmail.address AS mail, identityMap['email'][1].id AS id").order("mail").limit(10)
    assert listed == expected.fetchall()
    told = await asker.ended("SELECT personalEmail.address FROM asked_for LIMIT 10")
    assert (told["state"], told["rowCount"]) == ("SUCCESS", 10)


async def test_a_table_holds_the_newest_batches_and_what_queries_wrote(asker: Asker, tmp_path: Path) -> None:
    caller = asker.caller
    sandbox = caller.emulator.world.sandboxes["prod"]
    target = next(one for one in sandbox.datasets.values() if one.table_name == EXPORTED)
    found = await caller.get(f"{CATALOG}/batches", dataSet=target.dataset_id, status="success", limit=100)
    rows = [one["metrics"]["recordsWritten"] for one in found.values() if one["metrics"].get("recordsWritten")]
    assert await value(asker, "SELECT COUNT(1) AS n FROM call_centre_outreach", tmp_path) == [
        (sum(rows[:MOST_BATCHES]),)
    ]


async def test_fields_that_an_export_left_out_are_null_and_others_do_not_exist(asker: Asker) -> None:
    told = await asker.ended("SELECT homeAddress.city, person.name.lastName FROM call_centre_outreach LIMIT 3")
    assert (told["state"], told["rowCount"]) == ("SUCCESS", 3)
    wrong = await asker.ended("SELECT homeAddress.colour FROM call_centre_outreach")
    assert (wrong["state"], wrong["errors"][0]["code"]) == ("FAILED", "58000")
    assert wrong["errors"][0]["errorType"] == "USER_ERROR"
    empty = await asker.ended("SELECT timestamp, web FROM web_events_raw")
    assert (empty["state"], empty["rowCount"]) == ("SUCCESS", 0), "ingested rows are not emulated, their columns are"


async def test_show_and_describe(asker: Asker) -> None:
    shown = await asker.ended("SHOW TABLES")
    assert shown["rowCount"] == len(asker.caller.emulator.world.sandboxes["prod"].datasets)
    told = await asker.ended("DESCRIBE call_centre_outreach")
    target = next(iter(told["_links"]["referenced_datasets"]))["id"]
    dataset = asker.caller.emulator.world.sandboxes["prod"].datasets[target]
    assert told["rowCount"] == columns_of(dataset).count("NULL::")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT * FROM '/etc/passwd'", "42P01"),
        ("SELECT * FROM duckdb_settings", "42P01"),
        ("SELECT * FROM information_schema.tables", "42P01"),
        ("SELECT 1 LIMIT 100001", "53400"),
        ("SELECT CAST('a' AS INT)", "58000"),
        ("SELECT no_such_function(1)", "58000"),
        ("INSERT INTO nowhere SELECT 1", "42P01"),
        ("INSERT INTO call_centre_outreach SELECT 1", "42501"),
        ("CREATE TABLE call_centre_outreach AS SELECT 1 AS a", "42P07"),
        ("CREATE TABLE x AS SELECT COUNT(1) FROM call_centre_outreach", "42601"),
        ("CREATE TABLE x AS SELECT 1 AS a, 2 AS A", "42701"),
        ("CREATE TABLE x WITH (schema='No such title') AS SELECT 1 AS a", "58000"),
        ("CREATE TABLE x WITH (schema='Store locations') AS SELECT 1 AS colour", "58000"),
    ],
)
async def test_what_cannot_be_run_fails_with_its_code(asker: Asker, sql: str, code: str) -> None:
    before = set(asker.caller.emulator.world.sandboxes["prod"].datasets)
    told = await asker.ended(sql)
    assert (told["state"], told["rowCount"]) == ("FAILED", 0)
    (error,) = told["errors"]
    assert error["code"] == code
    assert error["message"].startswith(f"ErrorCode: {code} ")
    assert "\n" not in error["message"]
    assert set(asker.caller.emulator.world.sandboxes["prod"].datasets) == before


async def test_a_select_without_limit_gives_50000_rows(asker: Asker) -> None:
    assert (await asker.ended("SELECT * FROM range(60000)"))["rowCount"] == 50_000
    assert (await asker.ended("SELECT * FROM range(60000) LIMIT 55000"))["rowCount"] == 55_000
    assert (await asker.ended("CREATE TABLE many AS SELECT range AS n FROM range(60000)"))["rowCount"] == 60_000


async def test_ctas_makes_a_dataset_that_catalog_and_data_access_show(asker: Asker, tmp_path: Path) -> None:
    caller = asker.caller
    told = await asker.ended(
        "SELECT 'a' AS name, [1, 2][0] AS first, {'x': 1} AS inner",
        ctasParameters={"datasetName": "Made here", "description": "of rows"},
    )
    assert (told["state"], told["isCTAS"], told["rowCount"]) == ("SUCCESS", True, 1)
    assert (
        told["effectiveSQL"]
        == "CREATE TABLE \"Made here\" AS SELECT 'a' AS name, [1, 2][0] AS first, {'x': 1} AS inner"
    )
    dataset_id = told["_links"]["created_dataset"]["id"]
    dataset = (await caller.get(f"{CATALOG}/dataSets/{dataset_id}"))[dataset_id]
    assert (dataset["name"], dataset["description"]) == ("Made here", "of rows")
    assert dataset["tags"]["adobe/pqs/table"] == ["made_here"]
    assert "profile__union" not in dataset["schemaRef"]["id"]
    ((batch_id, batch),) = (await batches(caller, dataset_id)).items()
    assert (batch["status"], batch["metrics"]["recordsWritten"]) == ("success", 1)
    assert (await table(caller, batch_id, tmp_path)).fetchall() == [("a", 1, {"x": 1})]
    refused = await caller.post(JOBS, minimal(dataset_id))
    assert refused.status_code == 400, "no export goes into it"


async def test_insert_adds_a_batch_of_the_same_columns(asker: Asker, tmp_path: Path) -> None:
    made = await asker.ended("CREATE TABLE Grown AS SELECT 1 AS n, 'a' AS t")
    dataset_id = made["_links"]["created_dataset"]["id"]
    first = await asker.ended("INSERT INTO grown SELECT '2', 'b'")
    second = await asker.ended("SELECT 3, 'c' FROM grown", insertIntoParameters={"datasetName": "Grown"})
    assert [(one["state"], one["isInsertInto"], one["rowCount"]) for one in (first, second)] == [
        ("SUCCESS", True, 1),
        ("SUCCESS", True, 2),
    ]
    assert "created_dataset" not in first["_links"]
    assert len(await batches(asker.caller, dataset_id)) == 3
    assert await value(asker, "SELECT n, t FROM grown ORDER BY n", tmp_path) == [(1, "a"), (2, "b"), (3, "c"), (3, "c")]
    for sql in ("INSERT INTO grown SELECT 1", "INSERT INTO grown SELECT 'x', 'y'"):
        assert (await asker.ended(sql))["state"] == "FAILED"
    assert len(await batches(asker.caller, dataset_id)) == 3


async def test_if_not_exists_leaves_what_is_there(asker: Asker) -> None:
    await asker.ended("CREATE TABLE once AS SELECT 1 AS n")
    again = await asker.ended("CREATE TABLE IF NOT EXISTS once AS SELECT 2 AS n")
    assert (again["state"], again["rowCount"]) == ("SUCCESS", 0)
    assert (await asker.ended("SELECT * FROM once"))["rowCount"] == 1


async def test_a_ctas_that_is_cancelled_before_its_end_leaves_nothing(asker: Asker) -> None:
    sandbox = asker.caller.emulator.world.sandboxes["prod"]
    before = set(sandbox.datasets)
    made = await asker.submitted("CREATE TABLE gone AS SELECT 1 AS n")
    await asker.caller.emulator.queries.settled(made["id"])
    assert (await asker.change(made["id"], {"op": "cancel"})).status_code == 202
    await asker.caller.clock.advance(60)
    told = await asker.told(made["id"])
    assert told["state"] == "KILLED"
    assert "created_dataset" not in told["_links"]
    assert set(sandbox.datasets) == before
    assert sandbox.written_batches == {}
    files = asker.caller.emulator.files
    assert files._folder is not None
    assert (files.adopted_bytes, [*files._folder.path.glob("*.parquet")]) == (0, [])


async def test_a_result_that_has_no_place_fails_and_the_next_one_runs(asker: Asker, tmp_path: Path) -> None:
    asker.caller.emulator.files._parent = tmp_path / "missing"
    told = await asker.ended("CREATE TABLE placeless AS SELECT 1 AS n")
    assert (told["state"], [one["code"] for one in told["errors"]]) == ("FAILED", ["58000"])
    assert (await asker.ended("SELECT 1"))["state"] == "SUCCESS"


async def test_results_have_a_quota(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_KEPT_BYTES", 100)
    told = await asker.ended("CREATE TABLE big AS SELECT 1 AS n")
    assert [one["code"] for one in told["errors"]] == ["53100"]


async def test_sql_is_read_beside_the_loop(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def noted(sql: str, *rest: Any, **more: Any) -> Statement:
        threads.append(threading.current_thread())
        return read_statement(sql, *rest, **more)

    monkeypatch.setattr(query_service, "read_statement", noted)
    await asker.send("SELECT " + "1," * 24_000 + "nothing FROM nowhere")  # a second's work for one core
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def run(sql: str, **more: Any) -> Outcome:
    tables = more.pop("tables", {})
    return SqlRun(Job(read_statement(sql, {}).variants, tables, most_rows=50_000, **more)).work()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 4000000000)",
        "SELECT len(range(1000000000))",
        "SELECT count(*) FROM range(1000000000000) a, range(1000000000) b",
        "SELECT string_agg(repeat('x', 1000), '') FROM range(10000000)",
        "SELECT list(range) FROM range(1000000000)",
        "WITH a AS (SELECT repeat('x', 90000000) s), b AS (SELECT s||s||s||s||s||s s FROM a) SELECT s||s||s||s FROM b",
    ],
    ids=lambda sql: sql[:25],
)
def test_memory_bombs_fail_within_the_process(sql: str) -> None:
    with pytest.raises(SqlError) as caught:
        run(sql)
    assert (caught.value.code, caught.value.by_system) == ("58000", True)
    assert "memory" in str(caught.value)


@pytest.mark.parametrize(
    "sql", [LONG, "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))"], ids=["join", "function"]
)
def test_stop_ends_even_what_heeds_no_interrupt(sql: str) -> None:
    job = SqlRun(Job(read_statement(sql, {}).variants, {}))
    caught: list[SqlError] = []

    def work() -> None:
        try:
            job.work()
        except SqlError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while job._process is None:
        thread.join(0.01)
    job.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert len(caught) == 1
    with pytest.raises(SqlError):
        job.work()  # stopped for good


def test_an_endless_recursion_ends_with_its_limit() -> None:
    assert run("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT * FROM c").rows == 50_000


def test_a_result_larger_than_a_file_may_be_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_run, "_LARGEST_FILE", 1_000_000)
    with pytest.raises(SqlError) as caught:
        run("SELECT hash(range) AS h FROM range(1000000)", out=tmp_path / "x.parquet")
    assert caught.value.by_system
    assert str(tmp_path) not in str(caught.value)


def test_the_process_reaches_only_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    other = tmp_path / "other.parquet"
    assert run("SELECT 7 AS n", out=other).rows == 1
    for sql in (
        f"FROM read_parquet('{other}')",
        f"FROM '{other}'",
        f"COPY (SELECT 1) TO '{tmp_path}/x.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '8GB'",
    ):
        # As if the reading of statements had let it through.
        with pytest.raises(SqlError):
            SqlRun(Job((sql,), {}, out=tmp_path / "own" / "rows.parquet")).work()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other.parquet", "own"]
    assert SqlRun(Job(("SELECT * FROM t",), {"t": Table((other,))})).work().rows == 1


def test_an_index_or_a_key_is_told_by_what_it_is_taken_from() -> None:
    numbers = "SELECT * FROM (SELECT [5, 6] AS l, 1 AS i) WHERE l[i] = 6"
    keys = "SELECT * FROM (SELECT MAP {'k': 6} AS m, 'k' AS i) WHERE m[i] = 6"
    assert (run(numbers).rows, run(keys).rows) == (1, 1)


async def test_a_deleted_dataset_takes_what_queries_wrote_with_it(asker: Asker) -> None:
    caller = asker.caller
    made = await asker.ended("CREATE TABLE Passing AS SELECT 1 AS n")
    dataset_id = made["_links"]["created_dataset"]["id"]
    (batch_id,) = await batches(caller, dataset_id)
    files = f"/data/foundation/export/batches/{batch_id}/files"
    assert len((await caller.get(files))["data"]) == 1
    assert (await caller.delete(f"{CATALOG}/dataSets/{dataset_id}")).status_code == 200
    assert await batches(caller, dataset_id) == {}
    assert (await caller.http.get(files, headers=caller.headers())).status_code == 404

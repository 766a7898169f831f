"""`aepx query` and `aepx preview`, here and on the platform, over a real socket."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import ROOT, environment
from tui_app.emulator.faults.connection import Lose
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Result

    Aepx = Callable[..., Result]

QUERIES = "/data/foundation/query/queries"


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with ServedEmulator(jobs=120, speed=200.0) as served:
        yield served


@pytest.fixture
def platform(served: ServedEmulator, clean_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedEmulator]:
    for name, value in served.variables("dev").items():
        monkeypatch.setenv(name, value)
    yield served
    served.emulator.faults.clear()


@pytest.fixture
def small(aepx: Aepx, platform: ServedEmulator) -> str:
    """The id of a job that has some rows, and not many."""
    for one in aepx("jobs", "list", "--all", "--status", "SUCCEEDED", "--json").document:
        batches = aepx("batches", "list", "--job", one["id"], "--json").document
        if 50 < sum(each["records_written"] or 0 for each in batches) < 30_000:
            return str(one["id"])
    raise AssertionError("there is no small export")


def test_downloaded_rows_are_asked_and_shown(aepx: Aepx, small: str, tmp_path: Path) -> None:
    before = aepx("query", "SELECT 1", "--job", small)
    assert before.code == 1
    assert f"aepx download {small} --to DIR" in before.err
    remote = aepx("preview", small, "--rows", "3", "--ndjson")
    assert remote.code == 0, remote.err
    assert len(remote.out.splitlines()) == 3
    assert aepx("download", small, "--to", str(tmp_path)).code == 0
    local = aepx("preview", small, "--rows", "3", "--ndjson")
    assert local.out == remote.out
    assert "From the downloaded files" in local.err
    tables = aepx("query", "--tables", "--job", small)
    assert tables.out.splitlines()[-1].startswith("rows ")
    count = aepx("query", "SELECT count(*) AS n FROM rows", "--job", small, "--json")
    paths = [str(path) for path in tmp_path.rglob("*.parquet")]
    assert count.document == [{"n": duckdb.execute("SELECT count(*) FROM read_parquet(?)", [paths]).fetchall()[0][0]}]
    whole = aepx("query", "SELECT * FROM rows", "--job", small, "--csv")
    assert len(whole.out.splitlines()) == count.document[0]["n"] + 1
    assert (
        aepx("query", "SELECT * FROM rows", "--from", str(tmp_path / small), "--to", str(tmp_path / "o.parquet")).code
        == 0
    )
    schema = aepx("preview", str(tmp_path / "o.parquet"), "--schema", "--json")
    assert "identityMap" in [one["column"] for one in schema.document]
    stats = aepx("preview", str(tmp_path / "o.parquet"), "--stats", "--json")
    assert all(0 <= one["nulls_share"] <= 1 for one in stats.document)


def test_a_wrong_statement_shows_the_place(aepx: Aepx, small: str, tmp_path: Path) -> None:
    aepx("download", small, "--to", str(tmp_path))
    done = aepx("query", "SELECT *\nFRM rows", "--job", small)
    assert done.code != 0
    assert "FRM rows\n" in done.err
    assert "^" in done.err
    assert "line 2" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("query", "SELECT 1"), "--job ID"),
        (("query", "--job", "1"), "Give the SQL"),
        (("query", "SELECT 1", "--job", "1", "--memory", "much"), "is no size"),
        (("query", "SELECT 1", "--job", "1", "--memory", "0M"), "too little"),
        (("query", "SELECT 1", "--job", "1", "--memory", "999999999G"), "more than this machine has"),
        (("query", "SELECT 1", "--job", "1", "--as-dataset", "x"), "needs --remote"),
        (("query", "--remote", "SELECT 1", "--to", "x"), "--as-dataset NAME"),
        (("query", "--remote"), "Give the SQL"),
        (("preview", "nowhere.parquet"), "no such file"),
        (("preview", "99999999"), "99999999"),
        (("batches", "list"), "--job"),
    ],
)
def test_bad_input_gets_a_clear_message(
    aepx: Aepx, platform: ServedEmulator, arguments: tuple[str, ...], said: str
) -> None:
    done = aepx(*arguments)
    assert done.code in (1, 2)
    assert said in done.err


def test_what_is_here_needs_no_connection(aepx: Aepx, clean_home: Path, tmp_path: Path) -> None:
    duckdb.execute(f"COPY (SELECT 7 AS n) TO '{tmp_path}/x.parquet' (FORMAT parquet)")
    assert aepx("preview", str(tmp_path / "x.parquet"), "--json").document == [{"n": 7}]
    file = {"batch_id": "b", "file_id": "f", "name": "x", "path": "x.parquet", "bytes": 1, "sha256": "0", "rows": 1}
    (tmp_path / "manifest.json").write_text(json.dumps({"version": 1, "files": [file]}))
    assert aepx("query", "SELECT n + 1 AS m FROM rows", "--from", str(tmp_path), "--json").document == [{"m": 8}]


def test_without_duckdb_the_message_says_what_to_install(tmp_path: Path) -> None:
    blocked = (
        "import sys; sys.modules['duckdb'] = None; from tui_app.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    environ = environment(tmp_path, AEPX_BASE_URL="http://127.0.0.1:9", AEPX_ORG_ID="x@AdobeOrg", AEPX_CLIENT_ID="x",
                          AEPX_SANDBOX="prod")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", blocked, "preview", str(tmp_path / "x.parquet")],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "pip install 'aepx[data]'" in done.stderr, done.stderr


# On the platform


@pytest.fixture
def table(aepx: Aepx, small: str) -> str:
    told = aepx("query", "--remote", "--job", small)
    assert told.code == 0, told.err
    return told.out.strip()


def test_rows_kept_there_come_back_as_files_that_equal_the_local_answer(
    aepx: Aepx, small: str, table: str, tmp_path: Path
) -> None:
    sql = "SELECT personalEmail.address AS address, count(*) AS n FROM {} GROUP BY ALL"
    there = aepx(
        "query", "--remote", sql.format(table), "--json",
        "--as-dataset", f"kept {tmp_path.name}", "--to", str(tmp_path / "there"),
    )  # fmt: skip
    assert there.code == 0, there.err
    assert there.document["state"] == "SUCCESS"
    assert there.document["dataset_id"]
    fetched = [str(path) for path in (tmp_path / "there").rglob("*.parquet")]
    # The table holds every export into its dataset, so the answer here is that over the same batches.
    read = duckdb.execute("SELECT * FROM read_parquet(?) ORDER BY ALL", [fetched]).fetchall()
    assert len(read) == there.document["rows"]
    aepx("download", small, "--to", str(tmp_path / "here"))
    here = aepx("query", sql.format("rows"), "--job", small, "--json").document
    mine = {(one["address"], one["n"]) for one in here}
    assert {address for address, _ in mine} <= {address for address, _ in read}
    assert aepx("query", "--remote", f"SELECT count(*) FROM {table}", "--json").document["rows"] == 1


def test_a_plain_select_says_how_to_get_its_rows(aepx: Aepx, table: str) -> None:
    done = aepx("query", "--remote", f"SELECT * FROM {table} LIMIT 5")
    assert done.code == 0, done.err
    assert done.out == "5 rows\n"
    assert "--as-dataset NAME" in done.err


def test_a_wrong_statement_there_is_told_by_the_platform(aepx: Aepx, platform: ServedEmulator) -> None:
    done = aepx("query", "--remote", "SELEC 1")
    assert done.code != 0
    assert "SELEC" in done.err


def test_read_only_sends_no_query(aepx: Aepx, platform: ServedEmulator) -> None:
    met = platform.disturb(Status(500), path=QUERIES, method="POST")
    done = aepx("query", "--remote", "SELECT 1", "--read-only")
    assert done.code == 4
    assert met.met == 0


def test_a_lost_answer_is_looked_for_and_never_sent_again(aepx: Aepx, table: str, platform: ServedEmulator) -> None:
    sql = f"SELECT count(*) FROM {table} WHERE {os.getpid()} > 0"
    lost = platform.disturb(Lose(), path=QUERIES, method="POST")
    done = aepx("query", "--remote", sql)
    assert lost.met == 1
    assert done.code == 0, done.err
    queries = platform.emulator.queries
    listed = platform.steer(lambda world: list(queries.list(world.sandboxes["dev"])))
    assert len([one for one in listed if one.request.get("sql") == sql]) == 1


def test_psql_gets_host_user_and_token_in_its_environment_alone(
    aepx: Aepx, platform: ServedEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = aepx("query", "--psql")
    assert missing.code == 2
    assert "psql is not on PATH" in missing.err
    script = tmp_path / "psql"
    code = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open(os.environ['HOME'] + '/seen', 'w'))"
    script.write_text(f"#!{sys.executable}\n{code}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    done = aepx("query", "--psql")
    assert done.code == 0, done.err
    arguments, environ = _seen(tmp_path)
    assert arguments == []
    assert environ["PGDATABASE"] == "dev:all"
    assert environ["PGSSLMODE"] == "require"
    assert environ["PGUSER"].endswith("@AdobeOrg")
    assert environ["PGPORT"] == "80"
    assert environ["PGPASSWORD"] not in done.out + done.err
    assert not any(environ["PGPASSWORD"] in path.read_text(errors="replace") for path in tmp_path.rglob("*.log"))


def _seen(home: Path) -> Any:
    return json.loads((home / "seen").read_text())

"""Reading exported data: the share of a 2 GB file that a preview reads, and SQL on 20 million rows in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.benchmarks.downloads import resident
from tests.benchmarks.figures import Figure, report
from tests.support.terminal import AEPX, ROOT, environment
from tui_app.data.remote import first_rows

_MIB: Final = 1024**2
ROWS: Final = 20_000_000
LARGE_ROWS: Final = 22_000_000
MEMORY_MIB: Final = 512
SQL: Final = "SELECT k, count(*) AS n, sum(v) AS s, min(t) AS t FROM rows GROUP BY k ORDER BY n DESC, k LIMIT 1000"


def measure() -> list[Figure]:
    """Measure both."""
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as name:
        return [*_preview(Path(name)), *_sql(Path(name))]


def _preview(home: Path) -> list[Figure]:
    path = home / "large.parquet"
    duckdb.execute(
        "COPY (SELECT i AS number, unhex(sha256(i::VARCHAR)) AS n1, unhex(sha256((i + 1)::VARCHAR)) AS n2, "
        f"unhex(sha256((i + 2)::VARCHAR)) AS n3 FROM range({LARGE_ROWS}) AS t(i)) TO '{path}' (FORMAT parquet)"
    )
    size, asked = path.stat().st_size, []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    _, rows, total = first_rows(read, size, 50)
    assert len(rows) == 50
    assert total == LARGE_ROWS
    path.unlink()
    note = f"{sum(asked) / _MIB:.1f} of {size / _MIB:,.0f} MiB in {len(asked)} reads"
    return [Figure("first 50 rows of a large file: share read", 100 * sum(asked) / size, "%", 1.0, note)]


def _sql(home: Path) -> list[Figure]:
    folder = home / "job"
    folder.mkdir()
    files = []
    for part in range(4):
        path = folder / f"{part}.parquet"
        start = part * ROWS // 4
        duckdb.execute(
            "COPY (SELECT hash(i) % 5000000 AS k, i AS v, sha256(i::VARCHAR) AS t "
            f"FROM range({start}, {start + ROWS // 4}) AS r(i)) TO '{path}' (FORMAT parquet)"
        )
        files.append({"batch_id": "b", "file_id": "f", "name": path.name, "path": path.name,
                      "bytes": path.stat().st_size, "sha256": "0", "rows": ROWS // 4})  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "batches": [{"batch_id": "b"}], "files": files}))
    base, _, _ = _ran(home, folder, "SELECT 1 AS one")
    peak, took, found = _ran(home, folder, SQL)
    paths = [str(path) for path in sorted(folder.glob("*.parquet"))]
    theirs = duckdb.execute(SQL.replace("rows", "read_parquet(?)"), [paths]).fetchall()
    note = f"{(peak - base) / _MIB:.0f} MiB more than SELECT 1, which takes {base / _MIB:.0f}; {took:.1f} s"
    return [
        Figure(f"SQL on {ROWS:,} rows: memory by its limit", (peak - base) / _MIB / MEMORY_MIB, "x", 1.0, note),
        Figure("  rows that differ from DuckDB's own answer", sum(a != b for a, b in zip(found, theirs, strict=True)),
               "", 0.0, f"of {len(theirs):,}; {os.cpu_count()} cores"),
    ]  # fmt: skip


def _ran(home: Path, folder: Path, sql: str) -> tuple[int, float, list[tuple[Any, ...]]]:
    """Return the most memory, the seconds and the rows of a statement."""
    began = time.perf_counter()
    command = [*AEPX, "query", sql, "--from", str(folder), "--memory", f"{MEMORY_MIB}MiB", "--ndjson"]
    environ = environment(home, AEPX_BASE_URL="http://127.0.0.1:9", AEPX_ORG_ID="x@AdobeOrg", AEPX_CLIENT_ID="x",
                          AEPX_SANDBOX="prod")  # fmt: skip
    out = home / "out"
    with out.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=file)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    took = time.perf_counter() - began
    assert process.returncode == 0
    return peak, took, [tuple(json.loads(line).values()) for line in out.read_text().splitlines()]


if __name__ == "__main__":
    sys.exit(report("data", measure()))

"""Measures bytes served by the emulator against `python -m http.server`; `python -m tests.benchmarks.served_bytes`.

Both run as processes of their own and serve the same file in turns, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.benchmarks.figures import Figure, report
from tui_app.clock import SystemClock, now_ms
from tui_app.emulator.app import Emulator
from tui_app.emulator.data import parquet
from tui_app.emulator.server import serve
from tui_app.emulator.world.batches import Batch, find_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROUNDS: Final = 7
ROWS: Final = 25_000_000  # of one column that does not compress: 200 MB
AT_ONCE: Final = 4
MEBIBYTE: Final = 1_048_576
EXPORT: Final = "/data/foundation/export"
BATCH: Final = "00000000-benchmark"
PEOPLE: Final = 1_500_000


@dataclass(frozen=True, slots=True)
class Source:
    """A running server, and how to ask it for the file."""

    process: subprocess.Popen[str]
    url: str
    headers: Mapping[str, str]

    def fetch(self) -> tuple[float, int]:
        """Read the whole file and return seconds and bytes."""
        begun = time.perf_counter()
        with self._asked() as answer:
            size, buffer = 0, bytearray(MEBIBYTE)
            while count := answer.readinto(buffer):
                size += count
        return time.perf_counter() - begun, size

    def begin(self) -> http.client.HTTPConnection:
        """Ask for the file and read none of it, as a caller on a slow line."""
        connection = self._connection()
        connection.request("GET", self._target, headers=dict(self.headers))
        return connection

    def memory_mib(self) -> tuple[float, float] | None:
        """Return the memory that the process has, and the most since this was last asked; None but on Linux."""
        folder = Path(f"/proc/{self.process.pid}")
        if not folder.exists():
            return None
        status = (folder / "status").read_text(encoding="ascii", errors="replace")
        found = [int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) / 1024 for name in ("VmRSS", "VmHWM")]
        (folder / "clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        return found[0], found[1]

    @property
    def _target(self) -> str:
        url = urlsplit(self.url)
        return f"{url.path}?{url.query}" if url.query else url.path

    def _connection(self) -> http.client.HTTPConnection:
        url = urlsplit(self.url)
        return http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)

    @contextmanager
    def _asked(self) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        try:
            connection.request("GET", self._target, headers=dict(self.headers))
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"{self.url} answered {answer.status}: {answer.read(300)!r}")
            yield answer
        finally:
            connection.close()


def measure() -> list[Figure]:
    """Serve one file of about 200 MB in turns, then make parts."""
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home:
        figures = _served(Path(home))
    return [*figures, *asyncio.run(_made())]


def _served(home: Path) -> list[Figure]:
    file = home / "part.parquet"
    with parquet.database() as opened:
        parquet.write(opened, f"FROM (FROM range({ROWS}) one(n)) SELECT hash(n)", file)
    copy = shutil.copyfile(file, home / "adopted.parquet")
    with _http_server(home) as other, _emulator(copy) as ours:
        before = ours.memory_mib()
        size = ours.fetch()[1]
        if other.fetch()[1] != size:
            raise RuntimeError("The two servers serve different files")
        pairs = [(ours.fetch()[0], other.fetch()[0]) for _ in range(ROUNDS)]
        slow = [ours.begin() for _ in range(AT_ONCE)]
        ours.fetch()
        after = ours.memory_mib()
        for connection in slow:
            connection.close()
    mine, theirs = [size / MEBIBYTE / median(times) for times in zip(*pairs, strict=True)]
    figures = [
        Figure(f"{size / MEBIBYTE:,.0f} MiB from the emulator", mine, "MiB/s"),
        Figure("the same file from python -m http.server", theirs, "MiB/s"),
        Figure("  the emulator against it (0.5 or more is well)", mine / theirs, "x"),
        Figure("  it against the emulator", theirs / mine, "x", 2.0),
    ]
    if before is not None and after is not None:
        note = f"to {before[0]:,.0f} MiB; {AT_ONCE} slow callers and one fast one"
        figures.append(Figure("memory that serving it adds", after[1] - before[0], "MiB", 32.0, note))
    return figures


async def _made() -> list[Figure]:
    """Make parts as a listing does: all those of one file id."""
    figures = []
    for what, fields, events in (
        ("identities and one address", "identityMap,personalEmail.address", None),
        ("all fields", "", None),
        ("all fields and all events", "", {}),
    ):
        emulator = Emulator(SystemClock(), jobs=0, rows=PEOPLE, speed=1e6)
        batch = await _exported(emulator, fields, events)
        (first, *_) = emulator.files.sets(batch)
        begun = time.perf_counter()
        await emulator.files.path(batch, first.parts[0])
        alone = time.perf_counter() - begun
        second = emulator.files.sets(batch)[2]  # the second is the directory
        begun = time.perf_counter()
        await asyncio.gather(*(emulator.files.path(batch, part) for part in second.parts))
        both = time.perf_counter() - begun
        emulator.close()
        rows = f"{first.parts[0].rows:,} rows"
        figures.append(Figure(f"a part of {what}", alone, "s", 1.5, rows))
        figures.append(Figure("  one listing's parts", both, "s", 2.0, f"{len(second.parts)} parts"))
    return figures


async def _exported(emulator: Emulator, fields: str, events: dict[str, Any] | None) -> Batch:
    """Let a job export everybody; at this speed it is over in a few milliseconds."""
    world = emulator.world
    sandbox = world.sandboxes["prod"]
    dataset = next(one for one in sandbox.datasets.values() if one.on_union)
    body = {
        "fields": fields,
        "additionalFields": {"eventList": events},
        "destination": {"datasetId": dataset.dataset_id},
        "schema": {"name": "_xdm.context.profile"},
    }
    job = world.create_job(sandbox, body)
    while True:
        batch = find_batch(world, sandbox, world.batch_ids.of(job.job_id, 0), now_ms=world.now_ms())
        if batch is not None and batch.rows:
            return batch
        await asyncio.sleep(0.01)


@contextmanager
def _http_server(folder: Path) -> Iterator[Source]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with _process(command) as process:
        source = Source(process, f"http://127.0.0.1:{port}/part.parquet", {})
        _until_up(port)
        yield source


def _until_up(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def _emulator(file: Path) -> Iterator[Source]:
    with _process([sys.executable, "-m", "tests.benchmarks.served_bytes", "serve", str(file)]) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Source(process, ready["url"], ready["headers"])


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()  # not killed: the emulator has a folder to remove
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


async def _serve(file: Path) -> None:
    """Serve an emulator that takes over `file` as its one written batch, and say where."""
    clock = SystemClock()
    emulator = Emulator(clock, jobs=0)
    sandbox = emulator.world.sandboxes["prod"]
    batch = Batch(BATCH, next(iter(sandbox.datasets)), "success", now_ms(clock), now_ms(clock), rows=ROWS)
    sandbox.written_batches[BATCH] = batch
    emulator.files.adopt(BATCH, [file])
    (part,) = emulator.files.parts(batch)
    known = emulator.credentials
    headers = {
        "Authorization": f"Bearer {known.access_token}",
        "x-api-key": known.client_id,
        "x-gw-ims-org-id": known.org_id,
        "x-sandbox-name": "prod",
    }

    def ready(url: str) -> None:
        path = f"{EXPORT}/files/{part.file_id}?path={part.name}"
        print(json.dumps({"url": url + path, "headers": headers}), flush=True)

    try:
        await serve(emulator.app, on_ready=ready, handle_signals=True)
    finally:
        emulator.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
    else:
        sys.exit(report("bytes served", measure()))

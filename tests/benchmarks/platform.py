"""Measures what the emulated platform can serve on one core at a million jobs; `python -m tests.benchmarks.platform`.

The emulator, and the bare application it is compared with, run one after the other in a process of their own that is
tied to one core; this process asks over a real loopback socket from another.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.figures import Figure, report
from tests.support.terminal import ROOT
from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.requests import Request

JOBS: Final = 1_000_000
FEW_JOBS: Final = 5_000
PAGE: Final = 100
ROUNDS: Final = 7
LISTS: Final = 40
GETS: Final = 400
OPEN: Final = 8
"""Connections at a time, so that the server never waits for this process."""
DEPTH_ROUNDS: Final = 60
PATH: Final = "/data/core/ups/export/jobs"
LIST, GET = "list", "get"


@dataclass(frozen=True, slots=True)
class Server:
    """A serving process: where it answers, what it said when it was ready, and how it is ended."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def port(self) -> int:
        return int(self.ready["base_url"].rpartition(":")[2])

    def peak_mib(self) -> float:
        """End it and return the most memory that it ever held."""
        self.process.terminate()
        told, _ = self.process.communicate(timeout=10)
        # The kernel counts in KiB, but for macOS, which counts in bytes.
        return float(json.loads(told)["peak"]) / (1024 * 1024 if sys.platform == "darwin" else 1024)


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run this module as a server and yield it once it answers."""
    command = (sys.executable, "-m", "tests.benchmarks.platform", "serve", *arguments)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            yield Server(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()


class Caller:
    """Asks over connections that stay open, in plain bytes: a client library would be slower than what it measures."""

    def __init__(self, port: int, head: str, *, connections: int) -> None:
        self._head = head
        self._sockets = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(connections)]

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def ask(self, paths: Sequence[str]) -> list[bytes]:
        """Ask for one path on each connection at once and return the bodies; every answer must be a 200."""
        used = self._sockets[: len(paths)]
        for each, path in zip(used, paths, strict=True):
            each.sendall(f"GET {path} HTTP/1.1\r\n{self._head}\r\n\r\n".encode())
        return [_body(each) for each in used]

    def rate(self, paths: Sequence[str]) -> float:
        """Return how many of these it is answered in a second."""
        waiting = iter(paths)
        begun = time.perf_counter()
        while chunk := list(islice(waiting, len(self._sockets))):
            self.ask(chunk)
        return len(paths) / (time.perf_counter() - begun)


def _body(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    assert status.split(b" ")[1] == b"200", data[:600]
    length = next(int(line.partition(b":")[2]) for line in lines if line.lower().startswith(b"content-length:"))
    parts, missing = [body], length - len(body)
    while missing > 0:
        parts.append(_more(connection))
        missing -= len(parts[-1])
    return b"".join(parts)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(262_144)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def measure() -> list[Figure]:
    """Measure rates in turns with the bare application, then pages at depth, then memory."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))  # the servers take the first
    try:
        with serving("emulator", str(JOBS)) as server:
            figures = _rates(server)
            figures += _depths(server)
            begun = Figure(f"emulator made, {JOBS:,} jobs", server.ready["made_s"], "s", 1.0)
            large = server.peak_mib()
        with serving("emulator", str(FEW_JOBS)) as server:
            _rates_of(server, _paths(server, FEW_JOBS), rounds=ROUNDS)
            _depths(server, jobs=FEW_JOBS)
            small = server.peak_mib()
    finally:
        if cores:
            os.sched_setaffinity(0, set(cores))
    return [
        begun,
        *figures,
        Figure(f"peak memory, {FEW_JOBS:,} jobs", small, "MiB"),
        Figure(f"peak memory, {JOBS:,} jobs", large, "MiB"),
        Figure("  against the few", large / small, "x", 1.1),
    ]


def _head(ready: dict[str, Any]) -> str:
    return (
        f"Host: 127.0.0.1\r\nAuthorization: Bearer {ready['access_token']}\r\nx-api-key: {ready['client_id']}\r\n"
        f"x-gw-ims-org-id: {ready['org_id']}\r\nx-sandbox-name: prod\r\nAccept: application/json"
    )


@contextmanager
def _caller(server: Server, *, connections: int) -> Iterator[Caller]:
    caller = Caller(server.port, _head(server.ready), connections=connections)
    try:
        yield caller
    finally:
        caller.close()


def _paths(server: Server, jobs: int) -> dict[str, list[str]]:
    """Return pages and jobs from everywhere in the history."""
    draw = random.Random(7)
    depths = [draw.randrange(jobs - PAGE) for _ in range(LISTS)]
    lists = [f"{PATH}?limit={PAGE}&offset={depth}" for depth in depths]
    with _caller(server, connections=1) as caller:
        ids = [
            json.loads(caller.ask([f"{PATH}?limit=1&offset={draw.randrange(jobs)}"])[0])["records"][0]["id"]
            for _ in range(GETS)
        ]
    return {LIST: lists, GET: [f"{PATH}/{one}" for one in ids]}


def _rates_of(server: Server, paths: dict[str, list[str]], *, rounds: int) -> dict[str, float]:
    with _caller(server, connections=OPEN) as caller:
        return {kind: median(caller.rate(paths[kind]) for _ in range(rounds)) for kind in paths}


def _rates(server: Server) -> list[Figure]:
    paths = _paths(server, JOBS)
    with _caller(server, connections=1) as caller:
        sizes = {kind: round(median(len(caller.ask([path])[0]) for path in paths[kind])) for kind in paths}
    rates: dict[str, dict[str, list[float]]] = {who: {LIST: [], GET: []} for who in ("ours", "bare")}
    with ExitStack() as stack:
        bare = stack.enter_context(serving("bare", str(sizes[LIST]), str(sizes[GET])))
        # Both wait on the same core while the other is asked, and are asked in turns.
        for _ in range(ROUNDS):
            for who, asked in (("ours", server), ("bare", bare)):
                wanted = paths if who == "ours" else {kind: [f"/{kind}"] * len(paths[kind]) for kind in paths}
                for kind, rate in _rates_of(asked, wanted, rounds=1).items():
                    rates[who][kind].append(rate)
    figures = []
    for kind, budget in ((LIST, 30.0), (GET, 5.0)):
        ours, theirs = median(rates["ours"][kind]), median(rates["bare"][kind])
        what = f"list of {PAGE}, {sizes[kind]:,} bytes" if kind == LIST else f"get, {sizes[kind]:,} bytes"
        figures += [
            Figure(f"{what}, {JOBS:,} jobs, one core", ours, "req/s"),
            Figure("  a bare route that answers as many bytes", theirs, "req/s"),
            Figure("  its rate against ours", theirs / ours, "x", budget),
        ]
    return figures


def _depths(server: Server, *, jobs: int = JOBS) -> list[Figure]:
    """Ask for pages in turns, so that a busy machine disturbs all of them alike."""
    failed = jobs * 3 // 40
    with _caller(server, connections=1) as caller:
        cursors = [_cursor(caller, depth) for depth in (jobs // 2, jobs - PAGE - 1)]
        pages = {
            "first page": f"{PATH}?limit={PAGE}",
            "page at half the depth": f"{PATH}?limit={PAGE}&offset={cursors[0]}",
            "last page": f"{PATH}?limit={PAGE}&offset={cursors[1]}",
            "page at offset 9/10, a number": f"{PATH}?limit={PAGE}&offset={jobs * 9 // 10}",
            "failed jobs, first page": f"{PATH}?limit={PAGE}&status=FAILED",
            "failed jobs, 9/10 of them skipped": f"{PATH}?limit={PAGE}&status=FAILED&offset={failed * 9 // 10}",
            "failed jobs, page at half the depth": f"{PATH}?limit={PAGE}&status=FAILED&offset={cursors[0]}",
            "cancelled jobs beyond the end": f"{PATH}?limit={PAGE}&status=CANCELLED&offset={jobs}",
        }
        times: dict[str, list[float]] = {name: [] for name in pages}
        order = random.Random(7)
        for _ in range(DEPTH_ROUNDS):
            # In another order each time: what was asked before has a say in how fast an answer is.
            for name, path in order.sample(sorted(pages.items()), len(pages)):
                begun = time.perf_counter()
                caller.ask([path])
                times[name].append((time.perf_counter() - begun) * 1000)
    middle = {name: median(values) for name, values in times.items()}
    first = middle.pop("first page")
    figures = [Figure(f"first page of {PAGE}, {jobs:,} jobs, p50", first, "ms", 10.0)]
    for name, value in middle.items():
        figures += [
            Figure(f"{name}, p50", value, "ms", 10.0),
            Figure("  against the first page", value / first, "x", 2.0),
        ]
    return figures


def _cursor(caller: Caller, depth: int) -> str:
    """Return the cursor under which the jobs stand that are older than the one at `depth`."""
    page = json.loads(caller.ask([f"{PATH}?limit=1&offset={depth}"])[0])
    return str(page["page"]["pageOffset"])


def _serve(kind: str, sizes: Sequence[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    begun = time.perf_counter()
    ready: Callable[[str], dict[str, Any]]
    if kind == "bare":
        app = _bare(*sizes)

        def ready(url: str) -> dict[str, Any]:
            return {"base_url": url, "access_token": "x" * 55, "client_id": "x" * 24, "org_id": "x" * 33}
    else:
        emulator = Emulator(SystemClock(), jobs=sizes[0])
        app, made_s = emulator.app, time.perf_counter() - begun

        def ready(url: str) -> dict[str, Any]:
            return emulator.ready_line(url) | {"made_s": made_s}

    asyncio.run(serve(app, on_ready=lambda url: print(json.dumps(ready(url)), flush=True), handle_signals=True))
    print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), flush=True)


def _bare(list_size: int, get_size: int) -> Any:
    """Return an application whose two routes answer a constant each."""
    bodies = {LIST: b"x" * list_size, GET: b"x" * get_size}

    def route(kind: str) -> Route:
        async def answer(request: Request) -> Response:
            del request  # every request gets the same
            return Response(bodies[kind], media_type="application/json")

        return Route(f"/{kind}", answer)

    return Starlette(routes=[route(LIST), route(GET)])


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2], [int(one) for one in sys.argv[3:]])
        sys.exit()
    sys.exit(report("platform", measure()))

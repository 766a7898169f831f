"""The emulator over a real socket: loopback only, ready when it says so, gone when told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import PlainTextResponse

from tests.emulator.conftest import JOBS
from tests.emulator.served import headers, served
from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.effect import TRANSPORT
from tui_app.emulator.server import loopback, serve

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def test_it_serves_a_stranger_and_stops_with_connections_open() -> None:
    emulator = Emulator(SystemClock(), jobs=200)
    async with httpx.AsyncClient() as client:
        async with served(emulator) as base_url:
            answer = await client.get(f"{base_url}{JOBS}", headers=headers(emulator))
            assert len(answer.json()["records"]) == 100
            assert len(answer.headers.get_list("Date")) == 1
            began = time.monotonic()
        assert time.monotonic() - began < 1
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{base_url}{JOBS}")


async def test_small_answers_are_sent_at_once() -> None:
    delays: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["state"][TRANSPORT].get_extra_info("socket")
        delays.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await PlainTextResponse("ok")(scope, receive, send)

    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(app, on_ready=ready.set_result))
    async with httpx.AsyncClient() as client:
        assert (await client.get(await ready)).text == "ok"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert delays == [1]


EVERYWHERE = "0.0.0.0"  # noqa: S104 - the address that must be refused


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.168.1.1", "platform.adobe.io", ""])
async def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        await serve(Emulator(SystemClock(), jobs=0).app, host)


def test_loopback_names() -> None:
    assert [loopback(host) for host in ("localhost", "127.0.0.2", "[::1]")] == ["127.0.0.1", "127.0.0.2", "::1"]


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: Address already in use. Choose another --port") as caught:
            await serve(Emulator(SystemClock(), jobs=0).app, port=port)
        assert "Errno" not in str(caught.value)
    with pytest.raises(OSError, match=r"port 99999: .*[^.]\. Choose"):
        await serve(Emulator(SystemClock(), jobs=0).app, port=99_999)


_PROCESS = """
import asyncio
from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.document import fault
from tui_app.emulator.server import serve

emulator = Emulator(SystemClock(), jobs=1_000_000)
for kind in ({"kind": "endless"}, {"kind": "drip", "bytes_a_second": 1}, {"kind": "wait", "seconds": 3600}):
    emulator.faults.add(fault(kind | {"path": "/" + kind["kind"]}))
asyncio.run(serve(emulator.app, on_ready=lambda url: print(url, flush=True), handle_signals=True))
emulator.close()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_a_process_within_a_second_whatever_goes_on(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-c", _PROCESS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    port = int(url.rpartition(":")[2])
    writers = []
    for path in ("endless", "endless", "drip", "wait", "idle"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() if path != "idle" else b"GET")
        if path in {"endless", "drip"}:
            assert await reader.readline() in {b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 404 Not Found\r\n"}
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/nothing")).status_code == 404
        began = time.monotonic()
        os.kill(process.pid, number)
        os.kill(process.pid, number)  # as from a terminal that closes: once from the kernel, once from the shell
        _, errors = await asyncio.wait_for(process.communicate(), 5)
        assert time.monotonic() - began < 1
    assert (process.returncode, errors) == (0, b"")
    for writer in writers:
        writer.transport.abort()


async def test_a_signal_that_is_to_be_ignored_stays_ignored() -> None:
    """`nohup` starts a process so; it must outlive the terminal."""
    ignoring = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN){_PROCESS}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ignoring, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    os.kill(process.pid, signal.SIGHUP)
    async with httpx.AsyncClient() as client:
        for _ in range(5):
            assert (await client.get(f"{url}/nothing")).status_code == 404
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 5)
    assert process.returncode == 0

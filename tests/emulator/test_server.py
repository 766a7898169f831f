"""The emulator over a real socket: loopback only, ready when it says so, gone when told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.emulator.conftest import JOBS
from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.server import loopback, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def served(emulator: Emulator, host: str = "127.0.0.1") -> AsyncIterator[str]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(emulator.app, host, 0, ready.set_result))
    try:
        yield await asyncio.wait_for(ready, 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def headers(emulator: Emulator) -> dict[str, str]:
    known = emulator.credentials
    return {
        "Authorization": f"Bearer {known.access_token}",
        "x-api-key": known.client_id,
        "x-gw-ims-org-id": known.org_id,
        "x-sandbox-name": "prod",
    }


async def test_it_serves_a_stranger_and_stops_with_connections_open() -> None:
    emulator = Emulator(SystemClock(), jobs=200)
    async with httpx.AsyncClient() as client:
        async with served(emulator) as base_url:
            answer = await client.get(f"{base_url}{JOBS}", headers=headers(emulator))
            assert len(answer.json()["records"]) == 100
            began = time.monotonic()
        assert time.monotonic() - began < 1
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{base_url}{JOBS}")


async def test_a_cut_answer_is_seen_as_one_on_the_wire() -> None:
    emulator = Emulator(SystemClock(), jobs=20)
    async with served(emulator) as base_url, httpx.AsyncClient() as client:
        for fault in (Fault(truncate_at=10), Fault(lose_answer=True)):
            emulator.faults.add(fault)
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{base_url}{JOBS}", headers=headers(emulator))
        assert (await client.get(f"{base_url}{JOBS}", headers=headers(emulator))).status_code == 200


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
        with pytest.raises(OSError, match=f"port {port}"):
            await serve(Emulator(SystemClock(), jobs=0).app, port=port)
    with pytest.raises(OSError, match="port 99999"):
        await serve(Emulator(SystemClock(), jobs=0).app, port=99_999)


async def test_sigterm_ends_a_process_within_a_second() -> None:
    code = (
        "import asyncio\n"
        "from tui_app.clock import SystemClock\n"
        "from tui_app.emulator.app import Emulator\n"
        "from tui_app.emulator.server import serve\n"
        "app = Emulator(SystemClock(), jobs=1_000_000).app\n"
        "asyncio.run(serve(app, on_ready=lambda url: print(url, flush=True), handle_signals=True))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/nothing")).status_code == 404
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 5)
        assert time.monotonic() - began < 1
    assert (process.returncode, errors) == (0, b"")

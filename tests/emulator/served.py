"""The emulator on a loopback socket in this loop, and a caller who looks at the bytes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulator.conftest import JOBS
from tui_app.emulator.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui_app.emulator.app import Emulator


@asynccontextmanager
async def served(emulator: Emulator, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve and give the base URL; stopped, and its files removed, at the end."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(emulator.app, host, 0, ready.set_result))
    try:
        yield await asyncio.wait_for(ready, 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        emulator.close()


def headers(emulator: Emulator) -> dict[str, str]:
    known = emulator.credentials
    return {
        "Authorization": f"Bearer {known.access_token}",
        "x-api-key": known.client_id,
        "x-gw-ims-org-id": known.org_id,
        "x-sandbox-name": "prod",
    }


@dataclass
class Bytes:
    """What came back on a connection of its own: all bytes, and how it ended."""

    sent: bytes = b""
    end: str = ""
    head: bytes = field(default=b"", init=False)
    body: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        self.head, _, self.body = self.sent.partition(b"\r\n\r\n")

    @property
    def status(self) -> int:
        return int(self.head.split(b" ")[1])

    def header(self, name: str) -> list[str]:
        lines = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return [value.strip().decode() for key, _, value in lines if key.lower() == name.lower().encode()]


async def fetch(
    emulator: Emulator,
    url: str,
    path: str = f"{JOBS}?limit=2",
    *,
    method: str = "GET",
    most: int = 10_000_000,
    timeout_s: float = 5.0,
    **more: Any,
) -> Bytes:
    """Send one request, read until the end or `most` bytes, and leave."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in (headers(emulator) | more).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    got, end = b"", "most"
    try:
        async with asyncio.timeout(timeout_s):
            while len(got) < most:
                part = await reader.read(65_536)
                if not part:
                    end = "closed"
                    break
                got += part
    except ConnectionResetError:
        end = "reset"
    finally:
        writer.transport.abort()
    return Bytes(got, end)

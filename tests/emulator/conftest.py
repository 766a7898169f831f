"""The platform in process, and a caller who knows nothing of our client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.clock import FakeClock
from tui_app.emulator.app import Emulator

JOBS = "/data/core/ups/export/jobs"
CATALOG = "/data/foundation/catalog"
UNION = {
    "id": "https://ns.adobe.com/xdm/context/profile__union",
    "contentType": "application/vnd.adobe.xed+json;version=1",
}


@dataclass(frozen=True)
class Caller:
    """Sends the four headers of a stranger's client and returns plain JSON."""

    emulator: Emulator
    clock: FakeClock
    http: httpx.AsyncClient

    def headers(self, sandbox: str = "prod") -> dict[str, str]:
        known = self.emulator.credentials
        return {
            "Authorization": f"Bearer {known.access_token}",
            "x-api-key": known.client_id,
            "x-gw-ims-org-id": known.org_id,
            "x-sandbox-name": sandbox,
        }

    async def get(self, path: str, *, sandbox: str = "prod", **params: Any) -> Any:
        answer = await self.http.get(path, headers=self.headers(sandbox), params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object, *, sandbox: str = "prod") -> httpx.Response:
        return await self.http.post(path, headers=self.headers(sandbox), json=body)

    async def delete(self, path: str, *, sandbox: str = "prod") -> httpx.Response:
        return await self.http.delete(path, headers=self.headers(sandbox))

    async def dataset(self, name: str = "Target", *, sandbox: str = "prod") -> str:
        answer = await self.post(f"{CATALOG}/dataSets", {"name": name, "schemaRef": UNION}, sandbox=sandbox)
        assert answer.status_code == 201, answer.text
        return str(answer.json()[0]).rpartition("/")[2]

    async def job(self, *segments: str, sandbox: str = "prod", **more: Any) -> dict[str, Any]:
        answer = await self.post(JOBS, minimal(await self.dataset(sandbox=sandbox), *segments) | more, sandbox=sandbox)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made


def minimal(dataset_id: str, *segments: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "destination": {"datasetId": dataset_id},
        "schema": {"name": "_xdm.context.profile"},
    }
    if segments:
        body["filter"] = {"segments": [{"segmentId": one} for one in segments]}
    return body


Start = Callable[..., Caller]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:
        opened: list[httpx.AsyncClient] = []

        def make(**options: Any) -> Caller:
            clock = FakeClock()
            emulator = Emulator(clock, **{"jobs": 60, **options})
            client = httpx.AsyncClient(transport=httpx.ASGITransport(emulator.app), base_url="http://127.0.0.1")
            stack.callback(emulator.close)
            opened.append(client)
            stack.push_async_callback(client.aclose)
            return Caller(emulator, clock, client)

        yield make


@pytest.fixture
async def caller(start: Start) -> Caller:
    return start()

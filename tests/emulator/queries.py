"""One who sends queries to the emulator and lets the platform's time pass until they have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from tests.emulator.conftest import Caller

QUERY = "/data/foundation/query"
QUERIES = f"{QUERY}/queries"
EXPORTED = "call_centre_outreach"  # a table of narrow exports: identityMap and personalEmail.address
COUNT = "SELECT COUNT(1) FROM call_centre_outreach"
LONG = "SELECT count(*) FROM range(100000000) a, range(100000) b"  # minutes of work in little memory


@dataclass(frozen=True)
class Asker:
    caller: Caller

    async def send(self, statement: str, *, sandbox: str = "prod", **more: Any) -> httpx.Response:
        body = {"dbName": f"{sandbox}:all", "sql": statement} | more
        return await self.caller.post(QUERIES, body, sandbox=sandbox)

    async def submitted(self, sql: str, **more: Any) -> dict[str, Any]:
        answer = await self.send(sql, **more)
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def told(self, query_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self.caller.get(f"{QUERIES}/{query_id}")
        return answer

    async def ended(self, sql: str, **more: Any) -> dict[str, Any]:
        """Send a query and return its answer after its end."""
        made = await self.submitted(sql, **more)
        await self.caller.emulator.queries.settled(made["id"])
        await self.caller.clock.advance(60)
        return await self.told(made["id"])

    async def change(self, query_id: str, body: object) -> httpx.Response:
        return await self.caller.http.patch(f"{QUERIES}/{query_id}", headers=self.caller.headers(), json=body)

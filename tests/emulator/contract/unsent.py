"""Owns which documented keys no answer has: unsent.json, and what makes it, `python -m tests.emulator.contract.unsent`.

Nearly every published key is optional, so an answer that lost one still validates. This list holds it: a key that
comes to it or leaves it shows in a diff. It says of each worked call what is unsent in every dialect, and what in one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.emulator.conftest import Caller
from tests.emulator.contract.calls import CALLS, send
from tests.emulator.contract.differences import EVERY
from tests.emulator.contract.published import OPERATIONS, operation_of, unsent
from tests.support.clock import FakeClock
from tui_app.emulator.app import Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping

WORLD: Final[dict[str, Any]] = {"jobs": 200, "rows": 500}
_UNSENT: Final = Path(__file__).with_name("unsent.json")
_ALL: Final = "every"


def known_unsent(name: str, dialect: str) -> set[str]:
    """Return the places of documented keys that this call's answer does not have."""
    told: Mapping[str, list[str]] = _KNOWN.get(name, {})
    return {*told.get(_ALL, ()), *told.get(dialect, ())}


_KNOWN: Final[dict[str, dict[str, list[str]]]] = json.loads(_UNSENT.read_text(encoding="utf-8"))


async def _found(name: str, dialect: str) -> set[str]:
    clock, operation = FakeClock(), OPERATIONS[operation_of(name)]
    emulator = Emulator(clock, dialect=dialect, **WORLD)
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await send(Caller(emulator, clock, http), operation, CALLS[name])
    emulator.close()
    schema = operation.bodies.get(str(answer.status_code))
    return set() if schema is None else unsent(schema, answer.json())


async def _made() -> dict[str, dict[str, list[str]]]:
    made = {}
    for name in sorted(CALLS):
        found = {dialect: await _found(name, dialect) for dialect in EVERY}
        common = set.intersection(*found.values())
        told = {_ALL: common} | {dialect: places - common for dialect, places in found.items()}
        made[name] = {key: sorted(places) for key, places in told.items() if places}
    return {name: told for name, told in made.items() if told}


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}:{json.dumps(told)}" for name, told in asyncio.run(_made()).items()]
    _UNSENT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{_UNSENT}: {len(lines)} calls\n")

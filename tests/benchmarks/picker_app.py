"""Runs the app on a scripted platform with thousands of audiences and fields, for `pickers` to measure."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.support.engines import make_app, make_engine
from tests.support.lookups import FakeLists
from tui_app.cli.main import COLLECTING
from tui_app.clock import SystemClock
from tui_app.models.catalog import PROFILE_UNION

AUDIENCES: Final = 5_000
FIELDS: Final = 10_000
_BRANCHES: Final = 100
_WORDS: Final = ("Loyal", "New", "Lapsed", "Winter", "Shop", "Mobile", "Email", "Store", "Gold", "Young")


def audiences() -> dict[str, Any]:
    """Return records as the platform lists them, by id."""
    found = {}
    for number in range(AUDIENCES):
        key = f"{number:08x}-2c35-4f6d-b4c6-9075c68d2df4"
        name = f"{_WORDS[number % 10]} {_WORDS[number // 10 % 10]} customers {number}"
        metrics = {"data": {"totalProfiles": number * 17}, "updateEpoch": 1_700_000_000}
        found[key] = {"id": key, "name": name, "type": "SegmentDefinition", "metrics": metrics}
    return found


def union() -> dict[str, Any]:
    """Return a resolved schema of so many fields."""
    leaf = {"type": "string", "title": "Something that is told of a person"}
    inner = {f"{_WORDS[number % 10].lower()}Value{number}": leaf for number in range(FIELDS // _BRANCHES - 1)}
    branch = {"type": "object", "title": "A group of fields", "properties": inner}
    return {"properties": {f"{_WORDS[number % 10].lower()}Group{number}": branch for number in range(_BRANCHES)}}


async def _run(folder: Path) -> None:
    # Read in once by another engine, so that the app begins with what history has, as on any second day.
    for is_first in (True, False):
        engine, platform = make_engine(folder, SystemClock())
        lists = FakeLists(platform)
        lists.audiences, lists.schemas = audiences(), {PROFILE_UNION: union()}
        if is_first:
            for lookup in (engine.lookups.audiences, engine.lookups.profile_fields):
                await lookup.refresh()
            await engine.stop()
    app = make_app(engine, live=True)
    await app.run_async()
    await app.shutdown()


if __name__ == "__main__":
    gc.set_threshold(*COLLECTING)  # as the command does before it starts the app
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home:
        asyncio.run(_run(Path(home)))

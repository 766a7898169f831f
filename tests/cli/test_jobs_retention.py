"""Retention as the commands put it in force: what a wider one brings back, without the app ever having run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tui_app.engine.backfill import CURSOR
from tui_app.history.history import History
from tui_app.history.retention import DAY_MS, Retention

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator

    Aepx = Callable[..., Result]


@pytest.fixture
def pruned(aepx: Aepx, platform: ServedEmulator, clean_home: Path) -> set[str]:
    """Bring all jobs, have an app remove the older half, and return the ids of all."""
    assert aepx("jobs", "sync", "--all").code == 0
    listed = aepx("jobs", "list", "--offline", "--all", "--json").document
    (path,) = clean_home.rglob("*.db")

    async def prune() -> int:
        history = History(path)
        history.open()
        newest, half = (await history.jobs.newest_times(len(listed)))[0], len(listed) // 2
        middle = (await history.jobs.newest_times(half))[-1]
        keep = Retention(keep_days=(newest + 1 - middle) / DAY_MS)
        removed = await history.prune(keep, now_ms=newest + 1, walk=CURSOR)
        history.close()
        return removed.jobs

    removed = asyncio.run(prune())
    assert removed > len(listed) // 4
    assert len(aepx("jobs", "list", "--offline", "--all", "--json").document) == len(listed) - removed
    return {one["id"] for one in listed}


@pytest.mark.parametrize("command", [("jobs", "sync", "--all"), ("jobs", "list", "--all", "--json")])
def test_what_is_to_be_kept_again_is_brought_back(aepx: Aepx, pruned: set[str], command: tuple[str, ...]) -> None:
    result = aepx(*command)
    assert result.code == 0
    assert "older than what the history keeps" not in result.err
    assert {one["id"] for one in aepx("jobs", "list", "--offline", "--all", "--json").document} == pruned

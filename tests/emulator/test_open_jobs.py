"""Thousands of jobs that run at once: what looking at them and steering them costs, and that it tells what is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import JOBS, Start, minimal
from tests.support.clock import FakeClock
from tui_app.emulator.services import export_job_query
from tui_app.emulator.world import open_jobs, shelf
from tui_app.emulator.world.lifecycle import state
from tui_app.emulator.world.scripts import Script
from tui_app.emulator.world.world import Sandbox, World

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 400
STATUSES = ("NEW", "PROCESSING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED")


def target(sandbox: Sandbox) -> str:
    return next(one.dataset_id for one in sandbox.datasets.values() if one.on_union)


def counted(monkeypatch: pytest.MonkeyPatch, holder: object, name: str) -> list[object]:
    """Count the calls of a function by the name that a module knows it by."""
    calls: list[object] = []
    real: Callable[..., Any] = getattr(holder, name)

    def counting(*args: Any, **more: Any) -> Any:
        calls.append(args)
        return real(*args, **more)

    monkeypatch.setattr(holder, name, counting)
    return calls


async def test_a_filter_looks_at_few_of_many_running_jobs(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = start(jobs=20)
    world = caller.emulator.world
    prod = world.sandboxes["prod"]
    for _ in range(MANY):
        world.create_job(prod, minimal(target(prod)))
    looked, shown = counted(monkeypatch, open_jobs, "state"), counted(monkeypatch, export_job_query, "state")
    new = (await caller.get(JOBS, status="NEW", limit=5))["records"]
    assert [job["status"] for job in new] == ["NEW"] * 5
    assert (await caller.get(JOBS, status="NONSENSE"))["records"] == []
    await caller.get(JOBS, status="FAILED", limit=5)
    assert len(looked) < 20
    assert len(shown) < 20


async def test_a_change_of_speed_costs_nothing_until_a_job_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    world = World(clock, jobs=20)
    prod = world.sandboxes["prod"]
    for _ in range(MANY):
        world.create_job(prod, minimal(target(prod)))
    laid = counted(monkeypatch, shelf, "laid")
    for speed in range(2, 60):
        await clock.advance(0.1)
        world.set_speed(speed)
    assert laid == []
    newest = prod.shelf.job(len(prod.shelf) - 1)
    assert len(laid) == 1
    assert prod.shelf.job(len(prod.shelf) - 1) is newest


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["wait", "make", "cancel", "speed"]),
            st.floats(0.001, 2_000),
            st.sampled_from(["x", "stuck", "fail-export", "fail-write", "empty"]),
        ),
        max_size=14,
    ),
    brief=st.booleans(),
)
async def test_every_status_lists_the_jobs_that_show_it(steps: list[tuple[str, float, str]], *, brief: bool) -> None:
    clock = FakeClock()
    world = World(clock, jobs=20, speed=20)
    if brief:
        world.script(Script(stages=dict.fromkeys(("queue", "export", "gap", "write", "finish"), 0), times=20))
    prod = world.sandboxes["prod"]
    for word, amount, segment in steps:
        if word == "wait":
            await clock.advance(amount)
        elif word == "make":
            world.create_job(prod, minimal(target(prod), segment))
        elif word == "cancel":
            world.cancel_job(prod, prod.shelf.job(len(prod.shelf) - 1 - int(amount) % 7).job_id)
        else:
            world.set_speed(min(1e6, max(0.001, amount * amount)))
        now, total = world.now_ms(), len(prod.shelf)
        told = [state(prod.shelf.job(index).plan, now).status for index in range(total)]
        for status in STATUSES:
            found = [*prod.shelf.matches(status, at_ms=now).descending(total)]
            assert found == [index for index in reversed(range(total)) if told[index] == status], status


@pytest.mark.parametrize("dialect", ["seed", "openapi", "newest"])
async def test_a_number_skips_the_jobs_of_any_word(start: Start, dialect: str) -> None:
    caller = start(jobs=60, dialect=dialect)
    world = caller.emulator.world
    prod = world.sandboxes["prod"]
    for number in range(24):
        made = world.create_job(prod, minimal(target(prod)))
        if number % 3 == 0:
            world.cancel_job(prod, made.job_id)
        await caller.clock.advance(11)
    for filtered in ({}, *({"status": word} for word in ("NEW", "QUEUED", "PROCESSING", "CANCELLING", "CANCELED"))):
        every = [job["id"] for job in (await caller.get(JOBS, limit=1_000, **filtered))["records"]]
        for skip in (1, 2, 7, len(every) - 1, len(every), len(every) + 3):
            page = await caller.get(JOBS, limit=4, offset=max(0, skip), **filtered)
            assert [job["id"] for job in page["records"]] == every[max(0, skip) :][:4], (filtered, skip)

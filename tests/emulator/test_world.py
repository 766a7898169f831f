"""The world is decided by its seed, costs nothing when it is long, and lives when asked to."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start
from tests.support.clock import FakeClock
from tui_app.emulator.chance import Chance
from tui_app.emulator.world.lifecycle import STATUS_OF, TERMINAL, state
from tui_app.emulator.world.world import World


async def test_one_seed_makes_one_world(start: Start) -> None:
    async def all_of(caller: Caller) -> list[Any]:
        answers = []
        for sandbox in ("prod", "dev", "stage"):
            answers.append(await caller.get(JOBS, limit=1000, sandbox=sandbox))
            answers.append(await caller.get(f"{CATALOG}/dataSets", limit=100, sandbox=sandbox))
            answers.append(await caller.get(f"{CATALOG}/batches", limit=100, sandbox=sandbox))
        return answers

    first, again, other = [await all_of(start(jobs=300, seed=seed)) for seed in (1, 1, 2)]
    assert first == again
    assert first != other


async def test_the_past_is_believable_and_hostile(start: Start) -> None:
    caller = start(jobs=5_000)
    jobs: list[dict[str, Any]] = []
    offset: dict[str, str] = {}
    while True:
        page = await caller.get(JOBS, limit=1000, **offset)
        jobs += page["records"]
        if not page["link"]["next"]:
            break
        offset = {"offset": page["page"]["pageOffset"]}
    assert len(jobs) == 5_000
    counts = Counter(job["status"] for job in jobs)
    assert set(counts) == {"NEW", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELLED"}
    assert counts["SUCCEEDED"] > 4_000
    assert counts["FAILED"] > 200
    assert counts["CANCELLED"] > 20
    now = caller.emulator.world.now_ms()
    assert 89 < (now - jobs[-1]["creationTime"]) / 86_400_000 <= 90
    assert all(job["updateTime"] <= now for job in jobs)
    assert 0.1 < sum("properties" in job for job in jobs) / 5_000 < 0.4
    text = json.dumps([job.get("errors") for job in jobs])
    for piece in (
        "0090000009",
        "Spark",
        "not persisted",
        "merge policy",
        "401013",
        "quota",
        "[/x]",
        r"\u001b]0;x\u0007",
    ):
        assert piece in text, piece
    names = [one["name"] for one in (await caller.get(f"{CATALOG}/dataSets", limit=100)).values()]
    assert max(map(len, names)) >= 300
    hostile = "".join(names)
    for piece in ("[/x]", "\x1b]0;x\x07", "\x9b", "\u202e", "顧客", "👨‍👩‍👧‍👦", "Profile-Snapshot-Export-"):
        assert piece in hostile, piece


async def test_the_newest_jobs_run_in_different_stages(start: Start) -> None:
    for speed in (1, 30, 60):
        caller = start(speed=speed, jobs=5_000)
        newest = (await caller.get(JOBS, limit=4))["records"]
        stages = [(job["status"], tuple(job["metrics"])) for job in newest]
        assert stages == [
            ("NEW", ("totalTime",)),
            ("PROCESSING", ("totalTime", "profileExportTime")),
            ("PROCESSING", ("totalTime", "profileExportTime")),
            ("PROCESSING", ("totalTime", "profileExportTime", "aCPDatasetWriteTime")),
        ]
        assert ["endTimeInMs" in job["metrics"]["profileExportTime"] for job in newest[1:]] == [False, True, True]


@pytest.mark.parametrize("jobs", [0, 1, 9, 10, 11, 17, 100, 1_003])
def test_indexes_ids_and_times_agree_for_any_length(jobs: int) -> None:
    world = World(FakeClock(), jobs=jobs)
    every: list[int] = []
    for sandbox in world.sandboxes.values():
        shelf = sandbox.shelf
        keys = [shelf.key(index) for index in range(len(shelf))]
        assert keys == sorted(keys)
        assert [shelf.find(key[1]) for key in keys] == list(range(len(keys)))
        assert [shelf.older_than(key) for key in keys] == list(range(len(keys)))
        assert [shelf.job(index).key for index in range(len(shelf))] == keys
        every += [key[1] for key in keys]
    assert len(world.sandboxes["prod"].shelf) == jobs
    assert len(every) == len(set(every))


def test_a_settled_status_is_the_one_that_the_job_shows() -> None:
    world = World(FakeClock(), jobs=2_000)
    for sandbox in world.sandboxes.values():
        past = sandbox.shelf.past
        for index in range(past.count):
            if index == past.stuck:
                continue
            assert STATUS_OF[past.strata.outcome(index)] == state(past.job(index).plan, world.started_ms).status


def test_a_million_jobs_take_the_memory_and_the_steps_of_five_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    made = Chance.__init__

    def counted(self: Chance, seed: int, *topic: object) -> None:
        steps[-1] += 1
        made(self, seed, *topic)

    monkeypatch.setattr(Chance, "__init__", counted)
    held = []
    for jobs in (5_000, 1_000_000):
        steps.append(0)
        world = World(FakeClock(), jobs=jobs)
        shelf = world.sandboxes["prod"].shelf
        shelf.newest(100, below=len(shelf) // 2, status="FAILED", at_ms=world.started_ms, skip=len(shelf) // 90)
        for place in (len(shelf), len(shelf) // 2, 150):
            cursor = shelf.key(place - 1)
            page = shelf.newest(100, below=shelf.older_than(cursor), status=None, at_ms=world.started_ms)
            assert [job.key for job in page] == [shelf.key(index) for index in range(place - 2, place - 102, -1)]
        held.append((shelf.held, sys.getsizeof(shelf.past)))
    assert abs(steps[0] - steps[1]) < 20, "the search for a status halves the list once more for twice as many"
    assert held[0] == held[1]


async def test_a_living_world_always_has_three_jobs_running(start: Start) -> None:
    caller = start(alive=True, speed=30, jobs=500)
    world = caller.emulator.world
    shelf = world.sandboxes["prod"].shelf
    seen: set[str] = set()
    for _ in range(900):
        now = world.now_ms()
        newest = shelf.newest(60, below=len(shelf), status=None, at_ms=now)
        states = [state(job.plan, now).status for job in newest]
        seen |= set(states)
        assert sum(status not in TERMINAL for status in states) >= 3
        await caller.clock.advance(2)
    assert len(shelf) > 550
    assert seen >= {"NEW", "PROCESSING", "SUCCEEDED", "FAILED"}
    keys = [shelf.key(index) for index in range(500, len(shelf))]
    assert keys == sorted(keys)


async def test_arrivals_do_not_depend_on_who_looks_and_when(start: Start) -> None:
    watched, unwatched = start(alive=True, speed=30), start(alive=True, speed=30)
    for _ in range(30):
        await watched.get(JOBS, limit=1)
        await watched.clock.advance(10)
    await unwatched.clock.advance(300)
    assert await watched.get(JOBS, limit=100) == await unwatched.get(JOBS, limit=100)


async def test_nothing_arrives_at_a_dataset_that_was_deleted(start: Start) -> None:
    caller = start(alive=True, speed=60, jobs=200)
    world = caller.emulator.world
    prod = world.sandboxes["prod"]
    await caller.clock.advance(3_000)
    world.now_ms()
    before = [prod.shelf.job(index) for index in range(len(prod.shelf))]
    kept, *gone = {one.dataset_id: one for one in prod.room.targets}.values()
    snapshot = prod.room.snapshot
    assert snapshot is not None
    for one in (*gone, snapshot):
        assert (await caller.delete(f"{CATALOG}/dataSets/{one.dataset_id}")).status_code == 200
    await caller.clock.advance(3_000)
    world.now_ms()
    jobs = [prod.shelf.job(index) for index in range(len(prod.shelf))]
    assert [job.dataset_id for job in jobs[: len(before)]] == [job.dataset_id for job in before]
    assert {job.dataset_id for job in before} > {kept.dataset_id}
    assert len(jobs) > len(before) + 300
    assert {job.dataset_id for job in jobs[len(before) :]} == {kept.dataset_id}
    assert (await caller.delete(f"{CATALOG}/dataSets/{kept.dataset_id}")).status_code == 200
    await caller.clock.advance(60)
    assert len(await caller.get(JOBS, limit=1)) == 3


def test_draws_take_any_text() -> None:
    odd, other = Chance(1, "members", "\ud800"), Chance(1, "members", "\udfff")
    assert odd.hex(16) == Chance(1, "members", "\ud800").hex(16) != other.hex(16)


async def test_ids_rise_across_sandboxes_and_arrivals(start: Start) -> None:
    caller = start(alive=True, speed=60)
    made = []
    for sandbox in ("prod", "dev", "stage", "empty", "prod"):
        made.append((await caller.job("x", sandbox=sandbox))["id"])
        await caller.clock.advance(15)
    assert made == sorted(set(made))


@pytest.mark.parametrize(
    "options",
    [
        {"speed": 0},
        {"speed": -1},
        {"speed": float("nan")},
        {"speed": float("inf")},
        {"speed": 10**400},
        {"speed": True},
        {"jobs": -1},
        {"jobs": 10**12},
        {"rows": -1},
        {"rows": 10**12},
    ],
)
def test_meaningless_options_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="emulator"):
        World(FakeClock(), **options)

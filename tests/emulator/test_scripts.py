"""What callers script of jobs to come: how they end, how long each stage takes, and which jobs it is for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import JOBS, Caller, minimal
from tests.support.clock import FakeClock
from tui_app.emulator.world.scripts import MOST_SCRIPTS, Script
from tui_app.emulator.world.world import World

if TYPE_CHECKING:
    from tui_app.emulator.world.lifecycle import Job


@pytest.fixture
def world() -> World:
    return World(FakeClock(), jobs=10)


def target(world: World, place: int = 0) -> str:
    datasets = [one.dataset_id for one in world.sandboxes["prod"].datasets.values() if one.on_union]
    return datasets[place]


def make(world: World, *segments: str, place: int = 0) -> Job:
    return world.create_job(world.sandboxes["prod"], minimal(target(world, place), *segments))


async def test_stages_take_as_long_as_the_script_says(caller: Caller) -> None:
    world = caller.emulator.world
    world.script(Script(stages={"queue": 5, "export": 10, "gap": 15, "write": 20, "finish": 25}))
    job = await caller.job("x")
    seen = []
    for wait in (4.999, 0.001, 10, 15, 20, 24.999, 0.001):
        await caller.clock.advance(wait)
        shown = await caller.get(f"{JOBS}/{job['id']}")
        seen.append((shown["status"], sum("endTimeInMs" in timer for timer in shown["metrics"].values())))
    assert seen == [
        ("NEW", 0),
        ("PROCESSING", 0),
        ("PROCESSING", 1),
        ("PROCESSING", 1),
        ("PROCESSING", 2),
        ("PROCESSING", 2),
        ("SUCCEEDED", 3),
    ]


def test_speed_divides_scripted_stages_and_others_stay_as_they_are(world: World) -> None:
    usual = make(world, "x").plan
    world.set_speed(10)
    world.script(Script(stages={"gap": 600}))
    plan = make(world, "x").plan
    assert plan.gap_ms == 60_000
    assert abs(plan.export_ms - usual.export_ms / 10) < 0.25 * plan.export_ms


def test_a_scripted_gap_is_taken_as_it_is_and_a_length_may_be_nothing(world: World) -> None:
    world.script(Script("slow-gap", {"gap": 7, "queue": 0}), Script("slow-gap"))
    first, second = make(world, "x").plan, make(world, "x").plan
    assert (first.gap_ms, first.queue_ms) == (7_000, 1)
    assert second.gap_ms > 12 * 0.89 * 180_000


def test_a_script_waits_for_the_jobs_it_allows(world: World) -> None:
    world.script(
        Script("stuck", dataset_id=target(world, 1)),
        Script("fail-write", segment="mine", times=2),
        Script("empty", dataset_id=target(world, 0), segment="both"),
    )
    outcomes = [make(world, *segments).plan.outcome for segments in (("x",), ("other", "mine"), ("both",), ())]
    assert outcomes == ["ok", "fail-write", "empty", "ok"]
    assert [(one.outcome, left) for one, left in world.scripts] == [("stuck", 1), ("fail-write", 1)]
    assert make(world, "mine", place=1).plan.outcome == "stuck", "the first that allows the job is taken"
    assert make(world, "mine").plan.outcome == "fail-write"
    assert world.scripts == ()


def test_words_and_scripts_stand_in_one_line_before_markers(world: World) -> None:
    world.script("fail-write", Script("empty", times=2), "ok")
    outcomes = [make(world, "fail-export").plan.outcome for _ in range(5)]
    assert outcomes == ["fail-write", "empty", "empty", "ok", "fail-export"]
    world.script("stuck")
    world.clear_scripts()
    assert make(world, "x").plan.outcome == "ok"


def test_a_failing_script_tells_its_errors_and_an_empty_one_finds_nobody(world: World) -> None:
    world.script("fail-export", "empty")
    failed, empty = make(world, "x"), make(world, "x")
    assert failed.errors
    assert (empty.profiles, empty.errors) == (0, ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outcome": "explode"}, "fail-export"),
        ({"outcome": ""}, "Unknown outcome"),
        ({"outcome": None}, "Unknown outcome"),
        ({"outcome": ["ok"]}, "Unknown outcome"),
        ({"stages": {"lunch": 3}}, "queue, export, gap, write, finish"),
        ({"stages": {"gap": -1}}, "stage gap"),
        ({"stages": {"gap": math.nan}}, "stage gap"),
        ({"stages": {"gap": math.inf}}, "stage gap"),
        ({"stages": {"gap": 10**400}}, "stage gap"),
        ({"stages": {"gap": True}}, "stage gap"),
        ({"stages": {"gap": "5"}}, "stage gap"),
        ({"stages": {5: 5}}, "Unknown stage"),
        ({"stages": [1, 2]}, "stages"),
        ({"stages": "gap"}, "stages"),
        ({"times": 0}, "times"),
        ({"times": -3}, "times"),
        ({"times": 1.0}, "times"),
        ({"times": True}, "times"),
        ({"times": 10**400}, "times"),
        ({"dataset_id": ""}, "dataset_id"),
        ({"dataset_id": 5}, "dataset_id"),
        ({"segment": ""}, "segment"),
        ({"segment": ["x"]}, "segment"),
    ],
)
def test_a_script_that_means_nothing_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Script(**options)
    assert len(str(caught.value)) < 900


def test_a_word_that_means_nothing_leaves_no_script_behind(world: World) -> None:
    with pytest.raises(ValueError, match="explode"):
        world.script("ok", "explode")
    assert world.scripts == ()
    world.script(*["ok"] * MOST_SCRIPTS)
    with pytest.raises(ValueError, match="wait already"):
        world.script("ok")
    assert len(world.scripts) == MOST_SCRIPTS

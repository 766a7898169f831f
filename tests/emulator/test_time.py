"""The platform's time can be stopped and moved, and the speed of its work changed, without anything going back."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.conftest import JOBS, Start, minimal
from tests.support.clock import START, FakeClock
from tui_app.emulator.world.lifecycle import Lengths, Timeline, cancelled, laid, state
from tui_app.emulator.world.time import FASTEST, LONGEST_STEP_S, SLOWEST, Pace, PlatformTime
from tui_app.emulator.world.world import World


class Erratic(FakeClock):
    """A clock that somebody sets."""

    shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


async def test_it_follows_its_clock_until_it_is_paused() -> None:
    clock = FakeClock()
    time = PlatformTime(clock)
    await clock.advance(5)
    assert time.now() == START + timedelta(seconds=5)
    time.pause()
    time.pause()
    await clock.advance(100)
    assert (time.is_paused, time.now()) == (True, START + timedelta(seconds=5))
    time.step(30)
    assert time.now() == START + timedelta(seconds=35)
    time.resume()
    time.resume()
    assert (time.is_paused, time.now()) == (False, START + timedelta(seconds=35))
    assert time.ahead_s == -70
    await clock.advance(1)
    assert time.now() == START + timedelta(seconds=36)
    assert time.monotonic() == clock.monotonic()


async def test_a_clock_that_is_set_while_it_stands_changes_nothing() -> None:
    clock = Erratic()
    time = PlatformTime(clock)
    time.pause()
    clock.shift = timedelta(hours=-3)
    assert time.now() == START
    time.resume()
    assert time.now() == START


@pytest.mark.parametrize(
    "seconds", [0, -1, LONGEST_STEP_S + 1, math.nan, math.inf, -math.inf, 10**400, True, "5", None, [1]]
)
def test_a_step_that_means_nothing_is_named(seconds: float) -> None:
    time = PlatformTime(FakeClock())
    with pytest.raises(ValueError, match="step"):
        time.step(seconds)
    assert time.now() == START


def test_time_ends_before_it_cannot_be_told() -> None:
    time, last = PlatformTime(FakeClock()), datetime(2200, 1, 1, tzinfo=UTC)
    while time.now() + timedelta(seconds=LONGEST_STEP_S) < last:
        time.step(LONGEST_STEP_S)
    with pytest.raises(ValueError, match="2199"):
        time.step(LONGEST_STEP_S)
    assert time.now() < last


async def test_paused_jobs_stand_still_and_a_step_moves_them(start: Start) -> None:
    caller = start(alive=True, speed=60)
    made = await caller.job("x")
    caller.emulator.time.pause()
    before = await caller.get(JOBS, limit=100)
    await caller.clock.advance(3_600)
    assert await caller.get(JOBS, limit=100) == before
    caller.emulator.time.step(6)
    assert (await caller.get(f"{JOBS}/{made['id']}"))["status"] == "PROCESSING"
    second = await caller.job("y")
    third = await caller.job("z")
    assert second["creationTime"] == third["creationTime"]
    assert [one["id"] for one in (await caller.get(JOBS, limit=2))["records"]] == [third["id"], second["id"]]
    caller.emulator.time.resume()
    await caller.clock.advance(30)
    assert (await caller.get(f"{JOBS}/{made['id']}"))["status"] == "SUCCEEDED"


async def test_a_world_whose_clock_goes_back_stands_still() -> None:
    clock = Erratic()
    world = World(clock, jobs=30, alive=True, speed=30)
    prod = world.sandboxes["prod"]
    await clock.advance(300)
    now, count = world.now_ms(), len(prod.shelf)
    clock.shift = timedelta(hours=-2)
    assert (world.now_ms(), len(prod.shelf)) == (now, count)
    target = next(one.dataset_id for one in prod.datasets.values() if one.on_union)
    made = world.create_job(prod, minimal(target))
    assert made.key == prod.shelf.key(count)
    assert made.plan.created_ms == now
    clock.shift = timedelta()
    await clock.advance(60)
    keys = [prod.shelf.key(index) for index in range(len(prod.shelf))]
    assert keys == sorted(keys)


async def test_speed_moves_what_is_left_of_every_job(start: Start) -> None:
    caller = start(speed=1)
    world = caller.emulator.world
    made = await caller.job("x")
    await caller.clock.advance(100)
    world.set_speed(100)
    assert world.speed == 100
    new = await caller.job("y")
    assert (await caller.get(f"{JOBS}/{made['id']}"))["status"] == "NEW"
    await caller.clock.advance(9)
    jobs = [await caller.get(f"{JOBS}/{one['id']}") for one in (made, new)]
    assert [job["status"] for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]
    assert jobs[0]["metrics"]["totalTime"]["totalTimeInMs"] > 100_000
    for job in jobs:
        assert job["metrics"]["totalTime"]["endTimeInMs"] == job["updateTime"]


@pytest.mark.parametrize("speed", [0, -1, math.nan, math.inf, SLOWEST / 2, FASTEST * 2, 10**400, True, "1", None])
def test_a_speed_that_means_nothing_is_named(speed: float) -> None:
    world = World(FakeClock(), jobs=5)
    with pytest.raises(ValueError, match="speed"):
        world.set_speed(speed)
    assert world.speed == 1


@given(
    lengths=st.tuples(*[st.floats(0, 1_000)] * 5),
    outcome=st.sampled_from(["ok", "fail-export", "fail-write", "stuck", "slow-gap", "empty"]),
    cancel_at=st.none() | st.integers(0, 5_000_000),
    turns=st.lists(st.tuples(st.integers(0, 2_000_000), st.floats(SLOWEST, FASTEST)), min_size=1, max_size=6),
)
def test_what_was_seen_at_a_change_of_pace_does_not_change(
    lengths: Lengths, outcome: str, cancel_at: int | None, turns: list[tuple[int, float]]
) -> None:
    pace, at = Pace(0, 1.0), 0
    plan = laid(pace, 0, lengths, outcome=outcome)
    for wait, speed in turns:
        if cancel_at is not None and plan.cancelled_ms is None and at <= cancel_at <= at + wait:
            plan = cancelled(plan, pace, cancel_at)
        at += wait
        seen = [state(plan, moment) for moment in range(max(0, at - 20), at + 1)]
        pace.change(at, speed)
        before = plan
        plan = laid(pace, 0, lengths, outcome=outcome)
        if before.cancelled_ms is not None:
            plan = cancelled(plan, pace, before.cancelled_ms)
        assert [state(plan, moment) for moment in range(max(0, at - 20), at + 1)] == seen


def test_half_the_pace_takes_what_is_left_twice_as_long() -> None:
    pace = Pace(0, 1.0)
    pace.change(20_000, 0.5)
    plan = laid(pace, 0, (10, 20, 30, 40, 50), outcome="ok")
    assert plan == Timeline(0, 10_000, 30_000, 60_000, 80_000, 100_000)


@given(
    turns=st.lists(st.tuples(st.integers(1, 10**7), st.floats(0.001, 1e6)), max_size=6),
    work=st.floats(0, 1e9),
)
def test_work_and_time_tell_of_each_other(turns: list[tuple[int, float]], work: float) -> None:
    pace, at = Pace(1_000, 30.0), 1_000
    for wait, speed in turns:
        at += wait
        pace.change(at, speed)
        assert pace.speed == speed
    moment = pace.at_ms(work)
    slack = 1e-9 * max(1.0, work)
    assert pace.work(moment) >= work - slack
    assert pace.work(moment - 1) < work + slack


def test_a_moment_that_has_passed_never_moves() -> None:
    pace = Pace(0, 10.0)
    passed, ahead = pace.at_ms(40.0), pace.at_ms(60.0)
    pace.change(5_000, 1.0)
    assert pace.at_ms(40.0) == passed == 4_000
    assert ahead == 6_000
    assert pace.at_ms(60.0) == 15_000
    pace.change(5_000, 100.0)
    assert pace.at_ms(60.0) == 5_100

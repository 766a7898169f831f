"""The past and what arrives are arithmetic: counted, skipped and filtered without a walk, and right about every job."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import minimal
from tests.support.clock import FakeClock
from tui_app.emulator.chance import Chance
from tui_app.emulator.world.lifecycle import STATUS_OF, TERMINAL, Job, state
from tui_app.emulator.world.strata import Block, Strata, scatter
from tui_app.emulator.world.world import World

if TYPE_CHECKING:
    from tui_app.emulator.world.shelf import Shelf

STATUSES = ("NEW", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELLING", "CANCELLED", "QUEUED")
FAMILIES = {
    "storage": r"Error writing profiles to output path 'adl://[^']+'",
    "spark": r"Job aborted due to stage failure: Task \d+ in stage \d+",
    "persisted": r"dataset [0-9a-f]{24} is not persisted",
    "policy": r"merge policy [0-9a-f-]{36} does not exist",
    "token": r"401013.* request \w{32}",
    "quota": r"storage quota exceeded, \d+ of 100 GB used at '[^']+'",
}


def strata(seed: int, size: int, failing: int, cancelled: int) -> Strata:
    amounts = {"fail-write": failing, "cancelled": cancelled}
    return Strata(size, lambda number: Block(tuple(scatter(Chance(seed, number), amounts, size=size))))


@given(seed=st.integers(0, 50), size=st.integers(4, 30), below=st.integers(0, 200), data=st.data())
def test_strata_count_and_walk_as_one_who_looks_at_every_job(
    seed: int, size: int, below: int, data: st.DataObject
) -> None:
    found = strata(seed, size, data.draw(st.integers(0, size // 2)), data.draw(st.integers(0, size // 2)))
    every = [STATUS_OF[found.outcome(index)] for index in range(below)]
    for status in ("SUCCEEDED", "FAILED", "CANCELLED", "NEW"):
        expected = [index for index in range(below) if every[index] == status]
        assert found.count(status, below) == len(expected)
        assert list(found.descending(status, below)) == expected[::-1]


def walked(shelf: Shelf, status: str, below: int, now: int) -> list[int]:
    return [i for i in range(below - 1, -1, -1) if state(shelf.job(i).plan, now).status == status]


@pytest.fixture
async def busy() -> tuple[World, FakeClock]:
    """A living world in which people made, cancelled and sped up jobs between those that arrived."""
    clock = FakeClock()
    world = World(clock, jobs=450, alive=True, speed=30)
    prod = world.sandboxes["prod"]
    target = next(one.dataset_id for one in prod.datasets.values() if one.on_union)
    for step in range(24):
        await clock.advance(37)
        made = world.create_job(prod, minimal(target, ("x", "fail-write", "stuck", "empty")[step % 4]))
        if step % 3 == 0:
            world.cancel_job(prod, made.job_id)
        if step % 5 == 0:
            world.cancel_job(prod, prod.shelf.job(len(prod.shelf) - 2).job_id)
        if step in {8, 16}:
            world.set_speed(10 if step == 8 else 200)
    stuck = prod.shelf.past.stuck
    assert stuck is not None
    world.cancel_job(prod, prod.shelf.job(stuck).job_id)
    return world, clock


async def test_a_page_of_a_status_is_what_a_walk_finds(busy: tuple[World, FakeClock]) -> None:
    world, clock = busy
    shelf = world.sandboxes["prod"].shelf
    for wait in (0, 20, 900):
        await clock.advance(wait)
        now, total = world.now_ms(), len(shelf)
        for status in STATUSES:
            for below in (total, total - 1, total - 40, total // 2, 7, 0):
                expected = walked(shelf, status, below, now)
                matches = shelf.matches(status, at_ms=now)
                assert matches.count(below) == len(expected), (status, below)
                assert list(matches.descending(below)) == expected
                for skip in {0, 1, len(expected) // 2, max(0, len(expected) - 1), len(expected), 10**15}:
                    page = shelf.newest(30, below=below, status=status, at_ms=now, skip=skip)
                    ids = [job.job_id for job in page]
                    assert ids == [shelf.job(index).job_id for index in expected[skip : skip + 30]], (status, skip)


async def test_what_arrives_is_found_by_its_id_and_by_its_cursor(busy: tuple[World, FakeClock]) -> None:
    world, clock = busy
    shelf = world.sandboxes["prod"].shelf
    for _ in range(2):
        keys = [shelf.key(index) for index in range(len(shelf))]
        assert keys == sorted(set(keys))
        assert [key[1] for key in keys] == sorted(key[1] for key in keys)
        assert [shelf.find(key[1]) for key in keys] == list(range(len(keys)))
        assert [shelf.job(index).key for index in range(len(keys))] == keys
        assert shelf.find(keys[-1][1] + 1) is None
        assert [shelf.older_than(key) for key in keys[::17]] == list(range(len(keys)))[::17]
        await clock.advance(600)


@settings(max_examples=60)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["wait", "make", "cancel", "speed"]), st.integers(1, 900)), max_size=12)
)
async def test_a_jobs_state_never_goes_back_whatever_happens_to_the_pace(steps: list[tuple[str, int]]) -> None:
    clock = FakeClock()
    world = World(clock, jobs=20, alive=True, speed=60)
    prod = world.sandboxes["prod"]
    target = next(one.dataset_id for one in prod.datasets.values() if one.on_union)
    order = ["NEW", "PROCESSING", "CANCELLING", *sorted(TERMINAL)]
    seen: dict[int, tuple[int, int, tuple[int, int]]] = {}
    for word, amount in [*steps, ("wait", 900)]:
        before = {job_id: prod.shelf.find(job_id) for job_id in seen}
        if word == "wait":
            await clock.advance(amount)
        elif word == "make":
            world.create_job(prod, minimal(target, "x"))
        elif word == "cancel":
            world.cancel_job(prod, prod.shelf.job(len(prod.shelf) - 1 - amount % 9).job_id)
        else:
            world.set_speed(amount / 7)
        now = world.now_ms()
        assert {job_id: prod.shelf.find(job_id) for job_id in seen} == before, "a job's place never moves"
        for index in range(len(prod.shelf)):
            job = prod.shelf.job(index)
            shown = state(job.plan, now)
            rank = order.index(shown.status)
            last = seen.get(job.job_id)
            assert shown.updated_ms <= now
            if last is not None:
                assert last[0] <= rank
                assert last[1] <= shown.updated_ms
                assert last[0] <= 2 or last[0] == rank, "an end is an end"
                assert last[2] == job.key
            seen[job.job_id] = (rank, shown.updated_ms, job.key)


async def test_a_month_in_one_step_costs_nothing(busy: tuple[World, FakeClock]) -> None:
    world, _ = busy
    shelf = world.sandboxes["prod"].shelf
    held, before, drawn = shelf.held, len(shelf), [0]
    made = Chance.__init__

    def counted(self: Chance, seed: int, *topic: object) -> None:
        drawn[0] += 1
        made(self, seed, *topic)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chance, "__init__", counted)
        world.time.step(30 * 86_400)
        now = world.now_ms()
        world.sandboxes["prod"].shelf.newest(100, below=len(shelf), status="FAILED", at_ms=now, skip=50_000)
        shelf.newest(100, below=len(shelf), status=None, at_ms=now)
    assert len(shelf) - before > 30 * 86_400 * 200 / 450 * 0.99
    assert drawn[0] < 2_000
    assert shelf.held == held
    running = shelf.matches("PROCESSING", at_ms=now).count(len(shelf)) + shelf.matches("NEW", at_ms=now).count(
        len(shelf)
    )
    assert 3 <= running < 60
    newest = shelf.key(len(shelf) - 1)
    assert newest[0] <= now
    assert shelf.find(newest[1]) == len(shelf) - 1


def all_jobs(world: World, sandbox: str = "prod") -> list[Job]:
    shelf = world.sandboxes[sandbox].shelf
    return [shelf.job(index) for index in range(len(shelf))]


@pytest.fixture(scope="module")
def past() -> list[Job]:
    return all_jobs(World(FakeClock(), jobs=20_000))


def family(job: Job) -> str:
    text = job.errors[0]["msg"]
    return next((name for name, pattern in FAMILIES.items() if re.search(pattern, text)), "hostile")


def test_all_families_of_errors_occur_with_details_of_their_own(past: list[Job]) -> None:
    failed = [job for job in past if job.errors]
    counts = Counter(map(family, failed))
    assert set(FAMILIES) <= set(counts)
    assert min(counts[name] for name in FAMILIES) > 20
    assert counts["hostile"] < 0.1 * len(failed)
    for name in set(FAMILIES) - {"persisted"}:
        texts = [job.errors[0]["msg"] for job in failed if family(job) == name]
        assert len(set(texts)) > 0.9 * len(texts), name


def test_incidents_gather_failures_of_one_family(past: list[Job]) -> None:
    fails = [bool(job.errors) for job in past]
    runs = [index for index in range(len(past) - 16) if sum(fails[index : index + 16]) >= 10]
    assert len(runs) > 10, "in some stretches most jobs fail"
    shares = []
    for index in runs:
        causes = Counter(family(job) for job in past[index : index + 16] if job.errors)
        shares.append(causes.most_common(1)[0][1] / sum(causes.values()))
    assert median(shares) > 0.7
    ordinary = sum(fails) / len(past)
    assert 0.06 < ordinary < 0.09


def test_stages_last_as_long_as_observed(past: list[Job]) -> None:
    plans = [job.plan for job in past[:-10]]
    queues = [plan.queue_ms / 1000 for plan in plans]
    assert min(queues) > 85
    assert 440 < max(queues) <= 460
    gaps = [plan.gap_ms / 1000 for plan in plans if plan.outcome == "ok"]
    assert min(gaps) >= 19
    assert max(gaps) > 880
    waiting = sum(plan.queue_ms + plan.gap_ms > plan.export_ms + plan.write_ms for plan in plans) / len(plans)
    assert waiting > 0.5, "waiting dominates"
    totals = sorted(plan.total_ms / 60_000 for plan in plans if plan.outcome == "ok")
    assert 4 < totals[len(totals) // 2] < 20
    assert 120 < totals[-1] < 600, "large datasets take hours"


def test_slow_datasets_take_several_times_as_long() -> None:
    world = World(FakeClock(), jobs=5_000)
    slow = {one.dataset_id for one in world.sandboxes["prod"].datasets.values() if one.is_slow}
    exports = [(job.dataset_id in slow, job.plan.export_ms) for job in all_jobs(world)]
    assert median(ms for is_slow, ms in exports if is_slow) > 3 * median(ms for is_slow, ms in exports if not is_slow)


def test_the_past_has_days_and_weeks(past: list[Job]) -> None:
    moments = [datetime.fromtimestamp(job.plan.created_ms / 1000, UTC) for job in past]
    days = Counter(moment.date() for moment in moments)
    workdays = [amount for day, amount in days.items() if day.weekday() < 5]
    weekends = [amount for day, amount in days.items() if day.weekday() >= 5]
    assert median(weekends) < 0.6 * median(workdays)
    hours = Counter(moment.hour for moment in moments)
    assert hours[9] + hours[10] + hours[11] > 3 * (hours[4] + hours[5] + hours[6])


def test_profiles_follow_the_rows_of_the_sandbox() -> None:
    small, large = [all_jobs(World(FakeClock(), jobs=400, rows=rows)) for rows in (1_000, 1_000_000)]
    assert max(job.profiles for job in small) <= 1_000
    full = [job.profiles for job in large if not job.segments and job.plan.outcome == "ok"]
    assert full
    assert all(0.89 <= profiles / 1_000_000 <= 1 for profiles in full)
    assert [job.dataset_id for job in small] == [job.dataset_id for job in large]
    assert all(job.profiles == 0 for job in all_jobs(World(FakeClock(), jobs=100, rows=0)))


def test_what_is_made_finds_as_many_as_its_audience_holds() -> None:
    world = World(FakeClock(), jobs=10, rows=50_000)
    prod = world.sandboxes["prod"]
    target = next(one.dataset_id for one in prod.datasets.values() if one.on_union)
    audience = max((one for one in prod.room.audiences if one.size < 50_000), key=lambda one: one.size)
    assert world.create_job(prod, minimal(target)).profiles == 50_000
    body = minimal(target, audience.segment_id)
    assert world.create_job(prod, body).profiles == audience.size
    body["filter"]["segments"][0]["status"] = ["exited"]
    assert world.create_job(prod, body).profiles == audience.size // 20
    assert world.create_job(prod, minimal(target, "unknown")).profiles <= 5_000


def test_an_export_without_a_policy_takes_its_audiences_own() -> None:
    world = World(FakeClock(), jobs=10)
    prod = world.sandboxes["prod"]
    target = next(one.dataset_id for one in prod.datasets.values() if one.on_union)
    default = prod.room.policies[0].policy_id
    other = next(one for one in prod.room.audiences if one.policy_id not in {default, None})
    assert world.create_job(prod, minimal(target, other.segment_id)).merge_policy["id"] == other.policy_id
    assert world.create_job(prod, minimal(target)).merge_policy["id"] == default
    asked = minimal(target, other.segment_id) | {"mergePolicy": {"id": "mine", "version": 7}}
    assert world.create_job(prod, asked).merge_policy == {"id": "mine", "version": 7}


async def test_the_newest_job_of_a_dataset_does_not_depend_on_who_asked_before(busy: tuple[World, FakeClock]) -> None:
    world, clock = busy
    prod = world.sandboxes["prod"]
    made = prod.shelf.job(len(prod.shelf) - 1)
    for wait in (1, 300, 3_000):
        await clock.advance(wait)
        now = world.now_ms()
        newest = prod.shelf.newest(600, below=len(prod.shelf), status=None, at_ms=now)
        for dataset_id in prod.datasets:
            found = world.last_job(prod, dataset_id)
            recent = [job for job in newest if job.dataset_id == dataset_id]
            assert found == (recent[0] if recent else found)
    await clock.advance(86_400)
    assert world.last_job(prod, made.dataset_id) is not None
    only = world.create_dataset(prod, {"name": "Seldom", "schemaRef": {}})
    seldom = world.create_job(prod, minimal(only.dataset_id))
    await clock.advance(86_400 * 30)
    assert world.last_job(prod, only.dataset_id) == seldom

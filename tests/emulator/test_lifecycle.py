"""What a job shows as time passes, and how it ends."""

from __future__ import annotations

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start
from tui_app.emulator.world.lifecycle import BatchIds, Timeline, state, timeline


async def test_a_job_passes_every_stage_and_succeeds(start: Start) -> None:
    caller = start(speed=60)
    made = await caller.job("some-segment")
    batch = made["destination"]["batchId"]
    assert made["status"] == "NEW"
    assert made["metrics"] == {"totalTime": {"startTimeInMs": made["creationTime"]}}
    assert made["computeGatewayJobId"] == {}
    seen: list[tuple[str, tuple[str, ...], str]] = []
    updates: list[int] = []
    new_seconds = total_seconds = 0.0
    for _ in range(200):
        job = await caller.get(f"{JOBS}/{made['id']}")
        catalog = await caller.get(f"{CATALOG}/batches/{batch}")
        stage = (job["status"], tuple(sorted(job["computeGatewayJobId"])), catalog[batch]["status"])
        if not seen or seen[-1] != stage:
            seen.append(stage)
        updates.append(job["updateTime"])
        if job["status"] == "SUCCEEDED":
            break
        new_seconds += 0.1 * (job["status"] == "NEW")
        total_seconds += 0.1
        await caller.clock.advance(0.1)
    assert seen == [
        ("NEW", (), "loading"),
        ("PROCESSING", ("exportJob",), "loading"),
        ("PROCESSING", ("exportJob",), "staging"),
        ("PROCESSING", ("exportJob", "pushJob"), "staged"),
        ("PROCESSING", ("exportJob", "pushJob"), "success"),
        ("SUCCEEDED", ("exportJob", "pushJob"), "success"),
    ]
    assert updates == sorted(updates)
    assert new_seconds >= 2
    assert 10 <= total_seconds <= 20
    timers = job["metrics"]
    for timer in timers.values():
        assert timer["totalTimeInMs"] == timer["endTimeInMs"] - timer["startTimeInMs"]
    assert timers["totalTime"]["startTimeInMs"] == job["creationTime"]
    assert timers["totalTime"]["endTimeInMs"] == job["updateTime"]
    assert catalog[batch]["metrics"]["recordsWritten"] > 0


@pytest.mark.parametrize(("marker", "has_write"), [("fail-export", False), ("fail-write", True)])
async def test_a_marked_job_fails_in_its_stage(caller: Caller, marker: str, *, has_write: bool) -> None:
    made = await caller.job(f"segment-{marker}-1")
    await caller.clock.advance(3_600)
    job = await caller.get(f"{JOBS}/{made['id']}")
    assert job["status"] == "FAILED"
    assert job["destination"]["batchId"] == ""
    assert ("aCPDatasetWriteTime" in job["metrics"]) is has_write
    assert all(set(error) == {"code", "msg", "callStack"} for error in job["errors"])
    batch = made["destination"]["batchId"]
    assert (await caller.get(f"{CATALOG}/batches/{batch}"))[batch]["status"] == "failed"


@pytest.mark.parametrize("outcome", ["fail-export", "fail-write"])
def test_the_stage_a_job_fails_in_is_not_told_to_be_over_before_the_job_is(outcome: str) -> None:
    plan = timeline(0, (10, 20, 30, 40, 5), outcome=outcome)
    last, end = state(plan, plan.total_ms - 1), state(plan, plan.total_ms)
    failing, failed = (last.export, end.export) if outcome == "fail-export" else (last.write, end.write)
    assert (last.status, end.status) == ("PROCESSING", "FAILED")
    assert failing is not None
    assert failed is not None
    assert failing.end_ms is None
    assert last.updated_ms == failing.start_ms == failed.start_ms
    assert failed.end_ms == end.updated_ms - 5_000


async def test_a_stuck_job_never_moves_until_it_is_cancelled(caller: Caller) -> None:
    made = await caller.job("stuck")
    await caller.clock.advance(3_600)
    before = await caller.get(f"{JOBS}/{made['id']}")
    await caller.clock.advance(40_000)
    assert await caller.get(f"{JOBS}/{made['id']}") == before
    assert before["status"] == "PROCESSING"
    answer = await caller.delete(f"{JOBS}/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await caller.get(f"{JOBS}/{made['id']}"))["status"] == "CANCELLING"
    await caller.clock.advance(60)
    cancelled = await caller.get(f"{JOBS}/{made['id']}")
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["metrics"]["totalTime"]["endTimeInMs"] == cancelled["updateTime"]


async def test_an_empty_job_writes_no_record_and_a_slow_gap_takes_longer(caller: Caller) -> None:
    empty, slow, normal = await caller.job("empty"), await caller.job("slow-gap"), await caller.job("x")
    await caller.clock.advance(1_000)
    status = {job["id"]: (await caller.get(f"{JOBS}/{job['id']}"))["status"] for job in (empty, slow, normal)}
    assert status == {empty["id"]: "SUCCEEDED", slow["id"]: "PROCESSING", normal["id"]: "SUCCEEDED"}
    batch = empty["destination"]["batchId"]
    assert (await caller.get(f"{CATALOG}/batches/{batch}"))[batch]["metrics"]["recordsWritten"] == 0


async def test_a_script_decides_before_markers_do(caller: Caller) -> None:
    caller.emulator.world.script("fail-export", "ok")
    first, second = await caller.job("x"), await caller.job("fail-write")
    await caller.clock.advance(3_600)
    assert (await caller.get(f"{JOBS}/{first['id']}"))["status"] == "FAILED"
    assert (await caller.get(f"{JOBS}/{second['id']}"))["status"] == "SUCCEEDED"
    with pytest.raises(ValueError, match="fail-export"):
        caller.emulator.world.script("explode")


async def test_cancelling_a_finished_job_changes_nothing_and_twice_is_once(caller: Caller) -> None:
    finished = (await caller.get(JOBS, status="SUCCEEDED", limit=1))["records"][0]
    assert (await caller.delete(f"{JOBS}/{finished['id']}")).status_code == 204
    assert (await caller.get(JOBS, status="SUCCEEDED", limit=1))["records"][0] == finished
    made = await caller.job("x")
    await caller.delete(f"{JOBS}/{made['id']}")
    await caller.clock.advance(20)
    await caller.delete(f"{JOBS}/{made['id']}")
    await caller.clock.advance(11)
    assert (await caller.get(f"{JOBS}/{made['id']}"))["status"] == "CANCELLED"


async def test_the_stuck_job_of_the_past_can_be_cancelled_and_found_by_status(start: Start) -> None:
    caller = start(jobs=5_000)
    running = (await caller.get(JOBS, status="PROCESSING"))["records"]
    now = caller.emulator.world.now_ms()
    stuck = [job for job in running if now - job["updateTime"] > 4 * 3_600_000]
    assert len(stuck) == 1
    await caller.delete(f"{JOBS}/{stuck[0]['id']}")
    await caller.clock.advance(60)
    cancelled = (await caller.get(JOBS, status="CANCELLED"))["records"]
    assert stuck[0]["id"] in {job["id"] for job in cancelled}
    assert stuck[0]["id"] not in {job["id"] for job in (await caller.get(JOBS, status="PROCESSING"))["records"]}


def test_speed_divides_every_stage() -> None:
    slow = timeline(1_000, (10, 20, 30, 40, 50))
    fast = timeline(1_000, (10, 20, 30, 40, 50), speed=10)
    assert (slow.total_ms, fast.total_ms) == (150_000, 15_000)
    assert state(fast, 1_000 + 15_000).status == "SUCCEEDED"
    assert state(fast, 1_000 + 14_999).status == "PROCESSING"


@pytest.mark.parametrize("outcome", ["ok", "fail-export", "fail-write", "stuck", "slow-gap", "empty"])
def test_a_state_never_moves_back(outcome: str) -> None:
    plan = timeline(0, (1, 2, 3, 4, 5), outcome=outcome)
    order = ["NEW", "PROCESSING", "SUCCEEDED", "FAILED"]
    states = [state(plan, now) for now in range(0, 90_000, 100)]
    ranks = [order.index(one.status) for one in states]
    assert ranks == sorted(ranks)
    assert [one.updated_ms for one in states] == sorted(one.updated_ms for one in states)


def test_a_cancellation_after_the_end_changes_nothing() -> None:
    plan = Timeline(0, 10, 10, 10, 10, 10)
    assert state(plan.cancel(60, linger_ms=5), 1_000) == state(plan, 1_000)


def test_batch_ids_name_their_job_and_nothing_else_does() -> None:
    ids = BatchIds(7)
    batch = ids.of(24_115, 3)
    assert len(batch) == 32
    assert ids.parse(batch) == (24_115, 3)
    flipped = ("0" if batch[0] != "0" else "1") + batch[1:]
    for other in ("", "zz", flipped, batch.upper(), batch + "0", "+" + batch[1:], BatchIds(8).of(24_115, 3)):
        assert ids.parse(other) is None or other == batch


@pytest.mark.parametrize(
    "text", ["0" * 32, "f" * 100_000, "0x" + "0" * 30, "_1" * 16, " " * 32, "١" * 32, "-" + "1" * 31, "\ud800" * 32]
)
def test_a_text_that_is_no_batch_id_is_none(text: str) -> None:
    assert BatchIds(7).parse(text) is None

"""What asks for the same is not sent twice, though `-7d` moves with the clock, and no job is counted for two."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock, drain
from tests.support.engines import DATASET, START_MS, answer_lost, job, make_engine
from tui_app.clock import now_ms
from tui_app.engine.creations import Settlement
from tui_app.engine.twins import same_words
from tui_app.models.export_job import Segment
from tui_app.models.export_request import EventList, ExportRequest, fingerprint
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.when import resolved

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Make
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

CREATE = "export_jobs.create"
LIST = "export_jobs.list_page"
ALIKE = ExportRequest(dataset_id=DATASET, segments=(Segment("s1", None, ("realized",)),))
WORDS = replace(ALIKE, qualified_from="-7d", events=EventList(None, "-24h", "now"))


def at(clock: FakeClock, request: ExportRequest = WORDS) -> ExportRequest:
    """Return a request as it is sent when its words are read now."""
    ready = resolved(request, clock.now(), zone=UTC)
    assert not ready.findings
    return ready.request


def sent_at(request: ExportRequest, second: float) -> tuple[dict[str, Any], int]:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=second)
    return resolved(request, moment, zone=UTC).request.to_body(), round(moment.timestamp() * 1000)


def made_from(request: ExportRequest, job_id: int) -> dict[str, Any]:
    body = request.to_body()
    return job(job_id, "NEW", stage="queue", created_ms=START_MS) | {
        key: body[key] for key in ("filter", "destination")
    }


async def open_elsewhere(engine: Engine, request: ExportRequest, pid: int, *, age_s: float = 0) -> int:
    host = engine._core.owner.rpartition(":")[0]
    body = request.to_body()
    opened_ms = now_ms(engine.clock) - round(age_s * 1000)
    return await engine._core.history.intents.open(
        body, fingerprint=fingerprint(body), owner=f"{host}:{pid}", at_ms=opened_ms
    )


async def states(engine: Engine) -> dict[int, tuple[str, str | None]]:
    rows = await engine._core.history.database.read(
        lambda db: db.execute("SELECT intent_id, state, job_id FROM intent ORDER BY intent_id").fetchall()
    )
    return {row[0]: (row[1], row[2]) for row in rows}


# The same words


@pytest.mark.parametrize("later", [0.0, 0.7, 1.0, 59.9, 1_800.0])
def test_the_same_words_later_are_the_same(later: float) -> None:
    assert same_words(*sent_at(WORDS, 0.6), *sent_at(WORDS, 0.6 + later))


def test_words_read_long_before_they_were_sent_are_the_same() -> None:
    body, _ = sent_at(WORDS, 0)
    again, again_ms = sent_at(WORDS, 100)
    assert same_words(body, again_ms - 10_000, again, again_ms)


@pytest.mark.parametrize(
    "other",
    [
        replace(WORDS, fields="a"),
        replace(WORDS, segments=(Segment("s2"),)),
        replace(WORDS, qualified_from=None),
        replace(WORDS, events=None),
        replace(WORDS, qualified_from="-8d"),
        replace(WORDS, qualified_from="-10d", events=EventList(None, "-27h", "-3h")),
        replace(WORDS, qualified_from="2026-02-21T12:00:00Z"),
    ],
    ids=["fields", "segment", "no lower bound", "no events", "one moved", "all moved too far", "one stays a day off"],
)
def test_other_words_are_another_request(other: ExportRequest) -> None:
    assert not same_words(*sent_at(WORDS, 0), *sent_at(other, 10))


def test_windows_set_by_hand_an_hour_on_are_another_request() -> None:
    first = replace(ALIKE, qualified_from="2026-03-01T00:00:00Z", qualified_to="2026-03-01T01:00:00Z")
    second = replace(ALIKE, qualified_from="2026-03-01T01:00:00Z", qualified_to="2026-03-01T02:00:00Z")
    assert not same_words(*sent_at(first, 0), *sent_at(second, 30))
    assert same_words(*sent_at(first, 0), *sent_at(first, 30))
    assert same_words(*sent_at(first, 0), *sent_at(replace(first, qualified_from="2026-03-01T01:00:00+01:00"), 30))


def test_a_body_nobody_can_read_is_the_same_as_itself_only() -> None:
    odd = {"filter": 7}
    assert same_words(odd, 0, odd, 1)
    assert not same_words(odd, 0, ALIKE.to_body(), 1)
    never = {**ALIKE.to_body(), "filter": {"fromIngestTimestamp": "never"}}
    assert same_words(never, 0, never, 1)
    assert not same_words(never, 0, {**ALIKE.to_body(), "filter": {"fromIngestTimestamp": "ever"}}, 1)


def test_a_settlement_knows_the_command_that_is_repeated() -> None:
    body, opened_ms = sent_at(WORDS, 0)
    again, at_ms = sent_at(WORDS, 45)
    settlement = Settlement(1, opened_ms, body, ())
    assert settlement.asked_for(ExportRequest.from_body(again), at_ms=at_ms)
    assert not settlement.asked_for(replace(ExportRequest.from_body(again), evaluate=True), at_ms=at_ms)


async def test_a_double_press_across_a_second_is_sent_once(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    held = platform.hold(CREATE)
    first = asyncio.create_task(engine.jobs.submit(at(clock)))
    await drain()
    await clock.advance(1.2)
    assert at(clock).to_body() != platform.asked(CREATE)[0]
    with pytest.raises(FailureError, match="is being created at this moment"):
        await engine.jobs.submit(at(clock))
    other = asyncio.create_task(engine.jobs.submit(at(clock, replace(WORDS, qualified_from="2026-01-01"))))
    await drain()
    held.set()
    assert (await first).job is not None
    assert (await other).job is not None
    assert len(platform.jobs) == 2
    assert (await engine.jobs.submit(at(clock))).job is not None


# A second instance


async def test_what_another_aepx_is_sending_is_not_sent_here(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    theirs = await open_elsewhere(engine, at(clock), os.getppid())
    await clock.advance(3)
    with pytest.raises(FailureError) as caught:
        await engine.jobs.submit(at(clock))
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert "Another aepx" in caught.value.failure.cause
    assert platform.asked(CREATE) == []
    assert await states(engine) == {theirs: ("open", None), theirs + 1: ("not_made", None)}
    assert (await engine.jobs.submit(replace(at(clock), fields="a"))).job is not None


@pytest.mark.parametrize(("pid", "age_s"), [(os.getppid(), 700.0), (2**22 + 1, 1.0)], ids=["ten minutes ago", "dead"])
async def test_what_nobody_sends_any_more_does_not_stand_in_the_way(
    engine: Engine, platform: FakePlatform, pid: int, age_s: float
) -> None:
    await open_elsewhere(engine, ALIKE, pid, age_s=age_s)
    assert (await engine.jobs.submit(ALIKE)).job is not None


async def test_a_job_that_fits_what_another_is_sending_is_left_to_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    """Its answer is on its way there, while ours is lost and made nothing: its job is not taken for ours."""
    theirs = await open_elsewhere(engine, replace(ALIKE, fields="theirs"), os.getppid())
    platform.put(made_from(ALIKE, 500))
    platform.fail(CREATE, answer_lost())
    sending = asyncio.create_task(engine.jobs.submit(replace(ALIKE, fields="ours")))
    await clock.advance(3)
    assert not sending.done()
    await engine._core.history.intents.answered(theirs, job_id="500", at_ms=now_ms(clock))
    await clock.advance(10)
    assert sending.done()
    submission = await sending
    assert (submission.candidates, submission.searched) == ((), True)


async def test_a_job_that_fits_what_is_being_sent_here_is_left_to_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(CREATE, answer_lost())
    lost = asyncio.create_task(engine.jobs.submit(replace(ALIKE, fields="lost")))
    await clock.advance(1)
    held = platform.hold(CREATE)
    other = asyncio.create_task(engine.jobs.submit(replace(ALIKE, fields="other")))
    await drain()
    # The platform has made it, as it will answer in a moment.
    platform.put(made_from(ALIKE, 24116))
    await clock.advance(8)
    assert not lost.done()
    platform.forget(24116)
    held.set()
    await drain()
    made = (await other).job
    assert made is not None
    assert made.job_id == "24116"
    await clock.advance(10)
    assert (await lost).candidates == ()


async def test_a_rival_that_never_comes_to_an_end_is_not_waited_for_for_ever(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    await open_elsewhere(engine, replace(ALIKE, fields="theirs"), os.getppid())
    platform.fail(CREATE, answer_lost(), happens=True)
    sending = asyncio.create_task(engine.jobs.submit(replace(ALIKE, fields="ours")))
    await clock.advance(31)
    assert sending.done()
    assert len((await sending).candidates) == 1


async def test_two_that_find_the_same_job_do_not_both_take_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    first = await open_elsewhere(engine, ALIKE, 2**22 + 1, age_s=60)
    second = await open_elsewhere(engine, ALIKE, 2**22 + 1, age_s=50)
    platform.put(made_from(ALIKE, 500))
    (one,) = (await engine.jobs.search_again(first)).candidates
    (same,) = (await engine.jobs.search_again(second)).candidates
    await engine.jobs.settle(first, one)
    with pytest.raises(FailureError, match="not taken for the one asked for"):
        await engine.jobs.settle(second, same)
    assert await states(engine) == {first: ("made", "500"), second: ("open", None)}
    (settlement,) = await engine.jobs.settle_open()
    assert (settlement.intent_id, settlement.candidates) == (second, ())
    assert await states(engine) == {first: ("made", "500"), second: ("not_made", None)}


async def test_a_job_taken_elsewhere_while_it_is_looked_for_is_looked_for_again(
    engine: Engine, platform: FakePlatform, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = await open_elsewhere(engine, ALIKE, 2**22 + 1, age_s=60)
    rival = await open_elsewhere(engine, replace(ALIKE, fields="rival"), 2**22 + 1, age_s=50)
    platform.put(made_from(ALIKE, 500))
    intents = engine._core.history.intents
    close = intents.close

    async def late(intent_id: int, **what: Any) -> bool:
        monkeypatch.setattr(intents, "close", close)
        await close(rival, state="made", at_ms=1, job_id="500")
        return await close(intent_id, **what)

    monkeypatch.setattr(intents, "close", late)
    (settlement, *_) = await engine.jobs.settle_open()
    assert (settlement.intent_id, settlement.made) == (intent, None)
    assert await states(engine) == {intent: ("not_made", None), rival: ("made", "500")}


async def test_the_platforms_own_answer_outweighs_what_was_made_out_by_likeness(
    make: Make, tmp_path: Path, engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    """The answer is slower than the other aepx is patient: its guess is undone, and it finds out at the next start."""
    held = platform.hold(CREATE)
    sending = asyncio.create_task(engine.jobs.submit(replace(ALIKE, fields="ours")))
    await drain()
    guess = await open_elsewhere(engine, replace(ALIKE, fields="theirs"), 2**22 + 1)
    assert await engine._core.history.intents.close(guess, state="made", at_ms=1, job_id="24116")
    held.set()
    submission = await sending
    assert submission.job is not None
    assert submission.job.job_id == "24116"
    assert await states(engine) == {submission.intent_id: ("made", "24116"), guess: ("open", None)}
    task = asyncio.create_task(engine.jobs.settle_open())
    await clock.advance(6)
    (settlement,) = await task
    assert (settlement.intent_id, settlement.candidates) == (guess, ())


async def test_a_second_engine_on_the_history_sees_what_the_first_settled(tmp_path: Path, clock: FakeClock) -> None:
    first, platform = make_engine(tmp_path, clock)
    second, other = make_engine(tmp_path, clock)
    platform.fail(CREATE, answer_lost(), happens=True)
    submission = await first.jobs.submit(ALIKE)
    (candidate,) = submission.candidates
    other.put(*platform.jobs.values())
    assert (await second.jobs.search_again(submission.intent_id)).candidates == (candidate,)
    await first.jobs.settle(submission.intent_id, candidate)
    assert await second.jobs.request_of(candidate.job_id) == (ALIKE, ())
    with pytest.raises(FailureError, match="settled already"):
        await second.jobs.search_again(submission.intent_id)
    assert await second.jobs.settle_open() == ()
    await first.stop()
    await second.stop()

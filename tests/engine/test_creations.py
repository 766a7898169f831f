"""A job is never created twice: whatever happens to the answer, the program, the clock or the disk."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock, drain
from tests.support.engines import DATASET, START_MS, answer_lost, job, make_engine, offline, remember
from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    OriginError,
    ReadOnlyError,
    ServerError,
    SignInError,
    ThrottledError,
    UnauthorizedError,
)
from tui_app.clock import now_ms
from tui_app.engine.session import Policy, Topic
from tui_app.models.export_job import Segment
from tui_app.models.export_request import ExportRequest, fingerprint
from tui_app.models.failure import FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from tests.engine.conftest import Make
    from tests.support.engines import FakePlatform
    from tui_app.engine.creations import Submission
    from tui_app.engine.engine import Engine
    from tui_app.history.intents import Intent

CREATE = "export_jobs.create"
LIST = "export_jobs.list_page"
REQUEST = ExportRequest(dataset_id=DATASET, segments=(Segment("s1", None, ("realized",)),))


async def unsettled(engine: Engine) -> tuple[Intent, ...]:
    return await engine._core.history.intents.unsettled()


async def open_intent(
    engine: Engine, request: ExportRequest = REQUEST, *, owner: str = "gone:1", age_s: float = 60
) -> int:
    """Write what a program that died while sending leaves behind."""
    body = request.to_body()
    at = now_ms(engine.clock) - round(age_s * 1000)
    return await engine._core.history.intents.open(body, fingerprint=fingerprint(body), owner=owner, at_ms=at)


def made_from(request: ExportRequest, job_id: int, *, age_s: float = 60, **fields: Any) -> dict[str, Any]:
    body = request.to_body()
    record = job(job_id, "NEW", stage="queue", created_ms=START_MS - round(age_s * 1000))
    return record | {key: body[key] for key in ("filter", "destination")} | fields


async def passing(clock: FakeClock, work: Coroutine[Any, Any, Any], seconds: float = 6) -> Any:
    """Run work that waits for the clock."""
    task = asyncio.create_task(work)
    await clock.advance(seconds)
    assert task.done()
    return await task


# The answer comes


async def test_the_intent_is_written_first_and_closed_by_the_answer(engine: Engine, platform: FakePlatform) -> None:
    heard: list[Topic] = []
    engine.subscribe(heard.append)
    held = platform.hold(CREATE)
    sending = asyncio.create_task(engine.jobs.submit(REQUEST))
    await drain()
    (intent,) = await unsettled(engine)
    assert (intent.body, intent.opened_ms) == (REQUEST.to_body(), START_MS)
    assert intent.owner.endswith(f":{os.getpid()}")
    assert not sending.done()
    held.set()
    submission = await sending
    assert submission.job is not None
    assert (submission.intent_id, submission.failure, submission.candidates) == (intent.intent_id, None, ())
    assert await unsettled(engine) == ()
    assert await engine.list.job(submission.job.job_id) is not None
    assert engine.session.running == 1
    assert {Topic.JOBS, Topic.INTENTS} <= set(heard)
    assert await engine.jobs.request_of(submission.job.job_id) == (REQUEST, ())


def status_error(kind: Any, status: int) -> ApiError:
    error: ApiError = kind("The export job was not confirmed.", status=status, cause="So it is.", next_step="Mend it.")
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ReadOnlyError("No.", cause="c"), FailureKind.REFUSED),
        (OriginError("No.", cause="c"), FailureKind.REFUSED),
        (offline(), FailureKind.NETWORK),
        (SignInError("No.", cause="c", status=401), FailureKind.AUTH),
        (status_error(BadRequestError, 400), FailureKind.BAD_REQUEST),
        (status_error(UnauthorizedError, 401), FailureKind.PERMISSION),
        (status_error(ForbiddenError, 403), FailureKind.PERMISSION),
        (status_error(NotFoundError, 404), FailureKind.NOT_FOUND),
        (status_error(ConflictError, 409), FailureKind.BAD_REQUEST),
        (status_error(ThrottledError, 429), FailureKind.THROTTLED),
        (status_error(ServerError, 503), FailureKind.SERVICE),
        (BadAnswerError("No.", cause="c"), FailureKind.BAD_ANSWER),
        (ApiError("No.", cause="c"), FailureKind.LOCAL),
    ],
)
async def test_a_plain_refusal_closes_the_intent(
    engine: Engine, platform: FakePlatform, error: ApiError, kind: FailureKind
) -> None:
    platform.fail(CREATE, error)
    with pytest.raises(FailureError) as caught:
        await engine.jobs.submit(REQUEST)
    assert caught.value.failure.kind is kind
    assert caught.value.failure.what == "The export job was not created"
    assert await unsettled(engine) == ()
    assert len(platform.asked(CREATE)) == 1
    assert platform.asked(LIST) == []


async def test_read_only_sends_and_writes_nothing(make: Make) -> None:
    engine, platform = make(policy=Policy.READ_ONLY)
    with pytest.raises(FailureError) as caught:
        await engine.jobs.submit(REQUEST)
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert platform.calls == []
    assert await unsettled(engine) == ()


async def test_the_same_job_pressed_twice_is_sent_once(engine: Engine, platform: FakePlatform) -> None:
    held = platform.hold(CREATE)
    first = asyncio.create_task(engine.jobs.submit(REQUEST))
    await drain()
    with pytest.raises(FailureError, match="is being created at this moment"):
        await engine.jobs.submit(REQUEST)
    other = asyncio.create_task(engine.jobs.submit(replace(REQUEST, fields="a.b")))
    await drain()
    held.set()
    assert (await first).job is not None
    assert (await other).job is not None
    assert len(platform.jobs) == 2
    assert (await engine.jobs.submit(REQUEST)).job is not None


# The disk fails


async def test_without_an_intent_nothing_is_sent(engine: Engine, platform: FakePlatform) -> None:
    writer = engine._core.history.database._writer
    assert writer is not None
    writer.execute("PRAGMA query_only=1")
    with pytest.raises(FailureError) as caught:
        await engine.jobs.submit(REQUEST)
    assert caught.value.failure.kind is FailureKind.LOCAL
    assert caught.value.failure.what == "The export job was not sent"
    assert platform.calls == []


async def test_a_job_that_cannot_be_kept_is_still_told(
    make: Make, engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    writer = engine._core.history.database._writer
    assert writer is not None
    held = platform.hold(CREATE)
    sending = asyncio.create_task(engine.jobs.submit(REQUEST))
    await drain()
    writer.execute("PRAGMA query_only=1")
    held.set()
    submission = await sending
    assert submission.job is not None
    assert submission.failure is not None
    assert submission.failure.kind is FailureKind.LOCAL
    assert submission.job.job_id in submission.failure.what
    writer.execute("PRAGMA query_only=0")
    (settlement,) = await passing(clock, engine.jobs.settle_open())
    assert settlement.made is not None
    assert settlement.made.job_id == submission.job.job_id
    assert len(platform.jobs) == 1


async def test_a_refusal_that_cannot_be_kept_is_still_told(engine: Engine, platform: FakePlatform) -> None:
    held = platform.hold(CREATE)
    platform.fail(CREATE, status_error(BadRequestError, 400))
    sending = asyncio.create_task(engine.jobs.submit(REQUEST))
    await drain()
    writer = engine._core.history.database._writer
    assert writer is not None
    writer.execute("PRAGMA query_only=1")
    held.set()
    with pytest.raises(FailureError) as caught:
        await sending
    assert caught.value.failure.kind is FailureKind.BAD_REQUEST


async def test_a_decision_that_cannot_be_kept_is_told(engine: Engine, platform: FakePlatform) -> None:
    intent_id = await open_intent(engine)
    writer = engine._core.history.database._writer
    assert writer is not None
    writer.execute("PRAGMA query_only=1")
    with pytest.raises(FailureError) as caught:
        await engine.jobs.settle(intent_id, None)
    assert caught.value.failure.kind is FailureKind.LOCAL


# The answer is lost


async def test_a_lost_answer_shows_the_job_it_made_and_sends_nothing_again(
    engine: Engine, platform: FakePlatform
) -> None:
    platform.fail(CREATE, answer_lost(), happens=True)
    submission = await engine.jobs.submit(REQUEST)
    (candidate,) = submission.candidates
    assert (submission.job, submission.searched) == (None, True)
    assert submission.failure is not None
    assert submission.failure.kind is FailureKind.NETWORK
    assert len(await unsettled(engine)) == 1
    await engine.jobs.settle(submission.intent_id, candidate)
    assert await unsettled(engine) == ()
    assert await engine.jobs.request_of(candidate.job_id) == (REQUEST, ())
    assert (len(platform.asked(CREATE)), len(platform.jobs)) == (1, 1)


async def test_a_lost_request_is_looked_for_twice_before_nothing_is_said(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(CREATE, answer_lost())
    sending = asyncio.create_task(engine.jobs.submit(REQUEST))
    await drain()
    assert not sending.done()
    assert engine.activity.count == 0
    platform.put(made_from(REQUEST, 500, age_s=0))
    await clock.advance(5)
    submission = await sending
    assert [one.job_id for one in submission.candidates] == ["500"]
    assert len(platform.asked(CREATE)) == 1


async def test_a_lost_request_that_made_nothing_is_closed_by_the_person(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(CREATE, answer_lost())
    submission = await passing(clock, engine.jobs.submit(REQUEST))
    assert (submission.job, submission.candidates, submission.searched) == (None, (), True)
    await engine.jobs.settle(submission.intent_id, None)
    assert await unsettled(engine) == ()


async def test_a_search_that_failed_does_not_pass_for_nothing_found(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(CREATE, answer_lost(), happens=True)
    platform.fail(LIST, offline(), times=None)
    submission = await passing(clock, engine.jobs.submit(REQUEST))
    assert (submission.candidates, submission.searched) == ((), False)
    assert len(await unsettled(engine)) == 1


async def test_a_job_that_arrives_late_is_found_by_searching_again(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(CREATE, answer_lost())
    lost = await passing(clock, engine.jobs.submit(REQUEST))
    again = await engine.jobs.search_again(lost.intent_id)
    assert (again.intent_id, again.candidates, again.searched) == (lost.intent_id, (), True)
    platform.fail(LIST, offline())
    assert not (await engine.jobs.search_again(lost.intent_id)).searched
    platform.put(made_from(REQUEST, 500, age_s=0))
    (candidate,) = (await engine.jobs.search_again(lost.intent_id)).candidates
    assert candidate.job_id == "500"
    assert len(platform.asked(CREATE)) == 1
    await engine.jobs.settle(lost.intent_id, candidate)
    with pytest.raises(FailureError, match="settled already"):
        await engine.jobs.search_again(lost.intent_id)


async def test_candidates_are_alike_recent_unclaimed_unseen_and_not_the_schedulers(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    claimed = (await engine.jobs.submit(REQUEST)).job
    assert claimed is not None
    seen = made_from(REQUEST, 700, age_s=1)
    await remember(engine, seen)
    await clock.advance(2)
    platform.put(
        seen,
        made_from(replace(REQUEST, segments=(Segment("other"),)), 701, age_s=0),
        made_from(replace(REQUEST, dataset_id="other"), 702, age_s=0),
        made_from(REQUEST, 703, age_s=0, properties={"scheduleId": "nightly"}),
        made_from(REQUEST, 704, age_s=3_600),
        made_from(REQUEST, 705, age_s=-700),
    )
    platform.fail(CREATE, answer_lost(), happens=True)
    submission = await engine.jobs.submit(REQUEST)
    assert [one.job_id for one in submission.candidates] == ["24117"]


async def test_a_settled_candidate_does_not_overwrite_what_was_seen_since(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(CREATE, answer_lost(), happens=True)
    submission = await engine.jobs.submit(REQUEST)
    (candidate,) = submission.candidates
    await clock.advance(60)
    platform.change(candidate.job_id, status="SUCCEEDED")
    await engine.refresh()
    await engine.jobs.settle(submission.intent_id, candidate)
    found = await engine.list.summary(candidate.job_id)
    assert found is not None
    assert found.status == "SUCCEEDED"


# The program is lost


async def test_a_crash_that_made_a_job_is_settled_with_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    intent_id = await open_intent(engine)
    platform.put(made_from(REQUEST, 500))
    (settlement,) = await engine.jobs.settle_open()
    assert settlement.intent_id == intent_id
    assert settlement.made is not None
    assert settlement.made.job_id == "500"
    assert await unsettled(engine) == ()
    assert await engine._core.history.intents.claimed_job_ids() == {"500"}
    assert platform.asked(CREATE) == []
    assert await engine.jobs.settle_open() == ()


async def test_a_crash_that_made_nothing_is_settled_without(engine: Engine, platform: FakePlatform) -> None:
    await open_intent(engine)
    (settlement,) = await engine.jobs.settle_open()
    assert (settlement.made, settlement.candidates, settlement.body) == (None, (), REQUEST.to_body())
    assert await unsettled(engine) == ()


async def test_several_candidates_are_left_to_the_person(engine: Engine, platform: FakePlatform) -> None:
    intent_id = await open_intent(engine)
    platform.put(made_from(REQUEST, 500), made_from(REQUEST, 501, age_s=50))
    (settlement,) = await engine.jobs.settle_open()
    assert settlement.made is None
    assert {one.job_id for one in settlement.candidates} == {"500", "501"}
    assert [one.intent_id for one in await unsettled(engine)] == [intent_id]
    await engine.jobs.settle(intent_id, settlement.candidates[0])
    assert await unsettled(engine) == ()


async def test_two_crashes_and_one_job_count_it_once(engine: Engine, platform: FakePlatform) -> None:
    await open_intent(engine)
    await open_intent(engine, age_s=58)
    platform.put(made_from(REQUEST, 500))
    first, second = await engine.jobs.settle_open()
    assert first.made is not None
    assert second.made is None
    assert second.candidates == ()


async def test_what_another_aepx_settles_meanwhile_is_not_said_to_be_none(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    intent_id = await open_intent(engine)
    platform.put(made_from(REQUEST, 500))
    held = platform.hold(LIST)
    settling = asyncio.create_task(engine.jobs.settle_open())
    await drain()
    await engine._core.history.intents.close(intent_id, state="made", at_ms=now_ms(clock), job_id="500")
    held.set()
    (settlement,) = await settling
    assert settlement.made is not None
    assert settlement.made.job_id == "500"


async def test_what_another_running_aepx_sends_is_left_to_it(engine: Engine, platform: FakePlatform) -> None:
    host = engine._core.owner.rpartition(":")[0]
    await open_intent(engine, owner=f"{host}:{os.getppid()}")
    assert await engine.jobs.settle_open() == ()
    assert len(await unsettled(engine)) == 1
    assert platform.calls == []


async def test_a_number_that_another_program_got_since_does_not_protect_for_ever(
    engine: Engine, platform: FakePlatform
) -> None:
    host = engine._core.owner.rpartition(":")[0]
    await open_intent(engine, owner=f"{host}:{os.getppid()}", age_s=700)
    assert len(await engine.jobs.settle_open()) == 1


@pytest.mark.parametrize("owner", ["", ":", "nonsense", "{host}:99999999999999999999", "{host}:-1", "{host}:{dead}"])
async def test_a_dead_or_unreadable_owner_protects_nothing(engine: Engine, platform: FakePlatform, owner: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])  # noqa: ASYNC220 - ends at once
    ended.wait()
    host = engine._core.owner.rpartition(":")[0]
    await open_intent(engine, owner=owner.format(host=host, dead=ended.pid))
    assert len(await engine.jobs.settle_open()) == 1


async def test_what_this_aepx_is_sending_is_not_settled_under_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    held = platform.hold(CREATE)
    sending = asyncio.create_task(engine.jobs.submit(REQUEST))
    await clock.advance(30)
    assert await engine.jobs.settle_open() == ()
    held.set()
    assert (await sending).job is not None
    assert await unsettled(engine) == ()


async def test_a_request_that_left_a_moment_ago_is_given_time_to_arrive(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    await open_intent(engine, age_s=1)
    settling = asyncio.create_task(engine.jobs.settle_open())
    await clock.advance(3.9)
    assert platform.calls == []
    platform.put(made_from(REQUEST, 500, age_s=-1))
    await clock.advance(0.2)
    (settlement,) = await settling
    assert settlement.made is not None


async def test_an_intent_of_the_future_does_not_wait_for_it(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    await open_intent(engine, age_s=-86_400)
    assert len(await passing(clock, engine.jobs.settle_open(), 5)) == 1


async def test_an_unreachable_platform_leaves_intents_open(engine: Engine, platform: FakePlatform) -> None:
    await open_intent(engine)
    platform.fail(LIST, offline())
    with pytest.raises(FailureError) as caught:
        await engine.jobs.settle_open()
    assert caught.value.failure.kind is FailureKind.NETWORK
    assert len(await unsettled(engine)) == 1
    assert len(await engine.jobs.settle_open()) == 1


@pytest.mark.parametrize("skew_s", [-86_400.0, -90.0, 0.0, 90.0, 3_600.0])
async def test_clocks_that_differ_do_not_hide_the_job(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    # The difference is known only once an answer came, so the first page must not be judged without it.
    await open_intent(engine)
    platform.put(made_from(REQUEST, 500, age_s=60 - skew_s), made_from(REQUEST, 1, age_s=3 * 86_400))
    inner = platform.export_jobs.list_page

    async def list_page(**arguments: Any) -> Any:
        page = await inner(**arguments)
        platform.server_clock_skew_s = skew_s
        return page

    monkeypatch.setattr(platform.export_jobs, "list_page", list_page)
    (settlement,) = await engine.jobs.settle_open()
    assert settlement.made is not None
    assert settlement.made.job_id == "500"


async def test_the_search_goes_back_as_far_as_it_must(engine: Engine, platform: FakePlatform) -> None:
    await open_intent(engine, age_s=86_400)
    since = [job(10_000 + number, created_ms=START_MS - number * 1_000) for number in range(950)]
    platform.put(made_from(REQUEST, 500, age_s=86_399), *since, made_from(REQUEST, 1, age_s=90_000))
    (settlement,) = await engine.jobs.settle_open()
    assert settlement.made is not None
    assert settlement.made.job_id == "500"


async def test_a_list_that_turns_in_a_circle_does_not_say_none(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui_app.models.export_job import JobPage  # noqa: PLC0415 - made up here only

    async def list_page(**_: Any) -> JobPage:
        return JobPage.parse({"records": [job(2, created_ms=START_MS)], "link": {"next": "/x?offset=a"}})

    monkeypatch.setattr(platform.export_jobs, "list_page", list_page)
    await open_intent(engine)
    with pytest.raises(FailureError, match="leads in a circle"):
        await engine.jobs.settle_open()
    assert len(await unsettled(engine)) == 1


async def test_a_quit_while_sending_leaves_the_intent_for_the_next_start(make: Make, clock: FakeClock) -> None:
    engine, platform = make()
    platform.hold(CREATE)
    sending = asyncio.create_task(engine.jobs.submit(REQUEST))
    await drain()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await engine.stop()
    again, other = make()
    other.put(made_from(REQUEST, 500, age_s=0))
    (settlement,) = await passing(clock, again.jobs.settle_open())
    assert settlement.made is not None


# Everything at once

_FATES = ("ok", "ok", "refused", "offline", "lost", "lost-unmade", "late", "killed", "disk", "search-dies")


class _Story:
    """Submits jobs, each with a fate, and settles as a careful person would."""

    def __init__(self, engine: Engine, platform: FakePlatform, clock: FakeClock, seed: int) -> None:
        self.engine, self.platform, self.clock = engine, platform, clock
        self.rng = random.Random(seed)
        self.confirmed: list[str] = []
        self.count = 0

    async def live(self, fates: list[str]) -> None:
        for fate in fates:
            self.count += 1
            await self.clock.advance(self.rng.choice([0.0, 0.4, 7.0, 700.0]))
            await self._one(fate)
        await self.clock.advance(60)
        self.platform.mend(LIST)
        for settlement in await passing(self.clock, self.engine.jobs.settle_open(), 600):
            if settlement.made is not None:
                self.confirmed.append(settlement.made.job_id)

    async def _one(self, fate: str) -> None:
        engine, platform = self.engine, self.platform
        request = replace(REQUEST, segments=(Segment(f"s{self.count}"),))
        if fate in ("lost", "search-dies"):
            platform.fail(CREATE, answer_lost(), happens=True)
        elif fate in ("lost-unmade", "late"):
            platform.fail(CREATE, answer_lost())
        elif fate == "refused":
            platform.fail(CREATE, status_error(BadRequestError, 400))
        elif fate == "offline":
            platform.fail(CREATE, offline())
        if fate == "search-dies":
            platform.fail(LIST, offline(), times=2)
        held = platform.hold(CREATE) if fate in ("killed", "disk") else None
        sending = asyncio.create_task(engine.jobs.submit(request))
        await drain()
        if fate == "late":
            platform.put(made_from(request, 90_000 + self.count, age_s=(START_MS - now_ms(self.clock)) / 1000))
        writer = engine._core.history.database._writer
        assert writer is not None
        if fate == "killed":
            if self.rng.random() < 0.5:
                platform.put(made_from(request, 80_000 + self.count, age_s=(START_MS - now_ms(self.clock)) / 1000))
            sending.cancel()
            platform._held.pop(CREATE, None)
        elif fate == "disk":
            writer.execute("PRAGMA query_only=1")
            assert held is not None
            held.set()
        await self.clock.advance(11)
        writer.execute("PRAGMA query_only=0")
        (outcome,) = await asyncio.gather(sending, return_exceptions=True)
        if not isinstance(outcome, BaseException):
            await self._decide(outcome, is_kept=fate != "disk")
        elif not isinstance(outcome, FailureError | asyncio.CancelledError):
            raise outcome

    async def _decide(self, submission: Submission, *, is_kept: bool) -> None:
        if submission.job is not None:
            if is_kept:
                self.confirmed.append(submission.job.job_id)
        elif len(submission.candidates) == 1:
            await self.engine.jobs.settle(submission.intent_id, submission.candidates[0])
            self.confirmed.append(submission.candidates[0].job_id)
        elif submission.searched and not submission.candidates:
            await self.engine.jobs.settle(submission.intent_id, None)


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: each intent waits for the disk, and there are thousands here."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(_FATES), min_size=1, max_size=6), st.integers(0, 10_000))
async def test_every_job_is_made_once_and_accounted_for(in_memory: Path, fates: list[str], seed: int) -> None:
    clock = FakeClock()
    engine, platform = make_engine(Path(tempfile.mkdtemp(dir=in_memory)), clock)
    story = _Story(engine, platform, clock, seed)
    await story.live(fates)
    assert sorted(story.confirmed) == sorted(platform.jobs)
    assert len(platform.asked(CREATE)) == len(fates)
    asked = [str(body["filter"]["segments"]) for body in platform.jobs.values()]
    assert len(asked) == len(set(asked))
    assert await unsettled(engine) == ()
    await engine.stop()

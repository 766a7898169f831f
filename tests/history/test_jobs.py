"""Rows of jobs: what an answer changes, what it must not, and the questions the list asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.engines import HOSTILE, START_MS, job
from tui_app.history.database import InPlace
from tui_app.history.history import History
from tui_app.history.jobs import Counts
from tui_app.history.recording import Applied
from tui_app.models.export_job import ExportJob
from tui_app.models.filter import AnyText, Pattern
from tui_app.models.job_query import JobQuery
from tui_app.models.stage import current_stage, duration_ms, ended_ms

if TYPE_CHECKING:
    from tui_app.models.job_query import JobSummary

MINUTE = 60_000


async def apply(history: History, *records: dict[str, Any], seen: int = START_MS, asked: int | None = None) -> Any:
    jobs = [ExportJob.parse(one) for one in records]
    return await history.jobs.apply(jobs, seen_ms=seen, asked_ms=seen if asked is None else asked)


async def listed(history: History, now: int = START_MS, **query: Any) -> list[str]:
    rows = await history.jobs.all_rows(JobQuery(**query), now_ms=now)
    return [one.job_id for one in await history.jobs.summaries(rows)]


async def summary(history: History, job_id: str = "1") -> JobSummary:
    found = await history.jobs.summary(job_id)
    assert found is not None
    return found


async def statuses(history: History, job_id: str = "1") -> list[tuple[str, str | None]]:
    return [(one.status, one.stage) for one in await history.jobs.transitions(job_id)]


async def test_an_answer_tells_new_from_changed_from_the_same(history: History) -> None:
    running, done = job(1, "PROCESSING", stage="export"), job(2)
    assert await apply(history, running, done) == Applied(new=("1", "2"))
    assert not await apply(history, running, done, seen=START_MS + 1)
    changed = await apply(history, job(1, "PROCESSING", stage="write"), done, seen=START_MS + 2)
    assert changed == Applied(changed=("1",))


async def test_a_new_request_id_alone_is_no_change(history: History) -> None:
    await apply(history, job(1, requestId="a"))
    assert not await apply(history, job(1, requestId="b"), seen=START_MS + 1)
    kept = await history.jobs.get("1")
    assert kept is not None
    assert kept.request_id == "a"


async def test_what_nobody_knows_is_kept(history: History) -> None:
    raw = job(1, "PARKED", stage="queue", novelty={"deep": [1, None, "\ud800", "輸出"]})
    await apply(history, raw)
    kept = await history.jobs.get("1")
    assert kept is not None
    assert kept.raw == raw
    assert [one.job_id for one in await history.jobs.running()] == ["1"]


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800 lone", "\x00", "'; DROP TABLE job; --"])
async def test_hostile_words_are_kept_and_found(history: History, text: str) -> None:
    odd = job(text, "FAILED", destination={"datasetId": text}, errors=[{"code": text, "msg": text}])
    odd["filter"] = {"segments": [{"segmentId": text}]}
    await apply(history, odd, job(2))
    rows = await history.jobs.all_rows(JobQuery(sort="error"), now_ms=START_MS)
    assert len(await history.jobs.summaries(rows)) == 2
    sought = AnyText(Pattern.inside(text.strip()[:40]))
    assert len(await listed(history, filter=sought)) == (0 if "\ud800" in text else 1)


async def test_numbers_out_of_reach_do_not_matter(history: History) -> None:
    await apply(
        history,
        job("9" * 30, creationTime=10**30, updateTime=-5, metrics={"totalExportedProfileCounter": 10**40}),
        job("abc", creationTime=None, updateTime=None, metrics=None),
    )
    assert await listed(history) == ["9" * 30, "abc"]
    assert [one.profiles for one in await history.jobs.running()] == []


async def test_an_answer_asked_for_earlier_is_dropped(history: History) -> None:
    await apply(history, job(1, "PROCESSING", stage="write"), asked=START_MS + 10, seen=START_MS + 11)
    await apply(history, job(1, "NEW", stage="queue"), asked=START_MS + 5, seen=START_MS + 20)
    assert (await summary(history)).stage == "write"


async def test_of_two_answers_under_way_together_the_further_one_stays(history: History) -> None:
    done = job(1, "SUCCEEDED")
    early = job(1, "PROCESSING", stage="export")
    await apply(history, done, asked=START_MS, seen=START_MS + 50)
    await apply(history, early, asked=START_MS + 10, seen=START_MS + 60)
    assert (await summary(history)).status == "SUCCEEDED"


async def test_a_clock_set_back_does_not_freeze_the_list(history: History) -> None:
    hour = 60 * MINUTE
    await apply(history, job(1, "PROCESSING", stage="export"), seen=START_MS + hour)
    await apply(history, job(1, "PROCESSING", stage="write"), seen=START_MS)
    assert (await summary(history)).stage == "write"


_LIFE = [
    job(1, "NEW", stage="queue"),
    job(1, "PROCESSING", stage="export"),
    job(1, "PROCESSING", stage="gap"),
    job(1, "PROCESSING", stage="write"),
    job(1, "SUCCEEDED"),
]


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.integers(0, 40), st.integers(0, 40)),
        min_size=1,
        max_size=8,
    )
)
async def test_no_interleaving_of_answers_goes_back(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, int, int]]
) -> None:
    """Each answer shows the job at some moment between request and arrival; they arrive in any order."""
    history = History(tmp_path_factory.mktemp("life") / "one.db", runner=InPlace())
    history.open()
    answers = []
    for asked, until_seen, until_here in calls:
        state = min((asked + until_seen) // 25, len(_LIFE) - 1)
        answers.append((asked + until_seen + until_here, asked, state))
    reached = -1
    for here, asked, state in sorted(answers):
        await apply(history, _LIFE[state], asked=START_MS + asked, seen=START_MS + here)
        kept = await history.jobs.get("1")
        assert kept is not None
        place = [(one["status"], one["metrics"]) for one in _LIFE].index((kept.status, kept.raw["metrics"]))
        assert place >= reached
        reached = place
    seen = [(one.status, one.stage) for one in await history.jobs.transitions("1")]
    assert len(seen) == len(set(seen))
    history.close()


async def test_each_transition_is_written_once(history: History) -> None:
    for place, record in enumerate(_LIFE):
        for again in range(3):
            await apply(history, record, seen=START_MS + place * 10 + again)
    assert await statuses(history) == [
        ("NEW", "queue"),
        ("PROCESSING", "export"),
        ("PROCESSING", "gap"),
        ("PROCESSING", "write"),
        ("SUCCEEDED", None),
    ]


async def test_a_job_that_vanished_is_marked_and_no_longer_runs(history: History) -> None:
    await apply(history, job(1, "PROCESSING", stage="export"))
    await history.jobs.mark_gone("1", at_ms=START_MS + 5)
    await history.jobs.mark_gone("1", at_ms=START_MS + 9)
    await history.jobs.mark_gone("unknown", at_ms=START_MS + 9)
    found = await summary(history)
    assert (found.gone, found.status) == (True, "PROCESSING")
    assert await history.jobs.running() == []
    assert await history.jobs.counts(now_ms=START_MS) == Counts(total=1)


async def test_a_job_that_vanished_after_our_cancel_was_cancelled(history: History) -> None:
    await apply(history, job(1, "PROCESSING", stage="export"))
    await history.jobs.mark_cancel_requested("1", at_ms=START_MS + 1)
    assert (await summary(history)).cancel_requested_ms == START_MS + 1
    await history.jobs.mark_gone("1", at_ms=START_MS + 5)
    found = await summary(history)
    assert (found.status, found.gone, found.ended_ms) == ("CANCELLED", True, START_MS + 5)
    assert found.duration_ms == 20 * MINUTE + 5
    kept = await history.jobs.get("1")
    assert kept is not None
    assert (kept.status, kept.is_terminal) == ("CANCELLED", True)
    assert (await statuses(history))[-1] == ("CANCELLED", "export")


async def test_a_late_answer_does_not_bring_a_vanished_job_back_but_a_later_one_does(history: History) -> None:
    running = job(1, "PROCESSING", stage="export")
    await apply(history, running)
    await history.jobs.mark_gone("1", at_ms=START_MS + 50)
    await apply(history, running, asked=START_MS + 40, seen=START_MS + 60)
    assert (await summary(history)).gone
    await apply(history, running, seen=START_MS + 70)
    assert not (await summary(history)).gone


async def test_the_cancel_of_an_ended_job_is_not_marked(history: History) -> None:
    await apply(history, job(1, "SUCCEEDED"))
    await history.jobs.mark_cancel_requested("1", at_ms=START_MS + 1)
    assert (await summary(history)).cancel_requested_ms is None


async def test_five_thousand_jobs_cost_few_statements(history: History) -> None:
    records = [job(number, created_ms=START_MS - number * MINUTE) for number in range(1, 5_001)]
    await apply(history, *records)
    assert history.database._reader is not None
    statements: list[str] = []
    history.database._reader.set_trace_callback(statements.append)
    rows = await history.jobs.all_rows(JobQuery(), now_ms=START_MS)
    screen = history.jobs.first_rows_now(JobQuery(), 40, now_ms=START_MS)
    assert screen == await history.jobs.summaries(rows[:40])
    await history.jobs.counts(now_ms=START_MS)
    assert (len(rows), rows.itemsize, len(screen)) == (5_000, 4, 40)
    assert len(statements) == 4
    statements.clear()
    assert len(await history.jobs.summaries(rows)) == 5_000
    assert len(statements) == 10
    assert [one.job_id for one in await history.jobs.summaries(rows[:3])] == ["1", "2", "3"]


async def test_rows_that_are_not_there_are_left_out(history: History) -> None:
    await apply(history, job(1))
    assert [one.job_id for one in await history.jobs.summaries([99, 1, 98])] == ["1"]
    assert await history.jobs.get("99") is None
    assert await history.jobs.summary("99") is None


async def test_counts_and_newest(history: History) -> None:
    assert await history.jobs.newest_created_ms() is None
    day = 24 * 60 * MINUTE
    await apply(
        history,
        job(1, "FAILED", created_ms=START_MS - 2 * day),
        job(2, "FAILED", created_ms=START_MS - day // 2),
        job(3, "PROCESSING", stage="gap"),
        job(4, "MYSTERY", stage="queue"),
    )
    assert await history.jobs.counts(now_ms=START_MS) == Counts(total=4, running=2, failed_recently=1)
    assert await history.jobs.newest_created_ms() == START_MS - 20 * MINUTE


async def test_datasets_without_a_name_are_asked_for_once(history: History) -> None:
    named = [job(number, destination={"datasetId": f"d{number % 3}"}) for number in range(9)]
    await apply(history, *named, job(99, destination={}))
    assert sorted(await history.jobs.dataset_ids_without_name()) == ["d0", "d1", "d2"]
    assert len(await history.jobs.dataset_ids_without_name(limit=1)) == 1
    await history.lookups.put("dataset", [("d1", "", {})], at_ms=1)
    assert sorted(await history.jobs.dataset_ids_without_name()) == ["d0", "d2"]


async def test_who_was_seen_before_a_moment(history: History) -> None:
    await apply(history, job(1), seen=START_MS)
    await apply(history, job(2), seen=START_MS + 10)
    assert await history.jobs.seen_before(["1", "2", "3"], at_ms=START_MS + 10) == {"1"}


async def test_an_intent_is_closed_once_and_a_job_beats_a_guess(history: History) -> None:
    async def open_one() -> int:
        return await history.intents.open({"n": 1}, fingerprint="f", owner="host:1", at_ms=1)

    first, second, third = [await open_one() for _ in range(3)]
    await history.intents.close(first, state="made", at_ms=2, job_id="1")
    await history.intents.close(first, state="not_made", at_ms=3)
    await history.intents.close(first, state="made", at_ms=3, job_id="2")
    await history.intents.close(second, state="not_made", at_ms=2)
    await history.intents.close(second, state="made", at_ms=3, job_id="3")
    assert [one.intent_id for one in await history.intents.unsettled()] == [third]
    assert await history.intents.claimed_job_ids() == {"1", "3"}
    found = await history.intents.of_job("1")
    assert found is not None
    assert (found.intent_id, found.state, found.body) == (first, "made", {"n": 1})
    assert await history.intents.of_job("2") is None


@pytest.mark.parametrize(
    ("status", "stage"),
    [("SUCCEEDED", "finish"), ("FAILED", "export"), ("CANCELLED", "queue"), ("PROCESSING", "gap")],
)
async def test_the_list_tells_what_the_detail_tells(history: History, status: str, stage: str) -> None:
    parsed = ExportJob.parse(job(1, status, stage=stage))
    await apply(history, parsed.raw)
    found = await summary(history)
    assert found.stage == current_stage(parsed, START_MS)
    ended = (ended_ms(parsed), duration_ms(parsed, START_MS)) if parsed.is_terminal else (None, None)
    assert (found.ended_ms, found.duration_ms) == ended

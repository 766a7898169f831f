"""Retention: what goes, in what portions, what stays, and that nothing that went comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import START_MS, job
from tui_app.history.database import HistoryError, InPlace
from tui_app.history.history import History
from tui_app.history.retention import DAY_MS, Retention
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tui_app.history.recording import Applied

    Json = dict[str, Any]

MIB = 1024 * 1024
WALK = "walk"


async def apply(history: History, raws: Iterable[Json], at_ms: int = START_MS) -> Applied:
    return await history.jobs.apply([ExportJob.parse(one) for one in raws], seen_ms=at_ms, asked_ms=at_ms)


def aged(number: int, days: float, status: str = "SUCCEEDED", **fields: Any) -> Json:
    """Return a job made so many days before START_MS, with texts of its own."""
    own: Json = {
        "destination": {"datasetId": f"dataset {number}", "batchId": f"batch {number}"},
        "filter": {"segments": [{"segmentId": f"segment {number}"}]},
        "mergePolicy": {"id": f"policy {number}"},
        "errors": [{"code": "1", "msg": f"error {number}"}],
    }
    return job(number, status, created_ms=START_MS - int(days * DAY_MS), **{**own, **fields})


async def column(history: History, asked: str) -> list[Any]:
    return await history.database.read(lambda db: [one for (one,) in db.execute(asked)])


async def ids(history: History) -> list[str]:
    return sorted(await column(history, "SELECT job_id FROM job"), key=int)


def size_mib(path: Path) -> float:
    return path.stat().st_size / MIB


async def used_mib(history: History) -> float:
    def asked(db: sqlite3.Connection) -> float:
        pages, free, size = (
            db.execute(f"PRAGMA {one}").fetchone()[0] for one in ("page_count", "freelist_count", "page_size")
        )
        return float((pages - free) * size / MIB)

    return await history.database.read(asked)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), -0.5])
@pytest.mark.parametrize("name", ["keep_days", "keep_mib"])
def test_a_limit_that_means_nothing_is_refused(name: str, limit: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a positive number"):
        Retention(**{name: limit})


async def test_without_limits_nothing_goes(history: History) -> None:
    await apply(history, [aged(number, number * 100) for number in range(10)])
    assert not Retention()
    assert (await history.prune(Retention(), now_ms=START_MS, walk=WALK)).jobs == 0
    assert len(await ids(history)) == 10


async def test_old_jobs_go_with_all_that_is_kept_about_them(history: History) -> None:
    await apply(history, [aged(number, number) for number in range(1, 11)])
    # A job that wrote another batch before.
    await apply(history, [aged(9, 9, destination={"datasetId": "dataset 9", "batchId": "late batch"})], START_MS + 1)
    assert (await history.prune(Retention(keep_days=5.5), now_ms=START_MS, walk=WALK)).jobs == 5
    kept = ["1", "2", "3", "4", "5"]
    assert await ids(history) == kept
    rows = await column(history, "SELECT row FROM job")
    assert await column(history, "SELECT row FROM answer") == rows
    assert sorted(await column(history, "SELECT DISTINCT job_id FROM transition")) == kept
    texts = await column(history, "SELECT text FROM word")
    assert sorted(texts) == sorted(
        f"{word} {number}" for number in kept for word in ("dataset", "segment", "policy", "1 error")
    )
    batches = await column(history, "SELECT batch_id FROM batch WHERE row IN (SELECT row FROM job)")
    assert sorted(batches) == [f"batch {number}" for number in kept]
    assert (await history.prune(Retention(keep_days=5.5), now_ms=START_MS, walk=WALK)).jobs == 0


async def test_what_is_shared_with_a_job_that_stays_is_kept(history: History) -> None:
    shared: Json = {"destination": {"datasetId": "d", "batchId": "b"}, "mergePolicy": None, "errors": None}
    await apply(history, [aged(1, 1, **shared), aged(2, 10, **shared)])
    await history.prune(Retention(keep_days=5), now_ms=START_MS, walk=WALK)
    found = await history.jobs.summary("1")
    assert found is not None
    assert found.dataset_id == "d"
    assert await column(history, "SELECT batch_id FROM batch") == ["b"]


async def test_running_jobs_stay_however_old(history: History) -> None:
    await apply(history, [aged(1, 400, "PROCESSING"), aged(2, 400, "NOBODY KNOWS"), aged(3, 400, "PROCESSING")])
    await history.jobs.mark_gone("3", at_ms=START_MS)
    assert (await history.prune(Retention(keep_days=1, keep_mib=0.001), now_ms=START_MS, walk=WALK)).jobs == 1
    assert await ids(history) == ["1", "2"]


async def test_a_job_of_no_known_age_stays(history: History) -> None:
    await apply(history, [aged(1, 1, creationTime=None)])
    assert (await history.prune(Retention(keep_days=0.001, keep_mib=0.001), now_ms=START_MS, walk=WALK)).jobs == 0


async def test_what_an_open_creation_may_have_made_stays(history: History) -> None:
    await apply(history, [aged(number, number) for number in range(1, 11)])
    opened = START_MS - 4 * DAY_MS - 1
    intent = await history.intents.open({}, fingerprint="f", owner="h:1", at_ms=opened)
    retention = Retention(keep_days=2.5)
    await history.prune(retention, now_ms=START_MS, walk=WALK)
    assert await ids(history) == ["1", "2", "3", "4"]
    await history.intents.close(intent, state="made", at_ms=START_MS, job_id="3")
    await history.prune(retention, now_ms=START_MS, walk=WALK)
    assert await ids(history) == ["1", "2"]


async def test_a_creation_that_was_settled_is_remembered_without_its_job(history: History) -> None:
    await apply(history, [aged(1, 10)])
    intent = await history.intents.open({}, fingerprint="f", owner="h:1", at_ms=1)
    await history.intents.close(intent, state="made", at_ms=2, job_id="1")
    await history.prune(Retention(keep_days=1), now_ms=START_MS, walk=WALK)
    assert await ids(history) == []
    assert await history.intents.claimed_job_ids() == {"1"}


async def test_by_size_the_oldest_go_until_it_fits_and_the_file_shrinks(path: Path, history: History) -> None:
    padding = "".join(chr(33 + number * 7919 % 90) for number in range(600))
    shared: Json = {"destination": None, "filter": None, "mergePolicy": None, "errors": None}
    await apply(history, [aged(n, n / 10, note=padding[n % 500 :] + str(n), **shared) for n in range(3_000)])
    before = await used_mib(history)
    assert before > 1
    pruned = await history.prune(Retention(keep_mib=before / 2), now_ms=START_MS, walk=WALK)
    assert 0.8 * before / 2 < await used_mib(history) <= before / 2
    assert await ids(history) == [str(number) for number in range(3_000 - pruned.jobs)]
    assert await column(history, "PRAGMA freelist_count") == [0]
    history.close()
    assert size_mib(path) <= before / 2


async def test_a_portion_is_small(history: History) -> None:
    await apply(history, [aged(number, 10 + number / 1000) for number in range(950)])
    portions: list[str] = []
    assert history.database._writer is not None
    history.database._writer.set_trace_callback(portions.append)
    await history.prune(Retention(keep_days=1), now_ms=START_MS, walk=WALK)
    deletes = 0
    most = 0
    for statement in portions:
        deletes = 0 if statement.startswith("BEGIN") else deletes + statement.startswith("DELETE FROM job ")
        most = max(most, deletes)
    assert most == 100


async def test_what_went_is_not_stored_again_until_more_is_to_be_kept(history: History) -> None:
    jobs = [aged(number, number) for number in range(1, 11)]
    await apply(history, jobs)
    await history.prune(Retention(keep_days=5.5), now_ms=START_MS, walk=WALK)
    assert not await apply(history, jobs, START_MS + 1)
    # One that runs, and one nobody knows the age of, are no matter of retention.
    assert (await apply(history, [aged(20, 50, "PROCESSING"), aged(21, 1, creationTime=None)])).new == ("20", "21")
    assert (await apply(history, [aged(20, 50)], START_MS + 1)).changed == ("20",)
    await history.lookups.set_note(WALK, "done")
    for less in (Retention(keep_days=5.5), Retention(keep_days=2)):
        await history.keep_to(less, now_ms=START_MS, walk=WALK)
        assert await history.lookups.note(WALK) == "done"
    for more, new in ((Retention(keep_days=8.5), ("6", "7", "8")), (Retention(), ("9", "10"))):
        await history.keep_to(more, now_ms=START_MS, walk=WALK)
        assert await history.lookups.note(WALK) == ""
        await history.lookups.set_note(WALK, "done")
        assert (await apply(history, jobs, START_MS + 2)).new == new
        await history.keep_to(more, now_ms=START_MS, walk=WALK)
        assert await history.lookups.note(WALK) == "done"


async def test_that_the_list_is_to_be_read_again_is_noted_with_the_retention_or_not_at_all(history: History) -> None:
    """A kill between the two would leave a gap that nothing fills again."""
    await history.keep_to(Retention(keep_days=5), now_ms=START_MS, walk=WALK)
    await history.lookups.set_note(WALK, "done")
    assert history.database._writer is not None
    history.database._writer.execute(
        "CREATE TEMP TRIGGER dies BEFORE INSERT ON main.note WHEN NEW.key = 'walk' "
        "BEGIN SELECT RAISE(FAIL, 'dead'); END"
    )
    with pytest.raises(HistoryError, match="dead"):
        await history.keep_to(Retention(), now_ms=START_MS, walk=WALK)
    history.database._writer.execute("DROP TRIGGER dies")
    await history.keep_to(Retention(), now_ms=START_MS, walk=WALK)
    assert await history.lookups.note(WALK) == ""


async def test_too_old_jobs_are_not_fetched_into_a_new_history_at_all(history: History) -> None:
    await history.keep_to(Retention(keep_days=5), now_ms=START_MS, walk=WALK)
    assert (await apply(history, [aged(1, 1), aged(2, 10)])).new == ("1",)


async def test_rows_of_jobs_that_went_are_given_to_no_other(history: History) -> None:
    await apply(history, [aged(1, 1), aged(2, 10)])
    await history.prune(Retention(keep_days=5), now_ms=START_MS, walk=WALK)
    await apply(history, [aged(3, 0)])
    assert await column(history, "SELECT row FROM job ORDER BY job_id") == [1, 3]


async def test_others_may_write_and_read_while_it_goes_on(path: Path) -> None:
    history = History(path)
    history.open()
    await apply(history, [aged(number, 10 + number / 1000) for number in range(3_000)])
    pruning = asyncio.create_task(history.prune(Retention(keep_days=1), now_ms=START_MS, walk=WALK))
    seen: set[int] = set()
    while not pruning.done():
        await history.lookups.set_note("a", "b")
        seen.update(await column(history, "SELECT COUNT(*) FROM job"))
    assert (await pruning).jobs == 3_000
    assert len(seen) > 3
    history.close()


async def test_a_word_taken_up_again_while_it_is_judged_unused_stays(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply(history, [aged(1, 10)])
    inspect = history.database.inspect
    turns = iter([aged(2, 1, destination={"datasetId": "dataset 1"})])

    async def meanwhile(work: Any) -> Any:
        found = await inspect(work)
        await apply(history, [one for one in (next(turns, None),) if one is not None])
        return found

    monkeypatch.setattr(history.database, "inspect", meanwhile)
    await history.prune(Retention(keep_days=5), now_ms=START_MS, walk=WALK)
    found = await history.jobs.summary("2")
    assert found is not None
    assert found.dataset_id == "dataset 1"
    assert "segment 1" not in await column(history, "SELECT text FROM word")


async def test_an_interruption_leaves_whole_jobs_and_no_gap_that_is_filled_again(path: Path, history: History) -> None:
    jobs = [aged(number, 10 + number / 1000) for number in range(1_000)]
    await apply(history, jobs)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert history.database._writer is not None
        history.database._writer.execute("PRAGMA busy_timeout=1")
        write, left = history.database.write, [3]

        async def until(work: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                other.execute("BEGIN IMMEDIATE")
            return await write(work, **options)

        history.database.write = until  # type: ignore[method-assign]  # another program comes in between
        with pytest.raises(HistoryError, match="locked"):
            await history.prune(Retention(keep_days=1), now_ms=START_MS, walk=WALK)
        history.database.write = write  # type: ignore[method-assign]  # and has gone
    count = len(await ids(history))
    assert 0 < count < 1_000
    assert await column(history, "SELECT COUNT(*) FROM answer") == [count]
    assert not await apply(history, jobs, START_MS + 1)
    await history.prune(Retention(keep_days=1), now_ms=START_MS, walk=WALK)
    assert await ids(history) == []


# Whatever happens in between

_DAYS = (0, 4, 5, 6, 12, 13, 19, 20, 21, 30)
_STEPS = st.one_of(
    st.tuples(st.just("jobs"), st.lists(st.tuples(st.sampled_from(_DAYS), st.booleans()), min_size=1, max_size=6)),
    st.tuples(st.sampled_from(["end", "sync", "restart", "a day"]), st.none()),
    st.tuples(st.just("prune"), st.none()),
    st.tuples(st.just("keep"), st.sampled_from([None, 5, 12.5, 20])),
)


class _Story:
    """A platform that lists everything, and a history that keeps a part of it."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.listed: dict[str, Json] = {}
        self.keep = Retention()
        self.now_ms = START_MS
        self.read = 0

    async def known(self) -> dict[str, tuple[bool, int]]:
        """Return of each job in history whether it has ended and when it was made."""
        asked = "SELECT job_id, terminal, created_ms FROM job"
        found = await self.history.database.read(lambda db: db.execute(asked).fetchall())
        return {job_id: (bool(terminal), created_ms) for job_id, terminal, created_ms in found}

    async def sync(self) -> None:
        """Read what is new or ran when it was seen last, and where it is due the whole list."""
        self.now_ms += 1
        running = {job_id for job_id, (has_ended, _) in (await self.known()).items() if not has_ended}
        is_due = await self.history.lookups.note(WALK) != "done"
        read = [one for number, one in self.listed.items() if is_due or int(number) > self.read or number in running]
        await apply(self.history, read, self.now_ms)
        await self.history.lookups.set_note(WALK, "done")
        self.read = len(self.listed)

    async def live(self, what: str, given: Any) -> None:
        if what == "jobs":
            for days, is_running in given:
                number = str(len(self.listed) + 1)
                made_ms = self.now_ms - days * DAY_MS
                self.listed[number] = job(number, "PROCESSING" if is_running else "FAILED", created_ms=made_ms)
        elif what == "end":
            for record in self.listed.values():
                record["status"] = "FAILED"
        elif what == "sync":
            await self.sync()
        elif what == "a day":
            self.now_ms += DAY_MS
        elif what == "keep":
            self.keep = Retention(keep_days=given)
        elif what == "restart":
            await self.restart()
        else:
            await self.prune()

    async def restart(self) -> None:
        await self.history.keep_to(self.keep, now_ms=self.now_ms, walk=WALK)
        await self.sync()

    async def prune(self) -> None:
        before = await self.known()
        await self.history.prune(self.keep, now_ms=self.now_ms, walk=WALK)
        after = await self.known()
        old_ms = self.now_ms - (self.keep.keep_days or 10_000) * DAY_MS
        for job_id, (has_ended, created_ms) in before.items():
            assert (job_id in after) == (not has_ended or created_ms >= old_ms)


@settings(max_examples=200)
@given(st.lists(_STEPS, max_size=12))
async def test_only_what_is_asked_for_goes_and_all_of_it_comes_back(in_turn: History, steps: list[Any]) -> None:
    await in_turn.database.write(_empty)
    story = _Story(in_turn)
    await story.live("jobs", [(days, is_running) for days in _DAYS for is_running in (False, True)])
    await story.sync()
    for what, details in steps:
        await story.live(what, details)
    story.keep = Retention()
    await story.restart()
    assert (await story.known()).keys() == story.listed.keys()


def _empty(db: sqlite3.Connection) -> None:
    for statement in ("DELETE FROM job", "DELETE FROM answer", "DELETE FROM transition", "DELETE FROM note"):
        db.execute(statement)


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Give one history to every example, emptied in between."""
    history = History(tmp_path_factory.mktemp("retention") / "one.db", runner=InPlace())
    history.open()
    yield history
    history.close()

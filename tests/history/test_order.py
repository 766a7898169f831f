"""The order of the list: every column both ways, ties, blanks, pages, what is new; and what reading it costs."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.engines import DATASET, START_MS, job
from tui_app.history import order
from tui_app.history.database import InPlace
from tui_app.history.filtering import ALWAYS
from tui_app.history.history import History
from tui_app.history.summaries import summaries
from tui_app.models.export_job import ExportJob
from tui_app.models.filter import Is, OneOf, Pattern, Within
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_app.models.job_query import JobSummary

MINUTE = 60_000


async def apply(history: History, *records: dict[str, Any]) -> None:
    await history.jobs.apply([ExportJob.parse(one) for one in records], seen_ms=START_MS, asked_ms=START_MS)


async def listed(history: History, now_ms: int = START_MS, **query: Any) -> list[str]:
    rows = await history.jobs.all_rows(JobQuery(**query), now_ms=now_ms)
    return [one.job_id for one in await history.jobs.summaries(rows)]


def zoo() -> list[dict[str, Any]]:
    """Return jobs that differ in every column, two of them blank wherever a job can be."""
    blank: Any = {
        "metrics": None,
        "updateTime": None,
        "errors": None,
        "destination": {},
        "filter": {},
        "mergePolicy": None,
    }
    two = {"datasetId": "d9", "batches": [{"batchId": "b1"}, {"batchId": "b2"}]}
    errors = [{"code": "1", "msg": "A"}, {"code": "0", "msg": "Z"}]
    return [
        job(9, created_ms=START_MS - 9 * MINUTE, step_ms=1_000, metrics={"totalExportedProfileCounter": 5}),
        job(10, "FAILED", stage="write", created_ms=START_MS - 8 * MINUTE, errors=[{"code": "1", "msg": "b"}]),
        job(11, "FAILED", stage="export", created_ms=START_MS - 8 * MINUTE, errors=errors),
        job(12, "PROCESSING", stage="gap", created_ms=START_MS - 7 * MINUTE, destination={"datasetId": "named"}),
        job(13, "NEW", stage="queue", created_ms=START_MS - 6 * MINUTE, **blank),
        job(14, "NEW", stage="queue", created_ms=START_MS - 5 * MINUTE, **blank),
        job(15, "CANCELLED", created_ms=START_MS - 4 * MINUTE, metrics={"totalExportedProfileCounter": 0}),
        job(16, created_ms=START_MS - 3 * MINUTE, destination=two, mergePolicy={"id": "B-policy"}),
        job(17, "PROCESSING", stage="write", created_ms=START_MS - 2 * MINUTE, mergePolicy={"id": "a-policy"}),
    ]


COLUMNS: dict[str, Callable[[JobSummary], Any]] = {
    "created": lambda one: one.created_ms,
    "updated": lambda one: one.updated_ms,
    "ended": lambda one: one.ended_ms,
    "id": lambda one: int(one.job_id),
    "status": lambda one: one.status,
    "duration": lambda one: (
        one.duration_ms
        if one.ended_ms or one.status == "CANCELLED"
        else None
        if one.gone
        else START_MS - (one.created_ms or 0)
    ),
    "stage": lambda one: None if one.gone else one.stage,
    "segments": lambda one: one.segment_count,
    "dataset": lambda one: (one.dataset_name or one.dataset_id or "").casefold() or None,
    "error": lambda one: (one.error or "").casefold() or None,
    "profiles": lambda one: one.profiles,
    "policy": lambda one: (one.policy or "").casefold() or None,
    "batches": lambda one: one.batch_count,
}


def test_every_column_is_tried() -> None:
    assert set(COLUMNS) == set(order.SORTS)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", COLUMNS)
async def test_every_column_sorts_both_ways_with_blanks_last(history: History, column: str, descending: bool) -> None:  # noqa: FBT001 - a case
    await apply(history, *zoo())
    await history.jobs.mark_gone("17", at_ms=START_MS)
    await history.lookups.put("dataset", [("named", "éclair", {}), (DATASET, "Éa", {}), ("d9", "", {})], at_ms=1)
    query = JobQuery(sort=column, descending=descending)
    rows = await history.jobs.all_rows(query, now_ms=START_MS)
    jobs = await history.jobs.summaries(rows)
    found = [COLUMNS[column](one) for one in jobs]
    values = [value for value in found if value is not None]
    assert values == sorted(values, reverse=descending)
    assert found == values + [None] * (len(found) - len(values))
    assert len(set(values)) > 1
    assert len(rows) == len(zoo())
    assert await history.jobs.first_rows(query, 4, now_ms=START_MS) == jobs[:4]
    assert history.jobs.first_rows_now(query, 99, now_ms=START_MS) == jobs
    newer = await history.jobs.newer_rows(min(rows) + 2, query, now_ms=START_MS)
    assert list(newer) == [row for row in rows if row > min(rows) + 2]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12),
    st.sampled_from(["segments", "status", "created", "dataset", "profiles", "duration", "error", "stage", "ended"]),
)
async def test_ties_go_by_time_then_id_and_turning_it_round_turns_all_round(
    shared: History, drawn: list[tuple[int, int, int]], column: str
) -> None:
    await shared.database.write(lambda db: db.execute("DELETE FROM job"))
    await shared.database.write(lambda db: db.execute("DELETE FROM answer"))
    same: list[dict[str, Any]] = [
        job(
            number,
            created_ms=START_MS - minutes * MINUTE,
            destination={"datasetId": f"d{dataset}"},
            metrics={"totalTime": {"totalTimeInMs": length * 1_000}, "totalExportedProfileCounter": length},
            errors=[{"code": str(dataset), "msg": "x"}],
        )
        for number, (minutes, dataset, length) in enumerate(drawn)
    ]
    await apply(shared, *same)
    up = await listed(shared, sort=column, descending=False)
    assert await listed(shared, sort=column, descending=True) == up[::-1]
    summaries = [await shared.jobs.summary(one) for one in up]
    keys = [(COLUMNS[column](one), one.created_ms, int(one.job_id)) for one in summaries if one is not None]
    blanks = [key[1:] for key in keys if key[0] is None]
    known = [key for key in keys if key[0] is not None]
    assert known == sorted(known)
    assert blanks == sorted(blanks)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    history = History(tmp_path_factory.mktemp("order") / "one.db", runner=InPlace())
    history.open()
    yield history
    history.close()


async def test_an_unknown_column_sorts_by_time(history: History) -> None:
    await apply(history, *zoo())
    assert await listed(history, sort="nonsense; DROP TABLE job") == await listed(history, sort="created")


async def test_words_that_differ_in_case_only_are_ties(history: History) -> None:
    datasets = ["STRASSE", "straße", "Strasse", "a"]
    await apply(
        history,
        *[
            job(number, created_ms=START_MS + number, destination={"datasetId": one})
            for number, one in enumerate(datasets)
        ],
    )
    assert await listed(history, sort="dataset") == ["2", "1", "0", "3"]


async def test_filter_and_order_go_together(history: History) -> None:
    await apply(history, *zoo())
    failed = OneOf("status", (Pattern(("failed",)),))
    assert await listed(history, filter=failed, sort="error") == ["10", "11"]
    assert await listed(history, filter=failed, sort="duration", descending=False) == ["11", "10"]
    long = Within("duration", low=6 * MINUTE)
    assert await listed(history, filter=long, sort="duration", now_ms=START_MS) == ["12", "13"]
    asked = JobQuery(filter=failed, sort="stage")
    (first,) = await history.jobs.first_rows(asked, 1, now_ms=START_MS)
    assert first.job_id == "10"
    assert await history.jobs.newer_rows(0, asked, now_ms=START_MS) == await history.jobs.all_rows(
        asked, now_ms=START_MS
    )


async def test_an_empty_history_has_no_rows(history: History) -> None:
    for column in order.SORTS:
        query = JobQuery(sort=column)
        assert list(await history.jobs.all_rows(query, now_ms=1)) == []
        assert await history.jobs.first_rows(query, 5, now_ms=1) == []
        assert list(await history.jobs.newer_rows(0, query, now_ms=1)) == []


def plans(history: History, ask: Callable[[sqlite3.Connection], object]) -> list[list[str]]:
    """Return how SQLite goes about each statement of what is asked."""
    reader = history.database._reader
    assert reader is not None
    statements: list[str] = []
    reader.set_trace_callback(statements.append)
    ask(reader)
    reader.set_trace_callback(None)
    return [[one[3] for one in reader.execute(f"EXPLAIN QUERY PLAN {statement}")] for statement in statements]


@pytest.mark.parametrize("descending", [False, True])
def test_the_home_order_needs_no_sorting_and_no_table(history: History, descending: bool) -> None:  # noqa: FBT001 - a case
    query = JobQuery(descending=descending)
    (first,) = plans(history, lambda db: order.first_rows(db, query, START_MS, 9))
    assert first == ["SCAN job USING COVERING INDEX job_scan"]
    (whole,) = plans(history, lambda db: order.all_rows(db, query, START_MS))
    assert [one for one in whole if "job" in one] == ["SCAN job USING COVERING INDEX job_scan"]
    assert not any("TEMP" in one for one in whole)


@pytest.mark.parametrize("column", sorted(set(order.SORTS) - {"batches"}))
async def test_no_order_but_that_by_batches_reads_the_table(history: History, column: str) -> None:
    await apply(history, *zoo())
    query = JobQuery(sort=column, filter=Is("mine", holds=True))
    found = plans(history, lambda db: order.all_rows(db, query, START_MS))
    assert "SCAN job USING COVERING INDEX job_scan" in found[-1]


@pytest.mark.parametrize(
    "query", [JobQuery(), JobQuery(sort="dataset"), JobQuery(filter=Is("mine", holds=True))], ids=str
)
def test_what_is_new_is_found_without_reading_the_rest(history: History, query: JobQuery) -> None:
    found = plans(history, lambda db: order.newer_rows(db, query, START_MS, 7))
    assert "SEARCH job USING INTEGER PRIMARY KEY (rowid>?)" in found[-1]


def test_a_screenful_is_looked_up_row_by_row(history: History) -> None:
    (found,) = plans(history, lambda db: summaries(db, list(range(40))))
    assert not [one for one in found if one.startswith("SCAN")]


def test_rows_come_back_in_the_order_they_were_put_in() -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE job (row INTEGER PRIMARY KEY)")
    rows = [1, 2, 255, 256, 65_536, 2**32 - 1]
    db.executemany("INSERT INTO job VALUES (?)", [(row,) for row in rows])
    for direction in ("ASC", "DESC"):
        found = order.read_numbers(db, "job.row", ALWAYS, f"ORDER BY job.row {direction}")
        assert list(found) == sorted(rows, reverse=direction == "DESC")
        assert found.itemsize == 4
    db.close()

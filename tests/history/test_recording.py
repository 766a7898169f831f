"""Writing answers down: what counts as a change, whole pages at once, and what is kept of their JSON."""

from __future__ import annotations

import json
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engines import HOSTILE, START_MS, job
from tui_app.history.database import HistoryError, InPlace
from tui_app.history.history import History
from tui_app.history.packing import digest, packed, spelled, unpacked
from tui_app.history.recording import Applied, record
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    Json = dict[str, Any]

_TABLES = {
    "job": """
        SELECT job.row, job_id, number, status, terminal, created_ms, updated_ms, ended_ms, duration_ms, stage,
               stage_since_ms, d.text, s.text, e.text, p.text, segment_count, batch_count, profiles, scheduled,
               cancel_requested_ms, gone_ms
        FROM job LEFT JOIN word d ON d.word_id = dataset LEFT JOIN word s ON s.word_id = segments
        LEFT JOIN word e ON e.word_id = error LEFT JOIN word p ON p.word_id = policy ORDER BY job.row""",
    "answer": "SELECT * FROM answer ORDER BY row",
    "batch": "SELECT * FROM batch",
    "transition": "SELECT job_id, seen_ms, status, stage FROM transition ORDER BY job_id, row",
    "word": "SELECT kind, text FROM word ORDER BY kind, text",
}


async def apply(history: History, raws: Iterable[Json], at_ms: int = START_MS) -> Applied:
    return await history.jobs.apply([ExportJob.parse(one) for one in raws], seen_ms=at_ms, asked_ms=at_ms)


async def dump(history: History) -> dict[str, list[Any]]:
    return await history.database.read(
        lambda db: {name: db.execute(asked).fetchall() for name, asked in _TABLES.items()}
    )


def turned(value: Any) -> Any:
    """Return the same JSON with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


def some_record(rng: random.Random) -> Json:
    number = rng.randrange(30)
    status, stage = rng.choice(
        [
            ("NEW", "queue"),
            ("PROCESSING", "export"),
            ("PROCESSING", "write"),
            ("SUCCEEDED", "finish"),
            ("FAILED", "gap"),
        ]
    )
    return job(
        number if rng.random() < 0.5 else f"odd {number}",
        status,
        stage=stage,
        created_ms=START_MS - 10_000_000 + number,
        destination={"datasetId": f"d{rng.randrange(3)}", "batchId": f"b{rng.randrange(40)}"},
        errors=[{"code": str(rng.randrange(3)), "msg": rng.choice(HOSTILE)}] if rng.random() < 0.2 else None,
        requestId=str(rng.random()),
    )


@pytest.mark.parametrize("seed", range(12))
async def test_a_page_at_once_is_the_same_as_its_jobs_one_by_one(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    whole, single = (History(tmp_path / name, runner=InPlace()) for name in ("whole.db", "single.db"))
    whole.open()
    single.open()
    for turn in range(15):
        # A page may hold a job twice: the list moves while it is read.
        page = [some_record(rng) for _ in range(rng.randrange(1, 40))]
        at_ms = START_MS + turn * 1_000 - rng.choice([0, 0, 1_500])
        applied = await apply(whole, page, at_ms)
        parts = [await apply(single, [one], at_ms) for one in page]
        assert applied.new == tuple(one for part in parts for one in part.new)
        assert applied.changed == tuple(one for part in parts for one in part.changed)
    found = await dump(whole)
    assert found == await dump(single)
    assert all(found.values())
    whole.close()
    single.close()


async def test_a_page_of_more_jobs_than_one_question_may_name(history: History) -> None:
    page = [job(number) for number in range(1_777)]
    assert len((await apply(history, page)).new) == 1_777
    assert not await apply(history, page, START_MS + 1)
    assert len((await apply(history, [{**one, "x": 1} for one in page], START_MS + 2)).changed) == 1_777


async def test_neither_the_request_id_nor_the_order_of_keys_is_a_change(history: History) -> None:
    raw = job(1, "FAILED", stage="export", requestId="a", nested={"requestId": "a", "b": [{"c": 1, "d": 2}]})
    await apply(history, [raw])
    before = await dump(history)
    assert not await apply(history, [{**raw, "requestId": "b"}], START_MS + 1)
    assert not await apply(history, [{key: raw[key] for key in raw if key != "requestId"}], START_MS + 2)
    assert not await apply(history, [turned({**raw, "requestId": 7})], START_MS + 3)
    after = await dump(history)
    # What is remembered of an answer in another order is only how to know it at once the next time.
    assert after.pop("answer")[0][:4] == before.pop("answer")[0][:4]
    assert after == before
    found = await history.jobs.get("1")
    assert found is not None
    assert list(found.raw) == list(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"nested": {"requestId": "other", "b": [1, 2]}},
        {"nested": {"requestId": "a", "b": [2, 1]}},
        {"nested": None},
        {"more": None},
        {"status": "SUCCEEDED "},
        {"id": "1"},
    ],
)
async def test_any_other_difference_is_a_change(history: History, change: Json) -> None:
    raw = {**job(1, requestId="a"), "nested": {"requestId": "a", "b": [1, 2]}}
    await apply(history, [raw])
    assert (await apply(history, [{**raw, **change}], START_MS + 1)).changed == ("1",)
    found = await history.jobs.get("1")
    assert found is not None
    assert found.raw == {**raw, **change}


async def test_a_transaction_that_is_rolled_back_leaves_no_texts_behind_that_a_later_one_relies_on(
    history: History,
) -> None:
    jobs = [ExportJob.parse(job(1, destination={"datasetId": "lost"}))]

    def fail(db: sqlite3.Connection) -> None:
        record(db, jobs, START_MS, START_MS)
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        await history.database.write(fail)
    await apply(history, [job(2, destination={"datasetId": "other"})])
    await apply(history, [job(1, destination={"datasetId": "lost"})])
    found = await dump(history)
    assert [(one[0], one[1], one[11]) for one in found["job"]] == [(1, "2", "other"), (2, "1", "lost")]


async def test_a_page_costs_a_handful_of_statements_besides_its_texts(history: History) -> None:
    page = [job(number) for number in range(400)]
    statements: list[str] = []
    assert history.database._writer is not None
    await apply(history, [job(1_000)])
    history.database._writer.set_trace_callback(lambda text: statements.append(text.split("(")[0]))
    await apply(history, page)
    written = [one for one in statements if not one.startswith("INSERT")]
    assert len(written) <= 12
    statements.clear()
    assert not await apply(history, page, START_MS + 1)
    assert len(statements) <= 5


# JSON


@pytest.mark.parametrize("text", [*HOSTILE, "", "\x00", "\ud800", "x" * 100_000])
def test_what_is_packed_is_unpacked_as_it_was(text: str) -> None:
    value = {"b": text, text: [1, 1.5, None, True, {"a": text}], "a": 1}
    assert unpacked(packed(spelled(value))) == value
    assert list(unpacked(packed(spelled(value)))) == list(value)
    # As earlier formats stored it.
    assert unpacked(zlib.compress(json.dumps(value).encode())) == value


def test_a_job_takes_a_third_of_a_kilobyte() -> None:
    raw = job(24115, filter={"segments": [{"segmentId": f"{number:032x}"} for number in (2**127, 2**100 // 7)]})
    assert len(spelled(raw)) > 800
    assert len(packed(spelled(raw))) < 300


@pytest.mark.parametrize("cut", [0, 1, 5, 50, -1])
def test_what_is_cut_off_or_changed_is_told(cut: int) -> None:
    whole = packed(spelled(job(1)))
    with pytest.raises(HistoryError, match="cannot be read back"):
        unpacked(whole[:cut])
    with pytest.raises(HistoryError, match="cannot be read back"):
        unpacked(whole[:20] + bytes([whole[20] ^ 255]) + whole[21:])


def test_the_fingerprint_is_of_everything_but_the_request_id() -> None:
    def of(value: Json) -> bytes:
        return digest(spelled(value), value)

    assert of({"a": 1, "requestId": "x", "b": 2}) == of({"a": 1, "requestId": 'y"\u2028', "b": 2})
    assert len({of(one) for one in ({}, {"a": 1}, {"a": "1"}, {"a": None}, {"b": 1}, {"a": 1, "b": 1})}) == 6

"""Filters in SQL against a plain reading of the same filters, over odd jobs, odd texts and odd bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import START_MS, job
from tui_app.history.database import InPlace
from tui_app.history.filtering import condition
from tui_app.history.history import History
from tui_app.history.words import fits_any
from tui_app.models.export_job import ExportJob
from tui_app.models.filter import EVERYTHING, AllOf, AnyOf, AnyText, Filter, Is, Not, OneOf, Pattern, Within
from tui_app.models.job_query import JobQuery
from tui_app.models.stage import OVERDUE_AFTER_MS, current_stage, duration_ms, ended_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

MINUTE = 60_000
NAMES = {"d1": "Loyalty ß 100%", "d2": "", "D_3": "ÉCOLE_x", "d4": "\\ back * star"}
IDS = ("7", "17", "117", "1170", "007", "0", "9" * 20, "abc-1", "STRASSE", "straße", "x%y", "\N{KELVIN SIGN}1")
BATCHES = ("01HQABCDEF", "01hqabcdeg", "01HQ_bcd%f", "99ffee", "99f")


@dataclass(frozen=True)
class Known:
    """What one job is, told by the record it came from."""

    job: ExportJob
    is_gone: bool

    def texts(self, field: str) -> list[str]:
        """Return the texts of a field as `models.filter` defines them."""
        one = self.job
        running = not one.is_terminal and not self.is_gone
        errors = (" ".join(f"{each.code} {each.message}".split()) for each in one.errors)
        found: dict[str, list[str | None]] = {
            "status": [one.status],
            "id": [one.job_id],
            "dataset": [one.dataset_id, NAMES.get(one.dataset_id or "")],
            "segment": [each.segment_id for each in one.segments],
            "error": ["\n".join(errors)],
            "policy": [one.merge_policy.id if one.merge_policy is not None else None],
            "batch": [each.batch_id for each in one.batches],
            "stage": [current_stage(one, START_MS) if running or one.status == "FAILED" else None],
        }
        return [text for text in found[field] if text]

    def number(self, field: str, now_ms: int) -> int | None:
        """Return the number of a field, None where it is unknown."""
        one = self.job
        running = not one.is_terminal and not self.is_gone
        so_far = now_ms - one.created_ms if running and one.created_ms is not None else None
        found = {
            "created": one.created_ms,
            "updated": one.updated_ms,
            "ended": ended_ms(one) if one.is_terminal else None,
            "age": now_ms - one.created_ms if one.created_ms is not None else None,
            "duration": duration_ms(one, now_ms) if one.is_terminal else so_far,
            "profiles": one.metrics.profiles,
        }
        return found[field]

    def flag(self, field: str, now_ms: int) -> bool:
        """Return whether a flag holds."""
        one = self.job
        silent = one.updated_ms is not None and one.updated_ms < now_ms - OVERDUE_AFTER_MS
        running = not one.is_terminal and not self.is_gone
        return {"mine": one.schedule_id is None, "gone": self.is_gone, "stuck": running and silent}[field]


def passes(known: Known, wanted: Filter, now_ms: int) -> bool:
    """Return whether a job passes a filter, read word by word from what `models.filter` says."""
    match wanted:
        case AnyText(pattern):
            fields = ("id", "status", "stage", "dataset", "segment", "policy", "error")
            begins = Pattern(pattern.pieces[1:])
            holds = any(pattern.matches(text) for field in fields for text in known.texts(field)) or (
                len(begins.pieces[0]) >= 6 and any(map(begins.matches, known.texts("batch")))
            )
        case OneOf(field, patterns):
            holds = any(pattern.matches(text) for pattern in patterns for text in known.texts(field))
        case Within(field, low, high):
            number = known.number(field, now_ms)
            holds = number is not None and (low is None or low <= number) and (high is None or number <= high)
        case Is(field, asked):
            holds = known.flag(field, now_ms) == asked
        case Not(part):
            holds = not passes(known, part, now_ms)
        case AllOf(parts):
            holds = all(passes(known, part, now_ms) for part in parts)
        case AnyOf(parts):
            holds = any(passes(known, part, now_ms) for part in parts)
    return holds


MOMENTS = st.integers(-4, 4).map(lambda hours: START_MS + hours * 60 * MINUTE)


@st.composite
def records(draw: st.DrawFn) -> tuple[dict[str, Any], bool]:
    errors = draw(st.lists(st.sampled_from(["Error at %1", "été\tdone", "K * x_y"]), max_size=2))
    record = job(
        draw(st.sampled_from(IDS)),
        draw(st.sampled_from(["NEW", "PROCESSING", "PARKED", "geparkt ü", "SUCCEEDED", "FAILED", "CANCELLED"])),
        stage=draw(st.sampled_from(["queue", "export", "write"])),
        created_ms=draw(MOMENTS),
        destination={
            "datasetId": draw(st.sampled_from([*NAMES, "D1", None])),
            "batches": [{"batchId": one} for one in draw(st.lists(st.sampled_from(BATCHES), max_size=2))],
        },
        filter={
            "segments": [{"segmentId": one} for one in draw(st.lists(st.sampled_from(["a", "ab", "ẞc"]), max_size=2))]
        },
        errors=[{"code": f"00{place}", "msg": one} for place, one in enumerate(errors)] or None,
        mergePolicy=draw(st.sampled_from([None, {"id": "p1"}, {"id": "P_1"}])),
        properties=draw(st.sampled_from([None, {"scheduleId": "s"}])),
        updateTime=draw(st.none() | MOMENTS),
    )
    if draw(st.booleans()):
        record.pop("creationTime")
    if draw(st.booleans()):
        record["metrics"] = {"totalExportedProfileCounter": draw(st.sampled_from([0, 5, 2**40]))}
    return record, draw(st.booleans())


TEXTS = st.one_of(
    st.sampled_from(
        [*IDS, *BATCHES, *NAMES, *NAMES.values(), "", "1", "17", "é", "ss", "SS", "%", "_", "\\", "*", "k"]
    ),
    st.sampled_from(["run", "FAILED", "PARK", "write", "0", "00", "error at", "\n", "01hqabc", "01HQ_b", "01HQ"]),
    st.sampled_from(["\0", "\ud800", "x" * 1_200, "1" * 40, "'; DROP TABLE job --", "a b", "\u2028"]),
    st.text(max_size=3),
)
PATTERNS = st.lists(TEXTS, min_size=1, max_size=4).map(lambda pieces: Pattern(tuple(pieces)))
OPEN_PATTERNS = st.lists(TEXTS, min_size=1, max_size=2).map(lambda pieces: Pattern(("", *pieces, "")))
BOUNDS = st.one_of(MOMENTS, st.integers(-300 * MINUTE, 300 * MINUTE), st.integers(-(2**63) + 1, 2**63 - 1))
RANGES = st.tuples(st.none() | BOUNDS, st.none() | BOUNDS).filter(lambda pair: pair != (None, None))
LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(AnyText, OPEN_PATTERNS),
    st.builds(
        OneOf,
        st.sampled_from(["status", "id", "dataset", "segment", "error", "policy", "batch", "stage"]),
        st.lists(PATTERNS, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        lambda field, pair: Within(field, *pair),
        st.sampled_from(["age", "created", "updated", "ended", "duration", "profiles"]),
        RANGES,
    ),
    st.builds(Is, st.sampled_from(["mine", "stuck", "gone"]), st.booleans()),
)
FILTERS = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.builds(Not, part),
        st.lists(part, max_size=4).map(lambda parts: AllOf(tuple(parts))),
        st.lists(part, min_size=1, max_size=4).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Give one history to every example: opening a file takes longer than asking it."""
    history = History(tmp_path_factory.mktemp("filtering") / "one.db", runner=InPlace())
    history.open()
    assert history.database._writer is not None
    # Whoever keeps the disk busy is not waited for.
    history.database._writer.execute("PRAGMA synchronous=OFF")
    yield history
    history.close()


def empty(db: sqlite3.Connection) -> None:
    """Take everything out that jobs leave behind."""
    for statement in ("DELETE FROM job", "DELETE FROM answer", "DELETE FROM batch", "DELETE FROM word"):
        db.execute(statement)


async def fill(history: History, chosen: Sequence[tuple[dict[str, Any], bool]]) -> dict[str, Known]:
    """Put these jobs in the place of what the history holds, and return them by id."""
    await history.database.write(empty)
    await history.lookups.put("dataset", [(one, name, {}) for one, name in NAMES.items()], at_ms=1)
    known: dict[str, Known] = {}
    for record, is_gone in chosen:
        parsed = ExportJob.parse(record)
        known[parsed.job_id] = Known(parsed, is_gone)
    await history.jobs.apply([one.job for one in known.values()], seen_ms=START_MS, asked_ms=START_MS)
    for job_id, one in known.items():
        if one.is_gone:
            await history.jobs.mark_gone(job_id, at_ms=START_MS + 1)
    return known


async def found(history: History, wanted: Filter, now_ms: int = START_MS) -> set[str]:
    rows = await history.jobs.all_rows(JobQuery(filter=wanted), now_ms=now_ms)
    return {one.job_id for one in await history.jobs.summaries(rows)}


@settings(max_examples=100, deadline=None)
@given(
    chosen=st.lists(records(), max_size=8),
    wanted=st.lists(FILTERS, min_size=1, max_size=6),
    now_ms=MOMENTS,
)
async def test_sql_and_a_plain_reading_agree(
    shared: History, chosen: list[tuple[dict[str, Any], bool]], wanted: list[Filter], now_ms: int
) -> None:
    known = await fill(shared, chosen)
    for one in wanted:
        expected = {job_id for job_id, job in known.items() if passes(job, one, now_ms)}
        assert await found(shared, one, now_ms) == expected
        assert await found(shared, Not(one), now_ms) == known.keys() - expected


@given(PATTERNS, st.lists(PATTERNS, max_size=3), st.one_of(TEXTS, st.text()))
def test_many_patterns_at_once_fit_what_one_of_them_fits(first: Pattern, others: list[Pattern], text: str) -> None:
    patterns = (first, *others)
    assert bool(fits_any(patterns)(text.casefold())) == any(one.matches(text) for one in patterns)


@pytest.mark.parametrize(
    "pattern",
    [Pattern(("", *["a"] * 3_000, "b")), Pattern(("a", *["", "a"] * 1_500, "b")), Pattern(("", *["ab"] * 2_000, ""))],
)
def test_a_row_of_stars_takes_no_longer_than_its_length(pattern: Pattern) -> None:
    fits = fits_any((pattern,))
    assert not fits("a" * 20_000)  # tried in every way, this would outlast the sun


async def test_everything_asks_for_nothing(history: History) -> None:
    statements: list[str] = []
    assert history.database._reader is not None
    history.database._reader.set_trace_callback(statements.append)
    history.jobs.first_rows_now(JobQuery(filter=EVERYTHING), 10, now_ms=START_MS)
    assert len(statements) == 1


async def test_a_text_that_is_nowhere_reads_no_job(history: History) -> None:
    await history.jobs.apply([ExportJob.parse(job(1))], seen_ms=START_MS, asked_ms=START_MS)
    assert history.database._reader is not None
    statements: list[str] = []
    history.database._reader.set_trace_callback(statements.append)
    asked = JobQuery(filter=AnyText(Pattern.inside("nowhere")))
    assert history.jobs.first_rows_now(asked, 10, now_ms=START_MS) == []
    assert "FROM job WHERE 0 " in statements[-1]


async def test_thousands_of_values_and_conditions_are_one_question(history: History) -> None:
    many = [job(number, filter={"segments": [{"segmentId": f"seg-{number}"}]}) for number in range(1, 3_001)]
    await history.jobs.apply([ExportJob.parse(one) for one in many], seen_ms=START_MS, asked_ms=START_MS)
    assert len(await found(history, AnyText(Pattern.inside("seg-")))) == 3_000
    ids = tuple(Pattern((str(number),)) for number in range(1, 6_000, 2))
    assert len(await found(history, OneOf("id", ids))) == 1_500
    segments = tuple(Pattern((f"SEG-{number}",)) for number in range(1, 6_000, 2))
    assert len(await found(history, OneOf("segment", segments))) == 1_500
    numbers = AnyOf(tuple(Within("profiles", number, number) for number in range(3_000)))
    assert await found(history, numbers) == set()
    assert len(await found(history, AllOf(tuple(Not(part) for part in numbers.parts)))) == 3_000


async def test_what_was_typed_never_becomes_sql(history: History) -> None:
    await history.jobs.apply([ExportJob.parse(job(1))], seen_ms=START_MS, asked_ms=START_MS)
    hostile = "x' OR 1=1 --"
    for field in ("status", "id", "dataset", "segment", "error", "policy", "batch", "stage"):
        for pieces in ((hostile,), ("", hostile, ""), (hostile, "")):
            wanted = OneOf(field, (Pattern(pieces),))
            assert await found(history, wanted) == set()
            assert history.database._reader is not None
            assert hostile not in condition(history.database._reader, wanted, START_MS).sql


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("24", {"124", "240"}),
        ("FAIL", {"124"}),
        ("fail", {"124"}),
        ("50%", {"240"}),
        ("%", {"240"}),
        ("_", {"124"}),
        ("a_b", {"124"}),
        ("\\", {"7"}),
        ("c:\\x", {"7"}),
        ("loyal", {"7"}),
        ("SEG-9", {"240"}),
        ("0090 Bad", {"124"}),
        ("second", {"124"}),
        ("da5cfb", {"124"}),
        ("a5cfb4", set()),
        ("nothing like it", set()),
        ("'", set()),
        ("x" * 100_000, set()),
        ("1" * 100_000, set()),
        ("\ud800", set()),
        ("\0", set()),
    ],
)
async def test_text_is_found_as_typed_wherever_it_stands(history: History, text: str, ids: set[str]) -> None:
    await history.lookups.put("dataset", [("d7", "Loyalty c:\\x", {})], at_ms=1)
    plain: Any = {"filter": {}, "destination": {"datasetId": "d1"}}
    errors = [{"code": "0090", "msg": "Bad a_b"}, {"code": "0091", "msg": "Second"}]
    jobs = [
        job(124, "FAILED", **{**plain, "destination": {"batchId": "DA5CFB4DE32C"}}, errors=errors),
        job(240, **{**plain, "filter": {"segments": [{"segmentId": "seg-9"}, {"segmentId": "50% off"}]}}),
        job(7, **{**plain, "destination": {"datasetId": "d7"}}),
    ]
    await history.jobs.apply([ExportJob.parse(one) for one in jobs], seen_ms=START_MS, asked_ms=START_MS)
    assert await found(history, AnyText(Pattern.inside(text))) == ids


@pytest.mark.parametrize(
    ("field", "pieces", "ids"),
    [
        ("batch", ("b_", "%", "9"), {"1"}),
        ("batch", ("", "%", ""), {"1"}),
        ("batch", ("", "_1%", ""), {"1"}),
        ("batch", ("", "b_1", ""), {"1", "2"}),
        ("batch", ("", "\\", ""), {"3"}),
        ("batch", ("B_1",), {"2"}),
        ("batch", ("b_1", ""), {"1", "2"}),
        ("batch", ("", "1"), {"2", "3"}),
        ("id", ("", "2"), {"2"}),
        ("id", ("", "34"), {"12\x0034"}),
        ("id", ("", "12"), set()),
        ("id", ("12", ""), {"12\x0034"}),
    ],
)
async def test_signs_of_sql_and_of_c_mean_themselves(
    history: History, field: str, pieces: tuple[str, ...], ids: set[str]
) -> None:
    jobs = [("1", "b_1%9"), ("2", "b_1"), ("3", "bx1\\1"), ("12\x0034", "c")]
    records = [job(job_id, destination={"batchId": batch}) for job_id, batch in jobs]
    await history.jobs.apply([ExportJob.parse(one) for one in records], seen_ms=START_MS, asked_ms=START_MS)
    assert await found(history, OneOf(field, (Pattern(pieces),))) == ids

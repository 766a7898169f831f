"""Reading the platform's list to order: right at the first call, kept in history, and no hole left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import START, FakeClock
from tests.support.engines import DATASET, START_MS, FakePlatform, dataset, job, remember
from tui_app.api.errors import from_response
from tui_app.config import load
from tui_app.engine.reading import Reading, created_floor_ms
from tui_app.history.retention import Retention
from tui_app.models.export_job import JobPage
from tui_app.models.failure import FailureError
from tui_app.models.filter import AllOf, AnyOf, Filter, Is, Not, OneOf, Pattern, Within
from tui_app.models.filter_text import parse
from tui_app.models.job_query import JobQuery
from tui_app.wiring import demo_workspaces

if TYPE_CHECKING:
    from array import array
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.engine.conftest import Make
    from tui_app.engine.engine import Engine

HOUR_MS = 3_600_000


def asking(text: str, *, sort: str = "created", descending: bool = True) -> JobQuery:
    """Return the question for a filter line."""
    return JobQuery(filter=parse(text, now=START), sort=sort, descending=descending)


async def ids(engine: Engine, found: Reading) -> list[str]:
    return [one.job_id for one in await engine.list.jobs(found.rows)]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine on an embedded platform of 2,500 jobs whose clock stands still."""
    loaded = load({}, {"AEPX_DATA_DIR": str(tmp_path)})
    async with demo_workspaces(loaded, jobs=2_500, alive=False, clock=FakeClock()) as spaces:
        opened = await spaces.open(*await spaces.home())
        yield opened
        await opened.stop()


async def test_the_newest_are_read_in_one_call_and_kept(engine: Engine) -> None:
    found = await engine.reading.newest(JobQuery(), limit=7)
    assert len(found.rows) == 7
    assert found.more
    assert await engine.list.all_rows(JobQuery()) == found.rows
    assert engine.requests_sent == 2  # the token and one page


async def test_reading_to_the_end_tells_how_far_it_is(engine: Engine) -> None:
    told: list[tuple[int, int]] = []
    found = await engine.reading.newest(
        JobQuery(), limit=None, progress=lambda read, matching: told.append((read, matching))
    )
    assert len(found.rows) == 2_500
    assert not found.more
    assert told == [(1_000, 1_000), (2_000, 2_000)]


async def test_more_is_said_only_when_the_list_goes_on(engine: Engine) -> None:
    assert not (await engine.reading.newest(asking("status:processing"), limit=100)).more
    assert not (await engine.reading.newest(JobQuery(), limit=5_000)).more
    assert (await engine.reading.newest(asking("status:failed"), limit=1)).more


async def test_rows_are_handed_out_page_by_page_in_the_order_of_the_answer(engine: Engine) -> None:
    parts: list[array[int]] = []

    async def keep(rows: array[int]) -> None:
        parts.append(rows)

    found = await engine.reading.newest(asking("-status:succeeded"), limit=None, each=keep)
    assert found.told
    assert len(parts) == 3
    assert [row for part in parts for row in part] == list(found.rows)
    ordered = await engine.reading.newest(asking("-status:succeeded", sort="duration"), limit=None, each=keep)
    assert not ordered.told
    assert len(parts) == 3
    assert sorted(ordered.rows) == sorted(found.rows)


@pytest.mark.parametrize(
    "text",
    ["status:failed", "loyalty", "duration>10m or stuck:yes", "-status:succeeded age<30d", "mine:no error:*"],
)
async def test_what_passes_is_what_history_says_of_the_whole_list(engine: Engine, text: str) -> None:
    found = await engine.reading.newest(asking(text), limit=None)
    assert len(found.rows) > 1
    await engine.reading.newest(JobQuery(), limit=None)
    assert list(found.rows) == list(await engine.list.all_rows(asking(text)))


@pytest.mark.parametrize(("sort", "descending"), [("duration", True), ("created", False), ("dataset", False)])
async def test_another_order_is_that_of_the_whole_list(engine: Engine, sort: str, *, descending: bool) -> None:
    query = asking("status:failed,cancelled", sort=sort, descending=descending)
    found = await engine.reading.newest(query, limit=5)
    assert found.more
    await engine.reading.newest(JobQuery(), limit=None)
    assert list(found.rows) == list(await engine.list.all_rows(query))[:5]


async def test_jobs_that_history_alone_knows_are_not_in_the_answer(make: Make) -> None:
    engine, platform = make(jobs=[job(2), job(1)])
    await remember(engine, job(3), job(2))
    for sort in ("created", "duration"):
        found = await engine.reading.newest(JobQuery(sort=sort), limit=None)
        assert sorted(await ids(engine, found)) == ["1", "2"]
    assert len(platform.asked("export_jobs.list_page")) == 2


async def test_a_partial_reading_leaves_no_hole_for_the_monitor(engine: Engine) -> None:
    whole = await engine.list.jobs((await engine.reading.newest(JobQuery(), limit=None)).rows)
    body = {"destination": {"datasetId": whole[0].dataset_id}, "schema": {"name": "_xdm.context.profile"}}
    clock = engine.clock
    assert isinstance(clock, FakeClock)
    await clock.advance(60)
    await engine._core.client.export_jobs.create(body)
    await engine.reading.newest(JobQuery(), limit=1)
    await engine.refresh()
    assert len(await engine.list.all_rows(JobQuery())) == len(whole) + 1


async def test_a_failure_names_the_list(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise from_response(403, {}, b"{}")

    monkeypatch.setattr(engine._core.client.export_jobs, "list_page", refuse)
    with pytest.raises(FailureError, match="The list of export jobs"):
        await engine.reading.newest(JobQuery(), limit=1)


async def test_a_failure_on_the_way_keeps_what_was_read(make: Make) -> None:
    engine, platform = old_list(make)
    told: list[int] = []

    def fail_next(read: int, _: int) -> None:
        told.append(read)
        platform.fail("export_jobs.list_page", from_response(403, {}, b"{}"))

    with pytest.raises(FailureError):
        await engine.reading.newest(JobQuery(sort="id"), limit=5, progress=fail_next)
    assert len(await engine.list.all_rows(JobQuery())) >= told[0] == 1_000


# How far it reads


def old_list(make: Make, count: int = 2_300) -> tuple[Engine, FakePlatform]:
    """Return an engine on a platform with a job an hour."""
    jobs = [job(10_000 - place, created_ms=START_MS - (place + 1) * HOUR_MS) for place in range(count)]
    return make(jobs=jobs)


@pytest.mark.parametrize(
    ("text", "pages", "count"),
    [
        ("age<24h", 1, 23),
        (f"created>={(START - timedelta(hours=1_500)).isoformat()}", 2, 1_500),
        ("age<24h or created:2026-02-28", 1, None),
        ("status:succeeded (age<24h or age<48h)", 1, 47),
        ("age<1h", 1, 0),
        ("age<24h or status:failed", 3, 23),
        ("-age<2000h", 3, 301),
        ("updated>2026-01-01", 3, None),
        ("id:9990", 1, 1),
        ("id:9990,8000 age>1h", 3, 2),
        ("id:99*", 3, 100),
        ("id:x", 3, 0),
    ],
)
async def test_reading_ends_where_nothing_older_can_pass(
    make: Make, *, text: str, pages: int, count: int | None
) -> None:
    engine, platform = old_list(make)
    found = await engine.reading.newest(asking(text), limit=None)
    assert len(platform.asked("export_jobs.list_page")) == pages
    assert not found.more
    if count is not None:
        assert len(found.rows) == count


async def test_a_page_that_is_not_sorted_does_not_end_the_reading(make: Make) -> None:
    engine, platform = old_list(make, count=2_500)
    platform.put(job(20_000, created_ms=START_MS - HOUR_MS))
    records = list(platform.jobs.values())
    # The list as a service would give it that sorts each page by something else: old ones last, new ones behind them.
    mixed = [*records[500:1_500], *records[:500], *records[1_500:]]
    served = iter(range(0, len(mixed), 1_000))

    async def list_page(*, limit: int = 100, **_: Any) -> JobPage:
        start = next(served)
        page: dict[str, object] = {"records": sorted(mixed[start : start + limit], key=lambda one: str(one["id"]))}
        if start + limit < len(mixed):
            page["link"] = {"next": f"/export/jobs/?limit={limit}&offset={start + limit}"}
        return JobPage.parse(page)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign]  # this one platform answers in disorder
    found = await engine.reading.newest(asking("age<800h"), limit=None)
    assert len(found.rows) == 800


LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Within, st.just("created"), st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)),
    st.builds(Within, st.just("age"), st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)),
    st.just(OneOf("status", (Pattern(("FAILED",)),))),
    st.just(Is("mine", holds=True)),
)
TREES: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.builds(Not, part),
        st.builds(lambda parts: AllOf(tuple(parts)), st.lists(part, max_size=3)),
        st.builds(lambda parts: AnyOf(tuple(parts)), st.lists(part, max_size=3)),
    ),
    max_leaves=8,
)


def passes(asked: Filter, created: int, status: str, *, mine: bool) -> bool:
    match asked:
        case Within(field, low, high):
            number = created if field == "created" else 100 - created
            return (low is None or number >= low) and (high is None or number <= high)
        case OneOf():
            return status == "FAILED"
        case Is():
            return mine
        case Not(part):
            return not passes(part, created, status, mine=mine)
        case AllOf(parts):
            return all(passes(part, created, status, mine=mine) for part in parts)
        case AnyOf(parts):
            return any(passes(part, created, status, mine=mine) for part in parts)
    raise AssertionError(asked)


@given(TREES, st.integers(1, 99), st.sampled_from(["FAILED", "NEW"]), st.booleans())
@settings(max_examples=300)
def test_no_job_below_the_floor_passes(asked: Filter, created: int, status: str, mine: bool) -> None:  # noqa: FBT001 - drawn
    floor = created_floor_ms(asked, now_ms=100)
    if floor is not None and created < floor:
        assert not passes(asked, created, status, mine=mine)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("status:failed", "FAILED"),
        ("status:FAILED age<9000h", "FAILED"),
        ("status:new", "NEW"),
        ("status:fail", None),
        ("status:failed,new", None),
        ("-status:failed", None),
        ("status:failed or age<1h", None),
        ("status:processing", None),
        ("status:*ed", None),
    ],
)
async def test_the_platform_filters_by_status_where_that_is_exact(make: Make, text: str, status: str | None) -> None:
    words = ("NEW", "PROCESSING", "SUCCEEDED", "FAILED")
    engine, platform = make(
        jobs=[job(9_000 - place, words[place % 4], created_ms=START_MS - place) for place in range(40)]
    )
    asked: list[object] = []
    answer = platform.export_jobs.list_page

    async def list_page(*, status: str | None = None, **more: Any) -> JobPage:
        asked.append(status)
        return await answer(status=status, **more)

    platform.export_jobs.list_page = list_page  # type: ignore[method-assign]  # the same platform, overheard
    found = await engine.reading.newest(asking(text), limit=None)
    assert set(asked) == {status}
    await engine.reading.newest(JobQuery(), limit=None)
    assert list(found.rows) == list(await engine.list.all_rows(asking(text)))


# Names


async def test_names_are_learnt_before_a_filter_looks_at_them_on_every_page(make: Make) -> None:
    datasets = {f"{place:024d}": f"Export {place}" for place in range(25)}
    jobs = [
        job(
            9_000 - place,
            created_ms=START_MS - place,
            destination={"datasetId": f"{place // 100:024d}", "segmentPerBatch": False},
        )
        for place in range(2_500)
    ]
    engine, platform = make(jobs=jobs)
    platform.datasets = {one: dataset(name) for one, name in datasets.items()}
    found = await engine.reading.newest(asking('dataset:"export 24"'), limit=None)
    assert len(found.rows) == 100
    assert not found.notes
    by_text = await engine.reading.newest(asking('"export 24"'), limit=None)
    assert by_text.rows == found.rows


async def test_names_that_cannot_be_had_are_told_of(make: Make) -> None:
    engine, platform = make(jobs=[job(1)])
    for call in ("catalog.list_datasets", "catalog.get_dataset"):
        platform.fail(call, from_response(403, {}, b"{}"), times=None)
    found = await engine.reading.newest(asking("dataset:loyal*"), limit=None)
    assert len(found.rows) == 0
    assert len(found.notes) == 1
    assert found.notes[0].startswith("Some datasets could only be compared by their ids.")
    by_id = await engine.reading.newest(asking(f"dataset:{DATASET}"), limit=None)
    assert await ids(engine, by_id) == ["1"]


async def test_a_filter_that_needs_no_names_asks_for_none(make: Make) -> None:
    engine, platform = make(jobs=[job(1)])
    await engine.reading.newest(asking("status:succeeded -age<1m"), limit=None)
    assert {name for name, _ in platform.calls} == {"export_jobs.list_page"}


# What history does not keep


async def test_jobs_that_the_retention_leaves_out_are_told_of(make: Make) -> None:
    day_ms = 24 * HOUR_MS
    ages = (0.5, 1.5, 2.5, 3.5)
    engine, _ = make(jobs=[job(9 - place, created_ms=START_MS - round(age * day_ms)) for place, age in enumerate(ages)])
    await engine._core.history.keep_to(Retention(keep_days=3), now_ms=START_MS, walk="walk")
    found = await engine.reading.newest(JobQuery(), limit=None)
    assert await ids(engine, found) == ["9", "8", "7"]
    assert found.notes == (
        "1 job is older than what the history keeps and not shown; see [history] in the configuration.",
    )

"""The figures of a view: told in words, marks and bars, at every width, and the way from them back into the list."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App

from tests.support.clock import START
from tests.support.engines import HOSTILE, START_MS, screen_text
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.models.filter import AllOf, OneOf
from tui_app.models.filter_text import parse
from tui_app.models.statistics import Bucket, DatasetFigures, ErrorFigures, Statistics
from tui_app.present.statistics import merged, narrowed, statistics_page, statistics_text
from tui_app.present.text_lines import plain
from tui_app.text import cell_width, safe_text
from tui_app.tui.screens.statistics import StatisticsDialog
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from textual.pilot import Pilot

DAY = 86_400_000
ERROR = 'ERR-0090 Error writing "profiles" to output path'
FIGURES = Statistics(
    total=1_000_032,
    counts=(("SUCCEEDED", 930_000), ("FAILED", 70_000), ("PROCESSING", 3), ("PAUSED_BY_ADMIN", 29)),
    p50_ms=1_204_000,
    p95_ms=3_720_000,
    longest_ms=3 * DAY + 4 * 3_600_000,
    profiles=12_345_678_901,
    buckets=tuple(Bucket(START_MS - (60 - day) * DAY, ok=day * 10, failed=day % 7, other=1) for day in range(60)),
    bucket_ms=DAY,
    datasets=(
        DatasetFigures("65e0c0ffee0123456789abcd", "Loyalty export", 600_000, 42_000, 1_204_000),
        DatasetFigures("65e0c0ffee0123456789abce", None, 400_032, 0, None),
    ),
    errors=(ErrorFigures(ERROR, 69_999, START_MS - 2 * 3_600_000), ErrorFigures("TIMEOUT", 1, None)),
)


class Bench:
    """The dialog over figures that a test hands out."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        self.answers: list[str | None] = []

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def lines(self) -> list[str]:
        return [plain(one).rstrip() for one in self.pilot.app.screen.query_one(TextLines).lines]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.quiet()

    async def quiet(self) -> None:
        for _ in range(4):
            await self.pilot.pause()


@asynccontextmanager
async def shown(
    read: Callable[[], Awaitable[Statistics]] | Statistics, *, size: tuple[int, int] = (80, 24), filter_text: str = ""
) -> AsyncIterator[Bench]:
    async def at_once() -> Statistics:
        assert isinstance(read, Statistics)
        return read

    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        bench = Bench(pilot)
        asked = at_once if isinstance(read, Statistics) else read
        app.push_screen(StatisticsDialog(asked, filter_text=filter_text, now_ms=lambda: START_MS), bench.answers.append)
        await bench.quiet()
        yield bench


# The page


@pytest.mark.parametrize("width", [40, 60, 74, 109, 110, 140, 200])
def test_every_figure_is_told_at_every_width(width: int) -> None:
    page = statistics_page(FIGURES, width, now_ms=START_MS, cursor=0)
    text = "\n".join(plain(one) for one in page.lines)
    assert all(cell_width(plain(one)) <= width for one in page.lines)
    for told in (
        "+ SUCCEEDED",
        "930,000   93.0%",
        "! FAILED",
        "70,000    7.0%",
        "3   <0.1%",
        "? PAUSED_BY_ADM",
        "success rate 93.0%, cancelled left out",
        "median 20m04s   95% within 1h02m",
        "12,345,678,901 profiles exported",
        "highest 594 jobs in 1d" if width not in (40, 110) else "highest 1,177 jobs in 2d",
        "600,000",
        "42,000 (7.0%)",
        "20m04s",
        "69,999",
        "2h ago",
    ):
        assert told in text, told


def test_bars_are_as_long_as_their_counts_and_never_vanish() -> None:
    page = statistics_page(FIGURES, 80, now_ms=START_MS)
    bars = [plain(one).split("%")[-1].strip() for one in page.lines[1:5]]
    assert bars[0] == "█" * len(bars[0])
    assert len(bars[1]) == pytest.approx(len(bars[0]) * 7 / 93, abs=1)
    assert bars[2] == bars[3] == "▏"


def test_a_share_never_reads_as_all_or_nothing_when_it_is_not() -> None:
    figures = Statistics(total=100_000, counts=(("SUCCEEDED", 99_999), ("FAILED", 1)))
    text = statistics_text(figures, "", now_ms=START_MS)
    assert "success rate >99.9%" in text
    assert "<0.1%" in text
    whole = Statistics(total=2, counts=(("SUCCEEDED", 2),))
    assert "success rate 100.0%" in statistics_text(whole, "", now_ms=START_MS)
    assert "success rate" not in statistics_text(Statistics(total=1, counts=(("NEW", 1),)), "", now_ms=START_MS)


def test_failures_over_time_are_marks_besides_a_colour() -> None:
    buckets = tuple(
        Bucket(START_MS + place * DAY, ok=100 - failed, failed=failed) for place, failed in enumerate((0, 1, 20, 90))
    )
    page = statistics_page(
        Statistics(total=400, counts=(("FAILED", 400),), buckets=(*buckets, Bucket(START_MS)), bucket_ms=DAY),
        80,
        now_ms=START_MS,
    )
    texts = [plain(one) for one in page.lines]
    at = texts.index("CREATED OVER TIME")
    assert texts[at + 1].rstrip() == texts[at + 3].rstrip() == " ".join(["█" * 7] * 4)
    assert texts[at + 4].rstrip() == " ".join(mark * 7 for mark in " .:!")
    assert page.lines[at + 4][0].role == "failed"


def test_a_time_with_any_job_at_all_is_seen() -> None:
    buckets = (Bucket(START_MS, ok=100_000), Bucket(START_MS + DAY, ok=1), Bucket(START_MS + 2 * DAY))
    page = statistics_page(Statistics(total=1, buckets=buckets, bucket_ms=DAY), 60, now_ms=START_MS)
    lowest = next(plain(one) for one in page.lines if "▁" in plain(one))
    assert lowest.rstrip() == "█" * 7 + " " + "▁" * 7


def test_profiles_are_told_of_only_where_a_job_tells_a_number() -> None:
    assert "profile" not in statistics_text(replace(FIGURES, profiles=None, errors=()), "", now_ms=START_MS)
    assert "\n0 profiles exported" in statistics_text(replace(FIGURES, profiles=0), "", now_ms=START_MS)
    assert "\n1 profile exported" in statistics_text(replace(FIGURES, profiles=1), "", now_ms=START_MS)


def chart(*buckets: Bucket, bucket_ms: int) -> list[str]:
    page = statistics_page(
        Statistics(total=1, buckets=buckets, bucket_ms=bucket_ms), 74, now_ms=START_MS, zone=START.tzinfo
    )
    texts = [plain(one).rstrip() for one in page.lines]
    return texts[texts.index("CREATED OVER TIME") + 1 :]


def test_one_job_alone_is_a_bar_and_no_wall() -> None:
    hour = 3_600_000
    found = chart(Bucket(START_MS - hour, ok=1), bucket_ms=hour)
    assert found[0] == found[2] == "█" * 7
    assert found[4:] == ["highest 1 job in 1h"]  # where nothing failed, no mark is explained


@pytest.mark.parametrize(
    ("count", "step_ms", "told"),
    [
        (60, DAY, r"\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\d"),
        (2, DAY, r"\d{4}-\d\d-\d\d \d\d:\d\d +\d{4}-\d\d-\d\d \d\d:\d\d"),
        (1, 1_000, r"\d\d:\d\d +\d\d:\d\d"),
    ],
)
def test_both_ends_of_the_chart_are_written_alike(count: int, step_ms: int, told: str) -> None:
    start = START_MS - count * step_ms
    found = chart(*(Bucket(start + place * step_ms, ok=1) for place in range(count)), bucket_ms=step_ms)
    assert re.fullmatch(told, found[3])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=200), st.integers(1, 120))
def test_merging_buckets_loses_nothing(counts: list[tuple[int, int, int]], most: int) -> None:
    buckets = [Bucket(place * DAY, *one) for place, one in enumerate(counts)]
    found = merged(buckets, most)
    assert len(found) <= most
    for name in ("ok", "failed", "other", "total"):
        assert sum(getattr(one, name) for one in found) == sum(getattr(one, name) for one in buckets)
    assert [one.start_ms for one in found] == sorted(one.start_ms for one in found)


@given(
    st.builds(
        Statistics,
        total=st.integers(0, 10**9),
        counts=st.lists(st.tuples(st.text(max_size=30), st.integers(0, 10**9)), max_size=4).map(tuple),
        p50_ms=st.none() | st.integers(0, 10**15),
        profiles=st.integers(0, 10**15),
        buckets=st.lists(
            st.builds(Bucket, st.integers(0, 10**15), st.integers(0, 10**7), st.integers(0, 10**7)), max_size=8
        ).map(tuple),
        bucket_ms=st.integers(0, 10**12),
        datasets=st.lists(
            st.builds(
                DatasetFigures, st.text(max_size=9), st.none() | st.text(max_size=99), st.integers(0, 9), st.just(1)
            ),
            max_size=3,
        ).map(tuple),
        errors=st.lists(st.builds(ErrorFigures, st.text(max_size=99), st.integers(0, 9)), max_size=3).map(tuple),
    ),
    st.integers(1, 200),
)
def test_whatever_the_figures_every_line_fits_and_is_harmless(figures: Statistics, width: int) -> None:
    page = statistics_page(figures, width, now_ms=START_MS, cursor=0)
    for one in page.lines:
        assert cell_width(plain(one)) <= width
        assert safe_text(plain(one)) == plain(one)
    assert len(page.narrowings) == len(figures.datasets) + len(figures.errors)


# The way back into the list


def conditions(figures: Statistics) -> list[str]:
    return [one.condition for one in statistics_page(figures, 80, now_ms=START_MS).narrowings]


def test_each_line_asks_for_its_jobs() -> None:
    assert conditions(FIGURES) == [
        'dataset:"65e0c0ffee0123456789abcd"',
        'dataset:"65e0c0ffee0123456789abce"',
        'error:"ERR-0090 Error writing \\"profiles\\" to output path"',
        'error:"TIMEOUT"',
    ]
    assert conditions(Statistics(datasets=(DatasetFigures("", None, 1, 0),))) == ["-dataset:*"]


@pytest.mark.parametrize("text", [*HOSTILE, "a*b", 'say "no"', "back\\slash", "tab\tend", "x" * 3_000, "\x00", "a\n\n"])
def test_any_text_can_be_asked_for(text: str) -> None:
    figures = Statistics(datasets=(DatasetFigures(text, None, 1, 0),), errors=(ErrorFigures(text, 1),))
    for condition, field in zip(conditions(figures), ("dataset", "error"), strict=True):
        assert safe_text(condition) == condition
        found = parse(condition, now=START)
        assert isinstance(found, OneOf)
        assert found.field == field
        assert found.patterns[0].matches(text), (text, condition)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'error:"x"'),
        ("  ", 'error:"x"'),
        ("status:failed", 'status:failed error:"x"'),
        ("a or b", '(a or b) error:"x"'),
        ("a OR b", '(a OR b) error:"x"'),
        ("oracle", 'oracle error:"x"'),
    ],
)
def test_the_filter_that_was_there_stays(before: str, after: str) -> None:
    assert narrowed(before, 'error:"x"') == after
    found = parse(after, now=START)
    if before.strip():
        assert isinstance(found, AllOf)
        assert len(found.parts) == 2


# The dialog


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_the_figures_are_shown_with_their_filter_and_keys(size: tuple[int, int]) -> None:
    async with shown(FIGURES, size=size, filter_text="status:failed,succeeded age<60d") as bench:
        for text in ("Statistics of 1,000,032 export jobs", "filter: status:failed,succeeded age<60d", "+ SUCCEEDED"):
            assert text in bench.text, text
        assert "enter filter by it" in bench.text
        assert "TIMEOUT" in bench.text or size != (140, 40)
        await bench.press("G")
        assert "TIMEOUT" in bench.text
        assert "enter filter by it" in bench.text
        await bench.press("g", "escape")
        assert bench.answers == [None]


async def test_a_line_is_chosen_and_filters_the_list() -> None:
    async with shown(FIGURES, filter_text="age<60d") as bench:
        assert any(one.startswith("> Loyalty export") for one in bench.lines)
        await bench.press("down", "j", "j", "j", "k")
        assert any(one.startswith("> ERR-0090") for one in bench.lines)
        assert "> ERR-0090" in bench.text
        await bench.press("enter")
        assert bench.answers == ['age<60d error:"ERR-0090 Error writing \\"profiles\\" to output path"']


async def test_up_from_the_first_line_shows_the_top_again() -> None:
    async with shown(FIGURES, size=(80, 15)) as bench:
        await bench.press("down")
        assert "+ SUCCEEDED" not in bench.text
        await bench.press("up", "up")
        assert "+ SUCCEEDED" in bench.text


async def test_a_line_is_chosen_by_clicks() -> None:
    async with shown(FIGURES, size=(140, 40)) as bench:
        y = next(place for place, one in enumerate(bench.lines) if "TIMEOUT" in one)
        await bench.pilot.click(TextLines, offset=(5, y))
        await bench.quiet()
        assert bench.lines[y].startswith("> TIMEOUT")
        assert bench.answers == []
        await bench.pilot.click(TextLines, offset=(5, y), times=2)
        await bench.quiet()
        assert bench.answers == ['error:"TIMEOUT"']


async def test_leaving_while_it_counts_stops_the_question() -> None:
    stopped: list[bool] = []

    async def forever() -> Statistics:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(True)
            raise
        return FIGURES

    async with shown(forever) as bench:
        assert "Counting… esc leaves." in bench.text
        await bench.press("c", "enter", "down", "escape")
        assert bench.answers == [None]
        assert stopped == [True]


async def test_a_history_that_cannot_be_read_is_told_and_can_be_asked_again() -> None:
    answers: list[Statistics | FailureError] = [
        FailureError(Failure(FailureKind.LOCAL, "x", "The history is damaged [/x].", "Start aepx again.")),
        FIGURES,
    ]

    async def ask() -> Statistics:
        answer = answers.pop(0)
        if isinstance(answer, FailureError):
            raise answer
        return answer

    async with shown(ask) as bench:
        assert "Statistics cannot be read" in bench.text
        assert "The history is damaged [/x]." in bench.text
        await bench.press("r")
        assert "Statistics of 1,000,032 export jobs" in bench.text
        assert "damaged" not in bench.text


async def test_no_jobs_are_said_to_be_none() -> None:
    async with shown(Statistics(), filter_text="id:nothing") as bench:
        assert "Statistics of 0 export jobs" in bench.text
        assert "No job matches." in bench.text
        await bench.press("enter", "down", "up")
        assert bench.answers == []


async def test_the_figures_can_be_copied() -> None:
    async with shown(FIGURES, filter_text="age<60d") as bench:
        await bench.press("c")
        copied = bench.pilot.app.clipboard
        assert copied.startswith("1,000,032 export jobs, filter: age<60d\n")
        assert "Loyalty export" in copied
        assert "> Loyalty" not in copied


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_do_nothing(text: str) -> None:
    figures = replace(
        FIGURES,
        counts=((text, 1),),
        datasets=(DatasetFigures(text, text, 1, 1, 1),),
        errors=(ErrorFigures(text, 1, 1),),
    )
    async with shown(figures, filter_text=text) as bench:
        assert all(safe_text(line) == line for line in bench.text.splitlines())
        await bench.press("down")
        assert all(safe_text(line) == line for line in bench.text.splitlines())
        await bench.press("enter")
        assert len(bench.answers) == 1

"""`aepx jobs list`: the filter language, saved views and orders, the same with and without the platform."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.served_emulator import ServedEmulator
from tui_app.cli.jobs_list import SORTS, pointed
from tui_app.cli.main import Globals
from tui_app.cli.session import opened_engine
from tui_app.history.order import SORTS as HISTORY_SORTS
from tui_app.models.filter_text import FilterError
from tui_app.models.view import SavedView, View
from tui_app.text import cell_width, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Result
    from tui_app.emulator.faults.faults import Fault

    Aepx = Callable[..., Result]

FILTERS = (
    "status:failed,cancelled",
    "-status:succeeded",
    "status:failed mine:yes",
    "error:*",
    "loyalty or status:processing",
    "dataset:*export* -status:failed",
    "duration>5m",
    "age<3d",
    "(age<2d status:succeeded) or profiles=0",
    "stage:export",
)


@pytest.fixture
def platform(clean_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedEmulator]:
    """The platform that the environment points to; what runs on it gets no further while a test compares answers."""
    with ServedEmulator(jobs=60, speed=0.001) as served:
        for name, value in served.variables().items():
            monkeypatch.setenv(name, value)
        yield served


def save_view(name: str, view: View) -> None:
    """Keep a view as the app does."""

    async def save() -> None:
        async with opened_engine(Globals()) as engine:
            await engine.views.save(SavedView(name, view))

    asyncio.run(save())


def ids(found: Result) -> list[str]:
    assert found.code == 0, found.err
    return [job["id"] for job in found.document]


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_means_the_same_asked_of_the_platform_and_of_history(
    aepx: Aepx, platform: ServedEmulator, text: str
) -> None:
    online = ids(aepx("jobs", "list", "--all", "--filter", text, "--json"))
    offline = ids(aepx("jobs", "list", "--all", "--offline", "--filter", text, "--json"))
    assert online == offline


def test_a_filter_is_obeyed_field_by_field(aepx: Aepx, platform: ServedEmulator) -> None:
    every = aepx("jobs", "list", "--all", "--json").document

    def passing(text: str, *more: str) -> set[str]:
        return set(ids(aepx("jobs", "list", "--all", "--json", "--filter", text, *more)))

    def those(holds: Callable[[dict[str, Any]], object]) -> set[str]:
        found = {job["id"] for job in every if holds(job)}
        assert 0 < len(found) < len(every), "the test must tell jobs apart"
        return found

    assert passing("status:failed,cancelled") == those(lambda job: job["status"] in {"FAILED", "CANCELLED"})
    assert passing("error:*") == those(lambda job: job["errors"])
    assert passing("mine:yes") == those(lambda job: job["schedule_id"] is None)
    assert passing("-mine:no status:failed") == passing("mine:yes", "--status", "failed")
    chosen = every[len(every) // 2]
    assert passing(f"id:{chosen['id']}") == {chosen["id"]}
    assert passing(f"created:..{chosen['created_at']}") == those(lambda job: job["created_at"] <= chosen["created_at"])


def test_statuses_narrow_a_filter(aepx: Aepx, platform: ServedEmulator) -> None:
    both = set(ids(aepx("jobs", "list", "--all", "--filter", "mine:yes", "--status", "failed,cancelled", "--json")))
    one = set(ids(aepx("jobs", "list", "--all", "--filter", "mine:yes (status:failed or status:cancelled)", "--json")))
    assert both == one


@pytest.mark.parametrize(
    ("text", "said", "caret"),
    [
        ("statis:failed", "There is no field statis. Did you mean status?", "^^^^^^"),
        ("status:failed (age<7d", "The bracket is not closed.", "              ^"),
        ("created:2024-13-01", "13", "        ^^^^^^^^^^"),
        ("created:2024-02-30", "30", "        ^^^^^^^^^^"),
        ("age<7", "unit", "    ^"),
        ("age<", "has no value", "^^^^"),
        ('error:"open', "quote", "      ^^^^^"),
        ("status>3", "no order", "      ^"),
    ],
)
def test_a_filter_that_cannot_be_read_is_shown_with_the_place(
    aepx: Aepx, platform: ServedEmulator, calls: Fault, clean_home: Path, *, text: str, said: str, caret: str
) -> None:
    for more in ((), ("--offline",), ("--json",)):
        found = aepx("jobs", "list", "--filter", text, *more)
        assert (found.code, found.out) == (2, "")
        first, line, mark = found.err.splitlines()
        assert first.startswith("Error: --filter: ")
        assert said in first
        assert line == f"  {text}"
        assert mark == f"  {caret}"
    assert calls.met == 0
    assert not list(clean_home.rglob("*.db*"))


@pytest.mark.parametrize("text", ["x" * 10_000, "status:failed " * 700, "(" * 10_000, '"' * 9_999, "日" * 10_000])
def test_a_filter_of_ten_thousand_characters_is_refused_in_three_lines(aepx: Aepx, text: str) -> None:
    found = aepx("jobs", "list", "--filter", text)
    assert (found.code, found.out) == (2, "")
    lines = found.err.splitlines()
    assert len(lines) == 3
    assert all(cell_width(line) <= 200 for line in lines)


@given(st.text(max_size=300), st.integers(0, 299), st.integers(0, 299))
def test_the_place_is_shown_in_a_line_of_its_own_whatever_the_filter_holds(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    shown, mark = pointed(text, FilterError("Cause.", "Remedy.", start=start, end=end)).split("\n")
    assert max(cell_width(shown), cell_width(mark)) <= 78
    assert mark.strip(" ") == "^" * mark.count("^") != ""
    assert safe_text(shown) == shown
    if text[start:end].isascii() and text[start:end].isalnum() and end - start < 30:
        place = mark.index("^")
        cells = "".join(char + " " * (cell_width(char) - 1) for char in shown)
        assert cells[place : place + end - start] == text[start:end]


def test_a_view_brings_its_filter_and_order(aepx: Aepx, platform: ServedEmulator) -> None:
    save_view("Bad ones", View(text="status:failed,cancelled", sort="id", descending=False))
    found = aepx("jobs", "list", "--all", "--view", "bad ONES", "--json").document
    assert {job["status"] for job in found} == {"FAILED", "CANCELLED"}
    numbers = [int(job["id"]) for job in found]
    assert numbers == sorted(numbers)
    assert ids(aepx("jobs", "list", "--all", "--offline", "--view", "Bad ones", "--json")) == [j["id"] for j in found]
    narrowed = aepx("jobs", "list", "--all", "--view", "Bad ones", "--filter", "status:failed", "--reverse", "--json")
    assert ids(narrowed) == [job["id"] for job in reversed(found) if job["status"] == "FAILED"]
    newest = aepx("jobs", "list", "--all", "--view", "Bad ones", "--sort", "created", "--json").document
    assert [job["created_at"] for job in newest] == sorted((job["created_at"] for job in newest), reverse=True)


def test_an_unknown_view_is_answered_with_the_names(aepx: Aepx, platform: ServedEmulator, calls: Fault) -> None:
    found = aepx("jobs", "list", "--view", "none")
    assert (found.code, found.out) == (2, "")
    assert found.err == ("Error: There is no view named 'none'. None is saved for this sandbox; save one in the app.\n")
    save_view("Mine", View(text="mine:yes"))
    save_view("Bad", View(text="status:failed"))
    assert "Saved for this sandbox: Mine, Bad." in aepx("jobs", "list", "--view", "x\x1b[31m").err
    assert "\x1b" not in aepx("jobs", "list", "--view", "x\x1b[31m").err
    assert calls.met == 0


def test_a_view_whose_filter_cannot_be_read_names_itself(aepx: Aepx, platform: ServedEmulator) -> None:
    save_view("Old", View(text="colour:red"))
    found = aepx("jobs", "list", "--view", "Old")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("Error: The filter of view Old: There is no field colour.")
    assert found.err.endswith("\n  colour:red\n  ^^^^^^\n")


@pytest.mark.parametrize("sort", SORTS)
def test_an_order_is_that_of_the_whole_list(aepx: Aepx, platform: ServedEmulator, sort: str) -> None:
    every = ids(aepx("jobs", "list", "--all", "--sort", sort, "--json"))
    assert len(every) == 60
    assert ids(aepx("jobs", "list", "--all", "--sort", sort, "--offline", "--json")) == every
    first = aepx("jobs", "list", "--limit", "7", "--sort", sort, "--json")
    assert ids(first) == every[:7]
    shown = "7 newest" if sort == "created" else "first 7"
    assert first.err == f"The {shown} are shown; there are more. Say --limit N or --all for them.\n"
    assert ids(aepx("jobs", "list", "--limit", "7", "--sort", sort, "--offline", "--json")) == every[:7]


@pytest.mark.parametrize(("sort", "greatest_first"), [("duration_ms", True), ("status", False)])
def test_orders_begin_where_they_do_in_the_app(
    aepx: Aepx, platform: ServedEmulator, sort: str, *, greatest_first: bool
) -> None:
    column = sort.removesuffix("_ms")
    jobs = aepx("jobs", "list", "--all", "--filter", "-status:running", "--sort", column, "--json").document
    values = [job[sort] for job in jobs if job[sort] is not None]
    assert len(set(values)) > 2
    assert values == sorted(values, reverse=greatest_first)
    turned = aepx("jobs", "list", "--all", "--filter", "-status:running", "--sort", column, "--reverse", "--json")
    values = [job[sort] for job in turned.document if job[sort] is not None]
    assert values == sorted(values, reverse=not greatest_first)


def test_the_orders_are_those_that_history_knows(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("jobs", "list", "--sort", "colour")
    assert (found.code, found.out) == (2, "")
    assert "'colour' is not one of" in found.err
    assert sorted(SORTS) == sorted(HISTORY_SORTS)


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e3", "99999999999999999999", ""])
def test_a_limit_that_is_none_is_a_usage_error(aepx: Aepx, limit: str) -> None:
    found = aepx("jobs", "list", "--limit", limit)
    assert (found.code, found.out) == (2, "")
    assert "Invalid value for '--limit'" in found.err


@pytest.mark.parametrize("seconds", ["nan", "-1", "NaN", "x"])
def test_a_timeout_that_is_no_length_of_time_is_a_usage_error(aepx: Aepx, seconds: str) -> None:
    found = aepx("jobs", "watch", "1", "--timeout", seconds)
    assert (found.code, found.out) == (2, "")
    assert "Invalid value for '--timeout'" in found.err


def test_the_language_can_be_asked_for_without_a_configuration(aepx: Aepx) -> None:
    found = aepx("jobs", "list", "--help-filter")
    assert (found.code, found.err) == (0, "")
    for part in ("dataset:loyal*", "stuck:yes or (status:failed mine:yes)", "profiles=0"):
        assert part in found.out


@pytest.mark.parametrize("form", ["--json", "--ndjson", "--csv"])
def test_data_do_not_change_with_the_width_of_the_terminal(
    aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    aepx("jobs", "list", "--all", "--filter", "-status:running")
    told = []
    for columns in ("20", "80", "500"):
        monkeypatch.setenv("COLUMNS", columns)
        told.append(aepx("jobs", "list", "--all", "--offline", "--filter", "-status:running", form).out)
    assert told[0] == told[1] == told[2]
    assert len(told[0]) > 1_000
    if form == "--ndjson":
        assert all(json.loads(line)["id"] for line in told[0].splitlines())


@pytest.mark.parametrize("text", ["status:failde", "-(status:failde or stuck:yes)", "status:failed,failde age<7d"])
def test_a_misspelt_status_of_a_filter_is_pointed_out(aepx: Aepx, platform: ServedEmulator, text: str) -> None:
    found = aepx("jobs", "list", "--filter", text, "--limit", "1", "--json")
    assert found.code == 0
    assert found.err.startswith("Warning: FAILDE is no status known here: NEW, QUEUED,")
    assert found.err.count("Warning") == 1


@pytest.mark.parametrize("text", ["status:fail", "status:canceled", "status:running", "status:unknown", "failde"])
def test_a_status_that_is_known_is_not_warned_of(aepx: Aepx, platform: ServedEmulator, text: str) -> None:
    assert "Warning" not in aepx("jobs", "list", "--filter", text, "--limit", "1", "--json").err

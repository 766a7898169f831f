from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from tests.support.clock import FakeClock
from tests.support.engines import (
    HOSTILE,
    START_MS,
    FakePlatform,
    job,
    make_app,
    make_engine,
    offline,
    remember,
    screen_text,
    settle,
)
from tui_app.models.export_request import ExportRequest
from tui_app.text import safe_text
from tui_app.tui.screens.job_detail import JobDetailScreen
from tui_app.tui.screens.job_list import JobListScreen
from tui_app.tui.screens.raw_pane import RawPane
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine
    from tui_app.tui.app import AepxApp

RUNNING = job(24115, "PROCESSING", stage="export", created_ms=START_MS - 124_000)
DONE = job(24115)
FAILED = job(
    24115,
    "FAILED",
    stage="export",
    errors=[{"code": "0090000009", "msg": "Error writing profiles", "callStack": "com.adobe\n at x"}],
)


class Bench:
    """A job's detail on the screen, in words of who looks at it."""

    def __init__(self, pilot: Pilot[Any], app: AepxApp, engine: Engine, platform: FakePlatform) -> None:
        self.pilot, self.app, self.engine, self.platform = pilot, app, engine, platform

    @property
    def screen(self) -> JobDetailScreen:
        assert isinstance(self.app.screen, JobDetailScreen)
        return self.app.screen

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    async def settle(self) -> None:
        await settle(self.pilot, self.engine)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def pass_time(self, seconds: float) -> None:
        """Move the clock and let the screen notice, as its own timer would."""
        clock = self.engine.clock
        assert isinstance(clock, FakeClock)
        await clock.advance(seconds)
        self.screen.tick()
        await self.settle()


@asynccontextmanager
async def detail(
    tmp_path: Path,
    *jobs: dict[str, Any],
    size: tuple[int, int] = (80, 24),
    pane: str = "overview",
    job_id: str = "24115",
    known: bool = True,
    online: bool = True,
) -> AsyncIterator[Bench]:
    """Open the detail of a job over the list.

    Args:
        tmp_path: for the history.
        jobs: what the platform holds.
        size: of the terminal.
        pane: which pane to open.
        job_id: which job.
        known: history holds the jobs already.
        online: the platform can be asked.
    """
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=jobs)
    if known:
        await remember(engine, *jobs)
    if not online:
        platform.fail("export_jobs.get", offline(), times=None)
    app = make_app(engine)
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settle(pilot, engine)
        app.open_job(job_id, pane=pane)
        await settle(pilot, engine)
        yield Bench(pilot, app, engine, platform)
    await app.shutdown()


async def test_history_is_shown_before_the_platform_answers(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=[RUNNING])
    await remember(engine, RUNNING)
    answer = platform.hold("export_jobs.get")
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_job("24115")
        await pilot.pause()
        await pilot.pause()

        assert "> PROCESSING  job 24115  running for 2m04s" in screen_text(pilot)
        assert platform.asked("export_jobs.get") == ["24115"]

        platform.change(24115, status="SUCCEEDED")
        answer.set()
        await settle(pilot, engine)

        assert "+ SUCCEEDED  job 24115" in screen_text(pilot)
    await app.shutdown()


async def test_opening_asks_once_and_a_job_that_runs_is_followed_until_the_screen_closes(tmp_path: Path) -> None:
    async with detail(tmp_path, RUNNING) as bench:
        assert bench.platform.asked("export_jobs.get") == ["24115"]
        assert bench.engine.monitor._followed == {"24115"}

        await bench.press("escape")

        assert isinstance(bench.app.screen, JobListScreen)
        assert bench.engine.monitor._followed == set()


async def test_an_ended_job_is_not_followed(tmp_path: Path) -> None:
    async with detail(tmp_path, DONE) as bench:
        assert bench.engine.monitor._followed == set()


async def test_what_the_monitor_learns_appears_by_itself_until_the_job_ends(tmp_path: Path) -> None:
    async with detail(tmp_path, RUNNING) as bench:
        bench.platform.put(FAILED)

        await bench.engine.monitor.refresh()
        await bench.settle()

        assert "! FAILED  job 24115" in bench.text
        assert "2 Errors (1)" in bench.text
        assert bench.engine.monitor._followed == set()


async def test_time_moves_the_running_stage_and_paints_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with detail(tmp_path, RUNNING) as bench:
        painted: list[str | None] = []
        layouts: list[bool] = []
        original = TextLines.refresh

        def refresh(widget: TextLines, *regions: Any, layout: bool = False, **kwargs: Any) -> TextLines:
            painted.extend([widget.id] * len(regions))
            layouts.append(layout)
            return original(widget, *regions, layout=layout, **kwargs)

        monkeypatch.setattr(TextLines, "refresh", refresh)

        await bench.pass_time(1)

        assert "running for 2m05s" in bench.text
        assert sorted(filter(None, painted)) == ["detail-title", "timeline", "timeline"]
        assert not any(layouts)


async def test_a_second_of_an_ended_job_paints_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with detail(tmp_path, DONE) as bench:
        painted: list[str | None] = []
        original = TextLines.refresh

        def refresh(widget: TextLines, *regions: Any, **kwargs: Any) -> TextLines:
            painted.append(widget.id)
            return original(widget, *regions, **kwargs)

        monkeypatch.setattr(TextLines, "refresh", refresh)

        await bench.pass_time(1)

        assert painted == []


@pytest.mark.parametrize(
    ("key", "pane", "sign"),
    [
        ("1", "overview", "waits for a slot"),
        ("2", "errors", "0090000009"),
        ("3", "request", "merge policy"),
        ("4", "batches", "da5cfb4de32c4b93a09f7e37fa53ad52"),
        ("5", "raw", '"profileInstanceId"'),
        ("y", "raw", '"profileInstanceId"'),
        ("d", "overview", "waits for a slot"),
    ],
)
async def test_keys_choose_the_pane_and_the_breadcrumb_says_so(tmp_path: Path, key: str, pane: str, sign: str) -> None:
    async with detail(tmp_path, FAILED, size=(140, 40)) as bench:
        await bench.press(key)

        assert sign in bench.text
        assert bench.screen.pane == pane
        assert f"jobs > 24115 > {pane}" in bench.text
        assert bench.screen.focused is not None


async def test_a_click_on_a_name_chooses_the_pane(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED) as bench:
        await bench.pilot.click("#detail-tabs", offset=(14, 0))
        await bench.settle()

        assert bench.screen.pane == "errors"


async def test_the_screen_can_open_on_any_pane(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED, pane="errors") as bench:
        assert "Error writing profiles" in bench.text


async def test_the_overview_has_two_columns_where_there_is_room(tmp_path: Path) -> None:
    async with detail(tmp_path, DONE, size=(140, 40)) as bench:
        timeline, when = bench.screen.query_one("#timeline"), bench.screen.query_one("#overview-when")
        assert when.region.x > timeline.region.right
        assert when.region.y == timeline.region.y

        await bench.pilot.resize_terminal(80, 24)
        await bench.settle()

        assert when.region.x == timeline.region.x


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40), (20, 5), (1, 1)])
@pytest.mark.parametrize("pane", ["overview", "errors", "request", "batches", "raw"])
async def test_no_size_breaks_any_pane(tmp_path: Path, size: tuple[int, int], pane: str) -> None:
    async with detail(tmp_path, FAILED, size=size, pane=pane) as bench:
        assert bench.screen.is_running
        if size[0] >= 60:
            assert "FAILED" in bench.text
            assert "Keys" in bench.text


async def test_hostile_text_is_shown_and_harms_nothing(tmp_path: Path) -> None:
    errors = [{"code": text, "msg": text, "callStack": text} for text in HOSTILE]
    nasty = job(
        24115,
        "FAILED",
        stage="export",
        errors=errors,
        requestId="\x1b[2J[/x]",
        filter={"segments": [{"segmentId": text, "status": [text]} for text in HOSTILE]},
        destination={"datasetId": "[/x]\x1b", "batches": [{"batchId": text} for text in HOSTILE]},
        computeGatewayJobId=dict.fromkeys(HOSTILE, "[bold]"),
    )
    async with detail(tmp_path, nasty, size=(140, 60)) as bench:
        for key in "12345":
            await bench.press(key)
            shown = bench.text
            assert safe_text(shown, lines=True) == shown
        await bench.press("2")
        assert "[/x]" in bench.text
        assert "輸出任務失敗了" in bench.text.replace(" ", "")


async def test_a_job_the_platform_no_longer_knows_stays_with_a_banner(tmp_path: Path) -> None:
    async with detail(tmp_path, RUNNING) as bench:
        bench.platform.forget(24115)

        await bench.press("r")

        assert "The platform no longer knows this job" in bench.text
        assert "- PROCESSING  job 24115" in bench.text
        assert "x Cancel job" not in bench.text
        assert bench.engine.monitor._followed == set()


async def test_a_job_nobody_knows_gets_a_reason_and_a_next_step(tmp_path: Path) -> None:
    async with detail(tmp_path, job_id="99999") as bench:
        assert "There is no export job 99999 in this sandbox" in bench.text
        assert "esc goes back" in bench.text

        await bench.press("2", "x", "t", "C", "slash", "escape")

        assert isinstance(bench.app.screen, JobListScreen)


async def test_a_job_that_history_does_not_hold_is_fetched(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED, known=False) as bench:
        assert "! FAILED  job 24115" in bench.text


async def test_offline_the_content_stays_and_the_failure_line_says_why(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED, online=False) as bench:
        assert "! FAILED  job 24115" in bench.text
        assert "Connection refused." in bench.text
        assert bench.screen.has_class("-stale")

        bench.platform.mend("export_jobs.get")
        await bench.press("r")

        assert "Connection refused." not in bench.text
        assert not bench.screen.has_class("-stale")


async def test_offline_and_unknown_says_both_and_r_tries_again(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED, known=False, online=False) as bench:
        assert "not in history, and the platform cannot be asked" in " ".join(bench.text.split())

        bench.platform.mend("export_jobs.get")
        await bench.press("r")

        assert "! FAILED  job 24115" in bench.text


async def test_a_silent_job_is_maybe_stuck_and_x_cancels_it(tmp_path: Path) -> None:
    silent = job(24115, "PROCESSING", stage="export", created_ms=START_MS - 3 * 3_600_000)
    async with detail(tmp_path, silent) as bench:
        assert "Maybe stuck" in bench.text

        await bench.press("x")
        assert "Cancel export job 24115?" in bench.text
        await bench.press("y")

        assert bench.platform.asked("export_jobs.cancel") == ["24115"]
        assert "x? PROCESSING" in bench.text


async def test_an_ended_job_cannot_be_cancelled_or_watched(tmp_path: Path) -> None:
    async with detail(tmp_path, DONE) as bench:
        assert "x Cancel job" not in bench.text

        await bench.press("x", "w")

        assert bench.platform.asked("export_jobs.cancel") == []
        assert bench.app.watched == {}


async def test_watching_is_shown_and_taken_back(tmp_path: Path) -> None:
    async with detail(tmp_path, RUNNING) as bench:
        await bench.press("w")
        assert "watched" in bench.text.splitlines()[1]
        assert bench.app.watched == {"24115": "PROCESSING"}

        await bench.press("w")
        assert bench.app.watched == {}


async def test_the_id_and_parts_of_the_job_can_be_copied(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED) as bench:
        await bench.press("c")
        assert bench.app.clipboard == "24115"

        await bench.press("C", "down", "enter")
        assert bench.app.clipboard == "65e0c0ffee0123456789abcd"


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_what_can_be_copied_is_a_line_each(tmp_path: Path, size: tuple[int, int]) -> None:
    async with detail(tmp_path, FAILED, size=size) as bench:
        await bench.press("C")

        lines = [line for line in bench.text.splitlines() if "JSON" in line]
        assert len(lines) == 1
        assert "1,142 characters: profileInstanceId, job" in lines[0]
        assert "\\n" not in bench.text


async def test_full_screen_keeps_one_line_and_escape_takes_the_rest_back(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED, pane="raw", size=(60, 15)) as bench:
        await bench.press("f")
        lines = bench.text.splitlines()
        assert lines[0].startswith(" f or esc leaves full screen")
        assert "! FAILED" in lines[0]
        assert lines[1] == " {"

        await bench.press("escape")
        assert "job 24115" in bench.text
        assert bench.screen.pane == "raw"


async def test_full_screen_says_when_nothing_is_live_any_more(tmp_path: Path) -> None:
    async with detail(tmp_path, FAILED, pane="raw") as bench:
        await bench.press("f", "p")
        assert "PAUSED" in bench.text.splitlines()[0]

        bench.platform.fail("export_jobs.get", offline(), times=None)
        await bench.press("r")
        assert "Connection refused." in bench.text


async def test_time_style_switches_ages_to_times(tmp_path: Path) -> None:
    async with detail(tmp_path, DONE) as bench:
        assert "changed 15m ago" in bench.text

        await bench.press("T")

        assert "changed 2026-03-01 1" in bench.text


async def test_the_request_of_a_job_made_from_here_is_what_was_sent(tmp_path: Path) -> None:
    async with detail(tmp_path) as bench:
        submission = await bench.engine.jobs.submit(
            ExportRequest("65e0c0ffee0123456789abcd", fields="person.name", qualified_from="2026-01-01T00:00:00Z")
        )
        assert submission.job is not None
        bench.app.open_job(submission.job.job_id, pane="request")
        await bench.settle()

        assert "exactly what was asked for" in bench.text
        assert "person.name" in bench.text


async def test_search_finds_steps_wraps_round_and_clears(tmp_path: Path) -> None:
    deep = job(24115, unheardOf=[{"needle": number} for number in range(60)])
    async with detail(tmp_path, deep, pane="overview") as bench:
        await bench.press("slash")
        assert isinstance(bench.screen.focused, Input)
        await bench.press(*"NEEDLE")
        assert "1 of 60  enter keeps" in bench.text
        assert '"needle": 0' in bench.text

        await bench.press("enter", "n", "n")
        assert "3 of 60  esc clears" in bench.text
        await bench.press("N", "N", "N")
        assert "60 of 60" in bench.text
        assert '"needle": 59' in bench.text

        await bench.press("escape")
        assert "of 60" not in bench.text
        assert bench.screen.pane == "raw"
        assert isinstance(bench.screen.focused, PaneScroll)


async def test_search_without_a_match_says_so_and_leaves_n_to_new_job(tmp_path: Path) -> None:
    async with detail(tmp_path, DONE, pane="raw") as bench:
        await bench.press("slash", *"zzz", "enter")

        assert "no match for `zzz`" in bench.text
        assert "n New job" in bench.text


async def test_a_change_keeps_the_place_in_the_raw_record(tmp_path: Path) -> None:
    async with detail(tmp_path, RUNNING, pane="raw") as bench:
        await bench.press("j", "j", "j")
        scroll = bench.screen.query_one(RawPane).scroll
        assert scroll.scroll_y == 3

        bench.platform.change(24115, brandNew="field")
        await bench.press("r", "G")
        assert '"brandNew"' in bench.text

        await bench.press("g")
        assert scroll.scroll_y == 0


async def test_pause_stops_the_monitor_from_here_too(tmp_path: Path) -> None:
    async with detail(tmp_path, RUNNING) as bench:
        await bench.press("p")
        assert bench.engine.session.paused_since_ms is not None
        assert "PAUSED" in bench.text

        await bench.press("p")
        assert bench.engine.session.paused_since_ms is None

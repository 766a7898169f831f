"""Keys as a person meets them: remapped, explained, kept from what cannot be seen, and looked up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from tests.support.clock import FakeClock
from tests.support.engines import OneWorkspace, job, make_engine, offline, remember, screen_text, settle
from tui_app.engine.session import Policy
from tui_app.tui.app import AepxApp
from tui_app.tui.screens.dialogs import Confirm, FailureDialog
from tui_app.tui.screens.job_detail import JobDetailScreen
from tui_app.tui.screens.job_list import JobListScreen
from tui_app.tui.screens.keys import KeysScreen
from tui_app.tui.screens.new_job import NewJobScreen
from tui_app.tui.widgets.status_bar import KeyBar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from textual.pilot import Pilot

    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

RUNNING = job(24115, "PROCESSING", stage="export")
FAILED = job(24115, "FAILED", stage="export")
SMALL = (20, 5)


class Bench:
    """The app on one job, in words of who sits in front of it."""

    def __init__(self, pilot: Pilot[Any], app: AepxApp, engine: Engine, platform: FakePlatform) -> None:
        self.pilot, self.app, self.engine, self.platform = pilot, app, engine, platform

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def footer(self) -> str:
        return self.app.screen.query_one(KeyBar).render().plain.strip()

    @property
    def notices(self) -> list[str]:
        return [notice.message for notice in self.app._notifications]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settle(self.pilot, self.engine)

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await settle(self.pilot, self.engine)


@asynccontextmanager
async def running(
    tmp_path: Path,
    *jobs: dict[str, Any],
    keys: Mapping[str, str] | None = None,
    size: tuple[int, int] = (80, 24),
    policy: Policy = Policy.OPEN,
) -> AsyncIterator[Bench]:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=jobs, policy=policy)
    await remember(engine, *jobs)
    app = AepxApp(engine, OneWorkspace(engine), keys=keys, live=False)
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settle(pilot, engine)
        yield Bench(pilot, app, engine, platform)
    await app.shutdown()


# One keymap


async def test_a_remapped_key_is_the_key_everywhere(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, keys={"job.cancel": "X", "failure.show": "E"}, size=(140, 40)) as bench:
        assert bench.notices == []
        assert "X Cancel job" in bench.footer
        await bench.press("x")
        assert isinstance(bench.app.screen, JobListScreen)

        await bench.press("X")
        assert isinstance(bench.app.screen, Confirm)
        await bench.press("escape", "question_mark")
        assert "X                     Ask the platform to cancel" in bench.text
        assert "job.cancel" in bench.text
        await bench.press("escape", "colon", *"cancel")
        assert await shows(bench, "Cancel job  (X)")
        assert "job.cancel: Ask the platform" in bench.text


async def test_the_failure_line_names_the_key_in_force(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, keys={"failure.show": "E"}) as bench:
        bench.platform.fail("export_jobs.get", offline())
        await bench.press("enter")
        assert "E shows all" in bench.text
        await bench.press("E")
        assert isinstance(bench.app.screen, FailureDialog)


async def test_a_collision_is_told_at_the_start_and_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, keys={"job.cancel": "n"}) as bench:
        assert len(bench.notices) == 1
        assert "job.cancel (Cancel job) cannot be n" in bench.notices[0]
        assert "job.new (New job)" in bench.notices[0]
        await bench.press("n")
        assert isinstance(bench.app.screen, NewJobScreen)


async def test_a_letter_given_to_a_chord_s_command_stays_text_where_one_types(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, keys={"connection.switch": "O"}) as bench:
        await bench.press("slash", "O")
        assert bench.app.screen.query_one("#filter-input", Input).value == "O"
        assert isinstance(bench.app.screen, JobListScreen)


async def test_many_faults_are_told_in_few_notices(tmp_path: Path) -> None:
    keys = {f"nothing.{number}": "X" for number in range(9)}
    async with running(tmp_path, RUNNING, keys=keys) as bench:
        assert len(bench.notices) == 4
        assert bench.notices[-1] == "And 6 more: aepx config check"


# A key that cannot be used says why


async def test_a_key_that_cannot_be_used_says_why_until_the_next_key(tmp_path: Path) -> None:
    async with running(tmp_path, FAILED) as bench:
        before = bench.footer
        assert "Cancel job" not in before

        await bench.press("x")
        assert bench.footer == "x: the job has ended; t clones it"
        assert bench.text.splitlines()[-1].strip() == bench.footer
        assert bench.app.screen.check_action("job_cancel", ()) is None

        await bench.press("j")
        assert bench.footer == before
        assert isinstance(bench.app.screen, JobListScreen)
        assert bench.platform.asked("export_jobs.cancel") == []


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("n", "n: this sandbox is read-only here"),
        ("x", "x: this sandbox is read-only here"),
        ("u", "u: nothing is marked"),
        ("exclamation_mark", "!: nothing failed"),
    ],
)
async def test_each_reason_is_said(tmp_path: Path, key: str, said: str) -> None:
    async with running(tmp_path, RUNNING, policy=Policy.READ_ONLY) as bench:
        await bench.press(key)
        assert bench.footer == said


async def test_in_the_detail_it_is_said_too(tmp_path: Path) -> None:
    async with running(tmp_path, FAILED) as bench:
        await bench.press("enter", "x")
        assert bench.footer == "x: the job has ended; t clones it"


# A terminal in which nothing fits


async def test_in_a_tiny_terminal_no_key_acts_on_what_cannot_be_seen(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, size=SMALL) as bench:
        await bench.press("x", "y", "n", "slash", "a")
        assert isinstance(bench.app.screen, JobListScreen)
        assert bench.platform.asked("export_jobs.cancel") == []
        assert "aepx needs" in bench.text

        await bench.resize(80, 24)
        assert "aepx needs" not in bench.text
        assert "24115" in bench.text


async def test_a_dialog_in_a_tiny_terminal_is_hidden_and_deaf_until_there_is_room(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING) as bench:
        await bench.press("x")
        await bench.resize(*SMALL)
        assert "aepx needs" in bench.text
        assert "Cancel" not in bench.text

        await bench.press("y", "tab", "enter", "escape")
        assert isinstance(bench.app.screen, Confirm)
        assert bench.platform.asked("export_jobs.cancel") == []

        await bench.resize(80, 24)
        assert "Cancel export job 24115?" in bench.text
        assert bench.app.focused is not None
        assert bench.app.focused.id == "confirm-no"
        await bench.press("y")
        assert bench.platform.asked("export_jobs.cancel") == ["24115"]


async def test_the_focus_is_where_it_was_after_a_tiny_moment(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING) as bench:
        await bench.press("n", "down")
        held = bench.app.focused
        assert held is not None
        await bench.resize(*SMALL)
        await bench.resize(80, 24)
        assert bench.app.focused is held


async def test_one_can_leave_a_tiny_terminal(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING) as bench:
        await bench.press("enter")
        await bench.resize(*SMALL)
        await bench.press("q")
        assert isinstance(bench.app.screen, JobListScreen)
        await bench.press("q")
        assert bench.app.return_value == 0


async def test_the_palette_does_not_outlive_the_room_for_it(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING) as bench:
        await bench.press("colon")
        await bench.resize(*SMALL)
        assert isinstance(bench.app.screen, JobListScreen)


# The palette


async def test_the_palette_shows_what_cannot_be_used_now_with_the_reason(tmp_path: Path) -> None:
    async with running(tmp_path, FAILED) as bench:
        await bench.press("colon", *"cancel job")
        assert await shows(bench, "Cancel job  (x)")
        assert "job.cancel: not now, the job has ended" in bench.text
        assert "🔎" not in bench.text

        await bench.press("enter")
        assert isinstance(bench.app.screen, JobListScreen)
        assert bench.footer == "x: the job has ended; t clones it"
        assert bench.platform.asked("export_jobs.cancel") == []


async def test_the_palette_does_what_can_be_used(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING) as bench:
        await bench.press("colon", *"cancel job")
        assert await shows(bench, "Cancel job  (x)")
        await bench.press("enter")
        assert isinstance(bench.app.screen, Confirm)


# The page of keys


async def test_help_hangs_its_texts_and_scrolls(tmp_path: Path) -> None:
    async with running(tmp_path, FAILED) as bench:
        await bench.press("question_mark")
        inside = [line.strip("│ ") for line in bench.text.splitlines()]
        await bench.press("G")
        assert "searches commands by name" in bench.text
        await bench.press("g")
        assert [line.strip("│ ") for line in bench.text.splitlines()] == inside
        await bench.press("pagedown")
        assert [line.strip("│ ") for line in bench.text.splitlines()] != inside

        screen = bench.app.screen
        assert isinstance(screen, KeysScreen)
        lines = list(screen._lines(60))
        hanging = ["".join(cell.text for cell in line) for line in lines if not line[0].text.strip()]
        assert hanging
        assert all(text.startswith(" " * 22) and text[22] != " " for text in hanging)
        cancel = next(line for line in lines if "Ask the platform to cancel" in line[1].text)
        opened = next(line for line in lines if "Open the job" in line[1].text)
        assert {cell.role for cell in cancel} == {"muted"}
        assert [cell.role for cell in opened] == ["heading", ""]


async def test_help_tells_of_movement_in_each_place_and_of_no_text_in_forms(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, size=(140, 60)) as bench:
        await bench.press("enter", "question_mark")
        assert "Scroll by a line." in bench.text
        assert "Go to the next match." in bench.text
        await bench.press("escape", "n", "f1")
        assert "Go to the previous or the next field." in bench.text
        assert "Take the choice." in bench.text
        assert "ctrl-p searches commands by name" in bench.text
        assert ": or ctrl-p" not in bench.text


# The search in the raw record


async def test_while_a_search_has_matches_the_footer_follows_its_keys(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING) as bench:
        await bench.press("enter", "5")
        assert "n New job" in bench.footer
        assert "Next match" not in bench.footer

        await bench.press("slash", *"status")
        assert "n " not in bench.footer.replace("N ", "")
        await bench.press("enter")
        assert "n Next match  N Previous match" in bench.footer
        assert "New job" not in bench.footer
        await bench.press("n")
        assert isinstance(bench.app.screen, JobDetailScreen)

        await bench.press("escape")
        assert "n New job" in bench.footer
        await bench.press("n")
        assert isinstance(bench.app.screen, NewJobScreen)


async def test_the_search_s_keys_can_be_remapped(tmp_path: Path) -> None:
    async with running(tmp_path, RUNNING, keys={"raw.next": "m"}) as bench:
        await bench.press("enter", "5", "slash", *"id", "enter")
        assert "1 of" in bench.text
        await bench.press("m")
        assert "2 of" in bench.text
        assert "m Next match" in bench.footer


async def shows(bench: Bench, text: str) -> bool:
    """Wait for the palette, which gathers in its own time."""
    for _ in range(200):
        if text in bench.text:
            return True
        await bench.pilot.pause(0)
        await settle(bench.pilot, bench.engine, rounds=1)
    return False

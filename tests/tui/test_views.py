"""Saved views as a person keeps them: saved, named, given keys, shown, removed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App

from tests.support.clock import FakeClock
from tests.support.engines import HOSTILE, make_engine, screen_text
from tui_app.engine.views import SAVED_MOST, name_fault
from tui_app.history.database import HistoryError
from tui_app.models.view import SavedView, View
from tui_app.present.jobs import COLUMNS
from tui_app.present.views import order_text, suggested_name, view_text
from tui_app.text import cell_width, safe_text
from tui_app.tui.screens.views import NameDialog, ViewList, ViewsDialog
from tui_app.tui.widgets.form import TextField

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine

LABELS = {column.key: column.label for column in COLUMNS}
FAILED = SavedView("Failed this week", View("status:failed age<7d", "duration", descending=True), "1")
STUCK = SavedView("Stuck", View("stuck:yes"))
NOW = View("dataset:loyal*", "created", descending=False, columns=("id", "error"))


class Bench:
    """The dialog on a sandbox's own views."""

    def __init__(self, pilot: Pilot[Any], engine: Engine) -> None:
        self.pilot, self.engine = pilot, engine
        self.answers: list[SavedView | None] = []

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def rows(self) -> list[str]:
        options = self.pilot.app.screen.query_one(ViewList)
        return [str(options.get_option_at_index(place).prompt) for place in range(options.option_count)]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.quiet()

    async def quiet(self) -> None:
        for _ in range(3):
            await self.pilot.pause()

    async def names(self) -> list[tuple[str, str | None]]:
        return [(one.name, one.key) for one in await self.engine.views.saved()]


@asynccontextmanager
async def shown(
    tmp_path: Path, saved: Sequence[SavedView] = (), *, size: tuple[int, int] = (80, 24), now: View = NOW
) -> AsyncIterator[Bench]:
    engine, _ = make_engine(tmp_path, FakeClock())
    for one in saved:
        await engine.views.save(one)
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        bench = Bench(pilot, engine)
        app.push_screen(ViewsDialog(engine.views, now, labels=LABELS), bench.answers.append)
        await bench.quiet()
        yield bench
    engine._core.history.close()


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_the_views_are_listed_with_what_they_show(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shown(tmp_path, [FAILED, STUCK], size=size) as bench:
        assert bench.rows[0].startswith("1  Failed this week  status:")
        assert bench.rows[1].startswith("   Stuck ")
        assert "stuck:yes" in bench.rows[1]
        for text in ("now: dataset:loyal*; oldest first; columns id, error", "enter show", "x remove", "esc back"):
            assert text in bench.text or size == (60, 15), text
        if size != (60, 15):
            assert bench.rows[0].split("  ")[2] == "status:failed age<7d"
            assert bench.rows[0].endswith("by duration down")


async def test_enter_shows_the_view_under_the_cursor(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED, STUCK]) as bench:
        await bench.press("j", "enter")
        assert bench.answers == [STUCK]


async def test_a_click_shows_a_view(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED, STUCK]) as bench:
        await bench.pilot.click(ViewList, offset=(5, 1))
        await bench.quiet()
        assert bench.answers == [STUCK]


async def test_without_views_the_next_key_is_named(tmp_path: Path) -> None:
    async with shown(tmp_path) as bench:
        assert "No saved views yet. s saves the filter, order and columns" in bench.text
        await bench.press("enter", "x", "r", "1")
        assert isinstance(bench.pilot.app.screen, ViewsDialog)
        await bench.press("escape")
        assert bench.answers == [None]


async def test_the_view_shown_is_saved_under_a_suggested_name_and_a_free_key(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED]) as bench:
        await bench.press("s")
        assert "Save this view as" in bench.text
        assert bench.pilot.app.screen.query_one(TextField).value == "dataset:loyal*"
        await bench.press("enter")
        assert "Saved as dataset:loyal*, key 2." in bench.text
        assert await bench.engine.views.saved() == (FAILED, SavedView("dataset:loyal*", NOW, "2"))
        await bench.press("enter")
        assert bench.answers == [SavedView("dataset:loyal*", NOW, "2")]


async def test_what_is_typed_takes_the_place_of_the_proposed_name(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED]) as bench:
        await bench.press("s", *"nightly", "enter")
        assert "Saved as nightly, key 2." in bench.text
        await bench.press("r", *"daily", "enter")
        assert await bench.names() == [(FAILED.name, "1"), ("daily", "2")]


async def test_a_name_that_is_taken_replaces_only_after_a_yes(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED, STUCK]) as bench:
        await bench.press("s", "ctrl+u", *"stuck")
        assert "A view has that name; enter asks whether to replace it." in bench.text
        await bench.press("enter")
        assert "Replace the view Stuck?" in bench.text
        await bench.press("n")
        assert await bench.engine.views.saved() == (FAILED, STUCK)
        await bench.press("s", "ctrl+u", *"stuck", "enter", "y")
        assert await bench.engine.views.saved() == (FAILED, SavedView("stuck", NOW, None))


async def test_a_name_that_will_not_do_is_said_where_it_is_typed(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED]) as bench:
        await bench.press("s", "ctrl+u", "enter")
        assert "A view needs a name." in bench.text
        bench.pilot.app.screen.query_one(TextField).value = "x" * 41
        await bench.press("enter")
        assert "at most 40 cells" in bench.text
        await bench.press("escape")
        assert await bench.names() == [("Failed this week", "1")]


async def test_digits_give_keys_and_take_them(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED, STUCK]) as bench:
        await bench.press("down", "1")
        assert await bench.names() == [("Failed this week", None), ("Stuck", "1")]
        assert "1 shows Stuck." in bench.text
        assert [row[:8] for row in bench.rows] == ["   Faile", "1  Stuck"]
        await bench.press("9")
        assert await bench.names() == [("Failed this week", None), ("Stuck", "9")]
        await bench.press("9")
        assert await bench.names() == [("Failed this week", None), ("Stuck", "9")]
        await bench.press("0")
        assert (await bench.names())[1] == ("Stuck", None)


async def test_a_view_is_renamed(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED, STUCK]) as bench:
        await bench.press("down", "r", "ctrl+u", *"failed this week")
        assert "Another view has that name." in bench.text
        await bench.press("enter")
        assert isinstance(bench.pilot.app.screen, NameDialog)
        await bench.press("ctrl+u", *"Late", "enter")
        assert await bench.names() == [("Failed this week", "1"), ("Late", None)]
        assert "Stuck is now Late." in bench.text


async def test_removing_asks_first(tmp_path: Path) -> None:
    async with shown(tmp_path, [FAILED, STUCK]) as bench:
        await bench.press("x")
        assert "Remove the view Failed this week?" in bench.text
        await bench.press("n")
        assert len(await bench.names()) == 2
        await bench.press("delete", "y")
        assert await bench.names() == [("Stuck", None)]
        await bench.press("x", "y")
        assert "No saved views yet" in bench.text


async def test_a_view_that_cannot_be_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(tmp_path, [FAILED]) as bench:

        async def full(*_: object) -> str:
            raise HistoryError("History h.db cannot be used: disk is full. Free disk space.")

        monkeypatch.setattr(bench.engine._core.history.lookups, "change_note", full)
        await bench.press("2")
        assert "The view Failed this week was not saved: History h.db" in " ".join(bench.text.split())
        assert "disk is full" in bench.text
        await bench.press("enter")
        assert bench.answers == [FAILED]


async def test_as_many_views_as_there_can_be_scroll(tmp_path: Path) -> None:
    saved = [SavedView(f"view {number}", View(f"id:{number}")) for number in range(SAVED_MOST)]
    async with shown(tmp_path, saved) as bench:
        await bench.press("G")
        assert f"view {SAVED_MOST - 1}" in bench.text
        assert "esc back" in bench.text
        await bench.press("s", "enter")
        assert f"There are {SAVED_MOST} saved views already" in bench.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_filters_and_columns_do_nothing(tmp_path: Path, text: str) -> None:
    view = View(text, text, columns=(text, text))
    async with shown(tmp_path, [SavedView("Odd", view)], now=view) as bench:
        assert all(safe_text(line) == line for line in bench.text.splitlines())
        await bench.press("s")
        assert all(safe_text(line) == line for line in bench.text.splitlines())
        await bench.press("enter")
        assert len(await bench.names()) == 2
        await bench.press("x")
        assert all(safe_text(line) == line for line in bench.text.splitlines())


@pytest.mark.parametrize("text", ["", *HOSTILE, "日本" * 40])
def test_a_suggested_name_will_do_and_is_free(text: str) -> None:
    taken: list[str] = []
    for _ in range(12):
        name = suggested_name(View(text), LABELS, taken)
        assert name_fault(name) == ""
        assert name not in taken
        taken.append(name)
    assert cell_width(taken[0]) <= 30


def test_a_view_is_told_in_words() -> None:
    assert view_text(View(), LABELS) == "all jobs; newest first"
    assert view_text(View("a", "id", descending=False, columns=("id", "status", "created", "error")), LABELS) == (
        "a; by id up; columns id, status, age and 1 more"
    )
    assert order_text(View(sort="nothing known"), LABELS) == "by nothing known down"

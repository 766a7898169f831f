"""Choosing columns: by keys and by mouse, with what fits told, and never a list that tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App

from tests.support.engines import screen_text
from tui_app.present.cells import Column, layout
from tui_app.present.columns import ColumnChoice
from tui_app.present.jobs import COLUMNS
from tui_app.tui.screens.columns import ColumnList, ColumnsDialog
from tui_app.tui.widgets.row_line import GUTTER, MARGIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot

SIZES = [(140, 40), (80, 24), (60, 15)]
KEYS = tuple(column.key for column in COLUMNS)
LABELS = {column.key: column.label for column in COLUMNS}


@pytest.fixture(params=SIZES, ids=str)
async def pilot(request: pytest.FixtureRequest) -> AsyncIterator[Pilot[Any]]:
    app: App[None] = App()
    async with app.run_test(size=request.param) as pilot:
        yield pilot


async def ask(
    pilot: Pilot[Any], chosen: tuple[str, ...] = (), width: int = 76, default: tuple[str, ...] = ()
) -> list[Any]:
    """Put the dialog on the screen and return where its answer will be."""
    answers: list[Any] = []
    pilot.app.push_screen(ColumnsDialog(COLUMNS, chosen, width=width, default=default), answers.append)
    await pilot.pause()
    await pilot.pause()
    return answers


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


def boxes(pilot: Pilot[Any]) -> list[str]:
    """Return the columns as listed: `[x] STATUS`."""
    options = pilot.app.screen.query_one(ColumnList)
    texts = [str(options.get_option_at_index(place).prompt) for place in range(options.option_count)]
    return [" ".join(text.split()[: 3 if text.startswith("[ ]") else 2]) for text in texts]


async def test_it_shows_what_is_chosen_first_and_says_its_keys(pilot: Pilot[Any]) -> None:
    await ask(pilot, ("error", "id"))
    assert boxes(pilot)[:3] == ["[x] ERROR", "[x] ID", "[ ] STATUS"]
    shown = screen_text(pilot)
    for text in ("Columns", "[x] ERROR", "space on/off", "J K move", "r reset", "enter take", "esc back"):
        assert text in shown, text


async def test_columns_are_taken_out_moved_and_taken(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot)
    at = KEYS.index("stage")
    await press(pilot, *["down"] * at, "space", "j", "shift+down", "enter")
    assert answers == [(*KEYS[:at], KEYS[at + 2], KEYS[at + 1], *KEYS[at + 3 :])]


async def test_a_column_goes_up_and_the_cursor_with_it(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot, ("status", "id", "error"))
    await press(pilot, "down", "down", "K", "K", "K", "enter")
    assert answers == [("error", "status", "id")]


async def test_escape_takes_nothing(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot, ("id",))
    await press(pilot, "down", "space", "escape")
    assert answers == [None]


async def test_the_default_comes_back_and_is_kept_as_nothing(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot, ("error", "id"))
    await press(pilot, "r")
    assert [text.removeprefix("[x] ") for text in boxes(pilot)] == list(LABELS.values())
    await press(pilot, "enter")
    assert answers == [()]


async def test_the_default_may_leave_columns_out(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot, default=("status", "id", "error"))
    assert boxes(pilot)[:4] == ["[x] STATUS", "[x] ID", "[x] ERROR", "[ ] AGE"]
    await press(pilot, "space", "r")
    assert boxes(pilot)[0] == "[x] STATUS"
    await press(pilot, "enter")
    assert answers == [()]
    answers = await ask(pilot, KEYS, default=("status", "id", "error"))
    await press(pilot, "enter")
    assert answers == [KEYS]


async def test_status_and_id_do_not_both_go(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot, ("status", "id", "error"))
    await press(pilot, "space")
    assert boxes(pilot)[:2] == ["[ ] STATUS", "[x] ID"]
    await press(pilot, "down", "space")
    assert "STATUS or ID must stay" in screen_text(pilot)
    assert boxes(pilot)[1] == "[x] ID"
    await press(pilot, "down", "space")
    assert "must stay" not in screen_text(pilot)
    await press(pilot, "enter")
    assert answers == [("id",)]


async def test_what_fits_is_said_as_one_chooses(pilot: Pilot[Any]) -> None:
    await ask(pilot, width=140)
    dropped = ColumnChoice.of(COLUMNS, ()).dropped(80 - GUTTER - MARGIN)
    assert dropped, "at 80 cells the default does not fit whole: the summary line takes its place"
    assert f"At 80 cells: {len(COLUMNS) - len(dropped)} fit; dropped: " in screen_text(pilot)
    assert f"In the table now: all {len(COLUMNS)} fit." in screen_text(pilot)
    await press(pilot, "escape")
    await ask(pilot, ("id", "error"))
    assert "At 80 cells: all 2 fit." in screen_text(pilot)
    await press(pilot, *["down"] * 2, "space")
    assert "At 80 cells: all 3 fit." in screen_text(pilot)


async def test_a_click_switches_a_column(pilot: Pilot[Any]) -> None:
    answers = await ask(pilot, ("status", "id", "error"))
    await pilot.click(ColumnList, offset=(3, 2))
    await pilot.pause()
    assert boxes(pilot)[2] == "[ ] ERROR"
    await press(pilot, "enter")
    assert answers == [("status", "id")]


@given(
    st.lists(st.sampled_from([*KEYS, "no such column", ""])),
    st.lists(st.tuples(st.sampled_from(["toggle", "up", "down"]), st.sampled_from(KEYS))),
    st.integers(0, 200),
)
def test_any_choice_keeps_every_column_and_tells_rows_apart(
    stored: list[str], steps: list[tuple[str, str]], width: int
) -> None:
    choice = ColumnChoice.of(COLUMNS, stored)
    for step, key in steps:
        choice = choice.toggled(key) if step == "toggle" else choice.moved(key, -1 if step == "up" else 1)
        assert sorted(column.key for column in choice.columns) == sorted(KEYS)
        assert {"status", "id"} & set(choice.keys)
    assert ColumnChoice.of(COLUMNS, choice.keys).keys == choice.keys
    assert len(choice.dropped(width)) + len(layout(choice.visible, width)) == len(choice.keys)


def test_a_view_without_status_and_id_gets_the_id() -> None:
    assert ColumnChoice.of(COLUMNS, ("error", "nothing", "error")).keys == ("id", "error")
    assert ColumnChoice.of([Column("a", "A", 3)], ("b",)).keys == ("a",)

"""Questions over a screen: what asks stays in sight however much there is to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App
from textual.widgets import OptionList

from tests.support.engines import HOSTILE, screen_text
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Confirm, Pick, TextDialog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot
    from textual.screen import Screen

SIZES = [(140, 40), (80, 24), (60, 15)]
LONG = "\n".join(f"line {number} of what there is to read" for number in range(60))


@pytest.fixture(params=SIZES, ids=str)
async def pilot(request: pytest.FixtureRequest) -> AsyncIterator[Pilot[Any]]:
    """An app with nothing on it."""
    app: App[None] = App()
    async with app.run_test(size=request.param) as pilot:
        yield pilot


async def show(pilot: Pilot[Any], dialog: Screen[Any]) -> list[object]:
    """Put a dialog on the screen and return where its answer will be."""
    answers: list[object] = []
    pilot.app.push_screen(dialog, answers.append)
    await pilot.pause()
    await pilot.pause()
    return answers


@pytest.mark.parametrize("typed", [None, "prod"])
async def test_the_answers_stay_in_sight_under_a_long_text(pilot: Pilot[Any], typed: str | None) -> None:
    answers = await show(pilot, Confirm("Create it?", detail=LONG, yes="Create it", typed=typed))
    shown = screen_text(pilot)
    for text in (
        "Create it?",
        "line 0 of",
        "No (",
        "Create it",
        *(["Type its name", "type the sandbox"] if typed else []),
    ):
        assert text in shown, text
    await pilot.press(*["pagedown"] * 20)
    await pilot.pause()
    assert "line 59 of" in screen_text(pilot)
    await pilot.press(*(["p", "r", "o", "d", "enter"] if typed else ["y"]))
    await pilot.pause()
    assert answers == [True]


async def test_a_short_question_is_a_small_box(pilot: Pilot[Any]) -> None:
    await show(pilot, Confirm("Cancel export job 24115?", detail="PROCESSING", yes="Cancel the job"))
    assert pilot.app.screen.query_one(".dialog-box").outer_size.height <= 6
    assert "Cancel the job (y)" in screen_text(pilot)


async def test_a_wrong_name_is_told_and_a_button_cannot_pass_it(pilot: Pilot[Any]) -> None:
    answers = await show(pilot, Confirm("Create it?", yes="Create it", typed="prod"))
    await pilot.press("enter")
    await pilot.pause()
    assert "That is not the sandbox's name." in screen_text(pilot)
    await pilot.press("tab", "tab", "y", "escape")
    await pilot.pause()
    assert answers == [None]


async def test_a_text_scrolls_and_its_keys_stay_in_sight(pilot: Pilot[Any]) -> None:
    answers = await show(pilot, TextDialog("What failed", [("Answer", LONG)]))
    assert "esc back" in screen_text(pilot)
    await pilot.press("end")
    await pilot.pause()
    assert "line 59 of" in screen_text(pilot)
    await pilot.press("enter")
    await pilot.pause()
    assert answers == [None]


async def test_items_have_a_line_each_and_the_cursor_is_in_sight(pilot: Pilot[Any]) -> None:
    items = [(str(number), f"item {number} " + "x" * 300) for number in range(40)]
    answers = await show(pilot, Pick("Pick one", items, asides={str(number): f"<{number}>" for number in range(40)}))
    options = pilot.app.screen.query_one(OptionList)
    await pilot.press(*["down"] * 39)
    await pilot.pause()
    shown = screen_text(pilot)
    assert "item 39 xxx" in shown
    assert "…  <39>" in shown
    assert options.virtual_size.height == len(items)
    await pilot.press("enter")
    await pilot.pause()
    assert answers == ["39"]


async def test_another_size_keeps_the_item_under_the_cursor(pilot: Pilot[Any]) -> None:
    answers = await show(pilot, Pick("Pick one", [(str(number), f"item {number}") for number in range(9)]))
    await pilot.press("down", "down")
    await pilot.resize_terminal(100, 20)
    await pilot.pause()
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()
    assert answers == ["2"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_does_nothing(pilot: Pilot[Any], text: str) -> None:
    for dialog in (
        Confirm(text, detail=text, typed=text),
        Pick(text, [(text, text)], asides={text: text}),
        TextDialog(text, [(text, text)]),
    ):
        await show(pilot, dialog)
        assert all(safe_text(line) == line for line in screen_text(pilot).splitlines())
        await pilot.press("escape")

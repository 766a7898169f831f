"""The picker of ids by itself: searching, marking, free text, reading anew, and lists that are not there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App
from textual.events import Paste

from tests.support.engines import HOSTILE, screen_text
from tui_app.present.picking import PickItem
from tui_app.text import safe_text
from tui_app.tui.bridge import LookupsChanged
from tui_app.tui.screens.picker import Picked, Picker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from textual.pilot import Pilot

THREE = [
    PickItem("a-1", "Loyal customers", "ups"),
    PickItem("a-2", "Lapsed customers", "AAM"),
    PickItem("a-3", "Raw events", "", "not on the profile union"),
]


class Shelf:
    """A source that a test fills."""

    def __init__(self, items: Sequence[PickItem] = THREE) -> None:
        self.now = list(items)
        self.said = f"{len(items)} things, read 4m ago"
        self.refreshed = 0
        self.gate: asyncio.Event | None = None

    async def items(self) -> Sequence[PickItem]:
        if self.gate is not None:
            await self.gate.wait()
        return self.now

    def state(self) -> str:
        return self.said

    def detail(self, key: str) -> str:
        return f"all about {key}"

    async def refresh(self) -> None:
        self.refreshed += 1


class Bench:
    def __init__(self, pilot: Pilot[Any], shelf: Shelf, picker: Picker) -> None:
        self.pilot, self.shelf, self.picker = pilot, shelf, picker
        self.answers: list[Picked | None] = []

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def shown(
    shelf: Shelf | None = None, *, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Bench]:
    app: App[None] = App()
    shelf = shelf or Shelf()
    async with app.run_test(size=size) as pilot:
        bench = Bench(pilot, shelf, Picker("Audience", shelf, noun="segment id", **options))
        app.push_screen(bench.picker, bench.answers.append)
        await pilot.pause()
        await pilot.pause()
        yield bench


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_one_is_taken_by_enter(size: tuple[int, int]) -> None:
    async with shown(size=size) as bench:
        assert "Loyal customers" in bench.text
        assert "3 things, read 4m" in bench.text
        await bench.press("down", "enter")
        assert bench.answers == [Picked(("a-2",))]


async def test_typing_narrows_and_the_best_is_under_the_cursor() -> None:
    async with shown() as bench:
        await bench.press(*"laps")
        assert "Loyal customers" not in bench.text
        assert "all about a-2" in bench.text
        await bench.press("enter")
        assert bench.answers == [Picked(("a-2",))]


async def test_what_will_not_do_says_why_and_is_not_taken() -> None:
    async with shown() as bench:
        await bench.press(*"raw", "enter")
        assert "Raw events: not on the profile union." in bench.text
        assert bench.answers == []


async def test_a_text_that_is_in_no_list_is_taken_as_it_stands() -> None:
    async with shown() as bench:
        await bench.press(*"my-own-id")
        assert 'use "my-own-id" as the segment id' in bench.text
        await bench.press("enter")
        assert bench.answers == [Picked(("my-own-id",))]


async def test_several_are_answered_in_the_order_of_marking() -> None:
    async with shown(several=True) as bench:
        await bench.press("down", "tab", "tab")
        assert "Raw events: not on the profile union." in bench.text
        await bench.press("ctrl+home", "tab", "enter")
        assert bench.answers == [Picked(("a-2", "a-1"))]


async def test_a_mark_is_taken_off_again() -> None:
    async with shown(several=True) as bench:
        await bench.press("tab", "tab", "up", "tab")
        assert "1 marked" in bench.text
        await bench.press("enter")
        assert bench.answers == [Picked(("a-1",))]


async def test_marks_outlive_another_search() -> None:
    async with shown(several=True) as bench:
        await bench.press(*"loyal", "tab", "ctrl+u", *"laps", "tab", "enter")
        assert bench.answers == [Picked(("a-1", "a-2"))]


async def test_many_pasted_ids_are_taken_together() -> None:
    async with shown(several=True) as bench:
        bench.picker.field.post_message(Paste("a-1\nx-1, x-2\n"))
        await bench.pilot.pause()
        assert "use 3 texts as segment ids" in bench.text
        await bench.press("enter")
        assert bench.answers == [Picked(("a-1", "x-1", "x-2"))]


async def test_what_is_chosen_and_in_no_list_is_shown() -> None:
    async with shown(several=True, chosen=("gone", "a-2")) as bench:
        assert "[x] gone" in bench.text
        assert "[x] Lapsed customers" in bench.text
        await bench.press("enter")
        assert bench.answers == [Picked(("gone", "a-2"))]


async def test_the_cursor_begins_on_the_one_chosen() -> None:
    async with shown(chosen=("a-2",)) as bench:
        await bench.press("enter")
        assert bench.answers == [Picked(("a-2",))]


async def test_a_new_one_can_be_wished_for_only_where_it_can_be_made() -> None:
    async with shown(new_label="create one") as bench:
        assert "ctrl-n create one" in bench.text
        await bench.press("ctrl+n")
        assert bench.answers == [Picked(is_new=True)]
    async with shown() as bench:
        await bench.press("ctrl+n", "escape")
        assert bench.answers == [None]


async def test_pages_that_come_in_leave_text_cursor_and_marks() -> None:
    async with shown(several=True) as bench:
        await bench.press("tab", "down")
        bench.shelf.now = [PickItem("a-0", "A new one"), *THREE]
        bench.shelf.said = "reading, 4 so far"
        bench.picker.post_message(LookupsChanged())
        await bench.pilot.pause(0.6)
        assert "A new one" in bench.text
        assert "reading, 4 so far" in bench.text
        assert "[x] Loyal customers" in bench.text
        assert bench.picker.list.cursor == 3


async def test_reading_anew_asks_the_source() -> None:
    async with shown() as bench:
        bench.shelf.now = [PickItem("b-1", "Later")]
        await bench.press("ctrl+r")
        await bench.pilot.pause()
        assert bench.shelf.refreshed == 1
        assert "Later" in bench.text


async def test_while_nothing_is_known_a_text_can_be_taken() -> None:
    shelf = Shelf([])
    shelf.gate = asyncio.Event()
    async with shown(shelf) as bench:
        assert "reading…" in bench.text
        await bench.press("enter", *"abc", "enter")
        assert bench.answers == [Picked(("abc",))]
        shelf.gate.set()


async def test_five_thousand_are_moved_through_and_resized() -> None:
    shelf = Shelf([PickItem(f"id-{number}", f"Audience {number}") for number in range(5_000)])
    async with shown(shelf) as bench:
        await bench.press("ctrl+end")
        assert "5,000 of 5,000" in bench.text
        await bench.pilot.resize_terminal(60, 15)
        await bench.pilot.pause()
        assert "Audience 4999" in bench.text
        await bench.press("pageup", "ctrl+home", "pagedown", "enter")
        assert bench.answers[0] is not None
        assert bench.answers[0].keys[0].startswith("id-")


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_do_nothing(text: str) -> None:
    async with shown(Shelf([PickItem(text, text, text, ""), PickItem("x", text, text, text)]), several=True) as bench:
        for keys in (("down",), ("tab",), tuple("ab"), ("ctrl+u",)):
            await bench.press(*keys)
            assert all(safe_text(line) == line for line in bench.text.splitlines())
        await bench.press("ctrl+home", "enter")
        assert bench.answers == [Picked((text,))]


async def test_ten_thousand_characters_are_only_a_long_text() -> None:
    async with shown() as bench:
        bench.picker.field.post_message(Paste("x" * 10_000))
        await bench.pilot.pause()
        await bench.press("enter")
        assert bench.answers == [Picked(("x" * 10_000,))]

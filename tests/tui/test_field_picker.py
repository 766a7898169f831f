"""The picker of fields by itself: a tree, a search over all of it, branches that stand for what is below."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.events import Paste

from tests.support.engines import HOSTILE, screen_text
from tui_app.models.field_paths import FieldPath, field_paths
from tui_app.text import safe_text
from tui_app.tui.screens.field_picker import FieldPicker, _ends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from textual.pilot import Pilot

Json = dict[str, Any]


def branch(**fields: Json) -> Json:
    return {"type": "object", "properties": fields}


TEXT: Json = {"type": "string", "title": "A text"}
SCHEMA = branch(
    _id=TEXT,
    person=branch(name=branch(first=TEXT, last=TEXT), gender=TEXT),
    personalEmail=branch(address=TEXT),
    tags={"type": "array", "items": TEXT},
)


class Shelf:
    def __init__(self, fields: Sequence[FieldPath]) -> None:
        self.now = fields

    async def fields(self) -> Sequence[FieldPath]:
        return self.now

    def state(self) -> str:
        return f"{len(self.now)} fields, read 4m ago"

    async def refresh(self) -> None:
        self.now = ()


class Bench:
    def __init__(self, pilot: Pilot[Any], picker: FieldPicker) -> None:
        self.pilot, self.picker = pilot, picker
        self.answers: list[tuple[str, ...] | None] = []

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def paste(self, text: str) -> None:
        self.picker.field.post_message(Paste(text))
        await self.pilot.pause()


@asynccontextmanager
async def shown(*chosen: str, schema: Json = SCHEMA, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Bench]:
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        bench = Bench(pilot, FieldPicker("Fields", Shelf(field_paths(schema)), chosen=chosen))
        app.push_screen(bench.picker, bench.answers.append)
        await pilot.pause()
        await pilot.pause()
        yield bench


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_branches_open_and_close(size: tuple[int, int]) -> None:
    async with shown(size=size) as bench:
        assert "▸ person" in bench.text
        assert "first" not in bench.text
        await bench.press("down", "down", "right", "down", "right")
        assert "▾ person" in bench.text
        assert "first" in bench.text
        await bench.press("down", "left")
        assert "first" not in bench.text
        assert bench.picker.list.cursor == 3, "the cursor goes to the branch that was closed"


async def test_marks_are_answered_in_the_order_of_the_tree() -> None:
    async with shown() as bench:
        await bench.press(*"address", "tab", "ctrl+u", *"first", "tab", "enter")
        assert bench.answers == [("person.name.first", "personalEmail.address")]


async def test_a_branch_stands_for_all_below_it() -> None:
    async with shown("person.name.first", "personalEmail.address") as bench:
        assert "[x]" in bench.text
        await bench.press(*"person", "tab")
        await bench.press("ctrl+u", *"gender")
        assert "[+] person.gender" in bench.text
        await bench.press("tab")
        assert "person.gender comes with person" in bench.text
        await bench.press("enter")
        assert bench.answers == [("person", "personalEmail.address")]


async def test_without_marks_enter_takes_the_field_under_the_cursor() -> None:
    async with shown() as bench:
        await bench.press("down", "enter")
        assert bench.answers == [("_id",)]


async def test_all_fields_can_be_chosen_again() -> None:
    async with shown("_id") as bench:
        assert "[ ] all fields" in bench.text
        await bench.press("ctrl+home", "tab")
        assert "[x] all fields" in bench.text
        await bench.press("enter")
        assert bench.answers == [()]


async def test_a_list_is_pasted_and_what_the_schema_has_not_is_kept() -> None:
    async with shown() as bench:
        await bench.paste("personalEmail.address, _acme.tier\n_id")
        assert "use 3 paths" in bench.text
        await bench.press("tab")
        assert "_acme.tier  (not in the schema)" in bench.text
        await bench.press("enter")
        assert bench.answers == [("_id", "personalEmail.address", "_acme.tier")]


async def test_a_path_that_is_not_in_the_schema_can_be_typed_and_taken_off() -> None:
    async with shown() as bench:
        await bench.press(*"_acme.tier")
        assert 'use "_acme.tier", which is not in the schema' in bench.text
        await bench.press("tab", "ctrl+home", "down", "tab")
        assert "_acme.tier" not in bench.text
        await bench.press("escape")
        assert bench.answers == [None]


async def test_arrows_go_through_a_text_that_is_typed() -> None:
    async with shown() as bench:
        await bench.press(*"mail", "left", "left", "left", "left", "e", "right", "right", "right", "right", "x")
        assert bench.picker.field.value == "emailx"


async def test_arrays_and_titles_stand_beside() -> None:
    async with shown() as bench:
        line = next(line for line in bench.text.splitlines() if " tags" in line)
        assert "A text" not in line or "string[]" in line
        assert "string[]" in line


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_do_nothing(text: str) -> None:
    schema = branch(**{text: {"type": text, "title": text, "description": text, "properties": {text: TEXT}}})
    async with shown(text, schema=schema) as bench:
        for keys in (("down",), ("right",), ("tab",), tuple("ab"), ("ctrl+u",)):
            await bench.press(*keys)
            assert all(safe_text(line) == line for line in bench.text.splitlines())


@given(st.lists(st.integers(0, 4), max_size=30))
def test_a_branch_ends_where_the_next_field_is_not_below_it(depths: list[int]) -> None:
    fields = [FieldPath(str(place), depth=depth) for place, depth in enumerate(depths)]
    for place, end in enumerate(_ends(fields)):
        below = fields[place + 1 : end]
        assert all(one.depth > fields[place].depth for one in below)
        assert end == len(fields) or fields[end].depth <= fields[place].depth

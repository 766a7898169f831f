"""Pasting a request: taken, refused with its place, and without a token left anywhere."""

from __future__ import annotations

import gc
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual import events
from textual.app import App

from tests.support.engines import HOSTILE, screen_text
from tests.support.samples import create_body
from tui_app.models.curl_text import Pasted
from tui_app.text import safe_text
from tui_app.tui.screens.paste_body import PasteArea, PasteBody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot

TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.sig"
CURL = (
    "curl -X POST https://platform.adobe.io/data/core/ups/export/jobs \\\r\n"
    f"  -H 'Authorization: Bearer {TOKEN}' -H 'x-api-key: k3y-v4lue' \\\r\n  -d '{json.dumps(create_body())}'"
)


class Bench:
    """The dialog over an empty app."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        self.answers: list[Pasted | None] = []

    @property
    def area(self) -> PasteArea:
        return self.pilot.app.screen.query_one(PasteArea)

    @property
    def said(self) -> str:
        return " ".join(screen_text(self.pilot).replace("│", " ").split())

    async def paste(self, text: str) -> None:
        self.area.post_message(events.Paste(text))
        await self.pilot.pause()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.app.workers.wait_for_complete()
        await self.pilot.pause()


@asynccontextmanager
async def shown(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Bench]:
    app: App[None] = App()
    async with app.run_test(size=size, notifications=True) as pilot:
        bench = Bench(pilot)
        app.push_screen(PasteBody(), bench.answers.append)
        await pilot.pause()
        yield bench


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_it_says_what_to_do_at_every_size(size: tuple[int, int]) -> None:
    async with shown(size) as bench:
        assert "Paste the JSON body of the create call" in bench.said
        assert "ctrl-s take it" in bench.said
        assert bench.pilot.app.focused is bench.area
        assert bench.area.size.height >= 3
        assert not bench.area.cursor_blink


@pytest.mark.parametrize("key", ["ctrl+s", "f5", "ctrl+j"])
async def test_a_pasted_body_is_taken(key: str) -> None:
    async with shown() as bench:
        await bench.paste(json.dumps(create_body(), indent=2).replace("\n", "\r"))
        await bench.press(key)
        assert bench.answers == [Pasted(create_body())]


async def test_a_pasted_command_is_taken_without_its_secrets_and_says_so() -> None:
    async with shown() as bench:
        await bench.paste(CURL)
        area = bench.area
        await bench.press("ctrl+s")
        (found,) = bench.answers
        assert found is not None
        assert found.body == create_body()
        assert found.dropped == ("the bearer token", "x-api-key")
        (told,) = [note.message for note in bench.pilot.app._notifications]
        assert told == "Left out: the bearer token, x-api-key; aepx uses its own."
        assert area.text == ""
        assert TOKEN not in repr(found) + bench.said + told


async def test_a_fault_is_told_with_its_place_and_the_text_stays() -> None:
    text = '{\n  "fields": oops\n}'
    async with shown() as bench:
        await bench.paste(text)
        await bench.press("ctrl+s")
        assert bench.answers == []
        assert "not JSON: Expecting value at line 2, column 13." in bench.said
        assert bench.area.text == text
        assert bench.area.cursor_location == (1, 12)
        await bench.press(*['"', *"a", '"'], *["delete"] * 4, "ctrl+s")
        assert bench.answers == [Pasted({"fields": "a"})]


async def test_a_part_that_the_form_cannot_take_is_told() -> None:
    async with shown() as bench:
        await bench.paste('{"filter": [1]}')
        await bench.press("ctrl+s")
        assert "filter cannot be read. Write it as" in bench.said
        assert bench.answers == []


async def test_a_fault_never_repeats_a_token() -> None:
    async with shown() as bench:
        await bench.paste(f"curl x -H 'Authorization: Bearer {TOKEN}' -d @body.json")
        await bench.press("ctrl+s")
        assert "from the file body.json" in bench.said
        await bench.press("ctrl+u")
        assert bench.area.text == ""
        assert TOKEN not in bench.said


async def test_nothing_is_told_as_nothing() -> None:
    async with shown() as bench:
        await bench.press("ctrl+s")
        assert "There is nothing in it." in bench.said
        await bench.press("escape")
        assert bench.answers == [None]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_shown_harmless_and_means_the_same(text: str) -> None:
    body = {"fields": f"x{text}"}
    async with shown() as bench:
        await bench.paste(json.dumps(body, ensure_ascii=False))
        shown_text = bench.area.text
        assert safe_text(shown_text, lines=True) == shown_text
        await bench.press("ctrl+s")
        if any(char < " " for char in text if char not in "\n\t") and "\x9b" not in text:
            assert bench.answers == [Pasted(body)]


async def test_what_is_too_long_to_be_shown_is_taken_all_the_same() -> None:
    body = {"fields": ",".join(f"_tenant.path.to.field{number}" for number in range(10_000))}
    async with shown() as bench:
        await bench.paste(json.dumps(body))
        assert bench.area.text == ""
        assert "characters are pasted, too many to be shown" in bench.said
        await bench.press("ctrl+s")
        assert bench.answers == [Pasted(body)]


async def test_what_is_typed_takes_the_place_of_what_was_too_long() -> None:
    async with shown() as bench:
        await bench.paste("x" * 50_000)
        await bench.press("{", "}", "ctrl+s")
        assert bench.answers == [Pasted({})]


async def test_what_is_beyond_reading_is_refused() -> None:
    async with shown() as bench:
        await bench.paste("{" + " " * 5_000_000 + "}")
        await bench.press("ctrl+s")
        assert "5,000,002 characters, which is too long" in bench.said
        assert bench.answers == []


async def test_no_text_of_the_dialog_is_kept_when_it_has_gone() -> None:
    async with shown() as bench:
        await bench.paste(CURL)
        await bench.press("ctrl+s")
        await bench.pilot.pause()
        gc.collect()
        held = [one for one in gc.get_objects() if isinstance(one, PasteArea) and TOKEN in one.text]
        assert held == []

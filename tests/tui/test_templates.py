"""Where a new job begins, and saving a request as a template."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App
from textual.widgets import Input, OptionList

from tests.support.clock import START
from tests.support.engines import HOSTILE, screen_text
from tests.support.samples import create_body
from tui_app.config.templates import TemplateEntry, Templates
from tui_app.text import cell_width, safe_text
from tui_app.tui.screens.dialogs import Confirm
from tui_app.tui.screens.templates import SaveTemplate, Start, StartingPoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot
    from textual.screen import Screen


class Bench:
    """A dialog over an empty app."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        self.answers: list[Any] = []

    @property
    def screen(self) -> Screen[Any]:
        return self.pilot.app.screen

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def said(self) -> str:
        return " ".join(self.text.replace("│", " ").split())

    @property
    def rows(self) -> list[str]:
        options = self.screen.query_one(OptionList)
        return [str(options.get_option_at_index(place).prompt) for place in range(options.option_count)]

    async def quiet(self) -> None:
        for _ in range(3):
            await self.pilot.pause()

    async def settle(self) -> None:
        workers = [one for one in self.pilot.app.workers if one.node is self.screen]
        await self.pilot.app.workers.wait_for_complete(workers)
        await self.quiet()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.quiet()


@asynccontextmanager
async def shown(dialog: Screen[Any], size: tuple[int, int] = (80, 24)) -> AsyncIterator[Bench]:
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        bench = Bench(pilot)
        app.push_screen(dialog, bench.answers.append)
        await bench.quiet()
        await bench.settle()
        yield bench


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    found = Templates.beside(tmp_path / "config.toml")
    found.save("Weekly loyalty", create_body(), description="Every Monday")
    found.save("Daily", create_body())
    return found


def start(templates: Templates) -> StartingPoint:
    return StartingPoint(templates, now=START)


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_what_can_be_begun_from_is_listed(templates: Templates, size: tuple[int, int]) -> None:
    async with shown(start(templates), size) as bench:
        assert bench.rows[0] == "Empty form"
        assert bench.rows[1].startswith("Paste a JSON body or curl command")
        assert bench.rows[2].startswith("Daily")
        assert bench.rows[3].split("  ")[0] == "Weekly loyalty"
        assert bench.rows[3].endswith("Every Monday")
        for text in ("New export job from", "type to search", "enter begin", "esc back"):
            assert text in bench.text, text


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], Start("empty")),
        (["down", "enter"], Start("paste")),
        (["down", "down", "enter"], Start("template", "Daily")),
        ([*"mond", "enter"], Start("template", "Weekly loyalty")),
        ([*"curl", "enter"], Start("paste")),
        (["tab", "down", "enter"], Start("paste")),
        (["escape"], None),
    ],
)
async def test_the_line_under_the_cursor_is_the_answer(
    templates: Templates, keys: list[str], answer: Start | None
) -> None:
    async with shown(start(templates)) as bench:
        await bench.press(*keys)
        assert bench.answers == [answer]


async def test_without_templates_there_is_still_a_beginning(tmp_path: Path) -> None:
    async with shown(start(Templates(tmp_path / "none"))) as bench:
        assert len(bench.rows) == 2
        await bench.press("ctrl+d")
        assert "Only a template can be deleted" in bench.said
        await bench.press(*"zzz", "enter")
        assert "Nothing of that name." in bench.said
        assert bench.answers == []


async def test_a_faulty_template_is_shown_with_its_fault_and_not_taken(templates: Templates) -> None:
    (templates.folder / "Broken.toml").write_text("fields = ", encoding="utf-8")
    (templates.folder / "Odd.toml").write_text('fields = "{tomorrow}"', encoding="utf-8")
    async with shown(start(templates)) as bench:
        assert bench.rows[2].startswith("Broken          cannot be used: TOML syntax: Invalid value")
        await bench.press(*"odd", "enter")
        assert bench.answers == []
        assert "Odd cannot be used: fields has the placeholder '{tomorrow}', which is not known." in bench.said


async def test_a_folder_that_cannot_be_read_leaves_the_other_beginnings(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file", encoding="utf-8")
    async with shown(start(Templates(tmp_path / "templates"))) as bench:
        assert "Templates cannot be listed: Not a directory." in bench.said
        await bench.press("enter")
        assert bench.answers == [Start("empty")]


@pytest.mark.parametrize("keys", [["ctrl+d"], ["tab", "d"]])
async def test_a_template_is_deleted_after_asking(templates: Templates, keys: list[str]) -> None:
    async with shown(start(templates)) as bench:
        await bench.press("down", "down", *keys)
        assert isinstance(bench.screen, Confirm)
        assert "Delete the template Daily?" in bench.text
        await bench.press("n")
        assert len(templates.names()) == 2
        await bench.press(keys[-1])
        await bench.press("y")
        await bench.settle()
        await bench.settle()
        assert [one.name for one in templates.names()] == ["Weekly loyalty"]
        assert "Deleted Daily." in bench.said
        assert len(bench.rows) == 3


async def test_a_template_that_went_meanwhile_is_told(templates: Templates) -> None:
    async with shown(start(templates)) as bench:
        await bench.press("down", "down", "ctrl+d")
        templates.delete("Daily")
        await bench.press("y")
        await bench.settle()
        assert "Template Daily cannot be deleted: There is none of that name" in bench.said


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_descriptions_stay_on_their_line(templates: Templates, text: str) -> None:
    templates.save("Odd", create_body(), description=text)
    async with shown(start(templates)) as bench:
        (row,) = [one for one in bench.rows if one.startswith("Odd")]
        assert safe_text(row) == row
        assert cell_width(row) <= 78
        await bench.press(*"odd", "enter")
        assert bench.answers == [Start("template", "Odd")]


async def test_a_thousand_templates_are_searched(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    for number in range(1_000):
        (tmp_path / f"T{number}.toml").write_text('fields = "a"\n', encoding="utf-8")
    async with shown(start(templates)) as bench:
        assert len(bench.rows) == 1_002
        await bench.press(*"t999", "enter")
        assert bench.answers == [Start("template", "T999")]


async def test_a_request_is_saved_with_name_and_description(templates: Templates) -> None:
    body = {**create_body(), "note": "{SEGMENT} {-7d}"}
    async with shown(SaveTemplate(templates, body)) as bench:
        assert str(templates.folder)[:20] in bench.said
        await bench.press(*"Hourly", "down", *"Each hour", "enter")
        await bench.settle()
        (saved,) = bench.answers
        assert isinstance(saved, TemplateEntry)
        assert (saved.name, saved.description) == ("Hourly", "Each hour")
        assert templates.read("Hourly").body == {**create_body(), "note": "{{SEGMENT}} {-7d}"}


async def test_a_proposed_name_is_marked_and_can_be_kept(templates: Templates) -> None:
    async with shown(SaveTemplate(templates, create_body(), name="Proposed")) as bench:
        await bench.press("enter")
        await bench.settle()
        assert bench.answers[0].name == "Proposed"
    async with shown(SaveTemplate(templates, create_body(), name="Proposed")) as bench:
        await bench.press("x")
        assert bench.screen.query_one("#save-name", Input).value == "x"


async def test_a_taken_name_is_replaced_after_asking(templates: Templates) -> None:
    async with shown(SaveTemplate(templates, {"fields": "b"})) as bench:
        await bench.press(*"daily", "enter")
        await bench.quiet()
        assert isinstance(bench.screen, Confirm)
        await bench.press("n")
        assert templates.read("Daily").body == create_body()
        assert bench.answers == []
        await bench.press("enter")
        await bench.quiet()
        await bench.press("y")
        await bench.settle()
        assert templates.read("Daily").body == {"fields": "b"}
        assert bench.answers[0].name == "Daily"


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "needs a name"), ("../up", "none of /"), ("con", "belongs to the system"), (".x", "neither begins")],
)
async def test_a_name_that_will_not_do_is_told_and_nothing_written(templates: Templates, name: str, said: str) -> None:
    before = templates.names()
    async with shown(SaveTemplate(templates, create_body(), name=name)) as bench:
        await bench.press("enter")
        await bench.settle()
        assert said in bench.said
        assert bench.answers == []
        await bench.press("escape")
        assert bench.answers == [None]
    assert templates.names() == before


async def test_what_cannot_be_written_is_told_and_the_dialog_stays(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file", encoding="utf-8")
    async with shown(SaveTemplate(Templates(tmp_path / "templates"), create_body())) as bench:
        await bench.press(*"Daily", "enter")
        await bench.settle()
        assert "Not a directory" in bench.said
        assert bench.answers == []


async def test_a_body_that_toml_cannot_hold_is_told(templates: Templates) -> None:
    async with shown(SaveTemplate(templates, {"x": None})) as bench:
        await bench.press(*"Nulls", "enter")
        await bench.settle()
        assert "x is null, which a template cannot hold." in bench.said


async def test_a_long_paste_into_the_name_is_told(templates: Templates) -> None:
    async with shown(SaveTemplate(templates, create_body(), name="x" * 10_000)) as bench:
        await bench.press("enter")
        await bench.settle()
        assert "up to 100 characters, not 10,000" in bench.said

"""The form for a dataset, and the screen before there is any connection."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.events import Paste
from textual.widgets import Static

from tests.support.clock import FakeClock
from tests.support.engines import (
    FakePlatform,
    answer_lost,
    dataset,
    make_app,
    make_engine,
    offline,
    screen_text,
    settle,
)
from tests.support.samples import dataset_body
from tui_app.engine.session import Policy
from tui_app.text import cell_width
from tui_app.tui.screens.dialogs import Confirm
from tui_app.tui.screens.first_run import FirstRunApp
from tui_app.tui.screens.job_list import JobListScreen
from tui_app.tui.screens.new_dataset import NewDatasetScreen, read_tags
from tui_app.tui.screens.new_job import NewJobScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot

    from tui_app.engine.engine import Engine


class Desk:
    """The form on the screen, and all that is behind it."""

    def __init__(self, pilot: Pilot[Any], engine: Engine, platform: FakePlatform) -> None:
        self.pilot, self.engine, self.platform = pilot, engine, platform

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settle(self.pilot, self.engine)

    async def paste(self, text: str) -> None:
        focused = self.pilot.app.focused
        assert focused is not None
        focused.post_message(Paste(text))
        await settle(self.pilot, self.engine)

    @property
    def form(self) -> NewDatasetScreen:
        screen = self.pilot.app.screen
        assert isinstance(screen, NewDatasetScreen)
        return screen

    @property
    def shown(self) -> str:
        return screen_text(self.pilot)

    @property
    def created(self) -> list[object]:
        return self.platform.asked("catalog.create_dataset")

    def note(self, path: str) -> str:
        row = self.form.form.row_of(path)
        assert row is not None
        return row.note


@asynccontextmanager
async def form(
    tmp_path: Path,
    *,
    policy: Policy = Policy.OPEN,
    size: tuple[int, int] = (80, 24),
    clock: FakeClock | None = None,
) -> AsyncIterator[Desk]:
    engine, platform = make_engine(tmp_path, clock or FakeClock(), policy=policy)
    async with make_app(engine).run_test(size=size, notifications=True) as pilot:
        desk = Desk(pilot, engine, platform)
        await settle(pilot, engine)
        await desk.press("N")
        yield desk
    await engine.stop()


async def test_a_name_is_enough(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press(*"Profile", "space", *"Data", "space", *"Export", "ctrl+j")
        assert desk.created == [dataset_body()]
        assert "65e0c0ffee01234567890001" in desk.shown


async def test_every_field_is_sent(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.paste("Loyalty")
        await desk.press("tab")
        await desk.paste("For the\nloyalty team")
        await desk.press("tab", "tab", "ctrl+u")
        await desk.paste("application/other")
        await desk.press("tab", "right", "tab", "ctrl+u")
        await desk.paste("delta")
        await desk.press("tab", "ctrl+u")
        await desk.paste("avro")
        await desk.press("tab", "ctrl+u", "tab")
        await desk.paste("team=loyalty\nteam=crm, cost = 7")
        await desk.press("ctrl+j")
        assert desk.created == [
            {
                "name": "Loyalty",
                "description": "For the loyalty team",
                "schemaRef": {
                    "id": "https://ns.adobe.com/xdm/context/profile__union",
                    "contentType": "application/other",
                },
                "fileDescription": {"persisted": False, "containerFormat": "delta", "format": "avro"},
                "tags": {"team": ["loyalty", "crm"], "cost": ["7"]},
            }
        ]


async def test_a_missing_name_is_said_and_nothing_is_sent(tmp_path: Path) -> None:
    async with form(tmp_path, size=(60, 15)) as desk:
        await desk.press("tab", "tab", "tab", "ctrl+j")
        assert "no name" in desk.note("name")
        assert desk.pilot.app.focused is desk.form.dataset_name
        assert desk.created == []


@pytest.mark.parametrize(("tags", "said"), [("plain", "not a tag"), ("adobe/pqs/table=x", "reserved")])
async def test_odd_tags_are_refused(tmp_path: Path, tags: str, said: str) -> None:
    async with form(tmp_path) as desk:
        desk.form.dataset_name.value = "Loyalty"
        desk.form.tags.focus()
        await desk.press("end")
        await desk.paste(tags)
        await desk.press("ctrl+j")
        assert said in desk.note("tags")
        assert desk.pilot.app.focused is desk.form.tags
        assert desk.created == []


async def test_another_schema_is_a_warning_to_acknowledge(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.form.dataset_name.value = "Loyalty"
        desk.form.schema_id.value = "https://ns.adobe.com/acme/schemas/1"
        await desk.press("ctrl+j")
        assert isinstance(desk.pilot.app.screen, Confirm)
        assert "not based on the profile union" in desk.shown
        await desk.press("y")
        assert len(desk.created) == 1


async def test_a_name_that_is_in_use_is_told_before_a_second_is_made(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.platform.datasets["d7"] = dataset("Loyalty")
        await desk.press(*"Loyalty", "ctrl+j")
        assert isinstance(desk.pilot.app.screen, Confirm)
        assert "A dataset of this name exists (d7, created" in " ".join(desk.shown.split())
        await desk.press("n")
        assert desk.created == []
        await desk.press("ctrl+j", "y")
        assert len(desk.created) == 1


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_every_hint_fits_its_line(tmp_path: Path, size: tuple[int, int]) -> None:
    async with form(tmp_path, size=size) as desk:
        for row in desk.form.form.rows:
            assert cell_width(row.hint) <= 78, row.hint


async def test_the_id_goes_into_a_new_job(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press(*"Loyalty", "ctrl+j", "enter")
        screen = desk.pilot.app.screen
        assert isinstance(screen, NewJobScreen)
        assert screen.dataset.value == "65e0c0ffee01234567890001"


async def test_the_name_of_the_table_is_shown_once_it_is_there(tmp_path: Path) -> None:
    clock = FakeClock()
    async with form(tmp_path, clock=clock) as desk:
        await desk.press(*"Fresh", "ctrl+j")
        assert "table  being made…" in desk.shown
        (made,) = [one for one, raw in desk.platform.datasets.items() if raw["name"] == "Fresh"]
        desk.platform.datasets[made]["tags"] = {"adobe/pqs/table": ["fresh_[/x]"]}
        await clock.advance(3)
        await desk.press("tab")
        assert "table  fresh_[/x]" in desk.shown


async def test_the_id_is_copied(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press(*"Loyalty", "ctrl+j", "ctrl+y")
        assert desk.pilot.app.clipboard == "65e0c0ffee01234567890001"
        await desk.press("ctrl+j", "ctrl+t", "escape")
        assert len(desk.created) == 1
        assert isinstance(desk.pilot.app.screen, JobListScreen)


async def test_a_failure_stays_in_the_form(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.platform.fail("catalog.create_dataset", offline())
        await desk.press(*"Loyalty", "ctrl+j")
        assert "Connection refused." in desk.shown
        assert desk.form.dataset_name.value == "Loyalty"
        await desk.press("ctrl+j")
        assert "was created" in desk.shown


async def test_a_dataset_whose_answer_was_lost_is_found_by_its_name(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.platform.fail("catalog.create_dataset", answer_lost(), happens=True)
        await desk.press(*"Loyalty", "ctrl+j")
        assert "65e0c0ffee01234567890001" in desk.shown
        assert len(desk.created) == 1


async def test_a_protected_sandbox_wants_its_name(tmp_path: Path) -> None:
    async with form(tmp_path, policy=Policy.PROTECTED) as desk:
        await desk.press(*"Loyalty", "ctrl+j")
        assert desk.created == []
        await desk.press(*"prod", "enter")
        assert len(desk.created) == 1


async def test_read_only_sends_nothing(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), policy=Policy.READ_ONLY)
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        app.push_screen(NewDatasetScreen())
        await settle(pilot, engine)
        await pilot.press(*"Loyalty", "ctrl+j")
        await settle(pilot, engine)
        assert "read-only here" in screen_text(pilot)
        assert platform.calls == []
    await engine.stop()


async def test_the_preview_is_that_of_catalog(tmp_path: Path) -> None:
    async with form(tmp_path, size=(140, 40)) as desk:
        await desk.press(*"Loyalty", "ctrl+t", "ctrl+y")
        assert "/data/foundation/catalog/dataSets" in desk.pilot.app.clipboard
        await desk.press("ctrl+t", "ctrl+t", "ctrl+y")
        assert json.loads(desk.pilot.app.clipboard)["name"] == "Loyalty"


def test_tags_are_read_from_commas_and_lines() -> None:
    assert read_tags("a=1, b=2\na=x=y,,c") == ({"a": ("1", "x=y"), "b": ("2",)}, ("c",))


@pytest.mark.parametrize(
    ("keys", "answer"), [(("d",), "demo"), (("q",), None), (("escape",), None), (("c", "q"), "config")]
)
async def test_the_first_run_offers_three_ways(keys: tuple[str, ...], answer: str | None) -> None:
    app = FirstRunApp(lambda: Path("/etc/aepx/config.toml"))
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
    assert app.return_value == answer


async def test_the_first_run_says_where_the_file_is() -> None:
    app = FirstRunApp(lambda: Path("/etc/aepx/[/x].toml"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Adobe Experience Platform" in screen_text(pilot)
        await pilot.press("c")
        await pilot.pause()
        assert "/etc/aepx/[/x].toml" in screen_text(pilot)


async def test_the_first_run_says_why_no_file_was_written() -> None:
    def refuse() -> Path:
        raise FileExistsError(17, "File exists", "/etc/aepx/config.toml")

    app = FirstRunApp(refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await pilot.pause()
        said = str(app.screen.query_one("#first-run-said", Static).content)
        assert "File exists" in said
        await pilot.press("q")
    assert app.return_value is None

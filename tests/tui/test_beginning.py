"""How a new job begins: `n` with and without templates, the form filled anew, pasted commands, saved templates."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.events import Paste

from tests.support.clock import FakeClock
from tests.support.engines import DATASET, ORG, make_app, make_engine, screen_text, settle
from tui_app.models.times import parse_rfc3339
from tui_app.tui.screens.dialogs import Confirm
from tui_app.tui.screens.new_job import NewJobScreen
from tui_app.tui.screens.paste_body import PasteBody
from tui_app.tui.screens.templates import SaveTemplate, StartingPoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot
    from textual.screen import Screen

    from tui_app.engine.engine import Engine
    from tui_app.tui.app import AepxApp

TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.sig"
BODY: dict[str, Any] = {
    "fields": "personalEmail.address",
    "filter": {"segments": [{"segmentId": "s-1"}], "fromIngestTimestamp": "{-7d}"},
    "destination": {"datasetId": DATASET},
    "schema": {"name": "_xdm.context.profile"},
}


class Desk:
    def __init__(self, app: AepxApp, pilot: Pilot[Any], engine: Engine) -> None:
        self.app, self.pilot, self.engine = app, pilot, engine

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    def shows(self, kind: type[Screen[Any]]) -> bool:
        return isinstance(self.app.screen, kind)

    @property
    def form(self) -> NewJobScreen:
        assert isinstance(self.app.screen, NewJobScreen)
        return self.app.screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.rest()

    async def paste(self, text: str) -> None:
        assert self.app.focused is not None
        self.app.focused.post_message(Paste(text))
        await self.rest()

    async def rest(self) -> None:
        # Files are read on threads, which no fake clock waits for.
        for _ in range(5):
            await asyncio.to_thread(time.sleep, 0)
            await settle(self.pilot, self.engine)


@asynccontextmanager
async def desk(tmp_path: Path, *templates: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Desk]:
    engine, _ = make_engine(tmp_path, FakeClock())
    app = make_app(engine)
    for name in templates:
        app.templates.save(name, BODY, description=f"about {name}")
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot, engine)
        yield Desk(app, pilot, engine)
    await engine.stop()


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_without_templates_the_form_opens_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.press("n")
        assert at.form.heading() == "New export job"
        assert not at.form.is_dirty


async def test_with_templates_one_chooses_first(tmp_path: Path) -> None:
    async with desk(tmp_path, "nightly", "weekly") as at:
        await at.press("n")
        assert at.shows(StartingPoint)
        await at.press(*"week", "enter")
        assert at.form.heading() == "New export job from template weekly"
        assert at.form.dataset.value == DATASET
        sent = at.form.body()["filter"]["fromIngestTimestamp"]
        assert (at.engine.clock.now() - parse_rfc3339(sent)).days == 7
        await at.press("escape")
        assert not at.shows(Confirm), "nothing was entered that would be lost"


async def test_the_empty_form_is_one_key_away(tmp_path: Path) -> None:
    async with desk(tmp_path, "nightly") as at:
        await at.press("n", "enter")
        assert at.form.heading() == "New export job"
        assert at.form.dataset.value == ""


async def test_going_back_opens_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, "nightly") as at:
        await at.press("n", "escape")
        assert not at.shows(NewJobScreen)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_pasted_command_fills_the_form_without_its_token(tmp_path: Path, size: tuple[int, int]) -> None:
    command = (
        "curl -X POST https://platform.adobe.io/data/core/ups/export/jobs \\\n"
        f"  -H 'Authorization: Bearer {TOKEN}' -H 'x-gw-ims-org-id: {ORG}' -H 'x-sandbox-name: stage' \\\n"
        f"""  -d '{{"destination": {{"datasetId": "{DATASET}"}}, "fields": "a.b", "schema": {{"name": "x"}}}}'"""
    )
    async with desk(tmp_path, size=size) as at:
        await at.press("n", "ctrl+f", "down", "enter")
        assert at.shows(PasteBody)
        await at.paste(command)
        await at.press("ctrl+s")
        assert at.form.fields.value == "a.b"
        assert at.form.schema.value == "x"
        assert "for sandbox stage; this session is in prod" in " ".join(at.text.split())
        assert "bearer token" in at.text
        assert TOKEN not in at.text
        await at.press("ctrl+t", "ctrl+y")
        assert TOKEN not in at.app.clipboard
    assert not any(TOKEN.encode() in content for content in contents(tmp_path))


async def test_what_was_entered_is_replaced_only_after_a_yes(tmp_path: Path) -> None:
    async with desk(tmp_path, "nightly") as at:
        await at.press("n", "enter", *"mine", "ctrl+f", *"night", "enter")
        assert "Replace what is in the form?" in at.text
        await at.press("n")
        assert at.form.dataset.value == "mine"
        await at.press("ctrl+f", *"night", "enter", "y")
        assert at.form.dataset.value == DATASET
        assert at.form.segments.segments[0].segment_id == "s-1"
        await at.press("escape")
        assert at.shows(Confirm)


async def test_a_form_is_saved_with_its_times_as_typed(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.press("n", *"d-1")
        at.form.from_ingest.value = "-7d"
        await at.press("f12")
        assert at.shows(SaveTemplate)
        await at.press(*"nightly", "enter")
        assert "Saved as template nightly" in at.text
        body = at.app.templates.read("nightly").body
        assert body["destination"]["datasetId"] == "d-1"
        assert body["filter"]["fromIngestTimestamp"] == "-7d"


async def test_unknown_keys_of_a_template_are_said_and_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.app.templates.save("odd", {**BODY, "fildes": "a.b"})
        await at.press("n", *"odd", "enter")
        assert "fildes" in at.text
        assert at.form.body()["fildes"] == "a.b"

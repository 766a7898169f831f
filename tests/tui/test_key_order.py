"""Keys that come in one packet, as over a slow line, go where each was meant to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.widgets import Input

from tests.support.clock import FakeClock
from tests.support.engines import job, make_app, make_engine, remember, settle
from tui_app.tui.screens.new_job import NewJobScreen

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.tui.app import AepxApp

DOWN = ("down", None)


def in_one_packet(app: AepxApp, *keys: tuple[str, str | None]) -> None:
    for key, character in keys:
        app.post_message(events.Key(key, character))


def typed(text: str) -> list[tuple[str, str | None]]:
    return [({"-": "minus", "/": "slash"}.get(char, char), char) for char in text]


async def test_what_is_typed_behind_a_move_lands_in_the_field_moved_to(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, _ = make_engine(tmp_path, clock)
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        form = NewJobScreen()
        await app.push_screen(form)
        await settle(pilot, engine)
        form.qualified_from.focus()
        await pilot.pause()
        in_one_packet(
            app, *typed("-7d"), DOWN, *typed("-6d"), DOWN, *typed("-5d"), ("up", None), ("end", None), ("x", "x")
        )
        await settle(pilot, engine)
        await pilot.pause()
        assert (form.qualified_from.value, form.qualified_to.value, form.from_ingest.value) == ("-7d", "-6dx", "-5d")
    await app.shutdown()


async def test_what_is_typed_behind_the_key_of_a_form_is_no_command_in_the_list(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, _ = make_engine(tmp_path, clock)
    await remember(engine, job(1, "PROCESSING"))
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        in_one_packet(app, ("n", "n"), *typed("xw"))
        await settle(pilot, engine)
        await pilot.pause()
        assert isinstance(app.screen, NewJobScreen)
        assert app.watched == {}
        first = app.screen.form.rows[0].editors[0]
        assert isinstance(first, Input)
        assert first.value == "xw"
    await app.shutdown()


async def test_a_key_whose_widget_goes_away_with_it_holds_nothing_back(tmp_path: Path) -> None:
    clock = FakeClock()
    engine, _ = make_engine(tmp_path, clock)
    await remember(engine, job(1))
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        in_one_packet(app, ("enter", "\r"), ("escape", None), ("slash", "/"), *typed("abc"))
        await settle(pilot, engine)
        field = app.focused
        assert isinstance(field, Input)
        assert field.value == "abc"
    await app.shutdown()

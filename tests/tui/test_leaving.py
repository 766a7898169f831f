"""A screen that goes takes its work along: nothing of it looks for widgets that are gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import work
from textual.app import App
from textual.containers import Vertical
from textual.widgets import Label

from tui_app.tui.screens.room import FoldingScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

TURNS = 20
"""Turns of the loop in which a widget takes its leave; what waited for an answer has gone on by then."""


class SlowToGo(Vertical):
    """Goes after its children, and not at once."""

    def on_unmount(self) -> None:
        """Let the answer come while the screen is still there."""
        screen = self.screen
        assert isinstance(screen, Place)
        screen.answered.set()

    async def _message_loop_exit(self) -> None:
        await super()._message_loop_exit()
        for _ in range(TURNS):
            await asyncio.sleep(0)


class Place(FoldingScreen[None]):
    """Reads something that is slow to come and shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Show where the answer will stand."""
        with SlowToGo():
            yield Label(id="answer")

    def on_mount(self) -> None:
        """Begin to read."""
        self.read()

    @work
    async def read(self) -> None:
        """Wait for the answer and show it."""
        await self.answered.wait()
        self.query_one("#answer", Label).update("answered")


class PlaceApp(App[None]):
    """One place above the framework's own screen."""

    def on_mount(self) -> None:
        """Open it."""
        self.push_screen(Place())


async def test_an_answer_that_comes_while_a_screen_is_left_finds_nobody() -> None:
    app = PlaceApp()
    async with app.run_test() as pilot:
        await pilot.pause()
        await app.pop_screen()
        assert len(app.screen_stack) == 1

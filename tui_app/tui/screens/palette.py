"""Owns the palette: every command of the registry that exists where one is, and those the framework adds not at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui_app.tui.commands import commands_of
from tui_app.tui.screens.base import PlaceScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.content import Content

    from tui_app.tui.commands import Command


class CommandProvider(Provider):
    """Offers the commands of the present place that can be used now."""

    async def discover(self) -> Hits:
        """Offer all of them before anything is typed."""
        for command in self._usable():
            yield DiscoveryHit(_title(command), partial(self._run, command), help=command.help)

    async def search(self, query: str) -> Hits:
        """Offer those whose label or help is like what was typed."""
        matcher = self.matcher(query)
        for command in self._usable():
            score = max(matcher.match(command.label), matcher.match(command.help) * 0.6)
            if score > 0:
                shown: Content = matcher.highlight(_title(command))
                yield Hit(score, shown, partial(self._run, command), help=command.help)

    def _usable(self) -> Iterator[Command]:
        screen = self.screen
        if isinstance(screen, PlaceScreen):
            context = screen.context()
            for command in commands_of(screen.PLACE):
                if command.id not in ("palette", "back") and command.unavailable(context) is None:
                    yield command

    async def _run(self, command: Command) -> None:
        await self.screen.run_action(command.action)


def _title(command: Command) -> str:
    return f"{command.label}  ({command.shown_keys})"

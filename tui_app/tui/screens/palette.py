"""Owns the palette: every command of the registry that exists where one is, and those the framework adds not at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui_app.tui.commands import reachable
from tui_app.tui.screens.base import PlaceScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_app.tui.commands import Command

_UNUSABLE: Final = 0.5
"""How much less a command that cannot be used now is worth: those that can come first."""


class CommandProvider(Provider):
    """Offers the commands of the present place; those that cannot be used now are dim and say why."""

    async def discover(self) -> Hits:
        """Offer all of them before anything is typed, those that can be used first."""
        offered = sorted(self._offered(), key=lambda one: one[2] is not None)
        for command, title, reason in offered:
            yield DiscoveryHit(
                _dimmed(Content(title), reason),
                partial(self._run, command),
                text=title,
                help=_help(command, reason),
            )

    async def search(self, query: str) -> Hits:
        """Offer those whose label, name or help is like what was typed."""
        matcher = self.matcher(query)
        for command, title, reason in self._offered():
            score = max(
                matcher.match(command.label), matcher.match(command.id) * 0.8, matcher.match(command.help) * 0.6
            )
            if score > 0:
                yield Hit(
                    score if reason is None else score * _UNUSABLE,
                    _dimmed(matcher.highlight(title), reason),
                    partial(self._run, command),
                    text=title,
                    help=_help(command, reason),
                )

    def _offered(self) -> Iterator[tuple[Command, str, str | None]]:
        """Yield each command with its title and the reason why it cannot be used now."""
        screen = self.screen
        if isinstance(screen, PlaceScreen):
            context, keymap = screen.context(), screen.app.keymap
            for command, own in reachable(screen.PLACE):
                if command.id not in ("palette", "back"):
                    title = f"{command.label}  ({keymap.shown(command.id, own)})"
                    yield command, title, command.unavailable(context)

    async def _run(self, command: Command) -> None:
        screen = self.screen
        if isinstance(screen, PlaceScreen):
            await screen.action_command(command.id)


def _dimmed(title: Content, reason: str | None) -> Content:
    return title if reason is None else title.stylize("dim not bold")


def _help(command: Command, reason: str | None) -> str:
    return f"{command.id}: {command.help if reason is None else f'not now, {reason}'}"

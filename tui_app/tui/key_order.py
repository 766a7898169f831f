"""Owns the order of keys: one typed ahead goes where the key before it has put the focus, however busy the app is."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from textual.message import Message

if TYPE_CHECKING:
    from textual import events
    from textual.app import App
    from textual.message_pump import MessagePump
    from textual.screen import Screen

_LOOK_EVERY_S: Final = 0.005
_PATIENCE_S: Final = 0.5
"""A key whose widget went away with it never comes back; those after it wait no longer than this."""


class KeyUsed(Message):
    """Follows a key from widget to widget, and so arrives when all of them have dealt with it."""

    def __init__(self, key: events.Key) -> None:
        super().__init__()
        self.key = key


class KeyOrder:
    """Holds keys back while the one before them is on its way.

    The framework gives a key to the widget with the focus and goes on to the next key at once. A key that no field
    takes has to climb up to the app before it moves the focus, and what was typed behind it, as it comes in one packet
    over a slow line, would meanwhile land in the field before, or on the screen below.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._on_its_way: events.Key | None = None
        self._next: events.Key | None = None
        self._held: deque[events.Key] = deque()
        self._patience: asyncio.TimerHandle | None = None
        self._left: Screen[Any] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether no key is on its way or held back."""
        return self._on_its_way is None and self._next is None

    def must_wait(self, key: events.Key) -> bool:
        """Tell whether a key is held back; it comes again by itself."""
        if key is self._next:
            self._next = None
            return False
        if self.is_quiet:
            return False
        self._held.append(key)
        return True

    def went(self, key: events.Key, target: MessagePump) -> None:
        """Follow a key to the widget that it was handed to, if any."""
        if self._on_its_way is None and key.is_forwarded and target.post_message(KeyUsed(key)):
            self._on_its_way = key
            self._patience = asyncio.get_running_loop().call_later(_PATIENCE_S, self._lose_patience, key)
        else:
            self._call_next()

    def dropped(self) -> None:
        """Hear that a key that did not have to wait was not used at all."""
        self._call_next()

    def expect_screen(self) -> None:
        """Hear that the key opens a screen soon: the keys behind it are for that one."""
        self._left = self._app.screen

    def used(self, event: KeyUsed) -> None:
        """Hear that a key has been dealt with; a focus that it asked for comes first."""
        self._app.call_later(self._release, event.key)

    def _release(self, key: events.Key) -> None:
        if key is not self._on_its_way:
            return
        screen = self._app.screen
        if self._patience is not None and (screen is self._left or not screen.is_mounted):
            # What it opens is not there, or has no focus yet. The app's own `call_later` would let nothing else run.
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._release, key)
            return
        self._left = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._on_its_way = None
        self._call_next()

    def _lose_patience(self, key: events.Key) -> None:
        if key is self._on_its_way:
            self._patience = None
            self._release(key)

    def _call_next(self) -> None:
        if self._held and self.is_quiet:
            self._next = self._held.popleft()
            self._app.post_message(self._next)

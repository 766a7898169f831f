"""Owns the way from the engine's topics to the screens: bursts fold into one message a topic and turn of the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.message import Message

from tui_app.engine.session import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.screen import Screen

    from tui_app.engine.engine import Engine


class Changed(Message):
    """Something in the engine changed; read it again. Carries nothing, so a newer one replaces an older."""

    def can_replace(self, message: Message) -> bool:
        """Fold a burst of the same kind into the last one."""
        return type(message) is type(self)


class JobsChanged(Changed):
    """Jobs arrived or changed."""


class SessionChanged(Changed):
    """Freshness, failure, pause or counts changed."""


class LookupsChanged(Changed):
    """Names of datasets were learned."""


class IntentsChanged(Changed):
    """A creation was settled."""


class DownloadsChanged(Changed):
    """Downloads went on."""


_MESSAGES = {
    Topic.JOBS: JobsChanged,
    Topic.SESSION: SessionChanged,
    Topic.LOOKUPS: LookupsChanged,
    Topic.INTENTS: IntentsChanged,
    Topic.DOWNLOADS: DownloadsChanged,
}


class Bridge:
    """Tells every screen that is on the stack what changed in the engine."""

    def __init__(self, screens: Callable[[], Iterable[Screen[object]]]) -> None:
        self._screens = screens
        self._pending: set[Topic] = set()
        self._unsubscribe: Callable[[], None] | None = None

    def attach(self, engine: Engine) -> None:
        """Listen to this engine and to no other."""
        self.detach()
        self._unsubscribe = engine.subscribe(self._heard)

    def detach(self) -> None:
        """Listen to nothing."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._pending.clear()

    def _heard(self, topic: Topic) -> None:
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._pending.add(topic)

    def _deliver(self) -> None:
        pending, self._pending = self._pending, set()
        for screen in self._screens():
            for topic in Topic:
                if topic in pending:
                    screen.post_message(_MESSAGES[topic]())

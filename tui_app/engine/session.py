"""Owns what is true only now: connection state, what is being polled, the last failure; and who wants to hear of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_app.config import Connection
    from tui_app.models.failure import Failure

_log = logging.getLogger(__name__)


class Topic(StrEnum):
    """What changed; carries no payload: whoever cares reads again."""

    JOBS = "jobs"
    SESSION = "session"
    LOOKUPS = "lookups"
    INTENTS = "intents"
    DOWNLOADS = "downloads"


class Policy(StrEnum):
    """What a sandbox allows (product section 4)."""

    OPEN = "open"
    PROTECTED = "protected"
    READ_ONLY = "read-only"


@dataclass(slots=True)
class Session:
    """The state of one connection to one sandbox; written by the engine alone."""

    connection: Connection
    sandbox_name: str
    policy: Policy
    production: bool = False
    last_ok_ms: int | None = None
    """When the platform last answered the list."""
    held_ms: int | None = None
    """The same, of this session or an earlier one, of this program or another: how old history's word is."""
    next_try_ms: int | None = None
    paused_since_ms: int | None = None
    failure: Failure | None = None
    """Why the list is not fresh; None while it is."""
    polling: bool = False
    loaded: bool = False
    """True once the head of the list was read in this session, or failed to be."""
    backfilling: bool = False
    backfilled: bool = False
    total: int = 0
    running: int = 0
    failed_recently: int = 0
    stuck: int = 0
    notices: list[str] = field(default_factory=list)
    """Things to tell the person once, such as a damaged history that was set aside."""


class Bulletin:
    """Tells listeners which topic changed, synchronously, on the loop's thread."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Topic], None]] = []

    def subscribe(self, listener: Callable[[Topic], None]) -> Callable[[], None]:
        """Add a listener and return the call that removes it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def publish(self, *topics: Topic) -> None:
        """Tell every listener; each must return at once. One that fails keeps neither the others nor the caller."""
        for listener in tuple(self._listeners):
            for topic in topics:
                try:
                    listener(topic)
                except Exception:  # noqa: BLE001 - whatever it is, it is the listener's
                    _log.exception("a listener failed on %s", topic.value)


class Activity:
    """Counts work in flight, so that a test can wait for quiet instead of for time."""

    def __init__(self) -> None:
        self.count = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count as in flight for the duration of the block."""
        self.count += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self.count -= 1
            if self.count == 0:
                self._quiet.set()

    async def settled(self) -> None:
        """Wait until nothing is in flight."""
        await self._quiet.wait()

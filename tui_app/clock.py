"""Owns the only door to time, so that every loop and every age can be tested without waiting.

Nothing else in the package may call `time.time`, `datetime.now` or `asyncio.sleep` for its own timing.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the application needs of time."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`; zero or less yields once to other tasks."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of the system's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of real time."""
        await asyncio.sleep(max(0.0, seconds))


def now_ms(clock: Clock) -> int:
    """Return the clock's wall time as epoch milliseconds, the platform's unit (API reference 2.3)."""
    return int(clock.now().timestamp() * 1000)


async def give_way() -> None:
    """Let everything else that is ready have the loop for a turn; takes no time of its own."""
    await asyncio.sleep(0)

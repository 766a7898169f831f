"""Owns politeness: how many requests at once and how many a second."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui_app.clock import Clock


class TokenBucket:
    """Lets `per_second` callers through on average and `burst` at once, in the order they came.

    A caller that finds no token takes one on credit and sleeps until it would have been there.
    """

    def __init__(self, clock: Clock, *, per_second: float, burst: int) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._counted_at = clock.monotonic()

    async def take(self) -> None:
        """Wait until it is this caller's turn."""
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        self._tokens -= 1
        if self._tokens >= 0:
            return
        try:
            await self._clock.sleep(-self._tokens / self._per_second)
        except asyncio.CancelledError:
            self._tokens += 1
            raise


class Pace:
    """The gate every request passes: `async with pace.turn(): send`."""

    def __init__(self, *, bucket: TokenBucket | None = None, concurrency: int | None = None) -> None:
        self._bucket = bucket
        self._slots = asyncio.Semaphore(concurrency) if concurrency else None

    async def wait(self) -> None:
        """Wait for one's turn without taking a place."""
        if self._bucket is not None:
            await self._bucket.take()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of the places for as long as the request takes."""
        if self._slots is None:
            yield
            return
        async with self._slots:
            if self._bucket is not None:
                await self._bucket.take()
            yield

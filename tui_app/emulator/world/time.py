"""Owns the platform's time: the clock it is given, which can be stopped, moved forward and set going again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_app.clock import Clock

LONGEST_STEP_S = 366 * 86_400


class PlatformTime:
    """A `Clock` over another one; jobs, tokens and times in answers follow it, delays of faults do not.

    While it is paused it stands still; when it goes on it is behind by as long as it stood.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = timedelta()
        self._stopped: datetime | None = None

    @property
    def is_paused(self) -> bool:
        """Whether time stands still."""
        return self._stopped is not None

    @property
    def ahead_s(self) -> float:
        """Seconds by which it is ahead of the clock below; less than zero when it stood still for a while."""
        return (self.now() - self._clock.now()).total_seconds()

    def now(self) -> datetime:
        """Return the platform's time, aware, in UTC."""
        return (self._stopped or self._clock.now()) + self._ahead

    def monotonic(self) -> float:
        """Return seconds of the clock below, which nothing stops."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait by the clock below, which nothing stops."""
        await self._clock.sleep(seconds)

    def pause(self) -> None:
        """Stop time; does nothing while it stands."""
        if self._stopped is None:
            self._stopped = self._clock.now()

    def resume(self) -> None:
        """Let time go on from where it stands; does nothing while it goes."""
        if self._stopped is not None:
            self._ahead -= self._clock.now() - self._stopped
            self._stopped = None

    def step(self, seconds: float) -> None:
        """Move time forward at once, standing or going.

        Raises:
            ValueError: `seconds` is not above zero, or more than a year.
        """
        if not 0 < seconds <= LONGEST_STEP_S:
            raise ValueError(f"A step of {seconds} s cannot be made: give more than 0 and at most {LONGEST_STEP_S} s.")
        self._ahead += timedelta(seconds=seconds)

"""Owns the platform's time: a clock that can be stopped and moved forward, and how much work gets done by it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tui_app.clock import Clock

LONGEST_STEP_S = 366 * 86_400
SLOWEST, FASTEST = 0.001, 1_000_000.0
_BEFORE_MS = 86_400_000
_LAST_DAY = datetime(2200, 1, 1, tzinfo=UTC)  # beyond it, times in answers would cease to be times


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
            ValueError: `seconds` is not a number above zero, is more than a year, or would lead beyond the year 2199.
        """
        if not _is_number(seconds) or not 0 < seconds <= LONGEST_STEP_S:
            raise ValueError(
                f"A step of {_shown(seconds)} s cannot be made: give more than 0 and at most {LONGEST_STEP_S} s."
            )
        ahead = self._ahead + timedelta(seconds=seconds)
        if (self._stopped or self._clock.now()) + ahead >= _LAST_DAY:
            raise ValueError(f"A step of {_shown(seconds)} s cannot be made: the platform's time ends with 2199.")
        self._ahead = ahead


class _Turn(NamedTuple):
    """From `at_ms` on, when `work_s` had been done, work goes at `speed`."""

    at_ms: int
    work_s: float
    speed: float


class Pace:
    """How many seconds of the platform's work pass in how much of its time; the speed may change on the way.

    Work is counted from the moment the pace was made; before it, work went at `speed` or, where that is slow, at 1.
    What is still to be done is done at the newest speed, so a moment that lies ahead moves when the speed changes,
    and one that has passed never does. `changes` counts the changes.
    """

    def __init__(self, start_ms: int, speed: float) -> None:
        before = self._highest = max(1.0, valid_speed(speed))
        self._turns = [_Turn(start_ms - _BEFORE_MS, -before * _BEFORE_MS / 1000, before), _Turn(start_ms, 0.0, speed)]
        self.changes = 0

    @property
    def speed(self) -> float:
        """Seconds of work in a second, now."""
        return self._turns[-1].speed

    @property
    def coarsest_s(self) -> float:
        """The most work that was ever done in one millisecond, seconds."""
        return self._highest / 1000

    def change(self, at_ms: int, speed: float) -> None:
        """Work at `speed` from `at_ms` on; must not lie before the last change.

        Raises:
            ValueError: no work can go at `speed`.
        """
        turn = _Turn(at_ms, self.work(at_ms), valid_speed(speed))
        if speed == self.speed:
            return
        self.changes += 1
        if at_ms <= self._turns[-1].at_ms:
            self._turns.pop()  # nothing has happened at the speed that it replaces
        self._turns.append(turn)
        self._highest = max(self._highest, speed)

    def work(self, at_ms: int) -> float:
        """Return the seconds of work done at `at_ms`; less than zero before the start."""
        turns = self._turns
        place = len(turns) - 1 if at_ms >= turns[-1].at_ms else bisect_right(turns, at_ms, key=_time_of) - 1
        turn = turns[max(0, place)]
        return turn.work_s + (at_ms - turn.at_ms) * turn.speed / 1000

    def at_ms(self, work_s: float) -> int:
        """Return the first millisecond at which `work_s` seconds of work are done."""
        turns = self._turns
        place = len(turns) - 1 if work_s > turns[-1].work_s else bisect_left(turns, work_s, key=_work_of) - 1
        turn = turns[max(0, place)]
        # Work is a sum of floats: what falls short of a millisecond by no more than their error is not the next one.
        return turn.at_ms + math.ceil((work_s - turn.work_s - 4 * math.ulp(work_s)) * 1000 / turn.speed)


def valid_speed(speed: float) -> float:
    """Return `speed`.

    Raises:
        ValueError: it is not a number that jobs can run at.
    """
    if not _is_number(speed) or not SLOWEST <= speed <= FASTEST:
        raise ValueError(
            f"The emulator's speed is {_shown(speed)}: give a number from {SLOWEST} to {FASTEST:.0f}, such as 1 or 60."
        )
    return float(speed)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return repr(value)[:40] if not isinstance(value, int) or abs(value) < 10**30 else "far too large a number of"


def _time_of(turn: _Turn) -> int:
    return turn.at_ms


def _work_of(turn: _Turn) -> float:
    return turn.work_s

"""Owns keeping downloads to a number of bytes a second, and reading such a number as people write it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tui_app.clock import Clock

_RATE: Final = re.compile(r"(?i)\s*(\d{1,12}(?:\.\d{1,6})?)\s*([kmg]?)(?:i?b)?(?:/s)?\s*")
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_BURST_S: Final = 0.25


def parse_rate(text: str) -> int | None:
    """Return the bytes a second that a text such as `500k` or `2M` means; None for an empty one, which is no limit.

    Raises:
        ValueError: it means nothing; the message says how to write it.
    """
    if not text.strip():
        return None
    found = _RATE.fullmatch(text)
    rate = int(float(found[1]) * _UNITS[found[2].lower()]) if found is not None else 0
    if rate < 1:
        raise ValueError(f"{text!r} is no rate. Write bytes a second, like 500k or 2M.")
    return rate


class RateLimit:
    """Lets so many bytes a second through, over all who ask it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate: int | None = None
        self._credit = 0.0
        self._counted_at = clock.monotonic()

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return self._rate is not None

    def set(self, rate: int | None) -> None:
        """Limit to `rate` bytes a second; None lifts the limit."""
        self._rate, self._credit = rate, 0.0
        self._counted_at = self._clock.monotonic()

    async def take(self, size: int) -> None:
        """Wait until so many bytes may have come."""
        rate = self._rate
        if rate is None:
            return
        now = self._clock.monotonic()
        self._credit = min(rate * _BURST_S, self._credit + (now - self._counted_at) * rate) - size
        self._counted_at = now
        if self._credit < 0:
            await self._clock.sleep(-self._credit / rate)

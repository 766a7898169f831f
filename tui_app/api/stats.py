"""Owns the figures of a client: what was sent, what failed, how the server's clock differs from ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_app.api.retry import parse_http_date
from tui_app.clock import now_ms

if TYPE_CHECKING:
    from tui_app.clock import Clock


@dataclass(frozen=True, slots=True)
class RequestStats:
    """Figures since the client was made.

    Attributes:
        sent: requests handed to the network, tries and sign-ins included.
        failed: those that brought no success.
        last_ok_ms: when the last success came, epoch ms, or None.
        throttled_until_ms: until when the platform asked to wait, epoch ms; None when it does not.
    """

    sent: int = 0
    failed: int = 0
    last_ok_ms: int | None = None
    throttled_until_ms: int | None = None


class Counters:
    """Collects the figures; one for all parts of a client."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent = 0
        self._failed = 0
        self._last_ok_ms: int | None = None
        self._throttled_until_ms: int | None = None
        self.server_clock_skew_s: float | None = None

    def note_sent(self) -> None:
        """Count a request on its way."""
        self._sent += 1

    def note_failed(self) -> None:
        """Count a request without success."""
        self._failed += 1

    def note_ok(self) -> None:
        """Count a success; it also ends a state of being throttled."""
        self._last_ok_ms = now_ms(self._clock)
        self._throttled_until_ms = None

    def note_throttled(self, seconds: float) -> None:
        """Remember that the platform wants no request for so long."""
        self._throttled_until_ms = now_ms(self._clock) + int(seconds * 1000)

    def note_server_date(self, value: str | None) -> None:
        """Compare a `Date` header, good to a second, with our own clock; positive means the server is ahead."""
        date = parse_http_date(value)
        if date is not None:
            self.server_clock_skew_s = (date - self._clock.now()).total_seconds()

    def snapshot(self) -> RequestStats:
        """Return the figures as they are now."""
        until = self._throttled_until_ms
        if until is not None and until <= now_ms(self._clock):
            until = None
        return RequestStats(self._sent, self._failed, self._last_ok_ms, until)

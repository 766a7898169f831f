"""Owns the arithmetic of trying again: whether, after how long, and when to stop. Pure, apart from one counter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LONGEST_RETRY_AFTER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of trying again; times in seconds (product section 4)."""

    tries: int = 4
    first_delay_s: float = 0.5
    longest_delay_s: float = 8.0
    total_s: float = 30.0
    longest_asked_s: float = 60.0


def next_delay(
    policy: RetryPolicy,
    *,
    tries: int,
    elapsed_s: float,
    asked_s: float = 0.0,
    retry_after_s: float | None = None,
    jitter: float = 1.0,
) -> float | None:
    """Return the seconds to wait before the next try, or None to give up.

    What the server asks for is obeyed as it stands, up to `longest_asked_s` over all tries of the call.
    Otherwise the delay doubles from try to try and `jitter` (0..1) takes a share of it, so that many
    clients that failed together do not come back together.

    Args:
        policy: the bounds.
        tries: tries made so far, at least 1.
        elapsed_s: seconds since the first try began, waits included.
        asked_s: seconds already waited because the server asked for it; they do not use up `total_s`.
        retry_after_s: what the last answer asked for, if it did.
        jitter: the share of the full delay to take.
    """
    if tries >= policy.tries:
        return None
    if retry_after_s is not None:
        return retry_after_s if asked_s + retry_after_s <= policy.longest_asked_s else None
    full = min(policy.longest_delay_s, policy.first_delay_s * 2.0 ** (tries - 1))
    delay = full * min(1.0, max(0.0, jitter))
    return delay if elapsed_s - asked_s + delay <= policy.total_s else None


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds a `Retry-After` header asks for, at most a day.

    Both forms are read: seconds and HTTP date, the latter relative to `now`. None for a missing, unreadable,
    zero or past value: the caller then backs off by its own rule (API reference 10).
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        date = parse_http_date(text)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    return min(seconds, _LONGEST_RETRY_AFTER_S) if seconds > 0 else None


def parse_http_date(value: str | None) -> datetime | None:
    """Return an HTTP date as an aware UTC datetime, or None when it is not one."""
    try:
        date = parsedate_to_datetime((value or "").strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


class RetryQuota:
    """A store of retries shared by all calls of a client, so that an outage is not multiplied by four.

    Holds 50 tokens; a retry takes 5, a successful call returns 1.
    """

    def __init__(self, *, capacity: int = 50, cost: int = 5) -> None:
        self._capacity = capacity
        self._cost = cost
        self._tokens = capacity

    def take(self) -> bool:
        """Pay for one retry; False when the store is too low and the caller must give up."""
        if self._tokens < self._cost:
            return False
        self._tokens -= self._cost
        return True

    def refill(self) -> None:
        """Note one success."""
        self._tokens = min(self._capacity, self._tokens + 1)

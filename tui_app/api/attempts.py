"""Owns the loop that tries a request again, under the rules of `retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tui_app.api.errors import (
    ApiError,
    CertificateError,
    ConnectError,
    InterruptedAnswerError,
    ServerError,
    StatusError,
    ThrottledError,
)
from tui_app.api.retry import RetryPolicy, RetryQuota, next_delay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui_app.api.stats import Counters
    from tui_app.clock import Clock

T = TypeVar("T")
_PASSING_STATUSES = frozenset({500, 502, 503, 504})


def worth_repeating(failure: ApiError) -> bool:
    """Tell whether the same request may succeed a moment later and does no harm twice: the rule for GET and DELETE."""
    if isinstance(failure, ServerError):
        return failure.status in _PASSING_STATUSES
    return _nothing_happened(failure) or isinstance(failure, InterruptedAnswerError)


def safe_to_resend(failure: ApiError) -> bool:
    """Tell whether a POST can be sent again: only when it cannot have arrived, or was turned away as too much."""
    return _nothing_happened(failure) and not failure.ambiguous


def _nothing_happened(failure: ApiError) -> bool:
    if isinstance(failure, CertificateError):
        return False  # it will not become valid within a minute
    return isinstance(failure, ConnectError | ThrottledError)


class Attempts:
    """Tries requests again; one for all calls of a client, because the quota is shared.

    Args:
        clock: where delays are slept.
        counters: told when the platform throttles.
        jitter: answers 0..1, the share of each delay to take.
        policy: bounds of one call.
    """

    def __init__(
        self,
        clock: Clock,
        counters: Counters,
        *,
        jitter: Callable[[], float],
        policy: RetryPolicy | None = None,
    ) -> None:
        self._clock = clock
        self._counters = counters
        self._policy = policy or RetryPolicy()
        self._jitter = jitter
        self._quota = RetryQuota()

    async def run(self, send: Callable[[], Awaitable[T]], *, may_retry: Callable[[ApiError], bool]) -> T:
        """Call `send` until it succeeds or trying again is over.

        Raises:
            ApiError: the last failure; `ambiguous` if any of the tries may have had its effect.
        """
        started = self._clock.monotonic()
        asked_s = 0.0
        tries = 0
        lost = False
        while True:
            tries += 1
            try:
                answer = await send()
            except ApiError as error:
                failure = error
            else:
                self._quota.refill()
                self._counters.note_ok()
                return answer
            lost = lost or failure.ambiguous
            failure.ambiguous = lost
            retry_after_s = failure.retry_after_s if isinstance(failure, StatusError) else None
            delay = next_delay(
                self._policy,
                tries=tries,
                elapsed_s=self._clock.monotonic() - started,
                asked_s=asked_s,
                retry_after_s=retry_after_s,
                jitter=self._jitter(),
            )
            if isinstance(failure, ThrottledError):
                self._counters.note_throttled(retry_after_s or delay or 0.0)
            if delay is None or not may_retry(failure) or not self._quota.take():
                raise failure
            if retry_after_s is not None:
                asked_s += delay
            await self._clock.sleep(delay)

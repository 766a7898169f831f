"""Owns the step from an exception to the failure a person is shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    ConnectError,
    ForbiddenError,
    InterruptedAnswerError,
    NoServiceError,
    NotFoundError,
    OriginError,
    ReadOnlyError,
    ServerError,
    SignInError,
    StatusError,
    ThrottledError,
    UnauthorizedError,
)
from tui_app.clock import now_ms
from tui_app.history.database import HistoryError
from tui_app.models.failure import Failure, FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_app.clock import Clock

_KINDS: Final[tuple[tuple[type[Exception], FailureKind], ...]] = (
    (ReadOnlyError, FailureKind.REFUSED),
    (OriginError, FailureKind.REFUSED),
    (ConnectError, FailureKind.NETWORK),
    (InterruptedAnswerError, FailureKind.NETWORK),
    (BadAnswerError, FailureKind.BAD_ANSWER),
    (SignInError, FailureKind.AUTH),
    (UnauthorizedError, FailureKind.PERMISSION),
    (ForbiddenError, FailureKind.PERMISSION),
    (NotFoundError, FailureKind.NOT_FOUND),
    (NoServiceError, FailureKind.CONFIG),
    (ThrottledError, FailureKind.THROTTLED),
    (ServerError, FailureKind.SERVICE),
    (StatusError, FailureKind.BAD_REQUEST),
    (HistoryError, FailureKind.LOCAL),
)


def failure_of(error: ApiError | HistoryError, *, what: str, clock: Clock) -> Failure:
    """Return the failure to show for an error.

    Args:
        error: what was raised.
        what: the thing or action that failed, without a full stop.
        clock: dates the next try when the platform named a waiting time.
    """
    kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), FailureKind.LOCAL)
    if isinstance(error, HistoryError):
        return Failure(kind=kind, what=what, cause=str(error), next_step="")
    status = error if isinstance(error, StatusError) else None
    retry_at = None
    if status is not None and status.retry_after_s is not None:
        retry_at = now_ms(clock) + int(status.retry_after_s * 1000)
    return Failure(
        kind=kind,
        what=what,
        cause=error.cause or error.what,
        next_step=error.next_step,
        code=status.code if status else None,
        http_status=status.status if status else (error.status if isinstance(error, SignInError) else None),
        request_id=error.request_id,
        retry_at_ms=retry_at,
        body=status.body if status else None,
    )


@contextmanager
def explained(what: str, clock: Clock) -> Iterator[None]:
    """Turn an error of the platform or the history, raised in the block, into the one that front ends know.

    Args:
        what: the thing or action that failed, without a full stop.
        clock: as for `failure_of`.

    Raises:
        FailureError: with the failure to show.
    """
    try:
        yield
    except (ApiError, HistoryError) as error:
        raise FailureError(failure_of(error, what=what, clock=clock)) from None

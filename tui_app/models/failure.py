"""Owns what went wrong as a person is told it: findings before sending, failures after."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark of the checks before sending.

    `field` is the dotted path in the request body, `cause` and `remedy` are whole sentences. An `error` stops
    the request, a `warning` does not.
    """

    field: str
    cause: str
    remedy: str
    severity: Severity = "error"


class FailureKind(StrEnum):
    """What sort of failure it is; decides the exit code, the mark and who can mend it."""

    NETWORK = "network"
    THROTTLED = "throttled"
    SERVICE = "service"
    AUTH = "auth"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    BAD_REQUEST = "bad_request"
    BAD_ANSWER = "bad_answer"
    CONFIG = "config"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as a value: what happened, why, and what to do next.

    `what` says what could not be done, without a full stop; `cause` and `next_step` are sentences.
    `retry_at_ms` is the epoch millisecond of the next automatic try; `body` is the start of the answer.
    """

    kind: FailureKind
    what: str
    cause: str
    next_step: str
    code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    retry_at_ms: int | None = None
    body: str | None = None

    def __str__(self) -> str:
        """Return the failure as one line, `what: cause. next step.`; the request id is for the front end to add."""
        what, cause, step = (part.strip() for part in (self.what, self.cause, self.next_step))
        told = f"{what.removesuffix('.')}: {cause}" if what and cause else what or cause
        return " ".join(part if part[-1] in ".!?" else f"{part}." for part in (told, step) if part)


class FailureError(Exception):
    """Carries a `Failure` out of a use case that cannot answer with a value."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure

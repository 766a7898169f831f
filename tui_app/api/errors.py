"""Owns every way a call to the platform can fail. Loads no HTTP library.

ApiError                      what failed, why, what to do next; `except ApiError` catches all of it
├── ReadOnlyError             refused here, before a request was built
├── OriginError               refused here: the address is not the one that credentials belong to
├── ConnectError              nothing left this machine
│   └── CertificateError      ... because the other side could not prove who it is
├── InterruptedAnswerError    the request may have arrived, its answer did not
├── BadAnswerError            an answer came, and it is not what the platform sends
├── SignInError               no access token: credentials missing, refused or no longer valid
└── StatusError               the platform answered with an error of its own
    ├── BadRequestError       400
    ├── UnauthorizedError     401, also with a fresh token
    ├── ForbiddenError        403
    ├── NotFoundError         404 of a service: no such object
    ├── NoServiceError        404 with a page of text: no service at this address
    ├── ConflictError         409
    ├── ThrottledError        429
    └── ServerError           5xx

Every text of an error has passed `safe_text`; none holds a credential.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tui_app.api.problem import Problem, read_problem
from tui_app.api.retry import parse_http_date, parse_retry_after
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUEST_ID_SHOWN = 200
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_REQUEST_TIMEOUT = 408
# The gateway's own back ends are down: it says so before any service has seen the request (API reference 1.3).
_STOPPED_AT_GATEWAY = frozenset({"503000", "503010"})


class ApiError(Exception):
    """A call to the platform failed.

    Attributes:
        what: what could not be done, one sentence.
        cause: why, one sentence; may be empty.
        next_step: what the person can do, one sentence; may be empty.
        ambiguous: True when a request that changes something may have had its effect all the same.
        request_id: what the support of the service asks for, when it answered with an error.
    """

    request_id: str | None = None

    def __init__(self, what: str, *, cause: str = "", next_step: str = "", ambiguous: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.next_step = next_step
        self.ambiguous = ambiguous

    def __str__(self) -> str:
        """The whole message, as the log has it: what, cause, request id, next step."""
        asked = f"[request id {self.request_id}]" if self.request_id else ""
        return " ".join(filter(None, (self.what, self.cause, asked, self.next_step)))


class ReadOnlyError(ApiError):
    """A changing call in a sandbox whose policy is read-only; no request was built."""


class OriginError(ApiError):
    """An address that must not get our credentials; no request was built."""


class ConnectError(ApiError):
    """No connection came about, so nothing left this machine."""


class CertificateError(ConnectError):
    """The server's certificate was not accepted, or the configured CA bundle cannot be used."""


class InterruptedAnswerError(ApiError):
    """The connection broke or timed out after bytes may have left; of a POST the outcome is unknown."""


class BadAnswerError(ApiError):
    """A redirect, or a success whose body is HTML, too large, too deep, or not what was asked for."""


class SignInError(ApiError):
    """There is no usable access token.

    Attributes:
        status: HTTP status of the identity service, or None when it was not asked.
        error: its error code such as `invalid_client`, or None.
        description: its own words, or empty.
        request_id: what its support asks for, or None.
    """

    def __init__(
        self,
        what: str,
        *,
        cause: str = "",
        next_step: str = "",
        status: int | None = None,
        error: str | None = None,
        description: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(what, cause=cause, next_step=next_step)
        self.status = status
        self.error = error
        self.description = description
        self.request_id = request_id


class StatusError(ApiError):
    """The platform answered with an error status.

    Attributes:
        status: the HTTP status.
        code: the service's own code such as `403025` or `UPAPI-113000-404`, or None.
        title: the body's headline.
        detail: what the headline leaves out, or empty.
        request_id: what the platform's support asks for, or None.
        retry_after_s: seconds the platform asks to wait, or None.
        body: the start of the body, at most 2000 characters.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int,
        cause: str = "",
        next_step: str = "",
        code: str | None = None,
        title: str = "",
        detail: str = "",
        request_id: str | None = None,
        retry_after_s: float | None = None,
        body: str = "",
        ambiguous: bool = False,
    ) -> None:
        super().__init__(what, cause=cause, next_step=next_step, ambiguous=ambiguous)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.body = body


class BadRequestError(StatusError):
    """400: the platform does not accept the request as it stands."""


class UnauthorizedError(StatusError):
    """401 that a fresh token did not cure: in this API a missing permission (API reference 1.4)."""


class ForbiddenError(StatusError):
    """403: the credential is known and may not do this."""


class NotFoundError(StatusError):
    """404 of a service: there is no such object."""


class NoServiceError(StatusError):
    """404 with a page of text: nothing at this address, so it says nothing about any object (API reference 1.3)."""


class ConflictError(StatusError):
    """409: the object is not in a state that allows this."""


class ThrottledError(StatusError):
    """429: too many requests; `retry_after_s` says how long to wait if the platform said so."""


class ServerError(StatusError):
    """5xx: the platform failed."""


_BY_STATUS: dict[int, type[StatusError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: ThrottledError,
}


def from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    what: str = "The request failed.",
    mutating: bool = False,
    sandbox: str | None = None,
    now: datetime | None = None,
) -> StatusError:
    """Turn an answer with an error status into the error to raise; accepts any bytes.

    Args:
        status: the HTTP status, 400 or above.
        headers: the response headers, in any case.
        body: the response body, possibly cut short.
        what: what could not be done, one sentence with its full stop.
        mutating: whether the request was to change something.
        sandbox: name of the sandbox that the request was for, for the message; None when it was for none.
        now: the local time, for a Retry-After date when the server sends no date of its own.
    """
    problem = read_problem(body)
    lower = {name.lower(): value for name, value in headers.items()}
    request_id = safe_text(lower.get("x-request-id", ""))[:_REQUEST_ID_SHOWN] or problem.request_id
    server_now = parse_http_date(lower.get("date")) or now or datetime.now(UTC)
    retry_after_s = parse_retry_after(lower.get("retry-after"), now=server_now)
    kind = _BY_STATUS.get(status, ServerError if status >= _SERVER_ERROR else StatusError)
    if kind is NotFoundError and _is_page(problem):
        kind = NoServiceError
    return kind(
        what,
        status=status,
        cause=_cause(status, problem),
        next_step=_next_step(status, problem, sandbox),
        code=problem.code,
        title=problem.title,
        detail=problem.detail,
        request_id=request_id,
        retry_after_s=problem.retry_after_s if retry_after_s is None else retry_after_s,
        body=problem.body,
        ambiguous=mutating and _may_have_worked(status, problem),
    )


def _is_page(problem: Problem) -> bool:
    # A 404 without a body is documented for unknown jobs (API reference 2); one with prose comes from elsewhere.
    return problem.shape == "text" and bool(problem.body.strip())


def _may_have_worked(status: int, problem: Problem) -> bool:
    """Only an answer that plainly refuses shows that nothing happened; a failing server may have acted first."""
    if problem.shape == "gateway" and problem.code in _STOPPED_AT_GATEWAY:
        return False
    return status >= _SERVER_ERROR or status < _CLIENT_ERROR or status == _REQUEST_TIMEOUT


def _cause(status: int, problem: Problem) -> str:
    said = ". ".join(part.rstrip(". ") for part in (problem.title, problem.detail) if part)
    code = f" ({problem.code})" if problem.code and problem.code != problem.title else ""
    return f"The platform answered {status}{code}{': ' + said if said else ''}."


_NEXT_STEP_BY_CODE = {
    "401013": "A fresh token was refused too: check that ims_url and base_url belong to one environment.",
    "403000": "Set client_id in the connection; a proxy may also have removed the x-api-key header.",
    "403003": "Check client_id in the connection.",
    "403010": "A proxy may have removed the Authorization header; check the proxy settings.",
    "403011": "Check scopes in the connection; the token lacks one that this API wants.",
    "400003": "Set org_id in the connection; a proxy may also have removed the x-gw-ims-org-id header.",
    "403023": "Check org_id, and ask an administrator to add the credential to a product profile.",
    "403025": "Check org_id, and ask an administrator to add the credential to a product profile.",
    "403027": "Check org_id; it ends in @AdobeOrg. The credential also needs a product profile.",
    "429001": "The organization's usage limit is reached; ask an administrator.",
    "429002": "The usage limit of this credential is reached; ask an administrator.",
    "UPLIB-101206-500": "Correct the request; the platform names the field above.",
    "UPLIB-101554-503": "Check the dataset id, and that the dataset is in this sandbox.",
}


_NO_ACCESS_TO_SANDBOX = (
    "Check the name: aepx sandboxes list (or ctrl-o in the app) shows those this credential may use. If {place} is "
    "among them, ask an administrator to give the technical account of this credential the permission."
)
_NEXT_STEP_BY_STATUS = {
    400: "Correct the request and send it again.",
    401: (
        "Signing in works, so this credential lacks a permission here: "
        "ask an administrator to add its technical account to a role with access to {place}."
    ),
    403: "Ask an administrator to give the technical account of this credential the permission.",
    404: "Check the id, and that it belongs to {place}.",
    409: "Refresh and look at its present state.",
    422: "Correct the request and send it again.",
    429: "Wait and try again; ask less often if this keeps happening.",
}


def _next_step(status: int, problem: Problem, sandbox: str | None) -> str:
    if problem.code in _NEXT_STEP_BY_CODE:
        return _NEXT_STEP_BY_CODE[problem.code]
    if status == 404 and _is_page(problem):  # noqa: PLR2004 - the plainest name of the status
        return "Check base_url; no service of the platform answers at this address."
    if status >= _SERVER_ERROR:
        return "Try again in a few minutes; if it stays, give the request id to the platform's support."
    place = f"sandbox {safe_text(sandbox)}" if sandbox else "this sandbox"
    if status == 403 and sandbox:  # noqa: PLR2004 - as above
        return _NO_ACCESS_TO_SANDBOX.replace("{place}", place)
    return _NEXT_STEP_BY_STATUS.get(status, "Look at the whole answer for more.").replace("{place}", place)

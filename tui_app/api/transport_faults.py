"""Owns the translation of what the HTTP library raises into errors of ours; its own texts may hold header values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    CertificateError,
    ConnectError,
    InterruptedAnswerError,
)
from tui_app.text import safe_text

if TYPE_CHECKING:
    from tui_app.api.wire import Call

_REASON_SHOWN = 200
_NEVER_SENT: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectError, "{host} cannot be reached: {reason}."),
    (httpx.ConnectTimeout, "{host} did not accept a connection in time."),
    (httpx.PoolTimeout, "All connections to {host} stayed busy."),
    (httpx.ProxyError, "The proxy of the environment refused the way to {host}."),
    (httpx.UnsupportedProtocol, "The request for {host} is not legal HTTP and was not sent."),
    (httpx.InvalidURL, "The request for {host} is not legal HTTP and was not sent."),
    (httpx.LocalProtocolError, "The request for {host} is not legal HTTP and was not sent."),
)


def translate(call: Call, error: Exception) -> ApiError:
    """Return the error to raise for a fault of the transport.

    The line that matters: either nothing can have left this machine (ConnectError), or something may have.
    """
    host = safe_text(httpx.URL(call.url).netloc.decode("ascii", "replace"))
    if isinstance(error, httpx.ConnectError) and "CERTIFICATE" in str(error).upper():
        return CertificateError(
            call.what,
            cause=f"The certificate of {host} is not trusted here.",
            next_step="If a proxy inspects TLS on this network, set ca_bundle to its certificate.",
        )
    for kind, cause in _NEVER_SENT:
        if isinstance(error, kind):
            reason = safe_text(str(error))[:_REASON_SHOWN].rstrip(".") if kind is httpx.ConnectError else ""
            return ConnectError(
                call.what,
                cause=cause.replace("{host}", host).replace("{reason}", reason or "no reason given"),
                next_step="Check the network, the proxy and the address.",
            )
    if isinstance(error, httpx.DecodingError):
        return BadAnswerError(
            call.what,
            cause=f"The answer of {host} cannot be decompressed.",
            next_step="Try again; a proxy on the way may damage answers.",
            ambiguous=call.mutating,
        )
    if isinstance(error, httpx.TimeoutException):
        return interrupted(call, f"{host} stopped answering.")
    return interrupted(call, f"The connection to {host} broke before the answer was whole.")


def interrupted(call: Call, cause: str) -> InterruptedAnswerError:
    """Return the error for an answer that did not come whole."""
    return InterruptedAnswerError(
        call.what,
        cause=cause,
        next_step="Look whether it had its effect before you send it again."
        if call.mutating
        else "Check the network and try again.",
        ambiguous=call.mutating,
    )

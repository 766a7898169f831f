"""Owns one exchange with a server: bytes out, capped bytes in, every transport fault as an error of ours.

Only this module and `transport_faults` import the HTTP library. Knows no token, no retry and no service. Errors
are raised outside of the handlers that caught the library's own, because those hold the request with its headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpcore
import httpx

from tui_app.api.answer import Answer
from tui_app.api.errors import ApiError, BadAnswerError
from tui_app.api.tls import tls_context
from tui_app.api.transport_faults import interrupted, translate
from tui_app.config.settings import is_loopback_host
from tui_app.text import safe_text

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tui_app.api.stats import Counters
    from tui_app.clock import Clock

_log = logging.getLogger(__name__)

LARGEST_ANSWER = 10_000_000
LARGEST_ERROR = 256_000
CALL_SECONDS = 90.0
_TIMEOUT = httpx.Timeout(connect=5.0, read=55.0, write=30.0, pool=5.0)
_MEGABYTE = 1_000_000
# As much as asyncio takes from a socket in one go. With the library's 64 KiB such a piece is cut, and its rest copied.
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One request, whole.

    Attributes:
        method: `GET`, `POST` or `DELETE`.
        url: full URL, its origin already checked.
        headers: all of them; they hold credentials, so they stay out of `repr`.
        content: the body, or None.
        what: what could not be done should it fail, one sentence with its full stop.
        mutating: whether a lost answer leaves the outcome unknown.
        secret: the credential in it; should the other side echo it, the answer shows `***` instead.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    what: str = "The request failed."
    mutating: bool = False
    secret: str = field(default="", repr=False)

    def signed(self, token: str) -> Call:
        """Return the same request with an access token."""
        return replace(self, headers={**self.headers, "Authorization": f"Bearer {token}"}, secret=token)


@dataclass(frozen=True, slots=True)
class Body:
    """A successful answer whose body is still to come; header names in lower case."""

    status: int
    headers: dict[str, str]
    chunks: AsyncIterator[bytes]


class Wire:
    """The connections of one client.

    Args:
        clock: measures how long an exchange took, for the log.
        counters: told about every exchange.
        ca_bundle: certificates to trust instead of the system's.
        base_url: where it will talk to; for this machine, proxies of the environment are left aside.
        transport: what carries the bytes instead of the network (tests, the embedded platform).
        call_seconds: bound of one exchange, against answers that trickle in.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        counters: Counters,
        base_url: str,
        ca_bundle: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._clock = clock
        self._counters = counters
        self._ca_bundle = ca_bundle
        self._trust_environment = not is_loopback_host(httpx.URL(base_url).host)
        self._transport = transport
        self._call_seconds = call_seconds
        self._client: httpx.AsyncClient | None = None

    async def exchange(self, call: Call) -> Answer:
        """Send one request once and return whatever status comes back.

        Raises:
            ConnectError: nothing left this machine.
            InterruptedAnswerError: no whole answer came back.
            BadAnswerError: a success is larger than 10 MB or cannot be decompressed.
            ApiError: the proxy of the environment cannot be used; nothing left this machine.
        """
        client = self._open(call.what)
        started = self._clock.monotonic()
        self._counters.note_sent()
        fault: ApiError
        try:
            async with asyncio.timeout(self._call_seconds):
                answer = await self._exchange(client, call)
        except BadAnswerError as error:
            fault = error
        except TimeoutError:
            fault = interrupted(call, f"No whole answer came within {self._call_seconds:g} s.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fault = translate(call, error)
        else:
            self._note(call, answer, started)
            return answer
        self._counters.note_failed()
        _log.info("%s %s %s %d ms", call.method, _path(call), type(fault).__name__, self._ms_since(started))
        raise fault

    async def aclose(self) -> None:
        """Close all connections; the wire can be used again afterwards."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self, what: str) -> httpx.AsyncClient:
        if self._client is None:
            verify = True if self._transport else tls_context(self._ca_bundle)
            # What is wrong with a proxy's address shows as an error of any of these kinds, and holds its password.
            with contextlib.suppress(httpx.InvalidURL, ValueError, ImportError):
                self._client = self._new_client(verify)
        if self._client is None:
            raise ApiError(
                what,
                cause="The proxy of the environment cannot be used: only http:// and https:// addresses will do.",
                next_step="Correct HTTPS_PROXY and ALL_PROXY, or unset them, or name the platform's host in NO_PROXY.",
            )
        return self._client

    def _new_client(self, verify: ssl.SSLContext | bool) -> httpx.AsyncClient:  # noqa: FBT001 - as httpx takes it
        return httpx.AsyncClient(
            transport=self._transport,
            verify=verify,
            timeout=_TIMEOUT,
            follow_redirects=False,
            event_hooks={"response": [_hide_redirect]},
            trust_env=self._trust_environment and self._transport is None,
            # Plain http goes to this machine only; through a proxy a secret would cross the network in clear.
            mounts={"http://": None},
            # A bearer API needs no cookies; kept ones would carry state from one call into another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _note(self, call: Call, answer: Answer, started: float) -> None:
        self._counters.note_server_date(answer.headers.get("date"))
        if not answer.is_success:
            self._counters.note_failed()
        request_id = safe_text(answer.headers.get("x-request-id", "-"))[:200]
        _log.info("%s %s %d %d ms %s", call.method, _path(call), answer.status, self._ms_since(started), request_id)

    def _ms_since(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)

    @contextlib.asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[Body | Answer]:
        """Send one request once; give a success as it comes, and anything else as a whole answer.

        Raises:
            ConnectError: nothing left this machine.
            InterruptedAnswerError: no answer came, or raised by the chunks: it broke off.
            ApiError: the proxy of the environment cannot be used.
        """
        client = self._open(call.what)
        started = self._clock.monotonic()
        self._counters.note_sent()
        request = client.build_request(call.method, call.url, headers=dict(call.headers))
        response: httpx.Response | None = None
        fault: ApiError | None = None
        try:
            response = await client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fault = translate(call, error)
        if response is None or fault is not None:
            self._counters.note_failed()
            raise fault or interrupted(call, "No answer came.")
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            whole = b"" if response.is_success else await _read_error(response)
            answer = Answer(response.status_code, headers, whole).without(call.secret)
            self._note(call, answer, started)
            yield Body(response.status_code, headers, _chunks(response, call)) if response.is_success else answer
        finally:
            await response.aclose()

    async def _exchange(self, client: httpx.AsyncClient, call: Call) -> Answer:
        async with client.stream(call.method, call.url, headers=dict(call.headers), content=call.content) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if response.is_success:
                body = await _read(response, call)
            else:
                body = await _read_error(response)
            return Answer(response.status_code, headers, body).without(call.secret)


async def _chunks(response: httpx.Response, call: Call) -> AsyncIterator[bytes]:
    fault: ApiError | None = None
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx.HTTPError as error:
        fault = translate(call, error)
    if fault is not None:
        raise fault


async def _hide_redirect(response: httpx.Response) -> None:
    """Move `Location` aside: the library reads it even when it must not follow, and fails on a malformed one."""
    if response.has_redirect_location:
        response.headers["x-redirect-to"] = response.headers.pop("location")


def _path(call: Call) -> str:
    return httpx.URL(call.url).path


async def _read(response: httpx.Response, call: Call) -> bytes:
    announced = response.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > LARGEST_ANSWER:
        raise _too_large(call, f"{int(announced[:20]) / _MEGABYTE:.0f} MB")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise _too_large(call, "larger than that")
    return bytes(body)


async def _read_error(response: httpx.Response) -> bytes:
    """Read the body of an error as far as it goes: the status counts more than its explanation."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk[: LARGEST_ERROR - len(body)]
            if len(body) >= LARGEST_ERROR:
                break
    except httpx.HTTPError:
        pass
    return bytes(body)


def _too_large(call: Call, size: str) -> BadAnswerError:
    return BadAnswerError(
        call.what,
        cause=f"The answer may have {LARGEST_ANSWER // _MEGABYTE} MB; this one is {size}.",
        next_step="Ask for fewer records at once.",
        ambiguous=call.mutating,
    )

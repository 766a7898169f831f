"""Owns what every request to the platform has in common: permission, headers, token, pace, tries, errors."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tui_app.api.answer import Answer, read_json
from tui_app.api.attempts import safe_to_resend, worth_repeating
from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    NotFoundError,
    ReadOnlyError,
    UnauthorizedError,
    from_response,
)
from tui_app.api.origin import Origin, with_query
from tui_app.api.wire import Body, Call
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from tui_app.api.attempts import Attempts
    from tui_app.api.auth import TokenSource
    from tui_app.api.pace import Pace
    from tui_app.api.wire import Wire
    from tui_app.clock import Clock
    from tui_app.config import Connection

T = TypeVar("T")
Method = Literal["GET", "POST", "PATCH", "DELETE"]
_CLIENT_ERROR = 400
_SANDBOX_HEADER = "x-sandbox-name"
_HEADER_VALUE = re.compile(r"[!-~]+")


class Session:
    """Sends requests of one connection into one sandbox.

    Args:
        connection: organization, client id and base URL.
        sandbox: name for `x-sandbox-name`.
        read_only: refuse everything but reading; held here so that no resource can forget it.
        tokens: hands out access tokens.
        wire: carries single requests.
        attempts: tries them again.
        pace: keeps them polite.
        clock: reads Retry-After dates when the server sends none of its own.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        sandbox: str,
        read_only: bool,
        tokens: TokenSource,
        wire: Wire,
        attempts: Attempts,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._origin = Origin.of(connection.base_url)
        self._sandbox = sandbox
        self._read_only = read_only
        self._tokens = tokens
        self._wire = wire
        self._attempts = attempts
        self._pace = pace
        self._clock = clock

    async def fetch(
        self,
        method: Method,
        path: str,
        *,
        what: str,
        query: Iterable[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        in_sandbox: bool = True,
    ) -> Any:
        """Send a request and return the JSON document of its answer.

        Args:
            method: anything but GET counts as changing something.
            path: path of ours with quoted segments, or a link from an answer.
            what: what could not be done should it fail, one sentence with its full stop.
            query: parameters in their order.
            body: JSON object to send.
            in_sandbox: whether to send the sandbox header.

        Raises:
            ApiError: as `send`; BadAnswerError when the answer is no JSON.
        """
        answer = await self.send(method, path, what=what, query=query, body=body, in_sandbox=in_sandbox)
        return read_json(answer, what=what, mutating=method != "GET")

    async def send(
        self,
        method: Method,
        path: str,
        *,
        what: str,
        query: Iterable[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        in_sandbox: bool = True,
        more_headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return its successful answer, unread; arguments as `fetch`, and headers of the one call.

        A GET is repeated while that can help. A POST only if nothing can have arrived. A DELETE as a GET;
        when an earlier try may have worked, 404 means that it did, and the answer is an empty 204.

        Raises:
            ReadOnlyError: the sandbox is read-only and this is no GET; nothing was built or sent.
            OriginError: the path leads to another origin.
            ApiError: see `errors`.
        """
        if method != "GET" and self._read_only:
            raise self._refused_here(what)
        call = Call(
            method,
            self._origin.resolve(with_query(path, query)),
            {**self._headers(has_body=body is not None, in_sandbox=in_sandbox), **(more_headers or {})},
            None if body is None else _encoded(body, what),
            what,
            mutating=method != "GET",
        )

        async def attempt() -> Answer:
            return await self._attempt(call)

        try:
            return await self._attempts.run(attempt, may_retry=safe_to_resend if method == "POST" else worth_repeating)
        except NotFoundError as error:
            if method == "DELETE" and error.ambiguous:
                return Answer(204, {}, b"")
            raise

    @asynccontextmanager
    async def stream(
        self, path: str, *, what: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
    ) -> AsyncIterator[Body]:
        """Send a GET once, and give its successful answer as it comes; a refused token is replaced once.

        Such an answer takes none of the places of other requests, only its turn in time: it may last a minute.

        Raises:
            ApiError: see `errors`; while it is read as well.
        """
        url = self._origin.resolve(with_query(path, query))
        call = Call("GET", url, {**self._headers(has_body=False, in_sandbox=True), **headers}, None, what)
        token = await self._tokens.token()
        for renewed in (False, True):
            await self._pace.wait()
            async with self._wire.stream(call.signed(token)) as found:
                if isinstance(found, Body):
                    yield found
                    return
                failure = self._error(call, found)
            if renewed or not isinstance(failure, UnauthorizedError):
                raise failure
            token = await self._tokens.renew(token)

    async def repeated(self, read: Callable[[], Awaitable[T]]) -> T:
        """Do what reads, again while that can help, as a GET of `send` is repeated.

        Raises:
            ApiError: see `errors`.
        """
        return await self._attempts.run(read, may_retry=worth_repeating)

    async def _attempt(self, call: Call) -> Answer:
        """Send once; a refused token is replaced and the request repeated, because a 401 had no effect."""
        token = await self._tokens.token()
        try:
            return await self._exchange(call, token)
        except UnauthorizedError:
            pass
        return await self._exchange(call, await self._tokens.renew(token))

    async def _exchange(self, call: Call, token: str) -> Answer:
        async with self._pace.turn():
            answer = await self._wire.exchange(call.signed(token))
        if answer.is_success:
            return answer
        raise self._error(call, answer)

    def _error(self, call: Call, answer: Answer) -> ApiError:
        if answer.status < _CLIENT_ERROR:
            target = safe_text(answer.headers.get("x-redirect-to", "an unnamed place")[:100])
            return BadAnswerError(
                call.what,
                cause=f"The platform answered {answer.status}, a redirect to {target}; redirects are not followed.",
                next_step="Check base_url; a sign-in page of this network may stand in between.",
                ambiguous=call.mutating,
            )
        return from_response(
            answer.status,
            answer.headers,
            answer.body,
            what=call.what,
            mutating=call.mutating,
            sandbox=call.headers.get(_SANDBOX_HEADER),
            now=self._clock.now(),
        )

    def _headers(self, *, has_body: bool, in_sandbox: bool) -> dict[str, str]:
        """Return all headers but the token; `Content-Type` only where there is content."""
        headers = {
            "Accept": "application/json",
            "User-Agent": "aepx",
            "x-api-key": _sendable("client_id", self._connection.client_id),
            "x-gw-ims-org-id": _sendable("org_id", self._connection.org_id),
        }
        if in_sandbox:
            headers[_SANDBOX_HEADER] = _sendable("sandbox", self._sandbox)
        if has_body:
            headers["Content-Type"] = "application/json"
        return headers

    def _refused_here(self, what: str) -> ReadOnlyError:
        return ReadOnlyError(
            what,
            cause=f"Sandbox {safe_text(self._sandbox)} is read-only here, so nothing was sent.",
            next_step="Change its policy in config.toml, or leave out --read-only and AEPX_READ_ONLY.",
        )


def _encoded(body: Mapping[str, Any], what: str) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    raise ApiError(
        what,
        cause="The request body cannot be written as JSON, so nothing was sent.",
        next_step="Look for NaN, Infinity or endless nesting in it.",
    )


def _sendable(setting: str, value: str) -> str:
    if not _HEADER_VALUE.fullmatch(value):
        raise ApiError(
            "No request was sent.",
            cause=f"{setting} is empty, or holds a character that a header cannot carry.",
            next_step=f"Set {setting} in the connection; `aepx config check` lists what is missing.",
        )
    return value

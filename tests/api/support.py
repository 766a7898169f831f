"""A scripted platform behind `httpx.MockTransport`, and a clock on which waiting costs nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx
from pydantic import SecretStr

from tests.support.clock import FakeClock
from tui_app.api.client import AepClient
from tui_app.config import Connection, LimitSettings, Secrets

SECRET = "s3cr3t+canary/with=signs"
JOB = {"id": 31007, "status": "NEW"}
JOB_PATH = "/data/core/ups/export/jobs"
TOKEN_PATH = "/ims/token/v3"

Reply = httpx.Response | Exception
Script = Iterable[Reply] | Callable[[httpx.Request], Reply]


class SkippingClock(FakeClock):
    """Records each sleep and lets it pass at once."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += max(0.0, seconds)
        await asyncio.sleep(0)


class BrokenStream(httpx.AsyncByteStream):
    """A body that ends in an error after some chunks."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self._chunks = chunks
        self._error = error
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.read += len(chunk)
            yield chunk
        if self._error is not None:
            raise self._error


class Platform:
    """Answers token requests by itself (token-1, token-2, ...) and everything else from the script.

    The last reply of a script repeats; exceptions are raised instead of answering.
    """

    def __init__(self, script: Script = ()) -> None:
        self.requests: list[httpx.Request] = []
        self.sign_ins: list[httpx.Request] = []
        self.answer_sign_in: Callable[[httpx.Request], Reply] = self._issue
        self._script = script
        self._left = [] if callable(script) else list(script)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if request.url.path == TOKEN_PATH:
            self.sign_ins.append(request)
            reply = self.answer_sign_in(request)
        else:
            self.requests.append(request)
            reply = self._script(request) if callable(self._script) else self._next()
        if isinstance(reply, Exception):
            raise reply
        # A response can be read once and a reply may repeat; the stream keeps it unread until the client reads it.
        return httpx.Response(reply.status_code, headers=reply.headers, stream=reply.stream)

    def _next(self) -> Reply:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]

    def _issue(self, request: httpx.Request) -> Reply:
        return token(f"token-{len(self.sign_ins)}")


def token(value: str, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"access_token": value, "token_type": "bearer", "expires_in": 86399, **more})


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    """A response with a JSON body (or the bytes as they are) and headers written with underscores."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return httpx.Response(
        status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        stream=BrokenStream(*(content[start : start + 4096] for start in range(0, len(content), 4096))),
    )


def connection(**changes: Any) -> Connection:
    return Connection.model_validate(
        {
            "name": "acme",
            "org_id": "0123456789ABCDEF01234567@AdobeOrg",
            "client_id": "a1b2c3",
            "base_url": "https://platform.example",
            "ims_url": "https://ims.example",
            **changes,
        }
    )


def secrets(secret: str | None = SECRET, access_token: str | None = None) -> Callable[[], Secrets]:
    return lambda: Secrets(
        client_secret=None if secret is None else SecretStr(secret),
        access_token=None if access_token is None else SecretStr(access_token),
        origin="AEPX_CLIENT_SECRET" if access_token is None else "AEPX_ACCESS_TOKEN",
    )


def client(
    platform: Platform | httpx.AsyncBaseTransport | None,
    clock: FakeClock | None = None,
    *,
    sandbox: str = "prod",
    read_only: bool = False,
    credentials: Callable[[], Secrets] | None = None,
    limits: LimitSettings | None = None,
    **changes: Any,
) -> AepClient:
    """A client with no pacing to speak of and full delays; None goes over the network."""
    return AepClient(
        connection(**changes),
        sandbox=sandbox,
        policy_read_only=read_only,
        secrets=credentials or secrets(),
        clock=clock or SkippingClock(),
        limits=limits or LimitSettings(concurrency=16, per_second=50, burst=100),
        transport=platform.transport if isinstance(platform, Platform) else platform,
        jitter=lambda: 1.0,
    )

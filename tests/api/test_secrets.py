"""No credential shows in any text of any object: repr, str, errors with all they are linked to, logs."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.api.support import SECRET, BrokenStream, Platform, answer, client, secrets, token
from tui_app.api.answer import Answer
from tui_app.api.auth import _Token
from tui_app.api.errors import ApiError
from tui_app.api.wire import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_app.api.client import AepClient

CANARY = "canary-token-4711"
CANARIES = (SECRET, CANARY, "s3cr3t%2Bcanary%2Fwith%3Dsigns")


def linked(error: BaseException) -> Iterator[BaseException]:
    """The error and everything reachable through its cause and context."""
    left: list[BaseException | None] = [error]
    while left:
        current = left.pop()
        if current is not None:
            yield current
            left += [current.__cause__, current.__context__]


def assert_clean(*texts: str) -> None:
    for text in texts:
        assert not any(canary in text for canary in CANARIES), text


FAULTS: list[Callable[[httpx.Request], httpx.Response | Exception]] = [
    lambda request: httpx.ConnectError("x", request=request),
    lambda request: httpx.ReadTimeout("x", request=request),
    lambda request: httpx.LocalProtocolError(f"Illegal header value {request.headers}", request=request),
    lambda request: httpx.RemoteProtocolError("x", request=request),
    lambda request: httpx.Response(200, stream=BrokenStream(b"{", error=httpx.ReadError("x", request=request))),
    lambda request: answer(401, {"error_code": "401013", "message": request.headers["authorization"]}),
    lambda request: answer(500, str(request.headers.raw).encode(), x_request_id=request.headers["authorization"]),
    lambda request: answer(302, location=request.headers["authorization"]),
    lambda request: answer(200, request.headers["authorization"].encode()),
    lambda request: answer(200, {"message": request.headers["authorization"]}),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_failing_call_shows_no_token(
    fault: Callable[[httpx.Request], httpx.Response | Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    platform = Platform(fault)
    platform.answer_sign_in = lambda _: token(CANARY)
    aep = client(platform)
    with pytest.raises(ApiError) as caught:
        await aep.export_jobs.create({})
    for error in linked(caught.value):
        assert isinstance(error, ApiError), f"{error!r} carries a request"
        assert_clean(str(error), repr(error), repr(vars(error)))
    assert_clean("".join(traceback.format_exception(caught.value)), caplog.text)


@pytest.mark.parametrize(
    "fault",
    [
        lambda request: httpx.ReadTimeout("x", request=request),
        lambda request: answer(400, {"error": "invalid_client", "error_description": request.content.decode()}),
        lambda request: answer(503, f"<p>{SECRET} {request.content.decode()}".encode()),
        lambda request: answer(200, request.content),
    ],
)
async def test_failing_sign_in_shows_no_secret(fault: Callable[[httpx.Request], httpx.Response | Exception]) -> None:
    platform = Platform()
    platform.answer_sign_in = fault
    with pytest.raises(ApiError) as caught:
        await client(platform).sign_in()
    for error in linked(caught.value):
        assert isinstance(error, ApiError), f"{error!r} carries a request"
        assert_clean(str(error), repr(error), repr(vars(error)))
    assert_clean("".join(traceback.format_exception(caught.value)))


def parts(thing: object, seen: set[int]) -> Iterator[object]:
    """The object and the objects of ours that it holds."""
    if id(thing) in seen or not type(thing).__module__.startswith("tui_app"):
        return
    seen.add(id(thing))
    yield thing
    for value in getattr(thing, "__dict__", {}).values():
        yield from parts(value, seen)


async def test_no_part_of_a_client_shows_a_credential() -> None:
    platform = Platform([answer(200, {"records": []})])
    platform.answer_sign_in = lambda _: token(CANARY)
    aep: AepClient = client(platform, credentials=secrets(SECRET))
    await aep.export_jobs.list_page()
    found = list(parts(aep, set()))
    assert len(found) > 8
    assert_clean(*map(repr, found), *map(str, found))
    assert_clean(repr(_Token(CANARY, 0, 0)))
    assert_clean(repr(Call("POST", "https://x.example", {"Authorization": CANARY}, SECRET.encode(), secret=CANARY)))
    assert_clean(repr(Answer(200, {"set-cookie": CANARY}, CANARY.encode())))

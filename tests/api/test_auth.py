"""The access token: asked for once, kept, renewed in time, and explained when there is none."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.support import SECRET, Platform, Reply, SkippingClock, answer, client, secrets, token
from tests.support.clock import FakeClock, drain
from tui_app.api.auth import lifetime_s
from tui_app.api.errors import BadAnswerError, ConnectError, ServerError, SignInError, UnauthorizedError
from tui_app.config import ConfigError, Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = {"records": [], "link": {"next": ""}}
EXPIRED = {"error_code": "401013", "message": "Oauth token is not valid"}


def refused(description: str) -> dict[str, str]:
    return {"error": "invalid_client", "error_description": description}


def bearers(platform: Platform) -> list[str]:
    return [request.headers["authorization"] for request in platform.requests]


async def test_sign_in_sends_the_documented_form() -> None:
    platform = Platform()
    await client(platform).sign_in()
    (request,) = platform.sign_ins
    assert str(request.url) == "https://ims.example/ims/token/v3"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["a1b2c3"],
        "client_secret": [SECRET],
        "scope": ["openid,AdobeID,read_organizations,additional_info.projectedProductContext,session"],
    }
    assert "x-api-key" not in request.headers
    assert "authorization" not in request.headers


async def test_token_is_kept_and_renewed_a_quarter_of_an_hour_before_its_end() -> None:
    clock = FakeClock()
    platform = Platform([answer(200, PAGE)])
    aep = client(platform, clock)
    await aep.export_jobs.list_page()
    await clock.advance(86399 - 900 - 1)
    await aep.export_jobs.list_page()
    await clock.advance(1)
    await aep.export_jobs.list_page()
    assert bearers(platform) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_short_lived_token_is_used_for_half_its_life() -> None:
    clock = FakeClock()
    platform = Platform([answer(200, PAGE)])
    platform.answer_sign_in = lambda _: token("short", expires_in=600)
    aep = client(platform, clock)
    for elapsed, sign_ins in ((0, 1), (299, 1), (1, 2)):
        await clock.advance(elapsed)
        await aep.sign_in()
        assert len(platform.sign_ins) == sign_ins


async def test_hundred_calls_at_expiry_cause_one_sign_in() -> None:
    clock = FakeClock()
    platform = Platform([answer(200, PAGE)])
    aep = client(platform, clock)
    await aep.sign_in()
    await clock.advance(90_000)
    await asyncio.gather(*(aep.export_jobs.list_page() for _ in range(100)))
    assert len(platform.sign_ins) == 2
    assert set(bearers(platform)) == {"Bearer token-2"}


async def test_hundred_refused_calls_cause_one_sign_in_and_each_is_repeated_once() -> None:
    def only_second(request: httpx.Request) -> httpx.Response:
        return answer(200, PAGE) if request.headers["authorization"] == "Bearer token-2" else answer(401, EXPIRED)

    platform = Platform(only_second)
    aep = client(platform)
    await asyncio.gather(*(aep.export_jobs.list_page() for _ in range(100)))
    assert len(platform.sign_ins) == 2
    assert len(platform.requests) == 200


async def test_hundred_callers_share_one_failure_to_sign_in() -> None:
    platform = Platform()
    platform.answer_sign_in = lambda _: answer(400, {"error": "invalid_client"})
    aep = client(platform)
    results = await asyncio.gather(*(aep.sign_in() for _ in range(100)), return_exceptions=True)
    assert len(platform.sign_ins) == 1
    assert all(isinstance(result, SignInError) for result in results)


async def test_first_caller_cancelled_does_not_take_the_others_down() -> None:
    release = asyncio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        await release.wait()
        return token("t")

    aep = client(httpx.MockTransport(handle), FakeClock())
    first, second = asyncio.create_task(aep.sign_in()), asyncio.create_task(aep.sign_in())
    await drain()
    first.cancel()
    await asyncio.wait([first])
    release.set()
    await second
    assert first.cancelled()


async def test_second_refusal_is_a_missing_permission() -> None:
    body = {"title": "Unauthorized", "status": 401}
    platform = Platform([answer(401, body, x_request_id="rq9")])
    with pytest.raises(UnauthorizedError) as caught:
        await client(platform).export_jobs.list_page()
    assert bearers(platform) == ["Bearer token-1", "Bearer token-2"]
    assert "lacks a permission" in str(caught.value)
    assert "sandbox prod" in str(caught.value)
    assert caught.value.request_id == "rq9"


async def test_post_is_repeated_after_a_refused_token_because_it_had_no_effect() -> None:
    platform = Platform([answer(401, EXPIRED), answer(200, {"id": 7})])
    job = await client(platform).export_jobs.create({"destination": {"datasetId": "d"}})
    assert job.job_id == "7"
    assert [request.content for request in platform.requests] == [b'{"destination": {"datasetId": "d"}}'] * 2


async def test_failing_service_near_expiry_does_not_stop_a_token_that_still_lives() -> None:
    clock = SkippingClock()
    platform = Platform([answer(200, PAGE)])
    aep = client(platform, clock)
    await aep.sign_in()
    platform.answer_sign_in = lambda _: answer(503)
    await clock.advance(86399 - 600)
    await aep.export_jobs.list_page()
    asked = len(platform.sign_ins)
    await aep.export_jobs.list_page()
    assert bearers(platform) == ["Bearer token-1"] * 2
    assert len(platform.sign_ins) == asked > 1
    await clock.advance(600)
    with pytest.raises(ServerError):
        await aep.export_jobs.list_page()


async def test_given_token_is_used_as_it_is() -> None:
    platform = Platform([answer(200, PAGE)])
    await client(platform, credentials=secrets(None, "given")).export_jobs.list_page()
    assert bearers(platform) == ["Bearer given"]
    assert platform.sign_ins == []


async def test_refused_given_token_names_its_source_when_there_is_no_secret() -> None:
    platform = Platform([answer(401, EXPIRED)])
    with pytest.raises(SignInError, match="AEPX_ACCESS_TOKEN") as caught:
        await client(platform, credentials=secrets(None, "given")).export_jobs.list_page()
    assert len(platform.requests) == 1
    assert "client secret" in caught.value.next_step
    assert not caught.value.ambiguous


async def test_given_token_refused_by_one_service_stays_good_for_the_others() -> None:
    platform = Platform(lambda request: answer(401) if "/ups/" in request.url.path else answer(200, {"sandboxes": []}))
    aep = client(platform, credentials=secrets(None, " given\n"))
    for _ in range(2):
        with pytest.raises(SignInError, match="lacks a permission"):
            await aep.export_jobs.list_page()
        assert await aep.sandboxes.list() == ()
    assert bearers(platform) == ["Bearer given"] * 4


async def test_refused_given_token_is_replaced_for_good_when_there_is_a_secret() -> None:
    clock = FakeClock()
    platform = Platform([answer(401, EXPIRED), answer(200, PAGE)])
    aep = client(platform, clock, credentials=secrets(SECRET, "given"))
    await aep.export_jobs.list_page()
    await clock.advance(90_000)
    await aep.export_jobs.list_page()
    assert bearers(platform) == ["Bearer given", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("status", "body", "says", "error"),
    [
        (400, refused("invalid client_secret parameter"), "AEPX_CLIENT_SECRET", "invalid_client"),
        (400, refused("invalid client_id parameter"), "client_id of connection acme", "invalid_client"),
        (400, {"error": "invalid_scope"}, "scopes of connection acme", "invalid_scope"),
        (404, b"<html>nothing here</html>", "ims_url, token_path", None),
        (401, {"error": "unauthorized_client"}, "The identity service answered 401", "unauthorized_client"),
    ],
)  # fmt: skip
async def test_refused_sign_in_names_what_to_fix(status: int, body: object, says: str, error: str | None) -> None:
    platform = Platform()
    platform.answer_sign_in = lambda _: answer(status, body)
    with pytest.raises(SignInError) as caught:
        await client(platform).sign_in()
    assert says in str(caught.value)
    assert (caught.value.status, caught.value.error) == (status, error)
    assert len(platform.sign_ins) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"expires_in": 5}, "no access token"),
        ({"access_token": ""}, "no access token"),
        ({"access_token": 5}, "no access token"),
        ([], "no access token"),
        (b"<html>portal</html>", "portal"),
    ],
)
async def test_odd_success_is_no_sign_in(body: object, says: str) -> None:
    platform = Platform()
    platform.answer_sign_in = lambda _: answer(200, body)
    with pytest.raises(BadAnswerError, match=says):
        await client(platform).sign_in()


@pytest.mark.parametrize("value", ["to\nken", "tok en", "tok\x00en", "tökén", "\x1b"])
async def test_token_that_no_header_can_carry_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(SignInError, match="outside ASCII") as caught:
        await client(Platform(), credentials=secrets(None, value)).export_jobs.list_page()
    assert value not in str(caught.value)


async def test_sign_in_is_tried_again_like_a_get() -> None:
    clock = SkippingClock()
    platform = Platform()
    replies: Iterator[Reply] = iter([httpx.ReadTimeout("x"), answer(429, retry_after="7"), answer(503), token("t")])
    platform.answer_sign_in = lambda _: next(replies)
    await client(platform, clock).sign_in()
    assert len(platform.sign_ins) == 4
    assert clock.slept[1] == 7


async def test_lost_sign_in_says_nothing_about_the_job() -> None:
    platform = Platform()
    platform.answer_sign_in = lambda _: httpx.ConnectError("refused")
    with pytest.raises(ConnectError) as caught:
        await client(platform).export_jobs.create({})
    assert not caught.value.ambiguous
    assert platform.requests == []


async def test_missing_credentials_name_the_settings() -> None:
    with pytest.raises(SignInError, match="AEPX_CLIENT_SECRET"):
        await client(Platform(), credentials=secrets(None)).sign_in()
    with pytest.raises(SignInError, match="AEPX_CLIENT_ID"):
        await client(Platform(), client_id="").sign_in()


async def test_unreadable_secret_is_a_failed_sign_in() -> None:
    def fails() -> Secrets:
        raise ConfigError("The command pass failed. Unlock it.")

    with pytest.raises(SignInError, match=r"The command pass failed\. Unlock it\."):
        await client(Platform(), credentials=fails).sign_in()


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(86399, 86399), (86399992, 86399.992), ("600", 600), (1, 60), (-5, 60), (10**7, 86400), (None, 3600), ("x", 3600),
     (float("nan"), 3600), ([], 3600), (10**400, 3600), (10**6, 86400)],
)  # fmt: skip
def test_lifetime(expires_in: object, seconds: float) -> None:
    assert lifetime_s(expires_in) == seconds


@given(st.none() | st.integers() | st.floats() | st.text())
def test_lifetime_is_a_minute_to_a_day(expires_in: object) -> None:
    assert 60 <= lifetime_s(expires_in) <= 86400


async def test_skew_is_read_from_the_servers_date() -> None:
    platform = Platform([answer(200, PAGE, date="Sun, 01 Mar 2026 12:05:00 GMT")])
    aep = client(platform)
    assert aep.server_clock_skew_s is None
    await aep.export_jobs.list_page()
    assert aep.server_clock_skew_s == 300


async def test_token_path_is_configurable() -> None:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(200, content=json.dumps({"access_token": "t"}).encode())

    await client(httpx.MockTransport(handle), token_path="/ims/token/v2").sign_in()
    assert seen == ["/ims/token/v2"]


def test_a_secret_that_does_not_come_keeps_nobody_from_leaving() -> None:
    released = threading.Event()

    def never() -> Secrets:
        released.wait(5)
        return secrets()()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client(Platform(), credentials=never).sign_in()

    started = time.perf_counter()
    asyncio.run(leave())
    assert time.perf_counter() - started < 2
    released.set()

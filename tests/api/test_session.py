"""What every request has in common: headers, tries, one effect at most, no redirects, politeness."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.support import (
    JOB,
    JOB_PATH,
    BrokenStream,
    Platform,
    Reply,
    SkippingClock,
    answer,
    client,
    connection,
    secrets,
)
from tests.support.clock import START, FakeClock, drain
from tui_app.api.client import AepClient
from tui_app.api.errors import (
    ApiError,
    BadAnswerError,
    CertificateError,
    InterruptedAnswerError,
    NotFoundError,
    OriginError,
    ReadOnlyError,
    ServerError,
    ThrottledError,
)
from tui_app.config import LimitSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BODY = {"destination": {"datasetId": "d"}, "schema": {"name": "_xdm.context.profile"}}
NOTHING_LEFT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
MAY_HAVE_LEFT = [
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
]


def cut() -> httpx.Response:
    """A success whose body breaks off."""
    return httpx.Response(200, stream=BrokenStream(b'{"id": 31', error=httpx.RemoteProtocolError("peer closed")))


async def test_headers_of_a_get_and_of_a_post() -> None:
    platform = Platform([answer(200, JOB)])
    aep = client(platform, sandbox="dev")
    await aep.export_jobs.get("7")
    await aep.export_jobs.create(BODY)
    get, post = platform.requests
    for request in (get, post):
        assert request.headers["authorization"] == "Bearer token-1"
        assert request.headers["x-api-key"] == "a1b2c3"
        assert request.headers["x-gw-ims-org-id"] == "0123456789ABCDEF01234567@AdobeOrg"
        assert request.headers["x-sandbox-name"] == "dev"
        assert request.headers["accept"] == "application/json"
    assert "content-type" not in get.headers
    assert post.headers["content-type"] == "application/json"


async def test_get_is_tried_four_times_with_doubling_delays() -> None:
    clock = SkippingClock()
    platform = Platform([answer(503)])
    with pytest.raises(ServerError):
        await client(platform, clock).export_jobs.get("7")
    assert clock.slept == [0.5, 1.0, 2.0]
    assert len(platform.requests) == 4


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
async def test_get_recovers(status: int) -> None:
    platform = Platform([answer(status), answer(200, JOB)])
    assert (await client(platform).export_jobs.get("7")).job_id == "31007"
    assert len(platform.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 418, 501, 505])
async def test_get_is_not_repeated_where_that_cannot_help(status: int) -> None:
    platform = Platform([answer(status)])
    with pytest.raises(ApiError):
        await client(platform).export_jobs.get("7")
    assert len(platform.requests) == 1


@pytest.mark.parametrize("error", [*NOTHING_LEFT, *MAY_HAVE_LEFT])
async def test_get_survives_a_broken_connection(error: type[httpx.TransportError]) -> None:
    platform = Platform([error("x"), answer(200, JOB)])
    assert (await client(platform).export_jobs.get("7")).status == "NEW"


async def test_slow_tries_use_up_the_half_minute() -> None:
    clock = SkippingClock()

    def stall(request: httpx.Request) -> httpx.Response:
        clock._elapsed += 29.8
        raise httpx.ReadTimeout("x")

    platform = Platform(stall)
    with pytest.raises(InterruptedAnswerError, match="stopped answering"):
        await client(platform, clock).export_jobs.get("7")
    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    ("retry_after", "slept"),
    [
        ("38", 38.0),
        (format_datetime(START + timedelta(seconds=20), usegmt=True), 20.0),
        (format_datetime(START - timedelta(seconds=20), usegmt=True), 0.5),
        ("soon", 0.5),
        ("-1", 0.5),
        ("0", 0.5),
    ],
)
async def test_each_form_of_retry_after(retry_after: str, slept: float) -> None:
    clock = SkippingClock()
    platform = Platform([answer(429, retry_after=retry_after), answer(200, JOB)])
    await client(platform, clock).export_jobs.get("7")
    assert clock.slept == [slept]


async def test_long_retry_after_is_raised_at_once_and_shown_in_the_figures() -> None:
    clock = SkippingClock()
    platform = Platform([answer(429, {"error_code": "429050", "message": "Too many requests"}, retry_after="61")])
    aep = client(platform, clock)
    with pytest.raises(ThrottledError) as caught:
        await aep.export_jobs.list_page()
    assert (caught.value.retry_after_s, clock.slept) == (61, [])
    assert aep.stats.throttled_until_ms == int(START.timestamp() * 1000) + 61_000
    await clock.advance(61)
    assert aep.stats.throttled_until_ms is None


async def test_asked_waits_end_after_a_minute_in_all() -> None:
    clock = SkippingClock()
    platform = Platform([answer(429, retry_after="25")])
    with pytest.raises(ThrottledError):
        await client(platform, clock).export_jobs.list_page()
    assert clock.slept == [25, 25]


async def test_quota_keeps_an_outage_from_being_multiplied() -> None:
    platform = Platform([answer(503)])
    aep = client(platform)
    for _ in range(10):
        with pytest.raises(ServerError):
            await aep.export_jobs.list_page()
    first_tries, paid_retries = 10, 10
    assert len(platform.requests) == first_tries + paid_retries


@pytest.mark.parametrize("error", NOTHING_LEFT)
async def test_post_is_sent_again_when_nothing_left(error: type[httpx.TransportError]) -> None:
    platform = Platform([error("x"), answer(200, JOB)])
    await client(platform).export_jobs.create(BODY)
    assert len(platform.requests) == 2


async def test_post_is_sent_again_when_turned_away_as_too_much() -> None:
    clock = SkippingClock()
    platform = Platform([answer(429, retry_after="9"), answer(200, JOB)])
    await client(platform, clock).export_jobs.create(BODY)
    assert clock.slept == [9]


def always(reply: Reply) -> Callable[[], Reply]:
    return lambda: reply


LOST: list[Callable[[], Reply]] = [
    *(always(error("x")) for error in MAY_HAVE_LEFT),
    *(always(answer(status)) for status in (500, 502, 503, 504)),
    cut,
    lambda: answer(200, b"<html>signed out</html>", content_type="text/html"),
    lambda: answer(200, b""),
    lambda: answer(200, b'{"id": 31'),
    lambda: answer(200, {"no": "job"}),
    lambda: answer(200, [1]),
    lambda: answer(302, location="https://login.example/"),
    lambda: answer(200, b"x" * 100, content_encoding="gzip"),
]


@pytest.mark.parametrize("reply", LOST)
async def test_post_whose_outcome_is_unknown_is_sent_once_and_says_so(
    reply: Callable[[], Reply],
) -> None:
    platform = Platform([reply()])
    with pytest.raises(ApiError) as caught:
        await client(platform).export_jobs.create(BODY)
    assert len(platform.requests) == 1
    assert caught.value.ambiguous


@given(st.lists(st.sampled_from(range(len(LOST) + 2)), min_size=1, max_size=6))
async def test_post_has_at_most_one_chance_to_take_effect(picks: list[int]) -> None:
    harmless_replies: list[Reply] = [httpx.ConnectError("x"), answer(429)]
    replies = [LOST[pick]() if pick < len(LOST) else harmless_replies[pick - len(LOST)] for pick in picks]
    harmless = [pick >= len(LOST) for pick in picks]
    platform = Platform(replies)
    with pytest.raises(ApiError) as caught:
        await client(platform).export_jobs.create(BODY)
    sent = len(platform.requests)
    outcomes = (harmless + harmless[-1:] * 4)[:sent]
    assert outcomes.count(False) <= 1
    assert all(outcomes[:-1])
    assert caught.value.ambiguous is not outcomes[-1]


async def test_delete_is_repeated_and_404_then_means_done() -> None:
    for first in (httpx.ReadError("x"), answer(502)):
        platform = Platform([first, answer(404)])
        assert await client(platform).export_jobs.cancel("7") == ""
        assert [request.method for request in platform.requests] == ["DELETE", "DELETE"]


@pytest.mark.parametrize("first", [None, httpx.ConnectError("x"), answer(429)])
async def test_delete_of_what_never_was_is_not_done(first: httpx.Response | Exception | None) -> None:
    platform = Platform([*([first] if first is not None else []), answer(404)])
    with pytest.raises(NotFoundError, match="Export job 7 could not be cancelled"):
        await client(platform).export_jobs.cancel("7")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (answer(204), ""),
        (answer(200, {"status": True, "message": "marked \x1b"}), "marked \\x1b"),
        (answer(202, b"<html>"), ""),
        (answer(200, []), ""),
    ],
)
async def test_any_success_of_a_delete_is_a_success(reply: httpx.Response, message: str) -> None:
    assert await client(Platform([reply])).export_jobs.cancel("7") == message


CHANGES: list[Callable[[AepClient], Awaitable[object]]] = [
    lambda aep: aep.export_jobs.create(BODY),
    lambda aep: aep.export_jobs.cancel("7"),
    lambda aep: aep.catalog.create_dataset({"name": "x"}),
    lambda aep: aep.catalog.validate_dataset({"name": "x"}),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_read_only_sends_nothing_at_all(change: Callable[[AepClient], Awaitable[object]]) -> None:
    platform = Platform([answer(200, JOB)])
    aep = client(platform, read_only=True)
    with pytest.raises(ReadOnlyError, match="Sandbox prod is read-only"):
        await change(aep)
    assert (platform.requests, platform.sign_ins, aep.stats.sent) == ([], [], 0)
    assert (await aep.export_jobs.get("7")).job_id == "31007"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    platform = Platform([answer(status, location="https://evil.example/\x1b")])
    with pytest.raises(BadAnswerError, match="redirects are not followed") as caught:
        await client(platform).export_jobs.list_page()
    assert len(platform.requests) == 1
    assert "evil.example" in str(caught.value)


@pytest.mark.parametrize("change", [{"base_url": "http://x.example"}, {"ims_url": "http://x.example"}])
def test_plain_http_to_another_machine_is_refused_before_anything(change: dict[str, str]) -> None:
    unsafe = connection().model_copy(update=change)
    with pytest.raises(OriginError, match=next(iter(change))):
        AepClient(
            unsafe,
            sandbox="prod",
            policy_read_only=False,
            secrets=secrets(),
            clock=FakeClock(),
            limits=LimitSettings(),
        )


async def test_untrusted_certificate_is_named_and_not_tried_again() -> None:
    platform = Platform([httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")])
    with pytest.raises(CertificateError, match="ca_bundle"):
        await client(platform).export_jobs.list_page()
    assert len(platform.requests) == 1


async def test_unusable_header_value_is_named_and_nothing_is_sent() -> None:
    platform = Platform([answer(200, JOB)])
    with pytest.raises(ApiError, match="sandbox is empty"):
        await client(platform, sandbox="").export_jobs.list_page()
    with pytest.raises(ApiError, match="org_id"):
        await client(platform, org_id="").export_jobs.list_page()
    assert platform.requests == []


async def test_body_that_is_no_json_is_refused() -> None:
    platform = Platform([answer(200, JOB)])
    with pytest.raises(ApiError, match="NaN") as caught:
        await client(platform).export_jobs.create({"a": float("nan")})
    assert platform.requests == []
    assert not caught.value.ambiguous


async def test_pace_is_kept_for_the_platform_and_off_for_this_machine() -> None:
    limits = LimitSettings(concurrency=4, per_second=2, burst=6)
    platform = Platform([answer(200, {"records": []})])
    clock = FakeClock()
    aep = client(platform, clock, limits=limits)
    await aep.sign_in()
    calls = [asyncio.create_task(aep.export_jobs.list_page()) for _ in range(9)]
    await drain()
    assert len(platform.requests) == 6
    await clock.advance(0.5)
    assert len(platform.requests) == 7
    await clock.advance(1)
    await asyncio.gather(*calls)
    assert len(platform.requests) == 9

    local = Platform([answer(200, {"records": []})])
    aep = client(local, FakeClock(), limits=limits, base_url="http://127.0.0.1:9")
    await asyncio.gather(*(aep.export_jobs.list_page() for _ in range(50)))
    assert len(local.requests) == 50


async def test_figures_count_tries_and_failures() -> None:
    clock = SkippingClock()
    platform = Platform([answer(503), httpx.ReadError("x"), answer(200, JOB)])
    aep = client(platform, clock)
    await aep.export_jobs.get("7")
    stats = aep.stats
    assert (stats.sent, stats.failed) == (4, 2)
    assert stats.last_ok_ms == int(clock.now().timestamp() * 1000)


async def test_log_holds_method_path_status_and_request_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tui_app")
    platform = Platform([httpx.ConnectError("x"), answer(200, {"records": []}, x_request_id="rq1\x1b")])
    await client(platform).export_jobs.list_page(status="FAILED")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("tui_app")]
    assert ours == [
        "POST /ims/token/v3 200 0 ms -",
        f"GET {JOB_PATH} ConnectError 0 ms",
        f"GET {JOB_PATH} 200 0 ms rq1\\x1b",
    ]


async def test_cookies_are_not_kept() -> None:
    platform = Platform([answer(200, {"records": []}, set_cookie="a=b; Path=/")])
    aep = client(platform)
    await aep.export_jobs.list_page()
    await aep.export_jobs.list_page()
    assert "cookie" not in platform.requests[1].headers


async def test_closing_twice_is_fine() -> None:
    aep = client(Platform())
    await aep.sign_in()
    await aep.aclose()
    await aep.aclose()
    assert aep.stats.sent == 1

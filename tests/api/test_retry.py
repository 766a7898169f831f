"""The arithmetic of trying again, of Retry-After and of politeness."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.support import SkippingClock
from tests.support.clock import START, FakeClock, drain
from tui_app.api.pace import Pace, TokenBucket
from tui_app.api.retry import RetryPolicy, RetryQuota, next_delay, parse_retry_after

POLICY = RetryPolicy()


def test_delays_double_and_end_with_the_fourth_try() -> None:
    assert [next_delay(POLICY, tries=n, elapsed_s=0) for n in (1, 2, 3, 4)] == [0.5, 1, 2, None]
    assert next_delay(RetryPolicy(tries=99), tries=30, elapsed_s=0) == 8


def test_total_counts_our_own_waiting_only() -> None:
    assert next_delay(POLICY, tries=1, elapsed_s=29.5) == 0.5
    assert next_delay(POLICY, tries=1, elapsed_s=29.6) is None
    assert next_delay(POLICY, tries=2, elapsed_s=50, asked_s=40) == 1


def test_what_the_server_asks_for_is_obeyed_up_to_a_minute_in_all() -> None:
    assert next_delay(POLICY, tries=1, elapsed_s=0, retry_after_s=60, jitter=0) == 60
    assert next_delay(POLICY, tries=1, elapsed_s=0, retry_after_s=60.1) is None
    assert next_delay(POLICY, tries=2, elapsed_s=38, asked_s=38, retry_after_s=38) is None


@given(st.integers(1, 10), st.floats(0, 100), st.floats(0, 100), st.none() | st.floats(0.001, 1e5), st.floats(0, 1))
def test_delay_stays_in_bounds(
    tries: int, elapsed: float, asked: float, retry_after: float | None, jitter: float
) -> None:
    delay = next_delay(
        POLICY, tries=tries, elapsed_s=elapsed + asked, asked_s=asked, retry_after_s=retry_after, jitter=jitter
    )
    if delay is None:
        return
    assert tries < POLICY.tries
    assert 0 <= delay <= (POLICY.longest_asked_s if retry_after else POLICY.longest_delay_s)
    assert delay == retry_after if retry_after else elapsed + delay <= POLICY.total_s + 1e-6


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("38", 38.0),
        (" 2.5 ", 2.5),
        (format_datetime(START + timedelta(seconds=90), usegmt=True), 90.0),
        ("Sunday, 01-Mar-26 12:00:05 GMT", 5.0),
        (format_datetime(START - timedelta(seconds=90), usegmt=True), None),
        ("0", None),
        ("-5", None),
        ("1e9", None),
        ("NaN", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("999999999", 86_400.0),
        ("99999999999999999999", None),
        ("Sun, 99 Mar 99999 12:00:00 GMT", None),
    ],
)
def test_retry_after_forms(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=START) == seconds


@given(st.text())
def test_retry_after_never_raises(value: str) -> None:
    seconds = parse_retry_after(value, now=START)
    assert seconds is None or 0 < seconds <= 86_400


def test_quota_pays_for_ten_retries_and_refills_by_successes() -> None:
    quota = RetryQuota()
    assert [quota.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(5):
        assert not quota.take()
        quota.refill()
    assert quota.take()


async def test_bucket_lets_a_burst_through_then_keeps_the_rate_in_order() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=2, burst=3)
    passed: list[tuple[int, float]] = []

    async def pass_through(number: int) -> None:
        await bucket.take()
        passed.append((number, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(pass_through(number))
        await drain()
        assert passed == [(0, 0), (1, 0), (2, 0)]
        await clock.advance(10)
    assert passed[3:] == [(3, 0.5), (4, 1.0), (5, 1.5)]


async def test_cancelled_waiting_gives_its_token_back() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=1, burst=1)
    await bucket.take()
    waiting = asyncio.create_task(bucket.take())
    await drain()
    waiting.cancel()
    await asyncio.wait([waiting])
    await clock.advance(1)
    await bucket.take()
    assert clock.monotonic() == 1


async def test_no_more_than_the_allowed_number_at_once() -> None:
    pace = Pace(bucket=TokenBucket(SkippingClock(), per_second=50, burst=100), concurrency=4)
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        async with pace.turn():
            inside += 1
            most = max(most, inside)
            await drain(3)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 4

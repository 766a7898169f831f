"""Disturbances on demand, and bodies nobody thought of."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import CATALOG, JOBS, Caller, minimal
from tests.support.clock import FakeClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.faults import Fault


async def statuses(caller: Caller, count: int) -> list[int]:
    return [(await caller.http.get(JOBS, headers=caller.headers())).status_code for _ in range(count)]


async def test_a_fault_meets_its_calls_and_no_others(caller: Caller) -> None:
    fault = caller.emulator.faults.add(
        Fault(
            path=f"{JOBS}*",
            method="GET",
            status=429,
            times=2,
            after=1,
            body={"error_code": "429050", "message": "Too many requests"},
            headers={"Retry-After": "5"},
        )
    )
    assert (await caller.post(JOBS, minimal("5b020a27e7040801dedba61b"))).status_code == 200
    assert await statuses(caller, 4) == [200, 429, 429, 200]
    assert fault.met == 2


async def test_an_answer_can_be_html_or_any_bytes(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(html=True))
    answer = await caller.http.get(JOBS, headers=caller.headers())
    assert answer.status_code == 404
    assert answer.text.startswith("<html>")
    caller.emulator.faults.add(Fault(status=200, body=b"x" * 20_000_000))
    assert len((await caller.http.get(JOBS, headers=caller.headers())).content) == 20_000_000
    caller.emulator.faults.add(Fault(status=503, body="plain text", headers={"Content-Type": "text/plain"}, times=None))
    assert await statuses(caller, 3) == [503, 503, 503]
    caller.emulator.faults.clear()
    assert await statuses(caller, 1) == [200]


async def test_a_cut_answer_keeps_its_length_and_its_effect(caller: Caller) -> None:
    body = minimal("5b020a27e7040801dedba61b")
    before = (await caller.get(JOBS, limit=1))["records"][0]["id"]
    caller.emulator.faults.add(Fault(method="POST", truncate_at=10))
    cut = await caller.post(JOBS, body)
    assert len(cut.content) == 10 < int(cut.headers["Content-Length"])
    caller.emulator.faults.add(Fault(method="POST", lose_answer=True))
    assert (await caller.post(JOBS, body)).content == b""
    page = await caller.get(JOBS, limit=3)
    assert [job["id"] for job in page["records"]] == [before + 2, before + 1, before]


async def test_a_delay_waits_on_the_platforms_clock(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(path=CATALOG + "*", delay_s=0.0001))
    start = caller.clock.monotonic()
    request = caller.http.get(f"{CATALOG}/dataSets", headers=caller.headers())

    async def tick() -> None:
        await caller.clock.advance(1)

    answer, _ = await asyncio.gather(request, tick())
    assert answer.status_code == 200
    assert caller.clock.monotonic() == start + 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
segments = st.fixed_dictionaries(
    {"segmentId": st.text(min_size=1) | json_values},
    optional={
        "segmentNs": st.text() | json_values,
        "status": st.lists(st.sampled_from(["realized", "x"])) | json_values,
    },
)
bodies = json_values | st.fixed_dictionaries(
    {
        "destination": st.just({"datasetId": "5b020a27e7040801dedba61b", "segmentPerBatch": True}) | json_values,
        "schema": st.fixed_dictionaries({"name": st.text(min_size=1)}) | json_values,
    },
    optional={
        "filter": st.fixed_dictionaries({"segments": st.lists(segments, max_size=3)}) | json_values,
        "mergePolicy": st.fixed_dictionaries({"id": st.text(min_size=1)}) | json_values,
        "additionalFields": json_values,
        "evaluationInfo": json_values,
        "fields": json_values,
        "name": json_values,
        "tags": json_values,
        "schemaRef": json_values,
    },
)
OPEN = Emulator(FakeClock(), jobs=30, dialect="mixed")


@pytest.mark.parametrize("path", [JOBS, f"{CATALOG}/dataSets"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
async def test_no_body_makes_it_stumble(path: str, body: Any) -> None:
    clock = FakeClock()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(OPEN.app), base_url="http://127.0.0.1") as client:
        headers = Caller(OPEN, clock, client).headers()
        made = await client.post(path, headers=headers, json=body)
        assert made.status_code in {200, 201, 400, 403}
        listed = await client.get(path, headers=headers, params={"limit": 5})
        assert listed.status_code == 200


@settings(max_examples=300, deadline=None)
@given(
    noun=st.sampled_from(["dataSets", "batches", "dataSets/x", "batches/x", "jobs", "jobs/1"]),
    name=st.sampled_from(
        ["limit", "start", "offset", "status", "orderBy", "property", "properties", "name", "dataSet", "createdAfter"]
    ),
    value=st.text(max_size=20) | st.integers().map(str),
)
async def test_no_query_makes_it_stumble(noun: str, name: str, value: str) -> None:
    path = JOBS.removesuffix("jobs") + noun if noun.startswith("jobs") else f"{CATALOG}/{noun}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(OPEN.app), base_url="http://127.0.0.1") as client:
        headers = Caller(OPEN, FakeClock(), client).headers()
        answer = await client.get(path, headers=headers, params={name: value.encode("utf-8", "replace")})
        assert answer.status_code in {200, 400, 404}

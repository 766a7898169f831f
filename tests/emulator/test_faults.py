"""Disturbances on demand: who meets them, what they do to an answer in this process, and bodies nobody thought of."""

from __future__ import annotations

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start, minimal
from tests.support.clock import FakeClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.connection import Count, Lose, Reset, Wait
from tui_app.emulator.faults.content import Cursor, Duplicates, Foreign, Missing, Nulls, Skew, Types
from tui_app.emulator.faults.faults import FAULTS_MOST, Fault, Faults
from tui_app.emulator.faults.instead import Html, Redirect, Revoke, Status, Throttle
from tui_app.emulator.faults.keys import BadKeyError
from tui_app.emulator.faults.shapes import SHAPES
from tui_app.emulator.faults.wire import Encoding, Endless, Gzip, Headers, Length, Truncate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.emulator.faults.effect import Effect

# Who meets a fault


async def get(caller: Caller, path: str = JOBS, **params: Any) -> httpx.Response:
    return await caller.http.get(path, headers=caller.headers(), params=params)


async def statuses(caller: Caller, count: int) -> list[int]:
    return [(await get(caller, limit=1)).status_code for _ in range(count)]


async def test_a_fault_meets_its_calls_and_no_others(caller: Caller) -> None:
    fault = caller.emulator.faults.add(Fault(Throttle(5), path=f"{JOBS}*", method="GET", times=2, after=1))
    assert (await caller.post(JOBS, minimal("5b020a27e7040801dedba61b"))).status_code != 429
    assert (await get(caller, f"{CATALOG}/dataSets")).status_code == 200
    assert await statuses(caller, 4) == [200, 429, 429, 200]
    assert (fault.named, fault.met, fault.is_spent) == (3, 2, True)


async def test_a_fault_without_a_number_lasts_until_it_is_removed(caller: Caller) -> None:
    faults = caller.emulator.faults
    fault = faults.add(Fault(Status(503)))
    assert await statuses(caller, 3) == [503, 503, 503]
    assert faults.remove(fault.number)
    assert not faults.remove(fault.number)
    assert await statuses(caller, 1) == [200]
    faults.add(Fault(Status(500)))
    faults.clear()
    assert await statuses(caller, 1) == [200]


async def test_a_window_is_counted_in_the_platforms_seconds(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Status(503), from_s=60, until_s=120))
    met = []
    for _ in range(4):
        met += await statuses(caller, 1)
        caller.emulator.time.step(40)
    assert met == [200, 200, 503, 200]


def pattern_of(faults: Faults, count: int = 400) -> list[bool]:
    return [bool(faults.take("GET", "/x", at_s=0)) for _ in range(count)]


def test_chance_is_the_same_for_the_same_seed_and_fault_only() -> None:
    def drawn(seed: int, *, before: int = 0) -> list[bool]:
        faults = Faults(seed=seed)
        for _ in range(before):
            faults.add(Fault(Count(), path="/other"))
        faults.add(Fault(Status(503), probability=0.25))
        return pattern_of(faults)

    first = drawn(1)
    assert drawn(1) == first
    assert drawn(2) != first
    assert drawn(1, before=1) != first
    assert 70 < sum(first) < 130


async def test_one_of_each_group_is_met_and_the_rest_wait_their_turn(caller: Caller) -> None:
    faults = caller.emulator.faults
    seen = faults.add(Fault(Count()))
    faults.add(Fault(Status(503), times=1))
    faults.add(Fault(Status(500), times=1))
    faults.add(Fault(Headers(add={"X-Odd": "yes"})))
    answers = [await get(caller, limit=1) for _ in range(3)]
    assert [one.status_code for one in answers] == [503, 500, 200]
    assert [one.headers["X-Odd"] for one in answers] == ["yes"] * 3
    assert seen.met == 3


def test_there_is_a_most() -> None:
    faults = Faults()
    for _ in range(FAULTS_MOST):
        faults.add(Fault(Count()))
    with pytest.raises(ValueError, match="remove some"):
        faults.add(Fault(Count()))


BAD: list[Callable[[], object]] = [
    lambda: Status(199),
    lambda: Status(True),
    lambda: Status(600),
    lambda: Status(503, shape="odd"),
    lambda: Status(503, shape="ups", body="x"),
    lambda: Status(204, body="x"),
    lambda: Status(503, headers={"Content-Length": "3"}),
    lambda: Status(503, headers={"X-A": "line\r\nX-B: more"}),
    lambda: Status(503, body={"a": float("nan")}),
    lambda: Throttle("later"),
    lambda: Throttle(-1),
    lambda: Redirect(to="http://192.168.0.1"),
    lambda: Redirect(to="http://example.com@192.168.0.1"),
    lambda: Redirect(200),
    lambda: Types("colour"),
    lambda: Length(0),
    lambda: Gzip("garbage", mb=3),
    lambda: Reset("start", keep=3),
    lambda: Wait(0),
    lambda: Wait(float("inf")),
    lambda: Fault(Count(), path="data"),
    lambda: Fault(Count(), method="get"),
    lambda: Fault(Count(), times=0),
    lambda: Fault(Count(), times=True),
    lambda: Fault(Count(), after=-1),
    lambda: Fault(Count(), probability=0),
    lambda: Fault(Count(), probability=1.5),
    lambda: Fault(Count(), from_s=10, until_s=10),
    lambda: Fault(Count(), until_s=float("nan")),
]


@pytest.mark.parametrize("make", BAD)
def test_values_that_mean_nothing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(BadKeyError):
        make()


REAL = [
    "https://platform.adobe.io/x",
    "PLATFORM.ADOBE.IO",
    "ims-na1.adobelogin.com",
    "http://x.adobe.com:443/",
    "ｐlatform.ａdobe.io",
    f"Bearer eyJ{'a' * 20}.eyJ{'b' * 20}.{'c' * 20}",
]


@pytest.mark.parametrize("text", REAL)
def test_nothing_real_gets_into_a_fault(text: str) -> None:
    for body in (text, {"deep": [{"er": text}]}, {text: 1}, text.encode("latin-1", "ignore")):
        if text.isascii() or not isinstance(body, bytes):
            with pytest.raises(BadKeyError, match="Adobe's own"):
                Status(200, body=body)
    with pytest.raises(BadKeyError):
        Redirect(to=text)


def test_names_of_errors_are_no_address() -> None:
    Status(400, body={"type": "https://ns.adobe.com/aep/errors/XDM-1000-400", "org": "EMULATED1@AdobeOrg"})


# Instead of the service


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 503, 599])
async def test_a_status_comes_in_every_shape(caller: Caller, shape: str, status: int) -> None:
    caller.emulator.faults.add(Fault(Status(status, shape=shape)))
    answer = await get(caller)
    assert answer.status_code == status
    assert answer.headers["X-Request-Id"]
    match shape:
        case "gateway":
            assert set(answer.json()) == {"error_code", "message"}
            assert len(answer.json()["error_code"]) == 6
        case "problem":
            assert set(answer.json()) == {"type", "status", "title", "detail"}
        case "report":
            assert answer.json()["report"]["registryRequestId"] == answer.headers["X-Request-Id"]
        case "ups":
            (entry,) = answer.json()["errors"][str(status)]
            assert entry["code"] == answer.json()["status"] == status
        case "loose":
            assert answer.json()["statusCode"] == str(status)
        case "ims":
            assert set(answer.json()) == {"error", "error_description"}
        case "html":
            assert answer.headers["Content-Type"].startswith("text/html")
            assert answer.text.startswith("<html>")
        case "text":
            assert answer.headers["Content-Type"].startswith("text/plain")
        case _:
            assert answer.content == b""
            assert "Content-Type" not in answer.headers


async def test_a_status_takes_any_body_and_headers(caller: Caller) -> None:
    faults = caller.emulator.faults
    for body, content in (
        ("<p>", b"<p>"),
        ({"a": [1]}, b'{"a": [1]}'),
        (b"\xff", b"\xff"),
        ("\ud800", b"\xed\xa0\x80"),
    ):
        faults.add(Fault(Status(200, body=body, headers={"Content-Type": "text/odd", "ETag": '"7"'}), times=1))
        answer = await get(caller)
        assert (answer.content, answer.headers["Content-Type"], answer.headers["ETag"]) == (content, "text/odd", '"7"')
    faults.add(Fault(Status(200, body=b"x" * 20_000_000), times=1))
    assert len((await get(caller)).content) == 20_000_000
    faults.add(Fault(Status(204), times=1))
    assert (await get(caller)).content == b""


@pytest.mark.parametrize("form", ["none", 0, 5, 9999, "date", "past", "garbage"])
async def test_a_throttled_caller_is_told_when_in_every_form(caller: Caller, form: str | int) -> None:
    caller.emulator.faults.add(Fault(Throttle(form)))
    answer = await get(caller)
    assert (answer.status_code, answer.json()["error_code"]) == (429, "429050")
    said = answer.headers.get("Retry-After")
    match form:
        case "none":
            assert said is None
        case int():
            assert said == str(form)
        case "garbage":
            assert said is not None
            assert not said.isdigit()
        case _:
            assert said is not None
            ahead = (parsedate_to_datetime(said) - caller.clock.now()).total_seconds()
            assert ahead == (5 if form == "date" else -86_400)


async def test_a_revoked_token_is_refused_until_another_is_fetched(caller: Caller) -> None:
    known = caller.emulator.credentials
    caller.emulator.faults.add(Fault(Revoke(), path=JOBS, times=1, after=1))
    assert await statuses(caller, 3) == [200, 401, 401]
    answer = await get(caller)
    assert answer.json()["error_code"] == "401013"
    assert (await get(caller, f"{CATALOG}/dataSets")).status_code == 401
    known.access_token = known.issue(known.full)
    assert await statuses(caller, 2) == [200, 200]


async def test_a_page_of_html_comes_with_any_status(caller: Caller) -> None:
    for effect, status in ((Html(), 404), (Html(200), 200)):
        caller.emulator.faults.add(Fault(effect, times=1))
        answer = await get(caller)
        assert answer.status_code == status
        assert answer.text.startswith("<html>")


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("loop", f"{JOBS}?limit=3"),
        ("moved", f"{JOBS}/moved?limit=3"),
        ("loopback", f"http://127.0.0.1:9{JOBS}?limit=3"),
        ("example", f"https://example.com{JOBS}?limit=3"),
        ("http://127.0.0.1:8123", f"http://127.0.0.1:8123{JOBS}?limit=3"),
    ],
)
async def test_a_redirect_leads_where_it_is_told_to(caller: Caller, to: str, location: str) -> None:
    for status in (301, 302, 303, 307, 308):
        caller.emulator.faults.add(Fault(Redirect(status, to=to), times=1))
        answer = await get(caller, limit=3)
        assert (answer.status_code, answer.headers["Location"]) == (status, location)


async def test_a_redirect_of_a_path_with_two_slashes_names_no_host(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Redirect()))
    answer = await caller.http.get("http://127.0.0.1//platform.example.com/x")
    assert answer.headers["Location"] == "/platform.example.com/x"


# The answer's JSON


async def page(caller: Caller, effect: Effect, path: str = JOBS, **params: Any) -> Any:
    caller.emulator.faults.add(Fault(effect, times=1))
    answer = await get(caller, path, **params)
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    return answer.json()


async def test_values_get_another_type(caller: Caller) -> None:
    whole = (await get(caller, limit=2)).json()
    record = (await page(caller, Types("text", ["id", "creationTime"]), limit=2))["records"][0]
    assert (record["id"], record["creationTime"]) == tuple(
        str(whole["records"][0][key]) for key in ("id", "creationTime")
    )
    assert isinstance(record["updateTime"], int)
    record = (await page(caller, Types("number", ["records.status"]), limit=2))["records"][0]
    assert isinstance(record["status"], int)
    assert isinstance((await page(caller, Types("object", ["records"]), limit=2))["records"], dict)
    assert isinstance((await page(caller, Types("list", ["destination"]), limit=2))["records"][0]["destination"], list)
    everything = await page(caller, Types("list"), limit=2)
    assert all(isinstance(value, list) for value in everything.values())
    assert (await page(caller, Types("boolean", ["id"]), limit=2))["records"][0]["id"] is True
    number = (await page(caller, Types("nan", ["id"]), limit=2))["records"][0]["id"]
    assert number != number  # noqa: PLR0124 - only NaN differs from itself


async def test_values_go_or_become_null(caller: Caller) -> None:
    nulls = await page(caller, Nulls(["metrics", "link.next"]), limit=2)
    assert [one["metrics"] for one in nulls["records"]] == [None, None]
    assert nulls["link"] == {"next": None}
    assert set((await page(caller, Nulls(), limit=2)).values()) == {None}
    less = await page(caller, Missing(["*Time", "link"]), limit=2)
    assert "link" not in less
    assert all("creationTime" not in one and "id" in one for one in less["records"])
    assert await page(caller, Missing(), limit=2) == {}


async def test_records_come_twice(caller: Caller) -> None:
    ids = [one["id"] for one in (await page(caller, Duplicates(), limit=2))["records"]]
    assert len(ids) == 4
    assert ids[0] == ids[1] != ids[2] == ids[3]


async def test_a_cursor_leads_in_a_circle(caller: Caller) -> None:
    first = await page(caller, Cursor(), limit=2)
    assert first["link"]["next"] == "/export/jobs/?limit=2"
    offset = first["page"]["pageOffset"]
    again = await page(caller, Cursor(), limit=2, offset=offset)
    assert again["link"]["next"] == f"/export/jobs/?limit=2&offset={offset}"
    assert (await page(caller, Cursor("first"), limit=2, offset=offset))["link"]["next"] == "/export/jobs/?limit=2"
    last = await page(caller, Cursor(), limit=100)
    assert last["link"]["next"] == "/export/jobs?limit=100", "the last page has a next one too"


async def test_links_lead_elsewhere(caller: Caller) -> None:
    plain = (await get(caller, limit=2)).json()["link"]["next"]
    assert (await page(caller, Foreign("next"), limit=2))["link"]["next"] == f"https://example.com{plain}"
    moved = await page(caller, Foreign("all", "loopback"), limit=2)
    assert moved["link"]["next"].startswith("http://127.0.0.1:9/export/jobs/")
    assert (await page(caller, Foreign("hrefs"), limit=2))["link"]["next"] == plain


async def test_hrefs_lead_elsewhere(caller: Caller) -> None:
    effect = Foreign("hrefs", "http://127.0.0.1:8123")
    links = {"self": {"href": "http://127.0.0.1:1/a?b=c"}, "next": {"href": "/d"}}
    body = {"_links": links, "data": [{"href": "e"}, {"href": "http://["}]}
    caller.emulator.faults.add(Fault(effect))
    caller.emulator.faults.add(Fault(Status(200, body=body)))
    moved = (await get(caller)).json()
    assert moved["_links"]["self"]["href"] == "http://127.0.0.1:8123/a?b=c"
    assert moved["_links"]["next"]["href"] == "http://127.0.0.1:8123/d"
    assert moved["data"] == [{"href": f"http://127.0.0.1:8123{JOBS}"}] * 2


async def test_a_wrong_clock_shifts_the_date_and_every_time(caller: Caller) -> None:
    right = await get(caller, limit=1)
    caller.emulator.faults.add(Fault(Skew(-3_600)))
    wrong = await get(caller, limit=1)
    dates = [parsedate_to_datetime(one.headers["Date"]) for one in (right, wrong)]
    assert (dates[0] - dates[1]).total_seconds() == 3_600
    assert dates[0] == caller.clock.now()
    times = [one.json()["records"][0]["creationTime"] for one in (right, wrong)]
    assert times[0] - times[1] == 3_600_000
    body = {"a": "2026-01-01T00:30:00.123Z", "b": "2026-01-01 00:30:00", "c": "2026-01-01T00:30:00+01:00", "d": "x1"}
    caller.emulator.faults.add(Fault(Status(200, body=body)))
    assert (await get(caller)).json() == {
        "a": "2025-12-31T23:30:00.123Z",
        "b": "2025-12-31 23:30:00",
        "c": "2025-12-31T23:30:00+01:00",
        "d": "x1",
    }


async def test_what_is_no_json_passes_as_it_is(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Missing()))
    assert (await get(caller, "/nowhere")).text.startswith("<html>")
    caller.emulator.faults.add(Fault(Status(200, body="{not json")))
    assert (await get(caller)).text == "{not json"
    caller.emulator.faults.clear()
    deep = "[" * 900 + "]" * 900
    caller.emulator.faults.add(Fault(Nulls()))
    caller.emulator.faults.add(Fault(Status(200, body=deep)))
    assert (await get(caller)).text == deep


# The answer's bytes, as far as they can be seen without a connection


async def test_a_cut_answer_keeps_its_length_and_its_effect(caller: Caller) -> None:
    body = minimal(await caller.dataset())
    before = (await caller.get(JOBS, limit=1))["records"][0]["id"]
    for number, effect in enumerate((Truncate(10), Lose(), Reset("headers"), Reset("body")), start=1):
        caller.emulator.faults.add(Fault(effect, method="POST", times=1))
        cut = await caller.post(JOBS, body)
        assert len(cut.content) == (10 if number == 1 else 0) < int(cut.headers["Content-Length"])
        assert (await caller.get(JOBS, limit=1))["records"][0]["id"] == before + number
    caller.emulator.faults.add(Fault(Reset(), method="POST", times=1))
    await caller.post(JOBS, body)
    assert (await caller.get(JOBS, limit=1))["records"][0]["id"] == before + 4, "the service was not reached"


async def test_a_length_can_lie(caller: Caller) -> None:
    for by in (-7, 7):
        caller.emulator.faults.add(Fault(Length(by), times=1))
        answer = await get(caller, limit=1)
        assert int(answer.headers["Content-Length"]) == len(answer.content) + by


async def test_an_endless_answer_ends_where_nobody_could_leave(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Endless("bytes"), times=1))
    answer = await get(caller)
    assert 8_000_000 < len(answer.content) < 9_000_000
    assert "Content-Length" not in answer.headers


async def test_gzip_can_be_none_or_half_or_a_bomb(caller: Caller) -> None:
    for how in ("garbage", "cut"):
        caller.emulator.faults.add(Fault(Gzip(how), times=1))
        request = get(caller, limit=2)
        if how == "garbage":
            with pytest.raises(httpx.DecodingError):
                await request
        else:
            with pytest.raises(json.JSONDecodeError):
                (await request).json()
    caller.emulator.faults.add(Fault(Gzip("bomb", mb=3), times=1))
    answer = await get(caller)
    assert int(answer.headers["Content-Length"]) < 20_000
    assert len(answer.json()["padding"]) == 3 * 1_048_576


async def test_text_can_come_in_another_encoding(caller: Caller) -> None:
    plain = (await get(caller, limit=1)).json()
    for how, encoding in (("utf-16", "utf-16"), ("bom", "utf-8-sig")):
        caller.emulator.faults.add(Fault(Encoding(how), times=1))
        got = (await get(caller, limit=1)).content
        assert not got.startswith(b"{")
        assert json.loads(got.decode(encoding)).keys() == plain.keys()
    caller.emulator.faults.add(Fault(Encoding("invalid"), times=1))
    with pytest.raises(UnicodeDecodeError):
        (await get(caller, limit=1)).content.decode()


async def test_headers_come_twice_or_not_at_all(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Headers(add={"X-A": "1"}, remove=["Date"], twice=["Content-Type"])))
    answer = await get(caller, limit=1)
    assert len(answer.headers.get_list("Content-Type")) == 2
    assert answer.headers["X-A"] == "1"
    assert "Date" not in answer.headers


# Time


async def test_a_wait_is_by_the_clock_that_nothing_stops(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Wait(1), path=CATALOG + "*"))
    caller.emulator.time.pause()
    start = caller.clock.monotonic()
    answer, _ = await asyncio.gather(get(caller, f"{CATALOG}/dataSets"), caller.clock.advance(1))
    assert answer.status_code == 200
    assert caller.clock.monotonic() == start + 1


async def test_every_answer_says_the_platforms_time(start: Start) -> None:
    caller = start()
    caller.emulator.time.step(86_400)
    for path in (JOBS, "/nowhere"):
        said = parsedate_to_datetime((await get(caller, path)).headers["Date"])
        assert said == caller.emulator.time.now() > caller.clock.now()


# Bodies and queries nobody thought of

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

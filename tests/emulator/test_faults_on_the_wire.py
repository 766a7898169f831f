"""Disturbances as bytes on a connection: what no in-process caller can see."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import JOBS, minimal
from tests.emulator.served import Bytes, fetch, headers, served
from tests.support.served_emulator import ServedEmulator
from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.connection import Drip, Lose, Reset, Wait
from tui_app.emulator.faults.document import fault
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.kinds import KINDS
from tui_app.emulator.faults.wire import Endless, Length, Range, Truncate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tui_app.emulator.faults.effect import Effect


class Ground:
    """A served emulator, and requests that show every byte."""

    def __init__(self, emulator: Emulator, url: str) -> None:
        self.emulator = emulator
        self.url = url

    async def fetch(self, *effects: Effect, **more: Any) -> Bytes:
        for effect in effects:
            self.emulator.faults.add(Fault(effect, times=1))
        return await fetch(self.emulator, self.url, **more)

    async def still_answers(self) -> None:
        answer = await fetch(self.emulator, self.url)
        assert (answer.status, answer.end) == (200, "closed")
        json.loads(answer.body)


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    emulator = Emulator(SystemClock(), jobs=20)
    async with served(emulator) as url:
        yield Ground(emulator, url)


async def test_a_reset_is_a_reset_wherever_it_comes(ground: Ground) -> None:
    before = await ground.fetch(Reset())
    assert (before.sent, before.end) == (b"", "reset")
    inside = await ground.fetch(Reset("headers"))
    assert (inside.sent, inside.end) == (b"HTTP/1.1 200 OK\r\ncontent-ty", "reset")
    body = await ground.fetch(Reset("body", keep=20))
    assert (len(body.body), body.end) == (20, "reset")
    assert int(body.header("content-length")[0]) > 20
    await ground.still_answers()


async def test_a_cut_body_ends_quietly_under_its_true_length(ground: Ground) -> None:
    whole = await ground.fetch()
    cut = await ground.fetch(Truncate(10))
    assert (len(cut.body), cut.end) == (10, "closed")
    assert cut.header("content-length") == whole.header("content-length")
    past = await ground.fetch(Truncate(10_000_000))
    assert past.body == whole.body
    assert int(past.header("content-length")[0]) == len(whole.body) + 1


async def test_a_lost_answer_says_nothing_and_its_job_was_made(ground: Ground) -> None:
    world = ground.emulator.world
    async with httpx.AsyncClient(base_url=ground.url, headers=headers(ground.emulator)) as client:
        catalog = "/data/foundation/catalog/dataSets"
        schema = {"id": "https://ns.adobe.com/xdm/context/profile__union", "contentType": "application/json"}
        made = await client.post(catalog, json={"name": "X", "schemaRef": schema})
        dataset = made.json()[0].rpartition("/")[2]
        shelf = world.sandboxes["prod"].shelf
        before = len(shelf)
        ground.emulator.faults.add(Fault(Lose(), method="POST", times=1))
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await client.post(JOBS, json=minimal(dataset))
        assert len(shelf) == before + 1
    nothing = await ground.fetch(Lose())
    assert (nothing.sent, nothing.end) == (b"", "closed")


async def test_a_length_that_is_wrong_is_wrong_on_the_wire(ground: Ground) -> None:
    whole = await ground.fetch()
    for by in (9, -9, -1_000_000):
        lie = await ground.fetch(Length(by))
        assert int(lie.header("content-length")[0]) == max(0, len(whole.body) + by)
        assert (lie.body, lie.end) == (whole.body, "closed")
    head = await ground.fetch(Length(9), method="HEAD")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize("what", ["json", "bytes"])
async def test_an_endless_body_lasts_until_the_caller_leaves(ground: Ground, what: str) -> None:
    quiet = len(asyncio.all_tasks())
    endless = await ground.fetch(Endless(what), most=3_000_000)
    assert endless.end == "most"
    assert endless.header("transfer-encoding") == ["chunked"]
    if what == "json":
        assert b'{"records":[' in endless.body[:40]
    for _ in range(100):
        await ground.still_answers()
        if len(asyncio.all_tasks()) <= quiet:
            return
    pytest.fail("it goes on after the caller has left")


async def test_a_body_comes_in_drops(ground: Ground) -> None:
    began = time.monotonic()
    slow = await ground.fetch(Drip(10_000))
    assert 0.1 < time.monotonic() - began < 2
    assert len(json.loads(slow.body)["records"]) == 2


async def test_a_caller_that_will_not_wait_is_not_waited_for(ground: Ground) -> None:
    with pytest.raises(TimeoutError):
        await ground.fetch(Wait(3_600), timeout_s=0.05)
    await ground.still_answers()
    late = await ground.fetch(Wait(0.05))
    assert late.status == 200


async def test_the_service_never_hears_of_a_caller_who_left_while_waiting(ground: Ground) -> None:
    shelf = ground.emulator.world.sandboxes["prod"].shelf
    newest = shelf.job(len(shelf) - 1)
    quiet = asyncio.all_tasks()
    with pytest.raises(TimeoutError):
        await ground.fetch(Wait(0.2), method="DELETE", path=f"{JOBS}/{newest.job_id}", timeout_s=0.05)
    await asyncio.wait(asyncio.all_tasks() - quiet)
    assert shelf.job(len(shelf) - 1).plan.cancelled_ms is None


async def file_url(ground: Ground) -> str:
    """Return the path of a file of the newest job that went well."""
    async with httpx.AsyncClient(base_url=ground.url, headers=headers(ground.emulator)) as client:
        jobs = (await client.get(JOBS, params={"status": "SUCCEEDED", "limit": 20})).json()["records"]
        batches = [one["destination"]["batchId"] for one in jobs if one["destination"].get("batchId")]
        for batch in batches:
            listed = (await client.get(f"/data/foundation/export/batches/{batch}/files")).json()
            for entry in listed["data"]:
                parts = (await client.get(httpx.URL(entry["_links"]["self"]["href"]).path)).json()["data"]
                if parts and int(parts[0]["length"]) > 1_000:
                    return httpx.URL(parts[0]["_links"]["self"]["href"]).raw_path.decode()
    raise AssertionError("no job wrote a file")


async def test_a_range_can_be_wrong_in_every_way(ground: Ground) -> None:
    path = await file_url(ground)
    right = await ground.fetch(path=path, Range="bytes=10-29")
    assert (right.status, len(right.body)) == (206, 20)
    whole = await ground.fetch(path=path)
    total = len(whole.body)
    assert right.body == whole.body[10:30]
    assert right.header("content-range") == [f"bytes 10-29/{total}"]
    wrong = {
        how: await ground.fetch(Range(how), path=path, Range="bytes=10-29")
        for how in ("start", "total", "missing", "bytes", "ignored")
    }
    assert wrong["start"].header("content-range") == [f"bytes 11-30/{total}"]
    assert wrong["total"].header("content-range") == [f"bytes 10-29/{total * 2}"]
    assert wrong["missing"].header("content-range") == []
    assert wrong["bytes"].header("content-range") == right.header("content-range")
    assert len(wrong["bytes"].body) == 20
    assert wrong["bytes"].body != right.body
    assert (wrong["ignored"].status, wrong["ignored"].body) == (200, whole.body)
    cut = await ground.fetch(Truncate(1_000), path=path)
    assert (len(cut.body), cut.header("content-length")) == (1_000, [str(total)])


# Any faults together with any request

GIVEN: dict[str, list[dict[str, Any]]] = {
    "status": [{"status": 503, "shape": "ups"}, {"status": 204}, {"status": 200, "body": []}, {"status": 304}],
    "throttle": [{"retry_after": "past"}, {"retry_after": 9999}],
    "revoke": [{}],
    "html": [{}, {"status": 200}],
    "redirect": [{}, {"to": "example"}],
    "types": [{"into": into} for into in ("text", "number", "list", "object", "boolean", "nan")],
    "nulls": [{}, {"names": ["id", "records.*"]}],
    "missing": [{}, {"names": ["records"]}],
    "duplicates": [{}],
    "cursor": [{}, {"to": "first"}],
    "foreign": [{}, {"links": "hrefs", "to": "loopback"}],
    "skew": [{"seconds": 1e6}, {"seconds": -1.5}],
    "truncate": [{"keep": 0}, {"keep": 100}, {"keep": 2**40}],
    "endless": [{"what": "bytes"}, {}],
    "length": [{"by": 1}, {"by": -1}, {"by": -(2**40)}, {"by": 2**40}],
    "range": [{"wrong": wrong} for wrong in ("start", "bytes", "ignored")],
    "gzip": [{}, {"how": "cut"}, {"how": "bomb", "mb": 1}],
    "encoding": [{}, {"how": "bom"}, {"how": "invalid"}],
    "headers": [{"add": {"Content-Type": "x/y", "Connection": "close"}, "twice": ["content-type"], "remove": ["date"]}],
    "wait": [{"seconds": 0.01}],
    "drip": [{"bytes_a_second": 1e6}],
    "reset": [{}, {"at": "headers"}, {"at": "body", "keep": 7}],
    "lose": [{}],
    "count": [{}],
}
PATHS = [JOBS, f"{JOBS}/1", "/ims/token/v3", "/data/foundation/catalog/dataSets", "/nowhere", "/", "//x", "/%00"]
some_faults = st.lists(
    st.sampled_from([{"kind": kind} | keys for kind, options in GIVEN.items() for keys in options]),
    min_size=1,
    max_size=6,
)


def test_every_kind_is_tried() -> None:
    assert set(GIVEN) == set(KINDS)


@pytest.fixture(scope="module")
def shared() -> Iterator[ServedEmulator]:
    with ServedEmulator(jobs=20) as platform:
        yield platform


def talk(platform: ServedEmulator, request: bytes) -> bytes:
    """Send bytes and read until the end, or as much as one would of a body without end."""
    port = int(platform.base_url.rpartition(":")[2])
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(request)
            while len(got) < 300_000 and (part := connection.recv(65_536)):
                got += part
        except ConnectionError:
            pass
    return got


def request_of(platform: ServedEmulator, method: str, path: str, body: bytes = b"") -> bytes:
    known = platform.emulator.credentials
    token = known.issue(known.full)  # a fault may have ended the one before
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: test",
        "Connection: close",
        f"Authorization: Bearer {token}",
        f"x-api-key: {known.client_id}",
        f"x-gw-ims-org-id: {known.org_id}",
        "x-sandbox-name: prod",
        "Range: bytes=0-9",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@settings(max_examples=150, deadline=None)
@given(
    written=some_faults,
    method=st.sampled_from(["GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS"]),
    path=st.sampled_from(PATHS),
    body=st.sampled_from([b"", b"{}", b"grant_type=x", b"\xff"]),
)
def test_no_faults_and_no_request_stop_it_answering(
    shared: ServedEmulator, written: list[dict[str, Any]], method: str, path: str, body: bytes
) -> None:
    faults = shared.emulator.faults
    for one in written:
        faults.add(fault(one))
    talk(shared, request_of(shared, method, path, body))
    faults.clear()
    plain = talk(shared, request_of(shared, "GET", f"{JOBS}?limit=1"))
    assert plain.startswith(b"HTTP/1.1 200 ")
    json.loads(plain.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"x" * 200_000],
)
def test_what_is_no_http_is_hung_up_on(shared: ServedEmulator, garbage: bytes) -> None:
    assert talk(shared, garbage)[:12] in {b"HTTP/1.1 400", b""}
    good = request_of(shared, "GET", f"{JOBS}?limit=1")
    keep = good.replace(b"Connection: close\r\n", b"")
    assert talk(shared, keep + garbage)[:12] in {b"HTTP/1.1 200", b""}
    assert talk(shared, good).startswith(b"HTTP/1.1 200 ")

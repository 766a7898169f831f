"""Bodies that are too large, too deep, not JSON, cut short or damaged; from scripted streams and real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.api.support import JOB, BrokenStream, Platform, SkippingClock, answer, client, secrets
from tests.support.clock import FakeClock
from tui_app.api.answer import Answer, read_json
from tui_app.api.errors import (
    BadAnswerError,
    CertificateError,
    ConnectError,
    InterruptedAnswerError,
    ServerError,
)
from tui_app.api.stats import Counters
from tui_app.api.tls import tls_context
from tui_app.api.wire import LARGEST_ERROR, Call, Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tui_app.api.client import AepClient

MEGABYTE = b" " * 1_000_000


async def test_body_without_announced_length_is_read_to_the_cap_only() -> None:
    stream = BrokenStream(*[MEGABYTE] * 20)
    platform = Platform([httpx.Response(200, stream=stream)])
    with pytest.raises(BadAnswerError, match="10 MB") as caught:
        await client(platform).export_jobs.list_page()
    assert stream.read == 11_000_000
    assert "fewer records" in str(caught.value)
    assert len(platform.requests) == 1


async def test_announced_20_mb_are_not_read_at_all() -> None:
    stream = BrokenStream(*[MEGABYTE] * 20)
    platform = Platform([httpx.Response(200, stream=stream, headers={"content-length": "20000000"})])
    with pytest.raises(BadAnswerError, match="10 MB; this one is 20 MB"):
        await client(platform).export_jobs.list_page()
    assert stream.read == 0


async def test_compressed_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(MEGABYTE * 50)
    chunks = [bomb[start : start + 4096] for start in range(0, len(bomb), 4096)]
    stream = BrokenStream(*chunks)
    platform = Platform([httpx.Response(200, stream=stream, headers={"content-encoding": "gzip"})])
    with pytest.raises(BadAnswerError, match="10 MB"):
        await client(platform).export_jobs.list_page()
    assert stream.read < len(bomb)


async def test_error_body_is_read_in_part() -> None:
    stream = BrokenStream(*[MEGABYTE] * 20)
    platform = Platform([httpx.Response(501, stream=stream)])
    with pytest.raises(ServerError):
        await client(platform).export_jobs.list_page()
    assert stream.read < 2 * LARGEST_ERROR + len(MEGABYTE)


async def test_error_whose_body_breaks_keeps_its_status() -> None:
    stream = BrokenStream(b'{"title":', error=httpx.ReadError("x"))
    with pytest.raises(ServerError) as caught:
        await client(Platform([httpx.Response(501, stream=stream)])).export_jobs.list_page()
    assert (caught.value.status, caught.value.title) == (501, '{"title":')


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"<html>Sign in\x1b</html>", "text/html; charset=utf-8", r"(text/html): <html>Sign in\x1b</html>"),
        (b"", "application/json", "The answer 200 is empty"),
        (b"  \n", "application/json", "is empty"),
        (b'{"records": [', "application/json", 'not JSON (application/json): {"records": ['),
        (b"\xff\xfe\x00", "application/json", "not JSON"),
        (b"x" * 999, "", "not JSON (no type): " + "x" * 200 + " Check"),
        (b"[" * 100_000, "application/json", "deeper than 201"),
        (b"[" * 210 + b"]" * 210, "application/json", "deeper than 201"),
        (b'{"a":' * 210 + b"1" + b"}" * 210, "application/json", "deeper than 201"),
        (b"9" * 5000, "application/json", "not JSON"),
    ],
)  # fmt: skip
async def test_what_is_no_readable_json_is_named(body: bytes, kind: str, says: str) -> None:
    platform = Platform([answer(200, body, content_type=kind)])
    with pytest.raises(BadAnswerError) as caught:
        await client(platform).export_jobs.list_page()
    assert says in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    "body", [b'\xef\xbb\xbf{"a": 1}', b'{"a": 2, "a": 1}', '{"a": 1}'.encode("utf-16"), b'{"b": NaN, "a": 1}']
)
def test_harmless_oddities_are_let_pass(body: bytes) -> None:
    assert read_json(Answer(200, {}, body), what="x")["a"] == 1


def test_64_levels_are_read() -> None:
    body = b"[" * 201 + b"]" * 201
    assert read_json(Answer(200, {}, body), what="x")[0][0]


async def test_get_of_a_cut_body_is_tried_again() -> None:
    cut = httpx.Response(200, stream=BrokenStream(b'{"id"', error=httpx.RemoteProtocolError("incomplete")))
    platform = Platform([cut, answer(200, JOB)])
    assert (await client(platform).export_jobs.get("7")).job_id == "31007"
    clock = SkippingClock()
    with pytest.raises(InterruptedAnswerError, match="before the answer was whole") as caught:
        await client(Platform([cut]), clock).export_jobs.get("7")
    assert len(clock.slept) == 3
    assert not caught.value.ambiguous


async def test_damaged_compression_is_named() -> None:
    platform = Platform([answer(200, b"x" * 99, content_encoding="gzip")])
    with pytest.raises(BadAnswerError, match="cannot be decompressed"):
        await client(platform).export_jobs.get("7")


async def test_answer_that_trickles_in_is_given_up() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

    clock = FakeClock()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    wire = Wire(
        clock=clock, counters=Counters(clock), base_url="https://x.example", transport=transport, call_seconds=0.01
    )
    with pytest.raises(InterruptedAnswerError, match=r"within 0\.01 s") as caught:
        await wire.exchange(Call("POST", "https://x.example/", {}, b"{}", "It failed.", mutating=True))
    assert caught.value.ambiguous
    await wire.aclose()


@asynccontextmanager
async def server(*replies: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A socket that reads a request, sends the next reply as it is, and hangs up."""
    received: list[bytes] = []
    left = list(replies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        received.append(head + await reader.readexactly(int(length[1]) if length else 0))
        writer.write(left.pop(0) if left else b"")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", received
    finally:
        listener.close()
        await listener.wait_closed()


def over_network(url: str) -> AepClient:
    return client(None, base_url=url, credentials=secrets(None, "given"))


def reply(body: bytes, *, length: int | None = None, status: str = "200 OK") -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


async def test_real_socket_cut_in_the_body_of_a_get_then_whole() -> None:
    whole = json.dumps(JOB).encode()
    async with server(reply(whole[:5], length=len(whole)), b"", reply(whole)) as (url, received):
        aep = over_network(url)
        assert (await aep.export_jobs.get("7")).job_id == "31007"
        await aep.aclose()
    assert len(received) == 3


@pytest.mark.parametrize("sent", [b"", reply(b'{"id"', length=99), b"HTTP/1.1 200", b"garbage\r\n\r\n"])
async def test_real_socket_cut_after_a_post_is_unknown_and_sent_once(sent: bytes) -> None:
    async with server(sent) as (url, received):
        aep = over_network(url)
        with pytest.raises(InterruptedAnswerError) as caught:
            await aep.export_jobs.create({"a": 1})
        await aep.aclose()
    assert len(received) == 1
    assert caught.value.ambiguous


async def test_real_socket_that_refuses_means_nothing_left() -> None:
    async with server() as (url, _):
        pass
    aep = over_network(url)
    with pytest.raises(ConnectError, match=rf"127\.0\.0\.1:{url.rpartition(':')[2]} cannot be reached") as caught:
        await aep.export_jobs.create({"a": 1})
    await aep.aclose()
    assert not caught.value.ambiguous


def test_tls_verifies_and_is_modern() -> None:
    context = tls_context(None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_unusable_ca_bundle_names_the_file(tmp_path: Path, content: bytes | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(CertificateError, match=r"ca\.pem"):
        tls_context(bundle)

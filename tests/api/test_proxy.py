"""Proxies of the environment: used for the platform, never for this machine, and explained when they cannot be."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.support import client
from tui_app.api.errors import ApiError

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY"])
async def test_a_secret_for_this_machine_takes_no_way_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1_000))
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
        aep = client(None, base_url="https://platform.example", ims_url="http://127.0.0.1:1")
        with pytest.raises(ApiError, match=r"cannot be reached"):
            await aep.sign_in()
        await aep.aclose()
    assert heard == []


@pytest.mark.parametrize(
    "address", ["socks5://u:pw-canary@127.0.0.1:1", "http://[/x]\x1b", "ftp://host", "http://[::1"]
)
async def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    aep = client(None, base_url="https://platform.example", ims_url="https://ims.example")
    with pytest.raises(ApiError) as caught:
        await aep.sign_in()
    assert "proxy of the environment" in caught.value.cause
    assert "HTTPS_PROXY" in caught.value.next_step
    assert "canary" not in str(caught.value)

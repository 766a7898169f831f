"""No address that could be read as another origin ever gets a request."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.support import connection
from tui_app.api.errors import ApiError, OriginError
from tui_app.api.origin import Origin, path_segment, with_query

BASE = Origin.of("https://platform.adobe.io")

HOSTILE = [
    "https://evil.example/x",
    "https://platform.adobe.io.evil.example/x",
    "https://evil.example/platform.adobe.io",
    "https://platform.adobe.io@evil.example/x",
    "https://platform.adobe.io:443@evil.example/x",
    "https://evil.example#@platform.adobe.io/x",
    "https://user:pw@platform.adobe.io/x",
    "https://platform.adobe.io:8443/x",
    "https://platform.adobe.io:80/x",
    "https://platform.adobe.io:0/x",
    "https://platform.adobe.io:99999/x",
    "https://platform.adobe.io:abc/x",
    "https://platform.adobe.io./x",
    "https://sub.platform.adobe.io/x",
    "https://adobe.io/x",
    "http://platform.adobe.io/x",
    "http://platform.adobe.io:443/x",
    "//evil.example/x",
    "///evil.example/x",
    "/\\evil.example/x",
    "\\\\evil.example\\x",
    "https:\\\\evil.example\\x",
    "https:///x",
    "https:/x",
    "https:x",
    "https://",
    "https://platform.adobe.io\\@evil.example/x",
    "https://platform.adobe.io//evil.example/x",
    "https://platform.adobe.io/a/../../b",
    "/a/%2e%2E/b",
    "/./a",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://platform.adobe.io/x",
    "https://plаtform.adobe.io/x",
    "https://platform.adobe.io/ä",
    " https://platform.adobe.io/x",
    "https://platform.adobe.io/x y",
    "https://platform.adobe.io/x\r\nX-Injected: 1",
    "https://platform\t.adobe.io/x",
    "\x00/x",
    "/x#fragment",
    "[::1]/x",
    "https://[::1/x",
    "relative/path",
    "?offset=1",
    "",
]


@pytest.mark.parametrize("reference", HOSTILE)
def test_hostile_reference_is_refused(reference: str) -> None:
    with pytest.raises(OriginError) as caught:
        BASE.resolve(reference)
    assert "https://platform.adobe.io" in str(caught.value)
    assert not set(str(caught.value)) & {"\r", "\n", "\x00", "\t"}


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("/data/core/ups/export/jobs?limit=2", "https://platform.adobe.io/data/core/ups/export/jobs?limit=2"),
        ("https://platform.adobe.io:443/x/?a={b}", "https://platform.adobe.io/x/?a={b}"),
        ("https://PLATFORM.adobe.io/X", "https://platform.adobe.io/X"),
        ("/a%2Fb", "https://platform.adobe.io/a%2Fb"),
    ],
)
def test_own_reference_is_taken(reference: str, url: str) -> None:
    assert BASE.resolve(reference) == url


def test_a_port_and_a_prefix_of_the_base_are_kept() -> None:
    origin = Origin.of("http://127.0.0.1:8787/aep/")
    assert origin.resolve("/x") == "http://127.0.0.1:8787/aep/x"
    assert origin.resolve("http://127.0.0.1:8787/other") == "http://127.0.0.1:8787/other"
    assert Origin.of("http://[::1]:80").resolve("/x") == "http://[::1]/x"


@pytest.mark.parametrize(
    "base",
    ["http://platform.adobe.io", "http://127.0.0.1.evil.example", "ftp://x", "platform.adobe.io", "", "https://a?b"],
)
def test_unsafe_base_url_is_refused_with_the_settings_name(base: str) -> None:
    with pytest.raises(OriginError, match="ims_url"):
        Origin.of(base, setting="ims_url")


def test_configured_addresses_pass_the_guard() -> None:
    assert str(Origin.of(connection(base_url="http://localhost:8787").base_url)) == "http://localhost:8787"


@given(st.text())
def test_whatever_resolves_stays_at_home(reference: str) -> None:
    try:
        url = httpx.URL(BASE.resolve(reference))
    except OriginError:
        return
    assert (url.scheme, url.host, url.port, url.userinfo) == ("https", "platform.adobe.io", None, b"")


@given(st.text(st.characters(exclude_categories=[]), min_size=1))
def test_an_id_stays_one_segment(value: str) -> None:
    if value in {".", ".."}:
        return
    try:
        segment = path_segment(value)
    except ApiError:
        assert any("\ud800" <= char <= "\udfff" for char in value)
        return
    url = httpx.URL(BASE.resolve(f"/jobs/{segment}"))
    assert url.raw_path == f"/jobs/{segment}".encode()


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_id_that_means_the_collection_is_refused(value: str) -> None:
    with pytest.raises(ApiError, match="whole collection"):
        path_segment(value)


def test_an_id_with_half_a_character_is_refused() -> None:
    with pytest.raises(ApiError, match=r"id a\\ud800\."):
        path_segment("a\ud800")
    assert with_query("/x", [("offset", "\ud800")]) == "/x?offset=%3F"


def test_query_is_encoded() -> None:
    assert with_query("/x", [("name", "a b&c=/ä")]) == "/x?name=a+b%26c%3D%2F%C3%A4"
    assert with_query("/x", []) == "/x"

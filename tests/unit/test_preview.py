"""The preview of a request: exact, harmless, and without a secret."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.support.samples import create_body
from tui_app.present.preview import EXPORT_JOBS, Target, curl_text, json_text
from tui_app.text import safe_text

TARGET = Target(
    base_url="https://platform.example/", path=EXPORT_JOBS, org_id="0123@AdobeOrg", sandbox_name="loyalty's"
)
HOSTILE = ("it's $(rm -rf /) `x`", "a\u202eb\u200b", "\x1b]0;title\x07", "tab\there", "\x9b31m\x7f", '"quoted"\\')


def words(text: str) -> list[str]:
    """Read a command as a shell does, line continuations included."""
    return shlex.split(text.replace(" \\\n", " "))


def test_json_reads_back_as_the_body() -> None:
    assert json.loads(json_text(create_body())) == create_body()


def test_json_keeps_letters_of_any_script_readable() -> None:
    assert "輸出 Größe" in json_text({"name": "輸出 Größe"})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_escaped_and_still_means_the_same(text: str) -> None:
    shown = json_text({"name": text})
    assert safe_text(shown, lines=True) == shown
    assert json.loads(shown) == {"name": text}


@pytest.mark.parametrize("text", HOSTILE)
def test_the_shell_takes_the_body_as_data(text: str) -> None:
    given = words(curl_text(TARGET, {"name": text}))
    assert json.loads(given[given.index("--data-raw") + 1]) == {"name": text}


def test_curl_names_address_organization_and_sandbox() -> None:
    given = words(curl_text(TARGET, create_body()))
    assert given[:4] == ["curl", "--request", "POST", "https://platform.example/data/core/ups/export/jobs"]
    headers = [given[place + 1] for place, word in enumerate(given) if word == "--header"]
    assert headers == [
        "Authorization: Bearer $ACCESS_TOKEN",
        "x-api-key: $AEPX_CLIENT_ID",
        "x-gw-ims-org-id: 0123@AdobeOrg",
        "x-sandbox-name: loyalty's",
        "Content-Type: application/json",
    ]
    assert given[-2:-1] == ["--data-raw"]


def test_only_the_two_placeholders_are_left_to_the_shell() -> None:
    text = curl_text(TARGET, create_body())
    assert text.count('"Authorization: Bearer $ACCESS_TOKEN"') == 1
    assert text.count('"x-api-key: $AEPX_CLIENT_ID"') == 1

"""Owns what a request looks like before it is sent: as JSON, and as curl and Python in which nothing is secret."""

from __future__ import annotations

import json
import pprint
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.text import safe_text

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject

EXPORT_JOBS: Final = "/data/core/ups/export/jobs"
"""API reference 2.2."""
DATASETS: Final = "/data/foundation/catalog/dataSets"
"""API reference 3.1."""
_ANSWERS: Final = {
    EXPORT_JOBS: ("the id of the export job", 'response.json()["id"]'),
    DATASETS: ("the id of the dataset", 'response.json()[0].rpartition("/")[2]'),
}
"""By path: what a creation is answered with, and how a program gets at it (API reference 2.2, 3.1)."""
_ANY_ANSWER: Final = ("the answer", "response.text")
_PYTHON_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request would go."""

    base_url: str
    path: str
    org_id: str
    sandbox_name: str


def json_text(body: JsonObject) -> str:
    """Return a body as indented JSON that a terminal shows as it is and a parser reads back unchanged."""
    text = json.dumps(body, indent=2, ensure_ascii=False)
    # What a terminal would obey or hide is written as JSON's own escapes, so that a copy means the same.
    return text if safe_text(text, lines=True) == text else json.dumps(body, indent=2)


def curl_text(target: Target, body: JsonObject) -> str:
    """Return the command that sends a body with `POST`; the shell fills in `$ACCESS_TOKEN` and `$AEPX_CLIENT_ID`.

    Every text that is not ours is quoted, so that the shell takes it as data (API reference 1.2 for the headers).
    """
    url = f"{target.base_url.rstrip('/')}{target.path}"
    parts = (
        "curl --request POST",
        shlex.quote(safe_text(url)),
        '--header "Authorization: Bearer $ACCESS_TOKEN"',
        '--header "x-api-key: $AEPX_CLIENT_ID"',
        f"--header {shlex.quote(safe_text(f'x-gw-ims-org-id: {target.org_id}'))}",
        f"--header {shlex.quote(safe_text(f'x-sandbox-name: {target.sandbox_name}'))}",
        "--header 'Content-Type: application/json'",
        f"--data-raw {shlex.quote(json_text(body))}",
    )
    return " \\\n  ".join(parts)


def python_text(target: Target, body: JsonObject) -> str:
    """Return a whole Python program that sends a body with `POST`, raises if it is refused, and prints the id.

    It needs httpx, and `ACCESS_TOKEN` and `AEPX_CLIENT_ID` in its environment; every text that is not ours is inside
    a literal. The certificate of the service is verified, as httpx does unless told otherwise.
    """
    what, answer = _ANSWERS.get(target.path, _ANY_ANSWER)
    url = f"{target.base_url.rstrip('/')}{target.path}"
    return "\n".join(
        (
            f'"""Sends one request and prints {what}. Needs httpx, ACCESS_TOKEN and AEPX_CLIENT_ID."""',
            "",
            "import json",
            "import os",
            "",
            "import httpx",
            "",
            f"URL = {_literal(safe_text(url))}",
            "HEADERS = {",
            '    "Authorization": f"Bearer {os.environ[\'ACCESS_TOKEN\']}",',
            '    "x-api-key": os.environ["AEPX_CLIENT_ID"],',
            f'    "x-gw-ims-org-id": {_literal(safe_text(target.org_id))},',
            f'    "x-sandbox-name": {_literal(safe_text(target.sandbox_name))},',
            '    "Content-Type": "application/json",',
            "}",
            f"BODY = {_literal(body)}",
            "",
            "# Sent once: after a timeout, look for what was created before running this again.",
            "response = httpx.post(URL, headers=HEADERS, content=json.dumps(BODY), timeout=60)",
            "response.raise_for_status()",
            f"print({answer})",
            "",
        )
    )


def _literal(value: object) -> str:
    """Return a value of JSON as a Python literal that a terminal shows as it is."""
    text = pprint.pformat(value, width=_PYTHON_WIDTH, sort_dicts=False)
    # Escapes mean the same inside a literal, and outside of one there is only ASCII.
    return text if safe_text(text, lines=True) == text else text.encode("ascii", "backslashreplace").decode()

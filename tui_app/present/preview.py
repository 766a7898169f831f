"""Owns what a request looks like before it is sent: as JSON, and as a curl line in which nothing is secret."""

from __future__ import annotations

import json
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

"""Owns the token endpoint in its spellings, and the refusal of the one that is retired (API reference 1.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tui_app.emulator import safety
from tui_app.emulator.answers import Refusal, json_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway

_SCOPE = re.compile(r"[\w.:/-]+(?:[ ,]+[\w.:/-]+)*", re.ASCII)
_BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))""", re.IGNORECASE)
_FIELD_NAME = re.compile(
    rb"""^content-disposition:[^\r\n]*?;\s*name=(?:"([^"\r\n]*)"|([^\s;"]+))""", re.IGNORECASE | re.MULTILINE
)
_MOST_FIELDS = 50
_QUOTED = 60


def routes(gateway: Gateway) -> list[Route]:
    """Return the routes below `/ims`."""
    return [
        *(gateway.open_route(f"/ims/token/{version}", post=_issue) for version in ("v2", "v3", "v4")),
        gateway.open_route("/ims/exchange/jwt", post=_retired),
    ]


def _issue(call: Call) -> Response:
    form = _form(call)
    known = call.credentials
    grant = form.get("grant_type")
    if not grant:
        raise _refused("invalid_request", "missing grant_type parameter")
    if grant != "client_credentials":
        raise _refused("unsupported_grant_type", f"unsupported grant_type: {grant[:_QUOTED]}")
    client = known.clients.get(form.get("client_id", ""))
    if client is None:
        raise _refused("invalid_client", "invalid client_id parameter")
    if form.get("client_secret") != client.client_secret:
        raise _refused("invalid_client", "invalid client_secret parameter")
    if not _SCOPE.fullmatch(form.get("scope", "")):
        raise _refused("invalid_scope", "missing or invalid scope parameter")
    token = {
        "access_token": known.issue(client),
        "token_type": "bearer",
        "expires_in": known.token_lifetime_s * (1000 if call.dialect.token_life_in_ms else 1),
    }
    return json_answer(token, headers={"Cache-Control": "no-store"})


def _retired(call: Call) -> Response:
    """Refuse the exchange of a signed assertion: the flow is retired, and an assertion would be a real credential."""
    _form(call)
    raise _refused("unsupported_grant_type", "the JWT exchange is retired; ask /ims/token/v3 for client_credentials")


def _refused(error: str, description: str) -> Refusal:
    return Refusal(400, {"error": error, "error_description": description}, headers={"Cache-Control": "no-store"})


def _form(call: Call) -> dict[str, str]:
    """Collect the fields of the query, of a form body and of a multipart body; the body wins.

    Raises:
        Refusal: they cannot be read, one is given twice, or one is a credential of the real platform.
    """
    content_type = call.request.headers.get("content-type", "")
    try:
        query = _once(_pairs(call.request.scope["query_string"]))
        is_multipart = content_type.lower().startswith("multipart/form-data")
        body = _once(_parts(content_type, call.body) if is_multipart else _pairs(call.body))
    except ValueError:
        raise _refused("invalid_request", "the parameters cannot be read, or one is given twice") from None
    safety.check_fields([*query.values(), *body.values()])
    return query | body


def _pairs(text: bytes) -> list[tuple[str, str]]:
    """Read a form's fields; raises ValueError on anything but UTF-8, and on more fields than any client sends."""
    return parse_qsl(text.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Read the fields of a multipart body; raises ValueError where it breaks its own form."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise ValueError("no boundary")
    mark = b"--" + (match[1] or match[2]).encode("latin-1")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark, _MOST_FIELDS + 2)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):  # noqa: PLR2004 - what is before the first mark, and after it
        raise ValueError("no end")
    fields = []
    for piece in pieces[1:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if not gap or name is None:
            raise ValueError("no name")
        fields.append(((name[1] or name[2] or b"").decode("utf-8"), content.decode("utf-8")))
    return fields


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields by name; raises ValueError when one is given twice (RFC 6749, 3.2)."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"{name} is given twice")
        fields[name] = value
    return fields

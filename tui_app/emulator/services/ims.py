"""Owns the token endpoint in its three spellings (API reference 1.1)."""

from __future__ import annotations

import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tui_app.emulator.answers import Refusal, json_answer

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway

_SCOPE = re.compile(r"[\w.:/-]+(,[\w.:/-]+)*", re.ASCII)


def routes(gateway: Gateway) -> list[Route]:
    """Return the routes below `/ims`."""
    return [gateway.open_route(f"/ims/token/{version}", post=_issue) for version in ("v2", "v3", "v4")]


def _issue(call: Call) -> Response:
    form = _form(call)
    known = call.credentials
    grant = form.get("grant_type")
    if not grant:
        raise _refused("invalid_request", "missing grant_type parameter")
    if grant != "client_credentials":
        raise _refused("unsupported_grant_type", f"unsupported grant_type: {grant[:60]}")
    client = known.clients.get(form.get("client_id", ""))
    if client is None:
        raise _refused("invalid_client", "invalid client_id parameter")
    if form.get("client_secret") != client.client_secret:
        raise _refused("invalid_client", "invalid client_secret parameter")
    if not _SCOPE.fullmatch(form.get("scope", "").replace(" ", ",")):
        raise _refused("invalid_scope", "missing or invalid scope parameter")
    token = {
        "access_token": known.issue(client),
        "token_type": "bearer",
        "expires_in": known.token_lifetime_s,
    }
    return json_answer(token, headers={"Cache-Control": "no-store"})


def _refused(error: str, description: str) -> Refusal:
    return Refusal(400, {"error": error, "error_description": description})


def _form(call: Call) -> dict[str, str]:
    """Collect the fields of the query, of a form body and of a multipart body; the body wins."""
    fields = dict(call.request.query_params)
    content_type = call.request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        return fields | _multipart(content_type, call.body)
    return fields | dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=None))


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content.decode("utf-8", "replace").strip("\r\n")
    return fields

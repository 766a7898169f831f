"""Owns the line between this emulator and the real platform: what belongs there is turned away, and never kept.

A person whose settings are half changed must not get used to sending real credentials to a port of this machine.
So they are refused before anything is compared or stored, and no answer repeats them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from tui_app.emulator.answers import Refusal
from tui_app.emulator.answers import gateway as gateway_refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

REAL_HOSTS = ("adobe.com", "adobe.io", "adobedc.net", "adobelogin.com")
_HOST = re.compile(r"(?:^|\.)(?:" + "|".join(map(re.escape, REAL_HOSTS)) + r")\.?(?::[0-9]*)?$", re.IGNORECASE)
# A signed token: header, claims and signature, each in the letters of base64 for URLs; the header always begins so.
_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
_SECRET = re.compile(rb"(?<![A-Za-z0-9])[ps]8e-[A-Za-z0-9_-]{16,}")
_SECRET_START = re.compile(r"[ps]8e-")
# Cookies are not for one port of a machine: a browser sends this one the tokens of other programs.
_NOT_CREDENTIALS = frozenset({b"cookie", b"host", b"user-agent", b"referer"})
_INSTEAD = (
    "This is an emulator on your own machine; what was sent was not kept. Use what its ready line shows: base_url and "
    "ims_url for the hosts, and the invented client_id, client_secret and org_id."
)


def check(scope: Scope) -> Refusal | None:
    """Return how to refuse a call that is meant for the real platform, judged by its head; None if it is not.

    The keys of the answer are those that a client of the path's service looks for.
    """
    is_ims = scope["path"].lstrip("/").startswith("ims/")
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name == b"host":
            if _HOST.search(value.decode("latin-1").strip()):
                return _misdirected(is_ims=is_ims)
        elif name not in _NOT_CREDENTIALS and is_real(value):
            return _credential(is_ims=is_ims)
    query, path = scope["query_string"], scope.get("raw_path") or b""
    if is_real(query) or is_real(path) or ((b"%" in query or b"%" in path) and is_real(unquote_to_bytes(query + path))):
        return _credential(is_ims=is_ims)
    return None


def is_real(value: bytes) -> bool:
    """Whether a token or a client secret of the real platform's form stands anywhere in `value`."""
    return (b"eyJ" in value and _TOKEN.search(value) is not None) or (
        b"8e-" in value and _SECRET.search(value) is not None
    )


def check_fields(fields: Iterable[str]) -> None:
    """Look at what a token request says.

    Raises:
        Refusal: a field is a credential of the real platform.
    """
    for value in fields:
        if _SECRET_START.match(value) or is_real(value.encode("utf-8", "replace")):
            raise _credential(is_ims=True)


def _misdirected(*, is_ims: bool) -> Refusal:
    text = f"This call is addressed to a host of the real platform and was not forwarded. {_INSTEAD}"
    if is_ims:
        return _token_refusal(421, "invalid_request", text)
    return gateway_refusal(421, "421000", text)


def _credential(*, is_ims: bool) -> Refusal:
    text = f"This looks like a credential of the real platform. {_INSTEAD}"
    if is_ims:
        return _token_refusal(400, "invalid_client", text)
    return gateway_refusal(401, "401013", f"Oauth token is not valid. {text}")


def _token_refusal(status: int, error: str, text: str) -> Refusal:
    return Refusal(status, {"error": error, "error_description": text}, headers={"Cache-Control": "no-store"})

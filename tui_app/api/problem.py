"""Owns reading an error body of any shape into one value (API reference 1.3 to 1.5). Pure; never raises."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BODY_SHOWN = 2000
TEXT_SHOWN = 200
_FIELD_SHOWN = 500
_MESSAGES_SHOWN = 3
_NOT_A_CODE = frozenset({"uri", "about:blank", ""})
_LETTERS_ONLY = re.compile(r"[^a-z]")


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error body says; every text is already safe to show.

    Attributes:
        shape: `gateway`, `profile`, `problem`, `sign-in`, `loose` or `text`.
        code: the service's own code, opaque, or None.
        title: one line; empty when the body says nothing.
        detail: what the title leaves out, or empty.
        request_id: from the body, for the support of the platform; a header's value goes before it.
        retry_after_s: what the body itself asks to wait, in seconds.
        body: the start of the body, at most 2000 characters.
    """

    shape: str
    code: str | None = None
    title: str = ""
    detail: str = ""
    request_id: str | None = None
    retry_after_s: float | None = None
    body: str = ""


def read_problem(body: bytes) -> Problem:
    """Read an error body in the order of API reference 1.5; any bytes are accepted."""
    text = body[: BODY_SHOWN * 4].decode("utf-8-sig", "replace")
    shown = safe_text(text[:BODY_SHOWN], lines=True)[:BODY_SHOWN]
    document = _json_object(body)
    if document is None:
        return Problem("text", title=excerpt(text), body=shown)
    shape, code, title, detail = _read_object(document)
    if not title and not detail:
        title = excerpt(text)
    return Problem(
        shape,
        code=code,
        title=title or detail,
        detail="" if detail == title or not title else detail,
        request_id=_request_id(document),
        retry_after_s=_seconds(document.get("retryAfterMs")),
        body=shown,
    )


def excerpt(text: str) -> str:
    """Return the first 200 characters of a text on one line, safe to show."""
    return safe_text(" ".join(text[: TEXT_SHOWN * 4].split()))[:TEXT_SHOWN]


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _read_object(document: Mapping[str, Any]) -> tuple[str, str | None, str, str]:
    """Return shape, code, title and detail."""
    errors = document.get("errors")
    if "error_code" in document:
        return "gateway", _line(document["error_code"]) or None, _line(document.get("message")), ""
    if isinstance(errors, dict) and errors:
        return _read_profile_service(document, errors)
    if any(key in document for key in ("title", "type", "detail")):
        return _read_rfc7807(document)
    if "error" in document:
        return _read_sign_in(document)
    title = _line(document.get("message")) or _line(document.get("errorMessage"))
    if title:
        return "loose", _line(document.get("code")) or None, title, _line(document.get("cause"))
    return "text", None, "", ""


def _read_profile_service(document: Mapping[str, Any], errors: Mapping[str, Any]) -> tuple[str, str | None, str, str]:
    """Read the envelope whose `errors` is keyed by status; type and title may sit inside it by accident."""
    items = list(_items(errors))
    messages = list(dict.fromkeys(filter(None, (_line(item.get("message")) for item in items))))
    title = _line(document.get("title")) or _line(errors.get("title"))
    if not title and messages:
        title = messages[0]
    code = (
        _code_of_type(document.get("type"))
        or _code_of_type(errors.get("type"))
        or _line(errors.get("errorCode"))
        or next(filter(None, (_line(item.get("code")) for item in items)), "")
    )
    rest = [message for message in messages if message != title][:_MESSAGES_SHOWN]
    return "profile", code or None, title, "; ".join(rest) or _line(errors.get("detail"))


def _items(errors: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for group in errors.values():
        for item in group if isinstance(group, list) else [group]:
            if isinstance(item, dict):
                yield item


def _read_rfc7807(document: Mapping[str, Any]) -> tuple[str, str | None, str, str]:
    report = document.get("report")
    detail = _line(document.get("detail"))
    if not detail and isinstance(report, dict):
        detail = _line(report.get("detailed-message"))
    code = _code_of_type(document.get("type"))
    return "problem", code, _line(document.get("title")) or (code or ""), detail


def _read_sign_in(document: Mapping[str, Any]) -> tuple[str, str | None, str, str]:
    error = document["error"]
    if isinstance(error, dict):
        return "sign-in", _line(error.get("code")) or None, _line(error.get("message")), ""
    code = _line(error)
    return "sign-in", code or None, _line(document.get("error_description")) or code, ""


def _code_of_type(value: object) -> str | None:
    """Return `XDM-1012-404` of `http://ns.adobe.com/aep/errors/XDM-1012-404`; None for a placeholder."""
    last = _line(value).rstrip("/").rpartition("/")[2]
    return None if last in _NOT_A_CODE else last


def _request_id(document: Mapping[str, Any]) -> str | None:
    """Return `requestId`, else the key of `report` that ends in `request-id`, whatever its spelling."""
    report = document.get("report")
    places = [document, report] if isinstance(report, dict) else [document]
    for place in places:
        for key, value in place.items():
            if _LETTERS_ONLY.sub("", str(key).lower()).endswith("requestid") and _line(value):
                return _line(value)
    return None


def _seconds(milliseconds: object) -> float | None:
    """Read the throttling hint of the profile service, a number of milliseconds sent as text."""
    try:
        value = float(_line(milliseconds)) / 1000
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _line(value: object) -> str:
    """Return a text or number as one safe line; empty for everything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return safe_text(" ".join(str(value)[: _FIELD_SHOWN * 2].split()))[:_FIELD_SHOWN]

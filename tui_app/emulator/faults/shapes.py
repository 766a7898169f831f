"""Owns the bodies of errors by the name of their shape (API reference 1.3 to 1.5), for faults that answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

JSON = "application/json"
# What the gateway says for a status (API reference 1.3).
_GATEWAY = {
    400: ("400003", "Missing header"),
    401: ("401013", "Oauth token is not valid"),
    403: ("403025", "Profile is not valid"),
    429: ("429050", "Too many requests"),
    503: ("503010", "Could not validate the oauth token"),
}
_CATALOG_TITLES = {400: "BadRequestError", 403: "ForbiddenError", 404: "NotFoundError"}
_IMS = {400: ("invalid_client", "invalid client_secret parameter"), 429: ("rate_limited", "too many requests")}


@dataclass(frozen=True, slots=True)
class Error:
    """What an error's body tells of: the status, the answer's request id, the platform's time."""

    status: int
    request_id: str
    now: datetime

    @property
    def phrase(self) -> str:
        """The status in words; those that HTTP has no words for are just a fault."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Unassigned"


def _gateway(error: Error) -> Any:
    code, message = _GATEWAY.get(error.status, (f"{error.status}000", error.phrase))
    return {"error_code": code, "message": message}


def _problem(error: Error) -> Any:
    title = _CATALOG_TITLES.get(error.status, "InternalError")
    return {
        "type": "/placeholder/type/uri",
        "status": error.status,
        "title": title,
        "detail": f"{error.phrase}, because a fault says so.",
    }


def _report(error: Error) -> Any:
    detail = f"{error.phrase}, because a fault says so"
    return {
        "type": f"http://ns.adobe.com/aep/errors/XDM-1000-{error.status}",
        "title": error.phrase,
        "status": error.status,
        "detail": detail,
        "report": {
            "registryRequestId": error.request_id,
            "timestamp": error.now.strftime("%m-%d-%Y %H:%M:%S"),
            "detailed-message": detail,
            "sub-errors": [],
        },
    }


def _ups(error: Error) -> Any:
    message = f"{error.phrase}, because a fault says so."
    return {
        "requestId": error.request_id,
        "status": error.status,
        "type": f"https://ns.adobe.com/aep/errors/UPAPI-113751-{error.status}",
        "title": message,
        "errors": {str(error.status): [{"code": error.status, "message": message}]},
    }


def _loose(error: Error) -> Any:
    return {
        "message": error.phrase,
        "cause": "A fault says so",
        "retryAfterMs": "500",
        "statusCode": str(error.status),
    }


def _ims(error: Error) -> Any:
    code, text = _IMS.get(error.status, ("server_error", error.phrase))
    return {"error": code, "error_description": text}


_JSON_SHAPES: Mapping[str, Callable[[Error], Any]] = {
    "gateway": _gateway,
    "problem": _problem,
    "report": _report,
    "ups": _ups,
    "loose": _loose,
    "ims": _ims,
}
SHAPES = (*_JSON_SHAPES, "text", "html", "empty")


def shaped(shape: str, error: Error) -> tuple[bytes, str]:
    """Return the body of an error in one of `SHAPES`, and its content type; "" for a body that is empty."""
    if shape == "empty":
        return b"", ""
    if shape == "text":
        return f"{error.status} {error.phrase}\n".encode(), "text/plain"
    if shape == "html":
        words = f"{error.status} {error.phrase}"
        page = (
            f"<html>\r\n<head><title>{words}</title></head>\r\n<body>\r\n<center><h1>{words}</h1></center>\r\n"
            "<hr><center>emulated gateway</center>\r\n</body>\r\n</html>\r\n"
        )
        return page.encode(), "text/html"
    return json.dumps(_JSON_SHAPES[shape](error)).encode(), JSON

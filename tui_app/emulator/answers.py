"""Owns the platform's answers as bytes: JSON, and each service's own way to refuse (API reference 1.3 to 1.5)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_app.emulator.dialects import Dialect

_DEEPEST = 60
# Bodies are made here and hold no cycles, so there is no need to look for them.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
BODY_UNREADABLE = "UPLIB-101206-500"
DATASET_UNREADABLE = "UPLIB-101554-503"
NOT_FOUND = "UPAPI-113000-404"
_NOT_FOUND_PAGE = (
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
    "<hr><center>emulated gateway</center>\r\n</body>\r\n</html>\r\n"
)


class Refusal(Exception):  # noqa: N818 - it is an answer that travels up, not a fault of the program
    """An error answer; the gateway sends it."""

    def __init__(self, status: int, body: object, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self, dialect: Dialect | None = None) -> Response:
        """Return the answer to send; `dialect` decides where documents disagree on its spelling."""
        return json_answer(self._spelled(dialect), status=self.status, headers=self.headers)

    def _spelled(self, dialect: Dialect | None) -> object:
        """Return the body; the dialect decides nothing here."""
        del dialect
        return self.body


class _UpsRefusal(Refusal):
    """A refusal in the envelope of profile and segmentation, which documents spell in more than one way."""

    def __init__(self, status: int, code: str, messages: Sequence[str], *, request_id: str) -> None:
        self._problem = {
            "status": status,
            "type": f"https://ns.adobe.com/aep/errors/{code}",
            "title": messages[0],
        }
        self._code = code
        self._messages = messages
        self._request_id = request_id
        super().__init__(status, self._envelope(status, beside=self._problem))

    def _envelope(
        self, code: object, *, beside: Mapping[str, object], inside: Mapping[str, object] | None = None
    ) -> object:
        errors = {str(self._problem["status"]): [{"code": code, "message": one} for one in self._messages]}
        return {"requestId": self._request_id, **beside, "errors": {**errors, **(inside or {})}}

    def _spelled(self, dialect: Dialect | None) -> object:
        """Return the body; API reference 13.46 and, for a problem inside `errors`, 1.4c."""
        if dialect is None:
            return self.body
        code = self._code if dialect.ups_code_as_text else self.status
        if dialect.ups_problem_inside:
            return self._envelope(code, beside={}, inside=self._problem)
        return self._envelope(code, beside=self._problem)


def json_answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer in ASCII: a lone surrogate that a client once sent cannot be put in UTF-8."""
    content = _ENCODER.encode(body).encode("ascii")
    return Response(
        content, status_code=status, headers=dict(headers or {}), media_type="application/json;charset=UTF-8"
    )


def parse_json(body: bytes) -> Any:
    """Read a request body; raises ValueError on text that is not JSON, not finite or nested beyond reason."""
    try:
        value = json.loads(body, parse_float=_finite, parse_constant=_constant)
    except RecursionError:
        raise ValueError("Nested too deeply") from None
    _check_depth(value)
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"Number out of range: {text[:40]}")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"Not JSON: {text}")


def _check_depth(value: object) -> None:
    level: Sequence[object] = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueError("Nested too deeply")


def gateway(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """Refuse as the gateway does, before any service is reached (API reference 1.3)."""
    return Refusal(status, {"error_code": code, "message": message}, headers=headers)


def placeholder(status: int, title: str, detail: str) -> Refusal:
    """Refuse as Catalog does (API reference 1.4a)."""
    return Refusal(status, {"type": "/placeholder/type/uri", "status": status, "title": title, "detail": detail})


def sandbox_problem(status: int, code: str, title: str) -> Refusal:
    """Refuse as the sandbox service does: a problem without detail (API reference 1.4b)."""
    return Refusal(status, {"status": status, "title": title, "type": f"https://ns.adobe.com/aep/errors/{code}"})


def ups(status: int, code: str, messages: Sequence[str], *, request_id: str) -> Refusal:
    """Refuse as profile and segmentation do: their envelope with one entry a message (API reference 1.4c)."""
    return _UpsRefusal(status, code, messages, request_id=request_id)


def permission_problem(invoker: str, *, now_ms: int) -> Refusal:
    """Refuse as the permission service does for the service `invoker`: with an error chain (API reference 1.4b).

    `now_ms` is epoch milliseconds.
    """
    code, title = "PMS-1002-403", "Permission management access denied"
    link = {"serviceId": "PMS", "errorCode": code, "invokingServiceId": invoker, "unixTimeStampMs": now_ms}
    body = {
        "type": f"http://ns.adobe.com/aep/errors/{code}",
        "title": title,
        "status": 403,
        "detail": "The caller lacks the permission that this call needs.",
        "error-chain": [link],
    }
    return Refusal(403, body)


def no_such_path() -> Response:
    """Answer for a path that no service owns: a page of HTML (API reference 1.3)."""
    return Response(_NOT_FOUND_PAGE, status_code=404, media_type="text/html")

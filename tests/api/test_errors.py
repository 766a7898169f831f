"""Every error body the reference knows becomes one kind of error, and no bytes at all can break the reader."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import START
from tui_app.api import errors
from tui_app.api.errors import StatusError, from_response

NS = "https://ns.adobe.com/aep/errors/"

# name, status, body, error class, shape-independent expectations: code, title, detail
SHAPES: list[tuple[str, int, object, type[StatusError], str | None, str, str]] = [
    (
        "gateway",
        401,
        {"error_code": "401013", "message": "Oauth token is not valid"},
        errors.UnauthorizedError,
        "401013",
        "Oauth token is not valid",
        "",
    ),
    (
        "gateway status differs from prefix",
        403,
        {"error_code": "503020", "message": "Could not read the profile"},
        errors.ForbiddenError,
        "503020",
        "Could not read the profile",
        "",
    ),
    (
        "placeholder",
        404,
        {"type": "/placeholder/type/uri", "status": 404, "title": "NotFoundError", "detail": "DataSet not found."},
        errors.NotFoundError,
        None,
        "NotFoundError",
        "DataSet not found.",
    ),
    (
        "placeholder without type and status",
        404,
        {"title": "NotFoundError", "detail": "DataSet not found."},
        errors.NotFoundError,
        None,
        "NotFoundError",
        "DataSet not found.",
    ),
    (
        "problem with report",
        404,
        {
            "type": "http://ns.adobe.com/aep/errors/XDM-1012-404",
            "title": "Resource Not Found",
            "status": 404,
            "report": {"registryRequestId": "6d5c", "detailed-message": "It is not found", "sub-errors": []},
        },
        errors.NotFoundError,
        "XDM-1012-404",
        "Resource Not Found",
        "It is not found",
    ),
    (
        "sandbox service, no detail",
        403,
        {"status": 403, "title": "Forbidden", "type": NS + "SMS-2010-403"},
        errors.ForbiddenError,
        "SMS-2010-403",
        "Forbidden",
        "",
    ),
    (
        "profile service",
        404,
        {
            "requestId": "a8Kq",
            "status": 404,
            "type": NS + "UPAPI-113430-404",
            "title": "The audience is not found.",
            "errors": {"404": [{"code": 404, "message": "The audience is not found. Use a valid one."}]},
        },
        errors.NotFoundError,
        "UPAPI-113430-404",
        "The audience is not found.",
        "The audience is not found. Use a valid one.",
    ),
    (
        "profile service, nested by accident",
        400,
        {"errors": {"400": [{"code": "UPAPI-1", "message": "m"}], "type": NS + "UPLIB-101206-500", "title": "Bad"}},
        errors.BadRequestError,
        "UPLIB-101206-500",
        "Bad",
        "m",
    ),
    (
        "profile service, only codes of items",
        400,
        {"errors": {"400": [{"code": "UPAPI-113015-400", "message": "one"}, {"code": 400, "message": "two"}]}},
        errors.BadRequestError,
        "UPAPI-113015-400",
        "one",
        "two",
    ),
    (
        "privacy",
        404,
        {"errors": {"errorCode": 404, "title": "Gone", "detail": "No such order"}},
        errors.NotFoundError,
        "404",
        "Gone",
        "No such order",
    ),
    (
        "identity service",
        400,
        {"error": "invalid_client", "error_description": "invalid client_secret parameter"},
        errors.BadRequestError,
        "invalid_client",
        "invalid client_secret parameter",
        "",
    ),
    (
        "loose throttling",
        429,
        {"message": "Too many requests", "cause": "quota", "retryAfterMs": "500", "statusCode": "429"},
        errors.ThrottledError,
        None,
        "Too many requests",
        "quota",
    ),
    (
        "identity throttling",
        429,
        {"title": "RequestRateTooLarge", "status": 429, "detail": "slow down"},
        errors.ThrottledError,
        None,
        "RequestRateTooLarge",
        "slow down",
    ),
    ("error as an object", 400, {"error": {"code": 7, "message": "m"}}, errors.BadRequestError, "7", "m", ""),
    ("flow service", 500, {"errorMessage": "boom"}, errors.ServerError, None, "boom", ""),
    (
        "html",
        404,
        b"<html><body>Not\n Found</body></html>",
        errors.NoServiceError,
        None,
        "<html><body>Not Found</body></html>",
        "",
    ),
    ("empty", 503, b"", errors.ServerError, None, "", ""),
    ("list", 409, [1], errors.ConflictError, None, "[1]", ""),
    ("object without a known key", 418, {"a": 1}, StatusError, None, '{"a": 1}', ""),
]


@pytest.mark.parametrize("shape", SHAPES, ids=[shape[0] for shape in SHAPES])
def test_shape(shape: tuple[str, int, object, type[StatusError], str | None, str, str]) -> None:
    _, status, body, kind, code, title, detail = shape
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = from_response(status, {}, content)
    assert type(error) is kind
    assert (error.status, error.code, error.title, error.detail) == (status, code, title, detail)
    assert error.next_step
    assert error.body == content.decode()


def test_request_id_comes_from_header_then_body_then_report() -> None:
    report = {"title": "t", "report": {"some-request-id": "from-report"}}
    assert from_response(400, {}, json.dumps(report).encode()).request_id == "from-report"
    body = json.dumps({**report, "requestId": "from-body"}).encode()
    assert from_response(400, {}, body).request_id == "from-body"
    assert from_response(400, {"X-Request-ID": "from-header"}, body).request_id == "from-header"
    assert from_response(400, {}, b"nothing").request_id is None


def test_message_names_thing_cause_code_request_and_next_step() -> None:
    body = b'{"error_code":"403025","message":"Profile is not valid"}'
    error = from_response(403, {"x-request-id": "rq1"}, body, what="The export jobs could not be listed.")
    assert str(error) == (
        "The export jobs could not be listed. The platform answered 403 (403025): Profile is not valid. "
        "[request id rq1] Check org_id, and ask an administrator to add the credential to a product profile."
    )


@pytest.mark.parametrize(
    ("status", "body", "mutating", "ambiguous"),
    [
        (504, b"", True, True),
        (500, b"{}", True, True),
        (408, b"", True, True),
        (500, b"{}", False, False),
        (400, b"", True, False),
        (429, b"", True, False),
        (503, b'{"error_code":"503010","message":"Could not validate the oauth token"}', True, False),
        (503, b'{"error_code":"503999","message":"?"}', True, True),
    ],
)
def test_only_a_plain_refusal_is_unambiguous(status: int, body: bytes, mutating: bool, ambiguous: bool) -> None:  # noqa: FBT001 - a table's column
    assert from_response(status, {}, body, mutating=mutating).ambiguous is ambiguous


def test_retry_after_date_is_read_on_the_servers_clock() -> None:
    headers = {"Date": "Sun, 01 Mar 2020 00:00:00 GMT", "Retry-After": "Sun, 01 Mar 2020 00:00:07 GMT"}
    assert from_response(429, headers, b"", now=START).retry_after_s == 7
    assert from_response(429, {}, b'{"message":"m","retryAfterMs":"500"}').retry_after_s == 0.5
    both = from_response(429, {"Retry-After": "3"}, b'{"message":"m","retryAfterMs":"500"}')
    assert both.retry_after_s == 3


def test_remote_text_is_harmless_in_every_field() -> None:
    evil = "\x1b]0;x\x07[/x]\u202e"
    body = json.dumps({"title": evil, "detail": evil * 2, "type": evil, "requestId": evil}).encode()
    error = from_response(400, {"x-request-id": evil}, body, what="It failed.", sandbox=evil)
    for shown in (str(error), error.title, error.detail, error.code or "", error.request_id or "", error.body):
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["error_code", "errors", "title", "type", "detail", "error", "message", "report", "requestId", "code",
             "retryAfterMs", "404", "error_description"]
        )
        | st.text(max_size=4),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    st.integers(100, 999),
    st.binary() | _json.map(lambda value: json.dumps(value).encode()) | st.text().map(lambda t: t.encode("utf-16")),
    st.dictionaries(st.sampled_from(["Retry-After", "date", "X-Request-Id"]), st.text()),
)
def test_any_bytes_become_an_error(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = from_response(status, headers, body, now=datetime(2026, 3, 1, tzinfo=UTC))
    assert isinstance(error, StatusError)
    assert error.status == status
    assert len(error.body) <= 2000
    assert error.retry_after_s is None or error.retry_after_s > 0
    assert "\x1b" not in str(error)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b'{"status":' + b"9" * 9000 + b',"title":"t"}'])
def test_bodies_that_break_parsers(body: bytes) -> None:
    assert from_response(500, {}, body).status == 500


def test_a_sandbox_that_is_refused_may_be_a_mistyped_one() -> None:
    body = b'{"status":403,"title":"Forbidden","type":"http://ns.adobe.com/aep/errors/SMS-2010-403"}'
    step = from_response(403, {}, body, sandbox="prodd").next_step
    assert step.startswith("Check the name: aepx sandboxes list (or ctrl-o in the app) shows")
    assert step.index("sandbox prodd is among them") < step.index("ask an administrator")
    assert from_response(403, {}, body).next_step.startswith("Ask an administrator")


def test_the_request_id_stands_beside_the_cause_not_in_it() -> None:
    error = from_response(404, {"x-request-id": "rq1"}, b"", what="It failed.")
    assert "rq1" not in error.cause
    assert str(error).count("rq1") == 1


def test_tree_answers_what_one_may_catch() -> None:
    assert issubclass(errors.CertificateError, errors.ConnectError)
    documented = errors.__doc__ or ""
    tree = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.ApiError)]
    assert len(tree) == 17
    assert all(cls.__name__ in documented for cls in tree)


def test_importing_errors_loads_no_http_library() -> None:
    program = "import sys, tui_app.api.errors; sys.exit('httpx' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

"""Tokens, the gateway's refusals in their order, and paths that nobody owns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start
from tui_app.emulator.gateway import BODY_CAP

if TYPE_CHECKING:
    import httpx

REFUSALS = [
    # what is wrong -> status and body; each case also has every later fault, so the order is held
    (["key", "token", "org"], 403, {"error_code": "403000", "message": "Api Key is required"}),
    (["bad-key", "token", "org"], 403, {"error_code": "403003", "message": "Api Key is invalid"}),
    (["token", "org", "sandbox"], 403, {"error_code": "403010", "message": "Oauth token is missing."}),
    (["bad-token", "org", "sandbox"], 401, {"error_code": "401013", "message": "Oauth token is not valid"}),
    (["org", "sandbox"], 400, {"error_code": "400003", "message": "Missing header"}),
    (["bad-org", "sandbox"], 403, {"error_code": "403027", "message": "User region is missing"}),
    (["other-org", "sandbox"], 403, {"error_code": "403025", "message": "Profile is not valid"}),
]
NAMES = {"key": "x-api-key", "token": "Authorization", "org": "x-gw-ims-org-id", "sandbox": "x-sandbox-name"}
WRONG = {"bad-org": "nonsense", "other-org": "ABCDEF0123456789ABCDEF01@AdobeOrg"}


@pytest.mark.parametrize(("faults", "status", "body"), REFUSALS)
async def test_the_gateway_refuses_in_its_order(
    caller: Caller, faults: list[str], status: int, body: dict[str, str]
) -> None:
    headers = caller.headers()
    for fault in faults:
        name = NAMES[fault.rpartition("-")[2]]
        if "-" in fault:
            headers[name] = WRONG.get(fault, "nonsense")
        else:
            del headers[name]
    answer = await caller.http.get(JOBS, headers=headers)
    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"].startswith("application/json")


async def token(caller: Caller, path: str = "/ims/token/v3", **wrong: str) -> httpx.Response:
    known = caller.emulator.credentials
    form = {
        "grant_type": "client_credentials",
        "client_id": known.client_id,
        "client_secret": known.client_secret,
        "scope": "openid,AdobeID,session",
    } | wrong
    return await caller.http.post(path, data={name: value for name, value in form.items() if value})


async def test_tokens_work_until_they_expire_or_are_revoked(start: Start) -> None:
    caller = start(token_lifetime_s=100)
    answer = (await token(caller)).json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 100)

    async def status() -> int:
        headers = caller.headers() | {"authorization": f"bearer {answer['access_token']}"}
        headers.pop("Authorization")
        return (await caller.http.get(JOBS, headers=headers)).status_code

    assert await status() == 200
    await caller.clock.advance(99)
    assert await status() == 200
    await caller.clock.advance(1)
    assert await status() == 401
    answer = (await token(caller)).json()
    assert await status() == 200
    caller.emulator.credentials.revoke()
    assert await status() == 401
    answer = (await token(caller)).json()
    caller.emulator.credentials.revoke(answer["access_token"])
    assert await status() == 401
    assert caller.emulator.credentials.valid_tokens == 0


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_secret": "x"}, ("invalid_client", "invalid client_secret parameter")),
        ({"client_id": "x"}, ("invalid_client", "invalid client_id parameter")),
        ({"grant_type": "password"}, ("unsupported_grant_type", "unsupported grant_type: password")),
        ({"grant_type": ""}, ("invalid_request", "missing grant_type parameter")),
        ({"scope": ""}, ("invalid_scope", "missing or invalid scope parameter")),
    ],
)
async def test_token_refusals(caller: Caller, wrong: dict[str, str], error: tuple[str, str]) -> None:
    answer = await token(caller, **wrong)
    assert answer.status_code == 400
    assert answer.json() == {"error": error[0], "error_description": error[1]}


async def test_token_spellings(caller: Caller) -> None:
    known = caller.emulator.credentials
    form = {"grant_type": "client_credentials", "client_secret": known.client_secret, "scope": "openid"}
    query = await caller.http.post("/ims/token/v2", params=form | {"client_id": known.client_id})
    multipart = await caller.http.post(
        "/ims/token/v4",
        params={"client_id": known.client_id},
        files={name: (None, value) for name, value in form.items()},
    )
    assert query.status_code == 200, query.text
    assert multipart.status_code == 200, multipart.text
    assert query.json()["access_token"] != multipart.json()["access_token"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/data/core/ups/nothing"), ("POST", "/ims/token/v9"), ("GET", f"{JOBS}/1/2")],
)
async def test_unowned_paths_are_a_page_of_html(caller: Caller, method: str, path: str) -> None:
    answer = await caller.http.request(method, path, headers=caller.headers())
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Request-Id"]


async def test_posting_to_a_job_is_not_allowed(caller: Caller) -> None:
    answer = await caller.post(f"{JOBS}/726", {})
    assert answer.status_code == 405
    assert "DELETE" in answer.headers["Allow"]


async def test_request_ids_differ_and_a_tracking_id_is_kept(caller: Caller) -> None:
    first, second = [await caller.http.get("/x") for _ in range(2)]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    kept = await caller.http.get("/x", headers={"x-request-id": "track-1"})
    assert kept.headers["X-Request-Id"] == "track-1"


async def test_sandboxes_are_listed_without_a_sandbox(caller: Caller) -> None:
    headers = caller.headers()
    del headers["x-sandbox-name"]
    path = "/data/foundation/sandbox-management"
    answer = (await caller.http.get(f"{path}/", headers=headers)).json()
    assert [(one["name"], one["type"], one["isDefault"]) for one in answer["sandboxes"]] == [
        ("prod", "production", True),
        ("dev", "development", False),
        ("empty", "development", False),
    ]
    window = (await caller.http.get(f"{path}/sandboxes?limit=1&offset=1", headers=headers)).json()
    assert [one["name"] for one in window["sandboxes"]] == ["dev"]
    assert (await caller.http.get(f"{path}/?limit=1", headers=headers)).status_code == 400
    assert (await caller.http.get(f"{path}/?limit=x&offset=1", headers=headers)).status_code == 400
    assert (await caller.http.get(f"{path}/sandboxes/dev", headers=headers)).json()["title"] == "Development"
    assert (await caller.http.get(f"{path}/sandboxes/nowhere", headers=headers)).status_code == 404


async def test_a_missing_sandbox_header_is_refused_unless_a_default_is_set(start: Start) -> None:
    strict, lenient = start(), start(default_sandbox="prod")
    headers = strict.headers()
    del headers["x-sandbox-name"]
    assert (await strict.http.get(JOBS, headers=headers)).status_code == 400
    assert (await lenient.http.get(JOBS, headers=headers)).status_code == 200
    unknown = await strict.http.get(JOBS, headers=strict.headers("nowhere"))
    assert unknown.status_code == 403
    assert "nowhere" in unknown.json()["title"]


async def test_sandboxes_share_nothing(caller: Caller) -> None:
    made = await caller.job("x", sandbox="dev")
    production = await caller.get(JOBS, limit=1000)
    assert made["id"] not in {job["id"] for job in production["records"]}
    elsewhere = await caller.http.get(f"{JOBS}/{made['id']}", headers=caller.headers())
    assert elsewhere.status_code == 404
    assert (await caller.delete(f"{JOBS}/{made['id']}")).status_code == 404
    dataset = made["destination"]["datasetId"]
    assert (await caller.http.get(f"{CATALOG}/dataSets/{dataset}", headers=caller.headers())).status_code == 404
    batch = made["destination"]["batchId"]
    assert (await caller.http.get(f"{CATALOG}/batches/{batch}", headers=caller.headers())).status_code == 404
    assert await caller.get(JOBS, sandbox="empty") == {
        "records": [],
        "page": {"sortField": "createdTime", "sort": "desc", "pageOffset": "", "pageSize": 0},
        "link": {"next": ""},
    }
    assert await caller.get(f"{CATALOG}/dataSets", sandbox="empty") == {}


@pytest.mark.parametrize("size", [BODY_CAP + 1, 20 * BODY_CAP])
async def test_a_body_over_the_cap_is_refused(caller: Caller, size: int) -> None:
    async def chunks() -> Any:
        yield b'{"name":"'
        yield b"x" * size

    for content in (b"x" * size, chunks()):
        answer = await caller.http.post(JOBS, headers=caller.headers(), content=content)
        assert answer.status_code == 413
        assert answer.json()["error_code"] == "413000"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)
async def test_an_unreadable_body_is_a_bad_request_everywhere(caller: Caller, content: bytes) -> None:
    headers = caller.headers() | {"Content-Type": "application/json"}
    job = await caller.http.post(JOBS, headers=headers, content=content)
    assert job.status_code == 400
    assert job.json()["type"].endswith("UPLIB-101206-500")
    dataset = await caller.http.post(f"{CATALOG}/dataSets", headers=headers, content=content)
    assert dataset.status_code == 400
    assert dataset.json()["title"] == "BadRequestError"


async def test_credentials_are_invented_and_repeatable(start: Start) -> None:
    first, second, other = start(), start(), start(seed=2)
    lines = [one.emulator.ready_line("http://127.0.0.1:1") for one in (first, second, other)]
    assert lines[0] == lines[1]
    assert lines[0] != lines[2]
    assert set(lines[0]) == {
        "base_url",
        "ims_url",
        "org_id",
        "client_id",
        "client_secret",
        "access_token",
        "sandboxes",
    }
    assert "emulated" in json.dumps(lines[0]["client_secret"])

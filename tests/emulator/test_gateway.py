"""The gateway's refusals in their order, what is meant for the real platform, and paths that nobody owns."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start
from tests.support.clock import START, FakeClock
from tui_app.emulator.credentials import Credentials
from tui_app.emulator.gateway import BODY_CAP

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


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/data/core/ups/nothing"), ("POST", "/ims/token/v9"), ("GET", f"{JOBS}/1/2")],
)
async def test_unowned_paths_are_a_page_of_html(caller: Caller, method: str, path: str) -> None:
    answer = await caller.http.request(method, path, headers=caller.headers())
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("platform.example.com", "http://platform.example.com:80"),
        ("[::1]:99", "http://[::1]:99"),
        *((host, "http://127.0.0.1:80") for host in ("[::1", "a:b", "a:999999", "x@y", "a/b", "<b>", "a b", "")),
    ],
)
async def test_links_begin_with_the_host_that_was_sent_if_it_is_one(caller: Caller, host: str, origin: str) -> None:
    for path in ("/data/foundation/sandbox-management", "/data/foundation/schemaregistry/tenant/schemas"):
        headers = caller.headers() | {"Host": host, "Accept": "application/vnd.adobe.xed-id+json"}
        answer = await caller.http.get(path, headers=headers, params={"limit": "1", "offset": "0"})
        assert answer.status_code == 200
        link = answer.json()["_links"]["next"]
        assert (link if isinstance(link, str) else link["href"]).startswith(f"{origin}/data/foundation/")


async def test_posting_to_a_job_is_not_allowed(caller: Caller) -> None:
    answer = await caller.post(f"{JOBS}/726", {})
    assert answer.status_code == 405
    assert "DELETE" in answer.headers["Allow"]


async def test_request_ids_differ_and_a_tracking_id_is_kept(caller: Caller) -> None:
    first, second = [await caller.http.get("/x") for _ in range(2)]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    kept = await caller.http.get("/x", headers={"x-request-id": "track-1"})
    assert kept.headers["X-Request-Id"] == "track-1"


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
    assert set(lines[0]) >= {
        "base_url",
        "ims_url",
        "org_id",
        "client_id",
        "client_secret",
        "access_token",
        "sandboxes",
    }
    assert "emulated" in json.dumps(lines[0]["client_secret"])


async def test_a_token_works_for_its_own_client_only(caller: Caller) -> None:
    known = caller.emulator.credentials
    for holder, key in ((known.full, known.limited), (known.limited, known.full)):
        headers = caller.headers() | {"Authorization": f"Bearer {known.issue(holder)}", "x-api-key": key.client_id}
        answer = await caller.http.get(JOBS, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error_code": "401014", "message": "Token not allowed in the current context"}


@pytest.mark.parametrize("slashes", ["//", "///"])
async def test_a_base_url_may_end_with_a_slash(caller: Caller, slashes: str) -> None:
    path = slashes + JOBS.lstrip("/")
    answer = await caller.http.get(f"http://127.0.0.1{path}", headers=caller.headers(), params={"limit": 3})
    assert answer.status_code == 200, answer.text
    assert answer.json()["records"] == (await caller.get(JOBS, limit=3))["records"]
    assert (await caller.http.get("http://127.0.0.1/data//core/ups/export/jobs")).status_code == 404


REAL_TOKEN = "eyJhbGciOiJSUzI1NiIsIng1dSI6Imltcw.eyJpZCI6IjE3MDkyOTA4MDAifQ.c2lnbmF0dXJl-_x"
REAL_SECRET = "p8e-" + "aB3_xY-" * 5
PLATFORM_PATHS = [JOBS, f"{CATALOG}/dataSets", "/data/foundation/sandbox-management/", "/data/core/ups/nothing", "/"]


@pytest.mark.parametrize("path", PLATFORM_PATHS)
@pytest.mark.parametrize(
    "sent",
    [
        {"Authorization": f"Bearer {REAL_TOKEN}"},
        {"Authorization": REAL_TOKEN},
        {"x-user-token": REAL_TOKEN},
        {"x-api-key": REAL_SECRET},
        {"Authorization": f"Bearer {REAL_SECRET.replace('p8e', 's8e')}"},
        {"x-sandbox-name": REAL_SECRET},
        {"x-request-id": REAL_SECRET},
    ],
)
async def test_a_real_credential_is_refused_and_never_repeated(caller: Caller, path: str, sent: dict[str, str]) -> None:
    answer = await caller.http.get(path, headers=caller.headers() | sent)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "401013")
    assert "emulator" in answer.json()["message"]
    assert "not kept" in answer.json()["message"]
    everything = answer.text + str(answer.headers)
    assert not any(value.removeprefix("Bearer ") in everything for value in sent.values())
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("place", ["path", "query", "escaped"])
async def test_a_real_credential_in_the_address_is_refused_too(caller: Caller, place: str) -> None:
    spelled = REAL_SECRET.replace("p8e-", "%708e%2D") if place == "escaped" else REAL_SECRET
    path = f"{JOBS}/{spelled}" if place == "path" else f"{JOBS}?token={spelled}"
    answer = await caller.http.get(path, headers=caller.headers())
    assert answer.status_code == 401
    assert "aB3_xY" not in answer.text


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("platform.adobe.io", True),
        ("PLATFORM.ADOBE.IO:443", True),
        ("platform-stage.adobe.io.", True),
        ("ims-na1.adobelogin.com", True),
        ("adobe.com", True),
        ("experience.adobe.com", True),
        ("edge.adobedc.net:80", True),
        ("localhost:8787", False),
        ("127.0.0.1", False),
        ("notadobe.io", False),
        ("adobe.io.example.com", False),
    ],
)
async def test_a_call_that_is_addressed_to_the_real_platform_is_misdirected(
    caller: Caller, host: str, *, refused: bool
) -> None:
    answer = await caller.http.get(JOBS, headers=caller.headers() | {"Host": host})
    assert answer.status_code == (421 if refused else 200)
    if refused:
        assert answer.json()["error_code"] == "421000"
        assert "not forwarded" in answer.json()["message"]
        token = await caller.http.post("/ims/token/v3", headers={"Host": host})
        assert (token.status_code, token.json()["error"]) == (421, "invalid_request")


@pytest.mark.parametrize(
    "harmless",
    [
        {"Cookie": f"session={REAL_TOKEN}"},
        {"x-trace": "step8e-commerce-export-2024-03-01"},
        {"x-trace": "1f0ce8e-4d64cd49-0000-4000-8000-54bccb9954fc"},
        {"x-trace": "eyJ is how it begins. But.this is prose"},
    ],
)
async def test_what_only_resembles_a_credential_passes(caller: Caller, harmless: dict[str, str]) -> None:
    assert (await caller.http.get(JOBS, headers=caller.headers() | harmless)).status_code == 200


async def test_links_name_the_port_where_the_dialect_does(start: Start) -> None:
    for dialect, origin in (("seed", "http://127.0.0.1:80/"), ("openapi", "http://127.0.0.1/")):
        answer = await start(dialect=dialect).get("/data/foundation/sandbox-management/")
        assert answer["_links"]["page"]["href"].startswith(f"{origin}data")


def test_each_start_is_an_organization_of_its_own() -> None:
    first, later = FakeClock(), FakeClock(START + timedelta(milliseconds=1))
    assert Credentials(first).org_id == Credentials(FakeClock()).org_id
    assert Credentials(first).org_id != Credentials(later).org_id
    assert Credentials(first).client_secret == Credentials(later).client_secret

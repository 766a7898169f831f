"""A client that no product profile names is refused by each service in that service's own way (API reference 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, Caller, minimal

if TYPE_CHECKING:
    import httpx

SANDBOXES = "/data/foundation/sandbox-management"
REFUSALS: list[tuple[str, str, int, dict[str, Any]]] = [
    ("GET", JOBS, 401, {"title": "Unauthorized", "status": 401}),
    ("POST", JOBS, 401, {"title": "Unauthorized"}),
    ("GET", f"{JOBS}/1", 401, {"title": "Unauthorized"}),
    ("GET", "/data/core/ups/segment/definitions", 401, {"title": "Unauthorized"}),
    ("GET", "/data/core/ups/audiences", 401, {"title": "Unauthorized"}),
    ("GET", "/data/core/ups/config/mergePolicies", 401, {"title": "Unauthorized"}),
    ("GET", f"{CATALOG}/dataSets", 403, {"title": "ForbiddenError", "status": 403}),
    ("POST", f"{CATALOG}/dataSets", 403, {"title": "ForbiddenError"}),
    ("GET", f"{CATALOG}/batches", 403, {"title": "ForbiddenError"}),
    ("GET", "/data/foundation/export/batches/x/files", 403, {"title": "ForbiddenError"}),
    (
        "GET",
        "/data/foundation/schemaregistry/tenant/unions",
        403,
        {"title": "Permission management access denied", "status": 403},
    ),
    (
        "GET",
        "/data/foundation/query/connection_parameters",
        403,
        {"title": "Permission management access denied"},
    ),
    ("GET", f"{SANDBOXES}/sandboxes", 403, {"type": "https://ns.adobe.com/aep/errors/SMS-2010-403", "status": 403}),
    ("GET", f"{SANDBOXES}/sandboxes/dev", 403, {"type": "https://ns.adobe.com/aep/errors/SMS-2010-403"}),
    ("GET", f"{SANDBOXES}/sandboxTypes", 403, {"type": "https://ns.adobe.com/aep/errors/SMS-2010-403"}),
]


async def ask(caller: Caller, method: str, path: str, **changes: str) -> httpx.Response:
    known = caller.emulator.credentials
    headers = caller.headers() | {
        "Authorization": f"Bearer {known.issue(known.limited)}",
        "x-api-key": known.limited.client_id,
        "Accept": "application/vnd.adobe.xed-id+json",
        **changes,
    }
    return await caller.http.request(method, path, headers={name: value for name, value in headers.items() if value})


@pytest.mark.parametrize(("method", "path", "status", "part"), REFUSALS)
async def test_each_service_refuses_in_its_own_way(
    caller: Caller, method: str, path: str, status: int, part: dict[str, Any]
) -> None:
    answer = await ask(caller, method, path)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert {name: body[name] for name in part} == part
    assert answer.headers["X-Request-Id"]


async def test_the_permission_service_tells_who_asked_it(caller: Caller) -> None:
    for path in ("/data/foundation/schemaregistry/tenant/unions", "/data/foundation/query/queries"):
        (link,) = (await ask(caller, "GET", path)).json()["error-chain"]
        assert set(link) == {"serviceId", "errorCode", "invokingServiceId", "unixTimeStampMs"}
        assert (link["serviceId"], link["errorCode"]) == ("PMS", "PMS-1002-403")
        assert link["invokingServiceId"] != link["serviceId"]
        assert link["unixTimeStampMs"] == caller.emulator.world.now_ms()


async def test_the_profile_services_refuse_in_their_envelope(caller: Caller) -> None:
    body = (await ask(caller, "GET", JOBS)).json()
    assert set(body) == {"requestId", "status", "type", "title", "errors"}
    assert body["errors"] == {"401": [{"code": 401, "message": "Unauthorized"}]}


async def test_the_list_of_own_sandboxes_is_empty(caller: Caller) -> None:
    answer = await ask(caller, "GET", f"{SANDBOXES}/", **{"x-sandbox-name": ""})
    assert (answer.status_code, answer.json()["sandboxes"]) == (200, [])
    assert answer.json()["_page"]["count"] == 0


async def test_the_gateway_and_the_sandbox_come_before_the_rights(caller: Caller) -> None:
    assert (await ask(caller, "GET", JOBS, **{"x-gw-ims-org-id": ""})).status_code == 400
    assert (await ask(caller, "GET", JOBS, **{"x-sandbox-name": ""})).status_code == 400
    assert (await ask(caller, "GET", JOBS, **{"x-sandbox-name": "nowhere"})).json()["type"].endswith("SMS-2010-403")


async def test_nothing_is_done_for_one_without_rights(caller: Caller) -> None:
    before = await caller.get(JOBS, limit=1)
    known = caller.emulator.credentials
    headers = caller.headers() | {
        "Authorization": f"Bearer {known.issue(known.limited)}",
        "x-api-key": known.limited.client_id,
    }
    answer = await caller.http.post(JOBS, headers=headers, json=minimal("5b020a27e7040801dedba61b"))
    assert answer.status_code == 401
    assert await caller.get(JOBS, limit=1) == before
    running = before["records"][0]["id"]
    assert (await caller.http.delete(f"{JOBS}/{running}", headers=headers)).status_code == 401
    assert (await caller.get(f"{JOBS}/{running}"))["status"] == before["records"][0]["status"]

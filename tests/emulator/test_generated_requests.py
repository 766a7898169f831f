"""Thousands of generated requests, most of them wrong in some way: every answer is one that the documents know.

The gate sends a fixed 5,000 of them; `AEPX_REQUESTS=20000 python -m pytest tests/emulator/test_generated_requests.py`
sends as many as it says, new ones each time.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route

from tests.emulator.conftest import CATALOG, JOBS, UNION, minimal
from tests.emulator.contract.published import EXPORT, OPERATIONS, QUERY, REGISTRY, SANDBOXES, UPS
from tests.support.clock import FakeClock
from tui_app.emulator.app import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn, SearchStrategy

    from tui_app.emulator.credentials import Client

REQUESTS = int(os.environ.get("AEPX_REQUESTS", "5000"))
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW")
ODD = (
    *("", " ", "0", "-1", "1", "7", "100", "101", "1000", "1e3", "1.5", "NaN", "٣", "²", "9" * 40, "null", "true"),
    *("../../etc/passwd", "%2e%2e%2f", "..", "\x00", "\x1b[31m", "a\nb", "\u202e", "\U0001f600", "x" * 4_000, "[/x]"),
    *("name", "!name", "name==x", "name~^(a+)+$", "version>1.0", "asc:created", "desc:nothing", "+name", "-created"),
    *("tag:*", "a,b,,c", "state==SUCCESS", "1709290800123_31007", "_", "1_", "99999999999999_1", "==", "~", "*"),
    *("'; DROP TABLE jobs; --", "{}", "[]", "https://ns.adobe.com/xdm/context/profile__union", "id", "status"),
)
QUERY_NAMES = tuple(sorted({name for one in OPERATIONS.values() for name in one.query} | {"page", "nothing", "path"}))
A_SEGMENT = "2b7d4c1e-5f60-4f0a-8c0e-6a1b2c3d4e5f"  # stands for one that exists
BODIES: dict[str, tuple[Any, ...]] = {
    # a piece of a path -> bodies that are right there
    "export/jobs": (
        minimal("5b020a27e7040801dedba61b", A_SEGMENT),
        {
            **minimal("5b020a27e7040801dedba61b"),
            "fields": "identityMap",
            "mergePolicy": {"id": "timestampOrdered-none-mp", "version": 1},
            "filter": {
                "segments": [{"segmentId": "a", "segmentNs": "ups", "status": ["realized"]}],
                "segmentQualificationTime": {"startTime": "2024-03-01T00:00:00Z", "endTime": "2024-03-02T00:00:00Z"},
                "fromIngestTimestamp": "2024-02-01T10:00:00-07:00",
                "emptyProfiles": False,
            },
            "additionalFields": {"eventList": {"filter": {"fromIngestTimestamp": "2024-02-01T10:00:00Z"}}},
            "evaluationInfo": {"segmentation": True},
        },
    ),
    "dataSets": (
        {"name": "Made", "description": "", "schemaRef": UNION, "tags": {"unifiedProfile": ["enabled:true"]}},
        [{"op": "replace", "path": "/name", "value": "x"}, {"op": "add", "path": "/tags/a", "value": ["b"]}],
    ),
    "bulk-get": ({"ids": [{"id": A_SEGMENT}, {"id": "a"}]},),
    "segment/jobs": ([{"segmentId": A_SEGMENT}],),
    "queries": (
        {"dbName": "prod:all", "sql": "SELECT 1", "name": "q", "queryParameters": {"a": "b"}},
        {"dbName": "prod:all", "sql": "SELECT 1", "ctasParameters": {"datasetName": "Made by a query"}},
        {"op": "cancel"},
        {"op": "soft_delete"},
    ),
}
ANY_BODY = tuple(body for bodies in BODIES.values() for body in bodies)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 10**30, 1.5, 1e300, -0.0]),
    st.sampled_from(ODD),
    st.sampled_from([[], {}, [[]], {"": None}, [None], ["x"] * 200, {"a": {"b": {"c": [1, 2, {"d": None}]}}}]),
)
ACCEPTS = (
    *("application/json", "*/*", "", "application/vnd.adobe.xed-id+json", "application/vnd.adobe.xed+json"),
    *("application/vnd.adobe.xed-full+json; version=1", "application/vnd.adobe.xdm-full-notext+json;version=9"),
)


@dataclass(frozen=True)
class Sent:
    """One request, as bytes where a well-meaning client library would refuse to write it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def served(emulator: Emulator) -> list[tuple[str, tuple[str, ...]]]:
    """Return every path of the route table with its methods."""
    app: Any = emulator.app
    while not isinstance(app, Starlette):
        app = app._app
    return [(route.path, tuple(sorted(route.methods or ()))) for route in app.routes if isinstance(route, Route)]


@st.composite
def mutated(draw: DrawFn, path: str, segment: str) -> bytes:
    """Draw a body: one that is right for the path with a few places changed, or cut, or not JSON at all."""
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return draw(st.binary(max_size=60))
    fitting = next((bodies for piece, bodies in BODIES.items() if piece in path and kind > 2), ANY_BODY)
    body = deepcopy(draw(st.sampled_from(fitting)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3]))):
        places = list(_places(body))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            holder[key] = deepcopy(draw(SCALARS))  # it may be changed in turn
        else:
            del holder[key]
    content = json.dumps(body).replace(A_SEGMENT, segment).encode()
    return content[: draw(st.integers(0, len(content)))] if kind == 1 else content


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Walk the places of a body that can be changed: container and key or index."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])


def requests(
    paths: list[tuple[str, tuple[str, ...]]], ids: dict[str, list[str]], callers: tuple[dict[str, str], ...]
) -> SearchStrategy[Sent]:
    """Return the strategy of requests to these paths, with ids that exist there and the headers of one caller."""
    everything = [one for several in ids.values() for one in several]
    values = st.one_of(st.sampled_from(everything), st.sampled_from(ODD), st.integers(0, 10**6).map(str))

    @st.composite
    def request(draw: DrawFn) -> Sent:
        path, methods = draw(st.sampled_from(paths))
        fit = [one for one in methods if one != "HEAD"]
        method = draw(st.sampled_from(fit if draw(st.integers(0, 5)) else METHODS))
        fitting = next((st.sampled_from(found) for piece, found in ids.items() if piece in path), values)
        while "{" in path:
            before, _, rest = path.partition("{")
            value = draw(fitting if draw(st.integers(0, 2)) else values)
            path = before + quote(value, safe="") + rest.partition("}")[2]
        if draw(st.integers(0, 19)) == 0:
            path += draw(st.sampled_from(["/", "//", "/x", "%00", ";a=b", "/../.."]))
        query = tuple(draw(st.lists(st.tuples(st.sampled_from(QUERY_NAMES), values), max_size=3)))
        headers = dict(draw(st.sampled_from(callers)))
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
            name = draw(
                st.sampled_from([*callers[0], "Range", "If-Match", "x-request-id", "Pragma", "X-Profile-Instance-Id"])
            )
            if name in headers and draw(st.booleans()):
                del headers[name]
            else:
                headers[name] = draw(st.sampled_from([*ODD[:30], "bytes=0-9", "bytes=5-1", "bytes=-5", "bytes=9e9-"]))
        headers["Accept"] = draw(st.sampled_from(ACCEPTS))
        if draw(st.integers(0, 4)):
            headers["Content-Type"] = "application/json"
        return Sent(
            method=method,
            path=path,
            query=query,
            headers=tuple((name.encode(), _header(value)) for name, value in headers.items()),
            body=draw(mutated(path, ids["segment/definitions"][0])),
        )

    return request()


def _header(value: str) -> bytes:
    """Return what can stand in a header line: no control character, which no server would let through."""
    return bytes(byte for byte in value.encode("utf-8") if byte >= 32 and byte != 127)[:4_000]


Shape = tuple[set[str], set[str]]  # the keys that an error body has, and those that it may have
GATEWAY: Shape = ({"error_code", "message"}, set())
PROBLEM: Shape = ({"type", "title", "status", "detail"}, {"report", "error-chain"})
NO_SANDBOX: Shape = ({"type", "status", "title"}, set())
SHAPES: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("/ims", (({"error", "error_description"}, set()),)),
    (UPS, (({"requestId", "status", "type", "title", "errors"}, set()), ({"requestId", "errors"}, {"status"}))),
    (SANDBOXES, (NO_SANDBOX,)),
    (REGISTRY, (PROBLEM,)),
    (QUERY, (({"message", "statusCode"}, {"errors"}), PROBLEM)),  # the second is access control's
    ("/", (PROBLEM,)),  # Catalog and Data Access
)


def judge(sent: Sent, answer: httpx.Response) -> None:
    """Hold the rules that every answer keeps."""
    assert answer.status_code < 500, answer.text
    assert len(answer.headers.get_list("x-request-id")) == 1
    kind = answer.headers.get("content-type", "")
    if sent.method == "HEAD" or not answer.content:
        return
    if kind.startswith("text/html"):
        assert answer.status_code == 404
        return
    if answer.status_code < 400 and "json" not in kind:
        assert kind == "application/octet-stream" or "parquet" in kind
        return
    assert kind.startswith("application/json"), kind
    body = json.loads(answer.content)
    if answer.status_code < 400:
        return
    assert isinstance(body, dict)
    shapes = next(shapes for start, shapes in SHAPES if sent.path.startswith(start))
    assert any(must <= set(body) <= must | may for must, may in (GATEWAY, NO_SANDBOX, *shapes)), body
    assert body.get("status", answer.status_code) == answer.status_code
    assert len(answer.content) < 8_000, "an error says too much of what it was sent"


@pytest.mark.timeout(600)
def test_every_generated_request_gets_a_documented_answer() -> None:
    emulator = Emulator(FakeClock(), jobs=300, rows=200, dialect="mixed")
    right, limited = (_headers(emulator, client) for client in emulator.credentials.clients.values())
    transport = httpx.ASGITransport(emulator.app, raise_app_exceptions=True)
    with closing(emulator), asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        ids = runner.run(_ids(client, right))

        @settings(
            max_examples=REQUESTS,
            derandomize="AEPX_REQUESTS" not in os.environ,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(served(emulator), ids, (*[right] * 9, limited)))
        def send(sent: Sent) -> None:
            note(repr(sent))
            request = client.build_request(
                sent.method, sent.path, params=list(sent.query), headers=list(sent.headers), content=sent.body
            )
            judge(sent, runner.run(client.send(request)))

        send()
        still = runner.run(client.get(JOBS, headers=right, params={"limit": 5})).json()
        assert len(still.get("records") or still["children"]) == 5
        runner.run(client.aclose())


def _headers(emulator: Emulator, client: Client) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {emulator.credentials.issue(client)}",
        "x-api-key": client.client_id,
        "x-gw-ims-org-id": emulator.credentials.org_id,
        "x-sandbox-name": "prod",
    }


async def _ids(client: httpx.AsyncClient, right: dict[str, str]) -> dict[str, list[str]]:
    """Collect ids that exist by a piece of the paths they belong in, so that many requests get past the first look."""

    async def got(path: str, **query: str) -> Any:
        headers = right | {"Accept": "application/vnd.adobe.xed-id+json"}
        answer = await client.get(path, headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    page = await got(JOBS, limit="50")
    jobs = page.get("records") or page["children"]
    done = [job["destination"] for job in jobs if job["status"] == "SUCCEEDED"]
    batches = [one["batchId"] for one in done if one.get("batchId")][:6]
    files = [
        one["dataSetFileId"] for batch in batches for one in (await got(f"{EXPORT}/batches/{batch}/files"))["data"]
    ]
    listings = [(await got(f"{EXPORT}/files/{file_id}"))["data"] for file_id in files[:6]]
    parts = [one["name"] for listing in listings for one in listing if "name" in one]
    datasets = [*await got(f"{CATALOG}/dataSets")][:4]
    found = {
        "export/jobs": [str(job["id"]) for job in jobs[:6]],
        "segment/definitions": [one["id"] for one in (await got(f"{UPS}/segment/definitions"))["segments"][:3]],
        "dataSets": datasets,
        "datasets": datasets,
        "batches": batches,
        "files": files[:6],
        "sandboxes": ["prod", "dev", "empty"],
        "unions": ["_xdm.context.profile__union", "https://ns.adobe.com/xdm/context/experienceevent__union"],
        "schemas": [one["$id"] for one in (await got(f"{REGISTRY}/tenant/schemas"))["results"][:3]],
        "nowhere": parts,
    }
    for piece in ("audiences", "segment/jobs", "config/schedules", "config/mergePolicies"):
        found[piece] = [str(one["id"]) for one in (await got(f"{UPS}/{piece}"))["children"][:3]]
    return found

"""Every published operation of the served paths: documented status, headers and body, or a known difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.contract.calls import CALLS, Worked, send
from tests.emulator.contract.differences import DIFFERENCES, EVERY, NOT_SERVED, WITHOUT_RIGHTS
from tests.emulator.contract.published import EXPORT, OPERATIONS, UPS, Operation, operation_of, strayings, unsent
from tests.emulator.contract.unsent import WORLD, known_unsent

if TYPE_CHECKING:
    import httpx

    from tests.emulator.conftest import Start

_UNSERVED = {name for names in NOT_SERVED.values() for name in names}


def test_each_operation_is_called_or_known_as_not_served() -> None:
    called = {operation_of(name) for name in CALLS}
    assert not called & _UNSERVED
    assert called | _UNSERVED == set(OPERATIONS)
    assert {name for one in DIFFERENCES for name in one.places} <= set(CALLS)


@pytest.mark.parametrize("dialect", EVERY)
@pytest.mark.parametrize("name", sorted(CALLS))
async def test_answers_are_as_published_but_for_the_known_differences(start: Start, name: str, dialect: str) -> None:
    operation, worked = _call(name)
    answer = await send(start(dialect=dialect, **WORLD), operation, worked)
    found = _strayings(operation, worked.status, answer)
    known = {place for one in DIFFERENCES if dialect in one.dialects for place in one.places.get(name, ())}
    assert sorted(found) == sorted(known), answer.text[:600]
    schema = operation.bodies.get(str(answer.status_code))
    lost = set() if schema is None else unsent(schema, answer.json())
    assert sorted(lost) == sorted(known_unsent(name, dialect)), "python -m tests.emulator.contract.unsent"


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_mixed_answers_stray_no_further_than_is_known(start: Start, name: str) -> None:
    operation, worked = _call(name)
    known = {place for one in DIFFERENCES for place in one.places.get(name, ())}
    for seed in (1, 2):
        answer = await send(start(dialect="mixed", seed=seed, **WORLD), operation, worked)
        assert _strayings(operation, worked.status, answer) <= known, answer.text[:600]


def _strayings(operation: Operation, expected: int, answer: httpx.Response) -> set[str]:
    status = str(answer.status_code)
    found = set() if status in operation.statuses and answer.status_code == expected else {f"status {status}"}
    found |= {f"no {one}" for one in operation.headers.get(status, ()) if one not in answer.headers}
    schema = operation.bodies.get(status)
    if schema is None:
        return found
    if not answer.headers["Content-Type"].startswith("application/json"):
        return found | {f"body is {answer.headers['Content-Type']}"}
    return found | strayings(schema, answer.json())


# A list whose published schema is that of something else -> where its entries are, and whose schema they have.
_ENTRIES = {
    f"GET {UPS}/segment/definitions": ("segments", f"GET {UPS}/segment/definitions/{{SEGMENT_ID}}", ()),
    f"GET {EXPORT}/files/{{dataSetFileId}}": ("data", f"GET {EXPORT}/batches/{{batchId}}/failed", ("data", "items")),
}


@pytest.mark.parametrize("dialect", EVERY)
@pytest.mark.parametrize("name", _ENTRIES)
async def test_lists_that_are_published_as_something_else_hold_what_they_list(
    start: Start, name: str, dialect: str
) -> None:
    answer = await send(start(dialect=dialect, **WORLD), OPERATIONS[name], CALLS[name])
    key, as_published, inside = _ENTRIES[name]
    schema = OPERATIONS[as_published].bodies["200"]
    entries = answer.json()[key]
    assert entries
    for entry in entries:
        body = {inside[0]: [entry]} if inside else entry
        assert strayings(schema, body) == set()


async def test_the_headers_of_a_file_say_what_is_so(start: Start) -> None:
    caller = start(**WORLD)
    listed = (await send(caller, *_call(f"GET {EXPORT}/files/{{dataSetFileId}}"))).json()["data"][0]
    head = await send(caller, *_call(f"HEAD {EXPORT}/files/{{dataSetFileId}}"))
    part = await send(caller, *_call(f"GET {EXPORT}/files/{{dataSetFileId}} (bytes)"))
    assert head.headers["Content-Length"] == listed["length"]
    assert head.headers["Accept-Ranges"] == "bytes"
    assert part.headers["Content-Range"] == f"bytes 0-99/{listed['length']}"
    assert part.headers["Content-Length"] == str(len(part.content)) == "100"


def _call(name: str) -> tuple[Operation, Worked]:
    return OPERATIONS[operation_of(name)], CALLS[name]


@pytest.mark.parametrize("name", sorted(_UNSERVED))
async def test_what_is_known_as_not_served_is_refused_as_such(start: Start, name: str) -> None:
    caller, operation = start(), OPERATIONS[name]
    path = operation.path.replace("{CONTAINER_ID}", "tenant").replace("{", "").replace("}", "")
    answer = await caller.http.request(operation.method, path, headers=caller.headers(), json={})
    page = answer.headers["Content-Type"].startswith("text/html")
    assert answer.status_code == 405 or (answer.status_code == 404 and page), answer.text


@pytest.mark.parametrize("name", sorted({operation_of(name) for name in CALLS}))
async def test_a_client_without_rights_gets_a_documented_status_or_a_known_one(start: Start, name: str) -> None:
    caller, operation = start(), OPERATIONS[name]
    limited = caller.emulator.credentials.limited
    values = {"client_id": limited.client_id, "client_secret": limited.client_secret, "scope": "openid"}
    form = values | {"grant_type": "client_credentials"}
    token = (await caller.http.post("/ims/token/v3", data=form)).json()["access_token"]
    rights = {"Authorization": f"Bearer {token}", "x-api-key": limited.client_id}
    path = operation.path.replace("{CONTAINER_ID}", "tenant").replace("{", "").replace("}", "")
    answer = await caller.http.request(operation.method, path, headers=caller.headers() | rights, json={})
    known = next((str(status) for service, (status, _) in WITHOUT_RIGHTS.items() if path.startswith(service)), "403")
    is_empty_list = name.endswith("sandbox-management/") and answer.json()["sandboxes"] == []
    assert is_empty_list or str(answer.status_code) == known, answer.text
    assert is_empty_list or known in operation.statuses or path.startswith(tuple(WITHOUT_RIGHTS))


def _takes_an_id(operation: Operation) -> bool:
    return operation.method == "GET" and operation.path.endswith("}") and "404" in operation.statuses


@pytest.mark.parametrize("name", sorted(name for name in CALLS if _takes_an_id(OPERATIONS[operation_of(name)])))
async def test_an_unknown_id_is_not_found_where_that_is_documented(start: Start, name: str) -> None:
    caller, operation = start(), OPERATIONS[operation_of(name)]
    before = operation.path.replace("{CONTAINER_ID}", "tenant").partition("{")[0]
    headers = caller.headers() | dict(CALLS[name].headers)
    answer = await caller.http.get(f"{before}00000000-0000-4000-8000-000000000000", headers=headers)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")

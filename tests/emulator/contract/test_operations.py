"""Every published operation of the served paths: documented status, headers and body, or a known difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.contract.calls import CALLS, send
from tests.emulator.contract.differences import DIFFERENCES, EVERY, NOT_SERVED
from tests.emulator.contract.published import OPERATIONS, Operation, operation_of, strayings

if TYPE_CHECKING:
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
    operation, worked = OPERATIONS[operation_of(name)], CALLS[name]
    answer = await send(start(dialect=dialect, jobs=200, rows=500), operation, worked)
    status = str(answer.status_code)
    found = set() if status in operation.statuses and answer.status_code == worked.status else {f"status {status}"}
    found |= {f"no {one}" for one in operation.headers.get(status, ()) if one not in answer.headers}
    schema = operation.bodies.get(status)
    if schema is not None and answer.headers["Content-Type"].startswith("application/json"):
        found |= strayings(schema, answer.json())
    elif schema is not None:
        found.add(f"body is {answer.headers['Content-Type']}")
    known = {place for one in DIFFERENCES if dialect in one.dialects for place in one.places.get(name, ())}
    assert sorted(found) == sorted(known), answer.text[:600]


@pytest.mark.parametrize("name", sorted(_UNSERVED))
async def test_what_is_known_as_not_served_is_refused_as_such(start: Start, name: str) -> None:
    caller, operation = start(), OPERATIONS[name]
    path = operation.path.replace("{CONTAINER_ID}", "tenant").replace("{", "").replace("}", "")
    answer = await caller.http.request(operation.method, path, headers=caller.headers(), json={})
    page = answer.headers["Content-Type"].startswith("text/html")
    assert answer.status_code == 405 or (answer.status_code == 404 and page), answer.text


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

"""Catalog against callers who mean harm, or do not know what they do: a documented refusal, never a fault of ours."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.emulator.conftest import CATALOG, Caller, Start

_LISTS = ("dataSets", "batches", "lastBatches", "dataSetFiles")


@pytest.mark.parametrize("noun", _LISTS)
@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "9" * 40},
        {"limit": "٣"},
        {"limit": "1.0"},
        {"limit": ["5", "500"]},
        {"start": "-1"},
        {"start": "1" * 13},
        {"orderBy": "up:created"},
        {"orderBy": "desc:"},
        {"orderBy": "asc:a b"},
    ],
)
async def test_windows_and_orders_that_mean_nothing(caller: Caller, noun: str, params: dict[str, Any]) -> None:
    answer = await caller.http.get(f"{CATALOG}/{noun}", headers=caller.headers(), params=params)
    assert answer.status_code == 400
    assert set(answer.json()) == {"type", "status", "title", "detail"}
    if "limit" in params:
        assert answer.json()["detail"] == "Please supply a valid query limit: (1 - 100)"


@pytest.mark.parametrize("noun", ["dataSets", "batches", "lastBatches"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created", "yesterday"),
        ("created", "1e3"),
        ("updated", "٣"),
        ("updated", "1,x"),
        ("created", "9" * 19),
        ("property", "name~(((("),
        ("property", "name~(a{500}){500}"),
        ("property", "!name==x"),
        ("property", "==x"),
        ("property", "name=x"),
        ("property", "na me==x"),
        ("tags", ",".join(f"t{number}:v" for number in range(101))),
    ],
)
async def test_filters_that_mean_nothing(caller: Caller, noun: str, name: str, value: str) -> None:
    answer = await caller.http.get(f"{CATALOG}/{noun}", headers=caller.headers(), params={name: value})
    assert (answer.status_code, answer.json()["title"]) == (400, "BadRequestError")


@pytest.mark.parametrize("name", ["createdAfter", "createdBefore", "startAfter", "endBefore", "recordCount", "started"])
async def test_times_and_counts_of_batches_are_numbers(caller: Caller, name: str) -> None:
    for value in ("x", "1.5", "9" * 30, "٣", "0x10"):
        answer = await caller.http.get(f"{CATALOG}/batches", headers=caller.headers(), params={name: value})
        assert answer.status_code == 400, value


async def test_many_values_and_many_filters(caller: Caller) -> None:
    many = ",".join(f"{number:x}" for number in range(9_000))
    assert await caller.get(f"{CATALOG}/dataSets", name=many) == {}
    assert await caller.get(f"{CATALOG}/batches", dataSet=many) == {}
    assert await caller.get(f"{CATALOG}/lastBatches", dataSetId=many) == {}
    assert await caller.get(f"{CATALOG}/dataSetFiles", batchId=many) == {}
    assert len(await caller.get(f"{CATALOG}/dataSets", name="!" + many)) == 20
    assert set(await caller.get(f"{CATALOG}/dataSets", properties=many, limit=1)) != set()
    assert len(await caller.get(f"{CATALOG}/dataSets", name=["", ",", "!"], unknown="x", limit="")) == 20
    too_many = await caller.http.get(
        f"{CATALOG}/dataSets", headers=caller.headers(), params={"property": ["name"] * 21}
    )
    assert too_many.status_code == 400


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"NaN", "application/json", 400),
        (b'{"name":"x","a":1e999}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'[{"name":"x"}]', "application/json", 400),
        (b'"x"', "application/json", 400),
        (b'{"name":"x"}', "text/plain", 400),
        (b'{"name":"x"}', "application/json-patch+json", 400),
        (b'{"name":"' + b"x" * 70_000 + b'"}', "application/json", 400),
        (b'{"name":"\\ud800 \\u0000"}', "Application/JSON; charset=utf-8", 201),
        (b'{"name":"x","schemaRef":{"id":"","contentType":""}}', "application/json", 400),
        (b'{"name":"x","fileDescription":{"charset":"EBCDIC"}}', "application/json", 400),
        (b'{"name":"x","enableErrorDiagnostics":null,"tags":null}', "application/json", 201),
    ],
)
async def test_bodies(caller: Caller, content: bytes, kind: str, status: int) -> None:
    headers = caller.headers() | {"content-type": kind}
    answer = await caller.http.post(f"{CATALOG}/dataSets", headers=headers, content=content)
    assert answer.status_code == status, answer.text
    if status == 201:
        shown = await caller.http.get(f"{CATALOG}/dataSets", headers=caller.headers(), params={"limit": 1})
        assert shown.status_code == 200


async def test_random_calls_are_all_answered(start: Start) -> None:
    """A few hundred calls of every sort; a fault of ours would be raised through the transport."""
    caller = start(jobs=300, dialect="mixed")
    draw = random.Random(20_260_301)
    words = (
        *("", "0", "1", "!", "a,b,,", "*", "true", "null", "{}", "\x00", "\u202e", "9" * 30, "asc:created"),
        *("desc:updated", "status", "!name", "name==*a*", "name~^(a+)+$", "name~[", "version>1.0.9", "created<5"),
        *("active", "failure", "unifiedProfile:*", ":", "x" * 3_000, "1772366400000", "%00", "observableSchema"),
    )
    names = (
        *("limit", "start", "orderBy", "sort", "property", "properties", "tags", "name", "version", "created"),
        *("updated", "status", "dataSet", "dataSetId", "batch", "batchId", "createdAfter", "createdBefore"),
        *("startAfter", "size", "lastBatchStatus", "requestDataSource", "aggregate"),
    )
    fields = ("name", "description", "tags", "schemaRef", "fileDescription", "extensions", "unifiedTags", "version")
    values: tuple[Any, ...] = (None, True, -1, 1.5, "", "x", [], {}, {"a": ["b"]}, {"a": "b"}, [["x"]], {"adobe/x": []})
    for _ in range(400):
        dataset_id = draw.choice([*caller.emulator.world.sandboxes["prod"].datasets, "none", "٣"])
        method = draw.choice(["GET", "GET", "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"])
        writes = method in {"POST", "PATCH", "PUT"}
        path = draw.choice([*_LISTS, f"dataSets/{dataset_id}", f"v2/dataSets/{dataset_id}", "batches/x"])
        operation = {"op": draw.choice(["add", "remove", None]), "path": draw.choice(["/tags/a", "/", 5]), "value": 1}
        body = draw.choice([{draw.choice(fields): draw.choice(values) for _ in range(3)}, [operation], "x"])
        kind = draw.choice(["application/json", "application/json-patch+json"])
        answer = await caller.http.request(
            method,
            f"{CATALOG}/{path}",
            headers=caller.headers() | ({"content-type": kind} if writes else {}),
            params=[(draw.choice(names), draw.choice(words)) for _ in range(draw.randint(0, 3))],
            json=body if writes else None,
        )
        assert answer.status_code in {200, 201, 400, 403, 404, 405, 412}, (method, path, answer.text)

"""Segment definitions as a stranger's client reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Caller, Start

PATH = "/data/core/ups/segment/definitions"


async def status(caller: Caller, path: str, **params: str) -> int:
    return (await caller.http.get(path, headers=caller.headers(), params=params)).status_code


async def test_a_definition_tells_what_the_reference_lists(caller: Caller) -> None:
    page = await caller.get(PATH, limit=1)
    (one,) = page["segments"]
    assert one["schema"] == {"name": "_xdm.context.profile"}
    assert one["sandbox"] == {
        "sandboxId": caller.emulator.world.sandboxes["prod"].sandbox_id,
        "sandboxName": "prod",
        "type": "production",
        "default": True,
    }
    assert one["imsOrgId"] == caller.emulator.credentials.org_id
    assert one["expression"]["type"] == "PQL"
    assert sum(way["enabled"] for way in one["evaluationInfo"].values()) == 1
    assert one["updateTime"] // 1000 == one["updateEpoch"]
    assert await caller.get(f"{PATH}/{one['id']}") == one


async def test_pages_count_from_zero_and_hold_everything_once(caller: Caller) -> None:
    first = await caller.get(PATH, limit=20, page=0)
    assert first["page"] == {
        "totalCount": first["page"]["totalCount"],
        "totalPages": -(-first["page"]["totalCount"] // 20),
        "sortField": "creationTime",
        "sort": "desc",
        "pageSize": 20,
        "limit": 20,
    }
    ids = [
        one["id"]
        for page in range(first["page"]["totalPages"])
        for one in (await caller.get(f"{PATH}/", limit=20, page=page))["segments"]
    ]
    whole = (await caller.get(PATH))["segments"]
    assert ids == [one["id"] for one in whole]
    assert len(set(ids)) == first["page"]["totalCount"] > 80


async def test_the_link_leads_to_the_next_page_until_there_is_none(caller: Caller) -> None:
    page, seen = await caller.get(PATH, limit=30, sort="name:asc"), 0
    names: list[str] = []
    while True:
        names += [one["name"] for one in page["segments"]]
        if not page["link"]:
            break
        seen += 1
        assert seen < 10
        assert page["link"]["next"].startswith("@/segment/definitions?")
        page = await caller.get(PATH, **dict(parse_qsl(page["link"]["next"].partition("?")[2])))
    assert names == sorted(names)
    assert len(names) == page["page"]["totalCount"]


async def test_start_leaves_out_so_many_and_a_page_beyond_the_end_is_empty(caller: Caller) -> None:
    whole = (await caller.get(PATH))["segments"]
    assert (await caller.get(PATH, start=4, limit=3))["segments"] == whole[4:7]
    assert (await caller.get(PATH, page=99))["segments"] == []
    assert (await caller.get(PATH, start=109103839))["segments"] == []


async def test_streaming_ones_are_found_in_any_spelling_of_true(caller: Caller) -> None:
    name = "evaluationInfo.continuous.enabled"
    streaming = (await caller.get(PATH, **{name: "True"}))["segments"]
    others = (await caller.get(PATH, **{name: "false"}))["segments"]
    assert streaming
    assert all(one["evaluationInfo"]["continuous"]["enabled"] for one in streaming)
    assert len(streaming) + len(others) == (await caller.get(PATH))["page"]["totalCount"]


async def test_several_keys_order_and_the_first_is_told(caller: Caller) -> None:
    page = await caller.get(PATH, sort="updateTime:desc,name:asc")
    times = [one["updateTime"] for one in page["segments"]]
    assert times == sorted(times, reverse=True)
    assert (page["page"]["sortField"], page["page"]["sort"]) == ("updateTime", "desc")


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "1e3"},
        {"limit": "٣"},
        {"limit": "9" * 400},
        {"page": "-1"},
        {"page": "1.5"},
        {"start": "x"},
        {"start": "\x00"},
        {"sort": "shoeSize:asc"},
        {"sort": "name:sideways"},
        {"sort": ",,"},
        {"sort": "name;drop"},
        {"evaluationInfo.continuous.enabled": "perhaps"},
    ],
)
async def test_a_bad_parameter_gets_the_envelope_of_the_service(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(PATH, headers=caller.headers(), params=params)
    assert answer.status_code == 400
    body = answer.json()
    assert body["type"].endswith("UPLIB-101206-500")
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body["errors"]["400"]


async def test_an_empty_parameter_counts_as_absent(caller: Caller) -> None:
    assert await caller.get(PATH, limit="", page="", sort="", start="") == await caller.get(PATH)


async def test_unknown_and_foreign_ids_are_not_found(caller: Caller) -> None:
    mine = (await caller.get(PATH, limit=1))["segments"][0]["id"]
    for path in (f"{PATH}/nothing", f"{PATH}/{mine.upper()}", f"{PATH}/%00", f"{PATH}/bulk-get"):
        assert await status(caller, path) == 404
    other = await caller.http.get(f"{PATH}/{mine}", headers=caller.headers("dev"))
    assert other.status_code == 404
    assert other.json()["type"].endswith("UPAPI-113000-404")


async def test_bulk_get_answers_each_id_and_marks_what_is_missing(caller: Caller) -> None:
    first, second = (await caller.get(PATH, limit=2))["segments"]
    body = {"ids": [{"id": first["id"]}, {"id": "gone"}, {"id": second["id"]}, {"id": first["id"]}]}
    answer = await caller.post(f"{PATH}/bulk-get", body)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert set(results) == {first["id"], second["id"], "gone"}
    assert results[first["id"]] == first
    assert results["gone"]["errors"]["404"][0]["message"] == "Not found."


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ({"ids": []}, 400, "UPAPI-113015-400"),
        ({"ids": [{"id": "x"}] * 101}, 400, "UPAPI-113015-400"),
        ({"ids": [{"id": "x"}, {"id": "y"}]}, 404, "UPAPI-113000-404"),
        ({"ids": ["x"]}, 400, "UPLIB-101206-500"),
        ({"ids": [{"id": 7}]}, 400, "UPLIB-101206-500"),
        ({"ids": [{"id": ""}]}, 400, "UPLIB-101206-500"),
        ({"ids": {"id": "x"}}, 400, "UPLIB-101206-500"),
        ({}, 400, "UPLIB-101206-500"),
        ([], 400, "UPLIB-101206-500"),
        (None, 400, "UPLIB-101206-500"),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/data/core/ups/audiences", "/data/core/ups/config/mergePolicies"])
async def test_a_bad_bulk_get_is_refused_with_its_code(
    caller: Caller, path: str, body: object, code: int, error: str
) -> None:
    answer = await caller.post(f"{path}/bulk-get", body)
    assert answer.status_code == code
    assert answer.json()["type"].endswith(error)


async def test_an_unreadable_bulk_get_is_refused(caller: Caller) -> None:
    for body in (b"", b"{", b"\xff", b'{"ids":NaN}', b"[" * 5000, b'{"ids":[{"id":"\\ud800"}]}'):
        answer = await caller.http.post(f"{PATH}/bulk-get", headers=caller.headers(), content=body)
        assert answer.status_code in {400, 404}, body
        assert "errors" in answer.json()


async def test_rules_come_in_both_formats_and_one_is_long(caller: Caller) -> None:
    found = (await caller.get(PATH))["segments"]
    by_format: dict[str, list[Any]] = {"pql/text": [], "pql/json": []}
    for one in found:
        by_format[one["expression"]["format"]].append(one["expression"]["value"])
    assert all("nodeType" in json.loads(text) for text in by_format["pql/json"])
    assert len(by_format["pql/json"]) > 5
    assert max(map(len, by_format["pql/text"])) > 4000


async def test_what_real_definitions_lack_is_lacking_here(caller: Caller) -> None:
    found = (await caller.get(PATH))["segments"]
    assert any("description" not in one for one in found)
    assert any("mergePolicyId" not in one for one in found)
    assert sum(one["creationTime"] == 0 for one in found) == 1
    policies = {one["id"] for one in (await caller.get("/data/core/ups/config/mergePolicies"))["children"]}
    assert {one["mergePolicyId"] for one in found if "mergePolicyId" in one} == policies


async def test_an_archived_audience_has_no_definition(caller: Caller) -> None:
    listed = (await caller.get("/data/core/ups/audiences", limit=100, property="lifecycleState==archived"))["children"]
    archived = [one["id"] for one in listed if one["type"] == "SegmentDefinition"]
    assert archived
    assert await status(caller, f"{PATH}/{archived[0]}") == 404


async def test_sandboxes_differ_and_the_empty_one_has_none(caller: Caller) -> None:
    counts = {
        name: (await caller.get(PATH, sandbox=name))["page"]["totalCount"] for name in caller.emulator.world.sandboxes
    }
    assert counts["empty"] == 0
    assert 0 < counts["dev"] < counts["prod"]


async def test_one_seed_makes_the_same_definitions(start: Start) -> None:
    first, second, other = start(seed=5), start(seed=5), start(seed=6)
    assert (await first.get(PATH))["segments"] == (await second.get(PATH))["segments"]
    assert (await first.get(PATH, limit=1))["segments"] != (await other.get(PATH, limit=1))["segments"]


async def test_only_reading_is_served(caller: Caller) -> None:
    one = (await caller.get(PATH, limit=1))["segments"][0]["id"]
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/{one}"), ("DELETE", f"{PATH}/{one}")):
        answer = await caller.http.request(method, path, headers=caller.headers(), json={})
        assert answer.status_code == 405

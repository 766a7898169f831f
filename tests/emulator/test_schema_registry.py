"""The schema registry: which `Accept` gets which form, ids as they come in paths, filters, value cursors, refusals."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tui_app.emulator.world.fields import paths
from tui_app.emulator.world.union import EVENT, PROFILE

if TYPE_CHECKING:
    import httpx

    from tests.emulator.conftest import Caller

REGISTRY = "/data/foundation/schemaregistry"
UNIONS = f"{REGISTRY}/tenant/unions"
SCHEMAS = f"{REGISTRY}/tenant/schemas"
UNION_ID = "https://ns.adobe.com/xdm/context/profile__union"
LOOKUP = "application/vnd.adobe.xed-full+json; version=1"
LISTING = "application/vnd.adobe.xed-id+json"


async def ask(caller: Caller, path: str, accept: str | None, **params: Any) -> httpx.Response:
    headers = caller.headers() | ({"Accept": accept} if accept is not None else {})
    return await caller.http.get(path, headers=headers, params=params)


async def good(caller: Caller, path: str, accept: str, **params: Any) -> Any:
    answer = await ask(caller, path, accept, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def walk(properties: dict[str, Any], prefix: str = "") -> list[str]:
    """List field paths the way API reference 8 tells a client to."""
    found = []
    for name, field in properties.items():
        inner = field.get("properties") or field.get("items", {}).get("properties")
        found += walk(inner, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return found


@pytest.mark.parametrize(
    "written", [quote(UNION_ID, safe=""), UNION_ID, "_xdm.context.profile__union", quote(UNION_ID, safe="").lower()]
)
async def test_a_union_is_found_under_every_spelling_of_its_id(caller: Caller, written: str) -> None:
    body = await good(caller, f"{UNIONS}/{written}", LOOKUP)
    assert body["$id"] == UNION_ID
    assert body["meta:altId"] == "_xdm.context.profile__union"
    assert walk(body["properties"]) == [*paths(PROFILE), "timeSeriesEvents"]
    assert "allOf" not in body
    sandboxes = {one.name: one.sandbox_id for one in caller.emulator.world.sandboxes.values()}
    assert body["meta:sandboxId"] == sandboxes["prod"]


async def test_a_union_answers_among_the_schemas_though_it_is_not_listed_there(caller: Caller) -> None:
    schemas = UNIONS.replace("unions", "schemas")
    written = quote(UNION_ID, safe="")
    assert await good(caller, f"{schemas}/{written}", LOOKUP) == await good(caller, f"{UNIONS}/{written}", LOOKUP)
    listed = await good(caller, schemas, "application/vnd.adobe.xed-id+json")
    assert UNION_ID not in {one["$id"] for one in listed["results"]}


async def test_the_event_union_lists_event_paths(caller: Caller) -> None:
    body = await good(caller, f"{UNIONS}/_xdm.context.experienceevent__union", LOOKUP)
    assert walk(body["properties"]) == list(paths(EVENT))
    browser = body["properties"]["environment"]["properties"]["browserDetails"]["properties"]
    assert browser["viewportHeight"] == {"title": "Viewport height", "type": "integer", "meta:xdmType": "int"}
    items = body["properties"]["productListItems"]
    assert (items["type"], items["meta:xdmType"], items["items"]["type"]) == ("array", "array", "object")


async def test_fields_say_what_they_are(caller: Caller) -> None:
    found = (await good(caller, f"{UNIONS}/_xdm.context.profile__union", LOOKUP))["properties"]
    assert found["personalEmail"]["properties"]["address"]["format"] == "email"
    assert found["identityMap"]["meta:xdmType"] == "map"
    assert found["identityMap"]["additionalProperties"]["items"]["properties"]["id"]["type"] == "string"
    birth = found["person"]["properties"]["birthDate"]
    assert (birth["type"], birth["format"], birth["meta:xdmType"]) == ("string", "date", "date")
    assert found["loyalty"]["properties"]["tier"]["enum"] == ["bronze", "silver", "gold", "platinum"]
    assert set(found["loyalty"]["properties"]["tier"]["meta:enum"]) == {"bronze", "silver", "gold", "platinum"}


@pytest.mark.parametrize(
    ("variant", "full", "text"),
    [
        ("xed", False, True),
        ("xed-notext", False, False),
        ("xed-full", True, True),
        ("xed-full-notext", True, False),
        ("xed-full-desc", True, True),
        ("xed-deprecatefield", True, True),
        ("xdm", False, True),
        ("xdm-full", True, True),
        ("XDM-Full-NoText", True, False),
    ],
)
@pytest.mark.parametrize("version", ["; version=1", ";version=1", "; version=1.0"])
async def test_a_lookup_has_the_form_that_accept_names(
    caller: Caller, variant: str, *, full: bool, text: bool, version: str
) -> None:
    accept = f"application/vnd.adobe.{variant}+json{version}"
    for path in (f"{UNIONS}/_xdm.context.profile__union", f"{SCHEMAS}/{await schema_id(caller, 'CRM customers')}"):
        body = await good(caller, path, accept)
        assert ("properties" in body, "allOf" in body) == (full, not full)
        assert ("title" in body, "description" in body) == (text, text)
        if full:
            key = "xdm:personalEmail" if variant.lower().startswith("xdm") else "personalEmail"
            assert ("title" in body["properties"][key]) == text
        else:
            assert {"$ref", "type", "meta:xdmType"} == set(body["allOf"][0])


async def schema_id(caller: Caller, title: str) -> str:
    listed = await good(caller, SCHEMAS, LISTING)
    return quote(next(one["$id"] for one in listed["results"] if one["title"] == title), safe="")


async def test_the_xdm_family_names_keys_with_their_namespace(caller: Caller) -> None:
    path = f"{UNIONS}/{quote(UNION_ID, safe='')}"
    body = await good(caller, path, "application/vnd.adobe.xdm-full+json; version=1")
    found = body["properties"]
    assert {"xdm:personalEmail", "xdm:identityMap", "@id", "_emulated"} <= set(found)
    assert "address" not in found["xdm:personalEmail"]["properties"]
    assert "xdm:address" in found["xdm:personalEmail"]["properties"]
    assert "churn" in found["_emulated"]["properties"]["propensity"]["properties"]


async def test_notext_keeps_fields_that_are_called_title(caller: Caller) -> None:
    body = await good(caller, f"{UNIONS}/_xdm.context.profile__union", LOOKUP.replace("full", "full-notext"))
    assert not re.search(r'"(title|description)":"', json.dumps(body, separators=(",", ":")))
    assert walk(body["properties"]) == [*paths(PROFILE), "timeSeriesEvents"]


async def test_descriptors_come_with_desc_only(caller: Caller) -> None:
    path = f"{UNIONS}/_xdm.context.profile__union"
    found = (await good(caller, path, LOOKUP.replace("full", "full-desc")))["meta:descriptors"]
    assert {one["xdm:sourceProperty"] for one in found} == {"/personalEmail/address", "/mobilePhone/number"}
    assert "meta:descriptors" not in await good(caller, path, LOOKUP)


async def test_flat_lists_leaves_by_path(caller: Caller) -> None:
    accept = "application/vnd.adobe.xdm-full-flat+json; version=1"
    found = (await good(caller, f"{UNIONS}/_xdm.context.profile__union", accept))["properties"]
    assert found["xdm:person/xdm:name/xdm:firstName"]["type"] == "string"
    assert "_emulated/propensity/churn" in found


@pytest.mark.parametrize("accept", [LISTING, LISTING.replace("xed", "xdm"), LISTING.upper()])
async def test_a_short_list_has_four_keys(caller: Caller, accept: str) -> None:
    body = await good(caller, UNIONS, accept)
    assert {one["title"] for one in body["results"]} == {"XDM Individual Profile", "XDM ExperienceEvent"}
    assert all(set(one) == {"title", "$id", "meta:altId", "version"} for one in body["results"])
    assert body["_page"]["next"] is None
    assert body["_page"]["count"] == 2
    assert (await good(caller, f"{UNIONS}/", accept)) == body


async def test_a_long_list_leaves_references(caller: Caller) -> None:
    body = await good(caller, UNIONS, "application/vnd.adobe.xed+json")
    assert all(one["allOf"][0]["$ref"].startswith("https://") for one in body["results"])
    assert all("properties" not in one and one["meta:extends"] for one in body["results"])


WRONG_LISTS = [
    None,
    "",
    "*/*",
    "application/json",
    "application/vnd.adobe.xed+json; version=1",
    "application/vnd.adobe.xed-full+json",
    "application/vnd.adobe.xod+json",
    "application/vnd.adobe.xed+json" + "x" * 5_000,
]
WRONG_LOOKUPS = [
    None,
    "*/*",
    "application/json; version=1",
    "application/vnd.adobe.xed-full+json",
    "application/vnd.adobe.xed-id+json; version=1",
    "application/vnd.adobe.xed-odd+json; version=1",
]


@pytest.mark.parametrize(
    ("path", "accept", "code"),
    [
        *((path, accept, "XDM-1006-400") for accept in WRONG_LISTS for path in (UNIONS, SCHEMAS)),
        *((f"{UNIONS}/_xdm.context.profile__union", accept, "XDM-1007-400") for accept in WRONG_LOOKUPS),
        *((f"{SCHEMAS}/nothing", accept, "XDM-1007-400") for accept in WRONG_LOOKUPS),
    ],
)
async def test_a_wrong_accept_is_refused(caller: Caller, path: str, accept: str | None, code: str) -> None:
    headers = caller.headers() | {"Accept": accept or ""}
    answer = await caller.http.get(path, headers=headers)
    problem(answer, code)
    assert "A valid Accept value should look like application/vnd.adobe.'{xed|xdm'}+json" in answer.json()["detail"]
    assert ("Version should be specified" in answer.json()["detail"]) == (code == "XDM-1007-400")
    assert len(answer.text) < 2_000


def problem(answer: httpx.Response, code: str) -> None:
    body = answer.json()
    assert answer.status_code == int(code[-3:]) == body["status"]
    assert body["type"] == f"http://ns.adobe.com/aep/errors/{code}"
    assert set(body) == {"type", "title", "status", "report", "detail"}
    assert set(body["report"]) == {"registryRequestId", "timestamp", "detailed-message", "sub-errors"}
    assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d", body["report"]["timestamp"])
    assert body["report"]["detailed-message"] == body["detail"]


@pytest.mark.parametrize(
    ("path", "version"),
    [
        (f"{UNIONS}/_xdm.context.nothing__union", "1"),
        (f"{UNIONS}/{quote('https://ns.adobe.com/xdm/context/profile', safe='')}", "1"),
        (f"{UNIONS}/_xdm.context.profile__union", "2"),
        (f"{UNIONS}/_xdm.context.profile__union", "١"),
        (f"{UNIONS}/%00%1b%5B31m%E2%80%AE{'x' * 3000}", "1"),
    ],
)
async def test_what_does_not_exist_is_not_found(caller: Caller, path: str, version: str) -> None:
    headers = {name.encode(): value.encode() for name, value in caller.headers().items()}
    accept = f"application/vnd.adobe.xed-full+json; version={version}".encode()
    answer = await caller.http.get(path, headers=headers | {b"Accept": accept})
    problem(answer, "XDM-1012-404")
    assert len(answer.text) < 2_000


@pytest.mark.parametrize(
    ("rules", "titles"),
    [
        (["meta:immutableTags==union", "meta:class==https://ns.adobe.com/xdm/context/profile"], 8),
        (["meta:immutableTags==union,meta:class==https://ns.adobe.com/xdm/context/profile"], 8),
        (["meta:class==https://ns.adobe.com/xdm/context/profile"], 9),
        (["meta:extends!=https://ns.adobe.com/xdm/data/adhoc"], 17),
        (["meta:extends==https://ns.adobe.com/xdm/data/adhoc"], {"Query result 2026-02"}),
        (["title==Orders"], {"Orders"}),
        (["title~^store"], {"Store visits", "Store locations"}),
        (["title~.*records$"], {"Consent records"}),
        (["title~b.*con.*s$"], {"Business contacts"}),
        (["title~^a.*s$"], {"App users", "Audience memberships", "Audience entries and exits"}),
        (["title~^orders$"], {"Orders"}),
        (["title~^order$"], set()),
        (["title>=Store", "title<Sub"], {"Store visits", "Store locations"}),
        (["meta:nothing"], set()),
        (["meta:nothing==x"], set()),
        (["=====", "", ","], 18),
    ],
)
async def test_schemas_are_filtered(caller: Caller, rules: list[str], titles: set[str] | int) -> None:
    found = {one["title"] for one in (await good(caller, SCHEMAS, LISTING, property=rules))["results"]}
    if isinstance(titles, int):
        assert len(found) == titles
    else:
        assert found == titles


async def test_a_search_takes_linear_time(caller: Caller) -> None:
    hostile = "title~" + ".*a" * 800 + "(a+)+$"
    assert (await good(caller, SCHEMAS, LISTING, property=hostile))["results"] == []


async def test_the_cursor_is_a_value_of_the_sorted_key(caller: Caller) -> None:
    everything = (await good(caller, SCHEMAS, LISTING, orderby="title"))["results"]
    titles = [one["title"] for one in everything]
    assert titles == sorted(titles, key=str.lower)
    seen: list[str] = []
    start: dict[str, str] = {}
    for _ in range(20):
        body = await good(caller, SCHEMAS, LISTING, orderby="title", limit=5, **start)
        seen += [one["title"] for one in body["results"]]
        if body["_page"]["next"] is None:
            assert body["_links"]["next"] is None
            break
        assert body["_page"]["next"] == seen[-1]
        linked = await caller.http.get(body["_links"]["next"], headers=caller.headers() | {"Accept": LISTING})
        start = {"start": body["_page"]["next"]}
        assert linked.json() == await good(caller, SCHEMAS, LISTING, orderby="title", limit=5, **start)
    assert seen == titles
    falling = (await good(caller, SCHEMAS, LISTING, orderby="-title", start="Orders"))["results"]
    assert [one["title"] for one in falling] == titles[: titles.index("Orders")][::-1]


async def test_start_zero_gives_an_empty_list(caller: Caller) -> None:
    assert (await good(caller, SCHEMAS, LISTING, start=0))["results"] == []
    assert len((await good(caller, SCHEMAS, LISTING))["results"]) == 18


async def test_paging_in_the_default_order_meets_every_schema_once(caller: Caller) -> None:
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        body = await good(caller, SCHEMAS, LISTING, limit=4, **more)
        seen += [one["$id"] for one in body["results"]]
        if body["_page"]["next"] is None:
            break
        more = {"start": body["_page"]["next"]}
    assert len(seen) == len(set(seen)) == 18


async def test_a_page_keeps_ties_together(caller: Caller) -> None:
    body = await good(caller, SCHEMAS, LISTING, orderby="meta:class", limit=1)
    held = {(await lookup(caller, one["$id"]))["meta:class"] for one in body["results"]}
    assert len(held) == 1
    rest = await good(caller, SCHEMAS, LISTING, orderby="meta:class", start=body["_page"]["next"])
    assert len(body["results"]) + len(rest["results"]) == 18


async def lookup(caller: Caller, identifier: str) -> Any:
    return await good(caller, f"{SCHEMAS}/{quote(identifier, safe='')}", "application/vnd.adobe.xed+json; version=1")


@pytest.mark.parametrize("limit", ["x", "-1", "1.5", "٣", "9" * 50, "1\x00"])
async def test_a_limit_that_is_no_number_is_refused(caller: Caller, limit: str) -> None:
    problem(await ask(caller, SCHEMAS, LISTING, limit=limit), "XDM-1000-400")


async def test_statistics_add_up(caller: Caller) -> None:
    body = await good(caller, f"{REGISTRY}/stats", "application/json")
    assert body == await good(caller, f"{REGISTRY}/stats/", "*/*")
    assert body["tenantId"] == "emulated"
    assert body["imsOrg"] == caller.emulator.credentials.org_id
    listed = (await good(caller, SCHEMAS, LISTING))["results"]
    assert body["counts"]["schemas"] == len(listed) == sum(one["numberOfSchemas"] for one in body["classUsage"])
    assert body["counts"]["unions"] == 2
    assert {one["$id"] for one in body["recentlyUpdatedResources"]} <= {one["$id"] for one in listed}


async def test_sandboxes_say_which_they_are(caller: Caller) -> None:
    path = f"{UNIONS}/_xdm.context.profile__union"
    headers = caller.headers("dev") | {"Accept": LOOKUP}
    body = (await caller.http.get(path, headers=headers)).json()
    assert body["meta:sandboxType"] == "development"
    assert body["meta:sandboxId"] != (await good(caller, path, LOOKUP))["meta:sandboxId"]


async def test_reading_is_all_there_is(caller: Caller) -> None:
    answer = await caller.http.post(SCHEMAS, headers=caller.headers(), json={})
    assert answer.status_code == 405

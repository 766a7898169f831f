"""Merge policies as a stranger's client reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.emulator.conftest import CATALOG, Caller, Start
from tui_app.emulator.world.policies import feeds_profile

PATH = "/data/core/ups/config/mergePolicies"


async def everything(caller: Caller, **params: Any) -> list[dict[str, Any]]:
    """Read all pages by the query string of each link, as clients do that know the path to be wrong."""
    page = await caller.get(PATH, **params)
    found: list[dict[str, Any]] = list(page["children"])
    while href := page["_links"]["next"]["href"]:
        page = await caller.get(PATH, **dict(parse_qsl(href.partition("?")[2], keep_blank_values=True)))
        found += page["children"]
        assert len(found) < 50
    return found


async def test_a_policy_tells_what_the_reference_lists(caller: Caller) -> None:
    (one,) = (await caller.get(PATH, default="true"))["children"]
    assert one == {
        "id": one["id"],
        "name": "Default Timebased",
        "imsOrgId": caller.emulator.credentials.org_id,
        "sandbox": {
            "sandboxId": caller.emulator.world.sandboxes["prod"].sandbox_id,
            "sandboxName": "prod",
            "type": "production",
            "default": True,
        },
        "schema": {"name": "_xdm.context.profile"},
        "version": 1,
        "identityGraph": {"type": "pdg"},
        "attributeMerge": {"type": "timestampOrdered"},
        "isActiveOnEdge": True,
        "default": True,
        "updateEpoch": one["updateEpoch"],
    }
    assert await caller.get(f"{PATH}/{one['id']}") == one


async def test_the_page_always_has_a_link(caller: Caller) -> None:
    page = await caller.get(f"{PATH}/")
    assert page["_page"] == {"totalCount": len(page["children"]), "pageSize": len(page["children"])}
    assert page["_links"] == {"next": {"href": ""}}
    assert 4 <= len(page["children"]) <= 5


@pytest.mark.parametrize("order", ["name", "+name", "-name", "version", "-updateEpoch"])
async def test_links_lead_through_every_order(caller: Caller, order: str) -> None:
    whole = (await caller.get(PATH, orderBy=order))["children"]
    assert await everything(caller, orderBy=order, limit=1) == whole
    assert await everything(caller, orderby=order, limit=3) == whole


async def test_names_order_by_default_and_the_unnamed_comes_first(caller: Caller) -> None:
    found = (await caller.get(PATH))["children"]
    names = [one.get("name", "") for one in found]
    assert names == sorted(names)
    assert "name" not in found[0]
    assert (await caller.get(PATH, orderBy="-name"))["children"] == found[::-1]
    bare = await caller.http.get(PATH + "?orderBy=+name", headers=caller.headers())  # a plus that nobody escaped
    assert bare.json()["children"] == found


async def test_a_link_keeps_the_filters_and_an_empty_order(caller: Caller) -> None:
    page = await caller.get(PATH, limit=1, **{"attributeMerge.type": "timestampOrdered"})
    assert page["_links"]["next"]["href"].startswith("@/mergePolicies?start=")
    assert "&orderBy=&limit=1" in page["_links"]["next"]["href"]
    found = await everything(caller, limit=1, **{"attributeMerge.type": "timestampOrdered"})
    assert len(found) == 3
    assert {one["attributeMerge"]["type"] for one in found} == {"timestampOrdered"}


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"schema.name": "_xdm.context.profile"}, 4),
        ({"schema.name": "_xdm.context.account"}, 0),
        ({"default": "false"}, 3),
        ({"isActiveOnEdge": "TRUE"}, 1),
        ({"identityGraph.type": "none"}, 1),
        ({"identityGraph.type": "everything"}, 0),
        ({"attributeMerge.type": "dataSetPrecedence"}, 1),
        ({"version": "1"}, 2),
        ({"version": "77"}, 0),
    ],
)
async def test_filters(caller: Caller, params: dict[str, str], count: int) -> None:
    assert len((await caller.get(PATH, **params))["children"]) == count


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "many"},
        {"start": "not a cursor"},
        {"start": "2"},
        {"start": "K1JJRDpF"},
        {"start": "é"},
        {"orderBy": "shape"},
        {"orderBy": "+"},
        {"orderby": "--name"},
        {"default": "1"},
        {"isActiveOnEdge": "sometimes"},
        {"version": "one"},
    ],
)
async def test_a_bad_parameter_is_refused(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(PATH, headers=caller.headers(), params=params)
    assert answer.status_code == 400
    assert answer.json()["errors"]["400"]


async def test_start_zero_is_the_beginning(caller: Caller) -> None:
    assert await caller.get(PATH, start="0") == await caller.get(PATH)


async def test_one_policy_by_dataset_leaves_a_profile_dataset_out(caller: Caller) -> None:
    (one,) = (await caller.get(PATH, **{"attributeMerge.type": "dataSetPrecedence"}))["children"]
    order = one["attributeMerge"]["order"]
    datasets = caller.emulator.world.sandboxes["prod"].datasets
    (left_out,) = {key for key, each in datasets.items() if feeds_profile(each)} - set(order)
    assert not datasets[left_out].is_series
    series = [datasets[one].is_series for one in order]
    assert series == sorted(series)
    assert {False, True} == set(series)
    for dataset_id in order:
        await caller.get(f"{CATALOG}/dataSets/{dataset_id}")


async def test_jobs_name_policies_that_exist(caller: Caller) -> None:
    known = {one["id"] for one in (await caller.get(PATH))["children"]}
    jobs = (await caller.get("/data/core/ups/export/jobs"))["records"]
    assert {one["mergePolicy"]["id"] for one in jobs} <= known
    assert "timestampOrdered-none-mp" in known


async def test_the_empty_sandbox_has_the_default_only(caller: Caller) -> None:
    (one,) = (await caller.get(PATH, sandbox="empty"))["children"]
    assert one["default"] is True


async def test_a_policy_of_another_sandbox_is_not_found(caller: Caller) -> None:
    (one,) = (await caller.get(PATH, sandbox="dev", default="true"))["children"]
    answer = await caller.http.get(f"{PATH}/{one['id']}", headers=caller.headers("prod"))
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("UPAPI-113000-404")


async def test_the_openapi_dialect_counts_and_names_the_cursor(start: Start) -> None:
    caller = start(dialect="openapi")
    page = await caller.get(PATH, limit=2)
    assert page["_page"]["count"] == 2
    assert f"start={page['_page']['next']}&" in page["_links"]["next"]["href"]
    assert (await caller.get(PATH))["_page"] == {"count": 4}


async def test_the_edge_flag_is_text_where_the_dialect_says_so(start: Start) -> None:
    found = (await start(dialect="newest").get(PATH))["children"]
    assert {one["isActiveOnEdge"] for one in found} == {"true", "false"}
    assert all(isinstance(one["default"], bool) for one in found)


async def test_bulk_get(caller: Caller) -> None:
    found = (await caller.get(PATH))["children"]
    answer = await caller.post(f"{PATH}/bulk-get", {"ids": [{"id": one["id"]} for one in found]})
    assert answer.status_code == 207
    assert answer.json() == {"results": {one["id"]: one for one in found}}


async def test_only_reading_is_served(caller: Caller) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await caller.http.request(method, PATH, headers=caller.headers(), json={})
        assert answer.status_code == 405

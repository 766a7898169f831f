"""Schedules as a stranger's client reads them."""

from __future__ import annotations

import pytest

from tests.emulator.conftest import CATALOG, Caller, Start

PATH = "/data/core/ups/config/schedules"


async def test_the_list_has_the_nightly_evaluation_and_the_chained_export(caller: Caller) -> None:
    page = await caller.get(PATH)
    assert page["_page"] == {"totalCount": 2, "pageSize": 2}
    assert page["_links"] == {"next": {}}
    nightly, export = page["children"]
    assert (nightly["type"], nightly["state"], nightly["schedule"]) == ("batch_segmentation", "active", "0 0 1 * * ?")
    assert nightly["properties"] == {"segments": ["*"]}
    assert (export["type"], export["state"]) == ("export", "inactive")
    assert export["properties"]["payload"]["schema"] == {"name": "_xdm.context.profile"}
    dataset = export["properties"]["payload"]["destination"]["datasetId"]
    await caller.get(f"{CATALOG}/dataSets/{dataset}")
    policy = export["properties"]["payload"]["mergePolicy"]["id"]
    assert (await caller.get(f"/data/core/ups/config/mergePolicies/{policy}"))["default"] is True
    assert await caller.get(f"{PATH}/{export['id']}") == export


async def test_scheduled_exports_name_the_chained_schedule(start: Start) -> None:
    caller = start(jobs=200)
    export = (await caller.get(PATH))["children"][1]
    jobs = (await caller.get("/data/core/ups/export/jobs", limit=200))["records"]
    named = {one["properties"]["scheduleId"] for one in jobs if "properties" in one}
    assert named == {export["id"]}


async def test_start_counts_pages(caller: Caller) -> None:
    both = (await caller.get(PATH))["children"]
    first = await caller.get(f"{PATH}/", limit=1)
    assert first["_page"] == {"totalCount": 2, "pageSize": 1, "next": "1"}
    assert first["_links"]["next"]["href"] == "@/schedules?start=1&limit=1"
    second = await caller.get(PATH, limit=1, start=1)
    assert first["children"] + second["children"] == both
    assert (await caller.get(PATH, start=7))["children"] == []


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "-3"}, {"start": "first"}, {"start": "-1"}])
async def test_a_bad_parameter_is_refused(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(PATH, headers=caller.headers(), params=params)
    assert answer.status_code == 400


async def test_unknown_and_foreign_schedules_are_not_found(caller: Caller) -> None:
    foreign = (await caller.get(PATH, sandbox="dev"))["children"][0]["id"]
    for wanted in ("nothing", foreign):
        answer = await caller.http.get(f"{PATH}/{wanted}", headers=caller.headers())
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("UPAPI-113000-404")


async def test_the_empty_sandbox_has_none(caller: Caller) -> None:
    assert (await caller.get(PATH, sandbox="empty"))["children"] == []


async def test_only_reading_is_served(caller: Caller) -> None:
    one = (await caller.get(PATH))["children"][0]["id"]
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/{one}"), ("DELETE", f"{PATH}/{one}")):
        answer = await caller.http.request(method, path, headers=caller.headers(), json={})
        assert answer.status_code == 405

"""Audiences as a stranger's client reads them, and the invented ones themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from tui_app.emulator.world.audiences import audiences
from tui_app.emulator.world.samples import HOSTILE_NAMES

if TYPE_CHECKING:
    from tests.emulator.conftest import Caller, Start

PATH = "/data/core/ups/audiences"
NOW_MS = 1_772_366_400_000


async def everything(caller: Caller, **params: Any) -> list[dict[str, Any]]:
    """Read all pages, as a client does that only follows `next`."""
    found: list[dict[str, Any]] = []
    start: object = 0
    for _ in range(50):
        page = await caller.get(PATH, **{"limit": 60, "start": start, **params})
        found += page["children"]
        start = page["_page"].get("next")
        if not start:
            return found
    raise AssertionError("the pages never end")


async def linked(caller: Caller, page: dict[str, Any]) -> Any:
    """Read the page that another one links to."""
    return await caller.get(PATH, **dict(parse_qsl(page["_links"]["next"]["href"].partition("?")[2])))


async def test_following_next_finds_everything_once(caller: Caller) -> None:
    found = await everything(caller, limit=7)
    assert len({one["id"] for one in found}) == len(found) >= 105
    assert (await caller.get(PATH))["_page"]["totalCount"] == len(found)


async def test_the_page_object_and_its_link(caller: Caller) -> None:
    page = await caller.get(f"{PATH}/", limit=2)
    total = page["_page"]["totalCount"]
    assert page["_page"] == {
        "totalCount": total,
        "totalPages": -(-total // 2),
        "sortField": "creationTime",
        "sort": "desc",
        "pageSize": 2,
        "limit": 2,
        "start": 0,
        "next": 1,
    }
    assert page["_links"]["next"]["href"] == f"@/audiences?start=1&limit=2&totalCount={total}"
    second = await linked(caller, page)
    assert second["children"] != page["children"]
    assert second["_page"]["next"] == 2


async def test_the_link_keeps_the_filters(caller: Caller) -> None:
    page = await caller.get(PATH, limit=1, name="Loyalty & gold", sort="name:asc")
    assert page["_links"]["next"] == {}
    page = await caller.get(PATH, limit=1, name="loyalty", sort="name:asc")
    second = await linked(caller, page)
    assert "loyalty" in second["children"][0]["name"].lower()
    assert second["children"][0]["name"] > page["children"][0]["name"]


async def test_the_last_page_names_no_other(caller: Caller) -> None:
    page = await caller.get(PATH, limit=100, start=1)
    assert "next" not in page["_page"]
    assert page["_links"] == {"next": {}}


async def test_next_is_text_in_the_newest_dialect(start: Start) -> None:
    caller = start(dialect="newest")
    assert (await caller.get(PATH, limit=2))["_page"]["next"] == "1"
    assert len(await everything(caller)) >= 105


async def test_a_platform_audience_is_its_definition_and_more(caller: Caller) -> None:
    (one,) = (await caller.get(PATH, limit=1, property="type==SegmentDefinition"))["children"]
    definition = await caller.get(f"/data/core/ups/segment/definitions/{one['id']}")
    assert definition.items() <= one.items()
    assert one["audienceId"] == one["id"]
    assert (one["namespace"], one["originName"]) == ("AEPSegments", "REAL_TIME_CUSTOMER_PROFILE")
    assert one["_etag"].startswith('"')
    assert await caller.get(f"{PATH}/{one['id']}") == one


async def test_an_audience_from_outside_has_two_ids(caller: Caller) -> None:
    found = await everything(caller, property="type==ExternalSegment")
    assert len(found) == 15
    assert all(one["audienceId"].isdecimal() and one["id"] != one["audienceId"] for one in found)
    assert not any("expression" in one for one in found)
    assert {one["namespace"] for one in found} == {"aam", "AAMSegments", "AAMTraits"}
    assert {one["originName"] for one in found} == {"AUDIENCE_MANAGER", "CUSTOM_UPLOAD", "AUDIENCE_ORCHESTRATION"}
    one = found[0]
    assert (await caller.get(PATH, property=f"audienceId=={one['audienceId']}"))["children"] == [one]
    gone = await caller.http.get(f"{PATH}/{one['audienceId']}", headers=caller.headers())
    assert gone.status_code == 404


async def test_the_openapi_dialect_uses_the_words_of_its_enumerations(start: Start) -> None:
    found = await everything(start(dialect="openapi"))
    assert {one["type"] for one in found} == {"SegmentDefinition", "ExternalAudience"}
    assert {one["namespace"] for one in found} == {"AEPSegments", "AAM", "AAMSegments", "AAMTraits"}


async def test_name_and_description_are_contained_whatever_the_case(caller: Caller) -> None:
    names = [one["name"] for one in await everything(caller, name="LOYALTY")]
    assert "Loyalty gold" in names
    assert all("loyalty" in name.lower() for name in names)
    described = await everything(caller, description="autumn CAMPAIGN")
    assert {one["name"] for one in described} == {"Win-back wave 1", "Win-back wave 2"}


async def test_other_entities_have_no_audiences(caller: Caller) -> None:
    assert await everything(caller, entityType="_xom.context.account") == []
    assert len(await everything(caller, entityType="_xdm.context.profile")) >= 105


async def test_property_compares_dotted_paths_and_all_must_hold(caller: Caller) -> None:
    edge = await everything(caller, property="evaluationInfo.synchronous.enabled==true")
    assert edge
    assert all(one["evaluationInfo"]["synchronous"]["enabled"] for one in edge)
    both = await everything(caller, property=["lifecycleState==published", "originName=='CUSTOM_UPLOAD'"])
    assert {one["originName"] for one in both} == {"CUSTOM_UPLOAD"}
    assert await everything(caller, property="no.such==thing") == []
    assert await everything(caller, property="sandbox==prod") == []


async def test_metrics_are_given_when_asked_for(caller: Caller) -> None:
    plain = await caller.get(PATH, limit=3)
    assert not any("metrics" in one for one in plain["children"])
    page = await caller.get(PATH, property="withMetrics==true", sort="totalProfiles:desc", limit=5)
    sizes = [one["metrics"]["data"]["totalProfiles"] for one in page["children"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == caller.emulator.world.sandboxes["prod"].room.rows
    one = (await caller.get(PATH, limit=1, withMetrics="true"))["children"][0]
    job = await caller.get(f"/data/core/ups/export/jobs/{one['metrics']['jobId']}")
    assert job["status"] == "SUCCEEDED"
    assert one["metrics"]["id"] == one["id"]


async def test_no_metrics_before_the_first_export(start: Start) -> None:
    caller = start(jobs=0)
    assert "metrics" not in (await caller.get(PATH, limit=1, withMetrics="true"))["children"][0]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"start": "-1"},
        {"start": "1_0"},
        {"sort": "size:desc"},
        {"sort": "name:up"},
        {"property": "audienceId"},
        {"property": "audienceId=x"},
        {"property": "==x"},
        {"property": "a b==x"},
        {"property": "x" * 5000},
    ],
)
async def test_a_bad_parameter_is_refused(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(PATH, headers=caller.headers(), params=params)
    assert answer.status_code == 400
    assert answer.json()["errors"]["400"]


async def test_an_unknown_audience_has_the_published_words(caller: Caller) -> None:
    answer = await caller.http.get(f"{PATH}/e65765df", headers=caller.headers())
    assert answer.status_code == 404
    message = "The audience entity e65765df is not found. Use a valid entity and try again."
    assert answer.json()["title"] == message
    assert answer.json()["type"] == "https://ns.adobe.com/aep/errors/UPAPI-113430-404"
    assert answer.json()["errors"]["404"][0]["message"] == message


async def test_bulk_get_of_nothing_known_names_all_of_it(caller: Caller) -> None:
    answer = await caller.post(f"{PATH}/bulk-get", {"ids": [{"id": "missing-1"}, {"id": "missing-2"}]})
    assert answer.status_code == 404
    assert answer.json()["title"] == "The entity missing-1,missing-2 is not found."


async def test_bulk_get_takes_both_kinds(caller: Caller) -> None:
    outside = (await caller.get(PATH, limit=1, property="type==ExternalSegment"))["children"][0]
    inside = (await caller.get(PATH, limit=1, property="type==SegmentDefinition"))["children"][0]
    answer = await caller.post(f"{PATH}/bulk-get", {"ids": [{"id": outside["id"]}, {"id": inside["id"]}]})
    assert answer.status_code == 207
    assert answer.json()["results"] == {outside["id"]: outside, inside["id"]: inside}


async def test_a_combined_audience_and_its_parts_know_each_other(caller: Caller) -> None:
    (one,) = await everything(caller, name="Gold members who ordered")
    assert len(one["dependencies"]) == 2
    for part in one["dependencies"]:
        assert one["id"] in (await caller.get(f"{PATH}/{part}"))["dependents"]
        assert part in one["expression"]["value"]


async def test_only_reading_is_served(caller: Caller) -> None:
    one = (await caller.get(PATH, limit=1))["children"][0]["id"]
    for method, path in (("POST", PATH), ("PUT", f"{PATH}/{one}"), ("PATCH", f"{PATH}/{one}"), ("DELETE", PATH)):
        answer = await caller.http.request(method, path, headers=caller.headers(), json={})
        assert answer.status_code == 405


def test_sizes_spread_over_four_orders_and_scale_with_the_sandbox() -> None:
    found = audiences(3, "prod", rows=1_000_000, before_ms=NOW_MS)
    sizes = sorted(one.size for one in found)
    assert sizes[0] == 0
    assert sizes[-1] == 1_000_000
    for low in (100, 1_000, 10_000, 100_000):
        assert sum(low <= size < low * 10 for size in sizes) > 10
    small = audiences(3, "prod", rows=100, before_ms=NOW_MS)
    assert [one.segment_id for one in small] == [one.segment_id for one in found]
    assert all(abs(one.size - other.size / 10_000) <= 1 for one, other in zip(small, found, strict=True))


def test_the_world_holds_what_front_ends_stumble_over() -> None:
    found = audiences(1, "prod", rows=100_000, before_ms=NOW_MS)
    names = {one.name for one in found}
    assert set(HOSTILE_NAMES) <= names
    assert max(map(len, names)) >= 300
    assert {one.lifecycle for one in found} == {"draft", "published", "inactive", "archived"}
    assert {one.evaluation for one in found} == {"batch", "streaming", "edge"}
    assert {one.description for one in found} >= {None, ""}
    assert sum(one.created_ms > NOW_MS for one in found) == 1  # the one in microseconds
    assert all(one.updated_ms <= NOW_MS for one in found)
    assert len({one.segment_id for one in found}) == len({one.platform_id for one in found}) == len(found)


def test_audiences_are_decided_by_seed_and_sandbox() -> None:
    def ids(seed: int, sandbox: str) -> list[str]:
        return [one.segment_id for one in audiences(seed, sandbox, rows=9, before_ms=NOW_MS)]

    assert ids(1, "prod") == ids(1, "prod")
    assert not set(ids(1, "prod")) & set(ids(2, "prod"))
    assert not set(ids(1, "prod")) & set(ids(1, "dev"))
    assert ids(1, "empty") == []

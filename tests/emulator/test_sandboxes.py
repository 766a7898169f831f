"""The sandbox list and its neighbours: who sees what, in which order, in which spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.emulator.conftest import Caller, Start

PATH = "/data/foundation/sandbox-management"
NAMES = ["prod", "dev", "stage", "empty"]


async def ask(caller: Caller, path: str = "/", **params: Any) -> httpx.Response:
    headers = caller.headers()
    del headers["x-sandbox-name"]
    return await caller.http.get(f"{PATH}{path}", headers=headers, params=params)


async def names(caller: Caller, path: str = "/", **params: Any) -> list[str]:
    answer = await ask(caller, path, **params)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["sandboxes"]]


@pytest.mark.parametrize("path", ["", "/", "/sandboxes", "/sandboxes/"])
async def test_they_are_listed_without_a_sandbox_header(caller: Caller, path: str) -> None:
    answer = (await ask(caller, path)).json()
    assert [(one["name"], one["type"], one["isDefault"], one["state"]) for one in answer["sandboxes"]] == [
        ("prod", "production", True, "active"),
        ("dev", "development", False, "active"),
        ("stage", "development", False, "active"),
        ("empty", "development", False, "active"),
    ]
    assert answer["_page"] == {"limit": 50, "count": 4}
    assert set(answer["_links"]) == {"page"}
    assert answer["_links"]["page"]["templated"] is True


async def test_one_and_the_types_are_found(caller: Caller) -> None:
    one = await ask(caller, "/sandboxes/dev")
    listed = (await ask(caller)).json()["sandboxes"][1]
    assert (one.status_code, one.json()) == (200, listed)
    missing = await ask(caller, "/sandboxes/nowhere")
    assert missing.status_code == 404
    assert missing.json()["type"] == "https://ns.adobe.com/aep/errors/SMS-2011-404"
    types = (await ask(caller, "/sandboxTypes")).json()["sandboxTypes"]
    assert [one["id"] for one in types] == ["production", "development"]


async def test_pages_follow_their_links_to_both_ends(caller: Caller) -> None:
    seen: list[str] = []
    answer = (await ask(caller, "/", limit=1, offset=0, orderBy="desc:name")).json()
    assert "prev" not in answer["_links"]
    while True:
        seen += [one["name"] for one in answer["sandboxes"]]
        assert answer["_page"] == {"limit": 1, "count": 1}
        if "next" not in answer["_links"]:
            break
        answer = (await caller.http.get(answer["_links"]["next"]["href"], headers=caller.headers())).json()
    assert seen == sorted(NAMES, reverse=True)
    back = (await caller.http.get(answer["_links"]["prev"]["href"], headers=caller.headers())).json()
    assert [one["name"] for one in back["sandboxes"]] == [seen[-2]]


async def test_an_offset_beyond_the_end_gives_an_empty_list(caller: Caller) -> None:
    answer = await ask(caller, "/", limit=10, offset=999_999_999)
    assert (answer.status_code, answer.json()["sandboxes"]) == (200, [])
    assert answer.json()["_page"] == {"limit": 10, "count": 0}
    last = await caller.http.get(answer.json()["_links"]["prev"]["href"], headers=caller.headers())
    assert len(last.json()["sandboxes"]) == 4


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 1},
        {"offset": 1},
        {"limit": "x", "offset": 1},
        {"limit": 1, "offset": -1},
        {"limit": 0, "offset": 0},
        {"limit": "٣", "offset": "0"},
        {"limit": "9" * 400, "offset": "0"},
        {"property": "name"},
        {"property": "colour==red"},
        {"property": "name=~p.*"},
        {"orderBy": "asc"},
        {"orderBy": "asc:desc:name"},
        {"orderBy": "name:colour"},
        {"orderBy": "\x00"},
    ],
)
async def test_what_cannot_be_understood_is_a_bad_request(caller: Caller, params: dict[str, Any]) -> None:
    answer = await ask(caller, "/", **params)
    assert answer.status_code == 400
    assert answer.json()["type"].startswith("https://ns.adobe.com/aep/errors/SMS-")
    assert answer.json()["status"] == 400


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name==dev", ["dev"]),
        ("name==nothing", []),
        ("type==development", ["dev", "stage", "empty"]),
        ("type!=development", ["prod"]),
        ("isDefault==true", ["prod"]),
        ("title=='Staging'", ["stage"]),
        ("state==active", NAMES),
        ("", NAMES),
    ],
)
async def test_a_property_filters(caller: Caller, text: str, found: list[str]) -> None:
    assert await names(caller, "/sandboxes", property=text) == found


async def test_properties_add_up(caller: Caller) -> None:
    assert await names(caller, property=["type==development", "name!=dev"]) == ["stage", "empty"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name", sorted(NAMES)),
        ("asc:name", sorted(NAMES)),
        ("name:desc", sorted(NAMES, reverse=True)),
        ("desc:type,name", ["prod", "stage", "empty", "dev"]),
        ("asc:created,updated", NAMES),
        ("", NAMES),
    ],
)
async def test_an_order_can_be_asked_for(caller: Caller, text: str, found: list[str]) -> None:
    assert await names(caller, orderBy=text) == found


async def test_dates_version_and_page_size_are_a_matter_of_dialect(start: Start) -> None:
    tutorial = (await ask(start())).json()
    published = (await ask(start(dialect="openapi"))).json()
    first, second = tutorial["sandboxes"][0], published["sandboxes"][0]
    assert (first["eTag"], second["etag"]) == (2, 2)
    assert "etag" not in first
    assert "eTag" not in second
    assert first["createdDate"] + "Z" == second["createdDate"].replace("T", " ")
    assert (tutorial["_page"]["limit"], published["_page"]["limit"]) == (50, 20)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_sandboxes_cannot_be_changed(caller: Caller, method: str) -> None:
    for path in ("/sandboxes", "/sandboxes/dev"):
        answer = await caller.http.request(method, f"{PATH}{path}", headers=caller.headers())
        assert answer.status_code == 405

"""The list of queries: order, pages both ways, both kinds of cursor, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.emulator.queries import COUNT, QUERIES, Asker

if TYPE_CHECKING:
    from tests.emulator.conftest import Caller, Start


async def fill(asker: Asker, count: int) -> list[str]:
    """Send queries, two of them in each second, and return their ids, oldest first."""
    made = []
    for number in range(count):
        made.append((await asker.submitted("SELECT nothing FROM nowhere"))["id"])
        if number % 2:
            await asker.caller.clock.advance(1)
    return made


async def follow(asker: Asker, link: str) -> Any:
    parts = urlsplit(link)
    assert parts.netloc == "127.0.0.1"
    return await asker.caller.get(parts.path, **dict(parse_qsl(parts.query)))


def ids(page: dict[str, Any]) -> list[str]:
    return [one["id"] for one in page["queries"]]


async def test_newest_first_twenty_at_a_time(caller: Caller) -> None:
    made = await fill(Asker(caller), 23)
    page = await caller.get(QUERIES)
    assert ids(page) == made[:2:-1]
    assert page["version"] == 1
    assert page["_page"]["count"] == 20
    assert page["_page"]["orderby"] == "-created"
    assert page["_page"]["start"] == page["queries"][0]["created"]
    assert "prev" not in page["_links"]


@pytest.mark.parametrize("dialect", ["seed", "openapi", "newest", "mixed"])
@pytest.mark.parametrize("orderby", ["-created", "+created", "created", "-updated", "%2Bupdated"])
async def test_links_walk_all_and_back(start: Start, dialect: str, orderby: str) -> None:
    asker = Asker(start(dialect=dialect))
    made = await fill(asker, 7)
    page = await asker.caller.get(QUERIES, limit=3, orderby=orderby.replace("%2B", "+"), excludeHidden="false")
    seen, pages = ids(page), [ids(page)]
    while "next" in page["_links"]:
        page = await follow(asker, page["_links"]["next"]["href"])
        seen += ids(page)
        pages.append(ids(page))
    expected = made[::-1] if orderby.startswith("-") else made
    assert seen == expected
    assert [len(one) for one in pages] == [3, 3, 1]
    back = await follow(asker, page["_links"]["prev"]["href"])
    assert ids(back) == pages[1]
    first = await follow(asker, back["_links"]["prev"]["href"])
    assert ids(first) == pages[0]
    assert "prev" not in first["_links"]


async def test_start_may_be_a_number_or_a_time(caller: Caller) -> None:
    asker = Asker(caller)
    made = await fill(asker, 5)
    assert ids(await caller.get(QUERIES, start="2")) == made[2::-1]
    at = (await asker.told(made[2]))["created"]
    assert ids(await caller.get(QUERIES, start=at)) == made[2::-1]
    assert ids(await caller.get(QUERIES, start=at.replace("Z", "+00:00"), orderby="created")) == made[2:]
    assert ids(await caller.get(QUERIES, start="999999999")) == []
    assert ids(await caller.get(QUERIES, start=at, isPrevLink="true", limit=1)) == [made[3]]
    assert ids(await caller.get(QUERIES, isPrevLink="True", limit=2)) == made[1::-1]


async def test_offset_dialect_links_by_number(start: Start) -> None:
    asker = Asker(start(dialect="openapi"))
    await fill(asker, 3)
    spoken = (await asker.caller.get(QUERIES, limit=1))["_page"]
    seed = Asker(start())
    await fill(seed, 3)
    timed = (await seed.caller.get(QUERIES, limit=1))["_page"]
    assert timed["next"].endswith("Z")
    assert spoken["next"] == "1" or spoken["next"].endswith("Z")


async def test_filters(caller: Caller) -> None:
    asker = Asker(caller)
    good = await asker.ended(COUNT)
    bad = await asker.ended("SELECT nothing FROM nowhere")
    new = await asker.submitted("SELECT 1")
    dataset = good["_links"]["referenced_datasets"][0]["id"]

    async def found(text: str) -> list[str]:
        page = await caller.get(QUERIES, property=text)
        assert page["_page"]["property"] == text
        return ids(page)

    everything = [new["id"], bad["id"], good["id"]]
    assert await found("state==SUCCESS") == [good["id"]]
    assert await found("state!=SUCCESS") == [new["id"], bad["id"]]
    assert await found(f"id=={bad['id']}") == [bad["id"]]
    assert await found(f"id~{bad['id'][:13]}") == [bad["id"]]
    assert await found(f"created>={bad['created']}") == [new["id"], bad["id"]]
    assert await found(f"created>{bad['created']},state==FAILED") == []
    assert await found(f"updated<={good['updated']}") == [good["id"]]
    assert await found("created~2026-03") == everything
    assert await found(f"referenced_datasets==aabbcc||{dataset}") == [good["id"]]
    assert await found("sql~FROM nowhere") == [bad["id"]]
    assert await found("SQL~from nowhere") == []
    assert await found("client==API") == everything
    assert await found(f"userId={good['userId']}") == everything
    assert await found("templateId==x") == await found("scheduleId==x") == await found("templateName~x") == []


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "٣"},
        {"limit": "1e3"},
        {"orderby": "name"},
        {"orderby": "--created"},
        {"orderby": "created;drop"},
        {"start": "yesterday"},
        {"start": "-1"},
        {"start": "99999999999999999999"},
        {"start": "٣"},
        {"start": "2026-13-01T00:00:00Z"},
        {"excludeSoftDeleted": "maybe"},
        {"excludeHidden": "2"},
        {"isPrevLink": "\x00"},
        {"property": "state"},
        {"property": "state=~SUCCESS"},
        {"property": "colour==red"},
        {"property": "sql==SELECT 1"},
        {"property": "created>soon"},
        {"property": "referenced_datasets~a"},
        {"property": "referenced_datasets==" + "||".join(map(str, range(11)))},
        {"property": ",".join(["state==FAILED"] * 21)},
    ],
    ids=str,
)
async def test_parameters_that_mean_nothing_are_400(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(QUERIES, headers=caller.headers(), params=params)
    assert answer.status_code == 400, answer.text
    assert answer.json()["statusCode"] == 400


async def test_a_large_limit_is_what_the_service_gives_at_most(caller: Caller) -> None:
    made = await fill(Asker(caller), 2)
    assert ids(await caller.get(QUERIES, limit=999_999_999)) == made[::-1]

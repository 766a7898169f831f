"""Audiences, segment definitions, merge policies and unions: walked to the end, whatever the answers look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.support import Platform, answer, client
from tui_app.api.errors import BadAnswerError, ForbiddenError, StatusError, UnauthorizedError
from tui_app.models.catalog import PROFILE_UNION

if TYPE_CHECKING:
    import httpx

    from tui_app.models.audience import Audience

AUDIENCES = "/data/core/ups/audiences"
DEFINITIONS = "/data/core/ups/segment/definitions"
REFUSED = {"title": "Unauthorized", "status": 401}


def page(*ids: str, total: object = None, **more: Any) -> dict[str, Any]:
    told = {} if total is None else {"totalCount": total}
    return {"children": [{"id": one, "name": one.upper()} for one in ids], "_page": told | more.pop("page", {}), **more}


def link(href: object) -> dict[str, Any]:
    return {"_links": {"next": {"href": href}}}


async def walked(platform: Platform) -> list[str]:
    aep = client(platform)
    return [one.audience_id async for found in aep.audiences.pages() for one in found.items]


def asked(platform: Platform) -> list[dict[str, str]]:
    return [dict(request.url.params) for request in platform.requests]


@pytest.mark.parametrize(
    "more",
    [
        {"page": {"next": 1}},
        {"page": {"next": "1"}},
        {"page": {"next": 1}, **link("http://[half an address")},
        link("@/audiences?start=1&limit=2&totalCount=3"),
        {"page": {"next": 1}, **link("@/audiences?start=1&limit=2")},
        {"_links": {"next": "https://platform.adobe.io:443/data/core/ups/audiences?start=1&limit=2"}},
    ],
)
@pytest.mark.parametrize(
    "end", [{}, {"page": {"next": 0}}, {"page": {"next": ""}}, link(""), link(None), link("@/audiences?start=0")]
)
async def test_the_next_page_is_followed_however_it_is_told(more: dict[str, Any], end: dict[str, Any]) -> None:
    platform = Platform([answer(200, page("a", "b", **more)), answer(200, page("c", **end))])
    assert await walked(platform) == ["a", "b", "c"]
    first, second = asked(platform)
    assert first == {"limit": "100", "sort": "updateTime:desc", "entityType": "_xdm.context.profile"} | {
        "withMetrics": "true"
    }
    assert second["start"] == "1"
    assert second["sort"] == first["sort"]
    assert {request.url.path for request in platform.requests} == {AUDIENCES}
    assert {request.url.host for request in platform.requests} == {"platform.example"}


async def test_entries_that_are_no_audience_are_left_out() -> None:
    platform = Platform([answer(200, {"children": [None, {"name": "no id"}, {"id": "a"}, 7]})])
    assert await walked(platform) == ["a"]


async def test_a_list_that_leads_back_ends_where_all_was_read() -> None:
    again = link("@/audiences?start=1")
    platform = Platform([answer(200, page("a", total=2, **again)), answer(200, page("b", total=2, **again))])
    assert await walked(platform) == ["a", "b"]


async def test_a_list_that_leads_back_too_soon_is_not_taken_for_whole() -> None:
    again = link("@/audiences?start=1")
    platform = Platform([answer(200, page("a", total=9, **again)), answer(200, page("b", total=9, **again))])
    with pytest.raises(BadAnswerError, match="could not be listed") as caught:
        await walked(platform)
    assert caught.value.cause == "The list leads back to a page that was read, after 2 of 9 entries."


async def test_a_list_without_an_end_is_given_up() -> None:
    numbers = iter(range(1, 10_000))
    platform = Platform(lambda _: answer(200, page("a", **link(f"@/audiences?start={next(numbers)}"))))
    with pytest.raises(BadAnswerError) as caught:
        await walked(platform)
    assert "goes on after 2000 pages" in caught.value.cause


@pytest.mark.parametrize("body", [[], {"children": {}}, {"_page": {}}, "text"])
async def test_an_answer_without_a_list_is_told(body: object) -> None:
    with pytest.raises(BadAnswerError) as caught:
        await walked(Platform([answer(200, body)]))
    assert "no list of children" in caught.value.cause


async def test_a_release_that_refuses_a_parameter_is_asked_plainly() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if "withMetrics" in request.url.params:
            return answer(400, {"title": "Unknown query parameter", "status": 400})
        return answer(200, page("a"))

    platform = Platform(reply)
    assert await walked(platform) == ["a"]
    assert asked(platform)[-1] == {"limit": "100"}


async def test_a_bad_request_in_the_middle_is_no_reason_to_begin_again() -> None:
    platform = Platform([answer(200, page("a", page={"next": 1})), answer(400, {"title": "No", "status": 400})])
    with pytest.raises(StatusError, match="could not be listed"):
        await walked(platform)
    assert len(platform.requests) == 2


@pytest.mark.parametrize("link_told", [True, False])
@pytest.mark.parametrize("counts_pages", [True, False])
@pytest.mark.parametrize("refusal", [answer(401, REFUSED), answer(403, {"title": "Not allowed", "status": 403})])
async def test_definitions_stand_in_where_audiences_may_not_be_read(
    refusal: httpx.Response, *, link_told: bool, counts_pages: bool
) -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path == AUDIENCES:
            return refusal
        number = int(request.url.params.get("page", "0"))
        ids = [f"s{number}-{one}" for one in range(100 if number == 0 else 1)]
        body: dict[str, Any] = {"segments": [{"id": one} for one in ids], "page": {}, "link": {}}
        if counts_pages:
            body["page"] = {"totalCount": 101, "totalPages": 2}
        if link_told and number == 0:
            body["link"] = {"next": "@/segment/definitions?page=1&limit=100"}
        return answer(200, body)

    platform = Platform(reply)
    pages = [found async for found in client(platform).audiences.pages()]
    found: list[Audience] = [one for each in pages for one in each.items]
    assert len(found) == 101
    assert {(one.segment_ns, one.kind) for one in found} == {("ups", "segment")}
    assert all("only segment definitions can be read" in one.remark for one in pages)
    assert [one.url.params["page"] for one in platform.requests if one.url.path == DEFINITIONS] == ["0", "1"]


async def test_whom_both_are_forbidden_is_told_of_the_audiences() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        return answer(403, {"title": "No audiences for you" if request.url.path == AUDIENCES else "x", "status": 403})

    with pytest.raises(ForbiddenError, match="audiences could not be listed") as caught:
        await walked(Platform(reply))
    assert caught.value.title == "No audiences for you"


async def test_a_broken_line_is_told_and_keeps_the_pages_before() -> None:
    script = [answer(200, page("a", page={"next": 1})), *[answer(200, b'{"children": [')] * 4]
    pages = client(Platform(script)).audiences.pages()
    assert [one.audience_id for one in (await anext(pages)).items] == ["a"]
    with pytest.raises(BadAnswerError, match="could not be listed"):
        await anext(pages)


@pytest.mark.parametrize(
    "pages",
    [
        ({"totalCount": 3, "pageSize": 2}, {"totalCount": 3, "pageSize": 1}),
        ({"count": 2, "next": "c2"}, {"count": 1}),
    ],
)
async def test_merge_policies_use_a_link_for_its_query_only(pages: tuple[dict[str, Any], ...]) -> None:
    first = {"children": [{"id": "m1"}, {"id": "m2"}], "_page": pages[0]}
    last = {"children": [{"id": "m3", "version": 2}], "_page": pages[1], **link("")}
    if "next" not in pages[0]:
        first |= link("@/mergePolicies?start=c2&orderBy=&limit=2")
    platform = Platform([answer(200, first), answer(200, last)])
    found = [one async for each in client(platform).merge_policies.pages() for one in each.items]
    assert [(one.policy_id, one.version) for one in found] == [("m1", None), ("m2", None), ("m3", 2)]
    assert {request.url.path for request in platform.requests} == {"/data/core/ups/config/mergePolicies"}
    assert asked(platform)[1]["start"] == "c2"


UNION = {"$id": PROFILE_UNION, "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}


async def test_a_union_is_asked_for_resolved_and_by_its_short_id() -> None:
    platform = Platform([answer(200, UNION)])
    fields = await client(platform).unions.fields(PROFILE_UNION)
    assert [one.path for one in fields] == ["a", "a.b"]
    (request,) = platform.requests
    assert request.headers["accept"] == "application/vnd.adobe.xed-full+json; version=1"
    assert request.url.path.endswith("/tenant/unions/_xdm.context.profile__union")


async def test_a_registry_that_knows_only_the_long_id_is_asked_with_it_quoted() -> None:
    platform = Platform(
        [answer(404, {"type": "x/XDM-1012-404", "title": "Not found", "status": 404}), answer(200, UNION)]
    )
    assert len(await client(platform).unions.fields(PROFILE_UNION)) == 2
    assert platform.requests[1].url.raw_path.endswith(b"https%3A%2F%2Fns.adobe.com%2Fxdm%2Fcontext%2Fprofile__union")


async def test_a_sandbox_without_that_union_has_no_fields() -> None:
    platform = Platform([answer(404, {"type": "x/XDM-1012-404", "title": "Resource Not Found", "status": 404})])
    assert await client(platform).unions.fields(PROFILE_UNION) == ()


@pytest.mark.parametrize("body", [[], {}, {"results": []}])
async def test_what_is_no_schema_is_told(body: object) -> None:
    with pytest.raises(BadAnswerError) as caught:
        await client(Platform([answer(200, body)])).unions.fields(PROFILE_UNION)
    assert "no schema" in caught.value.cause


async def test_a_union_that_may_not_be_read_is_a_matter_of_permission() -> None:
    with pytest.raises((ForbiddenError, UnauthorizedError), match="fields of profile__union"):
        await client(Platform([answer(403, {"title": "Permission management access denied"})])).unions.fields(
            PROFILE_UNION
        )

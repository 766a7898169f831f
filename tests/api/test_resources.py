"""The calls themselves: what is sent for each, and every answer that the reference lets a tolerant client take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.support import JOB, JOB_PATH, Platform, answer, client
from tui_app.api.errors import ApiError, BadAnswerError, NotFoundError

if TYPE_CHECKING:
    import httpx

UNION = "https://ns.adobe.com/xdm/context/profile__union"
DATASETS = "/data/foundation/catalog/dataSets"
SANDBOXES = "/data/foundation/sandbox-management/"


def query(request: httpx.Request) -> list[tuple[str, str]]:
    return list(request.url.params.multi_items())


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_create_posts_the_body_as_it_is(status: int) -> None:
    platform = Platform([answer(status, {"id": 31007.0, "status": "NEW"})])
    job = await client(platform).export_jobs.create({"fields": "naïve \ud83d\ude00"})
    assert (job.job_id, job.status) == ("31007", "NEW")
    (request,) = platform.requests
    assert (request.method, request.url.path) == ("POST", JOB_PATH)
    assert request.content == b'{"fields": "na\\u00efve \\ud83d\\ude00"}'


async def test_pages_are_followed_by_cursor_and_repeat_limit_and_status() -> None:
    first = {
        "records": [JOB],
        "page": {"pageOffset": "1709290800123_31007"},
        "link": {"next": "/export/jobs/?limit=9&offset=1709290800123_31007"},
    }
    platform = Platform([answer(200, first), answer(200, {"children": [], "link": {"next": ""}})])
    jobs = client(platform).export_jobs
    page = await jobs.list_page(limit=2, status="FAILED")
    assert page.next_offset == "1709290800123_31007"
    end = await jobs.list_page(limit=2, status="FAILED", offset=page.next_offset)
    assert (end.jobs, end.next_offset) == ((), None)
    assert [query(request) for request in platform.requests] == [
        [("limit", "2"), ("status", "FAILED")],
        [("limit", "2"), ("offset", "1709290800123_31007"), ("status", "FAILED")],
    ]


async def test_list_without_arguments_asks_for_a_hundred() -> None:
    platform = Platform([answer(200, {"records": []})])
    await client(platform).export_jobs.list_page()
    assert query(platform.requests[0]) == [("limit", "100")]


async def test_page_of_another_form_is_a_bad_answer() -> None:
    bodies: list[object] = [{"jobs": []}, [], "x", 5]
    for body in bodies:
        with pytest.raises(BadAnswerError) as caught:
            await client(Platform([answer(200, body)])).export_jobs.list_page()
        assert not caught.value.ambiguous


async def test_job_without_an_id_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswerError, match="no usable id"):
        await client(Platform([answer(200, {"status": "NEW"})])).export_jobs.get("7")


async def test_ids_are_opaque_and_quoted() -> None:
    platform = Platform([answer(200, JOB)])
    jobs = client(platform).export_jobs
    for job_id, path in (("7", "/7"), ("a/b?c#d", "/a%2Fb%3Fc%23d"), ("ü", "/%C3%BC"), ("..%2f", "/..%252f")):
        await jobs.get(job_id)
        assert platform.requests[-1].url.raw_path.decode() == JOB_PATH + path
    with pytest.raises(ApiError, match="whole collection"):
        await jobs.cancel("..")
    assert platform.requests[-1].method == "GET"


async def test_unknown_job_is_named_with_the_platforms_words() -> None:
    body = {
        "type": "https://ns.adobe.com/aep/errors/UPAPI-113000-404",
        "title": "Not found",
        "errors": {"404": [{"code": 404, "message": "No export job 7"}]},
    }
    with pytest.raises(NotFoundError) as caught:
        await client(Platform([answer(404, body)])).export_jobs.get("7")
    assert str(caught.value) == (
        "Export job 7 could not be read. The platform answered 404 (UPAPI-113000-404): Not found. No export job 7. "
        "Check the id, and that it belongs to sandbox prod."
    )


@pytest.mark.parametrize("reference", [["@/dataSets/65e0"], ["@/datasets/65e0"], "@/dataSets/65e0"])
async def test_created_dataset_is_known_by_its_reference(reference: object) -> None:
    platform = Platform([answer(201, reference)])
    assert await client(platform).catalog.create_dataset({"name": "x"}) == "65e0"
    (request,) = platform.requests
    assert (request.method, request.url.path, request.content) == ("POST", DATASETS, b'{"name": "x"}')


@pytest.mark.parametrize(
    ("status", "body", "made"),
    [(200, [], None), (204, b"", None), (200, b"<html>", None), (201, ["@/dataSets/65e0"], "65e0"), (201, {}, None)],
)
async def test_a_dataset_is_checked_without_being_made(status: int, body: object, made: str | None) -> None:
    platform = Platform([answer(status, body)])
    assert await client(platform).catalog.validate_dataset({"name": "x"}) == made
    (request,) = platform.requests
    assert (request.method, request.headers["pragma"], request.content) == ("POST", "validate-only", b'{"name": "x"}')


@pytest.mark.parametrize("body", [[], {}, [""], [5]])
async def test_created_dataset_without_reference_is_unknown(body: object) -> None:
    with pytest.raises(BadAnswerError, match="did not answer with its id") as caught:
        await client(Platform([answer(201, body)])).catalog.create_dataset({"name": "x"})
    assert caught.value.ambiguous


async def test_datasets_are_listed_with_chosen_properties() -> None:
    found = {
        "b": {"name": "B", "schemaRef": {"id": UNION}, "tags": {"adobe/pqs/table": ["b"]}},
        "a": {"name": {}, "created": "1709290700000"},
        "odd": 5,
    }
    platform = Platform([answer(200, found)])
    datasets = await client(platform).catalog.list_datasets(limit=20, start=40, name="A*,b")
    assert [(dataset.dataset_id, dataset.is_union) for dataset in datasets] == [("b", True), ("a", False)]
    assert query(platform.requests[0]) == [
        ("limit", "20"),
        ("start", "40"),
        ("orderBy", "desc:created"),
        ("properties", "name,description,schemaRef,tags,created,updated,lastBatchId,lastBatchStatus"),
        ("property", "name==A**,b"),
    ]


async def test_dataset_answers_that_are_no_datasets() -> None:
    with pytest.raises(BadAnswerError):
        await client(Platform([answer(200, "x")])).catalog.list_datasets()
    with pytest.raises(BadAnswerError):
        await client(Platform([answer(200, {"a": {}, "b": {}})])).catalog.get_dataset("c")


async def test_one_dataset() -> None:
    platform = Platform([answer(200, {"65e0": {"name": "X"}})])
    dataset = await client(platform).catalog.get_dataset("65e0")
    assert (dataset.dataset_id, dataset.name) == ("65e0", "X")
    assert platform.requests[0].url.path == f"{DATASETS}/65e0"


@pytest.mark.parametrize(
    "reply", [answer(404, {"title": "NotFoundError", "detail": "DataSet not found."}), answer(200, {})]
)
async def test_unknown_dataset(reply: httpx.Response) -> None:
    with pytest.raises(NotFoundError, match="Dataset 65e0 could not be read"):
        await client(Platform([reply])).catalog.get_dataset("65e0")


def sandboxes(first: int, count: int, **page: int) -> dict[str, object]:
    return {"sandboxes": [{"name": f"s{number}"} for number in range(first, first + count)], "_page": page}


async def test_sandboxes_are_listed_to_the_end_without_a_sandbox_header() -> None:
    platform = Platform([answer(200, sandboxes(0, 50)), answer(200, sandboxes(50, 3))])
    found = await client(platform).sandboxes.list()
    assert [sandbox.name for sandbox in found] == [f"s{number}" for number in range(53)]
    assert [query(request) for request in platform.requests] == [
        [("limit", "50"), ("offset", "0")],
        [("limit", "50"), ("offset", "50")],
    ]
    assert all(request.url.path == SANDBOXES for request in platform.requests)
    assert all("x-sandbox-name" not in request.headers for request in platform.requests)


@pytest.mark.parametrize(
    ("pages", "requests", "names"),
    [
        ([sandboxes(0, 0)], 1, 0),
        ([sandboxes(0, 20, limit=20), sandboxes(20, 20, limit=20), sandboxes(40, 0)], 3, 40),
        ([sandboxes(0, 50)], 2, 50),
        ([{"sandboxes": [{"name": "a"}, 5, {}]}], 1, 1),
    ],
    ids=["none is legal", "the service has smaller pages", "the same page again and again", "records without a name"],
)
async def test_sandbox_paging_ends(pages: list[dict[str, object]], requests: int, names: int) -> None:
    platform = Platform([answer(200, page) for page in pages])
    found = await client(platform).sandboxes.list()
    assert (len(platform.requests), len(found)) == (requests, names)


@pytest.mark.parametrize("body", [[], {}, {"sandboxes": {}}])
async def test_sandbox_answer_of_another_form(body: object) -> None:
    with pytest.raises(BadAnswerError, match="no list of sandboxes"):
        await client(Platform([answer(200, body)])).sandboxes.list()

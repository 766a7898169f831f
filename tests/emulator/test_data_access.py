"""Files of batches over the wire: listings, bytes in ranges, heads, previews, and what there is not."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import CATALOG, JOBS, Caller, Start
from tests.emulator.exports import DONE_S, EXPORT, Remote, batch_id, done, download, files, listed, rows, table, types
from tests.emulator.served import headers, served
from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.services.file_answer import CHUNK, UnsatisfiableError, span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NARROW = "identityMap,personalEmail.address"
MISSING = {"type": "/placeholder/type/uri", "status": 404, "title": "NotFoundError"}


@pytest.fixture
async def small(start: Start) -> AsyncIterator[Caller]:
    caller = start(rows=500, dialect="newest")
    yield caller
    caller.emulator.close()


async def answer_to(caller: Caller, what: str, sandbox: str = "prod", **params: Any) -> httpx.Response:
    return await caller.http.get(f"{EXPORT}/{what}", headers=caller.headers(sandbox), params=params)


async def one_file(caller: Caller) -> Remote:
    return (await files(caller, batch_id(await done(caller, fields=NARROW))))[0]


@pytest.fixture
async def remote(small: Caller) -> Remote:
    return await one_file(small)


async def test_a_batch_is_downloaded_and_holds_what_the_job_says(small: Caller, tmp_path: Path) -> None:
    made = await done(small, fields=NARROW)
    job = await small.get(f"{JOBS}/{made['id']}")
    found = await table(small, batch_id(made), tmp_path)
    assert types(found) == {
        "identityMap": "MAP(VARCHAR, STRUCT(id VARCHAR, primary BOOLEAN)[])",
        "personalEmail": "STRUCT(address VARCHAR)",
    }
    counters = job["metrics"]["exportedProfileByNamespaceCounter"]
    everyone = rows(found, "identityMap, personalEmail.address")
    assert len(everyone) == job["metrics"]["totalExportedProfileCounter"] == counters["crmid"]
    assert len({identities["crmid"][0]["id"] for identities, _ in everyone}) == len(everyone)
    mailed = [(identities["email"][0]["id"], address) for identities, address in everyone if "email" in identities]
    assert len(mailed) == counters["email"]
    assert all(identity == address for identity, address in mailed)
    assert all(address is None for identities, address in everyone if "email" not in identities)
    batch = (await small.get(f"{CATALOG}/batches/{batch_id(made)}"))[batch_id(made)]
    assert batch["metrics"]["recordsWritten"] == len(everyone)


async def test_a_listing_holds_files_and_a_directory(caller: Caller) -> None:
    made = await done(caller, fields=NARROW)
    batch = batch_id(made)
    page = await caller.get(f"{EXPORT}/batches/{batch}/files")
    assert page["_page"] == {"limit": 100, "count": 2}
    assert "_links" not in page
    plain, directory = page["data"]
    assert plain["dataSetFileId"] == f"{batch}-1"
    assert plain["isValid"] is False
    dataset = made["destination"].get("datasetId") or made["destination"]["dataSetId"]
    view = (await caller.get(f"{CATALOG}/dataSets/{dataset}"))[dataset]["viewId"]
    assert plain["dataSetViewId"] == view
    assert plain["created"].isdigit()
    assert plain["_links"]["self"]["href"] == f"http://127.0.0.1:80{EXPORT}/files/{batch}-1"
    inside = (await caller.get(f"{EXPORT}/files/{plain['dataSetFileId']}"))["data"]
    assert [set(one) for one in inside] == [{"name", "length", "_links"}] * 2
    assert inside[0]["name"].endswith(".snappy.parquet")
    followed = await caller.http.get(inside[0]["_links"]["self"]["href"], headers=caller.headers())
    assert (followed.content[:4], len(followed.content)) == (b"PAR1", int(inside[0]["length"]))
    below = (await caller.get(f"{EXPORT}/files/{directory['dataSetFileId']}"))["data"]
    assert [one["dataSetFileId"] for one in below] == [f"{batch}-3"]
    assert sum(int(one["records"]) for one in page["data"]) == sum(
        [int(one["metrics"]["recordsWritten"]) for one in (await caller.get(f"{CATALOG}/batches/{batch}")).values()]
    )
    answer = await answer_to(caller, f"files/{directory['dataSetFileId']}", path=inside[0]["name"])
    assert answer.status_code == 404
    caller.emulator.close()


async def test_numbers_validity_and_ports_are_spelled_as_the_dialect_has_them(start: Start) -> None:
    caller = start(dialect="openapi", rows=200)
    page = await caller.get(f"{EXPORT}/batches/{batch_id(await done(caller, fields=NARROW))}/files")
    assert page["data"][0]["isValid"] is True
    assert page["data"][0]["_links"]["self"]["href"].startswith(f"http://127.0.0.1{EXPORT}")
    caller.emulator.close()


async def test_pages_link_to_each_other(start: Start) -> None:
    caller = start(rows=60_000)
    batch = batch_id(await done(caller))
    path = f"{EXPORT}/batches/{batch}/files"
    whole = await caller.get(path)
    total = whole["_page"]["count"]
    assert total >= 4
    first = await caller.get(path, limit=1)
    assert first["_page"] == {"limit": 1, "count": total}
    assert first["_links"]["next"]["href"] == f"http://127.0.0.1{path}?start=1&limit=1"
    assert first["_links"]["page"]["templated"] is True
    assert await listed(caller, path, limit=3) == whole["data"]
    last = await caller.get(path, start=total - 1, limit=1)
    assert "next" not in last["_links"]
    assert (await caller.get(path, start=10_000))["data"] == []
    named = await caller.get(path, start=whole["data"][2]["dataSetFileId"])
    assert named["data"] == whole["data"][2:]
    assert (await caller.get(path, limit=5_000))["_page"]["limit"] == 100
    caller.emulator.close()


async def test_a_listing_may_be_asked_for_with_a_slash_at_its_end(small: Caller, remote: Remote) -> None:
    batch = remote.file_id.rpartition("-")[0]
    for path in (f"batches/{batch}/files", f"batches/{batch}/failed", f"batches/{batch}/meta"):
        plain = await answer_to(small, path, limit=1)
        slashed = await answer_to(small, f"{path}/", limit=1)
        assert (slashed.status_code, slashed.json()) == (200, plain.json())


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "٣"}, {"start": "-1"}])
async def test_windows_that_mean_nothing_are_refused(small: Caller, params: dict[str, str]) -> None:
    batch = batch_id(await done(small, fields=NARROW))
    answer = await answer_to(small, f"batches/{batch}/files", **params)
    assert (answer.status_code, answer.json()["title"]) == (400, "BadRequestError")


async def test_what_is_not_there(small: Caller, remote: Remote) -> None:
    batch = remote.file_id.rpartition("-")[0]
    for path, params, detail in (
        ("batches/nothing/files", {}, "Batch not found."),
        ("batches/nothing/failed", {}, "Batch not found."),
        ("batches/nothing/meta", {}, "Batch not found."),
        ("batches/" + "a" * 9_000 + "/files", {}, "Batch not found."),
        ("files/" + "a" * 9_000 + "-1", {}, "Dataset file not found."),
        ("files/nothing", {}, "Dataset file not found."),
        (f"files/{batch}", {}, "Dataset file not found."),
        (f"files/{batch}-0", {}, "Dataset file not found."),
        (f"files/{batch}-99", {}, "Dataset file not found."),
        (f"files/{batch}-١", {}, "Dataset file not found."),
        (f"files/{remote.file_id}", {"path": "../" * 6 + "etc/passwd"}, "not found"),
        (f"files/{remote.file_id}", {"path": remote.name + "\x00"}, "not found"),
        (f"batches/{batch}/meta", {"path": "row_errors"}, "not found"),
        ("datasets/" + "f" * 24 + "/preview", {}, "DataSet not found."),
    ):
        answer = await answer_to(small, path, **params)
        assert answer.status_code == 404, path
        body = answer.json()
        assert detail in body.pop("detail")
        assert body == MISSING
    other = await answer_to(small, f"files/{remote.file_id}", "dev")
    assert other.status_code == 404


async def test_a_batch_has_no_files_before_it_is_done_nor_when_its_job_went_wrong(small: Caller) -> None:
    small.emulator.world.script("fail-write", "empty", "ok", "ok")
    failed, empty, running, cancelled = [await small.job(fields=NARROW) for _ in range(4)]
    batch = small.emulator.world.batch_ids.of(failed["id"], 0)
    assert (await small.get(f"{EXPORT}/batches/{batch_id(running)}/files"))["data"] == []
    await small.delete(f"{JOBS}/{cancelled['id']}")
    await small.clock.advance(DONE_S)
    for one in (batch, batch_id(empty), batch_id(cancelled)):
        assert (await small.get(f"{EXPORT}/batches/{one}/files"))["data"] == []
        assert (await answer_to(small, f"files/{one}-1")).status_code == 404
    (left,) = await listed(small, f"{EXPORT}/batches/{batch}/failed")
    assert set(left) == {"name", "length", "_links"}
    content = (await small.http.get(left["_links"]["self"]["href"], headers=small.headers())).content
    assert len(content) == int(left["length"])
    assert b"msg" in content
    assert (await small.get(f"{EXPORT}/batches/{batch_id(running)}/failed"))["data"] == []
    assert (await small.get(f"{EXPORT}/batches/{batch_id(running)}/meta"))["data"] == []


async def test_heads_and_ranges(small: Caller, remote: Remote) -> None:
    head = await small.http.head(remote.url, params={"path": remote.name}, headers=small.headers())
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(remote.length)
    assert head.headers["Accept-Ranges"] == "bytes"
    assert head.headers["Content-Type"] == "application/octet-stream"
    assert (await small.http.head(remote.url, headers=small.headers())).status_code == 400
    assert (await small.http.head(remote.url, params={"path": "x"}, headers=small.headers())).status_code == 404
    whole = await download(small, remote)
    for asked, part in (
        ("bytes=0-99", whole[:100]),
        ("Bytes=5-5", whole[5:6]),
        ("bytes=100-", whole[100:]),
        ("bytes=-8", whole[-8:]),
        (f"bytes=-{remote.length * 2}", whole),
        (f"bytes=0-{10**30}", whole),
    ):
        answer = await small.http.get(
            remote.url, params={"path": remote.name}, headers=small.headers() | {"Range": asked}
        )
        begin = whole.index(part)
        assert answer.status_code == 206, asked
        assert answer.content == part
        assert answer.headers["Content-Range"] == f"bytes {begin}-{begin + len(part) - 1}/{remote.length}"
        assert answer.headers["Content-Length"] == str(len(part))
    for asked in ("bytes=0-1,4-5", "bytes=", "bytes=9-2", "lines=0-1", "bytes=-", "bytes=a-b", "0-9"):
        answer = await small.http.get(
            remote.url, params={"path": remote.name}, headers=[*small.headers().items(), ("Range", asked)]
        )
        assert (answer.status_code, answer.content == whole) == (200, True), asked
    for asked in (f"bytes={remote.length}-", "bytes=-0", f"bytes={10**300}-{10**301}"):
        answer = await small.http.get(
            remote.url, params={"path": remote.name}, headers=small.headers() | {"Range": asked}
        )
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{remote.length}")


@given(st.integers(1, 50), st.integers(0, 60), st.none() | st.integers(0, 60))
def test_a_range_is_what_a_slice_is(size: int, first: int, last: int | None) -> None:
    content = bytes(range(size))
    asked = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert span(asked, size) is None
    elif first >= size:
        with pytest.raises(UnsatisfiableError):
            span(asked, size)
    else:
        found = span(asked, size)
        assert found is not None
        assert content[found[0] : found[1] + 1] == content[first : None if last is None else last + 1]


@given(st.text(max_size=40), st.integers(0, 10))
def test_no_text_breaks_a_range(asked: str, size: int) -> None:
    try:
        found = span(asked, size)
    except UnsatisfiableError:
        return
    assert found is None or 0 <= found[0] <= found[1] < size


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 2**31), max_size=6))
async def test_any_cuts_put_together_are_the_file(remote: Remote, small: Caller, cuts: list[int]) -> None:
    places = sorted({0, remote.length, *(cut % remote.length for cut in cuts)})
    parts = [await download(small, remote, Range=f"bytes={low}-{high - 1}") for low, high in pairwise(places)]
    assert b"".join(parts) == await download(small, remote)


async def test_many_callers_of_one_file_at_once_wait_for_one_making(small: Caller) -> None:
    batch = batch_id(await done(small, fields=NARROW))
    (shown, *_) = await listed(small, f"{EXPORT}/batches/{batch}/files")
    path = f"{EXPORT}/files/{shown['dataSetFileId']}"
    answers = await asyncio.gather(*(small.get(path) for _ in range(20)))
    assert all(one == answers[0] for one in answers)
    folder = small.emulator.files._folder
    assert folder is not None
    assert len(list(folder.path.glob("*.parquet"))) == len(answers[0]["data"])


async def test_a_batch_of_its_own_for_each_segment(small: Caller, tmp_path: Path) -> None:
    body = {
        "filter": {"segments": [{"segmentId": name, "status": ["realized"]} for name in ("a", "b", "c")]},
        "fields": "identityMap,segmentMembership",
        "destination": {"datasetId": await small.dataset(), "segmentPerBatch": True},
        "schema": {"name": "_xdm.context.profile"},
    }
    made = (await small.post(JOBS, body)).json()
    await small.clock.advance(DONE_S)
    job = await small.get(f"{JOBS}/{made['id']}")
    mails = total = 0
    for one in job["destination"]["batches"]:
        found = rows(await table(small, one["batchId"], tmp_path), "identityMap, segmentMembership")
        total += len(found)
        mails += sum("email" in identities for identities, _ in found)
        assert all(one["segmentId"] in memberships["ups"] for _, memberships in found)
    assert total == job["metrics"]["totalExportedProfileCounter"]
    assert mails == job["metrics"]["exportedProfileByNamespaceCounter"]["email"]


async def test_a_preview_shows_the_first_rows_of_the_newest_batch_as_text(small: Caller) -> None:
    dataset = await small.dataset()
    assert (await small.get(f"{EXPORT}/datasets/{dataset}/preview")) == {"data": []}
    made = await done(small)
    dataset = made["destination"].get("datasetId") or made["destination"]["dataSetId"]
    shown = (await small.get(f"{EXPORT}/datasets/{dataset}/preview"))["data"]
    assert len(shown) == 100
    assert all(isinstance(value, str) for row in shown for value in row.values())
    assert all(row["identityMap"].startswith('{"') for row in shown)
    assert any("personalEmail" not in row for row in shown)


async def test_a_batch_of_very_many_files_is_listed_at_once(start: Start) -> None:
    caller = start(rows=1_000_000_000)
    batch = batch_id(await done(caller, additionalFields={"eventList": {}}))
    path = f"{EXPORT}/batches/{batch}/files"
    began = time.process_time()
    page = await caller.get(path, limit=2)
    count = page["_page"]["count"]
    assert count > 100_000
    last = await caller.get(path, start=f"{batch}-{count}")
    assert [one["dataSetFileId"] for one in last["data"]] == [f"{batch}-{count}"]
    below = await caller.get(f"{EXPORT}/files/{batch}-2", start=50_000, limit=1)
    assert below["data"][0]["dataSetFileId"] == f"{batch}-{count + 50_001}"
    assert await caller.get(f"{EXPORT}/files/{batch}-2", start=f"{batch}-{count + 50_001}", limit=1)
    assert (await answer_to(caller, f"batches/{batch}/files", start=f"{batch}-{count + 1}")).status_code == 400
    assert time.process_time() - began < 0.5  # 20 ms; seconds if each file of the batch were made


async def test_past_jobs_have_files_too(small: Caller, tmp_path: Path) -> None:
    page = await small.get(JOBS, limit=60, status="SUCCEEDED")
    past = [one for one in page["records"] if one["metrics"]["totalExportedProfileCounter"] > 2]
    job = next(one for one in past if one["destination"].get("batchId"))
    found = await table(small, batch_id(job), tmp_path)
    assert len(found) == job["metrics"]["totalExportedProfileCounter"]


async def test_no_room_is_said_and_nothing_is_left(small: Caller) -> None:
    batch = batch_id(await done(small, fields=NARROW))
    small.emulator.files._cap = 100
    answer = await answer_to(small, f"files/{batch}-1")
    assert (answer.status_code, answer.json()["title"]) == (503, "ServiceUnavailable")
    assert "100 bytes" in answer.json()["detail"]
    folder = small.emulator.files._folder
    assert folder is not None
    assert list(folder.path.glob("*.parquet")) == []
    small.emulator.files._cap = 10**9
    assert (await answer_to(small, f"files/{batch}-1")).status_code == 200


async def test_a_file_larger_than_many_chunks_arrives_whole_over_a_socket() -> None:
    emulator = Emulator(SystemClock(), jobs=60, rows=250_000)
    try:
        async with served(emulator) as base_url, httpx.AsyncClient(headers=headers(emulator)) as client:
            page = (await client.get(f"{base_url}{JOBS}?limit=60&status=SUCCEEDED")).json()["records"]
            job = next(one for one in page if "properties" in one and "filter" in one)
            listing = await client.get(f"{base_url}{EXPORT}/files/{batch_id(job)}-1")
            one = listing.json()["data"][0]
            whole = (await client.get(one["_links"]["self"]["href"])).content
            assert len(whole) == int(one["length"]) > 2 * CHUNK
            async with client.stream("GET", one["_links"]["self"]["href"]) as answer:
                async for _ in answer.aiter_bytes():
                    break  # the caller goes away in the middle
            middle = {"Range": f"bytes={CHUNK - 5}-{CHUNK + 4}"}
            part = (await client.get(one["_links"]["self"]["href"], headers=middle)).content
            assert part == whole[CHUNK - 5 : CHUNK + 5]
        assert not emulator.files._holders
    finally:
        emulator.close()

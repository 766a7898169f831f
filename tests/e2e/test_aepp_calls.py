"""The calls that aepp 0.6.0 and other clients in use make, from the token to the rows, in every dialect.

Nothing here knows which dialect it meets: it reads what API reference 13 tells a tolerant client to accept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import duckdb
import pytest

from tests.e2e.stranger import (
    CATALOG,
    EXPORT,
    QUERY,
    REGISTRY,
    SANDBOXES,
    SCOPES,
    UPS,
    Answer,
    Stranger,
    by_curl,
    by_urllib,
    needs_curl,
)
from tests.support.served_emulator import ServedEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 4_000
UNION = "https://ns.adobe.com/xdm/context/profile__union"
EVENT_UNION = "https://ns.adobe.com/xdm/context/experienceevent__union"
DONE, OVER = ("success", "active"), ("SUCCESS", "FAILED", "KILLED", "TIMEOUT")


@pytest.fixture(
    scope="module",
    params=[
        ("seed", by_urllib),
        pytest.param(("seed", by_curl), marks=needs_curl),
        ("openapi", by_urllib),
        ("newest", by_urllib),
        ("mixed", by_urllib),
    ],
    ids=lambda told: f"{told[0]}-{told[1].__name__}",
)
def stranger(request: pytest.FixtureRequest) -> Iterator[Stranger]:
    dialect, send = request.param
    with ServedEmulator(jobs=60, rows=ROWS, speed=4_000.0, dialect=dialect) as served:
        ready = served.emulator.ready_line(served.base_url)
        yield Stranger(ready, send, ready["access_token"])


def multipart(values: dict[str, str]) -> tuple[dict[str, str], str]:
    parts = [
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{one}' for name, one in values.items()
    ]
    return {"Content-Type": "multipart/form-data; boundary=frontier"}, "\r\n".join([*parts, "--frontier--", ""])


def test_a_token_from_each_endpoint_opens_the_door(stranger: Stranger) -> None:
    ready, ims = stranger.ready, f"{stranger.ready['ims_url']}/ims/token"
    client, rest = {"client_id": ready["client_id"]}, {"grant_type": "client_credentials", "scope": SCOPES}
    rest["client_secret"] = ready["client_secret"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        stranger.send("POST", f"{ims}/v2?{urlencode(client | rest)}", {}, ""),
        stranger.send("POST", f"{ims}/v3", form, urlencode(client | rest)),
        stranger.send("POST", f"{ims}/v4?{urlencode(client)}", *multipart(rest)),
    ]
    for answer in answers:
        assert answer.status == 200, answer
        token = answer.json()
        assert token["token_type"] == "bearer"
        lifetime_s = token["expires_in"] / (1_000 if token["expires_in"] > 10_000_000 else 1)
        assert 86_000 < lifetime_s < 86_400
        known = Stranger(ready, stranger.send, token["access_token"])
        assert [one["name"] for one in known.get(f"{SANDBOXES}/sandboxes")["sandboxes"]] == ready["sandboxes"]


def test_policies_audiences_segments_and_schedules_are_listed_to_the_end(stranger: Stranger) -> None:
    policies: list[Any] = []
    link = "?limit=1"
    while link:
        page = stranger.get(f"{UPS}/config/mergePolicies{link}")
        policies += page["children"]
        following = page["_links"]["next"]["href"]
        link = following and f"?{following.partition('?')[2]}"
    assert 2 <= len(policies) == len({one["id"] for one in policies}) <= 5
    assert {one["attributeMerge"]["type"] for one in policies} == {"timestampOrdered", "dataSetPrecedence"}
    for one in policies:
        assert stranger.get(f"{UPS}/config/mergePolicies/{one['id']}")["id"] == one["id"]

    audiences: list[Any] = []
    start: object = 0
    while start or not audiences:
        page = stranger.get(f"{UPS}/audiences?limit=60&start={start}")
        audiences += page["children"]
        start = page["_page"].get("next")
    assert 100 <= len(audiences) == len({one["id"] for one in audiences}) == int(page["_page"]["totalCount"])
    assert {one["namespace"] for one in audiences} > {"AEPSegments"}

    page = stranger.get(f"{UPS}/segment/definitions?limit=100")
    platform = [one for one in audiences if one["type"] == "SegmentDefinition"]
    assert {one["id"] for one in page["segments"]} == {
        one["id"] for one in platform if one["lifecycleState"] != "archived"
    }
    assert {one["mergePolicyId"] for one in page["segments"] if "mergePolicyId" in one} <= {
        one["id"] for one in policies
    }
    made = stranger.post(f"{UPS}/segment/jobs", [{"segmentId": page["segments"][0]["id"]}], 200)
    assert stranger.until(f"{UPS}/segment/jobs/{made['id']}", "status", "SUCCEEDED")["metrics"]["totalProfiles"] == ROWS
    for one in stranger.get(f"{UPS}/config/schedules")["children"]:
        assert stranger.get(f"{UPS}/config/schedules/{one['id']}")["schedule"] == one["schedule"]


@pytest.mark.parametrize("union", [UNION, EVENT_UNION])
def test_a_union_is_walked_to_its_paths(stranger: Stranger, union: str) -> None:
    found = stranger.get(
        f"{REGISTRY}/tenant/unions/{quote(union, safe='')}", Accept="application/vnd.adobe.xed-full+json; version=1"
    )
    assert found["$id"] == union
    paths = list(leaves(found["properties"], ""))
    assert len(paths) == len(set(paths)) > 300
    assert ("personalEmail.address" if union == UNION else "environment.browserDetails.name") in paths


def leaves(properties: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, told in properties.items():
        inner = told.get("properties") or told.get("items", {}).get("properties")
        yield from leaves(inner, f"{prefix}{name}.") if inner else (f"{prefix}{name}",)


def make_dataset(stranger: Stranger, name: str) -> str:
    body = {"name": name, "schemaRef": {"id": UNION, "contentType": "application/vnd.adobe.xed+json;version=1"}}
    [reference] = stranger.post(f"{CATALOG}/dataSets?requestDataSource=False", body, 201)
    return str(reference).rpartition("/")[2]


def test_a_dataset_is_made_found_changed_and_deleted(stranger: Stranger) -> None:
    dataset = make_dataset(stranger, "A stranger's")
    assert list(stranger.get(f"{CATALOG}/dataSets?name=A%20stranger's")) == [dataset]
    assert dataset in stranger.get(f"{CATALOG}/datasets?limit=100&properties=name,schemaRef")
    patched = stranger.call("PATCH", f"{CATALOG}/dataSets/{dataset}", '{"description": "Theirs"}')
    assert patched.status == 200
    found = stranger.get(f"{CATALOG}/dataSets/{dataset}")[dataset]
    assert (found["name"], found["description"]) == ("A stranger's", "Theirs")
    assert stranger.call("DELETE", f"{CATALOG}/dataSets/{dataset}").status == 200
    gone = stranger.call("GET", f"{CATALOG}/dataSets/{dataset}")
    assert (gone.status, gone.json()["detail"]) == (404, "DataSet not found.")


def files_of(stranger: Stranger, batch: str) -> list[tuple[str, int]]:
    """Return path and length of each part of a batch: pages are followed, directories gone down into."""
    found: list[tuple[str, int]] = []
    ahead = [f"{EXPORT}/batches/{batch}/files?limit=1"]
    while ahead:
        page = stranger.get(ahead.pop())
        following = page.get("_links", {}).get("next", {}).get("href")
        ahead += [following[following.index(EXPORT) :]] if following else []
        for one in page["data"]:
            where = one["_links"]["self"]["href"]
            where = where[where.index(EXPORT) :]
            if "name" in one:
                found.append((where, int(one["length"])))
            else:
                ahead.append(where)
    return found


def download(stranger: Stranger, path: str, length: int, *, pieces: int = 3) -> bytes:
    head = stranger.call("HEAD", path)
    assert (head.status, head.headers["content-length"], head.headers["accept-ranges"]) == (200, str(length), "bytes")
    content, step = b"", length // pieces + 1
    while len(content) < length:
        first, last = len(content), min(len(content) + step, length) - 1
        answer = stranger.call("GET", path, Range=f"bytes={first}-{last}")
        assert (answer.status, answer.headers["content-range"]) == (206, f"bytes {first}-{last}/{length}")
        content += answer.content
    beyond: Answer = stranger.call("GET", path, Range=f"bytes={length}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{length}")
    assert stranger.call("GET", path).content == content
    return content


def rows_of(stranger: Stranger, batch: str, folder: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Download a batch by ranges and read it with duckdb: the names of its columns, and its rows."""
    parts = files_of(stranger, batch)
    assert parts
    for number, (path, length) in enumerate(parts):
        (folder / f"{number}.parquet").write_bytes(download(stranger, path, length))
    with duckdb.connect() as connection:
        read = connection.execute("SELECT * FROM read_parquet(?)", [str(folder / "*.parquet")])
        columns = [one[0] for one in read.description or ()]
        return columns, read.fetchall()


def batch_of(job: dict[str, Any]) -> str:
    destination = job["destination"]
    batches = destination.get("batches") or []
    return str(destination.get("batchId") or (batches if isinstance(batches, dict) else batches[0])["batchId"])


def export(stranger: Stranger, dataset: str) -> str:
    """Export every profile and return the batch when Catalog says that it is there."""
    body = {
        "fields": "identityMap,personalEmail.address",
        "destination": {"datasetId": dataset},
        "schema": {"name": "_xdm.context.profile"},
    }
    answer = stranger.call("POST", f"{UPS}/export/jobs", json.dumps(body))
    assert answer.status in (200, 201), answer
    job = answer.json()
    job = stranger.until(f"{UPS}/export/jobs/{int(job['id'])}", "status", "SUCCEEDED", "FAILED")
    assert job["status"] == "SUCCEEDED", job
    return batch_of(job)


def test_a_job_ends_in_rows_that_anybody_can_read(stranger: Stranger, tmp_path: Path) -> None:
    dataset = make_dataset(stranger, "Rows to read")
    batch = export(stranger, dataset)
    found = stranger.get(f"{CATALOG}/batches/{batch}")[batch]
    assert found["status"] in DONE
    assert {"type": "dataSet", "id": dataset} in found["relatedObjects"]
    assert stranger.get(f"{CATALOG}/lastBatches?dataSetId={dataset}")[dataset]["lastBatchId"] == batch
    assert set(stranger.get(f"{CATALOG}/batches?dataSet={dataset}")) == {batch}
    columns, rows = rows_of(stranger, batch, tmp_path)
    assert set(columns) == {"identityMap", "personalEmail"}
    counted = [found["metrics"][name] for name in ("recordsWritten", "recordsRead") if name in found["metrics"]]
    assert all(len(rows) == count for count in counted)
    assert ROWS * 0.9 < len(rows) <= ROWS
    assert len(stranger.get(f"{EXPORT}/datasets/{dataset}/preview")["data"]) == 100
    for kind in ("failed", "meta"):
        assert stranger.get(f"{EXPORT}/batches/{batch}/{kind}")["data"] == []


def test_a_query_ends_in_a_dataset_whose_rows_anybody_can_read(stranger: Stranger, tmp_path: Path) -> None:
    told = stranger.get(f"{QUERY}/connection_parameters")
    assert (told["dbName"], told["username"]) == ("prod:all", stranger.ready["org_id"])
    dataset = make_dataset(stranger, "Rows to count")
    export(stranger, dataset)
    [table] = stranger.get(f"{CATALOG}/dataSets/{dataset}")[dataset]["tags"]["adobe/pqs/table"]
    mails = f"SELECT personalEmail.address AS mail FROM {table} WHERE personalEmail.address IS NOT NULL"
    made = stranger.post(
        f"{QUERY}/queries",
        {"dbName": "prod:all", "sql": mails, "ctasParameters": {"datasetName": "mails", "description": ""}},
        202,
    )
    query = stranger.until(f"{QUERY}/queries/{made['id']}", "state", *OVER)
    assert query["state"] == "SUCCESS", query
    [(result, told)] = stranger.get(f"{CATALOG}/dataSets?name=mails").items()
    columns, rows = rows_of(stranger, told["lastSuccessfulBatch"], tmp_path)
    assert columns == ["mail"]
    assert ROWS / 3 < len(rows) == query["rowCount"] < ROWS
    assert all("@example." in mail for (mail,) in rows)
    assert made["id"] in {one["id"] for one in stranger.get(f"{QUERY}/queries?limit=5")["queries"]}
    endless = "SELECT COUNT(1) FROM range(100000000) a, range(100000) b"
    running = stranger.post(f"{QUERY}/queries", {"dbName": "prod:all", "sql": endless}, 202)
    cancelled = stranger.call("PATCH", f"{QUERY}/queries/{running['id']}", '{"op": "cancel"}')
    assert (cancelled.status, cancelled.json()["statusCode"]) == (202, 202)
    assert stranger.until(f"{QUERY}/queries/{running['id']}", "state", *OVER)["state"] == "KILLED"
    assert stranger.call("DELETE", f"{CATALOG}/dataSets/{result}").status == 200

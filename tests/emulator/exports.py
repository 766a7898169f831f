"""Downloads an export as a stranger does: listing, directories, sizes, bytes; and reads it with DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import duckdb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.emulator.conftest import Caller

EXPORT = "/data/foundation/export"
DONE_S = 3_000


@dataclass(frozen=True)
class Remote:
    """One file as a listing shows it."""

    file_id: str
    name: str
    length: int

    @property
    def url(self) -> str:
        return f"{EXPORT}/files/{self.file_id}"


async def listed(caller: Caller, path: str, *, sandbox: str = "prod", **params: Any) -> list[dict[str, Any]]:
    """Return the items of all pages, following the links."""
    items: list[dict[str, Any]] = []
    while True:
        page = await caller.get(path, sandbox=sandbox, **params)
        items += page["data"]
        following = page.get("_links", {}).get("next")
        if following is None:
            return items
        url = urlsplit(following["href"])
        path, params = url.path, {name: values[0] for name, values in parse_qs(url.query).items()}


async def files(caller: Caller, batch_id: str, *, sandbox: str = "prod") -> list[Remote]:
    """Return all physical files of a batch."""
    found = []
    for one in await listed(caller, f"{EXPORT}/batches/{batch_id}/files", sandbox=sandbox):
        found += [each async for each in _below(caller, one["dataSetFileId"], sandbox=sandbox)]
    return found


async def _below(caller: Caller, file_id: str, *, sandbox: str) -> AsyncIterator[Remote]:
    for one in await listed(caller, f"{EXPORT}/files/{file_id}", sandbox=sandbox):
        if "name" in one:
            yield Remote(file_id, one["name"], int(one["length"]))
        else:
            async for each in _below(caller, one["dataSetFileId"], sandbox=sandbox):
                yield each


async def download(caller: Caller, one: Remote, *, sandbox: str = "prod", **headers: str) -> bytes:
    answer = await caller.http.get(one.url, params={"path": one.name}, headers=caller.headers(sandbox) | headers)
    assert answer.status_code in (200, 206), answer.text
    return answer.content


async def table(caller: Caller, batch_id: str, folder: Path, *, sandbox: str = "prod") -> duckdb.DuckDBPyRelation:
    """Download a batch and return its rows."""
    paths = []
    for one in await files(caller, batch_id, sandbox=sandbox):
        path = folder / f"{batch_id}-{one.name}"
        content = await download(caller, one, sandbox=sandbox)
        assert len(content) == one.length
        path.write_bytes(content)
        paths.append(str(path))
    return duckdb.read_parquet(paths)


def rows(relation: duckdb.DuckDBPyRelation, columns: str) -> list[tuple[Any, ...]]:
    return relation.project(columns).fetchall()


def types(relation: duckdb.DuckDBPyRelation) -> dict[str, str]:
    """Return the columns' types without quotation marks, which come and go from version to version."""
    return {name: str(kind).replace('"', "") for name, kind in zip(relation.columns, relation.types, strict=True)}


async def done(caller: Caller, *segments: str, sandbox: str = "prod", **more: Any) -> dict[str, Any]:
    """Make a job and let it succeed."""
    job = await caller.job(*segments, sandbox=sandbox, **more)
    await caller.clock.advance(DONE_S)
    return job


def batch_id(job: dict[str, Any]) -> str:
    return str(job["destination"]["batchId"])

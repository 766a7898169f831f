"""Owns the Data Access calls: what files a batch has, their bytes whole or in ranges, a preview (API reference 4)."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from starlette.responses import Response

from tui_app.emulator.answers import Refusal, json_answer, placeholder
from tui_app.emulator.data import parquet
from tui_app.emulator.data.files import LONGEST_ID, NoRoomError
from tui_app.emulator.data.layout import Row
from tui_app.emulator.services.file_answer import BytesAnswer, FileAnswer
from tui_app.emulator.world.batches import find_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import Route

    from tui_app.emulator.data.files import FileSet, Part
    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.batches import Batch

PATH = "/data/foundation/export"
MAXIMUM_LIMIT = 100
PREVIEW_ROWS = 100
_NUMBER = re.compile(r"[0-9]{1,9}")
_ERRORS = "batch_errors.json"
_PARTS_FILE = "application/octet-stream"
_T = TypeVar("_T")


def routes(gateway: Gateway) -> list[Route]:
    """Return the Data Access routes, the lists of a batch with and without their slash."""
    lists = {"files": _batch_files, "failed": _failed, "meta": _meta}
    return [
        *(
            route
            for name, handler in lists.items()
            for route in gateway.collection(f"{PATH}/batches/{{batch_id}}/{name}", service="data-access", get=handler)
        ),
        gateway.route(f"{PATH}/files/{{file_id}}", service="data-access", get=_file, head=_head),
        gateway.route(f"{PATH}/datasets/{{dataset_id}}/preview", service="data-access", get=_preview),
    ]


@dataclass(frozen=True, slots=True)
class _Window:
    start: int
    limit: int

    def of(self, items: Sequence[_T]) -> Sequence[_T]:
        """Return the items that are asked for; no other is made."""
        return items[self.start : self.start + self.limit]


def _batch(call: Call) -> Batch:
    batch_id = call.path("batch_id")
    is_short = len(batch_id) <= LONGEST_ID
    batch = find_batch(call.world, call.sandbox, batch_id, now_ms=call.now_ms) if is_short else None
    if batch is None:
        raise placeholder(404, "NotFoundError", "Batch not found.")
    return batch


def _found(call: Call) -> tuple[Batch, FileSet]:
    found = call.platform.files.find(call.sandbox, call.path("file_id"), call.now_ms)
    if found is None:
        raise placeholder(404, "NotFoundError", "Dataset file not found.")
    return found


def _named(parts: Sequence[Part], name: str) -> Part:
    """Return the part of this name; names are compared with known ones, never used to reach a file."""
    found = next((part for part in parts if part.name == name), None)
    if found is None:
        raise placeholder(404, "NotFoundError", f"File {name[:120]} not found.")
    return found


def _no_room(error: NoRoomError) -> Refusal:
    return placeholder(503, "ServiceUnavailable", str(error))


def _batch_files(call: Call) -> Response:
    batch = _batch(call)
    return _set_listing(call, batch, call.platform.files.sets(batch))


async def _file(call: Call) -> Response:
    batch, found = _found(call)
    name = call.query("path")
    if name is not None:
        return await _bytes(call, batch, _named(found.parts, name))
    if found.children:
        return _set_listing(call, batch, found.children)
    window = _window(call, [one.name for one in found.parts])
    where = f"files/{quote(found.file_id)}"
    items = [_name_item(call, where, one.name, await _size(call, batch, one)) for one in window.of(found.parts)]
    return _listing(call, window, items, count=len(found.parts))


async def _head(call: Call) -> Response:
    batch, found = _found(call)
    name = call.query("path")
    if name is None:
        raise placeholder(400, "BadRequestError", "Query parameter path is required.")
    size = await _size(call, batch, _named(found.parts, name))
    headers = {"Content-Length": str(size), "Content-Type": _PARTS_FILE, "Accept-Ranges": "bytes"}
    return Response(headers=headers)


async def _size(call: Call, batch: Batch, part: Part) -> int:
    try:
        async with call.platform.files.held(batch, part) as path:
            return path.stat().st_size
    except NoRoomError as error:
        raise _no_room(error) from error


async def _bytes(call: Call, batch: Batch, part: Part) -> Response:
    async with AsyncExitStack() as stack:
        try:
            path = await stack.enter_async_context(call.platform.files.held(batch, part))
        except NoRoomError as error:
            raise _no_room(error) from error
        answer = FileAnswer(path, call.request.headers.get("range"), media_type=_PARTS_FILE)
        answer.release = stack.pop_all()  # held until the last byte is sent
        return answer


def _failed(call: Call) -> Response:
    """Answer for what is left of a failed batch: a file that tells its errors."""
    batch = _batch(call)
    files = {}
    if batch.errors:
        files[_ERRORS] = json.dumps([dict(one) for one in batch.errors]).encode("ascii")
    return _small_files(call, batch, "failed", files)


def _meta(call: Call) -> Response:
    """Answer for what ingestion leaves behind; an export's batch has none of it (API reference 4.3)."""
    return _small_files(call, _batch(call), "meta", {})


def _small_files(call: Call, batch: Batch, folder: str, files: dict[str, bytes]) -> Response:
    name = call.query("path")
    if name is None:
        where = f"batches/{quote(batch.batch_id)}/{folder}"
        window = _window(call, [*files])
        items = [_name_item(call, where, one, len(files[one])) for one in window.of([*files])]
        return _listing(call, window, items, count=len(files))
    if name not in files:
        raise placeholder(404, "NotFoundError", f"Path {name[:120]} not found.")
    return BytesAnswer(files[name], call.request.headers.get("range"), media_type="application/json")


async def _preview(call: Call) -> Response:
    dataset = call.sandbox.datasets.get(call.path("dataset_id"))
    if dataset is None:
        raise placeholder(404, "NotFoundError", "DataSet not found.")
    batch = await _newest(call, dataset.dataset_id)
    rows = [] if batch is None else await _first_rows(call, batch)
    return json_answer({"data": rows})


async def _newest(call: Call, dataset_id: str) -> Batch | None:
    """Return the newest batch of the dataset that holds rows, as far back as is looked."""
    files = call.platform.files
    written = [one for one in call.sandbox.written_batches.values() if one.dataset_id == dataset_id and files.sets(one)]
    found = max(written, key=lambda one: one.created_ms, default=None)
    async for one in call.world.ledger(call.sandbox).good_batches(dataset_id, now_ms=call.now_ms):
        if found is not None and one.created_ms < found.created_ms:
            return found
        if files.sets(one):
            return one
    return found


async def _first_rows(call: Call, batch: Batch) -> list[dict[str, str]]:
    files, missing = call.platform.files, PREVIEW_ROWS
    async with AsyncExitStack() as stack:
        paths = []
        for part in files.parts(batch):
            try:
                paths.append(await stack.enter_async_context(files.held(batch, part)))
            except NoRoomError as error:
                raise _no_room(error) from error
            missing -= part.rows
            if missing <= 0:
                break
        return await asyncio.to_thread(parquet.head, paths, PREVIEW_ROWS)


def _set_item(call: Call, batch: Batch, one: FileSet) -> dict[str, Any]:
    dataset = call.sandbox.datasets.get(batch.dataset_id)
    at = _number(call, batch.completed_ms or batch.updated_ms)
    return {
        "dataSetFileId": one.file_id,
        "dataSetViewId": dataset.view_id if dataset is not None else "",
        "version": "1.0.0",
        "created": at,
        "updated": at,
        "records": _number(call, one.rows),
        "isValid": call.dialect.file_is_valid,
        "_links": {"self": {"href": f"{call.linked_origin}{PATH}/files/{quote(one.file_id)}"}},
    }


def _name_item(call: Call, where: str, name: str, size: int) -> dict[str, Any]:
    href = f"{call.linked_origin}{PATH}/{where}?path={quote(name)}"
    return {"name": name, "length": _number(call, size), "_links": {"self": {"href": href}}}


def _number(call: Call, value: int) -> str | int:
    return str(value) if call.dialect.file_numbers_as_text else value


def _set_listing(call: Call, batch: Batch, sets: Sequence[FileSet]) -> Response:
    window = _window(call, Row(len(sets), lambda at: sets[at].file_id))
    return _listing(call, window, [_set_item(call, batch, one) for one in window.of(sets)], count=len(sets))


def _listing(call: Call, window: _Window, items: list[dict[str, Any]], *, count: int) -> Response:
    """Return one page of `count` items; links only when there are more pages than one (API reference 4.1)."""
    answer: dict[str, Any] = {"data": items, "_page": {"limit": window.limit, "count": count}}
    if count > window.limit or window.start > 0:
        path = f"{call.origin}{quote(call.request.scope['path'].rstrip('/'))}"
        end = window.start + window.limit
        links: dict[str, Any] = {}
        if end < count:
            links["next"] = {"href": f"{path}?start={end}&limit={window.limit}"}
        links["page"] = {"href": f"{path}?start={window.start}&limit={window.limit}", "templated": True}
        answer["_links"] = links
    return json_answer(answer)


def _window(call: Call, names: Sequence[str]) -> _Window:
    """Return which items are asked for: `start` is an index, or, as one client has it, an item's name or id."""
    start, limit = call.query("start") or "0", call.query("limit") or str(MAXIMUM_LIMIT)
    if not _NUMBER.fullmatch(limit) or int(limit) < 1:
        raise placeholder(400, "BadRequestError", f"Query parameter limit must be a number from 1 to {MAXIMUM_LIMIT}.")
    at = int(start) if _NUMBER.fullmatch(start) else _place(names, start)
    if at is None:
        raise placeholder(400, "BadRequestError", "Query parameter start must be an index.")
    return _Window(at, min(int(limit), MAXIMUM_LIMIT))


def _place(names: Sequence[str], name: str) -> int | None:
    """Return the index of a name; ids are not looked through, for there may be very many: they end in numbers."""
    if len(names) <= MAXIMUM_LIMIT:
        return names.index(name) if name in names else None
    first, number = names[0].rpartition("-")[2], name.rpartition("-")[2]
    at = int(number) - int(first) if _NUMBER.fullmatch(number) else -1
    return at if 0 <= at < len(names) and names[at] == name else None

"""Owns the Catalog calls on batches and on the files of datasets (API reference 3.2 and 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer, placeholder
from tui_app.emulator.services.catalog_query import (
    Filter,
    Key,
    Kind,
    bad,
    chosen,
    filters,
    in_order,
    order,
    properties,
    values,
    window,
)
from tui_app.emulator.world.batches import find_batch
from tui_app.emulator.world.ledger import REACH, RECENT, Glance, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.responses import Response

    from tui_app.emulator.dialects import Dialect
    from tui_app.emulator.gateway import Call
    from tui_app.emulator.world.batches import Batch

CLIENT = "acp_core_unifiedProfile_feeds"
_FIELDS: Mapping[str, Kind] = {
    "imsOrg": "text",
    "sandboxId": "text",
    "status": "text",
    "version": "text",
    "created": "integer",
    "updated": "integer",
    "started": "integer",
    "completed": "integer",
    "createdClient": "text",
    "createdUser": "text",
    "updatedUser": "text",
    "externalId": "text",
    "recordCount": "integer",
    "failedRecordCount": "integer",
    "size": "integer",
}
_CHANGING = frozenset(
    {"status", "version", "created", "updated", "started", "completed", "errors", "failedBatchLocation"}
)
_AVAILABILITY = ("startAfter", "startBefore", "endAfter", "endBefore")
_VERSIONS = {"loading": 1, "staging": 2, "staged": 3}
_LAST_VERSION = 4
# Statuses that mean the same (API reference 3.4); a filter by one word finds what the other names too.
_SAME = {"active": "success", "failure": "failed"}
_EVERY = 500  # jobs that a filter looks at before others may run


class Batches:
    """Batches and their files.

    A list looks at the newest 5,000 jobs under `createdBefore` (the oldest over `createdAfter` when it is sorted by
    `asc:created`) and at what queries wrote; at 1,000 jobs when it is sorted by something else, or filtered by what
    changes in a batch's life but for its status. To look further back, move that bound. What callers made for a
    dataset that `dataSet` names is found however old it is.
    """

    def one(self, call: Call) -> Response:
        """Answer with one batch; `aggregate` adds nothing: a batch here has no others in it."""
        if (call.query("aggregate") or "false").lower() not in {"true", "false"}:
            raise bad("The value of aggregate must be true or false")
        batch = find_batch(call.world, call.sandbox, call.path("batch_id"), now_ms=call.now_ms)
        if batch is None:
            raise placeholder(404, "NotFoundError", "Batch not found.")
        answer = _answer(call, batch)
        return json_answer({batch.batch_id: chosen(answer, properties(call))}, headers={"ETag": answer["version"]})

    async def page(self, call: Call) -> Response:
        """Answer with a page of batches, newest first unless `orderBy` says otherwise."""
        asked, keys, shown = window(call), order(call), properties(call)
        conditions = filters(call, _FIELDS, own=frozenset({"status"}))
        page: dict[str, Any] = {}
        skip = asked.start
        async for source in self._sources(call, _wanted(call), keys, conditions):
            count = source.batches if isinstance(source, Glance) else 1
            if skip >= count:
                skip -= count
                continue
            for batch in [*self._made(call, source)][skip:]:
                page[batch.batch_id] = chosen(_answer(call, batch), shown)
                if len(page) >= asked.limit:
                    return json_answer(page)
            skip = 0
        return json_answer(page)

    def _made(self, call: Call, source: Glance | Batch) -> list[Batch]:
        if not isinstance(source, Glance):
            return [source]
        return [*call.world.ledger(call.sandbox).batches(source, now_ms=call.now_ms)]

    async def _sources(
        self, call: Call, wanted: Wanted | None, keys: tuple[Key, ...], conditions: tuple[Filter, ...]
    ) -> AsyncIterator[Glance | Batch]:
        """Walk the jobs, and the batches that queries wrote, whose batches are to be listed, in the order of `keys`."""
        if wanted is None or not _can_pass(call, conditions):
            return
        changing = [one for one in conditions if one.name in _CHANGING]
        is_up = keys[0].name == "created" and not keys[0].is_descending
        named = _words(call, "batch")
        if named:
            found = [find_batch(call.world, call.sandbox, one, now_ms=call.now_ms) for one in sorted(named)]
            some: list[Glance | Batch] = [one for one in found if one is not None and wanted.has(one)]
            for one in in_order([one for one in some if _passes(call, one, changing)], keys, _value):
                yield one
            return
        written = sorted(
            (one for one in call.sandbox.written_batches.values() if wanted.has(one) and _passes(call, one, changing)),
            key=lambda one: one.created_ms,
            reverse=is_up,  # the next one is taken from the end
        )
        if keys[0].name != "created":
            others = [one async for one in self._passing(call, wanted, changing, is_by_creation=False)]
            sources: list[Glance | Batch] = [*others, *written]
            for source in in_order(sources, keys, _value):
                yield source
            return
        async for glance in self._passing(call, wanted, changing, is_up=is_up):
            while written and (written[-1].created_ms < glance.created_ms) is is_up:
                yield written.pop()
            yield glance
        for one in reversed(written):
            yield one

    async def _passing(
        self, call: Call, wanted: Wanted, conditions: list[Filter], *, is_up: bool = False, is_by_creation: bool = True
    ) -> AsyncIterator[Glance]:
        looked = 0
        most = REACH if is_by_creation and not conditions else RECENT
        ledger = call.world.ledger(call.sandbox)
        async for one in ledger.jobs(wanted, now_ms=call.now_ms, oldest_first=is_up, most=most):
            looked += 1
            if looked % _EVERY == 0:
                await call.world.clock.sleep(0)
            if _passes(call, one, conditions):
                yield one

    async def files(self, call: Call) -> Response:
        """Answer with a page of dataset files, those of the newest batches first; `dataSetId` and `batchId` filter."""
        return await self._file_page(call, _words(call, "dataSetId", "datasetId"))

    async def view_files(self, call: Call) -> Response:
        """Answer as `files` does for the dataset with this view."""
        dataset = call.sandbox.datasets.get(call.path("dataset_id"))
        if dataset is None or dataset.view_id != call.path("view_id"):
            raise placeholder(404, "NotFoundError", "DataSetView not found.")
        return await self._file_page(call, {dataset.dataset_id})

    async def _file_page(self, call: Call, datasets: set[str]) -> Response:
        asked, keys, shown = window(call), order(call), properties(call)
        if keys[0].name not in {"created", "updated"}:
            raise bad(f"Cannot order files by {keys[0].name}")
        wanted = Wanted(datasets=datasets or None, statuses={"success"})
        batches = _words(call, "batchId")
        page: dict[str, Any] = {}
        skip = asked.start
        async for source in self._file_sources(call, wanted, batches, keys):
            for batch in self._made(call, source):
                for one in call.platform.files.sets(batch):
                    if skip > 0:
                        skip -= 1
                        continue
                    page[one.file_id] = chosen(_file(call, one.file_id, batch), shown)
                    if len(page) >= asked.limit:
                        return json_answer(page)
        return json_answer(page)

    async def _file_sources(
        self, call: Call, wanted: Wanted, batches: set[str], keys: tuple[Key, ...]
    ) -> AsyncIterator[Glance | Batch]:
        if not batches:
            by_creation = (Key("created", keys[0].is_descending),)
            async for source in self._sources(call, wanted, by_creation, ()):
                yield source
            return
        for batch_id in sorted(batches):
            batch = find_batch(call.world, call.sandbox, batch_id, now_ms=call.now_ms)
            if batch is not None and wanted.has(batch):
                yield batch

    def file(self, call: Call) -> Response:
        """Answer with one dataset file."""
        found = call.platform.files.find(call.sandbox, call.path("file_id"), call.now_ms)
        if found is None:
            raise placeholder(404, "NotFoundError", "DataSetFile not found.")
        batch, one = found
        answer = _file(call, one.file_id, batch)
        return json_answer({one.file_id: chosen(answer, properties(call))}, headers={"ETag": answer["version"]})


def _wanted(call: Call) -> Wanted | None:
    """Read the filters that jobs know without being made; None when nothing can pass them."""
    for name in _AVAILABILITY:
        if _time(call, name) is not None:
            return None  # no batch of an export says for which dates it holds data
    statuses = None
    text = call.query("status")
    words = values("status", text or "", "text")
    if text and words:
        asked = {_canonical(call.dialect, one) for one in words} | {_SAME.get(one, one) for one in words}
        known = {"loading", "staging", "staged", "success", "failed", "aborted"}
        statuses = known - asked if text.startswith("!") else asked & known
    wanted = Wanted(
        datasets=_words(call, "dataSet") or None,
        statuses=statuses,
        after_ms=_time(call, "createdAfter"),
        before_ms=_time(call, "createdBefore"),
    )
    return None if statuses is not None and not statuses else wanted


def _can_pass(call: Call, conditions: tuple[Filter, ...]) -> bool:
    """Whether batches meet the conditions on what all of them share: one look spares thousands."""
    shared = {name: value for name, value in _common(call).items() if name not in _CHANGING}
    return all(one.passes(shared) for one in conditions if one.name not in _CHANGING)


def _passes(call: Call, one: Glance | Batch, conditions: list[Filter]) -> bool:
    for condition in conditions:
        known = _known(call, one, condition.name)
        if not condition.passes({} if known is None else {condition.name: known}):
            return False
    return True


def _known(call: Call, one: Glance | Batch, name: str) -> object:
    """Return a property that changes in a batch's life as its answer shows it; None where it is not shown."""
    if name == "status":
        return status_word(call.dialect, one.status)
    if name == "errors":
        return []
    if name == "failedBatchLocation":
        return "" if one.status == "failed" else None
    return _value(one, name)


def _value(one: Glance | Batch, name: str) -> object:
    """Return what a sort by this property goes by; None for one that says nothing about a batch."""
    if name == "version":
        return version(one.status)
    if name == "status":
        return one.status
    if name not in {"created", "updated", "started", "completed"}:
        return None
    moment: int | None = getattr(one, f"{name}_ms")
    return moment


def _words(call: Call, *names: str) -> set[str]:
    return {word for name in names for word in (call.query(name) or "").split(",") if word}


def _time(call: Call, name: str) -> int | None:
    text = call.query(name)
    if text is None:
        return None
    if "," in text or text.startswith("!"):
        raise bad(f"The value of {name} must be one whole number")
    return next(iter(map(int, values(name, text, "integer"))))


def version(status: str) -> str:
    """Return a batch's version: it grows with each status."""
    return f"1.0.{_VERSIONS.get(status, _LAST_VERSION)}"


def status_word(dialect: Dialect, status: str) -> str:
    """Return a status as this answer names it (API reference 13, rows 32 and 33)."""
    return {"success": dialect.batch_done, "failed": dialect.batch_failed}.get(status, status)


def _canonical(dialect: Dialect, word: str) -> str:
    told: dict[str, str] = {dialect.batch_done: "success", dialect.batch_failed: "failed"}
    return told.get(word, word)


def _common(call: Call) -> dict[str, Any]:
    user = f"{CLIENT}@AdobeID"
    return {
        "imsOrg": call.credentials.org_id,
        "sandboxId": call.sandbox.sandbox_id,
        "createdClient": CLIENT,
        "createdUser": user,
        "updatedUser": user,
        "relatedObjects": [],
        "metrics": {},
        "availableDates": {},
        "tags": {},
        "inputFormat": {"format": "parquet"},
    }


def _answer(call: Call, batch: Batch) -> dict[str, Any]:
    answer = _common(call) | {
        "status": status_word(call.dialect, batch.status),
        "version": version(batch.status),
        "created": batch.created_ms,
        "updated": batch.updated_ms,
        "relatedObjects": [{"type": "dataSet", "id": batch.dataset_id}],
        "errors": [{"code": one["code"], "description": one["msg"]} for one in batch.errors],
    }
    if batch.started_ms is not None:
        answer["started"] = batch.started_ms
        answer["metrics"] = {"startTime": batch.started_ms}
    if batch.completed_ms is not None:
        answer["completed"] = batch.completed_ms
        answer["metrics"] |= {"endTime": batch.completed_ms} | _counters(call.dialect, batch.rows or 0)
    if batch.status == "failed":
        answer["failedBatchLocation"] = f"{call.origin}/data/foundation/export/batches/{batch.batch_id}/failed"
    return answer


def _counters(dialect: Dialect, rows: int) -> dict[str, int]:
    """Return how a producer counts what it wrote: each names its metrics as it likes (API reference 13, row 34)."""
    if dialect.batch_rows_key == "recordsWritten":
        return {"recordsRead": rows, "recordsWritten": rows, "recordsFailed": 0}
    return {dialect.batch_rows_key: rows} if dialect.batch_rows_key else {}


def _file(call: Call, file_id: str, batch: Batch) -> dict[str, Any]:
    dataset = call.sandbox.datasets.get(batch.dataset_id)
    written = batch.completed_ms or batch.updated_ms
    user = f"{CLIENT}@AdobeID"
    return {
        "id": file_id,
        "batchId": batch.batch_id,
        **({"dataSetViewId": dataset.view_id} if dataset is not None else {}),
        "imsOrg": call.credentials.org_id,
        "createdUser": user,
        "createdClient": CLIENT,
        "updatedUser": user,
        "version": "1.0.0",
        "created": written,
        "updated": written,
    }

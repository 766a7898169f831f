"""Owns the Catalog calls: datasets, and batches mirrored from the jobs that fill them (API reference 3)."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer, parse_json, placeholder
from tui_app.emulator.services.catalog_query import chosen, matches, order, window
from tui_app.emulator.services.validation import dataset_fault
from tui_app.emulator.world.batches import BATCH_DELAY_MS, batches_below, find_batch
from tui_app.emulator.world.lifecycle import state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response
    from starlette.routing import Route

    from tui_app.emulator.gateway import Call, Gateway
    from tui_app.emulator.world.batches import Batch
    from tui_app.emulator.world.datasets import Dataset

PATH = "/data/foundation/catalog"
_EPOCH_MS = re.compile(r"[0-9]{1,15}")
_BATCH_SCAN = 5_000  # a filter that nothing passes looks at so many of the newest jobs, then gives up


def routes(gateway: Gateway) -> list[Route]:
    """Return the Catalog routes under both spellings of the dataset path."""
    datasets = [f"{PATH}/{noun}" for noun in ("dataSets", "datasets")]
    return [
        *(
            gateway.route(path + slash, service="catalog", get=_list_datasets, post=_create_dataset)
            for path in datasets
            for slash in ("", "/")
        ),
        *(gateway.route(f"{path}/{{dataset_id}}", service="catalog", get=_get_dataset) for path in datasets),
        *(gateway.route(f"{PATH}/batches{slash}", service="catalog", get=_list_batches) for slash in ("", "/")),
        gateway.route(f"{PATH}/batches/{{batch_id}}", service="catalog", get=_get_batch),
    ]


def _create_dataset(call: Call) -> Response:
    content_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise placeholder(400, "BadRequestError", "A valid content-type must be specified")
    try:
        body = parse_json(call.body)
    except ValueError:
        raise placeholder(400, "BadRequestError", "The request body is not readable JSON.") from None
    fault = dataset_fault(body)
    if fault:
        raise placeholder(400, "BadRequestError", fault)
    for tag in body.get("tags") or {}:
        if tag.startswith("adobe/"):
            detail = f"Not permitted to create or modify tags for namespace({tag[:80]})."
            raise placeholder(403, "ForbiddenError", detail)
    if call.request.headers.get("pragma", "").strip().lower() == "validate-only":
        return json_answer([])
    dataset = call.world.create_dataset(call.sandbox, body)
    return json_answer(
        [f"{call.dialect.dataset_reference}{dataset.dataset_id}"],
        status=201,
        headers={"Location": f"{PATH}/dataSets/{dataset.dataset_id}"},
    )


def _list_datasets(call: Call) -> Response:
    asked = window(call)
    found = [_dataset(call, one) for one in call.sandbox.datasets.values()]
    found = order(call, [one for one in found if matches(call, one)])
    page = found[asked.start : asked.start + asked.limit]
    return json_answer({one.pop("@id"): chosen(call, one) for one in page})


def _get_dataset(call: Call) -> Response:
    dataset = call.sandbox.datasets.get(call.path("dataset_id"))
    if dataset is None:
        raise placeholder(404, "NotFoundError", "DataSet not found.")
    answer = _dataset(call, dataset)
    return json_answer({answer.pop("@id"): chosen(call, answer)}, headers={"ETag": answer["version"]})


def _dataset(call: Call, dataset: Dataset) -> dict[str, Any]:
    """Return the dataset object with its id under `@id`."""
    user = f"{call.credentials.client_id}@techacct.example.com"
    tags = dict(dataset.tags)
    if call.now_ms >= dataset.table_ms:
        tags |= {"adobe/pqs/table": [dataset.table_name], "adobe/siphon/table/format": ["parquet"]}
    answer: dict[str, Any] = {
        "@id": dataset.dataset_id,
        "name": dataset.name,
        "description": dataset.description,
        "version": "1.0.1" if call.now_ms >= dataset.table_ms else "1.0.0",
        "imsOrg": call.credentials.org_id,
        "sandboxId": call.sandbox.sandbox_id,
        "created": dataset.created_ms,
        "updated": dataset.table_ms if call.now_ms >= dataset.table_ms else dataset.created_ms,
        "createdClient": dataset.client,
        "createdUser": user,
        "updatedUser": user,
        "schemaRef": dict(dataset.schema),
        "fileDescription": dict(dataset.file_description),
        "tags": tags,
        "viewId": dataset.view_id,
        "files": f"@/dataSetFiles?dataSetId={dataset.dataset_id}",
        "classification": {"dataBehavior": "record" if dataset.on_union else "time-series"},
        "observableSchema": {},
    }
    last = call.world.last_job(call.sandbox, dataset.dataset_id)
    if last is not None:
        seen = state(last.plan, call.now_ms)
        batch_id = call.world.batch_ids.of(last.job_id, 0)
        answer |= {
            "updated": max(answer["updated"], seen.updated_ms),
            "lastBatchId": batch_id,
            "lastBatchStatus": seen.batch_status,
        }
        if seen.batch_status == "success":
            answer["lastSuccessfulBatch"] = batch_id
    return answer


def _get_batch(call: Call) -> Response:
    batch = find_batch(call.world, call.sandbox, call.path("batch_id"), now_ms=call.now_ms)
    if batch is None:
        raise placeholder(404, "NotFoundError", "Batch not found.")
    return json_answer({batch.batch_id: chosen(call, _batch(call, batch))})


def _list_batches(call: Call) -> Response:
    asked = window(call)
    skip, page = asked.start, dict[str, Any]()
    for batch in _batches(call):
        if skip > 0:
            skip -= 1
            continue
        page[batch.batch_id] = chosen(call, _batch(call, batch))
        if len(page) >= asked.limit:
            break
    return json_answer(page)


def _batches(call: Call) -> Iterator[Batch]:
    """Walk the batches that pass the filters, newest first, over a bounded number of jobs."""
    shelf = call.sandbox.shelf
    before, after = _time(call, "createdBefore"), _time(call, "createdAfter")
    below = len(shelf) if before is None else shelf.older_than((before - BATCH_DELAY_MS, 0))
    datasets, statuses = _words(call, "dataSet"), _words(call, "status")
    wanted = _words(call, "batch")
    walk = batches_below(call.world, call.sandbox, below, now_ms=call.now_ms)
    for batch in islice(walk, _BATCH_SCAN):
        if after is not None and batch.created_ms <= after:
            return
        if datasets and batch.dataset_id not in datasets:
            continue
        if statuses and batch.status not in statuses:
            continue
        if not wanted or batch.batch_id in wanted:
            yield batch


def _words(call: Call, name: str) -> set[str]:
    return set((call.query(name) or "").split(",")) - {""}


def _time(call: Call, name: str) -> int | None:
    text = call.query(name)
    if text is None:
        return None
    if not _EPOCH_MS.fullmatch(text):
        raise placeholder(400, "BadRequestError", f"The value of {name} must be a time in epoch milliseconds")
    return int(text)


def _batch(call: Call, batch: Batch) -> dict[str, Any]:
    user = f"{call.credentials.client_id}@AdobeID"
    answer: dict[str, Any] = {
        "imsOrg": call.credentials.org_id,
        "sandboxId": call.sandbox.sandbox_id,
        "status": batch.status,
        "version": "1.0.4",
        "created": batch.created_ms,
        "updated": batch.updated_ms,
        "createdClient": "acp_core_unifiedProfile_feeds",
        "createdUser": user,
        "updatedUser": user,
        "relatedObjects": [{"type": "dataSet", "id": batch.dataset_id}],
        "metrics": {},
        "errors": [{"code": one["code"], "description": one["msg"]} for one in batch.errors],
        "availableDates": {},
        "tags": {},
        "inputFormat": {"format": "parquet"},
    }
    if batch.started_ms is not None:
        answer["started"] = batch.started_ms
        answer["metrics"] = {"startTime": batch.started_ms}
    if batch.completed_ms is not None:
        answer["completed"] = batch.completed_ms
        answer["metrics"] |= {
            "endTime": batch.completed_ms,
            "recordsRead": batch.rows,
            "recordsWritten": batch.rows,
            "recordsFailed": 0,
        }
    return answer

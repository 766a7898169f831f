"""Owns the Catalog calls on datasets and on their last batches (API reference 3.1 to 3.4)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui_app.emulator.answers import json_answer, parse_json, placeholder
from tui_app.emulator.chance import Chance
from tui_app.emulator.services.catalog_batches import status_word
from tui_app.emulator.services.catalog_query import Kind, bad, chosen, filters, in_order, order, properties, window
from tui_app.emulator.services.dataset_rules import (
    LARGEST_BODY,
    WRITABLE,
    change_fault,
    dataset_fault,
    merged,
    patch_fault,
    patched,
    reserved_tag,
)
from tui_app.emulator.world.datasets import DAY_MS, SYSTEM_CLIENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from tui_app.emulator.gateway import Call
    from tui_app.emulator.world.datasets import Dataset
    from tui_app.emulator.world.ledger import DatasetBatches

_PATH = "/data/foundation/catalog/dataSets"
_TABLE, _TABLE_FORMAT = "adobe/pqs/table", "adobe/siphon/table/format"
_TABLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,127}")
_ROW_BYTES = 240  # an estimate: Catalog's own figure is one of a while ago, too
_AT_ONCE = 200  # datasets that a list looks at before others may run
_OLD_DAYS = 250  # what was made before refers to its files through a view
_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(
        (
            "name",
            "description",
            "version",
            "imsOrg",
            "sandboxId",
            "createdClient",
            "createdUser",
            "updatedUser",
            "viewId",
            "files",
            "lastBatchId",
            "lastBatchStatus",
            "lastSuccessfulBatch",
            "lastFailedBatch",
        ),
        "text",
    ),
    **dict.fromkeys(("created", "updated", "dataSourceId"), "integer"),
    "enableErrorDiagnostics": "boolean",
}
_LAST_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("lastBatchId", "lastBatchStatus", "lastSuccessfulBatchId", "lastFailedBatchId"), "text"),
    **dict.fromkeys(("created", "updated"), "integer"),
}
_JSON, _PATCH = "application/json", "application/json-patch+json"
_MORE = tuple(name for name in WRITABLE if name not in {"name", "description", "schemaRef", "fileDescription", "tags"})


class Datasets:
    """Datasets as Catalog shows and changes them; what their batches tell comes from the sandbox's ledger."""

    async def page(self, call: Call) -> Response:
        """Answer with a page of datasets, newest first unless `orderBy` says otherwise."""
        asked, keys, conditions = window(call), order(call), filters(call, _FIELDS)
        datasets = dict(call.sandbox.datasets)  # others may change them while this one waits
        batches = await call.world.ledger(call.sandbox).by_dataset(datasets, now_ms=call.now_ms)
        found: list[tuple[str, dict[str, Any]]] = []
        for place, (dataset_id, one) in enumerate(datasets.items(), start=1):
            answer = _answer(call, one, batches.get(dataset_id))
            if all(condition.passes(answer) for condition in conditions):
                found.append((dataset_id, answer))
            if place % _AT_ONCE == 0:
                await call.world.clock.sleep(0)
        found = in_order(found, keys, lambda one, name: one[1].get(name))
        return _page(call, found[asked.start : asked.start + asked.limit])

    async def last_batches(self, call: Call) -> Response:
        """Answer with the last batch of each dataset that has one; `dataSetId=a,b` filters."""
        asked, keys, conditions = window(call), order(call), filters(call, _LAST_FIELDS)
        wanted = {one for one in (call.query("dataSetId") or "").split(",") if one}
        datasets = {one for one in call.sandbox.datasets if not wanted or one in wanted}
        batches = await call.world.ledger(call.sandbox).by_dataset(datasets, now_ms=call.now_ms)
        found = [(dataset_id, _last(call, one)) for dataset_id, one in batches.items()]
        found = [one for one in found if all(condition.passes(one[1]) for condition in conditions)]
        found = in_order(found, keys, lambda one, name: one[1].get(name))
        return _page(call, found[asked.start : asked.start + asked.limit])

    async def one(self, call: Call) -> Response:
        """Answer with one dataset, its version in `ETag`."""
        dataset = _found(call)
        batches = await call.world.ledger(call.sandbox).by_dataset({dataset.dataset_id}, now_ms=call.now_ms)
        answer = _answer(call, dataset, batches.get(dataset.dataset_id))
        return json_answer({dataset.dataset_id: chosen(answer, properties(call))}, headers={"ETag": answer["version"]})

    def create(self, call: Call) -> Response:
        """Make a dataset; two may have one name: no document of the service says that names are unique."""
        body = _body(call, _JSON)
        fault = dataset_fault(body)
        if fault:
            raise bad(fault)
        _refuse_reserved(body.get("tags") or {}, {})
        wants_source = _flag(call, "requestDataSource")
        if _only_validates(call):
            return json_answer([])
        more = {name: body[name] for name in _MORE if body.get(name) is not None}
        if wants_source:
            chance = Chance(call.world.seed, "data-source", call.now_ms, body["name"])
            more["dataSourceId"] = chance.between(100_000, 999_999)
        dataset = call.world.create_dataset(
            call.sandbox, body, client=call.client.client_id, user=_user(call), more=more
        )
        return json_answer(_reference(call, dataset), status=201, headers={"Location": f"{_PATH}/{dataset.dataset_id}"})

    def put(self, call: Call) -> Response:
        """Replace all that a client may set of a dataset."""
        dataset = _found(call)
        body = _body(call, _JSON)
        fault = dataset_fault(body)
        if fault:
            raise bad(fault)
        return _save(call, dataset, {name: body.get(name) for name in WRITABLE})

    def patch(self, call: Call) -> Response:
        """Change the fields that the body names, or carry out a JSON Patch if its content type says that it is one."""
        dataset = _found(call)
        before = _document(call, dataset)
        if _content_type(call) == _PATCH:
            operations = _body(call, _PATCH)
            fault = patch_fault(operations)
            after = _patched(before, operations) if not fault else {}
            fault = fault or dataset_fault(after)
        else:
            body = _body(call, _JSON)
            fault = change_fault(body)
            after = before | body if not fault else {}
        if fault:
            raise bad(fault)
        return _save(call, dataset, after)

    def patch_deeply(self, call: Call) -> Response:
        """Change fields within objects too, making the objects between that are missing (v2).

        The tag `adobe/pqs/table` renames the table, as this call's schema has it; elsewhere it is refused.
        """
        dataset = _found(call)
        body = _body(call, _JSON)
        fault = change_fault(body)
        after = merged(_document(call, dataset), body) if not fault else {}
        if fault:
            raise bad(fault)
        named = (body.get("tags") or {}).get(_TABLE)
        if named is not None and _has_table(call, dataset):
            dataset = replace(dataset, table=_free_table(call, dataset, named))
        return _save(call, dataset, after)

    def delete(self, call: Call) -> Response:
        """Delete a dataset and what queries wrote into it; its jobs and their batches stay."""
        dataset = _found(call)
        call.world.delete_dataset(call.sandbox, dataset.dataset_id)
        written = call.sandbox.written_batches
        for batch_id in [key for key, one in written.items() if one.dataset_id == dataset.dataset_id]:
            del written[batch_id]
            call.platform.files.drop(batch_id)
        return json_answer(_reference(call, dataset))


def _page(call: Call, found: Sequence[tuple[str, dict[str, Any]]]) -> Response:
    shown = properties(call)
    return json_answer({dataset_id: chosen(answer, shown) for dataset_id, answer in found})


def _found(call: Call) -> Dataset:
    dataset = call.sandbox.datasets.get(call.path("dataset_id"))
    if dataset is None:
        raise placeholder(404, "NotFoundError", "DataSet not found.")
    return dataset


def _content_type(call: Call) -> str:
    return call.request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _body(call: Call, content_type: str) -> Any:
    if _content_type(call) != content_type:
        raise bad("A valid content-type must be specified")
    if len(call.body) > LARGEST_BODY:
        raise bad(f"The request body is larger than {LARGEST_BODY} bytes.")
    try:
        return parse_json(call.body)
    except ValueError:
        raise bad("The request body is not readable JSON.") from None


def _flag(call: Call, name: str) -> bool:
    text = (call.query(name) or "false").lower()
    if text not in {"true", "false"}:
        raise bad(f"The value of {name} must be true or false")
    return text == "true"


def _only_validates(call: Call) -> bool:
    return call.request.headers.get("pragma", "").strip().lower() == "validate-only"


def _user(call: Call) -> str:
    return f"{call.client.client_id}@techacct.example.com"


def _reference(call: Call, dataset: Dataset) -> list[str]:
    return [f"{call.dialect.dataset_reference}{dataset.dataset_id}"]


def _refuse_reserved(tags: dict[str, Any], shown: dict[str, list[str]]) -> None:
    tag = reserved_tag(tags, shown)
    if tag is not None:
        detail = f"Not permitted to create or modify tags for namespace({tag[:80]})."
        raise placeholder(403, "ForbiddenError", detail)


def _check_version(call: Call, dataset: Dataset) -> None:
    """Refuse a change of another version than the caller knows: `If-Match` holds versions, or times of update.

    The guide says version, CAT-OAS the date of the update; either is taken, quoted or not.
    """
    known = {_version(call, dataset), str(_updated(call, dataset)), "*"}
    for header, is_wanted in (("if-match", True), ("if-none-match", False)):
        text = call.request.headers.get(header)
        if text is None:
            continue
        named = {one.strip().removeprefix("W/").strip('"') for one in text.split(",")}
        if known.isdisjoint(named) is is_wanted:
            raise placeholder(412, "PreconditionFailedError", "The version of the object is not the one expected.")


def _document(call: Call, dataset: Dataset) -> dict[str, Any]:
    """Return what a client may change of a dataset, as it stands."""
    return {
        "name": dataset.name,
        "description": dataset.description,
        "schemaRef": dict(dataset.schema) or None,
        "fileDescription": dict(dataset.file_description) or None,
        "tags": _tags(call, dataset),
        **dataset.more,
    }


def _save(call: Call, dataset: Dataset, after: dict[str, Any]) -> Response:
    _check_version(call, dataset)
    shown = _tags(call, dataset)
    tags = after.get("tags") or {}
    _refuse_reserved(tags, shown)
    if not _only_validates(call):
        call.sandbox.datasets[dataset.dataset_id] = replace(
            dataset,
            name=after["name"],
            description=after.get("description") or "",
            schema=after.get("schemaRef") or {},
            file_description=after.get("fileDescription") or {},
            tags={tag: values for tag, values in tags.items() if not tag.startswith("adobe/")},
            more={name: after[name] for name in _MORE if after.get(name) is not None},
            table=dataset.table_name,  # a table keeps its name
            changes=dataset.changes + 1,
            changed_ms=call.now_ms,
            changed_by=_user(call),
        )
    return json_answer(_reference(call, dataset))


def _free_table(call: Call, dataset: Dataset, named: list[str]) -> str:
    """Return the table name that a tag asks for; refuse what Query Service could not use, and what another has."""
    if len(named) != 1 or not _TABLE_NAME.fullmatch(named[0]):
        raise bad(f"The tag {_TABLE} must hold one name of lower-case letters, digits and underscores.")
    others = (one for one in call.sandbox.datasets.values() if one.dataset_id != dataset.dataset_id)
    if any(one.table_name == named[0] for one in others):
        raise bad(f"Another dataset has the table {named[0]}.")
    return named[0]


def _patched(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        return patched(document, operations)
    except ValueError as error:
        raise bad(str(error)) from None


def _has_table(call: Call, dataset: Dataset) -> bool:
    return call.now_ms >= dataset.table_ms


def _tags(call: Call, dataset: Dataset) -> dict[str, list[str]]:
    """Return the tags that are shown; the platform's own come a while after the creation."""
    own = {_TABLE: [dataset.table_name], _TABLE_FORMAT: ["parquet"]} if _has_table(call, dataset) else {}
    return {**dataset.tags, **own}


def _version(call: Call, dataset: Dataset) -> str:
    return f"1.0.{dataset.changes + _has_table(call, dataset)}"


def _updated(call: Call, dataset: Dataset) -> int:
    named = dataset.table_ms if _has_table(call, dataset) else 0
    return max(dataset.created_ms, named, dataset.changed_ms)


def _answer(call: Call, dataset: Dataset, batches: DatasetBatches | None) -> dict[str, Any]:
    """Return the dataset object of API reference 3.2."""
    user = dataset.user or f"{call.credentials.client_id}@techacct.example.com"
    view_files = f"@/dataSets/{dataset.dataset_id}/views/{dataset.view_id}/files"
    is_old = dataset.created_ms < call.world.started_ms - _OLD_DAYS * DAY_MS
    answer: dict[str, Any] = {
        "name": dataset.name,
        "description": dataset.description,
        "version": _version(call, dataset),
        "imsOrg": call.credentials.org_id,
        "sandboxId": call.sandbox.sandbox_id,
        "created": dataset.created_ms,
        "updated": _updated(call, dataset),
        "createdClient": dataset.client,
        "createdUser": user,
        "updatedUser": dataset.changed_by or user,
        "schemaRef": dict(dataset.schema),
        "fileDescription": dict(dataset.file_description),
        "tags": _tags(call, dataset),
        "viewId": dataset.view_id,
        "files": view_files if is_old else f"@/dataSetFiles?dataSetId={dataset.dataset_id}",
        "classification": {
            "dataBehavior": "time-series" if dataset.is_series else "record",
            "managedBy": "SYSTEM" if dataset.client == SYSTEM_CLIENT else "CUSTOMER",
        },
        "observableSchema": {},
        **dataset.more,
    }
    for name in ("schemaRef", "fileDescription"):
        if not answer[name]:
            del answer[name]
    if dataset.on_union or batches is not None:
        answer["extensions"] = _extensions(dataset, batches)
    if batches is not None and batches.last is not None:
        answer["updated"] = max(answer["updated"], batches.last.updated_ms)
        answer["lastBatchId"] = batches.last.batch_id
        answer["lastBatchStatus"] = status_word(call.dialect, batches.last.status)
        if batches.last_good is not None:
            answer["lastSuccessfulBatch"] = batches.last_good.batch_id
        if batches.last_failed is not None:
            answer["lastFailedBatch"] = batches.last_failed.batch_id
    return answer


def _extensions(dataset: Dataset, batches: DatasetBatches | None) -> dict[str, Any]:
    rows = batches.rows if batches is not None else 0
    metrics = {"adobe_lakeHouse": {"metrics": {"rowCount": rows, "storageSize": rows * _ROW_BYTES}}}
    return merged(dict(dataset.more.get("extensions") or {}), metrics)


def _last(call: Call, batches: DatasetBatches) -> dict[str, Any]:
    last = batches.last
    assert last is not None
    answer: dict[str, Any] = {
        "lastBatchId": last.batch_id,
        "lastBatchStatus": status_word(call.dialect, last.status),
        "imsOrg": call.credentials.org_id,
        "sandboxId": call.sandbox.sandbox_id,
        "created": last.created_ms,
        "updated": last.updated_ms,
    }
    if batches.last_good is not None:
        answer["lastSuccessfulBatchId"] = batches.last_good.batch_id
    if batches.last_failed is not None:
        answer["lastFailedBatchId"] = batches.last_failed.batch_id
    return answer

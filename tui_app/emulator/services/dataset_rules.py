"""Owns the rules of dataset bodies: which ones Catalog refuses and in what words, and how a JSON Patch is applied."""

from __future__ import annotations

import copy
import re
from typing import Any

LARGEST_BODY = 65_536  # Catalog publishes none; more would make every list of datasets heavy
_MOST_OPERATIONS = 100
_OPERATIONS = ("add", "replace", "remove", "test")
_FORMATS = ("", "csv", "text", "parquet", "json", "sequencefile", "avro")
_CHARSETS = ("US-ASCII", "UTF-8", "ISO-8859-1", "")
_OBJECTS = (
    "schemaRef",
    "fileDescription",
    "tags",
    "observableSchema",
    "extensions",
    "classification",
    "dule",
    "statsCache",
)
_TEXT_LISTS = ("unifiedTags", "systemLabels")
_TTL = re.compile(r"P(?=[0-9])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?")
WRITABLE = (
    "name",
    "description",
    "schemaRef",
    "fileDescription",
    "tags",
    "observableSchema",
    "extensions",
    "classification",
    "enableErrorDiagnostics",
    "dataSourceId",
    *_TEXT_LISTS,
)
"""What a client may set; every other property of a body is ignored."""


def dataset_fault(body: object) -> str | None:
    """Return what is wrong with a body of `POST` or `PUT /dataSets`, or None (API reference 3.1)."""
    if not isinstance(body, dict):
        return "The request body must be a JSON object."
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        return "A dataset needs a name."
    return change_fault(body)


def change_fault(body: object) -> str | None:
    """Return what is wrong with the fields of a dataset that a body names, or None; it need not name all."""
    if not isinstance(body, dict):
        return "The request body must be a JSON object."
    if "name" in body and (not isinstance(body["name"], str) or not body["name"].strip()):
        return "The name must be a string that is not empty."
    if not isinstance(body.get("description") or "", str):
        return "The description must be a string."
    for key in _OBJECTS:
        if body.get(key) is not None and not isinstance(body[key], dict):
            return f"The value of {key} must be an object."
    return (
        _plain_fault(body)
        or _schema_fault(body.get("schemaRef"))
        or _file_fault(body.get("fileDescription") or {})
        or _tag_fault(body.get("tags") or {})
        or _extension_fault(body)
    )


def _plain_fault(body: dict[str, Any]) -> str | None:
    if not isinstance(body.get("enableErrorDiagnostics") or False, bool):
        return "The value of enableErrorDiagnostics must be a boolean."
    source = body.get("dataSourceId")
    if source is not None and (isinstance(source, bool) or not isinstance(source, int)):
        return "The value of dataSourceId must be an integer."
    for key in _TEXT_LISTS:
        if body.get(key) is not None and not _is_text_list(body[key]):
            return f"The value of {key} must be a list of strings."
    return None


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _schema_fault(schema: dict[str, Any] | None) -> str | None:
    if schema is None or all(isinstance(schema.get(key), str) and schema[key] for key in ("id", "contentType")):
        return None
    return "The schemaRef needs the strings id and contentType."


def _file_fault(found: dict[str, Any]) -> str | None:
    if found.get("format", "") not in _FORMATS:
        return f"The fileDescription's format must be one of {', '.join(filter(None, _FORMATS))}."
    if found.get("charset", "") not in _CHARSETS:
        return f"The fileDescription's charset must be one of {', '.join(filter(None, _CHARSETS))}."
    for key in ("persisted", "header"):
        if not isinstance(found.get(key, False), bool):
            return f"The fileDescription's {key} must be a boolean."
    return next(
        (
            f"The fileDescription's {key} must be a list of strings."
            for key in ("delimiters", "quotes", "escapes", "nullMarkers")
            if key in found and not _is_text_list(found[key])
        ),
        None,
    )


def _tag_fault(tags: dict[str, Any]) -> str | None:
    return next(
        (f"The tag {tag[:60]} must be a list of strings." for tag in tags if not _is_text_list(tags[tag])), None
    )


def _extension_fault(body: dict[str, Any]) -> str | None:
    lake = (body.get("extensions") or {}).get("adobe_lakeHouse", {})
    expiry = lake.get("rowExpiration", {}) if isinstance(lake, dict) else None
    if expiry is None or not isinstance(expiry, dict):
        return "The extension adobe_lakeHouse and its rowExpiration must be objects."
    ttl = expiry.get("ttlValue", "P1D")
    if not isinstance(ttl, str) or not _TTL.fullmatch(ttl):
        return "The ttlValue of rowExpiration must be an ISO 8601 duration, such as P3M."
    behaviour = (body.get("classification") or {}).get("dataBehavior", "record")
    if not isinstance(behaviour, str):
        return "The classification's dataBehavior must be a string."
    return None


def reserved_tag(tags: dict[str, Any], shown: dict[str, list[str]]) -> str | None:
    """Return the first tag of Adobe's namespace that is not as it is shown now; only the platform may set one."""
    return next((tag for tag in tags if tag.startswith("adobe/") and tags[tag] != shown.get(tag)), None)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return `old` with the values of `new`, objects within objects field by field (v2 of the update)."""
    answer = dict(old)
    for key, value in new.items():
        inner = answer.get(key)
        answer[key] = merged(inner if isinstance(inner, dict) else {}, value) if isinstance(value, dict) else value
    return answer


def patch_fault(operations: object) -> str | None:
    """Return what is wrong with the shape of a JSON Patch, or None."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        return "The request body must be a JSON array of operations."
    return None if len(operations) <= _MOST_OPERATIONS else f"A patch has {_MOST_OPERATIONS} operations at most."


def patched(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the document after the operations of a JSON Patch: add, replace, remove and test (RFC 6902).

    Raises:
        ValueError: what is wrong with the first operation that cannot be carried out; then none is.
    """
    answer: dict[str, Any] = copy.deepcopy(document)
    for number, operation in enumerate(operations):
        try:
            _apply(answer, operation)
        except ValueError as error:
            raise ValueError(f"Operation {number} cannot be carried out: {error}") from None
    return answer


def _apply(document: dict[str, Any], operation: dict[str, Any]) -> None:
    kind, path = operation.get("op"), operation.get("path")
    if not isinstance(kind, str) or kind not in _OPERATIONS:
        raise ValueError("op must be add, replace, remove or test")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError("path must begin with / and name a field")
    if kind != "remove" and "value" not in operation:
        raise ValueError("it needs a value")
    holder: Any = document
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    for part in parents:
        holder = _inner(holder, part)
    value = copy.deepcopy(operation.get("value"))
    if isinstance(holder, list):
        _change_list(holder, last, kind, value)
        return
    if not isinstance(holder, dict) or (kind != "add" and last not in holder):
        raise ValueError("there is nothing at its path")
    if kind == "remove":
        del holder[last]
    elif kind == "test":
        _check(holder[last], value)
    else:
        holder[last] = value


def _inner(holder: object, part: str) -> object:
    if isinstance(holder, dict) and part in holder:
        return holder[part]
    if isinstance(holder, list):
        return holder[_place(part, len(holder) - 1)]
    raise ValueError("there is nothing at its path")


def _change_list(holder: list[Any], last: str, kind: str, value: object) -> None:
    if kind == "add":
        holder.insert(len(holder) if last == "-" else _place(last, len(holder)), value)
        return
    place = _place(last, len(holder) - 1)
    if kind == "remove":
        del holder[place]
    elif kind == "test":
        _check(holder[place], value)
    else:
        holder[place] = value


def _place(text: str, most: int) -> int:
    if not re.fullmatch("0|[1-9][0-9]{0,5}", text) or int(text) > most:
        raise ValueError("there is nothing at its path")
    return int(text)


def _check(actual: object, wanted: object) -> None:
    if actual != wanted or isinstance(actual, bool) is not isinstance(wanted, bool):
        raise ValueError("the test fails")

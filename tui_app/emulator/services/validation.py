"""Owns the rules of the create calls: which bodies the export and Catalog services refuse, and in what words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

SEGMENT_STATUSES = ("realized", "existing", "exited")
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def rfc3339(value: object) -> datetime | None:
    """Read an RFC 3339 time with its offset; None when it is not one. A leap second counts as the one before."""
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, minute, second, fraction, zone = match.groups()
    second = "59" if second == "60" else second
    offset = "+00:00" if zone in {"Z", "z"} else zone
    try:
        return datetime.fromisoformat(f"{day}T{minute}:{second}{(fraction or '')[:7]}{offset}")
    except ValueError:
        return None


class JobRules:
    """The faults of one body of `POST /export/jobs` (API reference 2.2); unknown keys are ignored."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def check(self, body: object) -> list[str]:
        """Return a message for each fault; none means that the body is good."""
        if not isinstance(body, dict):
            return ["The request body must be a JSON object"]
        self._text(body, "fields", "fields")
        self._merge_policy(self._object(body, "mergePolicy", "mergePolicy"))
        self._filter(self._object(body, "filter", "filter"))
        self._events(self._object(body, "additionalFields", "additionalFields"))
        destination = self._object(body, "destination", "destination", required=True)
        self._text(destination, "datasetId", "destination.datasetId", required=True)
        self._flag(destination, "segmentPerBatch", "destination.segmentPerBatch")
        schema = self._object(body, "schema", "schema", required=True)
        self._text(schema, "name", "schema.name", required=True)
        evaluation = self._object(body, "evaluationInfo", "evaluationInfo")
        self._flag(evaluation, "segmentation", "evaluationInfo.segmentation")
        return self.faults

    def _merge_policy(self, policy: dict[str, Any] | None) -> None:
        self._text(policy, "id", "mergePolicy.id", required=True)
        version = policy.get("version") if policy else None
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            self.faults.append("Field mergePolicy.version must be an integer")

    def _filter(self, found: dict[str, Any] | None) -> None:
        if found is None:
            return
        self._segments(found.get("segments"))
        window = self._object(found, "segmentQualificationTime", "filter.segmentQualificationTime")
        self._window(window, "startTime", "endTime", "filter.segmentQualificationTime")
        self._time(found, "fromIngestTimestamp", "filter.fromIngestTimestamp")
        self._flag(found, "emptyProfiles", "filter.emptyProfiles")

    def _segments(self, segments: object) -> None:
        if segments is None:
            return
        if not isinstance(segments, list):
            self.faults.append("Field filter.segments must be an array")
            return
        for index, segment in enumerate(segments):
            where = f"filter.segments[{index}]"
            if not isinstance(segment, dict):
                self.faults.append(f"Field {where} must be an object")
                continue
            self._text(segment, "segmentId", f"{where}.segmentId", required=True)
            self._text(segment, "segmentNs", f"{where}.segmentNs")
            self._statuses(segment.get("status"), f"{where}.status")

    def _statuses(self, statuses: object, where: str) -> None:
        if statuses is None:
            return
        if not isinstance(statuses, list):
            self.faults.append(f"Field {where} must be an array")
            return
        for status in statuses:
            if status not in SEGMENT_STATUSES:
                self.faults.append(
                    f"Field {where} has the unknown value {_shown(status)}; possible values are "
                    + ", ".join(SEGMENT_STATUSES)
                )

    def _events(self, found: dict[str, Any] | None) -> None:
        events = self._object(found, "eventList", "additionalFields.eventList")
        self._text(events, "fields", "additionalFields.eventList.fields")
        where = "additionalFields.eventList.filter"
        self._window(self._object(events, "filter", where), "fromIngestTimestamp", "toIngestTimestamp", where)

    def _window(self, found: dict[str, Any] | None, start: str, end: str, where: str) -> None:
        first = self._time(found, start, f"{where}.{start}")
        last = self._time(found, end, f"{where}.{end}")
        if first is not None and last is not None and last < first:
            self.faults.append(f"Field {where}.{end} must not be before {start}")

    def _object(
        self, holder: dict[str, Any] | None, key: str, where: str, *, required: bool = False
    ) -> dict[str, Any] | None:
        value = holder.get(key) if holder is not None else None
        if value is None:
            if required and holder is not None:
                self.faults.append(f"Missing required field {where}")
            return None
        if not isinstance(value, dict):
            self.faults.append(f"Field {where} must be an object")
            return None
        return value

    def _text(self, holder: dict[str, Any] | None, key: str, where: str, *, required: bool = False) -> None:
        if holder is None:
            return
        value = holder.get(key)
        if value is None or (required and value == ""):
            if required:
                self.faults.append(f"Missing required field {where}")
        elif not isinstance(value, str):
            self.faults.append(f"Field {where} must be a string")

    def _flag(self, holder: dict[str, Any] | None, key: str, where: str) -> None:
        value = holder.get(key) if holder is not None else None
        if value is not None and not isinstance(value, bool):
            self.faults.append(f"Field {where} must be a boolean, not {_shown(value)}")

    def _time(self, holder: dict[str, Any] | None, key: str, where: str) -> datetime | None:
        value = holder.get(key) if holder is not None else None
        if value is None:
            return None
        moment = rfc3339(value)
        if moment is None:
            self.faults.append(f"Field {where} is not an RFC 3339 timestamp: {_shown(value)}")
        return moment


def _shown(value: object) -> str:
    return repr(value)[:60]


def dataset_fault(body: object) -> str | None:
    """Return what is wrong with a body of `POST /dataSets`, or None (API reference 3.1)."""
    if not isinstance(body, dict):
        return "The request body must be a JSON object."
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        return "A dataset needs a name."
    if not isinstance(body.get("description") or "", str):
        return "The description must be a string."
    for key in ("schemaRef", "fileDescription", "tags"):
        if body.get(key) is not None and not isinstance(body[key], dict):
            return f"The value of {key} must be an object."
    return _schema_fault(body.get("schemaRef")) or _tag_fault(body.get("tags") or {})


def _schema_fault(schema: dict[str, Any] | None) -> str | None:
    if schema is None or all(isinstance(schema.get(key), str) for key in ("id", "contentType")):
        return None
    return "The schemaRef needs the strings id and contentType."


def _tag_fault(tags: dict[str, Any]) -> str | None:
    for tag, values in tags.items():
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            return f"The tag {tag[:60]} must be a list of strings."
    return None

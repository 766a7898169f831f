"""Owns the rules for asking for an export: which bodies the service refuses, in what words, and what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_app.emulator.world.times import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

SEGMENT_STATUSES = ("realized", "existing", "exited")
_LARGEST_VERSION = 2**31 - 1
_MOST_SEGMENTS = 1_000  # no document names a limit; every page that shows the job holds all of them
_MOST_FAULTS = 100


class JobRules:
    """The faults of one body of `POST /export/jobs` (API reference 2.2); unknown keys are ignored."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def check(self, body: object) -> list[str]:
        """Return a message for each fault, from the hundredth on only how many; none means that the body is good."""
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
        more = len(self.faults) - _MOST_FAULTS
        return [*self.faults[:_MOST_FAULTS], f"And {more} more faults"] if more > 0 else self.faults

    def _merge_policy(self, policy: dict[str, Any] | None) -> None:
        self._text(policy, "id", "mergePolicy.id", required=True)
        version = policy.get("version") if policy else None
        is_number = isinstance(version, int | float) and not isinstance(version, bool)
        # SEG-OAS types it as a number and gives 1.0 as its example.
        if version is not None and not (is_number and version == version // 1 and 0 < version <= _LARGEST_VERSION):
            self.faults.append("Field mergePolicy.version must be a positive integer")

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
        if len(segments) > _MOST_SEGMENTS:
            self.faults.append(f"Field filter.segments must not have more than {_MOST_SEGMENTS} elements")
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
        if value is None or (required and isinstance(value, str) and not value.strip()):
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


_KNOWN: dict[str, Any] = {
    "fields": None,
    "mergePolicy": {"id": None, "version": None},
    "filter": {
        "segments": [{"segmentId": None, "segmentNs": None, "status": None}],
        "segmentQualificationTime": {"startTime": None, "endTime": None},
        "fromIngestTimestamp": None,
        "emptyProfiles": None,
    },
    "additionalFields": {
        "eventList": {"fields": None, "filter": {"fromIngestTimestamp": None, "toIngestTimestamp": None}}
    },
    "destination": {"datasetId": None, "segmentPerBatch": None},
    "schema": {"name": None},
    "evaluationInfo": {"segmentation": None},
}


def known_parts(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a good body says in words that the service knows (API reference 2.2), without keys that are null."""
    known: dict[str, Any] = _known(body, _KNOWN)
    policy = known.get("mergePolicy")
    if policy and "version" in policy:
        policy["version"] = int(policy["version"])
    return known


def _known(value: Any, shape: Any) -> Any:
    if isinstance(shape, list):
        return [_known(one, shape[0]) for one in value]
    if not isinstance(shape, dict):
        return value
    return {key: _known(value[key], inner) for key, inner in shape.items() if value.get(key) is not None}


def _shown(value: object) -> str:
    return repr(value)[:60]

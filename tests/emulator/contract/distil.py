"""Distils the published OpenAPI files into operations.json: `python -m tests.emulator.contract.distil FOLDER`.

The folder holds the files of github AdobeDocs/experience-platform-apis, `static/swagger-specs`, as of 16c60cd
(2026-06-11; API reference 0): catalog, data-access, profile, query-service, sandbox, schema-registry, segmentation.
What is kept are facts: method, path, query parameters, statuses, the headers of good answers, and of all bodies the
types, properties, required names, enumerations and nullability. Descriptions, examples and all other prose stay behind.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import yaml

OPERATIONS: Final = Path(__file__).with_name("operations.json")
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
_KEPT: Final = ("type", "required", "enum")
_COMBINED: Final = ("allOf", "oneOf", "anyOf")
_SAMPLE_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{20,}")

# File -> where its paths begin on the platform, and which of them the emulator serves.
_SERVED: Final = {
    "segmentation": (
        "/data/core/ups",
        r"/(export/jobs|segment/(definitions|jobs)|audiences|config/schedules)(/.*)?",
    ),
    "profile": ("/data/core", r"/ups/config/mergePolicies(/.*)?"),
    "catalog": ("/data/foundation/catalog", r"/(dataSets|batches|lastBatches|dataSetFiles)(/.*)?|/v2/dataSets(/.*)?"),
    "data-access": ("/data/foundation/export", r"/.*"),
    "sandbox": ("/data/foundation", r"/sandbox-management/.*"),
    "schema-registry": ("/data/foundation/schemaregistry", r"/stats|/(tenant|\{CONTAINER_ID\})/(unions|schemas)(/.*)?"),
    "query-service": ("/data/foundation/query", r"/connection_parameters|/queries(/.*)?"),
}


def distil(folder: Path) -> dict[str, Any]:
    """Return what operations.json holds: the operations, and the named schemas that their bodies refer to."""
    operations: list[dict[str, Any]] = []
    schemas: dict[str, Any] = {}
    for name, (base, served) in _SERVED.items():
        book = _Book(name, yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8")))
        for path, item in book.document["paths"].items():
            if re.fullmatch(served, path):
                operations += [book.operation(base + path, method, item) for method in _METHODS if method in item]
        schemas |= book.reached
    return {"operations": operations, "schemas": schemas}


class _Book:
    """One OpenAPI file, and those of its named schemas that have been met."""

    def __init__(self, name: str, document: dict[str, Any]) -> None:
        self.name = name
        self.document = document
        self.reached: dict[str, Any] = {}

    def operation(self, path: str, method: str, item: dict[str, Any]) -> dict[str, Any]:
        told = item[method]
        parameters = [self._follow(one) for one in [*item.get("parameters", ()), *told.get("parameters", ())]]
        answers = {str(status): answer for status, answer in told["responses"].items()}
        headers = {status: sorted(answer.get("headers") or ()) for status, answer in answers.items()}
        return {
            "method": method.upper(),
            "path": path,
            "query": sorted(one["name"] for one in parameters if one.get("in") == "query"),
            "statuses": sorted(answers),  # "default" stands for every other
            "bodies": {status: body for status, one in answers.items() if (body := self._body(one)) is not None},
            "headers": {status: names for status, names in headers.items() if names and status.startswith("2")},
        }

    def _body(self, response: dict[str, Any]) -> Any:
        response = self._follow(response)
        if "schema" in response:  # Swagger 2
            return self._facts(response["schema"])
        content = response.get("content") or {}
        told = next((value for name, value in content.items() if "json" in name or name == "*/*"), None)
        return None if told is None or "schema" not in told else self._facts(told["schema"])

    def _follow(self, thing: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in thing:
            thing = self._named(thing["$ref"])
        return thing

    def _named(self, reference: str) -> dict[str, Any]:
        found: Any = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert isinstance(found, dict)
        return found

    def _facts(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            key = f"{self.name}.{schema['$ref'].rpartition('/')[2]}"
            if key not in self.reached:
                self.reached[key] = None  # a schema may hold itself
                self.reached[key] = self._facts(self._named(schema["$ref"]))
            return {"$ref": f"#/schemas/{key}"}
        facts = {name: schema[name] for name in _KEPT if name in schema and not isinstance(schema[name], bool)}
        for name, inner in (schema.get("properties") or {}).items():
            if _SAMPLE_ID.fullmatch(name):  # some maps are written down with a sample's key
                facts["additionalProperties"] = self._facts(inner)
            else:
                facts.setdefault("properties", {})[name] = self._facts(inner)
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), dict):
                facts[name] = self._facts(schema[name])
        for name in _COMBINED:
            if isinstance(schema.get(name), list):
                facts[name] = [self._facts(one) for one in schema[name]]
        if schema.get("nullable") and isinstance(facts.get("type"), str):
            facts["type"] = [facts["type"], "null"]
            if "enum" in facts:
                facts["enum"] = [*facts["enum"], None]
        return facts


def write(distilled: dict[str, Any], path: Path) -> None:
    """Write one operation and one schema a line: compact, and a change shows in a diff."""
    lines = [json.dumps(one, separators=(",", ":"), sort_keys=True) for one in distilled["operations"]]
    named = [
        f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'), sort_keys=True)}"
        for name, one in sorted(distilled["schemas"].items())
    ]
    path.write_text(
        '{"operations":[\n' + ",\n".join(lines) + '\n],"schemas":{\n' + ",\n".join(named) + "\n}}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(distil(Path(sys.argv[1])), OPERATIONS)
    sys.stdout.write(f"{OPERATIONS}: {OPERATIONS.stat().st_size} bytes\n")

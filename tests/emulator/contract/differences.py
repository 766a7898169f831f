"""Owns the known differences: where the emulator does not do what a published document says, and why.

The contract tests hold the table in both directions: a difference that is not here fails, and so does an entry that is
no difference any more. README shows it (`python -m tests.readme`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.emulator.contract.published import CATALOG, EXPORT, QUERY, REGISTRY, SANDBOXES, UPS, operation_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVERY: Final = ("seed", "openapi", "newest")
_NOT_OPENAPI: Final = ("seed", "newest")
_MIXED: Final = ("mixed",)  # what no one document shows; each answer has these or not
_JOB: Final = f"{UPS}/export/jobs/{{EXPORT_JOB_ID}}"


@dataclass(frozen=True)
class Difference:
    """Where answers stray from their published schema, as `published.strayings` tells it, by worked call."""

    places: Mapping[str, tuple[str, ...]]
    reason: str
    dialects: tuple[str, ...] = EVERY


# Reason -> the operations that are published beside those that are served, but are not served themselves.
NOT_SERVED: Final[dict[str, tuple[str, ...]]] = {
    "Segments, audiences, schedules and merge policies are the ground that exports stand on; a client reads them": (
        f"POST {UPS}/segment/definitions",
        f"PATCH {UPS}/segment/definitions/{{SEGMENT_ID}}",
        f"DELETE {UPS}/segment/definitions/{{SEGMENT_ID}}",
        f"POST {UPS}/audiences",
        f"PUT {UPS}/audiences/{{AUDIENCE_ID}}",
        f"PATCH {UPS}/audiences/{{AUDIENCE_ID}}",
        f"DELETE {UPS}/audiences/{{AUDIENCE_ID}}",
        f"POST {UPS}/config/schedules",
        f"PATCH {UPS}/config/schedules/{{SCHEDULE_ID}}",
        f"DELETE {UPS}/config/schedules/{{SCHEDULE_ID}}",
        f"POST {UPS}/config/mergePolicies",
        f"PUT {UPS}/config/mergePolicies/{{mergePolicyId}}",
        f"PATCH {UPS}/config/mergePolicies/{{mergePolicyId}}",
        f"DELETE {UPS}/config/mergePolicies/{{mergePolicyId}}",
    ),
    "Batches come from export jobs and queries only: nothing is ingested": (
        f"POST {CATALOG}/batches",
        f"POST {CATALOG}/batches/{{BATCH_ID}}",
        f"PUT {CATALOG}/batches/{{BATCH_ID}}",
        f"PATCH {CATALOG}/batches/{{BATCH_ID}}",
        f"DELETE {CATALOG}/batches/{{BATCH_ID}}",
    ),
    "Storage credentials and the values that batches have are no part of exporting": (
        f"GET {CATALOG}/dataSets/{{id}}/credentials",
        f"GET {CATALOG}/batches/uniques/{{FIELD}}",
    ),
    "The sandboxes are what the seed made; nobody creates or resets one here": (
        f"POST {SANDBOXES}/sandboxes",
        f"PUT {SANDBOXES}/sandboxes/{{sandboxName}}",
        f"PATCH {SANDBOXES}/sandboxes/{{sandboxName}}",
        f"DELETE {SANDBOXES}/sandboxes/{{sandboxName}}",
    ),
    "Schemas are read to pick fields; changing one would change the data that past jobs wrote": (
        f"POST {REGISTRY}/tenant/schemas",
        f"PUT {REGISTRY}/tenant/schemas/{{SCHEMA_ID}}",
        f"PATCH {REGISTRY}/tenant/schemas/{{SCHEMA_ID}}",
        f"DELETE {REGISTRY}/tenant/schemas/{{SCHEMA_ID}}",
    ),
}

DIFFERENCES: Final[tuple[Difference, ...]] = (
    Difference(
        {f"DELETE {UPS}/export/jobs/{{EXPORT_JOB_ID}}": ("status 204",)},
        "The tutorial and the newest guide cancel with 204 and no body; the published file has 200 and a message",
        _NOT_OPENAPI,
    ),
    Difference(
        {
            f"GET {UPS}/export/jobs": ("/records/*/destination/batches is array",),
            f"GET {UPS}/export/jobs (last page)": ("/records/*/destination/batches is array",),
            f"GET {UPS}/export/jobs (filtered)": ("/records/*/destination/batches is array",),
            f"GET {UPS}/export/jobs/{{EXPORT_JOB_ID}} (failed)": ("/destination/batches is array",),
        },
        "Published as one object, but a job with a batch for each segment has several",
    ),
    Difference(
        {
            f"POST {UPS}/export/jobs": ("/destination/batches is array",),
            f"GET {UPS}/export/jobs/{{EXPORT_JOB_ID}} (asked for in full)": ("/destination/batches is array",),
        },
        "The tutorial's answer has an array; the published file has one object",
        _NOT_OPENAPI,
    ),
    Difference(
        {
            f"GET {UPS}/export/jobs": ("/records/*/status is none of the enumerated words",),
            f"GET {UPS}/export/jobs (last page)": ("/records/*/status is none of the enumerated words",),
        },
        "A cancelled job says so; the published words have none for it",
        _NOT_OPENAPI,
    ),
    Difference(
        {
            f"GET {UPS}/segment/definitions": (
                "/ has none of the documented keys",
                "/ lacks 'expression'",
                "/ lacks 'name'",
                "/ lacks 'schema'",
            )
        },
        "Published as a single definition; the guide and clients in use have a page of them",
    ),
    Difference(
        {f"GET {UPS}/segment/jobs": ("/children/*/status is none of the enumerated words",)},
        "CANCELED with one L, as some guides spell it",
        ("newest",),
    ),
    Difference(
        {f"GET {UPS}/audiences": ("/children/* breaks oneOf",)},
        "Nearly every key of the two published forms is optional, so an audience fits both, and oneOf allows one",
    ),
    Difference(
        {
            f"GET {UPS}/audiences": (
                "/children/*/namespace is none of the enumerated words",
                "/children/*/type is none of the enumerated words",
            ),
            f"GET {UPS}/audiences/{{AUDIENCE_ID}} (external)": (
                "/namespace is none of the enumerated words",
                "/type is none of the enumerated words",
            ),
        },
        "The file's own samples say ExternalSegment and other namespaces than its enumerations",
        _NOT_OPENAPI,
    ),
    Difference(
        {f"GET {UPS}/audiences": ("/_page/next is string",)},
        "The guide's sample has the next page's number as text",
        ("newest",),
    ),
    Difference(
        {f"GET {UPS}/config/mergePolicies": ("/_page has none of the documented keys", "/_page lacks 'count'")},
        "The guide's page has totalCount and pageSize, the published file count and next",
        _NOT_OPENAPI,
    ),
    Difference(
        {
            f"GET {UPS}/config/mergePolicies": ("/children/*/isActiveOnEdge is string",),
            f"GET {UPS}/config/mergePolicies/{{mergePolicyId}}": ("/isActiveOnEdge is string",),
            f"POST {UPS}/config/mergePolicies/bulk-get": ("/results/*/isActiveOnEdge is string",),
        },
        "One sample has the flag as text",
        ("newest",),
    ),
    Difference(
        {
            f"GET {UPS}/config/schedules": (
                "/children/*/properties has none of the documented keys",
                "/children/*/properties lacks 'segments'",
                "/children/*/type is none of the enumerated words",
            )
        },
        "Schedules of type export exist and carry a payload; the published file knows batch_segmentation only",
    ),
    Difference(
        {
            f"GET {EXPORT}/files/{{dataSetFileId}}": ("/ has none of the documented keys",),
            f"GET {EXPORT}/batches/{{batchId}}/meta": ("/ has none of the documented keys",),
        },
        "Published with a placeholder of one key, path; the text and the guide describe the list of files",
    ),
    Difference(
        {f"GET {EXPORT}/datasets/{{id}}/preview": ("/data/* has none of the documented keys",)},
        "Published with placeholders, column1 to column3; a row has the columns of its dataset",
    ),
    Difference(
        {
            f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas (last page)": ("/_links/next is null", "/_page/next is null"),
        },
        "Published as text, whose description says that it is null on the last page",
    ),
    Difference(
        {f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas (global)": ("status 404",)},
        "The container global holds what the platform brings along; only tenant, where the unions are, is served",
    ),
    Difference(
        {
            **dict.fromkeys(
                (f"GET {UPS}/export/jobs", f"GET {UPS}/export/jobs (last page)", f"GET {UPS}/export/jobs (filtered)"),
                ("/records/*/id is string",),
            ),
            **dict.fromkeys(
                (f"POST {UPS}/export/jobs", f"POST {UPS}/export/jobs (everything)"), ("/id is string", "status 201")
            ),
            **dict.fromkeys(
                (f"GET {_JOB}", f"GET {_JOB} (asked for in full)", f"GET {_JOB} (failed)"), ("/id is string",)
            ),
        },
        "The path parameter is published as text, and so may the id be; a client accepts any good status of a creation",
        _MIXED,
    ),
    Difference(
        {
            f"GET {UPS}/export/jobs (filtered)": ("/records/*/status is none of the enumerated words",),
            f"GET {UPS}/export/jobs (last page)": ("/link/next is null",),
        },
        "The older guide has no filter by status, and some lists end with null",
        _MIXED,
    ),
    Difference(
        {
            **dict.fromkeys(
                (f"GET {_JOB}", f"GET {_JOB} (failed)", f"GET {_JOB} (asked for in full)", f"POST {UPS}/export/jobs"),
                ("/destination/batches is array", "/destination/batches/status is string"),
            ),
            **dict.fromkeys(
                (f"GET {UPS}/export/jobs", f"GET {UPS}/export/jobs (last page)", f"GET {UPS}/export/jobs (filtered)"),
                ("/records/*/destination/batches/status is string",),
            ),
        },
        "The tutorial's array of batches, or the published object with the guide's status as text",
        _MIXED,
    ),
    Difference(
        {
            f"GET {EXPORT}/batches/{{batchId}}/files": (
                "/data/*/created is integer",
                "/data/*/records is integer",
                "/data/*/updated is integer",
            ),
            f"GET {EXPORT}/batches/{{batchId}}/failed": ("/data/*/length is integer",),
        },
        "Numbers are published as text; a client may meet numbers",
        _MIXED,
    ),
    Difference(
        {
            f"GET {REGISTRY}/{{CONTAINER_ID}}/schemas/{{SCHEMA_ID}} (references)": (
                "/allOf/* has none of the documented keys",
            )
        },
        "The published key is `$ref` with a space at its end, a slip",
    ),
)

# Service -> the status that a client without any rights gets although its file has none such, reason.
WITHOUT_RIGHTS: Final[dict[str, tuple[int, str]]] = {
    UPS: (401, "Published with 403 or none; the service has been seen to answer 401"),
    EXPORT: (403, "Published with 401 only, which a client takes for an expired token"),
    REGISTRY: (403, "Published without it; the permission service in front of it has been seen to answer 403"),
    QUERY: (403, "Published with 401 only, which a client takes for an expired token"),
}

# Sample of the seed tutorial, what differs, reason.
SEED_DIFFERENCES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "POST /export/jobs/{id}",
        "status 405",
        "The tutorial's curl line for cancelling says POST, its text says DELETE; only DELETE cancels",
    ),
    (
        "GET /export/jobs/ as printed",
        "status 400",
        "The tutorial's curl line lacks a continuation, so a shell never sends its last header, x-sandbox-name",
    ),
    (
        "GET /export/jobs/24115",
        "status 404",
        "Ids here count up from 18500, through all sandboxes; any id that is listed answers",
    ),
    (
        "DELETE /export/jobs/726",
        "status 404",
        "Ids here count up from 18500, through all sandboxes; any id that is listed can be cancelled",
    ),
)


def table() -> str:
    """Return the differences as README shows them, in Markdown."""
    lines = ["| Call | Where it strays | Dialect | Reason |", "| --- | --- | --- | --- |"]
    for one in DIFFERENCES:
        dialects = "every" if one.dialects == EVERY else ", ".join(one.dialects)
        calls = _codes(operation_of(call) for call in one.places)
        places = _codes(place for several in one.places.values() for place in several)
        lines.append(f"| {calls} | {places} | {dialects} | {one.reason} |")
    for service, (status, reason) in WITHOUT_RIGHTS.items():
        lines.append(f"| all of `{service}`, without rights | `status {status}` | every | {reason} |")
    for sample, what, reason in SEED_DIFFERENCES:
        lines.append(f"| the tutorial's `{sample}` | `{what}` | seed | {reason} |")
    lines += ["", "Published beside these, and not served (405, or the HTML 404):", ""]
    lines += [f"- {reason}: {_codes(names)}." for reason, names in NOT_SERVED.items()]
    return "\n".join(lines)


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in dict.fromkeys(texts))

"""Owns what of a job can be copied, each under the name it is offered by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject
    from tui_app.models.export_job import ExportJob

_SHOWN: Final = 5


def copies(job: ExportJob, *, table_name: str = "") -> dict[str, str]:
    """Return label and text of everything worth copying; parts the job does not have are left out.

    `table_name` is that of the job's dataset in Query Service.
    """
    found = {
        "id": job.job_id,
        "dataset id": job.dataset_id or "",
        "table name": table_name,
        "batch ids": "\n".join(batch.batch_id for batch in job.batches),
        "segment ids": "\n".join(segment.segment_id for segment in job.segments),
        "errors": "\n".join(f"{error.code} {error.message}".strip() for error in job.errors),
        "request id": job.request_id or "",
        "JSON": json.dumps(job.raw, indent=2),
    }
    return {label: text for label, text in found.items() if text}


def brief(text: str) -> str:
    """Return what a text that is offered for copying holds, on one line: itself, or its size and how it begins."""
    lines = text.splitlines()
    if len(lines) <= 1:
        return text
    record = _record(text)
    if record is not None:
        return f"{len(text):,} characters: {_begun(list(record))}"
    return f"{len(lines):,} lines: {_begun(lines)}"


def _begun(parts: list[str]) -> str:
    return ", ".join([*parts[:_SHOWN], *(["…"] if len(parts) > _SHOWN else [])])


def _record(text: str) -> JsonObject | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

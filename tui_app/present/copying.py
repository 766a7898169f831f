"""Owns what of a job can be copied, each under the name it is offered by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_app.models.export_job import ExportJob


def copies(job: ExportJob) -> dict[str, str]:
    """Return label and text of everything worth copying; parts the job does not have are left out."""
    found = {
        "id": job.job_id,
        "dataset id": job.dataset_id or "",
        "batch ids": "\n".join(batch.batch_id for batch in job.batches),
        "segment ids": "\n".join(segment.segment_id for segment in job.segments),
        "errors": "\n".join(f"{error.code} {error.message}".strip() for error in job.errors),
        "request id": job.request_id or "",
        "JSON": json.dumps(job.raw, indent=2),
    }
    return {label: text for label, text in found.items() if text}

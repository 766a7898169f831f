"""Owns the JSON that the command line prints: snake_case, stable, the same for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.models.stage import duration_ms, ended_ms, stages
from tui_app.models.times import rfc3339

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject
    from tui_app.models.catalog import Dataset, Sandbox
    from tui_app.models.export_job import ExportJob


def normalised(job: ExportJob, now_ms: int) -> JsonObject:
    """Return an export job as `--json` prints it; moments are RFC 3339 in UTC, durations milliseconds.

    The durations of a job and a stage that run are those up to `now_ms`; what is not known is null.
    """
    policy = job.merge_policy
    return {
        "id": job.job_id,
        "status": job.status,
        "terminal": job.is_terminal,
        "created_at": rfc3339(job.created_ms),
        "updated_at": rfc3339(job.updated_ms),
        "ended_at": rfc3339(ended_ms(job)),
        "duration_ms": duration_ms(job, now_ms),
        "dataset_id": job.dataset_id,
        "schema": job.schema_name,
        "fields": job.fields,
        "segments": [
            {"segment_id": each.segment_id, "segment_ns": each.segment_ns, "status": list(each.status)}
            for each in job.segments
        ],
        "segment_per_batch": job.segment_per_batch,
        "merge_policy": {"id": policy.id, "version": policy.version} if policy is not None else None,
        "batches": [{"batch_id": each.batch_id, "segment_id": each.segment_id} for each in job.batches],
        "profiles": job.metrics.profiles,
        "profiles_by_namespace": dict(job.metrics.profiles_by_namespace),
        "errors": [{"code": each.code, "message": each.message, "call_stack": each.call_stack} for each in job.errors],
        "stages": [
            {
                "name": each.name,
                "state": each.state,
                "started_at": rfc3339(each.started_ms),
                "ended_at": rfc3339(each.ended_ms),
                "duration_ms": each.duration_ms(now_ms),
            }
            for each in stages(job, now_ms)
        ],
        "request_id": job.request_id,
        "schedule_id": job.schedule_id,
    }


def normalised_dataset(dataset: Dataset) -> JsonObject:
    """Return a dataset as `--json` prints it; what is not known is null."""
    return {
        "id": dataset.dataset_id,
        "name": dataset.name,
        "description": dataset.description,
        "schema_id": dataset.schema_id,
        "content_type": dataset.content_type,
        "profile_union": dataset.is_union,
        "created_at": rfc3339(dataset.created_ms),
        "updated_at": rfc3339(dataset.updated_ms),
        "tags": {name: list(values) for name, values in dataset.tags.items()},
        "table_name": dataset.table_name,
        "last_batch_id": dataset.last_batch_id,
        "last_batch_status": dataset.last_batch_status,
    }


def normalised_sandbox(sandbox: Sandbox) -> JsonObject:
    """Return a sandbox as `--json` prints it; what is not known is null."""
    return {
        "name": sandbox.name,
        "title": sandbox.title,
        "state": sandbox.state,
        "type": sandbox.type,
        "default": sandbox.is_default,
        "region": sandbox.region,
    }

"""Owns the JSON that the command line prints: snake_case, stable, the same for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.models.stage import duration_ms, ended_ms, stages
from tui_app.models.times import rfc3339

if TYPE_CHECKING:
    from tui_app.models.audience import Audience
    from tui_app.models.base import JsonObject
    from tui_app.models.catalog import Dataset, Sandbox
    from tui_app.models.export_job import ExportJob
    from tui_app.models.field_paths import FieldPath
    from tui_app.models.merge_policy import MergePolicy


def normalised(job: ExportJob, now_ms: int, *, dataset_name: str | None = None) -> JsonObject:
    """Return an export job as `--json` prints it; moments are RFC 3339 in UTC, durations milliseconds.

    A job does not say what its dataset is called: whoever knows passes it. The durations of a job and a stage that
    run are those up to `now_ms`; what is not known is null.
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
        "dataset_name": dataset_name,
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


def normalised_audience(audience: Audience) -> JsonObject:
    """Return an audience as `--json` prints it; what is not known is null.

    `segment_id` and `segment_ns` are what `jobs create --segment` takes.
    """
    return {
        "id": audience.audience_id,
        "name": audience.name or None,
        "description": audience.description or None,
        "segment_id": audience.segment_id,
        "segment_ns": audience.segment_ns or None,
        "namespace": audience.namespace or None,
        "kind": audience.kind,
        "origin": audience.origin or None,
        "lifecycle": audience.lifecycle or None,
        "evaluation": list(audience.evaluation),
        "merge_policy_id": audience.merge_policy_id,
        "profiles": audience.profiles,
        "evaluated": audience.has_been_evaluated,
        "evaluated_at": rfc3339(audience.evaluated_ms),
        "updated_at": rfc3339(audience.updated_ms),
    }


def normalised_merge_policy(policy: MergePolicy) -> JsonObject:
    """Return a merge policy as `--json` prints it; what is not known is null."""
    return {
        "id": policy.policy_id,
        "name": policy.name or None,
        "version": policy.version,
        "default": policy.is_default,
        "attribute_merge": policy.attribute_merge or None,
        "dataset_order": list(policy.dataset_order),
        "identity_graph": policy.identity_graph or None,
        "schema": policy.schema_name or None,
        "updated_at": rfc3339(policy.updated_ms),
    }


def normalised_field(field: FieldPath) -> JsonObject:
    """Return a field of a union schema as `--json` prints it; a branch holds the fields below its path."""
    return {
        "path": field.path,
        "type": field.type or None,
        "array": field.is_array,
        "branch": field.has_children,
        "title": field.title or None,
        "description": field.description or None,
    }

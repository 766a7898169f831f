"""The JSON of a job that the command line prints."""

from __future__ import annotations

from tests.support import samples
from tui_app.models.export_job import ExportJob
from tui_app.models.normalised import normalised

NOW = 1559674300000


def test_a_new_job() -> None:
    assert normalised(ExportJob.parse(samples.created_job()), NOW) == {
        "id": "24115",
        "status": "NEW",
        "terminal": False,
        "created_at": "2019-06-04T18:51:01.657Z",
        "updated_at": "2019-06-04T18:51:01.868Z",
        "ended_at": None,
        "duration_ms": 38343,
        "dataset_id": samples.ANSWERED_DATASET,
        "dataset_name": None,
        "schema": "_xdm.context.profile",
        "fields": None,
        "segments": [
            {"segment_id": samples.AAM_SEGMENT, "segment_ns": "AAM", "status": ["realized"]},
            {"segment_id": samples.UPS_SEGMENT, "segment_ns": "UPS", "status": ["exited"]},
        ],
        "segment_per_batch": True,
        "merge_policy": {"id": "0bf16e61-90e9-4204-b8fa-ad250360957b", "version": 1},
        "batches": [
            {"batch_id": samples.AAM_BATCH, "segment_id": samples.AAM_SEGMENT},
            {"batch_id": samples.UPS_BATCH, "segment_id": samples.UPS_SEGMENT},
        ],
        "profiles": None,
        "profiles_by_namespace": {},
        "errors": [],
        "stages": [
            {
                "name": "queue",
                "state": "running",
                "started_at": "2019-06-04T18:51:01.657Z",
                "ended_at": None,
                "duration_ms": 38343,
            },
            *(
                {"name": name, "state": "pending", "started_at": None, "ended_at": None, "duration_ms": None}
                for name in ("export", "gap", "write", "finish")
            ),
        ],
        "request_id": "IwkVcD4RupdSmX376OBVORvcvTdA4ypN",
        "schedule_id": None,
    }


def test_a_failed_job() -> None:
    shown = normalised(ExportJob.parse(samples.listed_failure()), NOW)
    assert shown["terminal"] is True
    assert shown["duration_ms"] == 505864
    assert shown["ended_at"] == "2018-10-03T13:38:42.551Z"
    assert shown["batches"] == []
    assert shown["errors"][1] == {
        "code": "unknown",
        "message": "Job aborted.",
        "call_stack": "org.apache.spark.SparkException: Job aborted.",
    }
    assert [stage["state"] for stage in shown["stages"]] == ["done", "failed", "pending", "pending", "pending"]


def test_the_keys_are_the_same_for_every_job() -> None:
    bare = normalised(ExportJob.parse({"id": 1}), NOW)
    assert bare.keys() == normalised(ExportJob.parse(samples.finished_job()), NOW).keys()
    assert bare["status"] == "UNKNOWN"
    assert bare["merge_policy"] is None

"""The seed tutorial's requests and answers as data, each call a fresh copy that a test may change."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

ORG: Final = "{IMS_ORG}"
UNION: Final = "https://ns.adobe.com/xdm/context/profile__union"
REQUESTED_DATASET: Final = "5b020a27e7040801dedba61b"
ANSWERED_DATASET: Final = "5cf6bcf79ecc7c14530fe436"
AAM_SEGMENT: Final = "4edc8488-2c35-4f6d-b4c6-9075c68d2df4"
UPS_SEGMENT: Final = "1rfe8422-334d-12f4-3sd4-12cf6g990g51"
AAM_BATCH: Final = "da5cfb4de32c4b93a09f7e37fa53ad52"
UPS_BATCH: Final = "df4gssdfb93a09f7e37fa53ad52"
PAGE_CURSOR: Final = "1538573416687_722"


def timer(start: int, end: int | None = None) -> Json:
    """One timer of the metrics; without an end it is still running."""
    if end is None:
        return {"startTimeInMs": start}
    return {"startTimeInMs": start, "endTimeInMs": end, "totalTimeInMs": end - start}


def segments() -> list[Json]:
    """Both segments of the tutorial; the second id is not a legal UUID there either."""
    return [
        {"segmentId": AAM_SEGMENT, "segmentNs": "AAM", "status": ["realized"]},
        {"segmentId": UPS_SEGMENT, "segmentNs": "UPS", "status": ["exited"]},
    ]


def dataset_body() -> Json:
    """Creating the target dataset."""
    return {
        "name": "Profile Data Export",
        "schemaRef": {"id": UNION, "contentType": "application/vnd.adobe.xed+json;version=1"},
        "fileDescription": {"persisted": True, "containerFormat": "parquet", "format": "parquet"},
        "aspect": "production",
    }


def dataset_answer() -> list[str]:
    """What creating the dataset answers."""
    return [f"@/datasets/{REQUESTED_DATASET}"]


def create_body() -> Json:
    """Creating the export job, with every field the tutorial shows."""
    since = "2018-10-25T13:22:04-07:00"
    return {
        "fields": "identities.id,personalEmail.address",
        "mergePolicy": {"id": "e5bc94de-cd14-4cdf-a2bc-88b6e8cbfac2", "version": 1},
        "filter": {
            "segments": segments(),
            "segmentQualificationTime": {
                "startTime": "2019-09-01T00:00:00Z",
                "endTime": "2019-09-02T00:00:00Z",
            },
            "fromIngestTimestamp": since,
            "emptyProfiles": False,
        },
        "additionalFields": {
            "eventList": {
                "fields": "environment.browserDetails.name,environment.browserDetails.version",
                "filter": {"fromIngestTimestamp": since},
            }
        },
        "destination": {"datasetId": REQUESTED_DATASET, "segmentPerBatch": True},
        "schema": {"name": "_xdm.context.profile"},
    }


def batch_per_segment() -> Json:
    """The destination of an answer with one batch a segment; mind the capital S."""
    batches = [{**segment, "batchId": batch} for segment, batch in zip(segments(), (AAM_BATCH, UPS_BATCH), strict=True)]
    return {"dataSetId": ANSWERED_DATASET, "segmentPerBatch": True, "batches": batches}


def single_batch() -> Json:
    """The destination of an answer with one batch for all segments."""
    return {"datasetId": ANSWERED_DATASET, "segmentPerBatch": False, "batchId": AAM_BATCH}


def created_job() -> Json:
    """What creating the export job answers: other dataset and merge policy than asked for, hardly an echo."""
    return {
        "profileInstanceId": "ups",
        "jobType": "BATCH",
        "filter": {"segments": segments()},
        "id": 24115,
        "schema": {"name": "_xdm.context.profile"},
        "mergePolicy": {"id": "0bf16e61-90e9-4204-b8fa-ad250360957b", "version": 1},
        "status": "NEW",
        "requestId": "IwkVcD4RupdSmX376OBVORvcvTdA4ypN",
        "computeGatewayJobId": {},
        "metrics": {"totalTime": timer(1559674261657)},
        "destination": batch_per_segment(),
        "updateTime": 1559674261868,
        "imsOrgId": ORG,
        "creationTime": 1559674261657,
    }


def finished_job() -> Json:
    """The same job once done; its timers come from another run than its creation and update times."""
    return {
        **created_job(),
        "status": "SUCCEEDED",
        "requestId": "YwMt1H8QbVlGT2pzyxgwFHTwzpMbHrTq",
        "computeGatewayJobId": {
            "exportJob": "305a2e5c-2cf3-4746-9b3d-3c5af0437754",
            "pushJob": "963f275e-91a3-4fa1-8417-d2ca00b16a8a",
        },
        "metrics": {
            "totalTime": timer(1547053539564, 1547054743929),
            "profileExportTime": timer(1547053667591, 1547053778195),
            "aCPDatasetWriteTime": timer(1547054660416, 1547054698918),
        },
    }


def listed_success() -> Json:
    """The first record of the list: succeeded, without `segmentPerBatch`."""
    return {
        "profileInstanceId": "ups",
        "jobType": "BATCH",
        "filter": {"segments": [{"segmentId": "52c26d0d-45f2-47a2-ab30-ed06abc981ff"}]},
        "id": 726,
        "schema": {"name": "_xdm.context.profile"},
        "mergePolicy": {"id": "timestampOrdered-none-mp", "version": 1},
        "status": "SUCCEEDED",
        "requestId": "d995479c-8a08-4240-903b-af469c67be1f",
        "computeGatewayJobId": {
            "exportJob": "f3058161-7349-4ca9-807d-212cee2c2e94",
            "pushJob": "feaeca05-d137-4605-aa4e-21d19d801fc6",
        },
        "metrics": {
            "totalTime": timer(1538615973895, 1538616233239),
            "profileExportTime": timer(1538616067445, 1538616139576),
            "aCPDatasetWriteTime": timer(1538616195172, 1538616195715),
        },
        "destination": {"datasetId": "5b7c86968f7b6501e21ba9df", "batchId": AAM_BATCH},
        "updateTime": 1538616233239,
        "imsOrgId": ORG,
        "creationTime": 1538615973895,
    }


def listed_failure() -> Json:
    """The second record of the list: failed in export, with a blank batch id and two errors."""
    return {
        "profileInstanceId": "test_xdm_latest_profile_20_e2e_1538573005395",
        "errors": [
            {
                "code": "0090000009",
                "msg": "Error writing profiles to output path"
                " 'adl://va7devprofilesnapshot.azuredatalakestore.net/snapshot/722'",
                "callStack": "com.adobe.aep.unifiedprofile.common.logging.Logger",
            },
            {
                "code": "unknown",
                "msg": "Job aborted.",
                "callStack": "org.apache.spark.SparkException: Job aborted.",
            },
        ],
        "jobType": "BATCH",
        "filter": {"segments": [{"segmentId": "7a93d2ff-a220-4bae-9a4e-5f3c35032be3"}]},
        "id": 722,
        "schema": {"name": "_xdm.context.profile"},
        "mergePolicy": {"id": "7972e3d6-96ea-4ece-9627-cbfd62709c5d", "version": 1},
        "status": "FAILED",
        "requestId": "KbOAsV7HXmdg262lc4yZZhoml27UWXPZ",
        "computeGatewayJobId": {"exportJob": "15971e0f-317c-4390-9038-1a0498eb356f"},
        "metrics": {
            "totalTime": timer(1538573416687, 1538573922551),
            "profileExportTime": timer(1538573872211, 1538573918809),
        },
        "destination": {"datasetId": "5bb4c46757920712f924a3eb", "batchId": ""},
        "updateTime": 1538573922551,
        "imsOrgId": ORG,
        "creationTime": 1538573416687,
    }


def job_page() -> Json:
    """The list answer: two records and a cursor."""
    return {
        "records": [listed_success(), listed_failure()],
        "page": {"sortField": "createdTime", "sort": "desc", "pageOffset": PAGE_CURSOR, "pageSize": 2},
        "link": {"next": f"/export/jobs/?limit=2&offset={PAGE_CURSOR}"},
    }

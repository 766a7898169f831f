"""The options of `jobs create` as the body they stand for."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

    Aepx = Callable[..., Result]

WHOLE = (
    "--dataset", "d1", "--segment", "s1:AAM:realized+exited", "--segment", "s2", "--merge-policy", "m1@2",
    "--fields", "a.b, c", "--qualified-from", "2024-01-01T00:00:00Z", "--qualified-to", "2024-02-01T00:00:00+02:00",
    "--from-ingest", "2024-01-02T00:00:00Z", "--empty-profiles", "--events", "e.f,g",
    "--events-from", "2024-01-03T00:00:00Z", "--events-to", "2024-01-04T00:00:00Z", "--segment-per-batch", "--evaluate",
    "--schema", "_xdm.context.other",
)  # fmt: skip
BODY: dict[str, Any] = {
    "fields": "a.b,c",
    "mergePolicy": {"id": "m1", "version": 2},
    "filter": {
        "segments": [
            {"segmentId": "s1", "segmentNs": "AAM", "status": ["realized", "exited"]},
            {"segmentId": "s2", "status": ["realized", "existing"]},
        ],
        "segmentQualificationTime": {"startTime": "2024-01-01T00:00:00Z", "endTime": "2024-02-01T00:00:00+02:00"},
        "fromIngestTimestamp": "2024-01-02T00:00:00Z",
        "emptyProfiles": True,
    },
    "additionalFields": {
        "eventList": {
            "fields": "e.f,g",
            "filter": {"fromIngestTimestamp": "2024-01-03T00:00:00Z", "toIngestTimestamp": "2024-01-04T00:00:00Z"},
        }
    },
    "destination": {"datasetId": "d1", "segmentPerBatch": True},
    "schema": {"name": "_xdm.context.other"},
    "evaluationInfo": {"segmentation": True},
}


def dry_run(aepx: Aepx, *options: str) -> Result:
    return aepx("jobs", "create", *options, "--dry-run")


def test_every_option_finds_its_place_and_no_connection_is_needed(aepx: Aepx) -> None:
    found = dry_run(aepx, *WHOLE)
    assert found.code == 0
    assert found.document == BODY


def test_warnings_go_to_stderr_and_do_not_stop(aepx: Aepx) -> None:
    found = dry_run(aepx, "--dataset", "d1")
    assert found.code == 0
    assert found.document["destination"]["datasetId"] == "d1"
    assert found.err.startswith("Warning: filter.segments")


def test_options_override_a_file_part_by_part(aepx: Aepx, tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_text(json.dumps({**BODY, "note": {"kept": 1}}))
    found = dry_run(
        aepx, "--file", str(path), "--segment", "s9::exited", "--no-evaluate", "--events-to", "2024-05-01T00:00:00Z"
    )
    body = found.document
    assert found.code == 0
    assert body["filter"]["segments"] == [{"segmentId": "s9", "status": ["exited"]}]
    assert body["evaluationInfo"] == {"segmentation": False}
    assert body["additionalFields"]["eventList"]["fields"] == "e.f,g"
    assert body["additionalFields"]["eventList"]["filter"]["toIngestTimestamp"] == "2024-05-01T00:00:00Z"
    assert body["note"] == {"kept": 1}
    assert body["mergePolicy"] == BODY["mergePolicy"]


def test_a_body_can_come_from_standard_input(aepx: Aepx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + json.dumps(BODY).encode())))
    assert dry_run(aepx, "--file", "-").document == BODY


def test_standard_input_that_is_no_utf8_is_named_like_a_file_that_is_none(
    aepx: Aepx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"fields": "\xff"}'), encoding="utf-8", errors="surrogateescape")
    )
    found = dry_run(aepx, "--file", "-")
    assert found.code == 2
    assert "standard input is not UTF-8 text" in found.err


def test_events_without_paths_ask_for_all_fields(aepx: Aepx) -> None:
    found = dry_run(aepx, "--dataset", "d", "--events", "--events-from", "2024-01-01T00:00:00Z", "--segment", "s")
    assert found.document["additionalFields"] == {
        "eventList": {"filter": {"fromIngestTimestamp": "2024-01-01T00:00:00Z"}}
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "destination.datasetId"),
        (("--dataset", "d", "--segment", "s::gone"), "filter.segments[0].status"),
        (("--dataset", "d", "--segment", "s", "--qualified-from", "soon"), "Write 2024-03-01, 2024-03-01 14:30, -24h"),
        (
            ("--dataset", "d", "--qualified-from", "2024-02-01T00:00:00Z", "--qualified-to", "2024-01-01T00:00:00Z"),
            "ends before it starts",
        ),
        (("--dataset", "d", "--merge-policy", "m@new"), "whole number"),
        (("--file", "missing.json"), "cannot be read"),
        (("--segment", ":"), "has no id"),
    ],
)
def test_what_is_wrong_is_named_with_exit_2(aepx: Aepx, options: tuple[str, ...], said: str) -> None:
    found = aepx("jobs", "create", *options)
    assert found.code == 2
    assert said in found.err
    assert found.out == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"filter": []}', "filter"),
        (b"[" * 100_000, "too deeply"),
        (b'{"destination": {"datasetId": "d"}, "x": ' + b"9" * 5_000 + b"}", "more digits"),
        (b'{"destination": {"datasetId": "d"}, "x": NaN}', "it holds NaN"),
    ],
)
def test_a_file_that_is_no_body_is_named_with_exit_2(aepx: Aepx, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(content)
    found = aepx("jobs", "create", "--file", str(path))
    assert found.code == 2
    assert said in found.err
    assert str(path) in found.err

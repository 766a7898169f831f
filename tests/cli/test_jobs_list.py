"""`aepx jobs list` and `show`: which jobs, in which form, and what the history learns on the way."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Html, Status
from tui_app.emulator.faults.wire import Truncate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator

    Aepx = Callable[..., Result]

JOB_KEYS = {
    "id", "status", "created_at", "updated_at", "dataset_id", "segments", "batches", "merge_policy", "errors",
    "duration_ms", "stages", "request_id",
}  # fmt: skip


def test_json_holds_the_promised_keys(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("jobs", "list", "--json")
    assert found.code == 0
    jobs = found.document
    assert len(jobs) == 60
    assert all(set(job) >= JOB_KEYS for job in jobs)
    assert [job["created_at"] for job in jobs] == sorted((job["created_at"] for job in jobs), reverse=True)
    with_segments = next(job for job in jobs if job["segments"])
    assert set(with_segments["segments"][0]) == {"segment_id", "segment_ns", "status"}
    failed = next(job for job in jobs if job["status"] == "FAILED")
    assert set(failed["errors"][0]) == {"code", "message", "call_stack"}
    assert {"name", "started_at", "ended_at", "duration_ms"} <= set(failed["stages"][0])
    assert isinstance(failed["id"], str)


def test_a_status_that_the_platform_filters_costs_one_small_call(
    aepx: Aepx, platform: ServedEmulator, calls: Fault
) -> None:
    aepx("sandboxes", "list")
    before = calls.met
    found = aepx("jobs", "list", "--status", "failed", "--limit", "2", "--json")
    assert [job["status"] for job in found.document] == ["FAILED"] * 2
    assert calls.met - before == 2  # the token and one page
    assert "more" in found.err


def test_statuses_that_the_platform_does_not_filter_are_found_all_the_same(
    aepx: Aepx, platform: ServedEmulator
) -> None:
    every = aepx("jobs", "list", "--all", "--json").document
    wanted = {"CANCELLED", "FAILED"}
    found = aepx("jobs", "list", "--all", "--status", "canceled,FAILED", "--json").document
    assert {job["status"] for job in found} == wanted
    assert [job["id"] for job in found] == [job["id"] for job in every if job["status"] in wanted]


def test_the_filter_is_a_substring_of_what_the_list_shows(aepx: Aepx, platform: ServedEmulator) -> None:
    every = aepx("jobs", "list", "--json").document
    segment = next(job["segments"][0]["segment_id"] for job in every if job["segments"])
    by_segment = aepx("jobs", "list", "--filter", segment[:13].upper(), "--json").document
    assert by_segment
    assert all(any(one["segment_id"] == segment for one in job["segments"]) for job in by_segment)
    names = {one["id"]: one["name"] for one in aepx("datasets", "list", "--json").document}
    by_name = aepx("jobs", "list", "--filter", "loyalty", "--json").document
    assert by_name
    assert all("loyalty" in names[job["dataset_id"]].casefold() for job in by_name)


def test_dataset_names_are_learnt_before_a_filter_looks_at_them(aepx: Aepx, platform: ServedEmulator) -> None:
    assert aepx("jobs", "list", "--filter", "loyalty", "--json").document


def test_ndjson_is_an_object_a_line_and_csv_a_table(aepx: Aepx, platform: ServedEmulator) -> None:
    lines = aepx("jobs", "list", "--limit", "4", "--ndjson").out.splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert len(ids) == 4
    rows = list(csv.DictReader(io.StringIO(aepx("jobs", "list", "--limit", "4", "--csv").out)))
    assert [row["id"] for row in rows] == ids


def test_the_table_shows_hostile_names_harmlessly(aepx: Aepx, platform: ServedEmulator) -> None:
    aepx("datasets", "list", "--json")
    shown = aepx("jobs", "list", "--all")
    assert shown.out.startswith("STATUS")
    assert len(shown.out.splitlines()) == 61
    for text in (shown.out, aepx("datasets", "list").out, aepx("jobs", "list", "--all", "--json").out):
        assert not any((ord(one) < 32 and one != "\n") or 127 <= ord(one) < 160 or ord(one) == 0x202E for one in text)


def test_offline_answers_from_history_without_a_call(aepx: Aepx, platform: ServedEmulator, calls: Fault) -> None:
    aepx("jobs", "list", "--limit", "7")
    before = calls.met
    found = aepx("jobs", "list", "--offline", "--json")
    assert len(found.document) == 7
    assert len(aepx("jobs", "list", "--offline", "--limit", "2", "--json").document) == 2
    assert calls.met == before


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_nothing_found_is_told_and_is_no_failure(aepx: Aepx, platform: ServedEmulator, form: tuple[str, ...]) -> None:
    found = aepx("jobs", "list", "--filter", "no such thing", *form)
    assert found.code == 0
    assert found.err == "No jobs match.\n"
    assert found.out == {"": "", "--json": "[]\n"}.get("".join(form), found.out)
    empty = aepx("--sandbox", "empty", "jobs", "list", *form)
    assert empty.err == "Sandbox empty has no export jobs.\n"


def test_a_status_unknown_here_is_asked_for_all_the_same_with_a_warning(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("jobs", "list", "--status", "bogus,FAILED", "--limit", "1", "--json")
    assert found.code == 0
    assert [job["status"] for job in found.document] == ["FAILED"]
    assert found.err.startswith(
        "Warning: BOGUS is no status known here: NEW, QUEUED, PROCESSING, CANCELLING, SUCCEEDED, FAILED, CANCELLED.\n"
    )
    assert "Warning" not in aepx("jobs", "list", "--status", "canceled", "--limit", "1").err


@pytest.mark.parametrize(
    ("command", "first", "second"),
    [
        ("jobs list", "--json", "--csv"),
        ("jobs list", "--ndjson", "--json"),
        ("jobs show 1", "--raw", "--json"),
        ("datasets list", "--csv", "--ndjson"),
        ("datasets show x", "--json", "--raw"),
        ("sandboxes list", "--json", "--ndjson"),
    ],
)
def test_two_forms_at_once_are_a_usage_error(aepx: Aepx, command: str, first: str, second: str) -> None:
    found = aepx(*command.split(), first, second)
    assert (found.code, found.out) == (2, "")
    assert found.err.endswith(f"Error: {first} and {second} exclude each other; choose one.\n")


def test_one_more_than_shown_is_said_in_the_singular(aepx: Aepx, platform: ServedEmulator) -> None:
    told = aepx("jobs", "list", "--limit", "1").err
    assert told == "The newest one is shown; there are more. Say --limit N or --all for them.\n"


def test_the_table_tells_the_stage_in_words_only(aepx: Aepx, platform: ServedEmulator) -> None:
    shown = aepx("jobs", "list").out
    assert "PROCESSING" in shown
    assert "█" not in shown


@pytest.mark.parametrize(
    "command",
    ["jobs list", "jobs show 1", "jobs watch 1", "jobs cancel 1 --yes", "datasets list", "doctor",
     "jobs create --dataset d --segment s", "datasets create --name n"],
)  # fmt: skip
def test_a_mistyped_sandbox_is_explained_and_leaves_no_history(
    aepx: Aepx, platform: ServedEmulator, clean_home: Path, command: str
) -> None:
    found = aepx("--sandbox", "prodd", *command.split())
    assert found.code == 4
    said = found.out + found.err
    assert "aepx sandboxes list" in said or "Choose one of them with --sandbox." in said
    assert not list(clean_home.rglob("*.db*"))


def test_a_history_that_was_there_or_holds_something_stays(
    aepx: Aepx, platform: ServedEmulator, clean_home: Path
) -> None:
    aepx("jobs", "list", "--limit", "1")
    kept = list(clean_home.rglob("*.db"))
    platform.emulator.faults.add(Fault(Status(403, body={"title": "no"}), path="*/export/jobs"))
    assert aepx("jobs", "list").code == 4
    assert list(clean_home.rglob("*.db")) == kept
    assert len(aepx("jobs", "list", "--offline", "--json").document) == 1


def test_show_prints_one_job_normalised_raw_and_as_text(aepx: Aepx, platform: ServedEmulator) -> None:
    listed = aepx("jobs", "list", "--status", "FAILED", "--limit", "1", "--json").document[0]
    shown = aepx("jobs", "show", listed["id"], "--json").document
    assert set(shown) >= JOB_KEYS
    raw = aepx("jobs", "show", listed["id"], "--raw").document
    assert str(raw["id"]) == listed["id"]
    assert "computeGatewayJobId" in raw
    text = aepx("jobs", "show", listed["id"]).out
    assert "! FAILED" in text
    assert text.count(f"\nerror         {listed['errors'][0]['code']} ") == 1
    assert text.count(listed["errors"][0]["message"]) == 1


def test_an_unknown_job_is_named_with_exit_1(aepx: Aepx, platform: ServedEmulator) -> None:
    shown = aepx("jobs", "show", "123456789")
    assert shown.code == 1
    assert shown.out == ""
    said, request = shown.err.splitlines()
    assert said.startswith("Error: Export job 123456789 could not be read: The platform answered 404 ")
    assert said.endswith(". Check the id, and that it belongs to sandbox prod.")
    assert request.startswith("Request id: ")
    assert request.removeprefix("Request id: ") not in said


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(Html(), path="*/export/jobs", times=1), 2),
        (Fault(Status(403, body={"title": "no"}), path="*/export/jobs", times=1), 4),
        (Fault(Status(200, body="<html>sign in</html>"), path="*/export/jobs"), 3),
        (Fault(Truncate(200), path="*/export/jobs"), 3),
    ],
)
def test_failures_of_the_platform_have_their_exit_codes(
    aepx: Aepx, platform: ServedEmulator, hasty: None, fault: Fault, code: int
) -> None:
    platform.emulator.faults.add(fault)
    found = aepx("jobs", "list", "--json")
    assert found.code == code
    assert found.out == ""
    assert found.err.startswith("Error: ")


def test_a_wrong_secret_is_refused_and_named(
    aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEPX_CLIENT_SECRET", "canary-wrong")
    found = aepx("jobs", "list")
    assert found.code == 4
    assert "AEPX_CLIENT_SECRET" in found.err
    assert "canary-wrong" not in found.err


def test_no_configuration_says_what_to_do(aepx: Aepx) -> None:
    found = aepx("jobs", "list")
    assert found.code == 2
    assert "aepx demo" in found.err


def test_demo_answers_without_any_configuration(aepx: Aepx) -> None:
    found = aepx("--demo", "jobs", "list", "--limit", "5", "--json")
    assert found.code == 0
    assert len(found.document) == 5
    assert aepx("jobs", "list", "--demo", "--sandbox", "empty", "--json").document == []

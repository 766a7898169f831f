"""What a template stands for at the moment it is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import create_body
from tui_app.models.export_request import ExportRequest
from tui_app.models.template import as_template, fill

NOW = datetime(2026, 11, 24, 2, 35, 32, 123, tzinfo=UTC)
ZONE = timezone(timedelta(hours=-5))


def body(**filters: Any) -> dict[str, Any]:
    return {"destination": {"datasetId": "d"}, "filter": filters}


def updated(text: str, zone: Any = UTC) -> str | None:
    found = fill(body(fromIngestTimestamp=text), now=NOW, zone=zone)
    assert found.request is not None, found.findings
    return found.request.from_ingest


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("{now}", "2026-11-24T02:35:32Z"),
        ("{today}", "2026-11-24T00:00:00Z"),
        ("{yesterday}", "2026-11-23T00:00:00Z"),
        ("{yesterday 06:30}", "2026-11-23T06:30:00Z"),
        (" {-7d} ", "2026-11-17T02:35:32Z"),
        ("{-24h}", "2026-11-23T02:35:32Z"),
        ("{-1d12h}", "2026-11-22T14:35:32Z"),
        ("{TODAY}", "2026-11-24T00:00:00Z"),
        ("{-7d}T00:00:00Z", "2026-11-17T00:00:00Z"),
        ("{today} 14:30", "2026-11-24 14:30"),
        ("-7d", "-7d"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_time_becomes_what_is_sent(written: str, sent: str) -> None:
    assert updated(written) == sent


def test_days_are_those_of_the_zone() -> None:
    assert updated("{today}", ZONE) == "2026-11-23T00:00:00-05:00"
    assert updated("{yesterday}T00:00:00Z", ZONE) == "2026-11-22T00:00:00Z"
    assert updated("{-1d}T00:00:00Z", ZONE) == "2026-11-22T00:00:00Z"


def test_a_day_back_is_one_of_the_calendar_when_the_clocks_change() -> None:
    autumn = datetime(2026, 10, 25, 22, 30, tzinfo=UTC)  # 23:30 in Berlin, where this day had 25 hours
    found = fill({"fields": "{-1d}"}, now=autumn, zone=ZoneInfo("Europe/Berlin"))
    assert found.request is not None
    assert found.request.fields == "2026-10-24"


def test_elsewhere_a_day_is_a_date_and_a_moment_rfc_3339() -> None:
    found = fill({"fields": "a_{today}.b_{-2w}", "note": {"deep": ["{yesterday}", "{-24h}", 1]}}, now=NOW, zone=UTC)
    assert found.request is not None
    assert found.request.fields == "a_2026-11-24.b_2026-11-10"
    assert found.request.extra == {"note": {"deep": ["2026-11-23", "2026-11-23T02:35:32Z", 1]}}


def test_all_five_times_are_filled_in() -> None:
    whole = {
        "filter": {
            "segmentQualificationTime": {"startTime": "{-7d}", "endTime": "{now}"},
            "fromIngestTimestamp": "{-7d}",
        },
        "additionalFields": {"eventList": {"filter": {"fromIngestTimestamp": "{-7d}", "toIngestTimestamp": "{now}"}}},
    }
    request = fill(whole, now=NOW, zone=UTC).request
    assert request is not None
    assert request.events is not None
    start, end = "2026-11-17T02:35:32Z", "2026-11-24T02:35:32Z"
    assert (request.qualified_from, request.qualified_to, request.from_ingest) == (start, end, start)
    assert (request.events.from_ingest, request.events.to_ingest) == (start, end)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{tomorrow}", "'{tomorrow}', which is not known"),
        ("{}", "'{}', which is not known"),
        ("{+7d}", "which is not known"),
        ("{-99999999d}", "outside the years"),
        ("a{b", "has a { alone"),
        ("b}", "has a } alone"),
        ("{" + "x" * 5_000 + "}", "…"),
        ("{\x1b[31m}", "\\x1b"),
    ],
)
def test_what_cannot_be_filled_in_is_named_with_what_can(text: str, said: str) -> None:
    found = fill(body(segments=[{"segmentId": text}]), now=NOW)
    assert found.request is None
    (finding,) = found.findings
    assert finding.field == "filter.segments[0].segmentId"
    assert finding.severity == "error"
    assert said in finding.cause
    assert len(finding.cause) < 120
    assert "{today}" in finding.remedy or "nearer" in finding.remedy
    assert found.fault.startswith("filter.segments[0].segmentId has ")


def test_a_body_that_cannot_be_read_is_named() -> None:
    found = fill({"filter": [1]}, now=NOW)
    assert found.request is None
    assert found.findings[0].field == "filter"
    assert found.findings[0].remedy.startswith("Write it as")


def test_unknown_keys_are_warned_of_and_kept() -> None:
    whole = {
        "destinatoin": {"datasetId": "d"},
        "filter": {"segments": [{"segmentId": "s", "stauts": ["exited"]}], "from": 1},
        "schema": {"name": "x", "nmae": "y"},
        "brandNew": True,
    }
    found = fill(whole, now=NOW)
    assert found.request is not None
    assert {one.severity for one in found.findings} == {"warning"}
    said = {one.field: one.remedy for one in found.findings}
    assert said["destinatoin"] == "Did you mean destination?"
    assert said["filter.segments[0].stauts"] == "Did you mean status?"
    assert said["schema.nmae"] == "Did you mean name?"
    assert said["brandNew"].startswith("Known here: fields, mergePolicy")
    assert "filter.from" in said
    sent = found.request.to_body()
    assert sent["destinatoin"] == {"datasetId": "d"}
    assert sent["filter"]["segments"][0]["stauts"] == ["exited"]
    assert sent["brandNew"] is True


def test_a_documented_body_has_no_unknown_key() -> None:
    found = fill(create_body(), now=NOW)
    assert found.findings == ()
    assert found.request == ExportRequest.from_body(create_body())


@given(st.text(alphabet="{}a today-7d", max_size=30))
def test_a_saved_text_means_the_same_but_for_its_placeholders(text: str) -> None:
    kept = as_template({"fields": f"x{text}"})
    found = fill(kept, now=NOW, zone=UTC)
    assert found.request is not None, kept
    wanted = f"x{text}"
    if "{today}" not in text and "{-7d}" not in text:
        assert found.request.fields == wanted


def test_saving_keeps_placeholders_and_doubles_other_braces() -> None:
    kept = as_template({"fields": "{today} {{x}} {SEGMENT} {-7d}", "list": ["{"], "n": 1})
    assert kept == {"fields": "{today} {{{{x}}}} {{SEGMENT}} {-7d}", "list": ["{{"], "n": 1}

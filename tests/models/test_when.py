"""How people write a moment, and the RFC 3339 that is sent for it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_app.models.export_job import Segment
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.times import NotAMomentError, parse_rfc3339
from tui_app.models.when import WhenError, distance, resolve, resolved, spoken, without_times

if TYPE_CHECKING:
    from collections.abc import Iterator

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 2, 35, 32, 654_321, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2024-03-01", "2024-03-01T00:00:00+01:00"),
        ("2024-7-1", "2024-07-01T00:00:00+02:00"),
        ("2024-03-01 14:30", "2024-03-01T14:30:00+01:00"),
        ("2024-03-01  9:05", "2024-03-01T09:05:00+01:00"),
        ("2024-03-01T14:30:05", "2024-03-01T14:30:05+01:00"),
        ("2024-03-01T14:30:05.250", "2024-03-01T14:30:05.250+01:00"),
        ("2024-03-01 14:30Z", "2024-03-01T14:30:00Z"),
        ("2024-03-01 14:30 +05:30", "2024-03-01T14:30:00+05:30"),
        ("2016-12-31 23:59:60", "2017-01-01T00:00:00+01:00"),
        ("now", "2026-11-24T03:35:32+01:00"),
        ("NOW", "2026-11-24T03:35:32+01:00"),
        ("today", "2026-11-24T00:00:00+01:00"),
        ("today 14:30", "2026-11-24T14:30:00+01:00"),
        ("yesterday", "2026-11-23T00:00:00+01:00"),
        (" Yesterday 00:00 ", "2026-11-23T00:00:00+01:00"),
        ("-24h", "2026-11-23T03:35:32+01:00"),
        ("-7d", "2026-11-17T03:35:32+01:00"),
        ("-90m", "2026-11-24T02:05:32+01:00"),
        ("-1d12h", "2026-11-22T15:35:32+01:00"),
        ("-1.5d", "2026-11-22T15:35:32+01:00"),
        ("- 2w", "2026-11-10T03:35:32+01:00"),
        ("-0d", "2026-11-24T03:35:32+01:00"),
    ],
)
def test_what_is_sent_for_what_is_written(written: str, sent: str) -> None:
    assert resolve(written, now=NOW, zone=BERLIN) == sent


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-01T00:00:00Z",
        "2024-03-01t00:00:00z",
        "2018-10-25T13:22:04-07:00",
        "2024-03-01T00:00:00.123456789+00:00",
        "2016-12-31T23:59:60Z",
        "0001-01-01T00:00:00+23:59",
        "2024-03-01T00:00:00-00:00",
        f"2024-03-01T00:00:00.{'5' * 200}Z",
    ],
)
def test_rfc_3339_is_sent_as_it_is(written: str) -> None:
    assert resolve(written, now=NOW, zone=BERLIN) == written
    assert not spoken(written, NOW, zone=BERLIN).startswith("=")


def test_a_day_follows_the_local_clocks() -> None:
    assert resolve("today", now=NOW, zone=ZoneInfo("America/Los_Angeles")) == "2026-11-23T00:00:00-08:00"
    assert resolve("today", now=NOW, zone=UTC) == "2026-11-24T00:00:00Z"
    assert resolve("today", now=NOW, zone=timezone(timedelta(0))) == "2026-11-24T00:00:00Z"


def test_lengths_of_time_are_hours_that_passed_not_hours_on_the_clock() -> None:
    # In Berlin the night before has 25 hours.
    now = datetime(2024, 10, 27, 12, tzinfo=BERLIN)
    assert resolve("-1d", now=now, zone=BERLIN) == "2024-10-26T13:00:00+02:00"
    assert resolve("yesterday 12:00", now=now, zone=BERLIN) == "2024-10-26T12:00:00+02:00"


@pytest.mark.parametrize(
    ("zone", "written", "sent", "told"),
    [
        ("Europe/Berlin", "2024-03-31 02:30", "2024-03-31T03:30:00+02:00", "the clocks skip 02:30 that day"),
        (
            "Europe/Berlin",
            "2024-10-27 02:30",
            "2024-10-27T02:30:00+02:00",
            "02:30 comes twice that day and the first is meant; the other is 2024-10-27T02:30:00+01:00",
        ),
        # Where the clocks skip midnight the day begins at one.
        ("Asia/Beirut", "2024-03-31", "2024-03-31T01:00:00+03:00", "the clocks skip 00:00 that day"),
        ("America/Havana", "2024-11-03", "2024-11-03T00:00:00-04:00", "00:00 comes twice that day"),
        # Half an hour, and a whole day that never was.
        ("Australia/Lord_Howe", "2024-10-06 02:15", "2024-10-06T02:45:00+11:00", "the clocks skip 02:15 that day"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-31T12:00:00+14:00", "the clocks skip 12:00 that day"),
    ],
)
def test_what_the_clocks_do_is_told(zone: str, written: str, sent: str, told: str) -> None:
    rules = ZoneInfo(zone)
    assert resolve(written, now=NOW, zone=rules) == sent
    assert told in spoken(written, NOW, zone=rules)
    assert parse_rfc3339(sent).astimezone(rules).utcoffset() == parse_rfc3339(sent).utcoffset()


def test_an_offset_to_the_second_is_written_as_utc() -> None:
    assert resolve("1850-01-01", now=NOW, zone=BERLIN) == "1849-12-31T23:06:32Z"


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_the_machine_has_the_rules_of_its_zone_for_every_date() -> None:
    now = NOW.astimezone()
    assert resolve("2024-07-01", now=now) == "2024-07-01T00:00:00+02:00"
    assert resolve("2024-03-31 02:30", now=now) == "2024-03-31T03:30:00+02:00"
    assert spoken("2024-10-27 02:30", now).endswith("the other is 2024-10-27T02:30:00+01:00")
    assert resolve("-150d", now=now) == "2026-06-27T04:35:32+02:00"
    with pytest.raises(WhenError, match="outside the years"):
        resolve("0001-01-01", now=now)


@pytest.mark.parametrize(
    ("written", "cause", "remedy"),
    [
        ("", "There is no time.", "Write 2024-03-01"),
        ("soon", "'soon' is no time.", "Write 2024-03-01"),
        ("monday", "'monday' is no time.", "-7d, yesterday 00:00"),
        ("2024-02-30", "2024-02-30 is no date (day 30).", "It takes 1 to 29."),
        ("2023-13-01 12:00", "2023-13-01 is no date (month 13).", "It takes 1 to 12."),
        ("0000-01-01", "0000-01-01 is no date (year 0).", "It takes 1 to 9999."),
        ("10000-01-01", "10000-01-01 is no date (year 10000).", "It takes 1 to 9999."),
        ("10000-01-01T00:00:00Z", "(year 10000).", "It takes 1 to 9999."),
        ("2024-03-01T24:00:00Z", "24:00:00 is no time of day (hour 24).", "It takes 0 to 23."),
        ("2024-03-01 25:00", "25:00:00 is no time of day (hour 25).", "It takes 0 to 23."),
        ("today 12:61", "12:61:00 is no time of day (minute 61).", "It takes 0 to 59."),
        ("yesterday 7", "'7' is no time of day.", "such as 14:30"),
        ("2024-03-01 12:00+0100", "'+0100' is no zone offset.", "like +02:00"),
        ("2024-03-01 12:00+25:00", "+25:00 is no zone offset (hour 25).", "It takes 0 to 23."),
        ("9999-12-31 23:59:60", "is not a moment of the calendar.", "It ends with the year 9999."),
        ("0001-01-01", "lies outside the years 1 to 9999.", "nearer"),
        ("14:30", "14:30 has a time but no day.", "Write today 14:30"),
        ("-1", "'-1' has no unit.", "-24h, -7d"),
        ("-", "'-' is no length of time.", "-24h, -7d"),
        ("-2y", "'-2y' is no length of time.", "-24h, -7d"),
        ("-99999999999d", "'-99999999999d' lies outside the years 1 to 9999.", "nearer"),
        ("-740000d", "'-740000d' lies outside the years 1 to 9999.", "nearer"),
        ("+1h", "'+1h' would lie ahead.", "-24h"),
        ("\u0662\u0660\u0662\u0664-01-01", "is no time.", "Write 2024-03-01"),
        ("now\x1b[31m", "'now\\x1b[31m' is no time.", "Write 2024-03-01"),
        ("9" * 10_000, "has 10,000 characters and is no time.", "Write 2024-03-01"),
    ],
)
def test_what_cannot_be_read_has_a_cause_and_a_remedy(written: str, cause: str, remedy: str) -> None:
    with pytest.raises(WhenError) as caught:
        resolve(written, now=NOW, zone=BERLIN)
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
    assert caught.value.cause.endswith(".")
    assert caught.value.remedy.endswith(".")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()
    assert spoken(written, NOW, zone=BERLIN) == ""


def test_what_stands_beside_the_field() -> None:
    assert spoken("-7d", NOW, zone=UTC) == "= 2026-11-17T02:35:32Z, 7d ago"
    assert spoken("now", NOW, zone=UTC) == "= 2026-11-24T02:35:32Z, now"
    assert spoken("today 14:30", NOW, zone=UTC) == "= 2026-11-24T14:30:00Z, in 11h54m"
    assert spoken("2026-11-23T02:35:32Z", NOW, zone=UTC) == "1d ago"


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=-1), "1m ago"),
        (timedelta(hours=-1, minutes=-5), "1h05m ago"),
        (timedelta(days=3, hours=4, minutes=59), "in 3d04h"),
        (timedelta(days=-7, minutes=-3), "7d ago"),
    ],
)
def test_how_far_a_moment_is(ahead: timedelta, expected: str) -> None:
    assert distance(NOW + ahead, NOW) == expected


def test_all_times_of_a_request_are_fixed_by_one_moment() -> None:
    request = ExportRequest(
        "d",
        segments=(Segment("s", None, ("realized",)),),
        qualified_from="-7d",
        qualified_to="now",
        from_ingest="2024-03-01",
        events=EventList("a.b", "yesterday 00:00", "2024-03-01T00:00:00z"),
        extra={"filter": {"region": "-7d"}},
    )
    ready = resolved(request, NOW, zone=UTC)
    assert ready.findings == ()
    assert ready.request == ExportRequest(
        "d",
        segments=request.segments,
        qualified_from="2026-11-17T02:35:32Z",
        qualified_to="2026-11-24T02:35:32Z",
        from_ingest="2024-03-01T00:00:00Z",
        events=EventList("a.b", "2026-11-23T00:00:00Z", "2024-03-01T00:00:00z"),
        extra=request.extra,
    )
    assert resolved(ready.request, NOW + timedelta(days=9), zone=BERLIN).request == ready.request


def test_times_that_cannot_be_read_are_named_by_field_and_stay() -> None:
    request = ExportRequest(
        "d", qualified_from="a", qualified_to="b", from_ingest="c", events=EventList(None, "d", "2024-02-30")
    )
    ready = resolved(request, NOW, zone=UTC)
    assert ready.request == request
    assert [(one.severity, one.field) for one in ready.findings] == [
        ("error", "filter.segmentQualificationTime.startTime"),
        ("error", "filter.segmentQualificationTime.endTime"),
        ("error", "filter.fromIngestTimestamp"),
        ("error", "additionalFields.eventList.filter.fromIngestTimestamp"),
        ("error", "additionalFields.eventList.filter.toIngestTimestamp"),
    ]
    assert ready.findings[-1].cause == "2024-02-30 is no date (day 30)."
    assert [one.severity for one in ready.joined(ready.request.check())] == [*["error"] * 5, "warning"]
    odd = replace(request, dataset_id="", qualified_from="-7d")
    half = resolved(odd, NOW)
    assert [one.field for one in half.joined(half.request.check())][4:] == ["destination.datasetId", "filter.segments"]


def test_requests_that_differ_only_in_when_they_were_sent() -> None:
    request = ExportRequest("d", qualified_to="now", from_ingest="-7d", events=EventList("a", "-1d", "now"))
    one, other = (without_times(resolved(request, at).request) for at in (NOW, NOW + timedelta(hours=1)))
    assert one == other == ExportRequest("d", events=EventList("a"))
    assert without_times(ExportRequest("d")) == ExportRequest("d")
    assert without_times(replace(request, fields="b")) != one


def test_blank_times_are_none() -> None:
    ready = resolved(ExportRequest("d", qualified_from=" ", events=EventList(None, "", None)), NOW)
    assert ready.request == ExportRequest("d", events=EventList())


# Any text

ZONES = st.sampled_from(
    [
        UTC,
        *map(
            ZoneInfo,
            (
                "Europe/Berlin",
                "America/St_Johns",
                "Pacific/Apia",
                "Asia/Kathmandu",
                "Asia/Beirut",
                "America/Havana",
                "Africa/Monrovia",
            ),
        ),
        timezone(timedelta(hours=-23, minutes=-59)),
        None,
    ]
)
NOWS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside
PARTS = st.one_of(
    st.sampled_from(
        [*"-+:TZz.dhmw", "now", "today", "yesterday", "00:00", "24:00", "2024", "02", "29", "31", "9999", "0000"]
    ),
    st.integers(0, 10**12).map(str),
    st.characters(),
    st.just(" "),
)
NEARLY = st.one_of(
    st.text(max_size=80),
    st.lists(PARTS, max_size=10).map("".join),
    st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}{}".format,
        *(st.integers(0, 10_001), st.integers(0, 13), st.integers(0, 32), st.sampled_from(["T", " "])),
        *(
            st.integers(0, 25),
            st.integers(0, 61),
            st.sampled_from(["", ":00", ":60", ":59.999999999", "Z", ":00-23:59"]),
        ),
    ),
    st.builds("-{}{}".format, st.integers(0, 10**20), st.sampled_from("smhdwy")),
    st.dates().map(str),
)


@given(NEARLY, NOWS, ZONES)
@example("0001-01-01", NOW, ZoneInfo("Asia/Kathmandu"))
@example("9999-12-31 23:59:59", NOW, ZoneInfo("America/St_Johns"))
@example("9999-12-31 23:59:59", NOW, None)
def test_any_text_is_a_moment_or_an_explained_error(text: str, now: datetime, zone: ZoneInfo | timezone | None) -> None:
    try:
        sent = resolve(text, now=now, zone=zone)
    except WhenError as error:
        told = error.cause, error.remedy
        assert [sentence[-1] for sentence in told] == [".", "."]
        assert spoken(text, now, zone=zone) == ""
        return
    moment = parse_rfc3339(sent)
    assert resolve(sent, now=now, zone=UTC) == sent
    assert distance(moment, now) in spoken(text, now, zone=zone)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), ZONES)  # noqa: DTZ001 - what clocks on a wall show
def test_a_local_time_is_what_local_clocks_show_or_told(wall: datetime, zone: ZoneInfo | timezone | None) -> None:
    written = wall.isoformat(sep=" ", timespec="seconds")
    sent = resolve(written, now=NOW, zone=zone)
    shown = parse_rfc3339(sent).astimezone(zone).replace(tzinfo=None)
    if shown != wall.replace(microsecond=0):
        assert "the clocks skip" in spoken(written, NOW, zone=zone)


@given(st.text(max_size=40))
def test_a_text_that_is_rfc_3339_is_never_changed(text: str) -> None:
    for candidate in (text, f"2024-03-01T00:00:00{text}"):
        try:
            parse_rfc3339(candidate)
        except NotAMomentError:
            continue
        assert resolve(candidate, now=NOW) == candidate

"""The forgiving readers and the two spellings of a moment."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.models.base import count, flag, integer, items, mapping, moment_ms, text, words
from tui_app.models.times import epoch_ms, parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ups", "ups"),
        (" kept ", " kept "),
        ("Ä", "Ä"),
        ("", None),
        (" \t", None),
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (True, None),
        (None, None),
        (math.nan, None),
        (math.inf, None),
        pytest.param(10**5000, None, id="more digits than Python prints"),
        ([], None),
        ({}, None),
        ("a\ud800b", "a\\ud800b"),
    ],
)
def test_text(value: object, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (-5, -5),
        (5.0, 5),
        ("5", 5),
        (" 5 ", 5),
        ("5.0", 5),
        ("1e3", 1000),
        (5.5, None),
        ("5.5", None),
        ("five", None),
        ("", None),
        (False, None),
        (None, None),
        ([], None),
        (math.nan, None),
        (-math.inf, None),
        ("nan", None),
        ("inf", None),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (-(2**63), None),
        pytest.param("9" * 5000, None, id="more digits than Python reads"),
        (1e300, None),
    ],
)
def test_integer(value: object, expected: int | None) -> None:
    assert integer(value) == expected


def test_a_count_is_never_negative() -> None:
    assert [count(value) for value in (0, "12", -1, None)] == [0, 12, None, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        ("true", True),
        (" FALSE ", False),
        ("yes", True),
        ("no", False),
        (1, True),
        (0, False),
        ("1", True),
        ("0", False),
        (2, None),
        ("maybe", None),
        (1.0, None),
        (None, None),
        ({}, None),
    ],
)
def test_flag(value: object, expected: bool | None) -> None:  # noqa: FBT001  # the column of a table
    assert flag(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1709290800123, 1709290800123),
        ("1709290800123", 1709290800123),
        (1709290800123.0, 1709290800123),
        (1709290800, 1709290800000),
        (10**11 - 1, (10**11 - 1) * 1000),
        (10**11, 10**11),
        (10**14 - 1, 10**14 - 1),
        (10**14, 10**11),
        (1709290800123456, 1709290800123),
        (10**17, None),
        (0, None),
        (-1, None),
        (True, None),
        (None, None),
        ("2024-03-01T11:00:00.123Z", 1709290800123),
        ("1969-12-31T23:59:59Z", None),
        ("yesterday", None),
        ({}, None),
    ],
)
def test_moments_are_read_in_any_unit(value: object, expected: int | None) -> None:
    assert moment_ms(value) == expected


def test_collections_are_read_without_copying() -> None:
    an_object, a_list = {"a": 1}, [1, 2]
    assert mapping(an_object) is an_object
    assert items(a_list) is a_list
    assert items(an_object) == [an_object]
    assert items("lone") == ["lone"]
    assert not any(mapping(value) for value in (None, 5, "x"))
    assert not any(items(value) for value in (None, "", True))
    assert words(["a", "", None, 3, {}]) == ("a", "3")
    assert words("exited") == ("exited",)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-01T00:00:00Z", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01t00:00:00z", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2018-10-25T13:22:04-07:00", datetime(2018, 10, 25, 20, 22, 4, tzinfo=UTC)),
        ("2024-03-01T05:30:00+05:30", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01T00:00:00.5Z", datetime(2024, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-03-01T00:00:00.1234567Z", datetime(2024, 3, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_rfc_3339_is_read(written: str, expected: datetime) -> None:
    assert parse_rfc3339(written) == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2024-03-01", "has a date but no time: write it like 2024-03-01T00:00:00Z."),
        ("2024-03-01T00:00:00", "has no zone offset: write 2024-03-01T00:00:00Z for UTC"),
        ("2024-03-01 00:00:00", "has no zone offset: write 2024-03-01T00:00:00Z for UTC"),
        ("2024-03-01 00:00:00Z", "has a space between date and time: write 2024-03-01T00:00:00Z."),
        ("2024-03-01T00:00Z", "is not an RFC 3339 time"),
        ("1709290800123", "is not an RFC 3339 time"),
        ("", "is not an RFC 3339 time"),
        ("2026-13-01", "2026-13-01 is no date (month 13): it takes 1 to 12."),
        ("2026-00-01T00:00:00", "2026-00-01 is no date (month 0): it takes 1 to 12."),
        ("0000-01-01", "0000-01-01 is no date (year 0): it takes 1 to 9999."),
        ("2026-02-29 00:00:00", "2026-02-29 is no date (day 29): it takes 1 to 28."),
        ("2024-02-30T00:00:00Z", "2024-02-30 is no date (day 30): it takes 1 to 29."),
        ("2024-03-01T24:00:00Z", "24:00:00 is no time of day (hour 24): it takes 0 to 23."),
        ("2024-03-01 10:60", "10:60 is no time of day (minute 60): it takes 0 to 59."),
        ("2024-03-01T10:00:61", "10:00:61 is no time of day (second 61): it takes 0 to 60."),
        ("2024-03-01T00:00:00+24:00", "+24:00 is no zone offset (hour 24): it takes 0 to 23."),
        ("2024-03-01T00:00:00+01:60", "+01:60 is no zone offset (minute 60): it takes 0 to 59."),
        ("9999-12-31T23:59:60Z", "is not a moment of the calendar"),
        ("2024-03-01T00:00:0٣Z", "is not an RFC 3339 time"),
    ],
)
def test_what_is_not_rfc_3339_is_explained(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_rfc3339(written)
    assert said in str(caught.value)


@given(st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?", fullmatch=True))
def test_what_a_remedy_says_to_write_can_be_written(written: str) -> None:
    advised = re.search(r"(?:write|like) (\S+?Z)[ .]", str(_read(written)))
    if advised:
        assert isinstance(_read(advised[1]), datetime), written


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(ValueError, match="x…") as caught:
        parse_rfc3339("x" * 5000)
    assert len(str(caught.value)) < 160


@given(st.text())
def test_any_text_is_a_moment_or_explained(written: str) -> None:
    outcome = _read(written)
    assert outcome.tzinfo is not None if isinstance(outcome, datetime) else outcome.endswith(".")


def _read(written: str) -> datetime | str:
    try:
        return parse_rfc3339(written)
    except ValueError as error:
        return str(error)


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: moment.year > 1))
def test_what_isoformat_writes_is_read_back(moment: datetime) -> None:
    utc = moment.astimezone(UTC)
    assert parse_rfc3339(utc.isoformat()) == utc


@given(st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999))
def test_milliseconds_survive_the_text(moment: int) -> None:
    written = rfc3339(moment)
    assert written is not None
    assert written.endswith("Z")
    assert epoch_ms(parse_rfc3339(written)) == moment


def test_moments_outside_the_calendar_have_no_text() -> None:
    assert [rfc3339(moment) for moment in (None, 10**18, 10**30, -(10**15))] == [None] * 4
    assert rfc3339(1709290800123) == "2024-03-01T11:00:00.123Z"
    assert epoch_ms(datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)) == -1

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.models.filter import (
    EVERYTHING,
    FIELDS,
    AllOf,
    AnyOf,
    AnyText,
    Filter,
    Is,
    Not,
    OneOf,
    Pattern,
    Within,
    cheat_sheet,
)
from tui_app.models.filter_grammar import UNREADABLE, in_quotes, quoted
from tui_app.models.filter_text import DEEPEST, LONGEST, MOST_CONDITIONS, FilterError, parse
from tui_app.models.filter_values import MOST
from tui_app.models.stage import STAGES
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW: Final = datetime(2024, 3, 15, 12, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def read(line: str) -> Filter:
    return parse(line, now=NOW, zone=UTC)


def fault(line: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        read(line)
    return caught.value


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def whole(*texts: str) -> tuple[Pattern, ...]:
    return tuple(Pattern((one,)) for one in texts)


def word(text: str) -> AnyText:
    return AnyText(Pattern.inside(text))


FAILED_ONES: Final = OneOf("status", whole("FAILED"))


# Words, phrases and what joins them


@pytest.mark.parametrize("line", ["", "   ", "\t\n"])
def test_an_empty_line_asks_for_everything(line: str) -> None:
    assert read(line) == EVERYTHING


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("loyalty", ("", "loyalty", "")),
        ('"output path"', ("", "output path", "")),
        ("a,b", ("", "a,b", "")),
        ("0090000009:", ("", "0090000009:", "")),
        ("12:30", ("", "12:30", "")),
        ("adl//x:y/z", ("", "adl//x:y/z", "")),
        ('"http://x.y/z"', ("", "http://x.y/z", "")),
        ('out"put pa"th', ("", "output path", "")),
        ("loyal*", ("", "loyal", "")),
        ("*loyal", ("", "loyal", "")),
        ("lo*ty", ("", "lo", "ty", "")),
        ("lo**ty", ("", "lo", "ty", "")),
        ("*", ("", "")),
        ('"*"', ("", "*", "")),
        (r'"a \"b\" \\ c:\d"', ("", r'a "b" \ c:\d', "")),
        (r"c:\temp"[2:], ("", r"\temp", "")),
        ('"or"', ("", "or", "")),
        ('"-"', ("", "-", "")),
        ("order", ("", "order", "")),
        ("android", ("", "android", "")),
        ("notable", ("", "notable", "")),
        ("a-b", ("", "a-b", "")),
        ("Überblick", ("", "Überblick", "")),
    ],
)
def test_a_word_or_phrase_asks_for_text_anywhere(line: str, pieces: tuple[str, ...]) -> None:
    assert read(line) == AnyText(Pattern(pieces))


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("a b", AllOf((A, B))),
        ("a and b", AllOf((A, B))),
        ("a AND b OR c", AnyOf((AllOf((A, B)), C))),
        ("a or b c", AnyOf((A, AllOf((B, C))))),
        ("a (b or c)", AllOf((A, AnyOf((B, C))))),
        ("(a b) c", AllOf((A, B, C))),
        ("a or (b or c)", AnyOf((A, B, C))),
        ("((((a))))", A),
        ("-a", Not(A)),
        ("not a", Not(A)),
        ("NOT -a", A),
        ("---a", Not(A)),
        ("-(-(a))", A),
        ("not a or b", AnyOf((Not(A), B))),
        ("-(a or b) c", AllOf((Not(AnyOf((A, B))), C))),
        ("not(a b)or(c)", AnyOf((Not(AllOf((A, B))), C))),
        ('a or"b"', AnyOf((A, B))),
        ("a\tand\nb", AllOf((A, B))),
    ],
)
def test_parts_are_joined_negated_and_grouped(line: str, meaning: Filter) -> None:
    assert read(line) == meaning


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3) -> str:
    kind = draw(st.sampled_from(["name", "not", "and", "or", "brackets"] if depth else ["name"]))
    if kind == "name":
        return draw(st.sampled_from("abc"))
    part = formulas(depth=depth - 1)
    if kind == "not":
        return f"not {draw(part)}"
    if kind == "brackets":
        return f"({draw(part)})"
    return f"{draw(part)} {kind} {draw(part)}"


def holds(asked: Filter, true_words: set[str]) -> bool:
    match asked:
        case AnyText(pattern):
            return pattern.pieces[1] in true_words
        case Not(part):
            return not holds(part, true_words)
        case AllOf(parts):
            return all(holds(one, true_words) for one in parts)
        case AnyOf(parts):
            return any(holds(one, true_words) for one in parts)
    raise AssertionError(asked)


@given(formulas(), st.sets(st.sampled_from("abc")))
def test_or_and_not_bind_as_everywhere_else(line: str, true_words: set[str]) -> None:
    expected = eval(line, {name: name in true_words for name in "abc"})  # noqa: S307 - the very grammar, Python's own
    assert holds(read(line), true_words) == expected
    assert holds(read(line.replace(" and ", " ").replace("not ", "-")), true_words) == expected


# Fields of text


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("id:24115", OneOf("id", whole("24115"))),
        ("ID = 24115", OneOf("id", whole("24115"))),
        ("id:24115,24116 , 24117", OneOf("id", whole("24115", "24116", "24117"))),
        ("id:7,7", OneOf("id", whole("7"))),
        ("dataset:loyal*", OneOf("dataset", (Pattern(("loyal", "")),))),
        ("dataset:*", OneOf("dataset", (Pattern(("", "")),))),
        ('dataset:"Loyalty export"', OneOf("dataset", whole("Loyalty export"))),
        ('dataset:"Loyalty ex"*', OneOf("dataset", (Pattern(("Loyalty ex", "")),))),
        ('dataset:"a*b"', OneOf("dataset", whole("a*b"))),
        ('dataset:"a,b",c', OneOf("dataset", whole("a,b", "c"))),
        ("dataset:or", OneOf("dataset", whole("or"))),
        ("segment:-x", OneOf("segment", whole("-x"))),
        ("error:path", OneOf("error", (Pattern.inside("path"),))),
        ('error:"output path"', OneOf("error", (Pattern.inside("output path"),))),
        ("error:0090*", OneOf("error", (Pattern.beginning("0090"),))),
        ("error:a:b", OneOf("error", (Pattern.inside("a:b"),))),
        ("policy!=x", Not(OneOf("policy", whole("x")))),
        ("-policy!=x", OneOf("policy", whole("x"))),
        ("batch==01f0*", OneOf("batch", (Pattern.beginning("01f0"),))),
        ("status:failed,processing", OneOf("status", whole("FAILED", "PROCESSING"))),
        ("-status:succeeded", Not(OneOf("status", whole("SUCCEEDED")))),
        ("Status=FAILED", FAILED_ONES),
        ("status: failed", FAILED_ONES),
        ("status:fail", OneOf("status", (Pattern.beginning("FAIL"),))),
        ("status:*ing", OneOf("status", (Pattern(("", "ING")),))),
        ("status:canceled", OneOf("status", whole("CANCELLED"))),
        ("status:Cancelled,canceled", OneOf("status", whole("CANCELLED"))),
        ("status:cancele", OneOf("status", (Pattern.beginning("CANCELE"), Pattern(("CANCELLED",))))),
        ("status:rehydrating", OneOf("status", (Pattern.beginning("REHYDRATING"),))),
        ("stage:write", OneOf("stage", whole("write"))),
        ("stage:E,ga", OneOf("stage", whole("export", "gap"))),
        ("stage:*e*", OneOf("stage", whole("queue", "export", "write"))),
        ("stage:*", OneOf("stage", whole(*STAGES))),
    ],
)
def test_fields_of_text(line: str, meaning: Filter) -> None:
    assert read(line) == meaning


def test_running_is_every_status_that_is_not_an_end() -> None:
    running = AllOf((Not(OneOf("status", whole("SUCCEEDED", "FAILED", "CANCELLED"))), Is("gone", holds=False)))
    assert read("status:running") == running
    assert read("status:failed,running") == AnyOf((FAILED_ONES, running))


@pytest.mark.parametrize(
    ("pieces", "fits", "does_not"),
    [
        (("loyal",), ["loyal", "LOYAL"], ["loyalty", "", "a loyal"]),
        (("loyal", ""), ["Loyalty", "loyal"], ["a loyal", ""]),
        (("", "path", ""), ["output PATH x", "path"], ["pat h", ""]),
        (("a", "a"), ["aa", "aba"], ["a", "ab"]),
        (("", "ab", "ba", ""), ["abba", "xab-ba"], ["aba", "ba ab"]),
        (("a", "b", "b"), ["abb", "axbxb"], ["ab", "bab"]),
        (("", ""), ["", "anything"], []),
        (("STRASSE",), ["Straße", "strasse"], ["Strase"]),
        (("100%_", ""), ["100%_sure"], ["100 of it"]),
    ],
)
def test_what_a_pattern_fits(pieces: tuple[str, ...], fits: list[str], does_not: list[str]) -> None:
    pattern = Pattern(pieces)
    assert [one for one in (*fits, *does_not) if pattern.matches(one)] == fits
    assert pattern.is_whole == (len(pieces) == 1)


# Flags, numbers, lengths of time


@pytest.mark.parametrize("field", ["mine", "stuck", "gone"])
def test_flags(field: str) -> None:
    assert {read(f"{field}:{one}") for one in ("yes", "Y", "true", "on", "1")} == {Is(field, holds=True)}
    assert {read(f"{field}={one}") for one in ("no", "N", "false", "off", "0")} == {Is(field, holds=False)}
    assert read(f"{field}!=yes") == Not(Is(field, holds=True))


@pytest.mark.parametrize(
    ("line", "low", "high"),
    [
        ("profiles=0", 0, 0),
        ("profiles>1k", 1001, None),
        ("profiles>=1.5k", 1500, None),
        ("profiles<2M", None, 1_999_999),
        ("profiles<=1_000", None, 1000),
        ("profiles:10..20", 10, 20),
        ("profiles:..20", None, 20),
        ("profiles:1k..", 1000, None),
        ("age<7d", None, 7 * DAY - 1),
        ("age < 7d", None, 7 * DAY - 1),
        ("age>7d", 7 * DAY + 1, None),
        ("age:1d..2w", DAY, 14 * DAY),
        ("duration>20m", 20 * MINUTE + 1, None),
        ("duration>=20min", 20 * MINUTE, None),
        ("duration<=1h30m", None, 90 * MINUTE),
        ("duration<1.5H", None, 90 * MINUTE - 1),
        ("duration:5m..20m", 5 * MINUTE, 20 * MINUTE),
        ("duration:20m", 20 * MINUTE, 21 * MINUTE - 1),
        ("duration=1h30m", 90 * MINUTE, 91 * MINUTE - 1),
        ("duration=543ms", 543, 543),
        ("duration>0", 1, None),
        ("duration<0", None, -1),
    ],
)
def test_numbers_and_lengths_of_time(line: str, low: int | None, high: int | None) -> None:
    (field,) = (name for name in FIELDS if line.startswith(name))
    assert read(line) == Within(field, low, high)


def test_several_values_of_a_number_are_alternatives() -> None:
    assert read("profiles:0,5") == AnyOf((Within("profiles", 0, 0), Within("profiles", 5, 5)))
    assert read("profiles:0,0") == Within("profiles", 0, 0)
    assert read("profiles!=0") == Not(Within("profiles", 0, 0))


# Dates


@pytest.mark.parametrize(
    ("written", "first", "after"),
    [
        ("2024", "2024-01-01T00:00Z", "2025-01-01T00:00Z"),
        ("2024-02", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        ("2024-12", "2024-12-01T00:00Z", "2025-01-01T00:00Z"),
        ("2024-03-01", "2024-03-01T00:00Z", "2024-03-02T00:00Z"),
        ("2024-3-1", "2024-03-01T00:00Z", "2024-03-02T00:00Z"),
        ("2024-02-29", "2024-02-29T00:00Z", "2024-03-01T00:00Z"),
        ("2024-03-01T12", "2024-03-01T12:00Z", "2024-03-01T13:00Z"),
        ("2024-03-01T12:00", "2024-03-01T12:00Z", "2024-03-01T12:01Z"),
        ("2024-03-01t12:00z", "2024-03-01T12:00Z", "2024-03-01T12:01Z"),
        ('"2024-03-01 12:00"', "2024-03-01T12:00Z", "2024-03-01T12:01Z"),
        ("2024-03-01T12:00+05:30", "2024-03-01T06:30Z", "2024-03-01T06:31Z"),
        ("2024-03-01T12:00-0800", "2024-03-01T20:00Z", "2024-03-01T20:01Z"),
        ("2024-03-01T12:00:05", "2024-03-01T12:00:05Z", "2024-03-01T12:00:06Z"),
        ("2024-03-01T12:00:05.25Z", "2024-03-01T12:00:05.250Z", "2024-03-01T12:00:05.260Z"),
        ("2024-03-01T12:00:05.123456Z", "2024-03-01T12:00:05.123Z", "2024-03-01T12:00:05.124Z"),
        ("today", "2024-03-15T00:00Z", "2024-03-16T00:00Z"),
        ("Yesterday", "2024-03-14T00:00Z", "2024-03-15T00:00Z"),
        ("14:30", "2024-03-15T14:30Z", "2024-03-15T14:31Z"),
        ("9:05:07", "2024-03-15T09:05:07Z", "2024-03-15T09:05:08Z"),
        ("1970", "1970-01-01T00:00Z", "1971-01-01T00:00Z"),
        ("2999-12-31", "2999-12-31T00:00Z", "3000-01-01T00:00Z"),
    ],
)
def test_a_date_stands_for_all_of_it(written: str, first: str, after: str) -> None:
    low, high = ms(first), ms(after) - 1
    for field in ("created", "updated", "ended"):
        assert read(f"{field}:{written}") == Within(field, low, high)
    assert read(f"created={written}") == Within("created", low, high)
    assert read(f"created<{written}") == Within("created", None, low - 1)
    assert read(f"created<={written}") == Within("created", None, high)
    assert read(f"created>{written}") == Within("created", high + 1, None)
    assert read(f"created:>={written}") == Within("created", low, None)
    assert read(f"created!={written}") == Not(Within("created", low, high))
    assert read(f"created:{written}..") == Within("created", low, None)
    assert read(f"created:..{written}") == Within("created", None, high)
    assert read(f"created:{written}..{written}") == Within("created", low, high)


def test_a_range_of_days_holds_its_last_day() -> None:
    asked = read("created:2024-03-01..2024-03-08")
    assert asked == Within("created", ms("2024-03-01T00:00Z"), ms("2024-03-09T00:00Z") - 1)


@pytest.mark.parametrize(
    ("zone", "day", "first", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-03-31T00:00+01:00", 23),
        ("Europe/Berlin", "2024-10-27", "2024-10-27T00:00+02:00", 25),
        ("Europe/Berlin", "2024-10-28", "2024-10-28T00:00+01:00", 24),
        ("America/New_York", "2024-03-10", "2024-03-10T00:00-05:00", 23),
        ("America/Havana", "2024-03-10", "2024-03-10T01:00-04:00", 23),  # midnight is skipped
        ("America/Havana", "2024-11-03", "2024-11-03T00:00-04:00", 25),  # midnight comes twice
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-07T00:00+11:00", 24.5),
    ],
)
def test_local_days_begin_and_end_where_the_clocks_say(zone: str, day: str, first: str, hours: float) -> None:
    start = ms(first)
    expected = Within("created", start, start + round(hours * HOUR) - 1)
    assert parse(f"created:{day}", now=NOW, zone=ZoneInfo(zone)) == expected
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    assert parse("created:today", now=noon.astimezone(UTC), zone=ZoneInfo(zone)) == expected
    next_noon = noon + timedelta(days=1)
    assert parse("created:yesterday", now=next_noon.astimezone(UTC), zone=ZoneInfo(zone)) == expected


def test_local_days_follow_each_other_without_gap_or_overlap() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    days = [datetime(2024, 1, 1, tzinfo=berlin) + timedelta(days=place) for place in range(366)]
    found = [parse(f"created:{one:%Y-%m-%d}", now=NOW, zone=berlin) for one in days]
    bounds = [(one.low, one.high) for one in found if isinstance(one, Within)]
    assert len(bounds) == 366
    assert [low for low, _ in bounds[1:]] == [(high or 0) + 1 for _, high in bounds[:-1]]
    assert parse("created:2024", now=NOW, zone=berlin) == Within("created", bounds[0][0], bounds[-1][1])


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2024-10-27T02:30", "2024-10-27T02:30+02:00", "2024-10-27T02:31+01:00"),  # shown twice: both
        ("2024-10-27T02:30+01:00", "2024-10-27T02:30+01:00", "2024-10-27T02:31+01:00"),
        ("2024-03-31T02:30", "2024-03-31T03:30+02:00", "2024-03-31T03:31+02:00"),  # skipped: an hour later
    ],
)
def test_times_that_clocks_show_twice_or_never(written: str, first: str, last: str) -> None:
    found = parse(f"created:{written}", now=NOW, zone=ZoneInfo("Europe/Berlin"))
    assert found == Within("created", ms(first), ms(last) - 1)


@pytest.fixture
def machine_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


def test_without_a_zone_days_are_those_of_the_machine_winter_and_summer(machine_zone: Callable[[str], None]) -> None:
    machine_zone("Europe/Berlin")
    found = [parse(f"created:{day}", now=NOW) for day in ("2024-03-15", "2024-03-31", "2024-07-01", "today")]
    assert found == [
        Within("created", ms("2024-03-15T00:00+01:00"), ms("2024-03-16T00:00+01:00") - 1),
        Within("created", ms("2024-03-31T00:00+01:00"), ms("2024-04-01T00:00+02:00") - 1),
        Within("created", ms("2024-07-01T00:00+02:00"), ms("2024-07-02T00:00+02:00") - 1),
        Within("created", ms("2024-03-15T00:00+01:00"), ms("2024-03-16T00:00+01:00") - 1),
    ]


# Faults


@pytest.mark.parametrize(
    ("line", "at", "cause", "remedy"),
    [
        ("foo:bar", "foo", "There is no field foo.", 'in quotes: "foo:bar".'),
        ("stat:failed", "stat", "There is no field stat.", "Did you mean status?"),
        ("durration>5m", "durration", "There is no field durration.", "Did you mean duration?"),
        ("took>5m", "took", "There is no field took.", "Did you mean duration?"),
        ("http://x.y/z", "http", "There is no field http.", 'in quotes: "http://x.y/z".'),
        ("a org.apache.X:b", "org.apache.X", "There is no field org.apache.X.", "Fields are status, id,"),
        ("status:", "status:", "status: has no value.", "such as status:failed."),
        ("error:", "error:", "error: has no value.", "Jobs without any: -error:*."),
        ("a status: age<7d", "status:", "status: has no value.", "Expected a value"),
        ("status: or a", "status:", "status: has no value.", "Expected a value"),
        ("age <", "age <", "age< has no value.", "such as age<7d."),
        ("(status:)", "status:", "status: has no value.", "Expected a value"),
        ("status:,", "status:", "status: has no value.", "Expected a value"),
        ("status:failed,", ",", "No value follows the comma.", "one more value"),
        ("status:failed,,new", ",", "No value follows the comma.", "one more value"),
        ('dataset:""', '""', "The value of dataset is empty.", "dataset:loyal*"),
        ("status:(a or b)", "(", "Brackets cannot hold values.", "status:failed,new"),
        ("status>failed", ">", "status has no order, so > means nothing.", "status:failed"),
        ("stuck<yes", "<", "stuck has no order", "stuck:yes"),
        ("mine:perhaps", "perhaps", "mine is yes or no, not perhaps.", "mine:yes or mine:no"),
        ("stage:wrte", "wrte", "There is no stage wrte.", "queue, export, gap, write, finish"),
        ("error::x", ":x", ":: is no comparison.", "in quotes"),
        ("age=>7d", ">7d", "=> is no comparison.", "Expected one of : = != < <= > >="),
        ("<7d", "<7d", "No field stands before <7d.", "age<7d"),
        ("a or =b", "=b", "No field stands before =b.", "age<7d"),
        ("a or", "or", "Nothing follows or.", "Expected a word"),
        ("a and", "and", "Nothing follows and.", "Expected a word"),
        ("a or or b", "or", "Nothing follows or.", "Expected a word"),
        ("(a or) b", "or", "Nothing follows or.", "Expected a word"),
        ("or", "or", "Nothing stands before or.", "Expected a word"),
        ("and a", "and", "Nothing stands before and.", "Expected a word"),
        ("a not", "not", "Nothing follows not.", "Expected a word"),
        ("-or", "-", "Nothing follows -.", "Expected a word"),
        ("-not", "not", "Nothing follows not.", "Expected a word"),
        ("(segment:-x", "(", "The bracket is not closed.", "Expected )"),
        ("(status:or", "(", "The bracket is not closed.", "Expected )"),
        ("(a -", "-", "Nothing follows -.", "Expected a word"),
        ("a - b", "-", "A - stands alone.", "before what it negates"),
        ("a -", "-", "A - stands alone.", "before what it negates"),
        ("(a", "(", "The bracket is not closed.", "Expected )"),
        ('("(" (a) b', "(", "The bracket is not closed.", "Expected )"),
        ("(", "(", "Nothing follows the bracket.", "Expected a word"),
        ("a)", ")", "This ) closes no bracket.", "Leave it out"),
        ("()", "()", "The brackets hold nothing.", "Expected a word"),
        ('a "b c', '"b c', "The quote is not closed.", 'Expected another "'),
        ('dataset:x"b c', '"b c', "The quote is not closed.", 'Expected another "'),
        ('""', '""', "The phrase is empty.", "Expected a word"),
        ("age<7x", "7x", "7x is no length of time.", "ms, s, m, h, d or w"),
        ("age<7", "7", "7 has no unit.", "such as 20m"),
        ("duration:5..20m", "5", "5 has no unit.", "such as 20m"),
        ("duration:20m..5m", "20m..5m", "The range 20m..5m ends before it begins.", "Exchange its ends."),
        ("duration>5m..20m", "5m..20m", "A range takes no >.", "duration:5m..20m"),
        ("duration:..", "..", "The range has no ends.", "duration:5m..20m"),
        ("profiles>1,000", "000", "> takes one value, and a comma begins another.", "profiles=0"),
        ("profiles:1,000", "000", "000 is no number.", "1500, 1.5k"),
        ("profiles:٣", "٣", "٣ is no number.", "digits"),
        ("profiles:1.0005k", "1.0005k", "1.0005k is no whole number.", "whole number"),
        ("profiles>-1", "-1", "-1 is no number.", "digits"),
        (f"profiles>{MOST + 1}", str(MOST + 1), f"{MOST + 1} is too large.", "smaller"),
        ("created:2024-02-30", "2024-02-30", "2024-02-30 does not exist.", "February 2024 has the days 01 to 29."),
        ("created:2023-02-29", "2023-02-29", "2023-02-29 does not exist.", "days 01 to 28"),
        ("created:2024-03-00", "2024-03-00", "2024-03-00 does not exist.", "days 01 to 31"),
        ("created:2024-13-01", "2024-13-01", "2024-13-01 has no real month: 13.", "01 to 12"),
        ("created:2024-03-01T24:00", "2024-03-01T24:00", "has no real hour: 24.", "00 to 23"),
        ("created:12:60", "12:60", "has no real minute: 60.", "00 to 59"),
        ("created:2024-03-01T12:00:60", "2024-03-01T12:00:60", "has no real second: 60.", "00 to 59"),
        ("created:2024-03-01T12:00+24:00", "2024-03-01T12:00+24:00", "has no real offset: +24:00.", "Z, or an offset"),
        ("created:9999-12-31", "9999-12-31", "lies outside the years 1970 to 2999.", "between them"),
        ("created:0000-01-01", "0000-01-01", "lies outside the years 1970 to 2999.", "between them"),
        ("created:２０２４", "２０２４", "２０２４ is no date or time.", "2024-03-01"),  # noqa: RUF100, RUF001 - full-width
        ("created:2024-03-01..x", "x", "x is no date or time.", "today or yesterday"),
        ("created:tomorrow", "tomorrow", "tomorrow is no date or time.", "today or yesterday"),
        ("created:2024-03-08..2024-03-01", "2024-03-08..2024-03-01", "ends before it begins.", "Exchange"),
        ("created:a..b..c", "a", "a is no date or time.", "2024-03-01"),
        ("a\x00b", "\x00", "a character that cannot be seen, U+0000.", "Delete it"),
        ("a\x1b[31m", "\x1b", "U+001B", "Delete it"),
        ("a\ud800", "\ud800", "U+D800", "Delete it"),
        ("id:24115\u200b", "\u200b", "U+200B", "Delete it"),
    ],
)
def test_a_fault_says_where_why_and_what_was_expected(line: str, at: str, cause: str, remedy: str) -> None:
    found = fault(line)
    assert line[found.start : found.end] == at
    assert cause in found.cause
    assert remedy in found.remedy
    assert str(found) == f"{found.cause} {found.remedy}"


def test_the_fault_of_an_inner_bracket_points_at_the_inner_one() -> None:
    assert (fault("(a (b").start, fault('"(" (b').start) == (3, 4)


def test_a_long_condition_is_not_repeated_whole() -> None:
    found = fault(f"nothing:{'x' * 500}")
    assert len(str(found)) < 300


@pytest.mark.parametrize(
    "line",
    [
        "x" * 10_000,
        "(" * 10_000,
        "(" * 5_000 + "a" + ")" * 5_000,
        "-" * 10_000 + "a",
        "id:" + "1," * 5_000,
        '"' * 10_001,
    ],
)
def test_more_than_a_line_is_told_so(line: str) -> None:
    found = fault(line)
    assert f"at most {LONGEST:,} are read" in found.cause
    assert (found.start, found.end) == (LONGEST, len(line))


def test_what_fits_into_a_line_is_read_whatever_it_is() -> None:
    assert read("a" * LONGEST) == word("a" * LONGEST)
    assert "are read" in fault("a" * (LONGEST + 1)).cause
    half = LONGEST // 2 - 1
    assert read("(" * half + "a" + ")" * half) == A
    assert read("-" * (LONGEST - 1) + "a") == Not(A)
    many = read("id:" + ",".join(map(str, range(10_000, 10_600))))
    assert isinstance(many, OneOf)
    assert len(many.patterns) == 600
    assert "not closed" in fault('"' * (LONGEST - 1)).cause
    assert "too large" in fault("age<" + "9" * 3_000 + "d").cause
    assert "too large" in fault("profiles<" + "9" * 3_000).cause
    assert "no unit" in fault("age<" + "9" * 3_000).cause


def test_conditions_and_groups_have_an_end() -> None:
    most = read(" ".join(["a"] * MOST_CONDITIONS))
    assert isinstance(most, AllOf)
    assert len(most.parts) == MOST_CONDITIONS
    beyond = fault(" ".join(["a"] * (MOST_CONDITIONS + 1)))
    assert f"more than {MOST_CONDITIONS} conditions" in beyond.cause
    assert beyond.start == 2 * MOST_CONDITIONS
    nested = "a"
    for place in range(DEEPEST):
        nested = f"(b {'and' if place % 2 else 'or'} {nested})"
    assert isinstance(read(nested), AllOf)
    for one in (f"c or {nested}", f"-{nested}"):
        assert f"More than {DEEPEST} groups" in fault(one).cause


# Anything at all


FRAGMENTS: Final = [
    *("or", "and", "not", "-", "(", ")", '"', "*", ",", "..", "\\", "\n", "a", "é", "\x00", "\ud800", "７", "°"),
    *(":", "<", ">", "=", "!=", "<=", "==", "0", "9" * 20, "1k", "7d", "2024-03-01", "2024-02-30", "T12:00", "Z"),
    *("+99:99", "today", "yes", "failed", "write", "x:", " ", "  ", *FIELDS),
]


def fault_of(line: str) -> FilterError | None:
    try:
        read(line)
    except FilterError as error:
        return error
    return None


@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)))
def test_any_line_is_read_or_told_where_it_is_wrong(line: str) -> None:
    found = fault_of(line)
    if found is not None:
        assert 0 <= found.start < found.end <= len(line)
        assert found.cause.endswith(".")
        assert found.remedy.endswith((".", "?"))
        assert safe_text(str(found)) == str(found)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join), st.data())
def test_while_a_line_is_typed_each_step_is_read_or_told(text: str, data: st.DataObject) -> None:
    full = f"status:failed,new -(age<7d or {in_quotes(text)})"
    stop = data.draw(st.integers(0, len(full)))
    found = fault_of(full[:stop])
    assert found is None or 0 <= found.start < found.end <= stop


# Back into words and again into a filter: every filter that can be meant can be written


def written(asked: Filter) -> str:
    if isinstance(asked, Not):
        return f"-({written(asked.part)})"
    if isinstance(asked, AllOf | AnyOf):
        return (" " if isinstance(asked, AllOf) else " or ").join(f"({written(one)})" for one in asked.parts)
    if isinstance(asked, AnyText):
        return _pattern(asked.pattern)
    if isinstance(asked, OneOf):
        return f"{asked.field}:{','.join(map(_pattern, asked.patterns))}"
    if isinstance(asked, Is):
        return f"{asked.field}:{'yes' if asked.holds else 'no'}"
    ends = ("" if one is None else _number(FIELDS[asked.field].kind, one) for one in (asked.low, asked.high))
    return f"{asked.field}:{'..'.join(ends)}"


def _pattern(pattern: Pattern) -> str:
    return "*".join(in_quotes(one) if one else "" for one in pattern.pieces)


def _number(kind: str, value: int) -> str:
    if kind == "moment":
        at = datetime.fromtimestamp(value // 1000, UTC) + timedelta(milliseconds=value % 1000)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{value % 1000:03}Z"
    return f"{value}ms" if kind == "span" else str(value)


texts = st.text(st.sampled_from('ab*"\\ ,():-<é%_'), min_size=1, max_size=6)
ends = st.one_of(st.just(""), texts)
patterns = st.one_of(
    texts.map(lambda one: Pattern((one,))),
    st.builds(lambda first, between, last: Pattern((first, *between, last)), ends, st.lists(texts, max_size=2), ends),
)
open_patterns = st.lists(texts, max_size=3).map(lambda pieces: Pattern(("", *pieces, "")))
rough = patterns.filter(lambda one: not one.is_whole)
fields_of = {kind: [one.name for one in FIELDS.values() if one.kind == kind] for kind in ("name", "flag", "span")}
numbers = st.integers(0, 32_000_000_000_000)
states = st.sampled_from(["NEW", "FAILED", "CANCELLED"]).map(lambda one: Pattern((one,)))
beginnings = st.text(st.sampled_from("ABC_"), min_size=1, max_size=4).map(Pattern.beginning)


def one_of(field: str, of: st.SearchStrategy[Pattern]) -> st.SearchStrategy[Filter]:
    return st.lists(of, min_size=1, max_size=3, unique=True).map(lambda found: OneOf(field, tuple(found)))


@st.composite
def ranges(draw: st.DrawFn) -> Filter:
    field = draw(st.sampled_from(["created", "updated", "ended", "age", "duration", "profiles"]))
    low, high = sorted((draw(numbers), draw(numbers)))
    which = draw(st.sampled_from(["low", "high", "both"]))
    return Within(field, None if which == "high" else low, None if which == "low" else high)


leaves: st.SearchStrategy[Filter] = st.one_of(
    open_patterns.map(AnyText),
    st.sampled_from(fields_of["name"]).flatmap(lambda name: one_of(name, patterns)),
    one_of("error", rough),
    one_of("status", st.one_of(states, beginnings)),
    one_of("stage", st.sampled_from(STAGES).map(lambda one: Pattern((one,)))),
    st.builds(Is, st.sampled_from(fields_of["flag"]), st.booleans()),
    ranges(),
)


def groups(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    def of(kind: type[AllOf | AnyOf]) -> st.SearchStrategy[Filter]:
        inside = parts.filter(lambda one: not isinstance(one, kind))
        return st.lists(inside, min_size=2, max_size=4).map(lambda found: kind(tuple(found)))

    return st.one_of(of(AllOf), of(AnyOf), parts.filter(lambda one: not isinstance(one, Not)).map(Not))


@given(st.recursive(leaves, groups, max_leaves=8))
def test_every_filter_survives_being_written_and_read(asked: Filter) -> None:
    assert read(written(asked)) == asked


@given(st.text().filter(lambda one: one and not UNREADABLE.search(one)))
def test_any_text_can_be_asked_for_by_its_quotes(text: str) -> None:
    if len(text) < LONGEST // 2:
        assert read(f"dataset: {quoted(text)}") == OneOf("dataset", (Pattern((text,)),))
        assert read(in_quotes(text)) == word(text)


# Around it


def test_the_cheat_sheet_shows_every_field_and_only_what_can_be_read() -> None:
    shown = [example for example, _ in cheat_sheet()]
    assert [read(one) for one in shown]
    assert {one.example for one in FIELDS.values()} <= set(shown)
    assert len(set(shown)) == len(shown)
    for name, field in FIELDS.items():
        assert name == field.name
        assert field.example.startswith(name)


def test_units_dates_and_numbers_that_the_cheat_sheet_names_are_read() -> None:
    for text in ("today", "yesterday", "2024", "2024-03", "2024-03-01", "2024-03-01T12:00", "14:30"):
        assert any(text in meaning for _, meaning in cheat_sheet()) or text == "today"
        read(f"created:{text}")
    for unit in ("ms", "s", "m", "h", "d", "w"):
        read(f"duration>1{unit}")


def test_the_parser_is_loaded_with_the_first_filter_only() -> None:
    script = (
        "import sys; from datetime import datetime, UTC\n"
        "from tui_app.models.filter_text import parse; import tui_app.models.filter_completion\n"
        "parse(' ', now=datetime.now(UTC)); assert 'lark' not in sys.modules\n"
        "parse('a', now=datetime.now(UTC)); assert 'lark' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.models.export_job import STATUSES
from tui_app.models.filter import FIELDS, OneOf, Pattern
from tui_app.models.filter_completion import Context, choices, completed, context
from tui_app.models.filter_grammar import UNREADABLE
from tui_app.models.filter_text import FilterError, parse
from tui_app.models.stage import STAGES

TODAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(marked: str) -> tuple[str, Context]:
    """Read a line whose cursor is drawn as `|`."""
    cursor = marked.index("|")
    line = marked.replace("|", "")
    return line, context(line, cursor)


def offered(marked: str, *known: str) -> list[str]:
    return [one.text for one in choices(at(marked)[1], today=TODAY, known=known)]


def after(marked: str, choice: str) -> str:
    line, here = at(marked)
    made, cursor = completed(line, here, choice)
    return f"{made[:cursor]}|{made[cursor:]}"


@pytest.mark.parametrize(
    ("marked", "kind", "prefix", "replaced"),
    [
        ("|", "field", "", ""),
        ("st|", "field", "st", "st"),
        ("ST|", "field", "ST", "ST"),
        ("a or du|", "field", "du", "du"),
        ("-(s|", "field", "s", "s"),
        ("a |", "field", "", ""),
        ("(a)|", "field", "", ""),
        ("sta|tus:failed", "field", "sta", "status"),
        ("|loyal", "field", "", ""),
        ("loyal|", "word", "loyal", "loyal"),
        ("24|", "word", "24", "24"),
        ('"sta|', "word", '"sta', '"sta'),
        ('"status:|"', "word", '"status:', '"status:"'),
        ("age| < 7d", "field", "age", "age"),
        ("age |< 7d", "word", "", ""),
        ("status:|", "value", "", ""),
        ("status:fa|", "value", "fa", "fa"),
        ("status:fa|iled b", "value", "fa", "failed"),
        ("status:failed,|", "value", "", ""),
        ("status:failed, n|,x", "value", "n", "n"),
        ("status: |", "value", "", ""),
        ("status:| ", "value", "", ""),
        ("status:| age<7d", "value", "", ""),
        ("status: |age<7d", "field", "", ""),
        ("status:failed |", "field", "", ""),
        ('dataset:"loyalty e|', "value", "loyalty e", '"loyalty e'),
        ('dataset:"loyalty e|xp" b', "value", "loyalty e", '"loyalty exp"'),
        ('dataset:"a\\"b|', "value", 'a"b', '"a\\"b'),
        ("segment:-x|", "value", "-x", "-x"),
        ("status:| failed", "word", "", ""),
        ("nothing:x|", "value", "x", "x"),
        ("created:2026-01..to|", "value", "to", "to"),
        ("a created>=|", "value", "", ""),
        ("dataset:a..b|", "value", "a..b", "a..b"),
    ],
)
def test_what_is_being_written(marked: str, kind: str, prefix: str, replaced: str) -> None:
    line, here = at(marked)
    assert (here.kind, here.prefix, line[here.start : here.end]) == (kind, prefix, replaced)


def test_a_value_knows_its_field_and_comparison() -> None:
    found = [at(one)[1] for one in ("Dataset:a|", "age<|", "created:>=|", "created:a..|", "-status!=|", "a|")]
    assert [(one.field, one.comparison) for one in found] == [
        ("dataset", ":"),
        ("age", "<"),
        ("created", ">="),
        ("created", ".."),
        ("status", "!="),
        ("", ""),
    ]


def test_history_is_asked_for_what_only_jobs_know() -> None:
    asking = {name for name in (*FIELDS, "nothing") if at(f"{name}:|")[1].asks_history}
    assert asking == {"status", "id", "dataset", "segment", "error", "policy", "batch"}
    assert not at("sta|")[1].asks_history


def test_fields_are_offered_with_their_sign_help_and_example() -> None:
    found = choices(at("|")[1], today=TODAY)
    assert [one.text.rstrip(":<>=") for one in found] == list(FIELDS)
    assert all(one.example.startswith(one.text) and one.help for one in found)
    assert offered("st|") == ["status:", "stage:", "stuck:"]
    assert offered("a or -(DU|") == ["duration>"]
    assert offered("loyalty|") == []


def test_values_that_are_always_the_same() -> None:
    assert offered("status:|") == [*(one.lower() for one in STATUSES), "running"]
    assert offered("status:c|") == ["cancelling", "cancelled"]
    assert offered("stage:|") == list(STAGES)
    assert offered("mine:|") == ["yes", "no"]
    assert offered("created:|") == ["today", "yesterday", "2026-02-23..", "2026-03", "2026-02"]
    assert offered("created>|") == ["today", "yesterday", "2026-02-23", "2026-03", "2026-02"]
    assert offered("created:2026-01..|") == offered("created>|")
    assert offered("ended:2026|") == ["2026-02-23..", "2026-03", "2026-02"]
    assert "7d" in offered("age<|")
    assert "20m" in offered("duration>|")
    assert offered("profiles=1|") == ["1k", "100k", "1m"]
    assert offered("nothing:|") == []


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sign", [":", "<"])
def test_each_value_offered_can_be_read(field: str, sign: str) -> None:
    if sign == "<" and FIELDS[field].kind not in {"moment", "span", "number"}:
        sign = "="
    line, here = at(f"{field}{sign}|")
    for one in choices(here, today=TODAY, known=["Loyalty export", "24115"]):
        parse(completed(line, here, one.text)[0], now=NOW, zone=UTC)


def test_known_values_come_after_our_own_the_ones_that_begin_so_first() -> None:
    assert offered("dataset:ex|", "Loyalty export", "Exit list", "Other") == ["Exit list", "Loyalty export"]
    assert offered("status:|", "FAILED", "REHYDRATING")[-2:] == ["running", "rehydrating"]
    assert offered("dataset:|", "a", "A", "b") == ["a", "b"]
    assert offered("age<|", "never") == offered("age<|")


def test_of_an_error_the_readable_beginning_is_offered() -> None:
    stack = (
        "0090000009 Error writing profiles to output path 'adl://example/snapshot/31009' of the tenant\nJob aborted."
    )
    (found,) = offered("error:output|", stack)
    assert found == stack[:80].rstrip()
    line, here = at("error:output|")
    assert parse(completed(line, here, found)[0], now=NOW) == OneOf("error", (Pattern.inside(found),))


def test_values_that_no_line_can_hold_are_left_out() -> None:
    assert offered("dataset:|", "a\x1b[31m", "", "  ", "\ud800", "fine") == ["fine"]


@pytest.mark.parametrize(
    ("marked", "choice", "made"),
    [
        ("st|", "status:", "status:|"),
        ("a or -st|", "stuck:", "a or -stuck:|"),
        ("sta|tus:failed b", "stage:", "stage:|failed b"),
        ("ag| < 7d", "age<", "age <| 7d"),
        ("|loyal", "dataset:", "dataset:|loyal"),
        ("status:fa|", "failed", "status:failed|"),
        ("status:fa|x b", "failed", "status:failed| b"),
        ("status:failed,|", "new", "status:failed,new|"),
        ("status: |", "new", "status: new|"),
        ('dataset:"loy|', "Loyalty export", 'dataset:"Loyalty export"|'),
        ("dataset:loy|", "Loyalty export", 'dataset:"Loyalty export"|'),
        ("dataset:|", 'a"b', 'dataset:"a\\"b"|'),
        ("dataset:|", "a*b", 'dataset:"a*b"|'),
        ("dataset: |", "or", 'dataset: "or"|'),
        ("dataset: |", "age<7d", 'dataset: "age<7d"|'),
        ("segment:|", "-x", 'segment:"-x"|'),
        ("created:2026-01..|", "today", "created:2026-01..today|"),
        ("created:|", "2026-02-23..", "created:2026-02-23..|"),
    ],
)
def test_a_choice_takes_the_place_of_what_was_written(marked: str, choice: str, made: str) -> None:
    assert after(marked, choice) == made


names = st.text(min_size=1).filter(lambda one: one.strip() and not UNREADABLE.search(one))


@given(names, st.sampled_from(["dataset", "id", "segment", "policy", "batch"]), st.data())
def test_a_completed_value_asks_for_that_very_value(name: str, field: str, data: st.DataObject) -> None:
    typed = data.draw(st.sampled_from(["", "x", '"', '"x y']))
    line = f"(a or {field}:{typed}"
    made, cursor = completed(line, context(line, len(line)), name)
    assert cursor == len(made)
    assert parse(f"{made})", now=NOW) == parse(f"a or {made.removeprefix('(a or ')}", now=NOW)
    assert parse(made.removeprefix("(a or "), now=NOW) == OneOf(field, (Pattern((name,)),))


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from([*'ab ()-"*\\,:<=', "status", "age", "or", "..", "\n"]), max_size=14).map("".join),
    ),
    st.integers(-2, 40),
)
def test_any_line_at_any_cursor_has_a_context_and_takes_a_choice(line: str, cursor: int) -> None:
    here = context(line, cursor)
    inside = max(0, min(cursor, len(line)))
    assert 0 <= here.start <= inside <= here.end <= len(line)
    for one in choices(here, today=TODAY, known=["Loyalty export"]):
        made, place = completed(line, here, one.text)
        assert made.startswith(line[: here.start])
        assert made.endswith(line[here.end :])
        assert here.start <= place <= len(made)


@given(st.sampled_from(list(FIELDS)), st.integers(0, 12))
def test_typing_a_field_letter_by_letter_always_offers_it(field: str, typed: int) -> None:
    line = field[:typed]
    assert any(one.text.startswith(field) for one in choices(context(line, len(line)), today=TODAY))
    for one in choices(context(line, len(line)), today=TODAY):
        made, _ = completed(line, context(line, len(line)), one.text)
        with pytest.raises(FilterError, match="has no value"):
            parse(made, now=NOW)

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.text import cell_width, fit, fit_id, safe_text

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
# Weighted towards what hurts: plain `st.text` alone would seldom join, stack or override anything.
HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from(
            "\x1b\x9b\x07\r\n\t\u202e\u2066\u200b\u200d\ufeff\u2028\u0301\u0489\ufe0f👨👩🏽漢ａ\U000e0041 a"
        ),
    ),
    max_size=60,
)


def is_harmless(text: str, *, lines: bool = False) -> bool:
    kept = {"\u200d", *("\n" if lines else "")}
    return all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} or char in kept for char in text)


@given(HOSTILE, st.booleans())
def test_no_control_leaves_and_a_second_pass_changes_nothing(text: str, lines: bool) -> None:  # noqa: FBT001 - drawn
    once = safe_text(text, lines=lines)
    assert is_harmless(once, lines=lines)
    assert safe_text(once, lines=lines) == once


@given(HOSTILE)
def test_safe_text_can_be_encoded(text: str) -> None:
    shown = safe_text(text)
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\x00\x7f\x9b2J", r"a\x00\x7f\x9b2J"),
        ("invoice\u202efdp.exe", r"invoice\u202efdp.exe"),
        ("zero\u200bwidth\u2060", r"zero\u200bwidth\u2060"),
        ("line\u2028break\u2029", r"line\u2028break\u2029"),
        ("lone \ud800", r"lone \ud800"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("one\r\ntwo\tthree", r"one\r\ntwo three"),
        ("[b]not markup[/b]", "[b]not markup[/b]"),
        ("Größe: Café 漢字", "Größe: Café 漢字"),
    ],
)
def test_what_was_hidden_is_shown(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_lines_are_kept_only_when_asked_for() -> None:
    assert safe_text("a\r\n\tb\rc\n", lines=True) == "a\n    b\\rc\n"


def test_a_joiner_lives_only_between_emoji() -> None:
    assert safe_text(FAMILY) == FAMILY
    assert safe_text("❤\ufe0f\u200d🔥") == "❤\ufe0f\u200d🔥"
    assert safe_text("pay\u200dpal") == r"pay\u200dpal"
    assert safe_text("👩\u200d") == r"👩\u200d"
    assert safe_text(FAMILY + "\u200d👧") == FAMILY + r"\u200d👧"


def test_stacked_marks_are_capped_and_a_mark_needs_a_base() -> None:
    mark = "\u0301"
    assert safe_text("e" + mark * 8) == "e" + mark * 8
    assert safe_text("e" + mark * 200 + "x") == "e" + mark * 8 + "…x"
    assert safe_text(mark + "e") == r"\u0301e"
    assert safe_text("a\n" + mark, lines=True) == "a\n\\u0301"


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("漢字", 4), ("e\u0301", 1), (FAMILY, 2), ("❤\ufe0f", 2), ("👍🏽", 2), ("▌█░…", 4), ("", 0)],
)
def test_widths_are_cells(text: str, width: int) -> None:
    assert cell_width(text) == width


@given(HOSTILE, st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_fit_takes_exactly_its_width(text: str, width: int, align: str) -> None:
    fitted = fit(safe_text(text), width, align="right" if align == "right" else "left")
    assert cell_width(fitted) == width


@given(HOSTILE, st.integers(0, 40))
def test_fit_id_takes_exactly_its_width(text: str, width: int) -> None:
    assert cell_width(fit_id(safe_text(text), width)) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abc", 5, "abc  "),
        ("漢字漢字", 6, "漢字… "),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
    ],
)
def test_a_cut_is_never_silent(text: str, width: int, shown: str) -> None:
    assert fit(text, width) == shown


def test_right_alignment_pads_before() -> None:
    assert fit("42", 5, align="right") == "   42"


@pytest.mark.parametrize(
    ("width", "shown"),
    [(9, "5bf2…c9d0"), (8, "5bf2…9d0"), (3, "5…0"), (2, "5…"), (1, "…"), (30, "5bf2aa-71e3-c9d0".ljust(30))],
)
def test_identifiers_keep_head_and_tail(width: int, shown: str) -> None:
    assert fit_id("5bf2aa-71e3-c9d0", width) == shown

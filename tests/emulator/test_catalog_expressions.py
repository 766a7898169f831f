"""Regular expressions in filters: RE2 reads them, what it cannot read is refused, and none of them runs away."""

from __future__ import annotations

import time

import pytest

from tui_app.emulator.data.expressions import LONGEST, Expression
from tui_app.emulator.services.catalog_query import wild


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("", "", True),
        ("yalty", "Loyalty export", True),
        ("^yalty", "Loyalty export", False),
        ("^Loy.*t$", "Loyalty export", True),
        (r"\d{2,3}", "Win-back 90 days", True),
        ("(?i)LOYALTY", "Loyalty export", True),
        ("[ä-ö]", "Käse", True),
        ("a.b", "a\x00b", True),
        ("^a.b$", "a\ud800b", True),
    ],
)
def test_they_search_anywhere(pattern: str, text: str, matches: bool) -> None:  # noqa: FBT001 - a column of the table
    assert Expression(pattern).found_in(text) is matches


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "[b-a]", "*", "(?=a)", r"\1", "a\\", "a{1001}", "\ud800", "a" * (LONGEST + 1)]
)
def test_what_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w{3}"):
        Expression(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b$", "(.*)(.*)(.*)(.*)(.*)x", "((((((a?)?)?)?)?)?)*x"])
def test_bombs_end(pattern: str) -> None:
    before = time.process_time()
    assert not Expression(pattern).found_in("a" * 999 + "c" * 99_999)
    assert time.process_time() - before < 5  # a backtracking engine would be at it for years


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("te*st", "test", True),
        ("te*st", "tst", False),
        ("a*a", "a", False),
        ("*", "", True),
        ("**", "*", True),
        ("***", "*anything", True),
        ("*b*c*", "abxcx", True),
        ("*b*c*", "acxbx", False),
        ("a**b", "a*b", True),
        ("a**b", "axb", False),
        ("\x00", "*", False),
        ("", "", True),
    ],
)
def test_wildcards(pattern: str, text: str, matches: bool) -> None:  # noqa: FBT001 - a column of the table
    assert wild(pattern)(text) is matches

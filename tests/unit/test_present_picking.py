"""The search of the pickers: forgiving, best first, and the same whether typed letter by letter or at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_app.present.picking import Search, folded

PAIRS = [
    ("Loyal customers", "4edc8488-2c35"),
    ("Disloyal customers", "1rfe8422-334d"),
    ("customers: loyal", "zz-1"),
    ("Loyal", "zz-2"),
    ("Émilie's café", "zz-3"),
    ("personal email", "personalEmail.address"),
]


def found(text: str) -> list[str]:
    return [PAIRS[place][1] for place in Search(PAIRS).find(text)]


def test_the_closest_come_first() -> None:
    assert found("loyal") == ["zz-2", "4edc8488-2c35", "zz-1", "1rfe8422-334d"]
    assert found("customers loyal")[0] == "4edc8488-2c35"


def test_ids_are_found_whole_and_in_part() -> None:
    assert found("1rfe8422-334d") == ["1rfe8422-334d"]
    assert found("8488") == ["4edc8488-2c35"]
    assert found("email.add") == ["personalEmail.address"]


def test_capitals_and_accents_do_not_count() -> None:
    assert found("EMILIE CAFE") == found("émilie café") == ["zz-3"]


def test_scattered_letters_find_what_nothing_else_does() -> None:
    assert found("lylcst") == ["4edc8488-2c35", "1rfe8422-334d"]
    assert found("peadr") == ["personalEmail.address"]
    assert found("xyz123") == []


def test_a_blank_text_finds_all_in_their_order() -> None:
    assert found("") == found("  ") == [key for _, key in PAIRS]


@given(
    st.lists(st.tuples(st.text(alphabet="abc é", max_size=12), st.text(alphabet="abc.-", max_size=8)), max_size=30),
    st.text(alphabet="abcé .", max_size=10),
    st.text(alphabet="abcé .", max_size=10),
)
def test_how_a_text_was_typed_makes_no_difference(pairs: list[tuple[str, str]], before: str, text: str) -> None:
    search = Search(pairs)
    search.find(before)
    for end in range(len(text) + 1):
        search.find(text[:end])
    assert list(search.find(text)) == list(Search(pairs).find(text))


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=8)), max_size=20), st.text(max_size=6))
def test_what_contains_the_text_is_always_found(pairs: list[tuple[str, str]], text: str) -> None:
    places = set(Search(pairs).find(text))
    words = folded(text).split()
    for place, (title, key) in enumerate(pairs):
        if all(word in folded(title) or word in folded(key) for word in words):
            assert place in places

"""Owns the reading of a filter line: what its words, brackets and operators ask for, or why they cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from tui_app.models.filter import EVERYTHING, AllOf, AnyOf, AnyText, Filter, Not, Pattern
from tui_app.models.filter_condition import Condition, condition
from tui_app.models.filter_fault import EXPECTED, FilterError, Written, explained, shown
from tui_app.models.filter_grammar import UNREADABLE, parser, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from lark import Token, Tree

__all__ = ["FilterError", "parse", "prepare"]

LONGEST: Final = 4_000
"""Characters in a line; a paste gone wrong must be answered at once."""
MOST_CONDITIONS: Final = 200
DEEPEST: Final = 50


def prepare() -> None:
    """Build the parser, so that the first filter need not wait for it."""
    parser()


def parse(line: str, *, now: datetime, zone: tzinfo | None = None) -> Filter:
    """Return what a filter line asks for; an empty line asks for everything.

    Days such as `today` are fixed by this reading: read the line again when the day changes. Lengths of time
    (`age<7d`) are not. Groups of one kind inside each other are one group, and double negations are none.

    Args:
        line: as typed.
        now: aware; its day is `today`.
        zone: of dates without an offset; None is the machine's own, as wherever times are shown.

    Raises:
        FilterError: the line cannot be read; it says where, why, and what was expected.
    """
    if len(line) > LONGEST:
        cause = f"The filter has {len(line):,} characters; at most {LONGEST:,} are read."
        raise FilterError(cause, "Shorten it.", start=LONGEST, end=len(line))
    if (hidden := UNREADABLE.search(line)) is not None:
        cause = f"The filter holds a character that cannot be seen, U+{ord(hidden[0]):04X}."
        raise FilterError(cause, "Delete it; a * stands for any text.", start=hidden.start(), end=hidden.end())
    if not line.strip():
        return EVERYTHING
    ready = parser()
    from lark import UnexpectedInput  # noqa: PLC0415 - loaded with the parser, see filter_grammar

    try:
        tree = ready.parse(line)
    except UnexpectedInput as error:
        raise explained(error, line) from None
    return _Reading(now, zone).of_line(tree)


class _Reading:
    """Turns the parts of one parsed line into filters."""

    def __init__(self, now: datetime, zone: tzinfo | None) -> None:
        self._now, self._zone = now, zone
        self._conditions = 0

    def of_line(self, start: Tree[Token]) -> Filter:
        return self._of(_tree(start.children[0]), 0)

    def _of(self, tree: Tree[Token], depth: int) -> Filter:
        if depth > DEEPEST:
            raise _first(tree).fault(f"More than {DEEPEST} groups lie inside each other.", "Leave some brackets out.")
        if tree.data in {"any_of", "all_of"}:
            group = AnyOf if tree.data == "any_of" else AllOf
            return group(tuple(self._parts(tree, depth, group)))
        if tree.data == "negated":
            *signs, whole = tree.children
            part = self._of(_tree(whole), depth + 1)
            return _negation(part) if len(signs) % 2 else part
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            cause = f"The filter has more than {MOST_CONDITIONS} conditions."
            raise _first(tree).fault(cause, "Several values of one field count once: id:24113,24114.")
        return self._condition(tuple(_written(cast("Token", one)) for one in tree.children))

    def _parts(self, tree: Tree[Token], depth: int, group: type[AllOf | AnyOf]) -> Iterator[Filter]:
        for one in tree.children:
            part = self._of(_tree(one), depth + 1)
            if isinstance(part, AllOf | AnyOf) and isinstance(part, group):
                yield from part.parts
            else:
                yield part

    def _condition(self, words: tuple[Written, ...]) -> Filter:
        if len(words) == 1:
            return _text(words[0])
        field, sign, *values = words
        asked = Condition(field, sign, tuple(values))
        found = condition(asked, now=self._now, zone=self._zone)
        return _negation(found) if asked.is_negated else found


def _text(word: Written) -> Filter:
    if word.text == "-":
        raise word.fault("A - stands alone.", 'Put it right before what it negates, or in quotes: "-".')
    if word.text.startswith((":", "<", ">", "=", "!=")):
        raise word.fault(f"No field stands before {shown(word.text)}.", "Write it like age<7d, or put it in quotes.")
    found = pieces(word.text)
    if found == ("",):
        raise word.fault("The phrase is empty.", EXPECTED)
    # Open at both ends, but for stars that are written there already.
    inner = found if len(found) == 1 else found[found[0] == "" : len(found) - (found[-1] == "")]
    return AnyText(Pattern(("", *inner, "")))


def _negation(part: Filter) -> Filter:
    return part.part if isinstance(part, Not) else Not(part)


def _written(token: Token) -> Written:
    return Written(str(token), cast("int", token.start_pos))


def _tree(node: Tree[Token] | Token) -> Tree[Token]:
    return cast("Tree[Token]", node)


def _first(tree: Tree[Token]) -> Written:
    return _written(next(iter(tree.scan_values(lambda _: True))))

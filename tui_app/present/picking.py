"""Owns the search among many things that can be chosen: forgiving, best first, quick enough for every keystroke."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT, _START, _WORD, _INSIDE, _SCATTERED = range(5)
_LEAST_SCATTERED: Final = 3
"""Letters of a word that are worth finding scattered: two are in almost everything."""
_ENOUGH: Final = 200
"""So many plain finds leave nobody looking for scattered ones."""
_BREAKS: Final = re.compile(r"[^0-9a-z\u0080-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class PickItem:
    """One thing to choose; all of its texts may be hostile.

    Attributes:
        key: what is answered with.
        title: what people call it.
        aside: a word or an id that stands at the end of its line.
        refusal: why it will not do, "" if it will.
    """

    key: str
    title: str
    aside: str = ""
    refusal: str = ""


class Search:
    """Finds things by what they are called and by their keys.

    Every word of the text must be in one of the two: as a whole, at the beginning, at the beginning of a word,
    anywhere, or, where few are found so, with other letters between its own. Capitals and accents do not count.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Prepare the search.

        Args:
            pairs: title and key of each.
        """
        # Both with a blank before each word, so that the beginning of a word is found as plainly as any letter.
        self._folded = [f" {folded(title)}\n {folded(key)}\n" for title, key in pairs]
        self._broken: list[str] | None = None
        self._last: tuple[str, list[int]] | None = None

    def find(self, text: str) -> Sequence[int]:
        """Return the places of those that match, best first; all of them in their order for a blank text."""
        words = folded(text).split()
        if not words:
            self._last = None
            return range(len(self._folded))
        asked = " ".join(words)
        # A text that has grown finds nothing that the shorter one has not.
        last = self._last
        among: Sequence[int] = last[1] if last is not None and asked.startswith(last[0]) else range(len(self._folded))
        found = self._plain(words, among)
        if len(found) < _ENOUGH:
            found += self._scattered(words, among, {place for _, place in found})
            self._last = (asked, sorted(place for _, place in found))
        else:
            self._last = None
        found.sort()
        return [place for _, place in found]

    def _plain(self, words: Sequence[str], among: Sequence[int]) -> list[tuple[int, int]]:
        texts = self._folded
        first, *others = words
        found = []
        for place in among:
            text = texts[place]
            if first in text and all(word in text for word in others):
                found.append((sum(self._rank(word, place) for word in words), place))
        return found

    def _rank(self, word: str, place: int) -> int:
        text = self._folded[place]
        at = text.find(f" {word}")
        if at < 0:
            return _WORD if f" {word}" in self._words_of(place) else _INSIDE
        if at != 0 and text[at - 1] != "\n":
            return _WORD
        return _EXACT if text[at + len(word) + 1] == "\n" else _START

    def _words_of(self, place: int) -> str:
        """Return a text with blanks for whatever stands between words, such as the dots of a path."""
        if self._broken is None:
            self._broken = [""] * len(self._folded)
        if not self._broken[place]:
            self._broken[place] = _BREAKS.sub(" ", self._folded[place])
        return self._broken[place]

    def _scattered(self, words: Sequence[str], among: Sequence[int], there: set[int]) -> list[tuple[int, int]]:
        long = [word for word in words if len(word) >= _LEAST_SCATTERED]
        if not long:
            return []
        short = [word for word in words if len(word) < _LEAST_SCATTERED]
        patterns = [re.compile("[^\n]*?".join(map(re.escape, word))) for word in long]
        rank = _SCATTERED * len(words)
        texts = self._folded
        return [
            (rank, place)
            for place in among
            if place not in there
            and all(pattern.search(texts[place]) for pattern in patterns)
            and all(word in texts[place] for word in short)
        ]


def folded(text: str) -> str:
    """Return a text without capitals, accents and line breaks."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in parts if not unicodedata.combining(char))
    return text.replace("\n", " ").casefold()

"""Owns finding the texts that fit a pattern: among the few words that jobs share, and the few odd job ids."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tui_app.models.export_job import STATUSES
from tui_app.models.stage import STAGES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from tui_app.models.filter import Pattern

AMONG: Final = "IN (SELECT value FROM json_each(?))"
"""What follows a column that is to have one of many values, more than there may be parameters."""
NOT_ASCII: Final = "length(text) <> length(CAST(text AS BLOB))"
"""Holds for a word with other letters than ASCII's, or a NUL; the condition of the index `word_odd`."""
_PIECES_MOST: Final = 20
_LIKE_MOST: Final = 200


class Words:
    """The texts of one history as they are at one moment, folded for comparing without case; each kind read once."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._texts: dict[str, list[tuple[int, tuple[str, ...]]]] = {}

    def fitting(self, kind: str, patterns: Sequence[Pattern]) -> list[int]:
        """Return the numbers of the words of a kind (of a dataset also by its name) that hold a text that fits."""
        fits, pieces = fits_any(patterns), _pieces(patterns)
        words = self._of(kind) if kind == "dataset" or pieces is None else self._holding(kind, pieces)
        return [number for number, texts in words if any(map(fits, texts))]

    def odd_ids(self, fits: Callable[[str], object]) -> list[int]:
        """Return the rows of jobs whose id is no number and fits."""
        return [row for row, text in self._odd_ids if fits(text)]

    def statuses(self, fits: Callable[[str], object]) -> list[str]:
        """Return the statuses that fit: of those we know, and those of jobs that have not ended."""
        return [one for one in self._statuses if fits(one.casefold())]

    @staticmethod
    def stages(fits: Callable[[str], object]) -> list[str]:
        """Return the stages that fit."""
        return [one for one in STAGES if fits(one)]

    def _of(self, kind: str) -> list[tuple[int, tuple[str, ...]]]:
        if kind not in self._texts:
            self._texts[kind] = list(self._datasets() if kind == "dataset" else self._plain(kind))
        return self._texts[kind]

    def _plain(self, kind: str) -> Iterable[tuple[int, tuple[str, ...]]]:
        return self._folded(kind, self._db.execute("SELECT word_id, text FROM word WHERE kind = ?", (kind,)))

    def _holding(self, kind: str, pieces: Sequence[str]) -> Iterable[tuple[int, tuple[str, ...]]]:
        """Return the words of a kind that may hold one of these pieces, which are of ASCII letters only.

        SQLite looks for them: where each job has segments or errors of its own there are 200,000 words, which would
        hold up the interpreter, and with it every key, for a third of a second. Of other scripts than ASCII it does
        not know what is the same in small letters; such words are few and come from an index of their own.
        """
        likes = " OR ".join(["text LIKE ? ESCAPE '\\'"] * len(pieces))
        found = self._db.execute(
            f"SELECT word_id, text FROM word WHERE kind = ? AND ({likes}) "  # noqa: S608 - all that was typed is a value
            f"UNION SELECT word_id, text FROM word WHERE {NOT_ASCII} AND kind = ?",
            (kind, *map(_like, pieces), kind),
        )
        return self._folded(kind, found)

    @staticmethod
    def _folded(kind: str, found: Iterable[tuple[int, str]]) -> Iterable[tuple[int, tuple[str, ...]]]:
        for number, text in found:
            folded = text.casefold()
            yield number, tuple(filter(None, folded.split(" "))) if kind == "segments" else (folded,)

    def _datasets(self) -> Iterable[tuple[int, tuple[str, ...]]]:
        found = self._db.execute(
            "SELECT word_id, text, COALESCE(name, '') FROM word "
            "LEFT JOIN lookup ON lookup.kind = 'dataset' AND item_id = text WHERE word.kind = 'dataset'"
        )
        for number, item_id, name in found:
            yield number, tuple(one.casefold() for one in (item_id, name) if one)

    @cached_property
    def _odd_ids(self) -> list[tuple[int, str]]:
        found = self._db.execute("SELECT row, job_id FROM job WHERE number = 0")
        return [(row, job_id.casefold()) for row, job_id in found]

    @cached_property
    def _statuses(self) -> list[str]:
        # Jobs that ended have one of the known statuses; only among the others, few, may be words nobody knows.
        found = self._db.execute("SELECT DISTINCT status FROM job WHERE terminal = 0")
        return list(dict.fromkeys((*STATUSES, *(one for (one,) in found))))


def fits_any(patterns: Sequence[Pattern]) -> Callable[[str], object]:
    """Return what tells whether a folded text fits one of the patterns, as `Pattern.matches` would.

    However many patterns there are, a text is looked at once; no pattern makes that slow.
    """
    whole = {pattern.pieces[0].casefold() for pattern in patterns if pattern.is_whole}
    with_gaps = [
        _expression([one.casefold() for one in pattern.pieces]) for pattern in patterns if not pattern.is_whole
    ]
    if not with_gaps:
        return whole.__contains__
    search = re.compile("|".join(with_gaps), re.DOTALL).search
    return (lambda text: text in whole or search(text)) if whole else search


def _pieces(patterns: Sequence[Pattern]) -> list[str] | None:
    """Return a piece of each pattern that every text must hold to fit it; None where SQLite cannot look for them."""
    longest = [max(one.pieces, key=len) for one in patterns]
    can_be = len(longest) <= _PIECES_MOST and all(one and one.isascii() and "\0" not in one for one in longest)
    return longest if can_be else None


def _like(piece: str) -> str:
    # A part will do for what is looked at once more, and SQLite takes no pattern of any length.
    escaped = piece[:_LIKE_MOST].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def as_list(values: Iterable[int | str]) -> str:
    """Return the values as the one parameter of `AMONG`: of texts only those without a NUL."""
    return json.dumps(list(values))


def _expression(pieces: Sequence[str]) -> str:
    first, *between, last = pieces
    if not first and not last and len(between) == 1:
        return re.escape(between[0])
    # Each piece at its first place and never tried elsewhere again: otherwise a row of stars takes for ever.
    gaps = "".join(f"(?>.*?{re.escape(one)})" for one in between)
    return rf"\A{re.escape(first)}{gaps}.*{re.escape(last)}\Z"

"""Owns turning a filter into a condition on rows of `job`; whatever a person typed travels as a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tui_app.history.words import AMONG, Words, as_list, fits_any
from tui_app.models.filter import AllOf, AnyOf, AnyText, Filter, Is, Not, OneOf, Within
from tui_app.models.stage import OVERDUE_AFTER_MS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from tui_app.models.filter import Pattern

Values: TypeAlias = tuple[int | str | bytes, ...]

ELAPSED: Final = (
    "CASE WHEN job.duration_ms IS NOT NULL THEN job.duration_ms "
    "WHEN job.terminal = 0 AND job.gone_ms IS NULL AND job.created_ms <> 0 THEN ? - job.created_ms END"
)
"""How long a job took or has been running, ms; its parameter is now."""
STAGE: Final = "CASE WHEN job.status = 'FAILED' OR job.terminal = 0 AND job.gone_ms IS NULL THEN job.stage END"
"""The stage a running job is in or a failed one failed in."""
STUCK: Final = "job.terminal = 0 AND job.gone_ms IS NULL AND job.updated_ms < ?"
"""Whether a job runs without a sign of life; its parameter is `overdue_before`."""

_FLAGS: Final = {"mine": "job.scheduled = 0", "gone": "job.gone_ms IS NOT NULL", "stuck": STUCK}
_MOMENTS: Final = {"updated": "job.updated_ms", "ended": "job.ended_ms", "profiles": "job.profiles"}
_WORDS: Final = {"dataset": "dataset", "segment": "segments", "policy": "policy", "error": "error"}

_LONGEST_NUMBER: Final = 18
"""Digits of the longest id that `recording` keeps as a number too."""
_SHORTEST_BATCH: Final = 6
"""Characters of a text that is looked for among the batches: shorter ones begin half of them."""
_LONGEST_BATCH: Final = 1_000
_LAST_CHARACTER: Final = "\U0010ffff"
_MOST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL with the values of its `?`, in order; not true (false or NULL) where it does not hold."""

    sql: str
    values: Values = ()


ALWAYS: Final = Condition("1")
NEVER: Final = Condition("0")


def overdue_before(now_ms: int) -> int:
    """Return the update time, epoch ms, before which a running job may be stuck (API reference 2.9)."""
    return now_ms - OVERDUE_AFTER_MS


def select(  # noqa: PLR0917 - a statement has as many parts
    db: sqlite3.Connection, columns: str, where: Condition, rest: str = "", before: Values = (), after: Values = ()
) -> sqlite3.Cursor:
    """Run `SELECT columns FROM job WHERE where rest`; none of the texts may come from outside.

    Args:
        db: where.
        columns: what to read.
        where: of which jobs.
        rest: what follows, such as an order.
        before: values of `columns`.
        after: values of `rest`.
    """
    asked = f"SELECT {columns} FROM job WHERE {where.sql} {rest}"  # noqa: S608 - all that was typed is in the values
    return db.execute(asked, (*before, *where.values, *after))


def condition(db: sqlite3.Connection, wanted: Filter, now_ms: int) -> Condition:
    """Return the condition that holds for the jobs that pass a filter.

    Texts are looked for first among the words that jobs share, some thousands, so that the condition on a million
    rows compares numbers.

    Args:
        db: where to look the words up; the condition is good for this moment of it.
        wanted: the filter.
        now_ms: epoch ms, for ages and for durations of jobs that run.
    """
    return _Translation(Words(db), db, now_ms).of(wanted)


class _Translation:
    """One filter on its way to SQL."""

    def __init__(self, words: Words, db: sqlite3.Connection, now_ms: int) -> None:
        self._words, self._db, self._now_ms = words, db, now_ms

    def of(self, wanted: Filter) -> Condition:
        match wanted:
            case AnyText(pattern):
                found = self._text((pattern,))
            case OneOf(field, patterns):
                found = self._one_of(field, patterns)
            case Within(field, low, high):
                found = self._within(field, low, high)
            case Is(field, holds):
                found = self._flag(field) if holds else _negated(self._flag(field))
            case Not(part):
                found = _negated(self.of(part))
            case AllOf(parts):
                found = _all([self.of(part) for part in parts])
            case AnyOf(parts):
                found = self._any_of(parts)
        return found

    def _any_of(self, parts: Sequence[Filter]) -> Condition:
        # Texts together, so that the words are gone through once for all of them.
        texts = tuple(part.pattern for part in parts if isinstance(part, AnyText))
        others = [self.of(part) for part in parts if not isinstance(part, AnyText)]
        return _any([self._text(texts), *others] if texts else others)

    def _flag(self, field: str) -> Condition:
        return Condition(_FLAGS[field], (overdue_before(self._now_ms),) if field == "stuck" else ())

    def _text(self, patterns: Sequence[Pattern]) -> Condition:
        fields = [self._one_of(field, patterns) for field in ("status", "stage", *_WORDS, "id")]
        # A batch id has too little meaning to be looked for inside, and there are as many as jobs: by its beginning.
        batches = [one for one in map(_from_beginning, patterns) if one is not None]
        return _any([*fields, self._batch(batches)])

    def _one_of(self, field: str, patterns: Sequence[Pattern]) -> Condition:
        if field == "batch":
            return self._batch(patterns)
        fits = fits_any(patterns)
        if field == "id":
            return _any([_numbers("job.row", self._words.odd_ids(fits)), _numeric_id(patterns)])
        if field == "status":
            return _texts("job.status", self._words.statuses(fits))
        if field == "stage":
            return _texts(STAGE, self._words.stages(fits))
        return _numbers(f"job.{_WORDS[field]}", self._words.fitting(_WORDS[field], patterns))

    def _batch(self, patterns: Sequence[Pattern]) -> Condition:
        found = _any([_batch_id(one) for one in patterns])
        rows = f"SELECT row FROM batch WHERE {found.sql}"  # noqa: S608 - all that was typed is in the values
        # Asked first, so that a million jobs need not be looked up among none.
        any_row = found != NEVER and self._db.execute(f"{rows} LIMIT 1", found.values).fetchone()
        return Condition(f"job.row IN ({rows})", found.values) if any_row else NEVER

    def _within(self, field: str, low: int | None, high: int | None) -> Condition:
        if field == "duration":
            return _between(Condition(f"({ELAPSED})", (self._now_ms,)), low, high)
        if field in _MOMENTS:
            return _between(Condition(_MOMENTS[field]), low, high)
        if field == "age":
            low, high = (None if one is None else self._now_ms - one for one in (high, low))
        return _all([Condition("job.created_ms <> 0"), _between(Condition("job.created_ms"), low, high)])


def _numeric_id(patterns: Sequence[Pattern]) -> Condition:
    """Return the condition on ids that are numbers, which only digits can fit."""
    possible = [
        one.pieces
        for one in patterns
        if (text := "".join(one.pieces)) == "" or (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER)
    ]
    whole = [pieces[0] for pieces in possible if len(pieces) == 1]
    known = Condition(f"job.job_id {AMONG}", (as_list(whole),)) if whole else NEVER
    return _any([known, *(_number_like(pieces) for pieces in possible if len(pieces) > 1)])


def _number_like(pieces: Sequence[str]) -> Condition:
    found = Condition("job.job_id LIKE ?", ("%".join(pieces),))
    # To LIKE a text ends at a NUL, which an odd id may hold; only there it would take one end for another.
    return found if not pieces[-1] else _all([Condition("job.number > 0"), found])


def _from_beginning(pattern: Pattern) -> Pattern | None:
    """Return the pattern of batch ids that begin with what a search asks for; None when that is too short."""
    _, *pieces = pattern.pieces
    return type(pattern)(tuple(pieces)) if len(pieces[0]) >= _SHORTEST_BATCH else None


def _batch_id(pattern: Pattern) -> Condition:
    """Return a condition on rows of `batch`; their ids are compared without case in ASCII, as the index holds them."""
    text = "".join(pattern.pieces)
    if len(text) > _LONGEST_BATCH or not text.isprintable():
        return NEVER
    first, *others = pattern.pieces
    if not others:
        return Condition("batch_id = ?", (first,))
    begins = Condition("batch_id >= ? AND batch_id < ?", (first, first + _LAST_CHARACTER)) if first else ALWAYS
    if others == [""]:
        return begins
    literal = (one.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for one in pattern.pieces)
    return _all([begins, Condition("batch_id LIKE ? ESCAPE '\\'", ("%".join(literal),))])


def _numbers(column: str, values: Sequence[int]) -> Condition:
    if not values:
        return NEVER
    if len(values) == 1:
        return Condition(f"{column} = ?", (values[0],))
    return Condition(f"{column} {AMONG}", (as_list(values),))


def _texts(column: str, values: Sequence[str]) -> Condition:
    return Condition(f"{column} IN ({', '.join('?' * len(values))})", tuple(values)) if values else NEVER


def _between(number: Condition, low: int | None, high: int | None) -> Condition:
    bounds = [
        Condition(f"{number.sql} {sign} ?", (*number.values, max(-_MOST, min(_MOST, bound))))
        for sign, bound in ((">=", low), ("<=", high))
        if bound is not None
    ]
    return _all(bounds) if bounds else Condition(f"{number.sql} IS NOT NULL", number.values)


def _negated(part: Condition) -> Condition:
    if part in {ALWAYS, NEVER}:
        return ALWAYS if part == NEVER else NEVER
    # Not `NOT`, which leaves NULL as it is: where something is unknown, the part does not hold, so this does.
    return Condition(f"({part.sql}) IS NOT TRUE", part.values)


def _all(parts: Sequence[Condition]) -> Condition:
    return _joined(parts, "AND", neutral=ALWAYS, decisive=NEVER)


def _any(parts: Sequence[Condition]) -> Condition:
    return _joined(parts, "OR", neutral=NEVER, decisive=ALWAYS)


def _joined(parts: Sequence[Condition], word: str, *, neutral: Condition, decisive: Condition) -> Condition:
    left = [part for part in parts if part != neutral]
    if decisive in left:
        return decisive
    if not left:
        return neutral
    # In pairs of pairs: SQLite takes expressions up to a depth of 1,000, and a long row of ORs is that deep.
    while len(left) > 1:
        pairs = [
            Condition(f"({one.sql} {word} {other.sql})", one.values + other.values)
            for one, other in zip(left[::2], left[1::2], strict=False)
        ]
        left = pairs + left[2 * len(pairs) :]
    return left[0]

"""Owns what can stand after a field of the filter: values from history that begin as typed, the newest in use first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tui_app.history.filtering import ALWAYS, select
from tui_app.models.export_job import STATUSES
from tui_app.models.stage import STAGES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_NEWEST: Final = "ORDER BY job.created_ms DESC, job.number DESC, job.row LIMIT 3000"
_WORDS: Final = {"dataset": "dataset", "segment": "segments", "error": "error", "policy": "policy"}
_LONGEST: Final = 1_000
_LAST_CHARACTER: Final = "\U0010ffff"


def values(db: sqlite3.Connection, field: str, prefix: str, limit: int) -> tuple[str, ...]:
    """Return at most `limit` values of a field that begin with `prefix`, without regard to case.

    First those of the newest few thousand jobs, the most frequent first; then the others, the newest first. A dataset
    is offered by its name and by its id, an error by its code and by its message. Fields without such values have none.
    """
    if len(prefix) > _LONGEST or (prefix and not prefix.isprintable()):
        return ()
    beginning = prefix.casefold()
    found: dict[str, None] = {}
    for value in _candidates(db, field, prefix, limit):
        if len(found) >= limit:
            break
        if value.casefold().startswith(beginning):
            found[value] = None
    return tuple(found)


def _candidates(db: sqlite3.Connection, field: str, prefix: str, limit: int) -> Iterable[str]:
    if field in _WORDS:
        return _texts(db, field)
    if field == "stage":
        return STAGES
    if field == "status":
        known = db.execute("SELECT status FROM job WHERE terminal = 0 GROUP BY 1 ORDER BY COUNT(*) DESC")
        return (*STATUSES, *(one for (one,) in known))
    if field == "id":
        return _ids(db, prefix, limit)
    if field == "batch":
        return _batches(db, prefix, limit)
    return ()


def _texts(db: sqlite3.Connection, field: str) -> Iterator[str]:
    kind = _WORDS[field]
    recent = Counter(one for (one,) in select(db, f"job.{kind}", ALWAYS, _NEWEST) if one is not None)
    words = {
        number: (text, name)
        for number, text, name in db.execute(
            "SELECT word_id, text, name FROM word LEFT JOIN lookup ON lookup.kind = word.kind AND item_id = text "
            "WHERE word.kind = ? ORDER BY word_id DESC",
            (kind,),
        )
    }
    often: Counter[str] = Counter()
    for number, count in recent.items():
        if number in words:  # else retention took its last job away in between
            often.update(dict.fromkeys(_spelled(field, *words[number]), count))
    yield from (value for value, _ in often.most_common())
    for text, name in words.values():
        yield from _spelled(field, text, name)


def _spelled(field: str, text: str, name: str | None) -> Iterable[str]:
    if field == "dataset":
        return filter(None, (name, text))
    if field == "segment":
        return text.split(" ")
    if field == "error":
        return (part for line in text.split("\n") for part in _code_and_message(line))
    return (text,)


def _code_and_message(line: str) -> Iterable[str]:
    code, _, message = line.partition(" ")
    return filter(None, (code, message))


def _ids(db: sqlite3.Connection, prefix: str, limit: int) -> Iterator[str]:
    yield from (one for (one,) in select(db, "job.job_id", ALWAYS, _NEWEST))
    older = db.execute(
        "SELECT job_id FROM job WHERE job_id >= ? AND job_id < ? ORDER BY job_id DESC LIMIT ?",
        (prefix, prefix + _LAST_CHARACTER, limit),
    )
    yield from (one for (one,) in older)


def _batches(db: sqlite3.Connection, prefix: str, limit: int) -> Iterator[str]:
    # Ids made by the platform begin with their time, so the last ones are the newest.
    found = db.execute(
        "SELECT batch_id FROM batch WHERE batch_id >= ? AND batch_id < ? ORDER BY batch_id DESC LIMIT ?",
        (prefix, prefix + _LAST_CHARACTER, limit),
    )
    yield from (one for (one,) in found)

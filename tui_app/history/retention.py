"""Owns how much history is kept: which jobs go, in what portions, and that they do not come back."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tui_app.history.errors import HistoryError
from tui_app.history.packing import unpacked
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from tui_app.history.database import Database

DAY_MS: Final = 24 * 3_600_000
_MIB: Final = 1024 * 1024
_FLOOR: Final = "retention.floor_ms"
"""Note of the creation time, epoch ms, before which an ended job that is not stored is not to be stored."""
_RULE: Final = "retention.rule"
"""Note of the retention that the floor is of."""
_PORTION: Final = 100
_PAGES: Final = 500
_TRIES: Final = 3
_USED: Final = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_KINDS: Final = ("dataset", "segments", "error", "policy")


@dataclass(frozen=True, slots=True)
class Retention:
    """What to keep; None is everything.

    Attributes:
        keep_days: ended jobs made longer ago than this go.
        keep_mib: the oldest ended jobs go until the file's content is no larger than this, in MiB.

    Raises:
        ValueError: a limit is not a positive number.
    """

    keep_days: float | None = None
    keep_mib: float | None = None

    def __post_init__(self) -> None:
        for name, limit in (("keep_days", self.keep_days), ("keep_mib", self.keep_mib)):
            if limit is not None and not (math.isfinite(limit) and limit > 0):
                raise ValueError(f"{name} must be a positive number, not {limit}; leave it out to keep everything.")

    def __bool__(self) -> bool:
        return self.keep_days is not None or self.keep_mib is not None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning did."""

    jobs: int = 0


def floor_ms(db: sqlite3.Connection) -> int:
    """Return the creation time before which ended jobs are not stored any more, 0 when all are."""
    return int(_read_note(db, _FLOOR) or 0)


async def keep_to(database: Database, retention: Retention, *, now_ms: int, walk: str) -> None:
    """Put a retention in force; see `History.keep_to`."""
    rule = repr(retention) if retention else ""
    if await database.read(lambda db: _read_note(db, _RULE)) == rule:
        return

    def change(db: sqlite3.Connection) -> None:
        before, after = floor_ms(db), _age_limit_ms(retention, now_ms)
        _note(db, _RULE, rule)
        _note(db, _FLOOR, str(after))
        if after < before:
            # In the same transaction: a kill in between would leave a gap that nothing fills again.
            _note(db, walk, "")

    await database.write(change)


async def prune(database: Database, retention: Retention, *, now_ms: int, walk: str) -> Pruned:
    """Remove the oldest ended jobs that a retention does not keep; see `History.prune`."""
    await keep_to(database, retention, now_ms=now_ms, walk=walk)
    removed = 0
    words: set[int] = set()
    while count := await database.write(lambda db: _remove_portion(db, retention, now_ms, words)):
        removed += count
    if words:
        await _remove_words(database, frozenset(words))
    if removed:
        while await database.write(_give_back):
            pass
    return Pruned(removed)


def _remove_portion(db: sqlite3.Connection, retention: Retention, now_ms: int, words: set[int]) -> int:
    """Remove some jobs, the oldest first, and return how many; 0 when no more may or need go."""
    before_ms = _age_limit_ms(retention, now_ms)
    if before_ms > floor_ms(db):
        _note(db, _FLOOR, str(before_ms))
    if retention.keep_mib is not None and db.execute(_USED).fetchone()[0] > retention.keep_mib * _MIB:
        before_ms = now_ms
    if not before_ms:
        return 0
    # What was made since the oldest creation that is in doubt may be the very job that is searched for.
    (doubt_ms,) = db.execute("SELECT MIN(opened_ms) FROM intent WHERE state = 'open'").fetchone()
    found = db.execute(
        f"""SELECT row, job_id, created_ms, raw, {", ".join(_KINDS)} FROM job JOIN answer USING (row)
            WHERE created_ms > 0 AND created_ms < ? AND (terminal OR gone_ms IS NOT NULL)
            ORDER BY created_ms, number LIMIT ?""",  # noqa: S608 - constants only
        (min(before_ms, doubt_ms if doubt_ms is not None else before_ms), _PORTION),
    ).fetchall()
    if not found:
        return 0
    rows = [(one[0],) for one in found]
    db.executemany("DELETE FROM batch WHERE batch_id = ? AND row = ?", [*_batches(found)])
    db.executemany("DELETE FROM answer WHERE row = ?", rows)
    db.executemany("DELETE FROM job WHERE row = ?", rows)
    db.executemany("DELETE FROM transition WHERE job_id = ?", [(one[1],) for one in found])
    words.update(word for one in found for word in one[4:] if word is not None)
    # In the same transaction: a crash must not leave a gap that the next sync fills again.
    _note(db, _FLOOR, str(max(floor_ms(db), found[-1][2] + 1)))
    return len(found)


def _batches(found: Iterable[Sequence[Any]]) -> Iterator[tuple[str, int]]:
    for row, _, _, raw, *_ in found:
        with contextlib.suppress(HistoryError):  # what cannot be read back leaves a line that leads nowhere
            yield from ((one.batch_id, row) for one in ExportJob.parse(unpacked(raw)).batches)


async def _remove_words(database: Database, words: frozenset[int]) -> None:
    """Remove those of the words that no job uses any more, as far as nothing is written meanwhile.

    To see which are used, every job is looked at, and that takes longer than the writer may stand still. So it is done
    beside the writer and counts only if nothing was written until it was used; what is left over does no harm.
    """
    for _ in range(_TRIES):
        before = await database.write(_generation)
        used = await database.inspect(_used_words)
        unused = [(word,) for word in words - used]

        def remove(db: sqlite3.Connection, before: Any = before, unused: Any = unused) -> bool:
            if _generation(db) != before:
                return False
            db.executemany("DELETE FROM word WHERE word_id = ?", unused)
            return True

        if await database.write(remove):
            return


def _generation(db: sqlite3.Connection) -> tuple[int, int]:
    """Return what differs as soon as anybody has written: this connection, or another one."""
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return db.total_changes, int(version)


def _used_words(db: sqlite3.Connection) -> frozenset[int]:
    return frozenset(
        word
        for kind in _KINDS
        for (word,) in db.execute(f"SELECT DISTINCT {kind} FROM job")  # noqa: S608 - constants only
        if word is not None
    )


def _give_back(db: sqlite3.Connection) -> bool:
    """Return some free pages of the file to the disk, and tell whether there may be more.

    A file begun by an earlier aepx cannot shrink; its free pages are used for new jobs.
    """
    (mode,) = db.execute("PRAGMA auto_vacuum").fetchone()
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    if mode != 2 or not free:  # noqa: PLR2004 - SQLite's number of INCREMENTAL
        return False
    for _ in range(min(free, _PAGES)):
        # One page a statement: of more, the module sqlite3 takes the first step only.
        db.execute("PRAGMA incremental_vacuum(1)")
    return bool(free > _PAGES)


def _age_limit_ms(retention: Retention, now_ms: int) -> int:
    return max(0, now_ms - int(retention.keep_days * DAY_MS)) if retention.keep_days is not None else 0


def _read_note(db: sqlite3.Connection, key: str) -> str:
    found = db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
    return str(found[0]) if found is not None else ""


def _note(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)", (key, value))

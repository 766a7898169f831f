"""Owns writing down what the platform showed of export jobs: what is new, what changed, what came too late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui_app.history.errors import HistoryError
from tui_app.history.packing import digest, packed, spelled, unpacked
from tui_app.history.retention import floor_ms
from tui_app.history.words import as_list
from tui_app.models.export_job import CANCELLED, SUCCEEDED, ExportJob
from tui_app.models.stage import current, duration_ms, ended_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from tui_app.models.stage import Stage

# Our clock and another program's on the same file may differ by this much; more means that a clock was set back.
_CLOCK_SLACK_MS: Final = 5_000
_ASKED_AT_ONCE: Final = 500
_LARGEST_DIGITS: Final = 18
_READ: Final = (
    "SELECT job_id, row, digest, asked_ms, changed_ms, updated_ms, status, stage, terminal, gone_ms "
    "FROM job JOIN answer USING (row)"
)
_COLUMNS: Final = (
    "job_id",
    "number",
    "status",
    "terminal",
    "created_ms",
    "updated_ms",
    "ended_ms",
    "duration_ms",
    "stage",
    "stage_since_ms",
    "dataset",
    "segments",
    "error",
    "policy",
    "segment_count",
    "batch_count",
    "profiles",
    "scheduled",
)
_INSERT: Final = f"INSERT INTO job ({', '.join(_COLUMNS)}, row) VALUES ({', '.join('?' * len(_COLUMNS))}, ?)"  # noqa: S608 - constants only
_UPDATE: Final = f"UPDATE job SET {', '.join(f'{one} = ?' for one in _COLUMNS)}, gone_ms = NULL WHERE row = ?"  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Applied:
    """What writing one answer changed: ids never seen before, and ids whose content differs."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.changed)


class _Stored(NamedTuple):
    """What is known of a job when an answer about it comes."""

    row: int
    digest: bytes
    asked_ms: int
    changed_ms: int
    updated_ms: int | None
    status: str
    stage: str | None
    terminal: int
    gone_ms: int | None


def record(db: sqlite3.Connection, jobs: Sequence[ExportJob], seen_ms: int, asked_ms: int) -> Applied:
    """Write one answer within the open transaction; see `Jobs.apply`.

    Ended jobs that retention has removed are not written again.
    """
    stored = _stored(db, [job.job_id for job in jobs])
    answer = _Answer(db, seen_ms, asked_ms)
    kept_from_ms = floor_ms(db)
    new: list[str] = []
    changed: list[str] = []
    for job in jobs:
        known = stored.get(job.job_id)
        if known is None:
            if job.is_terminal and 0 < (job.created_ms or 0) < kept_from_ms:
                continue
        elif _is_stale(job, known, seen_ms=seen_ms, asked_ms=asked_ms):
            continue
        text = spelled(job.raw)
        mark = digest(text, job.raw)
        if known is not None and known.gone_ms is None and answer.is_known(job, mark, known):
            continue
        stored[job.job_id] = answer.take(job, text, mark, known)
        (new if known is None else changed).append(job.job_id)
    answer.write()
    return Applied(tuple(new), tuple(changed))


def _stored(db: sqlite3.Connection, job_ids: Sequence[str]) -> dict[str, _Stored]:
    found: dict[str, _Stored] = {}
    for start in range(0, len(job_ids), _ASKED_AT_ONCE):
        part = job_ids[start : start + _ASKED_AT_ONCE]
        asked = f"{_READ} WHERE job_id IN ({', '.join('?' * len(part))})"
        found.update((one[0], _Stored._make(one[1:])) for one in db.execute(asked, part))
    return found


def _is_stale(job: ExportJob, known: _Stored, *, seen_ms: int, asked_ms: int) -> bool:
    """Tell whether an answer shows a job as it was before the stored one."""
    if asked_ms < known.asked_ms:
        # Stored in our future: the clock was set back, and waiting for it would freeze the list.
        return known.asked_ms <= seen_ms + _CLOCK_SLACK_MS
    regressed = known.updated_ms is not None and job.updated_ms is not None and job.updated_ms < known.updated_ms
    if known.terminal and not job.is_terminal:
        # An ended job never runs again (API reference 2.4), so only an answer that is surely later may say so.
        return regressed or asked_ms < known.changed_ms
    return regressed and asked_ms < known.changed_ms


class _Answer:
    """The rows that one answer adds and changes, gathered so that each table is written in one go."""

    def __init__(self, db: sqlite3.Connection, seen_ms: int, asked_ms: int) -> None:
        self._db = db
        self._seen_ms = seen_ms
        self._asked_ms = asked_ms
        self._words: dict[tuple[str, str], int] = {}
        self._last_row: int | None = None
        self._new: list[tuple[Any, ...]] = []
        self._new_answers: list[tuple[Any, ...]] = []
        self._changed: list[tuple[Any, ...]] = []
        self._changed_answers: list[tuple[Any, ...]] = []
        self._batches: list[tuple[str, int]] = []
        self._transitions: list[tuple[Any, ...]] = []
        self._marks: list[tuple[bytes, int]] = []

    def is_known(self, job: ExportJob, mark: bytes, known: _Stored) -> bool:
        """Tell whether an answer says of a job what is stored of it, be it in another order."""
        if mark == known.digest:
            return True
        found = self._db.execute("SELECT raw FROM answer WHERE row = ?", (known.row,)).fetchone()
        if found is None or not _is_alike(found[0], job.raw):
            return False
        self._marks.append((mark, known.row))
        return True

    def take(self, job: ExportJob, text: bytes, mark: bytes, known: _Stored | None) -> _Stored:
        """Note a new or changed job down for `write`, and return what will be known of it then."""
        # An ended job is in no stage, unless it failed in one.
        stage = None if job.status in {SUCCEEDED, CANCELLED} else current(job, self._seen_ms)
        raw = packed(text)
        seen_ms, asked_ms = self._seen_ms, self._asked_ms
        if known is None:
            row = self._next_row()
            self._new.append((*self._columns(job, stage), row))
            self._new_answers.append((row, seen_ms, seen_ms, asked_ms, mark, raw))
        else:
            row = known.row
            self._changed.append((*self._columns(job, stage), row))
            self._changed_answers.append((seen_ms, asked_ms, mark, raw, row))
        self._batches.extend((one.batch_id, row) for one in job.batches)
        name = stage.name if stage is not None else None
        if known is None or (known.status, known.stage) != (job.status, name):
            self._transitions.append((job.job_id, seen_ms, job.status, name))
        return _Stored(row, mark, asked_ms, seen_ms, job.updated_ms, job.status, name, job.is_terminal, None)

    def write(self) -> None:
        """Write all that was noted down."""
        for statement, rows in (
            (_INSERT, self._new),
            ("INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?)", self._new_answers),
            (_UPDATE, self._changed),
            (
                "UPDATE answer SET changed_ms = ?, asked_ms = ?, digest = ?, raw = ? WHERE row = ?",
                self._changed_answers,
            ),
            ("INSERT OR IGNORE INTO batch VALUES (?, ?)", self._batches),
            ("INSERT INTO transition (job_id, seen_ms, status, stage) VALUES (?, ?, ?, ?)", self._unseen_transitions()),
            ("UPDATE answer SET digest = ? WHERE row = ?", self._marks),
        ):
            if rows:
                self._db.executemany(statement, rows)

    def _unseen_transitions(self) -> list[tuple[Any, ...]]:
        """Return the transitions to be written.

        Of a job that is new to this file a damaged one before it may have told more; that is seen once.
        """
        asked = "SELECT job_id, status, stage FROM transition WHERE job_id IN (SELECT value FROM json_each(?))"
        seen = set(self._db.execute(asked, (as_list([columns[0] for columns in self._new]),))) if self._new else ()
        return [one for one in self._transitions if (one[0], *one[2:]) not in seen]

    def _columns(self, job: ExportJob, stage: Stage | None) -> tuple[Any, ...]:
        job_id = job.job_id
        is_number = len(job_id) <= _LARGEST_DIGITS and job_id.isascii() and job_id.isdigit()
        return (
            job_id,
            int(job_id) if is_number else 0,
            job.status,
            job.is_terminal,
            job.created_ms or 0,
            job.updated_ms,
            ended_ms(job) if job.is_terminal else None,
            duration_ms(job, self._seen_ms) if job.is_terminal else None,
            stage.name if stage is not None else None,
            stage.started_ms if stage is not None else None,
            self._word("dataset", job.dataset_id or ""),
            self._word("segments", " ".join(dict.fromkeys(one.segment_id for one in job.segments))),
            self._word("error", error_text((one.code, one.message) for one in job.errors)) if job.errors else None,
            self._word("policy", job.merge_policy.id if job.merge_policy is not None else ""),
            len(job.segments),
            len(job.batches),
            job.metrics.profiles,
            job.schedule_id is not None,
        )

    def _next_row(self) -> int:
        if self._last_row is None:
            # Not the highest row there is: that of a job which retention removed is never given to another.
            found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'job'").fetchone()
            self._last_row = found[0] if found is not None else 0
        self._last_row += 1
        return self._last_row

    def _word(self, kind: str, text: str) -> int | None:
        """Return the number of a text, which is given one at its first use; None for an empty text.

        Remembered for this answer only: were it for longer, a transaction rolled back would leave numbers of nothing.
        """
        if not text:
            return None
        number = self._words.get((kind, text))
        if number is None:
            number = self._words[kind, text] = word_number(self._db, kind, text)
        return number


def record_gone(db: sqlite3.Connection, job_id: str, at_ms: int) -> None:
    """Mark a job that the platform no longer knows, within the open transaction; see `Jobs.mark_gone`."""
    found = db.execute(
        "SELECT status, stage, terminal, cancel_requested_ms, gone_ms FROM job WHERE job_id = ?", (job_id,)
    ).fetchone()
    if found is None or found[4] is not None:
        return
    status, stage, terminal, cancel_requested, _ = found
    if cancel_requested is not None and not terminal:
        # A cancelled job may vanish instead of showing a final status (API reference 2.7): ours did what we asked.
        status, terminal = CANCELLED, 1
    # What was asked for before this moment is older than the platform's word that there is no such job.
    db.execute(
        "UPDATE answer SET changed_ms = ?1, asked_ms = MAX(asked_ms, ?1) "
        "WHERE row = (SELECT row FROM job WHERE job_id = ?2)",
        (at_ms, job_id),
    )
    db.execute(
        "UPDATE job SET gone_ms = ?1, status = ?2, terminal = ?3, ended_ms = COALESCE(ended_ms, ?4), "
        "duration_ms = COALESCE(duration_ms, CASE WHEN created_ms > 0 THEN MAX(0, ?4 - created_ms) END) "
        "WHERE job_id = ?5",
        (at_ms, status, terminal, at_ms if status != found[0] else None, job_id),
    )
    if status != found[0]:
        db.execute(
            "INSERT INTO transition (job_id, seen_ms, status, stage) VALUES (?, ?, ?, ?)",
            (job_id, at_ms, status, stage),
        )


def word_number(db: sqlite3.Connection, kind: str, text: str) -> int:
    """Return the number of a text that is not empty, which is given one if it has none."""
    found = db.execute("SELECT word_id FROM word WHERE kind = ? AND text = ?", (kind, text)).fetchone()
    if found is None:
        found = db.execute("INSERT INTO word (kind, text) VALUES (?, ?) RETURNING word_id", (kind, text)).fetchone()
    return int(found[0])


def error_text(errors: Iterable[tuple[str, str]]) -> str:
    """Return code and message of each error on a line of its own; the first line is what a list shows."""
    return "\n".join(filter(None, (" ".join(f"{code} {message}".split()) for code, message in errors)))


def _is_alike(stored: bytes, raw: dict[str, Any]) -> bool:
    try:
        old = unpacked(stored)
    except HistoryError:
        return False  # written anew, and whole again
    return isinstance(old, dict) and {**old, "requestId": 0} == {**raw, "requestId": 0}

"""Owns the journal of creations: written before a request leaves, closed by what became of it.

Creating has no idempotency key (API reference 1.5), so this journal is what keeps a job from being made twice.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.history.database import Database

_log = logging.getLogger(__name__)

OPEN: Final = "open"
MADE: Final = "made"
NOT_MADE: Final = "not_made"


@dataclass(frozen=True, slots=True)
class Intent:
    """One creation that was about to be sent."""

    intent_id: int
    opened_ms: int
    owner: str
    """`host:pid` of the process that sends it."""
    fingerprint: str
    body: dict[str, Any]
    """Exactly what was to be sent."""
    state: str
    """`open`, `made` or `not_made`."""
    job_id: str | None
    note: str


class Intents:
    """The intent table of one history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, body: dict[str, Any], *, fingerprint: str, owner: str, at_ms: int) -> int:
        """Write down what is about to be sent and return its number; durable when this returns."""

        def insert(db: Any) -> int:
            cursor = db.execute(
                "INSERT INTO intent (opened_ms, owner, fingerprint, body, state) VALUES (?, ?, ?, ?, ?)",
                (at_ms, owner, fingerprint, json.dumps(body), OPEN),
            )
            return int(cursor.lastrowid)

        return await self._database.write(insert, durable=True)

    async def close(self, intent_id: int, *, state: str, at_ms: int, job_id: str | None = None, note: str = "") -> bool:
        """Record what became of an open intent; False if the job belongs to another intent, and nothing was recorded.

        One already closed is left as it is, unless what was taken for "none was made" proves to be a job after all.
        """
        replaceable = (OPEN, NOT_MADE if state == MADE else OPEN)

        def update(db: Any) -> bool:
            # In the transaction that takes it: two programs may have found the same job at the same time.
            if job_id is not None and _owners(db, job_id) - {intent_id}:
                return False
            db.execute(
                "UPDATE intent SET state = ?, job_id = ?, closed_ms = ?, note = ? "
                "WHERE intent_id = ? AND state IN (?, ?)",
                (state, job_id, at_ms, note, intent_id, *replaceable),
            )
            return True

        return await self._database.write(update, durable=True)

    async def answered(self, intent_id: int, *, job_id: str, at_ms: int) -> None:
        """Record the job that the platform itself named as that of an intent, whatever was made out before.

        Another intent for which this job was taken, by its likeness alone, is open again: its own is still to be found.
        """

        def update(db: Any) -> None:
            db.execute(
                "UPDATE intent SET state = ?, job_id = NULL, closed_ms = NULL, note = ? "
                "WHERE job_id = ? AND intent_id <> ?",
                (OPEN, f"export job {job_id}, taken for its own, was another's", job_id, intent_id),
            )
            db.execute(
                "UPDATE intent SET state = ?, job_id = ?, closed_ms = ?, note = '' WHERE intent_id = ?",
                (MADE, job_id, at_ms, intent_id),
            )

        await self._database.write(update, durable=True)

    async def unsettled(self) -> tuple[Intent, ...]:
        """Return the intents nobody has closed, oldest first."""
        return await self._select("WHERE state = ? ORDER BY opened_ms", (OPEN,))

    async def of_job(self, job_id: str) -> Intent | None:
        """Return the intent that made this job, None when it was not made from here."""
        found = await self._select("WHERE job_id = ? AND state = ?", (job_id, MADE))
        return found[0] if found else None

    async def claimed_job_ids(self, *, but: int = 0) -> frozenset[str]:
        """Return the jobs that belong to an intent already, so that none is counted for two.

        That of the intent `but` is left out: another program may have settled it while we looked for its job.
        """
        found = await self._database.read(
            lambda db: db.execute(
                "SELECT job_id FROM intent WHERE job_id IS NOT NULL AND intent_id <> ?", (but,)
            ).fetchall()
        )
        return frozenset(one for (one,) in found)

    async def _select(self, where: str, values: Sequence[object]) -> tuple[Intent, ...]:
        found = await self._database.read(
            lambda db: db.execute(
                f"SELECT intent_id, opened_ms, owner, fingerprint, body, state, job_id, note FROM intent {where}",  # noqa: S608 - constants only
                tuple(values),
            ).fetchall()
        )
        return tuple(intent for one in found if (intent := _intent(one)) is not None)


def _owners(db: Any, job_id: str) -> set[int]:
    return {one for (one,) in db.execute("SELECT intent_id FROM intent WHERE job_id = ?", (job_id,))}


def _intent(row: Sequence[Any]) -> Intent | None:
    """Return a row as an intent; a body nobody can read any more must not stand in the way of every creation."""
    try:
        body = json.loads(row[4])
    except ValueError:
        body = None
    if not isinstance(body, dict):
        _log.warning("intent %s cannot be read and is left alone", row[0])
        return None
    return Intent(row[0], row[1], row[2], row[3], body, *row[5:])

"""Owns asking which of some jobs pass a filter, as history knows them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_app.history.filtering import condition
from tui_app.history.words import as_list

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from tui_app.history.database import Database
    from tui_app.models.filter import Filter


@dataclass(frozen=True, slots=True)
class Passing:
    """The row numbers of the jobs that pass, in the order asked; and how many of those asked are not in history."""

    rows: array[int]
    missing: int


async def passing(database: Database, job_ids: Sequence[str], wanted: Filter, *, now_ms: int) -> Passing:
    """Return which of these jobs pass a filter.

    Args:
        database: where they are.
        job_ids: a page of the platform's list, some thousand at most.
        wanted: the filter.
        now_ms: epoch ms, for ages and for durations of jobs that run.

    Raises:
        HistoryError: as `Database.read`.
    """
    asked = tuple(dict.fromkeys(job_ids))
    return await database.read(lambda db: _passing(db, asked, wanted, now_ms))


def _passing(db: sqlite3.Connection, job_ids: Sequence[str], wanted: Filter, now_ms: int) -> Passing:
    passes = condition(db, wanted, now_ms)
    found = {
        job_id: (row, holds)
        for job_id, row, holds in db.execute(
            f"SELECT job.job_id, job.row, ({passes.sql}) IS TRUE FROM job "  # noqa: S608 - values are parameters
            "WHERE job.job_id IN (SELECT value FROM json_each(?))",
            (*passes.values, as_list(job_ids)),
        )
    }
    rows = array("I", (found[one][0] for one in job_ids if one in found and found[one][1]))
    return Passing(rows, missing=len(job_ids) - len(found))

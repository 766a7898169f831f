"""Owns reading many stored answers at once, in two steps, so that parsing them keeps no reader waiting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tui_app.history.packing import unpacked
from tui_app.models.export_job import ExportJob

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from tui_app.history.database import Database

_PAGE: Final = 500
_ASKED: Final = """
SELECT job.row, answer.raw, job.status, nullif(lookup.name, '')
FROM job
    JOIN answer USING (row)
    LEFT JOIN word AS dataset ON dataset.word_id = job.dataset
    LEFT JOIN lookup ON lookup.kind = 'dataset' AND lookup.item_id = dataset.text
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer about a job as stored: packed JSON, and status and dataset name as the list shows them."""

    raw: bytes
    status: str
    dataset_name: str | None = None

    def parsed(self) -> ExportJob:
        """Return the job; some 40 microseconds, to be spent on a thread where there are many.

        Its status is that of the list, also where that is our conclusion: a job that vanished after a cancel.

        Raises:
            HistoryError: what is stored is damaged.
        """
        job = ExportJob.parse(unpacked(self.raw))
        return job if job.status == self.status else replace(job, status=self.status)


class Answers:
    """The answers of one history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, rows: Sequence[int]) -> list[Answer]:
        """Return the answers about these rows, in the order asked; rows that are not there are left out.

        Raises:
            HistoryError: as `Database.read`.
        """
        wanted = list(rows)
        return await self._database.read(lambda db: _answers(db, wanted))


def _answers(db: sqlite3.Connection, rows: Sequence[int]) -> list[Answer]:
    found: dict[int, Answer] = {}
    for start in range(0, len(rows), _PAGE):
        part = rows[start : start + _PAGE]
        places = ", ".join("?" * len(part))
        found.update((one[0], Answer(*one[1:])) for one in db.execute(f"{_ASKED} WHERE job.row IN ({places})", part))
    return [found[row] for row in rows if row in found]

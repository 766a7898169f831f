"""Owns what is remembered of downloads from run to run: where each job went, and what was left unfinished."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui_app.engine.manifest import LARGEST, NAME, Manifest
from tui_app.history.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Collection

    from tui_app.history.lookups import Lookups

_log = logging.getLogger(__name__)
_UNFINISHED: Final = "downloads.unfinished"
_FOLDER: Final = "downloads.folder."
_PARTS: Final = 3

Unfinished = tuple[str, str, Path]
"""Job, batch and folder that a person chose; one of job and batch is ""."""


class PastDownloads:
    """What history knows of downloads; it matters to comfort, not to safety, so what fails is only logged."""

    def __init__(self, notes: Lookups) -> None:
        self._notes = notes

    async def folder_of(self, job_id: str) -> Path | None:
        """Return the folder that a job was last downloaded into, None where it was not, or is not there any more."""
        try:
            note = await self._notes.note(f"{_FOLDER}{job_id}")
        except HistoryError as error:
            _log.warning("where a job was downloaded to is not known: %s", error)
            return None
        folder = Path(note) if note else None
        return folder if folder is not None and await asyncio.to_thread((folder / NAME).is_file) else None

    async def rows_of(self, job_id: str) -> int | None:
        """Return how many rows the downloaded files of a job hold; None where they are not all here."""
        folder = await self.folder_of(job_id)
        if folder is None:
            return None
        manifest = await asyncio.to_thread(_read_manifest, folder)
        return manifest.rows if manifest.is_complete else None

    async def unfinished(self, *, but: Collection[Unfinished] = ()) -> tuple[Unfinished, ...]:
        """Return what an earlier run left unfinished, but for what is under way now."""
        try:
            found = json.loads(await self._notes.note(_UNFINISHED) or "[]")
        except (HistoryError, ValueError):
            return ()
        rows = [tuple(map(str, one)) for one in found if isinstance(one, list) and len(one) == _PARTS]
        every = [(one[0], one[1], Path(one[2])) for one in rows]
        return tuple(one for one in every if one not in but)

    async def remember(self, one: Unfinished, *, folder: Path, is_open: bool) -> None:
        """Keep where a download is, and whether there is more of it to fetch.

        Args:
            one: the download, as it was asked for.
            folder: where its files are.
            is_open: whether another run should offer to go on with it.
        """
        job_id, batch_id, to = one
        try:
            if job_id:
                await self._notes.set_note(f"{_FOLDER}{job_id}", str(folder))
            mine = [job_id, batch_id, str(to)]
            others = [each for each in json.loads(await self._notes.note(_UNFINISHED) or "[]") if each != mine]
            await self._notes.set_note(_UNFINISHED, json.dumps([*others, mine] if is_open else others))
        except (HistoryError, ValueError, TypeError) as error:
            _log.warning("a download is not remembered: %s", error)


def _read_manifest(folder: Path) -> Manifest:
    try:
        with (folder / NAME).open("rb") as file:
            return Manifest.parse(file.read(LARGEST))
    except OSError:
        return Manifest()

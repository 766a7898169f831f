"""Owns nothing but the way in: one `History` joins the tables of one organization and sandbox."""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING

from tui_app.history.database import Database, HistoryError, Runner
from tui_app.history.intents import NOT_MADE, Intents
from tui_app.history.jobs import Jobs
from tui_app.history.lookups import Lookups
from tui_app.history.retention import Pruned, Retention, keep_to, prune

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path


class History:
    """Everything kept about one organization and sandbox."""

    def __init__(self, path: Path, *, runner: Runner | None = None) -> None:
        self.database = Database(path, runner=runner)
        self.jobs = Jobs(self.database)
        self.intents = Intents(self.database)
        self.lookups = Lookups(self.database)

    def open(self, *, told: Callable[[str], None] | None = None) -> None:
        """Create or open the file; see `Database.open`."""
        self.database.open(told=told)

    def close(self) -> None:
        """Finish pending writes and close."""
        self.database.close()

    async def keep_to(self, retention: Retention, *, now_ms: int, walk: str) -> None:
        """Put a retention in force: from now on no ended job is stored that is too old for it.

        Args:
            retention: what to keep.
            now_ms: epoch ms.
            walk: key of the note that says how far the platform's list was read. It is emptied where jobs that are to
                be kept now may be missing, because the retention in force until now did not keep them.

        Raises:
            HistoryError: it could not be written.
        """
        await keep_to(self.database, retention, now_ms=now_ms, walk=walk)

    async def prune(self, retention: Retention, *, now_ms: int, walk: str) -> Pruned:
        """Remove the oldest ended jobs that `retention` does not keep, with all that is kept about them.

        Jobs that run stay, as do those that an open creation may have made and those of no known age. The work is
        done in transactions of some milliseconds, and pages that become free go back to the disk. What was removed is
        not stored again when the platform lists it. The retention is put in force first; arguments as for `keep_to`.

        Raises:
            HistoryError: it could not be written; what was removed until then is removed.
        """
        return await prune(self.database, retention, now_ms=now_ms, walk=walk)

    def discard_new(self) -> None:
        """Close, and remove the file if this opening made it and it holds no job, and no creation that may count."""
        with contextlib.suppress(HistoryError, OSError):
            if self.database.is_new and self.database.read_now(_is_blank):
                self.database.remove()


def _is_blank(db: sqlite3.Connection) -> bool:
    held = "EXISTS (SELECT 1 FROM job) OR EXISTS (SELECT 1 FROM intent WHERE state <> ?)"
    (found,) = db.execute(f"SELECT {held}", (NOT_MADE,)).fetchone()
    return not found


def history_path(folder: Path, *, base_url: str, ims_org_id: str, sandbox_name: str) -> Path:
    """Return where the history of an organization's sandbox lives below the data folder.

    The readable part cannot leave the folder and the hash keeps two origins, or two names that look alike once
    made harmless, apart.
    """
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{ims_org_id.partition('@')[0][:24]}-{sandbox_name[:40]}").strip("-")
    key = hashlib.blake2b(f"{base_url}\n{ims_org_id}\n{sandbox_name}".encode(), digest_size=5).hexdigest()
    return folder / "history" / f"{readable or 'history'}-{key}.db"


def known_sandboxes(folder: Path, *, base_url: str, ims_org_id: str) -> tuple[str, ...]:
    """Return the sandboxes of an organization that have a history below the data folder, by name.

    File names are read for it and checked by their hash, so none is guessed. A name that a file name cannot hold whole
    (over 40 characters, or others than letters, digits, dash and underscore) is not found.
    """
    found: set[str] = set()
    for path in (folder / "history").glob("*.db"):
        words = path.stem.split("-")[:-1]
        for start in range(1, len(words)):
            name = "-".join(words[start:])
            if history_path(folder, base_url=base_url, ims_org_id=ims_org_id, sandbox_name=name) == path:
                found.add(name)
    return tuple(sorted(found))

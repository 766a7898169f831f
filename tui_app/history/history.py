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

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


class History:
    """Everything kept about one organization and sandbox."""

    def __init__(self, path: Path, *, runner: Runner | None = None) -> None:
        self.database = Database(path, runner=runner)
        self.jobs = Jobs(self.database)
        self.intents = Intents(self.database)
        self.lookups = Lookups(self.database)

    def open(self) -> None:
        """Create or open the file; see `Database.open`."""
        self.database.open()

    def close(self) -> None:
        """Finish pending writes and close."""
        self.database.close()

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

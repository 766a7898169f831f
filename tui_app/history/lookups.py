"""Owns names learned from the platform (datasets, sandboxes) and small notes to ourselves (cursors, view state)."""

from __future__ import annotations

import contextlib
import json
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from tui_app.history.database import Database


class Lookups:
    """The lookup and note tables of one history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, kind: str, items: Iterable[tuple[str, str, dict[str, Any]]], *, at_ms: int) -> None:
        """Store `(id, name, raw)` items of one kind, replacing what was known of them."""
        rows = [(kind, one, name, at_ms, zlib.compress(json.dumps(raw).encode())) for one, name, raw in items]
        await self._database.write(
            lambda db: db.executemany(
                "INSERT OR REPLACE INTO lookup (kind, item_id, name, fetched_ms, raw) VALUES (?, ?, ?, ?, ?)",
                rows,
            )
        )

    async def all(self, kind: str) -> list[tuple[str, str, int, dict[str, Any]]]:
        """Return `(id, name, fetched_ms, raw)` of everything known of a kind, by name.

        What cannot be read back any more is left out; once it is asked for again it is whole again.
        """
        found = await self._database.read(
            lambda db: db.execute(
                "SELECT item_id, name, fetched_ms, raw FROM lookup WHERE kind = ? ORDER BY name COLLATE NOCASE",
                (kind,),
            ).fetchall()
        )
        items = []
        for one, name, at, stored in found:
            with contextlib.suppress(TypeError, ValueError, zlib.error):
                items.append((one, name, at, json.loads(zlib.decompress(stored))))
        return items

    async def note(self, key: str) -> str | None:
        """Return a note, None when it was never set."""
        return await self._database.read(lambda db: _note(db, key))

    def note_now(self, key: str) -> str | None:
        """As `note`, waiting on the caller's thread: for the first paint only, well under a millisecond."""
        return self._database.read_now(lambda db: _note(db, key))

    async def set_note(self, key: str, value: str) -> None:
        """Store a note under its key."""
        await self._database.write(lambda db: _set_note(db, key, value))

    async def change_note(self, key: str, change: Callable[[str | None], str]) -> str:
        """Replace a note by what `change` makes of it, and return that.

        Both in one transaction, so that what another program on the same file wrote between is not lost. `change`
        runs on the writer's thread; what it raises leaves the note as it was.
        """

        def work(db: sqlite3.Connection) -> str:
            old = _note(db, key)
            new = change(old)
            if new != old:
                _set_note(db, key, new)
            return new

        return await self._database.write(work)


def _note(db: sqlite3.Connection, key: str) -> str | None:
    found = db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
    return found[0] if found else None


def _set_note(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)", (key, value))

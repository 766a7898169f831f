"""Owns names learned from the platform (datasets, sandboxes) and small notes to ourselves (cursors, view state)."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        """Return `(id, name, fetched_ms, raw)` of everything known of a kind, by name."""
        found = await self._database.read(
            lambda db: db.execute(
                "SELECT item_id, name, fetched_ms, raw FROM lookup WHERE kind = ? ORDER BY name COLLATE NOCASE",
                (kind,),
            ).fetchall()
        )
        return [(one, name, at, json.loads(zlib.decompress(raw))) for one, name, at, raw in found]

    async def note(self, key: str) -> str | None:
        """Return a note, None when it was never set."""
        found = await self._database.read(
            lambda db: db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        )
        return found[0] if found else None

    async def set_note(self, key: str, value: str) -> None:
        """Store a note under its key."""
        await self._database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)", (key, value))
        )

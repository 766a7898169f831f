"""Owns what is learned from the platform to choose from (datasets, audiences, …), and small notes to ourselves."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tui_app.clock import give_way

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable

    from tui_app.history.database import Database

Row: TypeAlias = tuple[str, str, dict[str, Any]]
"""Id, name and JSON of one thing."""
Kept: TypeAlias = tuple[str, str, int, dict[str, Any]]
"""Id, name, when it was read (0: the platform no longer lists it), JSON."""
_AT_ONCE: Final = 50  # rows: a millisecond or two on the loop, where a thread would hold it up for longer
_PUT: Final = "INSERT OR REPLACE INTO lookup (kind, item_id, name, fetched_ms, raw) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Readings:
    """When the things of a kind were read; epoch milliseconds.

    Attributes:
        whole_ms: when the last reading began that came to its end; None when none ever did.
        open_ms: when a later one began that has not, or was broken off; None when there is none.
    """

    whole_ms: int | None = None
    open_ms: int | None = None


class Lookups:
    """The lookup and note tables of one history."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes: Counter[str] = Counter()

    def changes(self, kind: str) -> int:
        """Return how often things of a kind were stored through this object, to tell whether a copy is still good."""
        return self._changes[kind]

    async def put(self, kind: str, items: Iterable[Row], *, at_ms: int) -> None:
        """Store `(id, name, raw)` items of one kind, replacing what was known of them.

        Raises:
            HistoryError: they cannot be stored.
        """
        rows = []
        for number, (one, name, raw) in enumerate(items, 1):
            rows.append((kind, one, name, at_ms, zlib.compress(json.dumps(raw).encode())))
            if number % _AT_ONCE == 0:
                await give_way()
        await self._database.write(lambda db: db.executemany(_PUT, rows))
        self._changes[kind] += 1

    async def all(self, kind: str) -> list[Kept]:
        """Return `(id, name, fetched_ms, raw)` of everything known of a kind, by name.

        What cannot be read back any more is left out; once it is asked for again it is whole again. Gives way to the
        loop after every few, so that ten thousand hold nothing up.

        Raises:
            HistoryError: nothing can be read.
        """
        found = await self._database.read(
            lambda db: db.execute(
                "SELECT item_id, name, fetched_ms, raw FROM lookup WHERE kind = ? ORDER BY name COLLATE NOCASE",
                (kind,),
            ).fetchall()
        )
        items = []
        for number, (one, name, at, stored) in enumerate(found, 1):
            with contextlib.suppress(TypeError, ValueError, zlib.error):
                items.append((one, name, at, json.loads(zlib.decompress(stored))))
            if number % _AT_ONCE == 0:
                await give_way()
        return items

    async def readings(self, kind: str) -> Readings:
        """Return when the things of a kind were read.

        Raises:
            HistoryError: it cannot be read.
        """
        return await self._database.read(lambda db: _readings(db, kind))

    async def begin_reading(self, kind: str, *, at_ms: int) -> None:
        """Note that all things of a kind are being read anew; they are stored by `put` as they come.

        Raises:
            HistoryError: it cannot be stored.
        """

        def work(db: sqlite3.Connection) -> None:
            _set_readings(db, kind, Readings(whole_ms=_readings(db, kind).whole_ms, open_ms=at_ms))

        await self._database.write(work)

    async def end_reading(
        self, kind: str, listed: Collection[str] | None, *, began_ms: int, at_ms: int, keeps_names: bool = False
    ) -> None:
        """Note that a reading came to its end, and let go what the platform no longer lists, all in one transaction.

        What another program stored meanwhile stays.

        Args:
            kind: of things.
            listed: the ids that the platform listed; None lets nothing go.
            began_ms: when the reading began; what it stored was put with this time.
            at_ms: now.
            keeps_names: keep the things, with 0 for when they were read: jobs of the past go by their names.

        Raises:
            HistoryError: it cannot be stored.
        """
        known = None if listed is None else frozenset(listed)
        let_go = (
            "UPDATE lookup SET fetched_ms = 0 WHERE kind = ? AND item_id = ?"
            if keeps_names
            else "DELETE FROM lookup WHERE kind = ? AND item_id = ?"
        )

        def work(db: sqlite3.Connection) -> None:
            if known is not None:
                older = db.execute(
                    "SELECT item_id FROM lookup WHERE kind = ? AND (fetched_ms <= ? OR fetched_ms > ?)",
                    (kind, began_ms, at_ms),
                ).fetchall()
                db.executemany(let_go, [(kind, one) for (one,) in older if one not in known])
            open_ms = _readings(db, kind).open_ms
            # One of another program that began later is still open.
            still = open_ms if open_ms is not None and open_ms > began_ms else None
            _set_readings(db, kind, Readings(whole_ms=began_ms, open_ms=still))

        await self._database.write(work)

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


def _readings(db: sqlite3.Connection, kind: str) -> Readings:
    """Return the times noted; a note that is not one of ours counts as none."""
    try:
        whole, is_open = json.loads(_note(db, _key(kind)) or "")
    except (ValueError, TypeError):
        return Readings()
    return Readings(whole if isinstance(whole, int) else None, is_open if isinstance(is_open, int) else None)


def _set_readings(db: sqlite3.Connection, kind: str, readings: Readings) -> None:
    _set_note(db, _key(kind), json.dumps([readings.whole_ms, readings.open_ms]))


def _key(kind: str) -> str:
    return f"lookup.{kind}"


def _note(db: sqlite3.Connection, key: str) -> str | None:
    found = db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
    return found[0] if found else None


def _set_note(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)", (key, value))

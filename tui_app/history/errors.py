"""Owns the one error that history raises at those who use it, and telling apart what SQLite raises."""

from __future__ import annotations

import sqlite3
from typing import Final

DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class HistoryError(Exception):
    """The history cannot be opened, read or written; the message says where, why and what to do."""


def primary_code(error: sqlite3.Error) -> int:
    """Return the kind of an error, without SQLite's finer distinctions; 0 for one that does not come from SQLite."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means that the file is damaged.

    Without a code it is about what was read, such as text that is no UTF-8, and was raised by Python's module or by us.
    """
    code = primary_code(error)
    return code in DAMAGE or (code == 0 and type(error) in {sqlite3.DatabaseError, sqlite3.OperationalError})

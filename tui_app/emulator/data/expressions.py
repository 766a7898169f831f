"""Owns regular expressions from outside: DuckDB's engine, RE2, matches them in linear time, so none can run away."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

LONGEST = 200
_LONGEST_TEXT = 1_000
_SEARCH = "select regexp_matches($2, $1)"


class Expression:
    """A regular expression as RE2 reads it, without back references and look-arounds, searched anywhere in a text.

    Raises:
        ValueError: the pattern is longer than 200 characters or not readable; the message says where.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST:
            raise ValueError(f"it is longer than {LONGEST} characters")
        self._pattern = pattern
        self._known: dict[str, bool] = {}
        self.found_in("")

    def found_in(self, text: str) -> bool:
        """Whether it matches somewhere in the first 1,000 characters of `text`."""
        text = text[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
        if text not in self._known:
            self._known[text] = _found(self._pattern, text)
        return self._known[text]


def _found(pattern: str, text: str) -> bool:
    from duckdb import Error  # noqa: PLC0415 - brought in by the first use

    try:
        row = _connection().execute(_SEARCH, [pattern, text]).fetchone()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair") from None
    except Error as error:
        raise ValueError(str(error).removeprefix("Invalid Input Error: ")[:100]) from None
    return bool(row and row[0])


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """Return a database of its own, in memory and without a file: the event loop's thread alone uses it."""
    import duckdb  # noqa: PLC0415 - brought in by the first use

    return duckdb.connect(config={"threads": 1, "memory_limit": "64MB", "enable_external_access": False})

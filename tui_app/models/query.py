"""Owns what Query Service tells of a query, and of the way in for a PostgreSQL client (API reference 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from tui_app.models.base import MalformedRecord, count, flag, integer, items, mapping, moment_ms, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.models.base import JsonObject

_OVER: Final = frozenset({"SUCCESS", "FAILED", "KILLED", "TIMEOUT"})
_TIME_LIMIT: Final = "53400"
_STRICTER: Final = ("verify-ca", "verify-full")
_PLACE: Final = re.compile(r"(?i)\bline:?\s*(\d{1,6})\D{1,12}?(\d{1,6})")


class QueryError(NamedTuple):
    """One error of a query; `code` is opaque text."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RemoteQuery:
    """A query on the platform; times are epoch milliseconds.

    `name` is what it was sent under, "" where the answer does not repeat it. `dataset_id` is the dataset that it made,
    None for one that makes none or while it runs.
    """

    query_id: str
    state: str
    sql: str = ""
    name: str = ""
    rows: int | None = None
    errors: tuple[QueryError, ...] = ()
    elapsed_ms: int | None = None
    created_ms: int | None = None
    makes_dataset: bool = False
    dataset_id: str | None = None
    raw: JsonObject = field(default_factory=dict, repr=False)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be waited for; an unknown word is taken for one that still runs."""
        return self.state in _OVER

    @property
    def has_succeeded(self) -> bool:
        """Whether its result is there."""
        return self.state == "SUCCESS"

    @property
    def ran_too_long(self) -> bool:
        """Whether it was ended by its time limit, 10 minutes for one that is not kept as a dataset."""
        return self.state == "TIMEOUT" or any(_TIME_LIMIT in (one.code, *one.message.split()) for one in self.errors)

    @property
    def place(self) -> tuple[int, int] | None:
        """Line and column, from 1, that an error names; None where none does."""
        found = next((found for one in self.errors if (found := _PLACE.search(one.message)) is not None), None)
        return (int(found[1]), int(found[2])) if found is not None else None

    @classmethod
    def parse(cls, raw: object) -> RemoteQuery:
        """Return the query of an answer.

        Raises:
            MalformedRecord: it is not an object with an id.
        """
        query_id = text(raw.get("id")) if isinstance(raw, dict) else None
        if query_id is None or not isinstance(raw, dict):
            raise MalformedRecord("A query must be an object with an id.")
        request, links = mapping(raw.get("request")), mapping(raw.get("_links"))
        return cls(
            query_id=query_id,
            state=(text(raw.get("state")) or "").strip().upper(),
            sql=text(request.get("sql")) or "",
            name=text(request.get("name")) or "",
            rows=count(raw.get("rowCount")),
            errors=tuple(
                QueryError(text(one.get("code")) or "", text(one.get("message")) or "")
                for one in map(mapping, items(raw.get("errors")))
            ),
            elapsed_ms=count(raw.get("elapsedTime")),
            created_ms=moment_ms(raw.get("created")),
            makes_dataset=flag(raw.get("isCTAS")) or False,
            dataset_id=text(mapping(links.get("created_dataset")).get("id")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class ConnectionParameters:
    """How a PostgreSQL client gets in (9.2); the token stays out of `repr`."""

    host: str
    port: int
    database: str
    user: str
    token: str = field(repr=False)

    @classmethod
    def parse(cls, raw: object) -> ConnectionParameters:
        """Return what an answer tells.

        Raises:
            MalformedRecord: something that is needed is missing; the message names it.
        """
        told = mapping(raw)
        found = {name: text(told.get(name)) for name in ("host", "dbName", "username", "token")}
        gone = [name for name, value in found.items() if value is None]
        if gone:
            raise MalformedRecord(f"The connection parameters lack {', '.join(gone)}.")
        return cls(
            host=found["host"] or "",
            port=integer(told.get("port")) or 80,
            database=found["dbName"] or "",
            user=found["username"] or "",
            token=found["token"] or "",
        )

    @property
    def environment(self) -> dict[str, str]:
        """What libpq reads from the environment of the program that connects."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.database,
            "PGUSER": self.user,
            "PGPASSWORD": self.token,
            "PGSSLMODE": "require",
        }


def psql_environment(own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of psql: the person's with where to go and the token.

    Nothing in the person's that speaks to psql's library may lead the token to another host, such as PGHOSTADDR or
    PGSERVICE do, and none of our own secrets is for psql. Only a stricter look at certificates is the person's to ask.
    """
    kept = {name: value for name, value in own.items() if not name.startswith(("PG", "AEPX_"))}
    if own.get("PGSSLMODE") in _STRICTER:
        given = {**given, **{name: own[name] for name in ("PGSSLMODE", "PGSSLROOTCERT") if name in own}}
    return {**kept, **given}

"""Owns the calls on Query Service (API reference 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui_app.api.errors import BadAnswerError
from tui_app.api.origin import path_segment
from tui_app.models.base import MalformedRecord, items, mapping
from tui_app.models.query import ConnectionParameters, RemoteQuery
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.api.session import Session

_PATH: Final = "/data/foundation/query/queries"
_CONNECTION: Final = "/data/foundation/query/connection_parameters"
T = TypeVar("T")


class Queries:
    """Create, get, list and cancel queries; tell how a PostgreSQL client gets in."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, *, database: str, sql: str, name: str = "", dataset_name: str = "") -> RemoteQuery:
        """Start a query (9.1).

        Args:
            database: `{sandbox}:all`.
            sql: the statement.
            name: to find it by.
            dataset_name: of the dataset that the result is kept as; "" keeps nothing.

        Raises:
            ApiError: when `ambiguous`, it may run; look for it before sending it again.
        """
        what = "The query was not confirmed."
        body: dict[str, Any] = {"dbName": database, "sql": sql}
        if name:
            body["name"] = name
        if dataset_name:
            body["ctasParameters"] = {"datasetName": dataset_name, "description": "Made by a query of aepx"}
        raw = await self._session.fetch("POST", _PATH, what=what, body=body)
        return _parsed(RemoteQuery.parse, raw, what, ambiguous=True)

    async def get(self, query_id: str) -> RemoteQuery:
        """Return a query as it is now.

        Raises:
            NotFoundError: there is none of this id.
            ApiError: see `errors`.
        """
        what = f"Query {shortened(safe_text(query_id))} could not be read."
        return _parsed(
            RemoteQuery.parse, await self._session.fetch("GET", f"{_PATH}/{path_segment(query_id)}", what=what), what
        )

    async def newest(self, limit: int = 20) -> tuple[RemoteQuery, ...]:
        """Return the newest queries, the newest first; what is none is left out.

        Raises:
            ApiError: see `errors`.
        """
        query = [("limit", str(limit)), ("orderby", "-created")]
        raw = mapping(await self._session.fetch("GET", _PATH, what="The queries could not be listed.", query=query))
        found = []
        for one in items(raw.get("queries")):
            try:
                found.append(RemoteQuery.parse(one))
            except MalformedRecord:
                continue
        return tuple(found)

    async def cancel(self, query_id: str) -> None:
        """Ask for a query to be ended.

        Raises:
            ConflictError: it has ended already.
            ApiError: see `errors`.
        """
        what = f"Query {shortened(safe_text(query_id))} was not cancelled."
        await self._session.send("PATCH", f"{_PATH}/{path_segment(query_id)}", what=what, body={"op": "cancel"})

    async def connection_parameters(self) -> ConnectionParameters:
        """Return how a PostgreSQL client gets in (9.2).

        Raises:
            ApiError: see `errors`.
        """
        what = "How to connect to Query Service is not known."
        return _parsed(ConnectionParameters.parse, await self._session.fetch("GET", _CONNECTION, what=what), what)


def _parsed(parse: Callable[[object], T], raw: object, what: str, *, ambiguous: bool = False) -> T:
    try:
        return parse(raw)
    except MalformedRecord as error:
        cause = safe_text(str(error))
    raise BadAnswerError(
        what,
        cause=f"The answer has another form than it should. {cause}",
        next_step="Look at the newest queries before you send it again." if ambiguous else "Look at the log.",
        ambiguous=ambiguous,
    )

"""Owns statements that the platform runs: started once, followed, cancelled; and the way in for psql."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError
from tui_app.engine.failures import explained
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.engine.core import Core
    from tui_app.models.query import ConnectionParameters, RemoteQuery

_log = logging.getLogger(__name__)
_FIRST_S: Final = 1.0
_MOST_S: Final = 10.0
_LOOKS_S: Final = (0.0, 2.0, 5.0)
"""Seconds before each look for a query whose answer was lost: a list may lag behind."""
_GOODBYE_S: Final = 5.0
_PAGE: Final = 100


class RemoteQueries:
    """Use cases on Query Service."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def run(
        self, sql: str, *, dataset_name: str = "", told: Callable[[RemoteQuery], None] | None = None
    ) -> RemoteQuery:
        """Let the platform run a statement and wait for its end; who is cancelled meanwhile has it cancelled there.

        Args:
            sql: one statement.
            dataset_name: of the dataset that the rows are kept as; "" keeps none, and only their number is known.
            told: hears of the query each time it was looked at.

        Raises:
            FailureError: refused here or there; it failed, was killed or ran too long; or nobody knows whether it
                runs, and the next step says how to find out.
        """
        core = self._core
        core.require_writable("The query")
        mark = f"aepx-{uuid.uuid4().hex[:12]}"
        sending = asyncio.ensure_future(self._created(sql, dataset_name, mark))
        try:
            query = await asyncio.shield(sending)
        except asyncio.CancelledError:
            await self._taken_back(sending, mark)
            raise
        try:
            query = await self._followed(query, told)
        except asyncio.CancelledError:
            await self._cancelled(query.query_id)
            raise
        if not query.has_succeeded:
            raise FailureError(_ended_badly(query))
        return query

    async def _created(self, sql: str, dataset_name: str, mark: str) -> RemoteQuery:
        """Send a statement under a name that no other has, so that it is known again if the answer is lost."""
        core = self._core
        with core.activity.busy(), explained("The query was not run", core.clock):
            try:
                return await core.client.queries.create(
                    database=f"{core.session.sandbox_name}:all", sql=sql, name=mark, dataset_name=dataset_name
                )
            except ApiError as error:
                if not error.ambiguous:
                    raise
                _log.warning("the answer to query %s was lost: %s", mark, error)
        # It may run: sent again, it would cost twice, and could make two datasets.
        why = "the platform lists no query of that name"
        for seconds in _LOOKS_S:
            await core.clock.sleep(seconds)
            try:
                found = await self._marked(mark)
            except ApiError as error:
                why = f"the queries cannot be listed: {safe_text(error.cause).rstrip('.')}"
                continue
            if found is not None:
                return found
        raise FailureError(
            Failure(
                kind=FailureKind.NETWORK,
                what=f"It is not known whether query {mark} runs",
                cause=f"The answer was lost, and {why}",
                next_step=f"Look for {mark} among the platform's queries before you run it again: it would run twice.",
            )
        )

    async def _marked(self, mark: str) -> RemoteQuery | None:
        return next((one for one in await self._core.client.queries.newest() if one.name == mark), None)

    async def _taken_back(self, sending: asyncio.Future[RemoteQuery], mark: str) -> None:
        """Cancel a query that was on its way when the person stopped waiting, whether or not it has been answered."""
        with contextlib.suppress(ApiError, FailureError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await asyncio.wait([sending], timeout=_GOODBYE_S / 2)
                if sending.done():
                    await self._cancelled((await sending).query_id)
                    return
                sending.cancel()
                found = await self._marked(mark)
                if found is not None:
                    await self._cancelled(found.query_id)

    async def _followed(self, query: RemoteQuery, told: Callable[[RemoteQuery], None] | None) -> RemoteQuery:
        core, seconds = self._core, _FIRST_S
        while not query.has_ended:
            if told is not None:
                told(query)
            await core.clock.sleep(min(seconds, 1.0) if core.session.connection.is_loopback else seconds)
            seconds = min(seconds * 1.5, _MOST_S)
            with explained(f"Query {query.query_id} runs on, but cannot be followed", core.clock):
                query = await core.client.queries.get(query.query_id)
        return query

    async def _cancelled(self, query_id: str) -> None:
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._core.client.queries.cancel(query_id)

    async def result_batches(self, dataset_id: str) -> tuple[str, ...]:
        """Return the ids of the batches of a dataset that a query made.

        Raises:
            FailureError: they cannot be listed.
        """
        core = self._core
        with (
            core.activity.busy(),
            explained(f"The batches of dataset {shortened(dataset_id)} are not known", core.clock),
        ):
            found = await core.client.catalog.list_batches(dataset_id=dataset_id, created_from_ms=1, limit=_PAGE)
        return tuple(one.batch_id for one in found)

    async def dataset_named(self, name: str) -> str | None:
        """Return the id of the newest dataset of a name, None for none.

        Raises:
            FailureError: it cannot be looked for.
        """
        core = self._core
        with explained(f"Dataset {shortened(name)!r} could not be looked for", core.clock):
            found = await core.client.catalog.list_datasets(name=name, limit=1)
        return found[0].dataset_id if found else None

    async def table_of(self, dataset_id: str) -> str | None:
        """Return the name that a dataset has in SQL there, from its tags (9.2); None until the platform has made one.

        Raises:
            FailureError: the dataset cannot be read.
        """
        core = self._core
        with core.activity.busy(), explained(f"The table of dataset {shortened(dataset_id)} is not known", core.clock):
            return (await core.client.catalog.get_dataset(dataset_id)).table_name

    async def connection_parameters(self) -> ConnectionParameters:
        """Return how a PostgreSQL client gets in, with a token that ends when ours does.

        Raises:
            FailureError: not permitted, or the platform could not be asked.
        """
        core = self._core
        with core.activity.busy(), explained("psql cannot be opened", core.clock):
            return await core.client.queries.connection_parameters()


def _ended_badly(query: RemoteQuery) -> Failure:
    told = "; ".join(filter(None, (safe_text(one.message or one.code) for one in query.errors)))
    what = f"Query {query.query_id} ended as {safe_text(query.state)}"
    if query.ran_too_long:
        cause = "It ran into the time limit, 10 minutes for a statement whose rows are not kept"
        step = "Keep its result as a dataset, which may take 24 hours: --as-dataset NAME. Or narrow it."
    elif query.state == "KILLED":
        cause, step = told or "Somebody or the platform cancelled it", "Run it again if it was not meant to be."
    elif "session" in told.lower() and "limit" in told.lower():
        cause, step = told, "The organization's sessions are all in use: wait a minute, then run it again."
    else:
        cause, step = told or "The platform does not say why", "Correct the statement and run it again."
    return Failure(kind=FailureKind.BAD_REQUEST, what=what, cause=cause.rstrip("."), next_step=step)

"""Owns Query Service's queries: who waits, who runs, and how each ends.

The SQL is really run, in a process of its own, as soon as one of two places is free. What a caller sees keeps the
platform's pace: a query is SUBMITTED and then IN_PROGRESS for a while even if its rows are ready at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from tui_app.emulator.chance import Chance
from tui_app.emulator.data.files import NoRoomError
from tui_app.emulator.data.query_results import find_read, keep, target_of, undo
from tui_app.emulator.data.query_state import Query, State
from tui_app.emulator.data.sql_run import Job, Outcome, SqlRun, Table
from tui_app.emulator.data.statement import LARGEST_LIMIT, SqlError, Statement
from tui_app.emulator.data.tables import NO_COLUMNS, open_table

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from pathlib import Path

    from tui_app.emulator.data.files import ParquetFiles
    from tui_app.emulator.world.world import Sandbox, World

_T = TypeVar("_T")

AT_ONCE = 2
MOST_HELD = 1_000  # queries of one sandbox, the newest
MOST_WAITING = 100  # of them that have not ended
MOST_ROWS = 50_000  # of a SELECT that names no LIMIT (API reference 9.2)
_HELD_BYTES = 4 * 2**20  # what callers sent with the queries of one sandbox: one page may show it all, twice
_KEPT_BYTES = 2**30  # what all queries may have written
_QUEUE_S, _RUN_S = (4, 10), (12, 30)  # platform seconds that a query is seen to wait and to run, at least
_LONGEST_S, _LONGEST_WRITE_S = 600, 86_400  # platform seconds: a SELECT, and one whose rows are written
_LEAST_REAL_S, _MOST_REAL_S = 30, 600  # a fast world does not make the machine faster


class TooManyError(Exception):
    """More queries wait than a sandbox may have."""


class Queries:
    """The queries that were sent, by sandbox and id; the newest `MOST_HELD` of each sandbox.

    Belongs to the event loop in which it is first used.
    """

    def __init__(self, world: World, files: ParquetFiles) -> None:
        self._world = world
        self._files = files
        self._held: dict[str, dict[str, Query]] = {}
        self._moments: dict[str, set[int]] = {}
        self._made = 0
        self._places = asyncio.Semaphore(AT_ONCE)
        self._is_closed = False

    def submit(
        self, sandbox: Sandbox, statement: Statement, *, request: Mapping[str, Any], user: str, size: int
    ) -> Query:
        """Take a query in; it runs when its turn comes. `request` is what answers repeat, `size` its bytes.

        Raises:
            TooManyError: too many queries of the sandbox wait.
        """
        now = self._world.now_ms()
        held = self._held.setdefault(sandbox.name, {})
        if self._is_closed or sum(one.ended_ms is None for one in self.list(sandbox)) >= MOST_WAITING:
            raise TooManyError
        self._made += 1
        query = Query(
            query_id=Chance(self._world.seed, "query", self._made).uuid(),
            sandbox=sandbox.name,
            request=request,
            statement=statement,
            user=user,
            size=size,
            created_ms=self._moment(sandbox.name, now),
        )
        held[query.query_id] = query
        self._forget_oldest(sandbox.name)
        query.work.task = asyncio.create_task(self._see_through(sandbox, query), name=f"query {query.query_id}")
        return query

    def get(self, sandbox: Sandbox, query_id: str) -> Query | None:
        """Return the sandbox's query with this id, if it is still held."""
        query = self._held.get(sandbox.name, {}).get(query_id)
        if query is not None:
            self._check_deadline(query)
        return query

    def list(self, sandbox: Sandbox) -> list[Query]:
        """Return the sandbox's queries, oldest first, those that were deleted softly among them."""
        found = [*self._held.get(sandbox.name, {}).values()]
        for query in found:
            self._check_deadline(query)
        return found

    def cancel(self, query: Query) -> bool:
        """Stop a query; False when it has ended already."""
        if query.is_over(self._world.now_ms()):
            return False
        self._stop(query, "KILLED")
        return True

    async def settled(self, query_id: str) -> Query:
        """Wait until the query's result is known, whether or not the platform's time has come to show it.

        Raises:
            KeyError: no query with this id is held.
        """
        query = {one_id: one for held in self._held.values() for one_id, one in held.items()}[query_id]
        while query.work.task is not None and not query.work.task.done():
            await asyncio.wait([query.work.task])
        return query

    def close(self) -> None:
        """Stop what runs; what was written goes with the files."""
        self._is_closed = True
        for held in self._held.values():
            for query in held.values():
                if query.ended_ms is None:
                    self._stop(query, "KILLED")

    def _moment(self, sandbox: str, at_ms: int) -> int:
        """Return `at_ms` or the next moment that no other query of the sandbox has: pages are cut at moments."""
        taken = self._moments.setdefault(sandbox, set())
        while at_ms in taken:
            at_ms += 1
        taken.add(at_ms)
        return at_ms

    def _forget_oldest(self, sandbox: str) -> None:
        held = self._held[sandbox]
        size = sum(one.size for one in held.values())
        for query_id, query in list(held.items()):
            if len(held) <= MOST_HELD and size <= _HELD_BYTES:
                return
            if query.ended_ms is not None:
                del held[query_id]
                size -= query.size
                self._moments[sandbox].difference_update(query.times)

    def _check_deadline(self, query: Query) -> None:
        deadline = query.work.deadline_ms
        if query.ended_ms is None and deadline is not None and self._world.now_ms() >= deadline:
            self._stop(query, "TIMEOUT")

    def _stop(self, query: Query, outcome: State) -> None:
        now = self._world.now_ms()
        self._moments[query.sandbox].difference_update(one for one in query.times if one > now)
        if query.started_ms is not None and query.started_ms > now:
            query.started_ms = None
        undo(self._files, self._world.sandboxes[query.sandbox], query)
        timeout = SqlError("53400", "Statement timeout: the query took longer than it may.")
        self._end(query, outcome, errors=(timeout,) if outcome == "TIMEOUT" else (), at_ms=now)
        if query.work.run is not None:
            query.work.run.stop()
        if query.work.task is not None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and the task with it
                query.work.task.cancel()

    def _end(
        self, query: Query, outcome: State, *, at_ms: int, rows: int = 0, errors: tuple[SqlError, ...] = ()
    ) -> None:
        query.outcome, query.rows, query.errors = outcome, rows, errors
        query.ended_ms = self._moment(query.sandbox, max(at_ms, query.created_ms + 1))

    async def _see_through(self, sandbox: Sandbox, query: Query) -> None:
        """Run a query from its place in the queue to its end."""
        chance = Chance(self._world.seed, "query-pace", query.query_id)
        async with self._places:
            speed = self._world.speed
            queued = query.created_ms + round(chance.between(*_QUEUE_S) * 1000 / speed)
            query.started_ms = self._moment(sandbox.name, max(queued, self._world.now_ms()))
            least = query.started_ms + max(1, round(chance.between(*_RUN_S) * 1000 / speed))
            try:
                rows = await self._rows(sandbox, query)
                self._end(query, "SUCCESS", rows=rows, at_ms=max(least, self._world.now_ms()))
            except (SqlError, NoRoomError, OSError) as error:
                fault = error if isinstance(error, SqlError) else SqlError("58000", str(error), by_system=True)
                self._end(query, "FAILED", errors=(fault,), at_ms=max(least, self._world.now_ms()))
            finally:
                query.work.run = None
                if query.ended_ms is None:  # a fault of ours, which asyncio reports, or the loop is going down
                    fault = SqlError("58000", "Internal system failure.", by_system=True)
                    self._end(query, "FAILED", errors=(fault,), at_ms=self._world.now_ms())

    async def _rows(self, sandbox: Sandbox, query: Query) -> int:
        """Run the SQL, keep what it writes, and return how many rows there are."""
        statement = query.statement
        if statement.kind == "select" and statement.limit is not None and statement.limit > LARGEST_LIMIT:
            raise SqlError("53400", f"LIMIT exceeds its largest value, {LARGEST_LIMIT}.")
        read = find_read(sandbox, statement, now_ms=self._world.now_ms())
        query.read_ids = tuple(dict.fromkeys(one.dataset_id for one in read.values()))
        target = target_of(sandbox, statement) if statement.kind != "select" else None
        if statement.kind == "ctas" and target is not None:
            return 0  # IF NOT EXISTS
        async with contextlib.AsyncExitStack() as stack:
            wanted = read | ({target.table_name: target} if target is not None else {})
            tables: dict[str, Table] = {}
            for name, dataset in wanted.items():
                opened = open_table(self._world, self._files, sandbox, dataset, stack=stack)
                tables[name] = await self._within(_MOST_REAL_S, query, opened)
            if statement.lists_tables:
                now = self._world.now_ms()
                names = [one.table_name for one in sandbox.datasets.values() if one.table_ms <= now]
                tables = dict.fromkeys(names, NO_COLUMNS) | tables
            job = Job(
                variants=statement.variants,
                tables=tables,
                out=stack.enter_context(self._files.scratch()) if statement.kind != "select" else None,
                like=target.table_name if target is not None else None,
                most_rows=MOST_ROWS if statement.kind == "select" and statement.limit is None else None,
                longest_s=_MOST_REAL_S,
            )
            outcome = await self._run(query, SqlRun(job))
            if job.out is not None:
                self._check_room(job.out)
                await keep(self._world, self._files, sandbox, query, path=job.out, outcome=outcome)
        return outcome.rows

    def _check_room(self, path: Path) -> None:
        """Refuse a result that is too much: unlike an export's files those of queries cannot be made again."""
        if self._files.adopted_bytes + path.stat().st_size > _KEPT_BYTES:
            raise SqlError("53100", f"The results of queries would take more than {_KEPT_BYTES} bytes.", by_system=True)

    async def _run(self, query: Query, run: SqlRun) -> Outcome:
        """Run the SQL no longer than it may: by the platform's time, and by the machine's."""
        longest = _LONGEST_S if run.job.out is None else _LONGEST_WRITE_S
        limit_s = min(max(longest / self._world.speed, _LEAST_REAL_S), _MOST_REAL_S)
        query.work.run = run
        query.work.deadline_ms = self._world.now_ms() + round(limit_s * 1000)
        try:
            return await self._within(limit_s, query, asyncio.to_thread(run.work))
        finally:
            run.stop()
            query.work.deadline_ms = None

    async def _within(self, limit_s: float, query: Query, doing: Coroutine[Any, Any, _T]) -> _T:
        """Wait for `doing`, or time the query out after `limit_s` seconds of the clock, which nothing stops."""
        work = asyncio.ensure_future(doing)
        alarm = asyncio.ensure_future(self._world.clock.sleep(limit_s))
        try:
            await asyncio.wait([work, alarm], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self._stop(query, "TIMEOUT")  # cancels this very task
            return await work
        finally:
            work.cancel()
            alarm.cancel()

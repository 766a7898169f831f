"""Owns one query as it is held: what was asked, when it starts and ends, and what a caller sees of it at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from tui_app.emulator.data.sql_run import SqlRun
    from tui_app.emulator.data.statement import SqlError, Statement

State = Literal["SUBMITTED", "IN_PROGRESS", "SUCCESS", "FAILED", "KILLED", "TIMEOUT"]


@dataclass(slots=True)
class Work:
    """What is under way for a query; gone when it has ended. `deadline_ms` is when it has taken too long."""

    task: asyncio.Task[None] | None = None
    run: SqlRun | None = None
    deadline_ms: int | None = None


@dataclass(slots=True, eq=False)
class Query:
    """One query; times in epoch milliseconds of the platform.

    `started_ms` is set once it has a place to run, `ended_ms` once its result is known; both may lie ahead of the
    platform's time, and until then a caller sees it wait and run. `outcome`, `rows` and `errors` are how it ended.
    `read_ids` are the datasets that it reads, known when it has a place; `made_id` the one that it made, `batch_id`
    the batch that it wrote. `size` is how many bytes its caller sent.
    """

    query_id: str
    sandbox: str
    request: Mapping[str, Any]
    statement: Statement
    user: str
    size: int
    created_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    outcome: State = "SUCCESS"
    rows: int = 0
    errors: tuple[SqlError, ...] = ()
    read_ids: tuple[str, ...] = ()
    made_id: str | None = None
    batch_id: str | None = None
    is_deleted: bool = False
    work: Work = field(default_factory=Work)

    @property
    def times(self) -> tuple[int, ...]:
        """The moments at which its state changes, as far as they are known."""
        return tuple(one for one in (self.created_ms, self.started_ms, self.ended_ms) if one is not None)

    def state(self, at_ms: int) -> State:
        """Return what a caller sees at `at_ms`."""
        if self.ended_ms is not None and at_ms >= self.ended_ms:
            return self.outcome
        return "IN_PROGRESS" if self.started_ms is not None and at_ms >= self.started_ms else "SUBMITTED"

    def is_over(self, at_ms: int) -> bool:
        """Return whether a caller sees it ended at `at_ms`."""
        return self.ended_ms is not None and at_ms >= self.ended_ms

    def updated_ms(self, at_ms: int) -> int:
        """Return when what a caller sees at `at_ms` last changed."""
        return max(one for one in self.times if one <= max(at_ms, self.created_ms))

    def elapsed_ms(self, at_ms: int) -> int:
        """Return for how long it has run at `at_ms`, waiting not counted."""
        if self.started_ms is None:
            return 0
        end = at_ms if self.ended_ms is None else min(at_ms, self.ended_ms)
        return max(0, end - self.started_ms)

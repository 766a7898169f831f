"""Owns what every use case shares: the client, the history, the session, and the one way an answer becomes history."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tui_app.clock import now_ms
from tui_app.engine.session import Activity, Bulletin, Policy, Session
from tui_app.models.failure import Failure, FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.api.client import AepClient
    from tui_app.clock import Clock
    from tui_app.history.history import History
    from tui_app.history.recording import Applied
    from tui_app.models.export_job import ExportJob


_HELD: Final = "held_ms"
_HELD_STEP_MS: Final = 60_000


@dataclass(slots=True)
class Core:
    """The engine's shared parts; made by `Engine`, handed to its use cases."""

    connect: Callable[[], AepClient]
    """Makes the client; importing an HTTP stack is too slow for the way to the first paint."""
    history: History
    clock: Clock
    session: Session
    bulletin: Bulletin = field(default_factory=Bulletin)
    activity: Activity = field(default_factory=Activity)
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")

    made_client: AepClient | None = None

    @property
    def client(self) -> AepClient:
        """The client, made at first use."""
        if self.made_client is None:
            self.made_client = self.connect()
        return self.made_client

    async def apply(self, jobs: Sequence[ExportJob], *, asked_ms: int) -> Applied:
        """Write an answer's jobs to history; see `Jobs.apply`."""
        return await self.history.jobs.apply(jobs, seen_ms=now_ms(self.clock), asked_ms=asked_ms)

    async def heard(self) -> None:
        """Remember that history is up to date now; told again within a minute, it writes nothing."""
        session, now = self.session, now_ms(self.clock)
        session.last_ok_ms = now
        if session.held_ms is None or now - session.held_ms >= _HELD_STEP_MS:
            session.held_ms = now
            await self.history.lookups.set_note(_HELD, str(now))

    async def learn_held(self) -> None:
        """Read how old history's word is."""
        note = await self.history.lookups.note(_HELD)
        self.session.held_ms = int(note) if note is not None and note.isdecimal() else None

    async def refresh_counts(self) -> None:
        """Read the header's figures again."""
        counts = await self.history.jobs.counts(now_ms=now_ms(self.clock))
        session = self.session
        session.total, session.running = counts.total, counts.running
        session.failed_recently, session.stuck = counts.failed_recently, counts.stuck

    def require_writable(self, what: str) -> None:
        """Refuse a change in a read-only sandbox; the client refuses again, this only speaks earlier and better.

        Raises:
            FailureError: of kind `refused`.
        """
        if self.session.policy is Policy.READ_ONLY:
            raise FailureError(
                Failure(
                    kind=FailureKind.REFUSED,
                    what=f"{what} was not sent",
                    cause=f"Sandbox {self.session.sandbox_name} is read-only here",
                    next_step="Leave out --read-only and AEPX_READ_ONLY, or set the sandbox's policy in config.toml.",
                )
            )

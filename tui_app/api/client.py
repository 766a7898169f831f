"""Owns the client of one connection and sandbox: puts the parts together and offers the resources."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tui_app.api.attempts import Attempts
from tui_app.api.audiences import Audiences
from tui_app.api.auth import TokenSource
from tui_app.api.catalog import Catalog
from tui_app.api.data_access import DataAccess
from tui_app.api.export_jobs import ExportJobs
from tui_app.api.merge_policies import MergePolicies
from tui_app.api.pace import Pace, TokenBucket
from tui_app.api.queries import Queries
from tui_app.api.sandboxes import Sandboxes
from tui_app.api.session import Session
from tui_app.api.stats import Counters
from tui_app.api.unions import Unions
from tui_app.api.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tui_app.api.stats import RequestStats
    from tui_app.clock import Clock
    from tui_app.config import Connection, LimitSettings, Secrets


class AepClient:
    """Talks to the platform for one connection, into one sandbox. Opens no connection before the first call.

    Args:
        connection: organization, addresses and client id.
        sandbox: name for `x-sandbox-name`.
        policy_read_only: refuse every changing call before a request is built.
        secrets: reads the client secret or a given token; called in a thread.
        clock: delays and token lifetimes.
        limits: politeness; left aside when the base URL is this machine.
        transport: what carries the bytes instead of the network.
        jitter: answers 0..1, the share of each retry delay to take.

    Raises:
        OriginError: base_url or ims_url cannot be used safely.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        sandbox: str,
        policy_read_only: bool,
        secrets: Callable[[], Secrets],
        clock: Clock,
        limits: LimitSettings,
        transport: httpx.AsyncBaseTransport | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._counters = Counters(clock)
        self._wire = Wire(
            clock=clock,
            counters=self._counters,
            base_url=connection.base_url,
            ca_bundle=connection.ca_bundle,
            transport=transport,
        )
        attempts = Attempts(clock, self._counters, jitter=jitter)
        self._tokens = TokenSource(connection, secrets, clock=clock, wire=self._wire, attempts=attempts)
        session = Session(
            connection,
            sandbox=sandbox,
            read_only=policy_read_only,
            tokens=self._tokens,
            wire=self._wire,
            attempts=attempts,
            pace=_pace(connection, limits, clock),
            clock=clock,
        )
        self.export_jobs = ExportJobs(session)
        self.catalog = Catalog(session)
        self.data_access = DataAccess(session)
        self.queries = Queries(session)
        self.sandboxes = Sandboxes(session)
        self.audiences = Audiences(session)
        self.merge_policies = MergePolicies(session)
        self.unions = Unions(session)

    async def sign_in(self) -> None:
        """Make sure that there is an access token; a given one is taken as it is.

        Raises:
            SignInError: there are no usable credentials, or they were refused.
            ApiError: the identity service cannot be reached or fails.
        """
        await self._tokens.token()

    @property
    def server_clock_skew_s(self) -> float | None:
        """Seconds that the servers' clock is ahead of ours, good to about a second; None before an answer came."""
        return self._counters.server_clock_skew_s

    @property
    def stats(self) -> RequestStats:
        """Figures of the requests sent since the client was made."""
        return self._counters.snapshot()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()


def _pace(connection: Connection, limits: LimitSettings, clock: Clock) -> Pace:
    if connection.is_loopback:
        return Pace()
    bucket = TokenBucket(clock, per_second=limits.per_second, burst=limits.burst)
    return Pace(bucket=bucket, concurrency=limits.concurrency)

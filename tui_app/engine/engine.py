"""Owns the life of one connection to one sandbox: starts and stops the loops, and is all that a front end sees."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from tui_app.engine.backfill import Backfill
from tui_app.engine.batches import Batches
from tui_app.engine.checks import Checks
from tui_app.engine.core import Core
from tui_app.engine.datasets import DatasetsService
from tui_app.engine.doctor import Doctor
from tui_app.engine.downloads import Downloads
from tui_app.engine.export import Exports
from tui_app.engine.failures import explained, failure_of
from tui_app.engine.housekeeping import Housekeeping
from tui_app.engine.insight import Insight
from tui_app.engine.jobs import JobsService
from tui_app.engine.listing import Listing
from tui_app.engine.lookups import Lookups
from tui_app.engine.monitor import Cadence, Monitor
from tui_app.engine.previews import Previews
from tui_app.engine.queries import RemoteQueries
from tui_app.engine.reading import Reader
from tui_app.engine.session import Policy, Session, Topic
from tui_app.engine.sync import Sync
from tui_app.engine.views import Views
from tui_app.history.database import HistoryError
from tui_app.models.failure import FailureError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from tui_app.api.client import AepClient
    from tui_app.clock import Clock
    from tui_app.config import Connection
    from tui_app.history.history import History
    from tui_app.history.retention import Retention

_log = logging.getLogger(__name__)
_NAMES_FIRST_S: Final = 1.0
_NAMES_MOST_S: Final = 600.0


class Engine:
    """Everything one can ask about, and do to, the export jobs of one sandbox.

    Made by `wiring`; `open` before anything else, then `start` for the live loops, `stop` at the end. Use cases work
    without `start` too: the command line uses them so.
    """

    def __init__(
        self,
        *,
        connection: Connection,
        sandbox_name: str,
        policy: Policy,
        policy_is_given: bool,
        connect: Callable[[], AepClient],
        history: History,
        clock: Clock,
        cadence: Cadence | None = None,
        retention: Retention | None = None,
    ) -> None:
        self.clock = clock
        self.session = Session(connection=connection, sandbox_name=sandbox_name, policy=policy)
        self._core = Core(connect=connect, history=history, clock=clock, session=self.session)
        self.activity = self._core.activity
        self.monitor = Monitor(self._core, cadence or Cadence())
        self.backfill = Backfill(self._core)
        self.sync = Sync(self._core, self.backfill)
        self.list = Listing(self._core)
        self.views = Views(self._core)
        self.exports = Exports(self._core)
        self.jobs = JobsService(self._core, self.monitor)
        self.datasets = DatasetsService(self._core)
        self.lookups = Lookups(self._core)
        self.batches = Batches(self._core, self.lookups)
        self.downloads = Downloads(self._core, self.batches)
        self.insight = Insight()
        self.previews = Previews(self._core, self.insight)
        self.queries = RemoteQueries(self._core)
        self.checks = Checks(self._core, self.lookups)
        self.reading = Reader(self._core, self.datasets)
        self.doctor = Doctor(self._core)
        self._housekeeping = Housekeeping(self._core, retention)
        self._policy_is_given = policy_is_given
        self._drops_new_history = False
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, *, told: Callable[[str], None] | None = None) -> None:
        """Open the history; blocking, a few milliseconds.

        Args:
            told: is told in words if it takes longer, because an earlier aepx wrote a large history.

        Raises:
            FailureError: it cannot be opened; the message says where, why and what to do.
        """
        database = self._core.history.database
        try:
            database.open(told=told)
        except HistoryError as error:
            raise FailureError(failure_of(error, what="aepx cannot start", clock=self.clock)) from None
        if database.set_aside is not None:
            self.session.notices.append(
                f"The history was damaged ({database.why_set_aside}). It is kept as {database.set_aside}; "
                "a new one is filled from the platform."
            )
        if database.is_read_only:
            self.session.notices.append(
                f"The history {database.path} can only be read: {database.why_read_only}. Nothing new is kept, and no "
                "job can be created. Free disk space or fix the rights of the file and its folder, then start again; "
                "or set AEPX_DATA_DIR to another folder."
            )

    async def prepare(self) -> None:
        """Put the configured retention in force: for whoever reads from the platform without `start`."""
        await self._housekeeping.prepare()

    async def start(self) -> None:
        """Begin the live loops: the monitor, the walk through older jobs, names, and the sandbox's policy.

        Raises:
            FailureError: the history cannot be read, or the connection's addresses cannot be used safely.
        """
        with explained("The job list cannot be started", self.clock):
            await self._start()

    async def _start(self) -> None:
        await self._core.learn_held()
        await self._core.refresh_counts()
        if self._core.made_client is None:
            # On a thread: importing and preparing TLS takes longer than a loop may stand still.
            self._core.made_client = await asyncio.to_thread(self._core.connect)
        self._spawn(self.monitor.run())
        self._spawn(self._walk())
        self._spawn(self._housekeeping.watch())
        self._spawn(self._housekeeping.keep())
        self._spawn(self._learn_names())
        self._spawn(self.settle_policy())

    async def stop(self) -> None:
        """Cancel the loops and close client and history; returns within a second or so, safe to call twice."""
        tasks, self._tasks = tuple(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.insight.stop()
        await self.downloads.stop()
        await self.lookups.stop()
        if self._core.made_client is not None:
            await self._core.made_client.aclose()
            self._core.made_client = None
        if self._drops_new_history:
            self._core.history.discard_new()
        self._core.history.close()

    def drop_new_history(self) -> None:
        """Have `stop` remove the history again if this engine began it and it holds no job and no creation."""
        self._drops_new_history = True

    def subscribe(self, listener: Callable[[Topic], None]) -> Callable[[], None]:
        """Hear of every topic that changes; returns the call that ends it."""
        return self._core.bulletin.subscribe(listener)

    async def held_ms(self) -> int | None:
        """Return when history was last brought up to date, by whatever program; None when that is not known.

        Raises:
            FailureError: history cannot be read.
        """
        with explained("The age of the history cannot be told", self.clock):
            await self._core.learn_held()
        return self.session.held_ms

    async def refresh(self) -> None:
        """Ask the platform for the newest jobs and the running ones now, also while paused.

        Raises:
            FailureError: it could not be asked; the session holds the failure as well.
        """
        with explained("The list of export jobs could not be read", self.clock):
            await self.monitor.refresh()

    async def note(self, key: str) -> str | None:
        """Return something remembered for this sandbox, such as the sort order of the list; None if it cannot be."""
        try:
            return await self._core.history.lookups.note(key)
        except HistoryError as error:
            _log.warning("a note cannot be read: %s", error)
            return None

    async def set_note(self, key: str, value: str) -> None:
        """Remember something for this sandbox, if history can: nothing that matters depends on it."""
        try:
            await self._core.history.lookups.set_note(key, value)
        except HistoryError as error:
            _log.warning("a note is not kept: %s", error)

    @property
    def requests_sent(self) -> int:
        """How many requests left in this session, for the status line."""
        return self._core.made_client.stats.sent if self._core.made_client is not None else 0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a background task ended by its own fault", exc_info=task.exception())

    async def _walk(self) -> None:
        await self.prepare()
        await self.backfill.run()

    async def _learn_names(self) -> None:
        """Look up dataset names whenever jobs have arrived, at most once a second; more seldom where that fails."""
        arrived = asyncio.Event()
        arrived.set()
        unsubscribe = self.subscribe(lambda topic: arrived.set() if topic is Topic.JOBS else None)
        seconds = _NAMES_FIRST_S
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                with self.activity.busy():
                    told = await self.datasets.learn_names()
                seconds = _NAMES_FIRST_S if told else min(max(30.0, seconds * 2), _NAMES_MOST_S)
                await self.clock.sleep(seconds)
        finally:
            unsubscribe()

    async def settle_policy(self) -> None:
        """Ask whether the sandbox is a production one: unless configured, that decides how careful we are.

        A failure to learn it leaves the careful answer standing.
        """
        try:
            sandboxes = await self.datasets.sandboxes()
        except FailureError as error:
            _log.info("the sandbox's type is not known: %s", error.failure.cause)
            return
        found = next((one for one in sandboxes if one.name == self.session.sandbox_name), None)
        if found is None:
            return
        self.session.production = found.type == "production"
        if not self._policy_is_given and found.type == "development":
            self.session.policy = Policy.OPEN
        self._core.bulletin.publish(Topic.SESSION)


def policy_for(connection: Connection, sandbox_name: str, *, read_only: bool) -> tuple[Policy, bool]:
    """Return what a sandbox allows before the platform was asked for its type, and whether that is final.

    The configuration decides if it says anything. Else a sandbox behind a loopback address is open, because nothing
    real is behind it, and any other is protected until it proves to be a development sandbox.
    """
    if read_only:
        return Policy.READ_ONLY, True
    configured = connection.sandboxes.get(sandbox_name)
    if configured is not None and configured.policy is not None:
        return Policy(configured.policy), True
    if connection.is_loopback:
        return Policy.OPEN, True
    return Policy.PROTECTED, False

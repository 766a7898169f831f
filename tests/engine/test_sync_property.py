"""Whatever happens on the platform while its list is walked, history ends up right: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.engine.test_against_emulator import JOBS, Ground
from tests.support.clock import FakeClock, drain
from tui_app.emulator.dialects import speaker
from tui_app.emulator.faults.content import Cursor, Duplicates, Missing, Nulls
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Status
from tui_app.emulator.faults.wire import Truncate
from tui_app.emulator.world.lifecycle import state
from tui_app.engine.backfill import Backfill
from tui_app.engine.sync import Sync
from tui_app.engine.tally import Tally
from tui_app.models.job_query import JobQuery

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tui_app.models.job_query import JobSummary

PAST = 40
DAMAGES = {
    "itself": Cursor(to="itself"),
    "first": Cursor(to="first"),
    "no link": Missing(names=["link"]),
    "no records": Nulls(names=["records", "children"]),
    "twice": Duplicates(),
    "cut": Truncate(300),
    "away": Status(503),
}
DIALECTS = [("seed", 1), ("openapi", 1), ("newest", 1), *(("mixed", seed) for seed in range(6))]

event = st.one_of(
    st.tuples(st.just("make"), st.integers(1, 12)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("pass"), st.sampled_from([0.001, 1, 5, 20])),
    st.tuples(st.just("damage"), st.sampled_from(sorted(DAMAGES))),
    st.tuples(st.just("kill"), st.just(0)),
)
script = st.lists(st.lists(event, max_size=3), max_size=14)


class Moving(Ground):
    """A platform on which the next part of a script happens before each list call is answered."""

    def __init__(self, folder: Path, script: list[list[tuple[str, Any]]], **options: Any) -> None:
        super().__init__(folder, FakeClock(), jobs=PAST, speed=60.0, **options)
        self._script = list(script)
        self._inner = self.emulator.app
        self.emulator.app = self._call
        self.working: asyncio.Task[bool] | None = None
        self.is_killed = False

    @property
    def prod(self) -> Any:
        return self.emulator.world.sandboxes["prod"]

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].rstrip("/").endswith("/export/jobs") and self._script:
            for what, value in self._script.pop(0):
                self._happen(what, value)
        await self._inner(scope, receive, send)

    def _happen(self, what: str, value: Any) -> None:
        world, shelf = self.emulator.world, self.prod.shelf
        if what == "make":
            dataset = next(one.dataset_id for one in self.prod.datasets.values() if one.on_union)
            for _ in range(value):
                world.create_job(self.prod, {"destination": {"datasetId": dataset}, "schema": {"name": "x"}})
        elif what == "cancel":
            world.cancel_job(self.prod, shelf.job(max(0, len(shelf) - 1 - value)).job_id)
        elif what == "pass":
            self.clock._elapsed += value
        elif what == "damage":
            self.emulator.faults.add(Fault(DAMAGES[value], path=JOBS, method="GET", times=1))
        elif what == "kill" and self.working is not None:
            self.is_killed = True
            self.working.cancel()

    def rest(self) -> None:
        """Let nothing more happen, and all that runs come to its end."""
        self._script.clear()
        self.emulator.faults.clear()
        self.clock._elapsed += 600

    async def synchronise(self, page: int) -> None:
        """Run `aepx jobs sync --all` to its end, starting it again whenever it was killed or gave up."""
        for _ in range(40):
            engine = self.engine()
            backfill = Backfill(engine._core, page=page)
            sync = Sync(engine._core, backfill, page=page)
            self.is_killed = False
            self.working = asyncio.create_task(sync.run(Tally(), everything=True, told=lambda: None))
            while not self.working.done():
                await drain()
                await asyncio.to_thread(lambda: None)
                await self.clock.advance(0.5)
            working, self.working = self.working, None
            await asyncio.gather(working, return_exceptions=True)
            await engine.stop()
            self.engines.remove(engine)
            if not self.is_killed and not working.cancelled() and working.exception() is None and working.result():
                return
        raise AssertionError("the synchronisation never came to its end") from working.exception()

    def truth(self) -> dict[str, str]:
        """Return what the platform knows: the status of each job, by id."""
        now_ms, shelf = self.emulator.world.now_ms(), self.prod.shelf
        jobs = [shelf.job(index) for index in range(len(shelf))]
        return {str(job.job_id): state(job.plan, now_ms).status for job in jobs}


async def kept(ground: Moving) -> list[JobSummary]:
    engine = ground.engine()
    try:
        return await engine.list.summaries(await engine.list.all_rows(JobQuery()))
    finally:
        await engine.stop()
        ground.engines.remove(engine)


async def synchronised(happening: list[list[tuple[str, Any]]], dialect: tuple[str, int], page: int) -> None:
    name, seed = dialect
    with tempfile.TemporaryDirectory() as folder:
        ground = Moving(Path(folder), happening, dialect=name, seed=seed)
        try:
            await ground.synchronise(page)
            # A second one when all has come to rest: what changed behind the first one's back is seen by it.
            ground.rest()
            await ground.synchronise(page)
            forgets = speaker(name, seed=seed)().forgets_cancelled
            check(await kept(ground), ground.truth(), forgets=forgets)
        finally:
            ground.emulator.close()


def check(history: list[JobSummary], truth: dict[str, str], *, forgets: bool) -> None:
    ids = [one.job_id for one in history]
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(truth)
    # What nobody shows cannot be known: jobs that had vanished before they were listed for the first time.
    unknown = {truth[job_id] for job_id in set(truth) - set(ids)}
    assert unknown <= ({"CANCELLED"} if forgets else set())
    for one in history:
        true = truth[one.job_id]
        has_vanished = forgets and true == "CANCELLED"
        assert one.gone == has_vanished
        if not has_vanished:
            assert one.status == true


@settings(max_examples=20)
@given(happening=script, dialect=st.sampled_from(DIALECTS), page=st.sampled_from([3, 7, 20]))
@example(happening=[[("make", 12)]] * 6, dialect=("seed", 1), page=3)
@example(happening=[[("make", 5)], [("cancel", 3), ("pass", 20)]] * 5, dialect=("openapi", 1), page=3)
@example(happening=[[("kill", 0)], [("make", 9)]] * 5, dialect=("newest", 1), page=7)
@example(
    happening=[[], [("damage", "no link")], [("damage", "no records")], [("damage", "first")]],
    dialect=("seed", 1),
    page=3,
)
def test_nothing_is_lost_or_doubled_while_the_list_moves(
    happening: list[list[tuple[str, Any]]], dialect: tuple[str, int], page: int
) -> None:
    asyncio.run(synchronised(happening, dialect, page))

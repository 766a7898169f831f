"""Whatever lines break and whatever the platform lists, a lookup never knows less than it may."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.engines import make_engine, offline
from tests.support.lookups import FakeLists
from tui_app.engine.lookups import Known, Lookup, Lookups

if TYPE_CHECKING:
    from tui_app.models.audience import Audience

PAGE = 3
Step = tuple[frozenset[int], int | None]
STEPS = st.lists(
    st.tuples(st.frozensets(st.integers(0, 12), max_size=11), st.none() | st.integers(0, 4)), min_size=1, max_size=6
)


class BreakingLists(FakeLists):
    """Breaks the line before one page of each reading."""

    breaks_at: int | None = None

    async def begin(self, call: str, argument: object) -> None:
        await super().begin(call, argument)
        if argument == self.breaks_at:
            raise offline()


def ids(known: Known[Audience]) -> set[str]:
    return {one.audience_id for one in known.items}


@given(STEPS)
@settings(max_examples=60)
def test_known_is_the_whole_list_or_all_that_was_ever_shown_since(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(Path(folder), steps))


async def _live(folder: Path, steps: list[Step]) -> None:
    clock = FakeClock()
    engine, platform = make_engine(folder, clock)
    lists = BreakingLists(platform, page=PAGE)
    lookup = Lookups(engine._core).audiences
    expected: set[str] = set()
    whole_ms: int | None = None
    for wanted, breaks_at in steps:
        await clock.advance(1)
        lists.audiences = {}
        lists.put_audiences(*(f"a{number}" for number in sorted(wanted)))
        lists.breaks_at = breaks_at
        pages = max(1, -(-len(wanted) // PAGE))
        is_whole = breaks_at is None or breaks_at >= pages
        shown = set(list(lists.audiences)[: len(wanted) if is_whole else (breaks_at or 0) * PAGE])
        expected = shown if is_whole else expected | shown
        known = await lookup.refresh()
        whole_ms = known.fetched_ms if is_whole else whole_ms
        assert ids(known) == expected
        assert (known.is_complete, known.failure is None) == (is_whole, is_whole)
        if whole_ms is not None:
            assert known.fetched_ms == whole_ms
        kept = await _reopened(lookup)
        assert (ids(kept), kept.fetched_ms) == (expected, known.fetched_ms)
        # A line that broke before anything came has not made less of what history has.
        assert kept.is_complete <= (whole_ms is not None)
        assert kept.is_complete >= is_whole
    engine._core.history.close()


async def _reopened(lookup: Lookup[Audience]) -> Known[Audience]:
    """What another program finds that starts now."""
    return await Lookup(lookup._core, lookup._offer).known()

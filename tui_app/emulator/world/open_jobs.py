"""Owns which of a shelf's jobs are still open and which have ended how, so that a look at thousands of them is cheap.

When a job's status changes is known in work from its creation on, whatever happens to the pace. So a look compares
two numbers a job, and asks only those for their timeline that are within a few milliseconds of a change.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from tui_app.emulator.world.lifecycle import STATUS_OF, TERMINAL, state, work_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tui_app.emulator.world.lifecycle import Job, Lengths, Timeline
    from tui_app.emulator.world.time import Pace

# A stage takes a millisecond at least, so the end of the last of five may be late by so many, rounding included.
_LATE_MS = 6
_FLOAT_ERROR = 1e-9


class _Moments(NamedTuple):
    """When a job begins to be processed and when it ends, in work; and the status in which it ends."""

    begins: float
    ends: float
    final: str


class OpenJobs:
    """The jobs of a shelf, by index, whose status nothing else tells."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._open: dict[int, _Moments] = {}
        self._watched: set[int] = set()  # those whose moments are not known
        self._closed: dict[str, list[int]] = {status: [] for status in TERMINAL}
        self._looked: tuple[int, dict[str, list[int]]] | None = None

    def add(self, index: int, plan: Timeline, seconds: Lengths) -> None:
        """Take in a job that was just made, whose stages take so many seconds of work."""
        created = self._pace.work(plan.created_ms)
        begins, ends = created + seconds[0], created + work_of(seconds, plan.outcome)
        self._open[index] = _Moments(begins, ends, STATUS_OF.get(plan.outcome, ""))
        self._looked = None

    def watch(self, index: int) -> None:
        """Take in a job that was changed, open or closed: its timeline tells its status until it has ended."""
        self._open.pop(index, None)
        for closed in self._closed.values():
            at = bisect_left(closed, index)
            if at < len(closed) and closed[at] == index:
                del closed[at]
        self._watched.add(index)
        self._looked = None

    def look(self, status: str, *, at_ms: int, job: Callable[[int], Job]) -> list[int]:
        """Return the indexes in `status` at `at_ms`, which must not lie before an earlier look.

        `job` gives the job at an index. What has ended is closed: time never goes back, so it is for good.
        """
        if self._looked is None or self._looked[0] != at_ms:
            self._looked = at_ms, self._sorted_out(at_ms, job)
        return list(self._closed[status] if status in TERMINAL else self._looked[1].get(status, ()))

    def _sorted_out(self, at_ms: int, job: Callable[[int], Job]) -> dict[str, list[int]]:
        early, late = self._pace.work(at_ms - _LATE_MS), self._pace.work(at_ms)
        early, late = early - _FLOAT_ERROR * abs(early), late + _FLOAT_ERROR * abs(late)
        found: dict[str, list[int]] = {"NEW": [], "PROCESSING": [], "CANCELLING": [], **{one: [] for one in TERMINAL}}
        new, processing = found["NEW"], found["PROCESSING"]
        unsure = list(self._watched)
        for index, (begins, ends, final) in self._open.items():
            if begins > late:
                new.append(index)
            elif ends <= early:
                found[final].append(index)
            elif begins <= early and ends > late:
                processing.append(index)
            else:
                unsure.append(index)
        for index in unsure:
            found[state(job(index).plan, at_ms).status].append(index)
        for status in TERMINAL:
            self._close(status, found.pop(status))
        return found

    def _close(self, status: str, ended: Collection[int]) -> None:
        if not ended:
            return
        for index in ended:
            self._open.pop(index, None)
        self._watched.difference_update(ended)
        closed = self._closed[status]
        closed += ended
        closed.sort()

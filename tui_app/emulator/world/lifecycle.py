"""Owns what a job looks like at a moment: a pure function of its timeline and the time (API reference 2.9)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tui_app.emulator.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.emulator.world.time import Pace

OUTCOMES: Mapping[str, str] = {
    "ok": "succeeds after queue, export, gap, write and finish",
    "fail-export": "FAILED at the end of the profile export",
    "fail-write": "FAILED at the end of the dataset write",
    "stuck": "stays PROCESSING in the export, updateTime never moves; only cancelling ends it",
    "slow-gap": "succeeds, but the pause between export and write is twelve times as long",
    "empty": "succeeds with no profile exported",
}
OUTCOME_HELP = (
    "A segment id that contains one of these words decides how its job goes; the first segment that has one wins, "
    "and without any the job is ok:\n" + "\n".join(f"  {name:<12} {text}" for name, text in OUTCOMES.items())
)
FAILING = frozenset({"fail-export", "fail-write"})
TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
STATUS_OF: Mapping[str, str] = {
    "ok": "SUCCEEDED",
    "slow-gap": "SUCCEEDED",
    "empty": "SUCCEEDED",
    "fail-export": "FAILED",
    "fail-write": "FAILED",
    "cancelled": "CANCELLED",
}
"""The status in which a job of each outcome ends; one that is stuck never does."""
Lengths = tuple[float, float, float, float, float]
STAGES = ("queue", "export", "gap", "write", "finish")

_BATCH_ID = re.compile(r"[0-9a-f]{32}")
_MARKERS = tuple(name for name in OUTCOMES if name != "ok")
_SLOW_GAP = 12
_CANCEL_S = 30.0
_SHORTEST_CANCEL_MS = 1_000  # so that a caller who looks now and then can see it
_STAGES_OF = {"fail-export": (0, 1, 4)}  # such a job ends where it breaks: without gap and write
_EVERY_STAGE = (0, 1, 2, 3, 4)
_ACCEPTED_MS = 211  # in the seed's sample the first update follows the creation by this much


def outcome_for(segment_ids: list[str]) -> str:
    """Return the outcome that a marker in one of the segment ids asks for, else `ok`."""
    return next((mark for text in segment_ids for mark in _MARKERS if mark in text), "ok")


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a job's stages begin and end: one start and five lengths, all in milliseconds, speed already applied."""

    created_ms: int
    queue_ms: int
    export_ms: int
    gap_ms: int
    write_ms: int
    finish_ms: int
    outcome: str = "ok"
    cancelled_ms: int | None = None
    linger_ms: int = 30_000

    @property
    def total_ms(self) -> int:
        """Length from creation to the end, as if nobody cancelled; a stuck job counts as if it were not."""
        if self.outcome == "fail-export":
            return self.queue_ms + self.export_ms + self.finish_ms
        return self.queue_ms + self.export_ms + self.gap_ms + self.write_ms + self.finish_ms

    def cancel(self, at_ms: int, *, linger_ms: int) -> Timeline:
        """Return this timeline with a cancellation at `at_ms` that takes `linger_ms` to be carried out."""
        return replace(self, cancelled_ms=at_ms, linger_ms=linger_ms)


@dataclass(frozen=True, slots=True)
class Span:
    """A stage that has begun: start and, once over, end; epoch milliseconds."""

    start_ms: int
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class State:
    """What can be seen of a job at one moment; times in epoch milliseconds."""

    status: str
    updated_ms: int
    ended_ms: int | None
    export: Span | None
    write: Span | None
    batch_status: str


def timeline(created_ms: int, seconds: Lengths, *, outcome: str = "ok", speed: float = 1.0) -> Timeline:
    """Return a timeline from stage lengths in platform seconds (queue, export, gap, write, finish)."""
    factor = 1000 / speed
    queue, export, gap, write, finish = [round(length * factor) or 1 for length in seconds]
    return Timeline(created_ms, queue, export, gap, write, finish, outcome)


def laid(pace: Pace, created_ms: int, seconds: Lengths, *, outcome: str, work_s: float | None = None) -> Timeline:
    """Return a timeline whose stages follow the pace, so that what is left of them moves with it.

    `work_s` is the work done at the creation, where it is known more exactly than to a millisecond.
    """
    work = pace.work(created_ms) if work_s is None else work_s
    begun, lengths = created_ms, [1] * len(seconds)
    for stage in _STAGES_OF.get(outcome, _EVERY_STAGE):
        work += seconds[stage]
        ended = max(begun + 1, pace.at_ms(work))
        lengths[stage] = ended - begun
        begun = ended
    queue, export, gap, write, finish = lengths
    return Timeline(created_ms, queue, export, gap, write, finish, outcome)


def work_of(seconds: Lengths, outcome: str) -> float:
    """Return the seconds of work from a job's creation to its end; a stuck one has none."""
    return math.inf if outcome == "stuck" else sum(seconds[stage] for stage in _STAGES_OF.get(outcome, _EVERY_STAGE))


def cancelled(plan: Timeline, pace: Pace, at_ms: int) -> Timeline:
    """Return a timeline with a cancellation at `at_ms` that takes half a minute of work, and a second at least."""
    return plan.cancel(at_ms, linger_ms=max(_SHORTEST_CANCEL_MS, pace.at_ms(pace.work(at_ms) + _CANCEL_S) - at_ms))


def with_outcome(seconds: Lengths, outcome: str) -> Lengths:
    """Return the stage lengths that `outcome` makes of those of a job that goes well."""
    queue, export, gap, write, finish = seconds
    return queue, export, gap * (_SLOW_GAP if outcome == "slow-gap" else 1), write, finish


def state(plan: Timeline, now_ms: int) -> State:
    """Return what the platform shows of the job at `now_ms`."""
    cancelled = plan.cancelled_ms
    seen = now_ms if cancelled is None else min(now_ms, cancelled)
    running = _running(plan, seen)
    if cancelled is None or now_ms < cancelled or running.status in TERMINAL:
        return running
    over = cancelled + plan.linger_ms
    if now_ms < over:
        return replace(running, status="CANCELLING", updated_ms=cancelled)
    return replace(running, status="CANCELLED", updated_ms=over, ended_ms=over, batch_status="aborted")


def _running(plan: Timeline, now_ms: int) -> State:
    export_start = plan.created_ms + plan.queue_ms
    if now_ms < export_start:
        return State("NEW", min(now_ms, plan.created_ms + _ACCEPTED_MS), None, None, None, "loading")
    export_end = export_start + plan.export_ms
    exporting = State("PROCESSING", export_start, None, Span(export_start, None), None, "loading")
    if plan.outcome == "stuck" or now_ms < export_end:
        return exporting
    export = Span(export_start, export_end)
    if plan.outcome == "fail-export":
        return _failing(plan, now_ms, exporting, State("FAILED", export_end, None, export, None, "failed"))
    return _exported(plan, now_ms, export_end, export)


def _exported(plan: Timeline, now_ms: int, export_end: int, export: Span) -> State:
    write_start = export_end + plan.gap_ms
    if now_ms < write_start:
        return State("PROCESSING", export_end, None, export, None, "staging")
    write_end = write_start + plan.write_ms
    writing = State("PROCESSING", write_start, None, export, Span(write_start, None), "staged")
    if now_ms < write_end:
        return writing
    write = Span(write_start, write_end)
    if plan.outcome == "fail-write":
        return _failing(plan, now_ms, writing, State("FAILED", write_end, None, export, write, "failed"))
    end = write_end + plan.finish_ms
    if now_ms < end:
        return State("PROCESSING", write_end, None, export, write, "success")
    return State("SUCCEEDED", end, end, export, write, "success")


def _failing(plan: Timeline, now_ms: int, before: State, failed: State) -> State:
    """Return what is seen of a job from the moment its stage broke: all of it at once, with the status.

    The stage's timer stays open until then; a closed one would tell of a stage that went well.
    """
    end = failed.updated_ms + plan.finish_ms
    return before if now_ms < end else replace(failed, updated_ms=end, ended_ms=end)


@dataclass(frozen=True, slots=True)
class Job:
    """All that is fixed about an export job from its creation on; `plan` and the time give the rest.

    `request` holds the body's parts that answers may echo: fields, filter, additionalFields, evaluationInfo, schema.
    """

    job_id: int
    sandbox: str
    dataset_id: str
    plan: Timeline
    request: Mapping[str, Any]
    merge_policy: Mapping[str, Any]
    segment_per_batch: bool = False
    profile_instance_id: str = "ups"
    errors: tuple[Mapping[str, str], ...] = ()
    profiles: int = 0
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int]:
        """Creation time and id: the order of every list and the meaning of its cursor."""
        return self.plan.created_ms, self.job_id

    @property
    def segments(self) -> list[dict[str, Any]]:
        """The filter's segments as they were sent; empty when every profile is exported."""
        found = (self.request.get("filter") or {}).get("segments")
        return found if isinstance(found, list) else []

    @property
    def batch_count(self) -> int:
        """How many batches the job fills: one, or one for each segment."""
        return max(1, len(self.segments)) if self.segment_per_batch else 1


class BatchIds:
    """Batch ids that name their job, so that no table of past batches is needed; to a client they are opaque."""

    _TAIL = 18

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._mask = int(Chance(seed, "batch-mask").hex(14), 16)

    def of(self, job_id: int, index: int) -> str:
        """Return the 32 hexadecimal digits of the job's batch number `index` (below 65,536)."""
        head = ((job_id << 16) | index) ^ self._mask
        return f"{head:014x}{Chance(self._seed, 'batch', job_id, index).hex(self._TAIL)}"

    def parse(self, batch_id: str) -> tuple[int, int] | None:
        """Return (job id, index) of an id made by `of`; None for any other text."""
        if not _BATCH_ID.fullmatch(batch_id):
            return None
        packed = int(batch_id[: -self._TAIL], 16) ^ self._mask
        job_id, index = packed >> 16, packed & 0xFFFF
        return (job_id, index) if self.of(job_id, index) == batch_id else None

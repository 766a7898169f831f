"""Owns segment jobs: the nightly evaluations, those people asked for, and what each looks like at a moment.

A nightly job is a pure function of (seed, day), an early one of (seed, n); only jobs made or cancelled since the
world began are held. All of them follow API reference 6.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.datasets import DAY_MS
from tui_app.emulator.world.lifecycle import TERMINAL, Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_app.emulator.world.audiences import Audience
    from tui_app.emulator.world.schedules import Schedule
    from tui_app.emulator.world.time import Pace

_Lengths = tuple[float, float, float, float]

MOST_RUNNING = 5  # the documents name the refusal (429), not the number
_NIGHTS, _EARLY = 30, 12  # what a sandbox remembers: nights before the world began, and jobs people asked for by then
_FAILING_NIGHT = 0.05
_EARLY_FATES = ("ok", "ok", "fail", "ok", "cancelled", "ok")
_LINGER_S = 20.0
_SETTLED_MS = 2 * 3_600_000  # so long before the world began the newest of them was made: all are over
_DRIFT = 0.06  # by how much an audience may have been smaller then
_NIGHT, _ASKED, _MADE = 0, 1, 2
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")
_NUMBER_BITS = 28


@dataclass(frozen=True, slots=True)
class SegmentTimeline:
    """The moments at which a segment job changes, rising; epoch milliseconds.

    One that `fails` does so at its end. A cancellation takes from `cancelled_ms` to `gone_ms`.
    """

    created_ms: int
    queued_ms: int
    begun_ms: int
    evaluated_ms: int
    ended_ms: int
    fails: bool = False
    cancelled_ms: int | None = None
    gone_ms: int = 0


@dataclass(frozen=True, slots=True)
class SegmentState:
    """What can be seen of a segment job at one moment; times in epoch milliseconds."""

    status: str
    updated_ms: int
    ended_ms: int | None = None
    evaluation: Span | None = None


def segment_state(plan: SegmentTimeline, now_ms: int) -> SegmentState:
    """Return what the platform shows of the job at `now_ms`."""
    cancelled = plan.cancelled_ms
    running = _running(plan, now_ms if cancelled is None else min(now_ms, cancelled))
    if cancelled is None or now_ms < cancelled or running.status in TERMINAL:
        return running
    if now_ms < plan.gone_ms:
        return replace(running, status="CANCELLING", updated_ms=cancelled)
    return replace(running, status="CANCELLED", updated_ms=plan.gone_ms, ended_ms=plan.gone_ms)


def _running(plan: SegmentTimeline, now_ms: int) -> SegmentState:
    if now_ms < plan.queued_ms:
        return SegmentState("NEW", plan.created_ms)
    if now_ms < plan.begun_ms:
        return SegmentState("QUEUED", plan.queued_ms)
    is_over = now_ms >= plan.ended_ms
    if now_ms < plan.evaluated_ms or (plan.fails and not is_over):  # a failure shows with the status, not before
        return SegmentState("PROCESSING", plan.begun_ms, None, Span(plan.begun_ms, None))
    evaluation = Span(plan.begun_ms, plan.evaluated_ms)
    if not is_over:
        return SegmentState("PROCESSING", plan.evaluated_ms, None, evaluation)
    return SegmentState("FAILED" if plan.fails else "SUCCEEDED", plan.ended_ms, plan.ended_ms, evaluation)


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """All that is fixed about a segment job; `SegmentJobs.state` gives the rest.

    `lengths` are those of its stages in seconds of work: accept, queue, evaluate, finish. One with `errors` fails.
    `drifts` marks one whose counts lie a little under the audiences' sizes of today.
    """

    job_id: str
    number: int
    source: Literal["scheduler", "api"]
    created_ms: int
    lengths: _Lengths
    audiences: tuple[Audience, ...]
    request_id: str
    schedule_id: str = ""
    run_id: str = ""
    profile_instance_id: str = "ups"
    errors: tuple[Mapping[str, str], ...] = ()
    cancelled_ms: int | None = None
    drifts: bool = True

    def compute_ids(self, seed: int) -> dict[str, str | int]:
        """Return the ids that the compute layer gives the job once it is queued."""
        chance = Chance(seed, "segment-compute", self.job_id)
        return {
            "batchId": chance.uuid(),
            "computeJobId": chance.between(8_000, 99_999),
            "computeGatewayJobId": chance.uuid(),
        }

    def count(self, seed: int, audience: Audience) -> int:
        """Return how many profiles this job found in the audience."""
        if not self.drifts:
            return audience.size
        chance = Chance(seed, "segment-count", self.job_id, audience.segment_id)
        return round(audience.size * (1 - _DRIFT * chance.fraction()))


def _drawn_lengths(chance: Chance, *, segments: int) -> _Lengths:
    """Draw the stage lengths in seconds; more segments take longer to evaluate."""
    return (
        3 + 9 * chance.fraction(),
        45 + 120 * chance.fraction(),
        60 + 3.5 * segments * (0.8 + 0.4 * chance.fraction()),
        4 + 16 * chance.fraction(),
    )


def _after(start_ms: int, work_s: float, pace: Pace | None) -> int:
    """Return when so much work is done that begins at `start_ms`; without a pace a second of it takes a second."""
    if pace is None:
        return start_ms + round(work_s * 1000)
    return pace.at_ms(pace.work(start_ms) + work_s)


def _failure(message: str) -> tuple[Mapping[str, str], ...]:
    return ({"code": "80000018", "msg": message, "callStack": "emulated.segmentation.EvaluationTask"},)


class SegmentJobIds:
    """Ids of one sandbox's segment jobs: each says which job it is of, so none has to be looked for."""

    def __init__(self, seed: int, sandbox: str) -> None:
        self._topic = (seed, "segment-job", sandbox)
        self._mask = int(Chance(*self._topic).hex(8), 16)

    def of(self, kind: int, number: int) -> str:
        """Return the id of the job of this kind with this number (below 2**28)."""
        head = ((kind << _NUMBER_BITS) | number) ^ self._mask
        return f"{head:08x}{Chance(*self._topic, kind, number).uuid()[8:]}"

    def parse(self, job_id: str) -> tuple[int, int] | None:
        """Return (kind, number) of an id made by `of`; None for any other text."""
        if not _ID.fullmatch(job_id):
            return None
        kind, number = divmod(int(job_id[:8], 16) ^ self._mask, 1 << _NUMBER_BITS)
        return (kind, number) if self.of(kind, number) == job_id else None


class SegmentJobs:
    """The segment jobs of one sandbox.

    `audiences` are the sandbox's, `nightly` is its schedule (None in a sandbox that has none). What is created from
    `started_ms` on, when the world began, runs at the platform's `pace`.
    """

    def __init__(
        self,
        seed: int,
        sandbox: str,
        audiences: Sequence[Audience],
        nightly: Schedule | None,
        *,
        started_ms: int,
        pace: Pace,
    ) -> None:
        self._seed = seed
        self._sandbox = sandbox
        self.definitions = tuple(one for one in audiences if one.is_definition)
        self._nightly = nightly
        self._started_ms = started_ms
        self._pace = pace
        self._ids = SegmentJobIds(seed, sandbox)
        self._made: list[SegmentJob] = []
        self._open: list[SegmentJob] = []
        self._cancelled: dict[str, int] = {}

    def all(self, now_ms: int) -> list[SegmentJob]:
        """Return every job that there is at `now_ms`, oldest first."""
        nights = (self._night(day) for day in self._days(now_ms))
        asked = (self._asked(number) for number in range(self._early))
        return sorted([*nights, *asked, *map(self._held, self._made)], key=lambda one: (one.created_ms, one.number))

    def find(self, job_id: str, now_ms: int) -> SegmentJob | None:
        """Return the job with this id; None when the sandbox has none."""
        kind, number = self._ids.parse(job_id) or (-1, -1)
        if kind == _MADE and number < len(self._made):
            return self._held(self._made[number])
        if kind == _ASKED and number < self._early:
            return self._asked(number)
        return self._night(number) if kind == _NIGHT and number in self._days(now_ms) else None

    def state(self, job: SegmentJob, now_ms: int) -> SegmentState:
        """Return what the platform shows of a job of this sandbox at `now_ms`."""
        pace = self._pace if job.created_ms >= self._started_ms else None
        moments = [job.created_ms]
        for work_s in accumulate(job.lengths):
            moments.append(max(moments[-1] + 1, _after(job.created_ms, work_s, pace)))
        created, queued, begun, evaluated, ended = moments
        plan = SegmentTimeline(created, queued, begun, evaluated, ended, fails=bool(job.errors))
        if job.cancelled_ms is not None:
            pace = self._pace if job.cancelled_ms >= self._started_ms else None
            gone = max(job.cancelled_ms + 1, _after(job.cancelled_ms, _LINGER_S, pace))
            plan = replace(plan, cancelled_ms=job.cancelled_ms, gone_ms=gone)
        return segment_state(plan, now_ms)

    def running(self, now_ms: int) -> int:
        """Return how many jobs have not ended; of the nights only the last two can be among them."""
        self._open = [one for one in self._open if self._runs(self._held(one), now_ms)]
        return len(self._open) + sum(self._runs(self._night(day), now_ms) for day in self._days(now_ms)[-2:])

    def _runs(self, job: SegmentJob, now_ms: int) -> bool:
        return self.state(job, now_ms).status not in TERMINAL

    def create(self, audiences: Sequence[Audience], now_ms: int, *, profile_instance_id: str = "ups") -> SegmentJob:
        """Make a job that evaluates definitions of this sandbox; one that is still a draft makes it fail."""
        number = len(self._made)
        job_id = self._ids.of(_MADE, number)
        chance = Chance(self._seed, "made-segment-job", job_id)
        drafts = [one.segment_id for one in audiences if one.lifecycle == "draft"]
        job = SegmentJob(
            job_id=job_id,
            number=number,
            source="api",
            created_ms=now_ms,
            lengths=_drawn_lengths(chance, segments=len(audiences)),
            audiences=tuple(audiences),
            request_id=chance.token(32),
            profile_instance_id=profile_instance_id,
            errors=_failure(f"Segment definition {drafts[0]} is a draft and cannot be evaluated.") if drafts else (),
            drifts=False,
        )
        self._made.append(job)
        self._open.append(job)
        return job

    def cancel(self, job_id: str, now_ms: int) -> bool:
        """Mark a job for cancelling; one that has ended stays as it is. False when there is no such job."""
        job = self.find(job_id, now_ms)
        if job is None:
            return False
        if job.cancelled_ms is None and self._runs(job, now_ms):
            self._cancelled[job_id] = now_ms
        return True

    def _held(self, job: SegmentJob) -> SegmentJob:
        """Return the job with what is held of it: when it was cancelled."""
        cancelled = self._cancelled.get(job.job_id)
        return job if cancelled is None else replace(job, cancelled_ms=cancelled)

    @property
    def _early(self) -> int:
        return _EARLY if self.definitions else 0

    def _days(self, now_ms: int) -> range:
        """Return the numbers of the days whose nightly job has been created by `now_ms`."""
        if self._nightly is None or not self.definitions:
            return range(0)
        today = now_ms // DAY_MS
        last = today if self._nightly.start_ms(today) <= now_ms else today - 1
        return range(self._started_ms // DAY_MS - _NIGHTS, last + 1)

    def _night(self, day: int) -> SegmentJob:
        assert self._nightly is not None
        job_id = self._ids.of(_NIGHT, day)
        chance = Chance(self._seed, "night", self._sandbox, day)
        created = self._nightly.start_ms(day)
        chosen = tuple(
            one
            for one in self.definitions
            if one.evaluation == "batch" and one.lifecycle == "published" and one.created_ms <= created
        )
        message = f"Evaluation stopped: request rate is large, attempt {chance.between(4, 9)} on partition {day % 97}"
        return self._held(
            SegmentJob(
                job_id=job_id,
                number=day,
                source="scheduler",
                created_ms=created,
                lengths=_drawn_lengths(chance, segments=len(chosen)),
                audiences=chosen,
                request_id=f"{self._nightly.schedule_id}-{created}",
                schedule_id=self._nightly.schedule_id,
                run_id=chance.uuid(),
                errors=_failure(message) if chance.fraction() < _FAILING_NIGHT else (),
            )
        )

    def _asked(self, number: int) -> SegmentJob:
        chance = Chance(self._seed, "asked-segment-job", self._sandbox, number)
        age = (_EARLY - number - chance.fraction()) * _NIGHTS / _EARLY * DAY_MS
        created = self._started_ms - _SETTLED_MS - int(age)
        usable = [one for one in self.definitions if one.lifecycle == "published" and one.created_ms <= created]
        chosen = {one.segment_id: one for one in (chance.pick(usable) for _ in range(chance.between(1, 3)))}
        lengths = _drawn_lengths(chance, segments=len(chosen))
        fate = _EARLY_FATES[number % len(_EARLY_FATES)]
        return SegmentJob(
            job_id=self._ids.of(_ASKED, number),
            number=number,
            source="api",
            created_ms=created,
            lengths=lengths,
            audiences=tuple(chosen.values()),
            request_id=chance.token(32),
            errors=_failure("Evaluation stopped: executor lost, exit code 137") if fate == "fail" else (),
            cancelled_ms=created + int(sum(lengths[:3]) * 900) if fate == "cancelled" else None,
        )

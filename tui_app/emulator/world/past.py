"""Owns the jobs that were there before the world began: the n-th is a pure function of (seed, n), so none is held.

Ids and creation times come from slots. A slot is one job of either sandbox: of nine in a row the sixth belongs to
`development`, the others to `prod`. So an index within a sandbox, a slot and an id are arithmetic of each other.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tui_app.emulator.chance import Chance
from tui_app.emulator.world import samples
from tui_app.emulator.world.datasets import Dataset, default_policy
from tui_app.emulator.world.lifecycle import FAILING, Job, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_ID = 18_500
HISTORY_DAYS = 90
_GROUP, _DEVELOPMENT_SLOT = 9, 5
_HOUR_MS = 3_600_000
_SETTLED_MS = 2 * _HOUR_MS  # no past job takes as long, so all of them are over when the world begins
_STUCK_MS = 5 * _HOUR_MS
_QUIET = (
    6,
    4,
    9,
    9,
    3,
    2,
    2,
    4,
    8,
    12,
    12,
    11,
    9,
    10,
    12,
    11,
    10,
    9,
    6,
    4,
    3,
    3,
    3,
    4,
)  # weight by hour, UTC
_WEEKEND = 0.4
_SATURDAY = 5
_SCHEDULED, _ONE_SEGMENT, _PER_BATCH = 0.2, 0.6, 0.2  # shares of all jobs
# The share of each outcome; the first draw of a job decides, so that a filter by status need not build the job.
_SHARES = (
    (0.045, "fail-export"),
    (0.075, "fail-write"),
    (0.105, "cancelled"),
    (0.13, "empty"),
    (0.16, "slow-gap"),
)
_STATUS = {"fail-export": "FAILED", "fail-write": "FAILED", "cancelled": "CANCELLED", "stuck": "PROCESSING"}


@dataclass(frozen=True, slots=True)
class Furniture:
    """What a sandbox's jobs refer to."""

    sandbox: str
    targets: Sequence[Dataset]
    snapshot: Dataset | None
    audiences: Sequence[samples.Audience]
    schedule_id: str
    policies: tuple[str, ...]


def furniture(seed: int, sandbox: str, datasets: Sequence[Dataset]) -> Furniture:
    """Collect what the jobs of a furnished sandbox refer to; hostile datasets are drawn rarely."""
    plain = [one for one in datasets if one.on_union and one.name in samples.EXPORT_DATASETS]
    hostile = [one for one in datasets if one.on_union and one.name in samples.HOSTILE_NAMES]
    snapshots = [one for one in datasets if one.name.startswith("Profile-Snapshot-Export-")]
    return Furniture(
        sandbox=sandbox,
        targets=plain * 16 + hostile,
        snapshot=snapshots[0] if snapshots else None,
        audiences=samples.audiences(seed, sandbox),
        schedule_id=Chance(seed, "schedule", sandbox).uuid(),
        policies=(
            default_policy(seed, sandbox),
            "timestampOrdered-none-mp",
            Chance(seed, "policy", sandbox).uuid(),
        ),
    )


def compose(
    room: Furniture,
    chance: Chance,
    *,
    job_id: int,
    created_ms: int,
    outcome: str,
    seconds: tuple[float, float, float, float, float] | None = None,
    speed: float = 1.0,
) -> Job:
    """Invent the job that `chance` draws; `outcome` may also be `cancelled`, `seconds` fixes its stage lengths."""
    scheduled = room.snapshot is not None and chance.fraction() < _SCHEDULED
    target = room.snapshot if scheduled and room.snapshot is not None else chance.pick(room.targets)
    count = 1 if chance.fraction() < _ONE_SEGMENT else chance.between(2, 4)
    chosen = {one.segment_id: one for one in (chance.pick(room.audiences) for _ in range(count))}
    request: dict[str, Any] = {"schema": {"name": "_xdm.context.profile"}}
    if not scheduled:
        request["fields"] = "identityMap,personalEmail.address"
        request["filter"] = {
            "segments": [
                {"segmentId": one.segment_id, "segmentNs": one.segment_ns, "status": ["realized"]}
                for one in chosen.values()
            ]
        }
    plan = timeline(
        created_ms,
        seconds or _lengths(chance, slow=target.is_slow),
        outcome="ok" if outcome == "cancelled" else outcome,
        speed=speed,
    )
    if outcome == "cancelled":
        plan = plan.cancel(created_ms + int(plan.total_ms * (0.1 + 0.8 * chance.fraction())), linger_ms=20_000)
    size = sum(one.size for one in chosen.values()) or 1
    return Job(
        job_id=job_id,
        sandbox=room.sandbox,
        dataset_id=target.dataset_id,
        plan=plan,
        request=request,
        merge_policy={"id": chance.pick(room.policies), "version": 1},
        segment_per_batch=not scheduled and chance.fraction() < _PER_BATCH,
        errors=samples.errors(chance, outcome, job_id=job_id, dataset_id=target.dataset_id)
        if outcome in FAILING
        else (),
        profiles=0 if outcome == "empty" else int(size * (0.9 + 0.2 * chance.fraction())),
        properties={
            "scheduleId": room.schedule_id,
            "runId": f"SegmentationExportChaining_{room.schedule_id}_{chance.uuid()}",
        }
        if scheduled
        else {},
    )


def _lengths(chance: Chance, *, slow: bool) -> tuple[float, float, float, float, float]:
    """Draw stage lengths in seconds around the three timed samples of API reference 2.9."""
    factor = 3.0 if slow else 1.0
    queue = 45 + 300 * chance.fraction() ** 2
    export = factor * (30 + 500 * chance.fraction() ** 2)
    gap = 20 + 120 * chance.fraction() ** 2
    write = factor * (0.5 + 90 * chance.fraction() ** 3)
    return queue, export, gap, write, 3 + 45 * chance.fraction()


class Slots:
    """Ids and creation times of past jobs, both sandboxes together; times never fall as slots rise."""

    def __init__(self, seed: int, production_jobs: int, *, now_ms: int) -> None:
        self.count = _production_slot(production_jobs - 1) + 1 if production_jobs > 0 else 0
        self._salt = int(Chance(seed, "slots").hex(8), 16)
        self._start = now_ms - HISTORY_DAYS * 24 * _HOUR_MS
        hours = HISTORY_DAYS * 24
        self._hour_ms = (now_ms - _SETTLED_MS - self._start) / hours
        self._weights = [_weight(self._start + hour * self._hour_ms) for hour in range(hours)]
        self._passed = [0.0, *accumulate(self._weights)]

    def created_ms(self, slot: int) -> int:
        """Return when the slot's job was created; busier by day than by night and on workdays than at weekends."""
        scattered = ((slot ^ self._salt) * 2_654_435_761 & 0xFFFFFFFF) / 4_294_967_296
        done = (slot + 0.05 + 0.9 * scattered) / self.count * self._passed[-1]
        hour = min(bisect_right(self._passed, done) - 1, len(self._weights) - 1)
        within = (done - self._passed[hour]) / self._weights[hour]
        return int(self._start + (hour + within) * self._hour_ms)


def _weight(at_ms: float) -> float:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return _QUIET[moment.hour] * (_WEEKEND if moment.weekday() >= _SATURDAY else 1.0)


def _production_slot(index: int) -> int:
    group, place = divmod(index, _GROUP - 1)
    return group * _GROUP + place + (place >= _DEVELOPMENT_SLOT)


class Past:
    """The past jobs of one sandbox, oldest first, made when asked for."""

    def __init__(self, seed: int, room: Furniture, slots: Slots, *, production: bool, now_ms: int) -> None:
        self._seed = seed
        self._room = room
        self._slots = slots
        self._production = production
        groups, rest = divmod(slots.count, _GROUP)
        own = rest > _DEVELOPMENT_SLOT
        self.count = slots.count - groups - own if production else groups + own
        self.stuck: int | None = None
        if production:
            older = bisect_right(range(self.count), now_ms - _STUCK_MS, key=self.created_ms)
            self.stuck = older - 1 if older else None

    def _slot(self, index: int) -> int:
        return _production_slot(index) if self._production else index * _GROUP + _DEVELOPMENT_SLOT

    def created_ms(self, index: int) -> int:
        """Return when the job was created, epoch milliseconds."""
        return self._slots.created_ms(self._slot(index))

    def key(self, index: int) -> tuple[int, int]:
        """Return (creation time, id): strictly rising with the index."""
        slot = self._slot(index)
        return self._slots.created_ms(slot), FIRST_ID + slot

    def index_of(self, job_id: int) -> int | None:
        """Return the index of the job with this id; None when it is another sandbox's or none."""
        slot = job_id - FIRST_ID
        if not 0 <= slot < self._slots.count:
            return None
        group, place = divmod(slot, _GROUP)
        if (place == _DEVELOPMENT_SLOT) == self._production:
            return None
        if not self._production:
            return group
        return group * (_GROUP - 1) + place - (place > _DEVELOPMENT_SLOT)

    def _draw(self, index: int) -> tuple[Chance, str]:
        chance = Chance(self._seed, "past", self._room.sandbox, index)
        share = chance.fraction()
        if index == self.stuck:
            return chance, "stuck"
        return chance, next((name for limit, name in _SHARES if share < limit), "ok")

    def status(self, index: int) -> str:
        """Return the job's status, which time no longer changes, without making the job."""
        return _STATUS.get(self._draw(index)[1], "SUCCEEDED")

    def job(self, index: int) -> Job:
        """Make the job."""
        chance, outcome = self._draw(index)
        created, job_id = self.key(index)
        return compose(self._room, chance, job_id=job_id, created_ms=created, outcome=outcome)

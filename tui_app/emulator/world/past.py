"""Owns the jobs that were there before the world began: the n-th is a pure function of (seed, n), so none is held.

Ids and creation times come from slots. A slot is one job of any sandbox; of ten in a row the sixth belongs to `dev`,
the last to `stage`, the others to `prod`. So an index within a sandbox, a slot and an id are arithmetic of each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tui_app.emulator.chance import Chance
from tui_app.emulator.world import samples
from tui_app.emulator.world.audiences import audiences
from tui_app.emulator.world.lifecycle import FAILING, Job, Lengths, Timeline, timeline, with_outcome
from tui_app.emulator.world.policies import policies
from tui_app.emulator.world.strata import Block, Incident, Strata, scatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tui_app.emulator.world.audiences import Audience
    from tui_app.emulator.world.datasets import Dataset
    from tui_app.emulator.world.policies import MergePolicy

FIRST_ID = 18_500
HISTORY_DAYS = 90
_GROUP = 10
_PLACES: Mapping[str, tuple[int, ...]] = {"prod": (0, 1, 2, 3, 4, 6, 7, 8), "dev": (5,), "stage": (9,)}
_HOUR_MS = 3_600_000
_SETTLED_MS = 2 * _HOUR_MS  # so old the newest is; what would take longer is shortened, so all are over
_STUCK_MS = 5 * _HOUR_MS
# Weight by hour, UTC.
_QUIET = (6, 4, 9, 9, 3, 2, 2, 4, 8, 12, 12, 11, 9, 10, 12, 11, 10, 9, 6, 4, 3, 3, 3, 4)
_WEEKEND = 0.4
_SATURDAY = 5
_SCHEDULED, _ONE_SEGMENT, _PER_BATCH = 0.2, 0.6, 0.2  # shares of all jobs
_SCHEMA = "_xdm.context.profile"

# Of each block so many fail, are cancelled, find nothing, or wait long between export and write.
_BLOCK = 200
_FAILED, _FAILED_IN_EXPORT = 15, 9
_OTHERS = {"cancelled": 6, "empty": 5, "slow-gap": 6}
_INCIDENT_SHARE, _INCIDENT_RUN, _INCIDENT_FAILED = 0.2, 16, 11


@dataclass(frozen=True, slots=True)
class Furniture:
    """What a sandbox's jobs refer to; `rows` is how many profiles it holds."""

    sandbox: str
    rows: int
    targets: Sequence[Dataset]
    snapshot: Dataset | None
    audiences: tuple[Audience, ...]
    exported: Sequence[Audience]
    schedule_id: str
    policies: tuple[MergePolicy, ...]


def furniture(seed: int, sandbox: str, datasets: Sequence[Dataset], *, rows: int, before_ms: int) -> Furniture:
    """Collect what a sandbox's jobs refer to: hostile datasets are drawn rarely, drafts of audiences never."""
    found = audiences(seed, sandbox, rows=rows, before_ms=before_ms)
    plain = [one for one in datasets if one.on_union and one.name in samples.EXPORT_DATASETS]
    hostile = [one for one in datasets if one.on_union and one.name in samples.HOSTILE_NAMES]
    snapshots = [one for one in datasets if one.name.startswith("Profile-Snapshot-Export-")]
    return Furniture(
        sandbox=sandbox,
        rows=rows,
        targets=plain * 16 + hostile,
        snapshot=snapshots[0] if snapshots else None,
        audiences=found,
        exported=[one for one in found if one.lifecycle == "published"],
        schedule_id=Chance(seed, "schedule", sandbox).uuid(),
        policies=policies(seed, sandbox, datasets),
    )


def target(room: Furniture, chance: Chance) -> tuple[Dataset, bool]:
    """Draw which dataset a job fills, and whether the scheduler made it: the first draws of `compose`."""
    if room.snapshot is not None and chance.fraction() < _SCHEDULED:
        return room.snapshot, True
    return chance.pick(room.targets), False


def compose(
    room: Furniture,
    chance: Chance,
    *,
    job_id: int,
    outcome: str,
    lay: Callable[[Chance, Dataset], Timeline],
    cause: str | None = None,
) -> Job:
    """Invent the job that `chance` draws.

    `lay` gives its timeline, `cause` the family of the errors if it fails; without one they are drawn too.
    """
    dataset, scheduled = target(room, chance)
    request: dict[str, Any] = {"schema": {"name": _SCHEMA}}
    profiles = room.rows
    if not scheduled:
        count = 1 if chance.fraction() < _ONE_SEGMENT else chance.between(2, 4)
        chosen = {one.segment_id: one for one in (chance.pick(room.exported) for _ in range(count))}
        request["fields"] = "identityMap,personalEmail.address"
        request["filter"] = {
            "segments": [
                {"segmentId": one.segment_id, "segmentNs": one.segment_ns, "status": ["realized"]}
                for one in chosen.values()
            ]
        }
        profiles = min(room.rows, sum(one.size for one in chosen.values()))
    policy = room.policies[0] if scheduled else chance.pick(room.policies)
    per_batch = not scheduled and chance.fraction() < _PER_BATCH
    profiles = 0 if outcome == "empty" else int(profiles * (0.9 + 0.1 * chance.fraction()))
    run = f"SegmentationExportChaining_{room.schedule_id}_{chance.uuid()}" if scheduled else ""
    return Job(
        job_id=job_id,
        sandbox=room.sandbox,
        dataset_id=dataset.dataset_id,
        plan=lay(chance, dataset),
        request=request,
        merge_policy={"id": policy.policy_id, "version": policy.version},
        segment_per_batch=per_batch,
        errors=samples.errors(chance, outcome, job_id=job_id, dataset_id=dataset.dataset_id, family=cause)
        if outcome in FAILING
        else (),
        profiles=profiles,
        properties={"scheduleId": room.schedule_id, "runId": run} if run else {},
    )


def _lengths(chance: Chance, *, slow: bool) -> Lengths:
    """Draw stage lengths in seconds around the three timed samples of API reference 2.9: waiting dominates.

    Small exports take minutes whatever they hold; those into slow datasets up to hours.
    """
    factor = 3.0 + 12.0 * chance.fraction() ** 2 if slow else 1.0
    queue = 90 + 370 * chance.fraction() ** 2
    export = factor * (30 + 500 * chance.fraction() ** 2)
    gap = 20 + 900 * chance.fraction() ** 3
    write = factor * (0.5 + 90 * chance.fraction() ** 3)
    return queue, export, gap, write, 3 + 45 * chance.fraction()


class Slots:
    """Ids and creation times of past jobs, all sandboxes together; times never fall as slots rise."""

    def __init__(self, seed: int, production_jobs: int, *, now_ms: int) -> None:
        groups, rest = divmod(max(0, production_jobs - 1), len(_PLACES["prod"]))
        self.count = groups * _GROUP + _PLACES["prod"][rest] + 1 if production_jobs > 0 else 0
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


class Past:
    """The past jobs of one sandbox, oldest first, made when asked for; a sandbox that no slot belongs to has none."""

    def __init__(self, seed: int, room: Furniture, slots: Slots, *, now_ms: int) -> None:
        self._seed = seed
        self._room = room
        self._slots = slots
        self._now_ms = now_ms
        self._places = _PLACES.get(room.sandbox, ())
        self._index_in_group = {place: index for index, place in enumerate(self._places)}
        groups, rest = divmod(slots.count, _GROUP)
        self.count = groups * len(self._places) + bisect_left(self._places, rest)
        self.strata = Strata(_BLOCK, self._block)
        self.stuck = self._find_stuck() if room.sandbox == "prod" else None

    def _find_stuck(self) -> int | None:
        older = bisect_right(range(self.count), self._now_ms - _STUCK_MS, key=self.created_ms)
        return next((index for index in range(older - 1, -1, -1) if self.strata.outcome(index) == "ok"), None)

    def created_ms(self, index: int) -> int:
        """Return when the job was created, epoch milliseconds."""
        return self._slots.created_ms(self._slot(index))

    def _slot(self, index: int) -> int:
        group, place = divmod(index, len(self._places))
        return group * _GROUP + self._places[place]

    def key(self, index: int) -> tuple[int, int]:
        """Return (creation time, id): strictly rising with the index."""
        slot = self._slot(index)
        return self._slots.created_ms(slot), FIRST_ID + slot

    def find(self, job_id: int) -> int | None:
        """Return the index of the job with this id; None when it is another sandbox's or none."""
        slot = job_id - FIRST_ID
        if not 0 <= slot < self._slots.count:
            return None
        group, place = divmod(slot, _GROUP)
        within = self._index_in_group.get(place)
        return None if within is None else group * len(self._places) + within

    def dataset_id(self, index: int) -> str:
        """Return the id of the job's target without making the job."""
        return target(self._room, self._chance(index))[0].dataset_id

    def job(self, index: int) -> Job:
        """Make the job."""
        outcome = "stuck" if index == self.stuck else self.strata.outcome(index)
        cause = self.strata.cause(index) if outcome in FAILING else None
        created, job_id = self.key(index)

        def lay(chance: Chance, dataset: Dataset) -> Timeline:
            return self._timeline(chance, created, outcome, slow=dataset.is_slow)

        return compose(self._room, self._chance(index), job_id=job_id, outcome=outcome, lay=lay, cause=cause)

    def _chance(self, index: int) -> Chance:
        return Chance(self._seed, "past", self._room.sandbox, index)

    def _timeline(self, chance: Chance, created_ms: int, outcome: str, *, slow: bool) -> Timeline:
        lengths = with_outcome(_lengths(chance, slow=slow), outcome)
        most_s = (self._now_ms - created_ms) / 1000 - 60
        if outcome != "stuck" and sum(lengths) > most_s:
            fitting = most_s / sum(lengths)
            queue, export, gap, write, finish = (length * fitting for length in lengths)
            lengths = queue, export, gap, write, finish
        if outcome != "cancelled":
            return timeline(created_ms, lengths, outcome=outcome)
        plan = timeline(created_ms, lengths)
        return plan.cancel(created_ms + int(plan.total_ms * (0.1 + 0.8 * chance.fraction())), linger_ms=20_000)

    def _block(self, number: int) -> Block:
        chance = Chance(self._seed, "block", self._room.sandbox, number)
        if chance.fraction() >= _INCIDENT_SHARE:
            amounts = {"fail-export": _FAILED_IN_EXPORT, "fail-write": _FAILED - _FAILED_IN_EXPORT, **_OTHERS}
            return Block(tuple(scatter(chance, amounts, size=_BLOCK)))
        family, outcome = chance.pick(samples.INCIDENTS)
        first = chance.between(0, _BLOCK - _INCIDENT_RUN)
        last = first + _INCIDENT_RUN - 1
        scattered = {"fail-export": _FAILED - _INCIDENT_FAILED, **_OTHERS}
        quiet = [place for place in range(_BLOCK) if not first <= place <= last]
        outcomes = scatter(chance, scattered, size=_BLOCK, free=quiet)
        outcomes[first : last + 1] = scatter(chance, {outcome: _INCIDENT_FAILED}, size=_INCIDENT_RUN)
        return Block(tuple(outcomes), Incident(first, last, family))

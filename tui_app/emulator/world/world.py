"""Owns everything the platform holds: sandboxes, their datasets and jobs; and how more comes to be."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tui_app.clock import Clock, now_ms
from tui_app.emulator.chance import Chance
from tui_app.emulator.world import samples
from tui_app.emulator.world.datasets import DAY_MS, Dataset, furnish
from tui_app.emulator.world.lifecycle import (
    FAILING,
    OUTCOME_HELP,
    OUTCOMES,
    TERMINAL,
    BatchIds,
    Job,
    outcome_for,
    state,
    timeline,
)
from tui_app.emulator.world.past import FIRST_ID, Furniture, Past, Slots, compose, furniture
from tui_app.emulator.world.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.emulator.world.batches import Batch

_Lengths = tuple[float, float, float, float, float]

# Stage lengths of a job made through the API, platform seconds: 14 minutes, so 14 s at speed 60, 3 s of it NEW.
CREATED_LENGTHS: _Lengths = (180.0, 240.0, 180.0, 150.0, 90.0)
_CANCEL_S = 30.0
_ARRIVAL_GAP_S = (
    315,
    585,
)  # four arrivals take at most 2,340 s and at most one of them fails: see _ARRIVAL_LENGTHS
_ARRIVAL_LENGTHS: _Lengths = (240.0, 1_200.0, 480.0, 360.0, 150.0)  # 2,430 s or more: three always overlap
_LAST_BATCH_SCAN = 300

# The newest jobs of a furnished production sandbox, oldest first: age and stage lengths in platform seconds.
_ENDED_LENGTHS: _Lengths = (140.0, 420.0, 260.0, 40.0, 20.0)
_RECENT: tuple[tuple[int, str, _Lengths], ...] = (
    (6_600, "ok", _ENDED_LENGTHS),
    (6_000, "fail-export", (455.0, 47.0, 1.0, 1.0, 4.0)),
    (5_300, "empty", (94.0, 72.0, 56.0, 1.0, 38.0)),
    (4_800, "cancelled", _ENDED_LENGTHS),
    (4_100, "fail-write", (128.0, 610.0, 200.0, 90.0, 6.0)),
    (3_500, "ok", (128.0, 111.0, 882.0, 39.0, 45.0)),
    (2_000, "ok", (300.0, 900.0, 400.0, 900.0, 120.0)),  # running: write
    (1_400, "ok", (240.0, 600.0, 3_600.0, 200.0, 120.0)),  # running: a long gap
    (500, "ok", (200.0, 2_200.0, 300.0, 200.0, 100.0)),  # running: export
    (20, "ok", (420.0, 1_500.0, 400.0, 300.0, 100.0)),  # running: still queued
)
_FIRST_RUNNING = 6


@dataclass(slots=True)
class Sandbox:
    """One isolated environment with its datasets by id and its jobs."""

    name: str
    title: str
    kind: str
    sandbox_id: str
    created_ms: int
    room: Furniture
    datasets: dict[str, Dataset]
    shelf: Shelf
    is_default: bool = False
    last_jobs: dict[str, int] = field(default_factory=dict)
    written_batches: dict[str, Batch] = field(default_factory=dict)


class World:
    """The platform's memory; decided by `seed` and the clock's time when it was made.

    `jobs` is how many past export jobs production (`prod`) lists; `development` (`dev`) has an eighth as many more,
    `empty` nothing at all. Jobs made through the API go as `outcomes` says, one word for each, then by the marker in
    a segment id, then well. `speed` divides the stage lengths of jobs that run or are made, not the clock.
    `alive=True` lets colleagues and the scheduler make jobs too, so that three or more always run (from 4 jobs on).
    `late_dataset_check=True` accepts a job whose dataset is wrong and lets it fail (API reference 2.2).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 1,
        jobs: int = 5_000,
        speed: float = 1.0,
        alive: bool = False,
        late_dataset_check: bool = False,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"The emulator's speed is {speed}: give a number above zero, such as 1 or 60.")
        if jobs < 0:
            raise ValueError(f"The emulator cannot have {jobs} past jobs: give zero or more.")
        self.clock = clock
        self.seed = seed
        self.speed = speed
        self.alive = alive
        self.late_dataset_check = late_dataset_check
        self.outcomes: deque[str] = deque()
        self.batch_ids = BatchIds(seed)
        self.started_ms = now_ms(clock)
        recent = min(jobs, len(_RECENT))
        slots = Slots(seed, jobs - recent, now_ms=self.started_ms)
        self.sandboxes = {
            one.name: one
            for one in (
                self._sandbox("prod", "Production", slots, kind="production"),
                self._sandbox("dev", "Development", slots, kind="development"),
                self._sandbox(
                    "empty",
                    "Empty",
                    Slots(seed, 0, now_ms=self.started_ms),
                    kind="development",
                    furnished=False,
                ),
            )
        }
        self._next_id = FIRST_ID + slots.count
        self._made_datasets = 0
        self._arrivals = 0
        self._next_arrival_ms = self.started_ms + self._arrival_gap_ms(0) // 4
        self._begin(recent)

    def _sandbox(self, name: str, title: str, slots: Slots, *, kind: str, furnished: bool = True) -> Sandbox:
        start = self.started_ms
        datasets = furnish(self.seed, name, before_ms=start) if furnished else {}
        room = furniture(self.seed, name, list(datasets.values()))
        past = Past(self.seed, room, slots, production=name == "prod", now_ms=start)
        return Sandbox(
            name=name,
            title=title,
            kind=kind,
            sandbox_id=Chance(self.seed, "sandbox", name).uuid(),
            created_ms=start - 400 * DAY_MS,
            room=room,
            datasets=datasets,
            shelf=Shelf(past),
            is_default=name == "prod",
        )

    def _begin(self, recent: int) -> None:
        sandbox = self.sandboxes["prod"]
        for place in range(len(_RECENT) - recent, len(_RECENT)):
            age, outcome, lengths = _RECENT[place]
            pace = max(1.0, self.speed) if place >= _FIRST_RUNNING else 1.0
            job = compose(
                sandbox.room,
                Chance(self.seed, "newest", place),
                job_id=self._take_id(),
                created_ms=self.started_ms - round(age * 1000 / pace),
                outcome=outcome,
                seconds=lengths,
                speed=pace,
            )
            self._add(sandbox, job)

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _add(self, sandbox: Sandbox, job: Job) -> None:
        sandbox.shelf.add(job)
        sandbox.last_jobs[job.dataset_id] = job.job_id

    def now_ms(self) -> int:
        """Return the platform's time, epoch milliseconds, after letting every job arrive that is due."""
        now = now_ms(self.clock)
        while self.alive and self._next_arrival_ms <= now:
            self._arrive()
        return now

    def _arrival_gap_ms(self, number: int) -> int:
        low, high = _ARRIVAL_GAP_S
        return round(Chance(self.seed, "gap", number).between(low, high) * 1000 / self.speed)

    def _arrive(self) -> None:
        number, created = self._arrivals, self._next_arrival_ms
        sandbox = self.sandboxes["prod"]
        chance = Chance(self.seed, "arrival", number)
        outcome = {3: "fail-export" if number % 2 else "fail-write", 0: "empty"}.get(number % 5, "ok")
        lengths = _stretch(chance, _ARRIVAL_LENGTHS, low=1.0, high=1.4)
        self._arrivals += 1
        self._next_arrival_ms = created + self._arrival_gap_ms(self._arrivals)
        if not sandbox.room.targets:
            return
        job = compose(
            sandbox.room,
            chance,
            job_id=self._take_id(),
            created_ms=self._after_newest(sandbox, created),
            outcome=outcome,
            seconds=lengths,
            speed=self.speed,
        )
        self._add(sandbox, job)

    def _after_newest(self, sandbox: Sandbox, at_ms: int) -> int:
        """Return `at_ms`, or the newest job's time if the clock went back: the order must not break."""
        shelf = sandbox.shelf
        return max(at_ms, shelf.key(len(shelf) - 1)[0]) if len(shelf) else at_ms

    def create_job(self, sandbox: Sandbox, body: Mapping[str, Any], *, profile_instance_id: str = "ups") -> Job:
        """Make a job from a body that the create call's rules have passed (API reference 2.2)."""
        now = self.now_ms()
        job_id = self._take_id()
        chance = Chance(self.seed, "created", job_id)
        destination, policy = body["destination"], body.get("mergePolicy") or {"id": sandbox.room.policies[0]}
        segments = (body.get("filter") or {}).get("segments") or []
        outcome, errors = self._fate(sandbox, chance, segments, job_id=job_id, dataset_id=destination["datasetId"])
        job = Job(
            job_id=job_id,
            sandbox=sandbox.name,
            dataset_id=destination["datasetId"],
            plan=timeline(
                self._after_newest(sandbox, now),
                _stretch(chance, CREATED_LENGTHS, low=0.9, high=1.1),
                outcome=outcome,
                speed=self.speed,
            ),
            request={name: body[name] for name in _ECHOED if body.get(name) is not None},
            merge_policy={"id": policy["id"], "version": policy.get("version") or 1},
            segment_per_batch=bool(destination.get("segmentPerBatch")),
            profile_instance_id=profile_instance_id,
            errors=errors,
            profiles=0 if outcome == "empty" else self._profiles(sandbox, segments, chance),
        )
        self._add(sandbox, job)
        return job

    def _fate(
        self,
        sandbox: Sandbox,
        chance: Chance,
        segments: list[dict[str, Any]],
        *,
        job_id: int,
        dataset_id: str,
    ) -> tuple[str, tuple[Mapping[str, str], ...]]:
        """Decide how a job that was just asked for will go, and with what errors if it fails."""
        marked = outcome_for([one["segmentId"] for one in segments])
        outcome = self.outcomes.popleft() if self.outcomes else marked
        dataset = sandbox.datasets.get(dataset_id)
        if dataset is None or not dataset.on_union:
            return "fail-export", samples.not_persisted(dataset_id)
        if outcome in FAILING:
            return outcome, samples.errors(chance, outcome, job_id=job_id, dataset_id=dataset_id)
        return outcome, ()

    @staticmethod
    def _profiles(sandbox: Sandbox, segments: list[dict[str, Any]], chance: Chance) -> int:
        if not segments:
            return chance.between(900_000, 1_100_000)
        sizes = {one.segment_id: one.size for one in sandbox.room.audiences}
        return sum(sizes.get(one["segmentId"], chance.between(20, 5_000)) for one in segments)

    def script(self, *outcomes: str) -> None:
        """Say how the next jobs made through the API go, one word of `lifecycle.OUTCOMES` for each."""
        for outcome in outcomes:
            if outcome not in OUTCOMES:
                raise ValueError(f"Unknown outcome {outcome!r}. {OUTCOME_HELP}")
        self.outcomes.extend(outcomes)

    def job(self, sandbox: Sandbox, job_id: int) -> Job | None:
        """Return the sandbox's job with this id; None when it has none."""
        self.now_ms()
        index = sandbox.shelf.find(job_id)
        return None if index is None else sandbox.shelf.job(index)

    def cancel_job(self, sandbox: Sandbox, job_id: int) -> bool:
        """Mark a job for cancelling; one that has ended stays as it is. False when there is no such job."""
        job = self.job(sandbox, job_id)
        if job is None:
            return False
        now = self.now_ms()
        is_marked = job.plan.cancelled_ms is not None and job.plan.cancelled_ms <= now
        if not is_marked and state(job.plan, now).status not in TERMINAL:
            linger = max(1_000, round(_CANCEL_S * 1000 / self.speed))
            sandbox.shelf.change(replace(job, plan=job.plan.cancel(now, linger_ms=linger)))
        return True

    def create_dataset(self, sandbox: Sandbox, body: Mapping[str, Any]) -> Dataset:
        """Make a dataset from a body that Catalog's rules have passed (API reference 3.1)."""
        now = self.now_ms()
        self._made_datasets += 1
        chance = Chance(self.seed, "created-dataset", self._made_datasets)
        dataset = Dataset(
            dataset_id=chance.hex(24),
            name=body["name"],
            created_ms=now,
            table_ms=now + round(20_000 / self.speed),
            view_id=chance.hex(24),
            description=body.get("description") or "",
            schema=body.get("schemaRef") or {},
            file_description=body.get("fileDescription") or {},
            tags=body.get("tags") or {},
            client="emulated_client",
        )
        sandbox.datasets[dataset.dataset_id] = dataset
        return dataset

    def last_job(self, sandbox: Sandbox, dataset_id: str) -> Job | None:
        """Return the newest job that writes to the dataset, if it is among the few hundred newest of the past."""
        self.now_ms()
        if dataset_id not in sandbox.last_jobs and sandbox.shelf.past.count:
            self._look_back(sandbox)
        job_id = sandbox.last_jobs.get(dataset_id)
        return None if job_id is None or job_id < 0 else self.job(sandbox, job_id)

    @staticmethod
    def _look_back(sandbox: Sandbox) -> None:
        past = sandbox.shelf.past
        for index in range(past.count - 1, max(-1, past.count - 1 - _LAST_BATCH_SCAN), -1):
            job = past.job(index)
            sandbox.last_jobs.setdefault(job.dataset_id, job.job_id)
        for dataset_id in sandbox.datasets:
            sandbox.last_jobs.setdefault(dataset_id, -1)


_ECHOED = ("fields", "filter", "additionalFields", "evaluationInfo", "schema")


def _stretch(chance: Chance, lengths: _Lengths, *, low: float, high: float) -> _Lengths:
    """Vary each length by a factor from `low` to `high`."""
    queue, export, gap, write, finish = (length * (low + (high - low) * chance.fraction()) for length in lengths)
    return queue, export, gap, write, finish

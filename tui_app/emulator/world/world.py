"""Owns everything the platform holds: sandboxes, their datasets and jobs; and how more comes to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tui_app.clock import Clock, now_ms
from tui_app.emulator.chance import Chance
from tui_app.emulator.world import samples
from tui_app.emulator.world.arrivals import Arrivals, Numbers
from tui_app.emulator.world.datasets import DAY_MS, Dataset, furnish, settle_table
from tui_app.emulator.world.ledger import Ledger
from tui_app.emulator.world.lifecycle import (
    FAILING,
    TERMINAL,
    BatchIds,
    Job,
    Lengths,
    cancelled,
    laid,
    outcome_for,
    state,
    timeline,
    with_outcome,
)
from tui_app.emulator.world.past import FIRST_ID, Furniture, Past, Slots, compose, furniture
from tui_app.emulator.world.scripts import Script, ScriptBook
from tui_app.emulator.world.shelf import Shelf
from tui_app.emulator.world.time import Pace, PlatformTime
from tui_app.emulator.world.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_app.emulator.world.batches import Batch
    from tui_app.emulator.world.lifecycle import Timeline

MOST_JOBS = 100_000_000
MOST_ROWS = 1_000_000_000
# Stage lengths of a job made through the API, platform seconds: 14 minutes, so 14 s at speed 60, 3 s of it NEW.
CREATED_LENGTHS: Lengths = (180.0, 240.0, 180.0, 150.0, 90.0)
_TABLE_S = 20.0  # so long Query Service takes to name a new dataset's table
_EXITED_SHARE = 20  # one profile left an audience for so many that are in it

# The newest jobs of a furnished production sandbox, oldest first: age and stage lengths in platform seconds.
_ENDED_LENGTHS: Lengths = (140.0, 420.0, 260.0, 40.0, 20.0)
_RECENT: tuple[tuple[int, str, Lengths], ...] = (
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
_SANDBOXES = (
    ("prod", "Production", "production"),
    ("dev", "Development", "development"),
    ("stage", "Staging", "development"),
    ("empty", "Empty", "development"),
)
_LIVELY = "prod"  # where colleagues make jobs


@dataclass(slots=True)
class Sandbox:
    """One isolated environment with its datasets by id, what its jobs refer to, and its jobs."""

    name: str
    title: str
    kind: str
    sandbox_id: str
    created_ms: int
    room: Furniture
    datasets: dict[str, Dataset]
    shelf: Shelf
    is_default: bool = False
    written_batches: dict[str, Batch] = field(default_factory=dict)


class World:
    """The platform's memory; decided by `seed` and the clock's time when it was made.

    `jobs` is how many past export jobs production (`prod`) lists; `dev` and `stage` each have an eighth as many more,
    `empty` nothing at all. `rows` is how many profiles a sandbox holds: an export of everything has so many, an
    audience a part of them. Jobs made through the API go as `script` says, then by the marker in a segment id, then
    well. `speed` divides the stage lengths of jobs that run or are made, not the clock.
    `alive=True` lets colleagues and the scheduler make jobs too, so that three or more always run (from 4 jobs on).
    `late_dataset_check=True` accepts a job whose dataset is wrong and lets it fail (API reference 2.2).

    Its time never goes back, whatever the clock does.

    Raises:
        ValueError: an option has a value that means nothing.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 1,
        jobs: int = 5_000,
        rows: int = 100_000,
        speed: float = 1.0,
        alive: bool = False,
        late_dataset_check: bool = False,
    ) -> None:
        if not 0 <= jobs <= MOST_JOBS:
            raise ValueError(f"The emulator cannot have {jobs} past jobs: give a number from 0 to {MOST_JOBS}.")
        if not 0 <= rows <= MOST_ROWS:
            raise ValueError(f"The emulator's sandboxes cannot hold {rows} profiles: give from 0 to {MOST_ROWS}.")
        self.time = clock if isinstance(clock, PlatformTime) else PlatformTime(clock)
        self.clock: Clock = self.time
        self.seed = seed
        self.rows = rows
        self.alive = alive
        self.late_dataset_check = late_dataset_check
        self._scripts = ScriptBook()
        self._ledgers: dict[str, Ledger] = {}
        self.batch_ids = BatchIds(seed)
        self.started_ms = self._latest_ms = now_ms(self.clock)
        self.pace = Pace(self.started_ms, speed)
        recent = min(jobs, len(_RECENT))
        slots = Slots(seed, jobs - recent, now_ms=self.started_ms)
        self._numbers = Numbers(FIRST_ID + slots.count)
        self._arrivals: Arrivals | None = None
        self.sandboxes = {name: self._sandbox(name, title, kind, slots) for name, title, kind in _SANDBOXES}
        self._made_datasets = 0
        self._begin(recent)

    def _sandbox(self, name: str, title: str, kind: str, slots: Slots) -> Sandbox:
        start = self.started_ms
        datasets = {} if name == "empty" else furnish(self.seed, name, before_ms=start)
        room = furniture(self.seed, name, list(datasets.values()), rows=self.rows, before_ms=start)
        arrivals = None
        if self.alive and name == _LIVELY:
            arrivals = self._arrivals = Arrivals(self.seed, room, self.pace, self._numbers)
        return Sandbox(
            name=name,
            title=title,
            kind=kind,
            sandbox_id=Chance(self.seed, "sandbox", name).uuid(),
            created_ms=start - 400 * DAY_MS,
            room=room,
            datasets=datasets,
            shelf=Shelf(Past(self.seed, room, slots, now_ms=start), self.pace, arrivals),
            is_default=name == "prod",
        )

    def _begin(self, recent: int) -> None:
        sandbox = self.sandboxes["prod"]
        for place in range(len(_RECENT) - recent, len(_RECENT)):
            age, outcome, lengths = _RECENT[place]
            runs = place >= _FIRST_RUNNING
            if runs:
                plan = laid(self.pace, self.pace.at_ms(-age), lengths, outcome=outcome)
            else:
                plan = timeline(
                    self.started_ms - age * 1000, lengths, outcome="ok" if outcome == "cancelled" else outcome
                )
            if outcome == "cancelled":
                plan = plan.cancel(plan.created_ms + plan.total_ms // 2, linger_ms=20_000)
            job = compose(
                sandbox.room,
                Chance(self.seed, "newest", place),
                job_id=self._take_id(),
                outcome=outcome,
                lay=_always(plan),
            )
            sandbox.shelf.add(job, lengths if runs else None)

    def _take_id(self) -> int:
        return self._numbers.take(self._arrivals.count if self._arrivals is not None else 0)

    @property
    def speed(self) -> float:
        """How much faster than the clock jobs run."""
        return self.pace.speed

    def set_speed(self, speed: float) -> None:
        """Let jobs run at another speed: those that are made from now on, and what is left of the others.

        Raises:
            ValueError: no job can run at `speed`.
        """
        self.pace.change(self.now_ms(), speed)
        if self._arrivals is not None:
            self._arrivals.retime()

    def now_ms(self) -> int:
        """Return the platform's time, epoch milliseconds, after letting every job arrive that is due."""
        now = now_ms(self.clock)
        if now > self._latest_ms:
            self._latest_ms = now
            if self._arrivals is not None:
                self._arrivals.advance(now)
        return self._latest_ms

    def create_job(self, sandbox: Sandbox, body: Mapping[str, Any], *, profile_instance_id: str = "ups") -> Job:
        """Make a job from a body that the create call's rules have passed (API reference 2.2)."""
        now = self.now_ms()
        job_id = self._take_id()
        chance = Chance(self.seed, "created", job_id)
        destination, segments = body["destination"], (body.get("filter") or {}).get("segments") or []
        dataset_id = destination["datasetId"]
        outcome, lengths = self._fate(chance, segments, dataset_id)
        target = sandbox.datasets.get(dataset_id)
        errors: tuple[Mapping[str, str], ...] = ()
        if target is None or not target.on_union:
            outcome, errors = "fail-export", samples.not_persisted(dataset_id)
        elif outcome in FAILING:
            errors = samples.errors(chance, outcome, job_id=job_id, dataset_id=dataset_id)
        job = Job(
            job_id=job_id,
            sandbox=sandbox.name,
            dataset_id=dataset_id,
            plan=laid(self.pace, now, lengths, outcome=outcome),
            request={name: body[name] for name in _ECHOED if body.get(name) is not None},
            merge_policy=_effective_policy(sandbox.room, body.get("mergePolicy"), segments),
            segment_per_batch=bool(destination.get("segmentPerBatch")),
            profile_instance_id=profile_instance_id,
            errors=errors,
            profiles=0 if outcome == "empty" or _starts_after(body, now) else _profiles(sandbox.room, segments, chance),
        )
        sandbox.shelf.add(job, lengths)
        return job

    def _fate(self, chance: Chance, segments: list[dict[str, Any]], dataset_id: str) -> tuple[str, Lengths]:
        """Decide how a job that was just asked for will go, and how long its stages take."""
        segment_ids = [one["segmentId"] for one in segments]
        script = self._scripts.take(dataset_id, segment_ids)
        outcome = script.outcome if script is not None else outcome_for(segment_ids)
        usual = with_outcome(_stretch(chance, CREATED_LENGTHS, low=0.9, high=1.1), outcome)
        return outcome, script.lengths(usual) if script is not None else usual

    def script(self, *scripts: Script | str) -> None:
        """Say how the next jobs made through the API go; a word stands for a script with that outcome.

        Raises:
            ValueError: a word is not one of `lifecycle.OUTCOMES`, or too many scripts would wait; none is added then.
        """
        self._scripts.add([Script(one) if isinstance(one, str) else one for one in scripts])

    @property
    def scripts(self) -> tuple[tuple[Script, int], ...]:
        """The scripts that wait, first given first, each with how many jobs may still take it."""
        return self._scripts.waiting

    def clear_scripts(self) -> None:
        """Forget every script that waits."""
        self._scripts.clear()

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
            sandbox.shelf.change(replace(job, plan=cancelled(job.plan, self.pace, now)))
        return True

    def create_dataset(
        self,
        sandbox: Sandbox,
        body: Mapping[str, Any],
        *,
        client: str = "emulated_client",
        user: str = "",
        more: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """Make a dataset from a body that Catalog's rules have passed (API reference 3.1); `more` as in `Dataset`."""
        now = self.now_ms()
        self._made_datasets += 1
        chance = Chance(self.seed, "created-dataset", self._made_datasets)
        dataset = Dataset(
            dataset_id=chance.hex(24),
            name=body["name"],
            created_ms=now,
            table_ms=self.pace.at_ms(self.pace.work(now) + _TABLE_S),
            view_id=chance.hex(24),
            description=body.get("description") or "",
            schema=body.get("schemaRef") or {},
            file_description=body.get("fileDescription") or {},
            tags=body.get("tags") or {},
            client=client,
            user=user,
            more=more or {},
        )
        settled = settle_table(dataset, sandbox.datasets.values())
        sandbox.datasets[settled.dataset_id] = settled
        return settled

    def delete_dataset(self, sandbox: Sandbox, dataset_id: str) -> None:
        """Delete a dataset of the sandbox; its jobs and their batches stay, and no more arrive."""
        self.now_ms()
        del sandbox.datasets[dataset_id]
        if self._arrivals is not None and sandbox.name == _LIVELY:
            self._arrivals.forget(dataset_id)

    def ledger(self, sandbox: Sandbox) -> Ledger:
        """Return what all services look through the sandbox's batches with."""
        if sandbox.name not in self._ledgers:
            self._ledgers[sandbox.name] = Ledger(self, sandbox)
        return self._ledgers[sandbox.name]

    def last_job(self, sandbox: Sandbox, dataset_id: str) -> Job | None:
        """Return the newest job that writes to the dataset: any made through the API, else one of the last 600."""
        self.now_ms()
        return sandbox.shelf.newest_of(dataset_id)


def _always(plan: Timeline) -> Callable[[Chance, Dataset], Timeline]:
    return lambda _chance, _dataset: plan


_ECHOED = ("fields", "filter", "additionalFields", "evaluationInfo", "schema")


def _profiles(room: Furniture, segments: list[dict[str, Any]], chance: Chance) -> int:
    """Return how many profiles an export finds: all there are, or those of its segments by their membership."""
    if not segments:
        return room.rows
    sizes = {one.segment_id: one.size for one in room.audiences}
    found = 0
    for one in segments:
        size = sizes.get(one["segmentId"])
        if size is None:
            size = min(room.rows, chance.between(20, 5_000))
        statuses = set(one.get("status") or ("realized", "existing"))
        left = size // _EXITED_SHARE if "exited" in statuses else 0
        found += left + (size if statuses - {"exited"} else 0)
    return min(room.rows, found)


def _starts_after(body: Mapping[str, Any], now_ms: int) -> bool:
    """Whether an export wants only those who were updated, or came to its segments, at a time that is still to come."""
    asked = body.get("filter") or {}
    since = [asked.get("fromIngestTimestamp")]
    if asked.get("segments"):
        since.append((asked.get("segmentQualificationTime") or {}).get("startTime"))
    moments = map(rfc3339, since)
    return any(one is not None and one.timestamp() * 1000 >= now_ms for one in moments)


def _effective_policy(
    room: Furniture, asked: Mapping[str, Any] | None, segments: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return id and version of the policy that an export merges by: as asked, else the first segment's own."""
    versions = {one.policy_id: one.version for one in room.policies}
    if asked is not None:
        return {"id": asked["id"], "version": asked.get("version") or versions.get(asked["id"], 1)}
    named = {one["segmentId"] for one in segments[:1]}
    own = next((one.policy_id for one in room.audiences if one.segment_id in named), None)
    policy_id = own or room.policies[0].policy_id
    return {"id": policy_id, "version": versions.get(policy_id, 1)}


def _stretch(chance: Chance, lengths: Lengths, *, low: float, high: float) -> Lengths:
    """Vary each length by a factor from `low` to `high`."""
    queue, export, gap, write, finish = (length * (low + (high - low) * chance.fraction()) for length in lengths)
    return queue, export, gap, write, finish

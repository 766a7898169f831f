"""Owns who is in an audience: people are numbers, an audience is a stretch of them, so members are arithmetic.

Stretches begin at few places, so audiences overlap. They begin at multiples of five, and so does the count of a job's
rows go on from batch to batch: that way every job has as many e-mail addresses as its counter says (`rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.policies import feeds_profile
from tui_app.emulator.world.schemas import schemas
from tui_app.emulator.world.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui_app.emulator.world.batches import Batch
    from tui_app.emulator.world.lifecycle import Job
    from tui_app.emulator.world.world import Sandbox

_STEP = 5
_PLACES = 8  # where audiences begin, all in the first half of a sandbox's people
_UNKNOWN_SIZE = 1_000  # of a segment that no audience is known for, next to others in one batch
_SHOWN = 24  # memberships that an export tells of are looked for among so many segments
_LAPSED_DAYS = 30  # a membership is evaluated again within so many days
_DAY_MS = 86_400_000
_LATEST_MS = 4_102_444_800_000  # the year 2100: what lies beyond is as good as no bound


@dataclass(frozen=True, slots=True)
class Run:
    """People from number `first` on, `count` of them."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Membership:
    """Of one segment: its people from `first` to `end`, excluded; statuses that occur; when they qualified."""

    segment_id: str
    segment_ns: str
    first: int
    end: int
    statuses: tuple[str, ...]
    low_ms: int
    high_ms: int


@dataclass(frozen=True, slots=True)
class People:
    """Who is in one batch, in order and each once, and what is told of their memberships."""

    runs: tuple[Run, ...]
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class _Segment:
    segment_id: str
    segment_ns: str
    statuses: tuple[str, ...]
    first: int
    end: int


def people_of(batch: Batch, sandbox: Sandbox, *, seed: int, rows: int) -> People:
    """Return who is in a job's batch; `rows` people live in the sandbox.

    Without segments they are all people, else the members of the batch's segments. A batch that holds more rows than
    its segments have members goes on behind the last of them.
    """
    job, count = batch.job, batch.rows or 0
    assert job is not None, "a batch that a query wrote is not made of people"
    share, rest = divmod(job.profiles, job.batch_count)
    offset = (share * batch.number + min(batch.number, rest)) % _STEP  # rows of earlier batches
    asked = job.segments[batch.number : batch.number + 1] if job.segment_per_batch else job.segments
    sizes = {one.segment_id: one.size for one in sandbox.room.audiences}
    lone = count if len(asked) == 1 else None
    segments = [_segment(one, sandbox.name, seed=seed, rows=rows, size=lone, sizes=sizes) for one in asked]
    runs = _runs(segments, count, offset=offset)
    told = _told(segments, runs, job)
    known = {one.segment_id for one in segments}
    others = (one for one in sandbox.room.audiences if one.segment_id not in known)
    most = sorted(others, key=lambda one: (-one.size, one.segment_id))[: max(0, _SHOWN - len(told))]
    low, high = bounds(None, None, job.plan.created_ms, days=_LAPSED_DAYS)
    for one in most:
        first = _first(seed, sandbox.name, one.segment_id, size=one.size, rows=rows)
        told.append(Membership(one.segment_id, one.segment_ns, first, first + one.size, ("realized",), low, high))
    return People(runs, tuple(told))


def _segment(
    sent: Mapping[str, Any], sandbox: str, *, seed: int, rows: int, size: int | None, sizes: Mapping[str, int]
) -> _Segment:
    segment_id, namespace = _encodable(sent["segmentId"]), _encodable(sent.get("segmentNs") or "ups")
    statuses = tuple(dict.fromkeys(sent.get("status") or ("realized", "existing")))
    members = sizes.get(segment_id, _UNKNOWN_SIZE)
    first = _first(seed, sandbox, segment_id, size=members, rows=rows)
    if statuses == ("exited",):  # those who left stand behind those who stayed
        first += -(-members // _STEP) * _STEP
    return _Segment(
        segment_id,
        "ups" if namespace.lower() == "ups" else namespace,
        statuses,
        first,
        first + (members if size is None else size),
    )


def _first(seed: int, sandbox: str, segment_id: str, *, size: int, rows: int) -> int:
    place = Chance(seed, "members", sandbox, segment_id).between(0, _PLACES - 1)
    return min(place * rows // (2 * _PLACES), max(0, rows - size)) // _STEP * _STEP


def _encodable(sent: str) -> str:
    """Return the text as a file can hold it: JSON allows a lone surrogate, UTF-8 does not."""
    return sent.encode("utf-8", "replace").decode()


def _runs(segments: Sequence[_Segment], count: int, *, offset: int) -> tuple[Run, ...]:
    """Return `count` people of all segments, none of them twice."""
    runs: list[Run] = []
    left = count
    for low, high in _merged(segments):
        if left <= 0:
            break
        first = low + (offset if not runs else 0)
        taken = min(left, high // _STEP * _STEP - first)
        if taken > 0:
            runs.append(Run(first, taken))
            left -= taken
    if left > 0:
        last = runs.pop() if runs else Run(min((one.first for one in segments), default=0) + offset, 0)
        runs.append(Run(last.first, last.count + left))
    return tuple(runs) if count else ()


def _merged(segments: Iterable[_Segment]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for low, high in sorted((one.first, one.end) for one in segments):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def _told(segments: Sequence[_Segment], runs: Sequence[Run], job: Job) -> list[Membership]:
    """Return the memberships in the segments that were asked for; the last people are in the one that ends last."""
    window = (job.request.get("filter") or {}).get("segmentQualificationTime") or {}
    low, high = bounds(window.get("startTime"), window.get("endTime"), job.plan.created_ms, days=_LAPSED_DAYS)
    last = runs[-1].first + runs[-1].count if runs else 0
    unique = list({(one.segment_ns, one.segment_id): one for one in segments}.values())
    farthest = max(unique, key=lambda one: one.end, default=None)
    return [
        Membership(
            one.segment_id,
            one.segment_ns,
            one.first,
            max(one.end, last) if one is farthest else one.end,
            one.statuses,
            low,
            high,
        )
        for one in unique[:_SHOWN]
    ]


def withheld(job: Job, sandbox: Sandbox) -> frozenset[str]:
    """Return the profile's fields that only datasets know which the job's merge policy leaves out (API reference 7)."""
    policy = next((one for one in sandbox.room.policies if one.policy_id == job.merge_policy.get("id")), None)
    if policy is None or policy.kind != "dataSetPrecedence":
        return frozenset()
    known: dict[bool, set[str]] = {True: set(), False: set()}
    fields = {one.schema_id: {field.name for field in one.fields} for one in schemas()}
    for dataset in sandbox.datasets.values():
        if feeds_profile(dataset):
            known[dataset.dataset_id in policy.order] |= fields.get(str(dataset.schema.get("id")), set())
    return frozenset(known[False] - known[True])


def bounds(start: object, end: object, now_ms: int, *, days: int) -> tuple[int, int]:
    """Return the epoch milliseconds of a window, each end of it optional: at most `days` before `now_ms` or its end.

    A window that lies in the future is empty for events; the second number is then the smaller one.
    """
    first, last = rfc3339(start), rfc3339(end)
    high = now_ms if last is None else min(now_ms, _ms(last.timestamp()))
    low = max(0, high - days * _DAY_MS)
    return (low if first is None else max(low, _ms(first.timestamp()))), high


def _ms(seconds: float) -> int:
    return min(_LATEST_MS, max(0, int(seconds * 1000)))

"""Owns the figures about the jobs that pass a filter, counted by SQLite; exact, about a second for a million jobs."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from tui_app.history.filtering import Condition, condition, select
from tui_app.history.order import read_numbers
from tui_app.models.export_job import FAILED, SUCCEEDED
from tui_app.models.statistics import Bucket, DatasetFigures, ErrorFigures, Statistics

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from tui_app.models.filter import Filter

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_STEPS_MS: Final = (
    _HOUR_MS,
    3 * _HOUR_MS,
    6 * _HOUR_MS,
    _DAY_MS,
    2 * _DAY_MS,
    7 * _DAY_MS,
    28 * _DAY_MS,
    364 * _DAY_MS,
)
_BUCKETS_MOST: Final = 60
_LISTED_MOST: Final = 8
_ENDED: Final = "job.terminal = 1 AND job.duration_ms IS NOT NULL"
_DATASET: Final = "COALESCE(job.dataset, 0)"
_OTHERS: Final = -1
_LONG_MS: Final = 0xFFFFFFFF  # 50 days: too much for the quick way of reading numbers


class _Group(NamedTuple):
    """Jobs of one dataset (0: none) and status; `ended` of them have a duration."""

    dataset: int
    status: str
    jobs: int
    profiles: int | None
    ended: int


class _Stretch(NamedTuple):
    """The jobs created in one stretch of time that pass the filter."""

    where: Condition
    groups: list[_Group]


def statistics(db: sqlite3.Connection, wanted: Filter, now_ms: int) -> Statistics:
    """Return the figures of the jobs that pass a filter, all as of one moment of the history.

    It goes by stretches of time: a part is sorted in memory, where all at once would be sorted on disk.
    """
    with _one_moment(db):
        passes = condition(db, wanted, now_ms)
        step_ms, starts = _times(db, passes)
        dated = [_stretch(db, passes, start, start + step_ms) for start in starts]
        stretches = [*dated, _stretch(db, passes, 0, 1)]  # the last: jobs that nobody says the creation time of
        groups = [group for stretch in stretches for group in stretch.groups]
        told = [group.profiles for group in groups if group.profiles is not None]
        counts: Counter[str] = Counter()
        datasets: Counter[int] = Counter()
        for group in groups:
            counts[group.status] += group.jobs
            datasets[group.dataset] += group.jobs
        listed = sorted(datasets, key=lambda one: (-datasets[one], one))[:_LISTED_MOST]
        runs = _durations(db, stretches, listed)
        every_run = [run for found in runs.values() for run in found]
        return Statistics(
            total=counts.total(),
            counts=tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0]))),
            p50_ms=_percentile(every_run, 50),
            p95_ms=_percentile(every_run, 95),
            longest_ms=_percentile(every_run, 100),
            profiles=sum(told) if told else None,
            buckets=tuple(_bucket(start, stretch.groups) for start, stretch in zip(starts, dated, strict=True)),
            bucket_ms=step_ms,
            datasets=tuple(_dataset(db, one, groups, runs[one]) for one in listed),
            errors=_errors(db, passes),
        )


@contextmanager
def _one_moment(db: sqlite3.Connection) -> Iterator[None]:
    """Let every statement within see the same state of the file."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.rollback()


def _times(db: sqlite3.Connection, passes: Condition) -> tuple[int, list[int]]:
    """Return the length of a bucket and where each begins; the last ends with the newest job, whatever the zone."""
    ends = []
    for direction in ("ASC", "DESC"):
        dated = Condition(f"job.created_ms > 0 AND {passes.sql}", passes.values)
        found = select(db, "job.created_ms", dated, f"ORDER BY job.created_ms {direction} LIMIT 1").fetchone()
        if found is None:
            return 0, []
        ends.append(found[0])
    oldest, newest = ends
    span = newest + 1 - oldest
    step = next((one for one in _STEPS_MS if span <= one * _BUCKETS_MOST), -(-span // _BUCKETS_MOST))
    count = -(-span // step)
    return step, [newest + 1 - step * place for place in range(count, 0, -1)]


def _stretch(db: sqlite3.Connection, passes: Condition, start_ms: int, end_ms: int) -> _Stretch:
    where = Condition(f"job.created_ms BETWEEN ? AND ? AND {passes.sql}", (start_ms, end_ms - 1, *passes.values))
    # TOTAL, because SUM gives up where a sum leaves 64 bits.
    profiles = "CASE WHEN COUNT(job.profiles) THEN CAST(TOTAL(job.profiles) AS INTEGER) END"
    figures = f"COUNT(*), {profiles}, SUM({_ENDED})"
    groups = select(db, f"{_DATASET}, job.status, {figures}", where, "GROUP BY 1, 2")
    return _Stretch(where, [_Group(*one) for one in groups])


def _bucket(start_ms: int, groups: Sequence[_Group]) -> Bucket:
    ok, failed = (sum(one.jobs for one in groups if one.status == status) for status in (SUCCEEDED, FAILED))
    return Bucket(start_ms, ok=ok, failed=failed, other=sum(one.jobs for one in groups) - ok - failed)


def _durations(
    db: sqlite3.Connection, stretches: Sequence[_Stretch], listed: Sequence[int]
) -> defaultdict[int, list[Sequence[int]]]:
    """Return the durations of jobs that ended as sorted runs, by dataset: each of `listed`, and all others."""
    group = f"CASE WHEN {_DATASET} IN ({', '.join('?' * len(listed))}) THEN {_DATASET} ELSE {_OTHERS} END"
    usual = f"CASE WHEN job.duration_ms BETWEEN 0 AND {_LONG_MS} THEN job.duration_ms ELSE {_LONG_MS} END"
    # One number to sort by takes three quarters of the time of two.
    order = f"ORDER BY {group} * {_LONG_MS + 1} + {usual}"
    runs: defaultdict[int, list[Sequence[int]]] = defaultdict(list)
    for stretch in stretches:
        ended = Condition(f"{_ENDED} AND {stretch.where.sql}", stretch.where.values)
        found: Sequence[int] = read_numbers(db, usual, ended, order, tuple(listed))
        if _LONG_MS in found:
            exactly = f"ORDER BY {group}, job.duration_ms"
            found = [one for (one,) in select(db, "job.duration_ms", ended, exactly, after=tuple(listed))]
        counts: Counter[int] = Counter()
        for one in stretch.groups:
            counts[one.dataset if one.dataset in listed else _OTHERS] += one.ended
        start = 0
        for dataset, count in sorted(counts.items()):
            runs[dataset].append(found[start : start + count])
            start += count
    return runs


def _percentile(runs: Sequence[Sequence[int]], share: int) -> int | None:
    """Return the smallest value that at least `share` of 100 values in sorted runs do not exceed; None of no values."""
    filled = [run for run in runs if run]
    if not filled:
        return None
    wanted = -(-sum(map(len, filled)) * share // 100)
    low, high = min(run[0] for run in filled), max(run[-1] for run in filled)
    while low < high:
        middle = (low + high) // 2
        if sum(bisect_right(run, middle) for run in filled) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def _dataset(
    db: sqlite3.Connection, number: int, groups: Sequence[_Group], runs: Sequence[Sequence[int]]
) -> DatasetFigures:
    mine = [one for one in groups if one.dataset == number]
    dataset_id, name = db.execute(
        "SELECT text, name FROM word LEFT JOIN lookup ON lookup.kind = 'dataset' AND item_id = text WHERE word_id = ?",
        (number,),
    ).fetchone() or ("", None)
    return DatasetFigures(
        dataset_id=dataset_id,
        name=name or None,
        count=sum(one.jobs for one in mine),
        failed=sum(one.jobs for one in mine if one.status == FAILED),
        p50_ms=_percentile(runs, 50),
    )


def _errors(db: sqlite3.Connection, passes: Condition) -> tuple[ErrorFigures, ...]:
    with_error = Condition(f"job.error IS NOT NULL AND {passes.sql}", passes.values)
    merged: dict[str, tuple[int, int]] = {}
    for number, count, newest in select(db, "job.error, COUNT(*), MAX(job.created_ms)", with_error, "GROUP BY 1"):
        (text,) = db.execute("SELECT text FROM word WHERE word_id = ?", (number,)).fetchone()
        first = text.partition("\n")[0]
        earlier, last = merged.get(first, (0, 0))
        merged[first] = earlier + count, max(last, newest)
    top = sorted(merged.items(), key=lambda one: (-one[1][0], one[0]))[:_LISTED_MOST]
    return tuple(ErrorFigures(text, count, last or None) for text, (count, last) in top)

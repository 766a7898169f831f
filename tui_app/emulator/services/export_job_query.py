"""Owns which jobs a list shows: page size, both forms of `offset`, and what may be filtered by (API reference 2.5)."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from tui_app.emulator.services.export_job_answer import shown_status
from tui_app.emulator.world.lifecycle import state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_app.emulator.dialects import Dialect
    from tui_app.emulator.gateway import Call
    from tui_app.emulator.world.lifecycle import Job
    from tui_app.emulator.world.world import Sandbox

DEFAULT_LIMIT = 100  # neither default nor maximum is published
MAXIMUM_LIMIT = 1_000
_CURSOR = re.compile(r"([0-9]{1,15})_([0-9]{1,15})(?:\.0)?")
_NUMBER = re.compile(r"[0-9]{1,15}")
_SCHEDULE = re.compile(r"properties\.scheduleId\s*==\s*(['\"]?)(.*)\1", re.DOTALL)
_SECONDS_BELOW = 10**11
_SCAN = 3_000  # a search by schedule looks at so many jobs, then ends its page early: some 60 ms
_ENDED = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "CANCELLED": "CANCELLED", "CANCELED": "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants to see: jobs under index `below` of the shelf, after leaving out the newest `skip`."""

    limit: int
    below: int
    skip: int = 0
    status: str | None = None
    schedule_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The jobs of a page, newest first; `last` is the key under which the next page begins, None when empty."""

    jobs: list[Job]
    last: tuple[int, int] | None
    is_last: bool


class BadParameter(ValueError):  # noqa: N818 - it is the caller's fault, told in an answer
    """A query parameter that means nothing; the text is for the caller."""


def read(call: Call) -> Asked:
    """Return what the query string asks for; `start`, `page` and `sort` are older words and mean nothing.

    Raises:
        BadParameter: limit, offset or property cannot be understood.
    """
    below, skip = _offset(call)
    schedule_id = _schedule_id(call)
    if skip and schedule_id is not None:
        raise BadParameter("Query parameter offset must be a page's pageOffset when property is given")
    return Asked(
        limit=_limit(call),
        below=below,
        skip=skip,
        status=call.query("status") if call.dialect.filters_by_status else None,
        schedule_id=schedule_id,
    )


def _limit(call: Call) -> int:
    text = call.query("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise BadParameter("Query parameter limit must be a positive integer")
    return min(int(text), MAXIMUM_LIMIT)


def _offset(call: Call) -> tuple[int, int]:
    shelf, text = call.sandbox.shelf, call.query("offset")
    if text is None:
        return len(shelf), 0
    if _NUMBER.fullmatch(text):
        return len(shelf), int(text)
    cursor = _CURSOR.fullmatch(text)
    if cursor is None:
        raise BadParameter("Query parameter offset must be a page's pageOffset or a number of records")
    created, job_id = int(cursor[1]), int(cursor[2])
    # A caller who makes the cursor from a record has its time in the record's unit: then the id says where it is.
    place = shelf.find(job_id) if created < _SECONDS_BELOW else None
    return (shelf.older_than((created, job_id)) if place is None else place), 0


def _schedule_id(call: Call) -> str | None:
    text = call.query("property")
    if text is None:
        return None
    match = _SCHEDULE.fullmatch(text.strip())
    if match is None:
        raise BadParameter("Query parameter property must have the form properties.scheduleId=={id}")
    return match[2]


def find(asked: Asked, *, sandbox: Sandbox, dialect: Dialect, now_ms: int) -> Found:
    """Return the page that was asked for; no job that the dialect forgets is on it."""
    view = _View(sandbox, dialect, now_ms)
    if asked.schedule_id is not None:
        return view.of_schedule(asked)
    jobs = view.jobs(asked)
    return _page(jobs, asked.limit)


def _page(jobs: list[Job], limit: int) -> Found:
    """Cut a page from up to one job more than it holds."""
    page = jobs[:limit]
    return Found(page, page[-1].key if page else None, is_last=len(jobs) <= limit)


class _View:
    """One sandbox's jobs as one answer shows them."""

    def __init__(self, sandbox: Sandbox, dialect: Dialect, now_ms: int) -> None:
        self._sandbox = sandbox
        self._shelf = sandbox.shelf
        self._dialect = dialect
        self._now_ms = now_ms

    def _word(self, job: Job) -> str | None:
        return shown_status(job.plan, state(job.plan, self._now_ms), self._now_ms, self._dialect)

    def jobs(self, asked: Asked) -> list[Job]:
        """Return the jobs of the page and one more, if there is one."""
        forgets = self._dialect.forgets_cancelled
        count, word = asked.limit + 1, asked.status
        if word is None and forgets:
            skip = self._with_forgotten(asked.skip, below=asked.below)
            return self._walk(count, below=asked.below - skip, fits=lambda job: self._word(job) is not None)[0]
        if word is not None and word not in _ENDED:
            return list(islice(self._running(word, below=asked.below), asked.skip, asked.skip + count))
        status = None if word is None else _ENDED[word]
        if status == "CANCELLED" and forgets:
            return []
        return self._shelf.newest(count, below=asked.below, status=status, at_ms=self._now_ms, skip=asked.skip)

    def of_schedule(self, asked: Asked) -> Found:
        """Return the jobs that the schedule made; the page ends early, with a cursor, where they are far between."""
        schedule_id, word = asked.schedule_id, asked.status
        if schedule_id != self._sandbox.room.schedule_id:
            return _page([], asked.limit)

        def fits(job: Job) -> bool:
            shown = self._word(job)
            return job.properties.get("scheduleId") == schedule_id and shown is not None and word in {None, shown}

        jobs, below = self._walk(asked.limit + 1, below=asked.below, fits=fits, scan=_SCAN)
        if below == 0 or len(jobs) > asked.limit:
            return _page(jobs, asked.limit)
        return Found(jobs, self._shelf.key(below), is_last=False)

    def _running(self, word: str, *, below: int) -> Iterator[Job]:
        """Walk the jobs that are not over and shown with this word, newest first."""
        found = [
            self._shelf.matches(status, at_ms=self._now_ms).descending(below)
            for status in _running_statuses(word, self._dialect)
        ]
        jobs = map(self._shelf.job, heapq.merge(*found, reverse=True))
        return (job for job in jobs if self._word(job) == word)

    def _walk(
        self, count: int, *, below: int, fits: Callable[[Job], bool], scan: int | None = None
    ) -> tuple[list[Job], int]:
        """Return the newest `count` jobs under `below` that fit, and the index under which the walk would go on."""
        found: list[Job] = []
        lowest = 0 if scan is None else max(0, below - scan)
        while len(found) < count and below > lowest:
            # A whole page at once, then as few as are missing: most jobs fit.
            wanted = min(count - len(found), below - lowest)
            chunk = self._shelf.newest(wanted, below=below, status=None, at_ms=self._now_ms)
            found += filter(fits, chunk)
            below -= len(chunk)
        return found, below

    def _with_forgotten(self, skip: int, *, below: int) -> int:
        """Return how many jobs to leave out so that `skip` of them are shown ones."""
        forgotten = self._shelf.matches("CANCELLED", at_ms=self._now_ms)
        total = forgotten.count(below)

        def shown(dropped: int) -> int:
            return dropped - (total - forgotten.count(below - dropped))

        return bisect_left(range(below), skip, key=shown)


def _running_statuses(word: str, dialect: Dialect) -> tuple[str, ...]:
    """Return the statuses of jobs that the dialect can show with this word."""
    if word == "CANCELLING":
        return (word,) if dialect.says_cancelling else ()
    status = "NEW" if word == "QUEUED" and dialect.says_queued else word
    if status not in {"NEW", "PROCESSING"}:
        return ()
    return (status,) if dialect.says_cancelling else (status, "CANCELLING")

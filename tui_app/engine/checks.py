"""Owns the checks before an export is sent: freezes its times, gathers what is known, asks for its dataset alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from tui_app.clock import now_ms
from tui_app.engine.datasets import DatasetsService
from tui_app.history.answers import Answers
from tui_app.history.database import HistoryError
from tui_app.models.base import MalformedRecord
from tui_app.models.catalog import Dataset
from tui_app.models.platform_check import Listed, PlatformFacts, check_all
from tui_app.models.when import resolved

if TYPE_CHECKING:
    from datetime import datetime

    from tui_app.engine.core import Core
    from tui_app.engine.lookups import Lookup, Lookups
    from tui_app.models.export_job import ExportJob
    from tui_app.models.export_request import ExportRequest
    from tui_app.models.failure import Finding

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_DATASET: Final = "dataset"
_TRUSTED_MS: Final = 600_000
"""A dataset seen so lately is taken for what it was then; an older one is asked for again."""
_FRESH_MS: Final = 120_000
"""The list of jobs counts as what is running now for so long."""
_MOST_RUNNING: Final = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """A request as it is to be sent, times frozen, and everything that speaks against it."""

    request: ExportRequest
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether there is an error among the findings, so that it must not be sent."""
        return any(finding.severity == "error" for finding in self.findings)


class Checks:
    """Judges requests by what this sandbox is known to hold; at most one request leaves, for the dataset."""

    def __init__(self, core: Core, lookups: Lookups) -> None:
        self._core = core
        self._lookups = lookups
        self._datasets = DatasetsService(core)

    async def checked(self, request: ExportRequest) -> Checked:
        """Freeze a request's times as of now and judge what would be sent.

        What the platform or history cannot tell is not held against a request: those rules stay silent.

        Args:
            request: times as typed, see `when.resolve`; with RFC 3339 it comes back as it is.
        """
        ready = resolved(request, self._core.clock.now())
        known = await self.facts(ready.request)
        return Checked(ready.request, ready.joined(check_all(ready.request, known)))

    async def findings(self, request: ExportRequest) -> tuple[Finding, ...]:
        """Return what speaks against a request, as `checked` does."""
        return (await self.checked(request)).findings

    async def facts(self, request: ExportRequest, *, now: datetime | None = None) -> PlatformFacts:
        """Gather what the rules on a request need to know of the platform.

        Args:
            request: what is to be judged.
            now: aware; None is the clock's.
        """
        core, lookups = self._core, self._lookups
        datasets = await self._listed(lookups.datasets)
        target, finding = await self._target(request.dataset_id, datasets)
        read_ms = core.session.last_ok_ms
        return PlatformFacts(
            sandbox_name=core.session.sandbox_name,
            now=now or core.clock.now(),
            production=await self._is_production(),
            target=target,
            target_finding=finding,
            running=await self._running(request.dataset_id),
            jobs_are_fresh=read_ms is not None and now_ms(core.clock) - read_ms <= _FRESH_MS,
            datasets=datasets,
            audiences=await self._listed(lookups.audiences),
            merge_policies=await self._listed(lookups.merge_policies),
            profile_fields=await self._listed(lookups.profile_fields),
            event_fields=await self._listed(lookups.event_fields),
        )

    async def _listed(self, lookup: Lookup[_T]) -> Listed[_T]:
        known = await lookup.known()
        # After a reading that failed or was refused, what is missing may just not have come.
        return Listed(known.items, known.is_complete and not known.locked, known.fetched_ms)

    async def _target(self, dataset_id: str, datasets: Listed[Dataset]) -> tuple[Dataset | None, Finding | None]:
        """Return the dataset, or why it is not known; asks for it unless it was seen lately."""
        if not dataset_id.strip():
            return None, None
        known = next((one for one in datasets.items if one.dataset_id == dataset_id), None)
        seen_ms = datasets.read_ms
        is_recent = seen_ms is not None and now_ms(self._core.clock) - seen_ms <= _TRUSTED_MS
        if known is not None and known.is_union and is_recent:
            return known, None
        finding = await self._datasets.check_target(dataset_id)
        if finding is None:
            return await self._kept(dataset_id) or known, None
        if finding.severity == "warning" and known is not None and known.schema_id is not None:
            # It could not be asked for, but was seen before: that says more than that it could not be asked for.
            return known, None
        return None, finding

    async def _kept(self, dataset_id: str) -> Dataset | None:
        """Return a dataset as history has it, with what was just answered."""
        try:
            rows = await self._core.history.lookups.all(_DATASET)
            return next((Dataset.parse(one, raw) for one, _, _, raw in rows if one == dataset_id), None)
        except (HistoryError, MalformedRecord) as error:
            _log.info("the dataset cannot be read from history: %s", error)
            return None

    async def _running(self, dataset_id: str) -> tuple[ExportJob, ...]:
        """Return the jobs into a dataset that are not known to have ended, oldest first."""
        history = self._core.history
        try:
            rows = [one.row for one in await history.jobs.running() if one.dataset_id == dataset_id]
            return tuple(one.parsed() for one in await Answers(history.database).of(rows[:_MOST_RUNNING]))
        except HistoryError as error:
            _log.info("running jobs cannot be read from history: %s", error)
            return ()

    async def _is_production(self) -> bool | None:
        session = self._core.session
        sandboxes = await self._listed(self._lookups.sandboxes)
        found = next((one for one in sandboxes.items if one.name == session.sandbox_name), None)
        if found is not None and found.type is not None:
            return found.type.strip().lower() == "production"
        # False in the session also means that the platform has not been asked.
        return True if session.production else None

"""Owns the checks of an export request that need to know the platform; pure rules, silent where nothing is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tui_app.models.export_request import PROFILE_SCHEMA, matches
from tui_app.models.failure import Finding
from tui_app.models.merge_policy import feeds_profile
from tui_app.models.path_check import unknown_paths
from tui_app.models.request_check import check_request
from tui_app.models.when import distance
from tui_app.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_app.models.audience import Audience
    from tui_app.models.catalog import Dataset
    from tui_app.models.export_job import ExportJob
    from tui_app.models.export_request import ExportRequest
    from tui_app.models.field_paths import FieldPath
    from tui_app.models.merge_policy import MergePolicy

_T = TypeVar("_T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TARGET: Final = "destination.datasetId"
_NAMED: Final = 3
_NOT_IN_USE: Final = frozenset({"draft", "inactive", "archived"})
_BUILT_IN: Final = "-mp"
"""How ids such as `timestampOrdered-none-mp` end: the platform's own policies, which it does not list (2.2)."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[_T]):
    """What is known of one kind of thing: that one is missing means something only in a complete list.

    `read_ms` is when its oldest part was read, epoch milliseconds.
    """

    items: tuple[_T, ...] = ()
    is_complete: bool = False
    read_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """What is known of the platform when a request is checked; whatever is not known keeps its rules silent.

    `target` is the dataset that is written to; where it could not be read, `target_finding` says why. `running` are
    the jobs into that dataset that have not ended, `jobs_are_fresh` whether the platform said so lately. `production`
    is None where the sandbox's type is not known.
    """

    sandbox_name: str
    now: datetime
    production: bool | None = None
    target: Dataset | None = None
    target_finding: Finding | None = None
    running: tuple[ExportJob, ...] = ()
    jobs_are_fresh: bool = True
    datasets: Listed[Dataset] = field(default_factory=Listed)
    audiences: Listed[Audience] = field(default_factory=Listed)
    merge_policies: Listed[MergePolicy] = field(default_factory=Listed)
    profile_fields: Listed[FieldPath] = field(default_factory=Listed)
    event_fields: Listed[FieldPath] = field(default_factory=Listed)


def check_all(request: ExportRequest, known: PlatformFacts) -> tuple[Finding, ...]:
    """Return the findings of every rule, `request_check`'s and those here; a closer one replaces a general one.

    Args:
        request: times as they will be sent, see `when.resolved`.
        known: what is known of the platform.
    """
    closer = check_against(request, known)
    answered = {finding.field for finding in closer} & {"mergePolicy", "filter.segments"}
    if _share_a_policy(request, known):
        answered.add("mergePolicy")
    general = check_request(request, now=known.now)
    return (*(one for one in general if one.severity == "error" or one.field not in answered), *closer)


def check_against(request: ExportRequest, known: PlatformFacts) -> tuple[Finding, ...]:
    """Return what speaks against a request by what is known of the platform (API reference 2.1, 6, 7 and 11)."""
    return (
        *_target(known),
        *_running(request, known),
        *_everything(request, known),
        *_audiences(request, known),
        *_mixed_policies(request, known),
        *_policy(request, known),
        *_left_out(request, known),
        *_fields(request, known),
    )


def _holds_events(dataset: Dataset) -> bool:
    """Tell whether Catalog says that a dataset has events: these are not merged, so no policy leaves them out."""
    classification = dataset.raw.get("classification")
    return isinstance(classification, dict) and classification.get("dataBehavior") == "time-series"


def _target(known: PlatformFacts) -> Iterator[Finding]:
    target = known.target
    if target is None:
        if known.target_finding is not None:
            yield known.target_finding
        return
    name = _name(target.name, target.dataset_id)
    # Without a schema the record may have been read without it; only one that names another is known to be wrong.
    if target.schema_id is not None and not target.is_union:
        yield Finding(
            _TARGET,
            f"Dataset {name} is not based on the profile union schema but on {shortened(target.schema_id)}.",
            "Choose another dataset, or create one that is.",
        )
    elif feeds_profile(target):
        yield Finding(
            _TARGET,
            f"Dataset {name} is enabled for profiles, so what is exported is ingested into profiles again.",
            "Choose a dataset that is not, or create one.",
            "warning",
        )


def _running(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    into = [job for job in known.running if job.dataset_id == request.dataset_id and not job.is_terminal]
    if not into:
        return
    body = request.to_body()
    same = [job for job in into if matches(job, body)]
    others = [job for job in into if job not in same]
    seen = "" if known.jobs_are_fresh else " when the list was last read"
    if same:
        yield Finding(
            _TARGET,
            f"The same export is running already{seen}: {_jobs(same)}.",
            "Wait for it, or cancel it first. Go on only if a second export of the same is meant.",
            "warning",
        )
    if others:
        yield Finding(
            _TARGET,
            f"The dataset is being written to by {_jobs(others)}{seen}.",
            "Wait for it, or choose another dataset: the batches of both would stand side by side.",
            "warning",
        )


def _everything(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    if not request.segments and known.production:
        yield Finding(
            "filter.segments",
            f"No segment is given, so all profiles of production sandbox {known.sandbox_name} are exported.",
            "Add a segment, or go on if all profiles are meant.",
            "warning",
        )


def _audiences(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    found = _audiences_of(request, known)
    for place, segment in enumerate(request.segments):
        path = f"filter.segments[{place}].segmentId"
        audience = found.get(segment.segment_id)
        if audience is None:
            if _should_be_listed(segment.segment_id, segment.segment_ns) and known.audiences.is_complete:
                yield Finding(
                    path,
                    f"{shortened(segment.segment_id)} is not among the {len(known.audiences.items):,} audiences of "
                    f"sandbox {known.sandbox_name}{_as_of(known.audiences, known)}.",
                    "Check the id and the sandbox; refresh the audiences if it is new.",
                    "warning",
                )
            continue
        name = _name(audience.name, audience.audience_id)
        state = audience.lifecycle.lower()
        if state in _NOT_IN_USE:
            yield Finding(
                path,
                f"Audience {name} is {'a draft' if state == 'draft' else state}, so its members are not kept up.",
                f"{'Publish' if state == 'draft' else 'Activate'} it first, or choose another one.",
                "warning",
            )
        elif not request.evaluate and (why := _unevaluated(audience, known)):
            yield Finding(
                path,
                f"Audience {name} {why}, so nobody may be in it.",
                "Have segments evaluated by the export, or wait for the next evaluation.",
                "warning",
            )


def _unevaluated(audience: Audience, known: PlatformFacts) -> str:
    """Return in words that an audience was never evaluated, "" where it was, or nothing is told of any."""
    if audience.has_been_evaluated is False:
        return "was never evaluated"
    is_told_of_others = any(one.has_been_evaluated for one in known.audiences.items)
    if audience.has_been_evaluated is None and audience.is_platform and is_told_of_others:
        # Counts come for all that have any, or for none (6.2).
        return "has no count of profiles, as others have: it was probably never evaluated"
    return ""


def _mixed_policies(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    if request.merge_policy is not None:
        return
    used = Counter(one.merge_policy_id for one in _audiences_of(request, known).values() if one.merge_policy_id)
    if len(used) > 1:
        names = {one.policy_id: one.name for one in known.merge_policies.items}
        each = [f"{_name(names.get(policy), policy)} for {count}" for policy, count in used.most_common()]
        yield Finding(
            "mergePolicy",
            f"The audiences have different merge policies and none is chosen: {_some(each)}.",
            "Choose the merge policy of the export; without one the platform uses that of one audience.",
            "warning",
        )


def _policy(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    chosen = request.merge_policy
    if chosen is None or not chosen.id.strip():
        return
    policy = next((one for one in known.merge_policies.items if one.policy_id == chosen.id), None)
    if policy is None:
        if known.merge_policies.is_complete and not chosen.id.endswith(_BUILT_IN):
            yield Finding(
                "mergePolicy.id",
                f"{shortened(chosen.id)} is not among the {len(known.merge_policies.items)} merge policies of sandbox "
                f"{known.sandbox_name}{_as_of(known.merge_policies, known)}.",
                "Check the id and the sandbox; refresh the merge policies if it is new.",
                "warning",
            )
    elif chosen.version is not None and policy.version is not None and chosen.version > policy.version:
        yield Finding(
            "mergePolicy.version",
            f"Merge policy {_name(policy.name, policy.policy_id)} has no version {chosen.version}; "
            f"its newest is {policy.version}.",
            "Leave the version out for the newest one.",
            "warning",
        )


def _left_out(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    policy_id = request.merge_policy.id if request.merge_policy is not None else _share_a_policy(request, known)
    policy = next((one for one in known.merge_policies.items if one.policy_id == policy_id), None)
    if policy is None:
        return
    missing = [one for one in policy.left_out(known.datasets.items) if not _holds_events(one)]
    if missing:
        names = _some(_name(one.name, one.dataset_id) for one in missing)
        yield Finding(
            "mergePolicy.id" if request.merge_policy is not None else "mergePolicy",
            f"Merge policy {_name(policy.name, policy.policy_id)} leaves out attributes that come only from {names}.",
            "Choose a policy that has these datasets, or go on if their attributes are not wanted.",
            "warning",
        )


def _fields(request: ExportRequest, known: PlatformFacts) -> Iterator[Finding]:
    asked = [
        (
            "additionalFields.eventList.fields",
            request.events.fields if request.events is not None else None,
            known.event_fields,
        )
    ]
    if request.schema_name == PROFILE_SCHEMA:
        asked.insert(0, ("fields", request.fields, known.profile_fields))
    for path, fields, union in asked:
        if fields is None or not union.is_complete or not union.items:
            continue
        strange = unknown_paths(fields, union.items)
        if strange:
            names = _some(shortened(one.path) for one in strange)
            instead = next(((one.path, one.meant) for one in strange if one.meant), None)
            yield Finding(
                path,
                f"The union schema{_as_of(union, known).removeprefix(',')} has no {names}.",
                f"Write {instead[1]} instead of {shortened(instead[0])}."
                if instead is not None
                else "Choose fields in the tree; refresh it if the schema has changed.",
                "warning",
            )


def _audiences_of(request: ExportRequest, known: PlatformFacts) -> dict[str, Audience]:
    """Return the known audiences of a request by the ids it uses; external ones also have their supplier's id."""
    wanted = {segment.segment_id for segment in request.segments}
    found: dict[str, Audience] = {}
    if not wanted:
        return found
    for audience in known.audiences.items:
        for name in (audience.audience_id, audience.supplier_id):
            if name and name in wanted:
                found.setdefault(name, audience)
    return found


def _should_be_listed(segment_id: str, namespace: str | None) -> bool:
    """Tell whether a segment is one of this sandbox: those of other products need not be in its list (2.2)."""
    return bool(segment_id.strip()) and (namespace or "ups").strip().casefold() == "ups"


def _share_a_policy(request: ExportRequest, known: PlatformFacts) -> str | None:
    """Return the one merge policy that all audiences of a request have, None where they differ or one is not known."""
    found = _audiences_of(request, known)
    policies = {segment.segment_id: found.get(segment.segment_id) for segment in request.segments}
    used = {one.merge_policy_id if one is not None else None for one in policies.values()}
    return next(iter(used)) if len(used) == 1 else None


def _jobs(jobs: list[ExportJob]) -> str:
    each = [f"{shortened(job.job_id)} ({shortened(job.status)})" for job in jobs]
    return f"export job{'s' if len(jobs) > 1 else ''} {_some(each)}"


def _some(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    every = list(names)
    rest = len(every) - _NAMED
    if rest > 0:
        return f"{', '.join(every[:_NAMED])} and {rest:,} more"
    return " and ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else "".join(every)


def _name(name: str | None, other: str) -> str:
    return shortened(name or other)


def _as_of(listed: Listed[_T], known: PlatformFacts) -> str:
    """Return when a list was read, since when things may have changed."""
    if listed.read_ms is None:
        return ""
    try:
        written = distance(_EPOCH + timedelta(milliseconds=listed.read_ms), known.now)
    except OverflowError:
        return ""
    return f", read {written}" if written.endswith("ago") else ", read just now"

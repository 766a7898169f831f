"""Owns what pickers say of what can be chosen: a line and details for each, and how far the list can be relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.models.merge_policy import BY_DATASET, BY_TIME, feeds_profile
from tui_app.present.picking import PickItem
from tui_app.present.times import absolute, ago

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_app.models.audience import Audience
    from tui_app.models.catalog import Dataset
    from tui_app.models.failure import Failure
    from tui_app.models.merge_policy import MergePolicy

_MERGES: Final = {
    BY_TIME.lower(): "of several values the newest wins",
    BY_DATASET.lower(): "of several values that of the first dataset in its order wins",
}
_NAMED: Final = 5


def dataset_item(dataset: Dataset) -> PickItem:
    """Return a dataset to export into; one on another schema than the profile union says why it will not do."""
    will_do = dataset.schema_id is None or dataset.is_union
    return PickItem(
        key=dataset.dataset_id,
        title=dataset.name or "unnamed",
        aside=dataset.dataset_id,
        refusal="" if will_do else "not on the profile union",
    )


def dataset_detail(dataset: Dataset) -> str:
    """Return what else is known of a dataset, in a few lines."""
    table = f"   table {dataset.table_name}" if dataset.table_name else ""
    said = (
        f"id {dataset.dataset_id}{table}",
        f"schema {dataset.schema_id or 'not told'}",
        f"created {absolute(dataset.created_ms)}",
        "enabled for profiles: an export into it is ingested again" if feeds_profile(dataset) else "",
        dataset.description or "",
    )
    return "\n".join(filter(None, said))


def dataset_items(datasets: Sequence[Dataset]) -> tuple[PickItem, ...]:
    """Return datasets, those first that an export can write to."""
    return tuple(dataset_item(one) for one in sorted(datasets, key=lambda one: not one.is_union))


def audience_item(audience: Audience, *, is_taken: bool = False) -> PickItem:
    """Return an audience to export; `is_taken` where it is in the form already."""
    kind = audience.segment_ns if not audience.is_platform else ""
    lifecycle = audience.lifecycle if audience.lifecycle != "published" else ""
    return PickItem(
        key=audience.audience_id,
        title=audience.name or "unnamed",
        aside=" ".join(filter(None, (kind, lifecycle))) or audience.segment_ns,
        refusal="in the form already" if is_taken else "",
    )


def audience_detail(audience: Audience, *, policy_name: str = "") -> str:
    """Return what else is known of an audience; `policy_name` is what its merge policy is called, if that is known."""
    evaluated = {True: f"counted {absolute(audience.evaluated_ms)}", False: "never evaluated", None: ""}
    counted = "" if audience.profiles is None else f"{audience.profiles:,} profiles"
    policy = policy_name or audience.merge_policy_id
    said = (
        f"id {audience.segment_id}   namespace {audience.segment_ns}",
        ", ".join(filter(None, (counted, evaluated[audience.has_been_evaluated]))),
        f"evaluated by {', '.join(audience.evaluation)}" if audience.evaluation else "",
        f"merge policy {policy}" if policy else "",
        audience.description,
    )
    return "\n".join(filter(None, said))


def policy_item(policy: MergePolicy) -> PickItem:
    """Return a merge policy to choose."""
    version = f"v{policy.version}" if policy.version is not None else ""
    return PickItem(
        key=policy.policy_id,
        title=policy.name or policy.policy_id,
        aside=" ".join(filter(None, (policy.attribute_merge, version, "default" if policy.is_default else ""))),
    )


def policy_detail(policy: MergePolicy, datasets: Iterable[Dataset]) -> str:
    """Return how a merge policy merges, and which of these datasets it leaves out."""
    merges = _MERGES.get(policy.attribute_merge.lower(), "")
    said = [
        f"id {policy.policy_id}",
        f"{policy.attribute_merge or 'not told how it merges'}{f': {merges}' if merges else ''}",
    ]
    if policy.identity_graph:
        said.append(f"identity graph {policy.identity_graph}")
    left_out = [one.name or one.dataset_id for one in policy.left_out(datasets)]
    if left_out:
        more = len(left_out) - _NAMED
        said.append(f"leaves out {', '.join(left_out[:_NAMED])}{f' and {more} more' if more > 0 else ''}")
    return "\n".join(said)


def state_text(
    *,
    things: str,
    count: int,
    now_ms: int,
    fetched_ms: int | None = None,
    is_complete: bool = False,
    read: int | None = None,
    failure: Failure | None = None,
    locked: bool = False,
    remark: str = "",
) -> str:
    """Return how far a list can be relied on, in a line: `5,000 audiences, read 4m ago`.

    Args:
        things: what they are called, as in "audiences".
        count: how many are known.
        now_ms: epoch ms.
        fetched_ms: when the oldest part was read.
        is_complete: whether that was all there is.
        read: how many a reading under way has brought, None where none is.
        failure: why the last reading did not end.
        locked: whether that was for lack of permission.
        remark: a sentence about what cannot be had.
    """
    known = f"{count:,} {things}{f', read {ago(fetched_ms, now_ms)}' if fetched_ms is not None else ''}"
    if read is not None:
        return f"reading {things}, {read:,} so far{f'; {known}' if count > read else ''}"
    if locked and failure is not None:
        return f"not permitted: {failure.cause} Type an id instead."
    if failure is not None:
        return f"{known if count else f'no {things} known'}; not all: {failure.cause}"
    if not count:
        return f"no {things} in this sandbox" if is_complete else f"no {things} known yet"
    said = known if is_complete else f"{known}; not all of them"
    return f"{said}. {remark}" if remark else said

"""Owns merge policies: how a sandbox decides whose value of an attribute wins (API reference 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.datasets import DAY_MS, default_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.emulator.world.datasets import Dataset

PROFILE_SCHEMA = "_xdm.context.profile"
NO_STITCHING = "timestampOrdered-none-mp"
_FIRST_KNOWN_MS = 1_704_067_200_000  # 2024-01-01: a sandbox without datasets tells no other time


@dataclass(frozen=True, slots=True)
class MergePolicy:
    """One policy; `order` holds dataset ids for `dataSetPrecedence` only: any other dataset is left out of the merge.

    `name` is empty where the platform shows none; `updated_ms` is in epoch milliseconds.
    """

    policy_id: str
    name: str
    kind: Literal["timestampOrdered", "dataSetPrecedence"]
    graph: Literal["pdg", "none"]
    order: tuple[str, ...] = ()
    is_default: bool = False
    on_edge: bool = False
    version: int = 1
    updated_ms: int = 0


def policy_ids(seed: int, sandbox: str) -> tuple[str, str, str, str]:
    """Return the ids of a furnished sandbox's policies: default, without stitching, by dataset, and one unnamed."""
    return (
        default_policy(seed, sandbox),
        NO_STITCHING,
        Chance(seed, "policy", sandbox).uuid(),
        Chance(seed, "policy-unnamed", sandbox).uuid(),
    )


def policies(seed: int, sandbox: str, datasets: Sequence[Dataset]) -> tuple[MergePolicy, ...]:
    """Return the sandbox's policies, the default first; without datasets the default is all there is.

    The policy by dataset leaves out one of those that feed the profile store with records, so exports with it lack
    what only that one knows (API reference 11).
    """
    oldest = min((one.created_ms for one in datasets), default=_FIRST_KNOWN_MS)
    newest = max((one.created_ms for one in datasets), default=_FIRST_KNOWN_MS)
    default, unstitched, by_dataset, unnamed = policy_ids(seed, sandbox)
    first = MergePolicy(
        default, "Default Timebased", "timestampOrdered", "pdg", is_default=True, on_edge=True, updated_ms=oldest
    )
    if not datasets:
        return (first,)
    return (
        first,
        MergePolicy(unstitched, "No identity stitching", "timestampOrdered", "none", updated_ms=oldest + DAY_MS),
        MergePolicy(
            by_dataset,
            "Records before events",
            "dataSetPrecedence",
            "pdg",
            order=_precedence([one for one in datasets if feeds_profile(one)]),
            version=3,
            updated_ms=newest + DAY_MS,
        ),
        MergePolicy(unnamed, "", "timestampOrdered", "pdg", version=2, updated_ms=newest),
    )


def _precedence(feeding: Sequence[Dataset]) -> tuple[str, ...]:
    """Return records before events, without the newest dataset of records."""
    records = [one.dataset_id for one in feeding if not one.is_series]
    return (*records[:-1], *(one.dataset_id for one in feeding if one.is_series))


def feeds_profile(dataset: Dataset) -> bool:
    """Whether what is ingested into the dataset becomes part of profiles (API reference 3.2)."""
    return "enabled:true" in dataset.tags.get("unifiedProfile", ())

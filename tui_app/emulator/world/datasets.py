"""Owns Catalog datasets: the ones a sandbox is born with, and the shape of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.samples import (
    EVENT_SCHEMA,
    EXPORT_DATASETS,
    HOSTILE_NAMES,
    INGEST_DATASETS,
    SLOW_DATASETS,
    TUTORIAL_DATASET,
    UNION_SCHEMA,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_TYPE = "application/vnd.adobe.xed+json;version=1"
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Dataset:
    """A Catalog dataset; times in epoch milliseconds, `table_ms` is when Query Service names its table."""

    dataset_id: str
    name: str
    created_ms: int
    table_ms: int
    view_id: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    file_description: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, list[str]] = field(default_factory=dict)
    client: str = "acp_ui_platform"

    @property
    def on_union(self) -> bool:
        """Whether exports may be written into it (API reference 2.1)."""
        return self.schema.get("id") == UNION_SCHEMA

    @property
    def is_slow(self) -> bool:
        """Whether exports into it take several times as long as into others."""
        return self.name in SLOW_DATASETS

    @property
    def table_name(self) -> str:
        """Name of the Query Service table: the dataset's name in ASCII letters, digits and underscores."""
        slug = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")[:60]
        return slug or f"dataset_{self.dataset_id}"


def furnish(seed: int, sandbox: str, *, before_ms: int) -> dict[str, Dataset]:
    """Return the datasets of a new sandbox by id, oldest first: for export, ingestion, snapshots, and hostile names."""
    names = [(name, True) for name in EXPORT_DATASETS]
    names += [(name, True) for name in HOSTILE_NAMES]
    names += [(name, False) for name in INGEST_DATASETS]
    snapshot = Chance(seed, "snapshot", sandbox).uuid()
    names.append((f"Profile-Snapshot-Export-{snapshot}", True))
    found = [_dataset(seed, sandbox, name, on_union=on_union, before_ms=before_ms) for name, on_union in names]
    return {one.dataset_id: one for one in sorted(found, key=lambda one: one.created_ms)}


def _dataset(seed: int, sandbox: str, name: str, *, on_union: bool, before_ms: int) -> Dataset:
    chance = Chance(seed, "dataset", sandbox, name)
    is_tutorial = name == EXPORT_DATASETS[0] and sandbox == "prod"
    created = before_ms - chance.between(95 * DAY_MS, 400 * DAY_MS)
    tags = {} if on_union else {"unifiedProfile": ["enabled:true"]}
    if name.startswith("Profile-Snapshot-Export-"):
        tags = {"unifiedProfile": ["enabled:false", f"mergePolicyId:{default_policy(seed, sandbox)}"]}
    return Dataset(
        dataset_id=TUTORIAL_DATASET if is_tutorial else chance.hex(24),
        name=name,
        created_ms=created,
        table_ms=created,
        view_id=chance.hex(24),
        description="" if on_union else "Invented ingestion dataset; not a target for exports",
        schema={"id": UNION_SCHEMA if on_union else EVENT_SCHEMA, "contentType": SCHEMA_TYPE},
        file_description={"persisted": True, "containerFormat": "parquet", "format": "parquet"},
        tags=tags,
    )


def default_policy(seed: int, sandbox: str) -> str:
    """Return the id of the sandbox's default merge policy."""
    return Chance(seed, "merge-policy", sandbox).uuid()

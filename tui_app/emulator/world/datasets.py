"""Owns Catalog datasets: the ones a sandbox is born with, the shape of each, and the names of their tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.dataset_names import (
    IDLE_EXPORTS,
    INGESTIONS,
    SMALL_EXPORTS,
    SMALL_INGESTIONS,
    Ingestion,
)
from tui_app.emulator.world.samples import (
    EXPORT_DATASETS,
    HOSTILE_NAMES,
    SLOW_DATASETS,
    TUTORIAL_DATASET,
    UNION_SCHEMA,
)
from tui_app.emulator.world.schemas import EVENT_CLASS, schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCHEMA_TYPE = "application/vnd.adobe.xed+json;version=1"
DAY_MS = 86_400_000
SNAPSHOT = "Profile-Snapshot-Export-"
SYSTEM_CLIENT = "acp_core_unifiedProfile_feeds"
_PARQUET = {"persisted": True, "containerFormat": "parquet", "format": "parquet"}
# A past job is at most 90 days old, so every target of one was made before.
_TARGET_AGE, _OTHER_AGE = (95 * DAY_MS, 400 * DAY_MS), (5 * DAY_MS, 400 * DAY_MS)
_LONGEST_TABLE = 60


@dataclass(frozen=True, slots=True)
class Dataset:
    """A Catalog dataset; times in epoch milliseconds, `table_ms` is when Query Service names its table.

    `table` is that name once it is settled; without it the table is called after the dataset. `user` made the
    dataset, empty for the organization's technical account. `more` holds further properties as Catalog shows them;
    `changes` counts the updates through the API, `changed_ms` is the last one's time.
    """

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
    table: str = ""
    user: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    changes: int = 0
    changed_ms: int = 0
    changed_by: str = ""

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
        """Name of the Query Service table: ASCII letters, digits and underscores."""
        return self.table or _slug(self.name) or f"dataset_{self.dataset_id}"

    @property
    def is_series(self) -> bool:
        """Whether it holds events, each with its time, and not records."""
        schema_id = str(self.schema.get("id", ""))
        return schema_id.startswith(EVENT_CLASS) or schema_id in _event_schemas()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST_TABLE]


@cache
def _event_schemas() -> frozenset[str]:
    return frozenset(one.schema_id for one in schemas() if one.class_id == EVENT_CLASS)


def settle_table(dataset: Dataset, others: Iterable[Dataset]) -> Dataset:
    """Return the dataset with a table name that none of `others` has: two of one name must not share a table."""
    taken = {one.table_name for one in others if one.dataset_id != dataset.dataset_id}
    name = first = dataset.table_name
    number = 1
    while name in taken:
        number += 1
        name = f"{first}_{number}"
    return replace(dataset, table=name)


def furnish(seed: int, sandbox: str, *, before_ms: int) -> dict[str, Dataset]:
    """Return the datasets of a new sandbox by id, oldest first.

    For export (some of them idle), with hostile names, for ingestion (profile-enabled or not, some of the system's
    own) and for the platform's snapshots; some sixty in production, some forty elsewhere.
    """
    is_production = sandbox == "prod"
    idle = IDLE_EXPORTS if is_production else IDLE_EXPORTS[:SMALL_EXPORTS]
    found = [_target(seed, sandbox, name, before_ms=before_ms) for name in (*EXPORT_DATASETS, *HOSTILE_NAMES)]
    found += [_dataset(seed, sandbox, name, before_ms=before_ms) for name in idle]
    ingestions = INGESTIONS if is_production else INGESTIONS[:SMALL_INGESTIONS]
    found += [_ingestion(seed, sandbox, one, before_ms=before_ms) for one in ingestions]
    found += _snapshots(seed, sandbox, before_ms=before_ms)
    held: dict[str, Dataset] = {}
    for one in sorted(found, key=lambda one: one.created_ms):
        held[one.dataset_id] = settle_table(one, held.values())
    return held


def _target(seed: int, sandbox: str, name: str, *, before_ms: int) -> Dataset:
    made = _dataset(seed, sandbox, name, before_ms=before_ms, ages=_TARGET_AGE)
    is_tutorial = name == EXPORT_DATASETS[0] and sandbox == "prod"
    return replace(made, dataset_id=TUTORIAL_DATASET) if is_tutorial else made


def _dataset(
    seed: int, sandbox: str, name: str, *, before_ms: int, ages: tuple[int, int] = _OTHER_AGE, schema: str = ""
) -> Dataset:
    chance = Chance(seed, "dataset", sandbox, name)
    created = before_ms - chance.between(*ages)
    return Dataset(
        dataset_id=chance.hex(24),
        name=name,
        created_ms=created,
        table_ms=created,
        view_id=chance.hex(24),
        schema={"id": schema or UNION_SCHEMA, "contentType": SCHEMA_TYPE},
        file_description=_PARQUET,
    )


def _ingestion(seed: int, sandbox: str, one: Ingestion, *, before_ms: int) -> Dataset:
    schema = next(known for known in schemas() if known.title == one.schema)
    made = _dataset(seed, sandbox, one.name, before_ms=before_ms, schema=schema.schema_id)
    tags: dict[str, list[str]] = {}
    if one.feeds_profile:
        upsert = ["isUpsert:true"] if one.is_upsert else []
        tags = {"unifiedProfile": ["enabled:true", *upsert], "unifiedIdentity": ["enabled:true"]}
    more: dict[str, Any] = {"enableErrorDiagnostics": not one.by_system}
    if one.by_system:
        return replace(made, tags=tags, client=SYSTEM_CLIENT, user=f"{SYSTEM_CLIENT}@example.com", more=more)
    return replace(made, description=f"{schema.description}; fed by ingestion", tags=tags, more=more)


def _snapshots(seed: int, sandbox: str, *, before_ms: int) -> list[Dataset]:
    """Return what the platform's daily snapshots are written to; that of the default policy is the oldest."""
    first = f"{SNAPSHOT}{Chance(seed, 'snapshot', sandbox).uuid()}"
    second = f"{SNAPSHOT}{Chance(seed, 'snapshot', sandbox, 2).uuid()}"
    by_dataset = Chance(seed, "policy", sandbox).uuid()  # the id that policies.py gives the policy by dataset
    made = (
        (_dataset(seed, sandbox, first, before_ms=before_ms, ages=_TARGET_AGE), default_policy(seed, sandbox)),
        (_dataset(seed, sandbox, second, before_ms=before_ms, ages=(DAY_MS, _TARGET_AGE[0])), by_dataset),
    )
    return [
        replace(
            one,
            tags={"unifiedProfile": ["enabled:false", f"mergePolicyId:{policy}"]},
            client=SYSTEM_CLIENT,
            user=f"{SYSTEM_CLIENT}@example.com",
        )
        for one, policy in made
    ]


def default_policy(seed: int, sandbox: str) -> str:
    """Return the id of the sandbox's default merge policy."""
    return Chance(seed, "merge-policy", sandbox).uuid()

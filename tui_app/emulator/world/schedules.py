"""Owns the schedules of a sandbox: the nightly evaluation of its segments, and the export chained to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.datasets import DAY_MS, default_policy
from tui_app.emulator.world.policies import PROFILE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOUR_MS, _MINUTE_MS = 3_600_000, 60_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule; it starts every day at `hour`:`minute` UTC, if it is active. Times in epoch milliseconds."""

    schedule_id: str
    name: str
    kind: Literal["batch_segmentation", "export"]
    state: Literal["active", "inactive"]
    hour: int
    minute: int
    created_ms: int
    updated_ms: int
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cron(self) -> str:
        """The Quartz expression: seconds, minutes, hours, day of month, month, day of week (API reference 6.4)."""
        return f"0 {self.minute} {self.hour} * * ?"

    def start_ms(self, day: int) -> int:
        """Return when it starts on the day with this number, counted from 1970-01-01."""
        return day * DAY_MS + self.hour * _HOUR_MS + self.minute * _MINUTE_MS


def schedules(seed: int, sandbox: str, before_ms: int, *, snapshot_id: str = "") -> tuple[Schedule, ...]:
    """Return the sandbox's schedules, the active one first; none in `empty`.

    The chained export is inactive because the evaluation starts it. It writes to the dataset `snapshot_id`, which
    its payload leaves out when empty (API reference 2.8).
    """
    if sandbox == "empty":
        return ()
    chance = Chance(seed, "schedules", sandbox)
    hour, minute = (1, 0) if sandbox == "prod" else (chance.between(2, 4), chance.pick((0, 15, 30, 45)))
    created = before_ms - 390 * DAY_MS
    payload: dict[str, Any] = {
        "schema": {"name": PROFILE_SCHEMA},
        "mergePolicy": {"id": default_policy(seed, sandbox), "version": 1},
    }
    if snapshot_id:
        payload["destination"] = {"datasetId": snapshot_id, "segmentPerBatch": False}
    return (
        Schedule(
            schedule_id=Chance(seed, "segment-schedule", sandbox).uuid(),
            name="Batch Segmentation",
            kind="batch_segmentation",
            state="active",
            hour=hour,
            minute=minute,
            created_ms=created,
            updated_ms=created + chance.between(0, 300) * DAY_MS,
            properties={"segments": ["*"]},
        ),
        Schedule(
            schedule_id=Chance(seed, "schedule", sandbox).uuid(),
            name="Profile snapshot export",
            kind="export",
            state="inactive",
            hour=hour + 1,
            minute=minute,
            created_ms=created + 2 * _HOUR_MS,
            updated_ms=created + 2 * _HOUR_MS,
            properties={"payload": payload},
        ),
    )

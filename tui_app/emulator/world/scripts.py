"""Owns what callers may script of jobs to come: how they end and how long each of their stages takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_app.emulator.world.lifecycle import OUTCOME_HELP, OUTCOMES, STAGES, Lengths

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST_STAGE_S = 366 * 86_400
MOST_SCRIPTS = 10_000
MOST_TIMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Script:
    """How the next `times` jobs go that are made through the API, and that `dataset_id` and `segment` both allow.

    `outcome` is one word of `lifecycle.OUTCOMES`. `stages` gives lengths in platform seconds by the names of
    `lifecycle.STAGES`; a stage that is not named takes as long as ever. `dataset_id` is the target's, `segment` the
    id of one of the filter's segments; None allows any.

    Raises:
        ValueError: a value means nothing; the message names it and what would.
    """

    outcome: str = "ok"
    stages: Mapping[str, float] | None = None
    dataset_id: str | None = None
    segment: str | None = None
    times: int = 1
    _own: tuple[float | None, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.outcome, str) or self.outcome not in OUTCOMES:
            raise ValueError(f"Unknown outcome {_shown(self.outcome)}. {OUTCOME_HELP}")
        if not _is_whole(self.times) or not 1 <= self.times <= MOST_TIMES:
            raise ValueError(f"A script's times are {_shown(self.times)}: give a whole number from 1 to {MOST_TIMES}.")
        for name in ("dataset_id", "segment"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value):
                raise ValueError(f"A script's {name} is {_shown(value)}: give an id as text, or leave it out.")
        object.__setattr__(self, "_own", _own_lengths(self.stages))

    def allows(self, dataset_id: str, segment_ids: Collection[str]) -> bool:
        """Whether a job with this target and these segments may take it."""
        if self.dataset_id is not None and self.dataset_id != dataset_id:
            return False
        return self.segment is None or self.segment in segment_ids

    def lengths(self, usual: Lengths) -> Lengths:
        """Return stage lengths in platform seconds: its own where it has one, else the usual."""
        pairs = zip(self._own, usual, strict=True)
        queue, export, gap, write, finish = (mine if mine is not None else other for mine, other in pairs)
        return queue, export, gap, write, finish


class ScriptBook:
    """The scripts that wait for a job, first given first taken."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Script, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> tuple[tuple[Script, int], ...]:
        """Each script with how many jobs may still take it."""
        return tuple(self._waiting)

    def add(self, scripts: Collection[Script]) -> None:
        """Let jobs take these scripts, after those that wait already.

        Raises:
            ValueError: too many would wait; none is added then.
        """
        if len(self._waiting) + len(scripts) > MOST_SCRIPTS:
            raise ValueError(f"{len(self._waiting)} scripts wait already; no more than {MOST_SCRIPTS} can.")
        self._waiting += [(one, one.times) for one in scripts]

    def take(self, dataset_id: str, segment_ids: Collection[str]) -> Script | None:
        """Return the first script that allows this job, and count it; None when there is none."""
        for place, (script, left) in enumerate(self._waiting):
            if script.allows(dataset_id, segment_ids):
                if left > 1:
                    self._waiting[place] = (script, left - 1)
                else:
                    del self._waiting[place]
                return script
        return None

    def clear(self) -> None:
        """Forget every script that waits."""
        self._waiting.clear()


def _own_lengths(stages: object) -> tuple[float | None, ...]:
    if stages is None:
        return (None,) * len(STAGES)
    if not isinstance(stages, Mapping):
        raise ValueError(f"A script's stages are {_shown(stages)}: give seconds by name, of {', '.join(STAGES)}.")  # noqa: TRY004 - a value of the caller's file, like the others
    for name, value in stages.items():
        if name not in STAGES:
            raise ValueError(f"Unknown stage {_shown(name)}: the stages are {', '.join(STAGES)}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_STAGE_S:
            raise ValueError(
                f"The length of stage {name} is {_shown(value)}: give seconds from 0 to {LONGEST_STAGE_S} (a year)."
            )
    return tuple(None if name not in stages else float(stages[name]) for name in STAGES)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    """Return the value as a message may quote it: never long, and no integer too large to be written."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number of too many digits"
    return repr(value)[:60]

"""Owns what a benchmark hands back, figures with their budgets, and how they are printed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; with a budget it passes or is over, without one it is for orientation."""

    what: str
    value: float
    unit: str
    budget: float | None = None
    note: str = ""

    @property
    def over(self) -> bool:
        return self.budget is not None and self.value > self.budget

    def __str__(self) -> str:
        budget = f"<= {self.budget:g}" if self.budget is not None else ""
        verdict = "" if self.budget is None else "OVER" if self.over else "pass"
        return f"{self.what:<58} {self.value:>9.2f} {self.unit:<7} {budget:<9} {verdict:<5} {self.note}".rstrip()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def milliseconds(what: str, values: Sequence[float], *, budget_p95: float | None = None) -> list[Figure]:
    """Return the median and the 95th percentile of durations."""
    return [
        Figure(f"{what}, p50", statistics.median(values), "ms"),
        Figure(f"{what}, p95", percentile(values, 0.95), "ms", budget_p95),
    ]


def report(title: str, figures: Iterable[Figure]) -> int:
    """Print the figures and return how many are over their budget."""
    found = list(figures)
    print(f"== {title}", flush=True)
    for figure in found:
        print(f"  {figure}", flush=True)
    return sum(figure.over for figure in found)

"""Owns the timeline of a job: its stages drawn to one scale, waits told from work, the running one growing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Final

from tui_app.present.cells import Cell
from tui_app.present.text_lines import clipped
from tui_app.present.times import UNKNOWN, duration
from tui_app.text import fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_app.models.stage import Stage, StageState
    from tui_app.present.text_lines import TextLine

WAITS: Final = frozenset({"queue", "gap"})
"""Stages in which nothing is done; together they are most of a job's time (API reference 2.9)."""

_NOTES: Final = {
    "queue": "waits for a slot",
    "export": "reads profiles",
    "gap": "waits to write",
    "write": "writes the batch",
    "finish": "closes the books",
}
_MARKS: Final[dict[StageState, str]] = {"pending": " ", "running": ">", "done": "+", "failed": "!"}
_SECOND: Final = 1_000
_STEPS_MS: Final = (
    *(seconds * _SECOND for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800)),
    *(hours * 3_600 * _SECOND for hours in (1, 2, 6, 12, 24)),
)
_DAY_MS: Final = 86_400 * _SECOND
_MARK_WIDTH: Final = 2
_NAME_WIDTH: Final = 8
_DURATION_WIDTH: Final = 7
_NOTE_WIDTH: Final = 18
_CHART_LEAST: Final = 16


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage that has begun, in cells of the chart."""

    stage: Stage
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars in the order of the stages, each beginning where the last ends; `cell_ms` is what one cell stands for."""

    bars: tuple[Bar, ...]
    cell_ms: int


def timeline(stages: Sequence[Stage], now_ms: int, width: int) -> Timeline:
    """Lay the stages that have begun out over at most `width` cells, to one scale.

    The scale is a round figure of a second or more and the finest at which all fits, so a running stage grows by
    whole cells and the others stay as they are until the scale changes. Every stage that has begun gets at least one
    cell, also one whose length nobody knows; in fewer cells than stages the earliest are left out.

    Args:
        stages: as of `models.stage.stages`.
        now_ms: epoch ms; where a running stage ends for now.
        width: cells of the chart.
    """
    begun = [stage for stage in stages if stage.state != "pending"]
    begun = begun[len(begun) - width :] if 0 < width < len(begun) else begun if width > 0 else []
    lengths = [stage.duration_ms(now_ms) or 0 for stage in begun]
    for cell_ms in _scales():
        widths = [max(1, -(-length // cell_ms)) for length in lengths]
        if sum(widths) <= width or not begun:
            break
    starts = [sum(widths[:place]) for place in range(len(widths))]
    return Timeline(tuple(map(Bar, begun, starts, widths)), cell_ms)


def timeline_lines(stages: Sequence[Stage], now_ms: int, width: int, *, whole_ms: int | None) -> tuple[TextLine, ...]:
    """Return one line a stage and one for the scale, none wider than `width` cells.

    Args:
        stages: all five.
        now_ms: epoch ms.
        width: cells.
        whole_ms: how long the job took, or has taken so far.
    """
    fixed = _MARK_WIDTH + _NAME_WIDTH + _DURATION_WIDTH + 2
    notes = width - fixed - _NOTE_WIDTH >= _CHART_LEAST
    chart = max(0, width - fixed - (_NOTE_WIDTH if notes else 0))
    laid_out = timeline(stages, now_ms, chart)
    bars = {bar.stage.name: bar for bar in laid_out.bars}
    found = [_line(stage, bars.get(stage.name), now_ms, notes=notes) for stage in stages]
    scale = f"1 cell is {duration(laid_out.cell_ms)}" if laid_out.bars else "nothing has begun"
    legend = Cell(f"total {duration(whole_ms)}", "muted"), Cell(f"   {scale}   ░ waits   █ works", "muted")
    found.append(clipped(legend, width))
    return tuple(found)


def _line(stage: Stage, bar: Bar | None, now_ms: int, *, notes: bool) -> TextLine:
    role = _role(stage)
    # What changes every second stands on the left: a terminal is written from the start of a line.
    took = duration(stage.duration_ms(now_ms)) if stage.state != "pending" else ""
    found = [
        Cell(_MARKS[stage.state].ljust(_MARK_WIDTH), role),
        Cell(stage.name.ljust(_NAME_WIDTH), "muted" if stage.state == "pending" else ""),
        Cell(fit(took, _DURATION_WIDTH, align="right") + "  ", "muted" if took == UNKNOWN else ""),
    ]
    if notes:
        note = "failed here" if stage.state == "failed" else _NOTES.get(stage.name, "")
        found.append(Cell(fit(note, _NOTE_WIDTH), "failed" if stage.state == "failed" else "muted"))
    if bar is not None:
        known = stage.duration_ms(now_ms) is not None
        glyph = ("░" if stage.name in WAITS else "█") if known else "?"
        found.append(Cell(" " * bar.start))
        found.append(Cell(glyph * bar.width, role))
    return tuple(found)


def _role(stage: Stage) -> str:
    if stage.state in ("failed", "running"):
        return stage.state
    if stage.state == "pending":
        return "muted"
    return "wait" if stage.name in WAITS else "succeeded"


def _scales() -> Iterator[int]:
    return chain(_STEPS_MS, (_DAY_MS << power for power in count(1)))

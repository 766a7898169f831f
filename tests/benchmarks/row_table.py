"""Measures what RowTable writes to a terminal and how fast; `python -m tests.benchmarks.row_table`.

Started with an argument it is the small app under measurement: the number of its rows.
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from tests.benchmarks.figures import Figure, report
from tests.support.terminal import Terminal
from tui_app.present.cells import Cell, Column
from tui_app.tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.terminal import Paint

COLUMNS = (
    Column("status", "STATUS", 13),
    Column("id", "ID", 6, cut="middle"),
    Column("age", "AGE", 6, priority=1),
    Column("duration", "DURATION", 8, priority=2),
    Column("stage", "STAGE", 16, priority=3),
    Column("dataset", "DATASET", 12, weight=2, priority=1),
    Column("error", "ERROR", 10, weight=3, priority=4),
)
STATUSES = (
    ("> PROCESSING", "running"),
    ("+ SUCCEEDED", "succeeded"),
    ("! FAILED", "failed"),
    ("+ SUCCEEDED", "succeeded"),
)


class Jobs:
    """Rows made up as they are read; one can be made to look different."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = count
        self._ticks: dict[int, int] = {}

    def __len__(self) -> int:
        return self._count

    def key(self, index: int) -> int:
        return self._first - index

    def keys(self, start: int, stop: int) -> Sequence[int]:
        return range(self._first - start, self._first - stop, -1)

    def index_of(self, key: int) -> int | None:
        index = self._first - key
        return index if 0 <= index < self._count else None

    def first_of(self, keys: Sequence[int]) -> int | None:
        return next((found for key in keys if (found := self.index_of(key)) is not None), None)

    def change(self, index: int, ticks: int) -> None:
        """Move the row at `index` on; a whole round of the statuses changes only its duration."""
        job = self._first - index
        self._ticks[job] = self._ticks.get(job, 0) + ticks

    def arrive(self) -> None:
        """Put one row before the first."""
        self._count += 1
        self._first += 1

    def cells(self, index: int) -> Sequence[Cell]:
        job = self._first - index
        tick = self._ticks.get(job, 0)
        status, role = STATUSES[(job + tick) % len(STATUSES)]
        failed = role == "failed"
        return (
            Cell(status, role),
            Cell(str(self.key(index))),
            Cell(f"{job % 60}m"),
            Cell(f"{tick}m{job % 60:02}s"),
            Cell("export ███░░ ~3m" if role == "running" else "", "running"),
            Cell("Loyalty export"),
            Cell("0090000009 Error writing" if failed else "", "failed"),
        )


class TableApp(App[None]):
    """Nothing but the table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "unchanged", show=False),
        Binding("c", "change_row", show=False),
        Binding("t", "tick", show=False),
        Binding("a", "arrive", show=False),
    ]

    def __init__(self, count: int) -> None:
        super().__init__()
        self._jobs = Jobs(count)

    def compose(self) -> ComposeResult:
        yield RowTable(COLUMNS, self._jobs)

    def action_unchanged(self) -> None:
        self.query_one(RowTable).update_rows()

    def action_change_row(self) -> None:
        """Give one row, away from the cursor, another status, stage and error."""
        self._jobs.change(5, 1)
        self.query_one(RowTable).update_rows()

    def action_arrive(self) -> None:
        """Let a row arrive above the cursor's."""
        self._jobs.arrive()
        self.query_one(RowTable).refresh_rows()

    def action_tick(self) -> None:
        """Move on the duration of one row, as a running job does."""
        self._jobs.change(6, len(STATUSES))
        self.query_one(RowTable).update_rows()


# What is pressed, and how often: a step that would be at its end of the table has nothing more to move.
STEPS: tuple[tuple[str, str, int], ...] = (
    ("refresh, nothing changed", "u", 7),
    ("one row: another status", "c", 7),
    ("one row: duration ticks", "t", 7),
    ("cursor one down", "j", 7),
    ("a row arrives above", "a", 7),
    ("page down", "pgdn", 7),
    ("last row", "G", 1),
    ("first row", "g", 1),
)
SIZES = (5_000, 1_000_000)


def measure() -> list[Figure]:
    """Measure each step at both sizes: the median of the bytes, and of the milliseconds to the last of them."""
    figures = []
    for rows in SIZES:
        with Terminal((sys.executable, "-m", "tests.benchmarks.row_table", str(rows))) as terminal:
            terminal.wait_for("STATUS")
            terminal.until_quiet()
            for name, key, times in STEPS:
                paints = [_press(terminal, key) for _ in range(times)]
                milliseconds = statistics.median(paint.last_ms for paint in paints)
                figures.append(
                    Figure(
                        f"{rows:,} rows: {name}",
                        statistics.median(paint.count for paint in paints),
                        "bytes",
                        note=f"{milliseconds:.1f} ms" if any(paint.count for paint in paints) else "",
                    )
                )
    return figures


def _press(terminal: Terminal, key: str) -> Paint:
    terminal.press(key)
    return terminal.until_quiet()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        TableApp(int(sys.argv[1])).run()
    else:
        sys.exit(report("the table alone", measure()))

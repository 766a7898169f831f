"""Measures what RowTable writes to a terminal and how fast; `python -m tests.benchmarks.row_table`.

Started with an argument it is the small app under measurement: the number of its rows.
"""

from __future__ import annotations

import os
import re
import select
import statistics
import sys
import time
from typing import TYPE_CHECKING, ClassVar

import ptyprocess
import pyte
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from tui_app.present.cells import Cell, Column
from tui_app.tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Sequence

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
QUIET_S = 0.25


class Jobs:
    """Rows made up as they are read; one can be made to look different."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = count
        self._ticks: dict[int, int] = {}

    def __len__(self) -> int:
        return self._count

    def key(self, index: int) -> str:
        return str(self._first - index)

    def index_of(self, key: str) -> int | None:
        index = self._first - int(key)
        return index if 0 <= index < self._count else None

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
            Cell(self.key(index)),
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


class Terminal:
    """A pseudo-terminal with the app in it, counting what comes out."""

    def __init__(self, rows: int, *, columns: int = 80, lines: int = 24) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = ptyprocess.PtyProcess.spawn(
            [sys.executable, "-m", "tests.benchmarks.row_table", str(rows)],
            dimensions=(lines, columns),
            env=environment,
        )

    def read_until_quiet(self) -> tuple[int, float]:
        """Return how many bytes came, and when the last of them did."""
        count, last = 0, time.perf_counter()
        while select.select([self._process.fd], [], [], QUIET_S)[0]:
            try:
                data = os.read(self._process.fd, 1 << 16)
            except OSError:
                break
            count += len(data)
            last = time.perf_counter()
            if b"\x1b[?2026$p" in data:  # the app asks for synchronised output, as most terminals have it
                os.write(self._process.fd, b"\x1b[?2026;2$y")
            drawable = re.sub(rb"\x1b\[[<>=][\d;]*[a-zA-Z]|\x1b\[[\d;?]*\$[a-zA-Z]|\x1b[P_^].*?\x1b\\", b"", data)
            self._stream.feed(drawable)
        return count, last

    def wait_for(self, text: str) -> None:
        deadline = time.perf_counter() + 20
        while text not in "\n".join(self.screen.display):
            self.read_until_quiet()
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{text!r} never came")
        self.read_until_quiet()

    def press(self, keys: bytes) -> tuple[int, float]:
        """Return the bytes that `keys` brought and the milliseconds until the last of them."""
        started = time.perf_counter()
        os.write(self._process.fd, keys)
        count, last = self.read_until_quiet()
        return count, max(0.0, last - started) * 1000

    def close(self) -> None:
        self._process.terminate(force=True)


# What is pressed, and how often: a step that would be at its end of the table has nothing more to move.
STEPS: tuple[tuple[str, bytes, int], ...] = (
    ("refresh, nothing changed", b"u", 7),
    ("one row: another status", b"c", 7),
    ("one row: duration ticks", b"t", 7),
    ("cursor one down", b"j", 7),
    ("a row arrives above", b"a", 7),
    ("page down", b"\x1b[6~", 7),
    ("last row", b"G", 1),
    ("first row", b"g", 1),
)


def measure(rows: int) -> None:
    """Print the median bytes and milliseconds of each step."""
    terminal = Terminal(rows)
    try:
        terminal.wait_for("STATUS")
        print(f"{rows:,} rows at 80x24")
        for name, keys, times in STEPS:
            figures = [terminal.press(keys) for _ in range(times)]
            count = statistics.median(figure[0] for figure in figures)
            milliseconds = statistics.median(figure[1] for figure in figures)
            print(f"  {name:26} {count:7.0f} bytes  {milliseconds:6.1f} ms")
    finally:
        terminal.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        TableApp(int(sys.argv[1])).run()
    else:
        for size in (5_000, 1_000_000):
            measure(size)

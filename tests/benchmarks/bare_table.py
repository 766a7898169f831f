"""The least that one could start instead: Textual's own table and nothing else. Argument: the number of its rows."""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import DataTable

COLUMNS = ("STATUS", "ID", "AGE", "DURATION", "STAGE", "DATASET")
STATUSES = ("+ SUCCEEDED", "! FAILED", "> PROCESSING")


class BareTable(App[None]):
    """A table with as many columns as the job list shows at 80x24."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        table.add_rows(
            (STATUSES[row % 3], str(100_000 - row), f"{row}m", "20m05s", "", "Loyalty export")
            for row in range(self._count)
        )


if __name__ == "__main__":
    BareTable(int(sys.argv[1])).run()

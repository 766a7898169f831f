"""Runs every benchmark and prints its figures with budget and verdict; `python -m tests.benchmarks [NAME ...]`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tests.benchmarks import bytes as bytes_benchmark
from tests.benchmarks import (
    data,
    downloads,
    keys,
    kills,
    loop,
    million,
    pickers,
    platform,
    row_table,
    served_bytes,
    start,
    submissions,
    sync,
)
from tests.benchmarks.figures import Figure, report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALL: Final[Mapping[str, Callable[[], list[Figure]]]] = {
    "start": start.measure,
    "keys": keys.measure,
    "bytes": bytes_benchmark.measure,
    "loop": loop.measure,
    "row_table": row_table.measure,
    "platform": platform.measure,
    "served_bytes": served_bytes.measure,
    "million": million.measure,
    "sync": sync.measure,
    "kills": kills.measure,
    "pickers": pickers.measure,
    "submissions": submissions.measure,
    "downloads": downloads.measure,
    "data": data.measure,
}


def main() -> int:
    """Run those that are named, or all, and return how many figures are over their budget."""
    names = sys.argv[1:] or list(ALL)
    over = sum(report(name, ALL[name]()) for name in names)
    print(f"{over} over budget" if over else "all within budget")
    return over


if __name__ == "__main__":
    sys.exit(main())

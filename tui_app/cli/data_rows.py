"""Owns printing the rows of a result: a table, JSON, one object a line, or CSV; a window at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui_app.cli.output import Output
    from tui_app.engine.insight import Result

TABLE_MOST = 1_000
"""Rows that a table shows; more is for a file."""
_AT_ONCE = 2_000


async def print_rows(output: Output, result: Result, form: str | None, *, most: int | None = None) -> int:
    """Print the rows of a result and return how many that were.

    Args:
        output: where to.
        result: what was found.
        form: json, ndjson, csv, or None for a table.
        most: rows at most; None is all.
    """
    from tui_app.engine.insight import csv_cell  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.present.data_rows import row_record, value_text  # noqa: PLC0415 - as above

    count = result.total if most is None else min(most, result.total)
    if form == "json":
        array = output.json_array()
        async for rows in _windows(result, count):
            array.items([row_record(result.columns, row) for row in rows])
        array.end()
    elif form == "ndjson":
        async for rows in _windows(result, count):
            output.ndjson(*(row_record(result.columns, row) for row in rows))
    elif form == "csv":
        output.csv_rows([[one.name for one in result.columns]])
        async for rows in _windows(result, count):
            output.csv_rows([[one if _is_number(one) else csv_cell(one) for one in row] for row in rows])
    else:
        count = min(count, TABLE_MOST)
        shown = [[value_text(value) for value in row] for row in await result.rows(0, count)]
        output.table([one.name for one in result.columns], shown)
    return count


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


async def _windows(result: Result, count: int) -> AsyncIterator[list[tuple[Any, ...]]]:
    for start in range(0, count, _AT_ONCE):
        yield list(await result.rows(start, min(_AT_ONCE, count - start)))

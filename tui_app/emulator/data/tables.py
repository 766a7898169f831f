"""Owns which files stand behind a table of Query Service, and the columns that its schema gives it.

A table shows every batch that queries wrote to its dataset, the newest batch of an export job that holds rows, and
older ones while they are at most `MOST_BATCHES` with at most `MOST_ROWS` rows: more would take minutes to make.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tui_app.emulator.data.parquet import quoted
from tui_app.emulator.data.sql_run import Table
from tui_app.emulator.data.values import TYPES
from tui_app.emulator.world.samples import UNION_SCHEMA
from tui_app.emulator.world.schemas import EVENT_CLASS, schemas
from tui_app.emulator.world.union import EVENT, PROFILE

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from tui_app.emulator.data.files import ParquetFiles
    from tui_app.emulator.world.batches import Batch
    from tui_app.emulator.world.datasets import Dataset
    from tui_app.emulator.world.fields import Field
    from tui_app.emulator.world.world import Sandbox, World

MOST_BATCHES = 5
MOST_ROWS = 150_000
NO_COLUMNS = Table((), "SELECT NULL::VARCHAR AS _id WHERE false")


def find_table(sandbox: Sandbox, name: str, *, now_ms: int) -> Dataset | None:
    """Return the dataset whose table has this lower-case name; a new dataset has none for a while."""
    return next(
        (one for one in sandbox.datasets.values() if one.table_name == name and one.table_ms <= now_ms),
        None,
    )


async def open_table(
    world: World, files: ParquetFiles, sandbox: Sandbox, dataset: Dataset, *, stack: AsyncExitStack
) -> Table:
    """Return the table with its files made and kept until `stack` is left.

    Raises:
        NoRoomError: a file cannot be made.
    """
    parts = [(batch, part) for batch in await _batches(world, sandbox, dataset) for part in files.parts(batch)]
    paths = [await stack.enter_async_context(files.held(batch, part)) for batch, part in parts]
    is_written = any(batch.job is None for batch, _ in parts)  # a query's columns are all that its dataset has
    empty = "" if is_written else columns_of(dataset)
    return Table(tuple(paths), empty or ("" if paths else NO_COLUMNS.empty))


async def _batches(world: World, sandbox: Sandbox, dataset: Dataset) -> list[Batch]:
    found = [one for one in sandbox.written_batches.values() if one.dataset_id == dataset.dataset_id and one.rows]
    rows = count = 0
    async for batch in world.ledger(sandbox).good_batches(dataset.dataset_id, now_ms=world.now_ms()):
        if not batch.rows:
            continue
        count, rows = count + 1, rows + batch.rows
        if count > MOST_BATCHES or (count > 1 and rows > MOST_ROWS):
            break
        found.append(batch)
    return found


def columns_of(dataset: Dataset) -> str:
    """Return a SELECT without rows that has the columns of the dataset's schema; "" when the schema is not known."""
    return _empty(fields_of(str(dataset.schema.get("id", ""))))


def fields_of(schema_id: str) -> tuple[Field, ...]:
    """Return the fields of a schema that is known here, else none."""
    if schema_id == UNION_SCHEMA:
        return PROFILE
    if schema_id.startswith(EVENT_CLASS):
        return EVENT
    return next((one.fields for one in schemas() if one.schema_id == schema_id), ())


@lru_cache(maxsize=32)
def _empty(fields: tuple[Field, ...]) -> str:
    typed = [(one.name, kind) for one in fields if (kind := _type(one))]
    if not typed:
        return ""
    return f"SELECT {', '.join(f'NULL::{kind} AS {quoted(name)}' for name, kind in typed)} WHERE false"


def _type(field: Field) -> str:
    """Return the field's type for DuckDB; "" for an object without fields."""
    if field.kind == "object":
        inner = [f"{quoted(one.name)} {kind}" for one in field.fields if (kind := _type(one))]
        return f"STRUCT({', '.join(inner)})" if inner else ""
    if field.item is not None:
        item = _type(field.item)
        wrapped = f"{item}[]" if field.kind == "array" else f"MAP(VARCHAR, {item})"
        return wrapped if item else ""
    return TYPES.get(field.kind, "")

"""Owns what a query's rows become: a dataset of their own or one more batch of it, readable as any other."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tui_app.emulator.chance import Chance
from tui_app.emulator.data.statement import SqlError
from tui_app.emulator.data.tables import fields_of, find_table
from tui_app.emulator.world.batches import Batch
from tui_app.emulator.world.datasets import SCHEMA_TYPE
from tui_app.emulator.world.schemas import schemas
from tui_app.emulator.world.union import TENANT

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.emulator.data.files import ParquetFiles
    from tui_app.emulator.data.query_state import Query
    from tui_app.emulator.data.sql_run import Outcome
    from tui_app.emulator.data.statement import Statement
    from tui_app.emulator.world.datasets import Dataset
    from tui_app.emulator.world.world import Sandbox, World

_COLUMN = re.compile(r"[A-Za-z_]\w*")
_PARQUET = {"persisted": True, "containerFormat": "parquet", "format": "parquet"}


def target_of(sandbox: Sandbox, statement: Statement) -> Dataset | None:
    """Return the dataset that a writing statement names, by its name or its table's.

    Raises:
        SqlError: it may not be written: it exists where a new one is asked for, or no query made it.
    """
    name = statement.target.lower()
    found = next((one for one in sandbox.datasets.values() if name in (one.table_name, one.name.lower())), None)
    if statement.kind == "ctas" and found is not None and not statement.spares:
        raise SqlError("42P07", f"Table {statement.target[:80]} exists already.")
    if statement.kind == "insert":
        if found is None:
            raise SqlError("42P01", f"Table {statement.target[:80]} was not found.")
        if not any(one.dataset_id == found.dataset_id for one in sandbox.written_batches.values()):
            raise SqlError("42501", f"Table {statement.target[:80]} was not created by Query Service.")
    return found


async def keep(
    world: World, files: ParquetFiles, sandbox: Sandbox, query: Query, *, path: Path, outcome: Outcome
) -> None:
    """Put the written file into a batch of the target dataset, which is made first if the statement says so.

    Raises:
        SqlError: the columns are not those of a table, or the target is there by now.
        NoRoomError: there is no room for the file.
    """
    chance = Chance(world.seed, "query-result", query.query_id)
    _check_columns(query.statement, outcome)
    batch_id = chance.hex(32)
    adopting = asyncio.ensure_future(asyncio.to_thread(files.adopt, batch_id, [path]))
    try:
        await asyncio.shield(adopting)
    except asyncio.CancelledError:
        await asyncio.wait([adopting])  # the thread cannot be stopped; it takes milliseconds
        files.drop(batch_id)
        raise
    target = target_of(sandbox, query.statement)  # only now: another query may have made it meanwhile
    if target is None:
        target = _made(world, sandbox, query, chance)
        query.made_id = target.dataset_id
    now = world.now_ms()
    query.batch_id = batch_id
    sandbox.written_batches[batch_id] = Batch(
        batch_id=batch_id,
        dataset_id=target.dataset_id,
        status="success",
        created_ms=now,
        updated_ms=now,
        started_ms=query.created_ms,
        completed_ms=now,
        rows=outcome.rows,
    )


def undo(files: ParquetFiles, sandbox: Sandbox, query: Query) -> None:
    """Take back what a query has written: it was stopped before its caller saw the end."""
    if query.batch_id is not None:
        sandbox.written_batches.pop(query.batch_id, None)
        files.drop(query.batch_id)
        query.batch_id = None
    if query.made_id is not None:
        sandbox.datasets.pop(query.made_id, None)
        query.made_id = None


def _check_columns(statement: Statement, outcome: Outcome) -> None:
    names = [name for name, _ in outcome.columns]
    for name in names:
        if not _COLUMN.fullmatch(name):
            raise SqlError("42601", f"The column {name[:80]} needs an alias: its name is no name of a field.")
    if len({name.lower() for name in names}) < len(names):
        raise SqlError("42701", "Two columns have the same name.")
    if statement.schema_title:
        schema = _schema(statement.schema_title)
        known = {one.name.lower() for one in fields_of(schema)}
        strange = next((name for name in names if name.lower() not in known), None)
        if not schema or strange is not None:
            what = f"the schema has no field {strange}" if schema else "no schema has that title"
            raise SqlError("58000", f"Error validating schema {statement.schema_title[:80]}: {what}.")


def _schema(title: str) -> str:
    return next((one.schema_id for one in schemas() if one.title == title), "")


def _made(world: World, sandbox: Sandbox, query: Query, chance: Chance) -> Dataset:
    """Make the dataset; its schema is of a class for this one use, so no export can be written into it."""
    adhoc = f"https://ns.adobe.com/{TENANT}/schemas/{chance.hex(48)}"
    wanted = query.request.get("ctasParameters") or {}
    dataset = world.create_dataset(
        sandbox,
        {
            "name": query.statement.target,
            "description": wanted.get("description") or "",
            "schemaRef": {"id": _schema(query.statement.schema_title) or adhoc, "contentType": SCHEMA_TYPE},
            "fileDescription": _PARQUET,
        },
    )
    dataset = replace(dataset, table_ms=dataset.created_ms, client="acp_foundation_queryService")  # its table is there
    sandbox.datasets[dataset.dataset_id] = dataset
    return dataset


def find_read(sandbox: Sandbox, statement: Statement, *, now_ms: int) -> dict[str, Dataset]:
    """Return the datasets that a statement reads, by the name of their table.

    Raises:
        SqlError: a table does not exist.
    """
    found: dict[str, Dataset] = {}
    for name in statement.tables:
        dataset = find_table(sandbox, name, now_ms=now_ms)
        if dataset is None:
            raise SqlError("42P01", f"Table {name[:80]} was not found.")
        found[name] = dataset
    return found

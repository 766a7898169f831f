"""Owns `aepx query --remote` and `--psql`: statements that the platform's Query Service runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_app.cli.download import followed
from tui_app.cli.output import Exit, Output
from tui_app.cli.progress import ProgressLine
from tui_app.cli.session import confirm, opened_engine, run
from tui_app.models.query import psql_environment

if TYPE_CHECKING:
    from tui_app.cli.main import Globals
    from tui_app.engine.engine import Engine
    from tui_app.models.query import RemoteQuery


def run_remote(
    options: Globals,
    sql: str | None,
    *,
    job_id: str | None,
    as_dataset: str | None,
    to: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Let the platform run a statement; without one, tell the table of a job's dataset."""
    if to and not as_dataset:
        raise click.UsageError(
            "With --remote, --to needs --as-dataset NAME: rows come back as files of a dataset only."
        )
    if not sql and not job_id:
        raise click.UsageError("Give the SQL, or --job ID to be told the name of its dataset's table.")
    return run(_run(options, sql, job_id=job_id, as_dataset=as_dataset or "", to=to, yes=yes, as_json=as_json))


async def _run(
    options: Globals, sql: str | None, *, job_id: str | None, as_dataset: str, to: str | None, yes: bool, as_json: bool
) -> int:
    output = Output()
    async with opened_engine(options, changes="The query" if sql else "") as engine:
        if job_id:
            table = await _table(engine, job_id)
            if not sql:
                output.line(table)
                return Exit.OK
            output.narrate(f"The table of job {job_id}'s dataset is {table}.")
        assert sql is not None
        makes = f" and keep its rows as dataset {as_dataset!r}" if as_dataset else ""
        await confirm(engine, f"Run the statement on the platform{makes}?", yes=yes)
        query = await _ended(engine, sql, as_dataset)
        dataset_id = query.dataset_id
        if dataset_id is None and as_dataset:
            dataset_id = await engine.queries.dataset_named(as_dataset)
        if to and dataset_id:
            code = await _download(engine, output, dataset_id, Path(to))
        else:
            code = Exit.OK
    rows = 0 if query.rows is None else query.rows
    if as_json:
        output.data({"query_id": query.query_id, "state": query.state, "rows": rows, "dataset_id": dataset_id})
    else:
        output.line(dataset_id or f"{rows:,} row{'' if rows == 1 else 's'}")
    if dataset_id is None:
        output.narrate(
            "The service tells only how many rows there are. --as-dataset NAME keeps them, --to DIR fetches them then; "
            "or see them in psql: aepx query --psql."
        )
    elif not to:
        output.narrate(f"{rows:,} row{' is' if rows == 1 else 's are'} kept as dataset {dataset_id}.")
    return code


async def _ended(engine: Engine, sql: str, as_dataset: str) -> RemoteQuery:
    line = ProgressLine(engine.clock)

    def told(query: RemoteQuery) -> None:
        seconds = f", {query.elapsed_ms / 1000:.0f} s" if query.elapsed_ms else ""
        line.show(f"Query {query.query_id} is {query.state.lower().replace('_', ' ')}{seconds}; ctrl-c cancels it")

    try:
        return await engine.queries.run(sql, dataset_name=as_dataset, told=told)
    except asyncio.CancelledError:
        line.clear()
        Output().narrate("Stopped. The platform was asked to cancel the query.")
        raise
    finally:
        line.clear()


async def _download(engine: Engine, output: Output, dataset_id: str, to: Path) -> int:
    code: int = Exit.OK
    for batch_id in await engine.queries.result_batches(dataset_id):
        key = await engine.downloads.add(batch_id=batch_id, to=to)
        found = await followed(engine, key)
        for failure in found.failures:
            output.narrate(f"Error: {failure}")
        output.narrate(f"{len(found.files):,} files in {found.folder}.")
        if found.state != "done":
            code = Exit.UNSUCCESSFUL
    return code


async def _table(engine: Engine, job_id: str) -> str:
    from tui_app.models.failure import Failure, FailureError, FailureKind  # noqa: PLC0415 - only refusals need it

    job = await engine.jobs.refresh(job_id)
    table = await engine.queries.table_of(job.dataset_id) if job.dataset_id else None
    if table is None:
        raise FailureError(
            Failure(
                FailureKind.NOT_FOUND,
                f"The dataset of job {job_id} has no table",
                "The platform has made none for it yet" if job.dataset_id else "The job names no dataset",
                "Try again in a few minutes.",
            )
        )
    return table


def run_psql(options: Globals, *, job_id: str | None) -> int:
    """Open the person's own psql; host, user and token are in its environment alone."""
    program = shutil.which("psql")
    if program is None:
        raise click.UsageError("psql is not on PATH. Install PostgreSQL's client (postgresql-client), then try again.")
    environ = run(_environment(options, job_id))
    # ctrl-c is psql's while it runs; it cancels a statement there.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = subprocess.run([program], env=psql_environment(os.environ, environ), check=False)  # noqa: S603 - found on the PATH
    finally:
        signal.signal(signal.SIGINT, before)
    return Exit.OK if ended.returncode == 0 else Exit.UNSUCCESSFUL


async def _environment(options: Globals, job_id: str | None) -> dict[str, str]:
    output = Output()
    async with opened_engine(options) as engine:
        found = await engine.queries.connection_parameters()
        if job_id:
            output.narrate(f"The table of job {job_id}'s dataset is {await _table(engine, job_id)}.")
    output.narrate(f"psql on {found.database}; the token in its environment ends when yours does, within 24 hours.")
    return found.environment

"""Owns `aepx batches`: the batches of a job with their counts held together, and the files of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import opened_engine, run

if TYPE_CHECKING:
    from tui_app.engine.batches import JobBatches, JobBatchState
    from tui_app.engine.engine import Engine
    from tui_app.models.data_access import RemoteFile

_COLUMNS = ("batch_id", "audience", "segment_ids", "status", "readable", "records_written", "records_rejected")
_FILE_COLUMNS = ("name", "bytes", "file_id", "batch_id")


@click.group(cls=Group)
@global_options
def batches() -> None:
    """Show the batches of an export job, and their files."""


@batches.command("list")
@global_options
@click.option("--job", "job_id", metavar="ID", required=True, help="The export job.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, job_id: str, form: str | None) -> int:
    """List the batches of a job: audience, status, records.

    The job's own count of profiles is held against what the batches count; a difference is told on stderr with its
    likely causes. Exit code 1 when the job has no batch.
    """
    return run(_list(options, job_id, form))


@batches.command()
@global_options
@click.argument("batch_id", metavar="BATCH")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def files(options: Globals, *, batch_id: str, form: str | None) -> int:
    """List the files of a batch with their sizes, directories followed.

    Exit code 1 when the platform does not know the batch, or it has no files.
    """
    return run(_files(options, batch_id, form))


async def _list(options: Globals, job_id: str, form: str | None) -> int:
    async with opened_engine(options) as engine:
        job = await engine.jobs.refresh(job_id)
        found = await engine.batches.of_job(job, rows=await downloaded_rows(engine, job_id))
    output = Output()
    _print(output, form, _COLUMNS, [_value(one) for one in found.batches])
    _tell(output, found)
    if not found.batches:
        output.narrate(f"Export job {job_id} is {job.status} and names no batch. aepx jobs show {job_id} says more.")
        return Exit.UNSUCCESSFUL
    return Exit.OK


async def _files(options: Globals, batch_id: str, form: str | None) -> int:
    async with opened_engine(options) as engine:
        batch = await engine.batches.get(batch_id)
        found = await engine.batches.files(batch_id) if batch.is_readable else ()
    output = Output()
    _print(output, form, _FILE_COLUMNS, [_file_value(one) for one in found])
    if not batch.is_readable:
        output.narrate(
            f"Batch {batch_id} is {batch.status or 'without a status'}: its files can be listed once it is success."
        )
    elif not found:
        output.narrate(f"Batch {batch_id} is {batch.status} and empty: it has no files.")
    return Exit.OK if found else Exit.UNSUCCESSFUL


async def downloaded_rows(engine: Engine, job_id: str) -> int | None:
    """Return how many rows the downloaded files of a job hold, None where they are not (all) here."""
    return await engine.downloads.past.rows_of(job_id)


def _value(one: JobBatchState) -> dict[str, Any]:
    batch = one.batch
    return {
        "batch_id": one.batch_id,
        "audience": one.audience or None,
        "segment_ids": list(one.segment_ids),
        "status": batch.status if batch is not None else None,
        "readable": batch.is_readable if batch is not None else None,
        "records_written": batch.written if batch is not None else None,
        "records_rejected": batch.rejected if batch is not None else None,
        "errors": [each._asdict() for each in batch.errors] if batch is not None else [],
    }


def _file_value(one: RemoteFile) -> dict[str, Any]:
    return {"name": one.name, "bytes": one.length, "file_id": one.file_id, "batch_id": one.batch_id}


def _print(output: Output, form: str | None, columns: tuple[str, ...], values: list[dict[str, Any]]) -> None:
    if form == "json":
        output.data(values)
    elif form == "ndjson":
        output.ndjson(*values)
    elif form == "csv":
        output.csv(columns, ([_text(one[key]) for key in columns] for one in values))
    else:
        heads = tuple(key.replace("_", " ").upper() for key in columns)
        output.table(heads, [[_text(one[key], none="-") for key in columns] for one in values])


def _text(value: object, *, none: str = "") -> str:
    if value is None or value == []:
        return none
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tell(output: Output, found: JobBatches) -> None:
    counts = found.counts
    for one in found.batches:
        if one.failure is not None:
            output.narrate(f"Warning: {one.failure}")
    for difference in counts.differences():
        output.narrate(f"Warning: {difference}")
    told = ((counts.profiles, "profiles"), (counts.written, "records"), (counts.rows, "rows downloaded"))
    known = [f"{number:,} {what}" for number, what in told if number is not None]
    if counts.agree and len(known) > 1:
        output.narrate(f"The counts agree: {', '.join(known)}.")

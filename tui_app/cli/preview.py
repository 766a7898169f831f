"""Owns `aepx preview`: the first rows of a job or of a file, without downloading everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Command, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import opened_engine, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.engine import Engine
    from tui_app.engine.insight import Insight, Result
    from tui_app.models.data_access import RemoteFile

_ROWS = 20
_ROWS_MOST = 10_000


@click.command(cls=Command)
@global_options
@click.argument("what", metavar="JOB|FILE")
@click.option("--rows", metavar="N", type=click.IntRange(1, _ROWS_MOST), default=_ROWS, show_default=True, help="Rows.")
@click.option("--schema", is_flag=True, help="Print the columns with their types instead.")
@click.option("--stats", is_flag=True, help="Print share of nulls, distinct values and ends of each column instead.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def preview(options: Globals, *, what: str, rows: int, schema: bool, stats: bool, form: str | None) -> int:
    """Show the first rows of an export job, or of a parquet file.

    A file whose name is a number is written ./NAME.

    A job that was downloaded is read from its files. Of any other only the footer and the first pages of its first
    file are read from the platform, however large it is; --stats then counts those first rows alone.
    """
    return run(_preview(options, what, rows=rows, schema=schema, stats=stats, form=form))


async def _preview(options: Globals, what: str, *, rows: int, schema: bool, stats: bool, form: str | None) -> int:
    from tui_app.cli.data_rows import print_rows  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.engine.insight import Insight  # noqa: PLC0415 - as above

    output = Output()

    async def show(insight: Insight, result: Result) -> None:
        try:
            if schema:
                _print(output, form, ("column", "type"), [(one.name, one.type) for one in result.columns])
            elif stats:
                found = await insight.profile(result)
                heads = ("column", "type", "nulls_share", "distinct", "minimum", "maximum")
                lines = [(one.name, one.type, one.nulls_share, one.distinct, one.minimum, one.maximum) for one in found]
                _print(output, form, heads, lines)
            else:
                await print_rows(output, result, form, most=rows)
        finally:
            await result.close()

    if what.isdecimal():
        async with opened_engine(options) as engine:
            engine.insight.require()
            await show(engine.insight, await _of_job(engine, output, what, rows))
    else:
        insight = Insight()
        insight.require()
        await show(insight, await insight.file(Path(what)))
    return Exit.OK


async def _of_job(engine: Engine, output: Output, job_id: str, rows: int) -> Result:
    folder = await engine.downloads.past.folder_of(job_id)
    if folder is not None:
        output.narrate(f"From the downloaded files in {folder}.")
        return await engine.insight.run("SELECT * FROM rows", folder)
    file = await _first_file(engine, job_id)
    result = await engine.previews.first_rows(file, rows)
    output.narrate(f"The first rows of {file.name} on the platform; aepx download {job_id} --to DIR fetches all.")
    return result


async def _first_file(engine: Engine, job_id: str) -> RemoteFile:
    """Return the first file that there is of a job.

    Raises:
        FailureError: there is none, and why.
    """
    from tui_app.models.failure import Failure, FailureError, FailureKind  # noqa: PLC0415 - only refusals need it

    job = await engine.jobs.refresh(job_id)
    why = f"It is {job.status}" if job.status != "SUCCEEDED" else "Its batches hold no file"
    for one in job.batches if job.status == "SUCCEEDED" else ():
        await engine.batches.wait_readable(one.batch_id, most_s=0)
        found = [each for each in await engine.batches.files(one.batch_id) if each.length != 0]
        if found:
            return found[0]
    raise FailureError(
        Failure(
            FailureKind.NOT_FOUND,
            f"Export job {job_id} has no rows to show",
            why,
            f"aepx batches list --job {job_id} says more.",
        )
    )


def _print(output: Output, form: str | None, heads: tuple[str, ...], lines: Sequence[tuple[object, ...]]) -> None:
    if form == "json":
        output.data([dict(zip(heads, one, strict=True)) for one in lines])
    elif form == "ndjson":
        output.ndjson(*(dict(zip(heads, one, strict=True)) for one in lines))
    elif form == "csv":
        output.csv(heads, [["" if value is None else value for value in one] for one in lines])
    else:
        names = [one.replace("_", " ").upper() for one in heads]
        output.table(names, [["-" if value is None else _short(value) for value in one] for one in lines])


def _short(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

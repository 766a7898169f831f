"""Owns `aepx query`: SQL over downloaded files here, or handed to the platform's own Query Service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Command, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import opened_engine, run
from tui_app.data import memory as allowances

if TYPE_CHECKING:
    from tui_app.engine.insight import Insight, Result

_SIZE = re.compile(r"(?i)\s*(\d{1,9}(?:\.\d{1,3})?)\s*([mg])(?:i?b)?\s*")


def _memory(_: click.Context, __: click.Parameter, given: str | None) -> int | None:
    if given is None:
        return None
    found = _SIZE.fullmatch(given)
    if found is None:
        raise click.BadParameter(f"{given!r} is no size. Write it like 512MiB or 2GiB.")
    asked = int(float(found[1]) * 1024 ** (2 if found[2].lower() == "m" else 3))
    machine = allowances.whole()
    if asked < allowances.LEAST:
        raise click.BadParameter(f"{given!r} is too little: DuckDB needs {allowances.LEAST // 1024**2} MiB.")
    if machine is not None and asked > machine:
        raise click.BadParameter(f"{given!r} is more than this machine has: {machine // 1024**2:,} MiB.")
    return asked


@click.command(cls=Command)
@global_options
@click.argument("sql", metavar="[SQL]", required=False)
@click.option("--job", "job_id", metavar="ID", help="The downloaded job to ask.")
@click.option(
    "--from", "folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder with manifest.json, if it is not the one last downloaded into.",
)  # fmt: skip
@click.option("--tables", is_flag=True, help="List the tables that SQL can name, and end.")
@click.option(
    "--to", metavar="PATH", help="Write to a new .csv or .parquet file; with --remote, the folder to download into."
)
@click.option(
    "--memory", metavar="SIZE", callback=_memory, help="Memory to take at most, like 2GiB; the rest is spilled."
)
@click.option("--remote", is_flag=True, help="Let the platform's Query Service run it: for what outgrows this machine.")
@click.option("--as-dataset", metavar="NAME", help="With --remote: keep the result as a new dataset of this name.")
@click.option("--psql", is_flag=True, help="Open your own psql on the Query Service.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def query(
    options: Globals,
    *,
    sql: str | None,
    job_id: str | None,
    folder: Path | None,
    tables: bool,
    to: str | None,
    memory: int | None,
    remote: bool,
    as_dataset: str | None,
    psql: bool,
    yes: bool,
    form: str | None,
) -> int:
    """Run SQL over the downloaded files of an export job.

    Each batch is a table named by its audience, `rows` is all of them; --tables lists both. Structs are reached with
    dots (person.name.firstName), and statements only read. For what does not fit this machine, --remote hands the
    statement to the platform's Query Service, where the table is that of the job's dataset: --remote --job ID says its
    name. Rows do not come back that way, so keep them with --as-dataset NAME, and download them with --to DIR; or ask
    in psql with --psql.
    """
    if remote or psql:
        from tui_app.cli.query_remote import run_psql, run_remote  # noqa: PLC0415 - only who asks there needs it

        if psql:
            return run_psql(options, job_id=job_id)
        return run_remote(options, sql, job_id=job_id, as_dataset=as_dataset, to=to, yes=yes, as_json=form == "json")
    if as_dataset:
        raise click.UsageError("--as-dataset needs --remote.")
    if job_id is None and folder is None:
        raise click.UsageError("Name the downloaded job with --job ID, or its folder with --from DIR.")
    if not sql and not tables:
        raise click.UsageError('Give the SQL, such as "SELECT count(*) FROM rows"; --tables lists what it can name.')
    return run(_query(options, sql or "", job_id=job_id, folder=folder, tables=tables, to=to, memory=memory, form=form))


async def _query(
    options: Globals,
    sql: str,
    *,
    job_id: str | None,
    folder: Path | None,
    tables: bool,
    to: str | None,
    memory: int | None,
    form: str | None,
) -> int:
    from tui_app.engine.insight import Insight, SqlFailureError  # noqa: PLC0415 - pydantic is slow to import

    output, insight = Output(), Insight()
    insight.require()
    insight.memory = memory
    place = await _folder(options, job_id, folder)
    if tables:
        found = await insight.tables(place)
        rows = [(one.name, f"{one.rows:,}", str(one.files), one.audience or "-", one.batch_id or "-") for one in found]
        output.table(("TABLE", "ROWS", "FILES", "AUDIENCE", "BATCH"), rows)
        return Exit.OK
    try:
        result = await insight.run(sql, place)
    except SqlFailureError as error:
        output.narrate(error.shown, lines=True)
        raise
    try:
        await _give(insight, output, result, to=to, form=form)
    finally:
        await result.close()
    return Exit.OK


async def _give(insight: Insight, output: Output, result: Result, *, to: str | None, form: str | None) -> None:
    from tui_app.cli.data_rows import print_rows  # noqa: PLC0415 - as above

    if to is not None:
        written = await insight.export(result, to)
        output.narrate(f"{written:,} rows written to {to}.")
        return
    shown = await print_rows(output, result, form)
    if shown < result.total:
        output.narrate(f"The first {shown:,} of {result.total:,} rows. --to FILE, --csv or --ndjson give all of them.")
    elif not result.total:
        output.narrate("No row.")


async def _folder(options: Globals, job_id: str | None, folder: Path | None) -> Path:
    """Return the folder of downloaded files that is meant; only who names none needs a history to find it.

    Raises:
        FailureError: the job is not downloaded.
    """
    from tui_app.models.failure import Failure, FailureError, FailureKind  # noqa: PLC0415 - only refusals need it

    if folder is not None:
        within = folder / job_id if job_id else folder
        return within if (within / "manifest.json").is_file() else folder
    async with opened_engine(options, offline=True) as engine:
        place = await engine.downloads.past.folder_of(job_id or "")
    if place is None:
        raise FailureError(
            Failure(
                FailureKind.NOT_FOUND,
                f"Export job {job_id} cannot be asked",
                "Its files are not on this machine, as far as this history knows",
                f"Download them: aepx download {job_id} --to DIR. If they are here, name the folder with --from DIR.",
            )
        )
    return place

"""Owns `aepx jobs`: list, show, cancel and watch export jobs; creating them is in `job_create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from tui_app.cli.job_create import clone, create
from tui_app.cli.main import Globals, exit_code, failure_text, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import confirm, doubt, opened_engine, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.engine import Engine
    from tui_app.models.export_job import ExportJob
    from tui_app.models.job_query import JobQuery, JobSummary

_LIMIT: Final = 100
_FORMATS: Final = ("json", "ndjson", "csv")


@click.group(cls=Group)
@global_options
def jobs() -> None:
    """List, show, create, clone, watch and cancel export jobs."""


@jobs.command("list")
@global_options
@click.option(
    "--filter", "text", metavar="TEXT", default="", help="Only jobs with this in id, status, dataset, segment or error."
)
@click.option("--status", "statuses", metavar="STATUS", multiple=True, help="Only jobs in this status; again for more.")
@click.option("--limit", type=click.IntRange(min=1), default=_LIMIT, show_default=True, help="The newest so many.")
@click.option("--all", "everything", is_flag=True, help="All of them, whatever --limit says.")
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(
    options: Globals,
    *,
    text: str,
    statuses: tuple[str, ...],
    limit: int,
    everything: bool,
    offline: bool,
    form: str | None,
) -> None:
    """List export jobs, newest first.

    What is read is kept in the local history.
    """
    from tui_app.models.export_job import STATUSES, UNKNOWN, normal_status  # noqa: PLC0415 - help does without the models
    from tui_app.models.job_query import JobQuery  # noqa: PLC0415 - as above

    words = tuple(dict.fromkeys(normal_status(word) for one in statuses for word in one.split(",")))
    for word in words:
        if word not in {*STATUSES, UNKNOWN}:
            Output().narrate(f"Warning: {word} is no status known here: {', '.join(STATUSES)}.")
    query = JobQuery(text=text.strip(), statuses=words)
    run(_list(options, query, limit=None if everything else limit, offline=offline, form=form))


@jobs.command()
@global_options
@click.argument("job_id", metavar="ID")
@form_options(json="Print the job as one JSON document.", raw="Print what the platform sent.")
@click.pass_obj
def show(options: Globals, *, job_id: str, form: str | None) -> None:
    """Show one export job as it stands now.

    Exit code 1 when the platform does not know it.
    """
    run(_show(options, job_id, form))


@jobs.command()
@global_options
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, an object for each id.")
@click.pass_obj
def cancel(options: Globals, *, job_ids: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Ask the platform to cancel jobs.

    Prints what came of it for each. A job ends some time after it was asked to; `aepx jobs watch` sees it happen.
    """
    return run(_cancel(options, tuple(dict.fromkeys(job_ids)), yes=yes, as_json=as_json))


@jobs.command()
@global_options
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after so long.")
@click.option("--ndjson", is_flag=True, help="Print the whole job, one JSON object a line.")
@click.pass_obj
def watch(options: Globals, *, job_ids: tuple[str, ...], timeout_s: float | None, ndjson: bool) -> int:
    """Print a line whenever a job changes, until all have ended.

    A change is one of the status or the stage. Exit code 0 when all succeeded, 1 when one failed or was cancelled, 3
    when the timeout came first.
    """
    return run(_watch(options, tuple(dict.fromkeys(job_ids)), timeout_s=timeout_s, ndjson=ndjson))


jobs.add_command(create)
jobs.add_command(clone)


async def _list(options: Globals, query: JobQuery, *, limit: int | None, offline: bool, form: str | None) -> None:
    async with opened_engine(options) as engine:
        found, more = await (_known(engine, query, limit) if offline else _read(engine, query, limit))
        await _print_list(engine, found, form)
        if more:
            shown = "newest one is" if len(found) == 1 else f"{len(found)} newest are"
            Output().narrate(f"The {shown} shown; there are more. Say --limit N or --all for them.")
        elif not found and (query.text or query.statuses):
            Output().narrate("No jobs match.")
        elif not found:
            where = "The local history" if offline else f"Sandbox {engine.session.sandbox_name}"
            Output().narrate(f"{where} has no export jobs.")


async def _known(engine: Engine, query: JobQuery, limit: int | None) -> tuple[Sequence[ExportJob], bool]:
    rows = await engine.list.rows(query)
    return await engine.list.jobs(rows[:limit]), limit is not None and len(rows) > limit


async def _read(engine: Engine, query: JobQuery, limit: int | None) -> tuple[Sequence[ExportJob], bool]:
    def tell(read: int, matching: int) -> None:
        Output().narrate(f"{read:,} jobs read, {matching:,} match…")

    found = await engine.reading.newest(query, limit=limit, progress=tell)
    return found.jobs, found.more


async def _print_list(engine: Engine, found: Sequence[ExportJob], form: str | None) -> None:
    from tui_app.clock import now_ms  # noqa: PLC0415 - here the engine is loaded anyway
    from tui_app.engine.export import CSV_COLUMNS, csv_row  # noqa: PLC0415 - as above
    from tui_app.models.normalised import normalised  # noqa: PLC0415 - as above

    output, now = Output(), now_ms(engine.clock)
    if form == "json":
        output.data([normalised(job, now) for job in found])
    elif form == "ndjson":
        for job in found:
            output.ndjson(normalised(job, now))
    elif form == "csv":
        output.csv(CSV_COLUMNS, (csv_row(normalised(job, now)) for job in found))
    elif found:
        await engine.datasets.learn_names()
        summaries = [await engine.list.summary(job.job_id) for job in found]
        _print_table(engine, [one for one in summaries if one is not None])


def _print_table(engine: Engine, rows: Sequence[JobSummary]) -> None:
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above
    from tui_app.present.cells import layout  # noqa: PLC0415 - only tables need cells
    from tui_app.present.jobs import COLUMNS, job_cells  # noqa: PLC0415 - as above

    output, now = Output(), now_ms(engine.clock)
    bare = {"profiles"} if all(one.profiles is None for one in rows) else set()
    columns = [one for one in COLUMNS if one.key not in bare]
    if output.width is not None:
        columns = [one for one, _ in layout(columns, output.width)]
    keys = tuple(one.key for one in columns)
    cells = ([cell.text for cell in job_cells(one, now_ms=now, columns=keys, bar=False)] for one in rows)
    output.table([one.label for one in columns], cells)


async def _show(options: Globals, job_id: str, form: str | None) -> None:
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above
    from tui_app.models.normalised import normalised  # noqa: PLC0415 - as above

    async with opened_engine(options) as engine:
        job = await engine.jobs.refresh(job_id)
        if form == "raw":
            Output().data(job.raw)
        elif form == "json":
            Output().data(normalised(job, now_ms(engine.clock)))
        else:
            await engine.datasets.learn_names()
            await _print_job(engine, job)


async def _print_job(engine: Engine, job: ExportJob) -> None:
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above
    from tui_app.models.stage import stages  # noqa: PLC0415 - only the text form lists them
    from tui_app.present.jobs import summary_lines  # noqa: PLC0415 - as above
    from tui_app.present.times import absolute, duration  # noqa: PLC0415 - as above

    now = now_ms(engine.clock)
    summary = await engine.list.summary(job.job_id)
    rows = [] if summary is None else [(label, cell.text) for label, cell in summary_lines(summary, now_ms=now)]
    rows = [row for row in rows if row[0] != "error"]  # the first only; all of them come below
    policy = job.merge_policy
    if policy is not None:
        rows.append(("merge policy", policy.id if policy.version is None else f"{policy.id} version {policy.version}"))
    rows += [("batch", batch.batch_id) for batch in job.batches]
    for one in stages(job, now):
        if one.state != "pending":
            text = f"{one.name:<6}  {one.state:<7}  {absolute(one.started_ms)}  {duration(one.duration_ms(now))}"
            rows.append(("stage", text))
    for error in job.errors:
        rows.append(("error", " ".join(filter(None, (error.code, error.message)))))
        rows.append(("", error.call_stack))
    output = Output()
    width = max(len(label) for label, _ in rows) if rows else 0
    for label, text in rows:
        if text:
            output.line(f"{label:<{width}}  {text}")


async def _cancel(options: Globals, job_ids: Sequence[str], *, yes: bool, as_json: bool) -> int:
    from tui_app.models.failure import FailureError, FailureKind  # noqa: PLC0415 - help does without the models

    output = Output()
    results: list[dict[str, Any]] = []
    code = Exit.OK
    async with opened_engine(options, changes="The cancel") as engine:
        named = (
            f"export job {job_ids[0]}" if len(job_ids) == 1 else f"{len(job_ids)} export jobs ({', '.join(job_ids)})"
        )
        await confirm(engine, f"Cancel {named}?", yes=yes)
        for job_id in job_ids:
            try:
                # Asked for first: the platform says yes to cancelling a job that has long ended.
                await engine.jobs.refresh(job_id)
                message = await engine.jobs.cancel(job_id)
            except FailureError as error:
                failure = error.failure
                has_ended = failure.kind is FailureKind.BAD_REQUEST
                code = code or (Exit.UNSUCCESSFUL if has_ended else exit_code(failure))
                results.append({"id": job_id, "cancel_requested": False, "message": str(failure)})
                output.narrate(failure_text(failure))
                doubt(engine, failure)
            else:
                results.append({"id": job_id, "cancel_requested": True, "message": message or None})
            if not as_json:
                said = "cancel requested" if results[-1]["cancel_requested"] else "not cancelled"
                output.line(f"{job_id}  {said}")
    if as_json:
        output.data(results)
    return code


async def _watch(options: Globals, job_ids: Sequence[str], *, timeout_s: float | None, ndjson: bool) -> int:
    from tui_app.cli.following import follow, job_line  # noqa: PLC0415 - only what waits needs it
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above
    from tui_app.models.normalised import normalised  # noqa: PLC0415 - as above

    async with opened_engine(options) as engine:

        def tell(job: ExportJob) -> None:
            now = now_ms(engine.clock)
            if ndjson:
                Output().ndjson(normalised(job, now))
            else:
                Output().line(job_line(job, now))

        followed = await follow(engine, job_ids, tell, timeout_s=timeout_s)
    return followed.exit_code

"""Owns `aepx jobs`: show, cancel and watch export jobs; `jobs_list` lists them, `job_create` makes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from tui_app.cli.job_create import clone, create
from tui_app.cli.jobs_list import list_jobs
from tui_app.cli.jobs_sync import sync
from tui_app.cli.main import Globals, exit_code, failure_text, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import confirm, doubt, opened_engine, run, tell_age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.engine import Engine
    from tui_app.models.export_job import ExportJob


@click.group(cls=Group)
@global_options
def jobs() -> None:
    """List, show, create, clone, watch, cancel and sync export jobs."""


@jobs.command()
@global_options
@click.argument("job_id", metavar="ID")
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print the job as one JSON document.", raw="Print what the platform sent.")
@click.pass_obj
def show(options: Globals, *, job_id: str, offline: bool, form: str | None) -> int:
    """Show one export job as it stands now.

    Exit code 1 when the platform does not know it; if the local history does, it is shown as it was last seen.
    """
    return run(_show(options, job_id, offline=offline, form=form))


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


def _require_number(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Refuse nan, which a range lets through because it compares with nothing."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number of seconds.")
    return value


@jobs.command()
@global_options
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0), callback=_require_number, metavar="SECONDS",
    help="Give up after so long.",
)  # fmt: skip
@click.option("--ndjson", is_flag=True, help="Print the whole job, one JSON object a line.")
@click.pass_obj
def watch(options: Globals, *, job_ids: tuple[str, ...], timeout_s: float | None, ndjson: bool) -> int:
    """Print a line whenever a job changes, until all have ended.

    A change is one of the status or the stage. Exit code 0 when all succeeded, 1 when one failed or was cancelled, 3
    when the timeout came first.
    """
    return run(_watch(options, tuple(dict.fromkeys(job_ids)), timeout_s=timeout_s, ndjson=ndjson))


jobs.add_command(list_jobs)
jobs.add_command(create)
jobs.add_command(clone)
jobs.add_command(sync)


async def _show(options: Globals, job_id: str, *, offline: bool, form: str | None) -> int:
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above
    from tui_app.models.normalised import normalised  # noqa: PLC0415 - as above

    async with opened_engine(options, offline=offline) as engine:
        job, code = await (_remembered(engine, job_id) if offline else _asked_for(engine, job_id))
        if job is None:
            return code
        if offline:
            await tell_age(engine)
        if form == "raw":
            Output().data(job.raw)
        elif form == "json":
            names = await engine.datasets.names()
            Output().data(normalised(job, now_ms(engine.clock), dataset_name=names.get(job.dataset_id or "")))
        else:
            if not offline:
                await engine.datasets.learn_names()
            await _print_job(engine, job)
    return code


async def _remembered(engine: Engine, job_id: str) -> tuple[ExportJob | None, int]:
    """Return a job as history has it, and the exit code."""
    job = await engine.list.job(job_id)
    if job is not None:
        return job, Exit.OK
    Output().narrate(
        f"Error: Export job {job_id} is not in the local history of sandbox {engine.session.sandbox_name}. "
        "Check the id, or leave out --offline to ask the platform."
    )
    return None, Exit.UNSUCCESSFUL


async def _asked_for(engine: Engine, job_id: str) -> tuple[ExportJob, int]:
    """Return a job as the platform has it, or as it was last seen if the platform has forgotten it."""
    from tui_app.models.failure import FailureError, FailureKind  # noqa: PLC0415 - help does without the models

    try:
        return await engine.jobs.refresh(job_id), Exit.OK
    except FailureError as error:
        job = await engine.list.job(job_id) if error.failure.kind is FailureKind.NOT_FOUND else None
        if job is None:
            raise
        Output().narrate(failure_text(error.failure), lines=True)
    Output().narrate("It is shown as it was last seen: the local history keeps what the platform forgets.")
    return job, Exit.UNSUCCESSFUL


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
                output.narrate(failure_text(failure), lines=True)
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

"""Owns `aepx jobs create` and `clone`: check, confirm, send once, say what became of it, and wait if asked to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack

import click

from tui_app.cli.job_request import RequestOptions, build_request, request_options
from tui_app.cli.main import Globals, failure_text, global_options
from tui_app.cli.options import Command
from tui_app.cli.output import Exit, Output
from tui_app.cli.request_file import read_request
from tui_app.cli.session import confirm, opened_engine, report, run
from tui_app.cli.templates import template_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_app.engine.engine import Engine
    from tui_app.engine.jobs import Settlement, Submission
    from tui_app.models.curl_text import Pasted
    from tui_app.models.export_job import ExportJob
    from tui_app.models.export_request import ExportRequest

_F = TypeVar("_F", bound="Callable[..., Any]")
_REPEAT_WITHIN_MS: Final = 1_800_000
"""A creation whose answer was lost this recently is taken for the one asked for again, if it asked for the same.

Half an hour, because a job of every hour that asks for `-1h` is not its own repetition.
"""


@dataclass(frozen=True, slots=True)
class _Manner:
    """How to go about a creation."""

    dry_run: bool
    wait: bool
    yes: bool
    as_json: bool


def _manner_options(command: _F) -> _F:
    for option in reversed(
        (
            click.option("--dry-run", is_flag=True, help="Print the body that would be sent, and send nothing."),
            click.option("--wait", is_flag=True, help="Follow the job to its end; exit 1 unless it succeeds."),
            click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
            click.option("--json", "as_json", is_flag=True, help="Print the job as one JSON document."),
        )
    ):
        command = option(command)
    return command


@click.command(cls=Command)
@global_options
@request_options
@click.option(
    "--file",
    "source",
    metavar="FILE",
    help="JSON body or curl command of the create call, - for stdin; options override.",
)
@click.option("--template", metavar="NAME", help="Start from a template; options override.")
@_manner_options
@click.pass_obj
def create(
    options: Globals,
    *,
    source: str | None,
    template: str | None,
    dry_run: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
    **described: Unpack[RequestOptions],
) -> int:
    """Create an export job and print its id.

    TIMEs are RFC 3339, a date, -24h, -7d, now, or yesterday 00:00; what has no offset is local. The job is created
    once, whatever happens on the line: when the answer is lost, aepx looks for the job instead of sending again.
    """
    manner = _Manner(dry_run, wait, yes, as_json)
    base, pasted = _base(options, source, template)
    request = _judged(build_request(described, base), manner)
    if request is None or dry_run:
        return Exit.OK if request else Exit.USAGE
    return run(_create(options, request, manner, pasted))


@click.command(cls=Command)
@global_options
@click.argument("job_id", metavar="ID")
@request_options
@_manner_options
@click.pass_obj
def clone(
    options: Globals,
    *,
    job_id: str,
    dry_run: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
    **described: Unpack[RequestOptions],
) -> int:
    """Create a job like another one.

    The options, those of create, say what is to differ. What the platform does not tell of the other job is named on
    stderr.
    """
    return run(_clone(options, job_id, described, _Manner(dry_run, wait, yes, as_json)))


def _base(options: Globals, source: str | None, template: str | None) -> tuple[ExportRequest | None, Pasted | None]:
    """Return what a file or a template asks for, and the file as it was read.

    Raises:
        click.UsageError: both are given, or what is given cannot be used.
    """
    from tui_app.models.base import MalformedRecord  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.models.export_request import ExportRequest  # noqa: PLC0415 - as above

    if source is not None and template is not None:
        raise click.UsageError("--template and --file exclude each other; choose one.")
    if template is not None:
        return template_request(options, template), None
    if source is None:
        return None, None
    pasted = read_request(source)
    try:
        return ExportRequest.from_body(pasted.body), pasted
    except MalformedRecord as error:
        raise click.UsageError(f"--file {'standard input' if source == '-' else source}: {error}") from None


async def _create(options: Globals, request: ExportRequest, manner: _Manner, pasted: Pasted | None) -> int:
    async with opened_engine(options, changes="The export job") as engine:
        if pasted is not None:
            session = engine.session
            for one in pasted.strangers(org_id=session.connection.org_id, sandbox_name=session.sandbox_name):
                Output().narrate(f"Warning: {one}")
        return await _submit(engine, request, manner)


async def _clone(options: Globals, job_id: str, described: RequestOptions, manner: _Manner) -> int:
    async with opened_engine(options, changes="" if manner.dry_run else "The export job") as engine:
        base, unknown = await engine.jobs.request_of(job_id)
        output = Output()
        if unknown:
            output.narrate(
                f"Export job {job_id}: the platform does not tell what was asked for in {', '.join(unknown)}. "
                "The clone leaves these at their defaults; give them as options if they matter."
            )
        request = _judged(build_request(described, base), manner)
        if request is None or manner.dry_run:
            return Exit.OK if request else Exit.USAGE
        return await _submit(engine, request, manner)


def _judged(request: ExportRequest, manner: _Manner) -> ExportRequest | None:
    """Return a request with its times as they will be sent, None after telling what is wrong with it.

    With `--dry-run` it is printed, and doubts are told here; without, they are told once the platform was asked too.
    """
    from tui_app.clock import SystemClock  # noqa: PLC0415 - as above
    from tui_app.models.request_check import check_request  # noqa: PLC0415 - as above
    from tui_app.models.when import resolved  # noqa: PLC0415 - as above

    now, output = SystemClock().now(), Output()
    ready = resolved(request, now)
    findings = ready.joined(check_request(ready.request, now=now))
    is_faulty = any(one.severity == "error" for one in findings)
    if is_faulty or manner.dry_run:
        report(output, findings)
    if manner.dry_run:
        output.data(ready.request.to_body())
    return None if is_faulty else ready.request


async def _submit(engine: Engine, request: ExportRequest, manner: _Manner) -> int:
    from tui_app.models.failure import FailureError  # noqa: PLC0415 - as above

    output = Output()
    settled = await engine.jobs.settle_open()
    for one in settled:
        output.narrate(_settlement_text(one))
    already = _asked_before(engine, request, settled)
    if already is not None:
        output.narrate("That creation asked for the same as this command, so nothing is created a second time.")
        if already.made is None:
            return Exit.UNAVAILABLE
        output.narrate("Run the command again if another job is meant.")
        return await _finish(engine, already.made, manner)
    with suppress(FailureError):  # what runs already is worth a warning, no more
        await engine.refresh()
    checked = await engine.checks.checked(request)
    report(output, checked.findings)
    if checked.is_refused:
        return Exit.USAGE
    await confirm(engine, _question(request), yes=manner.yes)
    job = await _made(engine, await engine.jobs.submit(checked.request))
    return Exit.UNAVAILABLE if job is None else await _finish(engine, job, manner)


async def _made(engine: Engine, submission: Submission) -> ExportJob | None:
    """Return the job a submission made; None when that cannot be told, and then how to look is said."""
    output = Output()
    if submission.failure is not None:
        output.narrate(failure_text(submission.failure), lines=True)
    if submission.job is not None:
        return submission.job
    if len(submission.candidates) == 1:
        job = submission.candidates[0]
        await engine.jobs.settle(submission.intent_id, job, note="the only job alike, found at once")
        output.narrate(f"Export job {job.job_id} was made since, and is alike: taken for the one asked for.")
        return job
    if submission.candidates:
        ids = ", ".join(job.job_id for job in submission.candidates)
        output.narrate(f"Several jobs may be the one asked for: {ids}. Nothing is sent again.")
    elif submission.searched:
        output.narrate("No such job can be seen; it may still appear. Nothing is sent again.")
    else:
        output.narrate("The newest jobs could not be searched for it either. Nothing is sent again.")
    output.narrate(
        "Look with: aepx jobs list --limit 10. The app and the next jobs create look again before anything is created."
    )
    return None


async def _finish(engine: Engine, job: ExportJob, manner: _Manner) -> int:
    from tui_app.clock import now_ms  # noqa: PLC0415 - here the engine is loaded anyway
    from tui_app.models.normalised import normalised  # noqa: PLC0415 - as above

    output = Output()
    output.narrate(f"Export job {job.job_id} created in sandbox {engine.session.sandbox_name}: {job.status}.")
    if not manner.as_json:
        output.line(job.job_id)
    last, code = job, Exit.OK
    try:
        if manner.wait:
            last, code = await _wait(engine, job)
    finally:
        # Also when the waiting breaks off: a script that loses the id of the job it made cannot find it again.
        if manner.as_json:
            known = await engine.list.job(last.job_id)
            output.data(normalised(known or last, now_ms(engine.clock)))
    return code


async def _wait(engine: Engine, job: ExportJob) -> tuple[ExportJob, Exit]:
    from tui_app.cli.following import follow, job_line  # noqa: PLC0415 - only with --wait
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above

    def tell(changed: ExportJob) -> None:
        Output().narrate(job_line(changed, now_ms(engine.clock)))

    followed = await follow(engine, (job.job_id,), tell)
    return followed.jobs[job.job_id], followed.exit_code


def _question(request: ExportRequest) -> str:
    count = len(request.segments)
    what = f"{count} segment{'s' if count > 1 else ''}" if count else "ALL profiles"
    return f"Create an export job of {what} into dataset {request.dataset_id}?"


def _settlement_text(one: Settlement) -> str:
    from tui_app.models.times import rfc3339  # noqa: PLC0415 - only after a lost answer

    said = f"A creation of {rfc3339(one.opened_ms)} never got its answer"
    if one.made is not None:
        return f"{said}: the platform made export job {one.made.job_id} of it, {one.made.status}."
    if not one.candidates:
        return f"{said}: no job was made of it."
    ids = ", ".join(job.job_id for job in one.candidates)
    return f"{said}, and several jobs may be its outcome: {ids}. Look at them with: aepx jobs show ID"


def _asked_before(engine: Engine, request: ExportRequest, settled: tuple[Settlement, ...]) -> Settlement | None:
    """Return the recent creation of the same body that did, or may have, made a job: it must not be made twice."""
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above

    now = now_ms(engine.clock)
    recent = (one for one in settled if one.candidates and now - one.opened_ms <= _REPEAT_WITHIN_MS)
    return next((one for one in recent if one.asked_for(request, at_ms=now)), None)

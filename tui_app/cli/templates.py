"""Owns `aepx templates`: list, show, save and delete named export requests, and the one a job starts from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NoReturn

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.request_file import read_request
from tui_app.clock import SystemClock
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui_app.config.templates import Template, TemplateEntry, TemplateError, Templates
    from tui_app.models.export_request import ExportRequest
    from tui_app.models.failure import Finding
    from tui_app.models.template import Filled

_TOLD_MOST: Final = 20


@click.group(cls=Group)
@global_options
def templates() -> None:
    """List, show, save and delete templates of export jobs.

    A template is a TOML file beside the configuration. It holds the body of the create call, in which {today},
    {yesterday}, {now}, and lengths of time ago such as {-7d} and {-24h} are filled in when it is used.
    """


@templates.command()
@global_options
@click.pass_obj
def path(options: Globals) -> None:
    """Print the folder of the templates.

    It need not exist.
    """
    Output().line(str(_templates(options).folder))


@templates.command("list")
@global_options
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, form: str | None) -> None:
    """List the templates.

    One that cannot be used is listed with what is wrong with it.
    """
    found = _checked(_templates(options))
    output = Output()
    values = [_value(one) for one in found]
    if form == "json":
        output.data(values)
    elif form == "ndjson":
        for value in values:
            output.ndjson(value)
    elif form == "csv":
        columns = ("name", "description", "fault", "path")
        output.csv(columns, ([value[key] for key in columns] for value in values))
    else:
        rows = [(one.name, f"cannot be used: {one.fault}" if one.fault else one.description or "-") for one in found]
        output.table(("NAME", "DESCRIPTION"), rows)
        if not found:
            output.narrate("There are no templates. Save one with: aepx templates save NAME --file FILE")


@templates.command()
@global_options
@click.argument("name")
@form_options(json="Print the body that would be sent now, as one JSON document.")
@click.pass_obj
def show(options: Globals, *, name: str, form: str | None) -> int:
    """Print a template as it is kept.

    Exit code 2 when it cannot be used, with what is wrong on stderr.
    """
    template = _read(options, name)
    filled = _filled(template)
    if form == "json":
        if filled.request is not None:
            Output().data(filled.request.to_body())
    else:
        Output().write(safe_text(template.text, lines=True).rstrip("\n") + "\n")
    return Exit.OK if filled.request is not None else Exit.USAGE


@templates.command()
@global_options
@click.argument("name")
@click.option("--file", "source", metavar="FILE", required=True, help="JSON body or curl command, - for stdin.")
@click.option("--description", default="", help="What it is for; one line.")
@click.option("--replace", is_flag=True, help="Replace the template of that name.")
@click.pass_obj
def save(options: Globals, *, name: str, source: str, description: str, replace: bool) -> None:
    """Save the body of a create call as a template, and print its path.

    Placeholders in it stay placeholders; any other brace stays a brace. Secrets of a curl command are left out.
    """
    from tui_app.config.templates import NameTakenError, TemplateError  # noqa: PLC0415 - help and completion do without
    from tui_app.models.base import MalformedRecord  # noqa: PLC0415 - pydantic is slow to import
    from tui_app.models.export_request import ExportRequest  # noqa: PLC0415 - as above
    from tui_app.models.template import as_template, fill  # noqa: PLC0415 - as above

    body = read_request(source).body
    try:
        kept = as_template(ExportRequest.from_body(body).to_body())
    except MalformedRecord as error:
        raise click.UsageError(f"--file {'standard input' if source == '-' else source}: {error}") from None
    try:
        entry = _templates(options).save(name, kept, description=description, replace=replace)
    except NameTakenError as error:
        raise click.UsageError(f"{error.what}: {error.cause} Choose another name, or add --replace.") from None
    except TemplateError as error:
        _refuse(error)
    output = Output()
    _tell(fill(kept, now=_now()).findings, lambda _: "")
    output.line(str(entry.path))
    output.narrate(f"Saved. Create a job from it with: aepx jobs create --template {entry.name!r}")


@templates.command()
@global_options
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def delete(options: Globals, *, name: str, yes: bool) -> int:
    """Delete a template.

    Where nobody can be asked it takes --yes.
    """
    from tui_app.config.templates import TemplateError  # noqa: PLC0415 - help and completion do without

    found = _templates(options)
    output = Output()
    try:
        entry = found.find(name)
        if not yes and not output.interactive:
            raise click.UsageError("A deleted template cannot be had back. Add --yes to delete it.")
        if not yes and not output.ask(f"Delete template {safe_text(entry.name)!r} ({entry.path})?"):
            output.narrate("Nothing was deleted.")
            return Exit.UNSUCCESSFUL
        found.delete(entry.name)
    except TemplateError as error:
        _refuse(error)
    output.narrate(f"Template {entry.name!r} deleted.")
    return Exit.OK


def template_request(options: Globals, name: str) -> ExportRequest:
    """Return the request that a template stands for now; unknown keys are warned of on stderr.

    Raises:
        click.UsageError: there is none of that name, or it cannot be used; the message names file, line and key.
    """
    request = _filled(_read(options, name)).request
    if request is None:
        raise click.UsageError(f"Template {name!r} cannot be used. Correct it, or see: aepx templates list")
    return request


def _templates(options: Globals) -> Templates:
    from tui_app.config import config_path  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.config.templates import Templates  # noqa: PLC0415 - as above

    return Templates.beside(config_path(options.flags(), os.environ)[0])


def _checked(found: Templates) -> list[TemplateEntry]:
    from tui_app.config.templates import TemplateError  # noqa: PLC0415 - as above
    from tui_app.models.template import with_fault  # noqa: PLC0415 - as above

    now = _now()
    try:
        return [with_fault(entry, now=now) for entry in found.names()]
    except TemplateError as error:
        _refuse(error)


def _read(options: Globals, name: str) -> Template:
    from tui_app.config.templates import TemplateError  # noqa: PLC0415 - as above

    try:
        return _templates(options).read(name)
    except TemplateError as error:
        _refuse(error)


def _filled(template: Template) -> Filled:
    """Return a template as it is now, having told of what is wrong or doubtful in it."""
    from tui_app.models.template import fill  # noqa: PLC0415 - as above

    filled = fill(template.body, now=_now())
    _tell(filled.findings, lambda field: f"{template.where(field)}: ")
    return filled


def _now() -> datetime:
    return SystemClock().now()


def _value(one: TemplateEntry) -> dict[str, str | None]:
    return {
        "name": one.name,
        "description": one.description or None,
        "fault": one.fault or None,
        "path": str(one.path),
    }


def _tell(findings: Sequence[Finding], where: Callable[[str], str]) -> None:
    """Tell of findings on stderr, the first of many."""
    output = Output()
    for one in findings[:_TOLD_MOST]:
        place = where(one.field)
        output.narrate(f"{one.severity.capitalize()}: {place}{one.field} {one.cause} {one.remedy}")
    if len(findings) > _TOLD_MOST:
        output.narrate(f"And {len(findings) - _TOLD_MOST:,} more.")


def _refuse(error: TemplateError) -> NoReturn:
    raise click.UsageError(str(error)) from None

"""Owns `aepx datasets`: list, show and create datasets of the Catalog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Exit, Output
from tui_app.cli.request_file import read_request
from tui_app.cli.session import confirm, opened_engine, report, run
from tui_app.text import shortened

if TYPE_CHECKING:
    from tui_app.engine.engine import Engine
    from tui_app.models.catalog import Dataset, DatasetRequest


@dataclass(frozen=True, slots=True)
class _Described:
    """The options of a new dataset; None and () mean not given."""

    name: str | None
    description: str | None
    schema_id: str | None
    content_type: str | None
    aspect: str | None
    tag: tuple[str, ...]
    persisted: bool | None


_DATASETS = "/data/foundation/catalog/dataSets"


@click.group(cls=Group)
@global_options
def datasets() -> None:
    """List, show and create datasets."""


@datasets.command("list")
@global_options
@click.option("--union-only", is_flag=True, help="Only those on the profile union schema, which can take an export.")
@click.option("--limit", type=click.IntRange(min=1), help="Ask for so many; the default is all.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, union_only: bool, limit: int | None, form: str | None) -> None:
    """List the datasets of the sandbox."""
    run(_list(options, union_only=union_only, limit=limit, form=form))


@datasets.command()
@global_options
@click.argument("dataset_id", metavar="ID")
@form_options(json="Print the dataset as one JSON document.", raw="Print what the platform sent.")
@click.pass_obj
def show(options: Globals, *, dataset_id: str, form: str | None) -> None:
    """Show one dataset.

    Exit code 1 when the platform does not know it.
    """
    run(_show(options, dataset_id, form))


@datasets.command()
@global_options
@click.option("--name", help="Name of the dataset.")
@click.option("--description", help="What it is for.")
@click.option("--schema-id", metavar="URI", help="Schema; the default is the profile union schema.")
@click.option("--content-type", metavar="TYPE", help="Content type of the schema reference.")
@click.option("--aspect", help='Aspect; the default is production, "" for none.')
@click.option("--tag", metavar="NAME=VALUE", multiple=True, help="Tag; again for more, also for more values of one.")
@click.option("--persisted/--no-persisted", default=None, help="Whether the data are kept; the default is yes.")
@click.option("--file", "source", metavar="FILE", help="JSON body of the create call, - for stdin; options override.")
@click.option("--dry-run", is_flag=True, help="Print the body that would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help='Print {"dataset_id": …}.')
@click.pass_obj
def create(
    options: Globals, /, *, source: str | None, dry_run: bool, yes: bool, as_json: bool, **described: Any
) -> int:
    """Create a dataset that exports can be written to, and print its id."""
    request = _request(_Described(**described), source)
    output = Output()
    is_faulty = report(output, request.check())
    if dry_run:
        output.data(request.to_body())
    if is_faulty or dry_run:
        return Exit.USAGE if is_faulty else Exit.OK
    run(_create(options, request, yes=yes, as_json=as_json))
    return Exit.OK


async def _list(options: Globals, *, union_only: bool, limit: int | None, form: str | None) -> None:
    from tui_app.models.normalised import normalised_dataset  # noqa: PLC0415 - pydantic is slow to import

    async with opened_engine(options) as engine:
        found = [one for one in await engine.datasets.list(limit=limit) if one.is_union or not union_only]
        sandbox_name = engine.session.sandbox_name
    output = Output()
    values = [normalised_dataset(one) for one in found]
    if form == "json":
        output.data(values)
    elif form == "ndjson":
        for value in values:
            output.ndjson(value)
    elif form == "csv":
        columns = ("id", "name", "profile_union", "created_at", "table_name", "description")
        output.csv(columns, ([value[key] for key in columns] for value in values))
    else:
        output.table(("ID", "NAME", "UNION", "CREATED", "TABLE"), [_row(one) for one in found])
        if not found:
            kind = "dataset on the profile union schema" if union_only else "dataset"
            output.narrate(f"Sandbox {sandbox_name} has no {kind}. Create one with: aepx datasets create --name NAME")


def _row(one: Dataset) -> tuple[str, ...]:
    from tui_app.present.times import absolute  # noqa: PLC0415 - only tables need it

    union = "yes" if one.is_union else "no"
    return one.dataset_id, one.name or "-", union, absolute(one.created_ms), one.table_name or "-"


async def _show(options: Globals, dataset_id: str, form: str | None) -> None:
    from tui_app.models.normalised import normalised_dataset  # noqa: PLC0415 - as above

    async with opened_engine(options) as engine:
        dataset = await engine.datasets.get(dataset_id)
    output = Output()
    if form == "raw":
        output.data(dataset.raw)
        return
    value = normalised_dataset(dataset)
    if form == "json":
        output.data(value)
        return
    value["tags"] = "; ".join(f"{name}={', '.join(values)}" for name, values in dataset.tags.items()) or None
    value["profile_union"] = "yes, exports can be written to it" if dataset.is_union else "no, exports to it fail"
    width = max(map(len, value))
    for key, text in value.items():
        if text is not None:
            output.line(f"{key.replace('_', ' '):<{width}}  {text}")


async def _create(options: Globals, request: DatasetRequest, *, yes: bool, as_json: bool) -> None:
    async with opened_engine(options, changes="The dataset") as engine:
        await _tell_of_namesakes(engine, request.name)
        await confirm(engine, f"Create dataset {request.name!r}?", yes=yes)
        dataset_id = await engine.datasets.create(request)
        sandbox_name = engine.session.sandbox_name
    output = Output()
    if as_json:
        output.data({"dataset_id": dataset_id})
    else:
        output.line(dataset_id)
    output.narrate(f"Dataset {shortened(request.name)!r} created in sandbox {sandbox_name}.")


async def _tell_of_namesakes(engine: Engine, name: str) -> None:
    from tui_app.present.times import absolute  # noqa: PLC0415 - only this command and tables need it

    for one in await engine.datasets.named(name):
        Output().narrate(
            f"Warning: a dataset of this name exists: {one.dataset_id}, created {absolute(one.created_ms)}."
        )


def _request(given: _Described, source: str | None) -> DatasetRequest:
    from tui_app.models.base import MalformedRecord  # noqa: PLC0415 - as above
    from tui_app.models.catalog import DatasetRequest  # noqa: PLC0415 - as above

    try:
        base = (
            DatasetRequest(name="")
            if source is None
            else DatasetRequest.from_body(read_request(source, path=_DATASETS).body)
        )
    except MalformedRecord as error:
        raise click.UsageError(f"--file {'standard input' if source == '-' else source}: {error}") from None
    plain: dict[str, Any] = {
        "name": given.name,
        "description": given.description,
        "schema_id": given.schema_id,
        "content_type": given.content_type,
        "aspect": given.aspect,
        "persisted": given.persisted,
        "tags": _tags(given.tag, base.tags) if given.tag else None,
    }
    return replace(base, **{name: value for name, value in plain.items() if value is not None})


def _tags(given: tuple[str, ...], base: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is no tag. Write it like team=loyalty.", param_hint="--tag")
        found[name] = (*found.get(name, ()), value)
    return {**base, **found}

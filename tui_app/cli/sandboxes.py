"""Owns `aepx sandboxes`: the sandboxes that the credential may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_app.cli.main import Globals, global_options, open_configuration
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Output
from tui_app.cli.session import opened_workspaces, run

if TYPE_CHECKING:
    from tui_app.models.catalog import Sandbox


@click.group(cls=Group)
@global_options
def sandboxes() -> None:
    """List the sandboxes of the organization."""


@sandboxes.command("list")
@global_options
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, form: str | None) -> None:
    """List the sandboxes that the credential may use.

    None needs to be chosen for this.
    """
    from tui_app.models.normalised import normalised_sandbox  # noqa: PLC0415 - pydantic is slow to import

    found = run(_fetch(options))
    output = Output()
    values = [normalised_sandbox(one) for one in found]
    columns = ("name", "title", "type", "state", "default", "region")
    if form == "json":
        output.data(values)
    elif form == "ndjson":
        for value in values:
            output.ndjson(value)
    elif form == "csv":
        output.csv(columns, ([value[key] for key in columns] for value in values))
    else:
        rows = [
            (one.name, one.title, one.type, one.state, "yes" if one.is_default else "", one.region) for one in found
        ]
        output.table([name.upper() for name in columns], rows)
    if not found:
        output.narrate(
            "This credential may use no sandbox. Ask an administrator to add its technical account to a role with "
            "access to one."
        )


async def _fetch(options: Globals) -> tuple[Sandbox, ...]:
    from tui_app.config import choose_connection  # noqa: PLC0415 - as above

    loaded = open_configuration(options)
    async with opened_workspaces(options, loaded) as spaces:
        name = spaces.connections[0] if options.demo else choose_connection(loaded).name
        return await spaces.sandboxes(name)

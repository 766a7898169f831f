"""Owns `aepx sandboxes`: the sandboxes that the credential may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_app.cli.lookups import Listing, read, show
from tui_app.cli.main import Globals, global_options, open_configuration
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Output
from tui_app.cli.session import opened_workspaces, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.engine import Engine
    from tui_app.models.catalog import Sandbox

_COLUMNS = ("name", "title", "type", "state", "default", "region")


@click.group(cls=Group)
@global_options
def sandboxes() -> None:
    """List the sandboxes of the organization."""


@sandboxes.command("list")
@global_options
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, offline: bool, form: str | None) -> None:
    """List the sandboxes that the credential may use.

    None needs to be chosen for this; where one is, its history keeps the list for --offline.
    """
    from tui_app.models.normalised import normalised_sandbox  # noqa: PLC0415 - pydantic is slow to import

    found = run(_found(options, offline=offline))
    listing = Listing(
        normalised=normalised_sandbox, columns=_COLUMNS, head=[name.upper() for name in _COLUMNS], row=_row
    )
    show(listing, found, form=form)
    if not found and not offline:
        Output().narrate(
            "This credential may use no sandbox. Ask an administrator to add its technical account to a role with "
            "access to one."
        )


async def _found(options: Globals, *, offline: bool) -> Sequence[Sandbox]:
    from tui_app.config import choose_connection  # noqa: PLC0415 - as above

    loaded = open_configuration(options)
    if offline or not (options.demo or choose_connection(loaded).sandbox is None):
        known, _ = await read(
            options, lambda engine: engine.lookups.sandboxes, "sandboxes", offline=offline, looked_at=_doubt
        )
        return known.items
    async with opened_workspaces(options, loaded) as spaces:
        name = spaces.connections[0] if options.demo else choose_connection(loaded).name
        return await spaces.sandboxes(name)


def _doubt(engine: Engine, found: Sequence[Sandbox]) -> None:
    """Begin no history for a sandbox that is not there: its name may be mistyped."""
    if engine.session.sandbox_name not in {one.name for one in found}:
        engine.drop_new_history()


def _row(one: Sandbox) -> tuple[object, ...]:
    return one.name, one.title, one.type, one.state, "yes" if one.is_default else "", one.region

"""Owns `aepx fields`: the fields of profiles and events, as an export names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_app.cli.lookups import Listing, read, show
from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Output
from tui_app.cli.session import run

if TYPE_CHECKING:
    from tui_app.models.field_paths import FieldPath


@click.group(cls=Group)
@global_options
def fields() -> None:
    """List the fields of profiles and events."""


@fields.command("list")
@global_options
@click.option("--events", is_flag=True, help="The fields of events; without it, those of profiles.")
@click.option("--search", metavar="TEXT", default="", help="Only those with every word of TEXT in path or title.")
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, events: bool, search: str, offline: bool, form: str | None) -> None:
    """List the fields of the union schema, in the order of its tree.

    A path is what jobs create --fields and --events take. One of type object is a branch: it stands for all fields
    below it.
    """
    run(_list(options, events=events, search=search, offline=offline, form=form))


async def _list(options: Globals, *, events: bool, search: str, offline: bool, form: str | None) -> None:
    from tui_app.models.normalised import normalised_field  # noqa: PLC0415 - pydantic is slow to import

    things = f"fields of {'events' if events else 'profiles'}"
    known, sandbox_name = await read(
        options,
        lambda engine: engine.lookups.event_fields if events else engine.lookups.profile_fields,
        things,
        offline=offline,
    )
    words = search.casefold().split()
    found = [one for one in known.items if all(word in f"{one.path} {one.title}".casefold() for word in words)]
    listing = Listing(
        normalised=normalised_field,
        columns=("path", "type", "array", "branch", "title", "description"),
        head=("PATH", "TYPE", "TITLE"),
        row=_row,
    )
    show(listing, found, form=form)
    if known.items and not found:
        Output().narrate(f"None of {len(known.items):,} {things} has {search!r} in path or title.")
    elif not known.items and not offline:
        Output().narrate(f"Sandbox {sandbox_name} has no union schema with {things}.")


def _row(one: FieldPath) -> tuple[object, ...]:
    told = one.type or "-"
    return one.path, f"{told}[]" if one.is_array else told, one.title or "-"

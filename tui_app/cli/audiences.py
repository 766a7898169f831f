"""Owns `aepx audiences`: the audiences that an export can be limited to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_app.cli.lookups import Listing, read, show
from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Output
from tui_app.cli.session import run

if TYPE_CHECKING:
    from tui_app.models.audience import Audience


@click.group(cls=Group)
@global_options
def audiences() -> None:
    """List the audiences of the sandbox."""


@audiences.command("list")
@global_options
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, offline: bool, form: str | None) -> None:
    """List the audiences of the sandbox, by name.

    SEGMENT is what jobs create --segment takes. Segment definitions stand in where audiences may not be read.
    """
    run(_list(options, offline=offline, form=form))


async def _list(options: Globals, *, offline: bool, form: str | None) -> None:
    from tui_app.models.normalised import normalised_audience  # noqa: PLC0415 - pydantic is slow to import

    found, sandbox_name = await read(options, lambda engine: engine.lookups.audiences, "audiences", offline=offline)
    listing = Listing(
        normalised=normalised_audience,
        columns=(
            "id",
            "name",
            "segment_id",
            "segment_ns",
            "namespace",
            "origin",
            "lifecycle",
            "evaluation",
            "merge_policy_id",
            "profiles",
            "updated_at",
            "description",
        ),
        head=("SEGMENT", "NAME", "STATE", "EVALUATION", "PROFILES", "MERGE POLICY", "UPDATED"),
        row=_row,
    )
    show(listing, found.items, form=form)
    if not found.items and not offline:
        Output().narrate(f"Sandbox {sandbox_name} has no audience.")


def _row(one: Audience) -> tuple[object, ...]:
    from tui_app.present.times import absolute  # noqa: PLC0415 - only tables need it

    segment = one.segment_id if one.is_platform else f"{one.segment_id}:{one.segment_ns}"
    profiles = "-" if one.profiles is None else f"{one.profiles:,}"
    return (
        segment,
        one.name or "-",
        one.lifecycle or "-",
        "+".join(one.evaluation) or "-",
        profiles,
        one.merge_policy_id or "-",
        absolute(one.updated_ms),
    )

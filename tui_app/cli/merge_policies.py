"""Owns `aepx merge-policies`: the policies that decide whose value of an attribute an export has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_app.cli.lookups import Listing, read, show
from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group, form_options
from tui_app.cli.output import Output
from tui_app.cli.session import run

if TYPE_CHECKING:
    from tui_app.models.merge_policy import MergePolicy


@click.group(cls=Group)
@global_options
def merge_policies() -> None:
    """List the merge policies of the sandbox."""


@merge_policies.command("list")
@global_options
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.pass_obj
def list_(options: Globals, *, offline: bool, form: str | None) -> None:
    """List the merge policies of the sandbox, by name.

    With dataSetPrecedence, datasets that the policy does not name are left out of what is exported.
    """
    run(_list(options, offline=offline, form=form))


async def _list(options: Globals, *, offline: bool, form: str | None) -> None:
    from tui_app.models.normalised import normalised_merge_policy  # noqa: PLC0415 - pydantic is slow to import

    found, sandbox_name = await read(
        options, lambda engine: engine.lookups.merge_policies, "merge policies", offline=offline
    )
    listing = Listing(
        normalised=normalised_merge_policy,
        columns=(
            "id",
            "name",
            "version",
            "default",
            "attribute_merge",
            "identity_graph",
            "dataset_order",
            "schema",
            "updated_at",
        ),
        head=("ID", "NAME", "VERSION", "DEFAULT", "MERGE", "GRAPH", "DATASETS"),
        row=_row,
    )
    show(listing, found.items, form=form)
    if not found.items and not offline:
        Output().narrate(f"Sandbox {sandbox_name} has no merge policy.")


def _row(one: MergePolicy) -> tuple[object, ...]:
    return (
        one.policy_id,
        one.name or "-",
        "-" if one.version is None else one.version,
        "yes" if one.is_default else "",
        one.attribute_merge or "-",
        one.identity_graph or "-",
        len(one.dataset_order) if one.is_by_dataset else "all",
    )

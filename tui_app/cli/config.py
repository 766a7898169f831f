"""Owns `aepx config`: where the configuration is, what is in force, what is wrong with it, how to start one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.output import Exit, Output
from tui_app.config import (
    ConfigFault,
    Loaded,
    config_path,
    entries,
    load,
    secret_faults,
    write_example,
)

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
@global_options
def config() -> None:
    """Show, check and start the configuration."""


@config.command()
@global_options
@click.pass_obj
def path(options: Globals) -> None:
    """Print the path of the configuration file, whether it exists or not."""
    Output().line(str(_path(options)))


@config.command()
@global_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(options: Globals, *, as_json: bool) -> None:
    """Print every value in force and where it came from; secrets are masked."""
    loaded = load(options.flags())
    output = Output()
    if as_json:
        output.data(_document(loaded))
    else:
        rows = [(entry.key, _shown(entry.value), str(entry.origin)) for entry in entries(loaded)]
        output.table(("KEY", "VALUE", "ORIGIN"), rows)
    if loaded.faults:
        output.narrate(f"{_count(len(loaded.faults))}. See: aepx config check")


@config.command()
@global_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def check(options: Globals, *, as_json: bool) -> int:
    """Report every fault with its place and remedy; exit code 2 when there is one."""
    loaded = load(options.flags())
    faults = (*loaded.faults, *secret_faults(loaded, os.environ))
    output = Output()
    if as_json:
        output.data([_fault_document(fault) for fault in faults])
    else:
        for fault in faults:
            output.line(str(fault))
    if faults:
        output.narrate(f"{_count(len(faults))}.")
        return Exit.USAGE
    output.narrate(_all_well(loaded))
    return Exit.OK


@config.command()
@global_options
@click.pass_obj
def init(options: Globals) -> None:
    """Write a commented configuration file; an existing one is never changed."""
    target = _path(options)
    write_example(target)
    output = Output()
    output.line(str(target))
    output.narrate("Written. Uncomment and fill in a connection, then run: aepx config check")


def _path(options: Globals) -> Path:
    return config_path(options.flags(), os.environ)[0]


def _document(loaded: Loaded) -> dict[str, object]:
    return {
        "path": str(loaded.path),
        "exists": loaded.exists,
        "values": {
            entry.key: {"value": entry.value, "origin": entry.origin.kind, "detail": entry.origin.detail or None}
            for entry in entries(loaded)
        },
    }


def _fault_document(fault: ConfigFault) -> dict[str, object]:
    return {
        "where": fault.where,
        "line": fault.line,
        "key": fault.key or None,
        "severity": fault.severity,
        "cause": fault.cause,
        "remedy": fault.remedy,
    }


def _shown(value: str | float | bool | None) -> str:  # noqa: FBT001 - a value to print, not a switch
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _count(number: int) -> str:
    return f"{number} fault" if number == 1 else f"{number} faults"


def _all_well(loaded: Loaded) -> str:
    name = loaded.settings.default_connection
    if name is not None:
        return f"No faults. Connection in force: {name}."
    if loaded.settings.connections:
        return "No faults. No connection is in force; choose one with --connection."
    how = f"Uncomment one in {loaded.path}" if loaded.exists else "Start a file with: aepx config init"
    return f"No faults, but no connection either. {how}"

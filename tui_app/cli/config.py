"""Owns `aepx config`: where the configuration is, what is in force, what is wrong with it, how to start one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Group
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
from tui_app.config.lines import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@click.group(cls=Group)
@global_options
def config() -> None:
    """Show, check and start the configuration."""


@config.command()
@global_options
@click.pass_obj
def path(options: Globals) -> None:
    """Print the path of the configuration file.

    It need not exist.
    """
    Output().line(str(_path(options)))


@config.command()
@global_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(options: Globals, *, as_json: bool) -> None:
    """Print every value in force and where it came from.

    Secrets are masked.
    """
    loaded = load(options.flags())
    output = Output()
    if as_json:
        output.data(_document(loaded))
    else:
        rows = [(entry.key, _shown(entry.value), str(entry.origin)) for entry in entries(loaded)]
        output.table(("KEY", "VALUE", "ORIGIN"), rows)
    if loaded.faults:
        output.narrate(f"{_count(loaded.faults)}. See: aepx config check")


@config.command()
@global_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def check(options: Globals, *, as_json: bool) -> int:
    """Report every fault with its place and remedy.

    Exit code 2 when there is one.
    """
    loaded = load(options.flags())
    faults = (*loaded.faults, *_key_faults(loaded), *secret_faults(loaded, os.environ))
    output = Output()
    if as_json:
        output.data([_fault_document(fault) for fault in faults])
    else:
        for fault in faults:
            output.line(str(fault))
    if faults:
        output.narrate(f"{_count(faults)}.")
        return Exit.USAGE
    output.narrate(_all_well(loaded))
    return Exit.OK


@config.command()
@global_options
@click.pass_obj
def init(options: Globals) -> None:
    """Write a commented configuration file.

    An existing one is never changed.
    """
    target = _path(options)
    write_example(target)
    output = Output()
    output.line(str(target))
    output.narrate("Written. Uncomment and fill in a connection, then run: aepx config check")


def _path(options: Globals) -> Path:
    return config_path(options.flags(), os.environ)[0]


def _key_faults(loaded: Loaded) -> Iterator[ConfigFault]:
    """Judge the table of keys, which takes the registry of commands: the configuration itself knows none."""
    from tui_app.tui.commands import effective_keymap  # noqa: PLC0415 - only here

    for fault in effective_keymap(loaded.settings.keys).faults:
        path = ("keys", fault.command_id)
        line = loaded.origins[dotted(path)].detail.rpartition(":")[2]
        yield ConfigFault(
            str(loaded.path),
            int(line) if line.isdecimal() else None,
            dotted(path),
            fault.cause,
            fault.remedy,
            "error" if fault.ignored else "warning",
            path,
        )


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


def _count(faults: Sequence[ConfigFault]) -> str:
    counts = [(word, sum(fault.severity == word for fault in faults)) for word in ("error", "warning")]
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for word, number in counts if number)


def _all_well(loaded: Loaded) -> str:
    name = loaded.settings.default_connection
    if name is not None:
        return f"No faults. Connection in force: {name}."
    if loaded.settings.connections:
        return "No faults. No connection is in force; choose one with --connection."
    how = f"Uncomment one in {loaded.path}" if loaded.exists else "Start a file with: aepx config init"
    return f"No faults, but no connection either. {how}"

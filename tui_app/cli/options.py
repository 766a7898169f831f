"""Owns what the help and the options of every command have in common: sections, and forms that exclude each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_F = TypeVar("_F", bound=Callable[..., Any])
_FORM = "form"


class GlobalOption(click.Option):
    """An option that every command takes."""


class Command(click.Command):
    """A command whose help shows its own options first and the global ones in a section after them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections below the description."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                (common if isinstance(parameter, GlobalOption) else own).append(record)
        _write_section(formatter, "Options", own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        _write_section(formatter, "Global options", common)


class Group(Command, click.Group):
    """A group of such commands."""

    command_class = Command


def form_options(**helps: str) -> Callable[[_F], _F]:
    """Let a command print in one of several forms: `--json` and the like, each with its help.

    The function gets the name of the form asked for as `form`, None for the text that people read.
    """

    def add(command: _F) -> _F:
        for name, text in reversed(helps.items()):
            command = click.option(
                f"--{name}", f"{_FORM}_{name}", is_flag=True, expose_value=False, callback=_choose_form, help=text
            )(command)
        return command

    return add


def _choose_form(ctx: click.Context, option: click.Parameter, given: Any) -> None:
    chosen = ctx.params.setdefault(_FORM, None)
    if not given:
        return
    name = (option.name or "").removeprefix(f"{_FORM}_")
    if chosen is not None:
        raise click.UsageError(f"--{chosen} and --{name} exclude each other; choose one.", ctx)
    ctx.params[_FORM] = name


def _write_section(formatter: click.HelpFormatter, title: str, records: Sequence[tuple[str, str]]) -> None:
    if records:
        with formatter.section(title):
            formatter.write_dl(records)

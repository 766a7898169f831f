"""Owns the `aepx` command: global options, finding the subcommand, and turning every error into an exit code.

A subcommand's module is imported only when it is used, which keeps `aepx --version` and completion quick.

Shell completion comes with click. Add to ~/.bashrc (or the like for zsh and fish):
    eval "$(_AEPX_COMPLETE=bash_source aepx)"
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui_app import __version__
from tui_app.cli.options import GlobalOption, Group
from tui_app.cli.output import (
    Exit,
    Output,
    OutputClosedError,
    OutputError,
    abandon_stdout,
    prepare_streams,
)
from tui_app.text import safe_text

if TYPE_CHECKING:
    from tui_app.config import Loaded
    from tui_app.models.failure import Failure

PROGRAM = "aepx"
APP = "tui_app.cli.app:run"
COMMANDS: Mapping[str, tuple[str, str]] = {
    "jobs": ("tui_app.cli.jobs:jobs", "List, show, create, clone, watch, cancel and sync jobs."),
    "datasets": ("tui_app.cli.datasets:datasets", "List, show and create datasets."),
    "batches": ("tui_app.cli.batches:batches", "Show the batches of an export job, and their files."),
    "download": ("tui_app.cli.download:download", "Download the files of an export job or a batch."),
    "preview": ("tui_app.cli.preview:preview", "Show the first rows of an export job or of a parquet file."),
    "query": ("tui_app.cli.query:query", "Run SQL over downloaded files, or on the platform."),
    "audiences": ("tui_app.cli.audiences:audiences", "List the audiences that an export can be limited to."),
    "merge-policies": ("tui_app.cli.merge_policies:merge_policies", "List the merge policies."),
    "fields": ("tui_app.cli.fields:fields", "List the fields of profiles and events."),
    "templates": ("tui_app.cli.templates:templates", "List, show, save and delete templates of export jobs."),
    "sandboxes": ("tui_app.cli.sandboxes:sandboxes", "List the sandboxes of the organization."),
    "config": ("tui_app.cli.config:config", "Show, check and start the configuration."),
    "doctor": ("tui_app.cli.doctor:doctor", "Check the connection, step by step, and say what to fix."),
    "demo": ("tui_app.cli.emulator:demo", "Run the app on an embedded platform; no account needed."),
    "emulator": ("tui_app.cli.emulator:emulator", "Serve the embedded platform to other programs."),
}

COLLECTING = (50_000, 20, 20)
"""How many new objects each generation of the garbage collection waits for."""
_COMPLETION = "_AEPX_COMPLETE"
_SECRET_VARIABLES = ("AEPX_CLIENT_SECRET", "AEPX_ACCESS_TOKEN")
_EPILOG = (
    "Exit codes: 0 done; 1 the job ended unsuccessfully or an id matched nothing; 2 usage or configuration; "
    "3 network or service unavailable; 4 refused; 70 a defect in aepx; 130 interrupted."
)
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Globals:
    """The global options as given; None and False mean not given. It is the `obj` of every click context."""

    config: str | None = None
    connection: str | None = None
    sandbox: str | None = None
    read_only: bool = False
    demo: bool = False
    log_level: str | None = None

    def flags(self) -> dict[str, str | None]:
        """Return them as `tui_app.config.load` takes them."""
        return {
            "config": self.config,
            "connection": self.connection,
            "sandbox": self.sandbox,
            "read_only": "true" if self.read_only else None,
            "log_level": self.log_level,
        }


def _merge(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and parameter.name:
        ctx.obj = replace(ctx.obj or Globals(), **{parameter.name: value})
    elif ctx.obj is None:
        ctx.obj = Globals()


def _global_option(flag: str, **details: Any) -> Callable[[_F], _F]:
    return click.option(flag, cls=GlobalOption, expose_value=False, callback=_merge, **details)


def global_options(command: _F) -> _F:
    """Let a command take the global options too; they end up in `ctx.obj`, the nearest one given counts.

    The function does not get them as arguments: use `@click.pass_obj`, which hands it the `Globals`.
    """
    levels = click.Choice(["debug", "info", "warning", "error"], case_sensitive=False)
    for option in (
        _global_option("--log-level", type=levels, help="How much goes to the log file."),
        _global_option("--demo", is_flag=True, help="Use a fresh embedded platform for this command."),
        _global_option("--read-only", is_flag=True, help="Refuse everything that changes the platform."),
        _global_option("--sandbox", metavar="NAME", help="Sandbox to work in."),
        _global_option("--connection", metavar="NAME", help="Connection of the configuration to use."),
        _global_option("--config", metavar="FILE", help="Configuration file."),
    ):
        command = option(command)
    return command


def open_configuration(options: Globals) -> Loaded:
    """Load the configuration, start the log, and warn of faults that do not stop the command.

    Faults that do are raised by `tui_app.config.choose_connection`.
    """
    from tui_app import config, logs  # noqa: PLC0415 - pydantic is slow to import; `--version` does without

    loaded = config.load(options.flags())
    variables = [*_SECRET_VARIABLES]
    for connection in loaded.settings.connections.values():
        variables += filter(None, (connection.client_secret_env, connection.access_token_env))
        if connection.client_secret is not None:
            logs.register_secret(connection.client_secret.get_secret_value())
    for variable in variables:
        logs.register_secret(os.environ.get(variable, "").strip())
    logs.configure(config.log_path(loaded.settings), loaded.settings.log_level)
    output = Output()
    for fault in loaded.faults:
        if options.demo or not fault.stops(loaded.settings.default_connection):
            output.narrate(str(replace(fault, severity="warning")))
    return loaded


class _Deferred(click.Command):
    """Stands for a subcommand in help and completion until it is called."""

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._target = target

    def load(self) -> click.Command:
        """Import the command itself."""
        command: click.Command = _imported(self._target)
        return command


class _LazyGroup(Group):
    """A group whose subcommands are imported when they are called, not when they are listed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, _Deferred) else command, rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, the most used first."""
        return list(self.commands)


def _show_version(ctx: click.Context, _: click.Parameter, asked: Any) -> None:
    if not asked:
        return
    Output().line(f"{PROGRAM} {__version__}")
    ctx.exit()


@click.group(
    PROGRAM,
    cls=_LazyGroup,
    commands={name: _Deferred(name, *entry) for name, entry in COMMANDS.items()},
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@global_options
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.pass_context
def aepx(ctx: click.Context) -> int:
    """Adobe Experience Platform profile export jobs in a terminal.

    Without a command, the app starts on the default connection.
    """
    if ctx.invoked_subcommand is not None:
        return Exit.OK
    run: Callable[[Globals], int] = _imported(APP)
    return run(ctx.obj)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; `arguments` None means those of the process."""
    prepare_streams()
    # Imports make many objects and no garbage; looking for some among them takes a tenth of the way to the first paint.
    gc.set_threshold(*COLLECTING)
    if instruction := os.environ.get(_COMPLETION):
        from click.shell_completion import shell_complete  # noqa: PLC0415 - only the shell asks for it

        return shell_complete(aepx, {"obj": Globals()}, PROGRAM, _COMPLETION, instruction)
    try:
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments))
        Output().flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the end of the line for all of them
        return _explained(error)
    return code


def _invoke(arguments: list[str]) -> int:
    """Call the command; not by click's own `main`, which turns a closed pipe into exit code 1."""
    try:
        with aepx.make_context(PROGRAM, arguments, obj=Globals()) as ctx:
            result = aepx.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    return result if isinstance(result, int) else Exit.OK


def _explained(error: BaseException) -> int:
    """Tell the person what happened and return the exit code; one of the two places that end an exception."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, (OutputClosedError, BrokenPipeError)):
        abandon_stdout()
        return Exit.OK
    code, text = _told(error)
    Output().narrate(text, lines=True)
    return code


def _told(error: BaseException) -> tuple[Exit, str]:
    match error:
        case KeyboardInterrupt() | click.Abort():
            return Exit.INTERRUPTED, "Interrupted."
        case OutputError():
            abandon_stdout()
            return Exit.USAGE, f"Error: {error}"
        case click.ClickException():
            return Exit.USAGE, _usage_text(error)
    from tui_app.config import ConfigError  # noqa: PLC0415 - pydantic is slow to import; only errors need it
    from tui_app.models.failure import FailureError  # noqa: PLC0415 - as above

    match error:
        case ConfigError():
            return Exit.USAGE, f"Error: {error}"
        case FailureError():
            return exit_code(error.failure), failure_text(error.failure)
    return Exit.DEFECT, _defect_text(error)


def exit_code(failure: Failure) -> Exit:
    """Return the exit code that tells a script what sort of failure it was (product section 6)."""
    from tui_app.models.failure import FailureKind as Kind  # noqa: PLC0415 - only failures need it

    match failure.kind:
        case Kind.NETWORK | Kind.THROTTLED | Kind.SERVICE | Kind.BAD_ANSWER:
            return Exit.UNAVAILABLE
        case Kind.AUTH | Kind.PERMISSION | Kind.REFUSED:
            return Exit.REFUSED
        case Kind.NOT_FOUND:
            return Exit.UNSUCCESSFUL
        case Kind.BAD_REQUEST | Kind.CONFIG | Kind.LOCAL:
            return Exit.USAGE


def failure_text(failure: Failure) -> str:
    """Return a failure as it is told on stderr: one line, and the request id on one of its own.

    Line feeds of the platform are no line feeds here: else it could begin a line that looks like ours.
    """
    text = f"Error: {safe_text(str(failure))}"
    return f"{text}\nRequest id: {safe_text(failure.request_id)}" if failure.request_id else text


def _usage_text(error: click.ClickException) -> str:
    lines = [f"Error: {error.format_message()}"]
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is not None:
        lines = [ctx.get_usage(), f"Try '{ctx.command_path} --help' for help.", *lines]
    return "\n".join(lines)


def _defect_text(error: BaseException) -> str:
    """Put the traceback into the log, which redacts it, and return the one line for the terminal."""
    import logging  # noqa: PLC0415 - only this path logs

    from tui_app import config, logs  # noqa: PLC0415 - as above

    if logs.current_path() is None:
        settings = config.load().settings
        logs.configure(config.log_path(settings), settings.log_level)
    logging.getLogger(__name__).critical("unexpected error", exc_info=error)
    path = logs.current_path()
    where = f"The details are in {path}" if path else "No log could be written; start with AEPX_DATA_DIR set"
    return f"Error: a defect in aepx ({type(error).__name__}). {where}; please report it."


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)

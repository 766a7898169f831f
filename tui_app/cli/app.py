"""Owns starting the terminal app: on the connection in force, on the demo, or with the offer of a first run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tui_app.cli.main import Globals, open_configuration
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import run as run_async

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.config import Loaded
    from tui_app.wiring import Workspaces


def run(options: Globals) -> int:
    """Start the app on the connection in force and return the exit code.

    Raises:
        ConfigError: a connection or sandbox must be chosen first.
        FailureError: the platform had to be asked which sandboxes there are and could not be.
    """
    if options.demo:
        return run_demo(options)
    if not _is_terminal():
        return Exit.USAGE
    from tui_app.config import NoConnectionError, choose_connection  # noqa: PLC0415 - needed only past the checks

    loaded = open_configuration(options)
    try:
        choose_connection(loaded)
    except NoConnectionError as error:
        return _first_run(options, loaded, str(error))
    return run_async(_run(loaded))


def run_demo(options: Globals, *, jobs: int = 5_000, speed: float = 30.0, seed: int = 1) -> int:
    """Start the app on a fresh embedded platform and return the exit code."""
    if not _is_terminal():
        return Exit.USAGE
    return run_async(_run_demo(options, jobs=jobs, speed=speed, seed=seed))


async def _run(loaded: Loaded) -> int:
    from tui_app.wiring import workspaces  # noqa: PLC0415 - brings the engine

    return await _run_app(workspaces(loaded))


async def _run_demo(options: Globals, *, jobs: int, speed: float, seed: int) -> int:
    from tui_app.wiring import demo_workspaces  # noqa: PLC0415 - as above

    loaded = open_configuration(options)
    async with demo_workspaces(loaded, jobs=jobs, speed=speed, seed=seed, sandbox=options.sandbox) as spaces:
        return await _run_app(spaces)


async def _run_app(spaces: Workspaces) -> int:
    from tui_app.tui.app import AepxApp  # noqa: PLC0415 - brings Textual, which no other command needs

    engine = await spaces.open(*await spaces.home(), told=Output().narrate)
    ui = spaces.settings.ui
    app = AepxApp(
        engine,
        spaces,
        theme=ui.theme,
        absolute_times=ui.time_style == "absolute",
        keys=spaces.settings.keys,
    )
    try:
        await app.run_async()
    finally:
        await app.shutdown()
    return app.return_code or app.return_value or Exit.OK


def _first_run(options: Globals, loaded: Loaded, told: str) -> int:
    """Offer the demo, or a configuration to fill in; `told` is what is said when neither is wanted."""
    from tui_app.config import ConfigError, write_example  # noqa: PLC0415 - only here
    from tui_app.tui.screens.first_run import FirstRunApp  # noqa: PLC0415 - brings Textual

    def write() -> Path:
        try:
            write_example(loaded.path)
        except ConfigError as error:
            raise OSError(str(error).removesuffix(".")) from None
        return loaded.path

    app = FirstRunApp(write, theme=loaded.settings.ui.theme)
    choice = app.run()
    if app.return_code:
        return app.return_code
    if choice == "demo":
        return run_demo(options)
    if choice == "config":
        told = f"Fill in a connection in {loaded.path}, then run: aepx doctor"
    Output().narrate(told)
    return Exit.OK


def _is_terminal() -> bool:
    """Tell whether the app can draw here; say what to do instead when it cannot."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return True
    Output().narrate(
        "The app needs a terminal, and this is none. Start it in one, or use the commands: aepx jobs list --json"
    )
    return False

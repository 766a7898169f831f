"""Owns putting the parts together: settings, clock, client, history, engine; and the embedded platform for the demo."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_app.clock import SystemClock
from tui_app.config import (
    ConfigError,
    ConfigFault,
    Connection,
    Settings,
    choose_connection,
    data_directory,
    resolve_secret,
)
from tui_app.config.lines import UnreadableError, key_lines, line_of, read_document
from tui_app.config.templates import Templates
from tui_app.engine.engine import Engine, policy_for
from tui_app.engine.failures import failure_of
from tui_app.engine.monitor import Cadence
from tui_app.engine.session import Policy
from tui_app.history.history import History, history_path, known_sandboxes
from tui_app.history.retention import Retention
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import httpx

    from tui_app.api.client import AepClient
    from tui_app.clock import Clock
    from tui_app.config import Loaded
    from tui_app.models.catalog import Sandbox

_NEAR = Cadence(running_s=1.0, quiet_s=2.0)
"""For a platform on this machine, where nobody is bothered by being asked often."""
DEMO = "demo"
_SLIPS_SHOWN = 50
_LINE_CELLS = 60


class Workspaces:
    """Opens engines: one for each connection and sandbox one wants to look at."""

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        folder: Path,
        chosen: Callable[[], Connection],
        templates: Templates,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        """Make the opener.

        Args:
            settings: in force.
            environ: where secrets may be.
            clock: for everything.
            folder: where histories are kept.
            chosen: returns the connection to start with; raises ConfigError when there is none.
            templates: the requests kept under a name.
            transport: makes what carries the bytes instead of the network.
        """
        self.settings = settings
        self.templates = templates
        self._environ = environ
        self._clock = clock
        self._folder = folder
        self._chosen = chosen
        self._transport = transport

    @property
    def connections(self) -> tuple[str, ...]:
        """Return the names of the connections that are configured."""
        return tuple(self.settings.connections)

    async def home(self) -> tuple[str, str]:
        """Return the connection and sandbox to start with.

        A sandbox nobody named is taken only if there is no choice: the one the credential may use, or the default
        one of a platform on this machine.

        Raises:
            ConfigError: there is no connection, or a sandbox must be named; the message lists them.
            FailureError: the platform had to be asked and could not be.
        """
        connection = self._chosen()
        if connection.sandbox:
            return connection.name, connection.sandbox
        sandboxes = await self.sandboxes(connection.name)
        defaults = [one for one in sandboxes if one.is_default] if connection.is_loopback else []
        only = sandboxes if len(sandboxes) == 1 else defaults
        if len(only) == 1:
            return connection.name, only[0].name
        names = ", ".join(one.name for one in sandboxes) or "none at all"
        raise ConfigError(
            f"No sandbox is named for connection {connection.name}. This credential may use: {names}. "
            "Choose with --sandbox NAME, AEPX_SANDBOX, or the key sandbox of the connection."
        )

    def home_offline(self) -> tuple[str, str]:
        """As `home`, from what is on this machine: a sandbox nobody named is taken if no other has a history.

        Raises:
            ConfigError: there is no connection, or a sandbox must be named; the message lists those with a history.
        """
        connection = self._chosen()
        if connection.sandbox:
            return connection.name, connection.sandbox
        known = known_sandboxes(self._folder, base_url=connection.base_url, ims_org_id=connection.org_id)
        if len(known) == 1:
            return connection.name, known[0]
        raise ConfigError(
            f"No sandbox is named for connection {connection.name}, and offline nobody can be asked. With a history on "
            f"this machine: {', '.join(known) or 'none'}. "
            "Choose with --sandbox NAME, AEPX_SANDBOX, or the key sandbox of the connection."
        )

    async def sandboxes(self, connection_name: str) -> tuple[Sandbox, ...]:
        """Ask the platform which sandboxes a connection may use.

        Raises:
            FailureError: it could not be asked.
        """
        from tui_app.api.errors import ApiError  # noqa: PLC0415 - only when a sandbox must be looked up

        client = await asyncio.to_thread(self._client, self.settings.connections[connection_name], "", Policy.READ_ONLY)
        try:
            return await client.sandboxes.list()
        except ApiError as error:
            what = "The list of sandboxes could not be read"
            raise FailureError(failure_of(error, what=what, clock=self._clock)) from None
        finally:
            await client.aclose()

    async def open(
        self,
        connection_name: str,
        sandbox_name: str,
        *,
        offline: bool = False,
        told: Callable[[str], None] | None = None,
    ) -> Engine:
        """Return an engine whose history is open and whose loops are not started.

        Args:
            connection_name: a configured one.
            sandbox_name: any.
            offline: the engine answers from history alone; what would ask the platform raises FailureError.
            told: called on another thread with what to tell who waits, if a large history of an earlier aepx must be
                brought up to date first.

        Raises:
            FailureError: its history cannot be opened.
        """
        return await asyncio.to_thread(self.open_now, connection_name, sandbox_name, offline=offline, told=told)

    def open_now(
        self,
        connection_name: str,
        sandbox_name: str,
        *,
        offline: bool = False,
        told: Callable[[str], None] | None = None,
    ) -> Engine:
        """As `open`, on the caller's thread, for before there is a loop."""
        connection = self.settings.connections[connection_name]
        policy, given = policy_for(connection, sandbox_name, read_only=self.settings.read_only)
        path = history_path(
            self._folder, base_url=connection.base_url, ims_org_id=connection.org_id, sandbox_name=sandbox_name
        )
        engine = Engine(
            connection=connection,
            sandbox_name=sandbox_name,
            policy=policy,
            policy_is_given=given,
            connect=_nobody if offline else lambda: self._client(connection, sandbox_name, policy),
            history=History(path),
            clock=self._clock,
            cadence=_NEAR if connection.is_loopback else _cadence(self.settings),
            retention=_retention(self.settings),
        )
        engine.open(told=told)
        return engine

    def _client(self, connection: Connection, sandbox_name: str, policy: Policy) -> AepClient:
        from tui_app.api.client import AepClient  # noqa: PLC0415 - an HTTP stack is slow to import

        return AepClient(
            connection,
            sandbox=sandbox_name,
            policy_read_only=policy is Policy.READ_ONLY,
            secrets=lambda: resolve_secret(connection, self._environ),
            clock=self._clock,
            limits=self.settings.limits,
            transport=self._transport() if self._transport is not None else None,
        )


def workspaces(loaded: Loaded, *, clock: Clock | None = None) -> Workspaces:
    """Return the opener for what is configured."""
    return Workspaces(
        loaded.settings,
        environ=os.environ,
        clock=clock or SystemClock(),
        folder=data_directory(loaded.settings),
        chosen=lambda: choose_connection(loaded),
        templates=Templates.beside(loaded.path),
    )


@asynccontextmanager
async def demo_workspaces(
    loaded: Loaded,
    *,
    jobs: int = 5_000,
    speed: float = 30.0,
    seed: int = 1,
    alive: bool = True,
    sandbox: str | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Workspaces]:
    """Yield an opener whose only connection is an embedded platform, in this process and out of reach of any other.

    Its history and its templates live in a temporary folder that goes with it.

    Args:
        loaded: for theme, keys and the like; its connections are left alone.
        jobs: how many the platform remembers.
        speed: how much faster than real its jobs run.
        seed: the same one makes the same world.
        alive: whether new jobs arrive by themselves.
        sandbox: None is `prod`.
        clock: None is the machine's.
    """
    clock = clock or SystemClock()
    platform = _embedded(clock, jobs=jobs, speed=speed, seed=seed, alive=alive)
    ready = platform.ready_line("http://127.0.0.1")
    connection = Connection(
        name=DEMO,
        org_id=ready["org_id"],
        client_id=ready["client_id"],
        base_url=ready["base_url"],
        ims_url=ready["ims_url"],
        sandbox=sandbox or ready["sandboxes"][0],
    )
    settings = loaded.settings.model_copy(update={"connections": {DEMO: connection}, "default_connection": DEMO})

    def transport() -> httpx.AsyncBaseTransport:
        import httpx  # noqa: PLC0415 - as late as the client itself

        return httpx.ASGITransport(app=platform.app)

    try:
        with tempfile.TemporaryDirectory(prefix="aepx-demo-", ignore_cleanup_errors=True) as folder:
            yield Workspaces(
                settings,
                environ={"AEPX_CLIENT_SECRET": ready["client_secret"]},
                clock=clock,
                folder=Path(folder),
                chosen=lambda: connection,
                templates=Templates.beside(Path(folder) / loaded.path.name),
                transport=transport,
            )
    finally:
        platform.close()


async def serve_emulator(
    *,
    host: str,
    port: int,
    on_ready: Callable[[dict[str, Any]], None],
    faults: Path | None = None,
    **options: Any,
) -> None:
    """Serve the embedded platform on a loopback socket until the process is told to stop.

    Args:
        host: a loopback address.
        port: 0 takes a free one.
        on_ready: gets the ready line once calls are answered.
        faults: a file of faults and scripts to begin with.
        options: as `Emulator` takes them.

    Raises:
        ConfigError: starlette or uvicorn are missing, the address is not loopback or taken, an option has a value
            that means nothing, or something in `faults` does; the message has a line for each mistake, with file, line
            and key.
    """
    try:
        from tui_app.emulator.server import serve  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _missing(error) from None
    asked = _steering(faults) if faults is not None else None
    try:
        platform = _embedded(SystemClock(), alive=True, **options)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    try:
        if asked is not None:
            for fault in asked.faults:
                platform.faults.add(fault)
            platform.world.script(*asked.scripts)
        await serve(
            platform.app, host, port, lambda base_url: on_ready(platform.ready_line(base_url)), handle_signals=True
        )
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    finally:
        platform.close()


def faults_guide() -> str:
    """Return the page that explains every key of a file of faults and scripts."""
    from tui_app.emulator.faults.guide import guide  # noqa: PLC0415 - only whoever asks for it waits for it

    return guide()


def _steering(path: Path) -> Any:
    """Read a file of faults and scripts."""
    from tui_app.emulator.faults.document import SlipsError, named, steering  # noqa: PLC0415 - an extra

    try:
        document, text = read_document(path)
        return steering(document)
    except UnreadableError as error:
        cause = f"{error.cause}{_quoted_line(path, error.line)}"
        raise ConfigError(str(ConfigFault(str(path), error.line, "", cause, error.remedy))) from None
    except SlipsError as error:
        lines = key_lines(text)
        remedy = "aepx emulator --help-faults explains every key."
        faults = [
            ConfigFault(str(path), line_of(lines, one.path), named(one.path), one.cause, remedy) for one in error.slips
        ]
        told = [str(one) for one in sorted(faults, key=lambda one: one.line or 0)]
        if len(told) > _SLIPS_SHOWN:
            told[_SLIPS_SHOWN:] = [f"{path}: {len(told) - _SLIPS_SHOWN} more mistakes are not shown."]
        raise ConfigError("\n".join(told)) from None


def _quoted_line(path: Path, number: int | None) -> str:
    """Return a line of a file, cut and harmless, as a message may end with it; "" where there is none to be had."""
    if number is None or not path.is_file():  # a pipe can be read only once
        return ""
    try:
        line = path.read_text("utf-8-sig").replace("\r\n", "\n").split("\n")[number - 1].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return ""
    return f", in '{fit(safe_text(line), min(_LINE_CELLS, cell_width(safe_text(line))))}'" if line else ""


def _embedded(clock: Clock, **options: Any) -> Any:
    try:
        from tui_app.emulator.app import Emulator  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise _missing(error) from None
    return Emulator(clock, **options)


def _nobody() -> AepClient:
    """Stand for the client of an engine that works offline: no secret is looked for, no connection made."""
    raise FailureError(
        Failure(
            kind=FailureKind.REFUSED,
            what="The platform was not asked",
            cause="This command works from the local history",
            next_step="Leave out --offline to ask the platform.",
        )
    )


def _missing(error: ImportError) -> ConfigError:
    return ConfigError(f"The embedded platform needs {error.name}. Install it with: pip install 'aepx[demo]'")


def _retention(settings: Settings) -> Retention:
    kept = settings.history
    return Retention(keep_days=kept.keep_days or None, keep_mib=kept.keep_mib or None)


def _cadence(settings: Settings) -> Cadence:
    poll = settings.poll
    return Cadence(
        running_s=poll.running_seconds,
        quiet_s=poll.list_seconds * poll.idle_factor,
        away_factor=poll.blurred_factor,
    )

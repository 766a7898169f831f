"""Owns the emulator as a whole: one ASGI application over one world, and the values a caller needs to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from tui_app.emulator.answers import gateway as gateway_refusal
from tui_app.emulator.answers import no_such_path
from tui_app.emulator.control import PREFIX, Control, Steered
from tui_app.emulator.credentials import Credentials
from tui_app.emulator.data.files import ParquetFiles
from tui_app.emulator.data.queries import Queries
from tui_app.emulator.dialects import speaker
from tui_app.emulator.faults.effect import Tools
from tui_app.emulator.faults.faults import FaultGate, Faults
from tui_app.emulator.gateway import Gateway, Platform, RequestIds
from tui_app.emulator.services import (
    audiences,
    catalog,
    data_access,
    export_jobs,
    ims,
    merge_policies,
    query_service,
    sandboxes,
    schedules,
    schema_registry,
    segment_jobs,
    segments,
)
from tui_app.emulator.world.time import PlatformTime
from tui_app.emulator.world.world import World

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from tui_app.clock import Clock


class Emulator:
    """The platform in one object: `app` to serve or to mount in process, `world`, `credentials` and `faults` to steer.

    `dialect` is one of `dialects.DIALECT_NAMES`, `token_lifetime_s` the life of a token, `default_sandbox` what a call
    without `x-sandbox-name` gets (None refuses it), `control` opens the control endpoint to those who have the token
    in the ready line. The other options are `World`'s. Whoever makes one calls `close` in the end.

    Raises:
        ValueError: an option has a value that means nothing; the message names the ones that do.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 1,
        jobs: int = 5_000,
        rows: int = 100_000,
        speed: float = 1.0,
        alive: bool = False,
        dialect: str = "seed",
        token_lifetime_s: int = 86_399,
        default_sandbox: str | None = None,
        late_dataset_check: bool = False,
        control: bool = False,
    ) -> None:
        self.time = PlatformTime(clock)
        self.world = World(
            self.time,
            seed=seed,
            jobs=jobs,
            rows=rows,
            speed=speed,
            alive=alive,
            late_dataset_check=late_dataset_check,
        )
        if default_sandbox is not None and default_sandbox not in self.world.sandboxes:
            known = ", ".join(self.world.sandboxes)
            raise ValueError(f"There is no sandbox {default_sandbox[:80]!r} to be the default one: choose of {known}.")
        self.credentials = Credentials(self.time, seed=seed, token_lifetime_s=token_lifetime_s)
        self.faults = Faults(seed=seed)
        self.files = ParquetFiles(self.world)
        self.queries = Queries(self.world, self.files)
        platform = Platform(
            world=self.world,
            credentials=self.credentials,
            files=self.files,
            queries=self.queries,
            speak=speaker(dialect, seed=seed),
            default_sandbox=default_sandbox,
        )
        tools = Tools(clock=clock, now=self.time.now, revoke=self.credentials.revoke)
        gate = FaultGate(_services(Gateway(platform)), self.faults, tools, since_s=self._since_s)
        steered = Steered(self.time, self.world, self.credentials, self.faults, served=lambda: gate.served)
        self.control = Control(gate, steered) if control else None
        self.app: ASGIApp = RequestIds(self.control or gate, seed=seed)

    def _since_s(self) -> float:
        return self.time.now().timestamp() - self.world.started_ms / 1000

    def close(self) -> None:
        """Stop what runs and remove what was made on disk."""
        self.queries.close()
        self.files.close()

    def ready_line(self, base_url: str) -> dict[str, Any]:
        """Return what a caller needs, in the words of `aepx emulator`'s ready line; every value is invented."""
        known = self.credentials
        line: dict[str, Any] = {
            "base_url": base_url,
            "ims_url": base_url,
            "org_id": known.org_id,
            "client_id": known.client_id,
            "client_secret": known.client_secret,
            "access_token": known.access_token,
            "sandboxes": list(self.world.sandboxes),
            "limited": {"client_id": known.limited.client_id, "client_secret": known.limited.client_secret},
        }
        if self.control is not None:
            line["control"] = {"url": f"{base_url}{PREFIX}", "token": self.control.token}
        return line


_SERVICES = (
    ims,
    sandboxes,
    export_jobs,
    segments,
    audiences,
    segment_jobs,
    schedules,
    merge_policies,
    schema_registry,
    catalog,
    data_access,
    query_service,
)


def _services(gateway: Gateway) -> ASGIApp:
    routes = [route for service in _SERVICES for route in service.routes(gateway)]
    app = Starlette(routes=routes, exception_handlers={404: _unowned, 405: _wrong_method})
    app.router.redirect_slashes = False
    return app


async def _unowned(request: Request, _error: Exception) -> Response:
    del request  # every path that no service owns gets the same page
    return no_such_path()


async def _wrong_method(request: Request, error: Exception) -> Response:
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return gateway_refusal(405, "405000", f"Method {request.method} is not allowed here", headers).response()

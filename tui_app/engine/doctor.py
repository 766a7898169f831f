"""Owns the check-up of a connection: sign-in, reach, each permission, clocks; each finding says what to fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError
from tui_app.clock import now_ms
from tui_app.engine.failures import failure_of
from tui_app.models.failure import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tui_app.engine.core import Core

_SKEW_BEARABLE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One checked point."""

    point: str
    ok: bool
    said: str
    """What was found, one sentence."""
    remedy: str = ""
    """What to do about it; empty when nothing needs doing."""
    milliseconds: int | None = None
    failure: Failure | None = None
    """What the platform or the network refused; None when the point is well or the fault is on this machine."""


class Doctor:
    """Checks a connection without changing anything on the platform."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def examine(self) -> AsyncIterator[Diagnosis]:
        """Yield one diagnosis a point, in the order in which they depend on each other.

        Stops after the sign-in when that fails: everything behind it would only repeat the failure.
        """
        client, session = self._core.client, self._core.session
        signed_in = await self._try("sign-in", "an access token was issued", client.sign_in)
        yield signed_in
        if not signed_in.ok:
            return
        yield self._clock()
        yield await self._sandbox()
        for point, what, call in (
            ("export jobs", "the list can be read", lambda: client.export_jobs.list_page(limit=1)),
            ("datasets", "the list can be read", lambda: client.catalog.list_datasets(limit=1)),
        ):
            yield await self._try(f"{point} in {session.sandbox_name}", what, call)

    def _clock(self) -> Diagnosis:
        skew = self._core.client.server_clock_skew_s
        if skew is None:
            return Diagnosis("clock", True, "the service did not tell its time, so the clocks were not compared")
        said = f"this machine's clock differs from the platform's by {abs(skew):.0f} s"
        if abs(skew) <= _SKEW_BEARABLE_S:
            return Diagnosis("clock", True, said)
        return Diagnosis("clock", False, said, "Set the clock of this machine: ages, durations and times are off.")

    async def _sandbox(self) -> Diagnosis:
        name = self._core.session.sandbox_name
        point = f"sandbox {name}"
        started = now_ms(self._core.clock)
        try:
            sandboxes = await self._core.client.sandboxes.list()
        except ApiError as error:
            return self._refused(point, error)
        took = now_ms(self._core.clock) - started
        found = next((one for one in sandboxes if one.name == name), None)
        if found is not None:
            state = found.state or "state unknown"
            return Diagnosis(point, state == "active", f"{found.type or 'type unknown'}, {state}", "", took)
        said = "this credential may use no sandbox at all"
        remedy = "Ask an administrator to add its technical account to a role with access to the sandbox."
        if sandboxes:
            names = ", ".join(sorted(one.name for one in sandboxes))
            said = f"it is not among those this credential may use: {names}"
            remedy = "Choose one of them with --sandbox."
        refused = Failure(kind=FailureKind.PERMISSION, what=point, cause=said, next_step=remedy)
        return Diagnosis(point, False, said, remedy, took, refused)

    async def _try(self, point: str, said: str, call: Callable[[], Awaitable[object]]) -> Diagnosis:
        started = now_ms(self._core.clock)
        try:
            await call()
        except ApiError as error:
            return self._refused(point, error)
        return Diagnosis(point, True, said, milliseconds=now_ms(self._core.clock) - started)

    def _refused(self, point: str, error: ApiError) -> Diagnosis:
        failure = failure_of(error, what=point, clock=self._core.clock)
        missing = " (a permission is missing)" if failure.kind is FailureKind.PERMISSION else ""
        return Diagnosis(point, False, f"{failure.cause}{missing}", failure.next_step, failure=failure)

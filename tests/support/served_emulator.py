"""Owns an emulator on a real socket in a thread of this process, so that a test can steer the world behind it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tui_app.clock import SystemClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tui_app.emulator.faults.effect import Effect
    from tui_app.emulator.world.world import World

T = TypeVar("T")


class ServedEmulator:
    """The platform as another process sees it: it can be stopped and come back at the same address.

    What changes the world goes through `steer`.
    """

    def __init__(self, **options: Any) -> None:
        self.emulator = Emulator(SystemClock(), **options)
        self.base_url = ""
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.emulator.close()

    def start(self) -> None:
        """Serve; returns when connections are answered."""
        up = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(up,), name="emulator", daemon=True)
        self._thread.start()
        if not up.wait(10):
            raise TimeoutError("the emulator does not serve after 10 s")

    def stop(self) -> None:
        """Close the socket and every connection, as when the process is killed."""
        if self._thread is None or self._loop is None or self._task is None:
            return
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)
        self._thread = None

    def restart(self) -> None:
        """Come back at the same address without the tokens that were given out, as after a night's maintenance."""
        self.stop()
        self.emulator.credentials.revoke()
        self.start()

    def steer(self, change: Callable[[World], T]) -> T:
        """Run `change` on the platform's thread, between two calls, and return what it returns."""
        assert self._loop is not None, "the emulator does not serve"

        async def run() -> T:
            return change(self.emulator.world)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def disturb(self, effect: Effect, **when: Any) -> Fault:
        """Put a disturbance in force for the calls that `Fault` can name; its `met` tells how often it was met."""
        return self.emulator.faults.add(Fault(effect, **when))

    def variables(self, sandbox: str = "prod") -> dict[str, str]:
        """Return the environment variables with which a client reaches it."""
        ready = self.emulator.ready_line(self.base_url)
        return {
            "AEPX_BASE_URL": ready["base_url"],
            "AEPX_IMS_URL": ready["ims_url"],
            "AEPX_ORG_ID": ready["org_id"],
            "AEPX_CLIENT_ID": ready["client_id"],
            "AEPX_CLIENT_SECRET": ready["client_secret"],
            "AEPX_SANDBOX": sandbox,
        }

    def _run(self, up: threading.Event) -> None:
        asyncio.run(self._serve(up))

    async def _serve(self, up: threading.Event) -> None:
        def ready(url: str) -> None:
            self.base_url = url
            self._port = int(url.rpartition(":")[2])
            up.set()

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(serve(self.emulator.app, "127.0.0.1", self._port, ready))
        await asyncio.gather(self._task, return_exceptions=True)

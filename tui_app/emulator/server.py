"""Owns the emulator's socket: loopback only, up when it says so, gone within a second when told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

_STOPS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """uvicorn that leaves the process's signals alone and says when it answers."""

    def __init__(self, config: uvicorn.Config, on_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_up = on_up

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_up()


async def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None] = lambda _: None,
    *,
    handle_signals: bool = False,
) -> None:
    """Serve `app` until cancelled; call `on_ready` with the base URL once connections are answered.

    Port 0 takes a free one. `handle_signals` makes SIGINT and SIGTERM end it, for a process that does nothing else;
    open connections are closed, so it returns within a second.

    Raises:
        ValueError: `host` is not a loopback address.
        OSError: the port cannot be bound; the message names address and port.
    """
    address = loopback(host)
    with _listen(address, port) as listener:
        bound = listener.getsockname()[1]
        shown = f"[{address}]" if ":" in address else address
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=0,
            ws="none",
            http="h11",
        )
        server = _Server(config, lambda: on_ready(f"http://{shown}:{bound}"))
        with _stopping(server) if handle_signals else contextlib.nullcontext():
            task = asyncio.ensure_future(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                server.should_exit = True
                await task
                raise


def loopback(host: str) -> str:
    """Return the address to bind for `host`; raises ValueError if others could reach it."""
    if host == "localhost":
        return "127.0.0.1"
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.strip("[]"))
        if address.is_loopback:
            return str(address)
    raise ValueError(
        f"The emulator serves on loopback only, not on {host!r}: it has invented credentials and no protection. "
        "Use 127.0.0.1, ::1 or localhost."
    )


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise OSError(
            f"The emulator cannot listen on {address} port {port}: {error}. Choose another --port, or 0 for a free one."
        ) from error
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for each in _STOPS:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in _STOPS:
            loop.remove_signal_handler(each)

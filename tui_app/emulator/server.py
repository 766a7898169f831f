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
from uvicorn.protocols.http.h11_impl import H11Protocol

from tui_app.emulator.faults.effect import TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
_STOPS = (signal.SIGINT, signal.SIGTERM, *([_HANGUP] if _HANGUP is not None else []))


class _Protocol(H11Protocol):
    """HTTP whose requests know their connection, so that a fault can break it as no HTTP answer could."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.app_state = {**self.app_state, TRANSPORT: transport}
        super().connection_made(transport)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; after a request, where an answer may be under way, hang up instead."""
        cycle: object = self.cycle  # typed as if there always were one
        if cycle is None:
            super().send_400_response(msg)
        else:
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn that leaves the process's signals alone, says when it answers, and leaves no connection behind."""

    def __init__(self, config: uvicorn.Config, on_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_up = on_up

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        tasks = set(self.server_state.tasks)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()  # a caller that does not read would keep it open for what is unsent
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None] = lambda _: None,
    *,
    handle_signals: bool = False,
) -> None:
    """Serve `app` until cancelled; call `on_ready` with the base URL once connections are answered.

    Port 0 takes a free one. `handle_signals` makes SIGINT, SIGTERM and SIGHUP end it, for a process that does nothing
    else; open connections are closed, so it returns within a second. What is tidied up after it is not disturbed by a
    second signal, for they are caught until the loop closes.

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
            proxy_headers=False,
            timeout_graceful_shutdown=0,
            date_header=False,  # the platform has a time of its own
            ws="none",
            http=_Protocol,
        )
        server = _Server(config, lambda: on_ready(f"http://{shown}:{bound}"))
        if handle_signals:
            _stop_on_signals(server)
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
    # Without the protocol asyncio does not know that it is TCP, leaves Nagle on, and small answers take 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        cause = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise OSError(
            f"The emulator cannot listen on {address} port {port}: {cause}. Choose another --port, or 0 for a free one."
        ) from error
    listener.setblocking(False)
    return listener


def _stop_on_signals(server: uvicorn.Server) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for each in _STOPS:
        if each is signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
            loop.add_signal_handler(each, stop)

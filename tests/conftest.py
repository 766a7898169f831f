"""Owns what every test may rely on: no network but loopback, no waiting, a home of its own, one zone, one locale."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tui_app import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

os.environ.update(TZ="UTC", LC_ALL="C.UTF-8", LANG="C.UTF-8")
time.tzset()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts this in the background has ctrl-c ignored, and every program we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Derandomized: the same examples in each run, because a test that fails now and then helps nobody.
settings.register_profile(
    "aepx",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("aepx")

_MAY_WAIT: Final = ("tests.e2e", "tests.benchmarks", "tests.support.terminal", "tui_app.clock")
_NAMES_OF_THIS_MACHINE: Final = frozenset({"localhost", "", "0.0.0.0", "::"})  # noqa: S104 - to tell them, not to bind
_STRAY: Final = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "LINES", "TMUX", "TEXTUAL", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty home, and none of the settings of whoever runs the tests."""
    for name in tuple(os.environ):
        if name.startswith("AEPX_") or name in _STRAY or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for kind in ("CONFIG", "DATA", "STATE", "CACHE", "RUNTIME"):
        monkeypatch.setenv(f"XDG_{kind}_{'DIR' if kind == 'RUNTIME' else 'HOME'}", str(home / kind.lower()))


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what one test hides from the log be forgotten before the next."""
    monkeypatch.setattr(logs, "_secrets", set())


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection, and every question for an address, that leaves this machine."""

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                _require_loopback(address[0])
            return call(self, address)

        return connect

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        _require_loopback(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse real sleeps of our own code and tests; libraries and end-to-end journeys may."""
    sleep, async_sleep = time.sleep, asyncio.sleep

    def blocking(seconds: float) -> None:
        _require_patience(sys._getframe(1).f_globals.get("__name__", ""), seconds)
        sleep(seconds)

    def awaited(delay: float, result: Any = None) -> Any:
        _require_patience(sys._getframe(1).f_globals.get("__name__", ""), delay)
        return async_sleep(delay, result)

    monkeypatch.setattr(time, "sleep", blocking)
    monkeypatch.setattr(asyncio, "sleep", awaited)


def _require_loopback(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in _NAMES_OF_THIS_MACHINE:
        return
    try:
        is_near = ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        is_near = False
    if not is_near:
        raise AssertionError(f"A test reached for {name}; tests stay on this machine.")


def _require_patience(caller: str, seconds: float) -> None:
    is_ours = caller.startswith(("tests.", "tui_app."))
    if is_ours and seconds > 0 and not caller.startswith(_MAY_WAIT):
        raise AssertionError(f"{caller} really sleeps for {seconds} s; use the clock it is given.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let captured hostile text travel between test processes, whose wire takes no lone surrogates."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report

"""Ctrl-C while `aepx jobs list` works: it ends at once, and what was read is kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import environment
from tui_app.emulator.faults.connection import Wait
from tui_app.emulator.faults.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Result


@pytest.fixture
def platform(clean_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedEmulator]:
    """A platform of three pages and a half."""
    with ServedEmulator(jobs=3_500, speed=0.001) as served:
        for name, value in served.variables().items():
            monkeypatch.setenv(name, value)
        yield served


@contextmanager
def listing(platform: ServedEmulator, home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    folders = {name: str(home) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tui_app", "jobs", "list", "--all", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, **folders, **platform.variables()),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_while_the_platform_keeps_us_waiting(
    platform: ServedEmulator, clean_home: Path, aepx: Callable[..., Result]
) -> None:
    fault = platform.emulator.faults.add(Fault(Wait(30.0), path="*/export/jobs", after=2))
    with listing(platform, clean_home, "--json") as process:
        while not fault.met:
            assert process.poll() is None
        # The third page is being waited for, the second may still be on its way into history.
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, b"")
    assert err.decode().endswith("Interrupted.\n")
    kept = aepx("jobs", "list", "--offline", "--all", "--ndjson")
    assert len(kept.out.splitlines()) >= 1_000


def test_ctrl_c_while_nobody_reads_what_we_write(
    platform: ServedEmulator, clean_home: Path, aepx: Callable[..., Result]
) -> None:
    with listing(platform, clean_home, "--ndjson") as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"{"
        # A page of jobs is far more than a pipe holds: the command waits for us, and we do not read.
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert len(aepx("jobs", "list", "--offline", "--all", "--ndjson").out.splitlines()) >= 1_000

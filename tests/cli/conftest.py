"""The command line in process, against a platform on a real loopback socket."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.emulators import emulator_process
from tests.support.served_emulator import ServedEmulator
from tui_app import logs
from tui_app.api.client import AepClient
from tui_app.cli.main import main
from tui_app.emulator.faults.connection import Count
from tui_app.emulator.faults.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["emulator_process"]


@dataclass(frozen=True)
class Result:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its standard output, which is one JSON document."""
        return json.loads(self.out)


@pytest.fixture
def clean_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for variable in [name for name in os.environ if name.startswith(("AEPX_", "_AEPX_"))]:
        monkeypatch.delenv(variable)
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    yield tmp_path
    logs.close()


@pytest.fixture
def aepx(clean_home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command in this process and return what it did."""

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def platform(clean_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedEmulator]:
    """The platform that the environment points to; its jobs take a fraction of a second."""
    with ServedEmulator(jobs=60, speed=5_000.0) as served:
        for name, value in served.variables().items():
            monkeypatch.setenv(name, value)
        yield served


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without waiting: every retry's share of its delay is nothing."""
    defaults = AepClient.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "jitter", lambda: 0.0)


@pytest.fixture
def calls(platform: ServedEmulator) -> Fault:
    """Counts, in `met`, every call that reaches the platform, and lets it pass."""
    return platform.emulator.faults.add(Fault(Count()))


@pytest.fixture
def dataset(aepx: Callable[..., Result], platform: ServedEmulator) -> str:
    """A dataset that exports can be written to."""
    made = aepx("datasets", "create", "--name", "Target")
    assert made.code == 0, made.err
    return made.out.strip()

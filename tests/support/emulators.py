"""Owns `aepx emulator` as a process of its own, started as a person starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.terminal import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class EmulatorProcess:
    """A running `aepx emulator` and the line it printed when it was ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def variables(self, sandbox: str = "prod") -> dict[str, str]:
        """Return the environment variables with which a client reaches it."""
        names = ("base_url", "ims_url", "org_id", "client_id", "client_secret")
        return {f"AEPX_{name.upper()}": self.ready[name] for name in names} | {"AEPX_SANDBOX": sandbox}


@contextmanager
def running_emulator(
    home: Path, *options: str, errors: Path | None = None, **variables: str
) -> Iterator[EmulatorProcess]:
    """Start the command with these variables besides, wait for its ready line, and end it afterwards.

    `errors` is the file that gets what it says on stderr.
    """
    with open(errors or os.devnull, "w", encoding="utf-8") as stderr:  # noqa: PTH123 - os.devnull is no Path
        process = subprocess.Popen(
            [sys.executable, "-m", "tui_app", "emulator", *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(home, **variables),
        )
    with process:
        try:
            assert process.stdout is not None
            yield EmulatorProcess(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()


@pytest.fixture
def emulator_process(tmp_path: Path) -> Iterator[EmulatorProcess]:
    """An emulator in a process of its own, so fast that a job takes a fraction of a second."""
    with running_emulator(tmp_path, "--jobs", "60", "--speed", "5000") as running:
        yield running

"""`aepx emulator` as other programs meet it, and the commands one gives in the second shell."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.emulators import running_emulator
from tests.support.terminal import environment
from tui_app.cli import emulator as command
from tui_app.emulator.dialects import DIALECT_NAMES
from tui_app.emulator.world.lifecycle import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.emulators import EmulatorProcess


def test_the_help_names_every_outcome_and_dialect(aepx: Callable[..., Result]) -> None:
    text = aepx("emulator", "--help").out
    assert all(f"\n      {name} " in text for name in OUTCOMES if name != "ok")
    assert "curl" in text
    assert command.DIALECTS == DIALECT_NAMES


@pytest.mark.parametrize("options", [("--host", "example.org"), ("--speed", "0"), ("--jobs", "-1")])
def test_what_cannot_be_served_is_exit_2(aepx: Callable[..., Result], options: tuple[str, str]) -> None:
    refused = aepx("emulator", *options)
    assert refused.code == 2
    assert refused.out == ""


def test_the_ready_line_is_the_only_data(emulator_process: EmulatorProcess) -> None:
    keys = {"base_url", "ims_url", "org_id", "client_id", "client_secret", "access_token", "sandboxes"}
    assert set(emulator_process.ready) == keys
    assert emulator_process.ready["base_url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_second_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with running_emulator(tmp_path, "--jobs", "10") as running:
        begun = time.monotonic()
        running.process.send_signal(number)
        assert running.process.wait(5) == 0
        assert time.monotonic() - begun < 1.0
        assert running.process.stdout is not None
        assert running.process.stdout.read() == ""


def test_a_port_that_is_taken_is_exit_2_and_named(tmp_path: Path, aepx: Callable[..., Result]) -> None:
    with running_emulator(tmp_path, "--jobs", "10") as running:
        port = running.ready["base_url"].rpartition(":")[2]
        refused = aepx("emulator", "--port", port)
    assert refused.code == 2
    assert port in refused.err


def test_the_second_shell(emulator_process: EmulatorProcess, tmp_path: Path) -> None:
    shell = environment(tmp_path, **emulator_process.variables())

    def aepx(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tui_app", *arguments],
            capture_output=True,
            text=True,
            env=shell,
            check=False,
            timeout=30,
        )
        return done.returncode, done.stdout, done.stderr

    def document(*arguments: str) -> Any:
        return json.loads(aepx(*arguments)[1])

    dataset = document("datasets", "create", "--name", "X", "--json")["dataset_id"]
    code, out, _ = aepx("jobs", "create", "--dataset", dataset, "--segment", "seg-1", "--wait", "--json")
    assert (code, json.loads(out)["status"]) == (0, "SUCCEEDED")
    failing = document("jobs", "create", "--dataset", dataset, "--segment", "weekly-fail-write", "--json")["id"]
    code, out, err = aepx("jobs", "watch", failing)
    assert code == 1
    assert "FAILED" in out
    assert failing in err
    failed = document("jobs", "list", "--status", "FAILED", "--json")
    assert failing in [job["id"] for job in failed]
    assert {job["status"] for job in failed} == {"FAILED"}
    code, out, err = aepx("--read-only", "jobs", "cancel", failing, "--yes")
    assert (code, out) == (4, "")
    assert "read-only" in err

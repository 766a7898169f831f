"""`aepx` and `aepx demo` in a terminal of their own: they start, leave when asked to, and give the terminal back."""

from __future__ import annotations

import signal
import stat
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.terminal import AEPX, Terminal, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.emulators import EmulatorProcess

TUTORIAL_DATASET: Final = "5b020a27e7040801dedba61b"


def test_the_demo_starts_and_quits_with_exit_0(tmp_path: Path) -> None:
    with Terminal([*AEPX, "demo", "--jobs", "40"], environ=environment(tmp_path)) as terminal:
        terminal.wait_for("PROCESSING")
        assert terminal.row("demo").lstrip().startswith("demo")
        terminal.press("q")
        code, took = terminal.wait_ended()
        assert (code, terminal.modes()) == (0, {"7", "25"})
        assert took < 1_000
    assert not list(tmp_path.glob("aepx-demo-*"))


def test_the_app_starts_on_the_connection_and_ends_with_a_signal(
    emulator_process: EmulatorProcess, tmp_path: Path
) -> None:
    shell = environment(tmp_path, **emulator_process.variables(sandbox="dev"))
    with Terminal(AEPX, environ=shell) as terminal:
        terminal.wait_for("SUCCEEDED")
        assert "/ dev" in terminal.text
        terminal.signal(signal.SIGTERM)
        code, took = terminal.wait_ended()
        assert code == 128 + signal.SIGTERM
        assert took < 1_000
        assert terminal.modes() == {"7", "25"}


def test_the_first_run_offers_a_configuration_and_writes_it_privately(tmp_path: Path) -> None:
    path = tmp_path / ".config" / "aepx" / "config.toml"
    with Terminal(AEPX, columns=100, lines=30, environ=environment(tmp_path)) as terminal:
        terminal.wait_for("No connection is set up yet")
        terminal.press("c")
        terminal.wait_for("Wrote")
        terminal.press("q")
        assert terminal.wait_ended()[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_run_leaves_a_file_that_is_there_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    path.chmod(0o600)
    with Terminal([*AEPX, "--config", str(path)], columns=100, lines=30, environ=environment(tmp_path)) as terminal:
        terminal.wait_for("No connection is set up yet")
        terminal.press("c")
        terminal.wait_for("exists already")
        terminal.press("q")
        assert terminal.wait_ended()[0] == 0
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_a_command_and_its_embedded_platform(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    command = [
        *AEPX,
        "--demo",
        "jobs",
        "create",
        "--dataset",
        TUTORIAL_DATASET,
        "--segment",
        "stuck",
        "--wait",
        "--yes",
    ]
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment(tmp_path, TMPDIR=str(folder))
    )
    assert running.stderr is not None
    # What runs into the same dataset just then is told of first.
    assert any("created" in line for line in running.stderr)
    running.send_signal(number)
    assert running.wait(timeout=10) == 130
    running.stderr.close()
    assert list(folder.iterdir()) == []

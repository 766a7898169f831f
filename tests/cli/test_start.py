"""How `aepx` starts: what commands do not load, and what the app does where it cannot draw."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.terminal import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.emulators import EmulatorProcess

PROBE = """
import sys
from tui_app.cli.main import main
code = main(sys.argv[1:])
roots = {name.partition(".")[0] for name in sys.modules}
print(sorted(roots & {"textual", "starlette", "uvicorn", "duckdb", "keyring", "humanize"}), file=sys.stderr)
print(any(name.startswith(("tui_app.tui", "tui_app.emulator")) for name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


def test_listing_jobs_loads_neither_textual_nor_the_emulator(emulator_process: EmulatorProcess, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "jobs", "list", "--limit", "1", "--json"],
        capture_output=True,
        text=True,
        env=environment(tmp_path, **emulator_process.variables()),
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-2:] == ["[]", "False"]


def test_help_loads_neither_pydantic_nor_the_engine(tmp_path: Path) -> None:
    probe = PROBE.replace('"textual"', '"pydantic", "httpx", "sqlite3", "textual"')
    done = subprocess.run(
        [sys.executable, "-c", probe, "jobs", "create", "--help"],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-2:] == ["[]", "False"]


def test_the_app_says_that_it_needs_a_terminal(aepx: Callable[..., Result]) -> None:
    for command in ((), ("demo",), ("--demo",)):
        refused = aepx(*command)
        assert refused.code == 2
        assert "needs a terminal" in refused.err
        assert refused.out == ""

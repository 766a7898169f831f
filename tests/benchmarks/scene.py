"""Owns what every benchmark stands on: a platform in this process, a history that holds its jobs, and the commands."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import ROOT, Terminal, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JOBS: Final = 5_000
STILL: Final = "dev"
"""The sandbox of the emulated platform in which nothing happens by itself; it has an eighth as many jobs as `prod`."""
STILL_SHARE: Final = 8
INSTALLED: Final = (str(Path(sys.executable).parent / "aepx"),)


@dataclass(frozen=True, slots=True)
class Scene:
    """A platform, the environment of a person who has set it up, and a history that holds all of its jobs."""

    platform: ServedEmulator
    environ: Mapping[str, str]
    jobs: int

    def app(self, *, columns: int = 80, lines: int = 24) -> Terminal:
        """Start the installed app."""
        return Terminal(INSTALLED, environ=self.environ, columns=columns, lines=lines)

    def bare(self, rows: int, *, columns: int = 80, lines: int = 24) -> Terminal:
        """Start the bare table."""
        command = (sys.executable, "-m", "tests.benchmarks.bare_table", str(rows))
        return Terminal(command, environ=self.environ, columns=columns, lines=lines)


@contextmanager
def prepared(*, jobs: int = JOBS, speed: float = 1.0) -> Iterator[Scene]:
    """Yield a scene in the still sandbox with `jobs` jobs, all of them read by the command that people use for it."""
    with (
        tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home,
        ServedEmulator(jobs=jobs * STILL_SHARE, speed=speed) as platform,
    ):
        environ = environment(Path(home), AEPX_DATA_DIR=home, **platform.variables(STILL))
        # A process of its own: beside the platform it would share one interpreter with it.
        command = [*INSTALLED, "jobs", "sync", "--all", "--json"]
        done = subprocess.run(command, env=environ, cwd=ROOT, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        if not told["complete"]:
            raise RuntimeError(f"Not all jobs were read: {done.stderr}")
        yield Scene(platform, environ, told["new"])

"""Measures a full synchronisation of 100,000 jobs against the client aepp; `python -m tests.benchmarks.sync`.

Both read the same list from the same server, as processes of their own, in turns. aepp comes from the Python that
AEPX_BENCH_AEPP_PYTHON names; without it, from an environment that is made for the time of the benchmark.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.figures import Figure, report
from tests.benchmarks.scene import INSTALLED
from tests.support.emulators import running_emulator
from tests.support.terminal import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.emulators import EmulatorProcess

JOBS: Final = 100_000
ROUNDS: Final = 3
VARIABLE: Final = "AEPX_BENCH_AEPP_PYTHON"
_INSTALL_S: Final = 300.0
_PATIENCE_S: Final = 300.0
_AEPP: Final = """
import json, sys
import aepp
from aepp import segmentation
ready = json.loads(sys.argv[1])
aepp.configure(
    org_id=ready["org_id"], client_id=ready["client_id"], secret=ready["client_secret"], scopes="openid",
    sandbox="prod", environment="support", endpoint=ready["base_url"], retry=0,
)
aepp.config.config_object["oauthTokenEndpointV2"] = ready["ims_url"] + "/ims/token/v3"
jobs = segmentation.Segmentation().getExportJobs(limit=1000)
print(len(jobs))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process from its start to its end."""

    seconds: float
    peak_mib: float
    cpu_s: float
    jobs: int


def measure() -> list[Figure]:
    """Run both in turns."""
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        with running_emulator(home, "--jobs", str(JOBS)) as platform, _aepp_python(home) as python:
            ours: list[Run] = []
            theirs: list[Run] = []
            for number in range(ROUNDS):
                ours.append(_ours(home, platform, number))
                if python is not None:
                    theirs.append(_theirs(python, platform))
            small = _ours(home, platform, ROUNDS, "--sandbox", "empty")
            bare = _theirs(python, platform, sandbox="empty") if python is not None else None
    return _figures(ours, theirs, small, bare)


def _figures(ours: Sequence[Run], theirs: Sequence[Run], small: Run, bare: Run | None) -> list[Figure]:
    figures = _middle("aepx jobs sync --all", ours)
    if bare is None:
        return [*figures, Figure("aepp is not here to be compared with", 0.0, "", note=f"see {VARIABLE}")]
    jobs = min(one.jobs for one in (*ours, *theirs))
    if jobs < JOBS:
        raise RuntimeError(f"Only {jobs:,} of {JOBS:,} jobs were read")
    mine, other = ([median(values) for values in _columns(runs)] for runs in (ours, theirs))
    return [
        *figures,
        *_middle("aepp, getExportJobs(limit=1000)", theirs),
        Figure("  our time against its time", mine[0] / other[0], "x", 1.0),
        Figure("  our processor time against its", mine[2] / other[2], "x"),
        Figure("  our memory against its memory, whole processes", mine[1] / other[1], "x", 0.1),
        Figure(
            "  memory that the jobs take, ours against its",
            (mine[1] - small.peak_mib) / (other[1] - bare.peak_mib),
            "x",
            0.1,
            f"beyond an empty list's {small.peak_mib:.0f} and {bare.peak_mib:.0f} MiB",
        ),
    ]


def _columns(runs: Sequence[Run]) -> tuple[list[float], list[float], list[float]]:
    return [one.seconds for one in runs], [one.peak_mib for one in runs], [one.cpu_s for one in runs]


def _middle(what: str, runs: Sequence[Run]) -> list[Figure]:
    seconds, peaks, processor = (median(values) for values in _columns(runs))
    return [
        Figure(f"{what}, {runs[0].jobs:,} jobs", seconds, "s", note=f"{processor:.1f} s of processor time"),
        Figure("  its peak memory", peaks, "MiB"),
    ]


def _ours(home: Path, platform: EmulatorProcess, number: int, *more: str) -> Run:
    """Synchronise into a history that does not exist yet."""
    environ = environment(home, AEPX_DATA_DIR=str(home / f"data-{number}"), **platform.variables())
    run, said = _measured([*INSTALLED, "jobs", "sync", "--all", "--json", *more], environ)
    document = json.loads(said)
    if not document["complete"]:
        raise RuntimeError("The synchronisation did not come to its end")
    return Run(*run, jobs=document["new"])


def _theirs(python: Path, platform: EmulatorProcess, *, sandbox: str = "prod") -> Run:
    program = _AEPP.replace('sandbox="prod"', f'sandbox="{sandbox}"')
    command = [str(python), "-c", program, json.dumps(platform.ready)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run, said = _measured(command, kept)
    return Run(*run, jobs=int(said.split()[-1]))


def _measured(command: Sequence[str], environ: Mapping[str, str]) -> tuple[tuple[float, float, float], str]:
    """Run a process to its end and return seconds, peak MiB, seconds of processor time, and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=dict(environ), stdout=out, stderr=told, text=True)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        told.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command[0]} failed with {process.returncode}: {told.read()[-2000:]}")
        # The kernel counts in KiB, but for macOS, which counts in bytes.
        peak = used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
        return (seconds, peak, used.ru_utime + used.ru_stime), out.read()


@contextmanager
def _aepp_python(home: Path) -> Iterator[Path | None]:
    """Yield a Python that has aepp; None where there is none to be had."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Path(named)
        return
    print(f"  making an environment with aepp; set {VARIABLE} to a Python that has it to spare that", flush=True)
    folder = home / "aepp"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "aepp"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = getattr(error, "stderr", None)
        last = said.strip().splitlines()[-1] if isinstance(said, str) and said.strip() else str(error)
        print(f"  aepp cannot be installed, so nothing is compared: {last}", flush=True)
        yield None
    else:
        yield python


if __name__ == "__main__":
    sys.exit(report("full synchronisation", measure()))

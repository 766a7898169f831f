"""A synchronisation killed in the middle leaves a whole history, goes on from there, and ends with what is true."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.benchmarks.kills import differences, kept_jobs, killed
from tests.support.emulators import running_emulator
from tests.support.terminal import AEPX, ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path


def test_a_sync_killed_six_times_ends_with_the_truth(tmp_path: Path) -> None:
    outcome = killed(tmp_path, kills=6, jobs=9_000)
    assert outcome.faults == ()
    assert outcome.differences == ()
    assert outcome.jobs >= 9_000
    # Not all of them before anything was written, or they would prove nothing.
    assert max(outcome.stood_at) > 100


def test_two_synchronisations_of_one_history_at_once_end_right(tmp_path: Path) -> None:
    with running_emulator(tmp_path, "--jobs", "6000", "--control") as platform:
        environ = environment(tmp_path, AEPX_DATA_DIR=str(tmp_path / "data"), **platform.variables())
        command = [*AEPX, "jobs", "sync", "--all", "--json"]
        both = [
            subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [one.communicate(timeout=50) for one in both]
        assert [one.returncode for one in both] == [0, 0], said
        assert all(json.loads(out)["complete"] for out, _ in said)
        assert differences(tmp_path, platform, environ) == []
        # Each job was new to one of the two, and to one only.
        (path,) = (tmp_path / "data" / "history").glob("*.db")
        assert 6_000 <= sum(json.loads(out)["new"] for out, _ in said) <= len(kept_jobs(path))

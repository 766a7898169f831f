"""Kills a full synchronisation at random moments and compares what it leaves; `python -m tests.benchmarks.kills [N]`.

After each kill the history must be whole. In the end an undisturbed run completes it, and it must say of every job what
the platform says, which a plain walk over the wire finds out.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.figures import Figure, report
from tests.support.emulators import running_emulator
from tests.support.terminal import AEPX, ROOT, environment
from tui_app.models.export_job import normal_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.emulators import EmulatorProcess

KILLS: Final = 200
JOBS: Final = 20_000
SEED: Final = 7
PATH: Final = "/data/core/ups/export/jobs"
VARIABLE: Final = "AEPX_BENCH_KILLS"
_PATIENCE_S: Final = 300.0
Said = dict[str, tuple[str, int]]
"""Status and creation time, epoch ms, by id."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one history: how often it was killed, and where it then was in the walk."""

    kills: int
    faults: tuple[str, ...]
    stood_at: tuple[int, ...]
    differences: tuple[str, ...]
    jobs: int


def measure() -> list[Figure]:
    """Kill as often as asked for."""
    asked = sys.argv[1:] if Path(sys.argv[0]).stem == "kills" else []
    kills = int(asked[0] if asked else os.environ.get(VARIABLE, KILLS))
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home:
        outcome = killed(Path(home), kills=kills, jobs=JOBS)
    for line in (*outcome.faults, *outcome.differences)[:20]:
        print(f"  {line}")
    moved = len(set(outcome.stood_at))
    return [
        Figure(f"kills of aepx jobs sync --all, {JOBS:,} jobs", outcome.kills, ""),
        Figure("  of them between two pages that differ", moved, "", note="how far history had come each time"),
        Figure("histories damaged by them", len(outcome.faults), "", 0.0),
        Figure("jobs lost, doubled or wrong in the end", len(outcome.differences), "", 0.0, f"of {outcome.jobs:,}"),
    ]


def killed(home: Path, *, kills: int, jobs: int) -> Outcome:
    """Kill `aepx jobs sync --all` again and again, each time at any moment of its work, then let it finish.

    The platform is alive: its jobs run and new ones arrive. Whenever a run comes to its end before it is killed, the
    history is compared and taken away, and the next run begins anew. How long a run takes on this machine at this
    moment is found out first: at most half of that is given to one, so that few come to their end.
    """
    draw = random.Random(SEED)
    faults: list[str] = []
    wrong: list[str] = []
    stood_at: list[int] = []
    with running_emulator(home, "--jobs", str(jobs), "--speed", "100", "--control") as platform:
        environ = environment(home, AEPX_DATA_DIR=str(home / "data"), **platform.variables())
        begun = time.perf_counter()
        wrong += differences(home, platform, environ)
        most_s = (time.perf_counter() - begun) / 2
        _forget(home)
        rounds = 0
        while rounds < kills:
            ended = _kill_once(environ, seconds=draw.uniform(most_s / 8, most_s))
            rounds += not ended
            path = _history(home)
            if path is not None:
                faults += _faults(path)
                stood_at.append(_count(path))
            if ended:
                wrong += differences(home, platform, environ)
                _forget(home)
        wrong += differences(home, platform, environ)
        path = _history(home)
        assert path is not None
        return Outcome(kills, tuple(faults), tuple(stood_at), tuple(wrong), _count(path))


def _kill_once(environ: Mapping[str, str], *, seconds: float) -> bool:
    """Kill a synchronisation after a while; True if it was over before."""
    process = subprocess.Popen(
        [*AEPX, "jobs", "sync", "--all"], cwd=ROOT, env=dict(environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with process:
        try:
            _, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return False
    if process.returncode:
        raise RuntimeError(f"The synchronisation failed with {process.returncode}: {said.decode()[-2000:]}")
    return True


def differences(home: Path, platform: EmulatorProcess, environ: Mapping[str, str]) -> list[str]:
    """Stop the platform's time, synchronise undisturbed, and return in which jobs history differs from it."""
    _steer(platform.ready, pause=True)
    command = [*AEPX, "jobs", "sync", "--all", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=dict(environ), capture_output=True, check=False, timeout=_PATIENCE_S)
    if done.returncode or not json.loads(done.stdout)["complete"]:
        raise RuntimeError(f"The last synchronisation failed with {done.returncode}: {done.stderr.decode()[-2000:]}")
    path = _history(home)
    assert path is not None
    kept, true = kept_jobs(path), listed_jobs(platform.ready)
    _steer(platform.ready, pause=False)
    found = [f"{one} is missing" for one in sorted(true.keys() - kept.keys())]
    found += [f"{one} is in history only" for one in sorted(kept.keys() - true.keys())]
    changed = [one for one in sorted(kept.keys() & true.keys()) if kept[one] != true[one]]
    return found + [f"{one} is {kept[one]}, not {true[one]}" for one in changed]


def _steer(ready: Mapping[str, Any], **time: object) -> None:
    control = ready["control"]
    headers = {"Authorization": f"Bearer {control['token']}", "Content-Type": "application/json"}
    body = json.dumps(time).encode()
    request = urllib.request.Request(f"{control['url']}/time", body, headers, method="POST")  # noqa: S310 - loopback
    with _opener().open(request, timeout=30) as answer:
        answer.read()


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def kept_jobs(path: Path) -> Said:
    """Return what the history file says, read without any of our code."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT job_id, status, created_ms FROM job").fetchall()
    db.close()
    said = {job_id: (status, created_ms) for job_id, status, created_ms in rows}
    assert len(said) == len(rows)
    return said


def listed_jobs(ready: Mapping[str, Any]) -> Said:
    """Return what the platform says, walked over the wire without any of our code but the spelling of a status."""
    return {
        str(job["id"]): (normal_status(job["status"]), job["creationTime"]) for page in pages(ready) for job in page
    }


def pages(ready: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    headers = {
        "Authorization": f"Bearer {ready['access_token']}",
        "x-api-key": ready["client_id"],
        "x-gw-ims-org-id": ready["org_id"],
        "x-sandbox-name": "prod",
    }
    opener = _opener()
    offset = ""
    while True:
        url = f"{ready['base_url']}{PATH}?limit=1000{offset}"
        with opener.open(urllib.request.Request(url, headers=headers), timeout=30) as answer:  # noqa: S310 - loopback
            page = json.load(answer)
        yield page["records"]
        following = page["link"]["next"]
        if not following:
            return
        offset = f"&offset={following.partition('offset=')[2]}"


def _history(home: Path) -> Path | None:
    return next((home / "data" / "history").glob("*.db"), None)


def _forget(home: Path) -> None:
    for path in (home / "data" / "history").iterdir():
        path.unlink()


def _faults(path: Path) -> list[str]:
    """Return what SQLite finds wrong with the file; the log that the kill left is taken in first."""
    db = sqlite3.connect(path)
    try:
        found = [line for (line,) in db.execute("PRAGMA integrity_check")]
    finally:
        db.close()
    return [] if found == ["ok"] else found


def _count(path: Path) -> int:
    db = sqlite3.connect(path)
    try:
        (found,) = db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'job'").fetchone()
        (jobs,) = db.execute("SELECT COUNT(*) FROM job").fetchone() if found else (0,)
    finally:
        db.close()
    return int(jobs)


if __name__ == "__main__":
    begun = time.perf_counter()
    over = report("kills", measure())
    print(f"  took {time.perf_counter() - begun:.0f} s")
    sys.exit(over)

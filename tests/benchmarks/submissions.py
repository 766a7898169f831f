"""Submits jobs under faults and kill -9 and counts what was made; `python -m tests.benchmarks.submissions [N]`.

Two processes share one history and use the real engine on a real socket. Each acts as a careful person: an answer that
was lost is looked into before anything is sent again, and so is what a killed process left behind. In the end the jobs
of the platform must be those that the history says were made, one for each submission.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.figures import Figure, report
from tests.benchmarks.kills import pages
from tests.benchmarks.submitter import PROCESSES, Diary, Scene
from tests.support.emulators import running_emulator
from tests.support.terminal import ROOT, environment
from tui_app.models.catalog import DatasetRequest
from tui_app.models.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


SUBMISSIONS: Final = 1_000
KILLED_SHARE: Final = 10
"""Of so many submissions one meets the end of its process."""
SEED: Final = 5
PATH: Final = "/data/core/ups/export/jobs"
VARIABLE: Final = "AEPX_BENCH_SUBMISSIONS"
# Shares of the creations that meet each. The first four leave the person without an answer.
FAULTS: Final[Mapping[str, tuple[float, Mapping[str, Any]]]] = {
    "answer lost, job made": (0.07, {"kind": "lose"}),
    "reset in the answer, job made": (0.04, {"kind": "reset", "at": "headers"}),
    "timeout, job made": (0.03, {"kind": "drip", "bytes_a_second": 0.5}),
    "timeout, nothing made": (0.03, {"kind": "wait", "seconds": 3}),
    "reset before the service": (0.06, {"kind": "reset", "at": "start"}),
    "429 with Retry-After": (0.08, {"kind": "throttle", "retry_after": 1}),
    "500": (0.05, {"kind": "status", "status": 500}),
    "503": (0.05, {"kind": "status", "status": 503}),
}
_PATIENCE_S: Final = 1_800.0


@dataclass(slots=True)
class Outcome:
    """What came of all."""

    submissions: int
    jobs: int = 0
    made: int = 0
    kills: int = 0
    killed_while_sending: int = 0
    met: dict[str, int] = field(default_factory=dict)
    how: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    open_intents: int = 0
    seconds: float = 0.0


def measure() -> list[Figure]:
    """Submit as many as asked for."""
    asked = sys.argv[1:] if Path(sys.argv[0]).stem == "submissions" else []
    count = int(asked[0] if asked else os.environ.get(VARIABLE, SUBMISSIONS))
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as home:
        outcome = submitted(Path(home), submissions=count)
    for line in outcome.wrong[:30]:
        print(f"  {line}")
    told = ", ".join(f"{how} {times}" for how, times in sorted(outcome.how.items()))
    return [
        Figure("submissions, each until its job was made", outcome.submissions, "", note=f"{outcome.seconds:.0f} s"),
        *(Figure(f"  met: {name}", times, "") for name, times in outcome.met.items()),
        Figure("  processes killed", outcome.kills, "", note=f"{outcome.killed_while_sending} in a submission"),
        Figure("jobs that the platform has of them", outcome.jobs, ""),
        Figure("submissions confirmed as made", outcome.made, "", note=told),
        Figure("intents left open", outcome.open_intents, "", 0.0),
        Figure("jobs lost, doubled or not accounted for", len(outcome.wrong), "", 0.0),
    ]


def submitted(home: Path, *, submissions: int, seed: int = SEED) -> Outcome:
    """Let the processes submit under faults, kill them now and then, and compare what they leave."""
    outcome = Outcome(submissions)
    begun = time.perf_counter()
    with running_emulator(home, "--jobs", "300", "--seed", str(seed), "--control") as platform:
        scene = Scene(platform.ready, str(home), "", submissions)
        scene = replace(scene, dataset_id=asyncio.run(_target(scene)))
        for share, effect in FAULTS.values():
            _control(platform.ready, "/faults", {**effect, "method": "POST", "path": PATH, "probability": share})
        _run(home, scene, outcome, random.Random(seed))
        for name, told in zip(FAULTS, _control(platform.ready, "/faults")["faults"], strict=True):
            outcome.met[name] = told["met"]
        _control(platform.ready, "/faults", method="DELETE")
        asyncio.run(_settle(scene))
        _judge(scene, outcome)
    outcome.seconds = time.perf_counter() - begun
    return outcome


async def _target(scene: Scene) -> str:
    engine = scene.engine()
    try:
        return await engine.datasets.create(DatasetRequest(name="Submissions"))
    finally:
        await engine.stop()


async def _settle(scene: Scene) -> None:
    engine = scene.engine()
    try:
        await engine.jobs.settle_open()
    finally:
        await engine.stop()


def _run(home: Path, scene: Scene, outcome: Outcome, draw: random.Random) -> None:
    """Keep the processes going until all is submitted, and kill one of them every now and then."""
    path = home / "scene.json"
    path.write_text(json.dumps({name: getattr(scene, name) for name in Scene.__slots__}))
    environ = {**environment(home), "PYTHONPATH": str(ROOT)}

    def start(place: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.benchmarks.submitter", str(path), str(place)]
        return subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE)

    running = {place: start(place) for place in range(PROCESSES)}
    last = max(3, scene.submissions - 4)
    marks = sorted(draw.sample(range(1, last), k=max(1, scene.submissions // KILLED_SHARE)))
    until = time.monotonic() + _PATIENCE_S
    try:
        while running:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(running)} processes are at work after {_PATIENCE_S:g} s.")
            time.sleep(0.005)
            for place, process in tuple(running.items()):
                if process.poll() is not None:
                    _, said = process.communicate()
                    if process.returncode:
                        raise RuntimeError(f"Process {place} failed: {said.decode()[-3000:]}")
                    del running[place]
            if marks and running and _done(home) >= marks[0]:
                marks.pop(0)
                time.sleep(draw.uniform(0.0, 0.15))
                place = draw.choice(sorted(running))
                running[place].send_signal(signal.SIGKILL)
                running[place].communicate()
                if running[place].returncode == -signal.SIGKILL:
                    outcome.kills += 1
                    entries = Diary(home / f"diary-{place}").entries
                    outcome.killed_while_sending += bool(entries) and entries[-1]["what"] == "begin"
                running[place] = start(place)
    finally:
        for process in running.values():
            process.kill()
            process.communicate()


def _done(home: Path) -> int:
    return sum(path.read_bytes().count(b'"what": "made"') for path in home.glob("diary-*"))


def _judge(scene: Scene, outcome: Outcome) -> None:
    """Compare platform, journal and diaries; none of them is asked through our own code."""
    records = [one for page in pages(scene.ready) for one in page if _dataset_of(one) == scene.dataset_id]
    jobs = [str(one["id"]) for one in records]
    rows = scene.intents()
    made = [row for row in rows if row["state"] == "made"]
    outcome.jobs, outcome.open_intents = len(jobs), sum(row["state"] == "open" for row in rows)
    claims = Counter(row["job_id"] for row in made)
    outcome.wrong += [f"job {one} is claimed by {times} intents" for one, times in claims.items() if times > 1]
    outcome.wrong += [f"job {one} is on the platform and nobody's" for one in set(jobs) - set(claims)]
    outcome.wrong += [f"job {one} is claimed and not on the platform" for one in set(claims) - set(jobs)]
    segments = {str(one["id"]): one["filter"]["segments"][0]["segmentId"] for one in records}
    outcome.wrong += [f"{times} jobs of {name}" for name, times in _doubled(list(segments.values()))]
    diaries = [Diary(Path(scene.folder) / f"diary-{place}") for place in range(PROCESSES)]
    confirmed: dict[int, str] = {}
    for entry in (entry for diary in diaries for entry in diary.of("made")):
        number, job_id = entry["number"], entry["job"]
        if number in confirmed:
            outcome.wrong.append(f"submission {number} was confirmed twice")
        confirmed[number] = job_id
        wanted = scene.request(number).segments[0].segment_id
        if segments.get(job_id) != wanted:
            outcome.wrong.append(f"submission {number} was told job {job_id}, which exports {segments.get(job_id)}")
        if claims[job_id] and not any(row["job_id"] == job_id and row["intent_id"] == entry["intent"] for row in made):
            outcome.wrong.append(f"submission {number} was told job {job_id}, which belongs to another intent")
        outcome.how[entry["how"]] += 1
    for told in (entry for diary in diaries for entry in diary.entries):
        if told["what"] in {"several", "not settled"} or told.get("kind") == FailureKind.REFUSED:
            outcome.how[told["what"] if told["what"] != "refused" else "waited for its twin"] += 1
    outcome.made = len(confirmed)
    outcome.wrong += [f"job {one} was told {times} times" for one, times in _doubled(list(confirmed.values()))]
    missing = set(range(scene.submissions)) - set(confirmed)
    outcome.wrong += [f"submission {number} has no job" for number in sorted(missing)]


def _doubled(values: Sequence[str]) -> Iterator[tuple[str, int]]:
    return ((one, times) for one, times in Counter(values).items() if times > 1 and one not in {"same", "alike"})


def _dataset_of(record: Mapping[str, Any]) -> object:
    destination = record["destination"]
    return destination.get("datasetId") or destination.get("dataSetId")


def _control(ready: Mapping[str, Any], path: str, body: Mapping[str, Any] | None = None, method: str = "") -> Any:
    headers = {"Authorization": f"Bearer {ready['control']['token']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    url = f"{ready['control']['url']}{path}"
    request = urllib.request.Request(url, data, headers, method=method or ("POST" if data else "GET"))  # noqa: S310 - loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(report("submissions", measure()))

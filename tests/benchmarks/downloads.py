"""Downloads against curl, memory at 2 GB, and kills at any moment; `python -m tests.benchmarks.downloads [KILLS]`.

The files are random bytes in parquet, adopted by a platform on a real socket, so that nothing can be compressed away.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import duckdb

from tests.benchmarks.figures import Figure, report
from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import AEPX, ROOT, environment
from tui_app.emulator.faults.connection import Drip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.emulator.data.files import ParquetFiles

KILLS: Final = 200
VARIABLE: Final = "AEPX_BENCH_DOWNLOAD_KILLS"
SEED: Final = 11
_MIB: Final = 1024**2
_ROW: Final = 256
_PATIENCE_S: Final = 240.0
_ROUNDS: Final = 5
_LINE: Final = 125_000_000.0
"""Bytes a second."""
_WHOLE: Final = 'sha256sum "$1" && sync "$1"'
"""What a download does besides reading, and curl does not."""


@dataclass(frozen=True, slots=True)
class Export:
    """A job whose files were made here: their SHA-256 by batch and name."""

    job_id: str
    sums: dict[tuple[str, str], str]
    bytes: int


def made_export(platform: ServedEmulator, folder: Path, *, parts: int, part_bytes: int, batches: int = 3) -> Export:
    """Put files of random bytes in place of those of a job of so many batches."""
    job_id, batch_ids = job_of(platform, batches)
    files: ParquetFiles = platform.emulator.files
    sums, size = {}, 0
    for number, batch_id in enumerate(batch_ids):
        paths = [made_file(folder / f"{number}-{part}.parquet", part_bytes) for part in range(parts)]
        digests = [_sum(path) for path in paths]
        size += sum(path.stat().st_size for path in paths)
        files.adopt(batch_id, paths)
        # In the order of the names, which is that of the parts.
        listed = sorted(files._adopted[batch_id].paths)
        sums.update({(batch_id, name): digest for name, digest in zip(listed, digests, strict=True)})
    return Export(job_id, sums, size)


def job_of(platform: ServedEmulator, batches: int) -> tuple[str, list[str]]:
    """Return a job of the past that has succeeded with so many batches, none of them empty, and their ids."""
    command = [*AEPX, "jobs", "list", "--all", "--status", "SUCCEEDED", "--json"]
    with tempfile.TemporaryDirectory() as home:
        environ = environment(Path(home), **platform.variables())
        found = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    for one in json.loads(found.stdout):
        ids = [each["batch_id"] for each in one["batches"]]
        if len(ids) == batches:
            return one["id"], ids
    raise LookupError(f"No job has {batches} batches.")


def made_file(path: Path, size: int) -> Path:
    """Write a parquet file of about so many random bytes."""
    rows = max(1, size // _ROW)
    duckdb.execute(  # our own numbers and path
        "COPY (SELECT i AS number, unhex(sha256(i::VARCHAR || random()::VARCHAR)) || "
        f"unhex(repeat(sha256(random()::VARCHAR), {_ROW // 32 - 1})) AS noise FROM range({rows}) AS t(i)) "
        f"TO '{path}' (FORMAT parquet, COMPRESSION uncompressed)"
    )
    return path


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong_files(folder: Path, export: Export) -> list[str]:
    """Return what is not as the source: bytes of a file under its final name, files too many, files missing."""
    found: dict[tuple[str, str], str] = {}
    strange = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name.endswith((".part", ".part.json")) or name == "manifest.json":
            continue
        key = (path.parent.name, path.name)
        found[key] = _sum(path)
        if export.sums.get(key) != found[key]:
            strange.append(f"{name} is not its source")
    return [*strange, *(f"{key[1]} is missing" for key in export.sums if key not in found)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a download that was killed again and again."""

    kills: int
    ended: int
    early: tuple[str, ...]
    """Files under a final name that were not their source, after a kill."""
    wrong: tuple[str, ...]
    """The same in the end, and what is missing then."""
    stood_at: tuple[int, ...]
    """Bytes that were there after each kill."""


def killed(home: Path, platform: ServedEmulator, export: Export, *, kills: int, rate: str = "") -> Outcome:
    """Kill `aepx download` at any moment, look at what it left, and let it finish in the end."""
    draw = random.Random(SEED)
    target = home / "data"
    environ = environment(home, **platform.variables())
    command = [*AEPX, "download", export.job_id, "--to", str(target), *(["--limit-rate", rate] if rate else [])]
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=_PATIENCE_S, check=True)
    whole_s = time.perf_counter() - began
    shutil.rmtree(target)
    early, stood_at, ended = [], [], 0
    for _ in range(kills):
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=draw.uniform(0.2, whole_s))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        folder = target / export.job_id
        early += [one for one in wrong_files(folder, export) if one.endswith("source")]
        stood_at.append(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
        if process.returncode == 0:
            ended += 1
            early += wrong_files(folder, export)
            shutil.rmtree(target)
    subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=_PATIENCE_S, check=True)
    wrong = wrong_files(target / export.job_id, export)
    manifest = json.loads((target / export.job_id / "manifest.json").read_text())
    sums = {(one["batch_id"], one["name"]): one["sha256"] for one in manifest["files"]}
    if sums != export.sums:
        wrong.append("manifest.json does not say what is there")
    left = [path.name for path in target.rglob("*.part*")]
    return Outcome(kills, ended, tuple(early), (*wrong, *left), tuple(stood_at))


def measure() -> list[Figure]:
    """Measure rates, memory and kills."""
    asked = sys.argv[1:] if Path(sys.argv[0]).stem == "downloads" else []
    kills = int(asked[0] if asked else os.environ.get(VARIABLE, KILLS))
    figures = []
    with tempfile.TemporaryDirectory(prefix="aepx-bench-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        with ServedEmulator(jobs=200) as platform:
            figures += _rates(home, platform)
        with ServedEmulator(jobs=200) as platform:
            export = made_export(platform, home, parts=5, part_bytes=64 * _MIB // 15)
            outcome = killed(home / "kills", platform, export, kills=kills)
            for line in (*outcome.early, *outcome.wrong)[:20]:
                print(f"  {line}")
            moved = len(set(outcome.stood_at))
            figures += [
                Figure(f"kills of aepx download, {export.bytes / _MIB:.0f} MiB in 15 files", outcome.kills, ""),
                Figure("  of them with other bytes there", moved, "", note=f"{outcome.ended} runs came to their end"),
                Figure("partial or wrong files under a final name", len(outcome.early), "", 0.0),
                Figure("files wrong or missing in the end", len(outcome.wrong), "", 0.0),
            ]
        with ServedEmulator(jobs=200) as platform:
            figures += _large(home, platform)
    return figures


def _rates(home: Path, platform: ServedEmulator) -> list[Figure]:
    one = made_export(platform, home, parts=1, part_bytes=512 * _MIB, batches=1)
    pairs = [
        (
            _curl_s(home, platform, one),
            _curl_s(home, platform, one, then=_WHOLE),
            _ours_s(home, platform, one, parallel=3),
        )
        for _ in range(_ROUNDS)
    ]
    figures = [
        _slower("one file of 512 MiB: time of ours by curl's", [curl / ours for curl, _, ours in pairs]),
        _slower("  the same, curl followed by sha256sum and sync", [both / ours for _, both, ours in pairs]),
    ]
    line = platform.disturb(Drip(_LINE), path="/data/foundation/export/files/*")
    ratios = [_curl_s(home, platform, one) / _ours_s(home, platform, one, parallel=3) for _ in range(3)]
    figures.append(_slower("  the same over a line of 1 Gbit/s", ratios))
    assert line.met
    platform.emulator.faults.clear()
    platform.emulator.files.drop(next(iter(one.sums))[0])
    eight = made_export(platform, home, parts=8, part_bytes=64 * _MIB, batches=1)
    ratios = [_curl_s(home, platform, eight) / _ours_s(home, platform, eight, parallel=8) for _ in range(_ROUNDS)]
    return [*figures, _slower("8 files of 64 MiB: the same, curl one after another", ratios)]


def _slower(what: str, ratios: Sequence[float]) -> Figure:
    best = sorted(ratios)[len(ratios) // 2]
    note = f"{best:.2f}x of curl's rate (at least 0.9), {min(ratios):.2f} to {max(ratios):.2f}"
    return Figure(what, 1 / best, "x", 1 / 0.9, note)


def _ours_s(home: Path, platform: ServedEmulator, export: Export, *, parallel: int) -> float:
    """Return the seconds that the transfer took, from the command's first byte to its end, start of Python left out."""
    target = home / "ours"
    command = [*AEPX, "download", export.job_id, "--to", str(target), "--parallel", str(parallel), "--json"]
    environ = environment(home, **platform.variables())
    idle = _run_s([*AEPX, "batches", "list", "--job", export.job_id, "--json"], environ)
    took = _run_s(command, environ)
    faults = wrong_files(target / export.job_id, export)
    assert not faults, faults
    shutil.rmtree(target)
    # Both commands sign in and read job and batches; what is left is the download.
    return max(0.001, took - idle)


def _curl_s(home: Path, platform: ServedEmulator, export: Export, *, then: str = "") -> float:
    """Return the seconds that curl took for the files one after another, and a command on each of them."""
    variables = platform.variables()
    token = platform.emulator.ready_line(platform.base_url)["access_token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "x-api-key": variables["AEPX_CLIENT_ID"],
        "x-gw-ims-org-id": variables["AEPX_ORG_ID"],
        "x-sandbox-name": "prod",
    }
    config = home / "curl.txt"
    lines = [f'header = "{name}: {value}"\n' for name, value in headers.items()]
    total = 0.0
    for batch_id, name in export.sums:
        listed = subprocess.run(
            [*AEPX, "batches", "files", batch_id, "--json"],
            cwd=ROOT, env=environment(home, **variables), capture_output=True, text=True, check=True,
        )  # fmt: skip
        file_id = next(one["file_id"] for one in json.loads(listed.stdout) if one["name"] == name)
        url = f"{variables['AEPX_BASE_URL']}/data/foundation/export/files/{quote(file_id)}?path={quote(name)}"
        config.write_text("".join(lines))
        out = home / "curl.out"
        total += _run_s(["curl", "-sS", "--fail", "-K", str(config), "-o", str(out), url], dict(os.environ))
        if then:
            total += _run_s(["sh", "-c", then, "sh", str(out)], dict(os.environ))
        assert _sum(out) == export.sums[batch_id, name]
        out.unlink()
    return total


def _run_s(command: Sequence[str], environ: dict[str, Any]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=_PATIENCE_S, check=True)
    return time.perf_counter() - began


def _large(home: Path, platform: ServedEmulator) -> list[Figure]:
    export = made_export(platform, home, parts=5, part_bytes=2048 * _MIB // 15)
    target = home / "large"
    command = [*AEPX, "download", export.job_id, "--to", str(target)]
    # The one child so far whose memory counts: those before were smaller.
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(home, **platform.variables()), stderr=subprocess.DEVNULL
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    assert process.returncode == 0
    assert wrong_files(target / export.job_id, export) == []
    note = f"children before: {before / 1024:.0f} MiB"
    return [Figure(f"most memory, {export.bytes / _MIB:,.0f} MiB in 15 files", peak / _MIB, "MiB", 100.0, note)]


def resident(pid: int) -> int:
    """Return the bytes that a process and those it started hold."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = [one.name for one in Path(f"/proc/{pid}/task").iterdir() if one.name != str(pid)]
        started += [one for each in threads for one in Path(f"/proc/{pid}/task/{each}/children").read_text().split()]
    except (OSError, IndexError):
        return 0
    return own + sum(resident(int(one)) for one in started)


if __name__ == "__main__":
    sys.exit(report("downloads", measure()))

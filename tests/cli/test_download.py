"""`aepx download` and `aepx batches` over a real socket: what comes is what is there, whatever happens."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.downloads import made_export, wrong_files
from tests.support.served_emulator import ServedEmulator
from tui_app.emulator.faults.connection import Drip, Reset
from tui_app.emulator.faults.instead import Revoke, Status, Throttle
from tui_app.emulator.faults.wire import Range, Truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.benchmarks.downloads import Export
    from tests.cli.conftest import Result

    Aepx = Callable[..., Result]

FILES = "/data/foundation/export/files/*"


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with ServedEmulator(jobs=120) as served:
        yield served


@pytest.fixture(scope="module")
def export(served: ServedEmulator, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A job with three audiences, a batch each, five parts a batch."""
    return made_export(served, tmp_path_factory.mktemp("made"), parts=5, part_bytes=120_000)


@pytest.fixture
def platform(served: ServedEmulator, clean_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedEmulator]:
    served.emulator.credentials.revoke()
    for name, value in served.variables().items():
        monkeypatch.setenv(name, value)
    yield served
    served.emulator.faults.clear()


def test_all_files_come_with_a_manifest_and_again_nothing_is_fetched(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    done = aepx("download", export.job_id, "--to", str(tmp_path / "to"), "--json")
    assert done.code == 0, done.err
    folder = tmp_path / "to" / export.job_id
    assert wrong_files(folder, export) == []
    assert done.document["complete"]
    assert done.document["folder"] == str(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {(one["batch_id"], one["name"]): one["sha256"] for one in manifest["files"]} == export.sums
    assert manifest["complete"]
    assert all(one["rows"] > 0 for one in manifest["files"])
    assert any(one["audience"] for one in manifest["batches"])
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    again = aepx("download", export.job_id, "--to", str(tmp_path / "to"), "--json")
    assert again.code == 0
    assert "Nothing was missing: all 15 files" in again.err
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*")} == before


def test_only_what_is_missing_or_changed_is_fetched_again(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    assert aepx("download", export.job_id, "--to", str(tmp_path)).code == 0
    folder = tmp_path / export.job_id
    first, second, *_ = sorted(folder.glob("*/*.parquet"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    done = aepx("download", export.job_id, "--to", str(tmp_path), "--json")
    assert done.code == 0
    assert done.document["bytes"] > done.document["bytes_kept"] > 0
    assert wrong_files(folder, export) == []
    with first.open("r+b") as file:
        file.seek(100)
        file.write(b"spoiled")
    assert "Nothing was missing" in aepx("download", export.job_id, "--to", str(tmp_path)).err
    done = aepx("download", export.job_id, "--to", str(tmp_path), "--verify")
    assert done.code == 0
    assert "Its bytes have changed since it was downloaded. It is fetched anew." in done.err
    assert wrong_files(folder, export) == []


def test_a_file_of_another_size_than_before_is_told_and_fetched_anew(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    assert aepx("download", export.job_id, "--to", str(tmp_path)).code == 0
    path = tmp_path / export.job_id / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][0]["bytes"] -= 7
    path.write_text(json.dumps(manifest))
    done = aepx("download", export.job_id, "--to", str(tmp_path))
    assert done.code == 0
    assert f"Warning: {manifest['files'][0]['name'][:10]}" in done.err
    assert "it is fetched anew" in done.err
    assert wrong_files(tmp_path / export.job_id, export) == []
    assert "fetched anew" not in aepx("download", export.job_id, "--to", str(tmp_path)).err


@pytest.mark.timeout(120)
def test_faults_on_a_third_of_the_answers_change_no_byte(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    share = 0.07
    effects = (
        Reset("body", keep=20_000),
        Drip(400_000.0),
        Truncate(keep=50_000),
        Range("start"),
        Range("total"),
        Range("missing"),
        Status(503),
        Throttle(retry_after=1),
        Status(401),
    )
    met = [platform.disturb(one, path=FILES, method="GET", after=3, probability=share) for one in effects]
    revoked = platform.disturb(Revoke(), path=FILES, method="GET", after=9, times=2)
    for _ in range(12):  # a listing may fail for good, as it does for anybody: then the command is run again
        done = aepx("download", export.job_id, "--to", str(tmp_path), "--parallel", "5")
        if done.code == 0:
            break
        assert "What is complete stays" in done.err or "Error" in done.err
    assert done.code == 0, done.err
    assert wrong_files(tmp_path / export.job_id, export) == []
    assert sum(one.met for one in met) >= 3
    assert revoked.met


def test_a_whole_answer_in_place_of_a_range_is_good_for_the_first_bytes(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    platform.disturb(Range("ignored"), path=FILES)
    assert aepx("download", export.job_id, "--to", str(tmp_path)).code == 0
    assert wrong_files(tmp_path / export.job_id, export) == []


def test_what_is_complete_stays_when_a_file_is_gone(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    (batch_id, _), *_ = export.sums
    platform.disturb(Status(404), path=f"/data/foundation/export/files/{batch_id}*", after=8, times=1)
    done = aepx("download", export.job_id, "--to", str(tmp_path), "--parallel", "1")
    assert done.code == 1
    assert "was not downloaded" in done.err
    assert "What is complete stays" in done.err
    there = wrong_files(tmp_path / export.job_id, export)
    assert len(there) == 1
    assert "missing" in there[0]
    assert aepx("download", export.job_id, "--to", str(tmp_path)).code == 0


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_fetched(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = aepx("download", export.job_id, "--to", str(tmp_path / "file" / "in"))
    assert done.code != 0
    assert "Nothing can be downloaded into" in done.err
    if os.geteuid():
        closed = tmp_path / "closed"
        closed.mkdir()
        closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
        assert "Nothing can be downloaded into" in aepx("download", export.job_id, "--to", str(closed)).err
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / export.job_id).symlink_to(outside)
    done = aepx("download", export.job_id, "--to", str(tmp_path))
    assert "A link or a file has this name" in done.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("999999999", "--to", "x"), "999999999"),
        (("nobatch", "--to", "x"), "Batch nobatch"),
        (("1", "--to", "x", "--limit-rate", "fast"), "is no rate"),
        (("1", "--to", "x", "--parallel", "0"), "parallel"),
    ],
)
def test_bad_input_gets_a_clear_message(
    aepx: Aepx,
    platform: ServedEmulator,
    arguments: tuple[str, ...],
    said: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = aepx("download", *arguments)
    assert done.code in (1, 2)
    assert said in done.err


def test_a_job_that_failed_has_nothing_to_download(aepx: Aepx, platform: ServedEmulator, tmp_path: Path) -> None:
    failed = aepx("jobs", "list", "--all", "--status", "FAILED", "--json").document[0]["id"]
    done = aepx("download", failed, "--to", str(tmp_path))
    assert done.code == 1
    assert "has nothing to download: It is FAILED" in done.err


def test_the_batches_of_a_job_are_listed_with_counts_held_together(
    aepx: Aepx, platform: ServedEmulator, export: Export
) -> None:
    listed = aepx("batches", "list", "--job", export.job_id, "--json")
    assert listed.code == 0
    assert len(listed.document) == 3
    assert all(one["status"] in ("success", "active") and one["readable"] for one in listed.document)
    assert any(one["audience"] for one in listed.document)
    files = aepx("batches", "files", listed.document[0]["batch_id"], "--json")
    assert {one["name"] for one in files.document} == {
        name for batch_id, name in export.sums if batch_id == listed.document[0]["batch_id"]
    }
    assert aepx("batches", "files", "nobody").code == 1
    assert "BATCH ID" in aepx("batches", "list", "--job", export.job_id).out


def test_rows_that_differ_from_what_the_batch_counts_are_told(
    aepx: Aepx, platform: ServedEmulator, export: Export, tmp_path: Path
) -> None:
    # The files were put in place of others, so the platform's counters lie about them.
    done = aepx("download", export.job_id, "--to", str(tmp_path))
    assert "The batches count" in done.err
    assert "Likely:" in done.err
    assert "rows" in aepx("batches", "list", "--job", export.job_id).err


def test_an_honest_job_agrees(aepx: Aepx, platform: ServedEmulator, tmp_path: Path, export: Export) -> None:
    for one in aepx("jobs", "list", "--all", "--status", "SUCCEEDED", "--json").document:
        batches = aepx("batches", "list", "--job", one["id"], "--json")
        written = sum(each["records_written"] or 0 for each in batches.document)
        if one["id"] != export.job_id and 0 < written < 20_000:
            done = aepx("download", one["id"], "--to", str(tmp_path), "--json")
            assert done.code == 0, done.err
            assert "Warning" not in done.err
            assert f"{written:,} rows downloaded" in aepx("batches", "list", "--job", one["id"]).err
            return
    raise AssertionError("there is no small export")

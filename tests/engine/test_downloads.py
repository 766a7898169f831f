"""The queue of downloads: paused, gone on with, stopped, verified, remembered from run to run, and kept to a rate."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.support import SkippingClock
from tests.support.clock import FakeClock
from tests.support.engines import job, make_engine, unknown
from tui_app.api.data_access import FileBytes
from tui_app.engine.rate_limit import RateLimit, parse_rate
from tui_app.engine.target import Target
from tui_app.models.data_access import ByteRange, RemoteFile
from tui_app.models.failure import FailureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui_app.engine.downloads import Download
    from tui_app.engine.engine import Engine

BATCH = "da5cfb4de32c4b93a09f7e37fa53ad52"
"""The batch that a job of `job` names."""
NAMES = ("one.csv", "two.csv")


class Files:
    """Serves files from memory; while `gate` is shut, no answer gives more than its first bytes."""

    def __init__(self) -> None:
        self.content = {name: os.urandom(300_000) for name in NAMES}
        self.asked: list[tuple[str, int]] = []
        self.is_gone = False
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def batch_files(self, batch_id: str) -> tuple[RemoteFile, ...]:
        if self.is_gone:
            raise unknown("Its files")
        return tuple(RemoteFile(batch_id, f"{batch_id}-1", name, len(data)) for name, data in self.content.items())

    @asynccontextmanager
    async def stream(self, file: RemoteFile, start: int, length: int) -> AsyncIterator[FileBytes]:
        self.asked.append((file.name, start))
        data = self.content[file.name]
        end = min(len(data), start + length)
        yield FileBytes(ByteRange(start, end - 1, len(data)), self._chunks(data, start, end))

    async def _chunks(self, data: bytes, start: int, end: int) -> AsyncIterator[bytes]:
        for at in range(start, end, 100_000):
            yield data[at : min(end, at + 100_000)]
            self.reached.set()
            await self.gate.wait()


def made(tmp_path: Path) -> tuple[Engine, Files]:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=[job("700")])
    platform.batches[BATCH] = {"status": "success", "metrics": {"recordsWritten": 2}}
    files = Files()
    replaced: Any = platform
    replaced.data_access = files
    return engine, files


async def began(engine: Engine, files: Files, to: Path) -> str:
    """Begin a download, and return its key as soon as bytes are asked for."""
    files.gate.clear()
    key = await engine.downloads.add(job_id="700", to=to)
    async with asyncio.timeout(10):
        await files.reached.wait()
    return key


def here(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.csv")}


async def ended(engine: Engine, key: str) -> Download:
    async with asyncio.timeout(20):
        return await engine.downloads.wait(key)


async def test_paused_it_goes_on_where_it_was(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    key = await began(engine, files, tmp_path / "to")
    engine.downloads.pause(key)
    assert (await ended(engine, key)).state == "paused"
    assert here(tmp_path / "to") == {}
    files.gate.set()
    files.asked.clear()
    engine.downloads.resume(key)
    found = await ended(engine, key)
    assert (found.state, found.bytes_done) == ("done", 600_000)
    assert 100_000 in {start for _, start in files.asked}
    assert here(tmp_path / "to") == files.content
    await engine.stop()


async def test_stopped_it_can_be_taken_up_again_and_no_later_run_offers_it(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    key = await began(engine, files, tmp_path / "to")
    await engine.downloads.cancel(key)
    assert (await ended(engine, key)).state == "cancelled"
    assert await engine.downloads.past.unfinished() == ()
    files.gate.set()
    engine.downloads.resume(key)
    assert (await ended(engine, key)).state == "done"
    assert here(tmp_path / "to") == files.content
    await engine.stop()


async def test_what_is_under_way_when_the_app_ends_is_offered_by_the_next_one(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    await began(engine, files, tmp_path / "to")
    assert await engine.downloads.unfinished() == ()
    await engine.stop()
    engine, files = made(tmp_path)
    assert await engine.downloads.unfinished() == (("700", "", tmp_path / "to"),)
    key = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    assert (await ended(engine, key)).state == "done"
    assert 100_000 in {start for _, start in files.asked}
    assert await engine.downloads.past.unfinished() == ()
    await engine.stop()


async def test_the_same_download_is_begun_once(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    key = await began(engine, files, tmp_path / "to")
    assert await engine.downloads.add(job_id="700", to=tmp_path / "to") == key
    assert len(engine.downloads.items) == 1
    files.gate.set()
    await ended(engine, key)
    again = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    found = await ended(engine, again)
    assert (found.bytes_kept, len(engine.downloads.items)) == (600_000, 1)
    await engine.stop()


async def test_bytes_that_changed_on_this_disk_are_found_and_fetched_anew(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    key = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    assert not (await ended(engine, key)).failures
    assert not (await engine.downloads.verify(key)).failures
    spoiled = next((tmp_path / "to").rglob("one.csv"))
    spoiled.write_bytes(b"x" + files.content["one.csv"][1:])
    files.asked.clear()
    found = await engine.downloads.verify(key)
    assert [str(one.cause) for one in found.failures] == ["Its bytes have changed since it was downloaded"]
    assert await engine.downloads.past.rows_of("700") is None
    again = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    await ended(engine, again)
    assert files.asked == [("one.csv", 0)]
    assert here(tmp_path / "to") == files.content
    await engine.stop()


async def test_a_batch_that_cannot_be_listed_any_more_keeps_its_files_in_the_manifest(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    key = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    await ended(engine, key)
    before = json.loads((tmp_path / "to" / "700" / "manifest.json").read_text())["files"]
    files.is_gone = True
    again = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    assert (await ended(engine, again)).state == "failed"
    assert len(before) == 2
    assert json.loads((tmp_path / "to" / "700" / "manifest.json").read_text())["files"] == before
    await engine.stop()


async def test_a_file_that_no_manifest_vouches_for_is_fetched(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    folder = tmp_path / "to" / "700" / BATCH
    folder.mkdir(parents=True)
    (folder / "one.csv").write_bytes(b"y" * 300_000)
    key = await engine.downloads.add(job_id="700", to=tmp_path / "to")
    await ended(engine, key)
    assert here(tmp_path / "to") == files.content
    await engine.stop()


async def test_a_batch_alone_tells_the_records_it_was_written_with(tmp_path: Path) -> None:
    engine, _ = made(tmp_path)
    key = await engine.downloads.add(batch_id=BATCH, to=tmp_path / "to")
    await ended(engine, key)
    manifest = json.loads((tmp_path / "to" / BATCH / "manifest.json").read_text())
    assert [one["records_written"] for one in manifest["batches"]] == [2]
    await engine.stop()


async def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    engine, _ = made(tmp_path)
    (tmp_path / "to").write_text("mine")
    with pytest.raises(FailureError, match="A link or a file has this name"):
        await engine.downloads.add(job_id="700", to=tmp_path / "to")
    assert (tmp_path / "to").read_text() == "mine"
    await engine.stop()


async def test_paused_and_gone_on_with_at_once_it_goes_on(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    key = await began(engine, files, tmp_path / "to")
    for _ in range(3):
        engine.downloads.pause(key)
        engine.downloads.resume(key)
    files.gate.set()
    assert (await ended(engine, key)).state == "done"
    assert here(tmp_path / "to") == files.content
    await engine.stop()


async def test_what_has_ended_keeps_nobody_out_of_its_folder(tmp_path: Path) -> None:
    engine, files = made(tmp_path / "one")
    other, others = made(tmp_path / "other")
    others.content = files.content
    key = await began(engine, files, tmp_path / "to")
    with pytest.raises(FailureError, match="under way"):
        await other.downloads.add(job_id="700", to=tmp_path / "to")
    files.gate.set()
    await ended(engine, key)
    found = await ended(other, await other.downloads.add(job_id="700", to=tmp_path / "to"))
    assert (found.state, found.bytes_kept) == ("done", 600_000)
    assert not (await engine.downloads.verify(key)).failures
    await engine.stop()
    await other.stop()


async def test_gone_on_with_while_another_one_is_at_work_it_touches_nothing(tmp_path: Path) -> None:
    engine, files = made(tmp_path / "one")
    other, others = made(tmp_path / "other")
    others.content = files.content
    key = await began(engine, files, tmp_path / "to")
    engine.downloads.pause(key)
    await ended(engine, key)
    theirs = await began(other, others, tmp_path / "to")
    manifest = tmp_path / "to" / "700" / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    before = {path: path.read_bytes() for path in (tmp_path / "to").rglob("*") if path.is_file()}
    engine.downloads.resume(key)
    found = await ended(engine, key)
    assert [one.cause for one in found.failures] == ["Another download into this folder is under way"]
    assert {path: path.read_bytes() for path in (tmp_path / "to").rglob("*") if path.is_file()} == before
    others.gate.set()
    assert (await ended(other, theirs)).state == "done"
    assert here(tmp_path / "to") == files.content
    await engine.stop()
    await other.stop()


async def test_a_file_without_a_length_that_is_gone_is_the_only_one_missing(tmp_path: Path) -> None:
    engine, files = made(tmp_path)

    async def batch_files(batch_id: str) -> tuple[RemoteFile, ...]:
        lengths = {"one.csv": 300_000, "two.csv": None}
        return tuple(RemoteFile(batch_id, f"{batch_id}-1", name, lengths[name]) for name in NAMES)

    async def size(file: RemoteFile) -> int:
        raise unknown("It")

    replaced: Any = files
    replaced.batch_files, replaced.size = batch_files, size
    found = await ended(engine, await engine.downloads.add(job_id="700", to=tmp_path / "to"))
    assert [(one.name, one.state) for one in found.files] == [("one.csv", "done"), ("two.csv", "failed")]
    assert [one.what for one in found.failures] == ["File two.csv was not downloaded"]
    assert here(tmp_path / "to") == {"one.csv": files.content["one.csv"]}
    await engine.stop()


async def test_what_has_come_needs_no_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, files = made(tmp_path)
    key = await began(engine, files, tmp_path / "to")
    engine.downloads.pause(key)
    await ended(engine, key)
    come = sum(path.stat().st_size for path in (tmp_path / "to").rglob("*.csv.part"))
    assert come > 0
    files.gate.set()
    monkeypatch.setattr(Target, "free", lambda _: 600_000 - come - 1)
    engine.downloads.resume(key)
    found = await ended(engine, key)
    assert "disk has" in (found.failures[0].cause if found.failures else "")
    monkeypatch.setattr(Target, "free", lambda _: 600_000 - come)
    engine.downloads.resume(key)
    assert (await ended(engine, key)).state == "done"
    await engine.stop()


async def test_asked_to_check_a_download_fetches_what_has_changed_here(tmp_path: Path) -> None:
    engine, files = made(tmp_path)
    await ended(engine, await engine.downloads.add(job_id="700", to=tmp_path / "to"))
    spoiled = next((tmp_path / "to").rglob("one.csv"))
    spoiled.write_bytes(b"x" + files.content["one.csv"][1:])
    found = await ended(engine, await engine.downloads.add(job_id="700", to=tmp_path / "to"))
    assert found.bytes_kept == 600_000
    found = await ended(engine, await engine.downloads.add(job_id="700", to=tmp_path / "to", check=True))
    assert (found.state, found.bytes_kept) == ("done", 300_000)
    assert found.changed == ("one.csv: Its bytes have changed since it was downloaded. It is fetched anew.",)
    assert here(tmp_path / "to") == files.content
    await engine.stop()


@pytest.mark.parametrize(("to", "said"), [("~nosuchuser/x", "no home folder ~nosuchuser"), ("a\0b", "NUL")])
async def test_a_folder_that_cannot_be_is_told(tmp_path: Path, to: str, said: str) -> None:
    engine, _ = made(tmp_path)
    with pytest.raises(FailureError, match=said):
        await engine.downloads.add(job_id="700", to=Path(to))
    await engine.stop()


async def test_no_folder_is_made_for_a_batch_that_is_not_there(tmp_path: Path) -> None:
    engine, _ = made(tmp_path)
    for batch_id in ("nothing", "../../x", ""):
        with pytest.raises(FailureError):
            await engine.downloads.add(batch_id=batch_id, to=tmp_path / "to")
    assert not (tmp_path / "to").exists()
    await engine.stop()


async def test_a_manifest_that_does_not_fit_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = made(tmp_path)
    sync = os.fsync

    def full(descriptor: int) -> None:
        if "manifest" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    found = await ended(engine, await engine.downloads.add(job_id="700", to=tmp_path / "to"))
    assert [one.cause for one in found.failures][:1] == ["The disk is full"]
    assert not list((tmp_path / "to").rglob("manifest*"))
    await engine.stop()


class TestRate:
    """A number of bytes a second, over all that ask."""

    async def test_it_is_kept_over_two_who_ask_in_turn(self) -> None:
        clock = SkippingClock()
        limit = RateLimit(clock)
        limit.set(1_000)
        began_s = clock.monotonic()
        for _ in range(20):
            await limit.take(300)
            await limit.take(200)
        assert 9.0 <= clock.monotonic() - began_s <= 10.5

    async def test_lifted_it_holds_nobody(self) -> None:
        clock = SkippingClock()
        limit = RateLimit(clock)
        limit.set(1)
        limit.set(None)
        began_s = clock.monotonic()
        await limit.take(10**9)
        assert clock.monotonic() == began_s

    @pytest.mark.parametrize(
        ("text", "rate"), [("", None), ("500k", 512_000), ("2M", 2 * 1024**2), ("1.5 MiB/s", 1_572_864), ("7", 7)]
    )
    def test_a_rate_is_read(self, text: str, rate: int | None) -> None:
        assert parse_rate(text) == rate

    @pytest.mark.parametrize("text", ["0", "-1", "fast", "1e9", "1x", "9" * 20, "2M 3M"])
    def test_what_is_no_rate_is_told(self, text: str) -> None:
        with pytest.raises(ValueError, match="is no rate"):
            parse_rate(text)

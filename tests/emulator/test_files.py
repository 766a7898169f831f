"""Parts on disk: made once, kept under a cap, never half-written, gone with the emulator."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tui_app.emulator.data import parquet
from tui_app.emulator.data.files import NoRoomError, ParquetFiles
from tui_app.emulator.data.layout import FileSet, planned
from tui_app.emulator.world.batches import Batch, find_batch
from tui_app.emulator.world.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DATASET = "5b020a27e7040801dedba61b"


async def success(world: World, clock: FakeClock, *, profiles: int | None = None, **more: Any) -> Batch:
    """Make a job that exports everybody and return its batch when it is done."""
    sandbox = world.sandboxes["prod"]
    body = {"fields": "identityMap", "destination": {"datasetId": DATASET}, "schema": {"name": "_xdm.context.profile"}}
    job = world.create_job(sandbox, body | more)
    await clock.advance(3_000)
    found = find_batch(world, sandbox, world.batch_ids.of(job.job_id, 0), now_ms=world.now_ms())
    assert found is not None
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock, jobs=0, rows=900)


@pytest.fixture
def files(world: World, tmp_path: Path) -> Iterator[ParquetFiles]:
    made = ParquetFiles(world, folder=tmp_path)
    yield made
    made.close()


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def walked(sets: Sequence[FileSet]) -> list[FileSet]:
    return [each for one in sets for each in (one, *walked(one.children))]


@given(st.integers(0, 3_000_000), st.integers(1, 250_000), st.integers(1, 3))
def test_every_layout_holds_all_rows_once_and_one_directory(rows: int, most: int, together: int) -> None:
    layout = planned(1, "b", rows, most=max(most, rows // 200, 1), together=together)
    parts = list(layout.parts)
    assert [part.first_row for part in parts] == [sum(part.rows for part in parts[:at]) for at in range(len(parts))]
    assert sum(part.rows for part in parts) == rows == sum(one.rows for one in layout.sets)
    assert len({part.name for part in parts}) == len(parts)
    every = walked(layout.sets)
    assert sorted(int(one.file_id.removeprefix("b-")) for one in every) == [at + 1 for at in range(len(every))]
    assert all(layout.find(one.file_id) == one for one in every)
    assert [layout.find(f"b-{at}") for at in ("0", "01", "-1", "", "x", len(every) + 1)] == [None] * 6
    assert [part for one in every for part in one.parts if one.file_id != part.file_id] == []
    assert sorted((part for one in every for part in one.parts), key=lambda one: one.first_row) == parts
    assert sum(bool(one.children) for one in every) == (1 if rows else 0)
    assert all(len(one.parts) + len(one.children) > 0 for one in every)
    assert all(len(one.parts) <= together for one in every)
    assert len(parts) >= min(rows, 2)
    assert all(0 < part.rows <= max(most, rows // 200, 1) for part in parts)


async def test_a_gigabyte_batch_costs_nothing_until_it_is_read(clock: FakeClock, tmp_path: Path) -> None:
    world = World(clock, jobs=0, rows=20_000_000)
    files = ParquetFiles(world, folder=tmp_path)
    batch = await success(world, clock, fields="")
    assert batch.rows is not None
    assert batch.rows > 10_000_000
    parts = files.parts(batch)
    assert sum(part.rows for part in parts) == batch.rows
    assert kept(tmp_path) == []
    path = await files.path(batch, parts[-1])
    assert (await asyncio.to_thread(parquet.rows_in, path)) == parts[-1].rows
    files.close()


async def test_ids_lead_back_to_batches(files: ParquetFiles, world: World, clock: FakeClock) -> None:
    batch = await success(world, clock)
    prod, dev = world.sandboxes["prod"], world.sandboxes["dev"]
    for one in walked(files.sets(batch)):
        assert files.find(prod, one.file_id, world.now_ms()) == (batch, one)
        assert files.find(dev, one.file_id, world.now_ms()) is None
    for other in ("", "-", "-1", batch.batch_id, f"{batch.batch_id}-", f"{batch.batch_id}-1-1", f"x-{10**30}"):
        assert files.find(prod, other, world.now_ms()) is None
    assert files.find(prod, files.sets(batch)[0].file_id, batch.created_ms) is None


async def test_a_part_is_made_once_however_many_ask(
    files: ParquetFiles, world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    write = parquet.write

    def counted(opened: Any, select: str, path: Path) -> None:
        made.append(path.name)
        write(opened, select, path)

    monkeypatch.setattr(parquet, "write", counted)
    batch = await success(world, clock)
    part = files.parts(batch)[0]
    found = await asyncio.gather(*(files.path(batch, part) for _ in range(30)))
    assert len(set(found)) == len(made) == 1
    assert await files.path(batch, part) == found[0]
    assert len(made) == 1


async def test_a_caller_who_goes_away_takes_nothing_from_the_others(
    files: ParquetFiles, world: World, clock: FakeClock
) -> None:
    batch = await success(world, clock)
    part = files.parts(batch)[0]
    first, second = [asyncio.ensure_future(files.path(batch, part)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).exists()
    assert not files._holders
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_was_not_read_for_long_goes_first_and_what_is_held_never(
    world: World, clock: FakeClock, tmp_path: Path
) -> None:
    batch = await success(world, clock, fields="identityMap,person")
    probe = ParquetFiles(world, folder=tmp_path)
    parts = probe.parts(batch)
    sizes = [(await probe.path(batch, part)).stat().st_size for part in parts]
    probe.close()
    files = ParquetFiles(world, folder=tmp_path, cap_bytes=sizes[0] + sizes[1] + 10)
    first, second = [await files.path(batch, part) for part in parts[:2]]
    assert await files.path(batch, parts[0]) == first  # read again: the second is now the oldest
    third = await files.path(batch, parts[2])
    assert kept(tmp_path) == sorted([first, third])
    async with files.held(batch, parts[0]) as path:
        again = await files.path(batch, parts[1])
        assert kept(tmp_path) == sorted([path, again])
    assert second.exists() is False
    async with AsyncExitStack() as stack:
        for part in parts[:2]:
            await stack.enter_async_context(files.held(batch, part))
        with pytest.raises(NoRoomError, match="does not fit into the cap"):
            await files.path(batch, parts[2])
        assert len(kept(tmp_path)) == 2
    assert (await files.path(batch, parts[2])).exists()
    files.close()


async def test_a_full_disk_leaves_nothing_half_written(files: ParquetFiles, world: World, clock: FakeClock) -> None:
    batch = await success(world, clock, fields="identityMap,person,homeAddress")
    part = files.parts(batch)[0]
    await files.path(batch, files.parts(batch)[1])
    before = kept_in(files)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    quiet = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
        with pytest.raises(NoRoomError, match=part.name):
            await files.path(batch, part)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, quiet)
    assert kept_in(files) == before
    assert (await files.path(batch, part)).exists()


async def test_on_a_full_disk_what_can_be_made_again_gives_way(
    files: ParquetFiles, world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await success(world, clock)
    first, second, third = files.parts(batch)
    write = parquet.write

    def full(opened: Any, select: str, path: Path) -> None:
        if len(kept_in(files)) > 1:
            raise duckdb.IOException('{"exception_message":"Could not write: No space left on device"}')
        write(opened, select, path)

    await files.path(batch, first)
    async with files.held(batch, second) as held:
        monkeypatch.setattr(parquet, "write", full)
        made = await files.path(batch, third)
        assert kept_in(files) == sorted([held, made])
        async with files.held(batch, third):
            with pytest.raises(NoRoomError, match=f"{first.name}: No space left on device.$"):
                await files.path(batch, first)
        assert kept_in(files) == sorted([held, made])


def kept_in(files: ParquetFiles) -> list[Path]:
    assert files._folder is not None
    return kept(files._folder.path)


async def test_without_duckdb_it_says_what_is_needed(
    files: ParquetFiles, world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    batch = await success(world, clock)
    with pytest.raises(NoRoomError, match="needs duckdb"):
        await files.path(batch, files.parts(batch)[0])


async def test_a_folder_that_cannot_be_made_is_said(world: World, clock: FakeClock, tmp_path: Path) -> None:
    files = ParquetFiles(world, folder=tmp_path / "missing")
    batch = await success(world, clock)
    with pytest.raises(NoRoomError, match="folder"):
        await files.path(batch, files.parts(batch)[0])
    files.close()


async def test_closing_removes_everything_and_ends_what_is_being_made(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    loop, write = asyncio.get_running_loop(), parquet.write

    def watched(opened: Any, select: str, path: Path) -> None:
        loop.call_soon_threadsafe(begun.set)
        write(opened, select, path)

    monkeypatch.setattr(parquet, "write", watched)
    world = World(clock, jobs=0, rows=200_000)
    files = ParquetFiles(world, folder=tmp_path)
    batch = await success(world, clock, fields="")
    waiting = [asyncio.ensure_future(files.path(batch, part)) for part in files.parts(batch)[:5]]
    await begun.wait()
    await asyncio.to_thread(files.close)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in outcomes] == [NoRoomError] * 5
    assert left_in(tmp_path) == []
    with pytest.raises(NoRoomError, match="going down"):
        await files.path(batch, files.parts(batch)[0])
    files.close()


async def test_a_caller_who_left_before_the_end_is_not_complained_about(clock: FakeClock, tmp_path: Path) -> None:
    world = World(clock, jobs=0, rows=200_000)
    files = ParquetFiles(world, folder=tmp_path)
    batch = await success(world, clock, fields="")
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    leaving = [asyncio.ensure_future(files.path(batch, part)) for part in files.parts(batch)[:2]]
    staying = asyncio.ensure_future(files.path(batch, files.parts(batch)[0]))
    await asyncio.to_thread(lambda: None)
    for each in leaving:
        each.cancel()
    assert all(
        isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*leaving, return_exceptions=True)
    )
    await asyncio.to_thread(files.close)
    with pytest.raises(NoRoomError, match="going down"):
        await staying
    del leaving, each, staying  # what they waited for complains when nobody knows it any more
    await asyncio.to_thread(gc.collect)
    assert complaints == []


async def test_files_that_nobody_closes_go_with_their_owner(world: World, clock: FakeClock, tmp_path: Path) -> None:
    files = ParquetFiles(world, folder=tmp_path)
    batch = await success(world, clock)
    await files.path(batch, files.parts(batch)[0])
    assert files._makers is not None
    files._makers.shutdown()  # its thread may still hold the work that it has just done
    del files
    gc.collect()
    assert left_in(tmp_path) == []


async def test_files_of_a_query_are_taken_over(
    files: ParquetFiles, world: World, clock: FakeClock, tmp_path: Path
) -> None:
    written = []
    with parquet.database() as opened:
        for at in range(3):
            path = tmp_path / f"query's {at}.parquet"
            parquet.write(opened, f"FROM range({at * 10},{at * 10 + 10}) one(n)", path)
            written.append(path)
    batch = Batch("q-1", DATASET, "success", 0, 0, completed_ms=1, rows=30)
    world.sandboxes["prod"].written_batches["q-1"] = batch
    assert len(files.sets(batch)) == 0
    await asyncio.to_thread(files.adopt, "q-1", written)
    assert not any(path.exists() for path in written)
    assert sum(one.rows for one in files.sets(batch)) == 30
    assert files.find(world.sandboxes["prod"], "q-1-1", 5) == (batch, files.sets(batch)[0])
    assert files.adopted_bytes == sum(path.stat().st_size for path in kept_in(files)) > 0
    other = await success(world, clock)
    made = [(await files.path(other, part)).stat().st_size for part in files.parts(other)]
    files._cap = max(made)  # they cannot be made again: no cap removes them, and what can be is not refused for them
    await asyncio.gather(*(files.path(other, part) for part in files.parts(other)))
    paths = [await files.path(batch, part) for part in files.parts(batch)]
    assert parquet.head(paths, 12)[-1] == {"n": "11"}
    files.drop("q-1")
    assert (len(files.sets(batch)), files.adopted_bytes, [path for path in paths if path.exists()]) == (0, 0, [])
    files.drop("q-1")

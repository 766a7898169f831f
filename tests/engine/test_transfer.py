"""One file comes over whole or not at all: whatever breaks, wherever it is cut, the bytes are the source's."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.support import SkippingClock
from tui_app.api.data_access import DataAccess, FileBytes
from tui_app.api.errors import BadAnswerError, InterruptedAnswerError, NotFoundError, ThrottledError
from tui_app.engine.rate_limit import RateLimit
from tui_app.engine.target import Target
from tui_app.engine.transfer import Place, Transfer
from tui_app.models.data_access import ByteRange, RemoteFile
from tui_app.models.failure import FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tui_app.api.errors import ApiError

SOURCE = os.urandom(3_000_017)
BROKEN = InterruptedAnswerError("It broke.")


class Source(DataAccess):
    """Serves one file; each entry of `cuts` ends an answer in an error after so many bytes, or before it begins."""

    def __init__(self, content: bytes = SOURCE, cuts: Iterable[int | ApiError] = (), *, total: int = 0) -> None:
        self.content, self.cuts, self.total = content, list(cuts), total or len(content)
        self.asked: list[int] = []
        self.sizes: list[int] = []
        self.halt = asyncio.Event()
        self.halts_at = -1

    @asynccontextmanager
    async def stream(self, file: RemoteFile, start: int, length: int) -> AsyncIterator[FileBytes]:
        self.asked.append(start)
        cut = self.cuts.pop(0) if self.cuts else None
        if cut is not None and not isinstance(cut, int):
            raise cut
        end = min(len(self.content), start + length)
        total = self.sizes.pop(0) if self.sizes else self.total
        yield FileBytes(ByteRange(start, end - 1, total), self._chunks(start, end, cut))

    async def _chunks(self, start: int, end: int, cut: int | None) -> AsyncIterator[bytes]:
        stop = end if cut is None else min(end, start + cut)
        for at in range(start, stop, 65_521):
            if 0 <= self.halts_at <= at:
                await self.halt.wait()
            await asyncio.sleep(0)
            yield self.content[at : min(stop, at + 65_521)]
        if cut is not None and stop < end:
            raise BROKEN


def remote(length: int = len(SOURCE), *, name: str = "rows.csv") -> RemoteFile:
    return RemoteFile("b1", "b1-1", name, length)


async def turns(count: int) -> None:
    """Let the loop turn; each turn also lets the threads do something."""
    for _ in range(count):
        await asyncio.sleep(0)
        os.sched_yield()


async def fetched(source: Source, folder: Path, file: RemoteFile | None = None) -> bytes:
    target = Target.open(folder, "in")
    clock = SkippingClock()
    try:
        file = file or remote()
        place = Place(target, file.name, file.name)
        entry = await Transfer(source, clock, RateLimit(clock)).fetch(file, place, told=lambda _: None)
    finally:
        target.close()
    data = (folder / "in" / file.name).read_bytes()
    assert (entry.bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert [one.name for one in (folder / "in").iterdir()] == [file.name]
    return data


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(SOURCE)), max_size=7))
def test_it_is_the_source_wherever_answers_are_cut(cuts: list[int]) -> None:
    with TemporaryDirectory() as folder:
        assert asyncio.run(fetched(Source(cuts=cuts), Path(folder))) == SOURCE


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(SOURCE) // 65_521), min_size=1, max_size=4))
def test_it_is_the_source_wherever_it_is_stopped(stops: list[int]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(stopped(stops, Path(folder)))


async def stopped(stops: list[int], folder: Path) -> None:
    for stop in stops:
        source = Source()
        source.halts_at = stop * 65_521
        task = asyncio.create_task(fetched(source, folder))
        await turns(stop * 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (folder / "in" / "rows.csv").exists() == (task.done() and not task.cancelled())
    assert await fetched(Source(), folder) == SOURCE


async def test_stopped_it_goes_on_where_it_was(tmp_path: Path) -> None:
    source = Source()
    source.halts_at = 2_000_000
    task = asyncio.create_task(fetched(source, tmp_path))
    part = tmp_path / "in" / "rows.csv.part"
    for _ in range(2_000):
        await turns(50)
        if part.exists() and part.stat().st_size > 1_000_000:
            break
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again = Source()
    assert await fetched(again, tmp_path) == SOURCE
    assert again.asked[0] >= 1_900_000


async def test_a_descriptor_is_not_used_after_it_was_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_closed, is_writing = threading.Event(), threading.Event()
    after_close: list[bool] = []
    pwrite, close = os.pwrite, os.close

    def slow(descriptor: int, data: bytes, at: int) -> int:
        is_writing.set()
        # Who closes without waiting for this write does so meanwhile.
        after_close.append(is_closed.wait(0.2))
        return pwrite(descriptor, data, at)

    def noted(descriptor: int) -> None:
        is_closed.set()
        close(descriptor)

    source = Source()
    monkeypatch.setattr(os, "pwrite", slow)
    task = asyncio.create_task(fetched(source, tmp_path))
    while not is_writing.is_set():
        await turns(1)
    monkeypatch.setattr(os, "close", noted)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    monkeypatch.undo()
    assert after_close
    assert not any(after_close)


@pytest.mark.parametrize(
    "faults",
    [
        [ThrottledError("Too many.", status=429, retry_after_s=2.0)] * 3,
        [BadAnswerError("Another range.")] * 4,
        [BROKEN] * 7,
    ],
)
async def test_what_passes_is_waited_out(faults: list[ApiError], tmp_path: Path) -> None:
    assert await fetched(Source(cuts=faults), tmp_path) == SOURCE


async def test_one_lie_about_the_size_is_not_believed(tmp_path: Path) -> None:
    source = Source()
    source.sizes = [17]
    assert await fetched(source, tmp_path) == SOURCE


async def test_a_changed_size_is_told_and_the_file_begins_anew(tmp_path: Path) -> None:
    first = Source(cuts=[1_200_000, *[BROKEN] * 8])
    with pytest.raises(FailureError):
        await fetched(first, tmp_path)
    with pytest.raises(FailureError, match="bytes when it was listed, and has 5 now"):
        await fetched(Source(total=5), tmp_path)
    other = SOURCE[::-1] + b"more"
    assert await fetched(Source(other), tmp_path, remote(len(other))) == other


async def test_a_file_that_is_gone_is_asked_for_once(tmp_path: Path) -> None:
    source = Source(cuts=[NotFoundError("Gone.", status=404)] * 3)
    with pytest.raises(FailureError) as caught:
        await fetched(source, tmp_path)
    assert caught.value.failure.kind is FailureKind.NOT_FOUND
    assert len(source.asked) == 1


async def test_what_is_no_parquet_gets_no_name_and_begins_anew(tmp_path: Path) -> None:
    file = remote(name="rows.parquet")
    with pytest.raises(FailureError, match="no whole parquet file"):
        await fetched(Source(), tmp_path, file)
    assert not (tmp_path / "in" / "rows.parquet").exists()
    assert (tmp_path / "in" / "rows.parquet.part").stat().st_size == 0


async def test_a_full_disk_is_told_and_what_came_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite

    def full(descriptor: int, data: bytes, at: int) -> int:
        if at >= 1_000_000:
            raise OSError(28, "No space left on device")
        return pwrite(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(FailureError, match="The disk is full"):
        await fetched(Source(), tmp_path)
    monkeypatch.undo()
    assert await fetched(Source(), tmp_path) == SOURCE


class Meagre(Source):
    """Answers each question with one byte."""

    @asynccontextmanager
    async def stream(self, file: RemoteFile, start: int, length: int) -> AsyncIterator[FileBytes]:
        self.asked.append(start)
        yield FileBytes(ByteRange(start, start, len(self.content)), self._chunks(start, start + 1, None))


async def test_answers_of_a_byte_each_are_given_up(tmp_path: Path) -> None:
    source = Meagre()
    with pytest.raises(FailureError) as caught:
        await fetched(source, tmp_path)
    assert "again and again" in caught.value.failure.cause
    assert len(source.asked) < 20

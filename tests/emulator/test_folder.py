"""The folder on disk: gone with its owner, swept after one that was killed, and nobody else's is touched."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tui_app.emulator.data.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no lock there that ends with its process")

_OWNER = """
import sys, pathlib
from tui_app.emulator.data.folder import Folder

folder = Folder(pathlib.Path(sys.argv[1]))
(folder.path / "part.parquet").write_bytes(b"PAR1")
print(folder.path, flush=True)
sys.stdin.read()
"""


async def owner(place: Path) -> tuple[asyncio.subprocess.Process, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _OWNER, str(place), stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


def named(place: Path) -> list[str]:
    return sorted(str(one) for one in place.iterdir())


async def test_what_a_killed_process_left_is_swept_and_a_live_one_keeps_its_own(tmp_path: Path) -> None:
    live, its_own = await owner(tmp_path)
    killed, left = await owner(tmp_path)
    killed.kill()
    await killed.wait()
    strange = [tmp_path / "aepx-emulator-made-by-hand", tmp_path / "aepx-emulator-a-file", tmp_path / "other"]
    strange[0].mkdir()
    strange[1].touch()
    strange[2].mkdir()
    (strange[2] / "in-use").touch()
    link = tmp_path / "aepx-emulator-link"
    link.symlink_to(strange[2])
    assert left in named(tmp_path)
    folder = Folder(tmp_path)
    assert named(tmp_path) == sorted(map(str, (its_own, folder.path, link, *strange)))
    folder.close()
    folder.close()
    await live.communicate(b"")
    assert named(tmp_path) == sorted(map(str, (link, *strange)))
    assert (strange[2] / "in-use").exists()


def test_folders_of_one_process_leave_each_other_alone(tmp_path: Path) -> None:
    first, second = Folder(tmp_path), Folder(tmp_path)
    assert named(tmp_path) == sorted((str(first.path), str(second.path)))
    kept = first.path
    del first
    gc.collect()
    assert (kept.exists(), second.path.exists()) == (False, True)
    second.close()
    assert named(tmp_path) == []


def test_a_folder_that_is_swept_while_it_is_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open
    taken: list[Path] = []

    def sweeping(path: Path, *more: int) -> int:
        lock = opened(path, *more)
        if not taken:
            taken.append(path)
            path.unlink()
            path.parent.rmdir()
        return lock

    monkeypatch.setattr(os, "open", sweeping)
    folder = Folder(tmp_path)
    assert named(tmp_path) == [str(folder.path)] != [str(taken[0].parent)]
    folder.close()

"""A download killed at any moment leaves nothing half under a final name, and ends with the very bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.downloads import killed, made_export
from tests.support.served_emulator import ServedEmulator

if TYPE_CHECKING:
    from pathlib import Path


def test_a_download_killed_eight_times_ends_with_the_very_bytes(tmp_path: Path) -> None:
    with ServedEmulator(jobs=200) as platform:
        export = made_export(platform, tmp_path, parts=5, part_bytes=1_000_000)
        outcome = killed(tmp_path / "home", platform, export, kills=8, rate="12M")
    assert outcome.early == ()
    assert outcome.wrong == ()
    # Not all of them before anything was written, or they would prove nothing.
    assert len(set(outcome.stood_at)) > 2

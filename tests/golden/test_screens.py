"""Whole screens as text at both sizes, from the demo's platform with a fixed clock.

After a change that is meant: look at the screens, then run with `--snapshot-update`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.screenshots import SCENES, SMALL, WIDE, staged

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


# Rows come from threads, whose pace moves the clock; `tests/tui/test_data.py` looks at them.
STEADY = [name for name in SCENES if name != "rows"]


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "140x40"])
@pytest.mark.parametrize("name", STEADY)
async def test_screen(name: str, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with staged(size, jobs=120) as scene:
        await SCENES[name](scene)
        assert scene.text() == snapshot

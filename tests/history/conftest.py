"""A history in a fresh folder whose calls are done before they return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_app.history.database import InPlace
from tui_app.history.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history" / "one.db"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    opened = History(path, runner=InPlace())
    opened.open()
    yield opened
    opened.close()

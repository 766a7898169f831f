"""An engine over a scripted platform and a clock that moves when told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import FakePlatform, make_engine
from tui_app.engine.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

Make = Callable[..., tuple[Engine, FakePlatform]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Iterator[Make]:
    opened: list[Engine] = []

    def open_engine(**options: Any) -> tuple[Engine, FakePlatform]:
        engine, platform = make_engine(tmp_path, clock, **options)
        opened.append(engine)
        return engine, platform

    yield open_engine
    for engine in opened:
        engine._core.history.close()


@pytest.fixture
def made(make: Make) -> tuple[Engine, FakePlatform]:
    return make()


@pytest.fixture
def engine(made: tuple[Engine, FakePlatform]) -> Engine:
    return made[0]


@pytest.fixture
def platform(made: tuple[Engine, FakePlatform]) -> FakePlatform:
    return made[1]

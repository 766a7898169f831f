"""What every journey starts from: the real command in a pseudo-terminal, and a platform on a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import AEPX, Terminal, environment

if TYPE_CHECKING:
    from pathlib import Path

Open = Callable[..., Terminal]
Serve = Callable[..., ServedEmulator]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(stack: ExitStack) -> Serve:
    """Serve a platform of the given options; small unless told otherwise."""

    def start(**options: Any) -> ServedEmulator:
        return stack.enter_context(ServedEmulator(**{"jobs": 60, **options}))

    return start


@pytest.fixture
def aepx(stack: ExitStack, tmp_path: Path) -> Open:
    """Start `aepx` with the given arguments in a home of this test's own; a second start finds what the first kept."""

    def start(
        *arguments: str, platform: ServedEmulator | None = None, columns: int = 80, lines: int = 24, **variables: str
    ) -> Terminal:
        known = platform.variables() if platform is not None else {}
        environ = environment(tmp_path, **{**known, **variables})
        return stack.enter_context(Terminal((*AEPX, *arguments), environ=environ, columns=columns, lines=lines))

    return start

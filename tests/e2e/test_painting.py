"""What was painted piece by piece is what one whole repaint shows: characters, colours and all."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve
    from tests.support.terminal import Terminal

STILL: Final = "dev"
"""A sandbox whose jobs have all ended long ago: nothing changes by itself."""
KEYS: Final = ("down", "down", "up", "pgdn", "end", "home", "space", "v", "s", "S", "o", "?", "enter", "/", "f", "esc")


def cells(terminal: Terminal) -> list[tuple[object, ...]]:
    """The screen cell by cell; the colour of a character that is none does not count."""
    screen = terminal.screen
    found = (screen.buffer[y][x] for y in range(screen.lines) for x in range(screen.columns))
    return [(one.data, one.data.strip() and one.fg, one.bg, one.bold, one.underscore, one.reverse) for one in found]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (140, 40)])
def test_pieces_add_up_to_the_whole(serve: Serve, aepx: Open, columns: int, lines: int) -> None:
    terminal = aepx(platform=serve(jobs=300), columns=columns, lines=lines, AEPX_SANDBOX=STILL)
    terminal.wait_for(r"(SUCCEEDED|FAILED) +\d")
    terminal.press("T")  # absolute times: an age that goes on between two looks would pass for a fault
    terminal.until_quiet()
    chance = random.Random(columns)
    for _ in range(3):
        for key in (*chance.choices(KEYS, k=16), "esc", "esc", "esc"):
            terminal.press(key)
            # An escape is one only when nothing follows it for a moment.
            terminal.until_quiet(0.15 if key == "esc" else 0.03, most=0.3)
        terminal.until_quiet(0.5)
        pieces, before = cells(terminal), terminal.text
        terminal.resize(columns + 1, lines)
        terminal.until_quiet(0.3)
        terminal.resize(columns, lines)
        terminal.until_quiet(0.4)
        assert cells(terminal) == pieces, f"{before}\n{terminal.text}"

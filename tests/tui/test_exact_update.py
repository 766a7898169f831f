"""A partial repaint leaves the screen as a whole one would, and writes only what lies in its spans."""

from __future__ import annotations

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.strip import Strip
from textual.widgets._toast import Toast

from tui_app.tui.exact_update import ExactUpdate
from tui_app.tui.screens.room import FoldingScreen

RED = Style.parse("red")
LEFT = Strip([Segment("abcd", RED), Segment("日本")])
RIGHT = Strip([Segment("0123456789")])
CHOPS: list[dict[int, Strip | None]] = [{0: LEFT, 8: RIGHT}, {0: Strip([Segment("-" * 8)]), 8: None}]
ENDS = [[8, 18], [8, 18]]


def shown(spans: list[tuple[int, int, int]]) -> list[str]:
    screen = pyte.Screen(18, 2)
    text = ExactUpdate.of(ChopsUpdate(CHOPS, spans, ENDS)).render_segments(Console(color_system="truecolor"))
    pyte.Stream(screen).feed(text)
    return ["".join(screen.buffer[y][x].data for x in range(18)) for y in range(2)]


@pytest.mark.parametrize(
    ("spans", "first", "second"),
    [
        ([(0, 0, 18), (1, 0, 18)], "abcd日本0123456789", "--------"),
        ([(0, 2, 3)], "  c", ""),
        ([(0, 2, 3), (0, 9, 11), (1, 7, 8)], "  c      12", "       -"),
        ([(0, 6, 10)], "      本01", ""),
        ([(1, 8, 18)], "", ""),
    ],
)
def test_only_the_cells_of_the_spans_are_written(spans: list[tuple[int, int, int]], first: str, second: str) -> None:
    # pyte keeps an empty cell behind a wide character.
    assert [line.rstrip() for line in shown(spans)] == [first, second]


def test_its_parts_together_are_the_whole() -> None:
    parts = [(y, x, x + 1) for y in range(2) for x in range(18) if x not in range(4, 8)] + [(0, 4, 8), (1, 4, 8)]
    assert shown(sorted(parts)) == shown([(0, 0, 18), (1, 0, 18)])


class Messages(App[None]):
    """Shows messages over a screen that may be folded."""

    def on_mount(self) -> None:
        self.push_screen(FoldingScreen())


async def test_where_a_message_was_is_painted_though_its_place_was_asked_for_meanwhile() -> None:
    app = Messages()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.notify("gone soon")
        await pilot.pause()
        compositor = app.screen._compositor
        toast = app.screen.query_one(Toast)
        region = compositor.full_map[toast].region
        compositor._dirty_regions.clear()
        compositor._full_map_invalidated = True  # as by the repaint of something that is out of sight
        toast.display = False
        assert toast not in compositor.full_map
        assert region in compositor._dirty_regions

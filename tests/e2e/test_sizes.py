"""The window changes its size again and again, down to one in which nothing sensible fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve

STORM = [(80, 24), (20, 5), (140, 40), (61, 16), (10, 3), (200, 60), (59, 15), (1, 1), (120, 14)]


def test_a_storm_of_sizes_ends_in_a_whole_screen(aepx: Open, serve: Serve) -> None:
    terminal = aepx(platform=serve())
    terminal.wait_for("60 jobs")
    terminal.press("G")
    terminal.wait_for(r"▌.* 18500 ")
    for columns, lines in STORM * 4:
        terminal.resize(columns, lines)
        terminal.pump(0.01)
    terminal.resize(20, 5)
    terminal.wait_for("aepx needs")
    terminal.resize(140, 40)
    terminal.wait_gone("aepx needs")
    terminal.wait_for(r"▌.* 18500 ")
    terminal.resize(80, 24)
    terminal.wait_for(r"▌.* 18500 ")
    terminal.press("q")
    assert terminal.wait_ended()[0] == 0

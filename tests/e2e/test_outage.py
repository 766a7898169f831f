"""The platform goes away and comes back: nothing is lost, and nobody has to touch a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve

ROW = r"(?:SUCCEEDED|FAILED|CANCELLED) +\d{4,}"


def test_rows_stay_while_the_platform_is_away_and_go_live_again_by_themselves(aepx: Open, serve: Serve) -> None:
    platform = serve()
    terminal = aepx(platform=platform)
    terminal.wait_for(ROW)
    terminal.wait_for(r"\blive\b")

    platform.stop()
    terminal.wait_for(r"offline, (?:next try \d+s|trying)")
    terminal.wait_for(r"! .*list of export jobs")
    terminal.wait_for(ROW)

    platform.restart()  # our token is refused once, and fetched again
    terminal.wait_for(r"\blive\b")
    terminal.wait_gone("offline")
    terminal.wait_for(ROW)


def test_history_is_there_when_the_platform_is_not(aepx: Open, serve: Serve) -> None:
    platform = serve()
    first = aepx(platform=platform)
    first.wait_for("60 jobs")
    first.wait_for(r"▌")
    newest = first.row(r"▌")
    first.press("q")
    first.wait_ended()

    platform.stop()
    terminal = aepx(platform=platform)
    terminal.wait_for(r"▌")
    assert newest.split()[2] in terminal.row(r"▌"), "the newest job is the first row, not hidden above it"
    terminal.wait_for("offline")
    terminal.press("q")
    assert terminal.wait_ended()[0] == 0

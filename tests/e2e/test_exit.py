"""However the app ends, the terminal is as it was; how soon is measured in `tests.benchmarks.start`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tui_app.emulator.faults.connection import Wait

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve

UNTOUCHED = {"25", "7"}
"""The modes of a terminal nobody has changed: cursor shown, lines wrap."""
TAKEN = {"1049", "1000", "1003", "1006", "2004", "1004", "kitty"}
"""What the app takes: its own screen, mouse, marked pastes, focus reports, unambiguous keys."""


@pytest.mark.parametrize(
    ("number", "keys"),
    [
        pytest.param(signal.SIGTERM, (), id="terminated on the list"),
        pytest.param(signal.SIGHUP, (), id="hung up on the list"),
        pytest.param(signal.SIGINT, (), id="interrupted on the list"),
        pytest.param(signal.SIGQUIT, (), id="told to quit on the list"),
        pytest.param(signal.SIGTERM, ("n",), id="terminated in a form"),
        pytest.param(signal.SIGHUP, ("enter",), id="hung up in the detail"),
    ],
)
def test_a_signal_ends_it_in_order(aepx: Open, serve: Serve, number: signal.Signals, keys: tuple[str, ...]) -> None:
    terminal = aepx(platform=serve())
    before = terminal.line_settings()
    terminal.wait_for(r"▌")
    if keys:
        terminal.press(*keys)
        terminal.wait_gone("/ to filter")
    assert terminal.modes() >= TAKEN
    assert terminal.line_settings() != before

    terminal.signal(number)
    code, _ = terminal.wait_ended()
    assert code == 128 + number
    assert terminal.modes() == UNTOUCHED
    assert terminal.line_settings() == before


def test_quitting_in_the_middle_of_an_answer_does_not_wait_for_it(aepx: Open, serve: Serve) -> None:
    platform = serve()
    terminal = aepx(platform=platform)
    terminal.wait_for(r"60 jobs")
    fault = platform.disturb(Wait(30.0), path="*/export/jobs")
    terminal.press("r")
    terminal.wait_until(lambda: fault.met > 0)
    terminal.press("q")
    code, _ = terminal.wait_ended()
    assert code == 0
    assert terminal.modes() == UNTOUCHED

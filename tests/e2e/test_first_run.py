"""Nothing is set up: the app says so, and offers what can be done."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Open


def test_the_first_run_offers_a_demo_or_a_file_to_fill_in(aepx: Open, tmp_path: Path) -> None:
    terminal = aepx()
    terminal.wait_for("No connection is set up")
    terminal.press("c")
    terminal.wait_for(r"config\.toml")
    terminal.press("q")
    terminal.wait_ended()
    (written,) = tmp_path.rglob("config.toml")
    assert written.stat().st_mode & 0o777 == 0o600
    assert terminal.modes() == {"25", "7"}


def test_the_first_run_leads_into_the_demo(aepx: Open) -> None:
    terminal = aepx()
    terminal.wait_for("No connection is set up")
    terminal.press("d")
    terminal.wait_for(r"PROCESSING +\d+")
    terminal.press("q")
    assert terminal.wait_ended()[0] == 0


def test_leaving_the_first_run_says_what_to_do_next(aepx: Open) -> None:
    terminal = aepx()
    terminal.wait_for("No connection is set up")
    terminal.press("q")
    code, _ = terminal.wait_ended()
    assert code == 0
    assert "aepx demo" in terminal.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_first_run_in_order(aepx: Open, number: signal.Signals) -> None:
    terminal = aepx()
    terminal.wait_for("No connection is set up")
    terminal.signal(number)
    assert terminal.wait_ended()[0] == 128 + number
    assert terminal.modes() == {"25", "7"}

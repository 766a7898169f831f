"""README's first command, by keys: look, create a dataset and a job, watch it, cancel another, leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Open

UNTOUCHED = {"25", "7"}
"""The modes of a terminal nobody has changed: cursor shown, lines wrap."""


@pytest.mark.timeout(90)
def test_the_demo_from_its_first_row_to_the_shell(aepx: Open) -> None:
    terminal = aepx("demo", "--speed", "120")
    before = terminal.line_settings()
    for status in ("PROCESSING", "SUCCEEDED", "FAILED"):
        terminal.wait_for(rf"{status} +\d+")
    assert "1049" in terminal.modes()

    terminal.press("N")
    terminal.wait_for("a name that is not in use")
    terminal.press("Journey target", "ctrl-j")
    terminal.wait_for(r"Dataset .Journey target. was created\.\s+id +[0-9a-f]{24}")
    dataset_id = re.search(r"id +([0-9a-f]{24})", terminal.text)
    assert dataset_id is not None

    terminal.press("enter")
    terminal.wait_for("New export job")
    terminal.wait_for(dataset_id[1])
    terminal.wait_for("makes one on the profile union")
    terminal.press("tab")
    terminal.wait_gone("makes one on the profile union")
    terminal.press("ctrl-l")
    terminal.wait_for(r"\d+ audiences, read")
    terminal.press("All profiles")
    terminal.wait_for("1 of ")
    terminal.press("enter")
    terminal.wait_for("exited All profiles")
    terminal.press("ctrl-j")
    terminal.wait_for(r"jobs > \d+")
    job_id = re.search(r"jobs > (\d+)", terminal.text)
    assert job_id is not None
    terminal.wait_for(r"o NEW")
    terminal.wait_for("PROCESSING")
    terminal.wait_for("SUCCEEDED", 40)

    terminal.press("esc")
    terminal.wait_for(rf"SUCCEEDED +{job_id[1]}")
    terminal.press("/", "PROCESSING", "enter")
    terminal.wait_for(r"/ PROCESSING +\d+ of")
    terminal.press("G")  # the oldest of them is stuck: it cannot end by itself meanwhile
    terminal.wait_for(r"▌.*PROCESSING +\d{4,} +\d+h")
    stuck = re.search(r"(\d{4,})", terminal.row(r"▌.*PROCESSING"))
    assert stuck is not None
    terminal.press("x")
    terminal.wait_for(rf"Cancel export job {stuck[1]}\?")
    terminal.press("y")
    terminal.wait_gone("Cancel export job")
    terminal.press("esc")
    terminal.wait_gone("/ PROCESSING")
    terminal.press("/", stuck[1], "enter")
    terminal.wait_for(rf"CANCELLED +{stuck[1]}", 30)

    terminal.press("q")
    code, _ = terminal.wait_ended()
    assert code == 0
    assert terminal.modes() == UNTOUCHED
    assert terminal.line_settings() == before

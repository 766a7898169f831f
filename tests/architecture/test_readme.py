"""README is true: its generated parts are current, and its commands are those that are run."""

from __future__ import annotations

import re

from tests.readme import README, current
from tui_app.cli.main import COMMANDS
from tui_app.tui.commands import COMMANDS as KEYS
from tui_app.tui.commands import commands_of


def test_the_key_table_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == current(text), "run python -m tests.readme"


def test_the_first_two_commands_stand_as_promised() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv")]
    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install -q '.[demo]' && .venv/bin/aepx demo",
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/python -m tests.check",
    ]


def test_every_command_named_exists() -> None:
    named = set(re.findall(r"^aepx (?:--\S+ )*([a-z]+)", README.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named
    assert named <= set(COMMANDS)


def test_pictures_named_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    names = re.findall(r"\((screenshots/[^)]+)\)", text)
    assert len(names) >= 7
    assert [name for name in names if not (README.parent / name).exists()] == []


def test_no_key_has_two_meanings_in_a_place() -> None:
    for place in {place for command in KEYS for place in command.places}:
        keys = [key for command in commands_of(place) for key in command.keys.split(",")]
        assert sorted(keys) == sorted(set(keys)), place

"""README is true: its generated parts are current, and its commands are those that are run."""

from __future__ import annotations

import re

from textual.binding import Binding

from tests.readme import README, current
from tui_app.cli.main import COMMANDS
from tui_app.tui.commands import COMMANDS as KEYS
from tui_app.tui.commands import DETAIL, FORM, LIST, MOVES, OVER, commands_of
from tui_app.tui.widgets.form import Form
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.text_lines import PaneScroll


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
        moves = {
            key
            for move in MOVES
            if place in move.places and move.help
            for group in move.keys
            for key in group.split(",")
        }
        keys = [key for command in commands_of(place) for key in command.keys.split(",")]
        assert sorted(keys) == sorted(set(keys)), place
        assert moves.isdisjoint(keys), place


def test_the_keys_told_of_are_those_the_widgets_have() -> None:
    for widget, place in ((RowTable, LIST), (PaneScroll, DETAIL), (Form, FORM)):
        told = {key for move in MOVES if place in move.places for group in move.keys for key in group.split(",")}
        bound = {key for binding in widget.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
        assert bound <= told, widget


def test_a_place_that_lies_over_another_takes_only_keys_that_are_meant() -> None:
    for below, above in OVER.items():
        keys = {key: command.id for command in commands_of(below) for key in command.keys.split(",")}
        taken = {keys[key] for command in commands_of(above) for key in command.keys.split(",") if key in keys}
        assert taken == {"job.new", "dataset.new"}

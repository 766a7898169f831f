from __future__ import annotations

import pytest

from tui_app.present.keymap import is_text, show_key, spell
from tui_app.tui.commands import COMMANDS, DATA, DETAIL, DOWNLOADS, FORM, LIST, MOVES, SEARCH, effective_keymap

PLACES = (LIST, DETAIL, SEARCH, FORM, DOWNLOADS, DATA)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("x", "x"),
        ("X", "X"),
        ("shift+x", "X"),
        ("?", "question_mark"),
        ("question_mark", "question_mark"),
        ("-", "minus"),
        ("+", "plus"),
        ("ctrl-x", "ctrl+x"),
        ("Ctrl+X", "ctrl+x"),
        ("ctrl+-", "ctrl+minus"),
        ("ctrl-+", "ctrl+plus"),
        ("alt+ctrl+f5", "ctrl+alt+f5"),
        (" F4 ", "f4"),
        ("esc", "escape"),
        ("pgdn", "pagedown"),
        ("space", "space"),
        ("é", "é"),
        ("ctrl+i", "tab"),
        ("ctrl+[", "escape"),
        ("ctrl+@", "ctrl+space"),
    ],
)
def test_a_key_may_be_written_as_it_is_shown_or_as_the_framework_names_it(written: str, key: str) -> None:
    assert spell(written) == key


@pytest.mark.parametrize("written", ["", "foo", "ctrl+", "hyper+x", "xx", "f99", "ctrl+foo"])
def test_what_is_no_key_is_told_apart(written: str) -> None:
    assert spell(written) is None


def test_every_key_of_the_registry_is_spelled_as_the_framework_does_and_read_back_as_shown() -> None:
    keys = {key for command in COMMANDS for key in command.keys.split(",")}
    keys |= {key for move in MOVES for group in move.keys for key in group.split(",")}
    assert [key for key in keys if spell(key) != key] == []
    assert [key for key in keys if spell(show_key(key)) != key] == []


@pytest.mark.parametrize(("key", "writes"), [("x", True), ("space", True), ("slash", True), ("f4", False)])
def test_text_is_what_a_field_would_take(key: str, *, writes: bool) -> None:
    assert is_text(key) is writes
    assert not is_text(f"ctrl+{key}")


def test_without_remaps_every_command_has_a_key_that_does_one_thing() -> None:
    keymap = effective_keymap({})
    assert keymap.faults == ()
    for place in PLACES:
        keys = [key for command in COMMANDS for key in keymap.keys(command.id, place)]
        assert sorted(keys) == sorted(set(keys)), place
    assert [command.id for command in COMMANDS if not any(keymap.keys(command.id, one) for one in PLACES)] == []


def test_a_remap_replaces_all_keys_of_a_command() -> None:
    keymap = effective_keymap({"job.cancel": "X, ctrl-x"})
    assert keymap.faults == ()
    assert keymap.keys("job.cancel", LIST) == ("X", "ctrl+x")
    assert keymap.shown("job.cancel", DETAIL) == "X ctrl-x"


def test_two_commands_may_change_places() -> None:
    keymap = effective_keymap({"job.cancel": "n", "job.new": "x"})
    assert keymap.faults == ()
    assert (keymap.keys("job.cancel", LIST), keymap.keys("job.new", LIST)) == (("n",), ("x",))


def test_a_collision_is_left_out_and_names_both_commands_and_the_places() -> None:
    keymap = effective_keymap({"job.cancel": "n"})
    assert keymap.keys("job.cancel", LIST) == ("x",)
    assert keymap.keys("job.new", LIST) == ("n",)
    assert str(keymap.faults[0]) == (
        "[keys] job.cancel (Cancel job) cannot be n: in the job list and the job detail that is job.new (New job); "
        "it is ignored. Choose another key, or give job.new another one too."
    )


def test_of_two_remaps_that_collide_the_later_is_left_out() -> None:
    keymap = effective_keymap({"job.clone": "X", "job.cancel": "X"})
    assert [fault.command_id for fault in keymap.faults] == ["job.cancel"]
    assert (keymap.keys("job.clone", LIST), keymap.keys("job.cancel", LIST)) == (("X",), ("x",))


def test_a_remap_whose_way_was_only_free_because_of_another_falls_with_it() -> None:
    keymap = effective_keymap({"job.new": "r", "job.cancel": "n"})
    assert [fault.command_id for fault in keymap.faults] == ["job.new", "job.cancel"]
    assert (keymap.keys("job.new", LIST), keymap.keys("job.cancel", LIST)) == (("n",), ("x",))


@pytest.mark.parametrize(
    ("command_id", "keys", "said"),
    [
        ("job.cancle", "X", "is no command; it is ignored. Did you mean job.cancel?"),
        ("zzz", "X", "is no command; it is ignored. README"),
        ("job.cancel", "X,foo", "cannot be 'foo': that is no key"),
        ("job.cancel", "j", "cannot be j: in the job list that moves the cursor"),
        ("job.cancel", "tab", "cannot be tab: in the job list that"),
        ("job.cancel", "ctrl-q", "that leaves aepx"),
        ("job.cancel", "ctrl+i", "cannot be tab"),
        ("form.submit", "s", "(Submit) cannot be s: in a form that is text"),
        ("form.submit", "ctrl+w", "cannot be ctrl-w: in the form that edits a field"),
    ],
)
def test_what_cannot_be_is_left_out_and_said(command_id: str, keys: str, said: str) -> None:
    keymap = effective_keymap({command_id: keys})
    assert said in str(keymap.faults[0])
    assert keymap.faults[0].ignored
    assert keymap.by_place == effective_keymap({}).by_place


@pytest.mark.parametrize("chord", ["ctrl+a", "ctrl+b", "ctrl+s", "ctrl+z", "ctrl+h", "ctrl+space", "alt+b", "alt+f"])
def test_a_chord_that_often_does_not_arrive_is_discouraged_as_the_only_one(chord: str) -> None:
    alone, with_twin = (effective_keymap({"job.cancel": keys}) for keys in (chord, f"{chord},X"))
    assert "Add a second key" in str(alone.faults[0])
    assert not alone.faults[0].ignored
    assert alone.keys("job.cancel", LIST) == (chord,)
    assert with_twin.faults == ()


def test_a_command_that_is_also_in_forms_keeps_its_chord_there_when_its_new_key_is_text() -> None:
    keymap = effective_keymap({"failure.show": "E"})
    assert keymap.faults == ()
    assert (keymap.keys("failure.show", LIST), keymap.keys("failure.show", FORM)) == (("E",), ("f4",))

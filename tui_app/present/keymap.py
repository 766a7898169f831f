"""Owns how keys are written, and which keys each command has once the remaps of the configuration are applied."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_SHOWN: Final = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "exclamation_mark": "!",
    "escape": "esc",
    "plus": "+",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pageup": "pgup",
    "pagedown": "pgdn",
}
_WRITTEN: Final = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "return": "enter"}
_NAMED: Final = frozenset(
    {"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete", "backspace", "tab"}
    | {"enter", "escape", "space", *(f"f{number}" for number in range(1, 25))}
)
_MODIFIERS: Final = ("ctrl", "alt", "shift", "super")
# What a terminal sends for them is the same byte: no program can tell them apart.
_SAME: Final = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
    "ctrl+at": "ctrl+space",
}
_SHORT_NAMES: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_DISCOURAGED: Final = {
    "ctrl+a": "screen takes as its prefix",
    "ctrl+b": "tmux takes as its prefix",
    "ctrl+s": "stops the output of many terminals",
    "ctrl+z": "suspends programs",
    "ctrl+h": "is backspace in many terminals",
    "ctrl+space": "switches the input method on many systems",
    "alt+b": "many terminals send for a step by a word",
    "alt+f": "many terminals send for a step by a word",
}
_TAKEN: Final = {
    "ctrl+q": "leaves aepx",
    "ctrl+c": "copies what is selected",
    "ctrl+p": "opens the palette",
    "tab": "goes to the next part of the screen",
    "shift+tab": "goes to the previous part of the screen",
}


class Bound(Protocol):
    """What a keymap must know of a command."""

    @property
    def id(self) -> str:
        """Stable name, what remaps go by."""
        ...

    @property
    def keys(self) -> str:
        """The keys it has of itself, comma separated."""
        ...

    @property
    def label(self) -> str:
        """Its name for people."""
        ...

    @property
    def places(self) -> tuple[str, ...]:
        """Where it exists."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFault:
    """What is wrong with one entry of the table `[keys]`; `ignored` tells whether it has no effect therefore."""

    command_id: str
    cause: str
    remedy: str
    ignored: bool = True

    def __str__(self) -> str:
        """One notice."""
        return f"[keys] {self.command_id} {self.cause}{'; it is ignored' if self.ignored else ''}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Keymap:
    """The keys in force, by place and command, and what was wrong with the remaps."""

    by_place: Mapping[str, Mapping[str, tuple[str, ...]]]
    faults: tuple[KeyFault, ...] = ()

    def keys(self, command_id: str, place: str) -> tuple[str, ...]:
        """Return the keys a command has in a place; none where it does not exist."""
        return self.by_place.get(place, {}).get(command_id, ())

    def shown(self, command_id: str, place: str) -> str:
        """Return those keys as a person reads them: `! F4`."""
        return " ".join(show_key(key) for key in self.keys(command_id, place))


def make_keymap(
    commands: Sequence[Bound],
    remaps: Mapping[str, str],
    *,
    fixed: Mapping[str, Mapping[str, str]],
    typing: Collection[str],
) -> Keymap:
    """Apply remaps; one that cannot be is left out, so that every command keeps a key that does only one thing.

    Args:
        commands: all there are; their own keys do not collide.
        remaps: comma separated keys by command id, as a person wrote them.
        fixed: by place, keys that belong to no command and what they do: `{"job list": {"j": "moves the cursor"}}`.
        typing: places where a key that is text belongs to a field.
    """
    known = {command.id: command for command in commands}
    faults: list[KeyFault] = []
    accepted: dict[str, tuple[str, ...]] = {}
    for command_id, text in remaps.items():
        fault = _fault(known, command_id, text, fixed, typing)
        if fault is not None:
            faults.append(fault)
        if fault is None or not fault.ignored:
            accepted[command_id] = _read(text)[0]
    while True:
        by_place = _by_place(commands, accepted, typing)
        clash = next(_clashes(by_place, accepted), None)
        if clash is None:
            return Keymap(by_place, tuple(faults))
        remapped, other, key = (known[clash[0]], known[clash[1]], clash[2])
        del accepted[remapped.id]
        faults = [fault for fault in faults if fault.command_id != remapped.id]
        where = " and ".join(
            f"the {place}" for place, keys in by_place.items() if key in keys.get(other.id, ()) and remapped.id in keys
        )
        cause = f"({remapped.label}) cannot be {show_key(key)}: in {where} that is {other.id} ({other.label})"
        faults.append(KeyFault(remapped.id, cause, f"Choose another key, or give {other.id} another one too."))


def show_key(key: str) -> str:
    """Write a key as a person reads it: `ctrl-o`, `?`, `F1`."""
    *modifiers, last = key.split("+")
    shown = last.upper() if last[:1] == "f" and last[1:].isdigit() else _SHOWN.get(last, last)
    return "-".join([*modifiers, shown])


def spell(written: str) -> str | None:
    """Return the framework's name of a key as a person writes it, None if it is no key.

    `?`, `ctrl-x`, `ctrl+x`, `F4`, `esc` and the framework's own `question_mark` are all understood.
    """
    text = written.strip()
    if len(text) == 1:
        return _of_character(text)
    modifiers: list[str] = []
    while True:
        head, mark, rest = text.partition("+" if "+" in text[:-1] else "-")
        if not mark or not rest or head.lower() not in _MODIFIERS:
            break
        modifiers.append(head.lower())
        text = rest
    last = _of_character(text) if len(text) == 1 else _named(text)
    if last is None:
        return None
    if modifiers == ["shift"] and len(last) == 1:
        return last.upper()
    if "ctrl" in modifiers and len(last) == 1:
        last = last.lower()
    key = "+".join([*(one for one in _MODIFIERS if one in modifiers), last])
    return _SAME.get(key, key)


def is_text(key: str) -> bool:
    """Tell whether a key writes something into a field."""
    return "+" not in key and (key not in _NAMED or key == "space")


def _of_character(character: str) -> str | None:
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return _SHORT_NAMES.get(name, name) or None


def _named(text: str) -> str | None:
    name = _WRITTEN.get(text.lower(), text.lower())
    if name in _NAMED:
        return name
    long = next((full for full, short in _SHORT_NAMES.items() if short == name), name)
    spaced = long.upper().replace("_", " ")
    for candidate in (spaced, spaced.replace("HYPHEN ", "HYPHEN-").replace("LESS THAN", "LESS-THAN")):
        try:
            found = unicodedata.lookup(candidate)
        except KeyError:
            continue
        return _of_character(found) if not found.isalnum() else None
    return None


def _read(text: str) -> tuple[tuple[str, ...], str | None]:
    """Return the keys of a remap, and the first thing in it that is none."""
    found: list[str] = []
    for written in text.split(","):
        key = spell(written)
        if key is None:
            return (), written.strip()
        found.append(key)
    return tuple(dict.fromkeys(found)), None


def _fault(
    known: Mapping[str, Bound],
    command_id: str,
    text: str,
    fixed: Mapping[str, Mapping[str, str]],
    typing: Collection[str],
) -> KeyFault | None:
    """Judge one remap by itself."""
    command = known.get(command_id)
    if command is None:
        near = difflib.get_close_matches(command_id, known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "README and the page of keys (`?`) name the commands."
        return KeyFault(command_id, "is no command", remedy)
    keys, bad = _read(text)
    if bad is not None:
        cause = f"cannot be {bad!a}: that is no key"
        return KeyFault(command_id, cause, 'Write keys like "X", "ctrl+x", "f5" or "?", with commas between several.')
    if all(place in typing for place in command.places) and all(map(is_text, keys)):
        shown = " ".join(map(show_key, keys))
        cause = f"({command.label}) cannot be {shown}: in a form that is text"
        return KeyFault(command_id, cause, 'Choose a control chord or a function key, such as "f5".')
    own = set(command.keys.split(","))
    for key in keys:
        for place in command.places:
            does = (_TAKEN | dict(fixed.get(place, {}))).get(key)
            if does is not None and key not in own and not (place in typing and is_text(key)):
                cause = f"({command.label}) cannot be {show_key(key)}: in the {place} that {does}"
                return KeyFault(command_id, cause, "Choose another key.")
    if all(key in _DISCOURAGED for key in keys):
        cause = f"({command.label}) has only {show_key(keys[0])}, which {_DISCOURAGED[keys[0]]}"
        return KeyFault(command_id, cause, f'Add a second key, for example "{keys[0]},f12".', ignored=False)
    return None


def _by_place(
    commands: Sequence[Bound], remapped: Mapping[str, tuple[str, ...]], typing: Collection[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for command in commands:
        own = tuple(command.keys.split(","))
        for place in command.places:
            keys = remapped.get(command.id, own)
            if place in typing:
                # A command that also exists where nothing is typed keeps its own chord in a form.
                keys = _no_text(keys) or _no_text(own)
            if keys:
                found.setdefault(place, {})[command.id] = keys
    return found


def _no_text(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if not is_text(key))


def _clashes(
    by_place: Mapping[str, Mapping[str, tuple[str, ...]]], remapped: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str, str]]:
    """Yield `(remapped command, the other one, key)`; of two remapped ones the one written later."""
    order = list(remapped)
    for commands in by_place.values():
        holders: dict[str, str] = {}
        for command_id, keys in commands.items():
            for key in keys:
                other = holders.setdefault(key, command_id)
                if other == command_id:
                    continue
                first, last = sorted((other, command_id), key=lambda one: order.index(one) if one in remapped else -1)
                yield last, first, key

"""Owns the page that explains every key of every kind of fault, made of what the kinds declare."""

from __future__ import annotations

import textwrap
from dataclasses import MISSING, fields
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tui_app.emulator.faults.document import SCRIPT
from tui_app.emulator.faults.faults import Fault, Faults
from tui_app.emulator.faults.keys import default_of, figure
from tui_app.emulator.faults.kinds import KINDS
from tui_app.emulator.world.scripts import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tui_app.emulator.faults.keys import Key

_WIDTH = 78
_KEY_INDENT, _WORDS_INDENT = 4, 20


def guide() -> str:
    """Return the page, in lines of at most 78 characters."""
    lines = [
        *_text(
            "A fault has its kind, the keys of the kind, and those that say which calls meet it. "
            "These may be given to any:"
        ),
        *_keys(Fault.keys, _defaults(Fault)),
        "",
        *_text(Faults.together),
    ]
    for group, kinds in groupby(KINDS.values(), key=lambda kind: kind.group):
        lines += ["", f"{group.value[0].upper()}{group.value[1:]}:"]
        for kind in kinds:
            lines += ["", f"  {kind.kind:<12}{kind.says}", *_keys(kind.keys, _defaults(kind))]
    lines += ["", *_text("A [[job]] needs outcome or stages; the next job that fits takes it:")]
    return "\n".join([*lines, *_keys(SCRIPT, _defaults(Script)), ""])


def _text(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_on_hyphens=False)


def _defaults(owner: type[Any]) -> Mapping[str, object]:
    return {each.name: default_of(each) for each in fields(owner)}


def _keys(keys: Mapping[str, Key], defaults: Mapping[str, object]) -> Iterator[str]:
    for name, key in keys.items():
        words = "; ".join([f"{key.says}: {key.allowed}", *_default(defaults.get(name))])
        yield from textwrap.wrap(
            words,
            _WIDTH,
            initial_indent=f"{' ' * _KEY_INDENT}{name}".ljust(_WORDS_INDENT),
            subsequent_indent=" " * _WORDS_INDENT,
            break_on_hyphens=False,
        )


def _default(value: object) -> Iterable[str]:
    if value is MISSING:
        return ("needed",)
    if value in (None, (), {}):
        return ()
    return (f"default {figure(value) if isinstance(value, float) else value}",)

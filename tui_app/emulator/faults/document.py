"""Owns how faults and scripts are written down: one set of keys for a file and for the control endpoint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from tui_app.emulator.faults.faults import FAULTS_MOST, Fault
from tui_app.emulator.faults.keys import BadKeyError, Key, amount, identifier, shown, whole, word
from tui_app.emulator.faults.kinds import KINDS
from tui_app.emulator.world.lifecycle import OUTCOMES, STAGES
from tui_app.emulator.world.scripts import LONGEST_STAGE_S, MOST_TIMES, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tui_app.emulator.faults.effect import Effect

_WHEN = tuple(Fault.keys)
_SCRIPT: Mapping[str, Key] = {
    "outcome": word(*OUTCOMES),
    "dataset": identifier(),
    "segment": identifier(),
    "times": whole(1, MOST_TIMES),
}
_STAGE = amount(0, LONGEST_STAGE_S)
_OF_SCRIPT = (*_SCRIPT, "stages")
_TEXT_SHOWN = 200
_NUMBERED = 2  # parts of the way to a table of an array
_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}")


class DocumentError(ValueError):
    """Something is written that means nothing.

    `path` is the way to it from the top, tables of an array counted from 1; the message says what is wrong and what
    is allowed, and begins with the key.
    """

    def __init__(self, path: tuple[str, ...], cause: str) -> None:
        self.path = path
        self.cause = cause
        super().__init__(f"{named(path)} {cause}".strip())


@dataclass(frozen=True, slots=True)
class Steering:
    """What a document asks for: faults, and scripts for the jobs to come."""

    faults: tuple[Fault, ...]
    scripts: tuple[Script, ...]


def named(path: tuple[str, ...]) -> str:
    """Write a path as a person counts: `[[fault]] number 2, key status:`; nothing for no path."""
    if len(path) < _NUMBERED:
        return f"{_plain_key(path[0])}:" if path else ""
    place = f"[[{path[0]}]] number {path[1]}"
    keys = ".".join(map(_plain_key, path[2:]))
    return f"{place}, key {keys}:" if keys else f"{place}:"


def _plain_key(key: str) -> str:
    return key if _BARE.fullmatch(key) else shown(key)


def steering(document: Mapping[str, Any]) -> Steering:
    """Read a whole document: arrays of tables `fault` and `job`.

    Raises:
        DocumentError: for the first thing that means nothing.
    """
    for key in document:
        if key not in {"fault", "job"}:
            raise DocumentError((key,), "is not a known table; write [[fault]] or [[job]]")
    return Steering(tuple(_tables(document, "fault", fault)), tuple(_tables(document, "job", script)))


def _tables(document: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], Any]) -> Iterable[Any]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise DocumentError((name,), f"must be an array of tables; write [[{name}]] with two brackets")
    if len(tables) > FAULTS_MOST:
        raise DocumentError((name,), f"has {len(tables)} tables; {FAULTS_MOST} is the most")
    for count, table in enumerate(tables, start=1):
        try:
            yield read(table)
        except DocumentError as error:
            raise DocumentError((name, str(count), *error.path), error.cause) from None


def fault(table: object) -> Fault:
    """Read one fault: `kind`, the keys of the kind, and which calls meet it.

    Raises:
        DocumentError: for the first key that means nothing; its path is the key alone.
    """
    if not isinstance(table, Mapping):
        raise DocumentError((), f"must be a table with the key kind, not {shown(table)}")
    if "kind" not in table:
        raise DocumentError(("kind",), f"is missing; it is one of {', '.join(KINDS)}")
    name = table["kind"]
    if not isinstance(name, str) or name not in KINDS:
        raise DocumentError(("kind",), f"must be one of {', '.join(KINDS)}, not {shown(name)}{_near(name, KINDS)}")
    kind = KINDS[name]
    own = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]  # every kind is a dataclass
    known = ["kind", *own, *_WHEN]
    for key in table:
        if key not in known:
            raise DocumentError((key,), f"is not a key of {name}{_near(key, known)}; its keys are {', '.join(known)}")
    for key, each in own.items():
        if key not in table and each.default is MISSING and each.default_factory is MISSING:
            raise DocumentError((key,), f"is missing; {name} needs it, and it must be {kind.keys[key].allowed}")
    try:
        effect = kind(**{key: value for key, value in table.items() if key in own})
        return Fault(effect, **{key: value for key, value in table.items() if key in _WHEN})
    except BadKeyError as error:
        raise DocumentError((error.key,), error.cause) from None


def script(table: object) -> Script:
    """Read how the next jobs go: `outcome`, `stages`, `dataset`, `segment`, `times`, all of which may be left out.

    Raises:
        DocumentError: for the first key that means nothing; its path is the way from the table to it.
    """
    if not isinstance(table, Mapping):
        raise DocumentError((), f"must be a table with keys among {', '.join(_OF_SCRIPT)}, not {shown(table)}")
    for key, value in table.items():
        if key not in _OF_SCRIPT:
            known = ", ".join(_OF_SCRIPT)
            raise DocumentError((key,), f"is not a key of a job{_near(key, _OF_SCRIPT)}; its keys are {known}")
        if key in _SCRIPT:
            _check((key,), _SCRIPT[key], value)
    stages = table.get("stages", {})
    if not isinstance(stages, Mapping):
        raise DocumentError(("stages",), f"must be a table of seconds by {', '.join(STAGES)}, not {shown(stages)}")
    for name, seconds in stages.items():
        if name not in STAGES:
            raise DocumentError(("stages", name), f"is not a stage{_near(name, STAGES)}; they are {', '.join(STAGES)}")
        _check(("stages", name), _STAGE, seconds)
    given = {"dataset_id" if key == "dataset" else key: value for key, value in table.items()}
    return Script(**given)


def _check(path: tuple[str, ...], key: Key, value: object) -> None:
    try:
        key.check(path[-1], value)
    except BadKeyError as error:
        raise DocumentError(path, error.cause) from None


def described(one: Fault) -> dict[str, Any]:
    """Return a fault as the control endpoint shows it: the keys that it was written with, and what came of it."""
    effect: Effect = one.effect
    own = {each.name: getattr(effect, each.name) for each in fields(effect)}  # type: ignore[arg-type]  # as above
    when = {name: getattr(one, name) for name in _WHEN}
    given = {key: _plain(value) for key, value in (own | when).items() if value not in (None, (), {})}
    return {"id": one.number, "kind": effect.kind, **given, "met": one.met, "spent": one.is_spent}


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str) and len(value) > _TEXT_SHOWN:
        return f"{value[:_TEXT_SHOWN]}… ({len(value)} characters)"
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value


def _near(written: object, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(written[:40], list(known), n=1) if isinstance(written, str) else []
    return f" (did you mean {found[0]}?)" if found else ""

"""Owns how faults and scripts are written down: one set of keys for a file and for the control endpoint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tui_app.emulator.faults.connection import Count
from tui_app.emulator.faults.faults import FAULTS_MOST, Fault
from tui_app.emulator.faults.keys import (
    BadKeyError,
    Key,
    amount,
    default_of,
    identifier,
    is_default,
    shown,
    whole,
    word,
)
from tui_app.emulator.faults.kinds import KINDS
from tui_app.emulator.world.lifecycle import OUTCOMES, STAGES
from tui_app.emulator.world.scripts import LONGEST_STAGE_S, MOST_TIMES, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from dataclasses import Field

    from tui_app.emulator.faults.effect import Effect

_WHEN = tuple(Fault.keys)
_STAGE = amount(0, LONGEST_STAGE_S)
SCRIPT: Mapping[str, Key] = {
    "outcome": word(*OUTCOMES).saying("how the job goes"),
    "stages": Key(
        f"a table of seconds by {', '.join(STAGES)}, each {_STAGE.allowed}",
        lambda value: isinstance(value, Mapping),
    ).saying("how long stages take, in seconds of the platform's time; the others take as long as ever"),
    "dataset": identifier().saying("only a job into this dataset"),
    "segment": identifier().saying("only a job whose filter has this segment"),
    "times": whole(1, MOST_TIMES).saying("how many jobs take it, one after the other"),
}
"""The keys of a script; it needs `outcome` or `stages`."""
_TEXT_SHOWN = 200
_NUMBERED = 2  # parts of the way to a table of an array
_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}")
_T_co = TypeVar("_T_co", covariant=True)
T = TypeVar("T")


class _Reader(Protocol[_T_co]):
    def __call__(self, table: object, slips: list[DocumentError], /) -> _T_co | None: ...


class DocumentError(ValueError):
    """Something is written that means nothing.

    `path` is the way to it from the top, tables of an array counted from 1; the message says what is wrong and what
    is allowed, and begins with the key.
    """

    def __init__(self, path: tuple[str, ...], cause: str) -> None:
        self.path = path
        self.cause = cause
        super().__init__(f"{named(path)} {cause}".strip())


class SlipsError(ValueError):
    """All that means nothing in a document, in `slips`; the message has a line for each."""

    def __init__(self, slips: Sequence[DocumentError]) -> None:
        self.slips = tuple(slips)
        super().__init__("\n".join(map(str, slips)))


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
        SlipsError: something means nothing; it holds all that does.
    """
    slips = [
        DocumentError((key,), "is not a known table; write [[fault]] or [[job]]")
        for key in document
        if key not in {"fault", "job"}
    ]
    faults = _tables(document, "fault", _read_fault, slips=slips)
    scripts = _tables(document, "job", _read_script, slips=slips)
    if slips:
        raise SlipsError(slips)
    return Steering(tuple(faults), tuple(scripts))


def fault(table: object) -> Fault:
    """Read one fault: `kind`, the keys of the kind, and which calls meet it.

    Raises:
        DocumentError: for the first key that means nothing; its path is the key alone.
    """
    return _first(_read_fault, table)


def script(table: object) -> Script:
    """Read how the next jobs go: `outcome` or `stages`, and `dataset`, `segment`, `times`, which may be left out.

    Raises:
        DocumentError: for the first key that means nothing; its path is the way from the table to it.
    """
    return _first(_read_script, table)


def _first(read: _Reader[T], table: object) -> T:
    slips: list[DocumentError] = []
    made = read(table, slips)
    if made is None:
        raise slips[0]
    return made


def _tables(document: Mapping[str, Any], name: str, read: _Reader[T], *, slips: list[DocumentError]) -> list[T]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        slips.append(DocumentError((name,), f"must be an array of tables; write [[{name}]] with two brackets"))
        return []
    if len(tables) > FAULTS_MOST:
        slips.append(DocumentError((name,), f"has {len(tables)} tables; {FAULTS_MOST} is the most"))
        return []
    found: list[T] = []
    for count, table in enumerate(tables, start=1):
        inside: list[DocumentError] = []
        made = read(table, inside)
        slips += [DocumentError((name, str(count), *one.path), one.cause) for one in inside]
        if made is not None:
            found.append(made)
    return found


def _read_fault(table: object, slips: list[DocumentError]) -> Fault | None:
    """Return a fault; None after something was added to `slips`, which is never more than one for a key."""
    if not isinstance(table, Mapping):
        slips.append(DocumentError((), f"must be a table with the key kind, not {shown(table)}"))
        return None
    name = table.get("kind")
    if "kind" not in table:
        slips.append(DocumentError(("kind",), f"is missing; it is one of {', '.join(KINDS)}"))
    elif not isinstance(name, str) or name not in KINDS:
        cause = f"must be one of {', '.join(KINDS)}, not {shown(name)}{_near(name, KINDS)}"
        slips.append(DocumentError(("kind",), cause))
    kind = KINDS.get(name) if isinstance(name, str) else None
    own = {} if kind is None else {each.name: each for each in fields(kind)}  # type: ignore[arg-type]  # every kind is a dataclass
    slips += _of_keys(table, kind, own)
    # What two keys together make wrong is found as long as each of them is right, whatever else is wrong.
    wrong = {one.path[0] for one in slips}
    effect = None
    if kind is not None and not wrong & own.keys():
        effect = _made(partial(kind, **{key: value for key, value in table.items() if key in own}), slips)
    when = {key: value for key, value in table.items() if key in _WHEN and key not in wrong}
    made = _made(partial(Fault, effect or Count(), **when), slips)
    return None if slips else made


def _made(make: Callable[[], T], slips: list[DocumentError]) -> T | None:
    try:
        return make()
    except BadKeyError as error:
        slips.append(DocumentError((error.key,), error.cause))
        return None


def _of_keys(
    table: Mapping[str, object], kind: type[Effect] | None, own: Mapping[str, Field[Any]]
) -> Iterator[DocumentError]:
    """Yield what is wrong with each key alone, then what is missing; nothing of a kind's keys without a kind."""
    known = ["kind", *own, *_WHEN]
    of_fault = {each.name: each for each in fields(Fault)}
    for key, value in table.items():
        if key in _WHEN:
            yield from _slip((key,), Fault.keys[key], value, field=of_fault[key])
        elif kind is not None and key in own:
            yield from _slip((key,), kind.keys[key], value, field=own[key])
        elif kind is not None and key != "kind":
            cause = f"is not a key of {kind.kind}{_near(key, known)}; its keys are {', '.join(known)}"
            yield DocumentError((key,), cause)
    for key, each in own.items():
        if kind is not None and key not in table and default_of(each) is MISSING:
            yield DocumentError((key,), f"is missing; {kind.kind} needs it, and it must be {kind.keys[key].allowed}")


def _read_script(table: object, slips: list[DocumentError]) -> Script | None:
    """Return a script; None after something was added to `slips`."""
    if not isinstance(table, Mapping):
        slips.append(DocumentError((), f"must be a table with keys among {', '.join(SCRIPT)}, not {shown(table)}"))
        return None
    for key, value in table.items():
        if key not in SCRIPT:
            cause = f"is not a key of a job{_near(key, SCRIPT)}; its keys are {', '.join(SCRIPT)}"
            slips.append(DocumentError((key,), cause))
        else:
            found = list(_slip((key,), SCRIPT[key], value))
            slips += found or (_of_stages(value) if key == "stages" else ())
    if not slips and "outcome" not in table and not table.get("stages"):
        slips.append(DocumentError((), "asks for nothing; give it outcome or stages"))
    if slips:
        return None
    return Script(**{"dataset_id" if key == "dataset" else key: value for key, value in table.items()})


def _of_stages(stages: Mapping[str, object]) -> Iterator[DocumentError]:
    for name, seconds in stages.items():
        if name in STAGES:
            yield from _slip(("stages", name), _STAGE, seconds)
        else:
            yield DocumentError(("stages", name), f"is not a stage{_near(name, STAGES)}; they are {', '.join(STAGES)}")


def _slip(
    path: tuple[str, ...], key: Key, value: object, *, field: Field[Any] | None = None
) -> Iterator[DocumentError]:
    """Yield what is wrong with a value, if anything is; the default of its `field` is right."""
    if field is not None and is_default(field, value):
        return
    try:
        key.check(path[-1], value)
    except BadKeyError as error:
        yield DocumentError(path, error.cause)


def described(one: Fault) -> dict[str, Any]:
    """Return a fault as the control endpoint shows it: the keys that it was written with, and what came of it."""
    effect: Effect = one.effect
    own = {each.name: getattr(effect, each.name) for each in fields(effect)}  # type: ignore[arg-type]  # as above
    when = {name: getattr(one, name) for name in _WHEN}
    given = {key: _plain(value) for key, value in (own | when).items() if value not in (None, (), {})}
    return {"id": one.number, "kind": effect.kind, **given, "met": one.met, "spent": one.is_spent}


def scripted(one: Script, left: int) -> dict[str, Any]:
    """Return a script as the control endpoint shows it, `left` being how many jobs may still take it."""
    given = {"outcome": one.outcome, "stages": one.stages, "dataset": one.dataset_id, "segment": one.segment}
    return {key: _plain(value) for key, value in given.items() if value} | {"times": one.times, "left": left}


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str) and len(value) > _TEXT_SHOWN:
        return f"{value[:_TEXT_SHOWN]}… ({len(value)} characters)"
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value


def _near(written: object, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(written[:40], list(known), n=1) if isinstance(written, str) else []
    return f" (did you mean {found[0]}?)" if found else ""

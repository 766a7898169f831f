"""Owns merging the sources: defaults < file < environment < flags, with origins and faults."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from tui_app.config.faults import ConfigError, ConfigFault, NoConnectionError, shown
from tui_app.config.lines import KeyPath, dotted
from tui_app.config.paths import config_path
from tui_app.config.settings import Connection, Settings, Table
from tui_app.config.sources import (
    CONNECTION_VARIABLES,
    SECRET_VARIABLES,
    Assignment,
    Origin,
    from_environment,
    from_flags,
    misspelled_variables,
    read_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENVIRONMENT = "environment"
MASK = "***"

_IDENTITY = ("AEPX_ORG_ID", "AEPX_CLIENT_ID", "AEPX_BASE_URL", *SECRET_VARIABLES)
_NO_FLAGS: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The configuration in force; `origins` by dotted key, `path` the file looked for, there if `exists`."""

    settings: Settings
    origins: Mapping[str, Origin]
    faults: tuple[ConfigFault, ...]
    path: Path
    exists: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `aepx config show`; `value` is fit for JSON, secrets already masked."""

    key: str
    value: str | int | float | bool | None
    origin: Origin


def load(flags: Mapping[str, str | None] = _NO_FLAGS, environ: Mapping[str, str] | None = None) -> Loaded:
    """Merge all sources; bad content never raises, it becomes faults and the next lower source counts.

    `flags` knows the keys config, connection, sandbox, read_only and log_level; an absent or empty value is
    not given. `environ` None means the environment of the process (product section 5).
    """
    environ = os.environ if environ is None else environ
    path, named = config_path(flags, environ)
    file = read_file(path, named=named)
    names = list(dict.fromkeys(a.path[1] for a in file.assignments if _names_connection(a)))
    choice = _chosen(file.assignments, names, flags, environ)
    faults = list(file.faults)
    chosen = str(choice.value) if choice is not None else None
    if choice is not None and chosen not in names and not (chosen == ENVIRONMENT and _identified(environ)):
        faults.append(_unknown_connection(choice, names))
        choice, chosen = None, None
    assignments = [a for a in file.assignments if a.path != ("default_connection",)]
    if choice is not None and chosen is not None:
        assignments += [choice, Assignment(("connections", chosen), {}, choice.origin, choice.where)]
    assignments += from_environment(environ, chosen) + from_flags(flags, chosen)
    assignments += [
        Assignment(("connections", name, "takes_environment"), False, Origin("default"), str(path))
        for name in names
        if name != chosen
    ]
    settings, kept, bad = _validated(assignments)
    faults += bad
    faults += _connection_faults(settings, kept, bad)
    referenced = {
        name
        for connection in settings.connections.values()
        for name in (connection.client_secret_env, connection.access_token_env)
        if name
    }
    faults += misspelled_variables(environ, referenced)
    origins = _origins(settings, kept, environ, chosen)
    return Loaded(settings, origins, tuple(faults), path, file.exists)


def choose_connection(loaded: Loaded, name: str | None = None) -> Connection:
    """Return the connection called `name`, or the one in force.

    Raises:
        NoConnectionError: nothing is configured.
        ConfigError: it does not exist, none was chosen among several, or a fault makes using it a guess.
    """
    settings = loaded.settings
    wanted = name or settings.default_connection
    stopping = [fault for fault in loaded.faults if fault.stops(wanted)]
    if stopping:
        raise ConfigError("\n".join(map(str, stopping)))
    known = ", ".join(settings.connections)
    if wanted is not None:
        if wanted in settings.connections:
            return settings.connections[wanted]
        raise ConfigError(f"There is no connection {shown(wanted)}. Configured: {known or 'none'}.")
    if not settings.connections:
        raise NoConnectionError(
            "No connection is configured. Try the app without an account with: aepx demo. Set one up with: "
            "aepx config init, or with AEPX_ORG_ID, AEPX_CLIENT_ID and AEPX_CLIENT_SECRET in the environment."
        )
    raise ConfigError(
        f"Several connections are configured ({known}) and none is chosen. Name one with --connection, "
        f"AEPX_CONNECTION, or default_connection in {loaded.path}."
    )


def entries(loaded: Loaded) -> tuple[Entry, ...]:
    """Return every value with its origin, in the order of the settings; secrets masked."""
    values = {dotted(path): _public(path, value) for path, value in _values(loaded.settings, ())}
    secret = set(SECRET_VARIABLES)
    return tuple(
        Entry(key, MASK if origin.detail in secret else values[key], origin) for key, origin in loaded.origins.items()
    )


def _chosen(
    file: Sequence[Assignment], names: list[str], flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> Assignment | None:
    """Decide which connection is in force, and who said so; it may still turn out not to exist."""
    path = ("default_connection",)
    if flag := flags.get("connection"):
        return Assignment(path, flag, Origin("flag", "--connection"), "command line")
    if variable := environ.get("AEPX_CONNECTION"):
        return Assignment(path, variable, Origin("environment", "AEPX_CONNECTION"), "environment")
    for assignment in file:
        if assignment.path == path:
            return assignment
    if _identified(environ) and (
        not names or (len(names) > 1 and environ.get("AEPX_ORG_ID") and environ.get("AEPX_CLIENT_ID"))
    ):
        return Assignment(path, ENVIRONMENT, Origin("environment", "AEPX_…"), "environment")
    if len(names) == 1:
        return Assignment(path, names[0], Origin("default", "the only connection"), "default")
    return None


def _identified(environ: Mapping[str, str]) -> bool:
    return any(environ.get(variable) for variable in _IDENTITY)


def _names_connection(assignment: Assignment) -> bool:
    return len(assignment.path) == 2 and assignment.path[0] == "connections"  # noqa: PLR2004 - connections.NAME


def _unknown_connection(choice: Assignment, names: list[str]) -> ConfigFault:
    near = difflib.get_close_matches(str(choice.value), names, n=1)
    if near:
        remedy = f"Did you mean {near[0]}?"
    elif names:
        remedy = f"Configured: {', '.join(names)}."
    else:
        remedy = "No connection is configured; write one with: aepx config init"
    return choice.fault(f"names a connection that does not exist: {shown(choice.value)}", remedy)


def _validated(assignments: list[Assignment]) -> tuple[Settings, list[Assignment], list[ConfigFault]]:
    """Validate, leaving out what is bad until the rest holds; that uncovers the source below it."""
    faults: list[ConfigFault] = []
    kept = assignments
    while True:
        try:
            return Settings.model_validate(_tree(kept)), kept, faults
        except ValidationError as error:
            bad = [
                (culprit, detail)
                for detail in error.errors(include_url=False)
                if (culprit := _culprit(kept, detail["loc"])) is not None
            ]
        if not bad:
            raise AssertionError("a configuration fault without a culprit")
        for culprit in {id(culprit): culprit for culprit, _ in bad}.values():
            faults.append(next(_fault(culprit, detail) for other, detail in bad if other is culprit))
            kept = [a for a in kept if a is not culprit and not _falls_with(a, culprit)]


def _falls_with(assignment: Assignment, culprit: Assignment) -> bool:
    """A connection or table that cannot stay takes its values with it."""
    return (culprit.value == {} or _names_connection(culprit)) and assignment.path[: len(culprit.path)] == culprit.path


def _culprit(assignments: list[Assignment], loc: tuple[int | str, ...]) -> Assignment | None:
    path = tuple(str(part) for part in loc)
    inside = [a for a in assignments if a.path == path[: len(a.path)]]
    if inside:
        # An empty table only makes sure that there is one; it does not replace a value.
        return max(reversed(inside), key=lambda a: (len(a.path), a.value != {}))
    return next((a for a in assignments if a.path[: len(path)] == path), None)


def _fault(culprit: Assignment, detail: Mapping[str, Any]) -> ConfigFault:
    if detail["loc"][-1] == "[key]":
        remedy = "Use letters, digits, dots, dashes and underscores, 64 at most."
        return culprit.fault("is not a usable name", remedy)
    reason = detail.get("ctx", {}).get("error")
    if isinstance(reason, ValueError) and len(reason.args) == 2:  # noqa: PLR2004 - cause and remedy, as our validators raise
        return culprit.fault(*reason.args)
    message = str(detail["msg"]).removeprefix("Input ")
    message = message[:1].lower() + message[1:]
    value = "" if "secret" in culprit.path[-1] else f" {shown(culprit.value)}:"
    return culprit.fault(f"has a wrong value{value} {message}", f"Correct {culprit.known_as} or remove it.")


def _tree(assignments: list[Assignment]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for assignment in assignments:
        node: Any = tree
        for part in assignment.path[:-1]:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            continue
        if assignment.value == {}:
            node.setdefault(assignment.path[-1], {})
        else:
            node[assignment.path[-1]] = assignment.value
    return tree


def _connection_faults(settings: Settings, kept: list[Assignment], bad: list[ConfigFault]) -> Iterator[ConfigFault]:
    """Find what a single value cannot show: a missing identity, a certificate file that is not there."""
    already = {fault.path for fault in bad}
    for name, connection in settings.connections.items():
        table = next(a for a in kept if a.path == ("connections", name))
        for field in ("org_id", "client_id"):
            path = ("connections", name, field)
            if getattr(connection, field) or path in already:
                continue
            variable = next(v for v, key in CONNECTION_VARIABLES.items() if key == field)
            key = variable if table.line is None else dotted(path)
            remedy = f"Set {variable}." if table.line is None else f"Add {field} under this table."
            yield ConfigFault(table.where, table.line, key, "is missing", remedy, path=path)
        bundle = connection.ca_bundle
        if bundle is not None and not bundle.is_file():
            source = next(a for a in kept if a.path == ("connections", name, "ca_bundle"))
            yield source.fault(f"names a file that is not there: {shown(str(bundle))}", "Correct the path.")


def _values(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Table):
        for field in type(value).model_fields:
            if not (isinstance(value, Connection) and field in {"name", "takes_environment"}):
                yield from _values(getattr(value, field), (*path, field))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, (*path, key))
    else:
        yield path, value


def _origins(
    settings: Settings, kept: list[Assignment], environ: Mapping[str, str], chosen: str | None
) -> dict[str, Origin]:
    given = {a.path: a.origin for a in kept}
    origins = {dotted(path): given.get(path, Origin("default")) for path, _ in _values(settings, ())}
    if chosen is not None and chosen in settings.connections:
        for variable, key in SECRET_VARIABLES.items():
            if environ.get(variable):
                origins[dotted(("connections", chosen, key))] = Origin("environment", variable)
    return origins


def _public(path: KeyPath, value: Any) -> str | int | float | bool | None:
    if isinstance(value, SecretStr):
        return MASK
    if path[-1] == "client_secret_command" and value is not None:
        # Arguments are where people put secrets; the program is enough to know which one runs.
        return str(value[0]) if len(value) == 1 else f"{value[0]} …"
    if isinstance(value, Path):
        return str(value)
    result: str | int | float | bool | None = value
    return result

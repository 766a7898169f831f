"""Owns reading file, environment and flags: each becomes assignments of one value to one key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tui_app.config.faults import ConfigFault
from tui_app.config.lines import KeyPath, UnreadableError, dotted, key_lines, line_of, read_document
from tui_app.config.paths import privacy_fault
from tui_app.config.settings import (
    Connection,
    HistorySettings,
    LimitSettings,
    PollSettings,
    SandboxSettings,
    Settings,
    Table,
    UiSettings,
)

# Which model closes the keys of a table; "*" stands for a name the user chose.
_TABLES: dict[KeyPath, type[Table]] = {
    (): Settings,
    ("poll",): PollSettings,
    ("limits",): LimitSettings,
    ("history",): HistorySettings,
    ("ui",): UiSettings,
    ("connections", "*"): Connection,
    ("connections", "*", "sandboxes", "*"): SandboxSettings,
}
_OPEN_TABLES: frozenset[KeyPath] = frozenset({("connections",), ("connections", "*", "sandboxes"), ("keys",)})
_INTERNAL = {"name", "takes_environment"}
_FILE_PATHS = {"data_dir", "ca_bundle", "client_secret_file"}

CONNECTION_VARIABLES: dict[str, str] = {
    "AEPX_ORG_ID": "org_id",
    "AEPX_CLIENT_ID": "client_id",
    "AEPX_SCOPES": "scopes",
    "AEPX_SANDBOX": "sandbox",
    "AEPX_BASE_URL": "base_url",
    "AEPX_IMS_URL": "ims_url",
}
SECRET_VARIABLES: dict[str, str] = {
    "AEPX_CLIENT_SECRET": "client_secret",
    "AEPX_ACCESS_TOKEN": "access_token",
}
SETTING_VARIABLES: dict[str, str] = {
    "AEPX_READ_ONLY": "read_only",
    "AEPX_DATA_DIR": "data_dir",
    "AEPX_LOG_LEVEL": "log_level",
}
VARIABLES: frozenset[str] = frozenset(
    {"AEPX_CONFIG", "AEPX_CONNECTION", *CONNECTION_VARIABLES, *SECRET_VARIABLES, *SETTING_VARIABLES}
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `detail` is the file and line, the variable or the flag."""

    kind: Literal["default", "file", "environment", "flag"]
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".rstrip()


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value for one key from one source."""

    path: KeyPath
    value: Any
    origin: Origin
    where: str
    line: int | None = None

    def fault(self, cause: str, remedy: str) -> ConfigFault:
        """Build the fault of this very value."""
        return ConfigFault(self.where, self.line, self.known_as, cause, remedy, path=self.path)

    @property
    def known_as(self) -> str:
        """What the person typed: the variable, the flag, or the dotted key of the file."""
        return dotted(self.path) if self.origin.kind in {"file", "default"} else self.origin.detail


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a configuration file said; `exists` False when there is none, which is no fault by itself."""

    assignments: tuple[Assignment, ...] = ()
    faults: tuple[ConfigFault, ...] = ()
    exists: bool = False


def read_file(path: Path, *, named: bool) -> FileContent:
    """Read the file at `path`; a missing one is a fault only when the user `named` it."""
    try:
        document, text = read_document(path)
    except UnreadableError as error:
        if not error.is_missing:
            return _unread(path, error.cause, error.remedy, line=error.line, exists=True)
        return _unread(path, error.cause, f"{error.remedy} Or: aepx config init") if named else FileContent()
    return _from_document(document, key_lines(text), path)


def from_environment(environ: Mapping[str, str], connection: str | None) -> list[Assignment]:
    """Return what the environment sets; the variables of a connection go to the one named `connection`.

    Secrets are not among them: `resolve_secret` reads those when they are needed.
    """
    found = [
        Assignment((key,), environ[variable], Origin("environment", variable), "environment")
        for variable, key in SETTING_VARIABLES.items()
        if environ.get(variable)
    ]
    if connection is not None:
        found += [
            Assignment(
                ("connections", connection, key),
                environ[variable],
                Origin("environment", variable),
                "environment",
            )
            for variable, key in CONNECTION_VARIABLES.items()
            if environ.get(variable)
        ]
    return found


def from_flags(flags: Mapping[str, str | None], connection: str | None) -> list[Assignment]:
    """Return what the command line sets."""
    paths: dict[str, KeyPath] = {"read_only": ("read_only",), "log_level": ("log_level",)}
    if connection is not None:
        paths["sandbox"] = ("connections", connection, "sandbox")
    found = []
    for flag, path in paths.items():
        if value := flags.get(flag):
            name = "--" + flag.replace("_", "-")
            found.append(Assignment(path, value, Origin("flag", name), "command line"))
    return found


def misspelled_variables(environ: Mapping[str, str], known: Iterable[str]) -> list[ConfigFault]:
    """Warn of AEPX_ variables that nobody reads but that look like one somebody does."""
    faults = []
    read = {*VARIABLES, *known}
    for variable in sorted(environ):
        if not re.fullmatch(r"AEPX_[A-Za-z0-9_]+", variable) or variable in read:
            continue
        if near := difflib.get_close_matches(variable, VARIABLES, n=1, cutoff=0.8):
            remedy = f"Did you mean {near[0]}?"
            faults.append(ConfigFault("environment", None, variable, "is not read", remedy, "warning"))
    return faults


def _from_document(document: dict[str, Any], lines: dict[KeyPath, int], path: Path) -> FileContent:
    assignments: list[Assignment] = []
    faults: list[ConfigFault] = []
    for key_path, value in _leaves(document, ()):
        line = line_of(lines, key_path)
        if (unknown := _unknown_key(key_path)) is not None:
            cause, remedy = unknown
            faults.append(ConfigFault(str(path), line, dotted(key_path), cause, remedy, "warning"))
            continue
        if key_path[-1] in _FILE_PATHS and isinstance(value, str) and value:
            value = str(path.parent / Path(value).expanduser())  # noqa: PLW2901 - the same value, made absolute
        origin = Origin("file", f"{path}:{line}")
        assignment = Assignment(key_path, value, origin, str(path), line)
        if key_path[-1] == "client_secret" and (fault := privacy_fault(path.stat(), path)) is not None:
            faults.append(assignment.fault(f"is in a file that {fault[0]}", f"{fault[1]} or move it out."))
            continue
        assignments.append(assignment)
    return FileContent(tuple(assignments), tuple(faults), exists=True)


def _leaves(table: Mapping[str, Any], prefix: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every value; also an empty table for each one the user named, so that it exists."""
    for key, value in table.items():
        path = (*prefix, key)
        pattern = _pattern(path)
        if isinstance(value, Mapping) and (pattern in _TABLES or pattern in _OPEN_TABLES):
            if pattern[-1] == "*":
                yield path, {}
            yield from _leaves(value, path)
        else:
            yield path, value


def _unknown_key(path: KeyPath) -> tuple[str, str] | None:
    model = _TABLES.get(_pattern(path[:-1]))
    if model is None:
        return None
    known = [name for name in model.model_fields if name not in _INTERNAL]
    if path[-1] in known:
        return None
    near = difflib.get_close_matches(path[-1], known, n=1)
    table = f"[{dotted(path[:-1])}]" if len(path) > 1 else "the top level"
    remedy = f"Did you mean {near[0]}?" if near else f"Keys of {table}: {', '.join(known)}."
    return "is not a known key and has no effect", remedy


def _pattern(path: KeyPath) -> KeyPath:
    if path[:1] != ("connections",):
        return path
    named = [*path]
    for position in (1, 3):
        if position < len(named) and (position == 1 or named[2] == "sandboxes"):
            named[position] = "*"
    return tuple(named)


def _unread(path: Path, cause: str, remedy: str, *, line: int | None = None, exists: bool = False) -> FileContent:
    return FileContent((), (ConfigFault(str(path), line, "", cause, remedy),), exists=exists)

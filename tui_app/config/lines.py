"""Owns reading a TOML document and the way from a key of it to its line; tomllib and tomlkit do not tell."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

KeyPath = tuple[str, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=(.*)", re.DOTALL)
_HEADER = re.compile(rf"\s*\[(\[)?\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ENDING = re.compile(r"""[\]}]|\"{3}|'{3}""")
_MAX_BYTES = 1_000_000


def dotted(path: KeyPath) -> str:
    """Write `path` as TOML would: `keys."job.cancel"`; control characters come out escaped."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in path)


class UnreadableError(Exception):
    """A file is no document that can be read: why, what to do, and on which line, 1-based, if it is one."""

    def __init__(self, cause: str, remedy: str, *, line: int | None = None, is_missing: bool = False) -> None:
        super().__init__(cause)
        self.cause, self.remedy, self.line, self.is_missing = cause, remedy, line, is_missing


def read_document(path: Path) -> tuple[dict[str, Any], str]:
    """Return the TOML document at `path`, and its text for `key_lines`.

    Raises:
        UnreadableError: it cannot be read, is too large, is not text, or is not TOML.
    """
    text = _text(path)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        cause, line = syntax_fault(error, text)
        raise UnreadableError(f"TOML syntax: {cause}", "Correct this line.", line=line) from None
    except (ValueError, RecursionError) as error:
        cause = "a number has thousands of digits" if isinstance(error, ValueError) else "it is nested too deeply"
        raise UnreadableError(f"cannot be read: {cause}", "Correct it.") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError("does not exist", "Correct the path.", is_missing=True) from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UnreadableError(f"cannot be read: {cause}", "Correct the path or its permissions.") from None
    if len(content) > _MAX_BYTES:
        raise UnreadableError("is larger than 1 MB", "Name the right file.")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError("is not UTF-8 text", "Save it as UTF-8.", line=line) from None


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key and table of a valid TOML document to its 1-based line.

    A table of an array has its number, from 1, as a part of its path: the second `[[fault]]` is `("fault", "2")`.
    Keys inside inline tables are not told apart; `line_of` finds the nearest parent.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    lines = [line + "\n" for line in text.split("\n")]
    number = 0
    while number < len(lines):
        if header := _HEADER.match(lines[number]):
            table = _numbered(_parts(header[2]), counts, is_new=header[1] is not None)
            found.setdefault(table, number + 1)
        elif key := _KEY.match(lines[number]):
            found.setdefault((*table, *_parts(key[1])), number + 1)
            number += _value_height(key[2], lines[number + 1 :]) - 1
        number += 1
    return found


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of `path`, or of the first table or value in it, or of the nearest one around it."""
    inside = [line for known, line in lines.items() if known[: len(path)] == path]
    if path not in lines and inside:
        return min(inside)
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def syntax_fault(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """Split the parser's message into the cause and the 1-based line."""
    message = str(error)
    place = _PLACE.search(message)
    line = int(place[1]) if place and place[1] else len(text.rstrip("\n").split("\n"))
    cause = message[: place.start()] if place else message
    return cause, line


def _numbered(path: KeyPath, counts: dict[KeyPath, int], *, is_new: bool) -> KeyPath:
    """Return the path of a header with the number of the last table after each array; `is_new` begins another."""
    made: KeyPath = ()
    for place, part in enumerate(path, start=1):
        made = (*made, part)
        if place == len(path) and is_new:
            counts[made] = counts.get(made, 0) + 1
        if made in counts:
            made = (*made, str(counts[made]))
    return made


def _value_height(first: str, following: list[str]) -> int:
    """Count the lines of a value, by adding lines until it parses; only where it might be at its end."""
    value = "value =" + first
    last = first
    for height, line in enumerate(following, start=1):
        if (height == 1 or _ENDING.search(last)) and _parses(value):
            return height
        value += line
        last = line
    return len(following) + 1


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _parts(key: str) -> KeyPath:
    parts: list[str] = []
    rest: Any = tomllib.loads(f"{key} = 0")
    while isinstance(rest, dict):
        part, rest = next(iter(rest.items()))
        parts.append(part)
    return tuple(parts)


def _quoted(part: str) -> str:
    escaped = ascii(part)[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{escaped}"'

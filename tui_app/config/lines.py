"""Owns the way from a key of a TOML document to the line it stands on; tomllib and tomlkit do not tell."""

from __future__ import annotations

import re
import tomllib
from typing import Any

KeyPath = tuple[str, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=(.*)", re.DOTALL)
_HEADER = re.compile(rf"\s*\[\[?\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: KeyPath) -> str:
    """Write `path` as TOML would: `keys."job.cancel"`; control characters come out escaped."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in path)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key and table of a valid TOML document to its 1-based line.

    Keys inside inline tables and arrays of tables are not told apart; `line_of` finds the nearest parent.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    lines = [line + "\n" for line in text.split("\n")]
    number = 0
    while number < len(lines):
        if header := _HEADER.match(lines[number]):
            table = _parts(header[1])
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


def _value_height(first: str, following: list[str]) -> int:
    """Count the lines of a value, by adding lines until it parses."""
    value = "value =" + first
    for height, line in enumerate(following, start=1):
        if _parses(value):
            return height
        value += line
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

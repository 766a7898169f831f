"""Owns what can be wrong with a configuration: faults to show, and the error that stops a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class ConfigError(Exception):
    """The configuration does not allow what was asked; the message ends with the next step."""


class NoConnectionError(ConfigError):
    """Nothing is configured at all: the app offers the demo or setting up instead of failing."""


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One fault: `where` is the file or the source, `line` is 1-based.

    `key` is what the person typed, "" when the whole source is meant; `path` is the key in the settings,
    whatever the source called it.
    """

    where: str
    line: int | None
    key: str
    cause: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    path: tuple[str, ...] = ()

    def stops(self, connection: str | None) -> bool:
        """Answer whether working with `connection` would be guessing; faults elsewhere are only reported."""
        if self.severity == "warning":
            return False
        match self.path:
            case () | ("read_only",) | ("connections",):
                return True
            case ("default_connection",):
                return connection is None
            case ("connections", name, *_):
                return connection in (None, name)
            case _:
                return False

    def __str__(self) -> str:
        """One line in the manner of a compiler, so that editors can jump to it."""
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        subject = f"{self.key} " if self.key else ""
        return f"{place}: {self.severity}: {subject}{self.cause}. {self.remedy}"


def shown(value: object, *, limit: int = 60) -> str:
    """Quote a configured value for a message: ASCII only, so that no control character gets through."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}…"

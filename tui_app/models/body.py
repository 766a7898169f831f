"""Owns reading request bodies people wrote: known fields are taken out by name, the rest stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tui_app.models.base import JsonObject, MalformedRecord, flag, integer

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class BodyReader:
    """Takes known fields out of one object of a body and names the path of any that cannot be read.

    Strict, it raises `MalformedRecord`; otherwise it notes the path in `unreadable` and goes on without the
    field. The object given is not changed; what nobody took is in `rest`. A null counts as absent.
    """

    def __init__(
        self, value: object, path: str = "", *, strict: bool = True, unreadable: list[str] | None = None
    ) -> None:
        self._path = path
        self._strict = strict
        self.unreadable: list[str] = unreadable if unreadable is not None else []
        if value is not None and not isinstance(value, dict):
            self._refuse(path or "the body", "an object")
        self.rest: JsonObject = dict(value) if isinstance(value, dict) else {}

    def text(self, key: str) -> str | None:
        """Take a text; blank counts as absent."""
        value = self._take(key, "a text", lambda raw: raw if isinstance(raw, str) else None)
        return value if value and not value.isspace() else None

    def flag(self, key: str) -> bool | None:
        """Take true or false, also as the words some services print."""
        return self._take(key, "true or false", flag)

    def integer(self, key: str) -> int | None:
        """Take a whole number, also as digits in a text."""
        return self._take(key, "a whole number", integer)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts, or a lone one."""
        return self._take(key, "a list of texts", _texts) or ()

    def child(self, key: str) -> BodyReader:
        """Take an object to be read in turn; absent, it reads as empty. Give it back with `keep`."""
        return BodyReader(self.rest.pop(key, None), self._at(key), strict=self._strict, unreadable=self.unreadable)

    def children(self, key: str) -> list[BodyReader]:
        """Take a list of objects, each to be read in turn."""
        found = self._take(key, "a list", lambda raw: raw if isinstance(raw, list) else None) or []
        return [
            BodyReader(item, f"{self._at(key)}[{place}]", strict=self._strict, unreadable=self.unreadable)
            for place, item in enumerate(found)
        ]

    def keep(self, key: str, child: BodyReader) -> None:
        """Put back what nobody took from a child, so that it is found again in `rest` under its own place."""
        if child.rest:
            self.rest[key] = child.rest

    def _take(self, key: str, expected: str, read: Callable[[object], _T | None]) -> _T | None:
        raw = self.rest.pop(key, None)
        if raw is None:
            return None
        value = read(raw)
        if value is None:
            self._refuse(self._at(key), expected)
        return value

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _refuse(self, path: str, expected: str) -> None:
        if self._strict:
            raise MalformedRecord(f"{path} cannot be read: write it as {expected}.")
        self.unreadable.append(path)


def merged(body: JsonObject, extra: JsonObject) -> JsonObject:
    """Return a body with the keys of `extra` added in their places; what the body already says wins."""
    found = dict(body)
    for key, value in extra.items():
        if key not in found:
            found[key] = value
        elif isinstance(found[key], dict) and isinstance(value, dict):
            found[key] = merged(found[key], value)
    return found


def present(fields: JsonObject) -> JsonObject:
    """Return an object without the keys whose value is None or an empty object."""
    return {key: value for key, value in fields.items() if value is not None and value != {}}


def _texts(raw: object) -> tuple[str, ...] | None:
    listed = [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return None
    return tuple(item for item in listed if item and not item.isspace())

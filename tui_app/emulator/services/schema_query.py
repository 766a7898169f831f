"""Owns how a list of registry resources is filtered, sorted and continued: `property`, `orderby`, `start`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST_CAP = 300  # API reference 8: whatever `limit` asks for
_CONDITION = re.compile(r"(?P<name>[A-Za-z$][\w:$.]{0,99})(?:(?P<sign>==|!=|>=|<=|>|<|~)(?P<value>.*))?", re.DOTALL)
_BETWEEN = re.compile(r",(?=[A-Za-z$][\w:$.]*(?:==|!=|>=|<=|>|<|~))")
_UPDATED = "updated"

Condition = Callable[[dict[str, Any]], bool]


def conditions(texts: Sequence[str]) -> list[Condition]:
    """Read the `property` filters; all of them must hold.

    `name` asks that a property is there, `name==x` and `name!=x` compare (a list holds what one of its items is),
    `name~x` searches, where `^`, `$` and `.*` mean what they do in a regular expression and nothing else does: a
    stranger's expression could keep us busy for hours. A text of another form filters nothing out.
    """
    found = (_CONDITION.fullmatch(one) for text in texts for one in _BETWEEN.split(text))
    return [_condition(match["name"], match["sign"] or "", match["value"] or "") for match in found if match]


def _condition(name: str, sign: str, value: str) -> Condition:
    def holds(body: dict[str, Any]) -> bool:
        held = _held(body, name)
        if sign == "":
            return held is not None
        several = held if isinstance(held, list) else [] if held is None else [held]
        texts = [str(one) for one in several]
        if sign in ("==", "!="):
            return (value in texts) == (sign == "==")
        return any(_matches(text, value) if sign == "~" else _compares(text, sign, value) for text in texts)

    return holds


def _held(body: dict[str, Any], name: str) -> Any:
    if name == _UPDATED:
        metadata = body["meta:registryMetadata"]
        return metadata.get("repo:lastModifiedDate", metadata.get("xdm:lastModifiedDate"))
    return body.get(name)


def _compares(text: str, sign: str, value: str) -> bool:
    one, other = _rank(text), _rank(value)
    return (one > other and sign[0] == ">") or (one < other and sign[0] == "<") or (one == other and len(sign) > 1)


def _matches(text: str, pattern: str) -> bool:
    """Search for literal pieces one after the other; each search is linear in the text."""
    text, pattern = text.lower(), pattern.lower()
    is_from_start, is_to_end = pattern.startswith("^"), pattern.endswith("$")
    pieces = pattern.removeprefix("^").removesuffix("$").split(".*")
    at = 0
    for place, piece in enumerate(pieces):
        is_last = place == len(pieces) - 1
        if is_last and is_to_end:
            start = len(text) - len(piece)
            return text.endswith(piece) and (start == 0 if place == 0 and is_from_start else start >= at)
        found = text.find(piece, at)
        if found < 0 or (place == 0 and is_from_start and found != 0):
            return False
        at = found + len(piece)
    return True


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers by size and before all text, text by its letters whatever their case."""
    text = str(value)
    if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return 0, float(text), ""
    return 1, 0.0, text.lower()


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted; `text` as the caller wrote it, else last changed first.

    The cursor is a value of the first key, and a page begins strictly beyond it: that is why `start=0` gives an empty
    list of something that was never changed before 1970 (observed, API reference 8).
    """

    text: str
    keys: tuple[tuple[str, bool], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Order:
        """Read `orderby`: names with commas between, `-` before one that falls."""
        named = [one.strip() for text in texts for one in text.split(",") if one.strip().lstrip("+-")][:5]
        words = named or [f"-{_UPDATED}"]
        return cls(",".join(words), tuple((word.lstrip("+-"), word.startswith("-")) for word in words))

    def arrange(self, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sort by the first key, ties by the next; a property that is missing sorts as empty text."""
        for name, falls in reversed(self.keys):
            bodies = sorted(bodies, key=lambda body, name=name: _rank(_text(body, name)), reverse=falls)  # type: ignore[misc] # mypy cannot type a default in a lambda
        return bodies

    def after(self, bodies: list[dict[str, Any]], start: str) -> list[dict[str, Any]]:
        """Leave out what is not strictly beyond the cursor."""
        name, falls = self.keys[0]
        mark = _rank(start)
        return [
            body for body in bodies if (_rank(_text(body, name)) < mark if falls else _rank(_text(body, name)) > mark)
        ]

    def page(self, bodies: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
        """Cut to `limit`, which is a hint: what shares the last one's cursor value comes along, or it would be lost."""
        if not 0 < limit < len(bodies):
            return bodies[:limit]
        last = self.cursor(bodies[limit - 1])
        return bodies[:limit] + [body for body in bodies[limit:] if self.cursor(body) == last]

    def cursor(self, body: dict[str, Any]) -> str:
        """Return what `start` must be for the page that follows this resource."""
        return _text(body, self.keys[0][0])


def _text(body: dict[str, Any], name: str) -> str:
    held = _held(body, name)
    return "" if held is None else str(held)

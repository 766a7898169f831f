"""Owns what the values of a fault may be: one reader for each sort of key, in words that a message can use."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field

_SHOWN = 60
_NAMES_MOST = 200
_DEEPEST = 60
_GREATEST = 10**300  # what JSON readers without big integers still take for a number
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"(?:[!-~\x80-\xff]+(?:[ \t]+[!-~\x80-\xff]+)*)?")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
# Error types start with ns.adobe.com, which is a name and no place to send anything to.
_REAL_HOST = re.compile(r"(?<![\w.-])(?!ns\.adobe\.com\b)(?:[\w-]+\.)*adobe(?:login)?\.(?:io|com|net)\b")
_REAL_TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
_OWN_HOSTS = re.compile(r"localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|(?:[a-z0-9-]+\.)*example(?:\.(?:com|org|net))?")


class BadKeyError(ValueError):
    """A value that a fault cannot have; `key` names it, `cause` says what is wrong and what is allowed."""

    def __init__(self, key: str, cause: str) -> None:
        super().__init__(f"{key} {cause}")
        self.key = key
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Key:
    """One sort of value: what is allowed, in words that follow "must be", and the test for it.

    `says` tells in a few words what the value is for, with its unit.
    """

    allowed: str
    fits: Callable[[Any], bool]
    says: str = ""

    def saying(self, says: str) -> Key:
        """Return this key with what its value is for."""
        return replace(self, says=says)

    def check(self, name: str, value: object) -> None:
        """Raise BadKeyError unless `value` is allowed and points at nothing real."""
        if not self.fits(value):
            raise BadKeyError(name, f"must be {self.allowed}, not {shown(value)}")
        if is_real(value):
            raise BadKeyError(
                name, "holds an address or a token that looks like Adobe's own; invent one at example.com"
            )


def checked(owner: object, keys: Mapping[str, Key]) -> None:
    """Check every field of a dataclass that `keys` knows; a field at its default is right.

    Raises:
        BadKeyError: for the first that is not.
    """
    for each in fields(owner):  # type: ignore[arg-type]  # every owner is a dataclass; there is no base to say so
        value = getattr(owner, each.name)
        if each.name in keys and not is_default(each, value):
            keys[each.name].check(each.name, value)


def default_of(each: Field[Any]) -> object:
    """Return what a field of a dataclass is when it is not given; `MISSING` when it must be."""
    return each.default_factory() if each.default_factory is not MISSING else each.default


def is_default(each: Field[Any], value: object) -> bool:
    """Whether a value is the field's default, of the same type."""
    default = default_of(each)
    return type(value) is type(default) and value == default


def shown(value: object) -> str:
    """Quote a value for a message: ASCII, short, with no control character in it, numbers without an exponent."""
    try:
        text = figure(value) if type(value) is float and math.isfinite(value) else ascii(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def is_real(value: object) -> bool:
    """Whether a value holds an address at Adobe, or what looks like one of its tokens, at any depth."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value)
        return _REAL_HOST.search(plain.lower()) is not None or _REAL_TOKEN.search(plain) is not None
    if isinstance(value, dict):
        return any(is_real(inner) for pair in value.items() for inner in pair)
    return isinstance(value, list | tuple) and any(map(is_real, value))


def whole(low: int, high: int) -> Key:
    """Allow a whole number."""
    return Key(f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def amount(low: float, high: float, *, above: bool = False) -> Key:
    """Allow a finite number; `above` leaves out the lowest itself."""

    def fits(value: Any) -> bool:
        if type(value) is not int and not (type(value) is float and math.isfinite(value)):
            return False
        return bool(low < value <= high if above else low <= value <= high)

    bounds = f"above {figure(low)} and up to" if above else f"from {figure(low)} to"
    return Key(f"a number {bounds} {figure(high)}", fits)


def figure(value: float) -> str:
    """Write a finite number out, without an exponent and without a fraction of nothing."""
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def word(*choices: str) -> Key:
    """Allow one of some words."""
    return Key(f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices)


def either(*keys: Key) -> Key:
    """Allow what one of `keys` allows."""
    return Key(", or ".join(key.allowed for key in keys), lambda value: any(key.fits(value) for key in keys))


def pattern(allowed: str, expression: str) -> Key:
    """Allow a text that an expression matches as a whole."""
    compiled = re.compile(expression, re.ASCII)
    return Key(allowed, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None)


def names() -> Key:
    """Allow a list of names."""

    def fits(value: Any) -> bool:
        return (
            isinstance(value, list | tuple)
            and 0 < len(value) <= _NAMES_MOST
            and all(isinstance(one, str) and 0 < len(one) <= _NAMES_MOST for one in value)
        )

    return Key('a list of names, such as ["id", "metrics.totalTime"]', fits)


def header_names() -> Key:
    """Allow a list of names of headers; the length of an answer has kinds of its own."""
    listed = names()

    def fits(value: Any) -> bool:
        return listed.fits(value) and all(_HEADER_NAME.fullmatch(one) and one.lower() not in _FRAMING for one in value)

    return Key('a list of names of headers, such as ["ETag"], without Content-Length', fits)


def headers() -> Key:
    """Allow a table of headers; the length of an answer has kinds of its own."""

    def fits(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(name, str)
            and _HEADER_NAME.fullmatch(name) is not None
            and name.lower() not in _FRAMING
            and isinstance(text, str)
            and _HEADER_VALUE.fullmatch(text) is not None
            for name, text in value.items()
        )

    return Key('a table of header lines, such as {"Retry-After" = "5"}, without Content-Length', fits)


def origin() -> Key:
    """Allow the start of an address that is nobody's: loopback or example.com."""

    def fits(value: Any) -> bool:
        if not isinstance(value, str) or re.fullmatch(r"https?://[!-~]{1,200}", value) is None:
            return False
        try:
            parts = urlsplit(value)
            bare = parts.path == "" and parts.port != 0 and not parts.query and not parts.fragment and "@" not in value
        except ValueError:
            return False
        return bare and _OWN_HOSTS.fullmatch(parts.hostname or "") is not None

    return Key('an origin that is nobody\'s, such as "http://127.0.0.1:9" or "https://example.com"', fits)


def identifier() -> Key:
    """Allow an id of the platform."""
    return pattern("an id", r"[!-~]{1,200}")


def literal() -> Key:
    """Allow what can be a body: text, bytes, or a table or list that JSON has; a bare number is written as text."""
    return Key(
        "a text, or a table or list that is sent as JSON",
        lambda value: isinstance(value, str | bytes | dict | list) and _is_json(value),
    )


def _is_json(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        return depth < _DEEPEST and all(isinstance(k, str) and _is_json(v, depth + 1) for k, v in value.items())
    if isinstance(value, list):
        return depth < _DEEPEST and all(_is_json(one, depth + 1) for one in value)
    if isinstance(value, int | float):
        return abs(value) < _GREATEST
    return value is None or isinstance(value, str) or (depth == 0 and isinstance(value, bytes))

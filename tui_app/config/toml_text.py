"""Owns writing TOML: values of JSON as a document that reads back unchanged; the standard library only reads it."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui_app.config.lines import KeyPath

HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that a terminal or an editor obeys, hides or cannot show."""
DEEPEST: Final = 60
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_toml(document: Mapping[str, Any]) -> str:
    """Return a document of JSON's values as TOML: an object's values first, then the tables in it.

    Raises:
        ValueError: TOML cannot hold a value, or it is nested too deeply; the message is a sentence that names the key.
    """
    try:
        lines = [*_table(document, ())]
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None
    return "\n".join(lines).lstrip("\n") + "\n"


def _table(table: Mapping[str, Any], path: KeyPath) -> Iterator[str]:
    """Yield the lines of a table: its values first, then the tables in it."""
    if len(path) > DEEPEST:
        raise ValueError("It is nested too deeply.")
    later: list[tuple[KeyPath, Any]] = []
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, dict) or _is_tables(value):
            later.append((here, value))
        else:
            yield f"{_key(key)} = {_value(value, '.'.join(here))}"
    for here, value in later:
        header = ".".join(map(_key, here))
        if isinstance(value, dict):
            # A table of tables alone needs no header of its own.
            if not value or not all(isinstance(inner, dict) or _is_tables(inner) for inner in value.values()):
                yield from ("", f"[{header}]")
            yield from _table(value, here)
        else:
            for inner in value:
                yield from ("", f"[[{header}]]")
                yield from _table(inner, here)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(inner, dict) for inner in value)


def _value(value: Any, path: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value, path)
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case list():
            return f"[{', '.join(_value(inner, f'{path}[{place}]') for place, inner in enumerate(value))}]"
        case dict():
            pairs = (f"{_key(key)} = {_value(inner, f'{path}.{key}')}" for key, inner in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case None:
            raise ValueError(f"{path} is null, which a template cannot hold.")
    raise ValueError(f"{path} is of a kind that a template cannot hold.")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key, "A key")


def _string(text: str, path: str) -> str:
    return f'"{"".join(_char(char, path) for char in text)}"' if not _is_plain(text) else f'"{text}"'


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


def _char(char: str, path: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    category = unicodedata.category(char)
    if category == "Cs":
        raise ValueError(f"{path} holds half a character (a lone surrogate).")
    if category not in HIDDEN:
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the widths of TOML's escapes

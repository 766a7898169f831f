"""Owns the step from a name on the platform to a name on this disk that can do no harm there."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST: Final = 120
_ENDING: Final = re.compile(r"(\.[A-Za-z0-9]{1,12}){1,2}$")
# Windows takes these for devices, with any ending.
_RESERVED: Final = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
# What we put beside files ourselves.
_OURS: Final = (".part", ".part.json")
_OWN: Final = ("manifest.json",)


def safe_name(name: str) -> str:
    """Return a file name of letters, digits, `.`, `_` and `-` for any name; a changed one ends in a mark of its own.

    The same name always gives the same; two names that differ only in what cannot stay get different marks.
    """
    kept = _UNSAFE.sub("_", name).lstrip(".-").rstrip(".")
    is_ours = kept.lower().endswith(_OURS) or kept.lower() in _OWN
    if kept and kept == name and len(kept) <= _LONGEST and not is_ours and not _RESERVED.match(kept):
        return kept
    return _marked(kept, name)


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Return a safe name for each name, no two of them alike even where upper and lower case count as one."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        safe = safe_name(name)
        if safe.lower() in taken:
            safe = _marked(safe, name)
        number = 2
        while safe.lower() in taken:
            safe, number = _marked(safe, f"{name}/{number}"), number + 1
        taken.add(safe.lower())
        found[name] = safe
    return found


def _marked(kept: str, name: str) -> str:
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    ending = _ENDING.search(kept)
    tail = ending.group() if ending is not None else ""
    if tail.lower().endswith(_OURS):
        tail = ""
    stem = kept.removesuffix(tail)[: _LONGEST - len(mark) - len(tail) - 1]
    if not stem or _RESERVED.match(f"{stem}."):
        stem = f"file_{stem}"[: _LONGEST - len(mark) - len(tail) - 1]
    return f"{stem}-{mark}{tail}"

"""Owns how much memory statements may take."""

from __future__ import annotations

import os
from typing import Final

_MIB: Final = 1024**2
LEAST: Final = 128 * _MIB
_USUAL: Final = 1024 * _MIB


def whole() -> int | None:
    """Return the bytes of memory of this machine, None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def usual() -> int:
    """Return the bytes that statements may take unless told otherwise: 1 GiB, or a quarter of the machine's memory."""
    machine = whole()
    return _USUAL if machine is None else max(LEAST, min(_USUAL, machine // 4))

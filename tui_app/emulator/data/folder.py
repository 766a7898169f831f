"""Owns the emulator's folder on disk: locked while it is in use; folders of emulators that were killed are removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX = "aepx-emulator-"
_LOCK = "in-use"
_TRIES = 5


class Folder:
    """A temporary folder that goes with its owner; `parent` is where it is made, None is the system's own place.

    A lock that the system holds tells that it is in use: it ends with the process, however that ends, and no other
    process can have it by chance, as it could have a number. Windows has no such lock: nothing is swept there.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, parent: Path | None = None) -> None:
        place = Path(tempfile.gettempdir() if parent is None else parent)
        _sweep(place)
        for _ in range(_TRIES):
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
            lock = _take(self.path, os.O_CREAT | os.O_RDWR)
            if lock is not None:
                break
        else:
            raise BlockingIOError(0, f"another process takes every folder in {place}")
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def close(self) -> None:
        """Remove it and all that is in it."""
        self._finalizer()


def _sweep(place: Path) -> None:
    """Remove the folders whose owners have ended; one that cannot be removed is left."""
    for path in place.glob(f"{_PREFIX}*") if sys.platform != "win32" else ():
        with contextlib.suppress(OSError):
            lock = _take(path, os.O_RDWR | os.O_NOFOLLOW)  # an owner that has not made its lock yet is left alone
            if lock is not None:
                _remove(path, lock)


def _take(folder: Path, flags: int) -> int | None:
    """Return a descriptor that holds the folder's lock; None when another process has it, or has swept the folder."""
    path = folder / _LOCK
    lock = os.open(path, flags, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _remove(folder: Path, lock: int) -> None:
    os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)

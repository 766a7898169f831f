"""Owns writing a new file: whole or not at all, and never over another one.

What is written stands in `NAME.part` until it is whole; only then it is given its name.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from tui_app.models.failure import Failure, FailureKind
from tui_app.text import safe_text

PART: Final = ".part"
_PARTS_MOST: Final = 99
_BLOCK: Final = 1024**2
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES})
_ELSEWHERE: Final = "Choose another place."
_CAUSES: Final[dict[int, tuple[str, str]]] = {
    errno.EEXIST: ("There is such a file already, and it is not overwritten", "Choose another name."),
    errno.ENOSPC: ("The disk is full", "Free space or choose another disk; nothing was left behind."),
    errno.EDQUOT: ("Your share of the disk is full", "Free space or choose another disk; nothing was left behind."),
    errno.EFBIG: ("The disk takes no file of that size", "Write less, or choose another disk."),
    errno.EACCES: ("Its folder may not be written", _ELSEWHERE),
    errno.EPERM: ("Its folder may not be written", _ELSEWHERE),
    errno.EROFS: ("Its folder may only be read", _ELSEWHERE),
    errno.ENAMETOOLONG: ("Its name is too long", "Choose a shorter name."),
    errno.EISDIR: ("It is a folder", "Add a file name."),
}


class NewFile:
    """A file that gets its name when it is whole, readable by its owner alone; every method blocks.

    Raises:
        OSError: from every method; `file_failure` tells it to a person.
    """

    def __init__(self, path: str) -> None:
        """Begin nothing yet.

        Args:
            path: relative to the working directory or absolute, `~` understood; must not exist.
        """
        self._target = _target(path)
        self._stands: Path | None = None
        self._file: io.TextIOWrapper | None = None

    def make(self) -> None:
        """Begin it, unless there is such a file already, or no such folder."""
        target = self._target
        if os.path.lexists(target):
            raise OSError(errno.EISDIR if target.is_dir() else errno.EEXIST, "exists")
        if not target.parent.is_dir():
            raise _NoFolderError(errno.ENOENT, "no folder", str(target.parent))
        self._stands, descriptor = _new_part(target)
        self._file = io.TextIOWrapper(
            os.fdopen(descriptor, "wb"), encoding="utf-8", newline="", errors="backslashreplace"
        )

    def write(self, text: str) -> None:
        """Add to it."""
        assert self._file is not None, "the file is not made"
        self._file.write(text)

    def copy(self, source: Path) -> None:
        """Add what is in another file to it."""
        assert self._file is not None, "the file is not made"
        with source.open("rb") as file:
            shutil.copyfileobj(file, self._file.buffer, _BLOCK)

    def keep(self) -> None:
        """See it on the disk, then give it its name."""
        assert self._file is not None, "the file is not made"
        assert self._stands is not None, "the file is not made"
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _name(self._stands, self._target)
        self._stands = self._target
        with suppress(OSError):  # some file systems sync no folders; the file itself is safe
            folder = os.open(self._target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """Remove it, if it was made, under whatever name it has by now."""
        if self._file is not None:
            with suppress(OSError):  # closing writes what is left: on a full disk that fails again
                self._file.close()
        if self._stands is not None:
            self._stands.unlink(missing_ok=True)


class _NoFolderError(OSError):
    """The folder of a file does not exist."""


def _target(path: str) -> Path:
    if "\0" in path:
        raise OSError(errno.EINVAL, "The name holds a NUL character")
    try:
        target = Path(path).expanduser()
    except RuntimeError:
        raise _NoFolderError(errno.ENOENT, "no home", path.split("/", maxsplit=1)[0]) from None
    if path.endswith("/") or not target.name:
        raise OSError(errno.EISDIR, "is a folder")
    return target


def _new_part(target: Path) -> tuple[Path, int]:
    """Make the file to write into; one that a killed export left behind is not touched."""
    for number in range(1, _PARTS_MOST + 1):
        part = target.with_name(f"{target.name}{f'.{number}' if number > 1 else ''}{PART}")
        with suppress(FileExistsError):
            return part, os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    raise OSError(errno.EEXIST, "exists")


def _name(part: Path, target: Path) -> None:
    """Give a file its name unless there is another of that name, which may have come meanwhile."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links: the last look and the renaming are as close together as they can be.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists") from None
        part.rename(target)
    else:
        part.unlink()


def file_failure(path: str, error: OSError) -> Failure:
    """Return why a file was not written, as a person is told."""
    if isinstance(error, _NoFolderError):
        cause, step = f"There is no folder {safe_text(str(error.filename))}", "Make it first, or choose another place."
    else:
        cause, step = _CAUSES.get(error.errno or 0, (error.strerror or str(error), _ELSEWHERE))
    return Failure(
        kind=FailureKind.LOCAL, what=f"{safe_text(path)} was not written", cause=safe_text(cause), next_step=step
    )

"""Owns the folder that files are downloaded into: nothing is written outside of it, whatever is put in its way.

Every step goes through the descriptor of a folder that was opened without following links, so that a link raced in
between two steps leads nowhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import safe_text

if TYPE_CHECKING:
    from pathlib import Path

fcntl: Any = None
with contextlib.suppress(ImportError):  # Windows has other locks; two downloads into one folder are not told there
    import fcntl

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW
_RESERVE: Final = 16 * 1024**2
"""Bytes left free on the disk: a full one hurts everything else on the machine."""


class Target:
    """One folder, opened; `close` lets go of it and of its lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path, name: str) -> Target:
        """Open, made if need be, the folder `name` in the folder that a person chose.

        Raises:
            FailureError: it cannot be made or written to, or another aepx downloads into it.
        """
        chosen = path
        try:
            if "\0" in str(path):
                raise OSError(errno.EINVAL, "The name holds a NUL character")
            chosen = expanded(path)
            chosen.mkdir(parents=True, exist_ok=True)
            outer = os.open(chosen, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        except OSError as error:
            raise _unusable(chosen, error) from None
        try:
            descriptor = _opened_folder(outer, name)
        except OSError as error:
            raise _unusable(chosen / name, error) from None
        finally:
            os.close(outer)
        found = cls(chosen / name, descriptor)
        try:
            found.lock()
            found._try_to_write()
        except BaseException:
            found.close()
            raise
        return found

    def close(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def folder(self, name: str) -> Target:
        """Open, made if need be, a folder in it.

        Raises:
            OSError: it is a link or a file, or cannot be made.
        """
        return Target(self.path / name, _opened_folder(self._descriptor, name))

    def open_file(self, name: str, *, write: bool) -> int:
        """Return the descriptor of a plain file in it, made if it is to be written and is not there.

        Raises:
            OSError: there is no such file; or what has the name is a link, a device, or has a second name elsewhere.
        """
        flags = os.O_RDWR | os.O_CREAT if write else os.O_RDONLY
        descriptor = os.open(name, flags | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0), 0o600, dir_fd=self._descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or (write and found.st_nlink != 1):
            os.close(descriptor)
            raise OSError(errno.EEXIST, "Something else than a file of its own has this name", name)
        return descriptor

    def read(self, name: str, most: int) -> bytes | None:
        """Return what is in a small file, None where there is none, or it is larger than `most`."""
        try:
            descriptor = self.open_file(name, write=False)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(most + 1)
        return data if len(data) <= most else None

    def write(self, name: str, data: bytes) -> None:
        """Put a small file in place of what had its name, whole or not at all."""
        part = f"{name}.part"
        self.remove(part)
        try:
            with os.fdopen(self.open_file(part, write=True), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self.rename(part, name)
        except OSError:
            with contextlib.suppress(OSError):
                self.remove(part)
            raise

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in place of what had it; a link of that name goes, what it leads to stays."""
        os.replace(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        os.fsync(self._descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def size(self, name: str) -> int | None:
        """Return how many bytes a plain file has, None where there is none."""
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def free(self) -> int:
        """Return how many bytes may still be written to its disk."""
        found = os.fstatvfs(self._descriptor)
        return max(0, found.f_bavail * found.f_frsize - _RESERVE)

    def lock(self) -> None:
        """Keep other downloads out of it, until `unlock` or `close`.

        Raises:
            FailureError: another one is under way in it.
        """
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FailureError(
                Failure(
                    kind=FailureKind.LOCAL,
                    what=f"Nothing is downloaded into {safe_text(str(self.path))}",
                    cause="Another download into this folder is under way",
                    next_step="Let it end, or choose another folder.",
                )
            ) from None

    def unlock(self) -> None:
        """Let other downloads into it."""
        if fcntl is not None and self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _try_to_write(self) -> None:
        name = f".aepx-{os.getpid()}"
        try:
            os.close(self.open_file(name, write=True))
            self.remove(name)
        except OSError as error:
            raise _unusable(self.path, error) from None


def expanded(path: Path) -> Path:
    """Return the absolute path of what a person wrote, `~` understood.

    Raises:
        OSError: there is no such user's home folder.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        user = str(path).partition("/")[0]
        raise OSError(errno.ENOENT, f"There is no home folder {user}") from None


def _opened_folder(outer: int, name: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=outer)
    return os.open(name, _FOLDER, dir_fd=outer)


def _unusable(path: Path, error: OSError) -> FailureError:
    is_link = error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST)
    cause = "A link or a file has this name" if is_link else (error.strerror or type(error).__name__)
    return FailureError(
        Failure(
            kind=FailureKind.LOCAL,
            what=f"Nothing can be downloaded into {safe_text(str(path))}",
            cause=safe_text(cause),
            next_step="Choose another folder, or remove what is in the way." if is_link else "Choose another folder.",
        )
    )

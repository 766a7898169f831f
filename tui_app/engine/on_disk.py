"""Owns what of a download is on this disk: under which names, which files are whole, and what became of them since."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tui_app.models.file_names import safe_names
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_app.engine.download import FileState, Item
    from tui_app.engine.manifest import ManifestFile
    from tui_app.engine.target import Target
    from tui_app.models.data_access import RemoteFile


def names_here(files: Sequence[RemoteFile]) -> dict[RemoteFile, str]:
    """Return a name on this disk for each file of a batch; the same name in two sets of files is told apart."""
    plain = [one.name for one in files]
    keys = {one: one.name if plain.count(one.name) == 1 else f"{one.name}\0{one.file_id}" for one in files}
    safe = safe_names(keys.values())
    return {one: safe[key] for one, key in keys.items()}


def grown(one: FileState, known: ManifestFile | None) -> str:
    """Return that a file is not what was downloaded before, "" where it is."""
    if known is None or known.bytes == one.remote.length:
        return ""
    name, now = shortened(safe_text(one.remote.name)), one.remote.length or 0
    return f"{name} had {known.bytes:,} bytes and has {now:,} now: it is fetched anew."


def kept(item: Item, one: FileState) -> ManifestFile | None:
    """Return the manifest's entry of a file that is here whole, None for one that must be fetched.

    A file that the manifest does not name is fetched: nothing vouches for its bytes. Size and name tell of one that it
    does name, and its checksum as well where the download checks.
    """
    known, remote = item.manifest.files.get(one.path), one.remote
    if known is None or (known.file_id, known.name, known.bytes) != (remote.file_id, remote.name, remote.length):
        return None
    try:
        with opened(item.target, one.folder) as target:
            if target.size(one.name) != remote.length:
                return None
    except OSError:
        return None
    wrong = fault_of(item, known) if item.checks else ""
    if wrong:
        item.changed.append(f"{shortened(safe_text(remote.name))}: {wrong}. It is fetched anew.")
    return None if wrong else known


def begun(item: Item, one: FileState) -> int:
    """Return how many bytes of the disk what has come of a file takes already."""
    try:
        with opened(item.target, one.folder) as target:
            return target.size(f"{one.name}.part") or 0
    except OSError:
        return 0


def fault_of(item: Item, entry: ManifestFile) -> str:
    """Return what is wrong with a file that the manifest names, "" for nothing."""
    folder, _, name = entry.path.rpartition("/")
    try:
        with opened(item.target, folder) as target:
            size = target.size(name)
            if size != entry.bytes:
                return "It is gone" if size is None else f"It has {size:,} bytes instead of {entry.bytes:,}"
            with os.fdopen(target.open_file(name, write=False), "rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error.strerror or "It cannot be read"
    return "" if checksum == entry.sha256 else "Its bytes have changed since it was downloaded"


@contextmanager
def opened(outer: Target, folder: str) -> Iterator[Target]:
    """Give a folder of a download, or the download's own for ""."""
    if not folder:
        yield outer
        return
    found = outer.folder(folder)
    try:
        yield found
    finally:
        found.close()

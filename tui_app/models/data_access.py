"""Owns what Data Access tells of the files of a batch (API reference 4.1, 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui_app.models.base import count, items, mapping, text

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject

_RANGE: Final = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18})")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One physical file of a batch; `length` in bytes, None where the listing does not tell it."""

    batch_id: str
    file_id: str
    name: str
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing: files with names, directories to look into, and the link to the next page."""

    files: tuple[tuple[str, int | None], ...] = ()
    """Name and length of each."""
    directories: tuple[str, ...] = ()
    """Ids that a listing of their own stands behind."""
    following: str | None = None

    @classmethod
    def parse(cls, raw: JsonObject) -> Listing:
        """Return a page; what is a file is told by its keys, never by how many there are (4.2)."""
        files, directories = [], []
        for one in map(mapping, items(raw.get("data"))):
            name, file_id = one.get("name"), text(one.get("dataSetFileId"))
            if isinstance(name, str) and name:
                files.append((name, count(one.get("length"))))
            elif file_id is not None:
                directories.append(file_id)
        following = mapping(mapping(raw.get("_links")).get("next")).get("href")
        return cls(tuple(files), tuple(directories), text(following))


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Which bytes of a file an answer holds: the first, the last, and how many the whole file has."""

    first: int
    last: int
    total: int

    @property
    def length(self) -> int:
        """How many bytes that are."""
        return self.last - self.first + 1

    @classmethod
    def parse(cls, header: str) -> ByteRange | None:
        """Return what a `Content-Range` header says, None for one that cannot be."""
        found = _RANGE.fullmatch(header.strip())
        if found is None:
            return None
        first, last, total = map(int, found.groups())
        return cls(first, last, total) if first <= last < total else None

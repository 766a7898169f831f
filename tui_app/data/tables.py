"""Owns the names that downloaded batches have in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

ALL: Final = "rows"
"""The view over all batches."""
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Source:
    """The parquet files of one batch; `audience` names whom it holds, "" where that is not known."""

    batch_id: str
    audience: str
    paths: tuple[Path, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A view that statements can ask: one batch, or all of them."""

    name: str
    batch_id: str
    audience: str
    rows: int
    files: int

    @property
    def statement(self) -> str:
        """What shows all of it."""
        return f"SELECT * FROM {quoted(self.name)}"


def table_names(sources: Sequence[Source], *, reserved: Collection[str] = ()) -> tuple[str, ...]:
    """Return a name for each batch: its audience's in small letters, which needs no quotation marks; all differ."""
    taken, found = {ALL, *reserved}, []
    for one in sources:
        name = (
            _OTHER.sub("_", one.audience.lower()).strip("_")[:_LONGEST].rstrip("_")
            or f"batch_{one.batch_id[:8].lower()}"
        )
        name = _OTHER.sub("_", name)
        base = f"a_{name}" if name[0].isdigit() else name
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        found.append(name)
    return tuple(found)


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'

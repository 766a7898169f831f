"""Owns `manifest.json`, which says of a downloaded folder what each file is, and proves that it is whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tui_app.models.base import count, items, mapping, text

if TYPE_CHECKING:
    from tui_app.engine.target import Target

NAME: Final = "manifest.json"
_VERSION: Final = 1
LARGEST: Final = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class ManifestBatch:
    """A batch of the download; `audience` names whom it holds, "" where that is not known."""

    batch_id: str
    segment_ids: tuple[str, ...] = ()
    audience: str = ""
    records_written: int | None = None


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A complete file: its name on the platform, its path in the folder, its size, checksum and rows.

    `rows` is None for a file that is no parquet.
    """

    batch_id: str
    file_id: str
    name: str
    path: str
    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(slots=True)
class Manifest:
    """What is in a folder."""

    job_id: str = ""
    sandbox: str = ""
    dataset_id: str = ""
    batches: tuple[ManifestBatch, ...] = ()
    files: dict[str, ManifestFile] = field(default_factory=dict)
    """By path."""
    is_complete: bool = False
    """Whether it names every file that there is on the platform."""

    @property
    def rows(self) -> int | None:
        """How many rows all files hold, None where one does not tell."""
        found = [one.rows for one in self.files.values()]
        known = [one for one in found if one is not None]
        return sum(known) if len(known) == len(found) else None

    def write(self, target: Target) -> None:
        """Write it into a folder, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        document = {
            "version": _VERSION,
            "job_id": self.job_id or None,
            "sandbox": self.sandbox,
            "dataset_id": self.dataset_id or None,
            "complete": self.is_complete,
            "batches": [asdict(one) for one in self.batches],
            "files": [asdict(one) for _, one in sorted(self.files.items())],
        }
        target.write(NAME, (json.dumps(document, indent=2) + "\n").encode())

    @classmethod
    def read(cls, target: Target) -> Manifest:
        """Return what a folder's manifest says; an empty one where there is none that can be read."""
        return cls.parse(target.read(NAME, LARGEST))

    @classmethod
    def parse(cls, data: bytes | None) -> Manifest:
        """Return what a manifest's bytes say; an empty one for what is none."""
        try:
            raw = mapping(json.loads(data or b"{}"))
        except (ValueError, RecursionError):
            return cls()
        return cls(
            job_id=text(raw.get("job_id")) or "",
            sandbox=text(raw.get("sandbox")) or "",
            dataset_id=text(raw.get("dataset_id")) or "",
            is_complete=raw.get("complete") is True,
            batches=tuple(_batch(mapping(one)) for one in items(raw.get("batches"))),
            files={one.path: one for each in items(raw.get("files")) if (one := _file(mapping(each))) is not None},
        )


def _batch(raw: dict[str, Any]) -> ManifestBatch:
    return ManifestBatch(
        batch_id=text(raw.get("batch_id")) or "",
        segment_ids=tuple(one for each in items(raw.get("segment_ids")) if (one := text(each)) is not None),
        audience=text(raw.get("audience")) or "",
        records_written=count(raw.get("records_written")),
    )


def _file(raw: dict[str, Any]) -> ManifestFile | None:
    path, size, checksum = text(raw.get("path")), count(raw.get("bytes")), text(raw.get("sha256"))
    name, batch_id, file_id = raw.get("name"), text(raw.get("batch_id")), text(raw.get("file_id"))
    if path is None or size is None or checksum is None or not isinstance(name, str) or not batch_id or not file_id:
        return None
    # A path of ours is one name, or a folder's and a name; anything else was not written here.
    parts = path.split("/")
    if len(parts) > 2 or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):  # noqa: PLR2004 - as said
        return None
    return ManifestFile(batch_id, file_id, name, path, size, checksum, count(raw.get("rows")))

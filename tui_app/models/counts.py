"""Owns the three counts of an export held against each other: profiles, records written, rows in the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FEWER_WRITTEN: Final = (
    "Likely: a batch is still being counted, or records were rejected while they were written; look at the batches' "
    "errors, and refresh in a minute."
)
_MORE_WRITTEN: Final = (
    "Likely: the job was retried and wrote some profiles twice, or its counter was taken too early; count distinct "
    "identities before you use the data."
)
_EMPTY: Final = (
    "The export is empty. Likely: the segment was never evaluated, the statuses asked for match nobody, the "
    "qualification window is empty, or `updated after` is too late; profiles that have only events are left out unless "
    "empty profiles are asked for."
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What three services tell of one export; None where one of them says nothing (yet).

    `profiles` is the job's own counter (2.3.2), `written` the records that Catalog counts in all its batches (3.4),
    `rows` those in the footers of the files that were downloaded.
    """

    profiles: int | None = None
    written: int | None = None
    rows: int | None = None
    has_batch_per_segment: bool = False

    @property
    def agree(self) -> bool:
        """Whether nothing that is known speaks against anything else."""
        return not self.differences()

    def differences(self) -> tuple[str, ...]:
        """Return in words what does not agree, each with its likely cause (API reference 11)."""
        return (*self._profiles_and_written(), *self._written_and_rows(), *self._nothing())

    def _profiles_and_written(self) -> tuple[str, ...]:
        if self.profiles is None or self.written is None or self.profiles == self.written:
            return ()
        said = f"The job counts {self.profiles:,} exported profiles, its batches {self.written:,} records."
        if self.written > self.profiles and self.has_batch_per_segment:
            return (f"{said} A profile in several segments is written to the batch of each, so this can be right.",)
        if self.written < self.profiles:
            return (f"{said} {_FEWER_WRITTEN}",)
        return (f"{said} {_MORE_WRITTEN}",)

    def _written_and_rows(self) -> tuple[str, ...]:
        if self.rows is None or self.written is None or self.rows == self.written:
            return ()
        said = f"The batches count {self.written:,} records, the downloaded files hold {self.rows:,} rows."
        if self.rows < self.written:
            return (f"{said} Likely: not every file has been downloaded, or the batch's figure includes retries.",)
        return (f"{said} Likely: files of another run are in the folder, or the batch's figure was taken too early.",)

    def _nothing(self) -> tuple[str, ...]:
        held = [one for one in (self.profiles, self.written, self.rows) if one is not None]
        if not held or any(held):
            return ()
        return (_EMPTY,)

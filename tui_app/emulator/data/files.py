"""Owns the files of batches: which parts a batch has, and each part's bytes on disk, made when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.emulator.world.world import World


class ParquetFiles:
    """The parquet files of a world's batches, kept in a folder that goes with the emulator."""

    def __init__(self, world: World, *, folder: Path | None = None) -> None:
        self._world = world
        self._folder = folder

    def close(self) -> None:
        """Remove what was made."""

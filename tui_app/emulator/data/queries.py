"""Owns Query Service's queries: their states, and their SQL, which DuckDB runs over the exported files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_app.emulator.data.files import ParquetFiles
    from tui_app.emulator.world.world import World


class Queries:
    """The queries that were sent, by sandbox and id."""

    def __init__(self, world: World, files: ParquetFiles) -> None:
        self._world = world
        self._files = files

    def close(self) -> None:
        """Stop what runs."""

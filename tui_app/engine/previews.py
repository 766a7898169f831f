"""Owns the first rows of files on the platform: footer and first pages are read by ranges, however large a file is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui_app.engine.failures import explained
from tui_app.engine.insight import Column, FewRows
from tui_app.text import safe_text, shortened

if TYPE_CHECKING:
    from tui_app.engine.core import Core
    from tui_app.engine.insight import Insight, Result
    from tui_app.models.data_access import RemoteFile


class Previews:
    """Looks into files that are not downloaded."""

    def __init__(self, core: Core, insight: Insight) -> None:
        self._core = core
        self._insight = insight

    async def first_rows(self, file: RemoteFile, count: int) -> Result:
        """Return the first rows of a parquet file on the platform.

        Raises:
            FailureError: it cannot be read, or is no parquet.
        """
        from tui_app.data.remote import first_rows  # noqa: PLC0415 - only a preview needs it

        what = f"The first rows of {shortened(safe_text(file.name))} cannot be read"
        access, loop = self._core.client.data_access, asyncio.get_running_loop()

        def read(start: int, length: int) -> bytes:
            return asyncio.run_coroutine_threadsafe(access.read(file, start, length), loop).result()

        with self._core.activity.busy(), explained(what, self._core.clock):
            size = file.length if file.length is not None else await access.size(file)
            columns, rows, whole = await self._insight.aside(what, lambda: first_rows(read, size, count))
        return FewRows(tuple(Column(*one) for one in columns), rows, whole)

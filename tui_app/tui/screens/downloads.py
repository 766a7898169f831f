"""Owns the screen of downloads: a row for each, the files of the one under the cursor, and what can be done to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.containers import Vertical

from tui_app.models.failure import FailureError
from tui_app.present.downloads import COLUMNS, detail_lines, download_cells, named
from tui_app.text import safe_text
from tui_app.tui.commands import DOWNLOADS, Context
from tui_app.tui.screens.ask_text import AskText
from tui_app.tui.screens.base import PlaceScreen
from tui_app.tui.widgets.listed_rows import ListedRows
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from textual.widget import Widget

    from tui_app.engine.downloads import Download
    from tui_app.present.text_lines import TextLine
    from tui_app.tui.bridge import DownloadsChanged

_EMPTY = "Nothing is being downloaded. D in a job that has succeeded begins."


class DownloadsScreen(PlaceScreen[None]):
    """All downloads of this session, and those an earlier one left unfinished."""

    PLACE = DOWNLOADS
    CRUMB = "downloads"
    CSS_PATH: ClassVar = ["downloads.tcss"]

    def __init__(self, *, key: str = "") -> None:
        """Make the screen.

        Args:
            key: of the download to begin on.
        """
        super().__init__()
        self._key = key
        self._items: tuple[Download, ...] = ()
        self._rows = ListedRows()

    def compose_place(self) -> Iterable[Widget]:
        """Lay out the table over the files."""
        with Vertical(id="downloads-body"):
            yield RowTable(COLUMNS, self._rows, id="downloads-table")
            with PaneScroll(id="downloads-files", can_focus=True):
                yield TextLines(id="downloads-lines")

    def on_mount(self) -> None:
        """Show what there is."""
        table = self.query_one(RowTable)
        table.set_empty(_EMPTY)
        table.focus()
        self.query_one(TextLines).show(self._lines)
        self.show()
        self.tell_earlier()
        if self._key:
            place = next((place for place, one in enumerate(self._items) if one.key == self._key), None)
            if place is not None:
                table.move_to(place)

    def on_downloads_changed(self, event: DownloadsChanged) -> None:
        """Follow the downloads."""
        self.show()

    def show(self) -> None:
        """Draw rows and files; what reads the same is not painted."""
        before = [one.key for one in self._items]
        self._items = tuple(reversed(self.engine.downloads.items))
        self._rows.rows = [download_cells(one) for one in self._items]
        table = self.query_one(RowTable)
        if [one.key for one in self._items] == before:
            table.update_rows()
        else:
            table.refresh_rows()
        self.query_one(TextLines).reread()
        self.show_keys()

    @property
    def current(self) -> Download | None:
        """The download under the cursor."""
        place = self.query_one(RowTable).cursor_index
        return self._items[place] if place is not None and place < len(self._items) else None

    def context(self) -> Context:
        """Say how the download under the cursor stands."""
        one = self.current if self.query("RowTable") else None
        return replace(super().context(), download=one.state if one is not None else "")

    def _lines(self, width: int) -> Sequence[TextLine]:
        one = self.current
        return detail_lines(one, width) if one is not None else ()

    def on_row_table_cursor_moved(self) -> None:
        """Show the files of another download."""
        self.query_one(TextLines).reread()
        self.show_keys()

    async def on_row_table_row_activated(self, event: RowTable.RowActivated) -> None:
        """Look at the rows."""
        await self.action_command("download.open")

    def action_download_open(self) -> None:
        """Look at the rows of the files."""
        one = self.current
        if one is not None:
            from tui_app.tui.screens.data import DataScreen  # noqa: PLC0415 - the first paint does without

            self.app.push_screen(DataScreen(title=named(one), folder=one.folder))

    def action_download_pause(self) -> None:
        """Pause, or go on."""
        one = self.current
        if one is not None:
            downloads = self.engine.downloads
            (downloads.resume if one.state in ("paused", "failed", "cancelled") else downloads.pause)(one.key)
            self.show()

    async def action_download_cancel(self) -> None:
        """Stop; what is complete stays, so nothing is asked."""
        one = self.current
        if one is not None:
            await self.engine.downloads.cancel(one.key)
            self.say(f"Stopped the download of {named(one)}. {self.key_of('download.pause')} goes on from there.")
            self.show()

    @work(group="verify")
    async def action_download_verify(self) -> None:
        """Read the files again."""
        one = self.current
        if one is None:
            return
        try:
            await self.engine.downloads.verify(one.key)
        except FailureError as error:
            self.fail(error.failure)
            return
        found = next((each for each in self.engine.downloads.items if each.key == one.key), one)
        if found.failures:
            self.say(f"{len(found.failures):,} of {len(found.files):,} files are not as they were.", severe=True)
        else:
            self.say(f"All {len(found.files):,} files of {named(one)} are as they were downloaded.")

    @work(group="limit", exclusive=True)
    async def action_download_limit(self) -> None:
        """Ask for the bytes a second."""
        from tui_app.engine.downloads import parse_rate  # noqa: PLC0415 - only who limits waits for it

        def check(text: str) -> str:
            try:
                parse_rate(text)
            except ValueError as error:
                return str(error)
            return ""

        given = await self.app.push_screen_wait(
            AskText("Limit the bytes a second", hint="Like 500k or 2M; empty for no limit.", check=check)
        )
        if given is not None:
            self.engine.downloads.set_limit(parse_rate(given))
            self.say(f"Limited to {safe_text(given)} a second." if given.strip() else "No limit.")

    async def _earlier(self) -> tuple[tuple[str, str, Path], ...]:
        return await self.engine.downloads.unfinished()

    @work(group="earlier", exclusive=True)
    async def tell_earlier(self) -> None:
        """Say what an earlier run left unfinished."""
        count = len(await self._earlier())
        if count:
            what = "download" if count == 1 else "downloads"
            text = f"{count:,} {what} of an earlier run {'is' if count == 1 else 'are'} unfinished"
            self.query_one(RowTable).set_empty(f"{text}: {self.key_of('download.earlier')} goes on.")
            self.say(f"{text}. {self.key_of('download.earlier')} goes on.")

    @work(group="earlier", exclusive=True)
    async def action_download_earlier(self) -> None:
        """Go on with what an earlier run left unfinished."""
        earlier = await self._earlier()
        if not earlier:
            self.say("No download of an earlier run is unfinished.")
        for job_id, batch_id, to in earlier:
            try:
                await self.engine.downloads.add(job_id=job_id, batch_id=batch_id, to=to)
            except FailureError as error:
                self.fail(error.failure)
        self.show()

    def action_download_copy(self) -> None:
        """Copy the folder."""
        one = self.current
        if one is not None:
            self.app.copy_to_clipboard(str(one.folder))
            self.say(f"Copied {one.folder}.")

"""Owns the rows of an export: a table of any length, statements over the downloaded files, one row in full."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui_app.engine.insight import SqlFailureError
from tui_app.models.failure import FailureError
from tui_app.present.data_rows import row_record, table_columns, value_cell
from tui_app.present.times import duration
from tui_app.text import safe_text
from tui_app.tui.commands import DATA, Context
from tui_app.tui.screens.ask_text import AskText
from tui_app.tui.screens.base import PlaceScreen
from tui_app.tui.screens.column_choice import ColumnChoice
from tui_app.tui.screens.dialogs import Pick
from tui_app.tui.screens.profile_dialog import ProfileDialog
from tui_app.tui.screens.row_dialog import RowDialog
from tui_app.tui.widgets.listed_rows import PagedRows
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.sql_field import SqlField
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from textual.widget import Widget
    from textual.widgets import TextArea

    from tui_app.engine.insight import Result
    from tui_app.models.data_access import RemoteFile
    from tui_app.present.cells import Cell, Column

ALL_ROWS = "SELECT * FROM rows"
_FIRST_ROWS = 200
_HISTORY = "sql.history"
_HISTORY_MOST = 50


class DataScreen(PlaceScreen[None]):
    """Rows of downloaded files, of which SQL can be asked; or the first ones of a file on the platform."""

    PLACE = DATA
    CRUMB = "data"
    CSS_PATH: ClassVar = ["data.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "sideways(-1)", "Columns to the left", show=False, id="data.left"),
        Binding("right", "sideways(1)", "Columns to the right", show=False, id="data.right"),
    ]

    def __init__(
        self,
        *,
        title: str,
        folder: Path | None = None,
        remote: RemoteFile | None = None,
        sql: str = ALL_ROWS,
        typing: bool = False,
    ) -> None:
        """Make the screen.

        Args:
            title: what the rows are of.
            folder: of downloaded files; None where there are none.
            remote: the file on the platform to show the first rows of, in place of a folder.
            sql: the statement to begin with.
            typing: begin in the statement.
        """
        super().__init__()
        self._title, self._folder, self._remote = title, folder, remote
        self._sql, self._begins_typing = sql, typing
        self._result: Result | None = None
        self._rows = PagedRows(0, lambda _: ())
        self._columns: tuple[Column, ...] = ()
        self._hidden: set[int] = set()
        self._first = 0
        self._is_running = False
        self._told = ""
        self._loading: set[int] = set()

    def compose_place(self) -> Iterable[Widget]:
        """Lay out statement, what is said of it, and the rows."""
        if self._folder is not None:
            yield SqlField(self._sql, id="data-sql")
        yield Line(id="data-said")
        yield RowTable((), self._rows, id="data-rows")

    def on_mount(self) -> None:
        """Read the first rows."""
        self.table.focus()
        if self._remote is not None:
            self._say(f"Reading the first rows of {self._remote.name}…")
            remote = self._remote
            self._show_result_of(
                lambda: self.engine.previews.first_rows(remote, _FIRST_ROWS), "first rows, not downloaded"
            )
        elif self._begins_typing:
            self._say("Write a statement; ctrl-j runs it. The tables are listed by t, all rows are in `rows`.")
            self.query_one(SqlField).focus()
        else:
            self.action_data_run()

    def on_unmount(self) -> None:
        """Let go of what is open."""
        self.engine.insight.cancel()

    @property
    def table(self) -> RowTable:
        """The rows."""
        return self.query_one(RowTable)

    def crumb(self) -> str:
        """Return what the rows are of."""
        return f"data > {safe_text(self._title)}"

    def context(self) -> Context:
        """Say whether there are rows, and whether SQL can be asked."""
        return replace(
            super().context(),
            has_rows=self._result is not None and len(self._rows) > 0,
            has_tables=self._folder is not None,
            is_running=self._is_running,
        )

    # Statements

    def action_data_run(self) -> None:
        """Run the statement."""
        folder, sql = self._folder, self.query_one(SqlField).text.strip()
        if folder is None or not sql:
            return
        self._sql = sql
        self._remember(sql)
        self._say("Running… esc stops it.")
        self._show_result_of(lambda: self.engine.insight.run(sql, folder), "")

    @work(group="run", exclusive=True)
    async def _show_result_of(self, work: Callable[[], Awaitable[Result]], remark: str) -> None:
        began = self.engine.clock.monotonic()
        self._is_running = True
        self.show_keys()
        try:
            result = await work()
            sample = await result.rows(0, PagedRows.PAGE)
        except FailureError as error:
            self.fail(error.failure)
            self._say(f"{error.failure.cause}. {error.failure.next_step}")
            if isinstance(error, SqlFailureError):
                field = self.query_one(SqlField)
                field.move_cursor((error.line - 1, error.column - 1))
                field.focus()
            return
        except asyncio.CancelledError:
            self.engine.insight.cancel()
            raise
        finally:
            self._is_running = False
        old, self._result = self._result, result
        if old is not None:
            await old.close()
        self.fail(None)
        took = duration(round((self.engine.clock.monotonic() - began) * 1000))
        rows = f"{result.total:,} row{'' if result.total == 1 else 's'}"
        columns = f"{len(result.columns):,} column{'' if len(result.columns) == 1 else 's'}"
        self._told = "  ".join(filter(None, (rows, columns, f"in {took}", remark)))
        self._show_rows(result, sample)

    def _show_rows(self, result: Result, sample: Sequence[Sequence[object]]) -> None:
        self._columns = table_columns(result.columns, sample[:50])
        self._hidden, self._first, self._loading = set(), 0, set()
        self._rows = PagedRows(result.total, self._cells)
        self._rows.put(0, sample)
        table = self.table
        table.set_empty("The statement found no row.")
        self._place_columns()
        table.set_source(self._rows)
        self.show_keys()

    def _cells(self, values: Sequence[object]) -> Sequence[Cell]:
        return [value_cell(values[place]) for place in self._shown]

    @property
    def _shown(self) -> list[int]:
        """The places of the columns shown, from the first in sight on."""
        return [place for place in range(len(self._columns)) if place not in self._hidden][self._first :]

    def _place_columns(self) -> None:
        self.table.set_columns([self._columns[place] for place in self._shown])
        self._say_where()

    def _say_where(self) -> None:
        """Say which columns are in sight, where there are more."""
        shown, known = len(self.table.shown_columns), len(self._columns) - len(self._hidden)
        first = self._first + 1
        more = f"  {first:,} to {first + shown - 1:,} of {known:,} shown, left and right go on" if shown < known else ""
        self._say(f"{self._told}{more}")

    def action_sideways(self, by: int) -> None:
        """Show columns further left or right."""
        most = len(self._columns) - len(self._hidden) - 1
        first = max(0, min(self._first + by, most))
        if first != self._first:
            self._first = first
            self._place_columns()

    def on_row_table_need_rows(self, event: RowTable.NeedRows) -> None:
        """Read the rows that came into view."""
        pages = [page for page in self._rows.missing(event.first, event.last) if page not in self._loading]
        if pages and self._result is not None:
            self._loading.update(pages)
            self._read_pages(self._result, self._rows, pages)

    @work(group="pages")
    async def _read_pages(self, result: Result, rows: PagedRows, pages: Sequence[int]) -> None:
        try:
            for page in pages:
                rows.put(page, await result.rows(page * PagedRows.PAGE, PagedRows.PAGE))
        except FailureError as error:
            self.fail(error.failure)
            return
        finally:
            self._loading.difference_update(pages)
        if rows is self._rows:
            self.table.update_rows()

    # Other commands

    def action_data_edit(self) -> None:
        """Go to the statement."""
        self.query_one(SqlField).focus()

    def on_sql_field_left(self, event: SqlField.Left) -> None:
        """Go on to the rows."""
        self.table.focus()

    def on_sql_field_escaped(self, event: SqlField.Escaped) -> None:
        """Stop what runs; else go on to the rows."""
        if self._is_running:
            self.action_back()
        else:
            self.table.focus()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Clear what was said of another statement."""
        if self._own_failure is not None:
            self.fail(None)

    @work(group="history", exclusive=True)
    async def action_data_history(self) -> None:
        """Choose an earlier statement."""
        earlier = await self._earlier()
        if not earlier:
            self.say("No statement was run before.")
            return
        items = [(one, " ".join(one.split())) for one in earlier]
        chosen = await self.app.push_screen_wait(Pick("Earlier statements", items))
        if chosen is not None:
            field = self.query_one(SqlField)
            field.replace_with(chosen)
            field.focus()

    async def _earlier(self) -> list[str]:
        try:
            found = json.loads(await self.engine.note(_HISTORY) or "[]")
        except ValueError:
            return []
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    @work(group="remember")
    async def _remember(self, sql: str) -> None:
        earlier = await self._earlier()
        kept = [sql, *(one for one in earlier if one != sql)][:_HISTORY_MOST]
        await self.engine.set_note(_HISTORY, json.dumps(kept))

    @work(group="tables", exclusive=True)
    async def action_data_tables(self) -> None:
        """Choose a table, and look at its rows."""
        if self._folder is None:
            return
        try:
            known = self._result.tables if self._result is not None else ()
            tables = known or await self.engine.insight.tables(self._folder)
        except FailureError as error:
            self.fail(error.failure)
            return
        items = [(one.name, f"{one.name}  {one.audience}  {one.rows:,} rows") for one in tables]
        chosen = await self.app.push_screen_wait(Pick("Tables", items))
        if chosen is not None:
            self.query_one(SqlField).replace_with(next(one.statement for one in tables if one.name == chosen))
            self.action_data_run()

    def _current_values(self) -> Sequence[object] | None:
        place = self.table.cursor_index
        return None if place is None else self._rows.values(place)

    def _current_record(self) -> dict[str, object] | None:
        values, result = self._current_values(), self._result
        return row_record(result.columns, values) if values is not None and result is not None else None

    async def on_row_table_row_activated(self, event: RowTable.RowActivated) -> None:
        """Open the row."""
        await self.action_command("data.row")

    def action_data_row(self) -> None:
        """Open the row with its nested values."""
        record, place = self._current_record(), self.table.cursor_index
        if record is not None and place is not None:
            self.app.push_screen(RowDialog(f"Row {place + 1:,} of {len(self._rows):,}", record))

    def action_data_copy(self) -> None:
        """Copy the row as JSON."""
        record = self._current_record()
        if record is not None:
            self.app.copy_to_clipboard(json.dumps(record, indent=2, ensure_ascii=False))
            self.say("Copied the row.")

    @work(group="columns", exclusive=True)
    async def action_data_columns(self) -> None:
        """Choose the columns to show."""
        names = [column.label for column in self._columns]
        types = [column.type for column in self._result.columns] if self._result is not None else []
        hidden = await self.app.push_screen_wait(ColumnChoice(names, types, hidden=self._hidden))
        if hidden is not None:
            self._hidden, self._first = set(hidden), 0
            self._place_columns()

    @work(group="profile", exclusive=True)
    async def action_data_statistics(self) -> None:
        """Show type, share of nulls and distinct values of each column."""
        result = self._result
        if result is not None:
            await self.app.push_screen_wait(
                ProfileDialog(lambda: self.engine.insight.profile(result), rows=result.total)
            )

    @work(group="export", exclusive=True)
    async def action_data_export(self) -> None:
        """Write the rows to a file."""
        result = self._result
        if result is None:
            return
        path = await self.app.push_screen_wait(
            AskText(
                "Write the rows to a file",
                text="rows.csv",
                hint="The ending says the form: .csv or .parquet. An existing file is not overwritten.",
                check=_export_fault,
            )
        )
        if path is None:
            return
        self._say(f"Writing {safe_text(path)}… esc stops it.")
        try:
            written = await self.engine.insight.export(result, path)
        except FailureError as error:
            self.fail(error.failure)
            self._say(f"{error.failure.cause}. {error.failure.next_step}")
            return
        self._say(f"{written:,} rows written to {safe_text(path)}.")

    def action_downloads_open(self) -> None:
        """Show the downloads."""
        from tui_app.tui.screens.downloads import DownloadsScreen  # noqa: PLC0415 - each knows the other

        self.app.push_screen(DownloadsScreen())

    def action_back(self) -> None:
        """Stop what runs; else leave."""
        if self._is_running:
            self.engine.insight.cancel()
            self._say("Stopping…")
            return
        self._leave()

    @work(group="leave")
    async def _leave(self) -> None:
        if self._result is not None:
            await self._result.close()
        self.dismiss()

    def _say(self, text: str) -> None:
        self.query_one("#data-said", Line).show(f" {safe_text(text)}")


def _export_fault(path: str) -> str:
    if not path:
        return "Write a file name."
    return "" if path.endswith((".csv", ".parquet")) else "The name must end in .csv or .parquet."

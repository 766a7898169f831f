"""Owns the job list: the home screen, a window on history that follows it live."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from tui_app.engine.export import FORMATS, write_export
from tui_app.models.export_job import is_terminal
from tui_app.models.failure import FailureError
from tui_app.models.job_query import JobQuery, JobSummary
from tui_app.present import text_lines
from tui_app.present.jobs import COLUMNS, columns, cursor_line, summary_lines
from tui_app.text import safe_text
from tui_app.tui.commands import LIST, Context
from tui_app.tui.screens.dialogs import AskText, Pick
from tui_app.tui.screens.job_place import JobPlace
from tui_app.tui.screens.job_rows import JobRows
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.status_bar import Line
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.widget import Widget

    from tui_app.present.text_lines import TextLine
    from tui_app.tui.bridge import JobsChanged, LookupsChanged, SessionChanged

_TICK_S = 5.0
_SKELETON_AFTER_S = 0.15
_WIDE = 140
_VIEW = "list.view"
_LABEL = 12


class JobListScreen(JobPlace[None]):
    """All jobs of the sandbox, live."""

    PLACE = LIST
    CRUMB = "jobs"
    CSS_PATH: ClassVar = ["job_list.tcss"]

    def __init__(self) -> None:
        super().__init__()
        self._query = JobQuery()
        self._rows: JobRows | None = None
        self._asked = False
        self._slow = False

    def compose_place(self) -> Iterable[Widget]:
        """Lay out filter line, table and, where there is room, the summary of the job under the cursor."""
        with Horizontal(id="filter-line"):
            yield Line(id="filter-text")
            yield Input(
                id="filter-input",
                placeholder="text in id, status, dataset, segment or error; stuck",
                compact=True,
                select_on_focus=False,
            )
            yield Line(id="filter-count")
        with Horizontal(id="list-body"):
            yield RowTable(columns(absolute_times=self.app.absolute_times), id="jobs")
            with Vertical(id="summary"):
                yield TextLines(id="summary-text")
        yield Line(id="cursor-line")

    def on_mount(self) -> None:
        """Show what history holds before anything is asked, and keep ages up to date."""
        self._rows = JobRows(self.engine.list, self.now_ms, absolute=lambda: self.app.absolute_times)
        self._rows.read_first(self._query, max(40, self.app.size.height))
        table = self.table
        table.set_source(self._rows)
        table.set_sort(self._query.sort, self._query.descending)
        table.focus()
        self.show_counts()
        self.set_interval(_TICK_S, self.tick)
        self.set_timer(_SKELETON_AFTER_S, self._say_loading)
        self._restore()

    @property
    def table(self) -> RowTable:
        """The table of jobs."""
        return self.query_one("#jobs", RowTable)

    @property
    def rows(self) -> JobRows:
        """What the table shows."""
        assert self._rows is not None, "the list is not mounted"
        return self._rows

    @property
    def is_typing(self) -> bool:
        """Whether a filter is being typed."""
        return self.has_class("-filtering")

    @property
    def query_shown(self) -> JobQuery:
        """The filter and order in force."""
        return self._query

    def context(self) -> Context:
        """Say what is under the cursor or marked."""
        base = super().context()
        chosen = self.chosen() if self._rows is not None else []
        return Context(
            has_job=bool(chosen) or bool(self._rows is not None and self.table.cursor_key is not None),
            ended=bool(chosen) and all(is_terminal(job.status) or job.gone for job in chosen),
            read_only=base.read_only,
            marked=len(self.table.marked) if self._rows is not None else 0,
            has_failure=base.has_failure,
        )

    def current(self) -> JobSummary | None:
        """Return the job under the cursor, None while it is not loaded."""
        key = self.table.cursor_key
        return self.rows.summary(int(key)) if key is not None else None

    def chosen(self) -> list[JobSummary]:
        """Return the marked jobs that are loaded, else the one under the cursor."""
        marked = self.table.marked
        if marked:
            return [job for key in sorted(marked) if (job := self.rows.summary(int(key))) is not None]
        job = self.current()
        return [job] if job is not None else []

    async def _all_chosen(self) -> list[JobSummary]:
        """Return the marked jobs, also those out of sight or filtered away, else the one under the cursor."""
        marked = sorted(int(key) for key in self.table.marked)
        return await self.engine.list.summaries(marked) if marked else self.chosen()

    # Following the engine

    def on_jobs_changed(self, event: JobsChanged) -> None:
        """Read the list again: rows may have come or changed."""
        self.reload()

    def on_lookups_changed(self, event: LookupsChanged) -> None:
        """Read names again."""
        self.reload()

    def on_session_changed(self, event: SessionChanged) -> None:
        """Follow freshness; dim the rows while they cannot be brought up to date."""
        stale = self.engine.session.failure is not None
        if self.table.has_class("-stale") != stale:
            self.table.set_class(stale, "-stale")
        self.show_counts()

    @work(group="reload", exclusive=True)
    async def reload(self) -> None:
        """Run the query again and paint what differs; while paused the rows stay as they are."""
        if self.engine.session.paused_since_ms is not None:
            return
        await self._read()

    async def _read(self) -> None:
        table, index = self.table, self.table.cursor_index or 0
        around = range(max(0, index - 2 * table.size.height), index + 2 * table.size.height)
        try:
            await self.rows.read(self._query, around)
        except FailureError as error:
            self.fail(error.failure)
            return
        # Kept until a reading succeeds: the one that a person asked for may have been overtaken.
        table.refresh_rows(asked=self._asked)
        self._asked = False
        table.update_rows()
        self.show_counts()
        self.show_summary()

    def on_row_table_need_rows(self, event: RowTable.NeedRows) -> None:
        """Load what came into sight."""
        self._load(event.first, event.last)

    @work(group="load", exclusive=True)
    async def _load(self, first: int, last: int) -> None:
        try:
            await self.rows.load(range(first, last + 1))
        except FailureError as error:
            self.fail(error.failure)
            return
        self.table.update_rows()
        self._follow_cursor()

    def restyle_times(self) -> None:
        """Follow a change between ages and times."""
        self.table.set_columns(columns(absolute_times=self.app.absolute_times))
        self.tick()

    def tick(self) -> None:
        """Let ages and durations go on; rows that read the same are not painted."""
        if self._rows is not None:
            self.table.update_rows()
            self.show_summary()

    # What surrounds the table

    def show_counts(self) -> None:
        """Draw filter, counts and the reason for an empty table."""
        if self._rows is None:
            return
        session, shown = self.engine.session, len(self.rows)
        text = self._query.text
        total = max(session.total, shown)
        new, marked = self.table.new_above, len(self.table.marked)
        parts = [f"{marked:,} marked" if marked else "", f"{new:,} new above" if new else ""]
        parts.append(f"{shown:,} of {total:,}" if text else f"{shown:,} jobs")
        if session.backfilling:
            parts.append("older ones are being read…")
        self.query_one("#filter-count", Line).show("  ".join(filter(None, parts)) + " ", "")
        self.query_one("#filter-text", Line).show(
            f" / {safe_text(text)}" if text else " / to filter", "" if text else "muted"
        )
        self.table.set_empty(Content(self._empty_reason(total)))

    def _empty_reason(self, total: int) -> str:
        session = self.engine.session
        if self._query.text:
            return f"0 of {total:,} match `{safe_text(self._query.text)}`. esc clears the filter."
        if session.failure is not None:
            failure = session.failure
            return safe_text(
                f"No jobs are known yet, and the platform cannot be asked.\n{failure.cause}\n{failure.next_step}\n"
                f"{self.key_of('refresh')} tries again, {self.key_of('failure.show')} shows all.",
                lines=True,
            )
        if not session.loaded:
            return "Asking the platform for export jobs…" if self._slow else ""
        name = safe_text(session.sandbox_name)
        new, dataset = self.key_of("job.new"), self.key_of("dataset.new")
        return f"No export jobs in sandbox {name} yet.\n{new} creates one, {dataset} creates a dataset first."

    def _say_loading(self) -> None:
        self._slow = True
        self.show_counts()

    def on_row_table_cursor_moved(self, event: RowTable.CursorMoved) -> None:
        """Follow the cursor in summary and keys."""
        if self.current() is not None or not len(self.rows):
            self._follow_cursor()
            self._look_ahead()
        # A row that is not loaded yet says nothing of itself: what is shown stays until `_load` has it.

    def _look_ahead(self) -> None:
        """Load what the next page keys will show, so that it is there when they come."""
        index, pages = self.table.cursor_index or 0, 2 * self.table.size.height
        ahead = range(index - pages, index + pages)
        if self.rows.lacks(ahead):
            self._load(ahead.start, ahead.stop)

    def _follow_cursor(self) -> None:
        self.show_summary()
        self.call_later(self.show_keys)

    def on_row_table_marks_changed(self, event: RowTable.MarksChanged) -> None:
        """Count the marks."""
        self.show_counts()
        self.show_keys()

    def on_row_table_new_above(self, event: RowTable.NewAbove) -> None:
        """Say how many arrived out of sight."""
        self.show_counts()

    def on_resize(self, event: events.Resize) -> None:
        """Show the summary where there is room for it."""
        self.set_class(event.size.width >= _WIDE, "-wide")
        self.show_summary()

    def show_summary(self) -> None:
        """Draw the pane beside the list, if it is there."""
        if self._rows is None:
            return
        job = self.current()
        if not self.has_class("-wide"):
            self.query_one("#cursor-line", Line).show(*(cursor_line(job, self.now_ms()) if job is not None else ("",)))
            return
        self.query_one("#summary-text", TextLines).show(self._summary)

    def _summary(self, width: int) -> Sequence[TextLine]:
        job = self.current()
        pairs = summary_lines(job, now_ms=self.now_ms()) if job is not None else ()
        return text_lines.rows([(label, (cell,)) for label, cell in pairs], width, label_width=_LABEL)

    # Filter, order

    def action_filter_edit(self) -> None:
        """Type a filter."""
        field = self.query_one("#filter-input", Input)
        field.value = self._query.text
        self.query_one("#filter-text", Line).show(" /")
        self.add_class("-filtering")
        self.set_focus(field)  # at once, unlike `field.focus()`: the next keys may be here already

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        if event.input.id == "filter-input" and self.has_class("-filtering"):
            self._ask(text=event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the rows."""
        self.remove_class("-filtering")
        self.table.focus()

    def action_back(self) -> None:
        """Clear the filter, then the marks."""
        self.remove_class("-filtering")
        self.table.focus()
        if self._query.text:
            self._ask(text="")
        elif self.table.marked:
            self.table.action_clear_marks()

    @work(group="sort", exclusive=True)
    async def action_list_sort(self) -> None:
        """Choose the column to sort by."""
        items = [(column.key, column.label.capitalize()) for column in COLUMNS if column.sortable]
        key = await self.app.push_screen_wait(Pick("Sort by", items, chosen=self._query.sort))
        if key is not None:
            self._ask(sort=key, descending=key in ("created", "duration", "profiles", "segments", "id"))

    def action_list_flip(self) -> None:
        """Turn the order round."""
        self._ask(descending=not self._query.descending)

    def on_row_table_header_clicked(self, event: RowTable.HeaderClicked) -> None:
        """Sort by the column, or turn its order round."""
        same = event.key == self._query.sort
        self._ask(sort=event.key, descending=not self._query.descending if same else True)

    def _ask(self, *, text: str | None = None, sort: str | None = None, descending: bool | None = None) -> None:
        old = self._query
        self._query = JobQuery(
            text=old.text if text is None else text,
            statuses=old.statuses,
            sort=sort or old.sort,
            descending=old.descending if descending is None else descending,
        )
        self._asked = True
        self.table.set_sort(self._query.sort, self._query.descending)
        self._requery()

    @work(group="reload", exclusive=True)
    async def _requery(self) -> None:
        await self._read()
        view = {"text": self._query.text, "sort": self._query.sort, "descending": self._query.descending}
        await self.engine.set_note(_VIEW, json.dumps(view))

    @work(group="reload")
    async def _restore(self) -> None:
        """Take up the order this sandbox was last shown in; a filter is not: it would hide what is new."""
        stored = await self.engine.note(_VIEW)
        if stored is None:
            return
        view = json.loads(stored)
        if (view["sort"], view["descending"]) != (self._query.sort, self._query.descending):
            self._ask(sort=view["sort"], descending=view["descending"])

    # Commands

    def on_row_table_row_activated(self, event: RowTable.RowActivated) -> None:
        """Open the job."""
        self.action_job_open()

    def action_job_open(self, pane: str = "overview") -> None:
        """Open the job under the cursor."""
        job = self.current()
        if job is not None:
            self.app.open_job(job.job_id, pane=pane)

    def action_job_describe(self) -> None:
        """Open the overview."""
        self.action_job_open()

    def action_job_raw(self) -> None:
        """Open the raw JSON."""
        self.action_job_open("raw")

    def action_mark_toggle(self) -> None:
        """Mark or unmark the row."""
        self.table.action_toggle_mark()

    def action_mark_range(self) -> None:
        """Mark up to the cursor."""
        self.table.action_mark_range()

    def action_mark_clear(self) -> None:
        """Unmark all."""
        self.table.action_clear_marks()

    @work(group="refresh", exclusive=True)
    async def action_refresh(self) -> None:
        """Ask the platform now."""
        await self._refresh()

    @work(group="refresh", exclusive=True)
    async def action_refresh_all(self) -> None:
        """Ask for the list, for every job that runs, and for names."""
        await self._refresh()
        await self.engine.datasets.learn_names()

    async def _refresh(self) -> None:
        try:
            await self.engine.refresh()
        except FailureError as error:
            self.say(str(error.failure), severe=True)
            return
        await self._read()

    @work(group="cancel")
    async def action_job_cancel(self) -> None:
        """Ask, then cancel the job or every marked one that still runs."""
        jobs = [job for job in await self._all_chosen() if not is_terminal(job.status)]
        if len(jobs) == 1:
            self.cancel_job(jobs[0].job_id, self.described(jobs[0]))
            return
        detail = "\n".join(f"{job.job_id}  {self.described(job)}" for job in jobs[:12])
        if len(jobs) > 12:  # noqa: PLR2004 - as many as were listed
            detail += f"\nand {len(jobs) - 12} more"
        if not jobs or not await self.confirmed(f"Cancel {len(jobs)} export jobs?", detail=detail, yes="Cancel them"):
            return
        results = []
        for job in jobs:
            try:
                await self.engine.jobs.cancel(job.job_id)
            except FailureError as error:
                results.append(f"{job.job_id}: {error.failure.cause}")
        done = len(jobs) - len(results)
        self.table.action_clear_marks()
        self.say("\n".join([f"Cancel requested for {done} of {len(jobs)} jobs.", *results]), severe=bool(results))

    @work(group="export", exclusive=True)
    async def action_list_export(self) -> None:
        """Write the view, or the marked jobs, to a file that does not exist yet."""
        marked = {int(key) for key in self.table.marked}
        rows = [row for row in self.rows.all_rows if not marked or row in marked]
        kind = await self.app.push_screen_wait(
            Pick(f"Export {len(rows):,} jobs as", [(one, one.upper()) for one in FORMATS], searchable=False)
        )
        if kind is None:
            return
        stamp = datetime.fromtimestamp(self.now_ms() / 1000, UTC).strftime("%Y%m%d-%H%M%S")
        path = await self.app.push_screen_wait(
            AskText("File", value=f"aepx-jobs-{stamp}.{kind}", hint="An existing file is not overwritten.")
        )
        if not path:
            return
        try:
            count = await write_export(self.engine, rows, path=path, kind=kind)
        except OSError as error:
            self.say(f"{path} was not written: {error.strerror or error}. Choose another place.", severe=True)
            return
        self.say(f"{count:,} jobs written to {path}.")

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit(0)

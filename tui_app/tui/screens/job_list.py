"""Owns the job list: the home screen, a window on history that follows it live.

What it shows by choice is `job_views`', what is done to marked jobs `job_marked`'s, when it reads `job_reading`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.containers import Horizontal, Vertical
from textual.content import Content

from tui_app.models.export_job import STATUSES, SUCCEEDED, is_terminal
from tui_app.models.failure import FailureError
from tui_app.models.filter import strange_statuses
from tui_app.present import text_lines
from tui_app.present.jobs import ALL_COLUMNS, columns, cursor_line, summary_lines
from tui_app.text import cell_width, fit, safe_text
from tui_app.tui.commands import LIST, Context
from tui_app.tui.screens.job_marked import MarkedJobs
from tui_app.tui.screens.job_reading import SLOW_S, JobReading
from tui_app.tui.screens.job_rows import JobRows
from tui_app.tui.screens.job_views import JobViews
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.status_bar import Line
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.widget import Widget

    from tui_app.models.job_query import JobSummary
    from tui_app.present.text_lines import TextLine
    from tui_app.tui.bridge import JobsChanged, LookupsChanged, SessionChanged
    from tui_app.tui.widgets.row_marks import RowMarks

_TICK_S = 5.0
_WIDE = 140
_LABEL = 12
_TEXT_MOST = 16


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Where somebody was in a list: the row under the cursor, its line on the screen, and the marked rows."""

    row: int
    line: int
    marks: RowMarks


class JobListScreen(JobViews, MarkedJobs):
    """All jobs of the sandbox, live."""

    PLACE = LIST
    CRUMB = "jobs"
    CSS_PATH: ClassVar = ["job_list.tcss"]

    def __init__(self, *, left: ListPlace | None = None) -> None:
        """Make the screen.

        Args:
            left: where somebody was who comes back to this sandbox.
        """
        super().__init__()
        self._left = left
        self._rows: JobRows | None = None
        self._reading: JobReading | None = None
        self._is_late = False

    def compose_place(self) -> Iterable[Widget]:
        """Lay out filter line, table and, where there is room, the summary of the job under the cursor."""
        yield self.make_filter_bar()
        with Horizontal(id="list-body"):
            yield RowTable(columns(absolute_times=self.app.absolute_times), id="jobs")
            with Vertical(id="summary"):
                yield TextLines(id="summary-text")
        yield Line(id="cursor-line")

    def on_mount(self) -> None:
        """Show what history holds before anything is asked, and keep ages up to date."""
        table = self.table
        self._rows = JobRows(self.engine.list, self.now_ms, absolute=lambda: self.app.absolute_times)
        self._reading = JobReading(
            self._rows,
            table,
            self.engine.clock,
            total=lambda: self.engine.session.total,
            told=self._follow_rows,
            failed=self.fail,
        )
        self.take_up(self.engine.views.current_now())
        table.set_source(self._rows)
        if self._left is not None:
            table.return_to(self._left.row, self._left.line, marks=self._left.marks)
        table.focus()
        self.reading.begin(self.query_shown, from_top=self._left is None)
        self.show_counts()
        self.set_interval(_TICK_S, self.tick)
        self.set_timer(SLOW_S, self._say_late)
        self.call_after_refresh(self.learn_saved_views)

    def place(self) -> ListPlace | None:
        """Return where the person is, to come back to; None where there is no row."""
        table = self.table
        if table.cursor_key is None or table.cursor_index is None:
            return None
        return ListPlace(table.cursor_key, table.cursor_index - table.rows_in_view.start, table.marks.copy())

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
    def reading(self) -> JobReading:
        """What brings the rows."""
        assert self._reading is not None, "the list is not mounted"
        return self._reading

    @property
    def is_typing(self) -> bool:
        """Whether a filter is being typed."""
        return self.filter_bar.is_typing

    def context(self) -> Context:
        """Say what is under the cursor or marked."""
        base = super().context()
        if self._rows is None:
            return base
        chosen, marked = self.chosen(), len(self.table.marks)
        current = self.current()
        return Context(
            has_job=bool(marked) or self.table.cursor_key is not None,
            # Of marked jobs that are not loaded only history knows; whoever cancels asks it.
            ended=len(chosen) >= max(1, marked) and all(is_terminal(job.status) or job.gone for job in chosen),
            has_data=current is not None and current.status == SUCCEEDED,
            read_only=base.read_only,
            marked=marked,
            has_failure=base.has_failure,
        )

    def current(self) -> JobSummary | None:
        """Return the job under the cursor, None while it is not loaded."""
        key = self.table.cursor_key
        return self.rows.summary(key) if key is not None else None

    # Following the engine

    def on_jobs_changed(self, event: JobsChanged) -> None:
        """Read the list again: rows may have come or changed."""
        self.reading.changed()

    def on_lookups_changed(self, event: LookupsChanged) -> None:
        """Read names again."""
        self.reading.changed()

    def on_session_changed(self, event: SessionChanged) -> None:
        """Follow freshness and pauses; dim the rows while they cannot be brought up to date."""
        session, reading = self.engine.session, self.reading
        stale = session.failure is not None
        if self.table.has_class("-stale") != stale:
            self.table.set_class(stale, "-stale")
        if (session.paused_since_ms is not None) != reading.is_paused:
            (reading.resume if reading.is_paused else reading.pause)()
        if not session.polling:
            reading.check(session.total)
        self.show_counts()

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
        self.restyle_columns()
        self.table.update_rows()
        self.show_summary()

    def tick(self) -> None:
        """Let ages and durations go on; rows that read the same are not painted, and while paused nothing moves."""
        if not self.reading.is_paused:
            self.table.update_rows()
            self.show_summary()
            self.renew_filter()
            self.reading.tick()

    # What surrounds the table

    def _follow_rows(self) -> None:
        self.show_counts()
        self.show_summary()

    def show_counts(self) -> None:
        """Draw the counts, what is being waited for, and the reason for an empty table."""
        if self._rows is None:
            return
        session, reading = self.engine.session, self.reading
        new, marked = self.table.new_above, len(self.table.marks)
        parts = [f"{marked:,} marked" if marked else "", f"{new:,} new above" if new else ""]
        parts.append(self._unseen_order())
        parts.append("sorting…" if reading.is_slow and self._is_sorting() else self._count_text())
        if session.backfilling:
            parts.append("older ones are being read…")
        self.filter_bar.show_count("  ".join(filter(None, parts)) + " ")
        waiting = self._is_waiting()
        self.table.set_waiting(waiting)
        self.table.set_empty(Content("" if waiting else self._empty_reason()))

    def _unseen_order(self) -> str:
        """Say what the jobs are sorted by where no column shows it."""
        view = self.view
        if any(one.key == view.sort for one in self.table.shown_columns):
            return ""
        label = next((one.label.lower() for one in ALL_COLUMNS if one.key == view.sort), view.sort)
        return f"by {label} {'▼' if view.descending else '▲'}"

    def _is_sorting(self) -> bool:
        """Tell whether what is waited for are the same jobs in another order."""
        return self.reading.query.filter == self.reading.filter_shown

    def _count_text(self) -> str:
        shown, is_whole = len(self.rows), self.rows.is_whole and not self.reading.is_waited_for
        total = max(self.engine.session.total, shown)
        if not self.view.text:
            return f"{total:,} jobs" if is_whole or total > shown else "counting…"
        count = f"{shown:,} of {total:,}" if is_whole else f"counting… of {total:,}"
        if not self.filter_bar.has_fault:
            return count
        # What is typed cannot be read: these are the jobs of what could be read of it before.
        text = safe_text(self.view.text)
        return f"{count} for {fit(text, min(cell_width(text), _TEXT_MOST))}"

    def _is_waiting(self) -> bool:
        """Tell whether jobs may come that nobody has seen yet."""
        if not self._is_late or len(self.rows):
            return False
        if self.reading.is_waited_for:
            return True
        session = self.engine.session
        asks = not session.loaded and session.failure is None and session.paused_since_ms is None
        return asks and not self.view.text

    def _empty_reason(self) -> str:
        session = self.engine.session
        total = max(session.total, len(self.rows))
        if self.reading.is_waited_for:
            return ""
        if self.view.text and (total or session.loaded):
            said = f"0 of {total:,} match `{safe_text(self.view.text)}`. esc clears the filter."
            strange = [safe_text(one) for one in strange_statuses(self.query_shown.filter)]
            return f"{said}\n{strange[0]} is no status known here: {', '.join(STATUSES)}." if strange else said
        if session.failure is not None:
            failure = session.failure
            return safe_text(
                f"No jobs are known yet, and the platform cannot be asked.\n{failure.cause}\n{failure.next_step}\n"
                f"{self.key_of('refresh')} tries again, {self.key_of('failure.show')} shows all.",
                lines=True,
            )
        if not session.loaded:
            if session.paused_since_ms is None:
                return ""
            pause, refresh = self.key_of("live.pause"), self.key_of("refresh")
            return f"No jobs are known yet, and the platform is not asked.\n{pause} goes on, {refresh} asks once."
        name = safe_text(session.sandbox_name)
        new, dataset = self.key_of("job.new"), self.key_of("dataset.new")
        return f"No export jobs in sandbox {name} yet.\n{new} creates one, {dataset} creates a dataset first."

    def _say_late(self) -> None:
        self._is_late = True
        self._follow_rows()

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
        """Draw the pane beside the list, if it is there, else the line below it."""
        if self._rows is None:
            return
        job = self.current()
        if self.has_class("-wide"):
            self.query_one("#summary-text", TextLines).show(self._summary)
            return
        text = ("", "")
        if job is not None:
            text = cursor_line(job, self.rows.now_ms())
        elif self._is_waiting():
            text = ("Asking the platform for export jobs…  esc stops waiting", "")
        self.query_one("#cursor-line", Line).show(*text)

    def _summary(self, width: int) -> Sequence[TextLine]:
        job = self.current()
        if job is None and self._is_waiting():
            return text_lines.wrapped(text_lines.line("Asking the platform for export jobs…  esc stops waiting"), width)
        pairs = summary_lines(job, now_ms=self.rows.now_ms()) if job is not None else ()
        return text_lines.rows([(label, (cell,)) for label, cell in pairs], width, label_width=_LABEL)

    # Commands

    async def action_command(self, command_id: str) -> None:
        """Do what a key asks for, once the rows that it is meant for are there."""
        if await self._rows_are_here():
            await super().action_command(command_id)

    async def on_row_table_row_activated(self, event: RowTable.RowActivated) -> None:
        """Open the job."""
        if await self._rows_are_here():
            self.action_job_open()

    async def _rows_are_here(self) -> bool:
        here = await self.reading.here()
        if not here:
            self.say("The rows are still being read. Press the key again when they are there.")
        return here

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

    def action_back(self) -> None:
        """Clear the filter, then the marks; while nothing is known yet, stop waiting for it."""
        if self.clear_filter():
            return
        if self.table.marks:
            self.table.action_clear_marks()
        elif self._is_waiting():
            self.engine.monitor.pause()

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
        self.reading.changed(forced=True)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit(0)

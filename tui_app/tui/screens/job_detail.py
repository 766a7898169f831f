"""Owns the detail of one job: five panes over what history holds of it, kept live until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from tui_app.models.export_job import SUCCEEDED
from tui_app.models.export_request import ExportRequest
from tui_app.models.failure import FailureError, FailureKind
from tui_app.models.stage import duration_ms, stages
from tui_app.present.batches import counted_lines, files_heading
from tui_app.present.job_detail import (
    PANES,
    Record,
    banner,
    batch_lines,
    error_lines,
    overview_identifiers,
    overview_observed,
    overview_what,
    overview_when,
    pane_titles,
    title,
    unknown_job,
)
from tui_app.present.job_request import request_lines
from tui_app.present.status import badge_of
from tui_app.present.text_lines import paragraphs
from tui_app.text import fit_id, safe_text
from tui_app.tui.commands import DETAIL, Context
from tui_app.tui.screens.job_place import JobPlace
from tui_app.tui.screens.pane_tabs import PaneTabs
from tui_app.tui.screens.raw_pane import RawPane
from tui_app.tui.widgets.status_bar import Line
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines
from tui_app.tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.widget import Widget

    from tui_app.engine.batches import JobBatches
    from tui_app.models.data_access import RemoteFile
    from tui_app.models.failure import Failure
    from tui_app.models.job_query import JobSummary
    from tui_app.present.text_lines import TextLine
    from tui_app.tui.bridge import JobsChanged, LookupsChanged

_TICK_S = 1.0
_SAY_ASKING_AFTER_S = 0.15
_WIDE = 120
_BATCHES_READ = 20
_CRUMB_ID_WIDTH = 20


class JobDetailScreen(JobPlace[None]):
    """One job, live."""

    PLACE = DETAIL
    CSS_PATH: ClassVar = ["job_detail.tcss"]

    def __init__(self, job_id: str, *, pane: str = "overview") -> None:
        """Make the screen of a job.

        Args:
            job_id: as the platform knows it; history need not.
            pane: one of `present.job_detail.PANES`.
        """
        super().__init__()
        self.job_id = job_id
        self._pane = pane if pane in PANES else PANES[0]
        self._record: Record | None = None
        self._cause = ""
        self._missing = False
        self._following = False
        self._batches: JobBatches | None = None
        self._batches_of: object = None
        self._batches_failure: Failure | None = None
        self._files: dict[str, tuple[RemoteFile, ...] | Failure] = {}

    def compose_place(self) -> Iterable[Widget]:
        """Lay out title, names of the panes, banner and the panes."""
        yield Line(id="detail-full")
        yield TextLines(id="detail-title")
        yield PaneTabs(id="detail-tabs")
        yield Line(id="detail-banner")
        yield Static(id="detail-unknown", markup=False)
        with ContentSwitcher(initial=self._pane, id="detail-panes"):
            with PaneScroll(id="overview"), Container(id="overview-columns"):
                with Vertical(classes="overview-column"):
                    yield Timeline(id="timeline")
                    yield TextLines(id="overview-what")
                with Vertical(classes="overview-column"):
                    yield TextLines(id="overview-when")
                    yield TextLines(id="overview-identifiers")
                    yield TextLines(id="overview-observed")
            for pane in PANES[1:-1]:
                with PaneScroll(id=pane):
                    yield TextLines(id=f"{pane}-lines")
            yield RawPane(id="raw")

    def on_mount(self) -> None:
        """Show what history holds, then ask the platform once and follow the job until it ends."""
        self.set_interval(_TICK_S, self.tick)
        self.set_timer(_SAY_ASKING_AFTER_S, self._say_asking)
        self.show_pane(self._pane)
        self._open()

    def on_unmount(self) -> None:
        """Stop asking specially for this job."""
        self._follow(wanted=False)

    @property
    def record(self) -> Record | None:
        """What is known of the job, None while nothing is."""
        return self._record

    @property
    def pane(self) -> str:
        """The name of the pane that is shown."""
        return self._pane

    def crumb(self) -> str:
        """Return the way here: `jobs > 24115 > errors`."""
        return f"jobs > {fit_id(safe_text(self.job_id), _CRUMB_ID_WIDTH).rstrip()} > {self._pane}"

    def current(self) -> JobSummary | None:
        """Return the job as history has it, None before it was read."""
        return self._record.summary if self._record is not None else None

    def context(self) -> Context:
        """Say whether there is a job and whether it has ended."""
        base, record = super().context(), self._record
        return Context(
            has_job=record is not None,
            ended=record is not None and record.ended,
            has_data=record is not None and record.summary.status == SUCCEEDED,
            read_only=base.read_only,
            has_failure=base.has_failure,
            has_matches=self._pane == "raw" and any(pane.has_matches for pane in self.query(RawPane)),
        )

    # Following the engine

    @work(group="open")
    async def _open(self) -> None:
        await self._read()
        await self._ask()

    @work(group="read", exclusive=True)
    async def reread(self) -> None:
        """Read history again and paint what differs."""
        await self._read()

    def on_jobs_changed(self, event: JobsChanged) -> None:
        """Read again: this job may have changed."""
        self.reread()

    def on_lookups_changed(self, event: LookupsChanged) -> None:
        """Read again: the dataset may have a name now."""
        self.reread()

    async def _read(self) -> None:
        try:
            record = await self._held()
        except FailureError as error:
            self.fail(error.failure)
            return
        if record is not None:
            self._record = record
            self._follow(wanted=not record.ended)
        self.show()
        if self._pane == "batches":
            self._read_batches()

    async def _held(self) -> Record | None:
        """Return what history holds of the job."""
        engine = self.engine
        job, summary = await engine.list.job(self.job_id), await engine.list.summary(self.job_id)
        if job is None or summary is None:
            return None
        echoed, unsaid = ExportRequest.from_job(job)
        return Record(
            job=job,
            summary=summary,
            observed=await engine.jobs.transitions(self.job_id),
            asked=await engine.jobs.asked(self.job_id),
            echoed=echoed,
            unsaid=unsaid,
        )

    async def _ask(self) -> None:
        """Ask the platform for the job; a failure leaves what is held as it is."""
        try:
            await self.engine.jobs.refresh(self.job_id)
        except FailureError as error:
            self._missing = error.failure.kind is FailureKind.NOT_FOUND
            self._cause = error.failure.cause or error.failure.what
            await self._read()
            self.fail(None if self._missing else error.failure)
            self.show()
            return
        self._missing, self._cause = False, ""
        self.fail(None)
        await self._read()

    def _read_batches(self, *, again: bool = False) -> None:
        """Ask for the state of the batches, once for each state of the job."""
        record = self._record
        if record is None or not record.job.batches:
            return
        mark = record.summary.status, len(record.job.batches)
        if again or mark != self._batches_of:
            self._batches_of = mark
            self._ask_batches(record)

    @work(group="batches", exclusive=True)
    async def _ask_batches(self, record: Record) -> None:
        engine = self.engine
        try:
            rows = await engine.downloads.past.rows_of(self.job_id)
            self._batches = await engine.batches.of_job(record.job, rows=rows)
        except FailureError as error:
            self._batches_failure = error.failure
            self.show()
            return
        self._batches_failure = None
        self.show()
        for one in self._batches.batches[:_BATCHES_READ]:
            if one.batch is None or not one.batch.is_readable or isinstance(self._files.get(one.batch_id), tuple):
                continue
            try:
                self._files[one.batch_id] = await engine.batches.files(one.batch_id)
            except FailureError as error:
                self._files[one.batch_id] = error.failure
            self.show()

    def _batch_lines(self, record: Record, width: int) -> Sequence[TextLine]:
        found, failure = self._batches, self._batches_failure
        if not record.job.batches:
            return batch_lines(record, width)
        if found is None:
            why = f"{failure.cause}. {failure.next_step}" if failure else "Asking for their records and files…"
            return (*batch_lines(record, width), *paragraphs((safe_text(why),), width))
        head = files_heading(len(found.batches), per_segment=record.job.segment_per_batch)
        keys = f"{self.key_of('job.download')} downloads the files, {self.key_of('job.rows')} shows rows, "
        keys += f"{self.key_of('job.query')} asks SQL of what is downloaded."
        ways = paragraphs((keys,), width) if record.summary.status == SUCCEEDED else ()
        return (head, *ways, (), *counted_lines(found.batches, found.counts, self._files, width))

    def _follow(self, *, wanted: bool) -> None:
        if wanted == self._following:
            return
        self._following = wanted
        monitor = self.engine.monitor
        (monitor.follow if wanted else monitor.unfollow)(self.job_id)

    # Drawing

    def show_session(self) -> None:
        """Draw what surrounds the panes; dim them while they cannot be brought up to date."""
        super().show_session()
        self._show_full()
        stale = self.failure is not None
        if self.has_class("-stale") != stale:
            self.set_class(stale, "-stale")

    def show(self) -> None:
        """Draw all that is in sight; lines that read the same are not painted."""
        record = self._record
        self.query_one("#detail-tabs", PaneTabs).show_panes(pane_titles(record), self._pane)
        self.set_class(record is None, "-unknown")
        if record is not None:
            self._show_pane(record)
        elif self._cause:
            self._say_unknown(self._cause)
        self.tick()
        self.refresh_bindings()
        self.show_session()

    def tick(self) -> None:
        """Let the running stage and ages go on."""
        record = self._record
        if record is None:
            return
        now, times = self.now_ms(), self.app.absolute_times
        watched = self.job_id in self.app.watched
        self._lines("#detail-title").show(
            lambda width: (title(record, now, width, absolute_times=times, watched=watched),)
        )
        text = banner(record, now)
        line = self.query_one("#detail-banner", Line)
        line.show(safe_text(text))
        line.set_class(bool(text), "-shown")
        if self._pane == "overview":
            moment = record.moment(now)
            self.query_one(Timeline).show_stages(
                stages(record.as_shown, moment), moment, whole_ms=duration_ms(record.as_shown, moment)
            )
            self._lines("#overview-when").show(lambda width: overview_when(record, now, width))
            self._lines("#overview-observed").show(
                lambda width: overview_observed(record, now, width, absolute_times=times)
            )

    def _show_pane(self, record: Record) -> None:
        """Draw what time alone does not change of the pane in sight."""
        if self._pane == "overview":
            self._lines("#overview-what").show(lambda width: overview_what(record, width))
            self._lines("#overview-identifiers").show(lambda width: overview_identifiers(record, width))
        elif self._pane == "raw":
            self.query_one(RawPane).show(record.job.raw)
        else:
            make = {"errors": error_lines, "request": request_lines, "batches": self._batch_lines}[self._pane]

            def build(width: int) -> Sequence[TextLine]:
                return make(record, width)

            self._lines(f"#{self._pane}-lines").show(build)

    def _show_full(self) -> None:
        """Say how the full screen is left, and what its header would: the job, its status, how fresh all is."""
        lines = self.query("#detail-full")
        if not lines or not self.has_class("-full"):
            return
        fresh = self.query_one("#header-fresh", Line).text.strip()
        status = "" if self._record is None else f"{badge_of(self._record.summary, self.now_ms())}  "
        leave = f"{self.key_of('pane.full')} or esc leaves full screen"
        lines.only_one(Line).show(f" {leave}  {fresh}  {status}{safe_text(self.job_id)}")

    def _lines(self, selector: str) -> TextLines:
        return self.query_one(selector, TextLines)

    def _say_asking(self) -> None:
        if self._record is None and not self._cause:
            self._say_unknown("")

    def _say_unknown(self, cause: str) -> None:
        text = "\n".join(unknown_job(self.job_id, cause, missing=self._missing))
        self.query_one("#detail-unknown", Static).update(Content(text))

    def on_resize(self, event: events.Resize) -> None:
        """Put the overview into two columns where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")

    # Panes

    def show_pane(self, pane: str) -> None:
        """Show a pane by name and let its keys work."""
        self._pane = pane
        self.query_one("#detail-panes", ContentSwitcher).current = pane
        self.show()
        if pane == "batches":
            self._read_batches()
        target = self.query_one(RawPane).scroll if pane == "raw" else self.query_one(f"#{pane}", PaneScroll)
        target.focus(scroll_visible=False)

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """Show the pane whose name was clicked."""
        self.show_pane(event.pane)

    def action_pane_1(self) -> None:
        """Show the overview."""
        self.show_pane("overview")

    def action_pane_2(self) -> None:
        """Show the errors."""
        self.show_pane("errors")

    def action_pane_3(self) -> None:
        """Show what was asked for."""
        self.show_pane("request")

    def action_pane_4(self) -> None:
        """Show the batches."""
        self.show_pane("batches")

    def action_pane_5(self) -> None:
        """Show the raw record."""
        self.show_pane("raw")

    def action_job_describe(self) -> None:
        """Show the overview."""
        self.show_pane("overview")

    def action_job_raw(self) -> None:
        """Show the raw record."""
        self.show_pane("raw")

    def action_raw_search(self) -> None:
        """Search the raw record, from whichever pane."""
        self.show_pane("raw")
        if self._record is not None:
            self.query_one(RawPane).open_search()

    def on_raw_pane_searched(self, event: RawPane.Searched) -> None:
        """Show the keys that go from match to match, while there are matches."""
        self.show_keys()

    def action_raw_next(self) -> None:
        """Go to the next match."""
        self.query_one(RawPane).go(1)

    def action_raw_previous(self) -> None:
        """Go to the previous match."""
        self.query_one(RawPane).go(-1)

    def action_pane_full(self) -> None:
        """Give the pane the whole screen, or take it back."""
        self.toggle_class("-full")
        self._show_full()

    def action_back(self) -> None:
        """End the search, then the full screen, then go back to the list."""
        if self._pane == "raw" and self.query_one(RawPane).close_search():
            return
        if self.has_class("-full"):
            self.remove_class("-full")
            return
        self.dismiss()

    # Commands

    @work(group="refresh", exclusive=True)
    async def action_refresh(self) -> None:
        """Ask the platform now."""
        await self._ask()
        if self._pane == "batches":
            self._read_batches(again=True)

    def action_time_style(self) -> None:
        """Switch between ages and times, at once here."""
        super().action_time_style()
        self.tick()

    def action_job_cancel(self) -> None:
        """Ask, then ask the platform to cancel the job."""
        record = self._record
        if record is not None and not record.ended:
            self.cancel_job(self.job_id, self.described(record.summary))

    def action_job_watch(self) -> None:
        """Tell when the job ends, or stop telling; the title says which."""
        super().action_job_watch()
        self.tick()

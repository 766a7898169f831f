"""Owns what list and detail share: the commands on one job, and what a list of jobs is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual import work

from tui_app.models.export_job import is_terminal
from tui_app.present.copying import brief, copies
from tui_app.present.status import badge_of
from tui_app.tui.screens.dialogs import Pick
from tui_app.tui.screens.job_data import JobDataPlace

if TYPE_CHECKING:
    from tui_app.models.job_query import JobQuery, JobSummary
    from tui_app.tui.screens.job_reading import JobReading
    from tui_app.tui.screens.job_rows import JobRows
    from tui_app.tui.widgets.row_table import RowTable

R = TypeVar("R")


class JobPlace(JobDataPlace[R]):
    """A place where one job is what commands act on."""

    def current(self) -> JobSummary | None:
        """Return the job under the cursor, or the one that is open; None while there is none to be shown."""
        raise NotImplementedError

    def described(self, job: JobSummary) -> str:
        """Return what a question about a job says of it; may hold remote text."""
        dataset = job.dataset_name or job.dataset_id or "no dataset"
        return f"{badge_of(job, self.now_ms())}, {job.stage or 'no stage'}, into {dataset}"

    def action_job_clone(self) -> None:
        """Start a new job from this one."""
        job = self.current()
        if job is not None:
            self.open_new_job(clone_of=job.job_id)

    def action_job_watch(self) -> None:
        """Tell when the job ends, or stop telling."""
        job = self.current()
        if job is None or is_terminal(job.status):
            return
        watched = self.app.watch_job(job.job_id, job.status)
        self.say(f"You will be told when job {job.job_id} ends." if watched else f"Job {job.job_id} is not watched.")

    def action_job_copy_id(self) -> None:
        """Copy the id."""
        job = self.current()
        if job is not None:
            self.app.copy_to_clipboard(job.job_id)
            self.say(f"Copied {job.job_id}.")

    @work(group="copy", exclusive=True)
    async def action_job_copy(self) -> None:
        """Choose what to copy."""
        summary = self.current()
        job = await self.engine.list.job(summary.job_id) if summary is not None else None
        if job is None:
            return
        found = copies(job, table_name=await self._table_name(job.dataset_id))
        items = [(label, f"{label}  {brief(text)}") for label, text in found.items()]
        chosen = await self.app.push_screen_wait(Pick("Copy", items, searchable=False))
        if chosen is not None:
            self.app.copy_to_clipboard(found[chosen])
            self.say(f"Copied {chosen}.")

    async def _table_name(self, dataset_id: str | None) -> str:
        """Return the name of a dataset's table for queries, as far as it was read before; "" if not."""
        known = await self.engine.lookups.datasets.known()
        return next((one.table_name or "" for one in known.items if one.dataset_id == dataset_id), "")


class JobListPlace(JobPlace[None]):
    """A list of jobs, as its parts see it: what shows it, what is in it, and what is asked."""

    @property
    def table(self) -> RowTable:
        """The table of jobs."""
        raise NotImplementedError

    @property
    def rows(self) -> JobRows:
        """What the table shows."""
        raise NotImplementedError

    @property
    def reading(self) -> JobReading:
        """What brings the rows."""
        raise NotImplementedError

    @property
    def query_shown(self) -> JobQuery:
        """The filter and order in force."""
        raise NotImplementedError

    def show_counts(self) -> None:
        """Draw what is told of the rows as a whole."""
        raise NotImplementedError

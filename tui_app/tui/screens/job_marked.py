"""Owns what is done to several jobs of the list at once: marks, cancelling them, writing them to a file."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual import work

from tui_app.clock import give_way
from tui_app.models.export_job import STATUSES, is_terminal
from tui_app.models.failure import FailureError
from tui_app.models.filter import AllOf, Is, Not, OneOf, Pattern
from tui_app.models.job_query import JobQuery
from tui_app.tui.screens.job_place import JobListPlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.models.job_query import JobSummary

_LISTED = 12
_PART = 50_000
_ENDED = tuple(Pattern((one,)) for one in STATUSES if is_terminal(one))
_RUNNING = AllOf((Not(OneOf("status", _ENDED)), Is("gone", holds=False)))


class MarkedJobs(JobListPlace):
    """A job list whose rows can be marked; what lists them is the subclass's."""

    def chosen(self) -> list[JobSummary]:
        """Return the marked jobs that are loaded, else the one under the cursor."""
        marks = self.table.marks
        if marks:
            return [job for job in self.rows.held() if job.row in marks]
        job = self.current()
        return [job] if job is not None else []

    def action_mark_toggle(self) -> None:
        """Mark or unmark the row."""
        self.table.action_toggle_mark()

    def action_mark_range(self) -> None:
        """Mark up to the cursor."""
        self.table.action_mark_range()

    def action_mark_clear(self) -> None:
        """Unmark all."""
        self.table.action_clear_marks()

    # Cancel

    @work(group="cancel")
    async def action_job_cancel(self) -> None:
        """Ask, then cancel the job under the cursor, or every marked one that still runs."""
        marked = len(self.table.marks)
        try:
            jobs = await self._running_chosen()
        except FailureError as error:
            self.fail(error.failure)
            return
        if len(jobs) == 1 and not marked:
            self.cancel_job(jobs[0].job_id, self.described(jobs[0]))
        elif jobs:
            await self._cancel_all(jobs, marked)
        elif marked:
            self.say(f"None of the {marked:,} marked jobs runs any more: there is nothing to cancel.")

    async def _running_chosen(self) -> list[JobSummary]:
        """Return the marked jobs that run, also those out of sight or filtered away, else the one under the cursor."""
        marks = self.table.marks
        if not marks:
            return [job for job in self.chosen() if not is_terminal(job.status)]
        # Few of a million marked jobs run: history is asked for those, not for all that are marked.
        running = await self.engine.list.all_rows(JobQuery(filter=_RUNNING))
        return await self.engine.list.summaries([row for row in running if row in marks])

    async def _cancel_all(self, jobs: Sequence[JobSummary], marked: int) -> None:
        """Ask, then cancel one after the other where it can be watched and stopped, and tell of each."""
        from tui_app.tui.screens.results import ResultsDialog, State  # noqa: PLC0415 - the first paint does without

        listed = [f"{job.job_id}  {self.described(job)}" for job in jobs[:_LISTED]]
        if len(jobs) > _LISTED:
            listed.append(f"and {len(jobs) - _LISTED:,} more")
        if marked > len(jobs):
            listed.append(f"{marked - len(jobs):,} of the {marked:,} marked jobs do not run and are left alone.")
        question = f"Cancel {len(jobs):,} export job{'s' if len(jobs) > 1 else ''}?"
        if not await self.confirmed(question, detail="\n".join(listed), yes="Cancel them"):
            return
        items = [(job.job_id, self.described(job)) for job in jobs]
        dialog = ResultsDialog(
            f"Cancel {len(jobs):,} export jobs", items, self.engine.jobs.cancel, done="cancel requested"
        )
        outcomes = await self.app.push_screen_wait(dialog) or ()
        asked = {one.key for one in outcomes if one.state is State.DONE}
        # What is left to do stays marked, so that it can be tried again.
        self.table.set_marks([job.row for job in jobs if job.job_id not in asked])
        if len(asked) == len(jobs):
            self.say(f"Cancel requested for {len(asked):,} of {len(jobs):,} jobs.")
        else:
            left = f"The other {len(jobs) - len(asked):,} stay marked."
            self.say(f"Cancel requested for {len(asked):,} of {len(jobs):,} jobs. {left}", severe=True)

    # Export

    @work(group="export", exclusive=True)
    async def action_list_export(self) -> None:
        """Write the view, or the marked jobs, to a file that does not exist yet."""
        from tui_app.tui.screens.export_dialog import ExportDialog  # noqa: PLC0415 - the first paint does without

        try:
            view, marked = await self._rows_to_export()
        except FailureError as error:
            self.fail(error.failure)
            return
        stamp = datetime.fromtimestamp(self.now_ms() / 1000, UTC).strftime("%Y%m%d-%H%M%S")
        done = await self.app.push_screen_wait(
            ExportDialog(self.engine.exports, view, marked=marked, name=f"aepx-jobs-{stamp}")
        )
        if done is not None:
            self.say(str(done))

    async def _rows_to_export(self) -> tuple[Sequence[int], Sequence[int]]:
        """Return all jobs of the view, and the marked ones as they stand in it, those filtered away behind them."""
        rows = self.rows
        order = rows.order[:] if rows.is_whole else await self.engine.list.all_rows(self.query_shown)
        marks = self.table.marks
        if not marks:
            return order, ()
        chosen, left = array("I"), set(marks) if len(marks) <= _PART else None
        for start in range(0, len(order), _PART):
            part = array("I", filter(marks.__contains__, order[start : start + _PART]))
            chosen.extend(part)
            await give_way()
        if left is not None and len(chosen) < len(left):
            chosen.extend(sorted(left.difference(chosen)))
        return order, chosen

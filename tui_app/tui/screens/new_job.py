"""Owns the creation of an export job from its form: checked, agreed, sent once, and settled if the answer is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual import work

from tui_app.config.templates import TemplateError
from tui_app.models.failure import FailureError, Finding
from tui_app.tui.screens.beginning import ask_beginning
from tui_app.tui.screens.dialogs import Confirm
from tui_app.tui.screens.job_picks import JobPicks
from tui_app.tui.screens.lost_answer import NONE_MADE, LostAnswer
from tui_app.tui.screens.templates import SaveTemplate

if TYPE_CHECKING:
    from tui_app.engine.jobs import Submission
    from tui_app.models.export_request import ExportRequest


class NewJobScreen(JobPicks):
    """Asks for an export job; answers with its id, or None when none was made here."""

    def __init__(self, **given: Any) -> None:
        """Make the form; see `JobForm`."""
        super().__init__(**given)
        self._open_intents: list[int] = []

    # Starting points

    @work(group="start", exclusive=True)
    async def action_form_start(self) -> None:
        """Begin from a template or from what is pasted, in place of what was entered."""
        try:
            beginning = await ask_beginning(self.app)
        except TemplateError as error:
            self.say_failure(str(error))
            return
        if beginning is None or not await self._may_replace():
            return
        await self.begin_from(beginning)

    async def _may_replace(self) -> bool:
        if not self.is_dirty:
            return True
        asked = Confirm("Replace what is in the form?", detail="What you entered is lost.", yes="Replace it")
        return await self.app.push_screen_wait(asked) is True

    @work(group="start", exclusive=True)
    async def action_form_save(self) -> None:
        """Keep the request as a template, times as they were typed."""
        saved = await self.app.push_screen_wait(SaveTemplate(self.app.templates, self.request().to_body()))
        if saved is not None:
            self.say(f"Saved as template {saved.name}. {self.key_of('form.start')} and n begin from it.")

    # Sending

    async def send(self) -> None:
        """Check the dataset, ask, create; then tell, settle with the person, or show why not."""
        self.wait_for("Checking with the platform…")
        # From here on the times stand still, however long the answers take. Nobody is to answer for ticks that the
        # form set by itself, so the rules see the segments without them.
        checked = await self.engine.checks.checked(replace(self.request(), segments=self.segments.meant))
        if checked.is_refused:
            self.refuse(next(one for one in checked.findings if one.severity == "error"))
            return
        request = replace(checked.request, segments=self.segments.segments)
        findings = [*checked.findings, *self.segments.check(), *self._open_creations()]
        if not await self.agreed(findings, self._summary(request)):
            return
        self.wait_for("Creating the export job…")
        submission = await self.engine.jobs.submit(request)
        if submission.job is None:
            await self._settle(request, submission)
            return
        job = submission.job
        if submission.failure is not None:
            self.say(str(submission.failure), severe=True)
        self.say(f"Export job {job.job_id} created: {job.status}.")
        self.dismiss(job.job_id)

    async def _settle(self, request: ExportRequest, submission: Submission) -> None:
        """Let the person say what a creation became whose answer was lost."""
        self.wait_for("The answer was lost; waiting for your decision…")
        dialog = LostAnswer(request, submission, search_again=self.engine.jobs.search_again, now_ms=self.now_ms)
        answer = await self.app.push_screen_wait(dialog)
        if answer is None:
            self._open_intents.append(submission.intent_id)
            self.say_failure(
                "The answer to this creation was lost and it is left open. aepx looks for its job at the next start."
            )
            return
        made = next((job for job in dialog.candidates if job.job_id == answer), None)
        try:
            await self.engine.jobs.settle(submission.intent_id, made, note="the person decided")
        except FailureError as error:
            self._open_intents.append(submission.intent_id)
            self.show_failure(error.failure)
            return
        if made is None:
            assert answer == NONE_MADE, "the dialog answers with a candidate, none made, or nothing"
            self.say_failure(f"No job was made. {self.key_of('form.submit')} sends it again.")
            return
        self.say(f"Export job {made.job_id} is yours: {made.status}.")
        self.dismiss(made.job_id)

    def _open_creations(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                "destination",
                f"Creation {intent_id} from this form is still open: its job may exist.",
                "Look at the list first; sending again may export twice.",
                "warning",
            )
            for intent_id in self._open_intents
        )

    def _summary(self, request: ExportRequest) -> str:
        known = self.name_of_dataset(request.dataset_id)
        name = f" ({known})" if known else ""
        count = len(request.segments)
        what = "all profiles" if not count else f"{count} segment{'s' if count > 1 else ''}"
        return f"Exports {what} into dataset {request.dataset_id}{name}."

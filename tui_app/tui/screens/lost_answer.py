"""Owns the question after a creation whose answer was lost: which of the jobs found is mine, or was none made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from tui_app.models.failure import FailureError
from tui_app.present.status import badge
from tui_app.present.times import absolute, ago
from tui_app.text import fit, fit_id, safe_text
from tui_app.tui.screens.dialogs import Dialog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual import events
    from textual.app import ComposeResult

    from tui_app.engine.jobs import Submission
    from tui_app.models.export_job import ExportJob, Segment
    from tui_app.models.export_request import ExportRequest

NONE_MADE: Final = ""
"""The answer that no job was made; a job's id is never blank."""
_LABEL: Final = 9
_SEGMENTS_SHOWN: Final = 3
_SHORT: Final = 22
"""Below so many lines the comparison scrolls, so that the answers stay in sight."""


class LostAnswer(Dialog[str]):
    """Shows what was asked for beside what was found; answers with a job's id, `NONE_MADE`, or None to leave open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "mine", "This one is mine", show=False, id="lost.mine"),
        Binding("s", "none", "None was made", show=False, id="lost.none"),
        Binding("r", "search", "Look again", show=False, id="lost.search"),
    ]
    DEFAULT_CSS = """
    LostAnswer > .dialog-box { width: 100; max-height: 100%; }
    LostAnswer.-short > .dialog-box { height: 100%; }
    LostAnswer #lost-compared { height: auto; margin-top: 1; }
    LostAnswer.-short #lost-compared { height: 1fr; margin-top: 0; }
    LostAnswer #lost-found { display: none; max-height: 4; }
    LostAnswer #lost-found.-several { display: block; }
    LostAnswer #lost-later { height: 1; }
    LostAnswer .dialog-buttons { align-horizontal: left; }
    LostAnswer.-short .dialog-buttons { margin-top: 0; }
    """

    def __init__(
        self,
        request: ExportRequest,
        submission: Submission,
        *,
        search_again: Callable[[int], Awaitable[Submission]],
        now_ms: Callable[[], int],
    ) -> None:
        """Make the question.

        Args:
            request: what was asked for.
            submission: what was found.
            search_again: looks for the jobs of this intent once more.
            now_ms: the clock's epoch ms, for ages.
        """
        super().__init__()
        self._request, self._submission, self._now_ms = request, submission, now_ms
        self._search_again = search_again
        self._found = submission.candidates
        self._is_searching = False

    def compose(self) -> ComposeResult:
        """Lay out the cause, the jobs found, the comparison and the three answers."""
        failure = self._submission.failure
        with Vertical(classes="dialog-box"):
            yield Static(Content("The answer to the creation was lost"), classes="dialog-title")
            yield Static(Content(safe_text(failure.cause if failure is not None else "")), classes="dialog-text")
            yield Static(id="lost-verdict", markup=False)
            yield OptionList(id="lost-found", markup=False)
            with VerticalScroll(id="lost-compared", can_focus=False):
                yield Static(id="lost-table", markup=False)
            with Vertical(classes="dialog-buttons"):
                with Horizontal(id="lost-later"):
                    yield Button(Content("Leave open (esc)"), id="lost-open", compact=True)
                    yield Button(Content("Look again (r)"), id="lost-search", compact=True)
                yield Button(Content("This one is mine (m)"), id="lost-mine", compact=True)
                yield Button(Content("None was made: send again (s)"), id="lost-none", compact=True)

    def on_mount(self) -> None:
        """Start where enter does no harm."""
        self._show_found()
        self.query_one("#lost-found" if len(self._found) > 1 else "#lost-open").focus()

    def on_resize(self, event: events.Resize) -> None:
        """Compare in the room there is."""
        self.set_class(event.size.height < _SHORT, "-short")
        self.call_after_refresh(self._compare)

    @property
    def candidates(self) -> tuple[ExportJob, ...]:
        """The jobs that were found last."""
        return self._found

    @property
    def _chosen(self) -> ExportJob | None:
        return self._found[self.query_one(OptionList).highlighted or 0] if self._found else None

    def _show_found(self) -> None:
        """Draw what was found, the cursor on the first."""
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(Content(self._line(job))) for job in self._found)
        options.highlighted = 0 if self._found else None
        options.set_class(len(self._found) > 1, "-several")
        self.query_one("#lost-mine", Button).disabled = not self._found
        self._say(self._verdict())
        self.call_after_refresh(self._compare)

    def _say(self, text: str) -> None:
        self.query_one("#lost-verdict", Static).update(Content(safe_text(text)))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Compare with the job under the cursor."""
        self._compare()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the buttons as the keys."""
        answers = {"lost-mine": self.action_mine, "lost-none": self.action_none, "lost-search": self.action_search}
        answers.get(event.button.id or "", self.action_leave)()

    def action_mine(self) -> None:
        """Answer that the job under the cursor is the one asked for."""
        if self._chosen is not None:
            self.dismiss(self._chosen.job_id)

    def action_none(self) -> None:
        """Answer that no job was made."""
        self.dismiss(NONE_MADE)

    def action_search(self) -> None:
        """Look for the job once more: it may have arrived since."""
        if not self._is_searching:
            self._is_searching = True
            self._say("Looking at the newest jobs…")
            self._search()

    @work(group="search")
    async def _search(self) -> None:
        try:
            submission = await self._search_again(self._submission.intent_id)
        except FailureError as error:
            self._say(str(error.failure))
            return
        finally:
            self._is_searching = False
        self._submission = replace(submission, failure=self._submission.failure)
        self._found = submission.candidates
        self._show_found()

    def _verdict(self) -> str:
        count = len(self._found)
        if not self._submission.searched:
            return "The newest jobs could not be searched, so nothing is known. Look again, or leave it open."
        if not count:
            return "No job like it is listed yet. It may still appear: look again, or leave it open."
        if count == 1:
            return "One job like it was created since. Nothing is sent again before you decide."
        return f"{count} jobs like it were created since. Nothing is sent again before you decide."

    def _line(self, job: ExportJob) -> str:
        return safe_text(f"{job.job_id}  {badge(job.status)}  created {ago(job.created_ms, self._now_ms())}")

    def _compare(self) -> None:
        """Draw the request and the job side by side; `=` and `≠` say what may be cut."""
        asked, job = self._request, self._chosen
        rows = [("", "asked for", "", "found" if job is not None else "nothing found")]
        if job is not None:
            same = asked.dataset_id == job.dataset_id
            alike = {one.segment_id for one in asked.segments} == {one.segment_id for one in job.segments}
            rows += [
                ("id", "", "", job.job_id),
                ("status", "", "", str(badge(job.status))),
                ("created", "", "", absolute(job.created_ms)),
                ("dataset", asked.dataset_id, _sign(same=same), job.dataset_id or "-"),
            ]
            theirs = _segments(job.segments)
        else:
            rows.append(("dataset", asked.dataset_id, "", ""))
            alike, theirs = None, []
        ours = _segments(asked.segments)
        for place in range(max(len(ours), len(theirs))):
            first = place == 0
            sign = _sign(same=alike) if first and alike is not None else ""
            rows.append(("segments" if first else "", _at(ours, place), sign, _at(theirs, place)))
        width = max(16, (self.query_one("#lost-compared").size.width - _LABEL - 5) // 2)
        lines = (
            f"{fit(label, _LABEL)} {fit_id(safe_text(one), width)} {sign or ' '} {fit_id(safe_text(other), width)}"
            for label, one, sign, other in rows
        )
        self.query_one("#lost-table", Static).update(Content("\n".join(line.rstrip() for line in lines)))


def _sign(*, same: bool) -> str:
    return "=" if same else "≠"


def _segments(segments: tuple[Segment, ...]) -> list[str]:
    lines = [one.segment_id for one in segments[:_SEGMENTS_SHOWN]]
    if len(segments) > _SEGMENTS_SHOWN:
        lines.append(f"and {len(segments) - _SEGMENTS_SHOWN} more")
    return lines or ["all profiles"]


def _at(lines: list[str], place: int) -> str:
    return lines[place] if place < len(lines) else ""

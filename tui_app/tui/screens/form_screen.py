"""Owns what forms share: preview, remarks, sending once, failure with nothing lost, the question before leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from tui_app.clock import give_way
from tui_app.engine.session import Policy
from tui_app.models.failure import FailureError, FailureKind, Finding
from tui_app.present.preview import Target, curl_text, json_text, python_text
from tui_app.text import safe_text
from tui_app.tui.commands import FORM, Context
from tui_app.tui.screens.base import PlaceScreen
from tui_app.tui.screens.dialogs import Confirm
from tui_app.tui.widgets.form import FieldRow, Form, row_around
from tui_app.tui.widgets.preview_pane import LANGUAGES, PreviewPane
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from tui_app.models.base import JsonObject
    from tui_app.models.failure import Failure

WIDE = 120
SHORT = 20
"""Below so many lines a failure over the form takes no more than three of them."""
_READ_ONLY = "cannot be sent: this sandbox is read-only here"
_WARNINGS_SHOWN = 6
_LANGUAGES = tuple(LANGUAGES)
_COPIED = {"json": "JSON", "curl": "curl line", "python": "Python program"}


class FormScreen(PlaceScreen[str]):
    """A form with its preview; answers with the id of what was made, or None.

    From `WIDE` columns on the preview stands beside the form; below, the preview's key turns from the form to the
    JSON, to the curl line, to the Python program, and back.
    """

    PLACE = FORM
    TARGET_PATH: ClassVar[str] = ""
    NOUN: ClassVar[str] = ""
    """What is made, for questions: `export job`."""

    def __init__(self) -> None:
        super().__init__()
        self._view = "form"
        self._language = _LANGUAGES[0]
        self._busy = ""
        self._busy_since = 0.0
        self._visited: set[FieldRow] = set()
        self._initial: object = None
        self._refused: tuple[FieldRow, Finding, object] | None = None
        self._unsent: object = None

    # What a form is made of

    def heading(self) -> str:
        """Return the line over the form; may hold remote text."""
        raise NotImplementedError

    def compose_form(self) -> Iterable[Widget]:
        """Yield headings and rows."""
        raise NotImplementedError

    def body(self) -> JsonObject:
        """Return what would be sent now."""
        raise NotImplementedError

    def check(self) -> tuple[Finding, ...]:
        """Return what the pure rules find in it."""
        raise NotImplementedError

    def state(self) -> object:
        """Return all that was entered, to tell whether anything was changed."""
        raise NotImplementedError

    async def send(self) -> None:
        """Check what needs the platform, ask, send; the form is closed to changes meanwhile.

        Raises:
            FailureError: it was not sent or not taken; it is shown over the form.
        """
        raise NotImplementedError

    def compose_place(self) -> Iterable[Widget]:
        """Lay out heading, failure, form, preview and the line of help."""
        yield Line(id="form-title")
        yield Static(id="form-failure", markup=False)
        with Horizontal(id="form-body"):
            with Form(id="form"):
                yield from self.compose_form()
                with Horizontal(id="form-buttons"):
                    label = f"Create the {self.NOUN} ({self.key_of('form.submit')})"
                    yield Button(Content(label), id="form-submit", compact=True)
            yield PreviewPane(id="preview")
        yield Line(id="form-hint")

    def on_mount(self) -> None:
        """Start in the first field."""
        self._initial = self.state()
        self.changed()
        # At once: what was typed behind the key that opened the form is for this field.
        self.set_focus(self.form.rows[0].editors[0])

    async def begin_anew(self) -> None:
        """Lay the form out again, after what it begins with has changed."""
        self._visited.clear()
        self._refused = None
        await self.recompose()
        self.show_session()
        self.changed()
        self.form.rows[0].focus_first()

    @property
    def form(self) -> Form:
        """The form itself."""
        return self.query_one("#form", Form)

    @property
    def is_dirty(self) -> bool:
        """Whether anything was entered that would be lost."""
        return self.state() != self._initial

    @property
    def is_busy(self) -> bool:
        """Whether it is being checked or sent."""
        return bool(self._busy)

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be entered or sent: it is being sent, or was."""
        return self.is_busy

    def crumb(self) -> str:
        """Return where this is."""
        return f"jobs > new {self.NOUN.rpartition(' ')[2]}"

    # Following what is entered

    def on_input_changed(self) -> None:
        """Follow a text."""
        self.changed()

    def on_options_changed(self) -> None:
        """Follow a choice."""
        self.changed()

    def changed(self) -> None:
        """Draw the preview anew, and take back remarks that do not hold any more."""
        if self._initial is None:
            return
        if self._refused is not None and self._refused[2] != self.state():
            self._refused = None
        if self._unsent is not None and self._unsent != self.state():
            self.say_failure("")
        self._remark(self._visited)
        self._draw_preview()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say what the field with the focus is for."""
        self._draw_hint()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Judge a field when it is left, not while it is being written."""
        row = row_around(event.widget)
        if row is not None and self.is_current and not self.is_busy:
            self._visited.add(row)
            self._remark({row})

    def _remark(self, rows: set[FieldRow] | None) -> tuple[Finding, ...]:
        refused = () if self._refused is None else (self._refused[1],)
        homeless = self.form.remark((*self.check(), *refused), rows)
        # A remark that comes or goes moves the rows below it; the field being written stays in sight, with its own.
        self.call_after_refresh(self.form.keep_in_sight)
        return homeless

    def _draw_preview(self) -> None:
        if not self.has_class("-wide") and self._view == "form":
            return
        self.query_one(PreviewPane).show(self._preview_text(), self._language)

    def _preview_text(self) -> str:
        """Return the request in the language chosen; the shell or the environment fills in what is secret."""
        if self._language == "json":
            return json_text(self.body())
        written = curl_text if self._language == "curl" else python_text
        return written(self._target(), self.body())

    def _target(self) -> Target:
        session = self.engine.session
        connection = session.connection
        return Target(connection.base_url, self.TARGET_PATH, connection.org_id, session.sandbox_name)

    def _draw_hint(self) -> None:
        line = self.query_one("#form-hint", Line)
        if self._busy:
            waited = int(self.engine.clock.monotonic() - self._busy_since)
            line.show(f" {self._busy}{f' {waited}s' if waited else ''}", "busy")
            return
        row = row_around(self.focused)
        line.show(f" {row.hint}" if row is not None else "", "")

    def show_session(self) -> None:
        """Keep the heading, the button and the seconds waited up to date as well."""
        super().show_session()
        if not self.query("#form-title"):
            return
        writable = self.engine.session.policy is not Policy.READ_ONLY
        self.query_one("#form-title", Line).show(
            safe_text(f" {self.heading()}{'' if writable else f' ({_READ_ONLY})'}"), "" if writable else "read-only"
        )
        self.query_one("#form-submit", Button).disabled = not writable
        self._draw_hint()

    # Views

    @on(events.Resize)
    async def let_others(self) -> None:
        """Give others a turn: a form that comes up was laid out a moment ago, which takes long with so many fields."""
        await give_way()

    def on_resize(self, event: events.Resize) -> None:
        """Put the preview beside the form where there is room."""
        wide = event.size.width >= WIDE
        self.set_class(wide, "-wide")
        self.set_class(event.size.height < SHORT, "-short")
        if wide:
            self._show_view("form")
        self._draw_preview()

    def action_form_preview(self) -> None:
        """Turn to the next way of showing the request."""
        if self.is_closed:
            return
        is_last = self._language == _LANGUAGES[-1]
        if self._view == "form" and not self.has_class("-wide"):
            self._language = _LANGUAGES[0]
            self._show_view("preview")
        elif is_last and not self.has_class("-wide"):
            self._show_view("form")
        else:
            self._language = _LANGUAGES[(_LANGUAGES.index(self._language) + 1) % len(_LANGUAGES)]
        self._draw_preview()

    def action_form_copy(self) -> None:
        """Copy the request as the preview shows it."""
        self.app.copy_to_clipboard(self._preview_text())
        self.say(f"Copied the {_COPIED[self._language]}; it holds no secret.")

    def _show_view(self, view: str) -> None:
        if view == self._view:
            return
        self._view = view
        self.set_class(view == "preview", "-preview")
        if view == "preview":
            self._return_to = self.focused
            self.query_one(PreviewPane).focus()
        elif self._return_to is not None:
            self._return_to.focus()

    _return_to: Widget | None = None

    # Sending

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the button as the key."""
        if event.button.id == "form-submit":
            self.action_form_submit()

    def action_form_submit(self) -> None:
        """Judge all of it; go to the first error, or send."""
        if self.is_closed or self.engine.session.policy is Policy.READ_ONLY:
            return
        self._refused = None
        self.show_failure(None)
        self._show_view("form")
        self._visited.update(self.form.rows)
        self._remark(None)
        errors = [finding for finding in self.check() if finding.severity == "error"]
        if errors:
            self._say_unsent(errors)
            return
        self.wait_for("Checking…")
        self._send()

    def _say_unsent(self, errors: Sequence[Finding]) -> None:
        """Go to the first error, and say over the form what it is until something is changed."""
        row = self.form.first_with(errors)
        first = next((one for one in errors if self.form.row_of(one.field) is row), errors[0])
        what = f"{first.cause} {first.remedy}"
        if row is not None:
            # The remedy stands under the field.
            row.focus_first()
            what = f"{row.label}: {_lower(first.cause)}"
        self.say_failure(f"Not sent: {len(errors)} error{'s' if len(errors) > 1 else ''}. {what}")
        self._unsent = self.state()

    @work(group="send")
    async def _send(self) -> None:
        try:
            await self.send()
        except FailureError as error:
            self.show_failure(error.failure)
        finally:
            self.wait_for("")

    def wait_for(self, what: str) -> None:
        """Close the form to changes and say what is waited for; "" opens it again where the focus was."""
        if not self.is_attached:
            return
        if what and not self._busy:
            self._return_to = self.focused
        was, self._busy = self._busy, what
        self._busy_since = self.engine.clock.monotonic()
        self.form.disabled = bool(what)
        if was and not what and self.focused is None and self._return_to is not None:
            self._return_to.focus()
        self._draw_hint()
        self.show_keys()

    async def agreed(self, findings: Sequence[Finding], summary: str) -> bool:
        """Ask, where there are warnings to acknowledge or the sandbox is protected; else take it as agreed.

        Only inside a worker.
        """
        warnings = [finding for finding in findings if finding.severity == "warning"]
        if not warnings and self.engine.session.policy is not Policy.PROTECTED:
            return True
        said = list(dict.fromkeys(f"- {one.cause} {one.remedy}" for one in warnings))
        more = len(said) - _WARNINGS_SHOWN
        lines = [summary, *said[:_WARNINGS_SHOWN], *([f"- and {more} more, under their fields"] if more > 0 else ())]
        self.wait_for("Waiting for your answer…")
        return await self.confirmed(
            f"Create this {self.NOUN}{' despite the warnings' if warnings else ''}?",
            detail="\n".join(lines),
            yes=f"Create the {self.NOUN}",
        )

    def refuse(self, finding: Finding) -> None:
        """Show what the platform says against a field, and go there; it stands until something is changed."""
        row = self.form.row_of(finding.field)
        self.wait_for("")
        if row is None:
            self.say_failure(f"{finding.cause} {finding.remedy}")
            return
        self._refused = (row, finding, self.state())
        self._remark({row})
        row.focus_first()

    def show_failure(self, failure: Failure | None) -> None:
        """Show a failure over the form, and under the field that a refusal names; None takes it away."""
        if failure is None:
            self.say_failure("")
            return
        request = f" (request id {failure.request_id})" if failure.request_id else ""
        self.say_failure(f"{failure}{request}")
        if failure.kind is not FailureKind.BAD_REQUEST:
            return
        row = self.form.row_named_in(f"{failure.cause} {failure.body or ''}")
        if row is not None:
            self.refuse(Finding(row.paths[0], failure.cause, failure.next_step))

    def say_failure(self, text: str) -> None:
        """Show a text over the form, or nothing with ""."""
        self._unsent = None
        block = self.query_one("#form-failure", Static)
        block.set_class(bool(text), "-shown")
        block.update(Content(safe_text(f"! {text}", lines=True)))

    # Leaving

    def action_back(self) -> None:
        """Go back to the form from its preview; else leave, asking if something would be lost."""
        if self.is_busy:
            self.say(f"{self._busy} It cannot be left until the answer is there.")
        elif self._view == "preview":
            self._show_view("form")
        elif self.is_dirty:
            self._ask_to_discard()
        else:
            self.dismiss(None)

    @work(group="discard", exclusive=True)
    async def _ask_to_discard(self) -> None:
        question = Confirm(f"Discard this {self.NOUN}?", detail="What you entered is lost.", yes="Discard")
        if await self.app.push_screen_wait(question):
            self.dismiss(None)

    def context(self) -> Context:
        """Say which commands exist here, and what would be lost."""
        return replace(
            super().context(),
            job_form=self.TAKES_DATASET,
            form_closed=self.is_closed,
            unsaved=self.is_busy or (self._initial is not None and self.is_dirty),
        )

    TAKES_DATASET: ClassVar[bool] = False


def _lower(sentence: str) -> str:
    """Return a sentence as it goes on after a colon; a name in capitals stays one."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]

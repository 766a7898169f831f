"""Owns what all screens share: the lines around them, commands and their availability, and hearing of changes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingsMap
from textual.containers import Vertical
from textual.widgets import Input

from tui_app.clock import now_ms
from tui_app.engine.session import Policy
from tui_app.models.failure import Failure, FailureError
from tui_app.present.failures import countdown, failure_line, figures, freshness
from tui_app.present.keymap import Keymap, is_text
from tui_app.present.times import absolute
from tui_app.text import fit_id, safe_text
from tui_app.tui.commands import BY_ACTION, BY_ID, OPENS_FORM, OVER, Context, reachable, usable
from tui_app.tui.screens.dialogs import Confirm, FailureDialog
from tui_app.tui.screens.room import FoldingScreen
from tui_app.tui.widgets.status_bar import FailureLine, HeaderBar, KeyBar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui_app.engine.engine import Engine
    from tui_app.models.export_request import ExportRequest
    from tui_app.tui.bridge import SessionChanged
    from tui_app.tui.commands import Command
    from tui_app.tui.screens.beginning import Beginning
    from tui_app.tui.screens.host import HostApp

R = TypeVar("R")
_ROOMY = 100
_ORGANIZATION = 11


class PlaceScreen(FoldingScreen[R]):
    """A screen with header, failure line and key bar; `PLACE` names it in the command registry."""

    PLACE: ClassVar[str] = ""
    CRUMB: ClassVar[str] = ""
    app: HostApp

    def compose(self) -> ComposeResult:
        """Put the place's own widgets between header and footer."""
        with Vertical(id="place-body"):
            yield HeaderBar()
            yield from self.compose_place()
            yield FailureLine(id="failure-line")
            yield KeyBar()

    def compose_place(self) -> Iterable[Widget]:
        """Yield the widgets of this place."""
        return ()

    @property
    def is_current(self) -> bool:
        """Whether it is the one on top: a covered screen is brought up to date when it is uncovered.

        The framework would go on painting the screen below the top one, and with it all of the top one: 12 KB for
        every tick of a clock nobody sees.
        """
        return self.is_active

    @property
    def engine(self) -> Engine:
        """The engine of the connection in use."""
        return self.app.engine

    def now_ms(self) -> int:
        """Return the clock's epoch ms."""
        return now_ms(self.engine.clock)

    def context(self) -> Context:
        """Return what decides which commands can be used; places add what they know."""
        session = self.engine.session
        return Context(read_only=session.policy is Policy.READ_ONLY, has_failure=self.failure is not None)

    @property
    def failure(self) -> Failure | None:
        """The failure to show on this screen: its own last one, until the connection has news."""
        outage = self.engine.session.failure
        is_news = outage is not None and _sort(outage) != self._outage_then
        return outage if self._own_failure is None or is_news else self._own_failure

    _own_failure: Failure | None = None
    _outage_then: tuple[object, ...] | None = None

    def fail(self, failure: Failure | None) -> None:
        """Show a failure of something done on this screen until the next one, or clear it with None."""
        self._own_failure = failure
        self._outage_then = _sort(self.engine.session.failure)
        self.show_session()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the registry's rule decide about its own commands; a key always gets as far as `action_command`."""
        command = BY_ID[str(parameters[0])] if action == "command" else BY_ACTION.get(action)
        if command is None or command.unavailable(self.context()) is None:
            return True
        if OVER.get(self.PLACE) in command.places:
            return False  # what lies below has its key while it cannot be used
        return True if action == "command" else None

    async def action_command(self, command_id: str) -> None:
        """Do what a key or the palette asks for, or say why that is not possible now."""
        command = BY_ID[command_id]
        reason = command.unavailable(self.context())
        if reason is None:
            if command_id in OPENS_FORM:
                self.app.key_order.expect_screen()
            await self.run_action(command.action)
        else:
            self._explain(command, reason)

    def _explain(self, command: Command, reason: str) -> None:
        text = f"{self.key_of(command.id) or command.label}: {reason}"
        if command.instead is not None:
            other, does = command.instead
            if BY_ID[other].unavailable(self.context()) is None:
                text = f"{text}; {self.key_of(other)} {does}"
        for bar in self.query(KeyBar):
            bar.say(text)

    def forget_explanation(self) -> None:
        """Show the keys again after a key that could not be used; the app calls it at the next key."""
        for bar in self.query(KeyBar):
            bar.say("")

    def key_of(self, command_id: str) -> str:
        """Return the first key a command has here as a person reads it, for texts that name it: `!`."""
        return self.app.keymap.shown(command_id, self.PLACE).partition(" ")[0]

    def on_mount(self) -> None:
        """Bind the keys in force; show header and keys at once and again as time goes by."""
        # Not by the framework's own keymap: that would take a letter away from the field one types in.
        self._bindings = BindingsMap.merge([BindingsMap(bindings_of(self.PLACE, self.app.keymap)), self._bindings])
        self.show_session()
        self.set_interval(1.0, self.show_session)

    def on_resize(self, event: events.Resize) -> None:
        """Drop the figures where the line is short."""
        for around in self.query("HeaderBar, FailureLine"):
            around.set_class(event.size.width < _ROOMY, "-narrow")
        self.show_session()

    def on_session_changed(self, event: SessionChanged) -> None:
        """Follow the engine's session."""
        self.show_session()

    def show_session(self) -> None:
        """Draw header, failure and keys from the session; parts that did not change are not painted."""
        if not self.query(HeaderBar):
            return
        session, now = self.engine.session, self.now_ms()
        paused = session.paused_since_ms
        place = f"{session.connection.name} / {session.sandbox_name}"
        if self.size.width >= _ROOMY:
            place = f"{place}  {fit_id(session.connection.org_id.partition('@')[0], _ORGANIZATION)}"
        self.query_one(HeaderBar).show(
            place=safe_text(f"{place}  {self.crumb()}".rstrip()),
            policy=session.policy.value,
            figures=figures(
                running=session.running,
                failed=session.failed_recently,
                stuck=session.stuck,
                narrow=self.size.width < _ROOMY,
            ),
            fresh=freshness(
                now_ms=now,
                last_ok_ms=session.last_ok_ms,
                held_ms=session.last_ok_ms or session.held_ms,
                next_try_ms=session.next_try_ms,
                paused_since=absolute(paused)[11:16] if paused is not None else None,
                failure=session.failure,
            ),
        )
        failure = self.failure
        hint = f"{self.key_of('failure.show')} shows all"
        if failure is session.failure and self.size.width >= _ROOMY:
            # Where room is short the header alone counts down.
            hint = f"{countdown(session.next_try_ms, now)}, {hint}".removeprefix(", ")
        self.query_one(FailureLine).say(f"! {failure_line(failure)}" if failure is not None else "", hint)
        self.show_keys()

    def crumb(self) -> str:
        """Return where this screen is, for the header: `jobs > 24115 > errors`."""
        return self.CRUMB

    def show_keys(self) -> None:
        """Draw the footer from the registry: only keys that work now, none that a field takes as text."""
        types = isinstance(self.focused, Input)
        keys = [
            (working[0], command.label)
            for command, keys in usable(self.PLACE, self.context(), self.app.keymap)
            if command.footer
            and (working := [key for key in keys if not types or not (is_text(key) or key == "enter")])
        ]
        # Help stays when room is short: it is what tells of the keys that were left out.
        keys.sort(key=lambda pair: pair[1] == "Keys")
        for bar in self.query(KeyBar):
            bar.show(keys)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show other keys where one types."""
        self.show_keys()

    def say(self, text: str, *, title: str = "", severe: bool = False) -> None:
        """Notify; the text may be hostile."""
        self.app.notify(
            safe_text(text), title=safe_text(title), severity="error" if severe else "information", markup=False
        )

    async def confirmed(self, question: str, *, detail: str = "", yes: str = "Yes") -> bool:
        """Ask before something that cannot be taken back; in a protected sandbox its name must be typed.

        Only inside a worker.
        """
        session = self.engine.session
        typed = session.sandbox_name if session.policy is Policy.PROTECTED else None
        answer = await self.app.push_screen_wait(Confirm(question, detail=detail, yes=yes, typed=typed))
        return answer is True

    def action_help(self) -> None:
        """Show all keys of this place."""
        from tui_app.tui.screens.keys import KeysScreen  # noqa: PLC0415 - the first paint does without

        self.app.push_screen(KeysScreen(self.PLACE, self.context(), self.app.keymap))

    def action_palette(self) -> None:
        """Search every command."""
        self.app.action_command_palette()

    def action_connection_switch(self) -> None:
        """Choose another connection or sandbox."""
        self.app.switch_connection()

    def action_failure_show(self) -> None:
        """Show all of the last failure."""
        if self.failure is not None:
            self.app.push_screen(FailureDialog(self.failure))

    def action_back(self) -> None:
        """Leave this screen."""
        self.dismiss()

    def action_leave(self) -> None:
        """Leave this screen."""
        self.action_back()

    def action_live_pause(self) -> None:
        """Freeze or thaw the list."""
        monitor = self.engine.monitor
        if self.engine.session.paused_since_ms is None:
            monitor.pause()
        else:
            monitor.resume()

    def action_time_style(self) -> None:
        """Switch between ages and times everywhere."""
        self.app.absolute_times = not self.app.absolute_times

    @work(group="psql", exclusive=True)
    async def action_psql_open(self) -> None:
        """Give the terminal to the person's own psql; the token is in its environment alone."""
        from tui_app.models.query import psql_environment  # noqa: PLC0415 - the first paint does without

        program = shutil.which("psql")
        if program is None:
            self.say(
                "psql is not on PATH. Install PostgreSQL's client (postgresql-client), then try again.", severe=True
            )
            return
        try:
            found = await self.engine.queries.connection_parameters()
        except FailureError as error:
            self.fail(error.failure)
            return
        try:
            with self.app.suspend():
                # ctrl-c is psql's while it has the terminal.
                before = signal.signal(signal.SIGINT, signal.SIG_IGN)
                try:
                    environ = psql_environment(os.environ, found.environment)
                    subprocess.run([program], env=environ, check=False)  # noqa: ASYNC221, S603 - nothing may paint meanwhile; found on the PATH
                finally:
                    signal.signal(signal.SIGINT, before)
        except SuspendNotSupported:
            self.say("This terminal cannot be given away. Run: aepx query --psql", severe=True)

    @work(group="create")
    async def action_dataset_new(self) -> None:
        """Open the form for a dataset; its id can be taken into a new job."""
        from tui_app.tui.screens.new_dataset import NewDatasetScreen  # noqa: PLC0415 - the first paint does without

        dataset_id = await self.app.push_screen_wait(NewDatasetScreen())
        if dataset_id:
            self.open_new_job(dataset_id=dataset_id)

    @work(group="create")
    async def action_job_new(self) -> None:
        """Open the form for a job; where there are templates, ask first what to begin from."""
        from tui_app.config.templates import TemplateError  # noqa: PLC0415 - the first paint does without
        from tui_app.tui.screens.beginning import Beginning, ask_beginning, has_templates  # noqa: PLC0415 - as above

        beginning: Beginning | None = Beginning()
        if await has_templates(self.app):
            try:
                beginning = await ask_beginning(self.app)
            except TemplateError as error:
                self.say(str(error), severe=True)
                return
        if beginning is not None:
            self.open_new_job(beginning=beginning)

    @work(group="create")
    async def open_new_job(
        self, *, dataset_id: str = "", clone_of: str = "", beginning: Beginning | None = None
    ) -> None:
        """Open the form, from a starting point, a dataset, or as the clone of a job; then show the job made."""
        from tui_app.tui.screens.new_job import NewJobScreen  # noqa: PLC0415 - the first paint does without

        request: ExportRequest | None = None
        missing: tuple[str, ...] = ()
        if clone_of:
            try:
                request, missing = await self.engine.jobs.request_of(clone_of)
            except FailureError as error:
                self.fail(error.failure)
                return
        job_id = await self.app.push_screen_wait(
            NewJobScreen(
                request=request, unknown=missing, dataset_id=dataset_id, clone_of=clone_of, beginning=beginning
            )
        )
        if job_id:
            self.app.open_job(job_id)

    @work(group="cancel")
    async def cancel_job(self, job_id: str, described: str) -> None:
        """Ask, then ask the platform to cancel a job."""
        if not await self.confirmed(f"Cancel export job {job_id}?", detail=described, yes="Cancel the job"):
            return
        try:
            message = await self.engine.jobs.cancel(job_id)
        except FailureError as error:
            self.fail(error.failure)
            self.say(str(error.failure), severe=True)
            return
        self.fail(None)
        self.say(message or f"Cancel of job {job_id} requested. It runs on until the platform says CANCELLED.")


def bindings_of(place: str, keymap: Keymap) -> list[Binding]:
    """Return a place's key bindings, made from the registry and the keys in force."""
    return [
        Binding(
            key,
            f"command({command.id!r})",
            command.label,
            show=command.footer,
            id=command.id,
            tooltip=command.help,
        )
        for command, own in reachable(place)
        for key in keymap.keys(command.id, own)
    ]


def _sort(failure: Failure | None) -> tuple[object, ...] | None:
    """Return what tells one outage from another; not the cause, whose wording may change from answer to answer."""
    return None if failure is None else (failure.kind, failure.http_status, failure.code)

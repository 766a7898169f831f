"""Owns what all screens share: the lines around them, commands and their availability, and hearing of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import work
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui_app.clock import now_ms
from tui_app.engine.session import Policy
from tui_app.models.failure import Failure, FailureError
from tui_app.present.failures import countdown, failure_line, freshness
from tui_app.present.times import absolute
from tui_app.text import fit_id, safe_text
from tui_app.tui.commands import BY_ACTION, BY_ID, Context, bindings_of, commands_of, keys_in, show_key
from tui_app.tui.screens.dialogs import Confirm, FailureDialog
from tui_app.tui.widgets.status_bar import FailureLine, HeaderBar, KeyBar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from tui_app.engine.engine import Engine
    from tui_app.models.export_request import ExportRequest
    from tui_app.tui.bridge import SessionChanged
    from tui_app.tui.screens.host import HostApp

R = TypeVar("R")
LEAST_WIDTH = 60
LEAST_HEIGHT = 15
_ROOMY = 100
_ORGANIZATION = 11


class PlaceScreen(Screen[R]):
    """A screen with header, failure line and key bar; `PLACE` names it in the command registry."""

    PLACE: ClassVar[str] = ""
    CRUMB: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = []
    app: HostApp

    DEFAULT_CSS = """
    PlaceScreen #too-small { display: none; }
    PlaceScreen.-too-small #place-body { display: none; }
    PlaceScreen.-too-small #too-small { display: block; }
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        if "PLACE" in cls.__dict__ and cls.PLACE:
            cls.BINDINGS = [*bindings_of(cls.PLACE), *cls.__dict__.get("BINDINGS", ())]
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]  # the framework's own keywords pass through

    def compose(self) -> ComposeResult:
        """Put the place's own widgets between header and footer."""
        yield Static(Content(f"aepx needs a terminal of at least {LEAST_WIDTH}x{LEAST_HEIGHT}"), id="too-small")
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
        """The failure to show on this screen: its own last one, else the connection's."""
        return self._own_failure or self.engine.session.failure

    _own_failure: Failure | None = None

    def fail(self, failure: Failure | None) -> None:
        """Show a failure of something done on this screen until the next one, or clear it with None."""
        self._own_failure = failure
        self.show_session()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the registry's rule decide about its own commands."""
        command = BY_ACTION.get(action)
        if command is None or self.PLACE not in command.places:
            return True
        return True if command.unavailable(self.context()) is None else None

    def on_mount(self) -> None:
        """Show header and keys at once and again as time goes by."""
        self.show_session()
        self.set_interval(1.0, self.show_session)

    def on_resize(self, event: events.Resize) -> None:
        """Fold to one plain line where nothing sensible fits; drop the figures where the line is short."""
        self.set_class(event.size.width < LEAST_WIDTH or event.size.height < LEAST_HEIGHT, "-too-small")
        for header in self.query(HeaderBar):
            header.set_class(event.size.width < _ROOMY, "-narrow")

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
            figures=f"{session.running:,} running  {session.failed_recently:,} failed 24h",
            fresh=freshness(
                now_ms=now,
                last_ok_ms=session.last_ok_ms,
                next_try_ms=session.next_try_ms,
                paused_since=absolute(paused)[11:16] if paused is not None else None,
                failure=session.failure,
            ),
        )
        failure = self.failure
        line = ""
        if failure is not None:
            retry = countdown(session.next_try_ms, now) if failure is session.failure else ""
            key = show_key(keys_in(BY_ID["failure.show"], self.PLACE)[0])
            line = f"! {failure_line(failure)}{retry}  ({key} shows all)"
        self.query_one(FailureLine).say(line)
        self.show_keys()

    def crumb(self) -> str:
        """Return where this screen is, for the header: `jobs > 24115 > errors`."""
        return self.CRUMB

    def show_keys(self) -> None:
        """Draw the footer from the registry: only keys that work now."""
        context = self.context()
        keys = [
            (keys_in(command, self.PLACE)[0], command.label)
            for command in commands_of(self.PLACE)
            if command.footer and command.unavailable(context) is None
        ]
        # Help stays when room is short: it is what tells of the keys that were left out.
        keys.sort(key=lambda pair: pair[1] == "Keys")
        for bar in self.query(KeyBar):
            bar.show(keys)

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

        self.app.push_screen(KeysScreen(self.PLACE, self.context()))

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

    @work(group="create")
    async def action_dataset_new(self) -> None:
        """Open the form for a dataset; its id can be taken into a new job."""
        from tui_app.tui.screens.new_dataset import NewDatasetScreen  # noqa: PLC0415 - the first paint does without

        dataset_id = await self.app.push_screen_wait(NewDatasetScreen())
        if dataset_id:
            self.open_new_job(dataset_id=dataset_id)

    def action_job_new(self) -> None:
        """Open the form for a job."""
        self.open_new_job()

    @work(group="create")
    async def open_new_job(self, *, dataset_id: str = "", clone_of: str = "") -> None:
        """Open the form, from nothing, from a dataset, or as the clone of a job; then show the job made."""
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
            NewJobScreen(request=request, unknown=missing, dataset_id=dataset_id, clone_of=clone_of)
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

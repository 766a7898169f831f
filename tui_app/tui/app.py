"""Owns the running terminal app: which engine is in use, which screen is up, what is watched; holds no job data."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import events, work
from textual._compositor import ChopsUpdate
from textual.command import CommandPalette

from tui_app.engine.session import Topic
from tui_app.models.export_job import is_terminal
from tui_app.models.failure import FailureError
from tui_app.present.status import badge
from tui_app.text import safe_text
from tui_app.tui.bridge import Bridge
from tui_app.tui.commands import LIST, effective_keymap
from tui_app.tui.endings import end_on_signals
from tui_app.tui.exact_update import ExactUpdate
from tui_app.tui.key_order import KeyOrder, KeyUsed
from tui_app.tui.screens.base import PlaceScreen
from tui_app.tui.screens.dialogs import Pick, TextDialog
from tui_app.tui.screens.host import HostApp
from tui_app.tui.screens.job_list import JobListScreen
from tui_app.tui.screens.palette import CommandProvider
from tui_app.tui.screens.room import fits
from tui_app.tui.themes import THEMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import RenderableType
    from textual.screen import Screen

    from tui_app.config.templates import Templates
    from tui_app.engine.engine import Engine
    from tui_app.engine.jobs import Settlement
    from tui_app.models.catalog import Sandbox
    from tui_app.tui.screens.job_list import ListPlace

_IDLE_AFTER_S = 600.0
_FAULTS_SHOWN = 3
_LEAVING = ("quit", "leave", "back")
_SETTLE_AGAIN_S = 30.0


class Workspaces(Protocol):
    """How the app opens another connection or sandbox; `wiring` knows how."""

    @property
    def connections(self) -> Sequence[str]:
        """Return the names of the connections that are configured."""
        ...

    @property
    def templates(self) -> Templates:
        """Return the requests kept under a name."""
        ...

    async def sandboxes(self, connection_name: str) -> tuple[Sandbox, ...]:
        """Ask the platform which sandboxes a connection may use.

        Raises:
            FailureError: it could not be asked.
        """
        ...

    async def open(
        self, connection_name: str, sandbox_name: str, *, told: Callable[[str], None] | None = None
    ) -> Engine:
        """Return an opened engine that is not started; `told` hears on another thread what takes long.

        Raises:
            FailureError: its history cannot be opened.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Whereabouts:
    """What was open in a sandbox when it was left for another one."""

    list: ListPlace | None = None
    jobs: tuple[tuple[str, str], ...] = ()
    """Ids of the jobs that were open, one over the other, and the pane of each."""
    watched: Mapping[str, str] = field(default_factory=dict)


def _workspace(engine: Engine) -> tuple[str, str]:
    return engine.session.connection.name, engine.session.sandbox_name


class AepxApp(HostApp):
    """The app on one engine at a time; `wiring` gives the first and opens others."""

    TITLE = "aepx"
    COMMANDS: ClassVar = {CommandProvider}
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    AUTO_FOCUS = None
    CSS_PATH: ClassVar = ["app.tcss"]

    def __init__(
        self,
        engine: Engine,
        workspaces: Workspaces,
        *,
        theme: str = "aepx-dark",
        absolute_times: bool = False,
        keys: Mapping[str, str] | None = None,
        live: bool = True,
    ) -> None:
        """Make the app.

        Args:
            engine: opened, not started; stopped by `shutdown`.
            workspaces: for switching connection and sandbox.
            theme: name of one of the themes.
            absolute_times: show times instead of ages.
            keys: remapped keys by command id.
            live: start the engine's loops; off for pictures of a moment.
        """
        super().__init__()
        self.engine = engine
        self.workspaces = workspaces
        self.templates = workspaces.templates
        self._live = live
        self.keymap = effective_keymap(keys or {})
        # Without the framework's own screen at the bottom, which would repaint all for each message that it gets.
        self._bridge = Bridge(lambda: self.screen_stack[1:])
        self.key_order = KeyOrder(self)
        self._input_at = engine.clock.monotonic()
        self._notices_told = 0
        self.watched: dict[str, str] = {}
        self._left: dict[tuple[str, str], _Whereabouts] = {}
        for one in THEMES:
            self.register_theme(one)
        self.theme = theme if theme in self.available_themes else "aepx-dark"
        self.set_reactive(HostApp.absolute_times, absolute_times)

    def on_mount(self) -> None:
        """Show the list from history at once; then go live."""
        end_on_signals(self)
        self.set_interval(60, self._notice_absence)
        self._use(self.engine)
        self._tell_of_keys()
        if self._live:
            # The loops, with an HTTP stack to import, would take 30 ms from the first frame.
            self.screen.call_after_refresh(self._go_live)

    def _tell_of_keys(self) -> None:
        faults = self.keymap.faults
        more = len(faults) - _FAULTS_SHOWN
        told = [*map(str, faults[:_FAULTS_SHOWN]), *([f"And {more} more: aepx config check"] if more > 0 else ())]
        for text in told:
            self.notify(safe_text(text), severity="warning", timeout=20, markup=False)

    def action_help_quit(self) -> None:
        """Say how to leave to whoever presses ctrl-c, which copies where one types and must not end anything."""
        quits, back = (
            self.keymap.shown("quit", LIST).partition(" ")[0],
            self.keymap.shown("back", LIST).partition(" ")[0],
        )
        self.notify(
            safe_text(f"{quits} leaves aepx from the list, {back} goes back there; ctrl-q leaves at once."),
            markup=False,
        )

    async def shutdown(self) -> None:
        """Stop the engine; for whoever ran the app, after it ended."""
        self._bridge.detach()
        await self.engine.stop()

    def open_job(self, job_id: str, *, pane: str = "overview") -> None:
        """Show one job."""
        from tui_app.tui.screens.job_detail import JobDetailScreen  # noqa: PLC0415 - the first paint does without

        self.push_screen(JobDetailScreen(job_id, pane=pane))

    def watch_job(self, job_id: str, status: str) -> bool:
        """Start or stop telling when a job ends; return whether it is watched now."""
        if self.watched.pop(job_id, None) is not None:
            return False
        self.watched[job_id] = status
        return True

    def watch_absolute_times(self) -> None:
        """Let every screen write its times anew."""
        for screen in self.screen_stack if self.is_running else ():
            if isinstance(screen, JobListScreen):
                screen.restyle_times()

    async def on_event(self, event: events.Event) -> None:
        """Notice that somebody is there, then let the framework have the event."""
        if isinstance(event, events.InputEvent):
            self._input_at = self.engine.clock.monotonic()
            self.engine.monitor.set_away(False)
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self.key_order.must_wait(event):
                return
            if not fits(self.size) and not self._may_act_unseen(event.key):
                self.key_order.dropped()
                return
            if isinstance(self.screen, PlaceScreen):
                self.screen.forget_explanation()
        elif isinstance(event, events.Resize) and not fits(event.size) and isinstance(self.screen, CommandPalette):
            self.screen.dismiss()
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        target = self.focused or self.screen
        await super().on_event(event)
        self.key_order.went(event, target)

    def on_key_used(self, event: KeyUsed) -> None:
        """Let the next key go where the one before has put the focus."""
        self.key_order.used(event)

    def _may_act_unseen(self, key: str) -> bool:
        """Tell whether a key counts where the terminal is too small to show what it would do: only to leave."""
        if key in ("ctrl+q", "ctrl+c"):
            return True
        screen = self.screen
        return isinstance(screen, PlaceScreen) and any(key in self.keymap.keys(one, screen.PLACE) for one in _LEAVING)

    def _notice_absence(self) -> None:
        if self.engine.clock.monotonic() - self._input_at > _IDLE_AFTER_S:
            self.engine.monitor.set_away(True)

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Ask less often while nobody looks."""
        self.engine.monitor.set_away(True)

    def on_app_focus(self, event: events.AppFocus) -> None:
        """Ask at once and at the usual pace again."""
        self.engine.monitor.set_away(False)

    @work(group="switch", exclusive=True)
    async def switch_connection(self) -> None:
        """Choose connection and sandbox, then begin there with what its history holds."""
        session = self.engine.session
        names = self.workspaces.connections
        name: str | None = session.connection.name
        if len(names) > 1:
            name = await self.push_screen_wait(Pick("Connection", [(one, one) for one in names], chosen=name or ""))
        if name is None:
            return
        try:
            sandboxes = await self.workspaces.sandboxes(name)
        except FailureError as error:
            self.notify(safe_text(str(error.failure)), severity="error", markup=False)
            return
        if not sandboxes:
            self.notify(
                "This credential may use no sandbox. Ask an administrator for a role with access to one.",
                severity="error",
                markup=False,
            )
            return
        items = [(one.name, f"{one.name}  {one.type or ''}  {one.title or ''}") for one in sandboxes]
        chosen = await self.push_screen_wait(Pick(f"Sandbox of {name}", items, chosen=session.sandbox_name))
        if chosen is None or (name, chosen) == (session.connection.name, session.sandbox_name):
            return
        try:
            engine = await self.workspaces.open(
                name, chosen, told=lambda text: self.call_from_thread(self.notify, safe_text(text), markup=False)
            )
        except FailureError as error:
            self.notify(safe_text(str(error.failure)), severity="error", markup=False)
            return
        await self._switch_to(engine)

    async def _switch_to(self, engine: Engine) -> None:
        old = self.engine
        self._left[_workspace(old)] = self._whereabouts()
        self._bridge.detach()
        while len(self.screen_stack) > 2:  # noqa: PLR2004 - the framework's own screen and the list
            await self.pop_screen()
        await self.pop_screen()
        self.engine = engine
        self._use(engine)
        self._go_live()
        await old.stop()

    def _use(self, engine: Engine) -> None:
        """Show an engine's jobs, where somebody who comes back left them."""
        left = self._left.pop(_workspace(engine), _Whereabouts())
        self.watched.clear()
        self.watched.update(left.watched)
        self._bridge.attach(engine)
        engine.subscribe(self._hear)
        self.push_screen(JobListScreen(left=left.list))
        for job_id, pane in left.jobs:
            self.open_job(job_id, pane=pane)
        self._notices_told = 0
        self._tell_notices()

    def _whereabouts(self) -> _Whereabouts:
        from tui_app.tui.screens.job_detail import JobDetailScreen  # noqa: PLC0415 - the first paint does without

        stack = self.screen_stack
        return _Whereabouts(
            list=next((one.place() for one in stack if isinstance(one, JobListScreen)), None),
            jobs=tuple((one.job_id, one.pane) for one in stack if isinstance(one, JobDetailScreen)),
            watched=dict(self.watched),
        )

    @work(group="live")
    async def _go_live(self) -> None:
        engine = self.engine
        try:
            await engine.start()
        except FailureError as error:
            self.notify(safe_text(str(error.failure)), severity="error", timeout=60, markup=False)
            return
        said = False
        while True:
            try:
                settled = await engine.jobs.settle_open()
                break
            except FailureError as error:
                if not said:
                    self.notify(safe_text(str(error.failure)), severity="warning", timeout=20, markup=False)
                said = True
                await engine.clock.sleep(_SETTLE_AGAIN_S)
        self._tell_settled([_settled(one, self.keymap.shown("job.new", LIST)) for one in settled])

    def _tell_settled(self, found: Sequence[tuple[str, str]]) -> None:
        """Say what became of lost creations; never over something a person is in the middle of."""
        if found and isinstance(self.screen, JobListScreen) and not self.screen.is_typing:
            self.push_screen(TextDialog("Creations whose answer was lost", found))
        else:
            for label, text in found:
                self.notify(safe_text(text), title=safe_text(label), severity="warning", timeout=60, markup=False)

    def _hear(self, topic: Topic) -> None:
        if topic is Topic.JOBS and self.watched:
            self._look_at_watched()
        elif topic is Topic.SESSION:
            self._tell_notices()

    def _tell_notices(self) -> None:
        notices = self.engine.session.notices
        for notice in notices[self._notices_told :]:
            self.notify(safe_text(notice), severity="warning", timeout=20, markup=False)
        self._notices_told = len(notices)

    @work(group="watched", exclusive=True)
    async def _look_at_watched(self) -> None:
        for job_id in tuple(self.watched):
            summary = await self.engine.list.summary(job_id)
            if summary is not None and is_terminal(summary.status):
                self.watched.pop(job_id, None)
                text = f"Export job {job_id} ended {badge(summary.status)}."
                if summary.error:
                    text = f"{text} {summary.error}"
                severe = summary.status == "FAILED"
                self.notify(safe_text(text), severity="error" if severe else "information", timeout=30, markup=False)
                self.bell()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write a partial repaint exactly; the framework has no public place for that."""
        if isinstance(renderable, ChopsUpdate):
            renderable = ExactUpdate.of(renderable)
        super()._display(screen, renderable)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by the terminal's own means (OSC 52), wrapped where tmux or screen would swallow it."""
        super().copy_to_clipboard(text)
        if self._driver is not None and "TMUX" in os.environ and not self.is_headless:
            import base64  # noqa: PLC0415 - only when copying under tmux

            data = base64.b64encode(text.encode()).decode("ascii")
            self._driver.write(f"\x1bPtmux;\x1b\x1b]52;c;{data}\a\x1b\\")


def _settled(one: Settlement, new_key: str) -> tuple[str, str]:
    dataset = one.body.get("destination", {}).get("datasetId", "?")
    label = f"create {one.intent_id} into dataset {dataset}"
    if one.made is not None:
        return label, f"The platform made it: export job {one.made.job_id}, {one.made.status}."
    if not one.candidates:
        return label, f"No job was made. Press {new_key} to create it again."
    ids = ", ".join(job.job_id for job in one.candidates)
    return label, f"Several jobs could be it: {ids}. Look at them before you create another."

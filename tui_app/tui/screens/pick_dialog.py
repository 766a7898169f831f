"""Owns what pickers share: a field that searches as one types, many lines, what is said of one, and reading anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui_app.text import fit, safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.form import TextField
from tui_app.tui.widgets.pick_list import PickList
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from tui_app.present.text_lines import TextLine
    from tui_app.tui.bridge import LookupsChanged

R = TypeVar("R")
_LATER_S = 0.4
"""While pages come in, the list is read again no more often than so."""
_DETAIL_LINES = 5
_READING = "reading…"
_LOW = 20
"""Below so many lines of the screen, details give way to the list."""


class Reading(Protocol):
    """Where a picker's things are from; the answers may be hostile."""

    def state(self) -> str:
        """Return in one line how far what was shown last can be relied on."""
        ...

    async def refresh(self) -> None:
        """Read them anew from the platform; failures are told by `state`."""
        ...


class PickDialog(Dialog[R], Generic[R]):
    """A field over a list; what is typed narrows the list, and the field keeps the focus."""

    PLACEHOLDER: ClassVar[str] = "type to search, or an id"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False, id="pick.down"),
        Binding("up", "move(-1)", "Up", show=False, id="pick.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="pick.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="pick.page_up"),
        Binding("ctrl+home", "edge(-1)", "First", show=False, id="pick.first"),
        Binding("ctrl+end", "edge(1)", "Last", show=False, id="pick.last"),
        Binding("ctrl+r", "reread", "Read anew", show=False, id="pick.refresh", priority=True),
    ]
    # An opaque background, because blending the screen below takes a third of the time that opening may take.
    DEFAULT_CSS = """
    PickDialog { background: $background; }
    PickDialog > .dialog-box { width: 110; height: 90%; }
    PickDialog #pick-detail { height: auto; max-height: 5; color: $text-muted; border-top: solid $panel; }
    PickDialog.-low #pick-detail { display: none; }
    PickDialog #pick-state { color: $text-muted; }
    PickDialog #pick-state.-role-failed { color: $text-error; }
    """

    def __init__(self, title: str, source: Reading) -> None:
        super().__init__()
        self._title, self._reading = title, source
        self._is_loaded = False
        self._said = ""
        self._is_due = False

    # What a picker is made of

    async def load(self) -> None:
        """Take from the source what it knows now."""
        raise NotImplementedError

    def search(self, text: str) -> int:
        """Narrow the lines to what a text finds and return on which the cursor should be."""
        raise NotImplementedError

    def count(self) -> int:
        """Return how many lines there are now."""
        raise NotImplementedError

    def draw(self, place: int, width: int, is_cursor: bool) -> TextLine:  # noqa: FBT001 - the list's own signature
        """Return one line."""
        raise NotImplementedError

    def detail(self, place: int) -> str:
        """Return what is to be said of a line, in a few lines."""
        raise NotImplementedError

    def note(self) -> str:
        """Return what stands before the state, with blanks behind it."""
        return ""

    def keys(self) -> str:
        """Return what the keys do."""
        raise NotImplementedError

    def take(self) -> None:
        """Answer, or say why not."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out title, field, list, details, state and keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            yield TextField(placeholder=self.PLACEHOLDER, id="pick-search")
            yield PickList(self.draw, id="pick-list")
            yield Static(id="pick-detail", markup=False)
            yield Line(id="pick-state")
            yield Line(id="pick-keys", classes="dialog-text")

    def on_mount(self) -> None:
        """Show what is known, and read what is not."""
        self.field.focus()
        self.query_one("#pick-keys", Line).show(self.keys())
        self._load()

    @property
    def field(self) -> TextField:
        """Where one types."""
        return self.query_one("#pick-search", TextField)

    @property
    def list(self) -> PickList:
        """The lines."""
        return self.query_one(PickList)

    # Reading

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        await self.load()
        self._is_loaded = True
        # What was said of a line stays until the next key, whatever comes in meanwhile.
        if self._said == _READING:
            self._said = ""
        self._fill(self.search(self.field.value))

    def on_lookups_changed(self, event: LookupsChanged) -> None:
        """Read again what is known, after a while: pages may come in fast."""
        if not self._is_due:
            self._is_due = True
            self.set_timer(_LATER_S, self._load_again)

    def _load_again(self) -> None:
        self._is_due = False
        self._load()

    @work(group="refresh", exclusive=True)
    async def action_reread(self) -> None:
        """Ask the platform anew."""
        self.say(_READING)
        await self._reading.refresh()
        self._load()

    # Following what is typed

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search for what is typed."""
        self._said = ""
        self._fill(self.search(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take by enter."""
        event.stop()
        self.take()

    def on_pick_list_clicked(self, event: PickList.Clicked) -> None:
        """Take by a click on the line under the cursor."""
        self.take()

    def _fill(self, cursor: int) -> None:
        self.list.show_all(self.count(), cursor)
        self.describe()

    def describe(self) -> None:
        """Say what is to be said of the line under the cursor, and how far the list can be relied on."""
        count, place = self.count(), self.list.cursor
        lines = self.detail(place).splitlines()[:_DETAIL_LINES] if count else []
        width = max(1, self.query_one("#pick-detail").size.width)
        text = "\n".join(fit(safe_text(line), width).rstrip() for line in lines)
        self.query_one("#pick-detail", Static).update(Content(text))
        if self._said:
            self.query_one("#pick-state", Line).show(safe_text(self._said), "failed")
            return
        where = f"{place + 1:,} of {count:,}   " if count else ""
        state = self._reading.state() if self._is_loaded else _READING
        self.query_one("#pick-state", Line).show(safe_text(f"{self.note()}{where}{state}"))

    def say(self, text: str) -> None:
        """Say something in place of the state until the next key."""
        self._said = text
        self.describe()

    def on_resize(self, event: events.Resize) -> None:
        """Give the list the lines of the details where there are few."""
        self.set_class(event.size.height < _LOW, "-low")
        self.call_after_refresh(self.describe)

    # Moving

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.go_to(self.list.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.go_to(self.list.cursor + by * self.list.page)

    def action_edge(self, side: int) -> None:
        """Move the cursor to the first line or the last."""
        self.go_to(0 if side < 0 else self.count() - 1)

    def go_to(self, place: int) -> None:
        """Put the cursor on a line."""
        self._said = ""
        self.list.go_to(place)
        self.describe()

"""Owns the dialog of saved views: show, save, name, give a key, remove."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_app.engine.views import KEYS, NAME_MOST, name_fault
from tui_app.models.failure import FailureError
from tui_app.models.view import SavedView, View
from tui_app.present.views import order_text, suggested_name, view_text
from tui_app.text import cell_width, fit, safe_text
from tui_app.tui.screens.dialogs import Confirm, Dialog
from tui_app.tui.widgets.form import TextField

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from textual import events
    from textual.app import ComposeResult

    from tui_app.engine.views import Views

_NAME_LEAST: Final = 8
_ORDER_MOST: Final = 24
_MARGIN: Final = 4
"""Cells beside an option: its padding, and the scrollbar."""
_KEYS: Final = "enter show  s save this one  1-9 key  r rename  x remove  esc back"
_EMPTY: Final = "No saved views yet. s saves the filter, order and columns that the list shows now."


class ViewList(OptionList, inherit_bindings=False):
    """The saved views, one a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False, id="views.up"),
        Binding("down,j", "cursor_down", "Down", show=False, id="views.down"),
        Binding("home,g", "first", "First", show=False, id="views.first"),
        Binding("end,G", "last", "Last", show=False, id="views.last"),
        Binding("pageup", "page_up", "Page up", show=False, id="views.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="views.page_down"),
        Binding("enter", "select", "Show", show=False, id="views.show"),
    ]


class NameDialog(Dialog[str]):
    """Asks for the name of a view; says why one will not do."""

    DEFAULT_CSS = """
    NameDialog #name-wrong { height: auto; color: $text-error; }
    """

    def __init__(self, title: str, *, value: str, taken: Sequence[str] = (), may_replace: bool) -> None:
        """Make the question.

        Args:
            title: what is named; may hold remote text.
            value: the name to begin with.
            taken: names that views have already.
            may_replace: a taken name replaces that view, instead of being refused.
        """
        super().__init__()
        self._title, self._value, self._may_replace = title, value, may_replace
        self._taken = {one.casefold() for one in taken}

    def compose(self) -> ComposeResult:
        """Lay out title, field and what is to be said of the name."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            yield TextField(self._value, placeholder=f"a name of up to {NAME_MOST} characters", id="name-field")
            yield Static(id="name-wrong", markup=False)
            yield Static(Content("enter takes the name   esc back"), classes="dialog-text")

    def on_mount(self) -> None:
        """Mark the name proposed, so that typing takes its place; left and right keep it."""
        self.query_one(TextField).select_all()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what the name would mean."""
        is_taken = event.value.strip().casefold() in self._taken
        said = (
            "A view has that name; enter asks whether to replace it."
            if self._may_replace
            else "Another view has that name."
        )
        self._say(said if is_taken else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the name, if it will do."""
        name = event.value.strip()
        if fault := name_fault(name):
            self._say(fault)
        elif self._may_replace or name.casefold() not in self._taken:
            self.dismiss(name)

    def _say(self, text: str) -> None:
        self.query_one("#name-wrong", Static).update(Content(text))


class ViewsDialog(Dialog[SavedView]):
    """Lists the saved views and answers with the one to show."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save this view", show=False, id="views.save"),
        Binding("r", "rename", "Rename", show=False, id="views.rename"),
        Binding("x,delete", "remove", "Remove", show=False, id="views.remove"),
        Binding("0", "key('0')", "No key", show=False, id="views.no_key"),
        *(Binding(key, f"key({key!r})", f"Key {key}", show=False, id=f"views.key_{key}") for key in KEYS),
    ]
    DEFAULT_CSS = """
    ViewsDialog > .dialog-box { width: 110; }
    ViewsDialog #views-now { height: auto; max-height: 2; color: $text-muted; margin-bottom: 1; }
    ViewsDialog #views-said { height: auto; }
    ViewsDialog #views-said.-wrong { color: $text-error; }
    """

    def __init__(self, views: Views, current: View, *, labels: Mapping[str, str]) -> None:
        """Make the list.

        Args:
            views: where they are kept.
            current: what the list shows now, for saving.
            labels: the columns' labels by key, to name an order by.
        """
        super().__init__()
        self._views, self._current, self._labels = views, current, labels
        self._saved: tuple[SavedView, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay out what is shown now, the saved views, what happened last, and the keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content("Views"), classes="dialog-title")
            yield Static(Content(f"now: {view_text(self._current, self._labels)}"), id="views-now")
            yield ViewList(id="views-list", classes="dialog-scroll", markup=False)
            yield Static(id="views-said", markup=False)
            yield Static(Content(_KEYS), classes="dialog-text")

    def on_mount(self) -> None:
        """Read the views."""
        self._list.focus()
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        """Cut the lines anew."""
        self.call_after_refresh(self._show, None)

    @property
    def _list(self) -> ViewList:
        return self.query_one(ViewList)

    @property
    def _chosen(self) -> SavedView | None:
        place = self._list.highlighted
        return self._saved[place] if place is not None and place < len(self._saved) else None

    @work(group="views")
    async def _read(self) -> None:
        self._saved = await self._views.saved()
        self._show(None)
        self._say("" if self._saved else _EMPTY)

    def _show(self, at: str | None) -> None:
        """List the views with the cursor on the one of a name, or else where it was."""
        options = self._list
        places = {one.name.casefold(): place for place, one in enumerate(self._saved)}
        here = min(options.highlighted or 0, len(self._saved) - 1)
        options.clear_options()
        options.add_options(Option(Content(text)) for text in self._lines())
        if self._saved:
            options.highlighted = places.get(at.casefold(), here) if at is not None else here
        self.call_after_refresh(self.share_lines)

    def _lines(self) -> list[str]:
        """Return the views on a line each: key, name, filter, order."""
        room = max(1, self.query_one(".dialog-box").content_size.width - _MARGIN)
        names = [safe_text(one.name) for one in self._saved]
        orders = [order_text(one.view, self._labels) for one in self._saved]
        name_width = max((cell_width(name) for name in names), default=0)
        name_width = max(_NAME_LEAST, min(name_width, room // 3))
        order_width = min(max((cell_width(order) for order in orders), default=0), _ORDER_MOST)
        rest = max(1, room - 3 - name_width - 2 - order_width - 2)
        return [
            f"{one.key or ' '}  {fit(name, name_width)}  {fit(safe_text(one.view.text) or 'all jobs', rest)}  "
            f"{fit(order, order_width)}".rstrip()
            for one, name, order in zip(self._saved, names, orders, strict=True)
        ]

    def _say(self, text: str, *, wrong: bool = False) -> None:
        said = self.query_one("#views-said", Static)
        said.update(Content(safe_text(text)))
        said.set_class(wrong, "-wrong")
        self.call_after_refresh(self.share_lines)

    async def _do(self, change: Awaitable[tuple[SavedView, ...]], *, at: str | None, done: str) -> None:
        """Make a change, show what came of it, and say so."""
        try:
            self._saved = await change
        except FailureError as error:
            self._say(str(error.failure), wrong=True)
            return
        self._show(at)
        self._say(done)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the view."""
        self.dismiss(self._saved[event.option_index])

    @work(group="views")
    async def action_save(self) -> None:
        """Keep what the list shows under a name."""
        names = [one.name for one in self._saved]
        suggested = suggested_name(self._current, self._labels, names)
        asked = NameDialog("Save this view as", value=suggested, taken=names, may_replace=True)
        name = await self.app.push_screen_wait(asked)
        if name is None:
            return
        old = next((one for one in self._saved if one.name.casefold() == name.casefold()), None)
        if old is not None and not await self._may_replace(old):
            return
        saved = SavedView(name=name, view=self._current, key=self._free_key() if old is None else old.key)
        told = f"Saved as {name}{f', key {saved.key}' if saved.key else ''}."
        await self._do(self._views.save(saved), at=name, done=told)

    async def _may_replace(self, old: SavedView) -> bool:
        detail = f"It shows {view_text(old.view, self._labels)}"
        asked = Confirm(f"Replace the view {old.name}?", detail=detail, yes="Replace it")
        return await self.app.push_screen_wait(asked) is True

    def _free_key(self) -> str | None:
        taken = {one.key for one in self._saved}
        return next((key for key in KEYS if key not in taken), None)

    @work(group="views")
    async def action_rename(self) -> None:
        """Give the view under the cursor another name."""
        chosen = self._chosen
        if chosen is None:
            return
        others = [one.name for one in self._saved if one is not chosen]
        asked = NameDialog(f"Another name for {chosen.name}", value=chosen.name, taken=others, may_replace=False)
        name = await self.app.push_screen_wait(asked)
        if name is not None and name != chosen.name:
            await self._do(self._views.rename(chosen.name, name), at=name, done=f"{chosen.name} is now {name}.")

    @work(group="views")
    async def action_remove(self) -> None:
        """Ask, then forget the view under the cursor."""
        chosen = self._chosen
        if chosen is None:
            return
        detail = view_text(chosen.view, self._labels)
        asked = Confirm(f"Remove the view {chosen.name}?", detail=f"{detail}\nNo job is touched.", yes="Remove it")
        if await self.app.push_screen_wait(asked):
            await self._do(self._views.remove(chosen.name), at=None, done=f"Removed {chosen.name}.")
            if not self._saved:
                self._say(f"Removed {chosen.name}. {_EMPTY}")

    @work(group="views")
    async def action_key(self, key: str) -> None:
        """Give the view under the cursor a digit; 0 takes it away."""
        chosen = self._chosen
        if chosen is None:
            return
        new = None if key == "0" else key
        told = f"{new} shows {chosen.name}." if new else f"{chosen.name} has no key now."
        await self._do(self._views.save(replace(chosen, key=new)), at=chosen.name, done=told)

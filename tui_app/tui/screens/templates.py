"""Owns the dialogs of starting points: what a new job begins from, and saving a request as a template."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_app.config.templates import NAME_MOST, TemplateEntry, TemplateError, name_fault
from tui_app.models.template import as_template, with_fault
from tui_app.text import cell_width, fit, safe_text
from tui_app.tui.screens.dialogs import Confirm, Dialog
from tui_app.tui.widgets.form import FieldRow, TextField

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from textual import events
    from textual.app import ComposeResult

    from tui_app.config.templates import Templates

_MARGIN: Final = 4
"""Cells beside an option: its padding, and the scrollbar."""
_NAME_LEAST: Final = 10
_KEYS: Final = "enter begin  ctrl-d delete a template  esc back"
_SAVE_KEYS: Final = "enter save  up down field  esc back"


@dataclass(frozen=True, slots=True)
class Start:
    """What a new job begins from; `name` is that of the template."""

    kind: Literal["empty", "paste", "template"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """One thing to begin from; `title` and `aside` may be hostile."""

    start: Start
    title: str
    aside: str = ""
    fault: str = ""
    path: str = ""


_FIRST: Final = (
    _Line(Start("empty"), "Empty form"),
    _Line(Start("paste"), "Paste a JSON body or curl command…"),
)


class StartingPoint(Dialog[Start]):
    """Offers the empty form, pasting, and the templates; typing narrows the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False, id="start.down"),
        Binding("up", "move(-1)", "Up", show=False, id="start.up"),
        # Before the search field, where ctrl-d would delete a letter.
        Binding("ctrl+d", "delete", "Delete", show=False, id="start.delete", priority=True),
        Binding("d", "delete", "Delete", show=False, id="start.delete_from_list"),
    ]
    DEFAULT_CSS = """
    StartingPoint > .dialog-box { width: 90; }
    StartingPoint #start-said { height: auto; max-height: 3; color: $text-muted; }
    StartingPoint #start-said.-wrong { color: $text-error; }
    """

    def __init__(self, templates: Templates, *, now: datetime) -> None:
        """Make the list.

        Args:
            templates: where they are kept.
            now: aware; by it each is tried, so that one that cannot be used is known before it is chosen.
        """
        super().__init__()
        self._templates, self._now = templates, now
        self._lines: tuple[_Line, ...] = _FIRST
        self._shown: tuple[_Line, ...] = _FIRST
        self._notice: tuple[str, bool, Start | None] = ("", False, None)

    def compose(self) -> ComposeResult:
        """Lay out the search field, the list, what is to be said of the line under the cursor, and the keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content("New export job from"), classes="dialog-title")
            yield TextField(placeholder="type to search", id="start-search")
            yield OptionList(id="start-list", classes="dialog-scroll", markup=False)
            yield Static(id="start-said", markup=False)
            yield Static(Content(_KEYS), classes="dialog-text")

    def on_mount(self) -> None:
        """Show what is always there, and read the templates."""
        self._fill()
        self.query_one("#start-search").focus()
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        """Cut the lines anew."""
        self.call_after_refresh(self._fill)

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    @property
    def _chosen(self) -> _Line | None:
        place = self._list.highlighted
        return self._shown[place] if place is not None and place < len(self._shown) else None

    @work(group="templates")
    async def _read(self, said: str = "") -> None:
        try:
            entries = await asyncio.to_thread(_checked, self._templates, self._now)
        except TemplateError as error:
            self._notify(str(error), wrong=True)
            return
        self._lines = (*_FIRST, *(_line(entry) for entry in entries))
        self._fill()
        if said:
            self._notify(said)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._fill()

    def on_input_submitted(self) -> None:
        """Take the line under the cursor."""
        self._list.action_select()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say more of the line under the cursor."""
        self._describe()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the line, if it can be begun from."""
        chosen = self._shown[event.option_index]
        if chosen.fault:
            self._describe()
        else:
            self.dismiss(chosen.start)

    def action_move(self, by: int) -> None:
        """Move the list's cursor while the focus is in the search field."""
        (self._list.action_cursor_down if by > 0 else self._list.action_cursor_up)()

    @work(group="templates")
    async def action_delete(self) -> None:
        """Ask, then delete the template under the cursor."""
        chosen = self._chosen
        if chosen is None or chosen.start.kind != "template":
            self._notify("Only a template can be deleted; put the cursor on one.", wrong=True)
            return
        name = chosen.start.name
        asked = Confirm(
            f"Delete the template {name}?", detail=f"{chosen.path}\nIt cannot be had back.", yes="Delete it"
        )
        if await self.app.push_screen_wait(asked) is not True:
            return
        try:
            await asyncio.to_thread(self._templates.delete, name)
        except TemplateError as error:
            self._notify(str(error), wrong=True)
            return
        self._read(f"Deleted {name}.")

    def _fill(self) -> None:
        words = self.query_one("#start-search", Input).value.casefold().split()
        kept = self._chosen
        self._shown = tuple(
            line for line in self._lines if all(word in f"{line.title} {line.aside}".casefold() for word in words)
        )
        options = self._list
        options.clear_options()
        options.add_options(Option(Content(text)) for text in self._texts())
        starts = [line.start for line in self._shown]
        if starts:
            options.highlighted = starts.index(kept.start) if kept is not None and kept.start in starts else 0
        self._describe()

    def _texts(self) -> list[str]:
        """Return the lines shown, names in a column of their own."""
        room = max(1, self.query_one(".dialog-box").content_size.width - _MARGIN)
        names = [cell_width(safe_text(line.title)) for line in self._shown if line.aside or line.fault]
        width = max(_NAME_LEAST, min(max(names, default=0), room // 2))
        found = []
        for line in self._shown:
            aside = f"cannot be used: {line.fault}" if line.fault else line.aside
            if not aside:
                found.append(fit(safe_text(line.title), room).rstrip())
                continue
            rest = max(1, room - width - 2)
            found.append(f"{fit(safe_text(line.title), width)}  {fit(safe_text(aside), rest)}".rstrip())
        return found

    def _notify(self, text: str, *, wrong: bool = False) -> None:
        """Say what happened, until the cursor goes to another line."""
        self._notice = (text, wrong, self._chosen.start if self._chosen else None)
        self._describe()

    def _describe(self) -> None:
        chosen = self._chosen
        text, wrong, at = self._notice
        if text and at == (chosen.start if chosen else None):
            self._say(text, wrong=wrong)
        elif chosen is None:
            self._say("Nothing of that name.")
        elif chosen.fault:
            self._say(f"{chosen.title} cannot be used: {chosen.fault}", wrong=True)
        else:
            self._say(chosen.aside)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        said = self.query_one("#start-said", Static)
        said.update(Content(safe_text(text)))
        said.set_class(wrong, "-wrong")
        self.call_after_refresh(self.share_lines)


class SaveTemplate(Dialog[TemplateEntry]):
    """Asks for a name and a description, saves, and answers with what was saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next field", show=False, id="save.next"),
        Binding("up", "app.focus_previous", "Previous field", show=False, id="save.previous"),
    ]
    DEFAULT_CSS = """
    SaveTemplate > .dialog-box { width: 84; }
    SaveTemplate FieldRow .row-label { width: 12; }
    SaveTemplate #save-said { height: auto; max-height: 4; color: $text-muted; margin-top: 1; }
    SaveTemplate #save-said.-wrong { color: $text-error; }
    """

    def __init__(self, templates: Templates, body: Mapping[str, Any], *, name: str = "", description: str = "") -> None:
        """Make the question.

        Args:
            templates: where it will be kept.
            body: of the create call, times as typed.
            name: proposed.
            description: proposed.
        """
        super().__init__()
        self._templates, self._body = templates, dict(body)
        self._name_given, self._description_given = name, description
        self._is_saving = False

    def compose(self) -> ComposeResult:
        """Lay out the two fields, what is to be said, and the keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content("Save as a template"), classes="dialog-title")
            name = TextField(self._name_given, placeholder=f"a name of up to {NAME_MOST} characters", id="save-name")
            yield FieldRow("Name", name, path="")
            yield FieldRow(
                "Description", TextField(self._description_given, placeholder="optional", id="save-text"), path=""
            )
            yield Static(Content(""), id="save-said")
            yield Static(Content(_SAVE_KEYS), classes="dialog-text")

    def on_mount(self) -> None:
        """Start in the name, all of it marked, so that typing takes its place."""
        field = self.query_one("#save-name", TextField)
        field.select_all()
        field.focus()
        self._say(f"It is kept in {self._templates.folder}")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what will not do about the name."""
        if event.input.id == "save-name":
            fault = name_fault(event.value.strip()) if event.value.strip() else ""
            self._say(fault, wrong=bool(fault))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Save by enter in either field."""
        if not self._is_saving:
            self._is_saving = True
            self._save()

    @work(group="templates")
    async def _save(self) -> None:
        try:
            await self._try()
        except TemplateError as error:
            self._say(f"{error.cause} {error.next_step}", wrong=True)
        finally:
            self._is_saving = False

    async def _try(self) -> None:
        name = self.query_one("#save-name", TextField).value.strip()
        description = self.query_one("#save-text", TextField).value.strip()
        if fault := name_fault(name):
            self._say(fault, wrong=True)
            return
        old = await asyncio.to_thread(_namesake, self._templates, name)
        if old is not None and not await self._may_replace(old):
            return
        body = as_template(self._body)
        saved = await asyncio.to_thread(
            self._templates.save, name, body, description=description, replace=old is not None
        )
        self.dismiss(saved)

    async def _may_replace(self, old: TemplateEntry) -> bool:
        detail = f"{old.description}\n{old.path}" if old.description else str(old.path)
        asked = Confirm(f"Replace the template {old.name}?", detail=detail, yes="Replace it")
        return await self.app.push_screen_wait(asked) is True

    def _say(self, text: str, *, wrong: bool = False) -> None:
        said = self.query_one("#save-said", Static)
        said.update(Content(safe_text(text)))
        said.set_class(wrong, "-wrong")


def _checked(templates: Templates, now: datetime) -> list[TemplateEntry]:
    return [with_fault(entry, now=now) for entry in templates.names()]


def _namesake(templates: Templates, name: str) -> TemplateEntry | None:
    return next((one for one in templates.names() if one.name.casefold() == name.casefold()), None)


def _line(entry: TemplateEntry) -> _Line:
    return _Line(Start("template", entry.name), entry.name, entry.description, fault=entry.fault, path=str(entry.path))

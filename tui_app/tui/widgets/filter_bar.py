"""Owns the line above a list that says what it is filtered by, and the typing of a filter in it.

It reads the line at each edit and says what is wrong with it; which jobs match is asked by whoever listens.

While one types, the keys mean: enter keeps the filter, escape clears it, up and down go through the last filters, tab
completes. A list of completions takes three of them for as long as it is there: down goes into it, escape closes it,
and enter takes the entry one went to. Letters always go into the line.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tui_app.models.failure import FailureError
from tui_app.models.filter_text import LONGEST, FilterError, parse, prepare
from tui_app.text import cell_width
from tui_app.tui.widgets.completion_list import CompletionList, Entry
from tui_app.tui.widgets.filter_completer import Completer
from tui_app.tui.widgets.filter_field import FilterField
from tui_app.tui.widgets.filter_hint import FilterHint
from tui_app.tui.widgets.filter_line import PROMPT, FilterLine
from tui_app.tui.widgets.filter_recall import Recall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from textual import events
    from textual.app import ComposeResult
    from textual.widgets import Input

    from tui_app.models.filter import Filter

_KEYS: Final = "tab completes  ↑ last ones  f2 help  enter keeps  esc clears"
_LIST_KEYS: Final = "↓ into the list  tab takes the first  esc closes it"
_CHOICE_KEYS: Final = "enter takes it  ↑ back to the line  esc closes the list"
_RECALL_KEYS: Final = "↑ older  ↓ newer  enter keeps  esc clears"


class FilterBar(Widget):
    """One line: the filter at the left, what matches at the right; `edit` lets one type."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Clear", show=False, id="filter.back"),
        Binding("up", "move(-1)", "Earlier filter", show=False, id="filter.up"),
        Binding("down", "move(1)", "Later filter, or into the list", show=False, id="filter.down"),
        Binding("tab", "complete", "Complete", show=False, id="filter.complete"),
        Binding("shift+tab", "stay", "Stay", show=False, id="filter.stay"),
        Binding("f2", "explain", "The language", show=False, id="filter.explain"),
    ]
    DEFAULT_CSS = """
    FilterBar { height: 1; }
    FilterBar.-typing FilterHint { display: block; }
    """

    class Changed(Message):
        """What is typed, completed or recalled can be read, and means `filter`."""

        def __init__(self, text: str, filter: Filter) -> None:
            super().__init__()
            self.text, self.filter = text, filter

    class Invalid(Message):
        """What is typed cannot be read: the filter last told of stays in force."""

        def __init__(self, error: FilterError) -> None:
            super().__init__()
            self.error = error

    class Accepted(Message):
        """Typing has ended, and the filter told of last stays: `text`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Typing has ended without a filter."""

    class HelpAsked(Message):
        """The page about the language is wanted, over the line as it stands."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        values: Callable[[str, str], Awaitable[Sequence[str]]],
        recent: Callable[[], Awaitable[Sequence[str]]],
        id: str | None = None,
    ) -> None:
        """Make the bar.

        Args:
            now: aware, local; what the dates of a filter go by.
            values: the values that a field has in history, for how one begins.
            recent: the last filters, newest first.
            id: the widget's id.
        """
        super().__init__(id=id)
        self._now, self._values, self._recent = now, values, recent
        self._text = ""
        self._told_invalid = False
        self._ready, self._unread = False, False
        self._fault: FilterError | None = None
        self._insisted = False
        self._notice = ("", "")
        self._seen = ("", 0)
        self._before: Widget | None = None
        self._completer = Completer()
        self._recall: Recall | None = None
        self._last: Sequence[str] | None = None
        self._steps = 0
        self._dropped = ""
        # Kept, not looked up: a worker that ends while the screen goes away still finds them.
        self.field = FilterField(
            edited=self._edited,
            entered=self._enter,
            pressed=self._press,
            is_typing=lambda: self.is_typing,
            id="filter-input",
        )
        self._line = FilterLine(self.field)
        self.hint = FilterHint(id="filter-hint")
        self.choices = CompletionList(id="filter-choices")

    def compose(self) -> ComposeResult:
        """Lay out the line, and what lies below it over the rest of the screen."""
        yield self._line
        yield self.hint
        yield self.choices

    def on_mount(self) -> None:
        """Follow the focus and the cursor."""
        self.watch(self.screen, "focused", self._focus_moved, init=False)
        self.watch(self.field, "selection", self._cursor_moved, init=False)

    # What others see and do

    @property
    def is_typing(self) -> bool:
        """Whether a filter is being typed."""
        return self.has_class("-typing")

    @property
    def has_fault(self) -> bool:
        """Whether what is typed cannot be read: the filter in force is then what could be, before."""
        return self.is_typing and self._fault is not None

    @property
    def text(self) -> str:
        """The line as it stands, also one that cannot be read yet."""
        return self.field.value if self.is_typing else self._text

    def set_text(self, text: str) -> None:
        """Show a filter that is in force for another reason; nobody is told."""
        self._text, self._told_invalid = text, False
        if self.is_typing:
            self._begin(text)
        self._draw()

    def show_count(self, text: str, role: str = "") -> None:
        """Show harmless text at the right, which stays in sight however long the filter is."""
        self._line.show_count(text, role)

    def edit(self) -> None:
        """Let one type, from this moment on: the next keys may be here already."""
        if not self.is_typing:
            self._before, self._last, self._steps = self.screen.focused, None, 0
            self.add_class("-typing")
            self._draw()
            self._begin(self._text)
            self._learn_last()
            if not self._ready:
                self._prepare()
        self.screen.set_focus(self.field)

    def accept(self) -> None:
        """Keep the filter and end typing, or say what is wrong with it."""
        if not self.is_typing:
            return
        self._judge()
        if self._fault is not None:
            self._insisted = True
            self._close_list()
            return
        self._end()
        self.post_message(self.Accepted(self._text))

    def leave(self) -> None:
        """End typing without a filter; what was typed can be recalled."""
        if not self.is_typing:
            return
        self._dropped = self.text
        self._text, self._told_invalid = "", False
        self._end()
        self.post_message(self.Left())

    # Keys

    async def _press(self, key: str) -> bool:
        """Do at once what a key is bound to; see the field, which takes its own keys in the same way."""
        for binding in self._bindings.key_to_bindings.get(key, ()):
            return bool(await self.app.run_action(binding.action, self))
        return False

    def _enter(self) -> None:
        if self.choices.chosen is not None:
            self._take(self.choices.chosen)
        else:
            self.accept()

    def action_back(self) -> None:
        """Close the list, or else leave."""
        if self._completer.offered:
            self._close_list()
        else:
            self.leave()

    def action_move(self, by: int) -> None:
        """Go into the list and about in it; without one, or up out of it, go through the last filters."""
        if self._completer.offered and (by > 0 or self.choices.chosen is not None):
            self.choices.move(by)
            self._say()
        elif self._last is None:
            self._steps -= by
        else:
            self._go_back(-by)

    def action_complete(self) -> None:
        """Take the entry that stands out, or the first, or the only one; without a list, show what there is."""
        if self._completer.offered:
            self._take(self.choices.chosen or 0)
            return
        self._look(asked=True)
        if len(self._completer.offered) == 1:
            self._take(0)
        elif not self._completer.offered and self._completer.wanted is None:
            self._notice = ("Nothing can be completed here.", "muted")
        self._say()

    def action_stay(self) -> None:
        """Keep the focus in the line."""

    def action_explain(self) -> None:
        """Ask for the page about the language."""
        self.post_message(self.HelpAsked())

    def on_completion_list_chosen(self, event: CompletionList.Chosen) -> None:
        """Take the entry that was clicked."""
        event.stop()
        if event.place < len(self._completer.offered):
            self._take(event.place)

    # The line as it is typed

    @work(group="filter-prepare")
    async def _prepare(self) -> None:
        """Have the parser made while the first letters are typed, then read those."""
        await asyncio.to_thread(prepare)
        self._ready = True
        if self.is_typing and self._unread:
            self._judge()
            self._say()

    def _begin(self, text: str) -> None:
        self._fault, self._insisted, self._unread = None, False, False
        self._notice, self._recall = ("", ""), None
        self._completer.forget()
        self._fill(text)
        self._say()

    def _fill(self, line: str) -> None:
        self.field.fill(line)
        self._seen = (self.field.value, self.field.cursor_position)

    def _edited(self, *, whole: bool) -> None:
        self._recall, self._insisted = None, False
        self._notice = (
            ("", "") if whole else (f"A filter has at most {LONGEST:,} characters: the rest was left out.", "overdue")
        )
        self._seen = (self.field.value, self.field.cursor_position)
        self._unread = not self._ready
        if self._ready:
            self._judge()
        self._look()
        self._say()

    def _cursor_moved(self) -> None:
        """Follow the cursor where it moved by itself; in the middle of an edit it moves too, and `_edited` follows."""
        field = self.field
        if self.is_typing and field.value == self._seen[0] and field.cursor_position != self._seen[1]:
            self._seen = (field.value, field.cursor_position)
            if self._completer.offered:
                self._look()
            self._say()

    def _judge(self) -> None:
        """Read the line, and tell of what it means or that it cannot be read."""
        line = self.field.value
        try:
            meant = parse(line, now=self._now())
        except FilterError as error:
            self._fault, self._told_invalid = error, True
            self.post_message(self.Invalid(error))
            return
        self._fault = None
        if self._told_invalid or line.strip() != self._text:
            self._text, self._told_invalid = line.strip(), False
            self.post_message(self.Changed(self._text, meant))

    def _say(self) -> None:
        """Say under the line what is wrong with it, or else what the keys do; then show the list below that."""
        fault, completer = self._fault, self._completer
        calm = fault is None or (not self._insisted and self._is_unfinished(fault))
        self.field.mark((fault.start, fault.end) if fault is not None and not calm else None)
        if self._notice[0]:
            self.hint.say(*self._notice)
        elif fault is not None and not calm:
            self.hint.say_fault(fault)
        elif completer.offered:
            self.hint.say(_LIST_KEYS if self.choices.chosen is None else _CHOICE_KEYS)
        elif fault is not None:
            self.hint.say(f"{fault.cause} {fault.remedy}")
        elif self._recall is not None and self._recall.place:
            self.hint.say(f"last filters: {self._recall.place}  {_RECALL_KEYS}")
        else:
            self.hint.say(_KEYS)
        if completer.offered:
            self._show_list()
        else:
            self.choices.close()

    def _is_unfinished(self, fault: FilterError) -> bool:
        """Tell whether the line may be right so far: the fault is where one types, or a bracket still to be closed."""
        line, here = self.field.value, self.field.cursor_position
        end = len(line.rstrip())
        at_end = here >= end and fault.end >= end
        return at_end or fault.start <= here <= fault.end or line[fault.start : fault.end] == "("

    # Completion

    def _look(self, *, asked: bool = False) -> None:
        field, completer = self.field, self._completer
        if not field.selection.is_empty:
            completer.close()
            return
        completer.look(field.value, field.cursor_position, today=self._now().date(), asked=asked)
        if completer.wanted is not None:
            self._learn_values(*completer.wanted)

    @work(group="filter-values", exclusive=True)
    async def _learn_values(self, field: str, prefix: str) -> None:
        try:
            values = await self._values(field, prefix)
        except FailureError:
            values = ()  # what is wrong with history is said where its rows are shown
        # A list somebody went into stays as it is: enter must take what they saw.
        if self.is_typing and self.choices.chosen is None and self._completer.learn(field, prefix, values):
            self._look()
            self._say()

    def _show_list(self) -> None:
        line, scrolled = self.field.value, self.field.scroll_offset.x
        column = len(PROMPT) + cell_width(line[: self._completer.start]) - round(scrolled)
        entries = [Entry(one.text, one.help, one.example) for one in self._completer.offered]
        self.choices.open(entries, column=column, row=self.hint.rows_at(self.size.width), room=self.size.width)

    def _close_list(self) -> None:
        self._completer.close()
        self._say()

    def _take(self, place: int) -> None:
        line, cursor = self._completer.take(self.field.value, self._completer.offered[place])
        self.field.put(line, cursor)
        self._edited(whole=True)

    # The last filters

    @work(group="filter-last", exclusive=True)
    async def _learn_last(self) -> None:
        try:
            self._last = await self._recent()
        except FailureError:
            self._last = ()  # as above
        steps, self._steps = self._steps, 0
        for _ in range(abs(steps) if self.is_typing else 0):
            self._go_back(1 if steps > 0 else -1)

    def _go_back(self, by: int) -> None:
        if self._recall is None:
            self._recall = Recall((self._dropped, *(self._last or ())), self.field.value)
        line = self._recall.go(by)
        self._completer.close()
        self._notice = ("No earlier filter is known.", "muted") if line is None and by > 0 else ("", "")
        if line is not None:
            self._fill(line)
            self._judge()
        self._say()

    # What is around

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep the field's own messages from whoever has other fields."""
        event.stop()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Keep the field's own messages from whoever has other fields."""
        event.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Put the list where the cursor is now."""
        if self.is_typing:
            self._say()

    def on_click(self, event: events.Click) -> None:
        """Type where the filter is shown."""
        if not self.is_typing:
            self.edit()

    def _focus_moved(self, focused: Widget | None) -> None:
        """End typing where the focus went elsewhere; where it went nowhere, the terminal is only not looked at."""
        if not self.is_typing or focused is None or focused is self.field:
            return
        if self._fault is not None:
            self._dropped = self.field.value
        self._before = focused
        self._end()
        self.post_message(self.Accepted(self._text))

    def _end(self) -> None:
        self.remove_class("-typing")
        self._begin("")
        self._draw()
        before, self._before = self._before, None
        self.screen.set_focus(before if before is not None and before.is_attached else None)

    def _draw(self) -> None:
        self._line.show(self._text, typing=self.is_typing)

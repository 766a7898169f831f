"""Owns the line that a filter is typed in: every edit is told of at once, and the part at fault is underlined."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.highlighter import Highlighter

from tui_app.models.filter_text import LONGEST
from tui_app.text import safe_text
from tui_app.tui.widgets.form import TextField

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.text import Text
    from textual import events

_BLANKS = str.maketrans(dict.fromkeys("\t\n\r\v\f\x85\u2028\u2029", " "))


class FilterField(TextField):
    """A line editor that holds at most `LONGEST` characters, none of which a terminal would obey or hide."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"filter-field--fault"}
    DEFAULT_CSS = """
    FilterField > .filter-field--fault { color: $text-error; text-style: underline; }
    """

    def __init__(
        self,
        *,
        edited: Callable[..., None],
        entered: Callable[[], None],
        pressed: Callable[[str], Awaitable[bool]],
        is_typing: Callable[[], bool],
        id: str | None = None,
    ) -> None:
        """Make the field.

        Args:
            edited: called after each edit; `whole` is whether all of the text did fit.
            entered: called at enter.
            pressed: called for a key that is no letter and not the field's own; answers whether it was used.
            is_typing: whether keys are meant for the field.
            id: the widget's id.
        """
        super().__init__(id=id)
        self._edited, self._entered, self._pressed, self._is_typing = edited, entered, pressed, is_typing
        self._fault: tuple[int, int] | None = None
        self.highlighter = _Underline(self)

    @property
    def fault(self) -> tuple[int, int] | None:
        """The characters at fault: start, end."""
        return self._fault

    def mark(self, fault: tuple[int, int] | None) -> None:
        """Underline some characters, or none; the same again costs nothing."""
        if fault != self._fault:
            self._fault = fault
            self.refresh()

    def fill(self, text: str) -> None:
        """Put a line in place of all, shown harmlessly; nobody is told."""
        self.put(safe_text(text)[:LONGEST], LONGEST)

    def put(self, line: str, cursor: int) -> None:
        """Put a harmless line in place of all, and the cursor behind some of its characters; nobody is told."""
        self.value = line
        self.cursor_position = min(cursor, len(line))

    def replace(self, text: str, start: int, end: int) -> None:
        """Put text in the place of some, as much of it as fits; every edit comes through here."""
        start, end = sorted((max(0, start), min(len(self.value), end)))
        # What the person cannot see could not be seen to be wrong.
        text = "".join(char for char in text.translate(_BLANKS) if safe_text(f"a{char}") == f"a{char}")
        room = LONGEST - len(self.value) + end - start
        super().replace(text[:room], start, end)
        self._edited(whole=len(text) <= room)

    def take(self, text: str) -> None:
        """Insert pasted text in place of what is selected; its lines become one, its blanks stay where they parted."""
        self.replace(" ".join(text.splitlines()), *self.selection)

    async def action_submit(self) -> None:
        """Take enter at once, without a message: a key right behind it is no longer meant for this line."""
        self._entered()

    async def _on_key(self, event: events.Key) -> None:
        if not self._is_typing():
            # Typed behind enter or escape, and on its way here already: it is meant for what has the focus now, and
            # gets there as whatever nobody stops does.
            event.prevent_default()
        elif not event.is_printable and (await self._press(event.key) or await self._pressed(event.key)):
            event.stop()
            event.prevent_default()

    async def _press(self, key: str) -> bool:
        """Do at once what a key is bound to.

        The framework lets such a key wait until it has gone up to the app, but no letter: with `ab`, backspace and `c`
        in one packet of a slow line, `ab` would be left.
        """
        for binding in self._bindings.key_to_bindings.get(key, ()):
            if await self.app.run_action(binding.action, self):
                return True
        return False

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        if self._is_typing():
            self.take(event.text)


class _Underline(Highlighter):
    """Draws the fault of a field."""

    def __init__(self, field: FilterField) -> None:
        self._field = field

    def highlight(self, text: Text) -> None:
        """Underline the characters at fault."""
        if self._field.fault is not None:
            text.stylize(self._field.get_component_rich_style("filter-field--fault", partial=True), *self._field.fault)

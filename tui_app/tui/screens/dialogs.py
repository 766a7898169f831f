"""Owns the small questions and answers that stand over a screen: confirm, pick, one text, a failure in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_app.present.failures import failure_text
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_app.models.failure import Failure

R = TypeVar("R")


class Dialog(ModalScreen[R | None], Generic[R]):
    """A box in the middle; escape leaves it without an answer."""

    AUTO_FOCUS = "*"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", id="dialog.leave")]
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > .dialog-box {
        width: 72; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    Dialog .dialog-title { text-style: bold; height: auto; }
    Dialog .dialog-text { height: auto; color: $text-muted; }
    Dialog .dialog-buttons { height: auto; align-horizontal: right; margin-top: 1; }
    Dialog .dialog-buttons Button { margin-left: 1; min-width: 12; }
    Dialog OptionList, Dialog OptionList:focus { height: auto; max-height: 16; border: none; background: $surface; }
    Dialog Input { margin-top: 1; }
    Dialog .failure-label { color: $text-muted; }
    """

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Asks yes or no; nothing is done by `enter` alone unless yes has the focus, which it never has at first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes", show=False, id="confirm.yes"),
        Binding("n", "leave", "No", show=False, id="confirm.no"),
    ]

    def __init__(self, question: str, *, detail: str = "", yes: str = "Yes", typed: str | None = None) -> None:
        """Make the question.

        Args:
            question: one line; may hold remote text.
            detail: what it is about; may hold remote text.
            yes: what the button says.
            typed: a word that must be typed first, for protected sandboxes.
        """
        super().__init__()
        self._question, self._detail, self._yes, self._typed = question, detail, yes, typed

    def compose(self) -> ComposeResult:
        """Lay out question, detail, the word to type, and the two answers."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._question)), classes="dialog-title")
            if self._detail:
                yield Static(Content(safe_text(self._detail, lines=True)), classes="dialog-text")
            if self._typed is not None:
                yield Static(Content(f"Protected sandbox. Type its name to go on: {safe_text(self._typed)}"))
                yield Input(id="confirm-word", compact=True)
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("No (n)"), id="confirm-no")
                yield Button(Content(f"{self._yes} (y)"), id="confirm-yes", variant="error", disabled=bool(self._typed))

    def on_mount(self) -> None:
        """Start on the harmless answer, or on the word."""
        self.query_one("#confirm-word" if self._typed is not None else "#confirm-no").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Allow yes once the word is there."""
        self.query_one("#confirm-yes", Button).disabled = event.value.strip() != self._typed

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take enter in the word's field as yes, if the word is right."""
        if event.value.strip() == self._typed:
            self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the button."""
        self.dismiss(event.button.id == "confirm-yes")

    def action_yes(self) -> None:
        """Answer yes, unless a word must be typed: then the letter belongs to the word."""
        if self._typed is None:
            self.dismiss(True)


class Pick(Dialog[str]):
    """Lets one choose from a list by typing a part of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False, id="pick.down"),
        Binding("up", "move(-1)", "Up", show=False, id="pick.up"),
    ]

    def __init__(
        self, title: str, items: Sequence[tuple[str, str]], *, chosen: str = "", searchable: bool = True
    ) -> None:
        """Make the list.

        Args:
            title: what is chosen.
            items: `(value, label)`; labels may hold remote text.
            chosen: the value the cursor starts on.
            searchable: whether there is a field to type in.
        """
        super().__init__()
        self._title, self._items, self._chosen, self._searchable = title, tuple(items), chosen, searchable
        self._shown: tuple[tuple[str, str], ...] = self._items

    def compose(self) -> ComposeResult:
        """Lay out the search field over the list."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            if self._searchable:
                yield Input(placeholder="type to search", id="pick-search", compact=True)
            yield OptionList(id="pick-list", markup=False)

    def on_mount(self) -> None:
        """Fill the list and put the cursor where it was."""
        self._fill("")
        self.query_one("#pick-search" if self._searchable else "#pick-list").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        """Take the item under the cursor."""
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the item."""
        self.dismiss(self._shown[event.option_index][0])

    def action_move(self, by: int) -> None:
        """Move the list's cursor while the focus is in the search field."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if by > 0 else options.action_cursor_up)()

    def _fill(self, text: str) -> None:
        words = text.casefold().split()
        self._shown = tuple(
            item for item in self._items if all(word in f"{item[0]} {item[1]}".casefold() for word in words)
        )
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(Content(safe_text(label))) for _, label in self._shown)
        values = [value for value, _ in self._shown]
        if self._shown:
            options.highlighted = values.index(self._chosen) if self._chosen in values else 0


class AskText(Dialog[str]):
    """Asks for one line of text."""

    def __init__(self, title: str, *, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._value, self._hint = title, value, hint

    def compose(self) -> ComposeResult:
        """Lay out title and field."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            if self._hint:
                yield Static(Content(safe_text(self._hint)), classes="dialog-text")
            yield Input(value=self._value, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the text."""
        self.dismiss(event.value)


class TextDialog(Dialog[None]):
    """Shows labelled lines to read, and leaves on escape, enter or q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "leave", "Back", show=False, id="text.leave"),
        Binding("c", "copy", "Copy", show=False, id="text.copy"),
    ]

    def __init__(self, title: str, rows: Sequence[tuple[str, str]], *, role: str = "") -> None:
        """Make the text.

        Args:
            title: the heading.
            rows: `(label, text)`; texts may hold remote text and line breaks.
            role: colour role of the heading.
        """
        super().__init__()
        self._title, self._rows, self._role = title, tuple(rows), role

    def compose(self) -> ComposeResult:
        """Lay out heading and lines."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            with VerticalScroll(can_focus=True):
                for label, text in self._rows:
                    yield Static(Content(safe_text(label)), classes="failure-label")
                    yield Static(Content(safe_text(text, lines=True)))
            yield Static(Content("esc back   c copy"), classes="dialog-text")

    def action_copy(self) -> None:
        """Copy all of it."""
        self.app.copy_to_clipboard("\n".join(f"{label}: {text}" for label, text in self._rows))
        self.app.notify("Copied.", markup=False)


class FailureDialog(TextDialog):
    """All of one failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__("What failed", failure_text(failure), role="failed")

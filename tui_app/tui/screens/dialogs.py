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
from tui_app.text import cell_width, fit, fit_id, safe_text
from tui_app.tui.screens.room import FoldingScreen
from tui_app.tui.widgets.form import TextField

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual import events
    from textual.app import ComposeResult

    from tui_app.models.failure import Failure

R = TypeVar("R")
_HIGHEST = 0.9
_FRAME = 2
_ASIDE_MOST = 26
_OPTION_MARGIN = 4
"""Cells beside an option: its padding, and the scrollbar."""


class Dialog(FoldingScreen[R | None], ModalScreen[R | None], Generic[R]):
    """A box in the middle; escape leaves it without an answer.

    What has the class `dialog-scroll` gets the lines that the rest of the box leaves, so that answers stay in sight.
    """

    AUTO_FOCUS = "*"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", id="dialog.leave")]
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > .dialog-box {
        width: 72; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    Dialog .dialog-title { text-style: bold; height: auto; max-height: 3; }
    Dialog .dialog-scroll { height: auto; scrollbar-size-vertical: 1; }
    Dialog .dialog-text { height: auto; color: $text-muted; }
    Dialog .dialog-buttons { height: auto; align-horizontal: right; margin-top: 1; }
    Dialog .dialog-buttons Button { margin-left: 1; min-width: 12; }
    Dialog OptionList, Dialog OptionList:focus {
        height: auto; border: none; background: $surface; scrollbar-size-vertical: 1;
    }
    Dialog Input { background: $panel; }
    Dialog .failure-label { color: $text-muted; }
    """

    def on_resize(self, event: events.Resize) -> None:
        """Share the lines of the screen out anew."""
        self.call_after_refresh(self.share_lines)

    def share_lines(self) -> None:
        """Give what scrolls the lines that the rest of the box leaves."""
        for scroll in self.query(".dialog-scroll"):
            rest = [child for child in scroll.siblings if child.display]
            taken = sum(child.outer_size.height + child.styles.margin.height for child in rest)
            scroll.styles.max_height = max(1, int(self.size.height * _HIGHEST) - _FRAME - taken)

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Asks yes or no; nothing is done by `enter` alone unless yes has the focus, which it never has at first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes", show=False, id="confirm.yes"),
        Binding("n", "leave", "No", show=False, id="confirm.no"),
    ]
    DEFAULT_CSS = """
    Confirm #confirm-asked { height: auto; margin-top: 1; }
    Confirm #confirm-wrong { height: 1; color: $text-error; }
    """

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
        is_typed = self._typed is not None
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._question)), classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll", can_focus=False):
                yield Static(Content(safe_text(self._detail, lines=True)), classes="dialog-text")
            if self._typed is not None:
                yield Static(
                    Content(f"Protected sandbox. Type its name to go on: {safe_text(self._typed)}"), id="confirm-asked"
                )
                yield TextField(id="confirm-word", placeholder="type the sandbox's name here")
                yield Static(id="confirm-wrong", markup=False)
            with Horizontal(classes="dialog-buttons"):
                # Where a name is typed, letters are part of it.
                yield Button(Content("No (esc)" if is_typed else "No (n)"), id="confirm-no", compact=True)
                yield Button(
                    Content(self._yes if is_typed else f"{self._yes} (y)"),
                    id="confirm-yes",
                    variant="error",
                    compact=True,
                    disabled=is_typed,
                )

    def on_mount(self) -> None:
        """Start on the harmless answer, or on the word."""
        self.query_one("#confirm-word" if self._typed is not None else "#confirm-no").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Allow yes once the word is there."""
        self.query_one("#confirm-yes", Button).disabled = event.value.strip() != self._typed
        self.query_one("#confirm-wrong", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take enter in the word's field as yes, if the word is right."""
        if event.value.strip() == self._typed:
            self.dismiss(True)
        else:
            self.query_one("#confirm-wrong", Static).update(Content("That is not the sandbox's name."))

    def on_key(self, event: events.Key) -> None:
        """Scroll what does not fit while the focus is on an answer."""
        moves = {"up": -1, "down": 1, "pageup": -5, "pagedown": 5}
        if event.key in moves:
            self.query_one(VerticalScroll).scroll_relative(y=moves[event.key], animate=False)

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
        self,
        title: str,
        items: Sequence[tuple[str, str]],
        *,
        chosen: str = "",
        searchable: bool = True,
        asides: Mapping[str, str] | None = None,
    ) -> None:
        """Make the list.

        Args:
            title: what is chosen.
            items: `(value, label)`; labels may hold remote text.
            chosen: the value the cursor starts on.
            searchable: whether there is a field to type in.
            asides: by value, what stands at the end of its line and stays when the label is cut.
        """
        super().__init__()
        self._title, self._items, self._chosen, self._searchable = title, tuple(items), chosen, searchable
        self._asides = asides or {}
        self._shown: tuple[tuple[str, str], ...] = self._items

    def compose(self) -> ComposeResult:
        """Lay out the search field over the list."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            if self._searchable:
                yield TextField(placeholder="type to search", id="pick-search")
            yield OptionList(id="pick-list", classes="dialog-scroll", markup=False)

    def on_mount(self) -> None:
        """Put the focus where one types, or else on the list."""
        self._fill("")
        self.query_one("#pick-search" if self._searchable else "#pick-list").focus()

    def on_resize(self, event: events.Resize) -> None:
        """Cut the lines anew."""
        self.call_after_refresh(self._refill)

    def _refill(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._chosen = self._shown[options.highlighted][0]
        self._fill(self.query_one("#pick-search", Input).value if self._searchable else "")

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
        options.add_options(Option(Content(self._line(*item))) for item in self._shown)
        values = [value for value, _ in self._shown]
        if self._shown:
            options.highlighted = values.index(self._chosen) if self._chosen in values else 0

    def _line(self, value: str, label: str) -> str:
        """Return one item on one line."""
        room = max(1, self.query_one(".dialog-box").content_size.width - _OPTION_MARGIN)
        aside = safe_text(self._asides.get(value, ""))
        if not aside:
            return fit(safe_text(label), room).rstrip()
        width = min(cell_width(aside), _ASIDE_MOST)
        return f"{fit(safe_text(label), max(1, room - width - 2))}  {fit_id(aside, width)}"


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
            with VerticalScroll(classes="dialog-scroll", can_focus=True):
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

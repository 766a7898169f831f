"""Owns the parts every form is made of: one-line fields, rows with label and remarks, and the way between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, VerticalGroup, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_app.text import cell_width, safe_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from textual import events
    from textual.app import ComposeResult

    from tui_app.models.failure import Finding

V = TypeVar("V")
NOT_ECHOED: Final = "not echoed by the platform: please check"
_NOT_ECHOED_SHORT: Final = "not echoed: please check"
_GAP: Final = "  "
_CHOICE_KEYS: Final = "left and right choose."


def pasted(text: str, *, joiner: str = " ") -> str:
    """Return what a one-line field takes from a paste: lines joined, controls and hidden characters left out."""
    lines = [line.strip() for line in text.splitlines()]
    joined = joiner.join(line for line in lines if line).replace("\t", " ")
    # Judged beside a letter, because a mark is only unsafe without a base.
    return "".join(char for char in joined if safe_text(f"a{char}") == f"a{char}")


class TextField(Input):
    """One line of text without a frame; what is pasted or given holds nothing that a terminal would obey."""

    DEFAULT_CSS = """
    TextField { width: 1fr; background: $panel; }
    TextField:focus { background: $primary 25%; }
    """

    def __init__(
        self, value: str | None = None, *, placeholder: str = "", joiner: str = " ", id: str | None = None
    ) -> None:
        """Make the field.

        Args:
            value: what stands in it at first; remote text shows its controls as escapes.
            placeholder: shown while it is empty.
            joiner: what stands for a line break in what is pasted.
            id: the widget's id.
        """
        self._joiner = joiner
        given = safe_text(joiner.join((value or "").splitlines()))
        super().__init__(given, safe_text(placeholder), id=id, compact=True, select_on_focus=False)
        # A blinking cursor would send bytes twice a second over a slow line.
        self.set_reactive(Input.cursor_blink, False)

    @property
    def text(self) -> str | None:
        """What was typed without blanks around it, None for nothing."""
        return self.value.strip() or None

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.take(event.text)

    def action_paste(self) -> None:
        """Insert what was last copied inside the app."""
        self.take(self.app.clipboard)

    def take(self, text: str) -> None:
        """Insert pasted text in place of what is selected."""
        self.replace(pasted(text, joiner=self._joiner), *self.selection)


class Options(Widget, Generic[V], can_focus=True):
    """A few options on one line; left and right go between them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous", show=False),
        Binding("right", "move(1)", "Next", show=False),
        Binding("space", "press", "Choose", show=False),
    ]
    DEFAULT_CSS = """
    Options { width: auto; height: 1; }
    Options:focus { background: $primary 25%; }
    """

    class Changed(Message):
        """Another option was chosen."""

    def __init__(self, options: Sequence[tuple[V, str]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = tuple(options)
        self.at = 0

    def is_chosen(self, place: int) -> bool:
        """Tell whether the option at a place is chosen."""
        raise NotImplementedError

    def mark(self, place: int) -> str:
        """Return how the option at a place begins."""
        raise NotImplementedError

    def action_move(self, by: int) -> None:
        """Go to the option `by` places on, staying at the ends."""
        self.go_to(min(max(self.at + by, 0), len(self.options) - 1))

    def go_to(self, place: int) -> None:
        """Put the cursor on an option."""
        self.at = place
        self.refresh()

    def use(self, place: int) -> None:
        """Do with an option what a click on it means."""
        raise NotImplementedError

    def action_press(self) -> None:
        """Use the option under the cursor."""
        self.use(self.at)

    def on_click(self, event: events.Click) -> None:
        """Use the option that was clicked."""
        end = 0
        for place in range(len(self.options)):
            start, end = end, end + cell_width(self._label(place)) + len(_GAP)
            if start <= event.x < end - len(_GAP):
                self.use(place)

    def get_content_width(self, container: object, viewport: object) -> int:
        """Return the cells that all options take."""
        return sum(cell_width(self._label(place)) for place in range(len(self.options))) + len(_GAP) * (
            len(self.options) - 1
        )

    def render(self) -> Content:
        """Draw marks and words; the cursor is underlined, so that it shows without colours."""
        parts = []
        for place in range(len(self.options)):
            under = self.has_focus and place == self.at
            ink = "" if self.is_chosen(place) else "$text-muted"
            parts.append(
                Content.styled(self._label(place), " ".join(filter(None, (ink, "underline" if under else ""))))
            )
        return Content(_GAP).join(parts)

    def _label(self, place: int) -> str:
        return f"{self.mark(place)} {safe_text(self.options[place][1])}"

    def _tell(self) -> None:
        self.refresh()
        self.post_message(self.Changed())


class Choice(Options[V]):
    """One of a few options."""

    def __init__(self, options: Sequence[tuple[V, str]], value: V, *, id: str | None = None) -> None:
        super().__init__(options, id=id)
        self.at = next((place for place, (one, _) in enumerate(self.options) if one == value), 0)

    @property
    def value(self) -> V:
        """The option chosen."""
        return self.options[self.at][0]

    def is_chosen(self, place: int) -> bool:
        """Tell whether this is the one."""
        return place == self.at

    def mark(self, place: int) -> str:
        """Draw a round button."""
        return "(•)" if place == self.at else "( )"

    def go_to(self, place: int) -> None:
        """Choose by going there."""
        if place != self.at:
            super().go_to(place)
            self._tell()

    def use(self, place: int) -> None:
        """Choose it."""
        self.go_to(place)


class Flags(Options[str]):
    """Any number of a few options."""

    def __init__(self, options: Sequence[str], chosen: Collection[str], *, id: str | None = None) -> None:
        super().__init__([(one, one) for one in options], id=id)
        self._chosen = set(chosen)
        self._by_hand: set[str] = set()

    @property
    def value(self) -> tuple[str, ...]:
        """The options chosen, in the order shown."""
        return tuple(one for one, _ in self.options if one in self._chosen)

    @property
    def by_hand(self) -> frozenset[str]:
        """The options somebody took in or out, as against those left as they were given."""
        return frozenset(self._by_hand)

    def is_chosen(self, place: int) -> bool:
        """Tell whether this is among them."""
        return self.options[place][0] in self._chosen

    def mark(self, place: int) -> str:
        """Draw a box."""
        return "[x]" if self.is_chosen(place) else "[ ]"

    def use(self, place: int) -> None:
        """Take it in or out."""
        self.go_to(place)
        self._chosen ^= {self.options[place][0]}
        self._by_hand.add(self.options[place][0])
        self._tell()


class FieldRow(VerticalGroup):
    """A label, what is edited, something beside it, and what is to be said about it below."""

    DEFAULT_CSS = """
    FieldRow .row-line { height: 1; }
    FieldRow .row-label { width: 18; height: 1; color: $text-muted; }
    FieldRow:focus-within .row-label { color: $text; text-style: bold; }
    FieldRow .row-aside { width: auto; max-width: 34; height: 1; padding-left: 1; color: $text-muted;
        text-wrap: nowrap; text-overflow: ellipsis; }
    FieldRow .row-note { display: none; padding-left: 4; height: auto; color: $text-warning; }
    FieldRow .row-note.-shown { display: block; }
    FieldRow .row-note.-error { color: $text-error; }
    """

    def __init__(
        self, label: str, *editors: Widget, path: str, also: Sequence[str] = (), hint: str = "", id: str | None = None
    ) -> None:
        """Make the row.

        Args:
            label: what it is, our own words.
            editors: what is edited, in tab order.
            path: the dotted path in the body that it writes.
            also: other paths whose findings belong here.
            hint: one line of help, shown while the row has the focus; a choice adds its keys.
            id: the widget's id.
        """
        super().__init__(id=id)
        self.editors = editors
        self.paths: tuple[str, ...] = (path, *also)
        self.hint = f"{hint} {_CHOICE_KEYS}" if isinstance(editors[0], Choice) else hint
        self._label_text = label
        self._unknown = False
        self._below = ""
        self._label = Static(Content(label), classes="row-label")
        self._aside = Static(classes="row-aside", markup=False)
        self._note = Static(classes="row-note", markup=False)

    def compose(self) -> ComposeResult:
        """Lay out label, editors and remark."""
        with HorizontalGroup(classes="row-line"):
            yield self._label
            yield from self.editors
            yield self._aside
        yield self._note

    @property
    def label(self) -> str:
        """What it is called."""
        return self._label_text.strip()

    @property
    def note(self) -> str:
        """What is said below the row."""
        return str(self._note.content) if self._note.has_class("-shown") else ""

    @property
    def aside(self) -> str:
        """What stands beside the editors."""
        return str(self._aside.content)

    @property
    def is_unknown(self) -> bool:
        """Whether its value could not be taken over from a job."""
        return self._unknown

    def rename(self, label: str, *paths: str) -> None:
        """Give it another label and paths."""
        self._label_text, self.paths = label, paths
        self._draw_label()

    def say_beside(self, text: str) -> None:
        """Show something beside the editors; the text may be hostile."""
        self._aside.update(Content(safe_text(text)))

    def mark_unknown(self) -> None:
        """Mark that the platform did not tell this part of the job that is cloned."""
        self._unknown = True
        self._draw_label()
        first = self.editors[0]
        if isinstance(first, Input) and not first.value:
            first.placeholder = _NOT_ECHOED_SHORT
        else:
            self._below = f"? {NOT_ECHOED}"
            self.remark(())

    def remark(self, findings: Sequence[Finding]) -> None:
        """Show what was found about this row, the errors first, or nothing."""
        ordered = sorted(findings, key=lambda one: one.severity != "error")
        lines = [f"{'!' if one.severity == 'error' else 'warning:'} {one.cause} {one.remedy}" for one in ordered]
        lines += [self._below] if self._below else []
        self._note.set_class(bool(lines), "-shown")
        self._note.set_class(bool(ordered) and ordered[0].severity == "error", "-error")
        self._note.update(Content(safe_text("\n".join(lines), lines=True)))

    def focus_first(self) -> None:
        """Put the focus on what is edited."""
        self.editors[0].focus()

    def _draw_label(self) -> None:
        self._label.update(Content(f"{self._label_text} ?" if self._unknown else self._label_text))


class Form(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Rows under headings, scrolled so that the one with the focus is in sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "go(1)", "Next field", show=False),
        Binding("up", "go(-1)", "Previous field", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
    ]
    DEFAULT_CSS = """
    Form { width: 1fr; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Form .form-heading { height: 1; color: $primary; text-style: bold; }
    Form Button { margin-right: 1; }
    """

    @property
    def rows(self) -> tuple[FieldRow, ...]:
        """The rows that can be seen, from the first to the last."""
        return tuple(row for row in self.query(FieldRow) if row.display)

    def action_go(self, by: int) -> None:
        """Go to the next field or the previous one."""
        (self.screen.focus_next if by > 0 else self.screen.focus_previous)()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take enter as the way to the next field."""
        event.stop()
        self.action_go(1)

    def row_of(self, path: str) -> FieldRow | None:
        """Return the row that a finding's path belongs to: the one with the longest path that begins it."""
        found = [(len(one), row) for row in self.rows for one in row.paths if one and is_within(path, one)]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def row_named_in(self, text: str) -> FieldRow | None:
        """Return the row whose path, or the longest end of it, stands in a refusal's text."""
        pairs = [(_named(text, one), row) for row in self.rows for one in row.paths if one]
        # The first of those with the longest name: several segments share their names.
        best, row = max(pairs, key=lambda pair: pair[0], default=(0, None))
        return row if best else None

    def remark(self, findings: Iterable[Finding], rows: Collection[FieldRow] | None = None) -> tuple[Finding, ...]:
        """Show findings under their rows, on those given or on all; return the ones that have no row."""
        by_row: dict[FieldRow, list[Finding]] = {}
        homeless = []
        for finding in findings:
            row = self.row_of(finding.field)
            if row is None:
                homeless.append(finding)
            else:
                by_row.setdefault(row, []).append(finding)
        for row in self.rows:
            if rows is None or row in rows:
                row.remark(by_row.get(row, ()))
        return tuple(homeless)

    def keep_in_sight(self) -> None:
        """Scroll the row with the focus, and what is said about it, into view."""
        row = row_around(self.screen.focused)
        if row is not None and self in row.ancestors:
            self.scroll_to_widget(row, animate=False)

    def first_with(self, findings: Iterable[Finding]) -> FieldRow | None:
        """Return the first row, from the top, that one of these findings belongs to."""
        wanted = {self.row_of(finding.field) for finding in findings}
        return next((row for row in self.rows if row in wanted), None)


def row_around(widget: Widget | None) -> FieldRow | None:
    """Return the row a widget stands in."""
    holders: Iterator[object] = iter(widget.ancestors_with_self) if widget is not None else iter(())
    return next((one for one in holders if isinstance(one, FieldRow)), None)


def is_within(path: str, outer: str) -> bool:
    """Tell whether a dotted path is another one or a part of what that names."""
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _named(text: str, path: str) -> int:
    """Return the length of the longest end of a path that a text names, 0 for none.

    A single name counts only if it is no everyday word: `datasetId` does, the `id` of a merge policy does not.
    """
    names = path.split(".")
    for start in range(len(names)):
        end = ".".join(names[start:])
        distinct = start == 0 or len(names) - start > 1 or end != end.lower()
        if distinct and re.search(rf"(?<!\w){re.escape(end)}(?!\w)", text):
            return len(end)
    return 0

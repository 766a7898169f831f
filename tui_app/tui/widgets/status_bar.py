"""Owns the lines around every screen: header above, failure and keys below; each repaints only where it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui_app.present.keymap import show_key
from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

_KEY_SEPARATOR: Final = "  "


class Line(Static):
    """One line of text that repaints only when it differs and never moves its neighbours."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Content(""), id=id, classes=classes, markup=False)
        self._shown: tuple[str, str] = ("", "")

    def show(self, text: str, role: str = "") -> None:
        """Show harmless text in the colour of a role; showing the same again costs nothing."""
        if (text, role) == self._shown:
            return
        if role != self._shown[1]:
            for old in [name for name in self.classes if name.startswith("-role-")]:
                self.remove_class(old)
            if role:
                self.add_class(f"-role-{role}")
        self._shown = (text, role)
        self.update(Content(text), layout=False)

    @property
    def text(self) -> str:
        """What is shown."""
        return self._shown[0]


class HeaderBar(Horizontal):
    """Organization and sandbox, the policy, figures, and how fresh all of it is."""

    DEFAULT_CSS = """
    HeaderBar { height: 1; background: $panel; }
    HeaderBar Line { background: $panel; }
    HeaderBar #header-place { width: 1fr; text-style: bold; }
    HeaderBar #header-policy { width: 11; display: none; }
    HeaderBar #header-policy.-shown { display: block; }
    HeaderBar #header-figures { width: 36; color: $text-muted; }
    HeaderBar #header-fresh { width: 27; text-align: right; }
    HeaderBar.-narrow #header-figures { width: 13; }
    HeaderBar .-role-succeeded { color: $text-success; }
    HeaderBar .-role-failed { color: $text-error; }
    HeaderBar .-role-overdue { color: $text-warning; }
    HeaderBar .-role-muted { color: $text-muted; }
    HeaderBar .-role-protected { color: $text-error; text-style: bold; }
    HeaderBar .-role-read-only { color: $text-warning; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        """Lay out the four parts."""
        yield Line(id="header-place")
        yield Line(id="header-policy")
        yield Line(id="header-figures")
        yield Line(id="header-fresh")

    def show(self, *, place: str, policy: str, figures: str, fresh: tuple[str, str]) -> None:
        """Show all parts; those that did not change are not painted.

        Args:
            place: where we are, harmless text.
            policy: `open`, `protected` or `read-only`.
            figures: counts.
            fresh: marker and role.
        """
        self.query_one("#header-place", Line).show(f" {place}")
        word = {"open": "", "protected": "PROTECTED", "read-only": "READ-ONLY"}.get(policy, "")
        guarded = self.query_one("#header-policy", Line)
        guarded.show(word, policy)
        guarded.set_class(bool(word), "-shown")
        self.query_one("#header-figures", Line).show(figures)
        self.query_one("#header-fresh", Line).show(f"{fresh[0]} ", fresh[1])


class FailureLine(Horizontal):
    """The last failure with its cause, and the key that shows all of it; takes no room while there is none."""

    DEFAULT_CSS = """
    FailureLine { height: 1; background: $error 20%; color: $text-error; display: none; padding: 0 1; }
    FailureLine.-shown { display: block; }
    FailureLine #failure-hint { width: 30; text-align: right; text-style: bold; }
    FailureLine.-narrow #failure-hint { width: 14; }
    """

    def compose(self) -> ComposeResult:
        """Lay out the text, which may be cut, and the hint, which may not."""
        yield Line(id="failure-text")
        yield Line(id="failure-hint")

    def say(self, text: str, hint: str = "") -> None:
        """Show a failure, and what is done about it; hide the line with ""."""
        self.query_one("#failure-text", Line).show(text)
        self.query_one("#failure-hint", Line).show(hint)
        self.set_class(bool(text), "-shown")


class KeyBar(Widget):
    """The keys that work now, as many as fit; made from the command registry by the screen."""

    DEFAULT_CSS = """
    KeyBar { height: 1; background: $panel; color: $text-muted; dock: bottom; }
    KeyBar.-said { color: $text-warning; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: tuple[tuple[str, str], ...] = ()
        self._said = ""

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show `(key, label)` pairs; the same again costs nothing."""
        if tuple(keys) != self._keys:
            self._keys = tuple(keys)
            self.refresh()

    def say(self, text: str) -> None:
        """Show a harmless line in place of the keys, until "" takes it away; the same again costs nothing."""
        if text != self._said:
            self._said = text
            self.set_class(bool(text), "-said")
            self.refresh()

    def render(self) -> Content:
        """Draw what fits, keys bold; what does not fit is in help, whose key comes last and always stays."""
        if self._said:
            return Content(fit(f" {self._said}", self.size.width))
        parts: list[tuple[str, str]] = []
        room = self.size.width - 1
        *first, last = self._keys or (("", ""),)
        room -= _width(last)
        for pair in first:
            if room < _width(pair):
                break
            room -= _width(pair)
            parts.append(pair)
        spans: list[Content] = [Content(" ")]
        for key, label in (*parts, last):
            spans += [Content.styled(show_key(key), "bold $text"), Content(f" {safe_text(label)}{_KEY_SEPARATOR}")]
        return Content("").join(spans)


def _width(pair: tuple[str, str]) -> int:
    return cell_width(f"{show_key(pair[0])} {pair[1]}{_KEY_SEPARATOR}")

"""Owns the raw pane: a job's record as the platform sent it, to scroll and to search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from tui_app.present.raw_json import MATCHES_MOST, Match, laid_out, matches, raw_lines
from tui_app.text import safe_text
from tui_app.tui.widgets.status_bar import Line
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_app.models.base import JsonObject
    from tui_app.present.text_lines import TextLine


class RawPane(Vertical):
    """A record with search: it is opened, and gone through from match to match, by the screen's commands."""

    class Searched(Message):
        """There are matches to go to, or there are none any more."""

    DEFAULT_CSS = """
    RawPane { height: 1fr; }
    RawPane #raw-search { display: none; height: 1; }
    RawPane #raw-found { display: none; padding: 0 1; color: $text-muted; }
    RawPane.-searching #raw-search { display: block; }
    RawPane.-found #raw-found { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._record: JsonObject | None = None
        self._plain: tuple[TextLine, ...] = ()
        self._wanted = ""
        self._matches: tuple[Match, ...] = ()
        self._current: int | None = None
        self._current_y: int | None = None

    def compose(self) -> ComposeResult:
        """Lay out the record over what was found and the field to type in."""
        with PaneScroll(id="raw-scroll"):
            yield TextLines(id="raw-lines")
        yield Line(id="raw-found")
        yield Input(id="raw-search", placeholder="text to find in the record", compact=True)

    @property
    def scroll(self) -> PaneScroll:
        """The part that scrolls and takes the focus."""
        return self.query_one("#raw-scroll", PaneScroll)

    @property
    def current(self) -> int | None:
        """Which match stands out, from 0; None without a match."""
        return self._current

    def show(self, record: JsonObject) -> None:
        """Show a record; the one that is shown already costs nothing, another keeps search and place."""
        if record == self._record:
            return
        self._record = record
        self._plain = raw_lines(record)
        self._find(self._wanted)

    def open_search(self) -> None:
        """Let one type what to find."""
        self.add_class("-searching")
        self.query_one("#raw-search", Input).focus()

    def close_search(self) -> bool:
        """End the search and its marks; False when there was none."""
        searched = self.has_class("-searching") or bool(self._wanted)
        self.remove_class("-searching")
        if searched:
            self.query_one("#raw-search", Input).value = ""
            self._find("")
            self.scroll.focus()
        return searched

    def on_input_changed(self, event: Input.Changed) -> None:
        """Find as one types."""
        event.stop()
        if event.value != self._wanted:
            self._find(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep what was found and go back to the record."""
        event.stop()
        self.remove_class("-searching")
        self.scroll.focus()
        self._draw()

    @property
    def has_matches(self) -> bool:
        """Whether there is a match to go to."""
        return bool(self._matches)

    def go(self, by: int) -> None:
        """Go some matches on, or back; after the last comes the first."""
        if self._matches:
            self._current = ((self._current or 0) + by) % len(self._matches)
            self._draw()

    def _find(self, wanted: str) -> None:
        self._wanted = wanted
        self._matches = matches(self._plain, wanted)
        # A record that changes under a search keeps the place as well as it can.
        self._current = min(self._current or 0, len(self._matches) - 1) if self._matches else None
        self._draw()
        self.post_message(self.Searched())

    def _draw(self) -> None:
        self.query_one("#raw-lines", TextLines).show(self._lines)
        self.set_class(bool(self._wanted), "-found")
        self.query_one("#raw-found", Line).show(self._found_text())
        if self._current_y is not None:
            self.scroll.reveal(self._current_y)

    def _lines(self, width: int) -> Sequence[TextLine]:
        lines, self._current_y = laid_out(self._plain, width, found=self._matches, current=self._current)
        return lines

    def _found_text(self) -> str:
        if not self._wanted:
            return ""
        if self._current is None:
            return f"no match for `{safe_text(self._wanted)}`  esc clears"
        more = "+" if len(self._matches) == MATCHES_MOST else ""
        keys = "  enter keeps" if self.has_class("-searching") else ""
        return f"{self._current + 1:,} of {len(self._matches):,}{more}{keys}  esc clears"

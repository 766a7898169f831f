"""Owns the statistics of the view shown: figures from history, and the way from one of them back into the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui_app.models.failure import FailureError
from tui_app.present.statistics import Page, narrowed, statistics_page, statistics_text
from tui_app.present.text_lines import line, paragraphs
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.text_lines import PaneScroll, TextLines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from tui_app.models.failure import Failure
    from tui_app.models.statistics import Statistics
    from tui_app.present.text_lines import TextLine

_KEYS: Final = "up down choose  enter filter by it  r again  c copy  esc back"
_PART: Final = 0.94


class FiguresPane(PaneScroll, inherit_bindings=False):
    """The figures; the cursor goes from one line that can be chosen to the next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "screen.move(-1)", "Up", show=False, id="figures.up"),
        Binding("down,j", "screen.move(1)", "Down", show=False, id="figures.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="figures.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="figures.page_down"),
        Binding("home,g", "scroll_home", "Top", show=False, id="figures.first"),
        Binding("end,G", "scroll_end", "Bottom", show=False, id="figures.last"),
        Binding("enter", "screen.narrow", "Filter by it", show=False, id="figures.narrow"),
    ]
    DEFAULT_CSS = """
    FiguresPane { height: auto; padding: 0; }
    """


class StatisticsDialog(Dialog[str]):
    """Shows the figures; answers with the filter of the line that was chosen, the view's own filter kept in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Again", show=False, id="statistics.again"),
        Binding("c", "copy", "Copy", show=False, id="statistics.copy"),
        Binding("q,i", "leave", "Back", show=False, id="statistics.leave"),
    ]
    DEFAULT_CSS = """
    StatisticsDialog > .dialog-box { width: 124; max-width: 98%; max-height: 94%; }
    StatisticsDialog #statistics-filter { height: auto; max-height: 2; color: $text-muted; margin-bottom: 1; }
    """

    def __init__(
        self, read: Callable[[], Awaitable[Statistics]], *, filter_text: str, now_ms: Callable[[], int]
    ) -> None:
        """Make the page.

        Args:
            read: asks history for the figures of the view; cancelling it stops the question.
            filter_text: the view's filter as typed.
            now_ms: the clock's epoch ms, for ages.
        """
        super().__init__()
        self._read_figures, self._filter, self._now_ms = read, filter_text, now_ms
        self._figures: Statistics | None = None
        self._failure: Failure | None = None
        self._cursor = 0
        self._page = Page((), ())

    def compose(self) -> ComposeResult:
        """Lay out title, filter, figures and keys."""
        shown = safe_text(self._filter.strip())
        with Vertical(classes="dialog-box"):
            yield Static(id="statistics-title", classes="dialog-title", markup=False)
            yield Static(Content(f"filter: {shown}" if shown else "no filter: all jobs"), id="statistics-filter")
            with FiguresPane(id="statistics-scroll"):
                yield TextLines(id="statistics-lines")
            yield Static(Content(_KEYS), classes="dialog-text")

    def on_mount(self) -> None:
        """Read the figures."""
        self.query_one(FiguresPane).focus()
        self._lines.show(self._build)
        self.action_again()

    @property
    def _lines(self) -> TextLines:
        return self.query_one(TextLines)

    def share_lines(self) -> None:
        """Give the figures the lines that title, filter and keys leave."""
        box = self.query_one(".dialog-box")
        pane = self.query_one(FiguresPane)
        taken = sum(child.outer_size.height + child.styles.margin.height for child in pane.siblings)
        pane.styles.max_height = max(
            1, int(self.size.height * _PART) - (box.outer_size.height - box.size.height) - taken
        )

    def _title(self, text: str) -> None:
        self.query_one("#statistics-title", Static).update(Content(text))

    def _build(self, width: int) -> Sequence[TextLine]:
        if self._failure is not None:
            return paragraphs([safe_text(self._failure.cause), safe_text(self._failure.next_step)], width)
        if self._figures is None:
            return (line("Counting… esc leaves.", "muted"),)
        if not self._figures.total:
            return paragraphs(["No job matches.", "Leave with esc, then change the filter."], width)
        self._page = statistics_page(self._figures, width, now_ms=self._now_ms(), cursor=self._cursor)
        return self._page.lines

    @work(group="statistics", exclusive=True)
    async def action_again(self) -> None:
        """Read the figures, again if they were read before; what is shown stays until they are there."""
        self._title("Statistics" if self._figures is None else "Statistics, counting again…")
        try:
            figures = await self._read_figures()
        except FailureError as error:
            self._failure = error.failure
            self._title("Statistics cannot be read")
        else:
            self._figures, self._failure = figures, None
            self._title(f"Statistics of {figures.total:,} export job{'' if figures.total == 1 else 's'}")
        self._lines.reread()
        self._cursor = min(self._cursor, max(0, len(self._page.narrowings) - 1))
        self.call_after_refresh(self.share_lines)

    def action_move(self, by: int) -> None:
        """Go to the next line that can be chosen; beyond the first and the last, to the ends of the page."""
        pane, lines = self.query_one(FiguresPane), self._page.narrowings
        if not 0 <= self._cursor + by < len(lines):
            (pane.action_scroll_end if by > 0 else pane.action_scroll_home)()
            return
        self._cursor += by
        self._lines.reread()
        pane.reveal(lines[self._cursor].y)

    def action_narrow(self) -> None:
        """Answer with the filter of the line under the cursor."""
        if self._cursor < len(self._page.narrowings):
            self.dismiss(narrowed(self._filter, self._page.narrowings[self._cursor].condition))

    @on(events.Click, "#statistics-lines")
    def take_click(self, event: events.Click) -> None:
        """Put the cursor on a line that was clicked; the second click takes it."""
        for place, one in enumerate(self._page.narrowings):
            if one.y == event.y:
                self._cursor = place
                self._lines.reread()
                if event.chain > 1:
                    self.action_narrow()

    def action_copy(self) -> None:
        """Copy the figures as text."""
        if self._figures is not None:
            self.app.copy_to_clipboard(statistics_text(self._figures, self._filter, now_ms=self._now_ms()))
            self.app.notify("Copied the statistics.", markup=False)

"""Owns a block of coloured lines that repaints only what changed, and the part of a screen that scrolls it."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.style import Style
    from textual import events
    from textual.geometry import Size

    from tui_app.present.cells import Cell
    from tui_app.present.text_lines import TextLine


class TextLines(Widget):
    """Lines made for the width there is; as high as they are many.

    The lines must be harmless already (`safe_text`).
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "text-lines--heading",
        "text-lines--muted",
        "text-lines--new",
        "text-lines--running",
        "text-lines--cancelling",
        "text-lines--succeeded",
        "text-lines--failed",
        "text-lines--cancelled",
        "text-lines--unknown",
        "text-lines--overdue",
        "text-lines--wait",
        "text-lines--tab",
        "text-lines--tab-active",
        "text-lines--json-key",
        "text-lines--json-string",
        "text-lines--json-number",
        "text-lines--json-word",
        "text-lines--match",
        "text-lines--match-current",
    }
    ROLES: ClassVar[Mapping[str, str]] = {name.removeprefix("text-lines--"): name for name in COMPONENT_CLASSES}

    DEFAULT_CSS = """
    TextLines {
        height: auto;
        width: 1fr;

        & > .text-lines--heading { text-style: bold; color: $text-primary; }
        & > .text-lines--muted { color: $text-muted; }
        & > .text-lines--new { color: $text-secondary; }
        & > .text-lines--running { color: $text-primary; text-style: bold; }
        & > .text-lines--cancelling { color: $text-warning; }
        & > .text-lines--succeeded { color: $text-success; }
        & > .text-lines--failed { color: $text-error; text-style: bold; }
        & > .text-lines--cancelled { color: $text-muted; }
        & > .text-lines--unknown { color: $text-accent; }
        & > .text-lines--overdue { color: $text-warning; text-style: bold; }
        & > .text-lines--wait { color: $text-muted; }
        & > .text-lines--tab { color: $text-muted; }
        & > .text-lines--tab-active { color: $text; background: $primary 45%; text-style: bold; }
        & > .text-lines--json-key { color: $text-primary; }
        & > .text-lines--json-string { color: $text-success; }
        & > .text-lines--json-number { color: $text-warning; }
        & > .text-lines--json-word { color: $text-accent; }
        & > .text-lines--match { background: $warning 30%; color: $text; }
        & > .text-lines--match-current { background: $warning; color: $background; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.auto_links = False
        self._build: Callable[[int], Sequence[TextLine]] = lambda _: ()
        self._lines: tuple[TextLine, ...] = ()
        self._width = 0

    @property
    def lines(self) -> tuple[TextLine, ...]:
        """What is shown."""
        return self._lines

    def show(self, build: Callable[[int], Sequence[TextLine]]) -> None:
        """Show the lines that `build` makes for a width in cells, now and at every other width."""
        self._build = build
        self.reread()

    def reread(self) -> None:
        """Make the lines again and paint the cells that differ; as many lines as before move nothing else."""
        if not self._width:
            self.refresh(layout=True)
            return
        old, self._lines = self._lines, tuple(self._build(self._width))
        if len(old) != len(self._lines):
            self.refresh(layout=True)
            return
        for y, (before, after) in enumerate(zip(old, self._lines, strict=True)):
            first, end = changed_span(before, after)
            if first < min(end, self._width):
                self.refresh(Region(first, y, min(end, self._width) - first, 1))

    def on_resize(self, event: events.Resize) -> None:
        """Make the lines for the new width where the height is fixed and the framework therefore asked for none."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.reread()
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are at a width; the framework asks whenever it lays out."""
        if width != self._width:
            self._width = width
            self._lines = tuple(self._build(width)) if width > 0 else ()
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """Return the strip of line `y`."""
        width = self.size.width
        shown = self._lines[y] if y < len(self._lines) else ()
        segments = [Segment(cell.text, self._ink(cell.role)) for cell in shown if cell.text]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _ink(self, role: str) -> Style:
        name = self.ROLES.get(role)
        return self.rich_style if name is None else self.get_component_rich_style(name)


def changed_span(old: TextLine, new: TextLine) -> tuple[int, int]:
    """Return the first cell that must be painted for `old` to become `new`, and the one behind the last."""
    before, after = (sum(cell_len(cell.text) for cell in shown) for shown in (old, new))
    first = _same_cells(old, new)
    if before != after:
        return first, max(before, after)
    return (first, after - _same_cells(reversed(old), reversed(new))) if old != new else (0, 0)


def _same_cells(old: Iterable[Cell], new: Iterable[Cell]) -> int:
    """Return how many cells at the beginning are alike."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))
    return sum(cell_len(cell.text) for cell, _ in alike)


class PaneScroll(VerticalScroll):
    """Scrolls what is in it by lines and pages, at once: gliding would cost a slow line a screen a frame."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="scroll.down"),
        Binding("k", "scroll_up", "Up", show=False, id="scroll.up"),
        Binding("g", "scroll_home", "First line", show=False, id="scroll.first"),
        Binding("G", "scroll_end", "Last line", show=False, id="scroll.last"),
    ]
    DEFAULT_CSS = """
    PaneScroll { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
    """

    def action_scroll_down(self) -> None:
        """Go one line down."""
        self.scroll_relative(y=1, animate=False)

    def action_scroll_up(self) -> None:
        """Go one line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_page_down(self) -> None:
        """Go one page down."""
        self.scroll_relative(y=self.container_size.height, animate=False)

    def action_page_up(self) -> None:
        """Go one page up."""
        self.scroll_relative(y=-self.container_size.height, animate=False)

    def action_scroll_home(self) -> None:
        """Go to the first line."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_end(self) -> None:
        """Go to the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def reveal(self, y: int) -> None:
        """Bring line `y` into view, in the middle if it is out of sight."""
        height = self.container_size.height
        if not self.scroll_y <= y < self.scroll_y + height:
            self.scroll_to(y=max(0, y - height // 2), animate=False)

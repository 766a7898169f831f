"""Owns the lines of a picker: a cursor over any number of lines, of which only those in sight are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.message import Message

from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual import events

    from tui_app.present.text_lines import TextLine


class PickList(TextLines):
    """Lines with a cursor; the keys that move it belong to the field beside, which keeps the focus."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text-lines--cursor", "text-lines--cursor-muted"}
    ROLES: ClassVar[Mapping[str, str]] = dict(TextLines.ROLES) | {
        "cursor": "text-lines--cursor",
        "cursor-muted": "text-lines--cursor-muted",
    }
    DEFAULT_CSS = """
    PickList { height: 1fr; min-height: 1;
        & > .text-lines--cursor { background: $primary 45%; color: $text; text-style: bold; }
        & > .text-lines--cursor-muted { background: $primary 45%; color: $text-muted; }
    }
    """

    class Clicked(Message):
        """The line under the cursor was clicked."""

    def __init__(self, draw: Callable[[int, int, bool], TextLine], *, id: str | None = None) -> None:
        """Make the list.

        Args:
            draw: makes one line from its place, the width in cells, and whether the cursor is on it.
            id: the widget's id.
        """
        super().__init__(id=id)
        self._draw = draw
        self._count = 0
        self._top = 0
        self._height = 1
        self.cursor = 0
        self.show(self._window)

    def show_all(self, count: int, cursor: int = 0) -> None:
        """Show so many lines with the cursor on one of them."""
        self._count = count
        self.go_to(cursor)

    def go_to(self, place: int) -> None:
        """Put the cursor on a line, at the ends if there is none, and keep it in sight."""
        self.cursor = max(0, min(place, self._count - 1))
        last_top = max(0, self._count - self._height)
        self._top = max(0, min(self._top, self.cursor, last_top))
        if self.cursor >= self._top + self._height:
            self._top = self.cursor - self._height + 1
        self.reread()

    @property
    def page(self) -> int:
        """How many lines a page goes."""
        return max(1, self._height - 1)

    def _window(self, width: int) -> Sequence[TextLine]:
        places = range(self._top, min(self._top + self._height, self._count))
        lines: list[TextLine] = [self._draw(place, width, place == self.cursor) for place in places]
        # Always as many, so that nothing is laid out anew when the finds become fewer.
        return [*lines, *[()] * (self._height - len(lines))]

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight."""
        self._width, self._height = event.size.width, max(1, event.size.height)
        self.go_to(self.cursor)
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down with the wheel."""
        event.stop()
        self.go_to(self.cursor + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up with the wheel."""
        event.stop()
        self.go_to(self.cursor - 3)

    def on_click(self, event: events.Click) -> None:
        """Go to the line that was clicked; clicked again, it is taken."""
        place = self._top + event.y
        if place >= self._count:
            return
        if place == self.cursor:
            self.post_message(self.Clicked())
        self.go_to(place)

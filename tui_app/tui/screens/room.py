"""Owns the least size of the terminal: below it a screen is one plain line, and keeps its place for when it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from textual.screen import Screen

from tui_app.tui.exact_update import ExactCompositor

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual import events
    from textual.geometry import Size
    from textual.messages import Prune
    from textual.widget import Widget

R = TypeVar("R")
LEAST_WIDTH: Final = 60
LEAST_HEIGHT: Final = 15


def fits(size: Size) -> bool:
    """Tell whether anything sensible can be shown."""
    return size.width >= LEAST_WIDTH and size.height >= LEAST_HEIGHT


class FoldingScreen(Screen[R]):
    """A screen that folds to one plain line where it does not fit; the app keeps keys from what cannot be seen."""

    DEFAULT_CSS = """
    FoldingScreen.-too-small { background: $background !important; }
    FoldingScreen.-too-small > * { display: none !important; }
    """
    _focus_then: Widget | None = None

    def __init__(self) -> None:
        super().__init__()
        self._compositor = ExactCompositor()

    def on_resize(self, event: events.Resize) -> None:
        """Fold or unfold; the framework takes the focus away from what is hidden, so it is given back."""
        small = not fits(event.size)
        if small == self.has_class("-too-small"):
            return
        if small:
            self._focus_then = self.focused
        self.set_class(small, "-too-small")
        self.refresh()
        if not small:
            self.call_after_refresh(self._give_focus_back)

    async def on_prune(self, event: Prune) -> None:
        """End what still runs for this screen before its widgets go: an answer that comes now has no place."""
        self.workers.cancel_node(self)

    def _give_focus_back(self) -> None:
        if self.focused is None and self._focus_then is not None and self._focus_then.is_attached:
            self.set_focus(self._focus_then)
        self._focus_then = None

    def render(self) -> RenderableType:
        """Say what is needed instead of the background."""
        if self.has_class("-too-small"):
            return f"aepx needs a terminal of at least {LEAST_WIDTH}x{LEAST_HEIGHT}"
        return super().render()

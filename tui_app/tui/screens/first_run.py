"""Owns the first screen of all: no connection is set up yet, so it offers the demo or a configuration to fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui_app.text import safe_text
from tui_app.tui.endings import end_on_signals
from tui_app.tui.themes import THEMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.app import ComposeResult

_CHOICES = (
    ("d", "Demo: an embedded platform; no account needed"),
    ("c", "Configuration: write a file to fill in"),
    ("q", "Quit"),
)


class FirstRunScreen(Screen[None]):
    """Says what aepx is and offers three ways on."""

    CSS_PATH: ClassVar = ["first_run.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "leave('demo')", "Demo", id="first.demo"),
        Binding("c", "configure", "Configuration", id="first.config"),
        Binding("q,escape", "leave('')", "Quit", id="first.quit"),
    ]

    def __init__(self, write_config: Callable[[], Path], *, reason: str = "") -> None:
        """Make the screen.

        Args:
            write_config: writes the commented file and returns where; raises OSError when it cannot, which is
                always so where one exists.
            reason: why there is no connection, if there is more to say than that.
        """
        super().__init__()
        self._write_config, self._reason = write_config, reason
        self._written = False

    def compose(self) -> ComposeResult:
        """Lay out what it is, why this is shown, and the ways on."""
        with Vertical(id="first-run"):
            yield Static(Content("aepx: export jobs of Adobe Experience Platform"), id="first-run-title")
            yield Static(Content("See them, see why one failed; create, clone, cancel."))
            yield Static(Content(f"\n{safe_text(self._reason or 'No connection is set up yet.')}\n"))
            for key, text in _CHOICES:
                yield Static(
                    Content.assemble(Content.styled(f" {key} ", "bold reverse"), f"  {text}"),
                    classes="first-run-choice",
                )
            yield Static(id="first-run-said", markup=False)

    def action_configure(self) -> None:
        """Write the file and say where it is and what comes next; again, leave."""
        if self._written:
            self.app.exit("config")
            return
        said = self.query_one("#first-run-said", Static)
        try:
            path = self._write_config()
        except OSError as error:
            said.add_class("-failed")
            said.update(
                Content(safe_text(f"! No file was written: {error}. `aepx config path` says where it belongs."))
            )
            return
        self._written = True
        said.remove_class("-failed")
        said.update(Content(safe_text(f"Wrote {path}. Fill it in, then run `aepx config check`. q leaves.")))

    def action_leave(self, answer: str) -> None:
        """End with what was chosen; quitting after the file was written counts as that."""
        self.app.exit(answer or ("config" if self._written else None))


class FirstRunApp(App[str]):
    """Shows the first-run screen alone; `run` returns `demo`, `config` or None."""

    TITLE = "aepx"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, write_config: Callable[[], Path], *, reason: str = "", theme: str = "aepx-dark") -> None:
        """Make the app; see `FirstRunScreen`."""
        super().__init__()
        self._screen = FirstRunScreen(write_config, reason=reason)
        for one in THEMES:
            self.register_theme(one)
        self.theme = theme if theme in self.available_themes else "aepx-dark"

    def on_mount(self) -> None:
        """Show the screen."""
        end_on_signals(self)
        self.push_screen(self._screen)

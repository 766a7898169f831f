"""Owns what a screen may ask of the app it runs in; the app is the one class that fulfils it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App
from textual.reactive import var

if TYPE_CHECKING:
    from tui_app.config.templates import Templates
    from tui_app.engine.engine import Engine
    from tui_app.present.keymap import Keymap
    from tui_app.tui.key_order import KeyOrder


class HostApp(App[int]):
    """The app as screens see it."""

    engine: Engine
    """The engine of the connection in use."""
    keymap: Keymap
    """The keys in force."""
    key_order: KeyOrder
    """Holds keys back that are typed ahead."""
    templates: Templates
    """The requests kept under a name."""
    absolute_times: var[bool] = var(False)
    """Whether lists show times instead of ages."""
    watched: dict[str, str]
    """Ids of the jobs whose end is told, each with the status it had."""

    def open_job(self, job_id: str, *, pane: str = "overview") -> None:
        """Show one job."""
        raise NotImplementedError

    def switch_connection(self) -> object:
        """Let the person choose another connection or sandbox."""
        raise NotImplementedError

    def watch_job(self, job_id: str, status: str) -> bool:
        """Start or stop telling when a job ends; return whether it is watched now."""
        raise NotImplementedError

"""Owns which signals end an app, and that they end it in order, so that the terminal gets its modes back."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from textual.app import App

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_SIGNALLED: Final = 128
"""What a shell adds to a signal's number to make an exit code."""


def end_on_signals(app: App[Any]) -> None:
    """Leave in order when the terminal or the machine goes away; call it in the app's own loop."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, app.exit, None, _SIGNALLED + number)

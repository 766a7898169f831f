"""Owns the line on stderr that tells how far something long has come, redrawn at a terminal, now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final, TextIO

from tui_app.cli.output import columns_of, is_terminal
from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from tui_app.clock import Clock

_REDRAWN_S: Final = 0.1
_LINE_S: Final = 5.0
_BAR_CELLS: Final = 20
_CLEAR: Final = "\r\x1b[K"


class ProgressLine:
    """Shows one line of progress until it is taken away.

    Args:
        clock: spaces the lines.
        stream: where to; stderr.
    """

    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = is_terminal(self._stream)
        self._shown = ""
        # A script gets its first line after a while, and none at all where all is over by then.
        self._drawn_s = clock.monotonic() - (_LINE_S if self._is_terminal else 0.0)

    def show(self, text: str, *, share: float | None = None, at_once: bool = False) -> None:
        """Say how far it is; too soon after the last time, nothing is written.

        Args:
            text: one line.
            share: how much is done, 0 to 1, as a bar at a terminal; None where nobody knows.
            at_once: write it however soon it comes.
        """
        now = self._clock.monotonic()
        if not at_once and now - self._drawn_s < (_REDRAWN_S if self._is_terminal else _LINE_S):
            return
        self._drawn_s = now
        line = safe_text(text)
        if not self._is_terminal:
            self._write(line + "\n")
            return
        if share is not None:
            line = f"{self._bar(share)}  {line}"
        width = columns_of(self._stream) - 1
        line = fit(line, width).rstrip() if cell_width(line) > width else line
        if line != self._shown:
            self._shown = line
            self._write(_CLEAR + line)

    def clear(self) -> None:
        """Take the line away, so that something else can be said."""
        if self._shown:
            self._shown = ""
            self._write(_CLEAR)

    def _bar(self, share: float) -> str:
        full, empty = ("█", "░") if (self._stream.encoding or "").lower().startswith("utf") else ("#", ".")
        cells = round(min(1.0, max(0.0, share)) * _BAR_CELLS)
        return full * cells + empty * (_BAR_CELLS - cells)

    def _write(self, text: str) -> None:
        # Nobody reading it is no reason to fail.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
            self._stream.flush()

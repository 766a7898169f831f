"""Owns the list of all kinds of faults by their word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.emulator.faults.connection import Count, Drip, Lose, Reset, Wait
from tui_app.emulator.faults.content import Cursor, Duplicates, Foreign, Missing, Nulls, Skew, Types
from tui_app.emulator.faults.instead import Html, Redirect, Revoke, Status, Throttle
from tui_app.emulator.faults.wire import Encoding, Endless, Gzip, Headers, Length, Range, Truncate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.emulator.faults.effect import Effect

KINDS: Mapping[str, type[Effect]] = {
    one.kind: one
    for one in (
        *(Status, Throttle, Revoke, Html, Redirect),
        *(Types, Nulls, Missing, Duplicates, Cursor, Foreign, Skew),
        *(Truncate, Endless, Length, Range, Gzip, Encoding, Headers),
        *(Wait, Drip, Reset, Lose, Count),
    )
}

"""Owns the Query Service calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route

    from tui_app.emulator.gateway import Gateway


def routes(gateway: Gateway) -> list[Route]:
    """Return the Query Service routes."""
    del gateway
    return []

"""Owns how a view of the job list is told in words, and the name suggested for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.models.view import DEFAULT_SORT
from tui_app.text import fit, safe_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tui_app.models.view import View

_NAME: Final = 30
_COLUMNS_NAMED: Final = 3


def order_text(view: View, labels: Mapping[str, str]) -> str:
    """Return the order in words, "" for the usual one, newest first."""
    if view.sort == DEFAULT_SORT:
        return "" if view.descending else "oldest first"
    return f"by {labels.get(view.sort, safe_text(view.sort)).lower()} {'down' if view.descending else 'up'}"


def view_text(view: View, labels: Mapping[str, str]) -> str:
    """Return all of a view on one line, harmless: filter, order, columns.

    Args:
        view: what to tell.
        labels: the columns' labels by key.
    """
    parts = [safe_text(view.text) or "all jobs", order_text(view, labels) or "newest first"]
    if view.columns:
        named = [labels.get(key, safe_text(key)).lower() for key in view.columns]
        more = f" and {len(named) - _COLUMNS_NAMED} more" if len(named) > _COLUMNS_NAMED else ""
        parts.append(f"columns {', '.join(named[:_COLUMNS_NAMED])}{more}")
    return "; ".join(parts)


def suggested_name(view: View, labels: Mapping[str, str], taken: Collection[str]) -> str:
    """Return a name for a view that none of those `taken` has: its filter, or else its order."""
    name = fit(safe_text(view.text.strip()) or order_text(view, labels) or "all jobs", _NAME).strip()
    known = {one.casefold() for one in taken}
    number = 1
    found = name
    while found.casefold() in known:
        number += 1
        found = f"{name} {number}"
    return found

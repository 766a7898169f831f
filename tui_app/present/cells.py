"""Owns the cell, what a table shows in one place, and how columns share a width. Imports no front end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.text import Align


@dataclass(frozen=True, slots=True)
class Cell:
    """One value ready to be shown.

    Attributes:
        text: What to show, on one line.
        role: What it means ("failed", "muted"); the front end maps roles to colours. Empty: nothing special.
        align: Overrides the alignment of the column.
        changed: It has just changed by itself, which a table shows for a moment.
    """

    text: str
    role: str = ""
    align: Align | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; widths are terminal cells.

    Attributes:
        key: Identifies the column in sorting and configuration.
        label: Stands in the header.
        min_width: The least that is useful; the whole width of a column of weight 0.
        weight: Share of the width that is left over; 0 is fixed.
        align: Where values stand.
        priority: Columns of the highest number are dropped first where the width is short.
        sortable: Whether the header invites to sort by it.
        cut: Where a value too long loses text: an identifier keeps head and tail ("middle").
    """

    key: str
    label: str
    min_width: int
    weight: int = 0
    align: Align = "left"
    priority: int = 0
    sortable: bool = True
    cut: Literal["end", "middle"] = "end"


def layout(columns: Sequence[Column], width: int, *, gap: int = 2) -> tuple[tuple[Column, int], ...]:
    """Return the columns that fit into `width` cells, in their order, each with its width.

    Columns are dropped by priority, the last of equals first, until the least widths and the gaps between
    fit. What is left over is shared by weight. The last column standing is narrowed rather than dropped.
    """
    kept = list(columns)
    while len(kept) > 1 and _least(kept, gap) > width:
        kept.remove(max(reversed(kept), key=lambda column: column.priority))
    if not kept or width <= 0:
        return ()
    left = width - _least(kept, gap)
    if left < 0:
        return ((kept[0], width),)
    shares = _shares([column.weight for column in kept], left)
    return tuple((column, column.min_width + share) for column, share in zip(kept, shares, strict=True))


def _least(columns: Sequence[Column], gap: int) -> int:
    return sum(column.min_width for column in columns) + gap * (len(columns) - 1)


def _shares(weights: Sequence[int], amount: int) -> list[int]:
    """Split `amount` by weight without losing a cell to rounding."""
    shares: list[int] = []
    weight_left = sum(weights)
    for weight in weights:
        share = round(amount * weight / weight_left) if weight_left else 0
        shares.append(share)
        amount -= share
        weight_left -= weight
    return shares

"""Owns a page of a list that the platform answers in pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """What one answer of a list brought.

    Attributes:
        items: in the platform's order; entries that cannot be used are left out.
        total: how many the whole list has, by the answer's own words; None when it does not say.
        remark: a sentence for whoever reads the list, as when a part of it cannot be had; "" for none.
    """

    items: tuple[T, ...]
    total: int | None = None
    remark: str = ""

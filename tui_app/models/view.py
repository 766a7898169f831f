"""Owns a view of the job list as a person sets it up: filter as typed, order, columns; and one kept under a name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

DEFAULT_SORT = "created"


@dataclass(frozen=True, slots=True)
class View:
    """What the list shows; `columns` are keys in their order, empty for the default ones."""

    text: str = ""
    sort: str = DEFAULT_SORT
    descending: bool = True
    columns: tuple[str, ...] = ()

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def loads(text: str) -> View:
        """Return the view that a JSON text describes; what is missing or odd in it is as in a new view."""
        try:
            return View.of(json.loads(text))
        except ValueError:
            return View()

    @staticmethod
    def of(raw: Any) -> View:
        """Return the view that a decoded JSON value describes, forgiving as `loads`."""
        known = raw if isinstance(raw, dict) else {}
        text, sort, descending, columns = (known.get(key) for key in ("text", "sort", "descending", "columns"))
        return View(
            text=text if isinstance(text, str) else "",
            sort=sort if isinstance(sort, str) else DEFAULT_SORT,
            descending=descending if isinstance(descending, bool) else True,
            columns=tuple(one for one in columns if isinstance(one, str)) if isinstance(columns, list) else (),
        )


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view with a name; `key` is the digit that shows it, None when it has none."""

    name: str
    view: View
    key: str | None = None

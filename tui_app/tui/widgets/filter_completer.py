"""Owns when completions are offered while a filter is typed, and which; it draws nothing and asks nobody itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.models.filter_completion import Choice, Context, choices, completed, context
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


class Completer:
    """What can be completed where the cursor is.

    Completions offer themselves once a field is begun, or a value of one awaited; a person can ask for them anywhere,
    and close them until the next word.
    """

    def __init__(self) -> None:
        self._here: Context | None = None
        self._offered: tuple[Choice, ...] = ()
        self._known: tuple[str, tuple[str, ...]] = ("", ())
        self._answered: tuple[str, str] | None = None
        self._closed_at: int | None = None
        self._asked_at: int | None = None

    @property
    def offered(self) -> tuple[Choice, ...]:
        """What to show, the likeliest first; nothing where nothing should be in the way."""
        return self._offered

    @property
    def start(self) -> int:
        """Where in the line a choice would be put."""
        return self._here.start if self._here is not None else 0

    @property
    def wanted(self) -> tuple[str, str] | None:
        """The field and the beginning of a value that history is to be asked about, None if it need not be."""
        here = self._here
        if here is None or not here.asks_history or self._answered == (here.field, here.prefix):
            return None
        return here.field, here.prefix

    def look(self, line: str, cursor: int, *, today: date, asked: bool = False) -> None:
        """Look at the line anew.

        Args:
            line: as typed, readable or not.
            cursor: characters before it.
            today: local; dates are offered by it.
            asked: whether a person wants to see what there is.
        """
        here = context(line, cursor)
        if here.start != self._closed_at or asked:
            self._closed_at = None
        if asked:
            self._asked_at = here.start
        elif here.start != self._asked_at:
            self._asked_at = None
        bidden = self._asked_at is not None or here.kind == "value" or (here.kind == "field" and bool(here.prefix))
        if not bidden or self._closed_at is not None:
            self._here, self._offered = None, ()
            return
        self._here = here
        known = self._known[1] if self._known[0] == here.field else ()
        found = [one for one in choices(here, today=today, known=known) if safe_text(one.text) == one.text]
        is_there = len(found) == 1 and found[0].text.casefold() == here.prefix.casefold()
        self._offered = () if is_there else tuple(found)

    def learn(self, field: str, prefix: str, values: Sequence[str]) -> bool:
        """Take what history knows; False when something else is being written by now."""
        here = self._here
        if here is None or (here.field, here.prefix) != (field, prefix):
            return False
        self._known, self._answered = (field, tuple(values)), (field, prefix)
        return True

    def take(self, line: str, choice: Choice) -> tuple[str, int]:
        """Return the line with a choice in it and where the cursor is then; a value so taken is not offered again."""
        assert self._here is not None, "nothing is offered"
        if self._here.kind == "value":
            self._closed_at = self._here.start
        return completed(line, self._here, choice.text)

    def close(self) -> None:
        """Offer nothing more for the word at the cursor."""
        if self._here is not None:
            self._closed_at = self._here.start
        self._here, self._offered, self._asked_at = None, (), None

    def forget(self) -> None:
        """Begin with another line, and with what history knows by now."""
        self._here, self._offered, self._closed_at, self._asked_at = None, (), None, None
        self._known, self._answered = ("", ()), None

"""Owns doing one thing to many: item by item before one's eyes, each with its outcome, to be stopped at any time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui_app.models.failure import FailureError
from tui_app.present.cells import Cell, Column
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.row_table import RowTable
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from textual.app import ComposeResult

AT_ONCE: Final = 4
"""Items under way at a time: as many as there may be requests (product section 4)."""
_COLUMNS: Final = (
    Column("state", "OUTCOME", 11, sortable=False),
    Column("item", "ITEM", 8, weight=1, cut="middle", sortable=False),
    Column("text", "", 20, weight=4, sortable=False),
)
_AROUND: Final = 7
"""Lines of the dialog that are no items: frame, title, counts, what is said of the item under the cursor, keys."""
_HIGHEST: Final = 0.9
_LIST_MOST: Final = 30


class State(StrEnum):
    """Where an item is."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    DONE = "asked"
    REFUSED = "refused"
    NOT_TRIED = "not tried"


_ROLES: Final = {
    State.WAITING: "muted",
    State.UNDER_WAY: "running",
    State.DONE: "succeeded",
    State.REFUSED: "failed",
    State.NOT_TRIED: "muted",
}
_MARKS: Final = {
    State.WAITING: ".",
    State.UNDER_WAY: ">",
    State.DONE: "+",
    State.REFUSED: "!",
    State.NOT_TRIED: "-",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item; `text` is the answer, or the cause of a refusal."""

    key: str
    label: str
    state: State = State.WAITING
    text: str = ""

    def __str__(self) -> str:
        return "  ".join(filter(None, (self.state.value, self.key, self.text or self.label)))


class _Rows:
    """The outcomes as rows of a table; a row's key is its place, which never changes."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        self.outcomes = [Outcome(key, label) for key, label in items]

    def __len__(self) -> int:
        return len(self.outcomes)

    def key(self, index: int) -> int:
        """Return the place."""
        return index

    def keys(self, start: int, stop: int) -> Sequence[int]:
        """Return places."""
        return range(start, stop)

    def index_of(self, key: int) -> int | None:
        """Return where an item stands."""
        return key if 0 <= key < len(self.outcomes) else None

    def first_of(self, keys: Sequence[int]) -> int | None:
        """Return the first of these places that there is."""
        return next((key for key in keys if self.index_of(key) is not None), None)

    def cells(self, index: int) -> Sequence[Cell]:
        """Return outcome, item, and what is said of it."""
        one = self.outcomes[index]
        role = _ROLES[one.state]
        said = one.text if one.state is State.REFUSED else one.text or one.label
        return (
            Cell(f"{_MARKS[one.state]} {one.state.value}", role),
            Cell(safe_text(one.key)),
            Cell(safe_text(said), role if one.state is State.REFUSED else ""),
        )


class ResultsDialog(Dialog[tuple[Outcome, ...]]):
    """Does one thing to many and shows what became of each; answers with the outcomes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,x", "stop", "Stop or leave", show=False, id="results.stop"),
        Binding("c", "copy", "Copy", show=False, id="results.copy"),
        Binding("n", "next_refused", "Next refusal", show=False, id="results.next"),
    ]
    DEFAULT_CSS = """
    ResultsDialog > .dialog-box { width: 110; }
    ResultsDialog #results-items { background: $surface; }
    ResultsDialog #results-said { height: 2; color: $text-muted; }
    ResultsDialog #results-keys { color: $text-muted; }
    """

    def __init__(
        self, title: str, items: Sequence[tuple[str, str]], step: Callable[[str], Awaitable[str]], *, done: str
    ) -> None:
        """Make the dialog; it begins at once.

        Args:
            title: what is done; may hold remote text.
            items: `(key, label)`; both may hold remote text.
            step: does it to the item of a key and returns what was answered; raises FailureError where that fails.
            done: what is said of an item when the answer says nothing, as in "cancel requested".
        """
        super().__init__()
        self._title, self._step, self._done = title, step, done
        self._rows = _Rows(items)
        self._queue = iter(range(len(self._rows)))
        self._is_stopped = False
        self._is_over = False
        self._followed: int | None = 0

    def compose(self) -> ComposeResult:
        """Lay out title, counts, items, what is said of the one under the cursor, and keys."""
        with Vertical(classes="dialog-box"):
            yield Static(Content(safe_text(self._title)), classes="dialog-title")
            yield Line(id="results-counts")
            yield RowTable(_COLUMNS, self._rows, id="results-items")
            yield Static(id="results-said", markup=False)
            yield Line(id="results-keys")

    def on_mount(self) -> None:
        """Begin."""
        self._table.focus()
        self._show()
        self._run()

    def share_lines(self) -> None:
        """Give the items as many lines as there are of them, and as there is room for."""
        self._table.styles.height = max(
            2, min(len(self._rows) + 1, _LIST_MOST, int(self.size.height * _HIGHEST) - _AROUND)
        )

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each item so far, in their order."""
        return tuple(self._rows.outcomes)

    @work(group="results")
    async def _run(self) -> None:
        self.share_lines()
        await asyncio.gather(*(self._take_turns() for _ in range(min(AT_ONCE, len(self._rows)))))
        self._is_over = True
        self._show()
        if self._followed is not None:
            self.action_next_refused()

    async def _take_turns(self) -> None:
        for place in self._waiting():
            self._set(place, State.UNDER_WAY)
            try:
                answer = await self._step(self._rows.outcomes[place].key)
            except FailureError as error:
                failure = error.failure
                self._set(place, State.REFUSED, " ".join(filter(None, (failure.cause, failure.next_step))))
            else:
                self._set(place, State.DONE, answer or self._done)

    def _waiting(self) -> Iterator[int]:
        """Yield the items still waiting; all who take turns share them."""
        for place in self._queue:
            if self._is_stopped:
                return
            yield place

    def _set(self, place: int, state: State, text: str = "") -> None:
        old = self._rows.outcomes[place]
        self._rows.outcomes[place] = Outcome(old.key, old.label, state, text)
        # The cursor goes along until somebody moves it.
        if self._followed is not None and self._table.cursor_index in (self._followed, None):
            self._followed = max(place, self._followed)
            self._table.move_to(self._followed)
        else:
            self._followed = None
        self._show()

    def _show(self) -> None:
        self._table.update_rows()
        counts = Counter(one.state for one in self._rows.outcomes)
        told = [f"{counts[state]:,} {state.value}" for state in State if counts[state]]
        self.query_one("#results-counts", Line).show(f"{', '.join(told)} of {len(self._rows):,}")
        if self._is_over:
            keys = "c copy  n next refusal  esc back" if counts[State.REFUSED] else "c copy  esc back"
        elif self._is_stopped:
            keys = "Nothing more is sent. Those under way are waited for; esc leaves them."
        else:
            keys = "esc or x stops: nothing more is sent  c copy"
        self.query_one("#results-keys", Line).show(keys)
        self._show_said()

    def _show_said(self) -> None:
        """Show all that is said of the item under the cursor: a cause is often longer than its line."""
        index = self._table.cursor_index
        one = self._rows.outcomes[index] if index is not None else None
        text = f"{one.key}: {one.text or one.label or one.state.value}" if one is not None else ""
        self.query_one("#results-said", Static).update(Content(safe_text(text)))

    def on_row_table_cursor_moved(self) -> None:
        """Follow the cursor."""
        self._show_said()

    def action_stop(self) -> None:
        """Send nothing more; leave when nothing is under way, or at the second time."""
        if self._is_over or self._is_stopped:
            self.dismiss(self.outcomes)
            return
        self._is_stopped = True
        for place, one in enumerate(self._rows.outcomes):
            if one.state is State.WAITING:
                self._rows.outcomes[place] = Outcome(one.key, one.label, State.NOT_TRIED)
        self._show()

    def action_leave(self) -> None:
        """Leave as by escape."""
        self.action_stop()

    def action_next_refused(self) -> None:
        """Go to the next item that was refused, from the cursor on and round."""
        outcomes, start = self._rows.outcomes, (self._table.cursor_index or 0) + 1
        order = [*range(start, len(outcomes)), *range(min(start, len(outcomes)))]
        found = next((place for place in order if outcomes[place].state is State.REFUSED), None)
        if found is not None:
            self._table.move_to(found)

    def action_copy(self) -> None:
        """Copy every outcome, one a line."""
        self.app.copy_to_clipboard("\n".join(safe_text(str(one)) for one in self._rows.outcomes))
        self.app.notify(f"Copied {len(self._rows):,} outcomes.", markup=False)

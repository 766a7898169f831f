"""One thing done to many: an outcome for each, no more at once than is polite, and a stop that sends nothing more."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App

from tests.support.engines import HOSTILE, screen_text
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.text import safe_text
from tui_app.tui.screens.results import AT_ONCE, Outcome, ResultsDialog, State
from tui_app.tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from textual.pilot import Pilot


def refusal(cause: str = "The job has ended.") -> FailureError:
    return FailureError(Failure(FailureKind.BAD_REQUEST, "Export job was not cancelled", cause, "Look at it again."))


class Desk:
    """Answers the steps when a test says so.

    Attributes:
        asked: the items whose step began, in order.
    """

    def __init__(self, *, at_once: bool, refuse: Iterable[str] = ()) -> None:
        self.asked: list[str] = []
        self.under_way = self.most = 0
        self._open = asyncio.Event()
        self._refuse = frozenset(refuse)
        if at_once:
            self._open.set()

    def answer(self) -> None:
        self._open.set()

    async def __call__(self, key: str) -> str:
        self.asked.append(key)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self._open.wait()
        finally:
            self.under_way -= 1
        if key in self._refuse:
            raise refusal()
        return ""


class Bench:
    """The dialog before a desk."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        self.answers: list[tuple[Outcome, ...] | None] = []

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    @property
    def states(self) -> list[State]:
        dialog = self.pilot.app.screen
        assert isinstance(dialog, ResultsDialog)
        return [one.state for one in dialog.outcomes]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.quiet()

    async def quiet(self) -> None:
        for _ in range(5):
            await self.pilot.pause()


@asynccontextmanager
async def shown(
    desk: Desk, items: Sequence[tuple[str, str]], *, size: tuple[int, int] = (80, 24), title: str = "Cancel 9 jobs"
) -> AsyncIterator[Bench]:
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        bench = Bench(pilot)
        app.push_screen(ResultsDialog(title, items, desk, done="cancel requested"), bench.answers.append)
        await bench.quiet()
        yield bench


def jobs(count: int) -> list[tuple[str, str]]:
    return [(str(24_000 + number), f"PROCESSING, into dataset {number}") for number in range(count)]


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_each_item_gets_its_outcome(size: tuple[int, int]) -> None:
    desk = Desk(at_once=True, refuse=["24001"])
    async with shown(desk, jobs(3), size=size) as bench:
        for text in ("Cancel 9 jobs", "+ asked", "cancel requested", "! refused", "The job has ended.", "esc back"):
            assert text in bench.text, text
        assert "2 asked, 1 refused of 3" in bench.text
        await bench.press("escape")
        assert bench.answers == [
            (
                Outcome("24000", "PROCESSING, into dataset 0", State.DONE, "cancel requested"),
                Outcome("24001", "PROCESSING, into dataset 1", State.REFUSED, "The job has ended. Look at it again."),
                Outcome("24002", "PROCESSING, into dataset 2", State.DONE, "cancel requested"),
            )
        ]


async def test_no_more_are_asked_at_once_than_is_polite_and_each_once() -> None:
    desk = Desk(at_once=False)
    async with shown(desk, jobs(20)) as bench:
        assert len(desk.asked) == AT_ONCE
        assert f"16 waiting, {AT_ONCE} under way of 20" in bench.text
        assert "esc or x stops: nothing more is sent" in bench.text
        desk.answer()
        await bench.quiet()
        assert desk.most == AT_ONCE
        assert sorted(desk.asked) == [key for key, _ in jobs(20)]
        assert "20 asked of 20" in bench.text


@pytest.mark.parametrize("key", ["escape", "x"])
async def test_stopping_sends_nothing_more_and_waits_for_what_is_under_way(key: str) -> None:
    desk = Desk(at_once=False)
    async with shown(desk, jobs(9)) as bench:
        await bench.press(key)
        assert "Nothing more is sent." in bench.text
        assert bench.states == [State.UNDER_WAY] * AT_ONCE + [State.NOT_TRIED] * 5
        assert bench.answers == []
        desk.answer()
        await bench.quiet()
        assert len(desk.asked) == AT_ONCE
        assert bench.states == [State.DONE] * AT_ONCE + [State.NOT_TRIED] * 5
        assert f"{AT_ONCE} asked, 5 not tried of 9" in bench.text
        await bench.press(key)
        assert bench.answers[0] is not None
        assert [one.state for one in bench.answers[0]] == [State.DONE] * AT_ONCE + [State.NOT_TRIED] * 5


async def test_a_second_escape_leaves_what_is_under_way() -> None:
    desk = Desk(at_once=False)
    async with shown(desk, jobs(9)) as bench:
        await bench.press("escape", "escape")
        assert bench.answers[0] is not None
        assert [one.state for one in bench.answers[0]].count(State.UNDER_WAY) == AT_ONCE
        assert desk.under_way == 0
        assert len(desk.asked) == AT_ONCE


async def test_the_refusals_are_gone_through_and_read_in_full() -> None:
    desk = Desk(at_once=True, refuse=["24030", "24055"])
    async with shown(desk, jobs(60)) as bench:
        table = bench.pilot.app.screen.query_one(RowTable)
        assert table.cursor_index == 30
        assert "24030: The job has ended. Look at it again." in bench.text
        await bench.press("n")
        assert table.cursor_index == 55
        await bench.press("n")
        assert table.cursor_index == 30
        await bench.press("g")
        assert "24000: cancel requested" in bench.text


async def test_a_cursor_that_somebody_moved_stays() -> None:
    desk = Desk(at_once=False, refuse=["24030"])
    async with shown(desk, jobs(60)) as bench:
        await bench.press("G")
        desk.answer()
        await bench.quiet()
        assert bench.pilot.app.screen.query_one(RowTable).cursor_index == 59


async def test_every_outcome_can_be_copied() -> None:
    desk = Desk(at_once=True, refuse=["24001"])
    async with shown(desk, jobs(2)) as bench:
        await bench.press("c")
        assert bench.pilot.app.clipboard == (
            "asked  24000  cancel requested\nrefused  24001  The job has ended. Look at it again."
        )


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_does_nothing(text: str) -> None:
    class Hostile(Desk):
        async def __call__(self, key: str) -> str:
            await super().__call__(key)
            if self.asked.index(key):
                raise refusal(text)
            return text

    async with shown(Hostile(at_once=True), [(text, text), (f"{text}2", text)], title=text) as bench:
        assert all(safe_text(line) == line for line in bench.text.splitlines())
        await bench.press("n", "c")
        assert all(safe_text(line) == line for line in bench.pilot.app.clipboard.splitlines())

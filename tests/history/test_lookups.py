"""What history keeps to choose from: replaced as a whole, each kind with the time it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_app.history.database import InPlace
from tui_app.history.history import History
from tui_app.history.lookups import Readings

if TYPE_CHECKING:
    from pathlib import Path

    from tui_app.history.lookups import Row


def rows(*ids: str) -> list[Row]:
    return [(one, one.upper(), {"n": one}) for one in ids]


async def ids(history: History, kind: str = "audience") -> dict[str, int]:
    return {one: at_ms for one, _, at_ms, _ in await history.lookups.all(kind)}


async def test_a_whole_reading_lets_go_what_it_did_not_list(history: History) -> None:
    lookups = history.lookups
    await lookups.put("audience", rows("a", "b", "c"), at_ms=10)
    await lookups.put("dataset", rows("b"), at_ms=10)
    await lookups.begin_reading("audience", at_ms=20)
    assert await lookups.readings("audience") == Readings(None, 20)
    await lookups.put("audience", rows("a", "d"), at_ms=20)
    assert await ids(history) == {"a": 20, "b": 10, "c": 10, "d": 20}
    await lookups.end_reading("audience", ["a", "d"], began_ms=20, at_ms=25)
    assert await ids(history) == {"a": 20, "d": 20}
    assert await ids(history, "dataset") == {"b": 10}
    assert await lookups.readings("audience") == Readings(20, None)
    assert await lookups.readings("dataset") == Readings()


async def test_what_was_stored_meanwhile_stays_whoever_did(path: Path, history: History) -> None:
    other = History(path, runner=InPlace())
    other.open()
    await history.lookups.begin_reading("audience", at_ms=20)
    await other.lookups.put("audience", rows("made"), at_ms=22)
    await history.lookups.end_reading("audience", [], began_ms=20, at_ms=25)
    assert await ids(history) == {"made": 22}
    other.close()


async def test_what_a_clock_that_was_ahead_has_stored_goes_too(history: History) -> None:
    await history.lookups.put("audience", rows("old"), at_ms=9_000)
    await history.lookups.end_reading("audience", ["new"], began_ms=20, at_ms=25)
    assert await ids(history) == {}


async def test_names_can_outlive_what_they_name(history: History) -> None:
    await history.lookups.put("dataset", rows("a", "b"), at_ms=10)
    await history.lookups.put("dataset", rows("a"), at_ms=20)
    await history.lookups.end_reading("dataset", ["a"], began_ms=20, at_ms=25, keeps_names=True)
    assert await ids(history, "dataset") == {"a": 20, "b": 0}


async def test_a_reading_without_a_list_lets_nothing_go(history: History) -> None:
    await history.lookups.put("audience", rows("a"), at_ms=10)
    await history.lookups.end_reading("audience", None, began_ms=20, at_ms=25)
    assert await ids(history) == {"a": 10}
    assert await history.lookups.readings("audience") == Readings(20, None)


async def test_a_reading_that_another_program_began_later_stays_open(history: History) -> None:
    lookups = history.lookups
    await lookups.begin_reading("audience", at_ms=20)
    await lookups.begin_reading("audience", at_ms=22)
    await lookups.end_reading("audience", [], began_ms=20, at_ms=25)
    assert await lookups.readings("audience") == Readings(20, 22)
    await lookups.end_reading("audience", [], began_ms=22, at_ms=26)
    assert await lookups.readings("audience") == Readings(22, None)


@pytest.mark.parametrize("note", ["", "x", "{}", "[1]", "7", '["a", {}]', "null"])
async def test_a_note_that_is_not_ours_counts_as_none(history: History, note: str) -> None:
    await history.lookups.set_note("lookup.audience", note)
    assert await history.lookups.readings("audience") == Readings()


async def test_what_is_stored_is_counted_by_kind(history: History) -> None:
    await history.lookups.put("audience", rows("a"), at_ms=1)
    assert (history.lookups.changes("audience"), history.lookups.changes("dataset")) == (1, 0)


async def test_ten_thousand_come_back_whole(history: History) -> None:
    stored = [(f"id{number}", f"Name {number:05}", {"id": f"id{number}", "number": number}) for number in range(10_000)]
    await history.lookups.put("audience", stored, at_ms=1)
    assert [(one, name, raw) for one, name, _, raw in await history.lookups.all("audience")] == stored

"""What a sandbox remembers of its list, over restarts, damage and a second program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import FakeClock
from tests.support.engines import HOSTILE, make_engine
from tui_app.engine.views import NAME_MOST, RECENT_MOST, SAVED_MOST, name_fault
from tui_app.history.database import HistoryError
from tui_app.models.failure import FailureError
from tui_app.models.view import SavedView, View

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Make
    from tui_app.engine.engine import Engine

FAILED = View("status:failed", "duration", descending=True, columns=("status", "id", "error"))
STUCK = View("stuck:yes")


async def write_note(engine: Engine, key: str, value: object) -> None:
    await engine._core.history.lookups.set_note(key, value if isinstance(value, str) else json.dumps(value))


def count_writes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lookups, written = engine._core.history.lookups, []
    write = lookups.set_note

    async def counted(key: str, value: str) -> None:
        written.append(key)
        await write(key, value)

    monkeypatch.setattr(lookups, "set_note", counted)
    return written


# The view shown


async def test_a_sandbox_begins_with_the_view_it_was_left_with(make: Make) -> None:
    engine, _ = make()
    assert engine.views.current_now() == await engine.views.current() == View()
    await engine.views.remember(FAILED)
    again, _ = make()
    assert again.views.current_now() == await again.views.current() == FAILED


async def test_the_view_is_written_only_when_it_differs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    written = count_writes(engine, monkeypatch)
    for view in (FAILED, FAILED, STUCK, STUCK, FAILED):
        await engine.views.remember(view)
    assert len(written) == 3
    assert engine.views.current_now() == FAILED
    await engine.views.remember(FAILED)
    assert len(written) == 3


async def test_what_was_typed_on_while_writing_is_written_once_with_the_last(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups, written = engine._core.history.lookups, []
    write = lookups.set_note

    async def slow(key: str, value: str) -> None:
        written.append(json.loads(value)["text"])
        if len(written) == 1:
            for text in ("fa", "fai", "fail"):
                await engine.views.remember(View(text))
        await write(key, value)

    monkeypatch.setattr(lookups, "set_note", slow)
    await engine.views.remember(View("f"))
    assert written == ["f", "fail"]
    assert engine.views.current_now().text == "fail"


@pytest.mark.parametrize(
    "note", ["", "{", "null", "[]", "7", '{"text": 7, "sort": null, "columns": "id"}', "[" * 100_000, "\x00"]
)
async def test_a_damaged_note_counts_as_none(engine: Engine, note: str) -> None:
    for key in ("view.current", "view.saved", "view.filters"):
        await write_note(engine, key, note)
    assert engine.views.current_now() == await engine.views.current() == View()
    assert await engine.views.saved() == ()
    assert await engine.views.recent_filters() == ()
    await engine.views.save(SavedView("Failed", FAILED))
    await engine.views.remember_filter("stuck:yes")
    assert [one.name for one in await engine.views.saved()] == ["Failed"]
    assert await engine.views.recent_filters() == ("stuck:yes",)


async def test_a_history_that_cannot_be_used_costs_the_memory_not_the_list(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups = engine._core.history.lookups

    def closed(*_: object) -> None:
        raise HistoryError("History is closed.")

    for name in ("note", "note_now", "set_note", "change_note"):
        monkeypatch.setattr(lookups, name, closed)
    assert engine.views.current_now() == await engine.views.current() == View()
    await engine.views.remember(FAILED)
    await engine.views.remember_filter("stuck:yes")
    assert await engine.views.saved() == ()
    assert await engine.views.recent_filters() == ()
    with pytest.raises(FailureError) as refused:
        await engine.views.save(SavedView("Failed", FAILED))
    assert str(refused.value) == "The view Failed was not saved: History is closed."


# Saved views


async def test_views_are_kept_under_names(make: Make) -> None:
    engine, _ = make()
    await engine.views.save(SavedView(" Failed ", FAILED, key="1"))
    await engine.views.save(SavedView("Stuck", STUCK))
    again, _ = make()
    assert await again.views.saved() == (SavedView("Failed", FAILED, "1"), SavedView("Stuck", STUCK))


async def test_the_same_name_replaces_in_its_place(engine: Engine) -> None:
    await engine.views.save(SavedView("Failed", FAILED, "1"))
    await engine.views.save(SavedView("Stuck", STUCK))
    assert await engine.views.save(SavedView("FAILED", STUCK, "3")) == (
        SavedView("FAILED", STUCK, "3"),
        SavedView("Stuck", STUCK),
    )


async def test_a_key_that_is_given_again_moves(engine: Engine) -> None:
    await engine.views.save(SavedView("Failed", FAILED, "1"))
    found = await engine.views.save(SavedView("Stuck", STUCK, "1"))
    assert [(one.name, one.key) for one in found] == [("Failed", None), ("Stuck", "1")]
    assert (await engine.views.save(SavedView("Odd", STUCK, "0")))[-1].key is None


async def test_views_are_renamed_and_removed(engine: Engine) -> None:
    await engine.views.save(SavedView("Failed", FAILED, "1"))
    await engine.views.save(SavedView("Stuck", STUCK))
    assert [one.name for one in await engine.views.rename("Failed", "FAILED")] == ["FAILED", "Stuck"]
    for old, new, cause in (("FAILED", "stuck", "Another view is named stuck"), ("Gone", "x", "It is not there")):
        with pytest.raises(FailureError, match=cause):
            await engine.views.rename(old, new)
    assert await engine.views.remove("failed") == (SavedView("Stuck", STUCK),)
    assert await engine.views.remove("failed") == (SavedView("Stuck", STUCK),)


@pytest.mark.parametrize(
    "name", ["", "  ", "a\x1b[31mb", "a\u202eb", "x" * (NAME_MOST + 1), "日" * (NAME_MOST // 2 + 1)]
)
async def test_a_name_that_will_not_do_is_told(engine: Engine, name: str) -> None:
    await engine.views.save(SavedView("Failed", FAILED))
    assert name_fault(name)
    for change in (engine.views.save(SavedView(name, STUCK)), engine.views.rename("Failed", name)):
        with pytest.raises(FailureError) as refused:
            await change
        assert "\x1b" not in str(refused.value)
        assert "Give it a name" in str(refused.value)
    assert [one.name for one in await engine.views.saved()] == ["Failed"]


async def test_there_are_as_many_views_as_a_list_can_show(engine: Engine) -> None:
    for number in range(SAVED_MOST):
        await engine.views.save(SavedView(f"view {number}", FAILED))
    with pytest.raises(FailureError, match=f"There are {SAVED_MOST} saved views already"):
        await engine.views.save(SavedView("one more", FAILED))
    await engine.views.save(SavedView("view 7", STUCK))
    assert len(await engine.views.saved()) == SAVED_MOST


async def test_two_programs_on_one_history_lose_nothing(make: Make) -> None:
    (one, _), (other, _) = make(), make()
    await one.views.saved()
    await other.views.save(SavedView("theirs", STUCK, "1"))
    await one.views.save(SavedView("ours", FAILED, "2"))
    await other.views.remember_filter("theirs")
    await one.views.remember_filter("ours")
    assert [view.name for view in await other.views.saved()] == ["theirs", "ours"]
    assert await other.views.recent_filters() == ("ours", "theirs")


async def test_what_makes_no_sense_in_a_note_is_left_out(engine: Engine) -> None:
    good = {"name": "Good", "key": "1", "view": {"text": "a"}}
    odd = [
        7,
        {},
        {"name": "a\x1bb"},
        {"name": "GOOD"},
        {"name": "Twice", "key": "1"},
        {"name": "Key", "key": ["2"]},
        {"name": "View", "key": "12", "view": 7},
    ]
    await write_note(engine, "view.saved", [good, *odd])
    assert await engine.views.saved() == (
        SavedView("Good", View("a"), "1"),
        SavedView("Twice", View()),
        SavedView("Key", View()),
        SavedView("View", View()),
    )


async def test_any_filter_survives(make: Make) -> None:
    engine, _ = make()
    for place, text in enumerate(HOSTILE):
        await engine.views.save(SavedView(f"view {place}", View(text)))
        await engine.views.remember_filter(text)
    again, _ = make()
    assert [one.view.text for one in await again.views.saved()] == list(HOSTILE)
    assert await again.views.recent_filters() == tuple(reversed(HOSTILE))


# Filters typed before


async def test_the_newest_filters_are_kept_none_twice(engine: Engine) -> None:
    for number in range(RECENT_MOST + 5):
        await engine.views.remember_filter(f"id:{number}")
    await engine.views.remember_filter(f" id:{RECENT_MOST} ")
    for nothing in ("", "  ", "x" * 10_001):
        await engine.views.remember_filter(nothing)
    found = await engine.views.recent_filters()
    assert len(found) == RECENT_MOST
    assert found[:3] == (f"id:{RECENT_MOST}", f"id:{RECENT_MOST + 4}", f"id:{RECENT_MOST + 3}")


async def test_sandboxes_do_not_share(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    clock = FakeClock()
    engine, _ = make_engine(tmp_path, clock)
    other, _ = make_engine(tmp_path / "other", clock, sandbox_name="dev")
    await engine.views.remember(FAILED)
    await engine.views.save(SavedView("Failed", FAILED))
    assert other.views.current_now() == View()
    assert await other.views.saved() == ()
    for one in (engine, other):
        one._core.history.close()

"""What one can choose from: known at once, read anew behind it, never less after a broken line than before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import drain
from tests.support.engines import DATASET, START_MS, dataset, offline
from tests.support.lookups import FakeLists
from tui_app.api.errors import ForbiddenError, ThrottledError
from tui_app.engine.lookups import Known, Lookups
from tui_app.engine.session import Topic
from tui_app.models.catalog import PROFILE_UNION, DatasetRequest
from tui_app.models.failure import FailureKind
from tui_app.models.field_paths import EVENT_UNION

if TYPE_CHECKING:
    from tests.support.clock import FakeClock
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

PAGES = "audiences.pages"
IDS = [f"a{number:03}" for number in range(25)]


@pytest.fixture
def lists(platform: FakePlatform) -> FakeLists:
    made = FakeLists(platform, page=10)
    made.put_audiences(*IDS)
    made.policies["m1"] = {"id": "m1", "name": "Default", "default": True}
    return made


@pytest.fixture
def lookups(engine: Engine, lists: FakeLists) -> Lookups:
    return Lookups(engine._core)


def again(engine: Engine) -> Lookups:
    """The lookups of a program that starts on the same history."""
    history = engine._core.history
    history.lookups._changes.clear()
    return Lookups(engine._core)


def ids(known: Known[Any]) -> list[str]:
    return [one.audience_id for one in known.items]


async def test_nothing_is_known_at_first_and_nobody_is_asked(lookups: Lookups, platform: FakePlatform) -> None:
    assert await lookups.audiences.known() == Known()
    assert platform.calls == []


async def test_all_pages_are_read_told_and_kept(
    engine: Engine, lookups: Lookups, platform: FakePlatform, clock: FakeClock
) -> None:
    heard: list[Topic] = []
    engine.subscribe(heard.append)
    known = await lookups.audiences.refresh()
    assert ids(known) == IDS
    assert (known.fetched_ms, known.is_complete, known.is_reading, known.failure) == (START_MS, True, False, None)
    assert heard == [Topic.LOOKUPS] * 5  # begin, three pages, end
    await clock.advance(60)
    kept = await again(engine).audiences.known()
    assert (kept.items, kept.fetched_ms, kept.is_complete) == (known.items, START_MS, True)
    assert platform.asked(PAGES) == [0, 1, 2]


async def test_what_is_read_so_far_can_be_chosen_from_already(lookups: Lookups, lists: FakeLists) -> None:
    lists.page = 20
    gate = lists.hold(PAGES, 1)
    reading = asyncio.create_task(lookups.audiences.refresh())
    await drain()
    known = await lookups.audiences.known()
    assert (ids(known), known.read, known.is_reading, known.is_complete) == (IDS[:20], 20, True, False)
    assert known.fetched_ms == START_MS
    gate.set()
    assert ids(await reading) == IDS


async def test_an_item_goes_only_when_a_whole_reading_has_shown_it_gone(
    engine: Engine, lookups: Lookups, lists: FakeLists, platform: FakePlatform, clock: FakeClock
) -> None:
    await lookups.audiences.refresh()
    await clock.advance(60)
    del lists.audiences["a001"]
    lists.put_audiences("b1")
    platform.fail(PAGES, offline(), times=None)
    broken = await lookups.audiences.refresh()
    assert ids(broken) == IDS
    assert broken.failure is not None
    assert (broken.failure.kind, broken.is_complete, broken.locked) == (FailureKind.NETWORK, False, False)
    platform.mend(PAGES)
    whole = await lookups.audiences.refresh()
    assert ids(whole) == [one for one in [*IDS, "b1"] if one != "a001"]
    assert (whole.fetched_ms, whole.failure, whole.is_complete) == (START_MS + 60_000, None, True)
    assert ids(await again(engine).audiences.known()) == ids(whole)


@pytest.mark.parametrize("had_all", [True, False])
async def test_a_line_that_breaks_half_way_keeps_what_came_and_what_was_there(
    engine: Engine, lookups: Lookups, lists: FakeLists, platform: FakePlatform, clock: FakeClock, *, had_all: bool
) -> None:
    if had_all:
        await lookups.audiences.refresh()
    await clock.advance(60)
    lists.audiences = {"b1": {"id": "b1", "name": "New"}, **lists.audiences}
    gate = lists.hold(PAGES, 1)
    reading = asyncio.create_task(lookups.audiences.refresh())
    await drain()
    platform.fail(PAGES, offline(), times=None)
    gate.set()
    known = await reading
    assert set(ids(known)) == ({*IDS, "b1"} if had_all else {"b1", *IDS[:9]})
    assert (known.is_complete, known.fetched_ms) == (False, START_MS if had_all else START_MS + 60_000)
    assert known.failure is not None
    kept = await again(engine).audiences.known()
    assert (kept.items, kept.is_complete, kept.fetched_ms) == (known.items, False, known.fetched_ms)


async def test_a_list_that_changes_while_it_is_read_loses_nothing(lookups: Lookups, lists: FakeLists) -> None:
    await lookups.audiences.refresh()
    gate = lists.hold(PAGES, 1)
    reading = asyncio.create_task(lookups.audiences.refresh())
    await drain()
    del lists.audiences["a000"]  # a010 moves to the page that was read already, so no page shows it
    gate.set()
    assert "a010" in ids(await reading)
    assert "a000" not in ids(await lookups.audiences.refresh())


async def test_two_refreshes_at_once_are_one(lookups: Lookups, platform: FakePlatform) -> None:
    first, second = await asyncio.gather(lookups.audiences.refresh(), lookups.audiences.refresh())
    assert first == second
    assert platform.asked(PAGES) == [0, 1, 2]


async def test_who_stops_waiting_does_not_stop_the_reading(lookups: Lookups, platform: FakePlatform) -> None:
    gate = platform.hold(PAGES)
    waiting = asyncio.create_task(lookups.audiences.refresh())
    await drain()
    waiting.cancel()
    await drain()
    gate.set()
    await drain()
    assert (await lookups.audiences.known()).is_complete


async def test_stop_breaks_a_reading_off(engine: Engine, lookups: Lookups, platform: FakePlatform) -> None:
    platform.hold(PAGES)
    waiting = asyncio.create_task(lookups.audiences.refresh())
    await drain()
    await lookups.stop()
    known = await waiting
    assert (known.is_reading, known.is_complete, engine.activity.count) == (False, False, 0)


async def test_a_refusal_locks_that_lookup_alone(lookups: Lookups, platform: FakePlatform) -> None:
    platform.fail(PAGES, ForbiddenError("No.", status=403, cause="Not allowed.", next_step="Ask."), times=None)
    known = await lookups.audiences.refresh()
    assert (known.locked, known.items) == (True, ())
    assert known.failure is not None
    assert str(known.failure) == "The audiences could not be read: Not allowed. Ask."
    other = await lookups.merge_policies.refresh()
    assert (other.locked, [one.policy_id for one in other.items]) == (False, ["m1"])


async def test_an_empty_sandbox_is_known_to_be_empty(engine: Engine, lookups: Lookups, lists: FakeLists) -> None:
    lists.audiences.clear()
    await lookups.audiences.refresh()
    assert await again(engine).audiences.known() == Known(fetched_ms=START_MS, is_complete=True)


async def test_what_is_young_and_whole_is_not_read_again(
    lookups: Lookups, platform: FakePlatform, clock: FakeClock
) -> None:
    await lookups.audiences.refresh_if_older(60)
    await clock.advance(60)
    await lookups.audiences.refresh_if_older(60)
    assert platform.asked(PAGES) == [0, 1, 2]
    await clock.advance(1)
    known = await lookups.audiences.refresh_if_older(60)
    assert platform.asked(PAGES) == [0, 1, 2] * 2
    assert known.fetched_ms == START_MS + 61_000


async def test_a_platform_that_named_a_time_is_not_asked_before(
    lookups: Lookups, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.fail(PAGES, ThrottledError("Slow down.", status=429, retry_after_s=90.0))
    await lookups.audiences.refresh()
    assert (await lookups.audiences.refresh_if_older(0)).failure is not None
    assert platform.asked(PAGES) == [0]
    await clock.advance(91)
    assert (await lookups.audiences.refresh_if_older(0)).is_complete


async def test_a_remark_goes_with_what_is_known(lookups: Lookups, lists: FakeLists) -> None:
    lists.remark = "Something is missing."
    assert (await lookups.audiences.refresh()).remark == "Something is missing."


@pytest.mark.parametrize("writes", [True, False])
async def test_a_history_that_fails_costs_the_memory_only(engine: Engine, lookups: Lookups, *, writes: bool) -> None:
    history = engine._core.history
    if writes:
        assert history.database._writer is not None
        history.database._writer.execute("PRAGMA query_only=1")
    else:
        history.close()
    known = await lookups.audiences.refresh()
    assert ids(known) == IDS
    assert known.is_complete
    if not writes:
        assert known.failure is not None
        assert known.failure.kind is FailureKind.LOCAL
        assert "closed" in known.failure.cause


async def test_fields_keep_the_order_of_the_tree(engine: Engine, lookups: Lookups, lists: FakeLists) -> None:
    names = [f"f{number % 7}{number}" for number in range(600)]
    lists.schemas[PROFILE_UNION] = {"properties": {name: {"type": "string", "title": name} for name in names}}
    lists.schemas[EVENT_UNION] = {"properties": {"web": {"type": "object", "properties": {"url": {}}}}}
    assert [one.path for one in (await lookups.profile_fields.refresh()).items] == names
    assert [one.path for one in (await lookups.event_fields.refresh()).items] == ["web", "web.url"]
    kept = again(engine)
    assert (await kept.profile_fields.known()).items == (await lookups.profile_fields.known()).items
    assert (await kept.event_fields.known()).items == (await lookups.event_fields.known()).items
    lists.schemas[PROFILE_UNION] = {"properties": {"z": {}, "a": {}}}
    await kept.profile_fields.refresh()
    assert [one.path for one in (await again(engine).profile_fields.known()).items] == ["z", "a"]


async def test_sandboxes_and_policies_come_back_from_history(
    engine: Engine, lookups: Lookups, platform: FakePlatform
) -> None:
    platform.sandbox_records = [
        {"name": "prod", "type": "production", "isDefault": True, "region": "VA7"},
        {"name": "dev", "type": "development"},
    ]
    sandboxes = await lookups.sandboxes.refresh()
    policies = await lookups.merge_policies.refresh()
    kept = again(engine)
    assert (await kept.sandboxes.known()).items == sandboxes.items
    assert sandboxes.items[0].is_default
    assert (await kept.merge_policies.known()).items == policies.items


async def test_a_dataset_that_is_gone_keeps_its_name_for_jobs(
    engine: Engine, lookups: Lookups, platform: FakePlatform
) -> None:
    platform.datasets["d2"] = dataset("Second")
    assert {one.dataset_id for one in (await lookups.datasets.refresh()).items} == {DATASET, "d2"}
    del platform.datasets["d2"]
    assert [one.dataset_id for one in (await lookups.datasets.refresh()).items] == [DATASET]
    assert [one.dataset_id for one in (await again(engine).datasets.known()).items] == [DATASET]
    assert ("d2", "Second") in {(one.dataset_id, one.name) for one in await engine.datasets.known()}


async def test_a_dataset_without_a_record_is_no_choice(engine: Engine, lookups: Lookups) -> None:
    await engine._core.history.lookups.put("dataset", [("deleted", "", {})], at_ms=START_MS)
    assert (await lookups.datasets.known()).items == ()


async def test_a_dataset_made_in_a_form_can_be_chosen_at_once(engine: Engine, lookups: Lookups) -> None:
    before = await lookups.datasets.refresh()
    dataset_id = await engine.datasets.create(DatasetRequest(name="New one"))
    known = await lookups.datasets.known()
    assert {one.dataset_id for one in known.items} == {dataset_id, *(one.dataset_id for one in before.items)}
    assert known.is_complete


async def test_a_dataset_made_while_the_list_is_read_is_not_lost(
    engine: Engine, lookups: Lookups, platform: FakePlatform, clock: FakeClock
) -> None:
    gate = platform.hold("catalog.list_datasets")
    reading = asyncio.create_task(lookups.datasets.refresh())
    await drain()
    await clock.advance(1)
    dataset_id = await engine.datasets.create(DatasetRequest(name="New one"))
    platform.datasets.pop(dataset_id)  # Catalog lists it a moment later
    gate.set()
    await reading
    assert dataset_id in {one.dataset_id for one in (await lookups.datasets.known()).items}


async def test_a_row_of_another_release_is_left_out(engine: Engine, lookups: Lookups) -> None:
    history = engine._core.history
    await history.lookups.put("audience", [("x", "X", {}), ("a", "A", {"id": "a"})], at_ms=START_MS)
    await history.lookups.put(
        "profile_field", [("000000", "000000", {"fields": [["a", 1, 2, 3, 4, 5, 6, 7]]})], at_ms=1
    )
    assert ids(await lookups.audiences.known()) == ["a"]
    assert (await lookups.profile_fields.known()).items == ()

"""Datasets: made once, checked before a job needs them, known by name without asking much."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engines import DATASET, START_MS, answer_lost, dataset, job, offline, remember
from tui_app.api.errors import ApiError, BadRequestError, ForbiddenError, ServerError
from tui_app.engine.session import Policy, Topic
from tui_app.models.catalog import DatasetRequest
from tui_app.models.failure import FailureError, FailureKind

if TYPE_CHECKING:
    from tests.engine.conftest import Make
    from tests.support.clock import FakeClock
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

CHECK = "catalog.validate_dataset"
CREATE = "catalog.create_dataset"
GET = "catalog.get_dataset"
LIST = "catalog.list_datasets"
REQUEST = DatasetRequest(name="Exports [/x]")


async def test_a_dataset_is_made_and_known_by_name(engine: Engine, platform: FakePlatform) -> None:
    heard: list[Topic] = []
    engine.subscribe(heard.append)
    dataset_id = await engine.datasets.create(REQUEST)
    assert platform.asked(CREATE) == [REQUEST.to_body()]
    (known,) = await engine.datasets.known()
    assert (known.dataset_id, known.name, known.is_union) == (dataset_id, "Exports [/x]", True)
    assert heard == [Topic.LOOKUPS]


async def test_a_lost_answer_is_found_by_name(engine: Engine, platform: FakePlatform) -> None:
    platform.datasets["older"] = dataset("Exports [/x]", created=START_MS - 60_000)
    platform.fail(CREATE, answer_lost(), happens=True)
    dataset_id = await engine.datasets.create(REQUEST)
    assert platform.datasets[dataset_id]["created"] == START_MS
    assert len(platform.asked(CREATE)) == 1
    assert [one.dataset_id for one in await engine.datasets.known()] == [dataset_id]


async def test_what_the_platform_refuses_in_its_check_is_not_sent(engine: Engine, platform: FakePlatform) -> None:
    platform.fail(CHECK, BadRequestError("No.", status=400, cause="The name is taken."))
    with pytest.raises(FailureError, match="The name is taken"):
        await engine.datasets.create(REQUEST)
    assert platform.asked(CREATE) == []


async def test_a_check_without_an_answer_does_not_stand_in_the_way(engine: Engine, platform: FakePlatform) -> None:
    platform.fail(CHECK, answer_lost())
    assert await engine.datasets.create(REQUEST) in platform.datasets
    assert len(platform.asked(CREATE)) == 1


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_platform_that_makes_what_it_should_check_is_not_asked_again(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, *, is_told: bool
) -> None:
    async def heedless(body: dict[str, object]) -> str:
        platform.datasets["made"] = {**body, "created": START_MS}
        if not is_told:
            raise answer_lost()
        return "made"

    monkeypatch.setattr(platform.catalog, "validate_dataset", heedless)
    assert await engine.datasets.create(REQUEST) == "made"
    assert platform.asked(CREATE) == []


async def test_the_table_of_a_new_dataset_is_waited_for(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    dataset_id = await engine.datasets.create(REQUEST)
    waiting = asyncio.create_task(engine.datasets.table_name(dataset_id))
    await clock.advance(7)
    assert not waiting.done()
    platform.datasets[dataset_id]["tags"] = {"adobe/pqs/table": ["exports"]}
    await clock.advance(3)
    assert await waiting == "exports"
    await engine.datasets.create(REQUEST)
    platform.datasets[dataset_id]["tags"] = {}
    waiting = asyncio.create_task(engine.datasets.table_name(dataset_id))
    await clock.advance(60)
    assert await waiting is None


async def test_the_platforms_own_clock_decides_what_was_made_since(engine: Engine, platform: FakePlatform) -> None:
    platform.server_clock_skew_s = -3_600
    platform.datasets["ours"] = dataset("Exports [/x]", created=START_MS - 3_600_000)
    platform.fail(CREATE, answer_lost())
    assert await engine.datasets.create(REQUEST) == "ours"


@pytest.mark.parametrize("others", [0, 2])
async def test_a_lost_answer_that_cannot_be_cleared_up_is_told(
    engine: Engine, platform: FakePlatform, others: int
) -> None:
    for number in range(others):
        platform.datasets[f"n{number}"] = dataset("Exports [/x]")
    platform.fail(CREATE, answer_lost())
    with pytest.raises(FailureError) as caught:
        await engine.datasets.create(REQUEST)
    assert caught.value.failure.next_step == "Look before trying again."
    assert len(platform.asked(CREATE)) == 1


async def test_a_lost_answer_and_a_list_that_fails_tell_of_the_first(engine: Engine, platform: FakePlatform) -> None:
    platform.fail(CREATE, answer_lost())
    platform.fail(LIST, ServerError("No.", status=500))
    with pytest.raises(FailureError) as caught:
        await engine.datasets.create(REQUEST)
    assert caught.value.failure.kind is FailureKind.NETWORK


async def test_datasets_of_a_name_are_those_of_catalog(engine: Engine, platform: FakePlatform) -> None:
    platform.datasets["one"] = dataset("Exports [/x]", created=START_MS - 60_000)
    platform.datasets["two"] = dataset("Exports [/x]")
    platform.datasets["other"] = dataset("exports [/X]")
    found = await engine.datasets.named("Exports [/x]")
    assert {(one.dataset_id, one.created_ms) for one in found} == {("one", START_MS - 60_000), ("two", START_MS)}
    assert await engine.datasets.named("nobody's") == ()


async def test_datasets_of_a_name_are_those_seen_so_far_while_catalog_is_away(
    engine: Engine, platform: FakePlatform
) -> None:
    dataset_id = await engine.datasets.create(REQUEST)
    platform.fail(LIST, offline())
    assert [one.dataset_id for one in await engine.datasets.named("Exports [/x]")] == [dataset_id]


async def test_a_plain_refusal_looks_for_nothing(engine: Engine, platform: FakePlatform) -> None:
    platform.fail(CREATE, BadRequestError("No.", status=400, cause="The name is taken."))
    with pytest.raises(FailureError, match="The name is taken"):
        await engine.datasets.create(REQUEST)
    assert platform.asked(LIST) == []


async def test_read_only_makes_no_dataset(make: Make) -> None:
    engine, platform = make(policy=Policy.READ_ONLY)
    with pytest.raises(FailureError) as caught:
        await engine.datasets.create(REQUEST)
    assert (caught.value.failure.kind, platform.calls) == (FailureKind.REFUSED, [])


async def test_an_id_is_told_also_when_it_cannot_be_kept(engine: Engine, platform: FakePlatform) -> None:
    writer = engine._core.history.database._writer
    assert writer is not None
    writer.execute("PRAGMA query_only=1")
    dataset_id = await engine.datasets.create(REQUEST)
    assert dataset_id in platform.datasets
    assert await engine.datasets.check_target(dataset_id) is None


async def test_a_target_on_the_union_schema_is_fine(engine: Engine, platform: FakePlatform) -> None:
    assert await engine.datasets.check_target(DATASET) is None


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        (dataset("Orders", schema_id="https://ns.adobe.com/acme/schemas/1"), "Dataset Orders is not based on"),
        (dataset("Orders", schemaRef=None), "(no schema)"),
    ],
)
async def test_a_target_on_another_schema_is_an_error(
    engine: Engine, platform: FakePlatform, record: dict[str, Any], cause: str
) -> None:
    platform.datasets["d"] = record
    finding = await engine.datasets.check_target("d")
    assert finding is not None
    assert (finding.severity, finding.field) == ("error", "destination.datasetId")
    assert cause in finding.cause
    assert "create one that is" in finding.remedy


async def test_a_target_that_does_not_exist_is_an_error(engine: Engine, platform: FakePlatform) -> None:
    finding = await engine.datasets.check_target("nowhere")
    assert finding is not None
    assert finding.severity == "error"
    assert "nowhere does not exist in sandbox prod" in finding.cause


@pytest.mark.parametrize("error", [offline(), ForbiddenError("No.", status=403), ServerError("No.", status=500)])
async def test_a_target_that_cannot_be_looked_up_is_not_held_against_anybody(
    engine: Engine, platform: FakePlatform, error: ApiError
) -> None:
    platform.fail(GET, error)
    finding = await engine.datasets.check_target(DATASET)
    assert finding is not None
    assert finding.severity == "warning"


async def test_lists_are_read_to_the_end_or_the_limit(engine: Engine, platform: FakePlatform) -> None:
    platform.datasets = {f"d{number:04}": dataset(f"Set {number}") for number in range(250)}
    assert len(await engine.datasets.list()) == 250
    assert len(platform.asked(LIST)) == 3
    assert len(await engine.datasets.list(limit=120)) == 120
    assert len(await engine.datasets.list(limit=0)) == 0
    assert len(await engine.datasets.known()) == 250


async def test_a_catalog_that_repeats_itself_ends(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.datasets = {f"d{number:04}": dataset(f"Set {number}") for number in range(100)}
    inner = platform.catalog.list_datasets

    async def list_datasets(**arguments: Any) -> Any:
        return await inner(**(arguments | {"start": 0}))

    monkeypatch.setattr(platform.catalog, "list_datasets", list_datasets)
    assert len(await engine.datasets.list()) == 100


async def test_names_are_learned_with_few_requests_and_once(engine: Engine, platform: FakePlatform) -> None:
    platform.datasets = {f"d{number:04}": dataset(f"Set {number}") for number in range(2_000)}
    far = [job(number, destination={"datasetId": f"d{1_900 + number:04}"}) for number in range(30)]
    await remember(engine, *far)
    assert await engine.datasets.learn_names()
    assert (len(platform.asked(LIST)), len(platform.asked(GET))) == (5, 10)
    for _ in range(5):
        assert await engine.datasets.learn_names()
    assert (len(platform.asked(LIST)), len(platform.asked(GET))) == (5, 30)
    found = await engine.list.summary("7")
    assert found is not None
    assert found.dataset_name == "Set 1907"


async def test_a_deleted_dataset_is_asked_for_once(engine: Engine, platform: FakePlatform) -> None:
    await remember(engine, job(1, destination={"datasetId": "deleted"}))
    await engine.datasets.learn_names()
    await engine.datasets.learn_names()
    assert platform.asked(GET) == ["deleted"]
    found = await engine.list.summary("1")
    assert found is not None
    assert (found.dataset_id, found.dataset_name) == ("deleted", None)


async def test_names_that_may_not_be_read_are_not_asked_for_all_the_time(
    engine: Engine, platform: FakePlatform, clock: FakeClock
) -> None:
    platform.put(job(1, "PROCESSING", stage="gap"))
    platform.fail(GET, ForbiddenError("No.", status=403), times=None)
    await engine.start()
    for tick in range(60):
        platform.change(1, updateTime=START_MS + tick)
        await clock.advance(60)
    assert len(platform.asked(GET)) <= 10
    platform.mend(GET)
    await clock.advance(700)
    found = await engine.list.summary("1")
    assert found is not None
    assert found.dataset_name == "Loyalty export"
    await engine.stop()

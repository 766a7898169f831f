"""The checks before sending: what is gathered for them, and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.engines import DATASET, START_MS, dataset, job, offline, remember
from tui_app.api.errors import ForbiddenError
from tui_app.engine.checks import Checks
from tui_app.engine.lookups import Lookups
from tui_app.models.audience import Audience
from tui_app.models.catalog import Dataset, Sandbox
from tui_app.models.export_job import Segment
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.field_paths import FieldPath
from tui_app.models.times import parse_rfc3339

if TYPE_CHECKING:
    from tests.support.clock import FakeClock
    from tests.support.engines import FakePlatform
    from tui_app.engine.engine import Engine

REQUEST = ExportRequest(DATASET, segments=(Segment("a", "ups", ("realized",)),))
GET = "catalog.get_dataset"
MINUTE_MS = 60_000
TARGET = "destination.datasetId"


@dataclass
class FakeLookup:
    """What is known of one kind of thing, as the engine's lookups tell it."""

    items: tuple[Any, ...] = ()
    fetched_ms: int | None = None
    is_complete: bool = False
    is_reading: bool = False
    locked: bool = False

    async def known(self) -> FakeLookup:
        return self

    async def refresh(self) -> FakeLookup:
        raise AssertionError("checks wait for no reading")


@dataclass
class FakeLookups:
    """All lookups; nothing is known until a test says so."""

    datasets: FakeLookup = field(default_factory=FakeLookup)
    audiences: FakeLookup = field(default_factory=FakeLookup)
    merge_policies: FakeLookup = field(default_factory=FakeLookup)
    profile_fields: FakeLookup = field(default_factory=FakeLookup)
    event_fields: FakeLookup = field(default_factory=FakeLookup)
    sandboxes: FakeLookup = field(default_factory=FakeLookup)


@pytest.fixture
def lookups() -> FakeLookups:
    return FakeLookups()


@pytest.fixture
def checks(engine: Engine, lookups: FakeLookups) -> Checks:
    return Checks(engine._core, cast("Lookups", lookups))


def complete(*items: Any, at_ms: int = START_MS) -> FakeLookup:
    return FakeLookup(items, at_ms, is_complete=True)


def seen(record: dict[str, Any] | None = None, *, at_ms: int = START_MS) -> FakeLookup:
    return complete(Dataset.parse(DATASET, record or dataset()), at_ms=at_ms)


async def test_times_are_fixed_when_it_is_sent(checks: Checks, clock: FakeClock) -> None:
    request = replace(REQUEST, from_ingest="-7d", events=EventList(None, "-24h", "now"))
    await clock.advance(1.75)
    done = await checks.checked(request)
    assert done.findings == ()
    assert not done.is_refused
    assert done.request == (await checks.checked(done.request)).request
    events = done.request.events
    assert events is not None
    sent = [parse_rfc3339(one or "") for one in (done.request.from_ingest, events.from_ingest, events.to_ingest)]
    at = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)
    assert sent == [at - timedelta(days=7), at - timedelta(days=1), at]
    await clock.advance(3_600)
    assert (await checks.checked(done.request)).request == done.request
    assert (await checks.checked(request)).request != done.request


async def test_a_time_that_cannot_be_read_is_told_once(checks: Checks) -> None:
    done = await checks.checked(replace(REQUEST, from_ingest="soonish"))
    assert [(one.severity, one.field) for one in done.findings] == [("error", "filter.fromIngestTimestamp")]
    assert "-7d" in done.findings[0].remedy
    assert done.is_refused
    assert done.request.from_ingest == "soonish"


async def test_general_and_closer_rules_speak(checks: Checks, lookups: FakeLookups) -> None:
    lookups.audiences = complete(Audience("b"))
    lookups.profile_fields = complete(FieldPath("a.b", "string"))
    request = replace(REQUEST, schema_name=" ", events=EventList())
    assert [one.field for one in await checks.findings(request)] == [
        "schema.name",
        "additionalFields.eventList.filter.fromIngestTimestamp",
        "filter.segments[0].segmentId",
    ]
    named = await checks.findings(replace(REQUEST, segments=(), fields="a.c"))
    assert [one.field for one in named] == ["filter.segments", "fields"]


# The dataset: the only thing that is asked for


async def test_a_dataset_seen_lately_is_not_asked_for(
    checks: Checks, lookups: FakeLookups, platform: FakePlatform
) -> None:
    lookups.datasets = seen(dataset(tags={"unifiedProfile": ["enabled:true"]}), at_ms=START_MS - 9 * MINUTE_MS)
    assert [one.field for one in await checks.findings(REQUEST)] == [TARGET]
    assert platform.calls == []


@pytest.mark.parametrize(
    "known",
    [
        FakeLookup(),
        seen(at_ms=START_MS - 11 * MINUTE_MS),
        seen(dataset(schema_id="https://ns.adobe.com/acme/schemas/1")),
        seen({"name": "half read"}),
    ],
)
async def test_a_dataset_that_is_not_known_well_is_asked_for_once(
    checks: Checks, lookups: FakeLookups, platform: FakePlatform, known: FakeLookup
) -> None:
    lookups.datasets = known
    platform.datasets[DATASET] = dataset("New", tags={"unifiedProfile": ["enabled:true"]})
    (found,) = await checks.findings(REQUEST)
    assert found.cause.startswith("Dataset New is enabled for profiles")
    assert platform.calls == [(GET, DATASET)]


async def test_a_dataset_that_was_deleted_since_is_an_error(
    checks: Checks, lookups: FakeLookups, platform: FakePlatform
) -> None:
    lookups.datasets = seen(at_ms=START_MS - 60 * MINUTE_MS)
    await checks.findings(REQUEST)
    del platform.datasets[DATASET]
    done = await checks.checked(REQUEST)
    assert [one.cause for one in done.findings] == [f"Dataset {DATASET} does not exist in sandbox prod."]
    assert done.is_refused


async def test_a_dataset_elsewhere_than_on_the_union_is_an_error(checks: Checks, platform: FakePlatform) -> None:
    platform.datasets[DATASET] = dataset("Orders", schema_id="https://ns.adobe.com/acme/schemas/1")
    done = await checks.checked(REQUEST)
    assert [one.field for one in done.findings] == [TARGET]
    assert "not based on the profile union" in done.findings[0].cause
    assert done.is_refused


@pytest.mark.parametrize("error", [offline(), ForbiddenError("No.", status=403)])
async def test_a_dataset_that_cannot_be_asked_for_is_what_it_was(
    checks: Checks, lookups: FakeLookups, platform: FakePlatform, error: Any
) -> None:
    platform.fail(GET, error, times=None)
    (unknown,) = await checks.findings(REQUEST)
    assert (unknown.severity, unknown.field) == ("warning", TARGET)
    assert "could not be checked" in unknown.cause
    lookups.datasets = seen(at_ms=START_MS - 60 * MINUTE_MS)
    assert await checks.findings(REQUEST) == ()
    lookups.datasets = seen(dataset(schema_id="https://ns.adobe.com/acme/schemas/1"))
    (wrong,) = await checks.findings(REQUEST)
    assert wrong.severity == "error"


async def test_no_dataset_is_asked_for_without_an_id(checks: Checks, platform: FakePlatform) -> None:
    assert [one.field for one in await checks.findings(replace(REQUEST, dataset_id=" "))] == [TARGET]
    assert platform.calls == []


# Running jobs


async def test_running_jobs_into_the_dataset_are_told(checks: Checks, engine: Engine) -> None:
    body = REQUEST.to_body()
    await remember(
        engine,
        job(1, "PROCESSING", stage="export", **body),
        job(2, "SUCCEEDED", **body),
        job(3, "NEW", stage="queue", **body | {"destination": {"datasetId": "elsewhere"}}),
        job(4, "NEW", stage="queue"),
    )
    same, other = await checks.findings(REQUEST)
    assert same.cause == "The same export is running already when the list was last read: export job 1 (PROCESSING)."
    assert "export job 4 (NEW)" in other.cause
    engine.session.last_ok_ms = START_MS - MINUTE_MS
    same, _ = await checks.findings(REQUEST)
    assert same.cause == "The same export is running already: export job 1 (PROCESSING)."


# Production


async def test_a_production_sandbox_is_named(checks: Checks, engine: Engine, lookups: FakeLookups) -> None:
    everything = replace(REQUEST, segments=())

    async def told() -> bool:
        (found,) = await checks.findings(everything)
        assert found.field == "filter.segments"
        return "production sandbox prod" in found.cause

    assert not await told()
    engine.session.production = True
    assert await told()
    lookups.sandboxes = FakeLookup((Sandbox(name="prod", type="development"),))
    assert not await told()
    engine.session.production = False
    lookups.sandboxes = FakeLookup((Sandbox(name="prod", type="production"), Sandbox(name="dev", type="development")))
    assert await told()


# What is not known


async def test_a_list_that_is_not_whole_says_nothing_of_what_is_not_in_it(checks: Checks, lookups: FakeLookups) -> None:
    for lookup in (FakeLookup((Audience("b"),), START_MS), replace(complete(Audience("b")), locked=True)):
        lookups.audiences = lookup
        assert await checks.findings(REQUEST) == ()
    lookups.audiences = complete(Audience("b"))
    assert len(await checks.findings(REQUEST)) == 1


async def test_the_engines_own_lookups_will_do(engine: Engine, platform: FakePlatform) -> None:
    assert await Checks(engine._core, Lookups(engine._core)).findings(REQUEST) == ()
    # By then it is in history.
    assert await Checks(engine._core, Lookups(engine._core)).findings(REQUEST) == ()
    assert platform.calls == [(GET, DATASET)]


async def test_history_that_cannot_be_read_stops_no_check(engine: Engine) -> None:
    checks = Checks(engine._core, Lookups(engine._core))
    engine._core.history.close()
    done = await checks.checked(replace(REQUEST, segments=(), from_ingest="-7d"))
    assert [one.field for one in done.findings] == ["filter.segments"]
    assert done.request.from_ingest != "-7d"

"""What exported rows hold: the columns that are asked for, people who are the same in all exports, and odd values."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import JOBS, Caller, Start, minimal
from tests.emulator.exports import DONE_S, batch_id, done, download, files, rows, table, types
from tui_app.emulator.data import parquet
from tui_app.emulator.data.columns import columns
from tui_app.emulator.data.values import text
from tui_app.emulator.world.fields import paths
from tui_app.emulator.world.policies import feeds_profile
from tui_app.emulator.world.schemas import schemas
from tui_app.emulator.world.union import EVENT, PROFILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import duckdb

CRM = "identityMap['crmid'][1].id"
NARROW = "identityMap,personalEmail.address"
HELD = 1_000


@pytest.fixture
async def caller(start: Start) -> AsyncIterator[Caller]:
    made = start(rows=HELD)
    yield made
    made.emulator.close()


def audience(caller: Caller, *, least: int, most: int = HELD, place: int = 0) -> Any:
    room = caller.emulator.world.sandboxes["prod"].room
    return [one for one in room.audiences if one.segment_ns == "ups" and least <= one.size <= most][place]


def segment(segment_id: str, **more: Any) -> dict[str, Any]:
    return {"segments": [{"segmentId": segment_id, "status": ["realized"]} | more]}


def people(found: duckdb.DuckDBPyRelation) -> list[str]:
    return [name for (name,) in rows(found, CRM)]


async def test_without_fields_there_is_every_column_of_the_union(caller: Caller, tmp_path: Path) -> None:
    found = await table(caller, batch_id(await done(caller)), tmp_path)
    kinds = types(found)
    assert list(kinds) == [one.name for one in PROFILE]
    assert kinds["segmentMembership"] == (
        "MAP(VARCHAR, MAP(VARCHAR, STRUCT(lastQualificationTime TIMESTAMP, status VARCHAR)))"
    )
    for path in paths(PROFILE):
        top, _, rest = path.partition(".")
        assert rest.rpartition(".")[2] in kinds[top]
    filled = rows(found, ", ".join(f'count("{name}")' for name in kinds))[0]
    assert all(0 <= count <= len(found) for count in filled)
    assert sum(0 < count < len(found) for count in filled) > 20  # rare fields are mostly null
    assert rows(found, "count(DISTINCT _id)") == [(len(found),)]


async def test_fields_prune_the_columns_and_unknown_ones_are_ignored(caller: Caller, tmp_path: Path) -> None:
    asked = (
        " person.name.firstName ,person.name.lastName,identities.id,nope.x,loyalty,_emulated.vehicles.make,"
        "homeAddress.geo.latitude,consents.marketing.email,,identityMap.email.id,person.birthDate.year"
    )
    found = await table(caller, batch_id(await done(caller, fields=asked)), tmp_path)
    kinds = types(found)
    assert list(kinds) == ["identityMap", "person", "homeAddress", "consents", "loyalty", "_emulated"]
    assert kinds["person"] == "STRUCT(name STRUCT(firstName VARCHAR, lastName VARCHAR))"
    assert kinds["homeAddress"] == "STRUCT(geo STRUCT(latitude DOUBLE))"
    assert kinds["_emulated"] == "STRUCT(vehicles STRUCT(make VARCHAR)[])"
    assert "tier" in kinds["loyalty"]
    assert "subscriptions" in kinds["consents"]
    assert kinds["identityMap"].startswith("MAP")


async def test_when_no_path_is_known_the_identities_are_left(caller: Caller, tmp_path: Path) -> None:
    found = await table(caller, batch_id(await done(caller, "few", fields="identities.id, x")), tmp_path)
    assert list(types(found)) == ["identityMap"]


def test_columns_of_any_text() -> None:
    assert columns("", None).profile == PROFILE
    assert columns(" , ,", "").events == EVENT
    assert columns("person", None) == columns("person,person.name.firstName", None)
    assert columns("person.name.firstName,person", None) == columns("person", None)
    assert columns("a" * 10_000 + "." * 10_000, None).profile[0].name == "identityMap"
    assert columns("nope", "_id").profile == ()


async def test_two_worlds_of_one_seed_have_the_same_bytes(start: Start) -> None:
    async def content(**options: Any) -> list[bytes]:
        caller = start(rows=300, **options)
        job = await done(caller, additionalFields={"eventList": {"fields": "_id,timestamp,web"}})
        found = [await download(caller, one) for one in await files(caller, batch_id(job))]
        caller.emulator.close()
        return found

    first = await content(seed=5)
    assert first == await content(seed=5)
    assert first != await content(seed=6)


async def test_exports_of_one_audience_share_their_people_and_join_with_others(caller: Caller, tmp_path: Path) -> None:
    one = audience(caller, least=50, most=400)
    first, again = [
        await table(caller, batch_id(await done(caller, fields=fields, filter=segment(one.segment_id))), tmp_path)
        for fields in (NARROW, f"{NARROW},person,segmentMembership")
    ]
    everybody = await table(caller, batch_id(await done(caller, fields=f"{NARROW},person,loyalty")), tmp_path)
    common = set(people(first)) & set(people(again))
    assert len(common) == min(len(first), len(again))
    assert len(set(people(everybody))) == len(everybody)
    assert common <= set(people(everybody))
    known = dict(rows(everybody, f"{CRM}, (person, personalEmail.address)"))
    told = rows(again, f"{CRM}, (person, personalEmail.address), segmentMembership")
    assert all(known[name] == value for name, value, _ in told)
    assert all(one.segment_id in memberships["ups"] for _, _, memberships in told)
    assert all(memberships["ups"][one.segment_id]["status"] == "realized" for _, _, memberships in told)


async def test_memberships_of_everybody_agree_with_each_audience(caller: Caller, tmp_path: Path) -> None:
    everybody = await table(caller, batch_id(await done(caller, fields="identityMap,segmentMembership")), tmp_path)
    told = rows(everybody, f"{CRM}, segmentMembership")
    overlaps = [len(memberships.get("ups", {})) for _, memberships in told]
    assert max(overlaps) > 3
    for place in range(2):
        one = audience(caller, least=200, most=800, place=place)
        members = {name for name, memberships in told if one.segment_id in memberships.get("ups", {})}
        exported = await table(
            caller, batch_id(await done(caller, fields=NARROW, filter=segment(one.segment_id))), tmp_path
        )
        assert set(people(exported)) & {name for name, _ in told} <= members
        assert len(exported) <= one.size


async def test_several_segments_make_one_row_a_person(caller: Caller, tmp_path: Path) -> None:
    chosen = [audience(caller, least=100, most=500, place=place) for place in range(3)]
    body = {"segments": [{"segmentId": one.segment_id, "status": ["realized"]} for one in chosen]}
    job = await done(caller, fields="identityMap,segmentMembership", filter=body)
    found = await table(caller, batch_id(job), tmp_path)
    told = rows(found, f"{CRM}, segmentMembership")
    assert len({name for name, _ in told}) == len(told)
    assert all({one.segment_id for one in chosen} & set(memberships["ups"]) for _, memberships in told)


async def test_statuses_and_qualification_times_are_those_asked_for(caller: Caller, tmp_path: Path) -> None:
    one = audience(caller, least=100, most=400)
    stayed = await table(
        caller, batch_id(await done(caller, fields="identityMap", filter=segment(one.segment_id))), tmp_path
    )
    low = caller.clock.now() - timedelta(days=3)
    window = {"startTime": low.isoformat(), "endTime": (low + timedelta(days=1)).isoformat()}
    body = segment(one.segment_id, status=["exited"]) | {"segmentQualificationTime": window}
    left = await table(
        caller, batch_id(await done(caller, fields="identityMap,segmentMembership", filter=body)), tmp_path
    )
    assert not set(people(stayed)) & set(people(left))
    for (memberships,) in rows(left, "segmentMembership"):
        told = memberships["ups"][one.segment_id]
        assert told["status"] == "exited"
        assert low <= told["lastQualificationTime"].replace(tzinfo=UTC) <= low + timedelta(days=1)


async def test_hostile_segment_ids_are_only_text(caller: Caller, tmp_path: Path) -> None:
    ids = ["'); DROP TABLE x; --", 'q"uote', "nul\x00", "顧客", "\ud800", "\\x41", "a\nb", "{%s}"]
    for one in ids:
        body = minimal(await caller.dataset()) | {
            "fields": "identityMap,segmentMembership",
            "filter": {"segments": [{"segmentId": one, "segmentNs": one}]},
        }
        # httpx cannot send a lone surrogate, JSON can.
        answer = await caller.http.post(JOBS, headers=caller.headers(), content=json.dumps(body))
        await caller.clock.advance(DONE_S)
        found = rows(await table(caller, batch_id(answer.json()), tmp_path), "segmentMembership")
        shown = one.encode("utf-8", "replace").decode()
        assert found
        assert all(memberships[shown][shown]["status"] in ("realized", "existing") for (memberships,) in found)


async def test_segments_that_a_file_cannot_tell_apart_are_one(caller: Caller, tmp_path: Path) -> None:
    body = minimal(await caller.dataset()) | {
        "fields": "segmentMembership",
        "filter": {"segments": [{"segmentId": one, "segmentNs": one} for one in ("\ud800", "\ud801", "?", "?")]},
    }
    answer = await caller.http.post(JOBS, headers=caller.headers(), content=json.dumps(body))
    await caller.clock.advance(DONE_S)
    found = rows(await table(caller, batch_id(answer.json()), tmp_path), "segmentMembership")
    assert all(list(memberships["?"]) == ["?"] for (memberships,) in found)


@pytest.mark.parametrize("value", ["", "plain", "it's", "\x00", "é", "\U0001f600", "a'||(SELECT 1)||'", "\ud800"])
def test_text_stays_text(value: str) -> None:
    with parquet.database() as opened:
        found = opened.execute(f"SELECT {text(value)}").fetchall()
    assert found == [(value.encode("utf-8", "replace").decode(),)]


async def test_events_come_when_asked_for_inside_their_bounds(caller: Caller, tmp_path: Path) -> None:
    high = caller.clock.now() - timedelta(days=2)
    low = high - timedelta(days=40)
    asked = {
        "fields": "timestamp,eventType,commerce.order.priceTotal,nope",
        "filter": {"fromIngestTimestamp": low.isoformat(), "toIngestTimestamp": high.isoformat()},
    }
    job = await done(caller, fields="identityMap", additionalFields={"eventList": asked})
    found = await table(caller, batch_id(job), tmp_path)
    assert types(found)["timeSeriesEvents"] == (
        "STRUCT(timestamp TIMESTAMP, eventType VARCHAR, commerce STRUCT(order STRUCT(priceTotal DOUBLE)))[]"
    )
    events = [event for (listed,) in rows(found, "timeSeriesEvents") for event in listed]
    assert len(events) > len(found) / 4
    assert all(low <= event["timestamp"].replace(tzinfo=UTC) <= high for event in events)
    assert all(event["commerce"] is None for event in events if not event["eventType"].startswith("commerce."))
    assert any(event["commerce"] for event in events)

    later = await done(caller, fields="identityMap", additionalFields={"eventList": {"fields": "timestamp"}})
    wider = await table(caller, batch_id(later), tmp_path)
    known = {name: {event["timestamp"] for event in listed} for name, listed in rows(wider, f"{CRM}, timeSeriesEvents")}
    narrow = {
        name: {event["timestamp"] for event in listed} for name, listed in rows(found, f"{CRM}, timeSeriesEvents")
    }
    assert all(times <= known[name] for name, times in narrow.items() if name in known)


@pytest.mark.parametrize(
    "bounds",
    [
        {"fromIngestTimestamp": "2999-01-01T00:00:00Z"},
        {"fromIngestTimestamp": "9999-12-31T23:59:59-23:59"},
        {"toIngestTimestamp": "1970-01-02T00:00:00Z"},
        {"fromIngestTimestamp": "0001-01-01T00:00:00+00:00", "toIngestTimestamp": "0001-01-02T00:00:00Z"},
    ],
)
async def test_events_outside_of_all_that_is_kept_are_none_or_few(
    caller: Caller, tmp_path: Path, bounds: dict[str, str]
) -> None:
    asked = {"fields": "timestamp", "filter": bounds}
    job = await done(caller, fields="identityMap", additionalFields={"eventList": asked})
    events = [
        event
        for (listed,) in rows(await table(caller, batch_id(job), tmp_path), "timeSeriesEvents")
        for event in listed
    ]
    end = bounds.get("toIngestTimestamp", "0001")
    assert all(event["timestamp"].isoformat() <= end for event in events)


async def test_all_event_fields_are_the_whole_union(caller: Caller, tmp_path: Path) -> None:
    asked = {"filter": {"fromIngestTimestamp": "2026-02-20T00:00:00Z"}}
    job = await done(caller, fields="identityMap", additionalFields={"eventList": asked})
    found = await table(caller, batch_id(job), tmp_path)
    kind = types(found)["timeSeriesEvents"]
    assert all(f"{one.name} " in kind for one in EVENT)
    plain = await table(caller, batch_id(await done(caller, "few")), tmp_path)
    assert "timeSeriesEvents" not in plain.columns


async def test_values_are_believable_and_some_are_odd(start: Start, tmp_path: Path) -> None:
    caller = start(rows=6_000)
    asked = "person,homeAddress,loyalty.tier,personalEmail.address,_repo,consents.marketing.email.val"
    found = await table(caller, batch_id(await done(caller, fields=asked)), tmp_path)
    caller.emulator.close()
    names = [name for (name,) in rows(found, "person.name.lastName") if name is not None]
    assert any(name.startswith("=1+1") for name in names)
    assert any('"' in name for name in names)
    assert any(len(name) > 1_000 for name in names)
    assert any(unicodedata.category(mark) == "Cc" for name in names for mark in name)
    assert any(not name.isascii() for name in names)
    assert sum(name.startswith("=1+1") for name in names) < len(names) / 100
    addresses = [address for (address,) in rows(found, "personalEmail.address") if address]
    assert len(set(addresses)) == len(addresses)
    assert all(address.isascii() and address.endswith("@example.com") for address in addresses)
    assert {tier for (tier,) in rows(found, "loyalty.tier")} == {None, "bronze", "silver", "gold", "platinum"}
    born = [day for (day,) in rows(found, "person.birthDate") if day is not None]
    assert 1933 < min(born).year < max(born).year < 2010
    assert all(
        born is None or year is None or born.year == year
        for born, year in rows(found, "person.birthDate, person.birthYear")
    )
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    assert all(made < now for (made,) in rows(found, "_repo.createDate"))
    pairs = set(rows(found, "homeAddress.country, homeAddress.countryCode"))
    codes = {code for country, code in pairs if country is not None}
    assert len(codes) == 10 == len({country for country, _ in pairs} - {None})


async def test_a_policy_that_omits_a_dataset_leaves_its_attributes_out(caller: Caller, tmp_path: Path) -> None:
    room = caller.emulator.world.sandboxes["prod"].room
    (policy,) = [one for one in room.policies if one.kind == "dataSetPrecedence"]
    plain, poorer = [
        await table(caller, batch_id(await done(caller, mergePolicy={"id": one})), tmp_path)
        for one in (room.policies[0].policy_id, policy.policy_id)
    ]
    assert types(plain) == types(poorer)
    counts = [rows(one, ", ".join(f'count("{name}")' for name in plain.columns))[0] for one in (plain, poorer)]
    lost = {name for name, before, after in zip(plain.columns, *counts, strict=True) if before and not after}
    assert "identityMap" not in lost
    assert lost or not _only_known(caller, policy.order)


def _only_known(caller: Caller, order: tuple[str, ...]) -> set[str]:
    fields = {one.schema_id: {field.name for field in one.fields} for one in schemas()}
    datasets = [one for one in caller.emulator.world.sandboxes["prod"].datasets.values() if feeds_profile(one)]
    known = {True: set[str](), False: set[str]()}
    for one in datasets:
        known[one.dataset_id in order] |= fields.get(str(one.schema.get("id")), set())
    return known[False] - known[True]


async def test_the_counters_of_every_past_job_are_what_its_files_hold(start: Start, tmp_path: Path) -> None:
    caller = start(rows=HELD, dialect="newest", jobs=30)
    page = await caller.get(JOBS, limit=30, status="SUCCEEDED")
    for job in page["records"][:12]:
        named = job["destination"].get("batches") or [job["destination"]]
        total = mails = 0
        for one in named:
            if job["metrics"]["totalExportedProfileCounter"] == 0 or "fields" not in job:
                continue
            held = rows(await table(caller, one["batchId"], tmp_path), "identityMap")
            total += len(held)
            mails += sum("email" in identities for (identities,) in held)
        if total:
            assert total == job["metrics"]["totalExportedProfileCounter"]
            assert mails == job["metrics"]["exportedProfileByNamespaceCounter"]["email"]
    caller.emulator.close()

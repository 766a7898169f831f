"""Segment jobs: made, watched, cancelled and listed by a stranger's client; and the nights that make themselves."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from tui_app.emulator.world.segment_jobs import MOST_RUNNING, SegmentJobIds, SegmentTimeline, segment_state

if TYPE_CHECKING:
    import httpx

    from tests.emulator.conftest import Caller, Start

PATH = "/data/core/ups/segment/jobs"
DEFINITIONS = "/data/core/ups/segment/definitions"
HOURS_S = 3 * 3_600
LONGEST_S = 15 * 60


async def definitions(caller: Caller, state: str = "published") -> list[str]:
    audiences = await caller.get(
        "/data/core/ups/audiences", limit=100, property=["type==SegmentDefinition", f"lifecycleState=={state}"]
    )
    return [one["id"] for one in audiences["children"]]


async def made(caller: Caller, *segments: str) -> httpx.Response:
    return await caller.post(PATH, [{"segmentId": one} for one in segments])


async def test_a_new_job_is_evaluated_and_counts_its_profiles(caller: Caller) -> None:
    wanted = (await definitions(caller))[:2]
    answer = await made(caller, *wanted)
    assert answer.status_code == 200
    job = answer.json()
    assert job["status"] == "NEW"
    assert str(uuid.UUID(job["id"])) == job["id"]
    assert [one["segmentId"] for one in job["segments"]] == wanted
    assert job["metrics"] == {
        "totalTime": {"startTimeInMs": job["creationTime"]},
        "profileSegmentationTime": {},
    }
    seen = [job["status"]]
    for _ in range(LONGEST_S // 5):
        await caller.clock.advance(5)
        job = await caller.get(f"{PATH}/{job['id']}")
        if job["status"] != seen[-1]:
            seen.append(job["status"])
    assert seen == ["NEW", "QUEUED", "PROCESSING", "SUCCEEDED"]
    metrics = job["metrics"]
    assert isinstance(job["computeGatewayJobId"], str)
    assert set(metrics["segmentedProfileCounter"]) == set(wanted)
    for segment, count in metrics["segmentedProfileCounter"].items():
        by_status = metrics["segmentedProfileByStatusCounter"][segment]
        assert by_status["realized"] + by_status["existing"] == count
    total = metrics["totalTime"]
    assert total["totalTimeInMs"] == total["endTimeInMs"] - total["startTimeInMs"] > 0
    assert job["updateTime"] == total["endTimeInMs"]
    assert metrics["totalProfiles"] == caller.emulator.world.sandboxes["prod"].room.rows


async def test_the_definition_and_its_policy_are_told_with_the_job(caller: Caller) -> None:
    listed = (await caller.get(DEFINITIONS))["segments"]
    policies = {one["id"]: one for one in (await caller.get("/data/core/ups/config/mergePolicies"))["children"]}
    default = next(one["id"] for one in policies.values() if one["default"])
    named = next(one for one in listed if one.get("mergePolicyId") not in {None, default})
    bare = next(one for one in listed if "mergePolicyId" not in one)
    job = (await made(caller, named["id"], bare["id"])).json()
    first, second = (one["segment"] for one in job["segments"])
    assert first["expression"] == named["expression"]
    assert first["mergePolicy"] == {
        "id": named["mergePolicyId"],
        "version": policies[named["mergePolicyId"]]["version"],
    }
    assert second["mergePolicyId"] == default


async def test_a_draft_makes_the_job_fail_with_its_reason(caller: Caller) -> None:
    (draft,) = await definitions(caller, "draft")
    job = (await made(caller, draft)).json()
    assert "errors" not in job
    await caller.clock.advance(LONGEST_S)
    job = await caller.get(f"{PATH}/{job['id']}")
    assert job["status"] == "FAILED"
    assert draft in job["errors"][0]["msg"]
    assert "segmentedProfileCounter" not in job["metrics"]


async def test_a_job_can_be_cancelled_while_it_runs(caller: Caller) -> None:
    job = (await made(caller, (await definitions(caller))[0])).json()
    await caller.clock.advance(30)
    answer = await caller.delete(f"{PATH}/{job['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await caller.get(f"{PATH}/{job['id']}"))["status"] == "CANCELLING"
    assert (await caller.delete(f"{PATH}/{job['id']}")).status_code == 204
    await caller.clock.advance(60)
    over = await caller.get(f"{PATH}/{job['id']}")
    assert over["status"] == "CANCELLED"
    assert over["metrics"]["totalTime"]["endTimeInMs"] == over["updateTime"]
    await caller.clock.advance(HOURS_S)
    assert (await caller.get(f"{PATH}/{job['id']}"))["updateTime"] == over["updateTime"]


async def test_an_ended_job_stays_as_it_is(caller: Caller) -> None:
    job = (await caller.get(PATH, status="SUCCEEDED", limit=1))["children"][0]
    assert (await caller.delete(f"{PATH}/{job['id']}")).status_code == 204
    assert await caller.get(f"{PATH}/{job['id']}") == job


async def test_the_newest_dialect_spells_cancelling_with_one_l(start: Start) -> None:
    newest = start(dialect="newest")
    statuses = {one["status"] for one in (await newest.get(PATH))["children"]}
    assert "CANCELED" in statuses
    assert "CANCELLED" not in statuses
    assert (await newest.get(PATH, status="CANCELED"))["children"]
    assert (await newest.get(PATH, status="CANCELLED"))["children"]


async def test_too_many_running_jobs_are_refused(caller: Caller) -> None:
    wanted = await definitions(caller)
    for _ in range(MOST_RUNNING):
        assert (await made(caller, wanted[0])).status_code == 200
    answer = await made(caller, wanted[0])
    assert answer.status_code == 429
    assert "too many" in answer.json()["title"]
    assert (await caller.get(PATH))["_page"]["totalCount"] == len((await caller.get(PATH))["children"])
    await caller.clock.advance(LONGEST_S)
    assert (await made(caller, wanted[0])).status_code == 200


async def test_a_star_evaluates_what_is_published(caller: Caller) -> None:
    body = {"schema": {"name": "_xdm.context.profile"}, "segments": [{"segmentId": "*"}]}
    job = (await caller.post(PATH, body)).json()
    assert {one["segmentId"] for one in job["segments"]} == set(await definitions(caller))


async def test_segments_named_twice_count_once(caller: Caller) -> None:
    one = (await definitions(caller))[0]
    assert len((await made(caller, one, one)).json()["segments"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        None,
        "text",
        7,
        [[]],
        ["7863c010"],
        [{}],
        [{"segmentId": None}],
        [{"segmentId": 7}],
        [{"segmentId": ""}],
        [{"segmentId": "*"}],
        [{"segmentId": "no-such-segment"}],
        {"segments": [{"segmentId": "no-such-segment"}]},
        {"segments": "*"},
        [{"segmentId": "x"}] * 1501,
        [{"segmentId": {"deep": [[[]]]}}],
    ],
)
async def test_a_bad_body_is_refused(caller: Caller, body: object) -> None:
    answer = await caller.post(PATH, body)
    assert answer.status_code == 400
    assert answer.json()["errors"]["400"]


async def test_an_unreadable_body_is_refused(caller: Caller) -> None:
    for body in (b"", b"[{", b"\xff\xfe", b"[" * 9000, b'[{"segmentId":"\\ud800"}]', b"[1e999]"):
        answer = await caller.http.post(PATH, headers=caller.headers(), content=body)
        assert answer.status_code == 400, body


async def test_an_audience_from_outside_cannot_be_evaluated(caller: Caller) -> None:
    (one,) = (await caller.get("/data/core/ups/audiences", limit=1, property="type==ExternalSegment"))["children"]
    for wanted in (one["id"], one["audienceId"]):
        assert (await made(caller, wanted)).status_code == 400


async def test_every_night_has_its_job_and_more_come(caller: Caller) -> None:
    before = (await caller.get(PATH, property="source==scheduler"))["children"]
    assert len(before) == 31
    hours = [datetime.fromtimestamp(one["creationTime"] / 1000, UTC) for one in before]
    assert {(moment.hour, moment.minute) for moment in hours} == {(1, 0)}
    assert len({moment.date() for moment in hours}) == len(hours)
    await caller.clock.advance(13 * 3_600 + 2)
    newest = (await caller.get(PATH, limit=1))["children"][0]
    assert newest["status"] == "NEW"
    schedule = (await caller.get("/data/core/ups/config/schedules"))["children"][0]
    assert newest["properties"]["scheduleId"] == schedule["id"]
    await caller.clock.advance(LONGEST_S)
    over = await caller.get(f"{PATH}/{newest['id']}")
    assert over["status"] in {"SUCCEEDED", "FAILED"}
    after = (await caller.get(PATH, property="source=='scheduler'"))["children"]
    assert [one["id"] for one in after[1:]] == [one["id"] for one in before]


async def test_a_running_night_can_be_cancelled_and_stays_cancelled(caller: Caller) -> None:
    await caller.clock.advance(13 * 3_600 + 100)
    night = (await caller.get(PATH, limit=1))["children"][0]
    assert (await caller.delete(f"{PATH}/{night['id']}")).status_code == 204
    await caller.clock.advance(HOURS_S)
    assert (await caller.get(f"{PATH}/{night['id']}"))["status"] == "CANCELLED"
    listed = (await caller.get(PATH, property=f"id=={night['id']}"))["children"]
    assert [one["status"] for one in listed] == ["CANCELLED"]


async def test_counts_differ_a_little_from_night_to_night(caller: Caller) -> None:
    nights = (await caller.get(PATH, property="source==scheduler", status="SUCCEEDED"))["children"]
    everyone = max(nights[0]["metrics"]["segmentedProfileCounter"].items(), key=lambda item: item[1])[0]
    counts = [one["metrics"]["segmentedProfileCounter"].get(everyone) for one in nights[:10]]
    assert len(set(counts)) > 5


async def test_the_past_holds_every_ending(caller: Caller) -> None:
    found = (await caller.get(PATH))["children"]
    assert {one["status"] for one in found} == {"SUCCEEDED", "FAILED", "CANCELLED"}
    assert {one["source"] for one in found} == {"scheduler", "api"}
    assert all(one["errors"] for one in found if one["status"] == "FAILED")


async def test_pages_hold_everything_once_newest_first(caller: Caller) -> None:
    whole = (await caller.get(PATH))["children"]
    times = [one["creationTime"] for one in whole]
    assert times == sorted(times, reverse=True)
    found: list[dict[str, Any]] = []
    page = await caller.get(f"{PATH}/", limit=9)
    while True:
        found += page["children"]
        href = page["_links"]["next"].get("href")
        if href is None:
            break
        assert href.startswith("@/segment/jobs?start=")
        page = await caller.get(PATH, **dict(parse_qsl(href.partition("?")[2])))
        assert len(found) < 100
    assert found == whole
    assert (await caller.get(PATH, page=1, limit=9))["children"] == whole[9:18]
    assert (await caller.get(PATH, start=99))["children"] == []


@pytest.mark.parametrize(
    "form", ["segments=='{}'", "segments~segmentId=={}", "segments~segmentId=='{}'", 'segments=="{}"']
)
async def test_jobs_of_one_segment_are_found(caller: Caller, form: str) -> None:
    asked = (await caller.get(PATH, property="source==api"))["children"][0]
    wanted = asked["segments"][0]["segmentId"]
    found = (await caller.get(PATH, property=form.format(wanted)))["children"]
    assert asked["id"] in {one["id"] for one in found}
    assert all(wanted in {each["segmentId"] for each in one["segments"]} for one in found)
    assert (await caller.get(PATH, property=form.format("nothing")))["children"] == []


async def test_status_and_snapshot_filter(caller: Caller) -> None:
    failed = (await caller.get(PATH, status="failed"))["children"]
    assert failed
    assert {one["status"] for one in failed} == {"FAILED"}
    assert (await caller.get(PATH, status="ASLEEP"))["children"] == []
    assert (await caller.get(PATH, **{"snapshot.name": "inUS"}))["children"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "all"},
        {"start": "-1"},
        {"page": "one"},
        {"sort": "size:asc"},
        {"sort": "creationTime:down"},
        {"property": "segments"},
    ],
)
async def test_a_bad_parameter_is_refused(caller: Caller, params: dict[str, str]) -> None:
    answer = await caller.http.get(PATH, headers=caller.headers(), params=params)
    assert answer.status_code == 400
    assert answer.json()["errors"]["400"]


async def test_unknown_ids_are_not_found(caller: Caller) -> None:
    known = (await caller.get(PATH, limit=1))["children"][0]["id"]
    foreign = (await caller.get(PATH, sandbox="dev", limit=1))["children"][0]["id"]
    wrong = known[:-1] + ("0" if known[-1] != "0" else "1")
    for wanted in ("18500", "nothing", str(uuid.UUID(int=0)), wrong, known.upper(), foreign):
        for answer in (
            await caller.http.get(f"{PATH}/{wanted}", headers=caller.headers()),
            await caller.delete(f"{PATH}/{wanted}"),
        ):
            assert answer.status_code == 404
            assert answer.json()["type"].endswith("UPAPI-113000-404")


async def test_bulk_get_finds_each_kind(caller: Caller) -> None:
    asked = (await caller.get(PATH, property="source==api", limit=1))["children"][0]
    night = (await caller.get(PATH, property="source==scheduler", limit=1))["children"][0]
    new = (await made(caller, (await definitions(caller))[0])).json()
    ids = [{"id": one["id"]} for one in (asked, night, new)]
    answer = await caller.post(f"{PATH}/bulk-get", {"ids": [*ids, {"id": "gone"}]})
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [results[one["id"]] for one in (asked, night, new)] == [asked, night, new]
    assert results["gone"]["errors"]["404"][0]["code"] == 404
    assert (await caller.post(f"{PATH}/bulk-get", {"ids": []})).status_code == 400


async def test_sandboxes_keep_their_jobs_apart(caller: Caller) -> None:
    await made(caller, (await definitions(caller))[0])
    dev = {one["id"] for one in (await caller.get(PATH, sandbox="dev"))["children"]}
    prod = {one["id"] for one in (await caller.get(PATH))["children"]}
    assert dev
    assert not dev & prod
    assert (await caller.get(PATH, sandbox="empty"))["children"] == []
    answer = await caller.post(PATH, [{"segmentId": "x"}], sandbox="empty")
    assert answer.status_code == 400


async def test_a_faster_world_evaluates_faster(start: Start) -> None:
    caller = start(speed=60)
    job = (await made(caller, (await definitions(caller))[0])).json()
    await caller.clock.advance(LONGEST_S / 60)
    assert (await caller.get(f"{PATH}/{job['id']}"))["status"] == "SUCCEEDED"


async def test_what_is_left_of_a_job_goes_at_the_new_speed(caller: Caller) -> None:
    job = (await made(caller, (await definitions(caller))[0])).json()
    await caller.clock.advance(20)
    before = await caller.get(f"{PATH}/{job['id']}")
    caller.emulator.world.set_speed(600)
    assert await caller.get(f"{PATH}/{job['id']}") == before
    await caller.clock.advance(2)
    over = await caller.get(f"{PATH}/{job['id']}")
    assert over["status"] == "SUCCEEDED"
    assert over["updateTime"] - job["creationTime"] < 22_000
    caller.emulator.world.set_speed(1)
    assert await caller.get(f"{PATH}/{job['id']}") == over


async def test_one_seed_makes_the_same_jobs(start: Start) -> None:
    first, second = start(seed=9), start(seed=9)
    assert (await first.get(PATH))["children"] == (await second.get(PATH))["children"]


def test_states_are_a_function_of_timeline_and_time() -> None:
    plan = SegmentTimeline(1_000, 1_010, 1_030, 1_060, 1_065)
    seen = [segment_state(plan, at).status for at in (0, 1_000, 1_009, 1_010, 1_029, 1_030, 1_060, 1_064, 1_065, 10**9)]
    assert seen == ["NEW"] * 3 + ["QUEUED"] * 2 + ["PROCESSING"] * 3 + ["SUCCEEDED"] * 2
    stopped = replace(plan, cancelled_ms=1_040, gone_ms=1_047)
    seen = [segment_state(stopped, at).status for at in (1_039, 1_040, 1_046, 1_047, 10**9)]
    assert seen == ["PROCESSING", "CANCELLING", "CANCELLING", "CANCELLED", "CANCELLED"]
    failing = replace(plan, fails=True)
    assert [segment_state(failing, at).status for at in (1_064, 1_065)] == ["PROCESSING", "FAILED"]
    late = replace(plan, cancelled_ms=2_000, gone_ms=2_020)
    assert segment_state(late, 3_000).status == "SUCCEEDED"


def test_ids_say_which_job_they_are_of() -> None:
    ids = SegmentJobIds(1, "prod")
    for kind, number in ((0, 20_513), (1, 0), (2, 2**28 - 1)):
        assert ids.parse(ids.of(kind, number)) == (kind, number)
        assert SegmentJobIds(1, "dev").parse(ids.of(kind, number)) is None
    assert ids.parse("") is None
    assert ids.parse("g" * 36) is None

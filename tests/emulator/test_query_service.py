"""Query Service over REST: connection parameters, the life of a query, its answer, its end before time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.queries import COUNT, EXPORTED, LONG, QUERIES, QUERY, Asker
from tui_app.emulator.data import queries as bounds

if TYPE_CHECKING:
    from tests.emulator.conftest import Caller, Start


@pytest.fixture
async def asker(caller: Caller) -> Asker:
    return Asker(caller)


async def test_connection_parameters_hold_the_callers_token_and_no_host_of_the_outside(caller: Caller) -> None:
    told = await caller.get(f"{QUERY}/connection_parameters", sandbox="dev")
    assert told["token"] == caller.emulator.credentials.access_token
    assert told["username"] == caller.emulator.credentials.org_id
    assert (told["dbName"], told["port"], told["version"]) == ("dev:all", 80, 1)
    assert told["host"].endswith(".localhost")
    assert told["websocketHost"].endswith(".localhost")
    assert told["compressedToken"] not in ("", told["token"])


async def test_openapi_dialect_spells_the_websocket_key_as_published(start: Start) -> None:
    told = await start(dialect="openapi").get(f"{QUERY}/connection_parameters")
    assert "websoketHost" in told
    assert "websocketHost" not in told


async def test_a_query_waits_runs_and_succeeds_by_the_platforms_time(asker: Asker) -> None:
    made = await asker.submitted(COUNT, name="rows", description="how many")
    assert made["state"] == "SUBMITTED"
    assert made["request"] == {
        "dbName": "prod:all",
        "sql": COUNT,
        "name": "rows",
        "description": "how many",
    }
    assert (made["isCTAS"], made["isInsertInto"], made["rowCount"], made["elapsedTime"]) == (False, False, 0, 0)
    assert set(made["_links"]) == {"self", "soft_delete", "cancel"}
    assert made["_links"]["cancel"]["body"] == '{ "op": "cancel"}'
    query = await asker.caller.emulator.queries.settled(made["id"])
    assert (await asker.told(made["id"]))["state"] == "SUBMITTED", "its rows are ready, its time is not"

    await asker.caller.clock.advance(11)
    running = await asker.told(made["id"])
    assert running["state"] == "IN_PROGRESS"
    assert running["rowCount"] == 0
    assert 0 < running["elapsedTime"] < 8_000
    target = next(
        one for one in asker.caller.emulator.world.sandboxes["prod"].datasets.values() if one.table_name == EXPORTED
    )
    assert [one["id"] for one in running["_links"]["referenced_datasets"]] == [target.dataset_id]

    await asker.caller.clock.advance(31)
    done = await asker.told(made["id"])
    assert (done["state"], done["rowCount"], done["errors"]) == ("SUCCESS", 1, [])
    assert query.started_ms is not None
    assert query.ended_ms is not None
    assert done["elapsedTime"] == query.ended_ms - query.started_ms
    assert done["updated"] > running["updated"] > made["created"]
    assert set(done["_links"]) == {"self", "soft_delete", "referenced_datasets"}


async def test_speed_shortens_what_a_query_is_seen_to_take(start: Start) -> None:
    asker = Asker(start(speed=60))
    made = await asker.submitted("SELECT 1")
    await asker.caller.emulator.queries.settled(made["id"])
    await asker.caller.clock.advance(0.7)
    assert (await asker.told(made["id"]))["state"] == "SUCCESS"


async def test_a_step_of_the_platforms_time_shows_the_end(asker: Asker) -> None:
    made = await asker.submitted("SELECT 1")
    await asker.caller.emulator.queries.settled(made["id"])
    asker.caller.emulator.time.step(3_600)
    assert (await asker.told(made["id"]))["state"] == "SUCCESS"


async def test_cancel_ends_a_query_that_waits_or_runs_and_no_other(asker: Asker) -> None:
    made = await asker.submitted(LONG)
    await asker.caller.clock.advance(15)
    assert (await asker.told(made["id"]))["state"] == "IN_PROGRESS"
    answer = await asker.change(made["id"], {"op": "cancel"})
    assert answer.status_code == 202
    assert answer.json() == {"message": "Query cancel request received", "statusCode": 202}
    await asyncio.wait_for(asker.caller.emulator.queries.settled(made["id"]), 10)
    await asker.caller.clock.advance(1)
    killed = await asker.told(made["id"])
    assert (killed["state"], killed["rowCount"], killed["errors"]) == ("KILLED", 0, [])
    assert "cancel" not in killed["_links"]
    again = await asker.change(made["id"], {"op": "cancel"})
    assert again.status_code == 409
    assert again.json()["statusCode"] == 409


async def test_two_run_at_once_and_the_others_stay_submitted(asker: Asker) -> None:
    made = [await asker.submitted(LONG) for _ in range(4)]
    await asker.caller.clock.advance(60)
    states = [(await asker.told(one["id"]))["state"] for one in made]
    assert states == ["IN_PROGRESS", "IN_PROGRESS", "SUBMITTED", "SUBMITTED"]
    await asker.change(made[2]["id"], {"op": "cancel"})
    await asker.change(made[0]["id"], {"op": "cancel"})
    await asker.caller.clock.advance(20)
    states = [(await asker.told(one["id"]))["state"] for one in made]
    assert states == ["KILLED", "IN_PROGRESS", "KILLED", "IN_PROGRESS"]
    asker.caller.emulator.close()
    await asker.caller.clock.advance(1)
    assert [(await asker.told(one["id"]))["state"] for one in made] == ["KILLED"] * 4


@pytest.mark.parametrize("by_step", [False, True])
async def test_ten_minutes_are_the_longest(asker: Asker, by_step: bool) -> None:  # noqa: FBT001 - a parameter
    made = await asker.submitted(LONG)
    await asker.caller.clock.advance(590)
    assert (await asker.told(made["id"]))["state"] == "IN_PROGRESS"
    if by_step:
        asker.caller.emulator.time.step(20)
    else:
        await asker.caller.clock.advance(20)
    await asker.told(made["id"])
    await asyncio.wait_for(asker.caller.emulator.queries.settled(made["id"]), 10)
    await asker.caller.clock.advance(1)
    told = await asker.told(made["id"])
    assert told["state"] == "TIMEOUT"
    assert [one["code"] for one in told["errors"]] == ["53400"]


async def test_soft_delete_takes_a_query_out_of_lists_only(asker: Asker) -> None:
    made = await asker.submitted("SELECT 1")
    answer = await asker.change(made["id"], {"op": "soft_delete"})
    assert (answer.status_code, answer.json()["statusCode"]) == (202, 202)
    assert (await asker.caller.get(QUERIES))["queries"] == []
    kept = await asker.caller.get(QUERIES, excludeSoftDeleted="false")
    assert [one["id"] for one in kept["queries"]] == [made["id"]]
    assert (await asker.told(made["id"]))["id"] == made["id"]


@pytest.mark.parametrize(
    "body", [[], "cancel", {}, {"op": "stop"}, {"op": ["cancel"]}, [{"op": "cancel"}], {"op": None}]
)
async def test_other_changes_are_refused(asker: Asker, body: object) -> None:
    made = await asker.submitted("SELECT 1")
    answer = await asker.change(made["id"], body)
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400


@pytest.mark.parametrize("query_id", ["nope", "%00", "%2e%2e", "a" * 5_000])
async def test_unknown_query_is_404(asker: Asker, query_id: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"op": "cancel"})):
        answer = await asker.caller.http.request(
            method, f"{QUERIES}/{query_id}", headers=asker.caller.headers(), json=body
        )
        assert answer.status_code == 404
        assert answer.json() == {"message": "Query not found.", "statusCode": 404}


async def test_sandboxes_do_not_see_each_others_queries(asker: Asker) -> None:
    made = await asker.submitted("SELECT 1", sandbox="dev")
    headers = asker.caller.headers("prod")
    assert (await asker.caller.http.get(f"{QUERIES}/{made['id']}", headers=headers)).status_code == 404
    assert (await asker.caller.get(QUERIES))["queries"] == []
    assert len((await asker.caller.get(QUERIES, sandbox="dev"))["queries"]) == 1


_ODD: list[dict[str, Any]] = [
    {"dbName": "dev:all"},
    {"dbName": "prod"},
    {"dbName": None},
    {"dbName": 5},
    {"dbName": "prod:accel.agg"},
    {"sql": None},
    {"sql": ""},
    {"sql": 7},
    {"sql": ["SELECT 1"]},
    {"templateId": "0094d000-9062-4e6a-8fdb-05606805f08f"},
    {"sql": None, "templateId": "0094d000-9062-4e6a-8fdb-05606805f08f"},
    {"sql": None, "templateID": "0094d000-9062-4e6a-8fdb-05606805f08f"},
    {"queryParameters": []},
    {"queryParameters": {"a": {}}},
    {"queryParameters": {str(one): 1 for one in range(101)}},
    {"ctasParameters": {}},
    {"ctasParameters": {"datasetName": " "}},
    {"ctasParameters": {"datasetName": "x" * 201}},
    {"ctasParameters": {"datasetName": "x", "description": 5}},
    {"ctasParameters": "x"},
    {"insertIntoParameters": {"datasetName": 5}},
    {"ctasParameters": {"datasetName": "x"}, "insertIntoParameters": {"datasetName": "x"}},
    {"name": {}},
]


@pytest.mark.parametrize("more", _ODD, ids=str)
async def test_faulty_requests_get_the_services_own_400(asker: Asker, more: dict[str, Any]) -> None:
    answer = await asker.send("SELECT 1", **more)
    assert answer.status_code == 400, answer.text
    assert answer.json()["statusCode"] == 400
    assert answer.json()["message"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b'{"sql": 1e999}', b"\xff\xfe", b"[" * 100_000])
async def test_unreadable_bodies_are_400(asker: Asker, content: bytes) -> None:
    answer = await asker.caller.http.post(QUERIES, headers=asker.caller.headers(), content=content)
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400


async def test_unknown_fields_are_ignored_and_a_lone_surrogate_survives(asker: Asker) -> None:
    body = rb'{"dbName": "prod:all", "sql": "SELECT 1", "strange": {"deep": [1]}, "name": "\ud800 \u001b[2J"}'
    answer = await asker.caller.http.post(QUERIES, headers=asker.caller.headers(), content=body)
    assert answer.status_code == 202
    assert answer.json()["request"] == {"dbName": "prod:all", "sql": "SELECT 1", "name": "\ud800 \x1b[2J"}


async def test_bad_sql_is_400_with_its_error(asker: Asker) -> None:
    answer = await asker.send("SELEC 1")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["code"], error["errorType"]) == ("42601", "USER_ERROR")
    assert 'near "SELEC"' in error["message"]


async def test_too_many_that_wait_are_turned_away(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_WAITING", 3)
    for _ in range(3):
        await asker.submitted(LONG)
    answer = await asker.send(LONG)
    assert answer.status_code == 429
    assert answer.json()["error_code"] == "429050"
    assert answer.headers["Retry-After"] == "5"
    assert (await asker.send("SELECT 1", sandbox="dev")).status_code == 202


async def test_only_the_newest_that_have_ended_are_held(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_HELD", 3)
    running = await asker.submitted(LONG)
    made = [(await asker.ended("SELECT nothing FROM nowhere"))["id"] for _ in range(5)]
    held = [one["id"] for one in (await asker.caller.get(QUERIES))["queries"]]
    assert held == [made[4], made[3], running["id"]]

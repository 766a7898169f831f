"""Each row of API reference 13: who decides it, and which answer shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.conftest import CATALOG, JOBS, UNION, Caller, Start, minimal
from tui_app.emulator.dialects import DIALECT_NAMES, LASTING, SPOKEN, Dialect, choices, speaker
from tui_app.emulator.world.datasets import default_policy

if TYPE_CHECKING:
    from collections.abc import Callable

# Rows that a field decides, and the answers that show it (of `exports` below, or a probe of another service).
FIELDS: dict[int, dict[str, tuple[str, ...]]] = {
    1: {"capital_dataset_id": ("done", "per segment"), "lists_old_style": ("list",)},
    2: {"batches_as_object": ("per segment",), "batches_beside_id": ("done",)},
    3: {"failed_batch_id": ("failed",)},
    4: {"batch_status_as_text": ("per segment",)},
    5: {"cancels_silently": ("cancel",)},
    7: {"job_id_as": ("done",)},
    8: {
        "says_queued": ("waiting",),
        "says_cancelling": ("cancelling",),
        "cancelled_word": ("cancelled",),
        "forgets_cancelled": ("cancelled",),
    },
    9: {"filters_by_status": ("failed ones",)},
    11: {"list_end": ("last page",)},
    12: {"list_key": ("list",)},
    13: {"page_size_is_limit": ("last page",)},
    14: {"times_in_seconds": ("done",)},
    15: {"has_write_stage": ("done",), "has_counters": ("done",)},
    16: {"names_push_job": ("done",), "new_compute_ids": ("create",)},
    17: {"echoes_request": ("create",)},
    18: {"swaps_merge_policy": ("create",)},
    19: {"request_id_changes": ("waiting",), "request_id_as": ("create",)},
    20: {"existing_by_default": ("by default",)},
    22: {"shouts_segment_ns": ("per segment",)},
    25: {"errors_on_success": ("last page",)},
    28: {"create_status": ("create",)},
    30: {"dataset_reference": ("dataset",)},
    32: {"batch_done": ("batch",)},
    33: {"batch_failed": ("failed batch",)},
    34: {"batch_rows_key": ("batch",)},
    36: {"file_numbers_as_text": ("files",)},
    38: {"file_is_valid": ("files",)},
    40: {"token_life_in_ms": ("token",)},
    42: {"old_gateway_words": ("no token",)},
    43: {"old_gateway_words": ("other organization",)},
    46: {"ups_code_as_text": ("unknown job",), "ups_problem_inside": ("unknown job",)},
    47: {"audience_next_as_text": ("audiences",)},
    48: {"external_audience_type": ("external audience",)},
    50: {"policy_page_counts": ("policies",)},
    51: {"booleans_as_text": ("policies",)},
    52: {"iso_sandbox_dates": ("sandboxes",)},
    53: {"sandbox_page": ("sandboxes",)},
    54: {"websocket_key": ("connection",)},
    55: {"query_start_is_offset": ("queries",)},
}
# Section 12 also asks for `:443` in links, which is no row.
BESIDES = {"hrefs_name_port": ("files",)}
CLIENT = {
    6: "The client sends DELETE; POST to a job is 405 in every dialect.",
    21: "The client sends `exited`; `exiting` is refused as an unknown word.",
    23: "The client sends `fromIngestTimestamp`; `fromTimestamp` is an unknown key, so it is ignored.",
    24: "The client gives a date; the platform takes events without one, because only prose expects it.",
    29: "The client sends `persisted`; nothing depends on it.",
    31: "The client chooses the path; both are served.",
    37: "The client follows `_links.next`, whose `start` is an index.",
    41: "The client chooses the version of the token path; all three are served.",
    56: "The client sends an Accept header; both families of media types are served.",
}
FACTS = {
    10: "A cursor and a number are different forms of one parameter, so both are served side by side.",
    26: "What is created is a job in every sample; only one sentence of prose says otherwise.",
    27: "All guides name the one path.",
    35: "Some batches have directories and some have not, in every dialect.",
    39: "Whether the service is deprecated changes no answer.",
    44: "A token that has run out and a missing right are two cases, and both occur.",
    45: "Each service has its own error body; the services do not change with the document.",
    49: "A list in the form of one definition could not be a list.",
}


def test_every_row_is_decided_once() -> None:
    assert sorted([*FIELDS, *CLIENT, *FACTS]) == list(range(1, 57))
    assert all(len(reason) > 20 for reason in (*CLIENT.values(), *FACTS.values()))


def test_every_field_is_a_row_and_every_choice_is_spoken_by_somebody() -> None:
    shown = {field for fields in FIELDS.values() for field in fields} | set(BESIDES)
    assert shown == set(choices())
    for field, values in choices().items():
        assert len(values) == len(set(values)) > 1, field
        assert getattr(Dialect(), field) in values
        assert all(getattr(one, field) in values for one in SPOKEN.values())
    assert set(DIALECT_NAMES) == {*SPOKEN, "mixed"}
    assert all(one.name == name for name, one in SPOKEN.items())


TWO = ("one", "two")


async def exports(caller: Caller) -> dict[str, Any]:
    """The answers of every call on export jobs at every point of a job's life."""
    dataset = await caller.dataset()
    told: dict[str, Any] = {}

    async def send(name: str, method: str, path: str = "", body: object = None, **params: object) -> Any:
        answer = await caller.http.request(
            method, f"{JOBS}{path}", headers=caller.headers(), json=body, params={k: str(v) for k, v in params.items()}
        )
        told[name] = answer.status_code, answer.json() if answer.content else None
        return told[name][1]

    def body(*segments: str, per_batch: bool = False, **more: Any) -> dict[str, Any]:
        made = minimal(dataset, *segments) | more
        made["destination"] = {"datasetId": dataset, "segmentPerBatch": per_batch}
        for one in made["filter"]["segments"]:
            one["status"] = ["realized"]
        return made

    fields: dict[str, Any] = {"fields": "identityMap", "mergePolicy": {"id": "timestampOrdered-none-mp"}}
    made = await send("create", "POST", "", body("one", **fields))
    await caller.clock.advance(130)
    await send("waiting", "GET", f"/{int(made['id'])}")
    marked = await send("marked", "POST", "", body("one"))
    await send("cancel", "DELETE", f"/{int(marked['id'])}")
    await send("cancelling", "GET", f"/{int(marked['id'])}")
    await caller.clock.advance(40)
    await send("cancelled", "GET", f"/{int(marked['id'])}")
    per_batch = await send("per segment at first", "POST", "", body("one", per_batch=True))
    several = await send("segments at first", "POST", "", body(*TWO, per_batch=True))
    plain = minimal(dataset, "one") | {"destination": {"datasetId": dataset, "segmentPerBatch": True}}
    await send("by default", "POST", "", plain)
    failing = await send("failing", "POST", "", body("fail-export"))
    await caller.clock.advance(3_000)
    for name, job in (("done", made), ("per segment", per_batch), ("segments", several), ("failed", failing)):
        await send(name, "GET", f"/{int(job['id'])}")
    await send("list", "GET", "", limit=20)
    await send("last page", "GET", "/", limit=1_000)
    await send("failed ones", "GET", "", limit=20, status="FAILED")
    return told


UPS, FILES, QUERY = "/data/core/ups", "/data/foundation/export", "/data/foundation/query"


PLACES: dict[str, tuple[str, dict[str, str]]] = {
    "no token": (JOBS, {}),
    "other organization": (JOBS, {}),
    "unknown job": (f"{JOBS}/1", {}),
    "audiences": (f"{UPS}/audiences", {"limit": "2"}),
    "external audience": (f"{UPS}/audiences", {"limit": "100"}),
    "policies": (f"{UPS}/config/mergePolicies", {"limit": "20"}),
    "sandboxes": ("/data/foundation/sandbox-management/", {}),
    "connection": (f"{QUERY}/connection_parameters", {}),
    "queries": (f"{QUERY}/queries", {"limit": "1"}),
}


async def other(caller: Caller, name: str) -> object:
    """The answer of another service."""
    if name == "dataset":
        return (await caller.post(f"{CATALOG}/dataSets", {"name": "Target", "schemaRef": UNION})).json()
    if name == "token":
        known = caller.emulator.credentials
        form = {"client_id": known.client_id, "client_secret": known.client_secret, "scope": "openid"}
        answer = await caller.http.post("/ims/token/v3", data={"grant_type": "client_credentials", **form})
        return answer.json()["expires_in"]
    if name in {"batch", "failed batch", "files"}:
        made = await caller.job("fail-write" if name == "failed batch" else "one")
        await caller.clock.advance(3_000)
        batch_id = caller.emulator.world.batch_ids.of(made["id"], 0)
        path = f"{FILES}/batches/{batch_id}/files" if name == "files" else f"{CATALOG}/batches/{batch_id}"
        return await caller.get(path)
    if name == "queries":
        for number in range(3):
            asked = {"dbName": "prod:all", "sql": f"SELECT {number}"}
            sent = await caller.post(f"{QUERY}/queries", asked)
            await caller.emulator.queries.settled(sent.json()["id"])
            await caller.clock.advance(5)
    headers = caller.headers()
    if name == "no token":
        del headers["Authorization"]
    if name == "other organization":
        headers["x-gw-ims-org-id"] = "FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg"
    path, params = PLACES[name]
    answer = await caller.http.get(path, headers=headers, params=params)
    return [answer.status_code, answer.json()]


OWN = [(field, names) for row, fields in FIELDS.items() if row < 30 for field, names in fields.items()]
OTHERS = [
    *((field, names) for row, fields in FIELDS.items() if row >= 30 for field, names in fields.items()),
    *BESIDES.items(),
]


def speak(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setitem(SPOKEN, "seed", replace(Dialect(), **changes))


@pytest.mark.parametrize(("field", "names"), OWN, ids=[field for field, _ in OWN])
async def test_each_choice_about_jobs_shows(
    start: Start, monkeypatch: pytest.MonkeyPatch, field: str, names: tuple[str, ...]
) -> None:
    async def told(value: object) -> str:
        speak(monkeypatch, **{field: value})
        answers = await exports(start())
        return json.dumps([answers[name] for name in names])

    first, *others = choices()[field]
    seen = [await told(first), *[await told(value) for value in others]]
    assert len(set(seen)) == len(seen)
    assert await told(first) == seen[0]  # nothing but the choice made the difference


@pytest.mark.parametrize(("field", "names"), OTHERS, ids=[f"{field}-{names[0]}" for field, names in OTHERS])
async def test_each_choice_of_another_service_shows(
    start: Start, monkeypatch: pytest.MonkeyPatch, field: str, names: tuple[str, ...]
) -> None:
    async def told(value: object) -> str:
        speak(monkeypatch, **{field: value})
        caller = start(rows=500)
        return json.dumps([await other(caller, name) for name in names])

    first, *others = choices()[field]
    seen = [await told(first), *[await told(value) for value in others]]
    assert len(set(seen)) == len(seen)
    assert await told(first) == seen[0]


async def test_the_seed_speaks_as_the_tutorial(start: Start) -> None:
    told = await exports(start())
    assert told["create"][0] == 200
    assert told["cancel"] == (204, None)
    assert told["cancelled"][1]["status"] == "CANCELLED"
    assert told["failed"][1]["destination"]["batchId"] == ""
    assert set(told["per segment"][1]["destination"]) == {"dataSetId", "segmentPerBatch", "batches"}
    assert isinstance(told["per segment"][1]["destination"]["batches"], list)
    assert told["create"][1]["computeGatewayJobId"] == {}
    assert {"fields", "additionalFields"}.isdisjoint(told["create"][1])
    assert told["last page"][1]["link"] == {"next": ""}


async def test_the_openapi_dialect_keeps_to_its_schema(start: Start) -> None:
    told = await exports(start(dialect="openapi"))
    assert told["cancel"] == (200, {"status": True, "message": "Export job has been marked for cancelling"})
    assert told["cancelled"][0] == 404
    records = told["last page"][1]["records"]
    assert {job["status"] for job in records} <= {"NEW", "PROCESSING", "SUCCEEDED", "FAILED"}
    assert all("datasetId" in job["destination"] for job in records)
    assert all(isinstance(job["id"], float) for job in records)
    assert told["done"][1]["destination"]["batches"]["batchId"] == told["done"][1]["destination"]["batchId"]
    assert told["done"][1]["fields"] == "identityMap"
    assert told["last page"][1]["link"] == {"next": ""}


async def test_the_newest_dialect_counts_and_echoes(start: Start) -> None:
    told = await exports(start(dialect="newest"))
    done = told["done"][1]
    assert done["metrics"]["totalExportedProfileCounter"] > 0
    assert set(done["metrics"]["exportedProfileByNamespaceCounter"]) == {"email", "crmid"}
    assert "aCPDatasetWriteTime" not in done["metrics"]
    assert "pushJob" not in done["computeGatewayJobId"]
    assert told["create"][1]["computeGatewayJobId"] == {"exportJob": ""}
    assert told["waiting"][1]["status"] == "QUEUED"
    assert told["waiting"][1]["updateTime"] > told["create"][1]["updateTime"]
    assert told["cancelled"][1]["status"] == "CANCELED"
    by_default = told["by default"][1]
    assert by_default["destination"]["batches"][0]["status"] == "realized"
    assert by_default["filter"] == {"segments": [{"segmentId": "one", "status": ["realized"]}]}
    noisy = [job for job in told["last page"][1]["records"] if job["status"] == "SUCCEEDED" and "errors" in job]
    assert noisy
    assert {error["code"] for job in noisy for error in job["errors"]} == {"0100000003"}


def test_mixed_is_drawn_anew_for_each_answer_and_again_the_same() -> None:
    first, second, other = speaker("mixed", seed=4), speaker("mixed", seed=4), speaker("mixed", seed=5)
    drawn = [first() for _ in range(200)]
    assert drawn == [second() for _ in range(200)]
    assert drawn != [other() for _ in range(200)]
    for field, values in choices().items():
        seen = {getattr(one, field) for one in drawn}
        assert seen == ({getattr(drawn[0], field)} if field in LASTING else set(values)), field
    assert {getattr(speaker("mixed", seed=seed)(), field) for seed in range(20) for field in LASTING} == {False, True}


def test_an_unknown_dialect_is_named() -> None:
    with pytest.raises(ValueError, match="'klingon': choose one of seed, openapi, newest, mixed"):
        speaker("klingon", seed=1)


@pytest.mark.parametrize("seed", range(12))
async def test_no_mixture_keeps_a_batch_back_or_turns_a_status(start: Start, seed: int) -> None:
    """Whatever comes together in one answer, it names every batch of a job that did not fail."""
    caller = start(dialect="mixed", seed=seed)
    world, dataset = caller.emulator.world, await caller.dataset()
    for segments in ((), ("one",), TWO):
        for per_batch in (False, True):
            body = minimal(dataset, *segments)
            body["destination"]["segmentPerBatch"] = per_batch
            made = (await caller.post(JOBS, body)).json()
            job_id = int(float(made["id"]))
            count = max(1, len(segments)) if per_batch else 1
            expected = {world.batch_ids.of(job_id, number) for number in range(count)}
            for _ in range(8):
                await caller.clock.advance(200)
                told = await caller.get(f"{JOBS}/{job_id}")
                destination = told["destination"]
                batches = destination.get("batches") or []
                found = {one["batchId"] for one in (batches if isinstance(batches, list) else [batches])}
                found |= {destination["batchId"]} if "batchId" in destination else set()
                assert found == expected
                assert destination.get("segmentPerBatch", False) is per_batch


async def pages(caller: Caller, step: Callable[[list[dict[str, Any]], dict[str, Any]], dict[str, str] | None]) -> Any:
    """Follow pages by `step`, which makes the next parameters of a page's records and the page."""
    found: list[int] = []
    params: dict[str, str] | None = {}
    while params is not None:
        page = await caller.get(JOBS, limit=7, **params)
        records = page.get("records") or page.get("children") or []
        found += [int(float(one["id"])) for one in records]
        params = step(records, page) if records else None
    return found


async def test_a_forgotten_job_is_nowhere(start: Start) -> None:
    plain, forgetful = start(jobs=400), start(jobs=400, dialect="openapi")
    everything = (await plain.get(JOBS, limit=1_000))["records"]
    gone = [job["id"] for job in everything if job["status"] == "CANCELLED"]
    left = [job["id"] for job in everything if job["status"] != "CANCELLED"]
    assert len(gone) > 5
    for job_id in gone:
        for method in ("GET", "DELETE"):
            answer = await forgetful.http.request(method, f"{JOBS}/{job_id}", headers=forgetful.headers())
            assert answer.status_code == 404
    for word in ("CANCELLED", "CANCELED", "CANCELLING"):
        assert (await forgetful.get(JOBS, status=word))["records"] == []
    count = 0

    def by_number(records: list[dict[str, Any]], page: dict[str, Any]) -> dict[str, str]:
        nonlocal count
        count += len(records)
        return {"offset": str(count)}

    def by_cursor(records: list[dict[str, Any]], page: dict[str, Any]) -> dict[str, str]:
        return {"offset": page["page"]["pageOffset"]}

    assert await pages(forgetful, by_number) == left
    assert await pages(forgetful, by_cursor) == left
    full = (await forgetful.get(JOBS, limit=7))["records"]
    assert len(full) == 7


async def test_the_words_of_running_jobs_can_be_filtered_by_as_they_are_shown(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for queued in (False, True):
        for cancelling in (False, True):
            speak(monkeypatch, says_queued=queued, says_cancelling=cancelling)
            caller = start(jobs=30)
            waiting, marked, younger = [await caller.job("x") for _ in range(3)]
            await caller.clock.advance(120)
            await caller.delete(f"{JOBS}/{marked['id']}")
            new = await caller.job("x")
            everything = (await caller.get(JOBS, limit=1_000))["records"]
            shown = {job["id"]: job["status"] for job in everything}
            assert shown[new["id"]] == "NEW"
            assert shown[waiting["id"]] == shown[younger["id"]] == ("QUEUED" if queued else "NEW")
            assert shown[marked["id"]] == ("CANCELLING" if cancelling else "QUEUED" if queued else "NEW")
            for word in ("NEW", "QUEUED", "PROCESSING", "CANCELLING", "SUCCEEDED"):
                wanted = [job["id"] for job in everything if job["status"] == word]
                listed = await caller.get(JOBS, limit=1_000, status=word)
                assert [job["id"] for job in listed["records"]] == wanted, word
                part = await caller.get(JOBS, limit=1, status=word, offset=1)
                assert [job["id"] for job in part["records"]] == wanted[1:2], word


async def test_a_cursor_made_from_a_record_in_seconds_finds_its_place(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [job["id"] for job in (await start().get(JOBS, limit=1_000))["records"]]
    speak(monkeypatch, times_in_seconds=True)
    caller = start()

    def from_record(records: list[dict[str, Any]], page: dict[str, Any]) -> dict[str, str]:
        last = records[-1]
        assert last["creationTime"] < 10**11 < int(page["page"]["pageOffset"].partition("_")[0])
        return {"offset": f"{last['creationTime']}_{last['id']}"}

    assert await pages(caller, from_record) == everything


async def test_a_swapped_policy_is_one_that_exists_and_stays(start: Start) -> None:
    for seed in range(6):
        caller = start(dialect="mixed", seed=seed)
        known = {"timestampOrdered-none-mp", default_policy(seed, "prod")}
        dataset = await caller.dataset()
        for _ in range(4):
            body = minimal(dataset, "x") | {"mergePolicy": {"id": "timestampOrdered-none-mp"}}
            made = (await caller.post(JOBS, body)).json()
            assert made["mergePolicy"]["id"] in known
            for _ in range(4):
                assert (await caller.get(f"{JOBS}/{int(float(made['id']))}"))["mergePolicy"] == made["mergePolicy"]

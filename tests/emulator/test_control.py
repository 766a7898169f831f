"""The control endpoint: shut unless asked for, open to its own token only, and never in the way of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.conftest import JOBS, Caller, Start
from tests.support.clock import FakeClock
from tui_app.emulator.app import Emulator
from tui_app.emulator.faults.document import fault

if TYPE_CHECKING:
    from collections.abc import Mapping


class Operator:
    """Someone with the control token."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        line = caller.emulator.ready_line("http://127.0.0.1")
        self.url = line["control"]["url"]
        self.token = line["control"]["token"]

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.caller.http.request(method, self.url + path, headers=headers, json=body)

    async def get(self, path: str = "/state") -> Any:
        answer = await self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.send("POST", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        answer = await self.send(method, path, body)
        assert 400 <= answer.status_code < 500, answer.text
        told: dict[str, Any] = answer.json()
        assert told["error"]
        assert told["next"]
        return told | {"status": answer.status_code}


@pytest.fixture
def operator(start: Start) -> Operator:
    return Operator(start(control=True))


async def test_it_is_not_there_unless_asked_for(caller: Caller) -> None:
    assert caller.emulator.control is None
    assert "control" not in caller.emulator.ready_line("http://127.0.0.1")
    for path in ("/emulator", "/emulator/state", "/emulator/faults"):
        answer = await caller.http.get(path, headers={"Authorization": "Bearer x"})
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")


async def test_it_needs_its_own_token(operator: Operator) -> None:
    known = operator.caller.emulator.credentials
    for sent in ({}, {"Authorization": "Bearer "}, {"Authorization": operator.token}, operator.caller.headers()):
        for path in ("/state", "/nothing"):
            answer = await operator.caller.http.get(operator.url + path, headers=sent)
            assert answer.status_code == 401
            assert "control.token" in answer.json()["next"]
    assert operator.token not in {known.access_token, known.client_secret}
    assert operator.token != Emulator(FakeClock(), jobs=0, control=True).ready_line("")["control"]["token"]
    answer = await operator.caller.http.get(f"{operator.url}/state", headers={b"Authorization": b"Bearer t\xe9"})
    assert answer.status_code == 401


async def test_it_does_not_ask_by_what_name_it_was_called(operator: Operator) -> None:
    headers = {"Authorization": f"Bearer {operator.token}", "Host": "["}
    answer = await operator.caller.http.get(f"{operator.url}/state", headers=headers)
    assert answer.status_code == 200


async def test_the_token_opens_nothing_of_the_platform(operator: Operator) -> None:
    headers = operator.caller.headers() | {"Authorization": f"Bearer {operator.token}"}
    assert (await operator.caller.http.get(JOBS, headers=headers)).status_code == 401


async def test_the_state_is_what_there_is(operator: Operator) -> None:
    before = await operator.get()
    assert before["time"] == "2026-03-01T12:00:00.000Z"
    assert (before["paused"], before["ahead_s"], before["since_s"], before["speed"]) == (False, 0, 0, 1)
    assert (before["requests"], before["tokens"], before["scripts"], before["faults"]) == (0, 1, 0, [])
    await operator.caller.job("s1")
    after = await operator.get()
    assert after["requests"] == 2
    assert after["jobs_in_memory"] == before["jobs_in_memory"] + 1


async def test_faults_come_and_go_by_their_id(operator: Operator) -> None:
    first = await operator.post("/faults", {"kind": "status", "status": 503, "path": JOBS, "shape": "ups"})
    second = await operator.post("/faults", {"kind": "status", "status": 500, "path": JOBS})
    assert (first["id"], second["id"]) == (1, 2)
    assert (await operator.caller.http.get(JOBS)).status_code == 503
    assert await operator.get("/faults/1") == first | {"met": 1}
    assert [one["met"] for one in (await operator.get("/faults"))["faults"]] == [1, 0]
    assert (await operator.get())["faults"] == (await operator.get("/faults"))["faults"]
    assert (await operator.send("DELETE", "/faults/1")).json() == {"removed": 1}
    assert (await operator.caller.http.get(JOBS)).status_code == 500
    assert (await operator.send("DELETE", "/faults")).json() == {"removed": 1}
    assert (await operator.caller.http.get(JOBS, headers=operator.caller.headers())).status_code == 200


async def test_no_fault_locks_its_author_out(operator: Operator) -> None:
    for written in ({"kind": "status", "status": 503}, {"kind": "lose"}, {"kind": "revoke"}):
        await operator.post("/faults", written)
    assert len((await operator.get())["faults"]) == 3
    assert all(one["met"] == 0 for one in (await operator.get())["faults"])


async def test_time_stands_steps_and_runs(operator: Operator) -> None:
    stopped = await operator.post("/time", {"pause": True})
    assert stopped["paused"]
    await operator.caller.clock.advance(50)
    assert (await operator.get())["time"] == stopped["time"]
    ahead = await operator.post("/time", {"step_s": 3_600, "speed": 10})
    assert (ahead["since_s"], ahead["speed"], ahead["ahead_s"]) == (3_600, 10, 3_550)
    going = await operator.post("/time", {"pause": False})
    assert not going["paused"]
    assert str((await operator.get())["ahead_s"]) == "3550.0"
    await operator.caller.clock.advance(5)
    assert (await operator.get())["since_s"] == 3_605


async def test_a_step_takes_a_job_to_its_end(operator: Operator) -> None:
    job = await operator.caller.job("s1")
    await operator.post("/time", {"pause": True, "step_s": 3_600})
    assert (await operator.caller.get(f"{JOBS}/{job['id']}"))["status"] == "SUCCEEDED"


async def test_a_refused_time_changes_nothing(operator: Operator) -> None:
    for body, key in (
        ({"speed": 5, "step_s": -1}, "step_s"),
        ({"speed": 0}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"speed": 1e300}, "speed"),
        ({"pause": 1}, "pause"),
        ({"pause": True, "step_s": 1e300}, "step_s"),
        ({"step_s": 10**400}, "step_s"),
        ({"steps": 1}, "steps"),
    ):
        assert (await operator.refused("POST", "/time", body))["key"] == key
    await operator.refused("POST", "/time", {})
    await operator.refused("POST", "/time")
    state = await operator.get()
    assert (state["paused"], state["since_s"], state["speed"]) == (False, 0, 1)


async def test_scripts_wait_for_their_jobs(operator: Operator) -> None:
    first = {"outcome": "fail-write", "segment": "s1", "times": 1, "left": 1}
    second = {"outcome": "ok", "stages": {"queue": 5}, "dataset": "d1", "times": 2, "left": 2}
    assert await operator.get("/jobs") == {"scripts": []}
    assert await operator.post("/jobs", {"outcome": "fail-write", "segment": "s1"}) == first
    assert await operator.post("/jobs", {"stages": {"queue": 5}, "dataset": "d1", "times": 2}) == second
    assert await operator.get("/jobs") == {"scripts": [first, second]}
    job = await operator.caller.job("s1")
    await operator.post("/time", {"step_s": 36_000})
    failed = await operator.caller.get(f"{JOBS}/{job['id']}")
    assert failed["status"] == "FAILED"
    assert (await operator.get())["scripts"] == 1
    assert (await operator.send("DELETE", "/jobs")).json() == {"removed": 1}
    assert (await operator.refused("POST", "/jobs", {"stages": {"queue": "x"}}))["key"] == "stages.queue"


async def test_tokens_end_at_once(operator: Operator) -> None:
    known = operator.caller.emulator.credentials
    other = known.issue(known.limited)
    assert await operator.post("/tokens/revoke", {"token": other}) == {"revoked": 1}
    assert (await operator.get())["tokens"] == 1
    assert await operator.post("/tokens/revoke") == {"revoked": 1}
    assert (await operator.caller.http.get(JOBS, headers=operator.caller.headers())).status_code == 401
    assert (await operator.refused("POST", "/tokens/revoke", {"token": 5}))["key"] == "token"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "", None, 404, "GET /emulator/state"),
        ("GET", "/nothing", None, 404, "GET /emulator/state"),
        ("PUT", "/faults", {}, 405, "Use GET, POST or DELETE."),
        ("PATCH", "/state", {}, 405, "Use GET."),
        ("PUT", "/jobs", {}, 405, "Use GET, POST or DELETE."),
        ("POST", "/faults", {"fault": [{"kind": "html"}]}, 400, "what is inside one [[fault]]"),
        ("POST", "/jobs", {"job": {"outcome": "ok"}}, 400, "what is inside one [[job]]"),
        ("POST", "/faults/1", {}, 404, "none at all"),
        ("DELETE", "/faults/99999999999999999999", None, 404, "none at all"),
        ("GET", "/faults/²", None, 404, "none at all"),
        ("POST", "/faults", {"kind": "status"}, 400, "Correct it"),
        ("POST", "/faults", [], 400, "Correct it"),
        ("POST", "/faults", {"kind": "status", "status": 200, "body": "adobe.io"}, 400, "Correct it"),
    ],
)
async def test_a_slip_is_named_with_the_next_step(
    operator: Operator, *, method: str, path: str, body: Any, status: int, says: str
) -> None:
    told = await operator.refused(method, path, body)
    assert told["status"] == status
    assert says in told["next"]


@pytest.mark.parametrize("path", ["/faults", "/jobs", "/time", "/tokens/revoke"])
@pytest.mark.parametrize("body", [[], [{"kind": "html"}], "text", 5])
async def test_a_body_that_is_no_object_is_told_so(operator: Operator, path: str, body: Any) -> None:
    told = await operator.refused("POST", path, body)
    assert told["error"] == f"The body must be a JSON object, not {body!a}"


async def test_a_time_that_is_not_ahead_is_plain_zero(operator: Operator) -> None:
    await operator.post("/time", {"pause": True})
    await operator.caller.clock.advance(0.0001)
    state = await operator.post("/time", {"pause": False})
    assert str(state["ahead_s"]) == "0.0"


async def test_what_is_no_json_is_said_to_be_none(operator: Operator) -> None:
    headers = {"Authorization": f"bearer {operator.token}"}
    for content in (b"{", b"\xff", b"[" * 100_000, b'{"pause": NaN}', b'{"step_s": 1e999}'):
        answer = await operator.caller.http.post(f"{operator.url}/time", headers=headers, content=content)
        assert answer.status_code == 400
        assert "not JSON" in answer.json()["error"]
        assert not answer.json()["error"].endswith("'")
    answer = await operator.caller.http.post(f"{operator.url}/time", headers=headers, content=b" " * 1_100_000)
    assert answer.status_code == 413


async def test_there_is_a_most_of_faults(operator: Operator) -> None:
    for _ in range(1_000):
        operator.caller.emulator.faults.add(_counted())
    told = await operator.refused("POST", "/faults", {"kind": "count"})
    assert (told["status"], "DELETE" in told["next"]) == (409, True)


def _counted() -> Any:
    return fault({"kind": "count"})


OPEN = Emulator(FakeClock(), jobs=10, control=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["kind", "status", "pause", "step_s", "speed", "outcome", "stages", "token", "times", "path"])


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
    path=st.sampled_from(["/state", "/faults", "/faults/1", "/time", "/jobs", "/tokens/revoke", "/x", ""]),
    body=values | st.dictionaries(names, values, max_size=3),
)
async def test_nothing_that_is_sent_makes_it_stumble(method: str, path: str, body: Any) -> None:
    assert OPEN.control is not None
    headers = {"Authorization": f"Bearer {OPEN.control.token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(OPEN.app), base_url="http://127.0.0.1") as client:
        answer = await client.request(method, f"/emulator{path}", headers=headers, json=body)
    assert answer.status_code in {200, 400, 404, 405, 409}
    assert isinstance(answer.json(), dict)

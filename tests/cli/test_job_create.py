"""`aepx jobs create` and `clone`: sent once and only when it may be, followed to the end, never lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import pytest

from tui_app.cli.output import Output
from tui_app.emulator.faults.connection import Lose
from tui_app.emulator.faults.effect import Effect, Group
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator
    from tui_app.emulator.faults.effect import Meeting

    Aepx = Callable[..., Result]

JOBS = "*/export/jobs"


def lost_answer() -> Fault:
    return Fault(Lose(), method="POST", path=JOBS, times=1)


def unseen_list() -> Fault:
    """Both looks for the job after a lost answer fail too; the one at what runs, before it is sent, does not."""
    return Fault(Status(403, body={"title": "not now"}), method="GET", path=JOBS, times=2, after=1)


def made(platform: ServedEmulator, segment: str) -> int:
    """Count the jobs of this segment that the platform has."""

    def count(world: object) -> int:
        shelf = platform.emulator.world.sandboxes["prod"].shelf
        jobs = (shelf.job(index) for index in range(len(shelf)))
        return sum(1 for job in jobs if any(one["segmentId"] == segment for one in job.segments))

    return platform.steer(count)


@pytest.fixture
def arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    """What left before a crash has long arrived: a look at it need not wait."""
    monkeypatch.setattr("tui_app.engine.creations._ARRIVAL_S", 0.0)


def test_create_prints_the_id_alone(aepx: Aepx, dataset: str, platform: ServedEmulator) -> None:
    created = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1")
    assert created.code == 0
    assert aepx("jobs", "show", created.out.strip(), "--json").document["dataset_id"] == dataset


def test_wait_tells_the_way_and_prints_the_end(aepx: Aepx, dataset: str) -> None:
    created = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1", "--wait", "--json")
    assert created.code == 0
    assert created.document["status"] == "SUCCEEDED"
    assert "SUCCEEDED" in created.err
    assert "NEW" in created.err


def test_wait_for_a_job_that_fails_is_exit_1_with_its_errors(aepx: Aepx, dataset: str) -> None:
    created = aepx("jobs", "create", "--dataset", dataset, "--segment", "x-fail-export", "--wait", "--json")
    assert created.code == 1
    assert created.document["status"] == "FAILED"
    assert created.document["errors"][0]["code"] in created.err


def test_a_target_that_cannot_take_an_export_is_exit_2_and_nothing_is_sent(
    aepx: Aepx, platform: ServedEmulator
) -> None:
    datasets = aepx("datasets", "list", "--json").document
    wrong = next(one["id"] for one in datasets if not one["profile_union"])
    refused = aepx("jobs", "create", "--dataset", wrong, "--segment", "s1")
    assert refused.code == 2
    assert "union schema" in refused.err
    unknown = aepx("jobs", "create", "--dataset", "f" * 24, "--segment", "s1")
    assert unknown.code == 2
    assert "does not exist in sandbox prod" in unknown.err
    assert made(platform, "s1") == 0


def test_read_only_sends_nothing_at_all(aepx: Aepx, dataset: str, calls: Fault) -> None:
    before = calls.met
    for command in (
        ("--read-only", "jobs", "create", "--dataset", dataset, "--segment", "s1", "--yes"),
        ("jobs", "clone", "1", "--yes", "--read-only"),
        ("--read-only", "jobs", "cancel", "1", "--yes"),
        ("--read-only", "datasets", "create", "--name", "X", "--yes"),
    ):
        refused = aepx(*command)
        assert refused.code == 4
        assert "read-only" in refused.err
        assert refused.out == ""
    assert calls.met == before


def test_a_sandbox_that_is_read_only_sends_nothing_at_all(
    aepx: Aepx, clean_home: Path, platform: ServedEmulator, calls: Fault
) -> None:
    policy(clean_home, "read-only")
    assert aepx("jobs", "cancel", "1", "--yes").code == 4
    assert calls.met == 0


def policy(home: Path, word: str) -> None:
    """Configure the platform's prod sandbox; the rest comes from the environment."""
    folder = home / "aepx"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(f'[connections.here]\n[connections.here.sandboxes.prod]\npolicy = "{word}"\n')
    (folder / "config.toml").chmod(0o600)


class Terminal(Output):
    """An output with somebody at it who types the same answer to everything."""

    answer = ""

    @property
    def interactive(self) -> bool:
        return True

    def _answer(self, prompt: str) -> str:
        self.narrate(prompt)
        return self.answer


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(Terminal, "answer", answer)
    monkeypatch.setattr("tui_app.cli.session.Output", Terminal)


def test_a_protected_sandbox_refuses_where_nobody_can_be_asked(
    aepx: Aepx, dataset: str, clean_home: Path, platform: ServedEmulator
) -> None:
    policy(clean_home, "protected")
    refused = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1")
    assert refused.code == 4
    assert "--yes" in refused.err
    assert made(platform, "s1") == 0
    assert aepx("jobs", "create", "--dataset", dataset, "--segment", "s1", "--yes").code == 0


def test_a_protected_sandbox_wants_its_name_typed(
    aepx: Aepx,
    dataset: str,
    clean_home: Path,
    platform: ServedEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy(clean_home, "protected")
    for answer, code, count in (("y", 4, 0), ("", 4, 0), ("prod", 0, 1)):
        at_a_terminal(monkeypatch, answer)
        asked = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1")
        assert asked.code == code
        assert "Type prod" in asked.err
        assert made(platform, "s1") == count


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 4)])
def test_an_open_sandbox_asks_at_a_terminal_only(
    aepx: Aepx, dataset: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    at_a_terminal(monkeypatch, answer)
    asked = aepx("jobs", "create", "--dataset", dataset)
    assert asked.code == code
    assert "ALL profiles" in asked.err


def test_a_lost_answer_is_made_good_by_the_one_job_alike(aepx: Aepx, dataset: str, platform: ServedEmulator) -> None:
    platform.emulator.faults.add(lost_answer())
    created = aepx("jobs", "create", "--dataset", dataset, "--segment", "once", "--json")
    assert created.code == 0
    assert created.document["segments"][0]["segment_id"] == "once"
    assert "taken for the one asked for" in created.err
    assert made(platform, "once") == 1


def test_a_lost_answer_that_cannot_be_looked_into_is_exit_3_and_settled_by_the_next(
    aepx: Aepx, dataset: str, platform: ServedEmulator, arrived: None
) -> None:
    platform.emulator.faults.add(lost_answer())
    platform.emulator.faults.add(unseen_list())
    command = ("jobs", "create", "--dataset", dataset, "--segment", "once")
    unclear = aepx(*command)
    assert unclear.code == 3
    assert unclear.out == ""
    assert "aepx jobs list" in unclear.err
    again = aepx(*command)
    assert again.code == 0
    assert "never got its answer" in again.err
    assert made(platform, "once") == 1
    third = aepx(*command)
    assert third.code == 0
    assert third.out != again.out
    assert made(platform, "once") == 2


def test_a_lost_request_that_made_nothing_is_told_and_made_then(
    aepx: Aepx, dataset: str, platform: ServedEmulator, arrived: None
) -> None:
    platform.emulator.faults.add(Fault(Status(500, body={"title": "broken"}), method="POST", path=JOBS, times=1))
    command = ("jobs", "create", "--dataset", dataset, "--segment", "once")
    assert aepx(*command).code == 3
    again = aepx(*command)
    assert again.code == 0
    assert "no job was made of it" in again.err
    assert made(platform, "once") == 1


@dataclass(frozen=True, slots=True)
class Noticed(Effect):
    """Holds the call back for a moment, and says when it has come."""

    kind: ClassVar[str] = "noticed"
    group: ClassVar[Group] = Group.CONNECTION
    came: threading.Event = field(default_factory=threading.Event)

    async def act(self, meeting: Meeting) -> None:
        self.came.set()
        await meeting.pause(0.3)
        await meeting.pass_on()


def test_a_kill_before_the_outcome_is_known_makes_one_job_not_two(
    aepx: Aepx, dataset: str, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.emulator.faults.add(lost_answer())
    held = Noticed()
    platform.emulator.faults.add(Fault(held, method="GET", path=JOBS, times=1, after=1))
    command = ("jobs", "create", "--dataset", dataset, "--segment", "once")
    with subprocess.Popen(
        [sys.executable, "-m", "tui_app", *command],
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert held.came.wait(10)
        process.kill()
    assert made(platform, "once") == 1
    monkeypatch.setattr("tui_app.engine.creations._ARRIVAL_S", 1.0)
    again = aepx(*command, "--json")
    assert again.code == 0
    assert "the platform made export job" in again.err
    assert again.document["segments"][0]["segment_id"] == "once"
    assert made(platform, "once") == 1


def test_a_refusal_by_the_platform_is_exit_2_with_its_words(aepx: Aepx, dataset: str, platform: ServedEmulator) -> None:
    refusal = Status(400, body={"title": "Bad", "detail": "no such merge policy"})
    platform.emulator.faults.add(Fault(refusal, method="POST", path=JOBS, times=1))
    refused = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1")
    assert refused.code == 2
    assert "no such merge policy" in refused.err


def test_a_clone_is_the_same_but_for_what_is_said(aepx: Aepx, dataset: str) -> None:
    original = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1", "--fields", "a.b").out.strip()
    planned = aepx("jobs", "clone", original, "--segment", "s2", "--dry-run")
    assert planned.code == 0
    assert planned.document["fields"] == "a.b"
    assert planned.document["filter"]["segments"][0]["segmentId"] == "s2"
    cloned = aepx("jobs", "clone", original, "--json")
    assert cloned.code == 0
    assert cloned.document["id"] != original
    assert cloned.document["dataset_id"] == dataset


def test_a_clone_names_what_the_platform_does_not_tell(aepx: Aepx, platform: ServedEmulator) -> None:
    job_id = aepx("jobs", "list", "--limit", "1", "--json").document[0]["id"]
    planned = aepx("jobs", "clone", job_id, "--dry-run")
    assert "does not tell" in planned.err
    assert "fields" in planned.err
    assert "destination" in json.loads(planned.out)


def test_cloning_an_unknown_job_is_exit_1(aepx: Aepx, platform: ServedEmulator) -> None:
    assert aepx("jobs", "clone", "123456789", "--dry-run").code == 1


def test_a_time_as_people_write_it_is_sent_as_the_moment_it_stands_for(aepx: Aepx) -> None:
    planned = aepx(
        "jobs", "create", "--dataset", "d", "--segment", "s", "--events", "--events-from", "-7d", "--dry-run"
    )
    sent = planned.document["additionalFields"]["eventList"]["filter"]["fromIngestTimestamp"]
    since = datetime.now(UTC) - datetime.fromisoformat(sent)
    assert timedelta(days=7) <= since < timedelta(days=7, minutes=5)
    strange = aepx("jobs", "create", "--dataset", "d", "--segment", "s", "--events-from", "a week ago")
    assert strange.code == 2
    assert "'a week ago' is no time. Write 2024-03-01" in strange.err


def test_another_export_into_the_dataset_is_told_of_before_one_is_asked(aepx: Aepx, dataset: str) -> None:
    first = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1").out.strip()
    same = aepx("jobs", "create", "--dataset", dataset, "--segment", "s1")
    assert f"The same export is running already: export job {first}" in same.err
    other = aepx("jobs", "create", "--dataset", dataset, "--segment", "s2")
    # The first may have ended by now.
    assert "is being written to by export job" in other.err
    assert f"{same.out.strip()} (" in other.err


def test_a_template_is_begun_from_and_options_override(aepx: Aepx, dataset: str, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(
        json.dumps(
            {
                "destination": {"datasetId": dataset},
                "schema": {"name": "_xdm.context.profile"},
                "filter": {"segments": [{"segmentId": "s1"}], "fromIngestTimestamp": "{-7d}"},
            }
        )
    )
    assert aepx("templates", "save", "nightly", "--file", str(body)).code == 0
    planned = aepx("jobs", "create", "--template", "nightly", "--segment", "s2", "--dry-run")
    assert planned.code == 0
    assert planned.document["filter"]["segments"][0]["segmentId"] == "s2"
    since = datetime.now(UTC) - datetime.fromisoformat(planned.document["filter"]["fromIngestTimestamp"])
    assert timedelta(days=7) <= since < timedelta(days=7, minutes=5)
    assert aepx("jobs", "create", "--template", "nightly", "--json").document["dataset_id"] == dataset
    both = aepx("jobs", "create", "--template", "nightly", "--file", str(body))
    assert both.code == 2
    assert "exclude each other" in both.err
    unknown = aepx("jobs", "create", "--template", "weekly")
    assert unknown.code == 2
    assert "none of that name" in unknown.err


def test_a_curl_command_is_taken_without_its_token_and_its_sandbox_is_said(
    aepx: Aepx, dataset: str, tmp_path: Path, clean_home: Path
) -> None:
    command = tmp_path / "request.sh"
    body = json.dumps({"destination": {"datasetId": dataset}, "schema": {"name": "_xdm.context.profile"}})
    command.write_text(
        "curl -X POST https://platform.adobe.io/data/core/ups/export/jobs \\\n"
        f" -H 'Authorization: Bearer secret-token' -H 'x-sandbox-name: stage' -d '{body}'"
    )
    created = aepx("jobs", "create", "--file", str(command), "--segment", "s1", "--json")
    assert created.code == 0
    assert created.document["dataset_id"] == dataset
    assert "Left out: the bearer token" in created.err
    assert "for sandbox stage; this session is in prod" in created.err
    assert "secret-token" not in created.err
    command.unlink()
    assert not any(b"secret-token" in path.read_bytes() for path in clean_home.rglob("*") if path.is_file())

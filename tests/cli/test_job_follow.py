"""`aepx jobs watch` and `cancel`: what is told, and the exit code that sums it up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.terminal import AEPX, Terminal, environment
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator

    Aepx = Callable[..., Result]


def create(aepx: Aepx, dataset: str, segment: str) -> str:
    created = aepx("jobs", "create", "--dataset", dataset, "--segment", segment)
    assert created.code == 0, created.err
    return created.out.strip()


def test_watching_jobs_that_succeed_is_exit_0(aepx: Aepx, dataset: str) -> None:
    first, second = create(aepx, dataset, "s1"), create(aepx, dataset, "s2")
    watched = aepx("jobs", "watch", first, second, first)
    assert watched.code == 0
    assert f"{first}  SUCCEEDED" in watched.out
    assert f"{second}  SUCCEEDED" in watched.out


def test_watching_one_that_fails_is_exit_1_with_code_and_message(aepx: Aepx, dataset: str) -> None:
    failing, fine = create(aepx, dataset, "x-fail-write"), create(aepx, dataset, "s2")
    watched = aepx("jobs", "watch", failing, fine)
    assert watched.code == 1
    assert "FAILED  failed in write" in watched.out
    assert f"{failing}  PROCESSING  stage finish" not in watched.out
    error = aepx("jobs", "show", failing, "--json").document["errors"][0]
    assert f"{error['code']} " in watched.err


def test_ndjson_is_a_job_a_line_and_ends_with_the_end(aepx: Aepx, dataset: str) -> None:
    watched = aepx("jobs", "watch", create(aepx, dataset, "s1"), "--ndjson")
    states = [(job["status"], job["id"]) for job in map(json.loads, watched.out.splitlines())]
    assert states[-1][0] == "SUCCEEDED"
    assert len(set(states)) == len({state for state, _ in states})


def test_a_timeout_is_exit_3_and_names_who_still_runs(aepx: Aepx, dataset: str) -> None:
    stuck = create(aepx, dataset, "stuck")
    watched = aepx("jobs", "watch", stuck, "--timeout", "0.3")
    assert watched.code == 3
    assert f"Still running after 0.3 s: {stuck}" in watched.err


def test_watching_an_unknown_job_is_exit_1(aepx: Aepx, platform: ServedEmulator) -> None:
    watched = aepx("jobs", "watch", "123456789")
    assert watched.code == 1
    assert "123456789" in watched.err


def test_an_outage_is_told_once_and_waited_out(aepx: Aepx, dataset: str, platform: ServedEmulator, hasty: None) -> None:
    job_id = create(aepx, dataset, "s1")
    fault = Fault(Status(503, body={"title": "moving house"}), path=f"*/{job_id}", times=8)
    platform.emulator.faults.add(fault)
    watched = aepx("jobs", "watch", job_id)
    assert watched.code == 0
    assert watched.err.count("moving house") == 1
    assert fault.met == 8


def test_cancel_says_a_line_for_each_and_keeps_the_first_fault(aepx: Aepx, dataset: str) -> None:
    stuck = create(aepx, dataset, "stuck")
    ended = create(aepx, dataset, "s1")
    assert aepx("jobs", "watch", ended).code == 0
    cancelled = aepx("jobs", "cancel", stuck, ended, "123456789", "--yes")
    assert cancelled.code == 1
    assert cancelled.out.splitlines() == [
        f"{stuck}  cancel requested",
        f"{ended}  not cancelled",
        "123456789  not cancelled",
    ]
    assert f"Export job {ended} was not cancelled: It has already ended as SUCCEEDED. Clone it" in cancelled.err
    assert cancelled.err.count("\nRequest id: ") == 1
    watched = aepx("jobs", "watch", stuck)
    assert watched.code == 1
    assert "CANCELLED" in watched.out


def test_cancel_as_json_is_one_array(aepx: Aepx, dataset: str) -> None:
    stuck = create(aepx, dataset, "stuck")
    cancelled = aepx("jobs", "cancel", stuck, "--json", "--yes")
    assert cancelled.code == 0
    (one,) = cancelled.document
    assert (one["id"], one["cancel_requested"]) == (stuck, True)


def test_cancel_without_an_id_is_a_usage_error(aepx: Aepx) -> None:
    assert aepx("jobs", "cancel").code == 2


def test_at_a_terminal_cancel_asks_and_ctrl_c_ends_the_question_and_the_watching(
    aepx: Aepx, dataset: str, platform: ServedEmulator, tmp_path: Path
) -> None:
    stuck = create(aepx, dataset, "stuck")
    shell = environment(tmp_path, **platform.variables())
    with Terminal([*AEPX, "jobs", "cancel", stuck], environ=shell) as terminal:
        terminal.wait_for(f"Cancel export job {stuck}")
        terminal.press("ctrl-c")
        assert terminal.wait_ended()[0] == 130
    with Terminal([*AEPX, "jobs", "watch", stuck], environ=shell) as terminal:
        terminal.wait_for("PROCESSING")
        terminal.press("ctrl-c")
        assert terminal.wait_ended()[0] == 130
    with Terminal([*AEPX, "jobs", "cancel", stuck], environ=shell) as terminal:
        terminal.wait_for("y/N")
        terminal.press("y", "enter")
        terminal.wait_for("cancel requested")
        assert terminal.wait_ended()[0] == 0
